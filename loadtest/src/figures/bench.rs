//! The benchmark's directory: configuration, ruleset, accounts, cards, ledgers and logs. The format of each of these files is
//! Holdfast's; this is the only file here that knows it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use holdfast_adapters::Secret;
use tempfile::TempDir;
use tokio::process::Command;

use crate::callbacks::Population;
use crate::problem::Problem;

const CONFIG: &str = include_str!("../../bench/holdfast.toml");
const RULES: &str = include_str!("../../bench/rules.toml");
/// Nobody but the benchmark can reach the servers, and they live for its length.
const PASSWORD: &str = "benchmark-password";
/// The user who goes with it.
pub const USER: &str = "bench";
/// Where the configuration mounts the platform.
pub const MOUNT: &str = "/marqeta";
/// What is spoken.
pub const PLATFORM: &str = "marqeta";
/// Amounts that the ruleset allows, in minor units.
pub const APPROVED_MINOR: [i64; 4] = [420, 999, 1250, 2735];
/// An amount that it denies.
pub const DECLINED_MINOR: i64 = 90_000;
/// What is on each account: more than can be held in a day.
const BALANCE: &str = "1000000000.00";
/// tmpfs, by linux/magic.h.
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// When the journal counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// When the disk says so.
    Full,
    /// When the operating system has it.
    None,
}

impl Sync {
    /// As the configuration writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Sync::Full => "full",
            Sync::None => "none",
        }
    }
}

/// A directory with everything that the servers read and write; removed when dropped.
pub struct Bench {
    directory: TempDir,
    accounts: u64,
}

impl Bench {
    /// Makes the directory below `work_dir` and writes what does not depend on the server.
    ///
    /// # Errors
    /// The disk says no.
    pub fn write(work_dir: &Path, accounts: u64) -> Result<Self, Problem> {
        let made = tempfile::Builder::new().prefix("holdfast-figures-").tempdir_in(work_dir);
        let directory = made.map_err(Problem::doing(format!("making a directory in {}", work_dir.display())))?;
        let bench = Bench { directory, accounts };
        let (mut account_rows, mut card_rows) =
            ("account_id,program,currency,balance,credit_line,status\n".to_owned(), CARD_COLUMNS.to_owned());
        let people = bench.population();
        for number in 0..accounts {
            let (card, cardholder) = (people.card_token(number), people.cardholder_token(number));
            // Writing to a String cannot fail.
            let _ = writeln!(account_rows, "acct-bench-{number:06},bench,USD,{BALANCE},0.00,active");
            let _ = writeln!(card_rows, "{card},acct-bench-{number:06},{cardholder},active");
        }
        for (name, text) in [
            ("full.toml", CONFIG.replace("SYNC", Sync::Full.name())),
            ("none.toml", CONFIG.replace("SYNC", Sync::None.name())),
            ("rules.toml", RULES.to_owned()),
            ("platform_password", PASSWORD.to_owned()),
            ("accounts.csv", account_rows),
            ("cards.csv", card_rows),
        ] {
            let path = bench.path(name);
            fs::write(&path, text).map_err(Problem::doing(path.display()))?;
        }
        Ok(bench)
    }

    /// Leaves the directory behind.
    pub fn keep(&mut self) {
        self.directory.disable_cleanup(true);
        eprintln!("the benchmark's files stay in {}", self.directory.path().display());
    }

    /// A file of the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Whose cards pay.
    pub fn population(&self) -> Population {
        Population { cards: self.accounts, card: "card-bench-".to_owned(), cardholder: "user-bench-".to_owned() }
    }

    /// What the caller proves itself with.
    pub fn password() -> Secret {
        Secret::new(PASSWORD.as_bytes())
    }

    /// The command that serves, with a ledger of its own for each kind of sync.
    pub fn serve(&self, holdfast: &Path, sync: Sync) -> Command {
        let mut command = Command::new(holdfast);
        command.arg("serve").args(["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"]);
        self.add_place(&mut command, sync);
        command
    }

    /// The command that asks a running server for every account's balance.
    pub fn balances(&self, holdfast: &Path, sync: Sync) -> Command {
        let mut command = Command::new(holdfast);
        command.args(["balance", "--all", "--json"]);
        self.add_place(&mut command, sync);
        command
    }

    fn add_place(&self, command: &mut Command, sync: Sync) {
        command.arg("--config").arg(self.path(&format!("{}.toml", sync.name())));
        command.arg("--data").arg(self.path(&format!("data-{}", sync.name())));
    }

    /// Whether the ledgers are in memory, where a sync costs nothing and proves nothing.
    pub fn is_in_memory(&self) -> bool {
        let found = rustix::fs::statfs(self.directory.path());
        found.is_ok_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| kind == TMPFS_MAGIC))
    }
}

const CARD_COLUMNS: &str = "card_token,account_id,cardholder_token,status\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ruleset_is_as_large_as_the_benchmark_says() {
        let tables = |name: &str| RULES.lines().filter(|line| line.trim() == name).count();
        assert_eq!((tables("[[rule]]"), tables("[[limit]]")), (33, 3));
    }

    #[test]
    fn the_directory_has_a_card_for_every_account_and_goes_away() {
        let work_dir = tempfile::tempdir().unwrap();
        let bench = Bench::write(work_dir.path(), 3).unwrap();
        let cards = fs::read_to_string(bench.path("cards.csv")).unwrap();
        assert_eq!(cards.lines().last().unwrap(), "card-bench-000002,acct-bench-000002,user-bench-000002,active");
        let accounts = fs::read_to_string(bench.path("accounts.csv")).unwrap();
        assert_eq!(accounts.lines().count(), 4);
        assert!(fs::read_to_string(bench.path("none.toml")).unwrap().contains("sync = \"none\""));
        drop(bench);
        assert_eq!(fs::read_dir(work_dir.path()).unwrap().count(), 0);
    }
}
