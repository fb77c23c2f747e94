//! `[server]`: where it listens, and how much of anything a caller may take. Opens nothing but the TLS files.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use super::optional::OptionalSection;
use super::read::{Spot, Text};
use super::{Overrides, tls};

/// Listeners and their limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// `listen`: where platforms call.
    pub listen: SocketAddr,
    /// `ops_listen`: where operators look: metrics, health, status.
    pub ops_listen: SocketAddr,
    /// `workers`: threads that answer; at least 1 (the file's 0 is the number of cores).
    pub workers: usize,
    /// `connections_max`: open connections on `listen`; a further one is closed at once.
    pub connections_max: usize,
    /// `head_bytes_max`: the longest request line and headers.
    pub head_bytes_max: usize,
    /// `body_bytes_max`: the longest body.
    pub body_bytes_max: usize,
    /// `head_read_ms_max`: from a request's first byte to the end of its headers.
    pub head_read_max: Duration,
    /// `body_read_ms_max`: from the end of the headers to the end of the body.
    pub body_read_max: Duration,
    /// `idle_seconds_max`: how long a connection may wait for its next request.
    pub idle_max: Duration,
    /// `tls_handshake_ms_max`: from a connection to its TLS session.
    pub tls_handshake_max: Duration,
    /// `drain_seconds_max`: after SIGTERM, how long answers that are owed may take.
    pub drain_max: Duration,
    /// `stop_seconds_max`: after SIGTERM, how long all of the stop may take, whatever hangs.
    pub stop_max: Duration,
    /// `tls_terminated_upstream`: the operator's word that plain HTTP from elsewhere went through TLS before.
    pub tls_terminated_upstream: bool,
    /// `[server.tls]`: certificate and key for `listen`.
    pub tls: Option<TlsFiles>,
}

/// Where the certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `certificate`: PEM, the server's own first, then those that sign it.
    pub certificate: PathBuf,
    /// `key`: PEM, unencrypted.
    pub key: PathBuf,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            ops_listen: SocketAddr::from(([127, 0, 0, 1], 9090)),
            workers: available_parallelism().map_or(1, usize::from),
            connections_max: 10_000,
            head_bytes_max: 16_384,
            body_bytes_max: 262_144,
            head_read_max: Duration::from_secs(2),
            body_read_max: Duration::from_millis(500),
            idle_max: Duration::from_secs(300),
            tls_handshake_max: Duration::from_secs(5),
            drain_max: Duration::from_secs(30),
            stop_max: Duration::from_secs(75),
            tls_terminated_upstream: false,
            tls: None,
        }
    }
}

/// Who can reach the callback listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// Only programs on this machine.
    Loopback,
    /// Others too, directly or through whatever terminates TLS.
    Beyond,
}

/// Reads the section; without a section, the defaults.
pub(super) fn read(
    section: OptionalSection<'_>,
    overrides: &Overrides,
    directory: &Path,
) -> (ServerConfig, Exposure, Option<Arc<rustls::ServerConfig>>) {
    let default = ServerConfig::default();
    let listen = Listener::read(&section, "listen", "--listen", overrides.listen, default.listen);
    let ops_listen = Listener::read(&section, "ops_listen", "--ops-listen", overrides.ops_listen, default.ops_listen);
    let workers = match section.number("workers", 0..=1024, 0) {
        0 => default.workers,
        number => size(number),
    };
    let tls_terminated_upstream = section.switch("tls_terminated_upstream", default.tls_terminated_upstream);
    let tls_section = section.section("tls");
    let has_tls = tls_section.is_some();
    let (tls, material) = match tls_section {
        None => (None, None),
        Some(tls) => tls::read(tls, directory),
    };
    let server = ServerConfig {
        listen: listen.address,
        ops_listen: ops_listen.address,
        workers,
        connections_max: size(section.number("connections_max", 1..=1_000_000, 10_000)),
        head_bytes_max: size(section.number("head_bytes_max", 1024..=1_048_576, 16_384)),
        body_bytes_max: size(section.number("body_bytes_max", 1024..=67_108_864, 262_144)),
        head_read_max: millis(section.number("head_read_ms_max", 10..=60_000, 2_000)),
        body_read_max: millis(section.number("body_read_ms_max", 1..=60_000, 500)),
        idle_max: seconds(section.number("idle_seconds_max", 1..=86_400, 300)),
        tls_handshake_max: millis(section.number("tls_handshake_ms_max", 10..=60_000, 5_000)),
        drain_max: seconds(section.number("drain_seconds_max", 1..=3600, 30)),
        stop_max: seconds(section.number("stop_seconds_max", 1..=7200, 75)),
        tls_terminated_upstream,
        tls,
    };

    if server.stop_max < server.drain_max {
        section.spot("stop_seconds_max").wrong(format_args!(
            "ends a stop before drain_seconds_max = {} is over: answers that are owed would be lost",
            server.drain_max.as_secs()
        ));
    }
    if !has_tls && !tls_terminated_upstream {
        listen.must_be_loopback("a certificate in [server.tls], or tls_terminated_upstream = true if TLS ends before it");
    }
    if !tls_terminated_upstream {
        ops_listen.must_be_loopback("tls_terminated_upstream = true: the operators' listener speaks plain HTTP only");
    }
    if listen.address == ops_listen.address && listen.address.port() != 0 {
        ops_listen.wrong("is the address of server.listen too; operators need a port of their own");
    }
    section.finish();
    let local = super::at_home(server.listen, &server);
    (server, if local { Exposure::Loopback } else { Exposure::Beyond }, material)
}

/// One listening address and who gave it.
pub(super) struct Listener<'d> {
    pub address: SocketAddr,
    /// The option, if the command line gave it.
    option: Option<&'static str>,
    spot: Spot<'d>,
}

impl<'d> Listener<'d> {
    pub fn read(
        section: &OptionalSection<'d>,
        key: &'static str,
        option: &'static str,
        given: Option<SocketAddr>,
        default: SocketAddr,
    ) -> Self {
        let written = section.text(key).and_then(|text: Text<'d>| text.parse(parse_address));
        let address = given.or(written).unwrap_or(default);
        Listener { address, option: given.map(|_| option), spot: section.spot(key) }
    }

    pub fn wrong(&self, problem: &str) {
        match self.option {
            Some(option) => self.spot.wrong(format_args!("as given by {option}: {problem}")),
            None => self.spot.wrong(problem),
        }
    }

    pub fn must_be_loopback(&self, otherwise: &str) {
        if !self.address.ip().is_loopback() {
            self.wrong(&format!("is plain HTTP beyond loopback; that needs {otherwise}"));
        }
    }
}

fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "must be an IP address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"")
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn millis(number: u32) -> Duration {
    Duration::from_millis(u64::from(number))
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(u64::from(number))
}
