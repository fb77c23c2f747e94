//! A PostgreSQL of the measurement's own, as durable as it comes, and `pgbench` on it. PostgreSQL refuses to run as root: root
//! runs it as the user `postgres` of the Debian package. A shell stands guard over the server, and stops it when this process is
//! gone, however that ends.

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::problem::Problem;

/// Stops the server when the guard's standard input ends.
const GUARD: &str = "\"$@\" & server=$!; cat >/dev/null; kill -INT $server; wait $server";

/// How often it is asked whether it lets anybody in.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// What `pgbench` runs; `CARDS` is filled in.
const SCRIPT: &str = include_str!("../bench/pgbench.sql");

/// A server that runs.
pub struct Postgres {
    directory: TempDir,
    programs: PathBuf,
    port: u16,
    guard: Child,
}

/// What `pgbench` measured.
#[derive(Debug, Clone, Default)]
pub struct Bare {
    /// Calls a second.
    pub per_second: u64,
    /// Of each call, in microseconds, from when it was due; in no order.
    pub latencies_us: Vec<u64>,
}

impl Postgres {
    /// Makes a cluster below `work_dir` and starts it.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start.
    pub async fn start(work_dir: &Path) -> Result<Self, Problem> {
        let programs = programs()?;
        let made = tempfile::Builder::new().prefix("holdfast-postgres-").tempdir_in(work_dir);
        let directory = made.map_err(Problem::doing("making PostgreSQL's directory"))?;
        if let Some((user, group)) = owner()? {
            chown(directory.path(), Some(user), Some(group)).map_err(Problem::doing("giving PostgreSQL its directory"))?;
        }
        let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = listener.map_err(Problem::doing("finding a free port"))?.port();
        let data = directory.path().join("data");
        let mut initdb = program(&programs.join("initdb"))?;
        initdb.args(["--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--pgdata"]).arg(&data);
        succeed(initdb, "initdb").await?;
        let mut guard = program(Path::new("/bin/sh"))?;
        guard.args(["-c", GUARD, "guard"]).arg(programs.join("postgres")).arg("-D").arg(&data);
        guard.args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("port={port}"), "-c", "max_connections=200"]);
        guard.args(["-c", &format!("unix_socket_directories={}", directory.path().display())]);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let guard = guard.spawn().map_err(Problem::doing("starting PostgreSQL"))?;
        let server = Postgres { directory, programs, port, guard };
        server.until_it_lets_in().await?;
        Ok(server)
    }

    async fn until_it_lets_in(&self) -> Result<(), Problem> {
        for _ in 0..1_200 {
            let mut asking = program(&self.programs.join("pg_isready"))?;
            asking.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if asking.status().await.is_ok_and(|status| status.success()) {
                return Ok(());
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        Err(Problem::new("PostgreSQL does not start"))
    }

    /// How to reach it.
    pub fn connection(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.port)
    }

    /// Lets the bare function be called over so many connections for so long, for so many cards; as fast as it goes, or at a rate.
    ///
    /// # Errors
    /// `pgbench` fails.
    pub async fn call_bare(&self, cards: u64, connections: usize, seconds: u32, rate: Option<u64>) -> Result<Bare, Problem> {
        let doing = |what: &str| Problem::doing(format!("pgbench: {what}"));
        let place = tempfile::tempdir_in(self.directory.path()).map_err(doing("making a directory"))?;
        if let Some((user, group)) = owner()? {
            chown(place.path(), Some(user), Some(group)).map_err(doing("giving it its directory"))?;
        }
        let script = place.path().join("decide.sql");
        std::fs::write(&script, SCRIPT.replace("CARDS", &cards.to_string())).map_err(doing("writing its script"))?;
        let mut bench = program(&self.programs.join("pgbench"))?;
        bench.args(["-n", "-M", "prepared", "-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()]);
        bench.args(["-c", &connections.to_string(), "-j", "1", "-T", &seconds.to_string(), "-l", "--log-prefix"]);
        bench.arg(place.path().join("log")).arg("-f").arg(&script);
        if let Some(rate) = rate {
            bench.args(["-R", &rate.to_string()]);
        }
        let output =
            bench.arg("postgres").stdout(Stdio::piped()).stderr(Stdio::piped()).output().await.map_err(doing("running"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let per_second = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split('.').next()?.parse().ok());
        let (Some(per_second), true) = (per_second, output.status.success()) else {
            return Err(Problem::new(format!("pgbench failed: {}{said}", String::from_utf8_lossy(&output.stderr))));
        };
        let mut latencies_us = Vec::new();
        for file in std::fs::read_dir(place.path()).map_err(doing("reading its logs"))?.flatten() {
            if file.file_name().to_string_lossy().starts_with("log") {
                let text = std::fs::read_to_string(file.path()).map_err(doing("reading its logs"))?;
                latencies_us.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok()));
            }
        }
        Ok(Bare { per_second, latencies_us })
    }

    /// Has `holdfast migrate` make its tables, as a configuration says where.
    ///
    /// # Errors
    /// It does not.
    pub async fn migrate(holdfast: &Path, config: &Path) -> Result<(), Problem> {
        let mut migrate = Command::new(holdfast);
        migrate.arg("migrate").arg("--config").arg(config);
        let migrated = migrate.kill_on_drop(true).output().await.map_err(Problem::doing("running holdfast migrate"))?;
        if migrated.status.success() {
            return Ok(());
        }
        Err(Problem::new(format!("holdfast migrate: {}", String::from_utf8_lossy(&migrated.stderr).trim())))
    }

    /// Stands still, connections and all: nobody is told anything any more.
    ///
    /// # Errors
    /// It does not run.
    pub fn stand_still(&self) -> Result<(), Problem> {
        self.signal(Signal::STOP)
    }

    /// Goes on.
    ///
    /// # Errors
    /// It does not run.
    pub fn go_on(&self) -> Result<(), Problem> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), Problem> {
        let doing = |error| Problem::doing("finding PostgreSQL's processes")(error);
        let file = std::fs::read_to_string(self.directory.path().join("data/postmaster.pid")).map_err(doing)?;
        let postmaster = file.lines().next().unwrap_or_default();
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        let children = std::fs::read_to_string(children).map_err(doing)?;
        let all = std::iter::once(postmaster).chain(children.split_whitespace());
        for process in all.filter_map(|number| Pid::from_raw(number.parse().ok()?)) {
            // A child may have ended meanwhile.
            let _ = kill_process(process, signal);
        }
        Ok(())
    }

    /// Stops it.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub async fn stop(mut self) -> Result<(), Problem> {
        drop(self.guard.stdin.take());
        self.guard.wait().await.map(drop).map_err(Problem::doing("waiting for PostgreSQL to end"))
    }
}

impl Drop for Postgres {
    /// One that stands still does not hear its guard.
    fn drop(&mut self) {
        let _ = self.go_on();
    }
}

/// The directory of PostgreSQL's programs: Debian keeps them out of the path.
fn programs() -> Result<PathBuf, Problem> {
    let of_debian = (15..=20).rev().map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let in_path = std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let found = of_debian.chain(in_path).find(|directory| directory.join("initdb").exists());
    found.ok_or_else(|| Problem::new("PostgreSQL is not installed: apt-get install postgresql"))
}

/// Whom to run it as: user and group `postgres`, if this is root.
fn owner() -> Result<Option<(u32, u32)>, Problem> {
    if !rustix::process::getuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").map_err(Problem::doing("reading /etc/passwd"))?;
    let line = users.lines().find_map(|line| line.strip_prefix("postgres:"));
    let numbers = line.and_then(|line| {
        let mut fields = line.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    numbers.map(Some).ok_or_else(|| Problem::new("there is no user postgres, whom PostgreSQL could run as"))
}

/// A program of PostgreSQL's, to be run as whoever may.
fn program(path: &Path) -> Result<Command, Problem> {
    let mut command = Command::new(path);
    if let Some((user, group)) = owner()? {
        command.uid(user).gid(group);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).env("LC_ALL", "C.UTF-8").current_dir("/tmp");
    Ok(command)
}

async fn succeed(mut command: Command, name: &str) -> Result<(), Problem> {
    let status = command.status().await.map_err(Problem::doing(name))?;
    if status.success() { Ok(()) } else { Err(Problem::new(format!("{name} ended with {status}"))) }
}
