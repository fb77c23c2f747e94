//! `[[program.mount]]`: where one platform calls one program: its path, its deadline, its proof, its adapter.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use holdfast_adapters::{Adapter, Keyring, Platform, Route, Secret, SettingError, SettingValue, Settings, agent_spend};
use holdfast_core::{Currency, Timestamp};
use http::HeaderMap;

use super::keyring::KeyringReader;
use super::program::{AgentsPlace, Environment, ProgramReader};
use super::read::{Section, Spot, Text, Value};

/// The longest reserve that is taken by default.
const RESERVE_DEFAULT_MAX: Duration = Duration::from_millis(500);
/// The shortest.
const RESERVE_MIN: Duration = Duration::from_millis(20);

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

/// The reserve of a mount that names none: two fifths of the budget, at least 20 ms and at most 500 ms.
#[must_use]
pub fn default_reserve(budget: Duration) -> Duration {
    budget.saturating_mul(2).checked_div(5).unwrap_or_default().clamp(RESERVE_MIN, RESERVE_DEFAULT_MAX)
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
        let path = section.text("path").and_then(|text| {
            let path = text.parse(|path| free_path(path, taken))?;
            self.apart_from_agents(&text, &path, platform);
            Some(path)
        });
        let times = self.times(&section, platform);
        let keyring = KeyringReader { common: self.common, environment: self.environment, platform }.keyring(&section);
        let built = self.settings(&section, platform);
        if let (Some(platform), Some((_, adapter))) = (platform, &built) {
            headers_apart_from_signature(&section, platform, adapter.as_ref());
        }
        section.finish();
        let (budget, reserve) = times?;
        let (settings, adapter) = built?;
        Some(MountConfig { platform: platform?, path: path?, budget, reserve, settings, adapter, keyring: keyring? })
    }

    /// Below `/v1` agents' processors ask, where there are any.
    fn apart_from_agents(&self, text: &Text<'_>, path: &str, platform: Option<&Platform>) {
        let Some(platform) = platform.filter(|_| self.common.agents == AgentsPlace::Taken) else { return };
        let is_theirs = |route: &Route| {
            let whole = format!("{path}{}/", route.path);
            whole.starts_with("/v1/") || whole.starts_with("/{")
        };
        if platform.routes.iter().any(is_theirs) {
            text.spot.wrong("leads to /v1, where processors of agent spend ask ([agents]): choose another path");
        }
    }

    fn platform(&self, name: &str) -> Result<&'static Platform, String> {
        if name == agent_spend::NAME {
            return Err("is no program's mount: [agents] says which program decides what comes to /v1".to_owned());
        }
        let platforms = self.common.platforms;
        platforms.iter().find(|platform| platform.name == name).ok_or_else(|| {
            let names = platforms.iter().map(|platform| platform.name).filter(|name| *name != agent_spend::NAME);
            let names: Vec<_> = names.collect();
            format!("is not a platform; the platforms are {}", names.join(", "))
        })
    }

    /// Budget and reserve, each by itself, then against each other and against the time that a body may take.
    fn times(&self, section: &Section<'_>, platform: Option<&Platform>) -> Option<(Duration, Duration)> {
        let range = platform.map_or(1..=60_000, |platform| whole_millis(platform.budget.min)..=whole_millis(platform.budget.max));
        let written = section.optional("budget_ms");
        let (budget, spot) = match &written {
            Some(value) => (value.integer(range.clone()).and_then(millis), value.spot.clone()),
            None => (platform.map(|platform| platform.budget.default), section.spot.clone()),
        };
        let reserve = match section.optional("reserve_ms") {
            Some(value) => (value.integer(whole_millis(RESERVE_MIN)..=60_000).and_then(millis), value.spot),
            None => (budget.map(default_reserve), section.spot.clone()),
        };
        if let (Some(written), None, Some(reserve_max)) = (&written, budget, reserve.0)
            && let Some(nearest) = written.nearest(range).and_then(millis).filter(|nearest| reserve_max >= *nearest)
        {
            // Told with the budget's own error: it stays wrong when that is mended.
            reserve.1.wrong(format_args!("must be less than the budget, {} ms if that is mended", nearest.as_millis()));
        }
        let times = (budget?, reserve.0?);
        self.leaves_time(times, &spot, &reserve.1).then_some(times)
    }

    fn leaves_time(&self, (budget, reserve): (Duration, Duration), budget_spot: &Spot<'_>, reserve_spot: &Spot<'_>) -> bool {
        let budget_ms = budget.as_millis();
        if reserve >= budget {
            reserve_spot.wrong(format_args!("must be less than the budget of {budget_ms} ms, or the ledger is never asked"));
            return false;
        }
        let to_decide = budget.saturating_sub(reserve);
        let body_read_max = self.common.body_read_max;
        if body_read_max >= to_decide {
            budget_spot.wrong(format_args!(
                "leaves {} ms to read and decide (budget {budget_ms} ms less reserve {} ms), which server.body_read_ms_max = {} could \
                 use up; lower that, or raise budget_ms",
                to_decide.as_millis(),
                reserve.as_millis(),
                body_read_max.as_millis(),
            ));
            return false;
        }
        true
    }

    /// The settings table, and the adapter that is built from it.
    fn settings(&self, section: &Section<'_>, platform: Option<&'static Platform>) -> Option<(Settings, Arc<dyn Adapter>)> {
        let table = section.optional_section("settings");
        let entries = table.as_ref().map(Section::entries).unwrap_or_default();
        let (mut values, mut untyped, mut whole) = (BTreeMap::new(), Vec::new(), true);
        for (name, value) in &entries {
            match setting(value) {
                Typed::Whole(setting) => drop(values.insert(name.text.to_owned(), setting)),
                Typed::Partly(setting) => {
                    whole = false;
                    values.insert(name.text.to_owned(), setting);
                }
                Typed::Not => untyped.push(name.text),
            }
        }
        // Without the program's currency, any other shows what is wrong with the settings: none of them depends on it.
        let settings = Settings { currency: self.currency.unwrap_or(Currency::USD), values };
        match (platform?.build)(&settings) {
            Ok(adapter) if self.currency.is_some() && untyped.is_empty() && whole => Some((settings, Arc::from(adapter))),
            Ok(_) => None,
            Err(errors) => {
                let place = table.as_ref().map_or(&section.spot, |table| &table.spot);
                // What has no type that a setting could have is told already, and missing only because of that.
                errors.iter().filter(|error| !untyped.contains(&top_key(error))).for_each(|error| note(error, &entries, place));
                None
            }
        }
    }
}

/// Notes a custom header in which the platform sends its signature: one of the two would never be right.
fn headers_apart_from_signature(section: &Section<'_>, platform: &Platform, adapter: &dyn Adapter) {
    let table = section.optional("headers").filter(|value| value.type_name() == "table");
    let Some(headers) = table.and_then(|value| value.section()) else { return };
    // By proving with a key what the platform would send is found out, whoever the platform is.
    let keyring = Keyring { signing: vec![Secret::new(*b"0123456789abcdef0123456789abcdef")], ..Keyring::default() };
    let mut proof = HeaderMap::new();
    for route in platform.routes {
        adapter.prove(route.id, &mut proof, &mut Vec::new(), &keyring, Timestamp::EPOCH);
    }
    for (name, _) in headers.entries().iter().filter(|(name, _)| proof.contains_key(name.text)) {
        name.spot.wrong(format_args!("is where {} sends its signature: a fixed value there would never be right", platform.name));
    }
}

/// A setting as far as it has a type that settings can have.
enum Typed {
    Whole(SettingValue),
    /// A table, some of whose entries are told to be wrong: the others are looked at all the same.
    Partly(SettingValue),
    Not,
}

fn setting(value: &Value<'_>) -> Typed {
    let typed = match value.type_name() {
        "string" => value.text().map(|text| SettingValue::Text(text.text.to_owned())),
        "integer" => value.integer(i64::MIN..=i64::MAX).map(SettingValue::Integer),
        "boolean" => value.switch().map(SettingValue::Switch),
        "table" => return table_of_texts(value),
        _ => {
            value.spot.wrong("must be a text, a whole number, true or false, or a table of texts");
            None
        }
    };
    typed.map_or(Typed::Not, Typed::Whole)
}

fn table_of_texts(value: &Value<'_>) -> Typed {
    let Some(section) = value.section() else { return Typed::Not };
    let entries = section.entries();
    let text_of = |(name, value): &(Text<'_>, Value<'_>)| value.text().map(|text| (name.text.to_owned(), text.text.to_owned()));
    let texts: BTreeMap<_, _> = entries.iter().filter_map(text_of).collect();
    let whole = texts.len() == entries.len();
    let table = SettingValue::Table(texts);
    if whole { Typed::Whole(table) } else { Typed::Partly(table) }
}

fn top_key(error: &SettingError) -> &str {
    error.key.split('.').next().unwrap_or_default()
}

/// Notes a setting that the adapter refuses where that setting stands, or where the table does.
fn note(error: &SettingError, entries: &[(Text<'_>, Value<'_>)], table: &Spot<'_>) {
    let SettingError { key, problem } = error;
    match entries.iter().find(|(name, _)| name.text == key || name.text == top_key(error)) {
        Some((name, _)) if name.text == key => name.spot.wrong(problem),
        Some((name, _)) => name.spot.wrong(format_args!("`{key}` {problem}")),
        // A setting that is missing, or that the adapter names otherwise.
        None => table.wrong(format_args!("setting `{key}` {problem}")),
    }
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

fn millis(number: i64) -> Option<Duration> {
    u64::try_from(number).ok().map(Duration::from_millis)
}

fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
