//! What an outage needs: configuration, stand-in table, the ledger's directory, the spool's, and the ledger that hangs: a disk
//! whose syncs do not return, or a database that stands still. It starts no responder by itself.

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tokio::process::Command;

use crate::figures::bench::{Bench, People, Places};
use crate::postgres::Postgres;
use crate::problem::Problem;

const CONFIG: &str = include_str!("../../bench/outage.toml");
const TABLE: &str = include_str!("../../bench/stand-in.toml");
const HANG: &str = include_str!("../../bench/hang.c");

/// What presents itself to the management API; nobody but this run can reach it.
const TOKEN: &str = "the-token-of-one-run-of-outage";
/// How many payments stand-in may approve to one card: the cap that is reached.
pub const CARD_COUNT_MAX: u32 = 3;
/// How much may be at risk in all, in minor units.
pub const EXPOSURE_MAX_MINOR: i64 = 1_000_000_000;
/// The platforms, where they are mounted, and their deadlines, in milliseconds.
pub const MOUNTS: [(&str, &str, u64); 2] = [("apto", "/apto", 200), ("marqeta", "/marqeta", 3000)];

/// Over how many connections a responder uses the database.
const CONNECTIONS: usize = 16;

/// Which ledger hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The embedded one: its disk's syncs do not return.
    Embedded,
    /// The shared one: PostgreSQL stands still (SIGSTOP of every process).
    Postgres,
}

/// What hangs, and goes on.
enum Hanging {
    Disk,
    Database(Box<Postgres>),
}

/// The directory of one run, and its ledger.
pub struct Stage {
    /// The part that it shares with the benchmark.
    pub bench: Bench,
    hanging: Hanging,
}

impl Stage {
    /// Writes everything, and builds what hangs the syncs, or starts the database.
    ///
    /// # Errors
    /// The disk says no, or there is no C compiler, or no PostgreSQL.
    pub async fn set(work_dir: &Path, engine: Engine, cards: u64, callbacks: u64) -> Result<Self, Problem> {
        let bench = Bench::write(work_dir, People { accounts: cards, cards })?;
        let hanging = match engine {
            Engine::Embedded => Hanging::Disk,
            Engine::Postgres => Hanging::Database(Box::new(Postgres::start(work_dir).await?)),
        };
        let stage = Stage { bench, hanging };
        // Room for what is told twice, too.
        let entries = callbacks.saturating_mul(2).max(1000).to_string();
        let config =
            CONFIG.replace("SPOOL", &stage.path("spool/spool.sqlite").display().to_string()).replace("ENTRIES", &entries);
        let config = match &stage.hanging {
            Hanging::Disk => config,
            Hanging::Database(postgres) => {
                let connections = NonZeroUsize::new(CONNECTIONS).unwrap_or(NonZeroUsize::MIN);
                stage.bench.write_shared(&postgres.connection(), connections)?;
                Bench::on_shared(&config, "sync = \"full\"", connections)
            }
        };
        let exposure = format!("{}.{:02}", EXPOSURE_MAX_MINOR / 100, EXPOSURE_MAX_MINOR % 100);
        let table = TABLE.replace("EXPOSURE", &exposure).replace("CARD_COUNT", &CARD_COUNT_MAX.to_string());
        for (name, text) in
            [("outage.toml", config.as_str()), ("stand-in.toml", &table), ("management_token", TOKEN), ("hang.c", HANG)]
        {
            let path = stage.path(name);
            fs::write(&path, text).map_err(Problem::doing(path.display()))?;
        }
        let data = stage.data();
        fs::create_dir_all(&data).map_err(Problem::doing(data.display()))?;
        if matches!(stage.hanging, Hanging::Disk) {
            stage.build_hang().await?;
        }
        Ok(stage)
    }

    /// Makes the database's tables, where there is one.
    ///
    /// # Errors
    /// They cannot be made.
    pub async fn migrate(&self, holdfast: &Path) -> Result<(), Problem> {
        match &self.hanging {
            Hanging::Disk => Ok(()),
            Hanging::Database(_) => Postgres::migrate(holdfast, &self.path("outage.toml")).await,
        }
    }

    async fn build_hang(&self) -> Result<(), Problem> {
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O2", "-o"]).arg(self.path("hang.so")).arg(self.path("hang.c")).arg("-ldl");
        let built = compiler.kill_on_drop(true).output().await;
        let built = built.map_err(Problem::doing("building the disk that hangs (cc; install a C compiler)"))?;
        if built.status.success() {
            return Ok(());
        }
        Err(Problem::new(format!("cc could not build the disk that hangs: {}", String::from_utf8_lossy(&built.stderr).trim())))
    }

    /// A file of the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.bench.path(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Where the server writes a line for each callback.
    pub fn telemetry(&self) -> PathBuf {
        self.path("data/telemetry.jsonl")
    }

    /// From now on no sync in the ledger's directory returns, or no query of the database's.
    ///
    /// # Errors
    /// The disk says no, or the database is not there.
    pub fn hang(&self) -> Result<(), Problem> {
        match &self.hanging {
            Hanging::Disk => {
                let flag = self.path("hang");
                fs::write(&flag, "").map_err(Problem::doing(flag.display()))
            }
            Hanging::Database(postgres) => postgres.stand_still(),
        }
    }

    /// They return again.
    ///
    /// # Errors
    /// The disk says no, or the database is not there.
    pub fn let_go(&self) -> Result<(), Problem> {
        match &self.hanging {
            Hanging::Disk => {
                let flag = self.path("hang");
                fs::remove_file(&flag).map_err(Problem::doing(flag.display()))
            }
            Hanging::Database(postgres) => postgres.go_on(),
        }
    }

    /// The command that serves, on a disk that can hang; at the same places again after a kill.
    ///
    /// # Errors
    /// The directory has no path of its own.
    pub fn serve(&self, holdfast: &Path, places: Option<Places>) -> Result<Command, Problem> {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let Places { listen, ops_listen, api_listen } =
            places.unwrap_or(Places { listen: free, ops_listen: free, api_listen: free });
        let mut command = self.command(holdfast, &["serve"]);
        for (option, address) in [("--listen", listen), ("--ops-listen", ops_listen), ("--api-listen", api_listen)] {
            command.arg(option).arg(address.to_string());
        }
        // As the kernel calls it: without links.
        let data = self.data();
        let data = data.canonicalize().map_err(Problem::doing(data.display()))?;
        if matches!(self.hanging, Hanging::Disk) {
            command.env("LD_PRELOAD", self.path("hang.so"));
            command.env("HOLDFAST_HANG_BELOW", data).env("HOLDFAST_HANG_WHILE", self.path("hang"));
        }
        Ok(command)
    }

    /// A command of Holdfast on this ledger.
    pub fn command(&self, holdfast: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(holdfast);
        command.args(words).arg("--config").arg(self.path("outage.toml")).arg("--data").arg(self.data());
        command
    }

    /// The header line that the management API wants.
    pub fn authorization() -> String {
        format!("authorization: Bearer {TOKEN}\r\n")
    }

    /// Stops what was started besides the responder.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub async fn end(self) -> Result<(), Problem> {
        match self.hanging {
            Hanging::Disk => Ok(()),
            Hanging::Database(postgres) => postgres.stop().await,
        }
    }
}
