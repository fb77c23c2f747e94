//! Servers under measurement as child processes: started on a core, asked what CPU time they used, and always stopped.
//!
//! A server that is dropped is killed, by its own process id, whatever the reason: an error, a panic, Ctrl-C.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::problem::Problem;

/// How long a server may take to say that it is ready.
const READY_MAX: Duration = Duration::from_secs(60);
/// How long it may take to end after SIGTERM.
const STOP_MAX: Duration = Duration::from_secs(60);
/// How much of its log is shown when it does not start.
const LOG_LINES_SHOWN: usize = 12;

/// The line with which a server says that it is ready.
#[derive(Debug, Clone, Deserialize)]
pub struct Ready {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where its operators' listener is, if it has one.
    pub ops_listen: Option<SocketAddr>,
}

/// Which cores the two sides run on; `None` where a side is not pinned.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    /// The servers'.
    pub server: Option<usize>,
    /// The load's.
    pub load: Option<usize>,
}

/// A server that runs.
pub struct Server {
    child: Child,
    pid: Pid,
    /// What it said when it was ready.
    pub ready: Ready,
}

impl Server {
    /// Starts a server, on the servers' core if there is one, and waits for its ready line. Its standard error goes to
    /// `log`; its standard input stays open until it is stopped.
    ///
    /// # Errors
    /// It does not start, or ends or says nothing instead of getting ready.
    pub async fn start(mut command: Command, log: &Path, cores: Cores) -> Result<Self, Problem> {
        let program = PathBuf::from(command.as_std().get_program());
        let log_file = File::create(log).map_err(Problem::doing(log.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log_file).kill_on_drop(true);
        // A child has the affinity of the thread that starts it, from its first instruction on.
        let spawned = on_core(cores.server, cores.load, || command.spawn())?;
        let mut child = spawned.map_err(Problem::doing(format!("starting {}", program.display())))?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let (Some(pid), Some(output)) = (pid, child.stdout.take()) else {
            return Err(Problem::new(format!("{} ended at once; its log:\n{}", program.display(), tail(log))));
        };
        let mut lines = BufReader::new(output).lines();
        let line = match tokio::time::timeout(READY_MAX, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None) | Err(_)) | Err(_) => {
                return Err(Problem::new(format!("{} did not get ready; its log:\n{}", program.display(), tail(log))));
            }
        };
        let what = format!("reading the ready line of {}", program.display());
        let ready = serde_json::from_str(&line).map_err(Problem::doing(what))?;
        Ok(Server { child, pid, ready })
    }

    /// The CPU time that it has used so far, all threads, in user and kernel mode.
    ///
    /// # Errors
    /// It is gone.
    pub fn cpu_time(&self) -> Result<Duration, Problem> {
        cpu_time_of(&self.pid.as_raw_nonzero().to_string())
    }

    /// Asks it to end, and waits until it has; kills it if it takes too long.
    ///
    /// # Errors
    /// It had to be killed, or ended badly.
    pub async fn stop(mut self) -> Result<(), Problem> {
        rustix::process::kill_process(self.pid, Signal::TERM).map_err(Problem::doing("ending a server"))?;
        drop(self.child.stdin.take());
        match tokio::time::timeout(STOP_MAX, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Problem::new(format!("a server ended with {status}"))),
            Ok(Err(error)) => Err(Problem::doing("waiting for a server to end")(error)),
            Err(_) => {
                self.child.kill().await.map_err(Problem::doing("killing a server"))?;
                Err(Problem::new(format!("a server did not end within {STOP_MAX:?} and was killed")))
            }
        }
    }
}

/// The CPU time of this process.
///
/// # Errors
/// `/proc` is not there.
pub fn own_cpu_time() -> Result<Duration, Problem> {
    cpu_time_of("self")
}

fn cpu_time_of(process: &str) -> Result<Duration, Problem> {
    let path = format!("/proc/{process}/stat");
    let stat = std::fs::read_to_string(&path).map_err(Problem::doing(&path))?;
    let ticks = ticks_in(&stat).ok_or_else(|| Problem::new(format!("{path} has no CPU times")))?;
    let nanos = u128::from(ticks).saturating_mul(1_000_000_000);
    let nanos = nanos.checked_div(u128::from(rustix::param::clock_ticks_per_second())).unwrap_or(0);
    Ok(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
}

/// User and kernel time in clock ticks: the 14th and 15th field of proc(5)'s stat. The second one, the command's name in
/// parentheses, may have blanks and parentheses itself, so fields are counted from behind its end.
fn ticks_in(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    user.checked_add(kernel)
}

/// Keeps this thread, and the threads and processes that it starts from now on, on one core.
///
/// # Errors
/// The machine has no such core, or this process may not use it.
pub fn pin(core: usize) -> Result<(), Problem> {
    let mut set = rustix::thread::CpuSet::new();
    if core >= rustix::thread::CpuSet::MAX_CPU {
        return Err(Problem::new(format!("there is no core {core}")));
    }
    set.set(core);
    rustix::thread::sched_setaffinity(None, &set).map_err(Problem::doing(format!("pinning to core {core}")))
}

/// Does something on one core, and comes back to the other.
fn on_core<T>(core: Option<usize>, back: Option<usize>, act: impl FnOnce() -> T) -> Result<T, Problem> {
    let (Some(core), Some(back)) = (core, back) else { return Ok(act()) };
    pin(core)?;
    let done = act();
    pin(back)?;
    Ok(done)
}

/// The last lines of a log, or why there are none.
fn tail(log: &Path) -> String {
    match std::fs::read_to_string(log) {
        Ok(text) => {
            let lines: Vec<&str> = text.lines().collect();
            lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default().join("\n")
        }
        Err(error) => format!("{}: {error}", log.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_times_are_found_behind_any_name() {
        let fields = "S 1 2 3 0 -1 4194560 100 0 0 0 1234 66 7 8 20 0 4 0 99 1000 50";
        for (name, expected) in [("(holdfast)", Some(1300)), ("(a ) b) (c)", Some(1300)), ("holdfast", None)] {
            assert_eq!(ticks_in(&format!("4711 {name} {fields}")), expected, "{name}");
        }
        assert_eq!(ticks_in("4711 (holdfast) S 1 2 3"), None);
        assert_eq!(ticks_in(""), None);
    }

    #[test]
    fn this_process_has_used_some_time() {
        assert!(own_cpu_time().unwrap() <= Duration::from_secs(86_400));
        assert!(cpu_time_of("no-such-process").is_err());
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    const ANYWHERE: Cores = Cores { server: None, load: None };

    #[tokio::test]
    async fn a_server_is_ready_when_it_says_so_and_ends_when_asked() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        // It ends well on SIGTERM, and waits for it by reading its standard input.
        let script = "trap 'exit 0' TERM; echo '{\"listen\":\"127.0.0.1:9\",\"more\":1}'; read line; exit 0";
        let server = Server::start(shell(script), &log, ANYWHERE).await.unwrap();
        assert_eq!(server.ready.listen.port(), 9);
        assert!(server.ready.ops_listen.is_none());
        assert!(server.cpu_time().unwrap() < Duration::from_secs(60));
        server.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_does_not_get_ready_shows_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let problem = Server::start(shell("echo no such disk >&2; exit 1"), &log, ANYWHERE).await.err().unwrap();
        assert!(problem.to_string().contains("no such disk"), "{problem}");
        let problem = Server::start(shell("echo ready"), &log, ANYWHERE).await.err().unwrap();
        assert!(problem.to_string().contains("ready line"), "{problem}");
    }

    #[tokio::test]
    async fn a_dropped_server_is_killed() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        // Not ended by its standard input's end, and gone by itself if nobody kills it.
        let script = "echo '{\"listen\":\"127.0.0.1:9\"}'; exec sleep 30";
        let server = Server::start(shell(script), &log, ANYWHERE).await.unwrap();
        let pid = server.pid;
        drop(server);
        // SIGKILL has been sent; what is left is to be reaped, which the runtime does when it is told of it.
        let gone = async {
            while rustix::process::test_kill_process(pid).is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.expect("it lives on");
    }
}
