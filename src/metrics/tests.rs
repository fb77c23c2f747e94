//! What `/metrics` shows, and that the table in the README shows the same.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_core::{Currency, Money, RuleId, StandInCause};

use super::*;
use holdfast_core::{Basis, Decision, DeclineReason};

fn metrics() -> Arc<Metrics> {
    let mounts = [
        (ProgramId::new("demo").unwrap(), PlatformName::new("marqeta").unwrap()),
        (ProgramId::new("demo").unwrap(), PlatformName::new("apto").unwrap()),
    ];
    Metrics::new(&mounts).unwrap()
}

fn approve() -> Decision {
    Decision::Approve { amount: Money::from_decimal("12.50", Currency::from_alpha("USD").unwrap()).unwrap() }
}

fn in_time(decision: Decision, basis: &Basis) -> CallbackRecord<'_> {
    CallbackRecord {
        decision,
        basis,
        latency: Duration::from_micros(300),
        phases: Phases {
            verify: Duration::from_nanos(100),
            decode: Duration::from_micros(3),
            rules: Duration::from_micros(1),
            ledger: Duration::from_micros(290),
            encode: Duration::from_micros(2),
        },
        punctuality: Punctuality::InTime { slack: Duration::from_millis(1500) },
    }
}

/// The value of the one series whose line begins with this.
fn value(text: &str, series: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned))
}

#[test]
fn a_record_moves_every_series_that_it_concerns() {
    let metrics = metrics();
    let mount = metrics.mount(0).unwrap();
    mount.record(&in_time(approve(), &Basis::Ledger));
    mount.record(&in_time(approve(), &Basis::Ledger));
    let rule = Basis::Rule(RuleId::new("no-gambling").unwrap());
    mount.record(&in_time(Decision::Decline { reason: DeclineReason::MerchantCategoryNotAllowed }, &rule));
    let late = CallbackRecord {
        punctuality: Punctuality::Late,
        phases: Phases { ledger: Duration::ZERO, ..in_time(approve(), &Basis::Ledger).phases },
        ..in_time(Decision::Decline { reason: DeclineReason::InsufficientFunds }, &Basis::StandIn(StandInCause::DeadlinePassed))
    };
    mount.record(&late);

    let text = metrics.render();
    let mount = r#"program="demo",platform="marqeta""#;
    let cases = [
        (format!(r#"holdfast_decisions_total{{{mount},outcome="approve",reason="none",basis="ledger"}}"#), "2"),
        (
            format!(
                r#"holdfast_decisions_total{{{mount},outcome="decline",reason="merchant_category_not_allowed",basis="rule"}}"#
            ),
            "1",
        ),
        (format!(r#"holdfast_decisions_total{{{mount},outcome="decline",reason="insufficient_funds",basis="stand_in"}}"#), "1"),
        (format!(r#"holdfast_stand_ins_total{{{mount},cause="deadline_passed"}}"#), "1"),
        (format!(r#"holdfast_stand_ins_total{{{mount},cause="starting"}}"#), "0"),
        (format!("holdfast_late_answers_total{{{mount}}}"), "1"),
        (format!("holdfast_decision_seconds_count{{{mount}}}"), "4"),
        (format!(r#"holdfast_decision_seconds_bucket{{{mount},le="0.00025"}}"#), "0"),
        (format!(r#"holdfast_decision_seconds_bucket{{{mount},le="0.0005"}}"#), "4"),
        (format!(r#"holdfast_deadline_slack_seconds_bucket{{{mount},le="0"}}"#), "1"),
        (format!(r#"holdfast_deadline_slack_seconds_bucket{{{mount},le="1.5"}}"#), "4"),
        (r#"holdfast_phase_seconds_count{phase="ledger"}"#.to_owned(), "3"),
        (r#"holdfast_phase_seconds_count{phase="rules"}"#.to_owned(), "4"),
        (r#"holdfast_decision_seconds_count{program="demo",platform="apto"}"#.to_owned(), "0"),
    ];
    for (series, expected) in cases {
        assert_eq!(value(&text, &series).as_deref(), Some(expected), "{series}\n{text}");
    }
}

#[test]
fn the_journals_head_is_shown_without_loss() {
    let metrics = metrics();
    metrics.ledger.journal(7, (1 << 48) - 1);
    let text = metrics.render();
    assert_eq!(value(&text, "holdfast_journal_records").as_deref(), Some("7"));
    assert_eq!(value(&text, "holdfast_journal_head").as_deref(), Some("281474976710655"));
}

#[test]
fn every_reason_cause_and_result_has_a_series_of_its_own() {
    let metrics = metrics();
    let mount = metrics.mount(0).unwrap();
    let bases = [
        Basis::Rule(RuleId::new("r").unwrap()),
        Basis::Limit(RuleId::new("l").unwrap()),
        Basis::Ledger,
        Basis::Replay,
        Basis::StandIn(StandInCause::Starting),
    ];
    for reason in DeclineReason::ALL {
        for basis in &bases {
            mount.record(&in_time(Decision::Decline { reason: *reason }, basis));
        }
    }
    for cause in StandInCause::ALL {
        mount.record(&in_time(approve(), &Basis::StandIn(cause)));
    }
    Refusal::ALL.iter().for_each(|cause| mount.refused(*cause));
    NotificationResult::ALL.iter().for_each(|result| mount.notification(*result));
    HttpRefusal::ALL.iter().for_each(|cause| metrics.server.http_refused(*cause));
    ConnectionRefusal::ALL.iter().for_each(|cause| metrics.server.connection_refused(*cause));

    let text = metrics.render();
    let marqeta = r#"program="demo",platform="marqeta""#;
    let mut expected = Vec::new();
    for reason in DeclineReason::ALL {
        for basis in &bases {
            let outcome = if *reason == DeclineReason::ConflictingDuplicate { "conflict" } else { "decline" };
            let labels = format!(r#"{marqeta},outcome="{outcome}",reason="{}",basis="{}""#, reason.name(), basis.name());
            expected.push(format!("holdfast_decisions_total{{{labels}}}"));
        }
    }
    for cause in StandInCause::ALL.iter().filter(|cause| **cause != StandInCause::Starting) {
        expected.push(format!(r#"holdfast_stand_ins_total{{{marqeta},cause="{}"}}"#, cause.name()));
    }
    for cause in Refusal::ALL {
        expected.push(format!(r#"holdfast_refusals_total{{{marqeta},cause="{}"}}"#, cause.name()));
    }
    for result in NotificationResult::ALL {
        expected.push(format!(r#"holdfast_notifications_total{{{marqeta},result="{}"}}"#, result.name()));
    }
    expected.push(format!("holdfast_unrecognized_total{{{marqeta}}}"));
    for cause in HttpRefusal::ALL {
        expected.push(format!(r#"holdfast_http_refusals_total{{cause="{}"}}"#, cause.name()));
    }
    for cause in ConnectionRefusal::ALL {
        expected.push(format!(r#"holdfast_connections_refused_total{{cause="{}"}}"#, cause.name()));
    }
    for series in expected {
        assert_eq!(value(&text, &series).as_deref(), Some("1"), "{series}");
    }
}

#[test]
fn a_new_ruleset_takes_the_place_of_the_old_one() {
    let metrics = metrics();
    let program = ProgramId::new("demo").unwrap();
    metrics.ruleset(program, "aaaa");
    metrics.ruleset(program, "bbbb");
    metrics.ruleset(program, "bbbb");
    let text = metrics.render();
    assert_eq!(value(&text, r#"holdfast_ruleset_info{program="demo",hash="aaaa"}"#), None, "it decides no more");
    assert_eq!(value(&text, r#"holdfast_ruleset_info{program="demo",hash="bbbb"}"#).as_deref(), Some("1"));
}

#[test]
fn a_new_stand_in_table_takes_the_place_of_its_own_old_one_only() {
    let metrics = metrics();
    let (program, apto) = (ProgramId::new("demo").unwrap(), PlatformName::new("apto").unwrap());
    metrics.stand_in_table(program, None, "aaaa");
    metrics.stand_in_table(program, Some(apto), "cccc");
    metrics.stand_in_table(program, None, "bbbb");
    let text = metrics.render();
    for (platform, hash, expected) in [("", "aaaa", None), ("", "bbbb", Some("1")), ("apto", "cccc", Some("1"))] {
        let name = format!(r#"holdfast_stand_in_info{{program="demo",platform="{platform}",hash="{hash}"}}"#);
        assert_eq!(value(&text, &name).as_deref(), expected, "{name}");
    }
}

#[test]
fn samples_survive_upkeep_between_two_readings() {
    let metrics = metrics();
    metrics.ledger.committed(Duration::from_micros(80), 3);
    metrics.run_upkeep();
    metrics.ledger.committed(Duration::from_micros(700), 200);
    let text = metrics.render();
    assert_eq!(value(&text, "holdfast_ledger_commit_seconds_count").as_deref(), Some("2"));
    assert_eq!(value(&text, r#"holdfast_ledger_commit_seconds_bucket{le="0.0001"}"#).as_deref(), Some("1"));
    assert_eq!(value(&text, r#"holdfast_ledger_commit_records_bucket{le="128"}"#).as_deref(), Some("1"));
    assert_eq!(value(&text, "holdfast_ledger_commit_records_sum").as_deref(), Some("203"));
}

/// Name → (type, labels) of every family in the README's table.
fn documented() -> BTreeMap<String, String> {
    include_str!("../../README.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `holdfast_"))
        .map(|row| {
            let mut cells = row.split(" | ");
            let name = cells.next().unwrap().trim_end_matches('`');
            (format!("holdfast_{name}"), cells.next().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn the_readme_has_a_row_for_every_family_and_no_other() {
    let metrics = metrics();
    metrics.ruleset(ProgramId::new("demo").unwrap(), "aaaa");
    metrics.stand_in_table(ProgramId::new("demo").unwrap(), None, "aaaa");
    metrics.exposure(ProgramId::new("demo").unwrap(), 12);
    let _ = metrics.endpoint("office");
    let text = metrics.render();
    let exposed: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect();
    assert_eq!(documented(), exposed);
    for name in exposed.keys() {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help text");
    }
}

#[test]
fn the_readme_names_every_label_value_that_is_there_from_the_start() {
    let readme = include_str!("../../README.md");
    for line in metrics().render().lines().filter(|line| !line.starts_with('#')) {
        let Some((_, labels)) = line.split_once('{') else { continue };
        let labels = labels.split_once('}').unwrap().0;
        for (name, value) in labels.split(',').map(|label| label.split_once('=').unwrap()) {
            if !matches!(name, "le" | "program" | "platform" | "version") {
                let value = value.trim_matches('"');
                assert!(readme.contains(&format!("`{value}`")), "{name}={value} of {line}");
            }
        }
    }
}
