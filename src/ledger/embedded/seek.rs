//! The finder's work: it finds what acts need of what memory has let go of, and reads the names of all that memory had let go of
//! before the process began. Until it has, every name that memory does not know is looked for, and may be one of them.
//!
//! It changes no memory: what it finds goes back to the writer.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use super::cold::{Cold, Found, Left, Need, Reading};
use super::state::GoneNames;
use crate::journal::JournalError;
use crate::ledger::Ticket;

/// Pages of names that are read before the ledger is ready: a start waits no longer for them than for the rest of what it reads.
const FIRST_PAGES_MAX: u32 = 64;

/// So many finds in a row, and a page of names is read although somebody asks: else a server that is asked all the time would
/// never have read them.
const FINDS_A_PAGE: u32 = 8;

/// When names are read again that could not be.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// An act that waits for what memory has let go of.
pub type Asking = (Arc<Ticket>, Need);

/// What the finder has found.
pub enum Finding {
    /// For an act, of what it asked for.
    ForAct(Box<Asking>, Result<Box<Found>, JournalError>),
    /// The names of all that memory had let go of before.
    Names(GoneNames),
}

/// The names of what memory had let go of before the process began.
pub enum Names {
    Read(GoneNames),
    /// So far.
    Unread(Reading),
}

impl Names {
    /// Reads the first of them; in a ledger that is not large, all.
    pub fn begin(cold: &dyn Cold) -> Self {
        let mut reading = Reading::default();
        for _ in 0..FIRST_PAGES_MAX {
            match (cold.read_names(&mut reading), reading.left) {
                (Ok(()), Left::Some) => {}
                (Ok(()), Left::Nothing) => return Names::Read(reading.names),
                // Whoever asks hears what is the matter.
                (Err(_), _) => return Names::Unread(Reading::default()),
            }
        }
        Names::Unread(reading)
    }
}

/// Finds what is asked for, and reads names while nobody asks, and after every few finds. Ends when nobody will ask any more.
pub fn seek(
    asked: &Receiver<Asking>,
    cold: &dyn Cold,
    mut names: Option<Reading>,
    found: &dyn Fn(Finding) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let find = |asking: Asking| {
        let of_it = cold.find(&asking.1).map(Box::new);
        found(Finding::ForAct(Box::new(asking), of_it))
    };
    let mut finds = 0_u32;
    while let Some(reading) = &mut names {
        match asked.try_recv() {
            Ok(asking) => {
                find(asking)?;
                finds = finds.saturating_add(1);
                if finds < FINDS_A_PAGE {
                    continue;
                }
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return ControlFlow::Break(()),
        }
        finds = 0;
        match (cold.read_names(reading), reading.left) {
            (Ok(()), Left::Some) => {}
            (Ok(()), Left::Nothing) => {
                found(Finding::Names(std::mem::take(&mut reading.names)))?;
                names = None;
            }
            (Err(_), _) => {
                // Nothing that was read so far is worth anything; whoever asks hears what is the matter.
                *reading = Reading::default();
                match asked.recv_timeout(READ_AGAIN_AFTER) {
                    Ok(asking) => find(asking)?,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return ControlFlow::Break(()),
                }
            }
        }
    }
    while let Ok(asking) = asked.recv() {
        find(asking)?;
    }
    ControlFlow::Break(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::ledger::Act;

    /// Keeps names on so many pages.
    struct Pages(Cell<u32>);

    impl Cold for Pages {
        fn find(&self, _need: &Need) -> Result<Found, JournalError> {
            Ok(Found::default())
        }

        fn read_names(&self, reading: &mut Reading) -> Result<(), JournalError> {
            let left = self.0.get().saturating_sub(1);
            self.0.set(left);
            if left == 0 {
                reading.left = Left::Nothing;
            }
            Ok(())
        }
    }

    #[test]
    fn names_are_read_although_somebody_asks_all_the_time() {
        let (ask, asked) = channel();
        let always = || ask.send((Ticket::new(Act::Rest), Need::default())).unwrap();
        always();
        let finds = Cell::new(0);
        let ended = seek(&asked, &Pages(Cell::new(3)), Some(Reading::default()), &|finding| match finding {
            Finding::ForAct(..) => {
                finds.set(finds.get() + 1);
                assert!(finds.get() < 1_000, "nobody reads names");
                always();
                ControlFlow::Continue(())
            }
            Finding::Names(_) => ControlFlow::Break(()),
        });
        assert_eq!((ended, finds.get()), (ControlFlow::Break(()), 3 * FINDS_A_PAGE));
    }

    #[test]
    fn a_start_reads_few_names_at_once_and_leaves_many_to_the_finder() {
        assert!(matches!(Names::begin(&Pages(Cell::new(FIRST_PAGES_MAX))), Names::Read(_)));
        assert!(matches!(Names::begin(&Pages(Cell::new(FIRST_PAGES_MAX + 1))), Names::Unread(_)));
    }
}
