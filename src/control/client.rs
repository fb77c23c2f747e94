//! Asks a running server, over its socket. Blocking: commands have nothing else to do.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SOCKET_NAME;
use super::protocol::{ANSWER_BYTES_MAX, ControlAnswer, ControlRequest, REQUEST_BYTES_MAX};

/// After what time whoever waits is told that it takes long.
const LONG: Duration = Duration::from_secs(2);
/// How long a command waits for an answer that changes nothing.
const READ_MAX: Duration = Duration::from_secs(30);
/// How long one waits that changes something: it may be half done, and a portion of a large journal takes its time.
const CHANGE_MAX: Duration = Duration::from_secs(120);

/// What somebody is told who waits.
const TAKES_LONG: &str = "the server takes long to answer: its ledger may not answer, as when a disk or a database hangs; \
                          see /status of the operators' listener";

/// For how long an answer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After what time that is told.
    pub long: Duration,
    /// After what time it is given up.
    pub at_most: Duration,
}

impl Patience {
    /// As long as a request may take.
    #[must_use]
    pub const fn of(request: &ControlRequest) -> Self {
        Patience { long: LONG, at_most: if request.changes_nothing() { READ_MAX } else { CHANGE_MAX } }
    }
}

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

/// Asks the server that runs on `data`; says so on standard error if that takes long.
///
/// # Errors
/// [`AskError::NoServer`] if none listens there: nobody else has the ledger open, but for one that only just starts, or another command.
pub fn ask(data: &Path, request: &ControlRequest) -> Result<ControlAnswer, AskError> {
    ask_patiently(data, request, Patience::of(request), &mut |told| {
        // With standard error gone nobody is left to tell.
        let _ = writeln!(io::stderr(), "{told}");
    })
}

/// Asks with that patience, and says through `tell` that it takes long.
///
/// # Errors
/// As [`ask`].
pub fn ask_patiently(
    data: &Path,
    request: &ControlRequest,
    patience: Patience,
    tell: &mut dyn FnMut(&str),
) -> Result<ControlAnswer, AskError> {
    let socket = data.join(SOCKET_NAME);
    let broken = |problem: String| AskError::Broken { socket: socket.clone(), problem };
    let stream = match UnixStream::connect(&socket) {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Err(AskError::NoServer),
        Err(error) => return Err(broken(error.to_string())),
    };
    exchange(stream, request, patience, tell).map_err(|error| {
        if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) {
            AskError::CutOff { socket: socket.clone() }
        } else if is_too_slow(&error) {
            broken(given_up(request, patience))
        } else {
            broken(error.to_string())
        }
    })
}

/// Whether a failed connection means that nobody listens there.
pub(super) fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn is_too_slow(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// What somebody is told who has waited in vain, and what to do.
fn given_up(request: &ControlRequest, patience: Patience) -> String {
    let then = if request.changes_nothing() {
        "ask again once it is ready"
    } else {
        "the request may still be carried out: look, once it is ready, before you ask again"
    };
    let waited = patience.at_most.as_secs();
    format!(
        "no answer in {waited} seconds; see /status of the operators' listener, which says whether the ledger answers; {then}"
    )
}

fn exchange(
    mut stream: UnixStream,
    request: &ControlRequest,
    patience: Patience,
    tell: &mut dyn FnMut(&str),
) -> io::Result<ControlAnswer> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    if line.len() > REQUEST_BYTES_MAX {
        return Err(io::Error::other(format!("the request is longer than {REQUEST_BYTES_MAX} bytes")));
    }
    stream.set_read_timeout(Some(patience.long))?;
    stream.set_write_timeout(Some(patience.at_most))?;
    stream.write_all(&line)?;

    line.clear();
    let limit = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
    let mut reader = BufReader::new(stream.take(limit));
    if let Err(error) = reader.read_until(b'\n', &mut line) {
        if !is_too_slow(&error) {
            return Err(error);
        }
        tell(TAKES_LONG);
        // What was read so far is in the line.
        let left = patience.at_most.saturating_sub(patience.long).max(Duration::from_millis(1));
        reader.get_ref().get_ref().set_read_timeout(Some(left))?;
        reader.read_until(b'\n', &mut line)?;
    }
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&line)
        .map_err(|_| io::Error::other("the server's answer is not understood; is it of another version?"))
}
