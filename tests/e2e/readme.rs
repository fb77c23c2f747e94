//! The README's commands print what it says: typed one after the other into a shell beside a server on the demo's configuration.
//! What differs from run to run (moments, hashes of records, ages) is not compared.

use std::process::Command;

use crate::support::Workplace;
use crate::support::server::{HOLDFAST, Server};

const README: &str = include_str!("../../README.md");

/// A command as it is typed, and what is printed below it.
#[derive(Debug)]
pub struct Step {
    pub command: String,
    pub prints: String,
}

/// The commands between two headings, in the order in which a reader types them.
pub fn steps(from: &str, to: &str) -> Vec<Step> {
    let (_, rest) = README.split_once(from).unwrap();
    let (section, _) = rest.split_once(to).unwrap();
    let blocks = section.split("```text\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks {
        let mut open = false;
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step { command: command.to_owned(), prints: String::new() });
                open = true;
            } else if open {
                let step = steps.last_mut().unwrap();
                step.command.push('\n');
                step.command.push_str(line);
            } else if let Some(step) = steps.last_mut() {
                step.prints.push_str(line);
                step.prints.push('\n');
            }
            // A command goes on behind a backslash, or inside quotes.
            let command = &steps.last().unwrap().command;
            let outside: String = command.split('\'').step_by(2).collect();
            let is_quoted = command.matches('\'').count() % 2 == 1 || outside.matches('"').count() % 2 == 1;
            open = open && (command.ends_with('\\') || is_quoted);
        }
    }
    steps
}

/// The command as it has to be typed here: this server's addresses, this build's program, this data directory.
fn here(command: &str, server: &Server, workplace: &Workplace) -> String {
    let data = workplace.data();
    let holdfast = |command: &str| match command.strip_prefix("holdfast ") {
        Some(arguments) => format!("{HOLDFAST} {arguments} --data {}", data.display()),
        None => command.to_owned(),
    };
    holdfast(&command.replace("cargo run --release -- ", "holdfast "))
        .replace("$(holdfast token", &format!("$({HOLDFAST} token"))
        .replace("127.0.0.1:8080", &server.listen.to_string())
        .replace("127.0.0.1:9090", &server.ops_listen.to_string())
        .replace("127.0.0.1:8081", &server.api_listen.to_string())
        // Behind the program's cut-off it is tomorrow's.
        .replace("settlement?from=2026-11-27&to=2026-11-28", "settlement?from=$(date -u +%F)&to=$(date -u -d tomorrow +%F)")
}

/// What differs from run to run: a moment of the running, and a day of it.
const MOMENT: &str = "2026-11-27T00:34:57.409211Z";
const DAY: &str = "\"2026-11-27\"";

/// Leaves out what no two runs have in common. Moments of the callbacks themselves have whole seconds, and are compared.
pub fn comparable(text: &str) -> String {
    let text = text.trim_end();
    let mut compared = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let alike = |shape: &str| {
            let begins = rest.get(..shape.len())?;
            let same = |(one, other): (u8, u8)| if other.is_ascii_digit() { one.is_ascii_digit() } else { one == other };
            begins.bytes().zip(shape.bytes()).all(same).then_some(begins)
        };
        let left_out = alike(MOMENT).filter(|moment| !moment.ends_with(".000000Z")).or_else(|| alike(DAY));
        let taken = left_out.map_or(character.len_utf8(), str::len);
        compared.push_str(if left_out.is_some() { "…" } else { &rest[..taken] });
        rest = &rest[taken..];
    }
    without(&without(&compared, "\"intent_reference\":\"intent_", 20), "\"request_id\":\"", 36)
}

/// The text without so many letters behind each mark: names that are made anew in every run.
fn without(text: &str, mark: &str, letters: usize) -> String {
    let mut parts = text.split(mark);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |so_far, part| format!("{so_far}{mark}…{}", part.get(letters..).unwrap_or_default()))
}

#[test]
fn its_commands_print_what_it_says() {
    let here_is = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !here_is("bash") || !here_is("curl") {
        assert!(std::env::var_os("HOLDFAST_TEST_ALL").is_none(), "bash or curl is not there, and HOLDFAST_TEST_ALL wants them");
        eprintln!("skipped: needs bash and curl");
        return;
    }
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let sections = [
        ("## Two callbacks", "## How a callback flows"),
        ("## Asking the journal", "### Retention"),
        ("## Management API", "## Webhooks"),
        ("## Agent spend", "## More than one machine"),
    ];
    let steps: Vec<Step> = sections.into_iter().flat_map(|(from, to)| steps(from, to)).collect();
    assert!(steps.len() >= 10, "{steps:?}");
    let mut session = String::new();
    for Step { command, prints } in steps {
        let command = here(&command, &server, &workplace);
        if prints.is_empty() {
            // It prepares the shell for those after it.
            session.push_str(&command);
            session.push('\n');
            continue;
        }
        let command = session.clone() + &command;
        let output = Command::new("bash").args(["-c", &command]).current_dir(workplace.path(".")).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(comparable(&printed), comparable(&prints), "{command}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(server.terminate().success());
}
