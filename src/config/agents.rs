//! `[agents]`: agent spend. Which key seals its secrets and texts, which program decides in which environment, and how invitations
//! reach people. Off without the section.

use std::path::{Path, PathBuf};

use holdfast_adapters::Secret;
use holdfast_core::ProgramId;
use holdfast_core::agent::OrganizationId;

use super::at_home;
use super::program::{Environment, Programs};
use super::read::{Section, Text};
use super::secret::{Origin, SecretReader};
use super::server::ServerConfig;
use crate::seal::SealingKey;

pub mod import;
#[cfg(test)]
mod tests;

/// The longest link, and the longest sender's address, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// Agent spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentsConfig {
    /// `key`: seals shared secrets and texts.
    pub key: SealingKey,
    /// `old_keys`: sealed before it, the latest first; what they sealed still opens.
    pub old_keys: Vec<SealingKey>,
    /// `sandbox`: the program that decides for sandbox credentials.
    pub sandbox: Option<ProgramId>,
    /// `production`: the program that decides for production credentials.
    pub production: Option<ProgramId>,
    /// `card_enterprises`: which enterprises may bind what is of platforms that call these programs.
    pub card_enterprises: Option<Vec<OrganizationId>>,
    /// `import`: what an empty store starts with.
    pub import: Option<PathBuf>,
    /// Who can get at it: what the demo ships works at home only.
    pub reach: Reach,
    /// `invitation_link`: where an invitation leads; its token follows.
    pub invitation_link: Option<String>,
    /// `[agents.smtp]`: how mail is sent; without it, operators hand invitations over.
    pub smtp: Option<SmtpConfig>,
}

/// How mail is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpConfig {
    /// `url`: server, user and password.
    pub url: Secret,
    /// `from`: whom mail is from.
    pub from: String,
}

impl AgentsConfig {
    /// The program that decides in an environment.
    #[must_use]
    pub const fn program(&self, environment: Environment) -> Option<ProgramId> {
        match environment {
            Environment::Sandbox => self.sandbox,
            Environment::Production => self.production,
        }
    }
}

/// Reads the section. `Err` if something in it is wrong, which is noted.
pub(super) fn read(
    section: Option<Section<'_>>,
    directory: &Path,
    server: &ServerConfig,
    secrets: &SecretReader<'_>,
    programs: &Programs,
) -> Result<Option<AgentsConfig>, ()> {
    let Some(section) = section else { return Ok(None) };
    let reader = Reader { directory, server, secrets, programs };
    reader.read(section).map(Some).ok_or(())
}

/// Who can get at what the key seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Programs on this machine, and nothing is real.
    AtHome,
    /// Others.
    Everywhere,
}

struct Reader<'s> {
    directory: &'s Path,
    server: &'s ServerConfig,
    secrets: &'s SecretReader<'s>,
    programs: &'s Programs,
}

impl Reader<'_> {
    fn read(&self, section: Section<'_>) -> Option<AgentsConfig> {
        let sandbox = section.optional_text("sandbox").map(|text| self.program(&text, Environment::Sandbox));
        let production = section.optional_text("production").map(|text| self.program(&text, Environment::Production));
        if sandbox.is_none() && production.is_none() {
            section.spot.wrong("names no program: `sandbox`, `production` or both say which program decides");
        }
        let reach = if production.is_some() { Reach::Everywhere } else { self.reach() };
        let key = section.text("key").and_then(|reference| self.key(&reference, reach));
        let enterprises = section.optional_list_of_texts("card_enterprises").map(|list| {
            let id = |text: &Text<'_>| text.parse(|id| OrganizationId::new(id).map_err(|error| error.to_string()));
            list.iter().map(id).collect::<Option<Vec<_>>>()
        });
        let old_keys = section
            .optional_list_of_texts("old_keys")
            .map(|list| list.iter().map(|reference| self.key(reference, reach)).collect::<Option<Vec<_>>>());
        let import = section.optional_text("import").map(|text| {
            text.parse(|name| if name.is_empty() { Err("is empty; name a file") } else { Ok(self.directory.join(name)) })
        });
        let link = section.optional_text("invitation_link").map(|text| text.parse(link));
        let smtp = section.optional_section("smtp").map(|smtp| self.smtp(smtp));
        let named = sandbox.is_some() || production.is_some();
        section.finish();
        Some(AgentsConfig {
            reach,
            key: key?,
            old_keys: settled(old_keys)?.unwrap_or_default(),
            sandbox: settled(sandbox)?,
            production: settled(production)?,
            card_enterprises: settled(enterprises)?,
            import: settled(import)?,
            invitation_link: settled(link)?,
            smtp: settled(smtp)?,
        })
        .filter(|_| named)
    }

    fn program(&self, text: &Text<'_>, environment: Environment) -> Option<ProgramId> {
        text.parse(|id| {
            let id = ProgramId::new(id).map_err(|error| error.to_string())?;
            let Some(known) = &self.programs.configs else { return Ok(id) };
            match known.iter().find(|program| program.id == id) {
                None => Err("is no [[program]] of this file".to_owned()),
                Some(program) if program.environment != environment => Err(format!(
                    "is a {} program; money of the two is never mixed, so name a {} one",
                    program.environment.name(),
                    environment.name()
                )),
                Some(_) => Ok(id),
            }
        })
    }

    fn reach(&self) -> Reach {
        if at_home(self.server.listen, self.server) { Reach::AtHome } else { Reach::Everywhere }
    }

    fn key(&self, reference: &Text<'_>, reach: Reach) -> Option<SealingKey> {
        let (secret, origin) = self.secrets.read(reference)?;
        let Ok(key) = SealingKey::of_hex(secret.expose()) else {
            reference.spot.wrong("names a key that is not 64 hexadecimal digits; `openssl rand -hex 32` makes one");
            return None;
        };
        if origin == Origin::Demo && reach == Reach::Everywhere {
            reference.spot.wrong(
                "is the demo's key, which everybody knows: it works only for a sandbox program on loopback; make your own",
            );
            return None;
        }
        Some(key)
    }

    fn smtp(&self, section: Section<'_>) -> Option<SmtpConfig> {
        let url = section.text("url").and_then(|reference| {
            let (url, _) = self.secrets.read(&reference)?;
            let known = url.expose().starts_with(b"smtp://") || url.expose().starts_with(b"smtps://");
            if !known {
                reference.spot.wrong("names something else than smtp://… or smtps://user:password@host:port");
            }
            known.then_some(url)
        });
        let from = section.text("from").and_then(|text| text.parse(sender));
        section.finish();
        Some(SmtpConfig { url: url?, from: from? })
    }
}

/// What is absent is settled; what is wrong is not.
fn settled<T>(written: Option<Option<T>>) -> Option<Option<T>> {
    match written {
        None => Some(None),
        Some(right) => right.map(Some),
    }
}

fn link(text: &str) -> Result<String, &'static str> {
    let known = text.starts_with("https://") || text.starts_with("http://");
    let fits = known && text.len() <= TEXT_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be an address that begins with https://; the invitation's token follows it")
    }
}

fn sender(text: &str) -> Result<String, &'static str> {
    let fits = text.contains('@') && text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("must be an address, such as \"Holdfast <no-reply@example.com>\"") }
}
