//! `[[webhook]]`: who is told what happens, and how they know that it is us.

use std::path::Path;
use std::time::Duration;

use holdfast_adapters::proof::standard_webhooks::{NoKey, SigningKey};
use holdfast_core::ProgramId;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::Environment;
use super::program::Programs;
use super::read::{Section, Text};
use super::secret::{Origin, SecretReader};
use crate::webhook::feed::Subscription;
use crate::webhook::post::{Address, Keys};
use crate::webhook::target::{self, Addresses};
use crate::webhook::{Endpoint, EventKind};

/// The longest name: it is a label of metrics.
const NAME_BYTES_MAX: usize = 48;

/// The old and the new one of a rotation.
const SECRETS_MAX: usize = 2;

const MAKE_ONE: &str = "`openssl rand -base64 32` makes one, with `whsec_` before it";

const TIMEOUT_MS_DEFAULT: i64 = 10_000;
const IN_FLIGHT_DEFAULT: i64 = 32;

/// Reads the sections.
pub(super) struct WebhookReader<'s> {
    pub directory: &'s Path,
    pub secrets: &'s SecretReader<'s>,
    pub programs: &'s Programs,
}

impl WebhookReader<'_> {
    /// Every endpoint; `None` if one is wrong.
    pub fn endpoints(&self, root: &Section<'_>) -> Option<Vec<Endpoint>> {
        let mut names = Vec::new();
        let read: Vec<_> = root.sections("webhook").into_iter().map(|section| self.endpoint(section, &mut names)).collect();
        read.into_iter().collect()
    }

    fn endpoint(&self, section: Section<'_>, names: &mut Vec<String>) -> Option<Endpoint> {
        let name = section.text("name").and_then(|text| text.parse(|name| unique_name(name, names)));
        let program = section.text("program").and_then(|text| text.parse(|id| self.program(id)));
        let addresses = section.optional_text("private_addresses").map_or(Some(Addresses::Public), |text| text.parse(addresses));
        let url =
            section.text("url").zip(addresses).and_then(|(text, addresses)| text.parse(|url| target::parse(url, addresses)));
        let kinds = section.list_of_texts("events").and_then(|texts| kinds(&section, &texts));
        let secrets = section.list_of_texts("secrets").and_then(|texts| self.secrets(&section, &texts, program));
        let ca = section.optional_text("ca");
        let roots = ca.map_or(Some(Vec::new()), |text| text.parse(|name| certificates(&self.directory.join(name))));
        let timeout_ms = section.optional_integer("timeout_ms_max", 100..=60_000).unwrap_or(TIMEOUT_MS_DEFAULT);
        let in_flight = section.optional_integer("in_flight_max", 1..=256).unwrap_or(IN_FLIGHT_DEFAULT);
        section.finish();
        Some(Endpoint {
            name: name?,
            subscription: Subscription { program: program?, kinds: kinds? },
            address: Address {
                url: url?,
                addresses: addresses?,
                keys: Keys::new(secrets?),
                roots: roots?,
                timeout: Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(1_000)),
            },
            in_flight_max: usize::try_from(in_flight).unwrap_or(1),
        })
    }

    fn program(&self, text: &str) -> Result<ProgramId, String> {
        let id = ProgramId::new(text).map_err(|error| error.to_string())?;
        match &self.programs.configs {
            Some(known) if known.iter().all(|program| program.id != id) => Err("is no [[program]] of this file".into()),
            // What is wrong with the programs is told there.
            Some(_) | None => Ok(id),
        }
    }

    fn secrets(&self, section: &Section<'_>, texts: &[Text<'_>], program: Option<ProgramId>) -> Option<Vec<SigningKey>> {
        if let (Some(first), true) = (texts.first(), texts.len() > SECRETS_MAX) {
            first.spot.wrong("is one of more than two secrets; the old and the new one of a rotation are enough");
        }
        if texts.is_empty() {
            refuse_empty(section, "secrets", "must name at least one secret: an event that is not signed could be anybody's");
            return None;
        }
        texts.iter().map(|text| self.secret(text, program)).collect()
    }

    fn secret(&self, reference: &Text<'_>, program: Option<ProgramId>) -> Option<SigningKey> {
        let (secret, origin) = self.secrets.read(reference)?;
        let key = match SigningKey::of(&secret) {
            Ok(key) => key,
            Err(problem) => {
                reference.spot.wrong(format!("names a secret {}; {MAKE_ONE}", no_key(problem)));
                return None;
            }
        };
        if origin == Origin::Demo && self.is_production(program) {
            reference
                .spot
                .wrong("is the demo's secret, which everybody knows: it works only for a sandbox program; make your own");
            return None;
        }
        Some(key)
    }

    fn is_production(&self, program: Option<ProgramId>) -> bool {
        let Some(known) = &self.programs.configs else { return self.programs.any_production };
        known.iter().any(|known| Some(known.id) == program && known.environment == Environment::Production)
    }
}

const fn no_key(problem: NoKey) -> &'static str {
    match problem {
        NoKey::NotBase64 => "that is no base64 behind `whsec_`, its `=` at the end included",
        NoKey::TooShort => "of fewer than 24 bytes",
        NoKey::TooLong => "of more than 64 bytes",
    }
}

fn addresses(text: &str) -> Result<Addresses, &'static str> {
    match text {
        "refused" => Ok(Addresses::Public),
        "allowed" => Ok(Addresses::Any),
        _ => Err("must be \"refused\" or \"allowed\""),
    }
}

fn unique_name(text: &str, names: &mut Vec<String>) -> Result<String, &'static str> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be 1 to 48 visible ASCII characters without blanks");
    }
    if names.iter().any(|name| name == text) {
        return Err("is the name of an earlier endpoint too; every endpoint has its own");
    }
    names.push(text.to_owned());
    Ok(text.to_owned())
}

/// The kinds of events; an empty list is an error, never all of them.
fn kinds(section: &Section<'_>, texts: &[Text<'_>]) -> Option<Vec<EventKind>> {
    let names = EventKind::ALL.map(EventKind::name).join(", ");
    if texts.is_empty() {
        refuse_empty(section, "events", &format!("must name at least one of {names}"));
        return None;
    }
    let kind = |name: &str| {
        let known = EventKind::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| format!("is no event; the events are {names}"))
    };
    texts.iter().map(|text| text.parse(kind)).collect()
}

fn refuse_empty(section: &Section<'_>, key: &'static str, problem: &str) {
    if let Some(value) = section.optional(key) {
        value.spot.wrong(problem);
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(format!("names {}, which holds no PEM certificate", path.display())),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("names {}, which cannot be read as PEM: {error}", path.display())),
    }
}
