//! The command line, and how a load is made of it. Nothing is sent here.

use std::cell::Cell;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use holdfast_adapters::{BasicCredential, Keyring, PLATFORMS, Secret, Settings};
use holdfast_core::{Currency, Money};
use http::Uri;

use crate::agents::AgentsArguments;
use crate::callbacks::{Callbacks, Caller, Mix, Population};
use crate::clock::{self, Clock};
use crate::doors::DoorsArguments;
use crate::drive::{Load, Patience};
use crate::figures::FiguresArguments;
use crate::outage::OutageArguments;
use crate::problem::Problem;
use crate::recognition::Recognition;
use crate::replay::ReplayArguments;
use crate::report::Form;
use crate::scale::ScaleArguments;
use crate::shared::SharedArguments;
use crate::stand_in::StandInArguments;

/// Loads a responder with real authorization callbacks, and says what came back, when, and at what cost.
///
/// `run` asks at a fixed rate and measures latency, `closed` finds the capacity, `floor` is the bare server that both are
/// compared with, and `figures` does all of it, interleaved, and prints every figure of the benchmark.
#[derive(Debug, Parser)]
#[command(name = "holdfast-loadtest", version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The same as the subcommand `floor`.
    #[arg(long)]
    floor: bool,
    #[command(flatten)]
    floor_arguments: FloorArguments,
}

impl Arguments {
    /// The subcommand, also where it was given as a flag.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Floor(self.floor_arguments))
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves the floor: a bare hyper server that reads each body and answers 200 fixed bytes.
    ///
    /// Prints its address as one line of JSON, and ends when its standard input closes, on Ctrl-C or on SIGTERM.
    Floor(FloorArguments),
    /// Asks at a fixed rate for a fixed time (open loop), and prints the latencies.
    ///
    /// Each latency counts from the moment at which its request was due, whether or not the server kept up: what a stall
    /// costs is seen by every request that it delays. An answer after the deadline is late; a request without an answer is
    /// missing. Above 500 requests a second the generator keeps one core busy, so as to be on time.
    ///
    /// Example, against `holdfast serve` and its demo program:
    ///
    ///   holdfast-loadtest run --target http://127.0.0.1:8080/marqeta --platform marqeta --user demo
    ///     --password-file config/demo/secrets/platform_password --card card-demo-1 --cardholder user-demo-1
    ///     --cards 1 --approve-amounts 0.01 --rate 100 --seconds 10
    #[command(verbatim_doc_comment)]
    Run(OpenArguments),
    /// Keeps every connection busy for a fixed time (closed loop), and prints how many answers a second came.
    ///
    /// This finds the capacity. Its latencies are those of a server that is never idle: for latencies, use `run`.
    Closed(ClosedArguments),
    /// Measures Holdfast against the floor and prints every figure of the benchmark.
    ///
    /// Writes a configuration, a ruleset, accounts and cards into a directory of its own, starts the servers on one core and
    /// runs the load on another. The floor, Holdfast, and Holdfast with a journal that is not synced take turns. It ends by
    /// comparing the holds in the ledgers with the approvals received, fails if they differ, and leaves nothing running.
    ///
    /// For figures that mean something, build both programs with `cargo build --profile dist --workspace`, and leave the
    /// machine alone meanwhile.
    Figures(FiguresArguments),
    /// Measures what a large population costs: restart, memory an account, throughput, stalls.
    ///
    /// Fills a ledger, kills its server and starts it again; then lets a small and a large population and the bare floor take
    /// turns. Prints each figure beside its target, and leaves nothing running. Small by default, to try it; `--full` is what
    /// the targets are meant for.
    Scale(ScaleArguments),
    /// Hangs the ledger's disk under load, lets it come back, kills the server, starts it again, and compares.
    ///
    /// Prints how many answers were late or missing, whether the ledger ends up with what was told, hold by hold, what stand-in
    /// approved within its caps, and how fast the spool drained. Fails if a count that must be zero is not. Needs a C compiler
    /// (`cc`), which builds the disk that hangs.
    Outage(OutageArguments),
    /// Measures the shared ledger beside its database alone.
    ///
    /// Starts PostgreSQL; `pgbench` calls the bare database function, and Holdfast answers callbacks over as many connections, and
    /// they take turns: decisions a second on many accounts and on one, p99 at half of capacity, the responder's CPU beside the
    /// floor's. Prints each figure beside its target, and leaves nothing running. Needs PostgreSQL (`apt-get install postgresql`).
    Shared(SharedArguments),
    /// Measures decisions under spending authorities beside the bare floor.
    ///
    /// A processor asks `/v1/authorize` with a bearer token, about many authorities with a policy of five rules each. Prints the CPU of
    /// a request beside its target, fails if the ledger holds something else than what was approved, and leaves nothing running.
    Agents(AgentsArguments),
    /// Measures the payment doors beside the bare floor, and whether webhooks keep up.
    ///
    /// Each door has a server of its own, and the floor answers the same requests in turns with it. Then one of them is asked at half of
    /// its capacity while an endpoint takes every event. Prints each figure beside its target, fails if a ledger holds something else
    /// than what was approved, or the endpoint heard something else than what was told, and leaves nothing running.
    Doors(DoorsArguments),
    /// Measures one decision without the ledger, and how soon a server that starts without its ledger makes them.
    ///
    /// Times the stand-in of a table with caps; then kills a server whose ledger hangs, starts it again while it still does, and asks
    /// until it approves. Prints each figure beside its target, fails if what was told before the kill is told otherwise, or is not held
    /// in the end, and leaves nothing running. Needs a C compiler (`cc`). `--rounds`, `--seconds`, `--connections` and
    /// `--floor-binary` do not matter here.
    StandIn(StandInArguments),
    /// Measures how fast a whole journal is decided again.
    ///
    /// Fills a journal through the real server, stops it, and runs `holdfast replay` on it, on one core. Prints records a second
    /// beside the target; fails if a record came out differently, or was not there. Leaves nothing running. `--rounds` is how often
    /// the journal is replayed; `--seconds` and `--floor-binary` do not matter here.
    Replay(ReplayArguments),
}

/// Arguments of `floor`.
#[derive(Debug, Args)]
pub struct FloorArguments {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct OpenArguments {
    /// How many requests are due each second.
    #[arg(long, value_name = "PER_SECOND")]
    pub rate: NonZeroU32,
    /// Target, platform, proof and mix.
    #[command(flatten)]
    pub load: LoadArguments,
}

/// Arguments of `closed`.
#[derive(Debug, Args)]
pub struct ClosedArguments {
    /// Target, platform, proof and mix.
    #[command(flatten)]
    pub load: LoadArguments,
}

/// What every load needs.
#[derive(Debug, Args)]
pub struct LoadArguments {
    /// The mount to call: `http://127.0.0.1:8080/marqeta`. Plain HTTP only.
    #[arg(long, value_name = "URL")]
    target: Uri,
    /// Whose callbacks to send, by the adapter's name.
    #[arg(long, value_name = "NAME")]
    platform: String,
    /// The path below the target, if it is not the platform's own for authorizations.
    #[arg(long, value_name = "PATH")]
    route: Option<String>,
    /// The user of HTTP Basic.
    #[arg(long, requires = "password_file")]
    user: Option<String>,
    /// A file with its password; white space at its end does not count.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// A file with the key that signs callbacks, for platforms that sign.
    #[arg(long, value_name = "FILE")]
    signing_key_file: Option<PathBuf>,
    /// For how many seconds.
    #[arg(long, default_value = "10")]
    pub seconds: NonZeroU32,
    /// How many keep-alive connections.
    #[arg(long, default_value = "64")]
    connections: NonZeroUsize,
    /// How many cards pay; their tokens are the two below with six digits added, from 000000 on. With one card, the tokens
    /// are taken as they are.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    cards: u64,
    /// The cards' tokens, before the number.
    #[arg(long, value_name = "TOKEN", default_value = "card-bench-")]
    card: String,
    /// The cardholders' tokens, before the number.
    #[arg(long, value_name = "TOKEN", default_value = "user-bench-")]
    cardholder: String,
    /// The currency of all amounts.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: Currency,
    /// The share of callbacks that ask for an amount which the program approves: 0 to 1, three decimal places.
    #[arg(long, value_name = "SHARE", default_value = "0.95", value_parser = per_mille)]
    approve_share: u16,
    /// Amounts that it approves, taken in turn.
    #[arg(long, value_name = "AMOUNTS", default_value = "4.20,9.99,12.50,27.35", value_delimiter = ',')]
    approve_amounts: Vec<String>,
    /// An amount that its rules decline.
    #[arg(long, value_name = "AMOUNT", default_value = "900.00")]
    decline_amount: String,
    /// An answer after this many milliseconds is late; the platform's own budget if not said.
    #[arg(long, value_name = "MS")]
    deadline_ms: Option<u32>,
    /// An answer after this many milliseconds is missing, and its connection is given up.
    #[arg(long, value_name = "MS", default_value = "10000")]
    give_up_ms: NonZeroU32,
    /// Prints one line of JSON, and no progress.
    #[arg(long)]
    json: bool,
}

impl LoadArguments {
    /// How to print.
    pub const fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Table }
    }

    /// Makes the load: reads the secrets, finds the server's address, renders the first callbacks, learns the answers.
    ///
    /// # Errors
    /// An argument that cannot be used, in one sentence.
    pub async fn prepare(&self) -> Result<Rc<Load>, Problem> {
        let platform = PLATFORMS.iter().find(|platform| platform.name == self.platform).ok_or_else(|| {
            let names: Vec<&str> = PLATFORMS.iter().map(|platform| platform.name).collect();
            Problem::new(format!("--platform {}: there is no such adapter; there are: {}", self.platform, names.join(", ")))
        })?;
        let adapter = (platform.build)(&Settings::defaults(self.currency)).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Problem::new(format!("--platform {}: {}", self.platform, errors.join("; ")))
        })?;
        let (host, mount) = split_target(&self.target)?;
        let address = resolve(&host).await?;
        let caller = Caller { platform, adapter, keyring: self.keyring()?, host, mount, route: self.route.clone() };
        let population = Population { cards: self.cards, card: self.card.clone(), cardholder: self.cardholder.clone() };
        let callbacks = Callbacks::prepare(caller, population, self.mix()?, clock::utc())?;
        let recognition = Recognition::learn(&callbacks)?;
        let deadline = self.deadline_ms.map_or(platform.budget.default, |ms| Duration::from_millis(u64::from(ms)));
        Ok(Rc::new(Load {
            clock: Clock::start(),
            address,
            callbacks,
            recognition,
            patience: Patience { deadline, give_up: Duration::from_millis(u64::from(self.give_up_ms.get())) },
            connections: self.connections,
            next: Cell::new(0),
            stopping: Cell::new(false),
        }))
    }

    fn keyring(&self) -> Result<Keyring, Problem> {
        let mut keyring = Keyring::default();
        if let (Some(user), Some(file)) = (&self.user, &self.password_file) {
            keyring.basic.push(BasicCredential::new(user, &read_secret(file)?));
        }
        if let Some(file) = &self.signing_key_file {
            keyring.signing.push(read_secret(file)?);
        }
        Ok(keyring)
    }

    fn mix(&self) -> Result<Mix, Problem> {
        let minor = |option: &str, text: &str| {
            let money = Money::from_decimal(text, self.currency);
            money.map(Money::minor).map_err(|error| Problem::new(format!("{option} {text} {error}")))
        };
        let approved = self.approve_amounts.iter().map(|text| minor("--approve-amounts", text));
        Ok(Mix {
            currency: self.currency,
            approved_minor: approved.collect::<Result<_, _>>()?,
            declined_minor: minor("--decline-amount", &self.decline_amount)?,
            approve_per_mille: self.approve_share,
        })
    }
}

fn read_secret(file: &Path) -> Result<Secret, Problem> {
    let bytes = std::fs::read(file).map_err(Problem::doing(file.display()))?;
    Ok(Secret::new(bytes.trim_ascii_end()))
}

/// The `Host` and the mount's path of a target.
fn split_target(target: &Uri) -> Result<(String, String), Problem> {
    match (target.scheme_str(), target.authority()) {
        (Some("http"), Some(authority)) => Ok((authority.to_string(), target.path().trim_end_matches('/').to_owned())),
        (Some(_) | None, _) => Err(Problem::new(format!("--target {target}: say http://HOST:PORT/MOUNT"))),
    }
}

async fn resolve(host: &str) -> Result<SocketAddr, Problem> {
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut addresses = tokio::net::lookup_host(&host).await.map_err(Problem::doing(format!("finding {host}")))?;
    addresses.next().ok_or_else(|| Problem::new(format!("{host} has no address")))
}

/// Reads a share of one as thousandths.
///
/// # Errors
/// What would be right.
pub fn per_mille(text: &str) -> Result<u16, String> {
    let wrong = || "must be a share from 0 to 1 with at most three decimal places".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().map_err(|_| wrong())?;
    match whole {
        "0" => Ok(thousandths),
        "1" if thousandths == 0 => Ok(1000),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_floor_is_a_flag_and_a_subcommand() {
        for words in [&["x", "--floor", "--listen", "127.0.0.1:7"][..], &["x", "floor", "--listen", "127.0.0.1:7"]] {
            match Arguments::try_parse_from(words).unwrap().into_command() {
                Command::Floor(floor) => assert_eq!(floor.listen.port(), 7),
                other @ (Command::Run(_)
                | Command::Closed(_)
                | Command::Figures(_)
                | Command::Scale(_)
                | Command::Outage(_)
                | Command::Shared(_)
                | Command::Agents(_)
                | Command::Doors(_)
                | Command::StandIn(_)
                | Command::Replay(_)) => {
                    panic!("{words:?} is {other:?}")
                }
            }
        }
    }

    #[test]
    fn shares_are_thousandths() {
        for (text, share) in [("0", 0), ("0.95", 950), ("0.5", 500), ("0.999", 999), ("1", 1000), ("1.0", 1000), ("1.000", 1000)]
        {
            assert_eq!(per_mille(text), Ok(share), "{text}");
        }
        for text in ["", ".5", "2", "1.001", "-0.5", "0.9999", "0.+1", "95%"] {
            assert!(per_mille(text).is_err(), "{text}");
        }
    }

    #[test]
    fn targets_are_http_with_a_mount() {
        let split = |text: &str| split_target(&text.parse().unwrap());
        assert_eq!(split("http://h:1/marqeta/").unwrap(), ("h:1".into(), "/marqeta".into()));
        assert_eq!(split("http://h").unwrap(), ("h".into(), String::new()));
        assert!(split("https://h:1/marqeta").is_err());
        assert!(split("/marqeta").is_err());
    }
}
