//! What proves a mount's callers: `basic`, `headers`, `signing`, `answering`, and whether its platform can use them.

use holdfast_adapters::proof::{Granted, Permission, Permissions};
use holdfast_adapters::{BasicCredential, Credentials, Keyring, Platform, RuleBypass, Secret, Use};
use http::HeaderName;

use super::program::{Environment, ProgramReader};
use super::read::{Section, Text};
use super::secret::Origin;
use super::server::Exposure;

/// The most custom headers that a platform sends (Marqeta: three).
const HEADERS_MAX: usize = 3;
/// How many credentials of a kind, and of a role, may be valid at once: the old one and the new one.
const ROTATION_MAX: usize = 2;
/// How many logins a mount may have in all, whatever they allow: each is compared with whatever comes.
const LOGINS_MAX: usize = 8;
/// The longest `user:password`: what verification decodes without allocating.
const BASIC_BYTES_MAX: usize = 500;
/// The shortest password that production takes.
const PASSWORD_BYTES_MIN: usize = 12;

/// Reads the credentials of one mount.
pub(super) struct KeyringReader<'s> {
    pub common: &'s ProgramReader<'s>,
    pub environment: Option<Environment>,
    pub platform: Option<&'static Platform>,
}

impl KeyringReader<'_> {
    /// What proves callers; notes every reference that does not lead to a usable secret, what is needed and missing, and what
    /// would never be looked at.
    pub fn keyring(&self, section: &Section<'_>) -> Option<Keyring> {
        let basic = self.basic_entries(section);
        let headers: Option<Vec<_>> = match section.optional_section("headers") {
            None => Some(Vec::new()),
            Some(headers) => self.headers(&headers),
        };
        let signing = self.keys(section, "signing");
        let answering = self.keys(section, "answering");
        if let Some(platform) = self.platform {
            check_use(platform, section);
        }
        Some(Keyring { basic: basic?, headers: headers?, signing: signing?, answering: answering?, bearer: None })
    }

    fn basic_entries(&self, section: &Section<'_>) -> Option<Vec<BasicCredential>> {
        let written = section.optional("basic");
        let entries = section.sections("basic");
        if let Some(basic) = written.as_ref().filter(|_| entries.len() > LOGINS_MAX) {
            basic.spot.wrong("has more than eight entries");
        }
        let read: Vec<_> = entries.into_iter().map(|entry| self.basic(entry)).collect();
        let read: Vec<BasicCredential> = read.into_iter().collect::<Option<_>>()?;
        let of_role = |role| read.iter().filter(|credential| credential.granted() == role).count();
        if let Some(basic) = written.filter(|_| read.iter().any(|credential| of_role(credential.granted()) > ROTATION_MAX)) {
            basic.spot.wrong(
                "has more than two entries with the same permissions and bypass_rules; the old and the new password of a rotation are enough",
            );
        }
        Some(read)
    }

    fn basic(&self, entry: Section<'_>) -> Option<BasicCredential> {
        let written = entry.text("user");
        let user = written.as_ref().and_then(|user| user.parse(basic_user));
        let password = entry.text("password").and_then(|reference| self.secret(&reference));
        let bypass = match entry.optional_switch("bypass_rules") {
            Some(true) => RuleBypass::Allowed,
            Some(false) | None => RuleBypass::Refused,
        };
        if let (Some(value), Some(platform)) = (entry.optional("bypass_rules"), self.platform)
            && platform.credentials.bypass == Use::Never
        {
            value
                .spot
                .wrong(format_args!("is never looked at by {}: none of its callers can have rules bypassed", platform.name));
        }
        let permissions = self.permissions(&entry);
        entry.finish();
        let (written, user, password) = (written?, user?, password?);
        if self.environment == Some(Environment::Production) && password.expose().len() < PASSWORD_BYTES_MIN {
            written.spot.wrong(format_args!(
                "has a password of less than {PASSWORD_BYTES_MIN} bytes, which can be guessed: `openssl rand -hex 16` makes one"
            ));
            return None;
        }
        if user.len().saturating_add(password.expose().len()) >= BASIC_BYTES_MAX {
            written.spot.wrong("is longer than 500 bytes together with its password");
            return None;
        }
        Some(BasicCredential::new(user, &password).granting(Granted { bypass, permissions: permissions? }))
    }

    /// What a credential's callers may do: everything, if nothing is said.
    fn permissions(&self, entry: &Section<'_>) -> Option<Permissions> {
        let Some(value) = entry.optional("permissions") else { return Some(Permissions::ALL) };
        if let Some(platform) = self.platform.filter(|platform| platform.texts == Use::Never) {
            value.spot.wrong(format_args!("is never looked at by {}: only payment doors have permissions", platform.name));
        }
        let names = Permission::ALL.iter().map(|permission| permission.name()).collect::<Vec<_>>().join(", ");
        let texts = value.list_of_texts()?;
        let known = |text: &str| Permission::from_name(text).ok_or_else(|| format!("is none of {names}"));
        let read: Option<Vec<Permission>> = texts.iter().map(|text| text.parse(known)).collect();
        Some(read?.into_iter().fold(Permissions::NONE, Permissions::with))
    }

    fn headers(&self, section: &Section<'_>) -> Option<Vec<(String, Secret)>> {
        let entries = section.entries();
        if entries.len() > HEADERS_MAX {
            section.spot.wrong("has more than three headers, more than any platform sends");
        }
        let mut names: Vec<HeaderName> = Vec::new();
        let mut headers = Vec::new();
        for (name, value) in &entries {
            let known = name.parse(|text| header_name(text, &mut names));
            let secret = value.text().and_then(|reference| self.secret(&reference));
            headers.push(known.zip(secret));
        }
        headers.into_iter().collect()
    }

    fn keys(&self, section: &Section<'_>, key: &'static str) -> Option<Vec<Secret>> {
        let Some(value) = section.optional(key) else { return Some(Vec::new()) };
        let items = value.list()?;
        if items.len() > ROTATION_MAX {
            value.spot.wrong("has more than two keys; the old and the new one of a rotation are enough");
        }
        let secrets: Vec<_> = items.iter().map(|item| item.text().and_then(|reference| self.secret(&reference))).collect();
        secrets.into_iter().collect()
    }

    /// A secret fit for where it is used: what the demo ships never leaves the demo.
    fn secret(&self, reference: &Text<'_>) -> Option<Secret> {
        let (secret, origin) = self.common.secrets.read(reference)?;
        let at_home = self.environment != Some(Environment::Production) && self.common.exposure == Exposure::Loopback;
        match origin {
            Origin::Own => Some(secret),
            Origin::Demo if at_home => Some(secret),
            Origin::Demo => {
                reference.spot.wrong(
                    "is the demo's secret, which everybody knows: it works only in a sandbox program on loopback; make your own",
                );
                None
            }
        }
    }
}

/// A kind of credentials: the key that holds them, how one writes it, and what its platform does with them.
type Kind = (&'static str, &'static str, fn(&Credentials) -> Use);

const KINDS: [Kind; 4] = [
    ("basic", "[[program.mount.basic]]", |credentials| credentials.basic),
    ("headers", "[program.mount.headers]", |credentials| credentials.headers),
    ("signing", "`signing` keys", |credentials| credentials.signing),
    ("answering", "`answering` keys", |credentials| credentials.answering),
];

/// Notes what the platform needs and the mount does not have, and what the mount has and the platform never looks at: a key
/// that nobody checks would be trusted for nothing.
fn check_use(platform: &Platform, section: &Section<'_>) {
    let name = platform.name;
    for (key, written_as, used) in KINDS {
        match (section.optional(key), used(&platform.credentials)) {
            (None, Use::Needed) => {
                let them = if written_as.ends_with("keys") { "them" } else { "it" };
                section.spot.wrong(format_args!("has no {written_as}, and {name} needs {them}: without, nothing is accepted"));
            }
            (Some(value), Use::Never) => value.spot.wrong(format_args!(
                "is never looked at by {name}, and protects nothing: take it out; {name} needs {} and can have {}",
                kinds_of(Use::Needed, platform),
                kinds_of(Use::Possible, platform)
            )),
            (None, Use::Possible | Use::Never) | (Some(_), Use::Needed | Use::Possible) => {}
        }
    }
}

fn kinds_of(wanted: Use, platform: &Platform) -> String {
    let kinds = KINDS.iter().filter(|(_, _, used)| used(&platform.credentials) == wanted);
    kinds.map(|(_, written_as, _)| *written_as).collect::<Vec<_>>().join(", ")
}

fn basic_user(user: &str) -> Result<&str, &'static str> {
    if user.is_empty() {
        Err("is empty")
    } else if user.contains(':') || user.chars().any(char::is_control) {
        Err("has a colon or a control character, which HTTP Basic cannot carry")
    } else {
        Ok(user)
    }
}

fn header_name(text: &str, names: &mut Vec<HeaderName>) -> Result<String, &'static str> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| "is not a header's name")?;
    if ["authorization", "host", "content-length", "content-type", "transfer-encoding", "connection"].contains(&name.as_str()) {
        return Err("is a header of HTTP itself; platforms prove themselves with one of their own, such as X-Issuer-Key");
    }
    if names.contains(&name) {
        return Err("is there twice: the case of a header's name does not matter");
    }
    names.push(name.clone());
    Ok(name.as_str().to_owned())
}
