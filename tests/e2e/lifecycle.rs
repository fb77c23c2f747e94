//! Starting, stopping and dying: nothing acknowledged is lost, no answer is cut off.

use std::collections::HashMap;
use std::io::{BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use crate::support::{Client, Marqeta, Response, Workplace, server};

/// Callers that authorize 0.01 on and on until the server is gone; their approvals, and the questions without an answer.
fn callers_until_the_end(
    server: &server::Server,
    callers: usize,
    stop_after: usize,
    stop: impl Fn() + Sync,
) -> (Vec<String>, Vec<String>) {
    callers_of("", server, callers, stop_after, stop)
}

/// The same, with names that begin so.
fn callers_of(
    names: &str,
    server: &server::Server,
    callers: usize,
    stop_after: usize,
    stop: impl Fn() + Sync,
) -> (Vec<String>, Vec<String>) {
    let answered = std::sync::atomic::AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|caller| {
                let (answered, stopped, stop) = (&answered, &stopped, &stop);
                scope.spawn(move || {
                    let mut client = server.client();
                    let (mut approved, mut unanswered) = (Vec::new(), Vec::new());
                    for index in 0.. {
                        let id = format!("{names}{caller}-{index}");
                        let body = Marqeta::purchase(&id, "0.01").body();
                        if !client.try_send("POST", "/marqeta/jit", body.as_bytes()) {
                            unanswered.push(id);
                            break;
                        }
                        match client.receive() {
                            Ok(answer) => {
                                assert!(matches!(answer.status, 200 | 402), "{answer:?}");
                                if answer.status == 200 {
                                    approved.push(id);
                                }
                                let last = answer.header("connection") == Some("close");
                                if answered.fetch_add(1, Ordering::SeqCst) + 1 >= stop_after
                                    && !stopped.swap(true, Ordering::SeqCst)
                                {
                                    stop();
                                }
                                if last {
                                    break;
                                }
                            }
                            Err(_) => {
                                unanswered.push(id);
                                break;
                            }
                        }
                    }
                    (approved, unanswered)
                })
            })
            .collect();
        let mut all = (Vec::new(), Vec::new());
        for thread in threads {
            let (approved, unanswered) = thread.join().unwrap();
            all.0.extend(approved);
            all.1.extend(unanswered);
        }
        all
    })
}

#[test]
fn after_kill_9_every_acknowledged_hold_is_there_and_no_others_but_those_in_flight() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let process = server.child.id();
    let kill = || server::send(process, Signal::KILL);
    let (approved, unanswered) = callers_until_the_end(&server, 8, 600, kill);
    server.kill();
    assert!(approved.len() >= 500, "{}", approved.len());
    assert!(unanswered.len() <= 8);

    let server = workplace.serve();
    let (posted, held, _) = server::balance(&workplace, "acct-demo-1");
    assert_eq!(posted, 100_000);
    let (acknowledged, in_flight) = (approved.len() as i64, unanswered.len() as i64);
    assert!((acknowledged..=acknowledged + in_flight).contains(&held), "{acknowledged} + {in_flight}, held {held}");

    // Every one of them by its key: asked again, each says yes once more, and nothing more is held.
    let mut client = server.client();
    for id in &approved {
        assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase(id, "0.01").body()).status, 200, "{id}");
    }
    assert_eq!(server::balance(&workplace, "acct-demo-1").1, held);
}

/// How often a server is killed: as often as it takes to trust it where every test has to run, a few times elsewhere.
fn kills() -> usize {
    if std::env::var_os("HOLDFAST_TEST_ALL").is_some() { 100 } else { 5 }
}

#[test]
fn killed_again_and_again_nothing_acknowledged_is_lost_or_doubled() {
    let workplace = Workplace::demo();
    let mut acknowledged = Vec::new();
    let mut in_flight = 0_i64;
    for round in 0..kills() {
        let server = workplace.serve();
        let process = server.child.id();
        let kill = || server::send(process, Signal::KILL);
        let (approved, unanswered) = callers_of(&format!("r{round}-"), &server, 4, 12, kill);
        acknowledged.extend(approved);
        in_flight += unanswered.len() as i64;
        server.kill();
        // What is cut off may be held or not: with what was acknowledged it is all that there is.
        let server = workplace.serve();
        let (posted, held, _) = server::balance(&workplace, "acct-demo-1");
        let least = acknowledged.len() as i64;
        assert_eq!(posted, 100_000, "round {round}");
        assert!((least..=least + in_flight).contains(&held), "round {round}: {least} + {in_flight}, held {held}");
        drop(server);
    }
    let server = workplace.serve();
    let held = server::balance(&workplace, "acct-demo-1").1;
    let mut client = server.client();
    for id in &acknowledged {
        assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase(id, "0.01").body()).status, 200, "{id}");
    }
    assert_eq!(server::balance(&workplace, "acct-demo-1").1, held, "each says yes once more, and nothing more is held");
    drop(server);
    // Decided again from its facts, every record comes out as it was; the chain is whole.
    for command in [&["replay"][..], &["journal", "verify"]] {
        let data = workplace.data();
        let done = workplace.run(&[command, &["--data", data.to_str().unwrap()]].concat());
        assert!(done.status.success(), "{done:?}");
    }
}

#[test]
fn a_drain_loses_no_answer() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let process = server.child.id();
    let term = || server::send(process, Signal::TERM);
    let (approved, unanswered) = callers_until_the_end(&server, 8, 200, term);
    let mut server = server;
    assert!(server.child.wait().unwrap().success());
    drop(server);

    // What was not answered was not accepted either: not even held.
    let server = workplace.serve();
    assert_eq!(server::balance(&workplace, "acct-demo-1").1, approved.len() as i64);
    let mut client = server.client();
    for id in &unanswered {
        assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase(id, "0.01").body()).status, 200);
    }
    assert_eq!(server::balance(&workplace, "acct-demo-1").1, (approved.len() + unanswered.len()) as i64);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let workplace = Workplace::demo();
    let _server = workplace.serve();
    let data = workplace.data();
    let second = workplace.run(&[&["serve", "--data", data.to_str().unwrap()][..], &server::FREE_PORTS].concat());
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"), "{second:?}");
    assert!(second.stdout.is_empty());
}

#[test]
fn a_command_socket_that_cannot_be_opened_stops_the_start_and_says_why() {
    let workplace = Workplace::demo();
    let serve =
        |data: &std::path::Path| workplace.run(&[&["serve", "--data", data.to_str().unwrap()][..], &server::FREE_PORTS].concat());
    // Longer than the address of a Unix socket may be.
    let too_long = workplace.path(&"d".repeat(120));
    let taken = workplace.path("taken");
    std::fs::create_dir_all(taken.join("holdfast.sock/inside")).unwrap();
    for (data, problem) in [(too_long, "choose a data directory (--data) with a shorter path"), (taken, "is not a socket")] {
        let output = serve(&data);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(problem) && !told.contains("a bug"), "{told}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn credentials_are_reloaded_on_sighup() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut old = server.client();
    assert_eq!(old.post("/marqeta/jit", &Marqeta::purchase("1", "1.00").body()).status, 200);
    workplace.edit("demo/secrets/platform_password", |password| format!("{}New1!\n", password.trim_end()));
    server.signal(Signal::HUP);
    // The reload is a signal's work: ask until it is done, which the harness bounds.
    let mut asked = 2;
    while old.post("/marqeta/jit", &Marqeta::purchase(&asked.to_string(), "1.00").body()).status != 401 {
        asked += 1;
        assert!(asked < 20_000, "SIGHUP changes nothing");
    }
}

#[test]
fn a_sighup_before_the_configuration_is_read_ends_nothing() {
    let workplace = Workplace::demo();
    let (config, text) = (workplace.config(), workplace.path("text.toml"));
    std::fs::rename(&config, &text).unwrap();
    assert!(Command::new("mkfifo").arg(&config).status().unwrap().success());
    // The pipe opens when the server does: it gets the signal, then its configuration, which is a file again by then.
    let (config, text) = (config.display(), text.display());
    let script = format!("(exec 3>{config}; kill -HUP $$; mv {text} {config}; cat {config} >&3) & exec \"$@\"");
    let server = workplace.serve_by(&["sh", "-c", &script, "sh"]);
    assert_eq!(server.client().post("/marqeta/jit", &Marqeta::purchase("1", "1.00").body()).status, 200);
}

/// The command line takes a while to be understood: a server that does not even understand its own hears signals before that.
#[test]
fn signals_are_heard_before_the_command_line_is_understood() {
    if !has_strace() {
        return;
    }
    let taken = |words: &[&str]| {
        let traced = Command::new("strace").args(["-e", "trace=rt_sigaction", server::HOLDFAST]).args(words).output().unwrap();
        let trace = String::from_utf8(traced.stderr).unwrap();
        trace.lines().any(|line| line.starts_with("rt_sigaction(SIGHUP, {sa_handler=0x"))
    };
    assert!(taken(&["serve", "--nonsense"]));
    assert!(!taken(&["check", "--nonsense"]), "a command ends with its terminal");
}

/// Parses `strace -f` of one server: is there an approval whose bytes reach a socket before a sync that covers them?
fn approvals_before_their_sync(trace: &str) -> (usize, usize) {
    // A thread's sync is over when its line, or the line that resumes it, appears. One request at a time is in flight, so an
    // approval is covered exactly if a sync has ended since the last answer.
    let (mut synced, mut approvals, mut early) = (false, 0, 0);
    for line in trace.lines() {
        let sync = line.contains("fsync(") || line.contains("fdatasync(");
        let resumed = line.contains("fsync resumed") || line.contains("fdatasync resumed");
        if (sync && !line.contains("unfinished")) || resumed {
            synced = true;
        }
        let write = ["write(", "writev(", "sendto(", "sendmsg("].iter().any(|call| line.contains(call));
        if write && line.contains("ops_listen") {
            // The ready line: what was synced while starting covers no approval.
            synced = false;
        }
        if write && line.contains("HTTP/1.1 200") && line.contains("jit_funding") {
            approvals += 1;
            if !synced {
                early += 1;
            }
            synced = false;
        }
    }
    (approvals, early)
}

fn trace_of_ten_approvals(workplace: &Workplace) -> String {
    let trace = workplace.path("trace");
    let calls = "trace=fsync,fdatasync,write,writev,sendto,sendmsg";
    let server = workplace.serve_by(&["strace", "-f", "-s", "1000", "-e", calls, "-o", trace.to_str().unwrap()]);
    let mut client = server.client();
    for index in 0..10 {
        assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase(&index.to_string(), "1.00").body()).status, 200);
    }
    // strace passes the signal on and ends with its child.
    server::send(server::child_of(server.child.id()), Signal::TERM);
    let mut server = server;
    server.child.wait().unwrap();
    std::fs::read_to_string(trace).unwrap()
}

/// Whether strace is there; it has to be where everything is to be tested.
fn has_strace() -> bool {
    let strace = Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success());
    if !strace {
        assert!(std::env::var_os("HOLDFAST_TEST_ALL").is_none(), "strace is not there, and HOLDFAST_TEST_ALL wants it");
        eprintln!("skipped: needs strace");
    }
    strace
}

/// A server whose ledger never gets ready: what its journal left unsynced is synced before anything else, and that does not return.
fn listening_with_a_hung_disk(workplace: &Workplace) -> (Child, SocketAddr, Lines<BufReader<ChildStderr>>) {
    let log = workplace.data().join("journal.sqlite-wal");
    let hang = "inject=fsync,fdatasync:delay_enter=600000000";
    workplace.listen_by(&["strace", "-f", "-qq", "-P", log.to_str().unwrap(), "-e", hang, "-o", "/dev/null"])
}

/// Neither the ledger nor its ready line is there: who asks is checked by what is in the files now.
#[test]
fn credentials_are_read_again_while_a_start_waits_for_its_ledger() {
    if !has_strace() {
        return;
    }
    let workplace = Workplace::demo();
    let server = workplace.serve();
    assert_eq!(server.client().post("/marqeta/jit", &Marqeta::purchase("before", "1.00").body()).status, 200);
    server.kill();
    let (mut strace, listen, _lines) = listening_with_a_hung_disk(&workplace);
    let ask = |key: &str| Client::connect(listen).post("/marqeta/jit", &Marqeta::purchase(key, "1.00").body()).status;
    assert_eq!(ask("by the old password"), 200);
    workplace.edit("demo/secrets/platform_password", |password| format!("{}New1!\n", password.trim_end()));
    let server = server::child_of(strace.id());
    server::send(server, Signal::HUP);
    let mut asked = 0;
    while ask(&asked.to_string()) != 401 {
        asked += 1;
        assert!(asked < 200, "SIGHUP changes nothing before the ledger is ready");
    }
    server::send(server, Signal::KILL);
    strace.kill().unwrap();
    strace.wait().unwrap();
}

/// Where a server was that may take a second to stop, and what it told of the purchase `before`.
fn killed_after_an_answer() -> (Workplace, Response) {
    let workplace = Workplace::demo();
    workplace.edit("holdfast.toml", |text| {
        text.replace("#stop_seconds_max = 75", "stop_seconds_max = 1").replace("#drain_seconds_max = 30", "drain_seconds_max = 1")
    });
    let server = workplace.serve();
    let told = server.client().post("/marqeta/jit", &Marqeta::purchase("before", "1.00").body());
    server.kill();
    (workplace, told)
}

/// After another start, whoever asks again hears what was told before it and during it.
fn told_again(workplace: &Workplace, before: &Response, during: &Response) {
    let server = workplace.serve();
    for (id, told) in [("before", before), ("during", during)] {
        assert_eq!(server.client().post("/marqeta/jit", &Marqeta::purchase(id, "1.00").body()).body, told.body);
    }
    assert!(server.terminate().success());
}

#[test]
fn a_disk_that_hangs_keeps_nobody_from_an_answer_by_the_table_nor_the_process_from_its_end() {
    if !has_strace() {
        return;
    }
    let (workplace, told) = killed_after_an_answer();
    let (mut strace, listen, mut lines) = listening_with_a_hung_disk(&workplace);
    let ask = |request: &Marqeta| Client::connect(listen).post("/marqeta/jit", &request.body());
    let during = ask(&Marqeta::purchase("during", "1.00"));
    assert_eq!(during.status, 200, "the table in force approves it: {during:?}");
    assert_eq!(ask(&Marqeta::purchase("before", "1.00")).body, told.body);
    assert_eq!(ask(&Marqeta::purchase("frozen", "1.00").card("card-demo-frozen")).status, 402);
    server::send(server::child_of(strace.id()), Signal::TERM);
    let cut_short = "did not answer within 1 s of the signal (server.stop_seconds_max)";
    assert!(lines.any(|line| line.unwrap().contains(cut_short)));
    // strace waits on for a thread that is gone.
    strace.kill().unwrap();
    strace.wait().unwrap();

    told_again(&workplace, &told, &during);
}

/// A server that hangs before it has read what was told before it: the thread that reads it first says that others go before it, and that does
/// not return.
fn listening_with_a_hung_spool(workplace: &Workplace) -> (Child, SocketAddr, Lines<BufReader<ChildStderr>>) {
    let hang = "inject=setpriority:delay_enter=600000000";
    workplace.listen_by(&["strace", "-f", "-qq", "-e", "trace=setpriority", "-e", hang, "-o", "/dev/null"])
}

#[test]
fn a_start_that_hangs_before_it_knows_what_was_told_says_so_and_ends_when_it_is_told_to() {
    if !has_strace() {
        return;
    }
    let (workplace, told) = killed_after_an_answer();
    let (mut strace, listen, mut lines) = listening_with_a_hung_spool(&workplace);
    let during = Client::connect(listen).post("/marqeta/jit", &Marqeta::purchase("during", "1.00").body());
    assert_eq!(during.status, 402, "what was told to its key is not known: {during:?}");
    let data = workplace.data();
    let who = ["--by", "ann", "--why", "a test"];
    let commands = [
        vec!["balance", "acct-demo-1"],
        vec!["stand-in", "history", "--program", "demo"],
        [&["stand-in", "on", "--program", "demo", "--for", "30m"][..], &who[..]].concat(),
    ];
    for command in commands {
        let output = workplace.run(&[command.as_slice(), &["--data", data.to_str().unwrap()][..]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("a server is starting here") && said.contains("ask again in a moment"), "{said}");
    }
    server::send(server::child_of(strace.id()), Signal::TERM);
    // The reconciler's thread hangs as well.
    let cut_short = "did not answer within 1 s of the signal (server.stop_seconds_max)";
    assert!(lines.any(|line| line.unwrap().contains(cut_short)));
    strace.kill().unwrap();
    strace.wait().unwrap();

    told_again(&workplace, &told, &during);
}

#[test]
fn no_approval_reaches_the_socket_before_the_sync_that_covers_it() {
    if !has_strace() {
        return;
    }
    let workplace = Workplace::demo();
    assert_eq!(approvals_before_their_sync(&trace_of_ten_approvals(&workplace)), (10, 0));

    // The proof that this test can fail: without syncs every approval is early.
    let careless = Workplace::demo();
    careless.edit("holdfast.toml", |text| text.replace("#sync = \"full\"", "sync = \"none\""));
    assert_eq!(approvals_before_their_sync(&trace_of_ten_approvals(&careless)), (10, 10));
}

#[test]
fn answers_survive_many_restarts() {
    let workplace = Workplace::demo();
    let mut told = HashMap::new();
    for round in 0..3 {
        let server = workplace.serve();
        let mut client = server.client();
        for (id, body) in &told {
            let id: &String = id;
            assert_eq!(&client.post("/marqeta/jit", &Marqeta::purchase(id, "1.00").body()).body, body);
        }
        let id = format!("round-{round}");
        let body = client.post("/marqeta/jit", &Marqeta::purchase(&id, "1.00").body()).body;
        told.insert(id, body);
        assert!(server.terminate().success());
    }
}
