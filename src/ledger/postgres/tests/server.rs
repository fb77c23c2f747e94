//! A PostgreSQL of the tests' own: in a temporary directory, on a port of its own, as durable as a real one, and gone with
//! whoever started it.
//!
//! PostgreSQL refuses to run as root, so that root runs it as the user `postgres` of the Debian package. A shell stands
//! guard over each server: it stops it, by its process id, when the tests' process ends, however that ends.

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio_postgres::{Config, NoTls};

use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::migrate;

/// The superuser's password; wrong ones are really refused.
pub const PASSWORD: &str = "a-Password-of-the-tests";

/// A database that has the schema, and that others are copied from.
const TEMPLATE: &str = "holdfast_template";

/// Stops the server when the guard's standard input ends, and takes away its directory, if it is told one: whoever shares a server
/// never drops it.
const GUARD: &str = "\"$@\" & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf -- \"$TAKE_AWAY\"";

/// A server that runs.
pub struct Server {
    directory: TempDir,
    port: u16,
    guard: Option<Child>,
    /// What is left of it when the tests end.
    rest: Rest,
    databases: AtomicU32,
}

/// What is left of a server when its guard ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Its directory: it may be started again.
    Directory,
    Nothing,
}

/// The server that most tests share; `None` where PostgreSQL is not installed and tests may be skipped.
pub fn shared() -> Option<&'static Server> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        let server = Server::start_at(Server::place(Rest::Nothing), &[])?;
        server.run_sql("postgres", &format!("CREATE DATABASE {TEMPLATE}"));
        run(migrate::bring(&server.reach(TEMPLATE))).unwrap();
        Some(server)
    };
    SHARED.get_or_init(start).as_ref()
}

/// Runs something of the driver's to its end.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The directory of PostgreSQL's programs: Debian keeps them out of the path.
fn programs() -> Option<PathBuf> {
    let of_debian = (13..=20).rev().map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let in_path = std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let found = of_debian.chain(in_path).find(|directory| directory.join("initdb").exists());
    if found.is_none() {
        assert!(std::env::var_os("HOLDFAST_TEST_ALL").is_none(), "PostgreSQL is not installed: apt-get install postgresql");
        println!("skipped: PostgreSQL is not installed (apt-get install postgresql)");
    }
    found
}

/// Whom to run it as: user and group `postgres`, if this is root.
pub fn owner() -> Option<(u32, u32)> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:")).expect("the Debian package makes this user");
    let numbers: Vec<u32> = line.split(':').skip(2).take(2).map(|number| number.parse().unwrap()).collect();
    Some((numbers[0], numbers[1]))
}

/// A program of PostgreSQL's, to be run as whoever may.
fn program(name: impl AsRef<Path>) -> Command {
    let mut command = Command::new(name.as_ref());
    if let Some((user, group)) = owner() {
        command.uid(user).gid(group);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).env("LC_ALL", "C.UTF-8").current_dir("/tmp");
    command
}

impl Server {
    /// Makes a cluster and starts it, with these settings over the tests' own; `None` where tests may be skipped.
    pub fn start(settings: &[&str]) -> Option<Server> {
        Server::start_at(Server::place(Rest::Directory), settings)
    }

    fn start_at(server: Server, settings: &[&str]) -> Option<Server> {
        let programs = programs()?;
        let password = server.directory.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        let made = program(programs.join("initdb"))
            .arg("--pgdata")
            .arg(server.data())
            .args(["--username", "postgres", "--auth", "scram-sha-256", "--encoding", "UTF8", "--pwfile"])
            .arg(&password)
            .status();
        assert!(made.unwrap().success(), "initdb failed");
        Some(server.running(&programs, settings))
    }

    /// A place for a cluster: a directory of whoever runs it, and a free port.
    fn place(rest: Rest) -> Server {
        let directory = tempfile::Builder::new().prefix("holdfast-pg-").tempdir().unwrap();
        if let Some((user, group)) = owner() {
            chown(directory.path(), Some(user), Some(group)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Server { directory, port, guard: None, rest, databases: AtomicU32::new(0) }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A standby of this server's, that follows it and can be promoted.
    pub fn standby(&self) -> Server {
        let programs = programs().expect("the server runs");
        let standby = Server::place(Rest::Directory);
        let made = program(programs.join("pg_basebackup"))
            .args(["--host", "127.0.0.1", "--username", "postgres", "--write-recovery-conf", "--wal-method", "stream"])
            .args(["--checkpoint", "fast", "--port", &self.port.to_string(), "--pgdata"])
            .arg(standby.data())
            .env("PGPASSWORD", PASSWORD)
            .status();
        assert!(made.unwrap().success(), "pg_basebackup failed");
        standby.running(&programs, &[])
    }

    /// From its next reload on, this user may not connect.
    pub fn keep_out(&self, user: &str) {
        let file = self.data().join("pg_hba.conf");
        let rules = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("host all {user} 127.0.0.1/32 reject\n{rules}")).unwrap();
    }

    /// The process that started all others.
    fn postmaster(&self) -> Pid {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        Pid::from_raw(file.lines().next().unwrap().parse().unwrap()).unwrap()
    }

    /// Kills the server where it is, as a machine's power cut does.
    pub fn kill(&self) {
        kill_process(self.postmaster(), Signal::KILL).unwrap();
    }

    /// Signals all of its processes.
    pub fn signal(&self, signal: Signal) {
        let postmaster = self.postmaster();
        let number = postmaster.as_raw_nonzero();
        let children = std::fs::read_to_string(format!("/proc/{number}/task/{number}/children")).unwrap();
        let children = children.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().unwrap()));
        for process in std::iter::once(postmaster).chain(children) {
            // A child may have ended meanwhile.
            let _ = kill_process(process, signal);
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn running(mut self, programs: &Path, settings: &[&str]) -> Server {
        let own = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.directory.path().display()),
            "max_connections=400".to_owned(),
            "logging_collector=off".to_owned(),
        ];
        let mut guard = program("/bin/sh");
        guard.args(["-c", GUARD, "guard"]).arg(programs.join("postgres")).arg("-D").arg(self.data());
        for setting in own.iter().map(String::as_str).chain(settings.iter().copied()) {
            guard.args(["-c", setting]);
        }
        if self.rest == Rest::Nothing {
            guard.env("TAKE_AWAY", self.directory.path());
        }
        let log = std::fs::File::create(self.directory.path().join("log")).unwrap();
        self.guard = Some(guard.stdin(Stdio::piped()).stderr(log).spawn().unwrap());
        while run(self.config("postgres").connect(NoTls)).is_err() {
            let ended = self.guard.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "{}", std::fs::read_to_string(self.directory.path().join("log")).unwrap());
            std::thread::yield_now();
        }
        self
    }

    /// How to reach a database of it, as its superuser.
    pub fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user("postgres").password(PASSWORD).dbname(database);
        config
    }

    /// The same, as a ledger has it.
    pub fn reach(&self, database: &str) -> Database {
        Database::new(self.config(database), &[]).unwrap()
    }

    /// Runs statements as the superuser.
    pub fn run_sql(&self, database: &str, sql: &str) {
        self.try_sql(database, sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// The same, where it may fail.
    pub fn try_sql(&self, database: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
        run(async {
            let (client, connection) = self.config(database).connect(NoTls).await?;
            let driving = tokio::spawn(connection);
            let done = client.batch_execute(sql).await;
            drop(client);
            let _ = driving.await;
            done
        })
    }

    /// A database with the schema and nothing in it; its name.
    pub fn database(&self) -> String {
        let name = format!("ledger_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run_sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"));
        name
    }

    /// An empty database; its name.
    pub fn empty_database(&self) -> String {
        let name = format!("empty_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run_sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            // The directory goes next: nothing of it may be in use.
            let _ = guard.wait();
        }
    }
}
