//! The law of robustness: `decode` never panics, whatever the bytes.

use http::HeaderMap;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use super::tree::Tree;
use super::{Case, cases};
use crate::inbound::Callback;
use crate::proof::Authentic;
use crate::settings::Settings;
use crate::{Adapter, PLATFORMS};

/// One change of a body.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Truncate(Index),
    Repeat(Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    // Bytes that mean something in JSON are worth more than others.
    let byte = || prop_oneof![any::<u8>(), prop::sample::select(br#"{}[]":,\-0123456789.eEtrfn "#.to_vec())];
    prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), prop::collection::vec(byte(), 1..9)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        any::<Index>().prop_map(Change::Truncate),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Change::Repeat(at, length)),
    ]
}

fn changed(body: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut body = body.to_vec();
    for change in changes {
        let end = |at: usize, length: usize| (at + length).min(body.len());
        match change {
            _ if body.is_empty() => break,
            Change::Set(at, byte) => *at.get_mut(&mut body) = *byte,
            Change::Insert(at, bytes) => {
                let at = at.index(body.len());
                body.splice(at..at, bytes.iter().copied());
            }
            Change::Remove(at, length) => {
                let at = at.index(body.len());
                body.drain(at..end(at, *length));
            }
            Change::Truncate(at) => body.truncate(at.index(body.len())),
            Change::Repeat(at, length) => {
                let at = at.index(body.len());
                let again = body[at..end(at, *length)].to_vec();
                body.splice(at..at, again);
            }
        }
    }
    body
}

/// Everything that an adapter does with bytes that it has found authentic.
fn decode_all(case: &Case, body: &[u8]) {
    let _ = case.decode(body);
    let _ = case.adapter.decode_fetched(&case.authentic(&case.body), body);
    let _ = case.adapter.decode_fetched(&case.authentic(body), case.fixture.fetched.as_deref().unwrap_or_default());
}

#[test]
fn no_changed_fixture_panics() {
    let cases = cases();
    let strategy = (0..cases.len(), prop::collection::vec(change(), 1..6));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(4_000));
    runner
        .run(&strategy, |(case, changes)| {
            let case = &cases[case];
            let fetched = case.fixture.fetched.as_ref().unwrap_or(&case.body);
            decode_all(case, &changed(&case.body, &changes));
            decode_all(case, &changed(fetched, &changes));
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_bytes_panic_on_any_route() {
    let adapters: Vec<(&[crate::Route], Box<dyn Adapter>)> = PLATFORMS
        .iter()
        .map(|platform| (platform.routes, (platform.build)(&Settings::defaults("USD".parse().unwrap())).unwrap()))
        .collect();
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        "[{}\\[\\]\":,a-z0-9.\\\\ -]{0,80}".prop_map(String::into_bytes),
        "\\PC{0,80}".prop_map(String::into_bytes),
    ];
    let mut runner = TestRunner::new(ProptestConfig::with_cases(2_000));
    runner
        .run(&(body, "\\PC{0,80}", "[a-z_]{0,14}=?[%a-f0-9&=\\PC]{0,40}"), |(body, segment, query)| {
            let headers = HeaderMap::new();
            for (routes, adapter) in &adapters {
                for route in routes.iter().map(|route| route.id).chain([u8::MAX]) {
                    let callback = Callback { route, segment: &segment, query: &query, headers: &headers, body: &body };
                    let authentic = Authentic::accept(callback);
                    let _ = adapter.decode(&authentic);
                    let _ = adapter.decode_fetched(&authentic, &body);
                }
            }
            Ok(())
        })
        .unwrap();
}

/// A parser that recurses must have a bound: a stack that overflows takes the process with it. Once at the outside of what a
/// callback has, once at its innermost.
#[test]
fn no_depth_overflows_the_stack() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
    let bodies = [deep("[", "]"), deep(r#"{"zz":"#, "}")];
    for case in cases() {
        for body in &bodies {
            decode_all(&case, body.as_bytes());
        }
        for body in [Some(&case.body), case.fixture.fetched.as_ref()].into_iter().flatten() {
            let Some(tree) = Tree::parse(body) else { continue };
            let objects: Vec<_> = tree.sites().into_iter().filter(|site| matches!(tree.at(site), Tree::Object(_))).collect();
            for site in objects.first().into_iter().chain(objects.iter().max_by_key(|site| site.len())) {
                decode_all(&case, tree.with_member(site, "zz", &bodies[0]).to_string().as_bytes());
            }
        }
    }
}
