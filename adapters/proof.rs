//! Proof that a caller is who it says. Verification has no default, compares in constant time, and yields the one value
//! without which nothing can be decoded.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use hmac::digest::{KeyInit, Output};
use holdfast_core::Timestamp;
use holdfast_core::agent::KeyId;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq};

pub use self::permissions::{Permission, Permissions};
use self::token::{Caller, KeyStore, TokenFault};
use crate::inbound::Callback;

mod jwt;
mod permissions;
pub mod standard_webhooks;
#[cfg(test)]
mod tests;
pub mod token;

/// A secret text. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Keeps a secret.
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Secret(bytes.into())
    }

    /// The secret, for a signature or a comparison; name the use where you call it.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether `presented` is this secret, in a time that tells nothing of either (their lengths aside).
    #[must_use]
    pub fn matches(&self, presented: &[u8]) -> Choice {
        self.0.as_ref().ct_eq(presented)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A user name and its password.
#[derive(Debug, Clone)]
pub struct BasicCredential {
    /// The user name; it names the principal in records.
    pub user: String,
    /// `user:password`, as HTTP Basic sends it.
    user_and_password: Secret,
    /// What it allows its callers.
    granted: Granted,
}

/// What a credential allows its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// Whether they may have rules bypassed.
    pub bypass: RuleBypass,
    /// What they may do at a payment door.
    pub permissions: Permissions,
}

impl Granted {
    /// What a credential allows about which nothing is said.
    pub const USUAL: Granted = Granted { bypass: RuleBypass::Refused, permissions: Permissions::ALL };
}

/// Whether a caller may have the program's rules bypassed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RuleBypass {
    /// Whatever it asks for, they are asked.
    #[default]
    Refused,
    /// It may.
    Allowed,
}

impl BasicCredential {
    /// A credential that callers may present.
    #[must_use]
    pub fn new(user: &str, password: &Secret) -> Self {
        let mut joined = Vec::from(user.as_bytes());
        joined.push(b':');
        joined.extend_from_slice(password.expose());
        BasicCredential { user: user.to_owned(), user_and_password: Secret::new(joined), granted: Granted::USUAL }
    }

    /// The same, with a word on what it allows its callers.
    #[must_use]
    pub fn granting(self, granted: Granted) -> Self {
        BasicCredential { granted, ..self }
    }

    /// What it allows its callers.
    #[must_use]
    pub const fn granted(&self) -> Granted {
        self.granted
    }

    /// The `Authorization` header's value for this credential, for those who prove themselves.
    #[must_use]
    pub fn header(&self) -> String {
        format!("Basic {}", STANDARD.encode(self.user_and_password.expose()))
    }
}

/// What a mount accepts as proof. Several of a kind may be valid at once, for rotation.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    /// HTTP Basic credentials; any one of them is enough.
    pub basic: Vec<BasicCredential>,
    /// Headers that must all be there with these values, besides the rest.
    pub headers: Vec<(String, Secret)>,
    /// Keys for signatures over what the platform sends; any one of them is enough. Empty: nothing is signed.
    pub signing: Vec<Secret>,
    /// Keys for signatures over what we answer; the first one signs.
    pub answering: Vec<Secret>,
    /// Where the secrets of bearer tokens are looked up; nobody has one without it.
    pub bearer: Option<Bearer>,
}

/// Bearer tokens, as a keyring holds them: too many credentials to be listed, and they come and go.
#[derive(Clone)]
pub struct Bearer {
    /// Where they are looked up.
    pub keys: Arc<dyn KeyStore>,
    /// The one with which we would prove ourselves, for those who do.
    pub own: Option<(KeyId, Secret)>,
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer")
    }
}

/// Why a caller is a stranger. Counted by cause; never told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No credentials at all.
    Missing,
    /// Credentials that cannot be read.
    Unreadable,
    /// Credentials that are not ours.
    Wrong,
    /// A signature that is not ours.
    WrongSignature,
    /// A time stamp outside the window.
    Stale,
    /// A bearer token that is none, or not for this; its caller hears why.
    Token(TokenFault),
}

impl Refusal {
    /// All causes, in the order of declaration.
    pub const ALL: [Refusal; 5] =
        [Refusal::Missing, Refusal::Unreadable, Refusal::Wrong, Refusal::WrongSignature, Refusal::Stale];

    /// The cause as metrics write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Refusal::Missing => "missing",
            Refusal::Unreadable => "unreadable",
            Refusal::Wrong => "wrong",
            Refusal::WrongSignature => "wrong_signature",
            Refusal::Stale => "stale",
            Refusal::Token(fault) => fault.refusal().name(),
        }
    }

    /// As metrics count it: one of [`Refusal::ALL`].
    #[must_use]
    pub const fn counted(self) -> Self {
        match self {
            Refusal::Missing | Refusal::Unreadable | Refusal::Wrong | Refusal::WrongSignature | Refusal::Stale => self,
            Refusal::Token(fault) => fault.refusal(),
        }
    }
}

/// An authentic callback: proof that its caller was verified. Only [`accept`](Authentic::accept) makes one.
#[derive(Debug, Clone, Copy)]
pub struct Authentic<'a> {
    callback: Callback<'a>,
    /// Who it is from, and when that was verified.
    caller: Option<(Caller, Timestamp)>,
    granted: Granted,
}

impl<'a> Authentic<'a> {
    /// For an adapter's `verify`, once it has verified; a review looks for its uses.
    pub(crate) const fn accept(callback: Callback<'a>) -> Self {
        Authentic { callback, caller: None, granted: Granted::USUAL }
    }

    /// The same, where the proof says on whose behalf it is; verified at that moment.
    pub(crate) const fn accept_from(callback: Callback<'a>, caller: Caller, at: Timestamp) -> Self {
        Authentic { callback, caller: Some((caller, at)), granted: Granted::USUAL }
    }

    /// The same, with what its credential allows.
    pub(crate) const fn granted(self, granted: Granted) -> Self {
        Authentic { granted, ..self }
    }

    /// What its credential allows.
    #[must_use]
    pub const fn permissions(&self) -> Permissions {
        self.granted.permissions
    }

    /// Whether its credential allows that rules are bypassed.
    pub(crate) const fn bypass(&self) -> RuleBypass {
        self.granted.bypass
    }

    /// The callback.
    #[must_use]
    pub const fn callback(&self) -> &Callback<'a> {
        &self.callback
    }

    /// Who it is from, where many call in one place and the proof says who.
    #[must_use]
    pub const fn caller(&self) -> Option<&Caller> {
        match &self.caller {
            Some((caller, _)) => Some(caller),
            None => None,
        }
    }

    /// When it was verified who it is from: what such a caller stamps later than that is from the future.
    pub(crate) const fn verified_at(&self) -> Option<Timestamp> {
        match self.caller {
            Some((_, at)) => Some(at),
            None => None,
        }
    }
}

/// Verifies HTTP Basic and the mount's custom headers.
///
/// # Errors
/// What is missing, unreadable or wrong.
pub fn verify_basic(callback: &Callback<'_>, keyring: &Keyring) -> Result<(), Refusal> {
    verify_basic_for(callback, keyring).map(drop)
}

/// The same, with what the credential allows.
///
/// # Errors
/// As [`verify_basic`].
pub fn verify_basic_for(callback: &Callback<'_>, keyring: &Keyring) -> Result<Granted, Refusal> {
    let header = only_header(callback.headers, AUTHORIZATION.as_str())?;
    let (scheme, encoded) = header.split_at_checked(6).ok_or(Refusal::Unreadable)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return Err(Refusal::Unreadable);
    }
    let mut buffer = [0_u8; 512];
    let length = STANDARD.decode_slice(encoded.trim_ascii(), &mut buffer).map_err(|_| Refusal::Unreadable)?;
    let presented = buffer.get(..length).ok_or(Refusal::Unreadable)?;

    // Every credential is compared, whichever matches, so that the time tells nothing of which one did.
    let (mut known, mut bypasses, mut permissions) = (Choice::from(0), Choice::from(0), 0_u8);
    for credential in &keyring.basic {
        let matches = credential.user_and_password.matches(presented);
        known |= matches;
        bypasses |= matches & Choice::from(u8::from(credential.granted.bypass == RuleBypass::Allowed));
        permissions |= u8::conditional_select(&0, &credential.granted.permissions.bits(), matches);
    }
    if !bool::from(known & custom_headers_match(callback, keyring)) {
        return Err(Refusal::Wrong);
    }
    let bypass = if bool::from(bypasses) { RuleBypass::Allowed } else { RuleBypass::Refused };
    Ok(Granted { bypass, permissions: Permissions::of_bits(permissions) })
}

/// The value of a header that comes once. Of two, others than we might look at the other one.
///
/// # Errors
/// It is not there, or there more than once.
pub fn only_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a [u8], Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value.as_bytes()),
        (Some(_), Some(_)) => Err(Refusal::Unreadable),
        (None, _) => Err(Refusal::Missing),
    }
}

/// Adds HTTP Basic by the keyring's first credential, and the mount's custom headers: the inverse of [`verify_basic`].
pub fn prove_basic(headers: &mut HeaderMap, keyring: &Keyring) {
    if let Some(mut login) = keyring.basic.first().and_then(|basic| HeaderValue::try_from(basic.header()).ok()) {
        login.set_sensitive(true);
        headers.insert(AUTHORIZATION, login);
    }
    prove_custom_headers(headers, keyring);
}

/// Adds the mount's custom headers, which every way of proof needs besides the rest.
pub fn prove_custom_headers(headers: &mut HeaderMap, keyring: &Keyring) {
    for (name, value) in &keyring.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value.expose())) {
            headers.insert(name, value);
        }
    }
}

/// Verifies the mount's custom headers alone, for proofs that are made in another way.
///
/// # Errors
/// One of them is not there, or is another.
pub(crate) fn custom_headers(callback: &Callback<'_>, keyring: &Keyring) -> Result<(), Refusal> {
    if bool::from(custom_headers_match(callback, keyring)) { Ok(()) } else { Err(Refusal::Wrong) }
}

/// Whether the mount's custom headers are all there; every way of proof needs them besides the rest.
fn custom_headers_match(callback: &Callback<'_>, keyring: &Keyring) -> Choice {
    let mut known = Choice::from(1);
    for (name, value) in &keyring.headers {
        let header = only_header(callback.headers, name).unwrap_or_default();
        known &= value.matches(header);
    }
    known
}

/// The HMAC of `parts`, one behind the other. `None` for an empty key, with which anybody could sign.
#[must_use]
pub fn hmac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Option<Output<M>> {
    if key.is_empty() {
        return None;
    }
    let mut mac = <M as Mac>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes())
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or('0');
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text
}

/// Whether `presented` is these bytes in hexadecimal, of either case; in a time that tells nothing of the bytes.
#[must_use]
pub fn matches_hex(bytes: &[u8], presented: &[u8]) -> Choice {
    let mut known = Choice::from(u8::from(presented.len() == bytes.len().saturating_mul(2)));
    for (byte, pair) in bytes.iter().zip(presented.chunks_exact(2)) {
        let text = std::str::from_utf8(pair).ok().filter(|text| !text.starts_with('+'));
        let told = text.and_then(|text| u8::from_str_radix(text, 16).ok());
        known &= Choice::from(u8::from(told.is_some())) & byte.ct_eq(&told.unwrap_or(0));
    }
    known
}

/// Whether `presented` is these bytes in base64 with its padding; in a time that tells nothing of the bytes.
#[must_use]
pub fn matches_base64(bytes: &[u8], presented: &[u8]) -> Choice {
    // Room for the longest digest there is, SHA-512's; the decoder wants some more than it writes.
    let mut buffer = [0_u8; 72];
    let decoded = STANDARD.decode_slice(presented, &mut buffer).ok().and_then(|length| buffer.get(..length));
    decoded.map_or(Choice::from(0), |decoded| decoded.ct_eq(bytes))
}
