//! The first law: each fixture decodes to its value and encodes to its bytes.
//!
//! `UPDATE_FIXTURES=1` writes what the code does into the files; a person then reads the difference.

use super::describe::describe;
use super::{Case, folder_of, read_cases, reply};
use crate::PLATFORMS;

const HOW_TO_FILL: &str = "UPDATE_FIXTURES=1 cargo test -p holdfast-adapters --features proving laws\nwrites what the code does into the files; read what it wrote before you believe it";

#[test]
fn each_fixture_decodes_to_its_value_and_encodes_to_its_bytes() {
    let update = std::env::var("UPDATE_FIXTURES").is_ok_and(|value| value == "1");
    let (cases, mut problems) = read_cases();
    for case in &cases {
        match actual(case) {
            Err(problem) => problems.push(format!("{}: {problem}", case.name())),
            Ok(actual) if update => {
                if actual != case.fixture.sections {
                    case.fixture.write(&actual);
                }
            }
            Ok(actual) => compare(case, &actual, &mut problems),
        }
    }
    let (count, all) = (problems.len(), problems.join("\n\n"));
    assert!(count == 0, "{count} problems in {} fixtures:\n\n{all}\n\n{HOW_TO_FILL}\n", cases.len());
}

/// What the code makes of a fixture: its sections, in the file's order of replies.
fn actual(case: &Case) -> Result<Vec<(String, String)>, String> {
    let keyring = super::keyring();
    let callback = case.callback(&case.headers, &case.body);
    case.adapter.verify(callback, &keyring, super::NOW).map_err(|refusal| format!("its proof is {}", refusal.name()))?;

    let mut sections = vec![("inbound".to_owned(), describe(&case.decode(&case.body)))];
    let owed = case.owed();
    if case.fixture.fetched.is_some() {
        sections.push(("inbound fetched".to_owned(), describe(&owed)));
    }
    let named = case.fixture.sections.iter().filter_map(|(name, _)| name.strip_prefix("reply "));
    let mut words: Vec<&str> = named.collect();
    if words.is_empty() {
        words.extend(reply::usual(&owed));
    }
    for words in words {
        sections.push((format!("reply {words}"), reply::reply(case, &owed, words)?));
    }
    Ok(sections)
}

fn compare(case: &Case, actual: &[(String, String)], problems: &mut Vec<String>) {
    let expected = &case.fixture.sections;
    for (name, content) in actual {
        match expected.iter().find(|(section, _)| section == name) {
            None => problems.push(format!("{}: has no section `--- {name}`", case.name())),
            Some((_, empty)) if empty.is_empty() => {
                problems.push(format!("{}: `--- {name}` is empty", case.name()));
            }
            Some((_, expected)) if expected != content => {
                problems.push(format!("{}: `--- {name}`\n{}", case.name(), difference(expected, content)));
            }
            Some(_) => {}
        }
    }
    for (name, _) in expected.iter().filter(|(name, _)| !actual.iter().any(|(section, _)| section == name)) {
        problems.push(format!("{}: `--- {name}` is no section", case.name()));
    }
}

/// The lines that differ: `-` as the file has them, `+` as the code does.
fn difference(expected: &str, actual: &str) -> String {
    let (mut expected, mut actual): (Vec<&str>, Vec<&str>) = (expected.split('\n').collect(), actual.split('\n').collect());
    while expected.last().is_some() && expected.last() == actual.last() {
        expected.pop();
        actual.pop();
    }
    let same = expected.iter().zip(&actual).take_while(|(expected, actual)| expected == actual).count();
    let context = same.saturating_sub(2)..same;
    let lines = expected[context].iter().map(|line| format!("    {line}"));
    let gone = expected[same..].iter().map(|line| format!("  - {line}"));
    let came = actual[same..].iter().map(|line| format!("  + {line}"));
    lines.chain(gone).chain(came).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_folder_has_fixtures_that_nothing_runs() {
    let not_built = if cfg!(feature = "proving") { "" } else { "proving" };
    for entry in std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let runs = PLATFORMS.iter().any(|platform| platform.name == name);
        assert!(runs || name == not_built || !folder_of(&name).exists(), "{name} has fixtures and is not in PLATFORMS");
    }
}

#[test]
fn a_difference_shows_its_lines() {
    assert_eq!(difference("a\nb\nc\nd\ne", "a\nb\nc\nX\ne"), "    b\n    c\n  - d\n  + X");
    assert_eq!(difference("a", "a\nb"), "    a\n  + b");
}
