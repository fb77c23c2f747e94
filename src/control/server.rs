//! The command socket of a running server: `holdfast.sock` in the data directory, for its owner only (mode 0600).
//!
//! Knows lines and their limits; what they ask is the handler's. Never replaces the socket of a live server.

use std::fmt;
use std::fs::{self, DirBuilder, Permissions};
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixStream as BlockingStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::SOCKET_NAME;
use super::client::is_nobody;
use super::protocol::{ControlAnswer, ControlRequest, REQUEST_BYTES_MAX};

/// How long a client may take to send its line, and to take the answer.
const LINE_MAX: Duration = Duration::from_secs(30);
/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Where the socket is made before it has its mode.
const NURSERY_NAME: &str = ".holdfast.sock";

/// Why the socket could not be opened.
#[derive(Debug)]
pub enum BindError {
    /// Another server answers on this data directory.
    Live(PathBuf),
    /// The operating system takes no name so long.
    TooLong(PathBuf),
    /// Something that is no socket has its name.
    NotASocket(PathBuf),
    /// The operating system refused.
    Io(PathBuf, io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::Live(path) => write!(f, "{}: another holdfast runs on this data directory", path.display()),
            BindError::NotASocket(path) => write!(f, "{}: is not a socket; move it away", path.display()),
            BindError::TooLong(path) => write!(
                f,
                "{}: is longer than a socket's name may be; choose a data directory (--data) with a shorter path",
                path.display()
            ),
            BindError::Io(path, error) => write!(f, "{}: cannot open the command socket: {error}", path.display()),
        }
    }
}

impl std::error::Error for BindError {}

/// The open socket; its file goes when this does.
#[derive(Debug)]
pub struct ControlListener {
    listener: UnixListener,
    path: PathBuf,
    /// Identifies our file, so that we never remove another server's.
    inode: u64,
}

impl ControlListener {
    /// Opens the socket in `data`, which must exist. Replaces a socket on which nobody answers any more. Needs a tokio
    /// runtime around it.
    ///
    /// # Errors
    /// A live server has it, or the operating system refuses.
    pub fn bind(data: &Path) -> Result<Self, BindError> {
        let path = data.join(SOCKET_NAME);
        let failed = |error| BindError::Io(path.clone(), error);
        if SocketAddr::from_pathname(&path).is_err() || SocketAddr::from_pathname(data.join(NURSERY_NAME).join("s")).is_err() {
            return Err(BindError::TooLong(path));
        }
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
            Ok(metadata) if !metadata.file_type().is_socket() => return Err(BindError::NotASocket(path)),
            Ok(_) => match BlockingStream::connect(&path) {
                Ok(_) => return Err(BindError::Live(path)),
                Err(error) if is_nobody(&error) => {}
                Err(error) => return Err(failed(error)),
            },
        }
        let (listener, inode) = bind_privately(data, &path).map_err(failed)?;
        Ok(ControlListener { listener, path, inode })
    }

    /// Answers until `shutdown` is done, so many requests at once while further ones wait; those that have begun by then are
    /// finished.
    pub async fn serve<H, A>(self, requests_max: usize, handler: H, shutdown: impl Future<Output = ()>)
    where
        H: Fn(ControlRequest) -> A + Send + Sync + 'static,
        A: Future<Output = ControlAnswer> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let permits = Arc::new(Semaphore::new(requests_max));
        let mut connections = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                // A finished connection is taken off the set; one that panicked has closed its socket, which its client sees.
                Some(_) = connections.join_next() => continue,
                accepted = async {
                    let permit = Arc::clone(&permits).acquire_owned().await;
                    (permit, self.listener.accept().await)
                } => accepted,
            };
            let (Ok(permit), Ok((stream, _))) = accepted else {
                // Out of descriptors, most likely: let others finish before the next try.
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let handler = Arc::clone(&handler);
            connections.spawn(async move {
                // A client that goes away has nobody left to tell.
                let _ = converse(stream, handler.as_ref()).await;
                drop(permit);
            });
        }
        while connections.join_next().await.is_some() {}
    }
}

impl Drop for ControlListener {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.ino() == self.inode);
        if ours {
            // Left behind, it would be stale, and the next server replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Binds in a directory that only we can enter, sets the mode there, and only then moves the socket to its name: nobody
/// else can connect at any moment, and a stale socket is replaced in one step.
fn bind_privately(data: &Path, path: &Path) -> io::Result<(UnixListener, u64)> {
    let nursery = data.join(NURSERY_NAME);
    let newborn = nursery.join("s");
    // A crash may have left them.
    let _ = fs::remove_file(&newborn);
    let _ = fs::remove_dir(&nursery);
    DirBuilder::new().mode(0o700).create(&nursery)?;
    let listener = UnixListener::bind(&newborn)?;
    fs::set_permissions(&newborn, Permissions::from_mode(0o600))?;
    let inode = fs::symlink_metadata(&newborn)?.ino();
    fs::rename(&newborn, path)?;
    fs::remove_dir(&nursery)?;
    Ok((listener, inode))
}

async fn converse<H, A>(mut stream: UnixStream, handler: &H) -> io::Result<()>
where
    H: Fn(ControlRequest) -> A,
    A: Future<Output = ControlAnswer>,
{
    let answer = match timeout(LINE_MAX, read_line(&mut stream)).await?? {
        Some(line) => match serde_json::from_slice(&line) {
            Ok(request) => handler(request).await,
            Err(_) => refused("the request is not understood; is this program of another version than the server?"),
        },
        None => refused("the request has no end, or is too long"),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    timeout(LINE_MAX, stream.write_all(&line)).await??;
    stream.shutdown().await
}

/// One line without its end; `None` if it ends too soon or is too long.
async fn read_line(stream: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let limit = u64::try_from(REQUEST_BYTES_MAX).unwrap_or(u64::MAX);
    let mut line = Vec::new();
    BufReader::new(stream).take(limit).read_until(b'\n', &mut line).await?;
    Ok((line.pop() == Some(b'\n')).then_some(line))
}

fn refused(problem: &str) -> ControlAnswer {
    ControlAnswer::Refused { problems: vec![problem.to_owned()] }
}
