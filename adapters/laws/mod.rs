//! The laws that every adapter obeys, over every platform in [`PLATFORMS`] and every fixture in its folder.
//!
//! A law never names a platform: whatever it has to know it finds out through the [`Adapter`] trait. The only tables
//! here are [`FIXTURES_MIN`] and the exceptions at the head of [`tolerance`]. One file a group of laws; this one has what they share.
#![expect(clippy::arithmetic_side_effects, clippy::string_slice, reason = "tests may fail loudly")]

mod agreement;
mod answers;
mod describe;
mod fixture;
mod payments;
mod registry;
mod reply;
mod robustness;
mod samples;
mod tolerance;
mod tree;
mod verification;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_core::Timestamp;
use holdfast_core::agent::{CredentialId, Environment, KeyId, OrganizationId, OrganizationKind, Scope, ScopeSet};
use http::HeaderMap;

use self::fixture::Fixture;
use crate::adapter::{Adapter, Platform, RouteMethod};
use crate::inbound::{Callback, Inbound, Malformed};
use crate::proof::token::{Caller, Grant, KeyStore, SharedKey};
use crate::proof::{Authentic, BasicCredential, Bearer, Keyring, Secret};
use crate::settings::Settings;
use crate::{PLATFORMS, Route};

/// How many callbacks each platform's folder has at least.
const FIXTURES_MIN: &[(&str, usize)] = &[
    ("marqeta", 30),
    ("apto", 20),
    ("authorizations", 12),
    ("payment_gateway", 8),
    ("pre_auth", 5),
    ("agent_spend", 12),
    ("proving", 8),
];

/// The fixtures' clock: 2026-03-14T15:09:26Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_500_966);

/// The fixtures' keys: one of each kind, no custom headers.
fn keyring() -> Keyring {
    Keyring {
        basic: vec![BasicCredential::new("fixture", &Secret::new(*b"fixture-password"))],
        headers: Vec::new(),
        signing: vec![Secret::new(*b"fixture-signing-key")],
        answering: vec![Secret::new(*b"fixture-answering-key")],
        bearer: Some(bearer(&[FIXTURE_KEY])),
    }
}

/// The API key of the fixtures' processor; its secret is the same text.
const FIXTURE_KEY: &str = "fixture-key";

/// Bearer credentials of these API keys, of which the first is the one to prove with.
fn bearer(keys: &[&str]) -> Bearer {
    let id = |key: &str| KeyId::new(key).unwrap();
    let own = keys.first().map(|key| (id(key), Secret::new(key.as_bytes())));
    Bearer { keys: Arc::new(Keys(keys.iter().map(|key| id(key)).collect())), own }
}

struct Keys(Vec<KeyId>);

impl KeyStore for Keys {
    fn find(&self, key: &KeyId) -> Option<Arc<SharedKey>> {
        let caller = Caller {
            credential: CredentialId::new("cred_fixture").unwrap(),
            organization: OrganizationId::new("proc_fixture").unwrap(),
            kind: OrganizationKind::Processor,
            environment: Environment::Sandbox,
            scopes: ScopeSet::of(&[Scope::Authorize]),
        };
        let known = self.0.iter().find(|known| *known == key)?;
        Some(Arc::new(SharedKey { secret: Secret::new(known.as_str().as_bytes()), caller, expires_at: None }))
    }

    fn used(&self, _: &CredentialId, _: Timestamp) {}

    fn grants(&self, _: &Grant) -> bool {
        true
    }
}

/// One fixture at one mount of its platform, with the proof that its platform would add.
struct Case {
    fixture: Fixture,
    platform: &'static Platform,
    adapter: Box<dyn Adapter>,
    route: &'static Route,
    segment: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Case {
    fn new(platform: &'static Platform, fixture: Fixture) -> Result<Case, String> {
        let settings = Settings { currency: fixture.currency, values: fixture.settings.clone() };
        let adapter = (platform.build)(&settings).map_err(|errors| {
            let problems: Vec<String> = errors.iter().map(ToString::to_string).collect();
            format!("its settings are refused: {}", problems.join("; "))
        })?;
        let (path, query) = fixture.target.split_once('?').unwrap_or((&fixture.target, ""));
        let query = query.to_owned();
        let (route, segment) = route_of(platform, fixture.method, path)
            .ok_or_else(|| format!("the platform has no route for {:?} {path}", fixture.method))?;
        let (mut headers, mut body) = (fixture.headers.clone(), fixture.body.clone());
        adapter.prove(route.id, &mut headers, &mut body, &keyring(), NOW);
        Ok(Case { platform, adapter, route, segment, query, headers, body, fixture })
    }

    fn name(&self) -> String {
        format!("{}/{}", self.platform.name, self.fixture.name())
    }

    fn callback<'a>(&'a self, headers: &'a HeaderMap, body: &'a [u8]) -> Callback<'a> {
        Callback { route: self.route.id, segment: &self.segment, query: &self.query, headers, body }
    }

    /// The callback with another body, taken as authentic: what a law of decoding starts from.
    fn authentic<'a>(&'a self, body: &'a [u8]) -> Authentic<'a> {
        let proven = self.adapter.verify(self.callback(&self.headers, &self.body), &keyring(), NOW).ok();
        match proven.and_then(|proven| proven.caller().copied()) {
            Some(caller) => Authentic::accept_from(self.callback(&self.headers, body), caller, NOW),
            None => Authentic::accept(self.callback(&self.headers, body)),
        }
    }

    fn decode<'a>(&'a self, body: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
        self.adapter.decode(&self.authentic(body))
    }

    /// What an answer is owed to: what was fetched, where the fixture fetches, else what came.
    fn owed(&self) -> Result<Inbound<'_>, Malformed> {
        match &self.fixture.fetched {
            Some(fetched) => self.adapter.decode_fetched(&self.authentic(&self.body), fetched),
            None => self.decode(&self.body),
        }
    }
}

fn route_of(platform: &Platform, method: RouteMethod, path: &str) -> Option<(&'static Route, String)> {
    platform.routes.iter().filter(|route| route.method == method).find_map(|route| {
        let (mut segments, mut pattern) = (path.split('/'), route.path.split('/'));
        let mut segment = String::new();
        loop {
            match (segments.next(), pattern.next()) {
                (None, None) => return Some((route, segment)),
                (Some(part), Some(name)) if name.starts_with('{') && !part.is_empty() => part.clone_into(&mut segment),
                (Some(part), Some(name)) if part == name => {}
                (_, _) => return None,
            }
        }
    })
}

fn folder_of(platform: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(platform).join("fixtures")
}

/// Every fixture of every platform, in order; and what is wrong with those that cannot be read.
fn read_cases() -> (Vec<Case>, Vec<String>) {
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    for platform in PLATFORMS {
        let folder = folder_of(platform.name);
        let Ok(entries) = std::fs::read_dir(&folder) else {
            problems.push(format!("{}: no such folder", folder.display()));
            continue;
        };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "http"));
        paths.sort();
        for path in paths {
            match Fixture::read(&path).and_then(|fixture| Case::new(platform, fixture)) {
                Ok(case) => cases.push(case),
                Err(problem) => problems.push(format!("{}: {problem}", path.display())),
            }
        }
    }
    (cases, problems)
}

/// The cases of a law that is not about whether they can be read: that law says it once.
fn cases() -> Vec<Case> {
    read_cases().0
}

/// What broke a law, all of it, so that one run shows everything.
#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    fn add(&mut self, case: &Case, what: impl AsRef<str>) {
        self.0.push(format!("{}: {}", case.name(), what.as_ref()));
    }

    fn expect(&mut self, holds: bool, case: &Case, what: impl FnOnce() -> String) {
        if !holds {
            self.add(case, what());
        }
    }

    /// Fails the test with what was found; a hundred lines are enough to see what is wrong.
    fn report(self) {
        let shown: Vec<&str> = self.0.iter().take(100).map(String::as_str).collect();
        assert!(self.0.is_empty(), "{} broken:\n\n{}\n", self.0.len(), shown.join("\n"));
    }
}

/// How many fixtures each platform has.
fn counts() -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<&'static str, usize> = PLATFORMS.iter().map(|platform| (platform.name, 0)).collect();
    for case in cases() {
        *counts.entry(case.platform.name).or_default() += 1;
    }
    counts
}

#[test]
fn each_platform_has_its_fixtures() {
    for (name, count) in counts() {
        let min = FIXTURES_MIN.iter().find(|(platform, _)| *platform == name).map(|(_, min)| *min);
        let min = min.unwrap_or_else(|| panic!("{name} has no entry in FIXTURES_MIN"));
        assert!(count >= min, "{name} has {count} fixtures that can be read; it must have {min}");
    }
}
