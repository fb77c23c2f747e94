//! Servers under measurement as child processes: started on a core, asked what CPU time they used, and always stopped.
//!
//! A server that is dropped is killed, by its own process id, whatever the reason: an error, a panic, Ctrl-C.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::problem::Problem;

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
    /// Where its management API is, if it has one.
    pub api_listen: Option<SocketAddr>,
}

/// A process's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// What is resident now.
    pub resident: u64,
    /// The most that ever was.
    pub peak: u64,
}

/// Which cores the two sides run on; `None` where a side is not pinned.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    /// The servers'.
    pub server: Option<usize>,
    /// The load's.
    pub load: Option<usize>,
}

/// A server that was started, and has not said yet that it is ready.
pub struct Starting {
    child: Child,
    pid: Pid,
    lines: Lines<BufReader<ChildStdout>>,
    program: PathBuf,
    log: PathBuf,
}

impl Starting {
    /// Starts a server, on the servers' core if there is one. Its standard error goes to `log`; its standard input stays open
    /// until it is stopped.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(mut command: Command, log: &Path, cores: Cores) -> Result<Self, Problem> {
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
        let lines = BufReader::new(output).lines();
        Ok(Starting { child, pid, lines, program, log: log.to_owned() })
    }

    /// Waits for its ready line.
    ///
    /// # Errors
    /// It ends, says something else, or takes too long.
    pub async fn ready(mut self, within: Duration) -> Result<Server, Problem> {
        let line = match tokio::time::timeout(within, self.lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None) | Err(_)) | Err(_) => {
                let log = tail(&self.log);
                return Err(Problem::new(format!("{} did not get ready; its log:\n{log}", self.program.display())));
            }
        };
        let what = format!("reading the ready line of {}", self.program.display());
        let ready = serde_json::from_str(&line).map_err(Problem::doing(what))?;
        Ok(Server { child: self.child, pid: self.pid, ready })
    }
}

/// A server that runs.
pub struct Server {
    child: Child,
    pid: Pid,
    /// What it said when it was ready.
    pub ready: Ready,
}

impl Server {
    /// The memory that it has, and had at most.
    ///
    /// # Errors
    /// It is gone.
    pub fn memory(&self) -> Result<Memory, Problem> {
        let path = format!("/proc/{}/status", self.pid.as_raw_nonzero());
        let status = std::fs::read_to_string(&path).map_err(Problem::doing(&path))?;
        memory_in(&status).ok_or_else(|| Problem::new(format!("{path} does not tell its memory")))
    }

    /// Ends it as a power cut would: SIGKILL.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub async fn kill(mut self) -> Result<(), Problem> {
        self.child.kill().await.map_err(Problem::doing("killing a server"))
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

/// `VmRSS` and `VmHWM` of proc(5)'s status, which counts in KiB.
fn memory_in(status: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Memory { resident: bytes("VmRSS")?, peak: bytes("VmHWM")? })
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

/// Runs a command to its end, on the servers' core if there is one. It is killed when nobody waits for it any more.
///
/// # Errors
/// It does not start.
pub async fn output(mut command: Command, cores: Cores) -> Result<Output, Problem> {
    let what = format!("running {}", command.as_std().get_program().to_string_lossy());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = on_core(cores.server, cores.load, || command.spawn())?.map_err(Problem::doing(&what))?;
    child.wait_with_output().await.map_err(Problem::doing(what))
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

    #[test]
    fn memory_is_found_among_the_other_lines() {
        let status = "Name:\tVmRSS: 7 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nRssAnon:\t 9 kB\n";
        assert_eq!(memory_in(status), Some(Memory { resident: 1024 * 1024, peak: 2048 * 1024 }));
        for wrong in ["", "VmRSS:\t1 kB\n", "VmRSS:\t1 MB\nVmHWM:\t1 MB\n", "VmRSS:\t kB\nVmHWM:\t1 kB\n"] {
            assert_eq!(memory_in(wrong), None, "{wrong:?}");
        }
    }

    async fn start(command: Command, log: &Path) -> Result<Server, Problem> {
        Starting::start(command, log, ANYWHERE)?.ready(Duration::from_secs(60)).await
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
        let server = start(shell(script), &log).await.unwrap();
        assert_eq!(server.ready.listen.port(), 9);
        assert!(server.ready.ops_listen.is_none());
        assert!(server.cpu_time().unwrap() < Duration::from_secs(60));
        assert!(server.memory().unwrap().resident > 0);
        server.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_does_not_get_ready_shows_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let problem = start(shell("echo no such disk >&2; exit 1"), &log).await.err().unwrap();
        assert!(problem.to_string().contains("no such disk"), "{problem}");
        let problem = start(shell("echo ready"), &log).await.err().unwrap();
        assert!(problem.to_string().contains("ready line"), "{problem}");
    }

    #[tokio::test]
    async fn a_dropped_server_is_killed() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        // Not ended by its standard input's end, and gone by itself if nobody kills it.
        let script = "echo '{\"listen\":\"127.0.0.1:9\"}'; exec sleep 30";
        let server = start(shell(script), &log).await.unwrap();
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
