//! What the API does while the ledger is away: a bar (a freeze, or a closing, of a card or an account) holds here at once, is durable in
//! the spool before it is acknowledged, and is brought to the ledger once, with who and why.
//!
//! Only bars: whatever loosens something needs the ledger's word. An unfreezing could lift what the ledger was told and this server has
//! not heard. Nothing here decides about money.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use holdfast_core::hold::{AccountStatus, CardStatus, Fact, Subject};
use holdfast_core::stand_in::Sight;
use holdfast_core::{AccountId, CardToken, ProgramId};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use tokio::time::timeout;

use super::Api;
use super::problem::{Code, Problem};
use super::write::{Change, Taken};
use crate::clock;
use crate::ledger::Operation;

/// How long the ledger is waited for before a bar is made here: it may do it all the same, once.
pub const BAR_WITHIN: Duration = Duration::from_millis(500);

/// What an object says that is so here, and not yet in the ledger.
pub const LEDGER: &str = "ledger";

/// What is said with a bar of something that nobody could look up.
pub const NOT_LOOKED_UP: &str = "the ledger is away, and nobody could look up whether it knows this: a card that it does not know is taken down as a new one without \
                                 an account, and the bar of an account that it does not know is set aside (`holdfast spool`). Look at it when the ledger is back";

/// Whether a bar holds here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It does, and is durable.
    Yes,
    /// The key came before with another request, which waits.
    Conflict,
    /// It cannot be made durable: it holds nowhere.
    NotDurable,
}

/// An answer that takes its time.
pub type Keeping<'a> = Pin<Box<dyn Future<Output = Kept> + Send + 'a>>;

/// What is known and kept on this side of the ledger. The seam between the API and the path of callbacks.
pub trait Meanwhile: Send + Sync {
    /// What is known here of a card, with what waits for the ledger; not seen, where nothing but that is known of it.
    fn card(&self, program: ProgramId, card: CardToken) -> Sight<CardStatus>;
    /// What waits for the ledger of a card.
    fn waiting_of_card(&self, program: ProgramId, card: CardToken) -> Option<CardStatus>;
    /// What waits for the ledger of an account.
    fn waiting_of_account(&self, program: ProgramId, account: AccountId) -> Option<AccountStatus>;
    /// What was asked under the key of an operation that waits for the ledger.
    fn request(&self, operation: &[u8; 16]) -> Option<[u8; 32]>;
    /// Has a bar hold from now on, and brings it to the ledger when that hears again.
    fn keep(&self, program: ProgramId, operation: Operation, event: holdfast_core::hold::ToldEvent) -> Keeping<'_>;
}

/// What becomes of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// The ledger did it.
    ByLedger,
    /// It holds here, and the ledger has yet to hear of it.
    Here,
}

impl Api {
    /// Bars a card or an account: by the ledger or, while that is away, here.
    ///
    /// # Errors
    /// The ledger refuses it, or it can be made durable nowhere.
    pub(super) async fn bar(&self, change: &Change, reason: String, fact: Fact) -> Result<Barred, Problem> {
        let by_ledger = async {
            let taken = self.take_down(change, reason.clone()).await?;
            self.tell(&taken, Subject::default(), fact).await
        };
        match timeout(BAR_WITHIN, by_ledger).await {
            Ok(Ok(())) => Ok(Barred::ByLedger),
            Ok(Err(problem)) if !problem.is(Code::LedgerUnavailable) => Err(problem),
            // Away, or silent: what it does of it all the same, it knows by its key.
            Ok(Err(_)) | Err(_) => self.bar_here(change, reason, fact).await,
        }
    }

    async fn bar_here(&self, change: &Change, reason: String, fact: Fact) -> Result<Barred, Problem> {
        let at = clock::utc();
        let operation = change.operation(reason, at);
        let taken = Taken::of(change, &operation, at)?;
        match self.meanwhile.keep(change.program.id, operation, taken.event(Subject::default(), fact)).await {
            Kept::Yes => Ok(Barred::Here),
            Kept::Conflict => Err(Problem::conflict()),
            Kept::NotDurable => {
                let detail = "the ledger is away, and the spool takes nothing: it holds nowhere yet, though the ledger may do it still; \
                              freeze at the platform, and send this again with the same Idempotency-Key";
                Err(Problem::of(Code::SpoolUnavailable, detail).retry_after(1))
            }
        }
    }

    /// The graver of what the ledger's followers have of a card and what waits for the ledger, and whether it waits.
    pub(super) fn with_what_waits(
        &self,
        program: ProgramId,
        card: CardToken,
        known: CardStatus,
    ) -> (CardStatus, Option<&'static str>) {
        match self.meanwhile.waiting_of_card(program, card) {
            Some(waits) if waits.severity() > known.severity() => (waits, Some(LEDGER)),
            Some(_) | None => (known, None),
        }
    }
}

/// The answer to a bar that holds here.
pub(super) fn holds_here(object: impl Serialize) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(object)).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

impl fmt::Debug for dyn Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}
