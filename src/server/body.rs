//! Bodies: a callback's, read within a size and on the clock; an answer's, written from a buffer that is used again.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::timeout_at;

use super::answer::BodyFault;
use super::watched::ConnectionState;
use crate::clock::Instant;

/// Reads a body whole. One that has arrived already costs neither a timer nor a copy. `may_send` is asked before any other is waited for
/// or refused: who is a stranger by the head alone is told that, and not what is wrong with the body.
///
/// # Errors
/// What `may_send` says; or it is larger than `bytes_max`, not complete at `until`, or ends before its end.
pub(super) async fn read<E: From<BodyFault>>(
    incoming: Incoming,
    bytes_max: usize,
    until: Instant,
    may_send: impl FnOnce() -> Result<(), E>,
) -> Result<Bytes, E> {
    let announced = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max {
        may_send()?;
        return Err(BodyFault::TooLarge.into());
    }
    let mut gathering = pin!(gather(incoming, bytes_max, announced));
    match poll_fn(|cx| Poll::Ready(gathering.as_mut().poll(cx))).await {
        Poll::Ready(Ok(gathered)) => Ok(gathered),
        Poll::Ready(Err(fault)) => {
            may_send()?;
            Err(fault.into())
        }
        Poll::Pending => {
            may_send()?;
            timeout_at(until, gathering).await.unwrap_or(Err(BodyFault::TooSlow)).map_err(E::from)
        }
    }
}

/// How many turns a body that nobody wants has to be there, and how many pieces it may have: it is not waited for.
const PASSING_TURNS: usize = 4;
const PASSING_PIECES_MAX: usize = 16;

/// What is left of a body that was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Nothing,
    Unread,
}

/// Takes what is there already of a body that nobody wants.
pub(super) async fn pass_over(mut incoming: Incoming) -> Rest {
    let mut pieces = 0_usize;
    for _ in 0..PASSING_TURNS {
        while !incoming.is_end_stream() {
            match poll_fn(|cx| Poll::Ready(Pin::new(&mut incoming).poll_frame(cx))).await {
                Poll::Ready(None) => return Rest::Nothing,
                Poll::Ready(Some(Ok(_))) if pieces < PASSING_PIECES_MAX => pieces = pieces.saturating_add(1),
                Poll::Ready(Some(Ok(_) | Err(_))) => return Rest::Unread,
                Poll::Pending => break,
            }
        }
        if incoming.is_end_stream() {
            return Rest::Nothing;
        }
        // Whoever reads the socket hands it over in its own turn.
        tokio::task::yield_now().await;
    }
    Rest::Unread
}

/// Reads a body whole, however long it takes. The first piece is kept as it came; only a second one makes a copy.
async fn gather(mut incoming: Incoming, bytes_max: usize, announced: usize) -> Result<Bytes, BodyFault> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut length = 0_usize;
    while !incoming.is_end_stream() {
        let Some(frame) = incoming.frame().await else { break };
        // Trailers are nobody's.
        let Ok(piece) = frame.map_err(|_| BodyFault::Truncated)?.into_data() else { continue };
        length = length.saturating_add(piece.len());
        if length > bytes_max {
            return Err(BodyFault::TooLarge);
        }
        if first.is_empty() {
            first = piece;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(announced.max(length));
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// A connection keeps its answers' buffer up to this size, in bytes.
const BUFFER_KEPT_BYTES_MAX: usize = 16 * 1024;

/// An answer's body, in one piece.
#[derive(Debug)]
pub(super) struct AnswerBody(Option<AnswerBytes>);

/// The piece. Dropped, its buffer goes back to its connection.
#[derive(Debug)]
pub(super) struct AnswerBytes {
    buffer: Vec<u8>,
    written: usize,
    home: Rc<ConnectionState>,
}

impl AnswerBody {
    pub(super) fn new(buffer: Vec<u8>, home: Rc<ConnectionState>) -> Self {
        let bytes = AnswerBytes { buffer, written: 0, home };
        AnswerBody(bytes.has_remaining().then_some(bytes))
    }

    pub(super) const fn empty() -> Self {
        AnswerBody(None)
    }
}

impl Body for AnswerBody {
    type Data = AnswerBytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<AnswerBytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let bytes = self.0.as_ref().map_or(0, Buf::remaining);
        SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}

impl Buf for AnswerBytes {
    fn remaining(&self) -> usize {
        self.chunk().len()
    }

    fn chunk(&self) -> &[u8] {
        self.buffer.get(self.written..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        self.written = self.written.saturating_add(count);
    }
}

impl Drop for AnswerBytes {
    fn drop(&mut self) {
        if self.buffer.capacity() <= BUFFER_KEPT_BYTES_MAX {
            self.buffer.clear();
            self.home.buffer.set(std::mem::take(&mut self.buffer));
        }
    }
}
