//! What an empty store of agent spend starts with: a file of its own, read whole, with every error at once.

use std::path::Path;

use holdfast_adapters::Secret;
use holdfast_core::PlatformName;
use holdfast_core::agent::{
    AgentId, AuthorityId, BindingId, Door, Environment, InstrumentId, InstrumentKind, KeyId, Mode, OrganizationId,
    OrganizationKind, PolicyId, Scope, Template,
};
use serde_json::Value;

use super::Reach;
use crate::config::errors::Errors;
use crate::config::read::{Document, Section, Text};
use crate::config::read_text;
use crate::config::ruleset::zone;
use crate::config::secret::{Origin, SecretReader};

/// The longest name, in characters.
const NAME_CHARACTERS_MAX: usize = 200;

/// Everything that the file enters.
#[derive(Debug, Default)]
pub struct AgentsImport {
    /// `[[organization]]`.
    pub organizations: Vec<OrganizationRow>,
    /// `[[credential]]`.
    pub credentials: Vec<CredentialRow>,
    /// `[[grant]]`.
    pub grants: Vec<GrantRow>,
    /// `[[agent]]`.
    pub agents: Vec<AgentRow>,
    /// `[[policy]]`.
    pub policies: Vec<PolicyRow>,
    /// `[[spending_authority]]`.
    pub authorities: Vec<AuthorityRow>,
    /// `[[binding]]`.
    pub bindings: Vec<BindingRow>,
}

/// An organization.
#[derive(Debug)]
pub struct OrganizationRow {
    /// Its name among ours.
    pub id: OrganizationId,
    /// Enterprise or processor.
    pub kind: OrganizationKind,
    /// What it is called.
    pub name: String,
}

/// A credential with a key and a secret that are known already.
#[derive(Debug)]
pub struct CredentialRow {
    /// Whose.
    pub organization: OrganizationId,
    /// Where it works.
    pub environment: Environment,
    /// The API key.
    pub api_key: KeyId,
    /// The shared secret.
    pub shared_secret: Secret,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
}

/// Whose an object is, and where it lives.
#[derive(Debug, Clone, Copy)]
pub struct Home {
    /// The enterprise.
    pub organization: OrganizationId,
    /// Where.
    pub environment: Environment,
}

/// A grant.
#[derive(Debug)]
pub struct GrantRow {
    /// Who gives it.
    pub home: Home,
    /// Who may ask.
    pub processor: OrganizationId,
    /// For which platform.
    pub platform: PlatformName,
}

/// An agent.
#[derive(Debug)]
pub struct AgentRow {
    /// Its name among ours.
    pub id: AgentId,
    /// Whose.
    pub home: Home,
    /// What it is called.
    pub name: String,
}

/// A policy.
#[derive(Debug)]
pub struct PolicyRow {
    /// Its name among ours.
    pub id: PolicyId,
    /// Whose.
    pub home: Home,
    /// The template with its parameters.
    pub template: Template,
}

/// A spending authority.
#[derive(Debug)]
pub struct AuthorityRow {
    /// Its name among ours.
    pub id: AuthorityId,
    /// Whose.
    pub home: Home,
    /// Whose spending it is about.
    pub agent: AgentId,
    /// Whether its policy declines.
    pub mode: Mode,
    /// Its policy.
    pub policy: PolicyId,
}

/// A binding.
#[derive(Debug)]
pub struct BindingRow {
    /// Its name among ours.
    pub id: BindingId,
    /// Whose.
    pub home: Home,
    /// Where it leads.
    pub authority: AuthorityId,
    /// Who issued the instrument.
    pub platform: PlatformName,
    /// What kind of instrument it is.
    pub kind: InstrumentKind,
    /// The platform's own name for it.
    pub instrument: InstrumentId,
    /// Where its money moves.
    pub door: Door,
}

impl AgentsImport {
    /// Reads the file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(path: &Path, reach: Reach, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Errors> {
        let text = read_text(path)?;
        let document = Document::parse(&path.display().to_string(), &text)?;
        let secrets = SecretReader { directory: path.parent().unwrap_or(Path::new("")), environment };
        let read = read_root(&document.root(), reach, &secrets);
        let errors = document.finish();
        match read {
            Some(import) if errors.is_empty() => Ok(import),
            // Whoever gives up on a value notes why; `None` without an error does not happen.
            Some(_) | None => Err(errors),
        }
    }
}

fn read_root(root: &Section<'_>, reach: Reach, secrets: &SecretReader<'_>) -> Option<AgentsImport> {
    let organizations = all(root, "organization", organization);
    let credentials = all(root, "credential", |section| credential(section, reach, secrets));
    let grants = all(root, "grant", grant);
    let agents = all(root, "agent", agent);
    let policies = all(root, "policy", policy);
    let authorities = all(root, "spending_authority", authority);
    let bindings = all(root, "binding", binding);
    let known = ["organization", "credential", "grant", "agent", "policy", "spending_authority", "binding"];
    for (key, _) in root.entries().into_iter().filter(|(key, _)| !known.contains(&key.text)) {
        key.spot.wrong(format_args!("is not a key of this file; its keys are {}", known.join(", ")));
    }
    Some(AgentsImport {
        organizations: organizations?,
        credentials: credentials?,
        grants: grants?,
        agents: agents?,
        policies: policies?,
        authorities: authorities?,
        bindings: bindings?,
    })
}

/// Reads every table of a kind, so that every error is noted.
fn all<T>(root: &Section<'_>, key: &'static str, read: impl Fn(&Section<'_>) -> Option<T>) -> Option<Vec<T>> {
    let sections = root.sections(key);
    let read: Vec<_> = sections
        .into_iter()
        .map(|section| {
            let read = read(&section);
            section.finish();
            read
        })
        .collect();
    read.into_iter().collect()
}

fn id<T: std::str::FromStr<Err: std::fmt::Display>>(section: &Section<'_>, key: &'static str) -> Option<T> {
    section.text(key)?.parse(str::parse)
}

fn word<T>(text: &Text<'_>, named: impl Fn(&str) -> Option<T>, all: &str) -> Option<T> {
    text.parse(|word| named(word).ok_or_else(|| format!("must be {all}")))
}

fn home(section: &Section<'_>) -> Option<Home> {
    let (organization, environment) = (id(section, "organization"), environment(section));
    Some(Home { organization: organization?, environment: environment? })
}

fn environment(section: &Section<'_>) -> Option<Environment> {
    section.text("environment").and_then(|text| word(&text, Environment::named, "\"sandbox\" or \"production\""))
}

fn name(section: &Section<'_>) -> Option<String> {
    section.text("name")?.parse(|text| {
        let fits = !text.trim().is_empty() && text.chars().count() <= NAME_CHARACTERS_MAX && !text.chars().any(char::is_control);
        if fits { Ok(text.to_owned()) } else { Err("must be 1 to 200 characters on one line") }
    })
}

fn organization(section: &Section<'_>) -> Option<OrganizationRow> {
    let (id, name) = (id(section, "id"), name(section));
    let kind = section.text("kind").and_then(|text| word(&text, OrganizationKind::named, "\"enterprise\" or \"processor\""));
    Some(OrganizationRow { id: id?, kind: kind?, name: name? })
}

fn credential(section: &Section<'_>, reach: Reach, secrets: &SecretReader<'_>) -> Option<CredentialRow> {
    let home = home(section);
    let api_key = section.text("api_key").and_then(|reference| {
        let key = secrets.read_text(&reference)?;
        reference.parse(|_| KeyId::new(&key).map_err(|problem| format!("names an API key that {problem}")))
    });
    let shared_secret = section.text("shared_secret").and_then(|reference| {
        let (secret, origin) = secrets.read(&reference)?;
        if origin == Origin::Demo && reach == Reach::Everywhere {
            reference.spot.wrong("is the demo's secret, which everybody knows: it works only for a sandbox program on loopback");
            return None;
        }
        Some(secret)
    });
    let scopes = section.list_of_texts("scopes").and_then(|texts| {
        let read: Vec<_> = texts.iter().map(|text| word(text, Scope::named, "a scope")).collect();
        read.into_iter().collect::<Option<Vec<_>>>()
    });
    let Home { organization, environment } = home?;
    Some(CredentialRow { organization, environment, api_key: api_key?, shared_secret: shared_secret?, scopes: scopes? })
}

fn grant(section: &Section<'_>) -> Option<GrantRow> {
    let (home, processor, platform) = (home(section), id(section, "processor"), id(section, "issuing_platform"));
    Some(GrantRow { home: home?, processor: processor?, platform: platform? })
}

fn agent(section: &Section<'_>) -> Option<AgentRow> {
    let (id, home, name) = (id(section, "id"), home(section), name(section));
    Some(AgentRow { id: id?, home: home?, name: name? })
}

fn policy(section: &Section<'_>) -> Option<PolicyRow> {
    let (id, home) = (id(section, "id"), home(section));
    let template = section.text("policy").and_then(|text| {
        text.parse(|json| {
            let value: Value = serde_json::from_str(json).map_err(|_| "must be JSON".to_owned())?;
            let lines = |errors: Vec<holdfast_core::agent::FieldError>| {
                errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            };
            Template::read(&value, &zone).map_err(lines)
        })
    });
    Some(PolicyRow { id: id?, home: home?, template: template? })
}

fn authority(section: &Section<'_>) -> Option<AuthorityRow> {
    let (own, home, agent, policy) = (id(section, "id"), home(section), id(section, "agent"), id(section, "policy"));
    let mode = section.text("mode").and_then(|text| word(&text, Mode::named, "\"observe\" or \"enforce\""));
    Some(AuthorityRow { id: own?, home: home?, agent: agent?, mode: mode?, policy: policy? })
}

fn binding(section: &Section<'_>) -> Option<BindingRow> {
    let (own, home, authority) = (id(section, "id"), home(section), id(section, "spending_authority"));
    let (platform, instrument) = (id(section, "issuing_platform"), id(section, "instrument_id"));
    let kind = section
        .text("instrument_kind")
        .and_then(|text| word(&text, InstrumentKind::named, "\"card\", \"token\", \"account\" or \"instrument\""));
    let door = section.text("authoritative_door").and_then(|text| word(&text, Door::named, "\"platform\" or \"authorize\""));
    Some(BindingRow {
        id: own?,
        home: home?,
        authority: authority?,
        platform: platform?,
        kind: kind?,
        instrument: instrument?,
        door: door?,
    })
}
