//! The follower's thread: woken after commits, it lets a little gather and follows it, with less right to the processor than
//! those who answer. It never holds anybody up, and its failures are said, not shared.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::bell::Call;
use super::follow::{BATCH_RECORDS, FollowError, Follower};
use crate::ledger::embedded::{Observer, Shared};
use crate::second_place::take_second_place;

/// When nothing was committed for so long, what has gathered is followed: the processor has time.
const QUIET: Duration = Duration::from_millis(20);

/// Under load what is committed gathers until it fills a batch, but no longer than this many times [`QUIET`]. The more
/// records share a transaction, the more of them share the pages that it writes.
const GATHER_TURNS_MAX: u32 = 25;

/// How long a failure is left alone.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// Batches that are still followed when the ledger closes; the next start follows the rest.
const FINISH_BATCHES_MAX: u32 = 16;

/// Follows until the bell is closed.
pub fn run(mut follower: Follower, shared: &Shared, observer: &dyn Observer) {
    take_second_place();
    let mut failing = false;
    loop {
        let call = shared.bell.wait();
        if call == Call::Follow {
            gather(&follower, shared);
        }
        match catch_up(&mut follower, shared, observer) {
            Ok(()) => failing = false,
            Err(error @ FollowError::Damaged(_)) => match anew(&mut follower, &error, shared, observer) {
                Anew::Begun => shared.bell.ring(),
                Anew::GivenUp => return follower.throw_away(),
            },
            Err(error @ (FollowError::Journal(_) | FollowError::Disk(_))) => {
                if !std::mem::replace(&mut failing, true) {
                    observer.say(&error.to_string());
                }
                shared.bell.ring();
            }
        }
        if call == Call::Finish && !failing {
            // What is in the file itself is read without the log, whoever opens it; if it cannot be copied now, it stays in the log.
            let _ = follower.copy_pages();
        }
        if call == Call::Finish || (failing && shared.bell.pause(RETRY_EVERY) == Call::Finish) {
            return;
        }
    }
}

/// Whether a damaged projection is made anew.
enum Anew {
    Begun,
    GivenUp,
}

/// Begins anew, while the ledger goes on. One that is damaged again before it has everything is damaged by what the journal
/// says: beginning once more would never end.
fn anew(follower: &mut Follower, error: &FollowError, shared: &Shared, observer: &dyn Observer) -> Anew {
    let recorded = shared.recorded.load(Ordering::Acquire);
    let begun = if follower.is_made_anew() {
        Err("again".to_owned())
    } else {
        follower.make_anew(recorded).map_err(|error| error.to_string())
    };
    match begun {
        Ok(()) => {
            observer.projection_anew();
            observer.say(&format!(
                "{error}; it is made anew from the journal, and until it has record {recorded} nothing can be looked up in it"
            ));
            Anew::Begun
        }
        Err(why) => {
            observer.say(&format!("{error} ({why}); nothing can be looked up in it, and the next start makes it anew"));
            Anew::GivenUp
        }
    }
}

/// Lets what is committed gather, as long as that goes on and less than a batch is there.
fn gather(follower: &Follower, shared: &Shared) {
    let mut before = shared.recorded.load(Ordering::Acquire);
    for _ in 0..GATHER_TURNS_MAX {
        if shared.bell.pause(QUIET) == Call::Finish {
            return;
        }
        let recorded = shared.recorded.load(Ordering::Acquire);
        if recorded == before || recorded.saturating_sub(follower.projected()) >= BATCH_RECORDS {
            return;
        }
        before = recorded;
    }
}

/// Follows everything that is committed by now; what comes meanwhile gathers for the next time.
fn catch_up(follower: &mut Follower, shared: &Shared, observer: &dyn Observer) -> Result<(), FollowError> {
    let mut left = FINISH_BATCHES_MAX;
    let recorded = shared.recorded.load(Ordering::Acquire);
    loop {
        let projected = follower.projected();
        observer.projected(projected, recorded.saturating_sub(projected));
        if projected >= recorded || left == 0 {
            return Ok(());
        }
        let made_anew = follower.is_made_anew();
        let projected = follower.follow(recorded)?;
        if made_anew && !follower.is_made_anew() {
            observer.say("the projection has everything again");
        }
        shared.projected.store(projected, Ordering::Release);
        if shared.bell.call() == Call::Finish {
            left = left.saturating_sub(1);
        }
    }
}

/// Starts the follower's thread.
///
/// # Errors
/// The operating system has none.
pub fn start(
    follower: Follower,
    shared: Arc<Shared>,
    observer: Arc<dyn Observer>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let follow = move || run(follower, &shared, observer.as_ref());
    std::thread::Builder::new().name("projection".to_owned()).spawn(follow)
}
