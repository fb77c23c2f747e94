//! The laws of the registry: what is written about a platform in [`PLATFORMS`] can be used as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use holdfast_core::hold::Fact;
use holdfast_core::{Currency, PlatformName};

use super::{Failures, cases};
use crate::inbound::{Inbound, Notice};
use crate::settings::{SettingValue, Settings};
use crate::{PLATFORMS, platform};

#[test]
fn names_are_names_and_used_once() {
    let mut names = BTreeSet::new();
    for platform in PLATFORMS {
        let plain = platform.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        assert!(plain && PlatformName::new(platform.name).is_ok(), "{}", platform.name);
        assert!(names.insert(platform.name), "{} twice", platform.name);
        assert_eq!(crate::platform(platform.name).map(|found| found.name), Some(platform.name));
    }
    assert!(platform("nobody").is_none() && platform("").is_none());
}

#[test]
fn routes_are_paths_and_used_once() {
    for platform in PLATFORMS {
        assert!(!platform.routes.is_empty(), "{} has no routes", platform.name);
        let (mut ids, mut paths) = (BTreeSet::new(), BTreeSet::new());
        for route in platform.routes {
            let place = format!("{} {}", platform.name, route.path);
            assert!(ids.insert(route.id), "{place}: the id is another route's");
            assert!(route.path.starts_with('/') && !route.path.ends_with('/') && !route.path.contains('?'), "{place}");
            let segments: Vec<&str> = route.path.split('/').skip(1).collect();
            let named = segments.iter().filter(|segment| segment.contains(['{', '}']));
            let whole = |segment: &&&str| segment.starts_with('{') && segment.ends_with('}') && segment.len() > 2;
            assert!(named.clone().all(|segment| whole(&segment)) && named.count() <= 1, "{place}");
            // Two routes that match one path would make the order decide.
            let shape: Vec<&str> = segments.iter().map(|segment| if segment.starts_with('{') { "{}" } else { segment }).collect();
            assert!(paths.insert((format!("{:?}", route.method), shape)), "{place}: twice");
        }
    }
}

#[test]
fn budgets_are_in_order() {
    for platform in PLATFORMS {
        let budget = platform.budget;
        let ordered = budget.min <= budget.default && budget.default <= budget.max;
        assert!(
            ordered && budget.min >= Duration::from_millis(100) && budget.max <= Duration::from_secs(30),
            "{}",
            platform.name
        );
    }
}

#[test]
fn defaults_build_and_every_unknown_setting_is_named() {
    for platform in PLATFORMS {
        assert!((platform.build)(&Settings::defaults(Currency::USD)).is_ok(), "{}", platform.name);
        let unknown = ["zz_one", "zz_two"].map(|key| (key.to_owned(), SettingValue::Switch(true)));
        let settings = Settings { currency: Currency::USD, values: BTreeMap::from(unknown) };
        let errors = (platform.build)(&settings).err().unwrap_or_default();
        let keys: Vec<&str> = errors.iter().map(|error| error.key.as_str()).collect();
        assert_eq!(keys, ["zz_one", "zz_two"], "{}", platform.name);
    }
}

/// A settlement file has what the platform wrote: a key that was made of it must give that back.
#[test]
fn a_told_movement_is_called_what_its_message_is_called() {
    let mut failures = Failures::default();
    for case in cases() {
        let Ok(Inbound::Notification { notices, .. }) = case.decode(&case.body) else { continue };
        for event in notices.iter().flat_map(Notice::events).filter(|event| moves_money(&event.fact)) {
            let name = (case.platform.message_name)(event.key.as_str());
            let written = format!("\"{name}\"");
            let body = String::from_utf8_lossy(&case.body);
            let in_header = case.headers.values().any(|value| value == name);
            let is_written = in_header || body.contains(&written) || is_digest(name);
            failures.expect(is_written, &case, || format!("{name} is not in the message"));
        }
    }
    failures.report();
}

const fn moves_money(fact: &Fact) -> bool {
    matches!(fact, Fact::Captured { .. } | Fact::Completed { .. } | Fact::Credited { .. } | Fact::Debited { .. })
}

/// What a key is made of where the platform named nothing, or by something that is too long for a key.
fn is_digest(name: &str) -> bool {
    let hex = name.rsplit('-').next().unwrap_or(name);
    matches!(hex.len(), 16 | 32) && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}
