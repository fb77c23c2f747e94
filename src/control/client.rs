//! Asks a running server, over its socket. Blocking: commands have nothing else to do.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SOCKET_NAME;
use super::protocol::{ANSWER_BYTES_MAX, ControlAnswer, ControlRequest, REQUEST_BYTES_MAX};

/// How long a command waits for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// No server runs on this data directory.
    NoServer,
    /// The server ended, or closed the connection, before it answered: what was asked may have been done, or not.
    CutOff {
        /// The socket.
        socket: PathBuf,
    },
    /// There is a server, but it cannot be spoken to.
    Broken {
        /// The socket.
        socket: PathBuf,
        /// What happened.
        problem: String,
    },
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::NoServer => f.write_str("no server runs on this data directory"),
            AskError::CutOff { socket } => write!(
                f,
                "{}: the server ended, or closed the connection, before it answered; what was asked may have been done, or not",
                socket.display()
            ),
            AskError::Broken { socket, problem } => write!(f, "{}: {problem}", socket.display()),
        }
    }
}

impl std::error::Error for AskError {}

/// Asks the server that runs on `data`.
///
/// # Errors
/// [`AskError::NoServer`] if there is none, and only then: nobody else has the ledger open.
pub fn ask(data: &Path, request: &ControlRequest) -> Result<ControlAnswer, AskError> {
    let socket = data.join(SOCKET_NAME);
    let broken = |problem: String| AskError::Broken { socket: socket.clone(), problem };
    let stream = match UnixStream::connect(&socket) {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Err(AskError::NoServer),
        Err(error) => return Err(broken(error.to_string())),
    };
    exchange(stream, request).map_err(|error| {
        if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) {
            AskError::CutOff { socket: socket.clone() }
        } else if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            broken(format!("no answer in {} seconds; the request may still be carried out", ANSWER_MAX.as_secs()))
        } else {
            broken(error.to_string())
        }
    })
}

/// Whether a failed connection means that nobody listens there.
pub(super) fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn exchange(mut stream: UnixStream, request: &ControlRequest) -> io::Result<ControlAnswer> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    if line.len() > REQUEST_BYTES_MAX {
        return Err(io::Error::other(format!("the request is longer than {REQUEST_BYTES_MAX} bytes")));
    }
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.set_write_timeout(Some(ANSWER_MAX))?;
    stream.write_all(&line)?;

    line.clear();
    let limit = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
    BufReader::new(stream.take(limit)).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&line)
        .map_err(|_| io::Error::other("the server's answer is not understood; is it of another version?"))
}
