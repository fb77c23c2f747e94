//! TLS by rustls, replaced while serving. Which certificate and key, the configuration says (`config/tls.rs`).

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;

/// The TLS configuration of a listener.
pub struct Tls {
    current: RwLock<Arc<ServerConfig>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// TLS with this certificate and key.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Tls { current: RwLock::new(config) }
    }

    /// From now on with these, for the connections to come; those that are open keep what they have.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// What the next connection is spoken to with.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}
