//! Credentials, what signs webhooks, and certificates, read again while the server runs, whether its ledger is ready or not.

use std::sync::Arc;

use crate::api::Api;
use crate::config::Config;
use crate::reporter::say;
use crate::responder::Responder;
use crate::server::Tls;

/// Reads again what SIGHUP is for.
pub struct Reload {
    pub(super) config: Arc<Config>,
    pub(super) responder: Arc<Responder>,
    pub(super) api: Arc<Api>,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) card_numbers_tls: Option<Arc<Tls>>,
}

impl Reload {
    /// Reads credentials and TLS files again; what is wrong leaves the running ones.
    pub fn now(&self) {
        match self.config.reload() {
            Ok(reloaded) => {
                let paths =
                    self.config.programs.iter().flat_map(|program| program.mounts.iter().map(|mount| (program.id, &mount.path)));
                for ((program, path), mount) in paths.zip(&self.responder.mounts) {
                    let fresh = reloaded.keyrings.iter().find(|fresh| fresh.program == program && fresh.path == *path);
                    if let Some(fresh) = fresh {
                        mount.keyring.store(Arc::new(fresh.keyring.clone()));
                    }
                }
                for endpoint in &self.config.webhooks {
                    // Those that send have copies of these.
                    if let Some((_, fresh)) = reloaded.webhook_keys.iter().find(|(name, _)| *name == endpoint.name) {
                        endpoint.address.keys.replace(fresh);
                    }
                }
                self.api.tokens.store(Arc::new(reloaded.tokens));
                if let (Some(tls), Some(fresh)) = (&self.tls, reloaded.tls) {
                    tls.replace(fresh);
                }
                if let (Some(tls), Some(fresh)) = (&self.card_numbers_tls, reloaded.card_numbers_tls) {
                    tls.replace(fresh);
                }
                say("credentials and certificate are read again");
                for waiting in &reloaded.waiting {
                    say(&format!("changed in the configuration, and waits for a restart: {waiting}"));
                }
            }
            Err(errors) => say(&format!("credentials and certificate stay as they are:\n{errors}")),
        }
    }
}
