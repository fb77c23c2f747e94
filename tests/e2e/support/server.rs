//! The real binary as a process, in a directory of its own.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use rustix::process::{Pid, Signal};

use super::http::{Client, Response};

/// The binary under test.
pub const HOLDFAST: &str = env!("CARGO_BIN_EXE_holdfast");

/// What makes a server take whatever ports are free.
pub const FREE_PORTS: [&str; 6] = ["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"];

/// A directory with a configuration and a data directory; gone when dropped.
pub struct Workplace {
    directory: tempfile::TempDir,
}

impl Workplace {
    /// The shipped demo configuration, copied, so that a test may change it.
    pub fn demo() -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config")), &directory.path().join("config"));
        Workplace { directory }
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.directory.path().join(inside)
    }

    pub fn config(&self) -> PathBuf {
        self.path("config/holdfast.toml")
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Changes a file of the configuration.
    pub fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.path("config").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed, "the edit of {file} changes nothing");
        std::fs::write(path, changed).unwrap();
    }

    /// Runs a subcommand to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(HOLDFAST);
        command.args(arguments).arg("--config").arg(self.config()).current_dir(self.directory.path());
        command.output().unwrap()
    }

    /// Publishes a ruleset of this place to its running server.
    pub fn publish(&self, file: &str) {
        let (file, data) = (self.path(file), self.data());
        let file = file.to_str().unwrap();
        let who = ["--program", "demo", "--by", "a test", "--why", "to see"];
        let output = self.run(&[&["rules", "publish", file], &who[..], &["--data", data.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts the server and waits for its ready line.
    pub fn serve(&self) -> Server {
        self.serve_by(&[])
    }

    /// Starts the server as the last argument of another command (`strace …`).
    pub fn serve_by(&self, through: &[&str]) -> Server {
        let mut command = self.serving_by(through);
        command.stderr(Stdio::inherit());
        Server::start(command)
    }

    /// The same for a server that is not expected to become ready: where it answers all the same, and what else it says on its
    /// standard error.
    pub fn listen_by(&self, through: &[&str]) -> (Child, SocketAddr, Lines<BufReader<ChildStderr>>) {
        let mut child = self.serving_by(through).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
            let (_, rest) = line.split_once("callbacks on ")?;
            rest.split_once(' ')?.0.parse().ok()
        });
        (child, address.unwrap(), lines)
    }

    /// What the server says on its standard error until it is ready.
    pub fn said_at_start(&self) -> String {
        let mut child = self.serving_by(&[]).stderr(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        child.kill().unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap()
    }

    fn serving_by(&self, through: &[&str]) -> Command {
        let mut words: Vec<String> = through.iter().map(|word| (*word).to_owned()).collect();
        words.push(HOLDFAST.to_owned());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg("serve")
            .args(FREE_PORTS)
            .arg("--config")
            .arg(self.config())
            .arg("--data")
            .arg(self.data())
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// Sends a signal to one process.
pub fn send(process: u32, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    rustix::process::kill_process(process, signal).unwrap();
}

/// The one child of a process.
pub fn child_of(process: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
    children.split_whitespace().next().unwrap().parse().unwrap()
}

/// A running server. Dropped, it is killed.
pub struct Server {
    pub child: Child,
    pub listen: SocketAddr,
    pub ops_listen: SocketAddr,
    pub api_listen: SocketAddr,
    pub ready_line: String,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut ready_line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready_line).unwrap();
        let ready: serde_json::Value =
            serde_json::from_str(&ready_line).unwrap_or_else(|error| panic!("{error}: {ready_line:?}"));
        let address = |key: &str| ready[key].as_str().unwrap().parse().unwrap();
        Server {
            listen: address("listen"),
            ops_listen: address("ops_listen"),
            api_listen: address("api_listen"),
            child,
            ready_line,
        }
    }

    /// A connection with the demo's credentials.
    pub fn client(&self) -> Client {
        Client::connect(self.listen)
    }

    /// One page of the operators' listener.
    pub fn ops(&self, path: &str) -> Response {
        Client::connect_as(self.ops_listen, None).get(path)
    }

    /// The sum of a metric's samples whose line contains all of `parts`.
    pub fn metric(&self, name: &str, parts: &[&str]) -> f64 {
        let page = self.ops("/metrics").body;
        let lines = page.lines().filter(|line| line.starts_with(name) && parts.iter().all(|part| line.contains(part)));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// SIGTERM, then what the process ended with.
    pub fn terminate(mut self) -> std::process::ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().unwrap()
    }

    /// SIGKILL, then waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        send(self.child.id(), signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The balance of an account of a running server, in minor units: posted, held, available.
pub fn balance(workplace: &Workplace, account: &str) -> (i64, i64, i64) {
    let output = workplace.run(&["balance", account, "--json", "--data", workplace.data().to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let balance: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let field = |name: &str| balance[name].as_i64().unwrap_or_else(|| panic!("{name}: {balance}"));
    (field("posted"), field("held"), field("available"))
}
