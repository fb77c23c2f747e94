//! A connection's stream, watched: where in a request the connection is, so that each stage has a limit of its own.
//!
//! On the ordinary path this costs one comparison a read: no clock is read, no timer is touched. Timers are the
//! connection's (`connection.rs`); nothing here waits.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::{Instant, Moment};

/// Where in a request a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Between requests: nothing of the next one has been read.
    Idle,
    /// The first bytes of a head have been read; nobody has set a limit for the rest yet.
    HeadBegun,
    /// As before, with a limit.
    HeadTimed,
    /// A head is complete and its answer is not.
    Answering,
    /// Our last word is said; nobody has set a limit for the caller's yet.
    ClosingBegun,
    /// As before, with a limit.
    ClosingTimed,
}

/// What the stream, the requests and the connection itself know of one connection. All on one thread.
pub(super) struct ConnectionState {
    pub(super) stage: Cell<Stage>,
    /// When the last head was complete; when the connection was opened, before that.
    pub(super) last_head: Cell<Instant>,
    /// Whether a head was ever complete: before that the connection is nobody's kept warm, and has a head's time only.
    pub(super) asked: Cell<bool>,
    /// Since when the first request may have waited, if it was there before a worker was.
    pub(super) waits_since: Cell<Option<Moment>>,
    /// The buffer that answers are written into, here between two of them.
    pub(super) buffer: Cell<Vec<u8>>,
    /// Whether the caller has said its last word.
    caller_done: Cell<bool>,
}

impl ConnectionState {
    pub(super) fn new(opened: Instant, waits_since: Option<Moment>) -> Self {
        ConnectionState {
            stage: Cell::new(Stage::Idle),
            last_head: Cell::new(opened),
            asked: Cell::new(false),
            waits_since: Cell::new(waits_since),
            buffer: Cell::new(Vec::new()),
            caller_done: Cell::new(false),
        }
    }
}

impl fmt::Debug for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionState").field("stage", &self.stage.get()).finish_non_exhaustive()
    }
}

/// How much is read and thrown away after our last word, in bytes, before the caller is cut off.
const DISCARDED_BYTES_MAX: usize = 1024 * 1024;

/// A stream whose reads move its connection's stage along.
pub(super) struct Watched<S> {
    stream: S,
    state: Rc<ConnectionState>,
    farewell_sent: bool,
    discarded_bytes: usize,
}

impl<S> Watched<S> {
    pub(super) const fn new(stream: S, state: Rc<ConnectionState>) -> Self {
        Watched { stream, state, farewell_sent: false, discarded_bytes: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() == before {
            self.state.caller_done.set(true);
        } else if self.state.stage.get() == Stage::Idle {
            self.state.stage.set(Stage::HeadBegun);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Says the last word, then reads on and throws away until the caller has said its own.
    ///
    /// Closing a socket with unread bytes resets it, and a reset can overtake the last answer: a 413 would never be seen
    /// by a caller that is still sending its body.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.farewell_sent {
            if this.state.stage.get() != Stage::ClosingTimed {
                this.state.stage.set(Stage::ClosingBegun);
            }
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.farewell_sent = true;
        }
        let mut scrap = [0_u8; 2048];
        while !this.state.caller_done.get() && this.discarded_bytes < DISCARDED_BYTES_MAX {
            let mut buffer = ReadBuf::new(&mut scrap);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer))?;
            let bytes = buffer.filled().len();
            this.state.caller_done.set(bytes == 0);
            this.discarded_bytes = this.discarded_bytes.saturating_add(bytes);
        }
        Poll::Ready(Ok(()))
    }
}
