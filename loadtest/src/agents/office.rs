//! An enterprise at its desk: changes policies over `/v1`, each with the version that it read, on a connection that stays open. It judges
//! no figure.

use std::net::SocketAddr;

use serde::Deserialize;

use crate::client::Connection;
use crate::clock;
use crate::figures::bench::Bench;
use crate::figures::keys;
use crate::problem::Problem;

/// The longest answer about a policy that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The part of a policy that a change needs.
#[derive(Debug, Deserialize)]
struct Shown {
    version: u64,
}

/// One connection of the enterprise.
pub struct Office {
    connection: Connection,
    head: String,
}

/// A policy, as it was last read.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// The number of its card.
    pub number: u64,
    /// Its version, which grows with each change.
    pub version: u64,
}

impl Office {
    /// Connects; the token lasts an hour.
    ///
    /// # Errors
    /// Nobody listens, or no token can be made.
    pub async fn open(address: SocketAddr) -> Result<Self, Problem> {
        let token = keys::enterprise_token(clock::utc()).ok_or_else(|| Problem::new("the enterprise's token cannot be made"))?;
        let opened = Connection::open_for_answers_of(address, ANSWER_BYTES_MAX).await;
        let connection = opened.map_err(Problem::doing(format!("connecting to {address}")))?;
        let head = format!("host: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        Ok(Office { connection, head })
    }

    /// Reads the policy of the card of that number.
    ///
    /// # Errors
    /// It is not told.
    pub async fn read(&mut self, number: u64) -> Result<Policy, Problem> {
        let request = format!("GET {} HTTP/1.1\r\n{}\r\n", path(number), self.head);
        Ok(Policy { number, version: self.version_told(&request).await? })
    }

    /// Makes a policy one that allows at most so much; done when it is acknowledged.
    ///
    /// # Errors
    /// It is refused, or not answered.
    pub async fn allow_at_most(&mut self, policy: &mut Policy, minor: i64) -> Result<(), Problem> {
        let body = format!("{{\"policy\": {}}}", Bench::agents_policy(minor));
        let (length, version) = (body.len(), policy.version);
        let head = format!("PATCH {} HTTP/1.1\r\n{}", path(policy.number), self.head);
        let request = format!("{head}if-match: \"{version}\"\r\ncontent-length: {length}\r\n\r\n{body}");
        policy.version = self.version_told(&request).await?;
        Ok(())
    }

    async fn version_told(&mut self, request: &str) -> Result<u64, Problem> {
        let what = || request.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
        let answer = self.connection.exchange(request.as_bytes()).await.map_err(Problem::doing(what()))?;
        if answer.status != 200 {
            let body = String::from_utf8_lossy(answer.body);
            return Err(Problem::new(format!("{}: status {}: {}", what(), answer.status, body.trim())));
        }
        let shown: Shown = serde_json::from_slice(answer.body).map_err(Problem::doing(what()))?;
        Ok(shown.version)
    }
}

fn path(number: u64) -> String {
    format!("/v1/policies/pol_bench_{number:06}")
}
