//! The journal under a running server: a full disk and back without a restart, proven and copied while it grows.

use std::process::Output;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;

use crate::support::{BackOffice, Marqeta, Workplace, server};

fn purchase(client: &mut crate::support::Client, id: &str) -> u16 {
    client.post("/marqeta/jit", &Marqeta::purchase(id, "1.00").body()).status
}

fn limit_files_to(server: &server::Server, bytes: Option<u64>) {
    let process = Pid::from_raw(i32::try_from(server.child.id()).unwrap());
    prlimit(process, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// Asks until the ledger is there again, which the harness bounds.
fn until_up(server: &server::Server) {
    let mut asked = 0;
    while server.metric("holdfast_ledger_up", &[]) != 1.0 {
        asked += 1;
        assert!(asked < 50_000, "the ledger does not come back");
    }
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn verify(workplace: &Workplace) -> Value {
    json(&workplace.run(&["journal", "verify", "--json", "--data", workplace.data().to_str().unwrap()]))
}

/// A small file system on a directory, until it is dropped.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// Nothing where this process may not mount.
    fn on(directory: std::path::PathBuf) -> Option<Self> {
        std::fs::create_dir(&directory).unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs"]).arg(&directory);
        mount.output().is_ok_and(|output| output.status.success()).then_some(SmallDisk(directory))
    }

    /// Takes all that is left.
    fn fill(&self) {
        use std::io::Write as _;
        let mut filler = std::fs::File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[1; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever holds a file there is about to end.
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What is listed while nothing can be written, too: as it was when that began.
const LISTS: [&str; 6] = [
    "/v1/accounts",
    "/v1/accounts/acct-demo-1",
    "/v1/cards?account_id=acct-demo-1",
    "/v1/holds?account_id=acct-demo-1",
    "/v1/accounts/acct-demo-1/movements",
    "/v1/settlement?from=2026-03-14&to=2026-03-14",
];

/// Fills the disk twice and makes room again, then kills the server.
fn approves_only_what_can_be_written(workplace: &Workplace, fill: impl Fn(&server::Server), make_room: impl Fn(&server::Server)) {
    let server = workplace.serve();
    let mut client = server.client();
    for id in ["before-1", "before-2"] {
        assert_eq!(purchase(&mut client, id), 200);
    }
    let mut office = BackOffice::of(&server);
    for path in LISTS {
        office.found(path);
    }
    for round in ["first", "second"] {
        fill(&server);
        let refused: Vec<_> = (0..3).map(|number| format!("{round}-{number}")).collect();
        for id in &refused {
            assert_eq!(purchase(&mut client, id), 402, "{id}: nothing that cannot be written is approved");
        }
        assert_eq!(server.metric("holdfast_ledger_up", &[]), 0.0);
        for path in LISTS {
            office.found(path);
        }
        assert_eq!(purchase(&mut client, "before-1"), 200, "what was answered before is said again");
        make_room(&server);
        until_up(&server);
        for id in &refused {
            assert_eq!(purchase(&mut client, id), 402, "{id}: a retry hears the same");
        }
        assert_eq!(purchase(&mut client, &format!("{round}-after")), 200);
    }
    assert_eq!(server::balance(workplace, "acct-demo-1").1, 400);
    let before = verify(workplace);
    server.kill();

    let server = workplace.serve();
    assert_eq!(server::balance(workplace, "acct-demo-1").1, 400);
    assert!(verify(workplace)["last"].as_i64() >= before["last"].as_i64());
    let mut client = server.client();
    assert_eq!((purchase(&mut client, "second-after"), purchase(&mut client, "first-0")), (200, 402));
}

/// The demo without a stand-in table: what its ledger cannot write is declined, whatever the spool still takes.
fn demo_without_stand_in() -> Workplace {
    let workplace = Workplace::demo();
    workplace.edit("holdfast.toml", |text| text.replace("[program.stand_in]\ntable = \"stand-in/cautious.toml\"\n", ""));
    workplace
}

#[test]
fn a_file_that_may_not_grow_costs_approvals_until_it_may_and_no_restart() {
    let workplace = demo_without_stand_in();
    let log = workplace.data().join("journal.sqlite-wal");
    let fill = |server: &_| limit_files_to(server, Some(std::fs::metadata(&log).unwrap().len()));
    approves_only_what_can_be_written(&workplace, fill, |server| limit_files_to(server, None));
}

#[test]
fn a_full_disk_costs_approvals_until_there_is_room_and_no_restart() {
    let workplace = demo_without_stand_in();
    let Some(disk) = SmallDisk::on(workplace.data()) else {
        assert!(std::env::var_os("HOLDFAST_TEST_ALL").is_none(), "mounting is not allowed, and HOLDFAST_TEST_ALL wants it");
        eprintln!("skipped: may not mount a file system");
        return;
    };
    approves_only_what_can_be_written(&workplace, |_| disk.fill(), |_| disk.make_room());
}

#[test]
fn a_backup_of_a_running_server_is_a_server() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    for id in 0..20 {
        assert_eq!(purchase(&mut client, &id.to_string()), 200);
    }
    let proven = verify(&workplace);
    assert_eq!(server.metric("holdfast_journal_records ", &[]), proven["last"].as_f64().unwrap());
    assert_eq!(server.metric("holdfast_journal_head ", &[]), proven["head_number"].as_f64().unwrap());

    let (file, data) = (workplace.path("monday.backup"), workplace.data());
    let (file, data) = (file.to_str().unwrap(), data.to_str().unwrap());
    let backed_up = json(&workplace.run(&["backup", file, "--json", "--data", data]));
    assert_eq!(backed_up["head"], proven["head"]);
    assert_eq!((&backed_up["not_in_it"]["waiting"], &backed_up["not_in_it"]["set_aside"]), (&0.into(), &0.into()));
    assert_eq!(purchase(&mut client, "after the backup"), 200);
    assert!(server.terminate().success());

    std::fs::rename(data, workplace.path("lost")).unwrap();
    let restored = std::process::Command::new(server::HOLDFAST).args(["restore", file, "--json", "--data", data]).output();
    assert_eq!(json(&restored.unwrap())["head"], proven["head"]);
    let server = workplace.serve();
    assert_eq!(server::balance(&workplace, "acct-demo-1").1, 2000);
    let mut client = server.client();
    assert_eq!(purchase(&mut client, "19"), 200, "a retry hears the same");
    assert_eq!(server::balance(&workplace, "acct-demo-1").1, 2000);
    assert_eq!(purchase(&mut client, "after the restore"), 200);
}

#[test]
fn a_journal_that_lost_its_end_stops_the_start_with_both_numbers() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    assert_eq!(purchase(&mut server.client(), "1"), 200);
    let last = verify(&workplace)["last"].as_i64().unwrap();
    server.kill();
    std::fs::remove_file(workplace.data().join("journal.sqlite-wal")).unwrap();
    let data = workplace.data();
    let output =
        workplace.run(&["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(told.contains("ends with record 0") && told.contains(&format!("up to record {last} was synced")), "{told}");
}
