//! What callers of `/v1` prove themselves with: a processor that asks, an enterprise that changes what it may hear. Nobody but the
//! benchmark can reach the servers that know these, and they live for its length.

use std::sync::Arc;
use std::time::Duration;

use holdfast_adapters::token::{self, Caller, Grant, KeyStore, SharedKey};
use holdfast_adapters::{Bearer, Secret};
use holdfast_core::Timestamp;
use holdfast_core::agent::{CredentialId, Environment, KeyId, OrganizationId, OrganizationKind, Scope, ScopeSet};

/// The processor's API key; the secret that goes with it follows.
pub const API_KEY: &str = "bench-processor-key";
/// The secret.
pub const SHARED_SECRET: &str = "benchmark-shared-secret-of-the-processor";
/// The enterprise's, which changes policies.
pub const ENTERPRISE_KEY: &str = "bench-enterprise-key";
/// The secret.
pub const ENTERPRISE_SECRET: &str = "benchmark-shared-secret-of-the-enterprise";
/// How long its token lasts: as long as one may.
const TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// The processor's own key: what is going to be sent is looked at here before it is.
struct OwnKey;

impl KeyStore for OwnKey {
    fn find(&self, key: &KeyId) -> Option<Arc<SharedKey>> {
        let caller = Caller {
            credential: CredentialId::new("cred_bench").ok()?,
            organization: OrganizationId::new("proc_bench").ok()?,
            kind: OrganizationKind::Processor,
            environment: Environment::Sandbox,
            scopes: ScopeSet::of(&[Scope::Authorize]),
        };
        let known = SharedKey { secret: Secret::new(SHARED_SECRET.as_bytes()), caller, expires_at: None };
        (key.as_str() == API_KEY).then(|| Arc::new(known))
    }

    fn used(&self, _: &CredentialId, _: Timestamp) {}

    fn grants(&self, _: &Grant) -> bool {
        false
    }
}

/// The processor's proof.
pub fn bearer() -> Bearer {
    let own = KeyId::new(API_KEY).ok().map(|key| (key, Secret::new(SHARED_SECRET.as_bytes())));
    Bearer { keys: Arc::new(OwnKey), own }
}

/// The enterprise's token.
pub fn enterprise_token(now: Timestamp) -> Option<String> {
    token::sign(&KeyId::new(ENTERPRISE_KEY).ok()?, &Secret::new(ENTERPRISE_SECRET.as_bytes()), now, TOKEN_LIFE)
}
