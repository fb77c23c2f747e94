//! `holdfast token`: makes the bearer token that a credential's owner would make, for trying things out by hand.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use holdfast_adapters::{Secret, token};
use holdfast_core::agent::KeyId;

use super::Failure;
use crate::clock;

const EXAMPLES: &str = "\
Examples:
  holdfast token config/demo/secrets/enterprise_api_key config/demo/secrets/enterprise_shared_secret
  curl -H \"Authorization: Bearer $(holdfast token api_key shared_secret)\" http://127.0.0.1:8080/v1/organization

It asks no server. The token is signed with HS256, names the API key as `key_id`, and lives an hour at most.

Exit codes:
  0  done
  1  not done (the error on standard error)
  2  the command line is not understood";

/// Makes a bearer token of agent spend from an API key and a shared secret.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Token {
    /// The file with the API key.
    api_key: PathBuf,
    /// The file with the shared secret.
    shared_secret: PathBuf,
    /// How many seconds it lives.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u16).range(1..=3600))]
    life: u16,
}

impl Token {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let key = KeyId::new(&read(&self.api_key)?)
            .map_err(|problem| Failure::Told(format!("{}: is no API key: it {problem}", self.api_key.display())))?;
        let secret = Secret::new(read(&self.shared_secret)?.into_bytes());
        let token = token::sign(&key, &secret, clock::utc(), Duration::from_secs(u64::from(self.life)));
        let token = token.ok_or_else(|| Failure::Told(format!("{}: is no shared secret", self.shared_secret.display())))?;
        Ok(writeln!(output, "{token}")?)
    }
}

/// A file's only line.
fn read(path: &Path) -> Result<String, Failure> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::Told(format!("{}: cannot be read: {error}", path.display())))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
