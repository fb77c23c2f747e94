//! `holdfast credential`: API keys of agent spend's organizations.

use std::io;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use holdfast_core::agent::{Environment, Scope};

use super::organization::ask;
use super::{Failure, Place};
use crate::clock;
use crate::control::protocol::SpendRequest;

const EXAMPLES: &str = "\
Examples:
  holdfast credential create --organization ent_bcdf --environment sandbox --scopes setup,intents,read --name backend --by ann
  holdfast credential list --organization ent_bcdf
  holdfast credential revoke cred_ghjk --by ann

The shared secret is printed once and cannot be read again. Several credentials may be live at once: to rotate, make a new one, let the
callers change over, revoke the old one.

Exit codes:
  0  done
  1  not done (every error on standard error)
  2  the command line is not understood";

const DAY_SECONDS: u64 = 86_400;

/// API keys of agent spend's organizations.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Credential {
    #[command(subcommand)]
    command: CredentialCommand,
}

#[derive(Debug, Subcommand)]
enum CredentialCommand {
    /// Makes a credential, and prints its shared secret once.
    Create(Create),
    /// Lists an organization's credentials, one line of JSON each.
    List(ListAll),
    /// Revokes a credential: from then on it proves nothing.
    Revoke(Revoke),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EnvironmentArgument {
    Sandbox,
    Production,
}

#[derive(Debug, Args)]
struct Create {
    /// Whose.
    #[arg(long, value_name = "ID")]
    organization: String,
    /// Where it works.
    #[arg(long, value_enum)]
    environment: EnvironmentArgument,
    /// What it may be used for: setup, intents, review, authorize, read, credentials, members.
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', required = true, value_parser = scope)]
    scopes: Vec<Scope>,
    /// What it is called.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// After how many days it is worth nothing; never, if left out.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
    expires_days: Option<u16>,
    /// Who makes it.
    #[arg(long, value_name = "WHO")]
    by: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct ListAll {
    /// Whose.
    #[arg(long, value_name = "ID")]
    organization: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Revoke {
    /// The credential: its id, not its API key.
    credential: String,
    /// Who revokes it.
    #[arg(long, value_name = "WHO")]
    by: String,
    #[command(flatten)]
    place: Place,
}

fn scope(text: &str) -> Result<Scope, String> {
    let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.name()).collect();
    Scope::named(text).ok_or_else(|| format!("scopes are {}", known.join(", ")))
}

impl Credential {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        match self.command {
            CredentialCommand::Create(create) => create.run(output),
            CredentialCommand::List(ListAll { organization, place }) => {
                ask(place, SpendRequest::Credentials { organization }, output)
            }
            CredentialCommand::Revoke(Revoke { credential, by, place }) => {
                ask(place, SpendRequest::RevokeCredential { credential, by }, output)
            }
        }
    }
}

impl Create {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let Create { organization, environment, scopes, name, expires_days, by, place } = self;
        let environment = match environment {
            EnvironmentArgument::Sandbox => Environment::Sandbox,
            EnvironmentArgument::Production => Environment::Production,
        };
        let life = |days: u16| Duration::from_secs(u64::from(days).saturating_mul(DAY_SECONDS));
        let expires_at = expires_days.map(|days| clock::utc().saturating_add(life(days)));
        ask(place, SpendRequest::MakeCredential { organization, environment, scopes, name, expires_at, by }, output)
    }
}
