//! What is seen of what was put in, heard and restored, and what is not known.

use holdfast_core::hold::{Account, AccountStatus, Answered, Fact, Finality, MovementCause, ToldAnswer};
use holdfast_core::{ContentDigest, Decision, Merchant};

use super::*;
use crate::ledger::conformance::{adoption, captured, id, origin, program, purchase, released, told, usd, with_card};
use crate::ledger::sight::ToHear;

const KEY: NameKey = NameKey(1, 2);

fn paying(merchant: &str) -> AuthorizationRequest {
    let merchant = Merchant { id: Some(id(merchant)), ..Merchant::default() };
    AuthorizationRequest { merchant, ..purchase("k", 1) }
}

fn card_seen(account: i64) -> CardSeen {
    CardSeen {
        account: Some(account),
        status: CardStatus::Frozen,
        cardholder: CardholderStatus::Active,
        owner: Some(id("h")),
        since: Timestamp::from_unix_seconds(1),
        used: Acquaintance::New,
        merchants: Merchants::restored(KEY.merchant(&program(), &paying("met").merchant), false),
    }
}

fn account_seen() -> AccountSeen {
    let account = Account { currency: usd(0).currency(), posted: 100, held: 30, credit_line: 5, status: AccountStatus::Active };
    AccountSeen { id: id("a"), now: AccountNow { account, changes: 3 } }
}

#[test]
fn what_was_put_in_is_seen_as_of_the_moment_when_all_of_it_was_right() {
    let last_seen = LastSeen::new();
    last_seen.kept().put_card(program(), id("c"), card_seen(7));
    last_seen.kept().put_account(7, account_seen());
    assert_eq!(last_seen.look(&origin(), &purchase("k", 1)), Glimpse::Nothing, "nobody says as of when");
    let as_of = Timestamp::from_unix_seconds(9);
    last_seen.kept().is_right_at(as_of, KEY);
    let Glimpse::Seen(seen) = last_seen.look(&origin(), &purchase("k", 1)) else { panic!("nothing is seen") };
    let Snapshot { card: Sight::Seen(card), account: Sight::Seen(account), .. } = seen.snapshot else { panic!("{seen:?}") };
    assert_eq!((card.status, card.as_of, card.used), (CardStatus::Frozen, as_of, Acquaintance::New));
    assert_eq!((account.available, account.as_of), (usd(75), as_of));
    let merchant = |request: &AuthorizationRequest| {
        let Glimpse::Seen(seen) = last_seen.look(&origin(), request) else { panic!("nothing is seen") };
        seen.snapshot.merchant
    };
    assert_eq!(merchant(&paying("met")), Acquaintance::Known);
    assert_eq!((merchant(&paying("new")), merchant(&purchase("k", 1))), (Acquaintance::New, Acquaintance::NotKnown));
    let in_the_name_of = |name: &str| {
        let request = AuthorizationRequest { cardholder: Some(id(name)), ..purchase("k", 1) };
        let Glimpse::Seen(seen) = last_seen.look(&origin(), &request) else { panic!("nothing is seen") };
        seen.snapshot.card
    };
    assert_eq!((in_the_name_of("h"), in_the_name_of("i")), (Sight::Seen(card), Sight::Absent));
    let AccountNow { account, changes } = account_seen().now;
    let less = AccountNow { account: Account { held: account.held + 5, ..account }, changes: changes + 1 };
    let (accounts, cards) = (vec![(7, less)], vec![(id("c"), CardStatus::Lost)]);
    last_seen.hear(program(), &News { accounts, cards, ..News::default() });
    let Glimpse::Seen(heard) = last_seen.look(&origin(), &purchase("k", 1)) else { panic!("nothing is seen") };
    let Snapshot { card: Sight::Seen(lost), account: Sight::Seen(less), .. } = heard.snapshot else { panic!("{heard:?}") };
    assert_eq!((lost.status, less.available, less.as_of), (CardStatus::Lost, usd(70), as_of), "it is heard before it is read");
    let Glimpse::Seen(other) = last_seen.look(&origin(), &with_card("other", purchase("k", 1))) else { panic!() };
    assert_eq!((other.snapshot.card, other.snapshot.account), (Sight::NotSeen, Sight::NotSeen));
    let kept = last_seen.kept();
    assert_eq!(last_seen.look(&origin(), &purchase("k", 1)), Glimpse::Busy, "nobody waits");
    drop(kept);
    last_seen.kept().forget();
    assert_eq!(last_seen.look(&origin(), &purchase("k", 1)), Glimpse::Nothing);
}

/// Of payments only those are known that what waits has opened: what is said of others takes all that it may take, and gives nothing back.
#[test]
fn what_waits_is_seen_ahead_by_what_was_last_seen_of_its_account() {
    let last_seen = LastSeen::new();
    last_seen.kept().put_card(program(), id("c"), card_seen(7));
    last_seen.kept().put_account(7, account_seen());
    last_seen.kept().is_right_at(Timestamp::from_unix_seconds(9), KEY);
    let answer =
        |key: &str, minor| ToHear::Answer(Box::new(adoption(purchase(key, minor), ToldAnswer::Approved { amount: usd(minor) })));
    let fact = |key: &str, fact| ToHear::Fact(origin(), Box::new(told(key, fact)));
    let ahead = |to_hear: &[ToHear]| {
        let Glimpse::Seen(ahead) = last_seen.look_ahead(&origin(), &purchase("new", 1), to_hear) else { panic!() };
        (ahead.available.unwrap().minor(), ahead.left_out.takes)
    };
    let fee = Fact::Debited { payment: None, amount: usd(9), cause: MovementCause::Fee };
    let gift = Fact::Credited { payment: None, amount: usd(9), cause: MovementCause::Funding };
    let ours = answer("ours", 20);
    let opened = |more: Fact| ahead(&[ours.clone(), fact("more", more)]);
    assert_eq!(ahead(&[]), (75, 0));
    assert_eq!((ahead(std::slice::from_ref(&ours)), opened(captured("ours", 20, Finality::Final))), ((55, 0), (55, 0)));
    assert_eq!((opened(captured("ours", 30, Finality::Final)), opened(released("ours"))), ((45, 0), (75, 0)));
    assert_eq!(
        (ahead(&[fact("1", captured("theirs", 30, Finality::Final))]), ahead(&[fact("2", released("theirs"))])),
        ((45, 0), (75, 0))
    );
    assert_eq!((ahead(&[fact("3", fee)]), ahead(&[fact("4", gift)])), ((66, 0), (75, 0)));
    let both = ahead(&[fact("6", gift), fact("7", fee)]);
    assert_eq!(both, (66, 0), "the database may have the gift already, and what is seen with it");
    let nobodys = ToHear::Fact(origin(), Box::new(ToldEvent { subject: Subject::default(), ..told("5", fee) }));
    assert_eq!(ahead(&[nobodys]), (75, 9), "it may be about this account all the same");
}

#[test]
fn what_did_not_pass_by_for_long_is_forgotten_first() {
    let last_seen = LastSeen::of_at_most(2);
    last_seen.kept().is_right_at(Timestamp::from_unix_seconds(9), KEY);
    let sees = |name: &str| {
        let Glimpse::Seen(seen) = last_seen.look(&origin(), &with_card(name, purchase("k", 1))) else { panic!() };
        matches!(seen.snapshot.card, Sight::Seen(_))
    };
    for name in ["one", "two", "three", "one", "four"] {
        last_seen.kept().put_card(program(), id(name), card_seen(7));
    }
    assert_eq!(["one", "two", "three", "four"].map(sees), [true, false, true, true]);
}
#[test]
fn what_was_answered_is_known_to_have_been_for_its_program_and_platform() {
    let last_seen = LastSeen::new();
    last_seen.kept().is_right_at(Timestamp::from_unix_seconds(9), KEY);
    let Origin { program, platform, .. } = origin();
    let answered = |platform, key| last_seen.kept().put_answered(number_of(KEY, &program, platform, &purchase(key, 1).key));
    answered(platform.as_ref(), "k");
    answered(None, "operator's");
    let sees = |key: &str| {
        let Glimpse::Seen(seen) = last_seen.look(&origin(), &purchase(key, 1)) else { panic!() };
        seen.longer_ago
    };
    assert_eq!(["k", "other", "operator's"].map(sees), [LongerAgo::Perhaps, LongerAgo::No, LongerAgo::No]);
}

fn number(key: &str) -> u64 {
    let Origin { program, platform, .. } = origin();
    number_of(KEY, &program, platform.as_ref(), &purchase(key, 1).key)
}

fn approved() -> Answered {
    let asked_at = Timestamp::from_unix_seconds(8);
    Answered { digest: ContentDigest::from_bytes([6; 16]), asked_at, decision: Decision::Approve { amount: usd(1) } }
}

fn seen_earlier() -> snapshot::Snapshot {
    let Origin { program, .. } = origin();
    snapshot::Snapshot {
        as_of: Timestamp::from_unix_seconds(9),
        key: KEY,
        cards: vec![(program, id("c"), card_seen(7))],
        accounts: vec![(7, account_seen())],
        answered: ["answered", "approved"].map(number).to_vec(),
        answers: vec![(number("approved"), approved())],
        rulesets: Vec::new(),
    }
}

#[test]
fn what_an_earlier_process_saw_is_as_old_as_it_is_and_rules_out_only_what_was_asked_since() {
    let last_seen = LastSeen::new();
    last_seen.restore(seen_earlier(), &[], Timestamp::from_unix_seconds(100));
    let sees = |key: &str, occurred_at: Option<i64>| {
        let occurred_at = occurred_at.map(Timestamp::from_unix_seconds);
        let request = AuthorizationRequest { occurred_at, ..purchase(key, 1) };
        let Glimpse::Seen(seen) = last_seen.look(&origin(), &request) else { panic!() };
        seen
    };
    let Sight::Seen(card) = sees("k", None).snapshot.card else { panic!("no card") };
    assert_eq!((card.status, card.as_of), (CardStatus::Frozen, Timestamp::from_unix_seconds(9)));
    let longer_ago = |key, at| sees(key, at).longer_ago;
    assert_eq!(longer_ago("k", None), LongerAgo::Perhaps, "nobody says when it was asked");
    assert_eq!(longer_ago("k", Some(105)), LongerAgo::Perhaps, "clocks may be apart");
    assert_eq!(longer_ago("k", Some(106)), LongerAgo::No);
    assert_eq!(longer_ago("answered", Some(106)), LongerAgo::Perhaps);
    let again = sees("approved", None);
    assert_eq!((again.answered, again.longer_ago), (Some(approved()), LongerAgo::No), "it is heard again");
    // The database is there.
    last_seen.kept().begin_anew();
    assert_eq!(longer_ago("k", Some(106)), LongerAgo::No, "until everything was read");
    last_seen.kept().is_right_at(Timestamp::from_unix_seconds(110), KEY);
    assert_eq!(sees("k", None).snapshot.card, Sight::NotSeen, "it is not there any more");
    assert_eq!(longer_ago("k", None), LongerAgo::No);
    assert_eq!(longer_ago("answered", None), LongerAgo::Perhaps);
    last_seen.restore(seen_earlier(), &[], Timestamp::from_unix_seconds(100));
    assert_eq!(sees("k", None).snapshot.card, Sight::NotSeen, "what this process saw is newer");
}

#[test]
fn what_an_earlier_process_did_since_it_looked_is_known_with_what_it_saw() {
    let last_seen = LastSeen::new();
    let AccountNow { account, changes } = account_seen().now;
    let taken = AccountNow { account: Account { held: account.held + 60, ..account }, changes: changes + 1 };
    let (cards, accounts) = (vec![(id("c"), CardStatus::Stolen)], vec![(7, taken)]);
    let answers = vec![(number("told since"), approved())];
    let acts = [(program(), News { answers, cards, accounts, ..News::default() })];
    last_seen.restore(seen_earlier(), &acts, Timestamp::from_unix_seconds(100));
    let Glimpse::Seen(seen) = last_seen.look(&origin(), &purchase("told since", 1)) else { panic!() };
    let Snapshot { card: Sight::Seen(card), account: Sight::Seen(account), .. } = seen.snapshot else { panic!("{seen:?}") };
    assert_eq!((card.status, account.available), (CardStatus::Stolen, usd(15)));
    assert_eq!((seen.answered, seen.longer_ago), (Some(approved()), LongerAgo::No));
}
