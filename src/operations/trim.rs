//! Dropping the journal's oldest records: looked for and drawn on threads of their own, carried out by the ledger in short acts,
//! so that nobody who waits for an answer waits for it. It may end anywhere: what was not finished, the next trim finishes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Desk, other_answer};
use crate::clock;
use crate::control::OperationError;
use crate::control::protocol::{TrimMode, TrimReport};
use crate::journal::state_file;
use crate::ledger::embedded::projection::checkpoint::draw;
use crate::ledger::{Act, Checkpoint};
use crate::retention::{self, Held, Retention, Survey};
use crate::second_place::take_second_place;

/// How long the ledger is left alone between two pieces.
const PIECE_PAUSE: Duration = Duration::from_millis(2);

/// How often, and how long from one time to the next, a projection that is behind is waited for.
const PROJECTION_WAITS_MAX: u32 = 200;
const PROJECTION_WAIT: Duration = Duration::from_millis(50);

/// How much must be there to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Least {
    /// Anything: somebody asks for it.
    Anything,
    /// What could have gone a day ago: nobody asks.
    ADay,
}

impl Desk {
    /// Drops what may go of the journal's oldest records, a bounded portion of it.
    ///
    /// # Errors
    /// The journal, the disk, or a ledger that cannot write now. What was begun is harmless.
    pub async fn trim_journal(&self, mode: TrimMode, least: Least) -> Result<TrimReport, OperationError> {
        let Some(retention) = self.retention.clone() else {
            return Err(OperationError::Refused(vec!["this ledger has no journal that could be trimmed".to_owned()]));
        };
        let _alone = retention.alone.lock().await;
        if mode == TrimMode::Drop {
            self.take_rest_away().await?;
        }
        let survey = surveyed(&retention).await?;
        let enough = match least {
            Least::Anything => !survey.is_empty(),
            Least::ADay => !survey.is_empty() && survey.overdue,
        };
        if mode == TrimMode::DryRun || !enough {
            return report(&retention, mode, &survey, None).await;
        }
        let checkpoint = drawn(&retention, &survey).await?;
        self.ask(Act::Announce(Box::new(checkpoint.clone()))).await?;
        self.ask(Act::BeginAt(Box::new(checkpoint.clone()))).await?;
        self.take_rest_away().await?;
        let (data, record) = (retention.data.clone(), checkpoint.record);
        blocking(move || state_file::throw_away_others(&data, Some(record))).await?.map_err(unavailable)?;
        report(&retention, mode, &survey, Some(checkpoint)).await
    }

    /// Takes away what lies before the journal's beginning, piece by piece.
    async fn take_rest_away(&self) -> Result<(), OperationError> {
        while self.ask(Act::TakeAway).await?.into_taken_away().ok_or_else(other_answer)? > 0 {
            tokio::time::sleep(PIECE_PAUSE).await;
        }
        Ok(())
    }

    /// Shows in the metrics what is left of the journal.
    pub async fn show_kept(&self) {
        let (Some(retention), Some(metrics)) = (&self.retention, &self.metrics) else { return };
        let data = retention.data.clone();
        // What cannot be read now is shown the next time; whoever writes the journal says what is wrong with it.
        if let Ok(Ok(kept)) = blocking(move || retention::kept(&data)).await {
            metrics.ledger.kept(kept.records, kept.bytes, kept.oldest.map(|oldest| clock::utc().saturating_since(oldest)));
        }
    }
}

/// What may go, once the projection has followed.
async fn surveyed(retention: &Arc<Retention>) -> Result<Survey, OperationError> {
    let mut waits = 0;
    loop {
        let (of, now) = (Arc::clone(retention), clock::utc());
        let survey = blocking(move || retention::survey(&of.data, &of.keeps, now)).await?.map_err(unavailable)?;
        if survey.held != Held::NotProjected || waits >= PROJECTION_WAITS_MAX {
            return Ok(survey);
        }
        waits = waits.saturating_add(1);
        tokio::time::sleep(PROJECTION_WAIT).await;
    }
}

/// Says that nobody wants it any more when it goes.
struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

async fn drawn(retention: &Arc<Retention>, survey: &Survey) -> Result<Checkpoint, OperationError> {
    let (data, to, at) = (retention.data.clone(), survey.cut, survey.written.map(|(_, last)| last));
    let wanted = Wanted(Arc::new(AtomicBool::new(true)));
    let still = Arc::clone(&wanted.0);
    let at = at.unwrap_or(holdfast_core::Timestamp::EPOCH);
    blocking(move || draw(&data, to, at, &|| still.load(Ordering::Acquire))).await?.map_err(unavailable)
}

async fn report(
    retention: &Arc<Retention>,
    mode: TrimMode,
    survey: &Survey,
    checkpoint: Option<Checkpoint>,
) -> Result<TrimReport, OperationError> {
    let data = retention.data.clone();
    let kept = blocking(move || retention::kept(&data)).await?.map_err(unavailable)?;
    let dropping = mode == TrimMode::DryRun || checkpoint.is_some();
    let begins = if dropping { survey.cut.next } else { survey.start.next };
    let begun = if checkpoint.is_some() { survey.cut.next } else { survey.start.next };
    Ok(TrimReport {
        mode,
        first: survey.start.next,
        begins,
        last: begun.saturating_add(kept.records).saturating_sub(1),
        groups: if dropping { survey.groups } else { 0 },
        dropped_up_to: survey.written.filter(|_| dropping).map(|(_, last)| last),
        stays_because: survey.held.to_string(),
        more: survey.held == Held::Portion,
        checkpoint,
    })
}

/// Work that takes its time, on a thread that lets whoever answers go first.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, OperationError> {
    let (done, doing) = tokio::sync::oneshot::channel();
    let run = move || {
        take_second_place();
        // Whoever wanted it may be gone.
        let _ = done.send(work());
    };
    std::thread::Builder::new().name("retention".to_owned()).spawn(run).map_err(unavailable)?;
    doing.await.map_err(|_| OperationError::Unavailable("a bug; nothing was dropped".to_owned()))
}

fn unavailable(error: impl std::fmt::Display) -> OperationError {
    OperationError::Unavailable(error.to_string())
}
