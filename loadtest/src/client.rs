//! One keep-alive connection that sends ready-made bytes and reads one answer: HTTP/1.1 by httparse, reused buffers, no
//! allocation per request, so that the load stays cheaper than the server that it loads. It knows no platform and no clock.

use std::fmt;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The largest answer to a callback, head and body, that is read; real ones are a tenth of it.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// The most headers that an answer may have.
const HEADERS_MAX: usize = 32;

/// A connection to the server under load.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The body, whole.
    pub body: &'a [u8],
    /// Whether the server will close this connection now.
    pub closes: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Missing {
    /// The connection ended before the answer was whole.
    Closed,
    /// The connection failed.
    Failed(std::io::Error),
    /// Bytes came that are not an answer that this client reads.
    Unreadable(&'static str),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Closed => f.write_str("the connection was closed before the answer was whole"),
            Missing::Failed(error) => write!(f, "the connection failed: {error}"),
            Missing::Unreadable(problem) => write!(f, "the answer cannot be read: {problem}"),
        }
    }
}

/// The head of an answer, once it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    status: u16,
    bytes: usize,
    body_bytes: usize,
    closes: bool,
}

impl Connection {
    /// Connects, with Nagle's algorithm off.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn open(address: SocketAddr) -> std::io::Result<Self> {
        Self::open_for_answers_of(address, ANSWER_BYTES_MAX).await
    }

    /// Connects for answers of at most so many bytes, head and body.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn open_for_answers_of(address: SocketAddr, bytes_max: usize) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: vec![0; bytes_max].into_boxed_slice() })
    }

    /// Sends one request, head and body, and reads its answer. After an error the connection is of no more use.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, Missing> {
        self.stream.write_all(request).await.map_err(Missing::Failed)?;
        let mut filled = 0_usize;
        let head = loop {
            let free = self.buffer.get_mut(filled..).unwrap_or_default();
            if free.is_empty() {
                return Err(Missing::Unreadable("it is larger than expected"));
            }
            let read = self.stream.read(free).await.map_err(Missing::Failed)?;
            if read == 0 {
                return Err(Missing::Closed);
            }
            filled = filled.saturating_add(read);
            let received = self.buffer.get(..filled).unwrap_or_default();
            if let Some(head) = parse_head(received).map_err(Missing::Unreadable)?
                && filled >= head.bytes.saturating_add(head.body_bytes)
            {
                break head;
            }
        };
        let whole = head.bytes.saturating_add(head.body_bytes);
        if filled > whole {
            return Err(Missing::Unreadable("more bytes than one answer came to one request"));
        }
        let body = self.buffer.get(head.bytes..whole).unwrap_or_default();
        Ok(Answer { status: head.status, body, closes: head.closes })
    }
}

/// Reads the head of an answer; `None` while it is not whole.
fn parse_head(received: &[u8]) -> Result<Option<Head>, &'static str> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let bytes = match response.parse(received) {
        Ok(httparse::Status::Complete(bytes)) => bytes,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err("it is not HTTP/1"),
    };
    let status = response.code.ok_or("it has no status")?;
    let mut body_bytes = (status == 204).then_some(0);
    let mut closes = response.version == Some(0);
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).map_err(|_| "its Content-Length is not a number")?;
            body_bytes = Some(text.trim().parse().map_err(|_| "its Content-Length is not a number")?);
        } else if header.name.eq_ignore_ascii_case("connection") {
            closes = header.value.eq_ignore_ascii_case(b"close");
        }
    }
    Ok(Some(Head { status, bytes, body_bytes: body_bytes.ok_or("it has no Content-Length")?, closes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_heads() {
        let head = |status, bytes, body_bytes, closes| Ok(Some(Head { status, bytes, body_bytes, closes }));
        let cases: [(&[u8], _); 9] = [
            (b"", Ok(None)),
            (b"HTTP/1.1 200 OK\r\nContent-Le", Ok(None)),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", head(200, 38, 7, false)),
            (b"HTTP/1.1 402 Payment Required\r\ncontent-length: 0\r\nconnection: Close\r\n\r\n", head(402, 71, 0, true)),
            (b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n", head(200, 38, 1, true)),
            (b"HTTP/1.1 204 No Content\r\n\r\n", head(204, 27, 0, false)),
            (b"HTTP/1.1 200 OK\r\n\r\n", Err("it has no Content-Length")),
            (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", Err("its Content-Length is not a number")),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", Err("it is not HTTP/1")),
        ];
        for (received, expected) in cases {
            assert_eq!(parse_head(received), expected, "{}", String::from_utf8_lossy(received));
        }
    }
}
