//! The only file that reads a clock, and the only one that waits for a moment to come.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
#[cfg(test)]
use std::{cell::Cell, rc::Rc};

use holdfast_core::Timestamp;

/// The runtime's timers are this coarse, so the last stretch before a moment is waited out by yielding.
const TIMER_COARSENESS: Duration = Duration::from_millis(2);

/// A clock that starts at zero.
#[derive(Debug, Clone)]
pub struct Clock(Face);

#[derive(Debug, Clone)]
enum Face {
    /// The machine's monotonic clock, since then.
    Machine(Instant),
    /// A test's own: waiting moves it to the moment that was waited for.
    #[cfg(test)]
    Hand(Rc<Cell<Duration>>),
}

impl Clock {
    /// The machine's clock; zero is now.
    #[expect(clippy::disallowed_methods, reason = "this is the file that may")]
    pub fn start() -> Self {
        Clock(Face::Machine(Instant::now()))
    }

    /// A clock that moves only when it is waited on or [advanced](Clock::advance).
    #[cfg(test)]
    pub fn by_hand() -> Self {
        Clock(Face::Hand(Rc::default()))
    }

    /// Moves a clock by hand; all its copies show it.
    #[cfg(test)]
    pub fn advance(&self, by: Duration) {
        match &self.0 {
            Face::Machine(_) => panic!("nobody moves the machine's clock"),
            Face::Hand(shown) => shown.set(shown.get().saturating_add(by)),
        }
    }

    /// How long it has been running.
    #[expect(clippy::disallowed_methods, reason = "this is the file that may")]
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Face::Machine(start) => Instant::now().saturating_duration_since(*start),
            #[cfg(test)]
            Face::Hand(shown) => shown.get(),
        }
    }

    /// Waits until the clock shows `at`, to a few microseconds: longer waits sleep, the last two milliseconds are spent
    /// yielding to the connections. At rates above 500 a second the generator therefore keeps its core busy.
    pub async fn wait_until(&self, at: Duration) {
        loop {
            let left = at.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            match &self.0 {
                Face::Machine(_) => match left.checked_sub(TIMER_COARSENESS) {
                    Some(coarse) => tokio::time::sleep(coarse).await,
                    None => tokio::task::yield_now().await,
                },
                #[cfg(test)]
                Face::Hand(shown) => shown.set(at),
            }
        }
    }
}

impl Clock {
    /// Waits until the clock shows `at`, to a few milliseconds, and keeps no core busy for it.
    pub async fn wait_coarsely_until(&self, at: Duration) {
        let left = at.saturating_sub(self.elapsed());
        match &self.0 {
            Face::Machine(_) if left.is_zero() => {}
            Face::Machine(_) => tokio::time::sleep(left).await,
            #[cfg(test)]
            Face::Hand(shown) => shown.set(shown.get().saturating_add(left)),
        }
    }
}

/// The wall's clock, for time stamps in what is signed; a clock before 1970 shows 1970.
#[expect(clippy::disallowed_methods, reason = "this is the file that may")]
pub fn utc() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::EPOCH.saturating_add(since_epoch)
}
