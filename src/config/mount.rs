//! `[[program.mount]]`: where one platform calls one program: its path, its deadline, its proof, its adapter.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use holdfast_adapters::{Adapter, BasicCredential, Keyring, Platform, SettingError, SettingValue, Settings};
use holdfast_core::Currency;
use http::HeaderName;

use super::program::{Environment, ProgramReader};
use super::read::{Section, Text, Value};
use super::secret::Origin;
use super::server::Exposure;

/// The most custom headers that a platform sends (Marqeta: three).
const HEADERS_MAX: usize = 3;
/// How many credentials of a kind may be valid at once: the old one and the new one.
const ROTATION_MAX: usize = 2;
/// The longest `user:password`: what verification decodes without allocating.
const BASIC_BYTES_MAX: usize = 500;
/// The longest reserve that is taken by default.
const RESERVE_DEFAULT_MAX: Duration = Duration::from_millis(500);
/// The shortest.
const RESERVE_DEFAULT_MIN: Duration = Duration::from_millis(20);

/// Where one platform calls one program.
#[derive(Clone)]
pub struct MountConfig {
    /// `platform`.
    pub platform: &'static Platform,
    /// `path`: what the platform's own routes are below, such as `/marqeta`; empty for the root.
    pub path: String,
    /// `budget_ms`: from receipt (or the callback's own time stamp) to the last byte of the answer.
    pub budget: Duration,
    /// `reserve_ms`: the end of the budget that the ledger may not use: for stand-in, spool and the wire.
    pub reserve: Duration,
    /// `[program.mount.settings]`, as the adapter was built from them.
    pub settings: Settings,
    /// The platform's adapter with these settings.
    pub adapter: Arc<dyn Adapter>,
    /// What proves the platform to be itself, and us to it. A SIGHUP brings a new one.
    pub keyring: Keyring,
}

impl fmt::Debug for MountConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountConfig")
            .field("platform", &self.platform.name)
            .field("path", &self.path)
            .field("budget", &self.budget)
            .field("reserve", &self.reserve)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The reserve of a mount that names none: a quarter of the budget, at least 20 ms and at most 500 ms.
#[must_use]
pub fn default_reserve(budget: Duration) -> Duration {
    budget.checked_div(4).unwrap_or_default().clamp(RESERVE_DEFAULT_MIN, RESERVE_DEFAULT_MAX)
}

/// A path that is some mount's already.
pub(super) struct Taken {
    path: String,
}

/// Reads the mounts of one program.
pub(super) struct MountReader<'s> {
    pub common: &'s ProgramReader<'s>,
    pub currency: Option<Currency>,
    pub environment: Option<Environment>,
}

impl MountReader<'_> {
    /// One mount; `None` if something is wrong in it.
    pub fn mount(&self, section: Section<'_>, taken: &mut Vec<Taken>) -> Option<MountConfig> {
        let platform = section.text("platform").and_then(|text| text.parse(|name| self.platform(name)));
        let path = section.text("path").and_then(|text| text.parse(|path| free_path(path, taken)));
        let times = self.times(&section, platform);
        let keyring = self.keyring(&section);
        let settings = self.settings(&section);
        let adapter = platform.zip(settings.as_ref()).and_then(|(platform, settings)| build(platform, settings, &section));
        section.finish();
        let (budget, reserve) = times?;
        Some(MountConfig {
            platform: platform?,
            path: path?,
            budget,
            reserve,
            settings: settings?,
            adapter: adapter?,
            keyring: keyring?,
        })
    }

    fn platform(&self, name: &str) -> Result<&'static Platform, String> {
        let platforms = self.common.platforms;
        platforms.iter().find(|platform| platform.name == name).ok_or_else(|| {
            let names: Vec<_> = platforms.iter().map(|platform| platform.name).collect();
            format!("is not a platform; the platforms are {}", names.join(", "))
        })
    }

    /// Budget and reserve, checked against each other and against the time that a body may take.
    fn times(&self, section: &Section<'_>, platform: Option<&Platform>) -> Option<(Duration, Duration)> {
        let written_budget = section.optional("budget_ms");
        let written_reserve = section.optional("reserve_ms");
        let Platform { budget, .. } = platform?;
        let range = whole_millis(budget.min)..=whole_millis(budget.max);
        let (budget, spot) = match written_budget {
            Some(value) => (millis(value.integer(range)?)?, value.spot),
            None => (budget.default, section.spot.clone()),
        };
        let reserve = match written_reserve {
            None => default_reserve(budget),
            Some(value) => {
                let reserve = millis(value.integer(1..=60_000)?)?;
                if reserve >= budget {
                    let budget_ms = budget.as_millis();
                    value
                        .spot
                        .wrong(format_args!("must be less than the budget of {budget_ms} ms, or the ledger is never asked"));
                    return None;
                }
                reserve
            }
        };
        let to_decide = budget.saturating_sub(reserve);
        let body_read_max = self.common.body_read_max;
        if body_read_max >= to_decide {
            spot.wrong(format_args!(
                "leaves {} ms to read and decide (budget {} ms less reserve {} ms), which server.body_read_ms_max = {} could use up; \
                 lower that, or raise budget_ms",
                to_decide.as_millis(),
                budget.as_millis(),
                reserve.as_millis(),
                body_read_max.as_millis(),
            ));
            return None;
        }
        Some((budget, reserve))
    }

    /// What proves callers; notes every reference that does not lead to a usable secret.
    fn keyring(&self, section: &Section<'_>) -> Option<Keyring> {
        let written_basic = section.optional("basic");
        let entries = section.sections("basic");
        if let Some(basic) = written_basic.filter(|_| entries.len() > ROTATION_MAX) {
            basic.spot.wrong("has more than two entries; the old and the new password of a rotation are enough");
        }
        let basic: Vec<_> = entries.into_iter().map(|entry| self.basic(entry)).collect();
        let headers: Option<Vec<_>> = match section.optional_section("headers") {
            None => Some(Vec::new()),
            Some(headers) => self.headers(&headers),
        };
        let signing = self.keys(section, "signing");
        let answering = self.keys(section, "answering");
        let keyring = Keyring {
            basic: basic.into_iter().collect::<Option<_>>()?,
            headers: headers?,
            signing: signing?,
            answering: answering?,
        };
        if keyring.basic.is_empty() && keyring.signing.is_empty() {
            section.spot.wrong("has neither [[program.mount.basic]] nor signing keys: no caller could prove itself");
            return None;
        }
        Some(keyring)
    }

    fn basic(&self, entry: Section<'_>) -> Option<BasicCredential> {
        let user = entry.text("user");
        let password = entry.text("password").and_then(|reference| self.secret(&reference));
        entry.finish();
        let (user, password) = (user?, password?);
        let length = user.text.len().saturating_add(password.expose().len()).saturating_add(1);
        let problem = if user.text.is_empty() {
            Some("is empty")
        } else if user.text.contains(':') || user.text.chars().any(char::is_control) {
            Some("has a colon or a control character, which HTTP Basic cannot carry")
        } else if length > BASIC_BYTES_MAX {
            Some("is longer than 500 bytes together with its password")
        } else {
            None
        };
        match problem {
            None => Some(BasicCredential::new(user.text, &password)),
            Some(problem) => {
                user.spot.wrong(problem);
                None
            }
        }
    }

    fn headers(&self, section: &Section<'_>) -> Option<Vec<(String, holdfast_adapters::Secret)>> {
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

    fn keys(&self, section: &Section<'_>, key: &'static str) -> Option<Vec<holdfast_adapters::Secret>> {
        let Some(value) = section.optional(key) else { return Some(Vec::new()) };
        let items = value.list()?;
        if items.len() > ROTATION_MAX {
            value.spot.wrong("has more than two keys; the old and the new one of a rotation are enough");
        }
        let secrets: Vec<_> = items.iter().map(|item| item.text().and_then(|reference| self.secret(&reference))).collect();
        secrets.into_iter().collect()
    }

    /// A secret fit for where it is used: what the demo ships never leaves the demo.
    fn secret(&self, reference: &Text<'_>) -> Option<holdfast_adapters::Secret> {
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

    /// The settings table; `None` if a value has a type that no setting has, or the program's currency is wrong.
    fn settings(&self, section: &Section<'_>) -> Option<Settings> {
        let mut values = BTreeMap::new();
        let mut complete = true;
        if let Some(table) = section.optional_section("settings") {
            for (name, value) in table.entries() {
                match setting(&value) {
                    Some(setting) => {
                        values.insert(name.text.to_owned(), setting);
                    }
                    None => complete = false,
                }
            }
        }
        if complete { Some(Settings { currency: self.currency?, values }) } else { None }
    }
}

fn setting(value: &Value<'_>) -> Option<SettingValue> {
    match value.type_name() {
        "string" => value.text().map(|text| SettingValue::Text(text.text.to_owned())),
        "integer" => value.integer(i64::MIN..=i64::MAX).map(SettingValue::Integer),
        "boolean" => value.switch().map(SettingValue::Switch),
        "table" => {
            let texts: Vec<_> = value
                .section()?
                .entries()
                .into_iter()
                .map(|(name, value)| value.text().map(|text| (name.text.to_owned(), text.text.to_owned())))
                .collect();
            texts.into_iter().collect::<Option<BTreeMap<_, _>>>().map(SettingValue::Table)
        }
        _ => {
            value.spot.wrong("must be a text, a whole number, true or false, or a table of texts");
            None
        }
    }
}

/// Builds the adapter; notes each setting that it refuses where that setting stands.
fn build(platform: &Platform, settings: &Settings, section: &Section<'_>) -> Option<Arc<dyn Adapter>> {
    let errors = match (platform.build)(settings) {
        Ok(adapter) => return Some(Arc::from(adapter)),
        Err(errors) => errors,
    };
    let table = section.optional_section("settings");
    let entries = table.as_ref().map(Section::entries).unwrap_or_default();
    for SettingError { key, problem } in errors {
        let top = key.split('.').next().unwrap_or_default();
        match entries.iter().find(|(name, _)| name.text == key || name.text == top) {
            Some((name, _)) if name.text == key => name.spot.wrong(problem),
            Some((name, _)) => name.spot.wrong(format_args!("`{key}` {problem}")),
            // A setting that is missing, or that the adapter names otherwise.
            None => table.as_ref().map_or(&section.spot, |table| &table.spot).wrong(format_args!("setting `{key}` {problem}")),
        }
    }
    None
}

/// Checks a mount's path and takes it. No mount may be at or below another one's path: their routes could meet.
fn free_path(text: &str, taken: &mut Vec<Taken>) -> Result<String, String> {
    let path = text.strip_suffix('/').filter(|rest| rest.is_empty()).unwrap_or(text);
    let rest = match path {
        "" if text == "/" => None,
        _ => Some(path.strip_prefix('/').ok_or("must begin with /, such as \"/marqeta\"")?),
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let is_segment = |segment: &str| !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(is_plain);
    if !rest.is_none_or(|rest| rest.split('/').all(is_segment)) {
        return Err("must be segments of letters, digits, - _ . ~ with one / before each and none at the end".into());
    }
    if path == "/healthz" {
        return Err("is the listener's own health check; choose another path".into());
    }
    let within =
        |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some(other) = taken.iter().find(|other| within(path, &other.path) || within(&other.path, path)) {
        return Err(format!("meets the earlier mount at {}/; no mount may be at or below another", other.path));
    }
    taken.push(Taken { path: path.to_owned() });
    Ok(path.to_owned())
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

fn millis(number: i64) -> Option<Duration> {
    u64::try_from(number).ok().map(Duration::from_millis)
}

fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
