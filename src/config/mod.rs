//! What the operator wrote, read into types with every error at once.
//!
//! [`Config::load`] is the door: a value of [`Config`] has passed every check, the ones that compare two keys
//! included. Unknown keys are errors; secrets come only by reference (`env:NAME`, `file:PATH`) and no message repeats a
//! value. Nothing here opens a socket or the ledger, or reads a clock.
//!
//! One file a section: [`server`], [`tls`], [`api`], [`agents`], [`responder`], [`ledger`], [`postgres`], [`telemetry`], [`program`], [`imports`], [`mount`], [`keyring`], [`secret`];
//! [`read`] is the spanned TOML reader below them, [`errors`] what it tells, [`reload`] what a SIGHUP reads again.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_adapters::{Platform, Use};

pub mod agents;
pub mod api;
#[cfg(test)]
mod at_once;
mod card_numbers;
pub mod errors;
pub mod imports;
mod keyring;
pub mod ledger;
pub mod mount;
mod number_free;
mod optional;
pub mod postgres;
pub mod program;
pub mod read;
pub mod reload;
pub mod responder;
pub mod ruleset;
pub mod secret;
pub mod server;
mod settlement;
mod spool;
pub mod stand_in;
pub mod telemetry;
#[cfg(test)]
mod tests;
pub(crate) mod text_file;
mod texts;
pub mod tls;
mod webhook;

pub use agents::{AgentsConfig, SmtpConfig};
pub use api::{ApiConfig, ApiToken};
pub use card_numbers::CardNumbersConfig;
pub use errors::{Error, Errors};
pub use ledger::{LedgerConfig, LedgerEngine, LedgerSync};
pub use mount::MountConfig;
pub use postgres::PostgresConfig;
pub use program::{Environment, ProgramConfig};
pub use reload::Reloaded;
pub use responder::ResponderConfig;
pub use server::{ServerConfig, TlsFiles};
pub use spool::{BreakerConfig, SpoolConfig};
pub use telemetry::TelemetryConfig;
pub use texts::TextsConfig;

use optional::OptionalSection;
use read::Document;
use secret::SecretReader;

use crate::webhook::Endpoint;

/// Where `holdfast` looks for its configuration unless told otherwise.
pub const DEFAULT_PATH: &str = "config/holdfast.toml";

/// Everything that the operator decided.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file that it was read from.
    pub path: PathBuf,
    /// What the command line put over the file.
    pub overrides: Overrides,
    /// `[server]`: listeners and their limits.
    pub server: ServerConfig,
    /// The certificate and key of `[server.tls]`, ready for connections; `None` for plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// `[api]`: the management API.
    pub api: ApiConfig,
    /// `[card_numbers]`: where card numbers are taken; `None` for nowhere.
    pub card_numbers: Option<CardNumbersConfig>,
    /// `[agents]`: agent spend; `None` for none.
    pub agents: Option<AgentsConfig>,
    /// `[responder]`: the authorization path.
    pub responder: ResponderConfig,
    /// `[ledger]`: where the money is.
    pub ledger: LedgerConfig,
    /// `[spool]`.
    pub spool: SpoolConfig,
    /// `[breaker]`.
    pub breaker: BreakerConfig,
    /// `[telemetry]`: one line a callback; `None` for none.
    pub telemetry: Option<TelemetryConfig>,
    /// `[[webhook]]`: who is told what happens.
    pub webhooks: Vec<Endpoint>,
    /// `[texts]`: how what people wrote is kept.
    pub texts: TextsConfig,
    /// `[[program]]`: at least one.
    pub programs: Vec<ProgramConfig>,
}

/// What the command line puts over the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--listen`, over `server.listen`.
    pub listen: Option<SocketAddr>,
    /// `--ops-listen`, over `server.ops_listen`.
    pub ops_listen: Option<SocketAddr>,
    /// `--api-listen`, over `api.listen`.
    pub api_listen: Option<SocketAddr>,
    /// `--data`, over `ledger.data`.
    pub data: Option<PathBuf>,
}

impl Config {
    /// Whether callers write what they like to a mount of any program: what is refused there was in memory, card numbers among it.
    #[must_use]
    pub fn has_payment_door(&self) -> bool {
        let mut mounts = self.programs.iter().flat_map(|program| &program.mounts);
        mounts.any(|mount| mount.platform.texts == Use::Needed)
    }

    /// Reads and checks a configuration with what a server needs of it before it listens: secrets, certificates, rulesets.
    ///
    /// # Errors
    /// Everything that is wrong, each with file, line, column, key, and what would be right.
    pub fn load(path: &Path, overrides: Overrides) -> Result<Self, Errors> {
        Self::read(path, overrides, &Surroundings::real(Depth::Rulesets))
    }

    /// The same, with the files that an empty ledger starts with: they may have millions of rows.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_whole(path: &Path, overrides: Overrides) -> Result<Self, Errors> {
        Self::read(path, overrides, &Surroundings::real(Depth::Everything))
    }

    fn read(path: &Path, overrides: Overrides, surroundings: &Surroundings<'_>) -> Result<Self, Errors> {
        let file = path.display().to_string();
        let text = read_text(path)?;
        let document = Document::parse(&file, &text)?;
        let further = RefCell::default();
        let config = read_root(&document, path, overrides, surroundings, &further);
        let mut errors = document.finish();
        errors.append(further.into_inner());
        match config {
            Some(config) if errors.is_empty() => Ok(config),
            // Whoever gives up on a value notes why; `None` without an error does not happen.
            Some(_) | None => Err(errors),
        }
    }
}

/// How far a reading follows what the file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// To credentials and TLS files: all that a running server takes anew.
    Credentials,
    /// To rulesets too: all that a server needs before it listens.
    Rulesets,
    /// To imports too.
    Everything,
}

/// Reads nothing but `[ledger]`: for commands that only want to find a running server's socket or the journal, and whose user
/// may not be allowed to read the secrets.
///
/// # Errors
/// The file cannot be read, is not TOML, or its `[ledger]` is wrong.
pub fn ledger_of(path: &Path) -> Result<LedgerConfig, Errors> {
    let text = read_text(path)?;
    let file = path.display().to_string();
    let document = Document::parse(&file, &text)?;
    let ledger = ledger::read(OptionalSection::open(&document.root(), "ledger"), None, None).0;
    let errors = document.finish();
    if errors.is_empty() { Ok(ledger) } else { Err(errors) }
}

/// What configuration values are looked up in, so that tests can bring their own.
struct Surroundings<'s> {
    platforms: &'static [Platform],
    environment: &'s dyn Fn(&str) -> Option<String>,
    depth: Depth,
}

impl Surroundings<'static> {
    fn real(depth: Depth) -> Self {
        Surroundings { platforms: holdfast_adapters::PLATFORMS, environment: &|name| std::env::var(name).ok(), depth }
    }
}

fn read_text(path: &Path) -> Result<String, Errors> {
    text_file::read(path).map_err(|error| {
        let is_missing = matches!(error, text_file::NotText::Unreadable(_)) && path == Path::new(DEFAULT_PATH);
        let hint = if is_missing { "; `--config FILE` names another file" } else { "" };
        let ((line, column), problem) = (error.place(), format!("{error}{hint}"));
        Errors::from_iter([Error { file: path.display().to_string(), line, column, path: String::new(), problem }])
    })
}

/// Reads every section before it gives up, so that every error is noted.
fn read_root(
    document: &Document<'_>,
    path: &Path,
    overrides: Overrides,
    surroundings: &Surroundings<'_>,
    further: &RefCell<Errors>,
) -> Option<Config> {
    let root = document.root();
    let directory = path.parent().unwrap_or(Path::new(""));

    let (server, exposure, tls) = server::read(OptionalSection::open(&root, "server"), &overrides, directory);
    let responder = responder::read(OptionalSection::open(&root, "responder"));
    let secrets = SecretReader { directory, environment: surroundings.environment };
    let (ledger, spots) = ledger::read(OptionalSection::open(&root, "ledger"), overrides.data.as_deref(), Some(&secrets));

    let spool = spool::read(OptionalSection::open(&root, "spool"), &ledger.data);
    let breaker = spool::read_breaker(OptionalSection::open(&root, "breaker"));

    let telemetry = root.optional_section("telemetry").and_then(|section| telemetry::read(section, &ledger.data));

    let (texts, texts_spots) = texts::read(OptionalSection::open(&root, "texts"), &secrets, exposure);

    let reader = program::ProgramReader {
        directory,
        secrets: &secrets,
        platforms: surroundings.platforms,
        exposure,
        body_read_max: server.body_read_max,
        engine: ledger.engine,
        depth: surroundings.depth,
        agents: if root.optional("agents").is_some() { program::AgentsPlace::Taken } else { program::AgentsPlace::Free },
        further,
    };
    let programs = reader.programs(&root);
    let api = api::read(OptionalSection::open(&root, "api"), &overrides, &server, &secrets, &programs);
    let card_numbers = card_numbers::read(OptionalSection::open(&root, "card_numbers"), directory, &server, &secrets, &programs);
    if let (Some(numbers), Some(api)) = (&card_numbers, &api) {
        card_numbers::apart(numbers.as_ref(), api, &root);
    }
    let reader = webhook::WebhookReader { directory, secrets: &secrets, programs: &programs };
    let webhooks = reader.endpoints(&root);
    let agents = agents::read(root.optional_section("agents"), directory, &server, &secrets, &programs);
    root.finish();
    if surroundings.depth == Depth::Everything
        && let Ok(Some(agents)) = &agents
        && let Some(path) = &agents.import
    {
        let import = agents::import::AgentsImport::read(path, agents.reach, surroundings.environment);
        further.borrow_mut().append(import.err().unwrap_or_default());
    }

    if ledger.sync == LedgerSync::None && programs.any_production {
        spots.sync.wrong("must be \"full\" while any program is production: \"none\" loses approvals in a crash");
    }
    if let Some(postgres) = ledger.postgres.as_ref().filter(|_| programs.any_production) {
        postgres.check_production(&spots.connection);
    }
    if let Some(spot) = texts_spots.demo.filter(|_| programs.any_production) {
        spot.wrong("is the demo's key, which everybody knows: not while any program is production; make your own");
    }
    let programs = programs.configs?;
    if !texts.sealer.has_key() && programs.iter().any(keeps_texts_in_production) {
        texts_spots.key.wrong(
            "has no `key`: a production program has a payment door, whose callers' texts are kept; `openssl rand -hex 32` makes one",
        );
    }
    Some(Config {
        path: path.to_owned(),
        overrides,
        server,
        tls,
        api: api?,
        card_numbers: card_numbers?,
        agents: agents.ok()?,
        responder,
        ledger,
        spool,
        breaker,
        telemetry,
        webhooks: webhooks?,
        texts,
        programs,
    })
}

/// Whether real people's texts are kept for a program.
fn keeps_texts_in_production(program: &ProgramConfig) -> bool {
    program.environment == Environment::Production && program.mounts.iter().any(|mount| mount.platform.texts == Use::Needed)
}

/// Whether only programs on this machine reach a listener: what the demo ships works there.
fn at_home(listen: SocketAddr, server: &ServerConfig) -> bool {
    listen.ip().is_loopback() && !server.tls_terminated_upstream
}
