//! Tests of the whole adapter, through the trait. What they share: callbacks made of text, and the fixtures.

mod answers;
mod bytes;
mod orders;
mod questions;
mod webhooks;

use std::path::Path;

use holdfast_core::{AuthorizationRequest, Currency, Timestamp};
use http::HeaderMap;

use super::{AUTHORIZE, BALANCES, LEGACY_AUTHORIZE, PLATFORM, WEBHOOK};
use crate::adapter::{Adapter, RouteMethod};
use crate::answer::{Answer, DecisionReference, Echo, Reply};
use crate::inbound::{Callback, Inbound, Malformed, Notice};
use crate::proof::{Authentic, Keyring};
use crate::settings::{SettingValue, Settings};

fn adapter_with(values: &[(&str, SettingValue)]) -> Box<dyn Adapter> {
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    (PLATFORM.build)(&Settings { currency: Currency::USD, values }).unwrap()
}

fn adapter() -> Box<dyn Adapter> {
    adapter_with(&[])
}

/// Decodes a body that came to a route, verified.
fn decode<'a>(
    adapter: &dyn Adapter,
    route: u8,
    segment: &'a str,
    query: &'a str,
    body: &'a [u8],
) -> Result<Inbound<'a>, Malformed> {
    // One for all, for it has to outlive the callback.
    static NO_HEADERS: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
    adapter.decode(&Authentic::accept(Callback { route, segment, query, headers: &NO_HEADERS, body }))
}

fn asked(adapter: &dyn Adapter, route: u8, segment: &str, body: &str) -> Result<(AuthorizationRequest, Vec<String>), Malformed> {
    let decoded = decode(adapter, route, segment, "", body.as_bytes())?;
    let Inbound::Authorization(call) = decoded else { panic!("not an authorization: {decoded:?}") };
    let echo = call.echo.fields.iter().map(|(name, raw)| format!("{name}={raw}")).collect();
    Ok((call.request, echo))
}

fn told(adapter: &dyn Adapter, body: &str) -> Vec<Notice> {
    match decode(adapter, WEBHOOK, "", "", body.as_bytes()) {
        Ok(Inbound::Notification { notices, .. }) => notices,
        other => panic!("not a notification: {other:?}"),
    }
}

fn encode(adapter: &dyn Adapter, echo: &Echo<'_>, answer: &Answer<'_>) -> (Reply, String) {
    let mut body = Vec::new();
    let reply = adapter.encode(echo, answer, &Keyring::default(), Timestamp::EPOCH, &mut body);
    (reply, String::from_utf8(body).unwrap())
}

fn reference() -> DecisionReference {
    DecisionReference::from_digest([7; 16])
}

/// A fixture up to its body.
struct Fixture {
    name: String,
    settings: Vec<(String, SettingValue)>,
    route: u8,
    segment: String,
    query: String,
    body: String,
}

fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("apto/fixtures");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| read_fixture(file)).collect()
}

fn read_fixture(file: &Path) -> Fixture {
    let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
    let text = std::fs::read_to_string(file).unwrap();
    let (head, rest) = text.split_once("\n\n").unwrap();
    let (body, _) = rest.split_once("\n--- inbound\n").unwrap();
    let mut settings = Vec::new();
    for line in head.lines().filter_map(|line| line.strip_prefix("#! setting ")) {
        let (key, value) = line.split_once(" = ").unwrap();
        settings.push((key.to_owned(), SettingValue::Switch(value.parse().unwrap())));
    }
    let request = head.lines().find(|line| !line.starts_with('#')).unwrap();
    let (method, target) = request.split_once(' ').unwrap();
    let method = if method == "GET" { RouteMethod::Get } else { RouteMethod::Post };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (route, segment) = match path.strip_prefix("/v1/").and_then(|rest| rest.strip_suffix("/transactions")) {
        Some(segment) => (LEGACY_AUTHORIZE, segment),
        None => (PLATFORM.routes.iter().find(|route| route.path == path).unwrap().id, ""),
    };
    assert_eq!(PLATFORM.routes.iter().find(|known| known.id == route).unwrap().method, method, "{name}");
    Fixture { name, settings, route, segment: segment.to_owned(), query: query.to_owned(), body: body.to_owned() }
}

impl Fixture {
    fn adapter(&self) -> Box<dyn Adapter> {
        let settings: Vec<_> = self.settings.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        adapter_with(&settings)
    }

    fn decode(&self) -> Result<Inbound<'_>, Malformed> {
        decode(self.adapter().as_ref(), self.route, &self.segment, &self.query, self.body.as_bytes())
    }
}

fn fixture(name: &str) -> Fixture {
    fixtures().into_iter().find(|fixture| fixture.name == name).unwrap()
}

#[test]
fn every_fixture_is_understood_as_its_name_says() {
    for fixture in fixtures() {
        let name = &fixture.name;
        let decoded = fixture.decode();
        match (name.split('_').next().unwrap(), &decoded) {
            ("v3" | "v2" | "v1", Ok(Inbound::Authorization(_)))
            | ("balances", Ok(Inbound::Balance(_)))
            | ("webhook", Ok(Inbound::Notification { .. }))
            | ("malformed", Err(_)) => {}
            _ => panic!("{name}: {decoded:?}"),
        }
    }
}

#[test]
fn no_name_and_no_address_gets_past_the_adapter() {
    for fixture in fixtures() {
        let decoded = format!("{:?}", fixture.decode()).to_lowercase();
        for person in ["robin", "example.com", "bakery", "555", "portland"] {
            assert!(!decoded.contains(person), "{}: {person} in {decoded}", fixture.name);
        }
    }
}

#[test]
fn routes_are_numbered_once() {
    let ids: Vec<u8> = PLATFORM.routes.iter().map(|route| route.id).collect();
    assert_eq!(ids, [AUTHORIZE, LEGACY_AUTHORIZE, BALANCES, WEBHOOK]);
}
