//! A transaction's webhook is a snapshot; the ledger wants what happened. This file turns the one into the other.
//!
//! Every adjustment is told under its own id, so that it is booked once however often a snapshot repeats it. The snapshot's
//! state is told under a key made of the snapshot. Nothing here reads whose name is on the transaction.

use arrayvec::ArrayVec;
use holdfast_core::hold::{Fact, Finality, MovementCause, RecordedOutcome, ReleaseCause, Subject, ToldEvent};
use holdfast_core::{AuthorizationId, CardToken, CardholderToken, IdempotencyKey, Money, NetworkName, PaymentRef, Timestamp};
use serde_json::value::RawValue;

use super::Options;
use super::authorize::network;
use super::meaning::{Kind, Meaning, State};
use super::webhook::{Announced, Odd, digest_of, made_key, moment, unrecognized};
use super::wire::{Adjustment, SignedAmount, Transaction, WrappedAdjustment, original};
use crate::inbound::Notice;
use crate::json::parse;

/// What is listed beside a booking that no adjustment names: it cannot be told from one that does.
const WITHOUT_ADJUSTMENTS: &str =
    "transaction.adjustments move nothing: booked by billing_amount; adjustments that come later are booked besides";

/// What a snapshot tells, as notices: the facts, then whatever of it was not understood.
pub(super) fn notices(raw: &str, announced: &Announced<'_>, options: &Options) -> Vec<Notice> {
    let mut odd = Vec::new();
    let events = match Snapshot::read(raw, announced) {
        Ok(snapshot) => snapshot.events(options, &mut odd),
        Err(problem) => {
            odd.push(problem);
            Vec::new()
        }
    };
    let mut notices: Vec<Notice> = events
        .chunks(8)
        .map(|chunk| {
            let mut told = ArrayVec::new();
            told.extend(chunk.iter().copied());
            Notice::Told(told)
        })
        .collect();
    if !odd.is_empty() {
        let problems: Vec<String> = odd.into_iter().map(|Odd(problem)| problem).collect();
        notices.push(unrecognized(raw.as_bytes(), problems.join("; ")));
    }
    if notices.is_empty() {
        notices.push(Notice::Nothing);
    }
    notices
}

/// A snapshot with its names understood.
struct Snapshot<'a> {
    transaction: Transaction<'a>,
    payment: PaymentRef,
    /// The key under which we may have been asked: only V1 and V2 are known to share one with their webhooks.
    asked: IdempotencyKey,
    meaning: Meaning,
    subject: Subject,
    network: Option<NetworkName>,
    /// When it was taken. The first envelope tells only when the transaction began, and its adjustments only when they were made:
    /// what such a snapshot says of the state is of when it arrives, like that of those before it.
    at: Option<Timestamp>,
    /// What tells this snapshot from the transaction's others: its event, or its own digest.
    version: String,
}

/// What one adjustment does.
#[derive(Debug, Clone, Copy)]
enum Move {
    Captured(Money),
    Refunded(Money),
    /// So much of the hold; in the merchant's currency too, where that is another one.
    Freed(Money, Option<Money>),
    Nothing,
}

struct Adjusted {
    key: IdempotencyKey,
    at: Option<Timestamp>,
    what: Move,
}

impl<'a> Snapshot<'a> {
    fn read(raw: &'a str, announced: &Announced<'_>) -> Result<Self, Odd> {
        let transaction: Transaction<'a> = parse(raw.as_bytes()).map_err(|malformed| Odd::within("transaction", &malformed))?;
        let id = transaction.id.trimmed();
        let payment = AuthorizationId::new(id).map(PaymentRef::of).map_err(|error| Odd(format!("transaction.id {error}")))?;
        let shared_key = transaction.idempotency_key.text().and_then(|key| IdempotencyKey::new(key).ok());
        let asked =
            shared_key.map_or_else(|| IdempotencyKey::new(id), Ok).map_err(|error| Odd(format!("transaction.id {error}")))?;
        let state = State::of(transaction.state.trimmed()).ok_or_else(|| Odd("transaction.state is unknown".to_owned()))?;
        let meaning = Meaning::of(state, Kind::of(transaction.kind.trimmed()));
        let subject = Subject {
            account: None,
            card: transaction.card_id.text().and_then(|token| CardToken::new(token).ok()),
            cardholder: transaction.cardholder_id.text().and_then(|token| CardholderToken::new(token).ok()),
        };
        let version = announced.id.map_or_else(|| digest_of(raw), ToOwned::to_owned);
        let network = network(&transaction.network);
        Ok(Snapshot { transaction, payment, asked, meaning, subject, network, at: announced.at, version })
    }

    fn events(self, options: &Options, odd: &mut Vec<Odd>) -> Vec<ToldEvent> {
        let (adjusted, all_understood) = self.adjusted(odd);
        let mut events = Vec::new();
        // The hold before what is taken from it.
        if matches!(self.meaning, Meaning::Authorized | Meaning::AuthorizedAnew) {
            keep(self.authorized(options), &mut events, odd);
        }
        if self.meaning == Meaning::AuthorizedAnew {
            keep(self.authorized_total(), &mut events, odd);
        }
        events.extend(adjusted.iter().filter_map(|adjusted| self.moved(adjusted)));
        let moved = adjusted.iter().any(|one| matches!(one.what, Move::Captured(_) | Move::Refunded(_)));
        if moved && all_understood {
            self.compare(&adjusted, odd);
        }
        match self.meaning {
            Meaning::Authorized | Meaning::AuthorizedAnew | Meaning::Nothing => {}
            Meaning::Unknown => odd.push(Odd("transaction.type is unknown, or unknown in this state".to_owned())),
            Meaning::Declined => {
                keep(self.declined().map(Some), &mut events, odd);
                if !adjusted.is_empty() {
                    keep(self.released().map(Some), &mut events, odd);
                }
            }
            Meaning::Reversed => keep(self.released().map(Some), &mut events, odd),
            Meaning::Settled | Meaning::Credited => {
                // What was not understood may be the very move: better listed than booked twice.
                if !moved && all_understood {
                    let booked = self.booked_without_adjustments();
                    if matches!(booked, Ok(Some(_))) {
                        odd.push(Odd(WITHOUT_ADJUSTMENTS.to_owned()));
                    }
                    keep(booked, &mut events, odd);
                }
            }
        }
        // What was not understood may still want the rest of the hold.
        if self.meaning == Meaning::Settled && all_understood {
            keep(self.settled_total(&events), &mut events, odd);
        }
        events
    }

    fn event(&self, key: IdempotencyKey, at: Option<Timestamp>, fact: Fact) -> ToldEvent {
        ToldEvent { key, occurred_at: at, network: self.network, settlement_day: None, subject: self.subject, fact }
    }

    /// An event of this snapshot's state: another snapshot of the same transaction is another event.
    fn of_state(&self, purpose: &'static str, fact: Fact) -> Result<ToldEvent, Odd> {
        let transaction = &self.transaction;
        let parts = [transaction.id.trimmed(), transaction.state.trimmed(), transaction.kind.trimmed(), &self.version];
        Ok(self.event(made_key(purpose, &parts)?, self.at, fact))
    }

    /// Debits hold money. Zero is a verification, and what is positive is not the cardholder's until it is complete.
    fn authorized(&self, options: &Options) -> Result<Option<ToldEvent>, Odd> {
        let Some(billed) = self.billed()? else {
            return Err(Odd("transaction.billing_amount is missing".to_owned()));
        };
        if !billed.is_negative() {
            return Ok(None);
        }
        let amount = unsigned(billed)?;
        let stood_in = [self.transaction.shift_stand_in.0, self.transaction.apto_stand_in.0].contains(&Some(true));
        let outcome = if stood_in {
            RecordedOutcome::ApprovedByStandIn { amount, posting: options.posting_of_debits }
        } else {
            RecordedOutcome::Approved { amount }
        };
        self.of_state("recorded", Fact::Recorded { payment: self.payment, asked: self.asked, increments: None, outcome })
            .map(Some)
    }

    /// What is authorized anew is held, whatever was reversed before it.
    fn authorized_total(&self) -> Result<Option<ToldEvent>, Odd> {
        let Some(billed) = self.billed()?.filter(|billed| billed.is_negative()) else { return Ok(None) };
        self.of_state("total", Fact::Replaced { payment: self.payment, total: unsigned(billed)? }).map(Some)
    }

    fn declined(&self) -> Result<ToldEvent, Odd> {
        let outcome = RecordedOutcome::Declined;
        self.of_state("recorded", Fact::Recorded { payment: self.payment, asked: self.asked, increments: None, outcome })
    }

    fn released(&self) -> Result<ToldEvent, Odd> {
        self.of_state("released", Fact::Released { payment: self.payment, cause: ReleaseCause::Reversed })
    }

    /// A complete transaction whose adjustments moved nothing is booked by its billing amount, once: the key is the
    /// transaction's, not the snapshot's.
    fn booked_without_adjustments(&self) -> Result<Option<ToldEvent>, Odd> {
        let Some(billed) = self.billed()? else {
            return Err(Odd("transaction.billing_amount is missing".to_owned()));
        };
        if billed.is_zero() {
            return Ok(None);
        }
        let amount = unsigned(billed)?;
        let (payment, cause) = (Some(self.payment), MovementCause::NetworkSettlement);
        let (purpose, fact) = match (self.meaning, billed.is_negative()) {
            (Meaning::Settled, true) => ("captured", Fact::Captured { payment, amount, finality: Finality::More }),
            (Meaning::Credited, false) => ("credited", Fact::Credited { payment, amount, cause }),
            (Meaning::Settled, false)
            | (Meaning::Credited, true)
            | (
                Meaning::Authorized
                | Meaning::AuthorizedAnew
                | Meaning::Declined
                | Meaning::Reversed
                | Meaning::Nothing
                | Meaning::Unknown,
                _,
            ) => {
                return Err(Odd("transaction.billing_amount has the wrong sign for its type".to_owned()));
            }
        };
        Ok(Some(self.event(made_key(purpose, &[self.transaction.id.trimmed()])?, self.at, fact)))
    }

    /// A settled payment holds no more than was captured. More captures may follow (`complete` is not terminal), and post
    /// in full. One that is listed twice is booked once.
    fn settled_total(&self, events: &[ToldEvent]) -> Result<Option<ToldEvent>, Odd> {
        let mut total: Option<Money> = None;
        for (place, event) in events.iter().enumerate() {
            let is_booked = events.iter().take(place).any(|before| before.key == event.key);
            if let (Fact::Captured { amount, .. }, false) = (event.fact, is_booked) {
                let sum = total.map_or(Ok(amount), |total| total.checked_add(amount));
                total = Some(sum.map_err(|error| Odd(format!("the sum of transaction.adjustments {error}")))?);
            }
        }
        total.map(|total| self.of_state("total", Fact::Replaced { payment: self.payment, total })).transpose()
    }

    fn billed(&self) -> Result<Option<Money>, Odd> {
        self.transaction.billing_amount.map(|raw| signed(raw, "transaction")).transpose()
    }

    /// The adjustments, oldest first, and whether every one of them was understood.
    fn adjusted(&self, odd: &mut Vec<Odd>) -> (Vec<Adjusted>, bool) {
        let problems_before = odd.len();
        let mut adjusted = Vec::new();
        for raw in self.transaction.adjustments.iter().flatten() {
            match Adjusted::read(raw) {
                Ok(one) => adjusted.push(one),
                Err(problem) => odd.push(problem),
            }
        }
        adjusted.sort_by_key(|one| one.at);
        (adjusted, odd.len() == problems_before)
    }

    fn moved(&self, adjusted: &Adjusted) -> Option<ToldEvent> {
        let payment = Some(self.payment);
        let fact = match adjusted.what {
            Move::Captured(amount) => Fact::Captured { payment, amount, finality: Finality::More },
            Move::Refunded(amount) => Fact::Credited { payment, amount, cause: MovementCause::NetworkSettlement },
            Move::Freed(by, original) => Fact::Reduced { payment: self.payment, by, original },
            Move::Nothing => return None,
        };
        Some(self.event(adjusted.key, adjusted.at.or(self.at), fact))
    }

    /// The adjustments are what happened; an amount that does not agree with them is told, not booked.
    fn compare(&self, adjusted: &[Adjusted], odd: &mut Vec<Odd>) {
        let sum = adjusted.iter().try_fold(None, |sum: Option<Money>, one| {
            let (amount, add): (Money, fn(Money, Money) -> _) = match one.what {
                Move::Captured(amount) => (amount, Money::checked_sub),
                Move::Refunded(amount) => (amount, Money::checked_add),
                Move::Freed(..) | Move::Nothing => return Ok(sum),
            };
            add(sum.unwrap_or(Money::zero(amount.currency())), amount).map(Some)
        });
        match (sum, self.billed()) {
            (Ok(sum), Ok(billed)) if sum == billed => {}
            (Err(_), _) | (_, Err(_) | Ok(_)) => {
                odd.push(Odd("transaction.billing_amount is not the sum of transaction.adjustments".to_owned()));
            }
        }
    }
}

impl Adjusted {
    fn read(raw: &RawValue) -> Result<Self, Odd> {
        const PATH: &str = "transaction.adjustments";
        let WrappedAdjustment { adjustment } = parse(raw.get().as_bytes()).map_err(|malformed| Odd::within(PATH, &malformed))?;
        let key = IdempotencyKey::new(adjustment.id.trimmed()).map_err(|error| Odd(format!("{PATH}.adjustment.id {error}")))?;
        Ok(Adjusted { key, at: moment(&adjustment.created_at), what: Move::of(&adjustment)? })
    }
}

impl Move {
    fn of(adjustment: &Adjustment<'_>) -> Result<Self, Odd> {
        const PATH: &str = "transaction.adjustments.adjustment";
        let kind = adjustment.kind.trimmed().to_ascii_lowercase();
        if matches!(kind.as_str(), "authorization" | "hold") {
            return Ok(Move::Nothing);
        }
        if !matches!(kind.as_str(), "capture" | "refund" | "release") {
            return Err(Odd(format!("{PATH}.type is unknown")));
        }
        let Some(raw) = adjustment.billing_amount else {
            return Err(Odd(format!("{PATH}.billing_amount is missing")));
        };
        let billed = signed(raw, PATH)?;
        if billed.is_zero() {
            return Ok(Move::Nothing);
        }
        let amount = unsigned(billed)?;
        match (kind.as_str(), billed.is_negative()) {
            ("capture", true) => Ok(Move::Captured(amount)),
            ("refund", false) => Ok(Move::Refunded(amount)),
            // The sign of a release is in no document, and only one direction makes sense.
            ("release", _) => Ok(Move::Freed(amount, original(adjustment.local_amount, amount.currency()))),
            _ => Err(Odd(format!("{PATH}.billing_amount has the wrong sign for its type"))),
        }
    }
}

/// Keeps an event, or the reason why there is none.
fn keep(event: Result<Option<ToldEvent>, Odd>, events: &mut Vec<ToldEvent>, odd: &mut Vec<Odd>) {
    match event {
        Ok(event) => events.extend(event),
        Err(problem) => odd.push(problem),
    }
}

/// An amount with its sign.
fn signed(raw: &RawValue, path: &str) -> Result<Money, Odd> {
    let amount: SignedAmount<'_> = parse(raw.get().as_bytes()).map_err(|malformed| Odd::within(path, &malformed))?;
    amount.money().map_err(|(field, error)| Odd(format!("{path}.billing_amount.{field} {error}")))
}

fn unsigned(amount: Money) -> Result<Money, Odd> {
    amount.checked_abs().map_err(|error| Odd(format!("billing_amount {error}")))
}
