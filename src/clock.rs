//! The only file that reads a clock.
//!
//! A [`Moment`] carries both of its faces: the monotonic one, for deadlines and durations, and the wall's, for what is
//! recorded. Everything else takes moments as arguments.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use holdfast_core::Timestamp;
pub use tokio::time::Instant;

/// One reading of both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// For deadlines and durations; never goes back. Follows tokio's paused time in tests.
    pub instant: Instant,
    /// For what is recorded; may be set back by an administrator.
    pub utc: Timestamp,
}

impl Moment {
    /// What the wall's clock shows at `later`, without reading it again.
    #[must_use]
    pub fn utc_at(&self, later: Instant) -> Timestamp {
        self.utc.saturating_add(later.saturating_duration_since(self.instant))
    }
}

/// Now, on both clocks.
#[must_use]
pub fn now() -> Moment {
    Moment { instant: instant(), utc: utc() }
}

/// Now, on the monotonic clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the file that may")]
pub fn instant() -> Instant {
    Instant::now()
}

/// Now, on the wall's clock; a clock before 1970 shows 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the file that may")]
pub fn utc() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::EPOCH.saturating_add(since_epoch)
}
