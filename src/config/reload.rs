//! What a SIGHUP reads again: credentials, what signs webhooks, and the TLS files, and nothing else. Whatever else has changed in the file is
//! named, so that the operator knows what waits for a restart.

use std::sync::Arc;

use holdfast_adapters::Keyring;
use holdfast_core::ProgramId;

use super::api::ApiToken;
use super::errors::Errors;
use super::mount::MountConfig;
use super::program::ProgramConfig;
use super::server::ServerConfig;
use super::{CardNumbersConfig, Config, Depth, Surroundings};
use crate::webhook::Endpoint;
use crate::webhook::post::Keys;

/// What takes effect without a restart.
#[derive(Debug, Clone)]
pub struct Reloaded {
    /// One new keyring for every mount of the running configuration.
    pub keyrings: Vec<MountKeyring>,
    /// Who may use the management API from now on.
    pub tokens: Vec<ApiToken>,
    /// The certificate and key, if the running configuration has TLS.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The certificate and key of `[card_numbers.tls]`, if the running configuration takes card numbers.
    pub card_numbers_tls: Option<Arc<rustls::ServerConfig>>,
    /// What signs from now on for each endpoint, by its name, that is where it was.
    pub webhook_keys: Vec<(String, Keys)>,
    /// What has changed in the file and waits for a restart, such as `[server]` or `program demo, mount /marqeta`.
    pub waiting: Vec<String>,
}

/// The credentials of one mount, which its program and path identify.
#[derive(Debug, Clone)]
pub struct MountKeyring {
    /// The program.
    pub program: ProgramId,
    /// [`MountConfig::path`].
    pub path: String,
    /// What it accepts from now on.
    pub keyring: Keyring,
}

impl Config {
    /// Reads the file again with the same overrides, for its credentials and TLS files.
    ///
    /// Rulesets are not looked at: they change by being published.
    ///
    /// # Errors
    /// Everything that is wrong; the running credentials then stay. A mount that the file no longer has keeps its own:
    /// it is named in [`Reloaded::waiting`].
    pub fn reload(&self) -> Result<Reloaded, Errors> {
        self.reload_in(&Surroundings::real(Depth::Credentials))
    }

    pub(super) fn reload_in(&self, surroundings: &Surroundings<'_>) -> Result<Reloaded, Errors> {
        let new = Config::read(&self.path, self.overrides.clone(), surroundings)?;
        let mut waiting = Vec::new();
        if !same_server(&new.server, &self.server) {
            waiting.push("[server]".to_owned());
        }
        if new.api.listen != self.api.listen {
            waiting.push("[api]".to_owned());
        }
        if !same_card_numbers(new.card_numbers.as_ref(), self.card_numbers.as_ref()) {
            waiting.push("[card_numbers]".to_owned());
        }
        if new.agents != self.agents {
            waiting.push("[agents]".to_owned());
        }
        if new.responder != self.responder {
            waiting.push("[responder]".to_owned());
        }
        if new.ledger != self.ledger {
            waiting.push("[ledger]".to_owned());
        }
        if new.spool != self.spool {
            waiting.push("[spool]".to_owned());
        }
        if new.breaker != self.breaker {
            waiting.push("[breaker]".to_owned());
        }
        if new.telemetry != self.telemetry {
            waiting.push("[telemetry]".to_owned());
        }
        let mut keyrings = Vec::new();
        for program in &self.programs {
            let Some(twin) = new.programs.iter().find(|twin| twin.id == program.id) else {
                waiting.push(format!("program {} (gone)", program.id));
                continue;
            };
            if !same_program(program, twin) {
                waiting.push(format!("program {}", program.id));
            }
            for mount in &program.mounts {
                let twin = twin.mounts.iter().find(|twin| twin.path == mount.path && twin.platform.name == mount.platform.name);
                let Some(twin) = twin else {
                    waiting.push(format!("program {}, mount {} (gone)", program.id, mount.path));
                    continue;
                };
                if !same_mount(mount, twin) {
                    waiting.push(format!("program {}, mount {}", program.id, mount.path));
                }
                let keyring = twin.keyring.clone();
                keyrings.push(MountKeyring { program: program.id, path: mount.path.clone(), keyring });
            }
            let is_new = |twin: &&MountConfig| program.mounts.iter().all(|mount| mount.path != twin.path);
            waiting.extend(
                twin.mounts.iter().filter(is_new).map(|twin| format!("program {}, mount {} (new)", program.id, twin.path)),
            );
        }
        let is_new = |twin: &&ProgramConfig| self.programs.iter().all(|program| program.id != twin.id);
        waiting.extend(new.programs.iter().filter(is_new).map(|twin| format!("program {} (new)", twin.id)));
        let webhook_keys = keys_of(&self.webhooks, &new.webhooks, &mut waiting);
        let card_numbers_tls = new.card_numbers.filter(|_| self.card_numbers.is_some()).map(|numbers| numbers.tls);
        let tls = new.tls.filter(|_| self.tls.is_some());
        Ok(Reloaded { keyrings, tokens: new.api.tokens, tls, card_numbers_tls, webhook_keys, waiting })
    }
}

/// What signs from now on; whoever is somewhere else by the new reading is told where it was, and signed for as before, until a restart.
fn keys_of(running: &[Endpoint], new: &[Endpoint], waiting: &mut Vec<String>) -> Vec<(String, Keys)> {
    let mut keys = Vec::new();
    for endpoint in running {
        let Some(twin) = new.iter().find(|twin| twin.name == endpoint.name) else {
            waiting.push(format!("webhook {} (gone)", endpoint.name));
            continue;
        };
        if !same_endpoint(endpoint, twin) {
            waiting.push(format!("webhook {}", endpoint.name));
        }
        if twin.address.url == endpoint.address.url {
            keys.push((endpoint.name.clone(), twin.address.keys.clone()));
        }
    }
    let is_new = |twin: &&Endpoint| running.iter().all(|endpoint| endpoint.name != twin.name);
    waiting.extend(new.iter().filter(is_new).map(|twin| format!("webhook {} (new)", twin.name)));
    keys
}

/// Whether two readings of an endpoint agree in all but what signs.
fn same_endpoint(one: &Endpoint, other: &Endpoint) -> bool {
    one.subscription == other.subscription
        && one.in_flight_max == other.in_flight_max
        && one.address.url == other.address.url
        && one.address.addresses == other.address.addresses
        && one.address.roots == other.address.roots
        && one.address.timeout == other.address.timeout
}

/// Whether two readings agree in where card numbers are taken. Whether the key is the same, nobody can tell.
fn same_card_numbers(one: Option<&CardNumbersConfig>, other: Option<&CardNumbersConfig>) -> bool {
    one.map(|numbers| numbers.listen) == other.map(|numbers| numbers.listen)
}

/// Whether two readings agree in all but where certificate and key are.
fn same_server(one: &ServerConfig, other: &ServerConfig) -> bool {
    let without_files = |server: &ServerConfig| ServerConfig { tls: None, ..server.clone() };
    one.tls.is_some() == other.tls.is_some() && without_files(one) == without_files(other)
}

/// Whether two readings of a program agree in all but its mounts.
fn same_program(one: &ProgramConfig, other: &ProgramConfig) -> bool {
    one.currency == other.currency
        && one.environment == other.environment
        && one.country == other.country
        && one.time_zone == other.time_zone
        && one.settlement_cutoff == other.settlement_cutoff
        && one.settlement_file == other.settlement_file
        && one.journal_keep_days == other.journal_keep_days
        && one.rules_path == other.rules_path
        && one.stand_in == other.stand_in
        && one.import_accounts == other.import_accounts
        && one.import_cards == other.import_cards
        && one.import_profiles == other.import_profiles
}

/// Whether two readings of a mount agree in all but its credentials.
fn same_mount(one: &MountConfig, other: &MountConfig) -> bool {
    one.budget == other.budget && one.reserve == other.reserve && one.settings.values == other.settings.values
}
