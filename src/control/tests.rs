//! The command socket over real Unix sockets, and the line format.

use std::convert::Infallible;
use std::fs;
use std::future::Future;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc;

use holdfast_core::hold::{AccountStatus, CardStatus};
use holdfast_core::{AccountId, CardToken, CardholderToken, Currency, Money, PlatformName, ProgramId, Timestamp};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::client::{AskError, Patience, ask, ask_patiently};
use super::protocol::{
    AccountReport, Balance, IMPORT_ROWS_MAX, REQUEST_BYTES_MAX, RulesHistory, RulesPublish, RulesRollback, RulesVersion,
};
use super::server::{BindError, ControlListener};
use super::*;
use crate::journal::KeptKind;
use crate::switchboard::Reach;

/// A ledger of one account that remembers nothing.
struct OneAccount;

fn version(program: ProgramId, by: &str, why: &str) -> RulesVersion {
    let at = Timestamp::from_unix_seconds(1_773_500_966);
    RulesVersion {
        kind: KeptKind::StandIn,
        program,
        hash: "ab".repeat(32),
        at,
        by: by.into(),
        why: why.into(),
        in_force: true,
        waits_for_ledger: false,
        passed_over: Vec::new(),
    }
}

impl Operations for OneAccount {
    async fn import(&self, import: Import) -> Result<ImportSummary, OperationError> {
        let rows: Vec<_> = import
            .cards
            .iter()
            .filter(|card| card.account.as_str() != "acct-1")
            .map(|card| RowProblem {
                file: ImportFile::Cards,
                line: card.line,
                column: "account_id".into(),
                problem: "is not an account".into(),
            })
            .collect();
        if !rows.is_empty() {
            return Err(OperationError::Rows(rows));
        }
        Ok(ImportSummary { accounts_new: import.accounts.len() as u64, ..ImportSummary::default() })
    }

    async fn balance(&self, program: Option<ProgramId>, account: AccountId) -> Result<AccountReport, OperationError> {
        if account.as_str() == "panic" {
            panic!("as the test asked");
        }
        let money = |minor| Money::from_minor(minor, Currency::USD);
        Ok(AccountReport {
            program: program.ok_or_else(|| OperationError::Refused(vec!["which program?".into()]))?,
            account,
            status: AccountStatus::Active,
            posted: money(100_000),
            held: money(2745),
            credit_line: money(0),
            available: money(97_255),
            holds_open: 1,
        })
    }

    async fn balances(&self, _: Option<ProgramId>, from: Option<PageStart>) -> Result<BalancesPage, OperationError> {
        Ok(BalancesPage { accounts: Vec::new(), next: from })
    }

    async fn rules_publish(&self, publish: RulesPublish) -> Result<RulesVersion, OperationError> {
        Ok(version(publish.program, &publish.by, &publish.why))
    }

    async fn rules_history(&self, asked: RulesHistory) -> Result<Vec<RulesVersion>, OperationError> {
        Ok(vec![version(asked.program, "a", "b")])
    }

    async fn rules_rollback(&self, _: RulesRollback) -> Result<RulesVersion, OperationError> {
        Err(OperationError::Unavailable("the disk is full".into()))
    }

    async fn switch(&self, switch: Switch) -> Result<SwitchReport, OperationError> {
        let Switch { program, platform, on_until, .. } = switch;
        let until = on_until.unwrap_or(Timestamp::EPOCH);
        Ok(SwitchReport { program, platform, since: Timestamp::EPOCH, until, off_at: None, reach: Reach::Alone })
    }

    async fn spend(&self, _: SpendRequest) -> Result<SpendAnswer, OperationError> {
        Ok(SpendAnswer::Erased(0))
    }

    async fn bring_back(&self, back: BringBack) -> Result<i64, OperationError> {
        Ok(back.number)
    }

    async fn import_profiles(&self, _: ImportProfiles) -> Result<ProfilesSummary, OperationError> {
        Ok(ProfilesSummary::default())
    }

    async fn trim(&self, _: Trim) -> Result<TrimReport, OperationError> {
        Err(OperationError::Unavailable("the disk is full".into()))
    }
}

fn program() -> ProgramId {
    ProgramId::new("demo").unwrap()
}

/// Every kind of request, with identifiers and texts that JSON has to escape.
fn every_request() -> Vec<ControlRequest> {
    let account = AccountId::new("a\"b\\c é").unwrap();
    let zero = Money::zero(Currency::USD);
    let account_row = AccountRow {
        line: 2,
        program: program(),
        account,
        balance: Money::from_minor(-5, Currency::USD),
        credit_line: zero,
        status: AccountStatus::Frozen,
    };
    let card_row = CardRow {
        line: 2,
        program: None,
        card: CardToken::new("c\\1").unwrap(),
        account,
        cardholder: Some(CardholderToken::new("h\"1").unwrap()),
        status: CardStatus::Lost,
    };
    let (by, why) = ("ann".to_owned(), "two\nlines".to_owned());
    vec![
        ControlRequest::Import(Import { accounts: vec![account_row], cards: vec![card_row] }),
        ControlRequest::Balance(Balance { program: Some(program()), account }),
        ControlRequest::RulesPublish(RulesPublish {
            kind: KeptKind::Rules,
            program: program(),
            file: "r.toml".into(),
            text: "[[rule]]\n".into(),
            by: by.clone(),
            why: why.clone(),
        }),
        ControlRequest::RulesHistory(RulesHistory {
            kind: KeptKind::StandInOf(PlatformName::new("apto").unwrap()),
            program: program(),
        }),
        ControlRequest::RulesRollback(RulesRollback { kind: KeptKind::StandIn, program: program(), to: None, by, why }),
    ]
}

#[test]
fn every_request_survives_its_line() {
    for request in every_request() {
        let line = serde_json::to_string(&request).unwrap();
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(serde_json::from_str::<ControlRequest>(&line).unwrap(), request);
    }
}

#[test]
fn the_largest_import_fits_its_line() {
    // The longest identifiers, of the character that JSON writes longest.
    let account = AccountId::new(&"\\".repeat(AccountId::BYTES_MAX)).unwrap();
    let program = ProgramId::new(&"\\".repeat(ProgramId::BYTES_MAX)).unwrap();
    let row = CardRow {
        line: u64::MAX,
        program: Some(program),
        card: CardToken::new(&"\\".repeat(CardToken::BYTES_MAX)).unwrap(),
        account,
        cardholder: Some(CardholderToken::new(&"\\".repeat(CardholderToken::BYTES_MAX)).unwrap()),
        status: CardStatus::Unactivated,
    };
    let request = ControlRequest::Import(Import { accounts: vec![], cards: vec![row; IMPORT_ROWS_MAX] });
    assert!(serde_json::to_vec(&request).unwrap().len() < REQUEST_BYTES_MAX);
}

/// Runs `client` on a thread of its own against a server on `data`, until it returns.
fn with_server<T: Send + 'static>(data: &Path, client: impl FnOnce() -> T + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = ControlListener::bind(data).unwrap();
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let serve = listener.serve(16, |request| async move { answer(&OneAccount, request).await }, async {
            let _ = stopped.await;
        });
        let client = async {
            let result = spawn_blocking(client).await.unwrap();
            drop(stop);
            result
        };
        let (result, ()) = tokio::join!(client, serve);
        result
    })
}

fn ask_all(requests: Vec<ControlRequest>) -> Vec<ControlAnswer> {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_owned();
    with_server(data.path(), move || requests.iter().map(|request| ask(&path, request).unwrap()).collect())
}

#[test]
fn the_socket_answers_what_the_ledger_answers() {
    let offline = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let direct: Vec<_> = every_request().into_iter().map(|request| offline.block_on(answer(&OneAccount, request))).collect();
    assert!(matches!(&direct[0], ControlAnswer::RowsRefused { rows } if rows.len() == 1), "{:?}", direct[0]);
    assert!(matches!(&direct[1], ControlAnswer::Balance(report) if report.available.minor() == 97_255));
    assert!(matches!(&direct[4], ControlAnswer::Unavailable { .. }));
    assert_eq!(ask_all(every_request()), direct);
}

#[test]
fn only_the_owner_can_connect() {
    let data = tempfile::tempdir().unwrap();
    let socket = data.path().join(SOCKET_NAME);
    let path = socket.clone();
    let mode = with_server(data.path(), move || fs::metadata(path).unwrap().permissions().mode());
    assert_eq!(mode & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(data.path()).unwrap().collect();
    assert!(left.is_empty(), "the server leaves nothing behind: {left:?}");
}

#[test]
fn lines_that_are_no_request_are_refused_and_the_server_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let socket = data.path().join(SOCKET_NAME);
    let data_path = data.path().to_owned();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"{}\n".to_vec(), "not understood"),
        (b"\xff\xfe\n".to_vec(), "not understood"),
        (b"{\"dance\":{}}\n".to_vec(), "not understood"),
        (b"{\"balance\":{\"program\":null,\"account\":\"\"}}\n".to_vec(), "not understood"),
        (b"{\"balance\"".to_vec(), "no end"),
        (vec![b' '; REQUEST_BYTES_MAX], "no end, or is too long"),
    ];
    let answers = with_server(data.path(), move || {
        let answers: Vec<_> = cases.into_iter().map(|(bytes, expected)| (say(&socket, &bytes), expected)).collect();
        assert!(matches!(ask(&data_path, &every_request()[1]), Ok(ControlAnswer::Balance(_))));
        answers
    });
    for (answer, expected) in answers {
        assert!(answer.contains("refused") && answer.contains(expected), "{answer}");
    }
}

fn say(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    // The server may stop reading a line that is too long.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer
}

#[test]
fn a_panic_costs_one_answer() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_owned();
    let asked = |name| ControlRequest::Balance(Balance { program: Some(program()), account: AccountId::new(name).unwrap() });
    let (first, second) = with_server(data.path(), move || (ask(&path, &asked("panic")), ask(&path, &asked("acct-1"))));
    assert!(matches!(first, Err(AskError::CutOff { .. })), "{first:?}");
    assert!(matches!(second, Ok(ControlAnswer::Balance(_))), "{second:?}");
}

#[test]
fn nobody_there_is_not_a_broken_server() {
    let data = tempfile::tempdir().unwrap();
    let request = &every_request()[1];
    assert!(matches!(ask(data.path(), request), Err(AskError::NoServer)));
    drop(UnixListener::bind(data.path().join(SOCKET_NAME)).unwrap());
    assert!(matches!(ask(data.path(), request), Err(AskError::NoServer)), "a stale socket is nobody");
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let data = tempfile::tempdir().unwrap();
    let socket = data.path().join(SOCKET_NAME);
    // As a crash leaves it, the half-made one included.
    drop(UnixListener::bind(&socket).unwrap());
    fs::create_dir(data.path().join(".holdfast.sock")).unwrap();
    drop(UnixListener::bind(data.path().join(".holdfast.sock/s")).unwrap());

    let live = ControlListener::bind(data.path()).unwrap();
    assert!(UnixStream::connect(&socket).is_ok());
    assert!(matches!(ControlListener::bind(data.path()), Err(BindError::Live(_))));
    assert!(UnixStream::connect(&socket).is_ok(), "the refused one has not taken it away");
    drop(live);
    assert!(!socket.exists());

    fs::write(&socket, "something else").unwrap();
    assert!(matches!(ControlListener::bind(data.path()), Err(BindError::NotASocket(_))));
    assert_eq!(fs::read_to_string(&socket).unwrap(), "something else");
}

#[tokio::test]
async fn a_server_that_ends_leaves_its_successors_socket() {
    let data = tempfile::tempdir().unwrap();
    let socket = data.path().join(SOCKET_NAME);
    let first = ControlListener::bind(data.path()).unwrap();
    fs::remove_file(&socket).unwrap();
    let second = ControlListener::bind(data.path()).unwrap();
    drop(first);
    assert!(UnixStream::connect(&socket).is_ok());
    drop(second);
}

#[test]
fn requests_that_have_begun_are_finished() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (begun, has_begun) = oneshot::channel();
    let begun = std::sync::Mutex::new(Some(begun));
    let (stop, stopped) = oneshot::channel::<()>();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let may_go_on = std::sync::Arc::new(tokio::sync::Mutex::new(Some(may_go_on)));
    let answered = runtime.block_on(async {
        let listener = ControlListener::bind(data.path()).unwrap();
        let handler = move |request: ControlRequest| {
            begun.lock().unwrap().take().unwrap().send(()).unwrap();
            let may_go_on = std::sync::Arc::clone(&may_go_on);
            async move {
                may_go_on.lock().await.take().unwrap().await.unwrap();
                answer(&OneAccount, request).await
            }
        };
        let serve = listener.serve(16, handler, async { stopped.await.unwrap() });
        let steps = async {
            let client = spawn_blocking(move || ask(&path, &every_request()[1]));
            has_begun.await.unwrap();
            stop.send(()).unwrap();
            go_on.send(()).unwrap();
            client.await.unwrap()
        };
        let (answered, ()) = tokio::join!(steps, serve);
        answered
    });
    assert!(matches!(answered, Ok(ControlAnswer::Balance(_))), "{answered:?}");
}

/// Asks a server that answers once whoever asks was told that it takes long, or never.
fn ask_a_slow_one(request: ControlRequest, answers: bool) -> (Result<ControlAnswer, AskError>, Vec<String>) {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_owned();
    let listener = UnixListener::bind(data.path().join(SOCKET_NAME)).unwrap();
    let (told, is_told) = mpsc::channel();
    let client = std::thread::spawn(move || {
        let mut said = Vec::new();
        let ms = std::time::Duration::from_millis;
        let patience = Patience { long: ms(20), at_most: if answers { ms(600_000) } else { ms(40) } };
        let answered = ask_patiently(&path, &request, patience, &mut |line| {
            said.push(line.to_owned());
            let _ = told.send(());
        });
        (answered, said)
    });
    let (mut stream, _) = listener.accept().unwrap();
    // Half of an answer is not lost by that.
    let answer = serde_json::to_vec(&ControlAnswer::Refused { problems: vec!["late".to_owned()] }).unwrap();
    let (first, rest) = answer.split_at(answer.len() / 2);
    stream.write_all(first).unwrap();
    is_told.recv().unwrap();
    if answers {
        stream.write_all(rest).unwrap();
        stream.write_all(b"\n").unwrap();
    }
    client.join().unwrap()
}

#[test]
fn who_waits_long_is_told_and_not_kept_for_ever() {
    let (answered, said) = ask_a_slow_one(every_request().remove(1), true);
    assert!(matches!(answered, Ok(ControlAnswer::Refused { .. })), "{answered:?}");
    assert!(said.len() == 1 && said[0].contains("takes long") && said[0].contains("/status"), "{said:?}");
    for (request, then) in [(1, "ask again once it is ready"), (0, "may still be carried out")] {
        let (answered, said) = ask_a_slow_one(every_request().remove(request), false);
        let Err(AskError::Broken { problem, .. }) = answered else { panic!("{answered:?}") };
        assert!(problem.contains(then) && problem.contains("/status") && said.len() == 1, "{problem} {said:?}");
    }
}

/// The trait's futures can be spawned.
#[test]
fn operations_are_send() {
    fn is_send<F: Future + Send>(_: &F) {}
    is_send(&answer(&OneAccount, every_request().remove(1)));
}
