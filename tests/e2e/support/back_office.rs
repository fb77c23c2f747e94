//! A caller of the management API.

use std::net::SocketAddr;

use serde_json::Value;

use super::http::{Client, Response};
use super::server::Server;

/// A back office with the demo's token, on one connection.
pub struct BackOffice {
    client: Client,
    token: String,
}

impl BackOffice {
    pub fn of(server: &Server) -> Self {
        Self::demo(server.api_listen)
    }

    /// The same, of whatever listens there.
    pub fn demo(address: SocketAddr) -> Self {
        let token = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/demo/secrets/management_token"));
        Self::at(address, token.unwrap().trim_end())
    }

    pub fn with_token(server: &Server, token: &str) -> Self {
        Self::at(server.api_listen, token)
    }

    fn at(address: SocketAddr, token: &str) -> Self {
        BackOffice { client: Client::connect_as(address, None), token: format!("Bearer {token}") }
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.client.ask("GET", path, &[("Authorization", &self.token)], "")
    }

    /// A read that finds something.
    pub fn found(&mut self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// A change by POST, but for statuses, which are put.
    pub fn change(&mut self, path: &str, key: &str, body: &Value) -> Response {
        let method = if path.ends_with("/status") { "PUT" } else { "POST" };
        self.raw(method, path, &[("Idempotency-Key", key), ("Content-Type", "application/json")], &body.to_string())
    }

    /// A change that is made.
    pub fn made(&mut self, path: &str, key: &str, body: &Value) -> Value {
        let answer = self.change(path, key, body);
        assert!(matches!(answer.status, 200 | 201), "{path}: {answer:?}");
        answer.json()
    }

    /// A change that is refused: its status and code.
    pub fn refused(&mut self, path: &str, key: &str, body: &Value) -> (u16, String) {
        let answer = self.change(path, key, body);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status);
        (answer.status, problem["code"].as_str().unwrap().to_owned())
    }

    /// With the token and these headers.
    pub fn raw(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = [&[("Authorization", self.token.as_str())], headers].concat();
        self.client.ask(method, path, &headers, body)
    }
}
