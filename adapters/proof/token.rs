//! Bearer tokens: short-lived JWTs, signed with HS256 by a shared secret that the token's `key_id` names.
//!
//! One way in for everything under `/v1`. Only HS256 is taken, whatever a token's header says; `iat` and `exp` must be there, and a token
//! lives an hour at most. The library checks the signature; times are checked here, against the caller's `now`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::agent::{CredentialId, Environment, KeyId, OrganizationId, OrganizationKind, Scope, ScopeSet};
use holdfast_core::{PlatformName, Timestamp};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::{Refusal, Secret, jwt, only_header};

/// The longest that a token may live.
pub const LIFE_MAX: Duration = Duration::from_secs(3600);
/// How far the caller's clock may be from ours.
pub const SKEW_MAX: Duration = Duration::from_secs(60);
/// No honest token is longer; what is, is not looked at.
const TOKEN_BYTES_MAX: usize = 2048;

/// Who a verified token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The credential that signed.
    pub credential: CredentialId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What that is.
    pub kind: OrganizationKind,
    /// Where everything that it asks happens.
    pub environment: Environment,
    /// What it may ask.
    pub scopes: ScopeSet,
}

/// A live credential.
#[derive(Debug, Clone)]
pub struct SharedKey {
    /// The shared secret.
    pub secret: Secret,
    /// Who signs with it.
    pub caller: Caller,
    /// From when on it is worth nothing.
    pub expires_at: Option<Timestamp>,
}

/// Where credentials and grants are looked up: in memory, never on a disk.
pub trait KeyStore: Send + Sync {
    /// The live credential of an API key.
    fn find(&self, key: &KeyId) -> Option<Arc<SharedKey>>;

    /// Notes that a credential was used.
    fn used(&self, credential: &CredentialId, now: Timestamp);

    /// Whether an enterprise lets a processor ask about its objects for a platform.
    fn grants(&self, grant: &Grant) -> bool;
}

/// What an enterprise lets a processor do, revocably: ask about its objects for one issuing platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Where.
    pub environment: Environment,
    /// Who may ask.
    pub processor: OrganizationId,
    /// About whose objects.
    pub enterprise: OrganizationId,
    /// For which platform, in lower case.
    pub platform: PlatformName,
}

/// Why a token is none. The code is part of the API; it says nothing of the secret or of the token's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenFault {
    /// No `Authorization` header, or several.
    Missing,
    /// Not `Bearer` and a token in three parts, or without `key_id`, `iat` and `exp` as numbers.
    Unreadable,
    /// Signed by another algorithm than HS256, or by none.
    Algorithm,
    /// No live credential has this key.
    KeyUnknown,
    /// The credential's own time is over.
    CredentialExpired,
    /// Not signed with the shared secret.
    Signature,
    /// Over.
    Expired,
    /// From the future.
    NotYet,
    /// Made to live for longer than an hour, or to end before it begins.
    LifeTooLong,
    /// Authentic, and not for this.
    Scope(Scope),
}

impl TokenFault {
    /// The code that the API answers with.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            TokenFault::Missing => "token_missing",
            TokenFault::Unreadable => "token_unreadable",
            TokenFault::Algorithm => "token_algorithm",
            TokenFault::KeyUnknown => "key_unknown",
            TokenFault::CredentialExpired => "credential_expired",
            TokenFault::Signature => "token_signature",
            TokenFault::Expired => "token_expired",
            TokenFault::NotYet => "token_not_yet_valid",
            TokenFault::LifeTooLong => "token_life_too_long",
            TokenFault::Scope(_) => "scope_missing",
        }
    }

    /// 401 for a stranger, 403 for somebody known who may not.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            TokenFault::Scope(_) => 403,
            TokenFault::Missing
            | TokenFault::Unreadable
            | TokenFault::Algorithm
            | TokenFault::KeyUnknown
            | TokenFault::CredentialExpired
            | TokenFault::Signature
            | TokenFault::Expired
            | TokenFault::NotYet
            | TokenFault::LifeTooLong => 401,
        }
    }

    /// As metrics count it.
    #[must_use]
    pub const fn refusal(self) -> Refusal {
        match self {
            TokenFault::Missing => Refusal::Missing,
            TokenFault::Unreadable | TokenFault::Algorithm => Refusal::Unreadable,
            TokenFault::KeyUnknown | TokenFault::CredentialExpired | TokenFault::Scope(_) => Refusal::Wrong,
            TokenFault::Signature => Refusal::WrongSignature,
            TokenFault::Expired | TokenFault::NotYet | TokenFault::LifeTooLong => Refusal::Stale,
        }
    }
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TokenFault::Missing => "send one `Authorization: Bearer <token>` header",
            TokenFault::Unreadable => {
                "the token must be a JWT whose payload has `key_id` (a text), `iat` and `exp` (whole seconds since 1970)"
            }
            TokenFault::Algorithm => "the token must be signed with HS256",
            TokenFault::KeyUnknown => "no live credential has this `key_id`",
            TokenFault::CredentialExpired => "the credential's own time is over: make a new one",
            TokenFault::Signature => "the token is not signed with this key's shared secret",
            TokenFault::Expired => "the token's `exp` is over",
            TokenFault::NotYet => "the token's `iat` is in the future: look at the clock of the machine that signs",
            TokenFault::LifeTooLong => "the token's `exp` must be after its `iat`, by an hour at most",
            TokenFault::Scope(scope) => return write!(f, "the credential has no scope `{}`", scope.name()),
        })
    }
}

impl std::error::Error for TokenFault {}

/// Verifies the bearer token of a request, and that it may be used for `scope`.
///
/// # Errors
/// Why it is none.
pub fn verify_bearer(headers: &HeaderMap, keys: &dyn KeyStore, scope: Scope, now: Timestamp) -> Result<Caller, TokenFault> {
    let caller = verify_caller(headers, keys, now)?;
    if caller.scopes.contains(scope) { Ok(caller) } else { Err(TokenFault::Scope(scope)) }
}

/// Verifies the bearer token of a request, whatever it is going to be used for.
///
/// # Errors
/// Why it is none.
pub fn verify_caller(headers: &HeaderMap, keys: &dyn KeyStore, now: Timestamp) -> Result<Caller, TokenFault> {
    let find = |key: &str| KeyId::new(key).ok().and_then(|key| keys.find(&key)).map(Found);
    let Found(key) = jwt::verify(bearer(headers)?, find, now)?;
    if key.expires_at.is_some_and(|end| end <= now) {
        return Err(TokenFault::CredentialExpired);
    }
    keys.used(&key.caller.credential, now);
    Ok(key.caller)
}

/// A token that [`verify_bearer`] takes: its inverse, for those who prove themselves.
#[must_use]
pub fn sign(key: &KeyId, secret: &Secret, now: Timestamp, life: Duration) -> Option<String> {
    jwt::sign(key.as_str(), secret, now, i64::try_from(life.as_secs()).ok()?)
}

/// A credential whose secret a token may have been signed with.
struct Found(Arc<SharedKey>);

impl AsRef<Secret> for Found {
    fn as_ref(&self) -> &Secret {
        &self.0.secret
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, TokenFault> {
    let value = only_header(headers, AUTHORIZATION.as_str()).map_err(|_| TokenFault::Missing)?;
    let (scheme, token) = value.split_at_checked(7).ok_or(TokenFault::Unreadable)?;
    let token = std::str::from_utf8(token).map_err(|_| TokenFault::Unreadable)?.trim();
    if scheme.eq_ignore_ascii_case(b"Bearer ") && token.len() <= TOKEN_BYTES_MAX {
        Ok(token)
    } else {
        Err(TokenFault::Unreadable)
    }
}

#[cfg(test)]
mod tests;
