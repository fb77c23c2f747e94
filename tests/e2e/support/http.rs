//! A blocking HTTP/1.1 client that keeps its connection and shows every byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a test waits for bytes that must come; passing it fails the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// The demo's Basic credentials.
pub fn demo_authorization() -> String {
    let password =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/demo/secrets/platform_password")).unwrap();
    format!("Basic {}", base64(format!("demo:{}", password.trim_end()).as_bytes()))
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let group = (0..3).fold(0_u32, |group, index| group << 8 | u32::from(*chunk.get(index).unwrap_or(&0)));
            (0..4).map(
                move |index| {
                    if index > chunk.len() { '=' } else { char::from(ALPHABET[(group >> (18 - 6 * index) & 63) as usize]) }
                },
            )
        })
        .collect()
}

/// One keep-alive connection.
pub struct Client {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
    authorization: Option<String>,
}

/// An answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Client {
    /// Connects, with the demo's credentials.
    pub fn connect(address: SocketAddr) -> Self {
        Self::connect_as(address, Some(demo_authorization()))
    }

    /// Connects, with these credentials or none.
    pub fn connect_as(address: SocketAddr, authorization: Option<String>) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { address, stream: BufReader::new(stream), authorization }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn post(&mut self, path: &str, body: &str) -> Response {
        self.send("POST", path, body.as_bytes());
        self.receive().unwrap()
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.send("GET", path, b"");
        self.receive().unwrap()
    }

    pub fn put(&mut self, path: &str, body: &str) -> Response {
        self.send("PUT", path, body.as_bytes());
        self.receive().unwrap()
    }

    /// Asks with these headers, and no others but what HTTP needs.
    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n", self.address, body.len());
        self.stream.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
        self.receive().unwrap()
    }

    /// Writes a request's head, and nothing of the body that it promises.
    pub fn send_head(&mut self, method: &str, path: &str, length: usize) {
        let authorization = self.authorization.as_ref().map_or(String::new(), |value| format!("Authorization: {value}\r\n"));
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{authorization}Content-Length: {length}\r\n\r\n", self.address);
        self.stream.get_mut().write_all(head.as_bytes()).unwrap();
    }

    /// Writes a request and does not wait.
    pub fn send(&mut self, method: &str, path: &str, body: &[u8]) {
        assert!(self.try_send(method, path, body), "the connection is gone");
    }

    /// Writes a request, unless the connection is gone.
    pub fn try_send(&mut self, method: &str, path: &str, body: &[u8]) -> bool {
        let authorization = self.authorization.as_ref().map_or(String::new(), |value| format!("Authorization: {value}\r\n"));
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{authorization}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request).is_ok()
    }

    /// Reads one answer; an error if the connection ends before it is whole.
    pub fn receive(&mut self) -> std::io::Result<Response> {
        let mut line = String::new();
        let mut head = Vec::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end() {
                "" => break,
                text => head.push(text.to_owned()),
            }
        }
        let status = head[0].split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        let headers: Vec<_> = head[1..]
            .iter()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let length = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.parse::<usize>().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Response { status, headers, body: String::from_utf8(body).unwrap() })
    }
}
