//! Payments of our own doors as they stand: one by its name, and pages of them; what callers wrote beside what became of it.

use holdfast_adapters::payment::{ListCall, LookCall, Page, Standing, StandingIs, Wanted, Written};
use holdfast_adapters::{Answer, Payment, PaymentCall, Refused, Reply};
use holdfast_core::{AuthorizationId, DeclineReason, IdempotencyKey, PaymentRef};
use tokio::time::timeout_at;

use super::authentication;
use super::deadline::Deadline;
use super::mount::Mount;
use super::payments::not_done;
use super::{Responder, encode, told};
use crate::clock::{self, Instant};
use crate::ledger::{self, Act, Looked, Slip, SlipsFound, SlipsWanted, Which};
use crate::metrics::LedgerStanding;
use crate::remnant;
use crate::server::Call;

/// How often a list looks on where it has not found enough: then it tells what it has, and where the next page goes on.
const LOOKS_MAX: u32 = 8;

/// What a search for a payment comes to.
pub(super) enum Found {
    Payment(Box<Payment>),
    Nobody,
    /// The ledger does not tell in time, or has yet to hear of what was answered without it.
    NotNow,
}

impl Responder {
    /// Shows a payment of ours.
    pub(super) async fn look_up(&self, mount: &Mount, asked: &LookCall<'_>, body: &mut Vec<u8>) -> Reply {
        let by = Deadline::new(&clock::now(), None, &mount.patience).decide_by;
        let found = match (self.find(mount, asked.payment, by).await, asked.or) {
            (Found::Nobody, Some(other)) => self.find(mount, other, by).await,
            (found, _) => found,
        };
        match found {
            Found::Payment(payment) => encode(mount, &asked.echo, &Answer::Payment(&payment), body),
            Found::Nobody => not_done(mount, &asked.echo, DeclineReason::AuthorizationUnknown, None, body),
            Found::NotNow => mount.adapter.refuse(&Refused::Unavailable, body),
        }
    }

    /// Shows a page of payments of ours.
    pub(super) async fn list(&self, mount: &Mount, asked: &ListCall<'_>, body: &mut Vec<u8>) -> Reply {
        let by = Deadline::new(&clock::now(), None, &mount.patience).decide_by;
        match self.page(mount, asked.wanted, by).await {
            Some(page) => encode(mount, &asked.echo, &Answer::Payments(&page), body),
            None => mount.adapter.refuse(&Refused::Unavailable, body),
        }
    }

    /// A page; nothing if the ledger does not tell in time.
    async fn page(&self, mount: &Mount, wanted: Wanted, by: Instant) -> Option<Page> {
        if wanted.standing == Some(StandingIs::Undecided) {
            // No door that lists has payments that wait, and what is being decided is kept with its decision.
            return Some(Page { payments: Vec::new(), next: None });
        }
        let most = usize::try_from(wanted.most).ok()?;
        let (mut payments, mut before) = (Vec::new(), wanted.before);
        for _ in 0..LOOKS_MAX {
            // One more than fits tells that there is more.
            let which = Which::Page(Wanted { before, most: wanted.most.saturating_add(1), ..wanted });
            let SlipsFound { slips, looked_to } = self.slips(mount, which, by).await?;
            for (number, slip) in slips {
                if payments.len() >= most {
                    return Some(Page { payments, next: before });
                }
                before = Some(number);
                // One that nobody decided is none: a crash came between.
                let Some(payment) = self.shown(mount, slip, by).await? else { continue };
                if wanted.standing.is_none_or(|wanted| wanted == payment.standing_is()) {
                    payments.push(payment);
                }
            }
            let Some(looked_to) = looked_to else { return Some(Page { payments, next: None }) };
            before = Some(looked_to);
        }
        Some(Page { payments, next: before })
    }

    /// Looks for one payment, by its name.
    pub(super) async fn find(&self, mount: &Mount, name: AuthorizationId, by: Instant) -> Found {
        let Some(mut found) = self.slips(mount, Which::Named(name), by).await else { return Found::NotNow };
        let found = match found.slips.pop() {
            Some((_, slip)) => self.shown(mount, slip, by).await,
            None => Some(None),
        };
        match found {
            Some(Some(payment)) => Found::Payment(Box::new(payment)),
            // What was answered without the ledger is on its way there.
            Some(None) if self.spool.fill().held.waiting > 0 => Found::NotNow,
            Some(None) => Found::Nobody,
            None => Found::NotNow,
        }
    }

    /// What callers wrote; nothing if the ledger does not tell in time.
    pub(super) async fn slips(&self, mount: &Mount, which: Which, by: Instant) -> Option<SlipsFound> {
        let wanted = SlipsWanted { program: mount.program.id, platform: mount.platform, which };
        let asked = async {
            self.until_open().await;
            ledger::ask(self.ledger.as_ref(), Act::Slips(wanted)).await
        };
        timeout_at(by, asked).await.ok()?.ok()?.into_slips()
    }

    /// Whether something may have been answered to a question of this key that the ledger has yet to hear.
    pub(super) fn may_be_unheard(&self, mount: &Mount, key: IdempotencyKey) -> bool {
        self.unheard.book.may_have(&told::Name { principal: mount.principal, key })
    }

    /// What the ledger knows of a payment, and the key of its question. What versions before this one decided may have its name for a key.
    async fn looked_at(&self, mount: &Mount, payment: AuthorizationId, by: Instant) -> Option<(IdempotencyKey, Looked)> {
        let (key, former) = (mount.adapter.key_of(&payment)?, IdempotencyKey::new(payment.as_str()).ok()?);
        let looked = self.look_under(mount, PaymentRef::of(payment), key, by).await?;
        if looked.answered.is_some() || former == key {
            return Some((key, looked));
        }
        Some((former, self.look_under(mount, PaymentRef::of(payment), former, by).await?))
    }

    /// What the ledger knows of a payment and of a key; nothing if it does not tell in time.
    pub(super) async fn look_under(
        &self,
        mount: &Mount,
        payment: PaymentRef,
        key: IdempotencyKey,
        by: Instant,
    ) -> Option<Looked> {
        let act = Act::Look(mount.origin(), payment, key);
        timeout_at(by, ledger::ask(self.ledger.as_ref(), act)).await.ok()?.ok()?.into_looked()
    }

    /// The key and the name of a payment that a version before this one called otherwise, if it was answered under those: a retry hears that
    /// answer, and nothing is paid twice. Where the ledger is not asked, nothing is known of them.
    pub(super) async fn names_of_before(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        asked: &PaymentCall<'_>,
    ) -> Option<(IdempotencyKey, PaymentRef)> {
        let (key, payment) = asked.formerly?;
        let is_switched = self.switchboard.is_on(&mount.program.id, &mount.platform, call.received.utc);
        if is_switched || self.ledger_stands() != LedgerStanding::Up {
            return None;
        }
        let by = Deadline::new(&call.received, None, &mount.patience).decide_by;
        let looked = self.look_under(mount, payment, key, by).await?;
        looked.answered.is_some().then_some((key, payment))
    }

    /// A payment with what stands of it; an inner nothing if it was never decided.
    pub(super) async fn shown(&self, mount: &Mount, slip: Slip, by: Instant) -> Option<Option<Payment>> {
        // Looked at first: what the ledger hears meanwhile, it tells.
        let may_be_decided = mount.adapter.key_of(&slip.payment).is_none_or(|key| self.may_be_unheard(mount, key));
        let (key, looked) = self.looked_at(mount, slip.payment, by).await?;
        let decision = looked.answered.map(|answered| answered.decision);
        let written = self.till.reader.read(&slip, remnant::Decided { decision, currency: looked.currency });
        let (standing, asked_at, changed_at) = match (&looked.answered, &written) {
            (Some(answered), _) => {
                let changed_at = looked.changed_at.map_or(answered.asked_at, |changed| changed.max(answered.asked_at));
                (Standing::Decided(answered.decision), answered.asked_at, changed_at)
            }
            // It may have been decided without the ledger, which has yet to hear of that.
            (None, Some(Written { awaited: Some(_), .. })) if may_be_decided => return None,
            (None, Some(Written { awaited: Some(_), .. })) if slip.body.is_some() => {
                let (standing, changed_at) = authentication::standing((slip.at, slip.waits), clock::utc(), mount.patience.budget);
                (standing, slip.at, changed_at)
            }
            // Also one whose text was erased while it waited: nobody can decide it any more.
            (None, _) => return Some(None),
        };
        Some(Some(Payment {
            id: slip.payment,
            reference: mount.reference(&key),
            merchant: slip.merchant,
            source: slip.source,
            asked_at,
            changed_at,
            standing,
            hold: looked.hold,
            expires_at: looked.hold.and_then(|hold| hold.expires_at),
            written,
            released_by: looked.released_by,
            ordered: None,
        }))
    }
}
