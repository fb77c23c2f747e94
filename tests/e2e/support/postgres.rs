//! A PostgreSQL of one test's own, as durable as a real one, and gone with the test's process however that ends. PostgreSQL
//! refuses to run as root: root runs it as the user `postgres` of the Debian package.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Stops the server when the guard's standard input ends.
const GUARD: &str = "\"$@\" & server=$!; cat >/dev/null; kill -INT $server; wait $server";

/// A server that runs.
pub struct Postgres {
    directory: tempfile::TempDir,
    port: u16,
    guard: Child,
}

/// The directory of PostgreSQL's programs; `None` where tests may be skipped.
fn programs() -> Option<PathBuf> {
    let of_debian = (13..=20).rev().map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let found = of_debian.into_iter().find(|directory| directory.join("initdb").exists());
    if found.is_none() {
        assert!(std::env::var_os("HOLDFAST_TEST_ALL").is_none(), "PostgreSQL is not installed: apt-get install postgresql");
        // Whoever started the tests reads what is skipped.
        eprintln!("skipped: PostgreSQL is not installed (apt-get install postgresql)");
    }
    found
}

fn owner() -> Option<(u32, u32)> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:")).expect("the Debian package makes this user");
    let numbers: Vec<u32> = line.split(':').skip(2).take(2).map(|number| number.parse().unwrap()).collect();
    Some((numbers[0], numbers[1]))
}

fn program(name: impl AsRef<Path>) -> Command {
    let mut command = Command::new(name.as_ref());
    if let Some((user, group)) = owner() {
        command.uid(user).gid(group);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).env("LC_ALL", "C.UTF-8").current_dir("/tmp");
    command
}

impl Postgres {
    /// Makes a cluster and starts it; `None` where tests may be skipped.
    pub fn start() -> Option<Self> {
        let programs = programs()?;
        let directory = tempfile::Builder::new().prefix("holdfast-pg-").tempdir().unwrap();
        if let Some((user, group)) = owner() {
            chown(directory.path(), Some(user), Some(group)).unwrap();
        }
        let data = directory.path().join("data");
        let made = program(programs.join("initdb"))
            .args(["--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--pgdata"])
            .arg(&data)
            .status();
        assert!(made.unwrap().success(), "initdb failed");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut guard = program("/bin/sh");
        guard.args(["-c", GUARD, "guard"]).arg(programs.join("postgres")).arg("-D").arg(&data);
        guard.args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("port={port}")]);
        guard.args(["-c", &format!("unix_socket_directories={}", directory.path().display())]);
        let mut guard = guard.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until_ready(guard.stderr.take().unwrap());
        Some(Postgres { directory, port, guard })
    }

    /// A connection string for it.
    pub fn connection(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.port)
    }

    /// Signals all of its processes.
    pub fn signal(&self, signal: Signal) {
        let file = std::fs::read_to_string(self.directory.path().join("data/postmaster.pid")).unwrap();
        let postmaster: u32 = file.lines().next().unwrap().parse().unwrap();
        let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap();
        let children = children.split_whitespace().map(|child| child.parse().unwrap());
        for process in std::iter::once(postmaster).chain(children) {
            // A child may have ended meanwhile.
            let _ = kill_process(Pid::from_raw(i32::try_from(process).unwrap()).unwrap(), signal);
        }
    }
}

/// Reads the server's log until it says that it takes connections, and then whatever it goes on to say.
fn wait_until_ready(log: ChildStderr) {
    let mut log = BufReader::new(log);
    let mut said = String::new();
    while !said.contains("database system is ready to accept connections") {
        assert!(log.read_line(&mut said).unwrap() > 0, "PostgreSQL does not start: {said}");
    }
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.signal(Signal::CONT);
        drop(self.guard.stdin.take());
        // The directory goes next: nothing of it may be in use.
        let _ = self.guard.wait();
    }
}
