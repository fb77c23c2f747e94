//! The README's page "More than one machine" as a reader types it, from nothing, into one shell: by a user that is neither root nor
//! `postgres`, on free ports. What differs from run to run is not compared.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use crate::readme::{Step, comparable, steps};
use crate::support::Workplace;
use crate::support::server::HOLDFAST;

/// The page's ports.
const PORTS: [&str; 8] = ["5433", "5434", "8080", "8081", "8180", "8181", "9090", "9190"];

/// A user of every system, that owns nothing.
const NOBODY: u32 = 65_534;

/// However the test ends, nothing that it started is left.
const LEAVE: &str = "trap 'kill $(jobs -p); for data in one two; do pg_ctl -s -D $data -m immediate stop; done' EXIT";

/// A shell that is typed into.
struct Shell {
    types: ChildStdin,
    prints: BufReader<ChildStdout>,
    child: std::process::Child,
}

impl Shell {
    fn begin(workplace: &Workplace) -> Self {
        let mut command = Command::new("bash");
        let path = format!("{}:{}", workplace.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        command.current_dir(workplace.path(".")).env("PATH", path).env("HOME", workplace.path(".")).env("LC_ALL", "C.UTF-8");
        if rustix::process::getuid().is_root() {
            let chown = Command::new("chown").args(["-R", &format!("{NOBODY}:{NOBODY}")]).arg(workplace.path(".")).status();
            assert!(chown.unwrap().success());
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (types, prints) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut shell = Shell { types, prints, child };
        shell.type_in(LEAVE);
        shell
    }

    /// What it prints; of something that goes on behind it, its first line, too.
    fn type_in(&mut self, command: &str) -> String {
        writeln!(self.types, "{{ {command}\n}} 2>&1 < /dev/null\nprintf '\\n--- %s\\n' $?").unwrap();
        let (mut printed, mut ended) = (String::new(), false);
        let goes_on = command.ends_with('&');
        while !ended || (goes_on && printed.trim().is_empty()) {
            let mut line = String::new();
            assert!(self.prints.read_line(&mut line).unwrap() > 0, "the shell ended: {command}\n{printed}");
            match line.strip_prefix("--- ") {
                Some(status) => {
                    assert_eq!(status.trim(), "0", "{command}\n{printed}");
                    ended = true;
                }
                None => printed.push_str(&line),
            }
        }
        printed
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It ends with its input, if that is not there any more; asked to, it ends at once.
        let _ = writeln!(self.types, "exit");
        let _ = self.child.wait();
    }
}

/// What two runs have in common, line by line: two responders do what they do in no order.
fn in_common(text: &str) -> Vec<String> {
    let text = comparable(text);
    let of_line = |line: &str| {
        if let Some((before, rest)) = line.split_once("\"node\":\"") {
            return format!("{before}{}", rest.split_once('"').unwrap().1);
        }
        match line.split_once("  ") {
            // Hashes, and how the records fell into groups.
            Some((word @ ("records" | "not chained" | "head"), _)) => word.to_owned(),
            _ if line.starts_with("head number") => "head number".to_owned(),
            // A row's moment.
            _ => line.split_once("+00 | ").map_or(line, |(_, rest)| rest).trim().to_owned(),
        }
    };
    // What prints no end of its line has one here; progress is standard error's.
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with("proven: ")).map(of_line).collect();
    lines.sort();
    lines
}

#[test]
fn its_page_of_several_machines_works_as_it_is_typed() {
    let here_is = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    let postgresql = (15..=20).any(|version| std::path::Path::new(&format!("/usr/lib/postgresql/{version}/bin/initdb")).exists());
    if !here_is("bash") || !here_is("curl") || !postgresql {
        assert!(std::env::var_os("HOLDFAST_TEST_ALL").is_none(), "bash, curl or PostgreSQL is not there");
        eprintln!("skipped: needs bash, curl and PostgreSQL");
        return;
    }
    let workplace = Workplace::demo();
    std::fs::create_dir(workplace.path("bin")).unwrap();
    std::fs::copy(HOLDFAST, workplace.path("bin/holdfast")).unwrap();
    // Of those that nobody is given who asks for any port, as all the other tests do meanwhile.
    let mut below = (20_000..32_000_u16).cycle().skip(std::process::id() as usize % 12_000).step_by(7);
    let taken = PORTS.map(|_| below.find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).unwrap());
    let free = taken.each_ref().map(|listener| listener.local_addr().unwrap().port().to_string());
    drop(taken);
    // Ports could be part of each other's numbers: all go to marks first.
    let here = |text: &str| {
        let marked =
            PORTS.iter().enumerate().fold(text.to_owned(), |text, (place, port)| text.replace(port, &format!("<{place}>")));
        free.iter().enumerate().fold(marked, |text, (place, port)| text.replace(&format!("<{place}>"), port))
    };
    let mut shell = Shell::begin(&workplace);
    for Step { command, prints } in steps("## More than one machine", "## Promises") {
        let by_default = "--data one-data 2>";
        let named = "--data one-data --listen 127.0.0.1:8080 --api-listen 127.0.0.1:8081 --ops-listen 127.0.0.1:9090 2>";
        let printed = shell.type_in(&here(&command.replace(by_default, named)));
        if command.starts_with("cat ") {
            for said in ["are answered from stand-in until", "the ledger is unavailable: ", "the ledger is ready"] {
                assert!(printed.contains(said) && prints.contains(said), "{printed}");
            }
        } else {
            assert_eq!(in_common(&printed), in_common(&here(&prints)), "{command}\n{printed}");
        }
    }
}
