//! `[card_numbers]`: where payment doors take card numbers, and the key that makes tokens of them. Without the section nobody does.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::optional::OptionalSection;
use super::program::Programs;
use super::read::Section;
use super::secret::{Origin, SecretReader};
use super::server::{Listener, ServerConfig};
use super::{ApiConfig, TlsFiles, tls};
use crate::card_numbers::NumberKey;

/// The shortest key, in characters: 16 random bytes in hexadecimal digits.
const KEY_BYTES_MIN: usize = 32;

/// Where card numbers are taken.
#[derive(Debug, Clone)]
pub struct CardNumbersConfig {
    /// `listen`: the listener that takes them, and nothing else does.
    pub listen: SocketAddr,
    /// `key`.
    pub key: NumberKey,
    /// `[card_numbers.tls]`, which there always is,
    pub files: TlsFiles,
    /// ready for connections.
    pub tls: Arc<rustls::ServerConfig>,
}

/// Reads the section; the outer `None` is one that is wrong.
#[expect(clippy::option_option, reason = "absent is right, wrong is noted and goes no further")]
pub(super) fn read(
    section: OptionalSection<'_>,
    directory: &Path,
    server: &ServerConfig,
    secrets: &SecretReader<'_>,
    programs: &Programs,
) -> Option<Option<CardNumbersConfig>> {
    if !section.is_there() {
        return Some(None);
    }
    let default = SocketAddr::from(([127, 0, 0, 1], 8443));
    let listen = Listener::read(&section, "listen", "", None, default);
    if [server.listen, server.ops_listen].contains(&listen.address) && listen.address.port() != 0 {
        listen.wrong("is the address of another listener too; card numbers need one of their own");
    }
    let written = section.text("key");
    if written.is_none() {
        section.spot("key").wrong("has no `key`, which makes tokens of numbers; `openssl rand -hex 32` makes one");
    }
    let key = written.and_then(|reference| {
        let (secret, origin) = secrets.read(&reference)?;
        if secret.expose().len() < KEY_BYTES_MIN {
            reference.spot.wrong("names a key that is shorter than 32 characters; `openssl rand -hex 32` makes one");
            return None;
        }
        if origin == Origin::Demo {
            reference.spot.wrong("names a secret of the demo, which everybody knows; make your own");
            return None;
        }
        NumberKey::new(secret.expose())
    });
    let (files, material) = match section.section("tls") {
        Some(files) => tls::read(files, directory),
        None => {
            section.spot("tls").wrong("has no [card_numbers.tls]: card numbers are taken over TLS only, from this machine, too");
            (None, None)
        }
    };
    if let Some(known) = &programs.configs
        && !known.iter().flat_map(|program| &program.mounts).any(|mount| !mount.platform.card_number_routes.is_empty())
    {
        section.spot("").wrong("is on, and no [[program.mount]] takes card numbers: `pre_auth` does");
    }
    section.finish();
    Some(Some(CardNumbersConfig { listen: listen.address, key: key?, files: files?, tls: material? }))
}

/// Notes a management API at the same address.
pub(super) fn apart(numbers: Option<&CardNumbersConfig>, api: &ApiConfig, root: &Section<'_>) {
    if let Some(numbers) = numbers.filter(|numbers| numbers.listen == api.listen && numbers.listen.port() != 0) {
        let section = OptionalSection::open(root, "card_numbers");
        section.spot("listen").wrong(format_args!("is {}, the address of api.listen too", numbers.listen));
    }
}
