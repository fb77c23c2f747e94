//! JSON Web Tokens (RFC 7519), as far as `token` needs them: HS256 and nothing else, short-lived, the key that signed named in the
//! payload as `key_id`.
//!
//! The package `jsonwebtoken` reads and signs; the algorithm that it may use is here, and there is only one: a token that names another
//! cannot be verified by anything in this process. Times are compared here, with a clock that is handed over.

use std::sync::Once;

use hmac::{Hmac, Mac as _};
use holdfast_core::Timestamp;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, dangerous};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Secret;
use super::token::{LIFE_MAX, SKEW_MAX, TokenFault};

#[cfg(test)]
mod tests;

/// The longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 4096;
/// The longest `key_id`, in bytes.
const KEY_ID_BYTES_MAX: usize = 128;

/// What a token says. Nothing of it means anything before [`verify`] has returned.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    key_id: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

/// Verifies a token; what belongs to its key is given back when it has proved itself, and not before.
///
/// `lookup` finds a key by its name. Whether the key may do what is asked, and whether it is still alive, is the caller's to look at
/// afterwards.
///
/// # Errors
/// What it lacks.
pub(super) fn verify<K: AsRef<Secret>>(
    token: &str,
    lookup: impl FnOnce(&str) -> Option<K>,
    now: Timestamp,
) -> Result<K, TokenFault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenFault::Unreadable);
    }
    install();
    let unreadable = |_| TokenFault::Unreadable;
    // Of a header that is JSON, only the algorithm has a set of its own.
    let header = jsonwebtoken::decode_header(token).map_err(|error| {
        let json = if let ErrorKind::Json(problem) = error.kind() { Some(problem) } else { None };
        if json.is_some_and(|problem| problem.is_data()) { TokenFault::Algorithm } else { TokenFault::Unreadable }
    })?;
    if header.alg != Algorithm::HS256 || header.crit.is_some() {
        return Err(TokenFault::Algorithm);
    }
    let claims: Claims = dangerous::insecure_decode_claims(token).map_err(unreadable)?;
    if claims.key_id.len() > KEY_ID_BYTES_MAX {
        return Err(TokenFault::Unreadable);
    }
    let key = lookup(&claims.key_id).ok_or(TokenFault::KeyUnknown)?;
    let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::Unreadable)?;
    let secret = DecodingKey::from_secret(key.as_ref().expose());
    match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &secret, Algorithm::HS256) {
        Ok(true) => {}
        Ok(false) | Err(_) => return Err(TokenFault::Signature),
    }
    in_time(&claims, now)?;
    Ok(key)
}

fn in_time(claims: &Claims, now: Timestamp) -> Result<(), TokenFault> {
    let (iat, exp) = (Timestamp::from_unix_seconds(claims.iat), Timestamp::from_unix_seconds(claims.exp));
    if exp <= iat || exp.saturating_since(iat) > LIFE_MAX {
        return Err(TokenFault::LifeTooLong);
    }
    let latest = now.saturating_add(SKEW_MAX);
    let not_before = claims.nbf.map(Timestamp::from_unix_seconds);
    if iat > latest || not_before.is_some_and(|moment| moment > latest) {
        return Err(TokenFault::NotYet);
    }
    if exp.saturating_add(SKEW_MAX) <= now { Err(TokenFault::Expired) } else { Ok(()) }
}

/// Makes a token. `None` with an empty secret, or for too long a life.
pub(super) fn sign(key_id: &str, secret: &Secret, at: Timestamp, life_seconds: i64) -> Option<String> {
    install();
    let iat = at.unix_seconds();
    let claims = Claims { key_id: key_id.to_owned(), iat, exp: iat.checked_add(life_seconds)?, nbf: None };
    in_time(&claims, at).ok()?;
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
