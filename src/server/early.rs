//! Takes connections while nobody answers yet: a platform counts from when it asked, and so it has to be known since when each waits. Reads
//! nothing of what is asked.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;
use tokio::time::sleep;

use super::accept::EXHAUSTED_REST;
use crate::clock::{self, Moment};

/// A connection, and since when it waits.
pub(super) type Waiting = (io::Result<TcpStream>, Moment);

/// The thread that takes them.
#[derive(Debug)]
pub(super) struct Early {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

impl Early {
    /// Begins to take them, so many at most: the others wait with the operating system.
    pub fn begin(listener: &TcpListener, most: usize) -> io::Result<Self> {
        let (listener, runtime) = (listener.try_clone()?, super::runtime()?);
        let ((stop, stopped), waiting) = (oneshot::channel(), Arc::<Mutex<Vec<Waiting>>>::default());
        let taken = Arc::clone(&waiting);
        let take = async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            let mut stopped = pin!(stopped);
            while lock(&taken).len() < most {
                let accepted = tokio::select! {
                    biased;
                    _ = &mut stopped => return,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((socket, _)) => lock(&taken).push((socket.into_std(), clock::now())),
                    // The caller went away while it waited.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    // What lasts is said where connections are accepted from then on.
                    Err(_) => sleep(EXHAUSTED_REST).await,
                }
            }
        };
        let thread = thread::Builder::new().name("early".to_owned()).spawn(move || runtime.block_on(take))?;
        Ok(Early { stop, thread, waiting })
    }

    /// Those that wait, the first one first.
    pub fn end(self) -> Vec<Waiting> {
        // A thread that is gone takes no more, and what it took is here.
        let _ = self.stop.send(());
        let _ = self.thread.join();
        std::mem::take(&mut *lock(&self.waiting))
    }

    /// How many wait by now.
    #[cfg(test)]
    pub fn taken(&self) -> usize {
        lock(&self.waiting).len()
    }
}

fn lock(waiting: &Mutex<Vec<Waiting>>) -> MutexGuard<'_, Vec<Waiting>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
