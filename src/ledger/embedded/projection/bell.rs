//! How the writer wakes the follower: a bell that is rung after commits. Ringing costs the writer a lock that nobody holds for
//! long, and nothing more while the follower is awake.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The follower's bell.
#[derive(Debug)]
pub struct Bell {
    rung: Mutex<Rung>,
    rings: Condvar,
}

#[derive(Debug, Default)]
struct Rung {
    rung: bool,
    closing: bool,
    asleep: bool,
}

/// Why the follower was woken, or whether it may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Something was committed, or time has passed.
    Follow,
    /// Nothing more comes: what is committed is followed, then that is all.
    Finish,
}

impl Bell {
    /// A bell that was rung once: there may be something from before.
    pub fn new() -> Self {
        Bell { rung: Mutex::new(Rung { rung: true, ..Rung::default() }), rings: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was committed.
    pub fn ring(&self) {
        let mut rung = self.lock();
        rung.rung = true;
        if std::mem::take(&mut rung.asleep) {
            drop(rung);
            self.rings.notify_one();
        }
    }

    /// Nothing more is committed.
    pub fn close(&self) {
        self.lock().closing = true;
        self.rings.notify_one();
    }

    /// Whether it is closed.
    pub fn call(&self) -> Call {
        if self.lock().closing { Call::Finish } else { Call::Follow }
    }

    /// Waits until it is rung or closed.
    pub fn wait(&self) -> Call {
        let mut rung = self.lock();
        while !rung.rung && !rung.closing {
            rung.asleep = true;
            rung = self.rings.wait(rung).unwrap_or_else(PoisonError::into_inner);
        }
        rung.asleep = false;
        rung.rung = false;
        if rung.closing { Call::Finish } else { Call::Follow }
    }

    /// Lets some time pass, however often it is rung; less if it is closed.
    pub fn pause(&self, patience: Duration) -> Call {
        let waiting = self.rings.wait_timeout_while(self.lock(), patience, |rung| !rung.closing);
        let (rung, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        if rung.closing { Call::Finish } else { Call::Follow }
    }
}
