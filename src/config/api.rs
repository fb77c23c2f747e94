//! `[api]`: where the management API listens, and who may use it for which programs.

use std::net::SocketAddr;

use holdfast_core::ProgramId;
use sha2::{Digest as _, Sha256};

use super::optional::OptionalSection;
use super::program::{Environment, Programs};
use super::read::{Section, Text};
use super::secret::{Origin, SecretReader};
use super::server::{Listener, ServerConfig};
use super::{Overrides, at_home};

/// The shortest token: fewer characters can be guessed.
const TOKEN_BYTES_MIN: usize = 24;
/// The longest name of a token.
const NAME_BYTES_MAX: usize = 48;

/// The management API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiConfig {
    /// `listen`: where it listens.
    pub listen: SocketAddr,
    /// `[[api.token]]`: who may use it; nobody without one.
    pub tokens: Vec<ApiToken>,
}

/// One caller of the management API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// `name`: who did what, in records of operations.
    pub name: String,
    /// SHA-256 of `token`: compared in constant time, and of no use to whoever reads it.
    pub digest: [u8; 32],
    /// `programs`: what it may see and change; at least one.
    pub programs: Vec<ProgramId>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        ApiConfig { listen: SocketAddr::from(([127, 0, 0, 1], 8081)), tokens: Vec::new() }
    }
}

/// Reads the section; without a section, the default address and nobody who may use it.
pub(super) fn read(
    section: OptionalSection<'_>,
    overrides: &Overrides,
    server: &ServerConfig,
    secrets: &SecretReader<'_>,
    programs: &Programs,
) -> Option<ApiConfig> {
    let default = ApiConfig::default();
    let listen = Listener::read(&section, "listen", "--api-listen", overrides.api_listen, default.listen);
    if !server.tls_terminated_upstream {
        listen.must_be_loopback("tls_terminated_upstream = true in [server]: the management API speaks plain HTTP only");
    }
    if [server.listen, server.ops_listen].contains(&listen.address) && listen.address.port() != 0 {
        listen.wrong("is the address of server.listen or server.ops_listen too; the management API needs a port of its own");
    }
    let reader = TokenReader { secrets, programs, at_home: at_home(listen.address, server) };
    let mut names = Vec::new();
    let tokens: Vec<_> = section.sections("token").into_iter().map(|token| reader.token(token, &mut names)).collect();
    section.finish();
    Some(ApiConfig { listen: listen.address, tokens: tokens.into_iter().collect::<Option<_>>()? })
}

struct TokenReader<'s> {
    secrets: &'s SecretReader<'s>,
    programs: &'s Programs,
    /// Whether only this machine reaches the listener.
    at_home: bool,
}

impl TokenReader<'_> {
    fn token(&self, section: Section<'_>, names: &mut Vec<String>) -> Option<ApiToken> {
        let name = section.text("name").and_then(|text| text.parse(|name| unique_name(name, names)));
        let programs = section.list_of_texts("programs").map(|texts| {
            let read = texts.iter().map(|text| text.parse(|id| self.program(id)));
            read.collect::<Option<Vec<_>>>()
        });
        let programs = programs.flatten();
        let digest = section.text("token").and_then(|reference| self.digest(&reference, programs.as_deref()));
        section.finish();
        Some(ApiToken { name: name?, digest: digest?, programs: programs? })
    }

    fn program(&self, text: &str) -> Result<ProgramId, String> {
        let id = ProgramId::new(text).map_err(|error| error.to_string())?;
        match &self.programs.configs {
            Some(known) if known.iter().all(|program| program.id != id) => Err("is no [[program]] of this file".into()),
            // What is wrong with the programs is told there.
            Some(_) | None => Ok(id),
        }
    }

    fn digest(&self, reference: &Text<'_>, programs: Option<&[ProgramId]>) -> Option<[u8; 32]> {
        let (secret, origin) = self.secrets.read(reference)?;
        let value = secret.expose();
        if value.len() < TOKEN_BYTES_MIN || !value.iter().all(u8::is_ascii_graphic) {
            reference.spot.wrong(
                "names a token that is too short, or has other characters than visible ASCII; `openssl rand -hex 32` makes one",
            );
            return None;
        }
        if origin == Origin::Demo && !(self.at_home && self.all_sandbox(programs)) {
            reference.spot.wrong(
                "is the demo's secret, which everybody knows: it works only for sandbox programs on loopback; make your own",
            );
            return None;
        }
        Some(Sha256::digest(value).into())
    }

    fn all_sandbox(&self, programs: Option<&[ProgramId]>) -> bool {
        let Some(known) = &self.programs.configs else { return !self.programs.any_production };
        let is_production = |program: &super::ProgramConfig| program.environment == Environment::Production;
        let named = |program: &super::ProgramConfig| programs.is_none_or(|programs| programs.contains(&program.id));
        !known.iter().any(|program| named(program) && is_production(program))
    }
}

fn unique_name(text: &str, names: &mut Vec<String>) -> Result<String, &'static str> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be 1 to 48 visible ASCII characters without blanks: records of operations say who by it");
    }
    if names.iter().any(|name| name == text) {
        return Err("is the name of an earlier token too; every token has its own");
    }
    names.push(text.to_owned());
    Ok(text.to_owned())
}
