//! Sends one event to one endpoint: signed by the Standard Webhooks specification, over the connection that is open already. Keeps
//! nothing of the answer but whether it was taken.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use holdfast_adapters::proof::standard_webhooks::{ID, SIGNATURE, SigningKey, TIMESTAMP};
use holdfast_core::Timestamp;
use http::header::CONTENT_TYPE;
use reqwest::{Client, Url, redirect};
use rustls::RootCertStore;
use rustls::crypto::ring;

use super::event::Event;
use super::target::{Addresses, Resolver};

/// So much of an answer is read, so that its connection can be used again; of a longer one the connection is closed.
const ANSWER_BYTES_MAX: usize = 65_536;

/// Why an endpoint did not take an event. It never has the event's content, nor what the endpoint said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It answered with this status.
    Status(u16),
    /// It did not answer in time.
    TooSlow(Duration),
    /// What it would be told cannot be read now.
    Unreadable,
    /// It could not be signed, and goes nowhere without that.
    Unsigned,
    /// There is no connection to it, or it broke off.
    Unreachable(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Status(status) => write!(f, "answered {status}"),
            Refused::TooSlow(timeout) => write!(f, "did not answer within {} ms", timeout.as_millis()),
            Refused::Unreadable => f.write_str("was told nothing: the journal's disk cannot be read"),
            Refused::Unsigned => f.write_str("was told nothing: what it would be told cannot be signed"),
            Refused::Unreachable(why) => write!(f, "cannot be reached: {why}"),
        }
    }
}

impl std::error::Error for Refused {}

/// Where an endpoint is, and how it knows us.
#[derive(Debug, Clone)]
pub struct Address {
    /// Its URL.
    pub url: Url,
    /// Which addresses its name may have.
    pub addresses: Addresses,
    /// What signs.
    pub keys: Keys,
    /// Whose certificates it has, besides those of the web.
    pub roots: Vec<rustls::pki_types::CertificateDer<'static>>,
    /// How long it may take to answer.
    pub timeout: Duration,
}

/// The keys of an endpoint: each signs; more than one while they are rotated. Copies are of the same ones, so that who sends has new ones at
/// once.
#[derive(Debug, Clone)]
pub struct Keys(Arc<ArcSwap<Vec<SigningKey>>>);

impl Keys {
    /// These.
    #[must_use]
    pub fn new(keys: Vec<SigningKey>) -> Self {
        Keys(Arc::new(ArcSwap::from_pointee(keys)))
    }

    /// Takes what others are now.
    pub fn replace(&self, others: &Keys) {
        self.0.store(others.0.load_full());
    }
}

/// The way to one endpoint.
#[derive(Debug)]
pub struct Post {
    client: Client,
    address: Address,
}

impl Post {
    /// Prepares the way; connects to nothing.
    ///
    /// # Errors
    /// Why there is none, in a sentence.
    pub fn new(address: Address) -> Result<Self, String> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls(&address)?)
            .dns_resolver(Arc::new(Resolver(address.addresses)))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .timeout(address.timeout)
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Post { client, address })
    }

    /// Sends an event.
    ///
    /// # Errors
    /// It was not taken: any answer but a success, or none in time.
    pub async fn send(&self, event: &Event, body: Vec<u8>, now: Timestamp) -> Result<(), Refused> {
        let keys = self.address.keys.0.load_full();
        let signatures: Option<Vec<String>> = keys.iter().map(|key| key.sign(&event.id, now, &body)).collect();
        let signatures = signatures.filter(|signatures| !signatures.is_empty()).ok_or(Refused::Unsigned)?;
        let request = self.client.post(self.address.url.clone());
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .header(ID, &event.id)
            .header(TIMESTAMP, now.unix_seconds().to_string())
            .header(SIGNATURE, signatures.join(" "))
            .body(body);
        let mut answer = request.send().await.map_err(|error| self.refused(error))?;
        if !answer.status().is_success() {
            return Err(Refused::Status(answer.status().as_u16()));
        }
        let mut left = ANSWER_BYTES_MAX;
        // It was taken, whatever becomes of the rest of the answer.
        while let Ok(Some(chunk)) = answer.chunk().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
        Ok(())
    }

    fn refused(&self, error: reqwest::Error) -> Refused {
        if error.is_timeout() {
            return Refused::TooSlow(self.address.timeout);
        }
        // The innermost says most; the URL is the configuration's, and may have a token in it.
        let error = error.without_url();
        let mut innermost: &dyn std::error::Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Refused::Unreachable(innermost.to_string())
    }
}

/// TLS 1.2 and 1.3, with the roots of the web and those that the endpoint names.
fn tls(address: &Address) -> Result<rustls::ClientConfig, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in &address.roots {
        roots.add(certificate.clone()).map_err(|error| format!("a certificate of `ca` cannot be used: {error}"))?;
    }
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
