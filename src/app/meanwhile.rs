//! What the management API may know and keep while the ledger is away: the path's memory of what waits, and the spool.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::hold::{AccountStatus, CardStatus, ToldEvent};
use holdfast_core::stand_in::Sight;
use holdfast_core::{
    AccountId, Alias, AuthorizationId, AuthorizationKind, AuthorizationRequest, CardToken, CrossBorder, Currency, EntryMode,
    Expiry, IdempotencyKey, Merchant, Money, Padding, PartialApproval, PaymentRef, Posting, ProgramId, Wallet,
};
use tokio::sync::Mutex;

use crate::api::meanwhile::{Keeping, Kept, Meanwhile};
use crate::clock;
use crate::ledger::{Glimpse, Ledger, Operation, Origin};
use crate::responder::Unheard;
use crate::spool::{self, Entry, Spool};

/// How long the spool's disk may take.
const DURABLE_WITHIN: Duration = Duration::from_secs(2);

/// How often a memory is looked at that somebody works on.
const LOOKS_MAX: u32 = 3;

/// This server, without its ledger.
pub(super) struct Here {
    unheard: Arc<Unheard>,
    spool: Arc<Spool>,
    ledger: Arc<dyn Ledger>,
    /// One at a time: of two that have the same key, the second finds the first one durable, or gone.
    keeping: Mutex<()>,
}

impl Here {
    pub fn new(unheard: &Arc<Unheard>, spool: &Arc<Spool>, ledger: &Arc<dyn Ledger>) -> Self {
        let (unheard, spool, ledger) = (Arc::clone(unheard), Arc::clone(spool), Arc::clone(ledger));
        Here { unheard, spool, ledger, keeping: Mutex::default() }
    }

    async fn keep(&self, program: ProgramId, operation: Operation, event: ToldEvent) -> Kept {
        let _one_at_a_time = self.keeping.lock().await;
        match self.unheard.orders.request(&operation.id()) {
            Some(request) if request == operation.request => return Kept::Yes,
            Some(_) => return Kept::Conflict,
            None => {}
        }
        // From here on it holds: the ledger may hear of it before this goes on.
        self.unheard.orders.waits(&operation);
        self.unheard.standings.told(program, &event);
        let put = self.spool.put(Entry::ordered(program, operation.clone(), event), clock::utc());
        let by = clock::instant().checked_add(DURABLE_WITHIN).unwrap_or_else(clock::instant);
        put.durable_by(by).await;
        match put.give_up() {
            spool::Kept::Durable => Kept::Yes,
            spool::Kept::NotDurable => {
                self.unheard.orders.heard(&operation);
                self.unheard.standings.never_told(program, &event);
                self.unheard.heard.notify_waiters();
                Kept::NotDurable
            }
        }
    }
}

impl Meanwhile for Here {
    fn card(&self, program: ProgramId, card: CardToken) -> Sight<CardStatus> {
        let Some(request) = about(card) else { return Sight::NotSeen };
        let origin = Origin::of(program);
        for _ in 0..LOOKS_MAX {
            match self.ledger.look(&origin, &request) {
                Glimpse::Busy => std::thread::yield_now(),
                Glimpse::Nothing => break,
                Glimpse::Seen(seen) => {
                    let snapshot = self.unheard.standings.over(program, &request, seen.snapshot);
                    return match snapshot.card {
                        Sight::Seen(card) => Sight::Seen(card.status),
                        Sight::Absent => self.waiting_of_card(program, card).map_or(Sight::Absent, Sight::Seen),
                        Sight::NotSeen => Sight::NotSeen,
                    };
                }
            }
        }
        Sight::NotSeen
    }

    fn waiting_of_card(&self, program: ProgramId, card: CardToken) -> Option<CardStatus> {
        self.unheard.standings.of_card(program, card)
    }

    fn waiting_of_account(&self, program: ProgramId, account: AccountId) -> Option<AccountStatus> {
        self.unheard.standings.of_account(program, account)
    }

    fn request(&self, operation: &[u8; 16]) -> Option<[u8; 32]> {
        self.unheard.orders.request(operation)
    }

    fn keep(&self, program: ProgramId, operation: Operation, event: ToldEvent) -> Keeping<'_> {
        Box::pin(self.keep(program, operation, event))
    }
}

/// A question that nobody asks, to look at a card by.
fn about(card: CardToken) -> Option<AuthorizationRequest> {
    let payment = PaymentRef { authorization: AuthorizationId::new("-").ok()?, alias: Alias::NotTold };
    Some(AuthorizationRequest {
        key: IdempotencyKey::new("-").ok()?,
        payment,
        increments: None,
        kind: AuthorizationKind::BalanceInquiry,
        posting: Posting::Hold,
        card: Some(card),
        cardholder: None,
        amount: Money::zero(Currency::USD),
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant { id: None, name: None, mcc: None, country: None },
        entry_mode: EntryMode::Unknown,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: None,
    })
}
