//! Proof that a caller is who it says. Verification has no default, compares in constant time, and yields the one value
//! without which nothing can be decoded.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use subtle::{Choice, ConstantTimeEq};

use crate::inbound::Callback;

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
}

impl BasicCredential {
    /// A credential that callers may present.
    #[must_use]
    pub fn new(user: &str, password: &Secret) -> Self {
        let mut joined = Vec::from(user.as_bytes());
        joined.push(b':');
        joined.extend_from_slice(password.expose());
        BasicCredential { user: user.to_owned(), user_and_password: Secret::new(joined) }
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
        }
    }
}

/// An authentic callback: proof that its caller was verified. Only [`accept`](Authentic::accept) makes one.
#[derive(Debug, Clone, Copy)]
pub struct Authentic<'a> {
    callback: Callback<'a>,
}

impl<'a> Authentic<'a> {
    /// For an adapter's `verify`, once it has verified; a review looks for its uses.
    pub(crate) const fn accept(callback: Callback<'a>) -> Self {
        Authentic { callback }
    }

    /// The callback.
    #[must_use]
    pub const fn callback(&self) -> &Callback<'a> {
        &self.callback
    }
}

/// Verifies HTTP Basic and the mount's custom headers.
///
/// # Errors
/// What is missing, unreadable or wrong.
pub fn verify_basic(callback: &Callback<'_>, keyring: &Keyring) -> Result<(), Refusal> {
    let header = callback.headers.get(AUTHORIZATION).ok_or(Refusal::Missing)?.as_bytes();
    let (scheme, encoded) = header.split_at_checked(6).ok_or(Refusal::Unreadable)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return Err(Refusal::Unreadable);
    }
    let mut buffer = [0_u8; 512];
    let length = STANDARD.decode_slice(encoded.trim_ascii(), &mut buffer).map_err(|_| Refusal::Unreadable)?;
    let presented = buffer.get(..length).ok_or(Refusal::Unreadable)?;

    // Every credential is compared, whichever matches, so that the time tells nothing of which one did.
    let mut known = Choice::from(0);
    for credential in &keyring.basic {
        known |= credential.user_and_password.matches(presented);
    }
    for (name, value) in &keyring.headers {
        let header = callback.headers.get(name).map_or(&b""[..], |header| header.as_bytes());
        known &= value.matches(header);
    }
    if bool::from(known) { Ok(()) } else { Err(Refusal::Wrong) }
}
