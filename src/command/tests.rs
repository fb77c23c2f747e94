//! What the command line understands, what it prints, and commands against a real socket.

use std::fs;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use holdfast_core::hold::AccountStatus;
use holdfast_core::{AccountId, Currency, Money, ProgramId, Timestamp};

use super::*;
use crate::control::protocol::{BalancesPage, IMPORT_ROWS_MAX, PageStart};
use crate::control::server::ControlListener;
use crate::control::{AccountReport, ControlAnswer, ControlRequest, ImportFile, ImportSummary, RowProblem, RulesVersion};
use crate::journal::KeptKind;

fn parse(line: &str) -> Result<Cli, ErrorKind> {
    Cli::try_parse_from(line.split(' ')).map_err(|error| error.kind())
}

#[test]
fn the_command_line_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn what_is_understood() {
    let understood = [
        "holdfast serve",
        "holdfast serve --config c --data d --listen 127.0.0.1:0 --ops-listen [::1]:0 --api-listen 127.0.0.1:0",
        "holdfast check --config c",
        "holdfast import --accounts a --cards c",
        "holdfast import --cards c --data d",
        "holdfast import --accounts a",
        "holdfast balance a-1 --json --program p",
        "holdfast rules check r.toml --program p",
        "holdfast rules publish r.toml --program p --by ann --why because",
        "holdfast rules history --program p --json",
        "holdfast rules rollback --program p --to abc --by ann --why because",
        "holdfast journal verify --json --data d",
        "holdfast journal verify b",
        "holdfast journal trim --dry-run --json --data d",
        "holdfast backup b --json --data d",
        "holdfast restore b --data d --json",
        "holdfast explain tx-1001 --program p --platform marqeta --hold 3 --json --data d",
        "holdfast replay --from 3 --to 9 --json --data d",
        "holdfast settlement --program p --day 2026-03-14 --file f --json --config c",
        "holdfast inbox --since 2026-03-14T15:00:00Z --program p --json --data d",
    ];
    for line in understood {
        assert!(parse(line).is_ok(), "{line}");
    }
    let not_understood = [
        ("holdfast", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("holdfast dance", ErrorKind::InvalidSubcommand),
        ("holdfast serve --listen localhost:80", ErrorKind::ValueValidation),
        ("holdfast serve --listen 127.0.0.1", ErrorKind::ValueValidation),
        ("holdfast import", ErrorKind::MissingRequiredArgument),
        ("holdfast balance", ErrorKind::MissingRequiredArgument),
        ("holdfast rules", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("holdfast rules publish r.toml --program p --by ann", ErrorKind::MissingRequiredArgument),
        ("holdfast rules publish r.toml --program p --by= --why because", ErrorKind::ValueValidation),
        ("holdfast rules rollback --by ann --why because", ErrorKind::MissingRequiredArgument),
        ("holdfast journal", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("holdfast backup", ErrorKind::MissingRequiredArgument),
        ("holdfast restore b", ErrorKind::MissingRequiredArgument),
        ("holdfast explain", ErrorKind::MissingRequiredArgument),
        ("holdfast replay --from 0", ErrorKind::ValueValidation),
        ("holdfast settlement --program p", ErrorKind::MissingRequiredArgument),
        ("holdfast settlement --program p --day 14.3.2026", ErrorKind::ValueValidation),
        ("holdfast inbox --since yesterday", ErrorKind::ValueValidation),
        ("holdfast --version", ErrorKind::DisplayVersion),
        ("holdfast balance --help", ErrorKind::DisplayHelp),
    ];
    for (line, expected) in not_understood {
        assert_eq!(parse(line).err(), Some(expected), "{line}");
    }
}

#[test]
fn serve_puts_its_options_over_the_file() {
    let Command::Serve(serve) = parse("holdfast serve --data d --listen 127.0.0.1:7").unwrap().command else { panic!() };
    let (path, overrides) = serve.config();
    assert_eq!(path.to_str(), Some("config/holdfast.toml"));
    assert_eq!(overrides.listen, Some("127.0.0.1:7".parse().unwrap()));
    assert_eq!((overrides.ops_listen, overrides.data), (None, Some("d".into())));
}

#[test]
fn every_command_teaches_by_example() {
    let mut cli = Cli::command();
    for names in [
        "serve",
        "check",
        "import",
        "balance",
        "rules",
        "journal verify",
        "journal trim",
        "backup",
        "restore",
        "explain",
        "replay",
        "settlement",
        "inbox",
    ] {
        let mut command = &mut cli;
        for name in names.split(' ') {
            command = command.find_subcommand_mut(name).unwrap();
        }
        let help = command.render_long_help().to_string();
        assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
        // Every example line is one that we understand.
        for line in help.lines().map(str::trim).filter(|line| line.starts_with("holdfast ")) {
            let words = line.split("  ").next().unwrap().split(" | ").next().unwrap().split(" && ").next().unwrap();
            let quoted: Vec<_> = words.split('\'').collect();
            let line = if quoted.len() == 3 { format!("{}why", quoted[0]) } else { words.to_owned() };
            assert!(parse(&line).is_ok(), "{line}");
        }
    }
}

fn report() -> AccountReport {
    let money = |minor| Money::from_minor(minor, Currency::USD);
    AccountReport {
        program: ProgramId::new("demo").unwrap(),
        account: AccountId::new("acct-demo-1").unwrap(),
        status: AccountStatus::Active,
        posted: money(100_000),
        held: money(2745),
        credit_line: money(0),
        available: money(97_255),
        holds_open: 1,
    }
}

fn version(in_force: bool) -> RulesVersion {
    let at = Timestamp::from_unix_seconds(1_773_500_966);
    let program = ProgramId::new("demo").unwrap();
    RulesVersion {
        kind: KeptKind::Rules,
        program,
        hash: "5c1d".into(),
        at,
        by: "ann".into(),
        why: "no cash\nat night".into(),
        in_force,
        waits_for_ledger: false,
        passed_over: Vec::new(),
    }
}

#[test]
fn a_rollback_names_what_it_passes_over() {
    let told = rules::told_in_force(&RulesVersion { passed_over: vec!["ab01".into(), "cd02".into()], ..version(true) });
    let end =
        "; this is from before the first time of the version that was in force, and passes over (--to goes to one): ab01, cd02";
    assert_eq!(told.strip_prefix(&rules::told_in_force(&version(true))), Some(end));
}

#[test]
fn a_balance_as_table_and_as_json() {
    assert_eq!(
        balance::as_table(&report()),
        "account      acct-demo-1 (active), program demo\n\
         posted       1000.00 USD\n\
         held           27.45 USD\n\
         credit line     0.00 USD\n\
         available     972.55 USD\n\
         open holds         1\n"
    );
    assert_eq!(
        balance::as_json(&report()).to_string(),
        "{\"account_id\":\"acct-demo-1\",\"available\":97255,\"credit_line\":0,\"currency\":\"USD\",\"held\":2745,\
         \"holds_open\":1,\"posted\":100000,\"program\":\"demo\",\"status\":\"active\"}"
    );
}

#[test]
fn a_version_is_one_line_whatever_its_author_wrote() {
    assert_eq!(rules::as_line(&version(true)), "* 2026-03-14T15:09:26.000000Z 5c1d ann: no cash at night");
    assert_eq!(rules::as_line(&version(false)).chars().next(), Some(' '));
    assert!(!rules::as_json(&version(true)).to_string().contains('\n'));
}

/// Runs a command against a server that answers `reply` on a data directory with these files. Gives what it printed.
fn run(files: &[(&str, &str)], line: &str, reply: fn(ControlRequest) -> ControlAnswer) -> Result<String, String> {
    let data = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(data.path().join(name), text).unwrap();
    }
    let directory = data.path().display().to_string();
    let cli = parse(&line.replace('@', &directory)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (output, result) = runtime.block_on(async {
        let listener = ControlListener::bind(data.path()).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serve = listener.serve(16, move |request| std::future::ready(reply(request)), async {
            let _ = stopped.await;
        });
        let command = async {
            let done = tokio::task::spawn_blocking(move || {
                let mut output = Vec::new();
                let result = cli.run(None, &mut output);
                (String::from_utf8(output).unwrap(), result)
            });
            let done = done.await.unwrap();
            drop(stop);
            done
        };
        tokio::join!(command, serve).0
    });
    match result {
        Ok(()) => Ok(output),
        Err(Failure::Told(problem) | Failure::CutOff(problem)) => Err(problem.replace(&format!("{directory}/"), "")),
        Err(Failure::OutputClosed) => panic!("the output is a vector"),
    }
}

/// A server that checks what it is asked.
fn server(request: ControlRequest) -> ControlAnswer {
    match request {
        ControlRequest::Balance(asked) if asked.account.as_str() == "acct-demo-1" => ControlAnswer::Balance(report()),
        ControlRequest::Balances(asked) => {
            let second = PageStart { program: report().program, number: 7 };
            let next = if asked.from == Some(second) { None } else { Some(second) };
            ControlAnswer::Balances(BalancesPage { accounts: vec![report()], next })
        }
        ControlRequest::Balance(_) => ControlAnswer::Refused { problems: vec!["one".into(), "two".into()] },
        ControlRequest::Spend(_) => ControlAnswer::Refused { problems: vec!["there is no agent spend here".into()] },
        ControlRequest::Import(import) if import.cards.iter().any(|card| card.line == 3) => {
            let row =
                RowProblem { file: ImportFile::Cards, line: 3, column: "account_id".into(), problem: "is not an account".into() };
            ControlAnswer::RowsRefused { rows: vec![row] }
        }
        ControlRequest::Import(import) => {
            assert!(import.accounts.len().saturating_add(import.cards.len()) <= IMPORT_ROWS_MAX);
            let (accounts_new, cards_new) = (import.accounts.len() as u64, import.cards.len() as u64);
            ControlAnswer::Imported(ImportSummary { accounts_new, cards_new, ..ImportSummary::default() })
        }
        ControlRequest::RulesPublish(publish) => {
            assert_eq!((publish.text.as_str(), publish.by.as_str(), publish.why.as_str()), ("rules", "ann", "because"));
            ControlAnswer::RulesInForce(Box::new(version(true)))
        }
        ControlRequest::RulesHistory(_) => ControlAnswer::RulesHistory(vec![version(true), version(false)]),
        ControlRequest::RulesRollback(rollback) if rollback.to.is_none() => {
            ControlAnswer::Unavailable { problem: "no disk".into() }
        }
        ControlRequest::RulesRollback(_) => ControlAnswer::Imported(ImportSummary::default()),
        ControlRequest::Trim(_)
        | ControlRequest::Switch(_)
        | ControlRequest::BringBack(_)
        | ControlRequest::ImportProfiles(_) => ControlAnswer::Unavailable { problem: "no disk".into() },
    }
}

const ACCOUNTS: &str = "account_id,program,currency,balance,credit_line,status\na,demo,USD,1,0,active\n";
const CARD: &str = "card_token,account_id,cardholder_token,status\nc,a,h,active\n";
const CARDS: &str = "card_token,account_id,cardholder_token,status\nc,a,h,active\nd,z,h,active\n";
const FOREIGN: &str = "account_id,program,currency,balance,credit_line,status\na,gone,USD,1,0,active\nb,demo,EUR,1,0,active\n";
const BROKEN: &str = "card_token,account_id,cardholder_token,status\n,a,h,open\n";

#[test]
fn commands_against_a_running_server() {
    let since = "2026-03-14T15:09:26.000000Z";
    let in_force = format!("program demo: version 5c1d is in force since {since}\n");
    let history = format!("* {since} 5c1d ann: no cash at night\n  {since} 5c1d ann: no cash at night\n");
    let json = balance::as_json(&report()).to_string() + "\n";
    let table = balance::as_table(&report());
    let files = [
        ("a.csv", ACCOUNTS),
        ("c.csv", CARD),
        ("cc.csv", CARDS),
        ("f.csv", FOREIGN),
        ("broken.csv", BROKEN),
        ("half.csv", "card_token,account_id,cardholder_token,status\nc,unknown,h,active\n,unknown,h,active\n"),
        ("r.toml", "rules"),
    ];
    let cases: &[(&str, Result<&str, &str>)] = &[
        ("holdfast balance acct-demo-1 --data @", Ok(&table)),
        ("holdfast balance acct-demo-1 --json --data @", Ok(&json)),
        ("holdfast balance other --data @", Err("one\ntwo")),
        ("holdfast import --accounts @/a.csv --cards @/c.csv --data @", Ok("accounts: 1 new, 0 known; cards: 1 new, 0 known\n")),
        ("holdfast import --cards @/cc.csv --data @", Err("cc.csv:3:2: account_id: is not an account")),
        (
            "holdfast import --accounts @/none.csv --cards @/broken.csv --data @",
            Err("none.csv:1:1: cannot be read: No such file or directory (os error 2)\n\
                 broken.csv:2:1: card_token: is empty\n\
                 broken.csv:2:4: status: must be one of active, unactivated, frozen, lost, stolen, expired, closed"),
        ),
        // Which accounts the ledger has, nobody asks it before the rest is right.
        (
            "holdfast import --cards @/half.csv --data @",
            Err("half.csv:3:1: card_token: is empty\n\
                 whether the ledger knows the accounts of the other cards is told once these rows are mended"),
        ),
        // The programs are the configuration's: what is wrong with them is told beside what is wrong with the rows.
        (
            "holdfast import --accounts @/f.csv --cards @/broken.csv --data @",
            Err("f.csv:2:2: program: is not a program of the configuration\n\
                 f.csv:3:3: currency: must be the program's, USD\n\
                 broken.csv:2:1: card_token: is empty\n\
                 broken.csv:2:4: status: must be one of active, unactivated, frozen, lost, stolen, expired, closed"),
        ),
        ("holdfast rules publish @/r.toml --program demo --by ann --why because --data @", Ok(&in_force)),
        (
            "holdfast rules publish @/none.toml --program demo --by ann --why because --data @",
            Err("none.toml: cannot be read: No such file or directory (os error 2)"),
        ),
        ("holdfast rules history --program demo --data @", Ok(&history)),
        ("holdfast rules rollback --program demo --by ann --why because --data @", Err("not now: no disk")),
        (
            "holdfast rules rollback --program demo --to 5c --by ann --why because --data @",
            Err("the server answered something else than was asked; is it of another version?"),
        ),
    ];
    for (line, expected) in cases {
        let printed = run(&files, line, server);
        assert_eq!(printed.as_deref().map_err(String::as_str), *expected, "{line}");
    }
}

#[test]
fn a_large_import_goes_in_several_requests_and_says_how_far_it_came() {
    use std::fmt::Write as _;
    let mut accounts = String::from("account_id,program,currency,balance,credit_line,status\n");
    let mut cards = String::from("card_token,account_id,cardholder_token,status\n");
    for number in 0..=IMPORT_ROWS_MAX {
        writeln!(accounts, "a-{number},demo,USD,1,0,active").unwrap();
    }
    // Not one on line 3, which the server refuses: an empty line counts.
    cards.push_str("c-1,a-1,,active\n\nc-2,a-2,,active\n");
    let files = [("a.csv", accounts.as_str()), ("c.csv", cards.as_str()), ("cc.csv", CARDS)];
    assert_eq!(
        run(&files, "holdfast import --accounts @/a.csv --cards @/c.csv --data @", server).unwrap(),
        format!("accounts: {} new, 0 known; cards: 2 new, 0 known\n", IMPORT_ROWS_MAX.saturating_add(1))
    );
    assert_eq!(
        run(&files, "holdfast import --accounts @/a.csv --cards @/cc.csv --data @", server).unwrap_err(),
        "cc.csv:3:2: account_id: is not an account\n\
         earlier rows of the files are in; repair these and import again, it is safe"
    );
    // A panic closes the connection without an answer, as the end of a server does.
    let ends_with_the_cards = |request| {
        let is_of_cards = matches!(&request, ControlRequest::Import(import) if import.accounts.is_empty());
        assert!(!is_of_cards, "the server ends here");
        server(request)
    };
    let cut_off = run(&files, "holdfast import --accounts @/a.csv --cards @/c.csv --data @", ends_with_the_cards).unwrap_err();
    assert_eq!(
        cut_off,
        format!(
            "holdfast.sock: the server ended, or closed the connection, before it answered; what was asked may have been done, or not\n\
             {} accounts and 0 cards of the files are in; whether the next 2 rows are is not known; 0 rows were not sent. Start the \
             server and import again: it is safe, and changes no balance",
            IMPORT_ROWS_MAX.saturating_add(1)
        )
    );
}

#[test]
fn the_configuration_leads_to_the_server_without_its_secrets() {
    // Relative to the working directory, so the test names it whole; no environment variable of that name is set.
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("c.toml");
    fs::write(&path, format!("[ledger]\ndata = '{}'\n[[program]]\nid = 'x'\n", data.path().display())).unwrap();
    assert_eq!(config::ledger_of(&path).unwrap().data, data.path());
    fs::write(&path, "[ledger]\ndata = 1\n").unwrap();
    let wrong = config::ledger_of(&path).unwrap_err().to_string();
    assert!(wrong.ends_with("c.toml:2:8: ledger.data: must be a text in quotes"), "{wrong}");
}

#[test]
fn without_a_server_the_configuration_is_needed() {
    let data = tempfile::tempdir().unwrap();
    let told = |command: &str| {
        let line = format!("holdfast {command} --data {0} --config {0}/none.toml", data.path().display());
        let Err(Failure::Told(problem)) = parse(&line).unwrap().run(None, &mut Vec::new()) else { panic!() };
        problem
    };
    fs::write(data.path().join("journal.sqlite"), "").unwrap();
    let problem = told("rules rollback --program demo --by ann --why because");
    assert!(problem.ends_with("none.toml:1:1: cannot be read: No such file or directory (os error 2)"), "{problem}");
}

/// Neither begins a ledger, nor makes its directory, nor answers as if it were an empty one.
#[test]
fn no_command_but_serve_and_import_takes_a_directory_without_a_ledger() {
    let parent = tempfile::tempdir().unwrap();
    let (nowhere, empty) = (parent.path().join("nowhere"), parent.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    let commands = [
        "balance acct-demo-1",
        "balance --all",
        "inbox",
        "explain tx-1",
        "journal verify",
        "journal trim",
        "settlement --program demo --day 2026-03-14",
        "replay",
        "backup @/copy",
        "spool",
        "spool retry 1 --by ann --why because",
        "stop-list --program demo",
        "rules history --program demo",
        "rules publish config/rules/demo.toml --program demo --by ann --why because",
        "rules rollback --program demo --by ann --why because",
        "stand-in history --program demo",
        "stand-in on --program demo --for 1h --by ann --why because",
        "stand-in off --program demo --by ann --why because",
        "stand-in report",
        "webhooks list",
        "webhooks retry 1",
        "webhooks replay --endpoint e --from 1",
        "organization list",
        "credential list --organization ent_demo",
        "erase --program demo",
    ];
    for (data, why) in [(&nowhere, "it is not there"), (&empty, "it has no journal.sqlite")] {
        for command in commands {
            let command = command.replace('@', &parent.path().display().to_string());
            let line = format!("holdfast {command} --data {}", data.display());
            let mut output = Vec::new();
            let Err(Failure::Told(problem)) = parse(&line).unwrap().run(None, &mut output) else { panic!("{line}") };
            assert!(problem.starts_with(&format!("there is no ledger in {}: {why}", data.display())), "{line}: {problem}");
            assert!(problem.contains("--data"), "{line}: {problem}");
            assert_eq!(output, b"", "{line}");
        }
    }
    assert!(!nowhere.exists());
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
}

/// A data directory whose journal has two groups, of two records and of one.
fn data_directory() -> tempfile::TempDir {
    use crate::journal::{GroupWriter, Journal, Log as _, Sync};
    let data = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(data.path(), Sync::Full).unwrap();
    for records in [2, 1] {
        let mut group = GroupWriter::default();
        for _ in 0..records {
            group.push(&opened()).unwrap();
        }
        journal.append(group.records(), group.bytes()).unwrap();
    }
    data
}

#[test]
fn the_journal_is_proven_copied_and_restored() {
    let (data, elsewhere) = (data_directory(), tempfile::tempdir().unwrap());
    let done = |line: &str| {
        let line = line.replace('@', &elsewhere.path().display().to_string());
        let line = line.replace("DATA", &data.path().display().to_string());
        let mut output = Vec::new();
        match parse(&line).unwrap().run(None, &mut output) {
            Ok(()) => Ok(String::from_utf8(output).unwrap()),
            Err(Failure::Told(problem) | Failure::CutOff(problem)) => Err(problem),
            Err(Failure::OutputClosed) => panic!("the output is a vector"),
        }
    };
    let proven = done("holdfast journal verify --data DATA").unwrap();
    assert!(proven.starts_with("records      3 (1 to 3) in 2 groups\nwritten by   0."), "{proven}");
    let json = done("holdfast journal verify --json --data DATA").unwrap();
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    let head = told["head"].as_str().unwrap();
    assert_eq!(u64::from_str_radix(head.split_at(12).0, 16).ok(), told["head_number"].as_u64(), "{json}");
    assert_eq!((told["records"].as_i64(), told["groups"].as_i64(), head.len()), (Some(3), Some(2), 64));

    let copied = done("holdfast backup @ --data DATA").unwrap();
    let left_out =
        format!("not in it    the spool, {}/spool.sqlite: nothing in it waits for the ledger\n", data.path().display());
    assert_eq!(copied, format!("file         {}/holdfast-3.backup\n{proven}{left_out}", elsewhere.path().display()));
    assert!(done("holdfast backup @ --data DATA").unwrap_err().contains("is there already"));
    let copied = done("holdfast backup @/again --json --data DATA").unwrap();
    assert!(copied.contains("\"file\":") && copied.contains(head), "{copied}");
    assert_eq!(done("holdfast journal verify @/again").unwrap(), proven);

    let restored = json.replace("\"records\"", "\"not_proven\":[],\"records\"");
    assert_eq!(done("holdfast restore @/again --json --data @/new").unwrap(), restored);
    assert_eq!(done("holdfast journal verify --data @/new").unwrap(), proven);
    assert!(done("holdfast restore @/again --data @/new").unwrap_err().contains("is not empty"));
    assert!(done("holdfast restore @/none --data @/newer").unwrap_err().contains("No such file"));
    assert!(done("holdfast journal verify @/none").unwrap_err().contains("No such file"));

    let operator = rusqlite::Connection::open(data.path().join("journal.sqlite")).unwrap();
    assert_eq!(operator.execute("UPDATE journal SET body = x'01' WHERE first = 3", []).unwrap(), 1);
    let damaged = done("holdfast journal verify --data DATA").unwrap_err();
    assert!(damaged.contains("journal.sqlite: the group that begins with record 3"), "{damaged}");
}

fn opened() -> crate::journal::RecordRef<'static> {
    crate::journal::RecordRef {
        at: Timestamp::EPOCH,
        program: None,
        platform: None,
        ruleset: None,
        operator: None,
        governed: None,
        place: crate::journal::Place::default(),
        body: crate::journal::BodyRef::Opened,
    }
}

#[test]
fn what_reads_the_journals_file_says_where_a_shared_ledger_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("c.toml");
    fs::write(&config, "[ledger]\nengine = \"postgres\"\n[ledger.postgres]\nconnection = \"env:NOWHERE\"\n").unwrap();
    let says = |line: &str| {
        let cli = Cli::try_parse_from(format!("holdfast {line} --config {}", config.display()).split(' ')).unwrap();
        let mut output = Vec::new();
        let Err(Failure::Told(problem)) = cli.run(None, &mut output) else { panic!("{line} goes through") };
        assert!(problem.contains("ledger.engine: is \"postgres\", and the journal is in its database"), "{line}: {problem}");
        problem
    };
    assert!(says("backup b").contains("pg_basebackup"));
    says("journal trim");
}

#[test]
fn a_card_number_that_was_typed_is_not_said_again() {
    let typed = ["balance", "--program=4111 1111 1111 1111", "4111111111111111", "demo"].map(str::to_owned);
    let said = "error: invalid value '4111111111111111' for '--program 4111 1111 1111 1111' of demo".to_owned();
    assert_eq!(
        without_card_numbers(said, typed.into_iter()),
        "error: invalid value '(a card's number)' for '--program (a card's number)' of demo"
    );
}
