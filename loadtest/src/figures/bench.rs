//! The benchmark's directory: configuration, ruleset, accounts, cards, ledgers and logs. The format of each of these files is
//! Holdfast's; this is the only file here that knows it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use holdfast_adapters::{BasicCredential, Keyring, Secret, agent_spend};
use tempfile::TempDir;
use tokio::process::Command;

use crate::callbacks::Population;
use crate::figures::keys;
use crate::problem::Problem;

const CONFIG: &str = include_str!("../../bench/holdfast.toml");
/// The benchmark's ruleset.
pub const RULES: &str = include_str!("../../bench/rules.toml");
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

const AGENTS: &str = include_str!("../../bench/agents.toml");
const AGENTS_HEAD: &str = include_str!("../../bench/agents-head.toml");
const AGENT_OF_CARD: &str = include_str!("../../bench/agent-of-card.toml");

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

/// Where a server listens: its callbacks, its operators' and its management address.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// Where platforms call.
    pub listen: SocketAddr,
    /// Where operators look.
    pub ops_listen: SocketAddr,
    /// Where the management API is.
    pub api_listen: SocketAddr,
}

/// Whom the ledger knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct People {
    /// How many accounts there are.
    pub accounts: u64,
    /// How many of them have a card, spread evenly; not more than there are accounts.
    pub cards: u64,
}

impl People {
    /// The account behind the card of that number.
    const fn account_of(self, card: u64) -> u64 {
        match self.accounts.checked_div(self.cards) {
            Some(apart) => card.saturating_mul(apart),
            None => 0,
        }
    }
}

/// A directory with everything that the servers read and write; removed when dropped.
pub struct Bench {
    directory: TempDir,
    people: People,
    speaks: Speaks,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// The cards' own platform.
    Platform,
    /// A processor, about what agents pay with.
    Processor,
    /// A payments team, at `/authorizations`.
    Authorizations,
    /// A payments team, at `/api/payment/auth`.
    PaymentGateway,
    /// A payments team, at `/transaction-monitoring/pre-auth`.
    PreAuth,
}

impl Speaks {
    /// The adapter, and where it is mounted.
    pub const fn place(self) -> (&'static str, &'static str) {
        match self {
            Speaks::Platform => (PLATFORM, MOUNT),
            Speaks::Processor => (agent_spend::NAME, "/v1"),
            Speaks::Authorizations => ("authorizations", "/payments/na"),
            Speaks::PaymentGateway => ("payment_gateway", "/api/payment"),
            Speaks::PreAuth => ("pre_auth", "/transaction-monitoring"),
        }
    }
}

impl Bench {
    /// Makes the directory below `work_dir` and writes what does not depend on the server.
    ///
    /// # Errors
    /// The disk says no.
    pub fn write(work_dir: &Path, people: People) -> Result<Self, Problem> {
        let made = tempfile::Builder::new().prefix("holdfast-figures-").tempdir_in(work_dir);
        let directory = made.map_err(Problem::doing(format!("making a directory in {}", work_dir.display())))?;
        let bench = Bench { directory, people, speaks: Speaks::Platform };
        for (name, text) in [
            ("full.toml", CONFIG.replace("SYNC", Sync::Full.name())),
            ("none.toml", CONFIG.replace("SYNC", Sync::None.name())),
            ("rules.toml", RULES.to_owned()),
            ("platform_password", PASSWORD.to_owned()),
        ] {
            let path = bench.path(name);
            fs::write(&path, text).map_err(Problem::doing(path.display()))?;
        }
        bench.write_rows("accounts.csv", |file| bench.write_accounts(file))?;
        bench.write_rows("cards.csv", |file| bench.write_cards(file))?;
        Ok(bench)
    }

    /// Writes a configuration with the shared ledger, and a ruleset without the limit of the whole program: it is one row, for which
    /// all decisions would wait.
    ///
    /// # Errors
    /// The disk says no.
    pub fn write_shared(&self, connection: &str, connections: NonZeroUsize) -> Result<(), Problem> {
        let config = Self::on_shared(CONFIG, "sync = \"SYNC\"", connections);
        let rules = RULES.split_once("[[limit]]\nid = \"program-month\"").map_or(RULES, |(before, _)| before);
        for (name, text) in [("shared.toml", config.as_str()), ("rules-shared.toml", rules), ("connection", connection)] {
            let path = self.path(name);
            fs::write(&path, text).map_err(Problem::doing(path.display()))?;
        }
        Ok(())
    }

    /// A configuration with the shared ledger in the place of what it says of the embedded one.
    pub fn on_shared(config: &str, embedded: &str, connections: NonZeroUsize) -> String {
        let section = format!(
            "engine = \"postgres\"\n[ledger.postgres]\nconnection = \"file:connection\"\nconnections_max = {connections}"
        );
        config.replace(embedded, &section).replace("\"rules.toml\"", "\"rules-shared.toml\"")
    }

    /// The command that serves with the shared ledger, at a free port of the loopback.
    pub fn serve_shared(&self, holdfast: &Path) -> Command {
        let mut command = Command::new(holdfast);
        command.arg("serve").arg("--config").arg(self.path("shared.toml")).arg("--data").arg(self.path("data-shared"));
        for option in ["--listen", "--ops-listen", "--api-listen"] {
            command.arg(option).arg("127.0.0.1:0");
        }
        command
    }

    fn write_rows(&self, name: &str, rows: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Problem> {
        let path = self.path(name);
        let written = File::create(&path).and_then(|file| {
            let mut file = BufWriter::new(file);
            rows(&mut file)?;
            file.flush()
        });
        written.map_err(Problem::doing(path.display()))
    }

    fn write_accounts(&self, file: &mut BufWriter<File>) -> io::Result<()> {
        writeln!(file, "account_id,program,currency,balance,credit_line,status")?;
        (0..self.people.accounts).try_for_each(|number| writeln!(file, "acct-bench-{number:06},bench,USD,{BALANCE},0.00,active"))
    }

    fn write_cards(&self, file: &mut BufWriter<File>) -> io::Result<()> {
        let population = self.population();
        writeln!(file, "card_token,account_id,cardholder_token,status")?;
        (0..self.people.cards).try_for_each(|number| {
            let (card, cardholder) = (population.card_token(number), population.cardholder_token(number));
            writeln!(file, "{card},acct-bench-{:06},{cardholder},active", self.people.account_of(number))
        })
    }

    /// Gives every card an authority of its own, with a policy of five rules, and has a processor ask about them.
    ///
    /// # Errors
    /// The disk says no.
    pub fn write_agents(&mut self) -> Result<(), Problem> {
        self.speaks = Speaks::Processor;
        for sync in [Sync::Full, Sync::None] {
            let path = self.path(&format!("{}.toml", sync.name()));
            let text = format!("{}\n{AGENTS}", CONFIG.replace("SYNC", sync.name()));
            fs::write(&path, text).map_err(Problem::doing(path.display()))?;
        }
        for (name, text) in [
            ("agents_key", "5a".repeat(32)),
            ("api_key", keys::API_KEY.to_owned()),
            ("shared_secret", keys::SHARED_SECRET.to_owned()),
            ("enterprise_key", keys::ENTERPRISE_KEY.to_owned()),
            ("enterprise_secret", keys::ENTERPRISE_SECRET.to_owned()),
        ] {
            let path = self.path(name);
            fs::write(&path, text).map_err(Problem::doing(path.display()))?;
        }
        self.write_rows("agents.toml", |file| {
            file.write_all(AGENTS_HEAD.as_bytes())?;
            let population = self.population();
            (0..self.people.cards).try_for_each(|number| {
                let card = population.card_token(number);
                file.write_all(AGENT_OF_CARD.replace("NUMBER", &format!("{number:06}")).replace("CARD", &card).as_bytes())
            })
        })
    }

    /// The policy of five rules, as JSON, with another amount that it allows at most.
    pub fn agents_policy(minor: i64) -> String {
        let policy = AGENT_OF_CARD.lines().find_map(|line| line.strip_prefix("policy = '")?.strip_suffix('\''));
        policy.unwrap_or_default().replace("\"amount\": 50000", &format!("\"amount\": {minor}"))
    }

    /// Has somebody else ask; whoever says so writes the configuration for it.
    pub const fn speak(&mut self, speaks: Speaks) {
        self.speaks = speaks;
    }

    /// Who asks.
    pub const fn speaks(&self) -> Speaks {
        self.speaks
    }

    /// What whoever asks proves itself with.
    pub fn keyring() -> Keyring {
        let basic = vec![BasicCredential::new(USER, &Self::password())];
        Keyring { basic, bearer: Some(keys::bearer()), ..Keyring::default() }
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
        Population { cards: self.people.cards, card: "card-bench-".to_owned(), cardholder: "user-bench-".to_owned() }
    }

    /// What the caller proves itself with.
    pub fn password() -> Secret {
        Secret::new(PASSWORD.as_bytes())
    }

    /// The command that serves, with a ledger of its own for each kind of sync; at a free port of the loopback.
    pub fn serve(&self, holdfast: &Path, sync: Sync) -> Command {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        self.serve_at(holdfast, sync, Places { listen: free, ops_listen: free, api_listen: free })
    }

    /// The same at certain places: where it was before a restart.
    pub fn serve_at(&self, holdfast: &Path, sync: Sync, places: Places) -> Command {
        let mut command = Command::new(holdfast);
        command.arg("serve");
        let Places { listen, ops_listen, api_listen } = places;
        for (option, address) in [("--listen", listen), ("--ops-listen", ops_listen), ("--api-listen", api_listen)] {
            command.arg(option).arg(address.to_string());
        }
        self.add_place(&mut command, sync);
        command
    }

    /// The command that asks a running server for every account's balance.
    pub fn balances(&self, holdfast: &Path, sync: Sync) -> Command {
        self.command(holdfast, &["balance", "--all", "--json"], sync)
    }

    /// A command of Holdfast on one of the ledgers.
    pub fn command(&self, holdfast: &Path, words: &[&str], sync: Sync) -> Command {
        let mut command = Command::new(holdfast);
        command.args(words);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ruleset_is_as_large_as_the_benchmark_says() {
        let tables = |name: &str| RULES.lines().filter(|line| line.trim() == name).count();
        assert_eq!((tables("[[rule]]"), tables("[[limit]]")), (33, 3));
    }

    #[test]
    fn the_policy_of_agents_has_five_rules_and_the_amount_that_is_wanted() {
        let policy: serde_json::Value = serde_json::from_str(&Bench::agents_policy(7)).unwrap();
        let policies = policy.pointer("/parameters/policies").unwrap().as_array().unwrap();
        assert_eq!(policies.len(), 5);
        assert_eq!(policies[0].pointer("/parameters/amount").unwrap(), 7);
        assert!(Bench::agents_policy(50_000).contains("\"amount\": 50000,"));
    }

    #[test]
    fn the_directory_has_a_card_for_every_account_and_goes_away() {
        let work_dir = tempfile::tempdir().unwrap();
        let bench = Bench::write(work_dir.path(), People { accounts: 3, cards: 3 }).unwrap();
        let cards = fs::read_to_string(bench.path("cards.csv")).unwrap();
        assert_eq!(cards.lines().last().unwrap(), "card-bench-000002,acct-bench-000002,user-bench-000002,active");
        let accounts = fs::read_to_string(bench.path("accounts.csv")).unwrap();
        assert_eq!(accounts.lines().count(), 4);
        assert!(fs::read_to_string(bench.path("none.toml")).unwrap().contains("sync = \"none\""));
        drop(bench);
        assert_eq!(fs::read_dir(work_dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_shared_ledgers_rules_have_no_limit_of_all() {
        let work_dir = tempfile::tempdir().unwrap();
        let bench = Bench::write(work_dir.path(), People { accounts: 2, cards: 2 }).unwrap();
        bench.write_shared("host=h", NonZeroUsize::MIN).unwrap();
        let rules = fs::read_to_string(bench.path("rules-shared.toml")).unwrap();
        assert_eq!((rules.matches("[[rule]]").count(), rules.matches("[[limit]]").count()), (33, 2));
        let config = fs::read_to_string(bench.path("shared.toml")).unwrap();
        assert!(config.contains("engine = \"postgres\"") && !config.contains("sync ="), "{config}");
    }

    #[test]
    fn fewer_cards_than_accounts_are_spread_over_them() {
        let work_dir = tempfile::tempdir().unwrap();
        let bench = Bench::write(work_dir.path(), People { accounts: 10, cards: 3 }).unwrap();
        let cards = fs::read_to_string(bench.path("cards.csv")).unwrap();
        let accounts: Vec<&str> = cards.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
        assert_eq!(accounts, ["acct-bench-000000", "acct-bench-000003", "acct-bench-000006"]);
        assert_eq!(fs::read_to_string(bench.path("accounts.csv")).unwrap().lines().count(), 11);
    }
}
