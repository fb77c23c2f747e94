//! What responders on one database promise of merchants and instruments: one has what any other has put, in the order in which it was
//! put, also after a start without the database.

use std::path::Path;
use std::sync::{Arc, Mutex};

use holdfast_adapters::payment::{AddressVerification, CardBrand, SecurityCodeVerification};
use holdfast_core::Timestamp;
use tempfile::TempDir;

use super::super::tests::merchant;
use super::super::{Instrument, Merchant, Profile, Profiles, Store, StoreError};
use super::Shared;
use crate::fixture::program;
use crate::ledger::postgres::tests::server::{Server, run, shared};
use crate::seal::Sealer;

const KEYS: [&str; 2] = [
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
];

/// A database of its own, and responders with a data directory each.
struct House {
    server: &'static Server,
    database: String,
}

fn house() -> Option<House> {
    let server = shared()?;
    Some(House { server, database: server.database() })
}

impl House {
    fn responder_with(&self, directory: &Path, sealer: Sealer) -> Arc<Profiles> {
        self.responder_that_tells(directory, sealer, |_| {})
    }

    fn responder_that_tells(&self, directory: &Path, sealer: Sealer, say: fn(&str)) -> Arc<Profiles> {
        let shared = Shared::new(self.server.reach(&self.database), say);
        Arc::new(Profiles::open(Store::open_copy(directory, sealer).unwrap(), Some(shared)).unwrap())
    }

    fn responder(&self, directory: &Path) -> Arc<Profiles> {
        let profiles = self.responder_with(directory, Sealer::default());
        run(profiles.catch_up()).unwrap();
        profiles
    }
}

fn directories<const N: usize>() -> [TempDir; N] {
    std::array::from_fn(|_| tempfile::tempdir().unwrap())
}

const fn second(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(second)
}

fn named(id: &str, name: &str) -> Profile {
    Profile::Merchant(Merchant { id: id.parse().unwrap(), name: name.to_owned(), ..merchant() })
}

fn numbered(card: &str, token: &str) -> Profile {
    Profile::Instrument(Instrument {
        card: card.parse().unwrap(),
        brand: CardBrand::Visa,
        last_four: None,
        number_token: Some(token.repeat(32).parse().unwrap()),
        address_verification: AddressVerification::Unavailable,
        security_code_verification: SecurityCodeVerification::Unavailable,
        owner: None,
    })
}

fn name(profiles: &Profiles, id: &str) -> Option<String> {
    profiles.merchant(program(), id.parse().unwrap()).map(|merchant| merchant.name.clone())
}

fn put(profiles: &Profiles, profile: Profile, at: i64) -> Result<(), StoreError> {
    profiles.put(program(), &[profile], second(at))
}

/// One without a database, with the same data directory.
fn alone(directory: &Path) -> Profiles {
    Profiles::open(Store::open_copy(directory, Sealer::default()).unwrap(), None).unwrap()
}

#[test]
fn what_one_responder_puts_the_others_hear_and_know_without_the_database() {
    let Some(house) = house() else { return };
    let [here, there] = directories();
    let (one, other) = (house.responder(here.path()), house.responder(there.path()));
    run(async {
        let following = Arc::clone(&other);
        let following = tokio::spawn(async move { following.follow().await });
        for round in 0..3 {
            let (one, wanted) = (Arc::clone(&one), format!("name {round}"));
            let profile = named("m", &wanted);
            tokio::task::spawn_blocking(move || put(&one, profile, round)).await.unwrap().unwrap();
            while name(&other, "m").as_ref() != Some(&wanted) {
                tokio::task::yield_now().await;
            }
        }
        following.abort();
    });
    assert_eq!(name(&alone(there.path()), "m").as_deref(), Some("name 2"));
    assert_eq!(name(&alone(here.path()), "m").as_deref(), Some("name 2"));
}

#[test]
fn whoever_has_not_heard_yet_puts_nothing_that_others_made_impossible() {
    let Some(house) = house() else { return };
    let [here, there] = directories();
    let (one, other) = (house.responder(here.path()), house.responder(there.path()));
    put(&one, numbered("one", "a1"), 1).unwrap();
    let refused = put(&other, numbered("two", "a1"), 2).unwrap_err();
    assert!(matches!(&refused, StoreError::NumberTaken { other, .. } if other == "one"), "{refused}");
    assert_eq!(other.instruments(program(), None, 9).len(), 0, "nothing of a change that was refused");
    // The number is free again, by what another responder says.
    put(&one, numbered("one", "b2"), 3).unwrap();
    put(&other, numbered("two", "a1"), 4).unwrap();
    run(one.catch_up()).unwrap();
    for profiles in [&one, &other] {
        let card =
            |token: &str| profiles.card_by_number(program(), token.repeat(32).parse().unwrap()).map(|card| card.to_string());
        assert_eq!((card("a1").as_deref(), card("b2").as_deref()), (Some("two"), Some("one")));
    }
}

#[test]
fn a_change_that_is_sent_to_another_responder_again_leaves_what_later_ones_made_of_it() {
    let Some(house) = house() else { return };
    let [here, there] = directories();
    let (one, other) = (house.responder(here.path()), house.responder(there.path()));
    put(&one, named("m", "first"), 1).unwrap();
    put(&one, named("m", "third"), 3).unwrap();
    other.put_again(program(), named("m", "second"), second(2)).unwrap();
    assert_eq!(name(&other, "m").as_deref(), Some("third"));
    // One that was taken down here and never kept anywhere is made.
    other.put_again(program(), named("m", "fourth"), second(4)).unwrap();
    run(one.catch_up()).unwrap();
    assert_eq!(name(&one, "m").as_deref(), Some("fourth"));
}

#[test]
fn many_at_once_end_alike_everywhere() {
    let Some(house) = house() else { return };
    let [here, there, late] = directories();
    let (one, other) = (house.responder(here.path()), house.responder(there.path()));
    std::thread::scope(|scope| {
        for (profiles, who) in [(&one, "one"), (&one, "another"), (&other, "third")] {
            scope.spawn(move || {
                for round in 0..8 {
                    put(profiles, named(&format!("m{}", round % 3), &format!("{who} {round}")), round).unwrap();
                }
            });
        }
    });
    let all = |profiles: &Arc<Profiles>| {
        run(profiles.catch_up()).unwrap();
        profiles.merchants(program(), None, 9).iter().map(|merchant| merchant.name.clone()).collect::<Vec<_>>()
    };
    let ended = all(&house.responder(late.path()));
    assert_eq!(ended.len(), 3);
    assert_eq!((all(&one), all(&other)), (ended.clone(), ended.clone()));
    for directory in [&here, &there] {
        let kept = Arc::new(alone(directory.path()));
        assert_eq!(all(&kept), ended, "and so the files");
    }
}

#[test]
fn what_an_older_version_kept_for_one_responder_becomes_everybodys_unless_they_have_it() {
    let Some(house) = house() else { return };
    let [here, there] = directories();
    put(&alone(here.path()), named("both", "here"), 1).unwrap();
    put(&alone(here.path()), numbered("one", "a1"), 1).unwrap();
    put(&alone(there.path()), named("both", "there"), 2).unwrap();
    put(&alone(there.path()), named("new", "there"), 2).unwrap();
    put(&alone(there.path()), numbered("two", "a1"), 2).unwrap();
    let (one, other) = (house.responder(here.path()), house.responder(there.path()));
    run(one.catch_up()).unwrap();
    for profiles in [&one, &other] {
        assert_eq!(name(profiles, "both").as_deref(), Some("here"), "who came first");
        assert_eq!(name(profiles, "new").as_deref(), Some("there"));
        let card = profiles.card_by_number(program(), "a1".repeat(32).parse().unwrap()).unwrap();
        assert_eq!(card.to_string(), "one", "one number, one card: what all know is above what one knew");
    }
    assert!(one.instrument(program(), "two".parse().unwrap()).is_none());
}

#[test]
fn rows_of_another_key_are_told_and_not_taken_for_nothing() {
    let Some(house) = house() else { return };
    let [here, there] = directories();
    let one = house.responder_with(here.path(), Sealer::with_key(KEYS[0]).unwrap());
    put(&one, named("m", "Corner Books"), 1).unwrap();
    let other = house.responder_with(there.path(), Sealer::with_key(KEYS[1]).unwrap());
    let told = run(other.catch_up()).unwrap_err().to_string();
    assert!(told.contains("merchant m cannot be read") && told.contains("`texts.key`"), "{told}");
    let refused = put(&other, named("other", "x"), 2).unwrap_err();
    assert!(matches!(refused, StoreError::Unreadable(..)), "{refused}");
}

#[test]
fn without_the_database_what_was_known_stays_and_nothing_is_put() {
    let Some(house) = house() else { return };
    let [here] = directories();
    let one = house.responder(here.path());
    put(&one, named("m", "first"), 1).unwrap();
    house.server.run_sql(&house.database, "ALTER TABLE holdfast.profile RENAME TO profile_away");
    let refused = put(&one, named("m", "second"), 2).unwrap_err();
    assert!(matches!(refused, StoreError::Database(_)), "{refused}");
    assert!(run(one.catch_up()).is_err());
    assert_eq!(name(&one, "m").as_deref(), Some("first"));
    house.server.run_sql(&house.database, "ALTER TABLE holdfast.profile_away RENAME TO profile");
    put(&one, named("m", "second"), 2).unwrap();
    assert_eq!(name(&one, "m").as_deref(), Some("second"));
}

#[test]
fn what_keeps_a_responder_from_hearing_of_others_is_told_once_each_time() {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let Some(house) = house() else { return };
    let [here] = directories();
    let one = house.responder_that_tells(here.path(), Sealer::default(), |what| TOLD.lock().unwrap().push(what.to_owned()));
    let sql = |sql: &str| house.server.run_sql(&house.database, sql);
    std::thread::scope(|scope| {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        scope.spawn(|| {
            run(async {
                tokio::select! { () = one.follow() => {}, _ = stopped => {} }
            })
        });
        for round in 1..=2 {
            sql("ALTER TABLE holdfast.profile RENAME TO profile_away");
            while TOLD.lock().unwrap().len() < round {
                std::thread::yield_now();
            }
            sql("ALTER TABLE holdfast.profile_away RENAME TO profile");
            let name_now = format!("name {round}");
            put(&house.responder(tempfile::tempdir().unwrap().path()), named("m", &name_now), 1).unwrap();
            while name(&one, "m").as_ref() != Some(&name_now) {
                std::thread::yield_now();
            }
        }
        drop(stop);
    });
    let told = TOLD.lock().unwrap();
    assert!(
        told.iter().all(|told| told.starts_with("what others change of merchants and instruments is not known here: ")),
        "{told:?}"
    );
    assert_eq!(told.len(), 2, "{told:?}");
}
