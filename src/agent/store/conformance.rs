//! What every store must do, as tests that any engine can be put through. An engine brings [`Premises`]: a place in which objects are
//! kept, and from which its process can be taken. How it keeps them is tested beside it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_executor::block_on;
use holdfast_core::Timestamp;
use holdfast_core::agent::Environment;

use super::{
    Commit, Committed, Deed, Deeds, Erase, Expect, Follow, Guard, Kind, List, Names, Once, Outcome, Put, Rewrite, Row, Shared,
    Text,
};

/// A place where objects are kept.
pub trait Premises {
    /// A process's store on it, and what it hears. One process at a time, unless the engine is a shared one.
    fn open(&self) -> (Shared, Arc<Heard>);
}

/// What somebody who follows has heard.
#[derive(Default)]
pub struct Heard(Mutex<Vec<(String, u32)>>);

impl Heard {
    /// All of it, in its order.
    pub fn all(&self) -> Vec<(String, u32)> {
        self.0.lock().unwrap().clone()
    }
}

impl Follow for Heard {
    fn committed(&self, rows: &[Row]) {
        self.0.lock().unwrap().extend(rows.iter().map(|row| (row.id.clone(), row.version)));
    }
}

/// A binding.
pub fn row(id: &str, version: u32) -> Row {
    Row {
        kind: Kind::Binding,
        id: id.to_owned(),
        organization: "ent_1".to_owned(),
        environment: Some(Environment::Sandbox),
        parent: "sa_1".to_owned(),
        status: "active".to_owned(),
        version,
        created_at: Timestamp::from_unix_seconds(1),
        updated_at: Timestamp::from_unix_seconds(i64::from(version)),
        body: format!("{{\"n\":{version}}}"),
    }
}

/// A commit of one object.
pub fn put(row: Row, expect: Expect, claims: &[&str], releases: &[&str]) -> Commit {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Commit { puts: vec![Put { row, expect, claims: owned(claims), releases: owned(releases) }], ..Commit::default() }
}

/// A text about somebody.
pub fn text(id: &str, person: &str, at: i64) -> Text {
    Text {
        id: id.to_owned(),
        organization: "ent_1".to_owned(),
        program: "demo".to_owned(),
        person: person.to_owned(),
        at: Timestamp::from_unix_seconds(at),
        sealed: format!("sealed-text-of-{id}").into_bytes(),
    }
}

/// See its name.
pub fn what_was_committed_is_there_after_a_restart_and_was_told_before_the_answer(premises: &impl Premises) {
    let (store, heard) = premises.open();
    assert_eq!(block_on(store.commit(put(row("a", 1), Expect::New, &["c"], &[]))), Ok(Committed::Done));
    assert_eq!(heard.all(), [("a".to_owned(), 1)]);
    drop(store);
    let (store, _) = premises.open();
    assert_eq!(block_on(store.get(Kind::Binding, "a")), Ok(Some(row("a", 1))));
    assert_eq!(block_on(store.get(Kind::Agent, "a")), Ok(None), "of another kind");
    assert_eq!(block_on(store.holder("c")), Ok(Some("a".to_owned())));
}

/// See its name.
pub fn versions_claims_and_keys_keep_two_from_doing_the_same(premises: &impl Premises) {
    let (store, heard) = premises.open();
    let done = |commit| block_on(store.commit(commit)).unwrap();
    assert_eq!(done(put(row("a", 1), Expect::New, &["card"], &[])), Committed::Done);
    assert_eq!(done(put(row("a", 1), Expect::New, &[], &[])), Committed::Changed(Kind::Binding, "a".to_owned()));
    assert_eq!(done(put(row("a", 3), Expect::Version(2), &[], &[])), Committed::Changed(Kind::Binding, "a".to_owned()));
    assert_eq!(done(put(row("b", 1), Expect::New, &["card"], &[])), Committed::Taken("card".to_owned()));
    assert_eq!(block_on(store.get(Kind::Binding, "b")), Ok(None), "a commit happens as a whole or not at all");
    assert_eq!(done(put(row("a", 2), Expect::Version(1), &["card"], &[])), Committed::Done, "one's own claim is no hindrance");
    assert_eq!(done(put(row("a", 3), Expect::Version(2), &[], &["card"])), Committed::Done);
    let once = Once { space: "ent_1/sandbox".to_owned(), key: "k".to_owned(), request: [7; 32], formerly: [6; 32] };
    let keyed = |once: Once| Commit { once: Some(once), ..put(row("b", 1), Expect::New, &["card"], &[]) };
    assert_eq!(done(keyed(once.clone())), Committed::Done);
    let outcome = Outcome { request: [7; 32], kind: Kind::Binding, id: "b".to_owned() };
    assert_eq!(done(keyed(once.clone())), Committed::Again(outcome.clone()));
    let later = Once { request: [8; 32], formerly: [7; 32], ..once.clone() };
    assert_eq!(done(keyed(later)), Committed::Again(outcome.clone()), "what stood for it before");
    assert_eq!(done(keyed(Once { request: [8; 32], ..once })), Committed::KeyTaken);
    assert_eq!(block_on(store.once("ent_1/sandbox", "k")), Ok(Some(outcome)));
    assert_eq!(heard.all().len(), 4, "only what happened is told");
}

/// See its name.
pub fn what_must_hold_of_others_is_looked_at_with_the_writing(premises: &impl Premises) {
    let (store, _) = premises.open();
    let done = |commit| block_on(store.commit(commit)).unwrap();
    let owner = |id: &str| Row { body: "{\"role\":\"owner\"}".to_owned(), ..row(id, 1) };
    let gone = |id: &str| Row { version: 2, status: "archived".to_owned(), ..owner(id) };
    for id in ["a", "b"] {
        assert_eq!(done(put(owner(id), Expect::New, &[], &[])), Committed::Done);
    }
    let some = Guard::SomeActiveHas(Kind::Binding, "ent_1".to_owned(), "role", "owner");
    let leave = |id: &str, guard: &Guard| Commit { guards: vec![guard.clone()], ..put(gone(id), Expect::Version(1), &[], &[]) };
    // Of two that go at once, one stays.
    let mut outcomes: Vec<Committed> = std::thread::scope(|scope| {
        let threads: Vec<_> = ["a", "b"].map(|id| scope.spawn(|| done(leave(id, &some)))).into_iter().collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    outcomes.sort_by_key(|outcome| *outcome != Committed::Done);
    assert_eq!(outcomes, [Committed::Done, Committed::Unmet(some)]);
    let left = ["a", "b"].into_iter().find(|id| block_on(store.get(Kind::Binding, id)).unwrap().unwrap().version == 1).unwrap();

    let guarded = |id: &str, guard: Guard| Commit { guards: vec![guard], ..put(row(id, 1), Expect::New, &[], &[]) };
    let live = |id: &str| Guard::Live(Kind::Binding, id.to_owned());
    let none = |value: &str| Guard::NoneHas(Kind::Binding, "role", value.to_owned());
    let lost = if left == "a" { "b" } else { "a" };
    for unmet in [live(lost), live("nobody"), Guard::Live(Kind::Agent, left.to_owned()), none("owner")] {
        assert_eq!(done(guarded("c", unmet.clone())), Committed::Unmet(unmet));
    }
    assert_eq!(block_on(store.get(Kind::Binding, "c")), Ok(None), "a commit happens as a whole or not at all");
    assert_eq!(done(guarded("c", live(left))), Committed::Done);
    assert_eq!(done(guarded("d", none("developer"))), Committed::Done);
    assert_eq!(done(leave(left, &live("c"))), Committed::Done);
    assert_eq!(done(guarded("e", none("owner"))), Committed::Done, "what is archived has nothing any more");
}

/// See its name.
pub fn of_many_that_change_one_version_one_wins(premises: &impl Premises) {
    let (store, _) = premises.open();
    block_on(store.commit(put(row("a", 1), Expect::New, &[], &[]))).unwrap();
    let outcomes: Vec<Committed> = std::thread::scope(|scope| {
        let change = || block_on(store.commit(put(row("a", 2), Expect::Version(1), &[], &[]))).unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(change)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Committed::Done).count(), 1, "{outcomes:?}");
}

/// See its name.
pub fn lists_go_on_where_they_ended_and_show_only_what_is_asked_for(premises: &impl Premises) {
    let (store, _) = premises.open();
    for number in 0..5 {
        let other = Row { organization: "ent_2".to_owned(), ..row(&format!("x{number}"), 1) };
        block_on(store.commit(put(row(&format!("a{number}"), 1), Expect::New, &[], &[]))).unwrap();
        block_on(store.commit(put(other, Expect::New, &[], &[]))).unwrap();
    }
    let list = List { organization: Some("ent_1".to_owned()), ..List::of(Kind::Binding, 3) };
    let ids = |page: &[(i64, Row)]| page.iter().map(|(_, row)| row.id.clone()).collect::<Vec<_>>();
    let first = block_on(store.list(list.clone())).unwrap();
    assert_eq!(ids(&first), ["a0", "a1", "a2"]);
    let second = block_on(store.list(List { after: first[2].0, ..list.clone() })).unwrap();
    assert_eq!(ids(&second), ["a3", "a4"]);
    let production = List { environment: Some(Environment::Production), ..list.clone() };
    assert_eq!(block_on(store.list(production)), Ok(Vec::new()));
    let archived = List { status: Some("archived".to_owned()), ..list.clone() };
    assert_eq!(block_on(store.list(archived)), Ok(Vec::new()));
    assert_eq!(block_on(store.list(List { parent: Some("sa_1".to_owned()), most: 9, ..list })).unwrap().len(), 5);
}

/// See its name.
pub fn what_a_key_is_known_by_and_when_credentials_were_used_is_kept(premises: &impl Premises) {
    let (store, _) = premises.open();
    assert_eq!(block_on(store.seal_of(vec![1])), Ok(vec![1]));
    assert_eq!(block_on(store.seal_of(vec![2])), Ok(vec![1]), "the first one stays");
    let at = |seconds| Timestamp::from_unix_seconds(seconds);
    block_on(store.note_use(vec![("c".to_owned(), at(9))])).unwrap();
    block_on(store.note_use(vec![("c".to_owned(), at(8))])).unwrap();
    assert_eq!(block_on(store.last_use(vec!["c".to_owned(), "d".to_owned()])).unwrap()["c"], at(9));
}

/// See its name.
pub fn texts_go_by_whom_they_are_about_and_when_they_came(premises: &impl Premises) {
    let (store, _) = premises.open();
    let texts = vec![text("t1", "mem_1", 10), text("t2", "mem_2", 10), text("t3", "", 5)];
    block_on(store.commit(Commit { texts, ..put(row("a", 1), Expect::New, &[], &[]) })).unwrap();
    let ids = || vec!["t1".to_owned(), "t2".to_owned(), "t3".to_owned(), "t4".to_owned()];
    assert_eq!(block_on(store.texts(ids())).unwrap()["t3"], b"sealed-text-of-t3");
    assert_eq!(block_on(store.erase(Erase::Person("mem_1".to_owned()))), Ok(1));
    assert_eq!(block_on(store.erase(Erase::Before(Timestamp::from_unix_seconds(6)))), Ok(1));
    assert_eq!(block_on(store.texts(ids())).unwrap().into_keys().collect::<Vec<_>>(), ["t2"]);
    assert_eq!(block_on(store.erase(Erase::Organization("ent_2".to_owned()))), Ok(0));
    assert_eq!(block_on(store.erase(Erase::Program("demo".to_owned()))), Ok(1));
    assert_eq!(block_on(store.texts(ids())), Ok(HashMap::new()));
}

/// See its name.
pub fn deeds_are_told_the_latest_first(premises: &impl Premises) {
    let (store, _) = premises.open();
    let deed = |action: &str, id: &str, environment| Deed {
        organization: "ent_1".to_owned(),
        environment,
        at: Timestamp::from_unix_seconds(if action == "three" { 9 } else { 7 }),
        who: if action == "two" { "operator:ann" } else { "mem_1" }.to_owned(),
        action: action.to_owned(),
        kind: if action == "one" { Kind::Agent } else { Kind::Binding },
        id: id.to_owned(),
        before: None,
        after: Some("{}".to_owned()),
    };
    let (sandbox, production) = (Some(Environment::Sandbox), Some(Environment::Production));
    let deeds =
        vec![deed("one", "a", sandbox), deed("two", "b", None), deed("three", "a", sandbox), deed("four", "a", production)];
    block_on(store.commit(Commit { deeds: deeds.clone(), ..put(row("a", 1), Expect::New, &[], &[]) })).unwrap();
    let all = Deeds::of("ent_1".to_owned(), sandbox, 2);
    let actions = |found: &[(i64, Deed)]| found.iter().map(|(_, deed)| deed.action.clone()).collect::<Vec<_>>();
    let first = block_on(store.deeds(all.clone())).unwrap();
    assert_eq!((actions(&first), &first[0].1), (vec!["three".to_owned(), "two".to_owned()], &deeds[2]));
    let rest = block_on(store.deeds(Deeds { before: Some(first[1].0), ..all.clone() })).unwrap();
    assert_eq!(actions(&rest), ["one"], "what is the organization's as a whole is everybody's");
    let of_a = block_on(store.deeds(Deeds { id: Some("a".to_owned()), most: 9, ..all.clone() })).unwrap();
    assert_eq!(actions(&of_a), ["three", "one"]);
    assert_eq!(block_on(store.deeds(Deeds { action: Some("two".to_owned()), ..all.clone() })).unwrap().len(), 1);
    let told = |deeds: Deeds| actions(&block_on(store.deeds(deeds)).unwrap());
    assert_eq!(told(Deeds { who: Some("operator:ann".to_owned()), ..all.clone() }), ["two"]);
    assert_eq!(told(Deeds { kind: Some(Kind::Agent), ..all.clone() }), ["one"]);
    let at = |seconds| Some(Timestamp::from_unix_seconds(seconds));
    assert_eq!(told(Deeds { since: at(8), ..all.clone() }), ["three"]);
    assert_eq!(told(Deeds { since: at(7), until: at(9), ..all.clone() }), ["two", "one"], "the end is not in it");
    let mine = Deeds { who: Some("mem_1".to_owned()), most: 1, ..all };
    let first = block_on(store.deeds(mine.clone())).unwrap();
    assert_eq!(
        (actions(&first), told(Deeds { before: Some(first[0].0), ..mine })),
        (vec!["three".to_owned()], vec!["one".to_owned()])
    );
}

/// See its name.
pub fn bodies_are_written_anew_without_a_new_version_and_nobody_hears_of_it(premises: &impl Premises) {
    let (store, heard) = premises.open();
    block_on(store.seal_of(vec![1])).unwrap();
    assert_eq!(block_on(store.names_are_texts()), Ok(()));
    assert_eq!(block_on(store.names()), Ok(Names::Texts));
    let of = |kind, action: &str| Deed {
        organization: "ent_1".to_owned(),
        environment: None,
        at: Timestamp::from_unix_seconds(7),
        who: "mem_1".to_owned(),
        action: action.to_owned(),
        kind,
        id: "a".to_owned(),
        before: None,
        after: Some("told".to_owned()),
    };
    let deeds = vec![of(Kind::Binding, "one"), of(Kind::Agent, "other"), of(Kind::Binding, "two")];
    block_on(store.commit(Commit { deeds: deeds.clone(), ..put(row("a", 1), Expect::New, &[], &[]) })).unwrap();
    let told = block_on(store.told_of(Kind::Binding, 0, 9)).unwrap();
    assert_eq!(told.iter().map(|(_, deed)| deed).collect::<Vec<_>>(), [&deeds[0], &deeds[2]]);
    assert_eq!(block_on(store.told_of(Kind::Binding, told[0].0, 9)), Ok(told[1..].to_vec()));

    let anew = |was: &str, body: &str| Rewrite {
        bodies: vec![(Kind::Binding, "a".to_owned(), was.to_owned(), body.to_owned())],
        deeds: vec![(told[1].0, None, Some("anew".to_owned()))],
        texts: vec![text("t1", "", 1)],
    };
    assert_eq!(block_on(store.rewrite(anew("something else", "{}"))), Ok(false));
    assert_eq!(block_on(store.texts(vec!["t1".to_owned()])), Ok(HashMap::new()), "all or nothing");
    assert_eq!(block_on(store.rewrite(anew("{\"n\":1}", "{\"n\":2}"))), Ok(true));
    let found = block_on(store.get(Kind::Binding, "a")).unwrap().unwrap();
    assert_eq!((found.version, found.body.as_str(), heard.all().len()), (1, "{\"n\":2}", 1));
    let told = block_on(store.told_of(Kind::Binding, 0, 9)).unwrap();
    assert_eq!((told[0].1.after.as_deref(), told[1].1.after.as_deref()), (Some("told"), Some("anew")));
    assert_eq!(block_on(store.texts(vec!["t1".to_owned()])).unwrap().len(), 1);
}

/// Puts an engine through all of them: each law on premises of its own, made by an expression of which `None` skips the law.
macro_rules! conforms {
    ($premises:expr; $($law:ident)*) => {
        $(
            #[test]
            fn $law() {
                if let Some(premises) = $premises {
                    $crate::agent::store::conformance::$law(&premises);
                }
            }
        )*
    };
    ($premises:expr) => {
        $crate::agent::store::conformance::conforms! { $premises;
            what_was_committed_is_there_after_a_restart_and_was_told_before_the_answer
            versions_claims_and_keys_keep_two_from_doing_the_same
            what_must_hold_of_others_is_looked_at_with_the_writing
            of_many_that_change_one_version_one_wins
            lists_go_on_where_they_ended_and_show_only_what_is_asked_for
            texts_go_by_whom_they_are_about_and_when_they_came
            deeds_are_told_the_latest_first
            what_a_key_is_known_by_and_when_credentials_were_used_is_kept
            bodies_are_written_anew_without_a_new_version_and_nobody_hears_of_it
        }
    };
}
pub(crate) use conforms;
