//! Bearer tokens (RFC 7519) that a caller signs itself with a secret that it shares with us: HS256 and nothing else, short-lived,
//! the key that signed named in the payload as `key_id`.
//!
//! The package `jsonwebtoken` reads and signs; the algorithm that it may use is here, and there is only one: a token that names another
//! cannot be verified by anything in this process. Times are compared here, with a clock that is handed over.

use std::fmt;
use std::sync::Once;

use hmac::{Hmac, Mac as _};
use holdfast_core::Timestamp;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, dangerous};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Refusal, Secret, only_header};

#[cfg(test)]
mod tests;

/// The longest life of a token, from `iat` to `exp`.
pub const LIFE_SECONDS_MAX: i64 = 3600;
/// How far a caller's clock may be from ours.
pub const SKEW_SECONDS_MAX: i64 = 60;
/// The longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 4096;
/// The longest `key_id`, in bytes.
const KEY_ID_BYTES_MAX: usize = 128;

/// Why a token proves nothing. Everything here is 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenRefusal {
    /// No `Authorization` header, or several.
    Missing,
    /// Not `Bearer`, not a token, or a token without `key_id`, `iat` and `exp`.
    Unreadable,
    /// Another algorithm than HS256, or an extension that must be understood.
    Algorithm,
    /// Nobody has the key, or the signature is not by its secret: the two look the same from outside.
    Signature,
    /// Its time is over.
    Expired,
    /// It is from the future, by more than clocks differ.
    NotYetValid,
    /// It would live too long, or end before it begins.
    Life,
}

impl TokenRefusal {
    /// All causes, in the order of declaration.
    pub const ALL: [TokenRefusal; 7] = [
        TokenRefusal::Missing,
        TokenRefusal::Unreadable,
        TokenRefusal::Algorithm,
        TokenRefusal::Signature,
        TokenRefusal::Expired,
        TokenRefusal::NotYetValid,
        TokenRefusal::Life,
    ];

    /// The cause, as answers' `code` has it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            TokenRefusal::Missing => "token_missing",
            TokenRefusal::Unreadable => "token_unreadable",
            TokenRefusal::Algorithm => "token_algorithm",
            TokenRefusal::Signature => "token_signature",
            TokenRefusal::Expired => "token_expired",
            TokenRefusal::NotYetValid => "token_not_yet_valid",
            TokenRefusal::Life => "token_life",
        }
    }

    /// What would be right, for whoever integrates.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            TokenRefusal::Missing => "send one header `Authorization: Bearer <token>`",
            TokenRefusal::Unreadable => {
                "send a JWT as `Authorization: Bearer <token>`, its payload with `key_id`, and `iat` and `exp` in whole seconds"
            }
            TokenRefusal::Algorithm => "sign with HS256, without `crit` in the header",
            TokenRefusal::Signature => "name a live API key as `key_id`, and sign with its own shared secret",
            TokenRefusal::Expired => "`exp` is past: make a new token",
            TokenRefusal::NotYetValid => "`iat` or `nbf` is more than 60 seconds ahead: set the clock",
            TokenRefusal::Life => "`exp` must be after `iat`, by at most 3600 seconds",
        }
    }

    /// The cause, as strangers are counted.
    #[must_use]
    pub const fn refusal(self) -> Refusal {
        match self {
            TokenRefusal::Missing => Refusal::Missing,
            TokenRefusal::Unreadable => Refusal::Unreadable,
            TokenRefusal::Algorithm | TokenRefusal::Signature => Refusal::WrongSignature,
            TokenRefusal::Expired | TokenRefusal::NotYetValid | TokenRefusal::Life => Refusal::Stale,
        }
    }
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.advice())
    }
}

impl std::error::Error for TokenRefusal {}

/// A shared secret, ready to verify with. It cannot be printed, and is wiped when it goes.
#[derive(Clone)]
pub struct SharedSecret(DecodingKey);

impl SharedSecret {
    /// Of a secret as its owner signs with it: the bytes themselves.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        SharedSecret(DecodingKey::from_secret(secret.expose()))
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret")
    }
}

impl AsRef<SharedSecret> for SharedSecret {
    fn as_ref(&self) -> &SharedSecret {
        self
    }
}

/// What a token says. Nothing of it means anything before [`verify`] has returned.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    key_id: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

/// The token that a request presents.
///
/// # Errors
/// There is none, or more than one, or something else.
pub fn bearer(headers: &HeaderMap) -> Result<&[u8], TokenRefusal> {
    let header = only_header(headers, AUTHORIZATION.as_str()).map_err(|refusal| match refusal {
        Refusal::Missing => TokenRefusal::Missing,
        Refusal::Unreadable | Refusal::Wrong | Refusal::WrongSignature | Refusal::Stale => TokenRefusal::Unreadable,
    })?;
    let (scheme, token) = header.split_at_checked(7).ok_or(TokenRefusal::Unreadable)?;
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return Err(TokenRefusal::Unreadable);
    }
    Ok(token.trim_ascii())
}

/// Verifies a token; what belongs to its key is given back when it has proved itself, and not before.
///
/// `lookup` finds a key by its name. Whether the key may do what is asked, and whether it is still alive, is the caller's to look at
/// afterwards.
///
/// # Errors
/// What it lacks. Of a token by another secret no more is told than that.
pub fn verify<K: AsRef<SharedSecret>>(
    token: &[u8],
    lookup: impl FnOnce(&str) -> Option<K>,
    now: Timestamp,
) -> Result<K, TokenRefusal> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenRefusal::Unreadable);
    }
    install();
    let unreadable = |_| TokenRefusal::Unreadable;
    // Of a header that is JSON, only the algorithm has a set of its own.
    let header = jsonwebtoken::decode_header(token).map_err(|error| {
        let json = if let ErrorKind::Json(problem) = error.kind() { Some(problem) } else { None };
        if json.is_some_and(|problem| problem.is_data()) { TokenRefusal::Algorithm } else { TokenRefusal::Unreadable }
    })?;
    if header.alg != Algorithm::HS256 || header.crit.is_some() {
        return Err(TokenRefusal::Algorithm);
    }
    let claims: Claims = dangerous::insecure_decode_claims(token).map_err(unreadable)?;
    if claims.key_id.len() > KEY_ID_BYTES_MAX {
        return Err(TokenRefusal::Unreadable);
    }
    let key = lookup(&claims.key_id).ok_or(TokenRefusal::Signature)?;
    let text = std::str::from_utf8(token).map_err(|_| TokenRefusal::Unreadable)?;
    let (message, signature) = text.rsplit_once('.').ok_or(TokenRefusal::Unreadable)?;
    match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.as_ref().0, Algorithm::HS256) {
        Ok(true) => {}
        Ok(false) | Err(_) => return Err(TokenRefusal::Signature),
    }
    in_time(&claims, now.unix_seconds())?;
    Ok(key)
}

fn in_time(claims: &Claims, now: i64) -> Result<(), TokenRefusal> {
    let life = claims.exp.checked_sub(claims.iat).filter(|life| (1..=LIFE_SECONDS_MAX).contains(life));
    if life.is_none() {
        return Err(TokenRefusal::Life);
    }
    let latest = now.saturating_add(SKEW_SECONDS_MAX);
    if claims.iat > latest || claims.nbf.is_some_and(|nbf| nbf > latest) {
        return Err(TokenRefusal::NotYetValid);
    }
    if claims.exp <= now.saturating_sub(SKEW_SECONDS_MAX) {
        return Err(TokenRefusal::Expired);
    }
    Ok(())
}

/// Makes a token: for those who prove themselves, never for the answering path. `None` if it would be too long a life.
#[must_use]
pub fn sign(key_id: &str, secret: &Secret, at: Timestamp, life_seconds: u32) -> Option<String> {
    install();
    let iat = at.unix_seconds();
    let claims = Claims { key_id: key_id.to_owned(), iat, exp: iat.checked_add(i64::from(life_seconds))?, nbf: None };
    in_time(&claims, iat).ok()?;
    let key = EncodingKey::from_secret(secret.expose());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).ok()
}

/// The one algorithm.
struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(algorithm: Algorithm, secret: &[u8]) -> jsonwebtoken::errors::Result<Self> {
        // With an empty secret anybody could sign.
        if algorithm != Algorithm::HS256 || secret.is_empty() {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Hmac::new_from_slice(secret).map(Hs256).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }

    fn over(&self, message: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(message)
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        // In constant time.
        self.over(message).verify_slice(signature).map_err(|_| SignatureError::new())
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.over(message).finalize().into_bytes().to_vec())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

static ONLY_HS256: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

/// The package panics where it was told of no algorithm at all.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Whoever came first brought an algorithm too.
        let _ = ONLY_HS256.install_default();
    });
}
