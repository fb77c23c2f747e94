//! `[ledger.postgres]`: the database that responders share. Its connection string is a secret, and comes by reference.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_postgres::config::{ChannelBinding, Host, SslMode};

use super::read::{Section, Spot};
use super::secret::SecretReader;
use crate::retention::{KEEP_DAYS_MAX, KEEP_DAYS_MIN};

/// Connections for acts, unless told otherwise.
const CONNECTIONS_MAX: u32 = 16;

/// How the database is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    /// `connection`: hosts, database, user and password.
    pub connection: tokio_postgres::Config,
    /// `ca`: whom to believe that it is the server; without it nothing is encrypted.
    pub roots: Vec<CertificateDer<'static>>,
    /// `connections_max`: the most connections that acts take.
    pub connections_max: u32,
    /// `node`: what people call this responder.
    pub node: String,
    /// `responders`: how many share the caps of stand-in, which none of them can ask the others about.
    pub responders: NonZeroU32,
    /// `journal_keep_days`: for how long all programs' records are kept; `None` for ever.
    pub journal_keep_days: Option<u32>,
}

impl PostgresConfig {
    /// Whether the password and everything else goes to another machine as it is.
    fn is_exposed(&self) -> bool {
        let elsewhere = |host: &Host| match host {
            Host::Tcp(name) if name == "localhost" => false,
            Host::Tcp(name) => !name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
            Host::Unix(_) => false,
        };
        // Where there are addresses, they are gone to, whatever the hosts are called.
        let addresses = self.connection.get_hostaddrs();
        let leaves = match addresses {
            [] => self.connection.get_hosts().iter().any(elsewhere),
            addresses => !addresses.iter().all(IpAddr::is_loopback),
        };
        self.roots.is_empty() && leaves
    }

    /// What is wrong with it while a program is production.
    pub(super) fn check_production(&self, spot: &Spot<'_>) {
        if self.is_exposed() {
            spot.wrong(
                "names another machine while a program is production: name the CA of its certificate in ledger.postgres.ca",
            );
        }
    }
}

/// Reads the section. Without `secrets` its references are not followed: for whoever may not read them.
pub(super) fn read(section: Section<'_>, secrets: Option<&SecretReader<'_>>) -> Option<PostgresConfig> {
    let reference = section.text("connection");
    let ca = section.optional_text("ca");
    let connections_max = section.optional_integer("connections_max", 1..=1_000);
    let days = i64::from(KEEP_DAYS_MIN)..=i64::from(KEEP_DAYS_MAX);
    let journal_keep_days = section.optional_integer("journal_keep_days", days).and_then(|days| u32::try_from(days).ok());
    let responders = section.optional_integer("responders", 1..=1_024);
    let node = section.optional_text("node").and_then(|text| text.parse(checked_name));
    section.finish();
    let secrets = secrets?;
    let connection = reference.as_ref().and_then(|reference| secrets.read_text(reference));
    let encryption = if ca.is_some() { Encryption::Verified } else { Encryption::None };
    let connection =
        reference.as_ref().zip(connection).and_then(|(reference, text)| reference.parse(|_| checked(&text, encryption)));
    let roots = match &ca {
        Some(ca) => ca.parse(|name| read_roots(&secrets.directory.join(name)))?,
        None => Vec::new(),
    };
    let connections_max = connections_max.and_then(|many| u32::try_from(many).ok()).unwrap_or(CONNECTIONS_MAX);
    let node = node.unwrap_or_else(machine_name);
    let responders = responders.and_then(|many| u32::try_from(many).ok()).and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    Some(PostgresConfig { connection: connection?, roots, connections_max, node, responders, journal_keep_days })
}

/// What `ca` makes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    /// The server's certificate is that CA's, and has the name of its host.
    Verified,
    /// There is none: who is not verified may be anybody.
    None,
}

/// A connection string. What is wrong with it is not repeated: it has a password in it.
fn checked(text: &str, encryption: Encryption) -> Result<tokio_postgres::Config, &'static str> {
    if text.contains("sslmode=verify-") {
        return Err(
            "names a connection string that asks for sslmode=verify-…, which is what ledger.postgres.ca does: leave sslmode out, and name the CA there",
        );
    }
    if text.contains("sslrootcert=") {
        return Err(
            "names a connection string with sslrootcert=…, which is what ledger.postgres.ca does: leave it out, and name the CA there",
        );
    }
    let config: tokio_postgres::Config = text.parse().map_err(|_| {
        "names something that is no connection string of PostgreSQL; \
         write it like \"host=127.0.0.1 port=5432 dbname=holdfast user=holdfast password=…\""
    })?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err("names a connection string without a host");
    }
    // In a password that is part of an address these end it: what follows would be taken for the host, and told as that.
    let is_of_a_password = |host: &Host| matches!(host, Host::Tcp(name) if name.contains(['@', ':', '/', '?', '#', '%']));
    if config.get_hosts().iter().any(is_of_a_password) {
        return Err(
            "names a connection string whose host has a character that no host has: in a postgres:// address, write `@` in a user's name or \
                    password as %40, `:` as %3A, `/` as %2F, `?` as %3F, `#` as %23 and `%` as %25",
        );
    }
    match (config.get_ssl_mode(), encryption) {
        (SslMode::Require, Encryption::None) => Err(
            "names a connection string that asks for sslmode=require without anybody who could say that it is the server: name the CA of its \
                 certificate in ledger.postgres.ca; then the certificate and its host's name are verified",
        ),
        (SslMode::Disable, Encryption::Verified) => Err(
            "names a connection string that asks for sslmode=disable, and ledger.postgres.ca names a CA to verify the server by; leave one of them out",
        ),
        (_, Encryption::Verified) if config.get_hosts().is_empty() => Err(
            "names a connection string with a hostaddr and no host, and ledger.postgres.ca names a CA: add the host=… whose name or address the \
                 server's certificate has",
        ),
        (_, Encryption::None) if config.get_channel_binding() == ChannelBinding::Require => Err(
            "names a connection string that asks for channel_binding=require, which there is with TLS only: name the CA of the server's \
                 certificate in ledger.postgres.ca, or leave it out",
        ),
        (_, _) => Ok(config),
    }
}

fn checked_name(name: &str) -> Result<String, &'static str> {
    if name.is_empty() || name.len() > 64 { Err("must be a name of 1 to 64 bytes") } else { Ok(name.to_owned()) }
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(roots) if roots.is_empty() => Err(format!("names {}, which holds no PEM certificate", path.display())),
        Ok(roots) => Ok(roots),
        Err(error) => Err(format!("names {}, which cannot be read as PEM: {error}", path.display())),
    }
}

fn machine_name() -> String {
    rustix::system::uname().nodename().to_str().unwrap_or("responder").to_owned()
}
