//! What callers wrote, in the file's table of it: what goes, and how pages of it are looked for.

use holdfast_adapters::payment::Wanted;
use holdfast_core::{AuthorizationId, CardToken, MerchantId, PlatformName, ProgramId, Timestamp};
use rusqlite::Connection;

use super::super::slips::{Erase, LASTING, Slip, SlipsWanted, TABLE, Which, erase, find, first_where, keep};
use crate::seal::{Form, Sealed};

#[test]
fn texts_go_by_merchant_instrument_and_age_together() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(TABLE).unwrap();
    connection.execute_batch(super::super::waits::TABLE).unwrap();
    connection.execute_batch(LASTING).unwrap();
    let body = || Some(Sealed { bytes: vec![1], form: Form::Clear });
    for (number, merchant) in [(1, "a"), (2, "b"), (3, "a")] {
        keep(&connection, &Slip { body: body(), ..slip(number, merchant) }).unwrap();
    }
    let all = Erase { program: slip(1, "a").program, payment: None, merchant: None, source: None, before: None };
    let merchant = MerchantId::new("a").ok();
    let before = Some(Timestamp::from_unix_seconds(2));
    for (which, erased) in [
        (Erase { source: CardToken::new("other").ok(), ..all }, 0),
        (Erase { merchant, before, ..all }, 1),
        (Erase { merchant, ..all }, 1),
        (all, 1),
    ] {
        assert_eq!(erase(&connection, &which).unwrap(), erased, "{which:?}");
    }
}

fn slip(number: u32, merchant: &str) -> Slip {
    Slip {
        program: ProgramId::new("demo").unwrap(),
        platform: PlatformName::new("door").unwrap(),
        payment: AuthorizationId::new(&format!("payment-{number}")).unwrap(),
        kind: 0,
        merchant: MerchantId::new(merchant).unwrap(),
        source: CardToken::new("card").unwrap(),
        at: Timestamp::from_unix_seconds(i64::from(number)),
        body: None,
        lasting: None,
        waits: false,
    }
}

#[test]
fn a_page_looks_at_so_many_at_once_and_says_how_far_it_came() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(TABLE).unwrap();
    connection.execute_batch(super::super::waits::TABLE).unwrap();
    connection.execute_batch(LASTING).unwrap();
    // The one that is wanted is the oldest.
    for number in 1..=600 {
        keep(&connection, &slip(number, if number == 1 { "rare" } else { "common" })).unwrap();
    }
    let page = |merchant: &str, most, before| {
        let merchant = Some(MerchantId::new(merchant).unwrap());
        let which =
            Which::Page(Wanted { kind: 0, before, most, merchant, source: None, since: None, until: None, standing: None });
        let Slip { program, platform, .. } = slip(1, "any");
        let found = find(&connection, &SlipsWanted { program, platform, which }).unwrap();
        (found.slips.iter().map(|(number, _)| *number).collect::<Vec<_>>(), found.looked_to)
    };
    assert_eq!(page("rare", 10, None), (vec![], Some(345)), "256 of them were looked at");
    assert_eq!(page("rare", 10, Some(345)), (vec![], Some(89)));
    assert_eq!(page("rare", 10, Some(89)), (vec![1], None), "and that was all");
    assert_eq!(page("common", 2, None), (vec![600, 599], Some(599)), "no more than wanted");
}

#[test]
fn what_an_older_version_wrote_is_found_in_its_own_file_and_has_nothing_that_lasts() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(TABLE).unwrap();
    let row = "INSERT INTO slip VALUES (1, 'demo', 'door', 'payment-1', 0, 'm', 'card', 1000000, 0, x'7b7d')";
    connection.execute(row, []).unwrap();
    let found = || first_where(&connection, ("door", None), |name| name == "payment-1").unwrap();
    let body = Some(Sealed { bytes: b"{}".to_vec(), form: Form::Clear });
    let expected = Some(Slip { body, ..slip(1, "m") });
    assert_eq!(found(), expected);
    connection.execute_batch(super::super::waits::TABLE).unwrap();
    connection.execute_batch(LASTING).unwrap();
    assert_eq!(found(), expected);
}
