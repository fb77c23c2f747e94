//! Which payments stand-in has opened, and of which something was told that ends or lessens them, while the ledger has yet to hear of it:
//! an increment is approved without the ledger only where its payment is known to be there. Decides nothing else.

use std::hash::{BuildHasher as _, Hash as _};

use dashmap::DashMap;
use holdfast_core::agent::Weight;
use holdfast_core::hold::{Fact, Finality, RecordedOutcome, ToldAnswer};
use holdfast_core::stand_in::{AddsTo, ToldName};
use holdfast_core::{
    AccountId, Alias, AuthorizationId, AuthorizationKind, AuthorizationRequest, PaymentRef, PlatformName, ProgramId,
};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::ledger::{Adopt, Origin, weight_of};
use crate::spool::{Entry, Whose};

/// A name of a payment, and whose it is.
pub(super) type Name = (ProgramId, Option<PlatformName>, Kind, AuthorizationId);

/// The two kinds of names never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    First,
    Second,
}

/// What an entry of the spool says of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It was opened by this answer, for so much of this account's money, in minor units.
    Opened(Origin, PaymentRef, AccountId, (ToldName, i64)),
    /// So much was added to it by this answer, in minor units.
    Added(Origin, PaymentRef, (ToldName, i64)),
    /// It was declined, or ended, or there is less of it: how much is the ledger's to say. What a message ends or lessens may be any payment of
    /// whom it names: which other names that has is the ledger's to know, too.
    Doubted(Origin, PaymentRef, [Option<Whose>; 2]),
}

/// A payment that was opened while the ledger was away.
#[derive(Debug, Clone, Copy)]
pub struct Opened {
    /// By which answer, the first time.
    pub told: ToldName,
    /// Whose money it is.
    pub account: AccountId,
    /// By what it is known under all of its names.
    payment: u128,
    times: u32,
}

/// Payments of which the ledger has yet to hear something. Each is known by a hash of its name under a key of this process, 128 bits wide, so
/// that no two are one: there are a few for each answer that waits, and a start after an outage takes all of them up.
#[derive(Debug)]
pub struct Adding {
    key: (u64, u64),
    /// With whose money.
    opened_with: DashMap<u128, u32, foldhash::fast::RandomState>,
    /// With anybody's.
    opened: DashMap<u128, Opened, foldhash::fast::RandomState>,
    /// For how much payments were opened and added to, together, in minor units.
    approved: DashMap<u128, i64, foldhash::fast::RandomState>,
    /// To which of them an answer added, as that may have lost its names by the time the ledger hears of it.
    added: DashMap<(ProgramId, ToldName), u128, foldhash::fast::RandomState>,
    doubted: DashMap<u128, u32, foldhash::fast::RandomState>,
}

impl Default for Adding {
    fn default() -> Self {
        let secret = std::hash::RandomState::new();
        let key = (secret.hash_one(0_u8), secret.hash_one(1_u8));
        Adding {
            key,
            opened_with: DashMap::default(),
            opened: DashMap::default(),
            approved: DashMap::default(),
            added: DashMap::default(),
            doubted: DashMap::default(),
        }
    }
}

impl Word {
    /// What an entry says of a payment, if it says anything.
    pub fn of(entry: &Entry) -> Option<Self> {
        let origin = *entry.origin();
        // What the platform had approved itself is held by its word.
        let approved = entry.approved().map_or(0, |(_, minor)| minor);
        let told_by = |adopt: &Adopt| Some(ToldName::of(origin.platform.as_ref()?, &adopt.request.key));
        match entry {
            // What moves nothing opens nothing, nor adds to it.
            Entry::Told(adopt, _) if weight_of(adopt.governed.as_ref()) == Weight::Preview => None,
            Entry::Told(adopt, account) if adopt.request.kind == AuthorizationKind::Incremental => match adopt.told {
                ToldAnswer::Approved { .. } => {
                    let (told, (payment, _)) = (told_by(adopt)?, adopt.request.payments());
                    account.map(|_| Word::Added(origin, *payment, (told, approved)))
                }
                ToldAnswer::Declined { .. } => None,
            },
            Entry::Told(adopt, account) => match adopt.told {
                ToldAnswer::Approved { .. } => {
                    let told = told_by(adopt)?;
                    account.map(|account| Word::Opened(origin, adopt.request.payment, account, (told, approved)))
                }
                ToldAnswer::Declined { .. } => Some(Word::Doubted(origin, adopt.request.payment, [None; 2])),
            },
            Entry::Fact(_, event) | Entry::Ordered(_, _, event) => {
                let (payment, _) = event.fact.payments();
                // What was declined was a question, which is known by its own names.
                let whose = if matches!(event.fact, Fact::Recorded { .. }) { [None; 2] } else { entry.whose() };
                payment.filter(|_| doubts(&event.fact)).map(|payment| Word::Doubted(origin, *payment, whose))
            }
            Entry::Kept(..) | Entry::Published(..) => None,
        }
    }
}

/// Whether less of a payment may be open after it.
pub(super) const fn doubts(fact: &Fact) -> bool {
    match fact {
        Fact::Recorded { outcome, increments, .. } => matches!(outcome, RecordedOutcome::Declined) && increments.is_none(),
        Fact::Reduced { .. } | Fact::Replaced { .. } | Fact::Released { .. } | Fact::Completed { .. } => true,
        Fact::Captured { finality, .. } => matches!(finality, Finality::Final),
        Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::Card { .. }
        | Fact::Cardholder { .. }
        | Fact::Account { .. }
        | Fact::SettlementAnnounced { .. } => false,
    }
}

impl Adding {
    /// What a name is known by; of an opened payment, with whose money it is.
    fn hashed(&self, name: &Name, account: Option<&AccountId>) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        (name, account).hash(&mut hasher);
        hasher.finish128().as_u128()
    }

    /// What was opened of a payment.
    pub fn opened(&self, origin: &Origin, payment: &PaymentRef) -> Option<Opened> {
        names(origin, payment).find_map(|name| self.opened_by(&name))
    }

    /// What was opened under a name.
    pub(super) fn opened_by(&self, name: &Name) -> Option<Opened> {
        self.opened.get(&self.hashed(name, None)).map(|known| *known)
    }

    /// By what a payment is known under all of its names, or, if it was not opened, under the first one.
    pub fn known_as(&self, origin: &Origin, payment: &PaymentRef) -> u128 {
        let first = || names(origin, payment).next().map(|name| self.hashed(&name, None)).unwrap_or_default();
        self.opened(origin, payment).map_or_else(first, |opened| opened.payment)
    }

    /// For how much a payment was opened and added to, in minor units: that is at risk, and gone from what is seen of its account.
    pub fn approved(&self, payment: u128) -> i64 {
        self.approved.get(&payment).map_or(0, |minor| *minor)
    }

    /// Nothing will be held of what was opened under a name: the platform recorded it as declined. By which answer that was.
    pub(super) fn declined(&self, name: &Name) -> Option<ToldName> {
        let opened = self.opened_by(name)?;
        self.approved.remove(&opened.payment);
        Some(opened.told)
    }

    /// Nothing will be held of an increment: the platform recorded it as declined.
    pub fn less_added(&self, origin: &Origin, payment: &PaymentRef, minor: i64) {
        self.approve_no_more(self.known_as(origin, payment), minor);
    }

    fn approve(&self, payment: u128, minor: i64) {
        if minor > 0 {
            let mut approved = self.approved.entry(payment).or_default();
            *approved = approved.saturating_add(minor);
        }
    }

    fn approve_no_more(&self, payment: u128, minor: i64) {
        self.approved.remove_if_mut(&payment, |_, approved| {
            *approved = approved.saturating_sub(minor);
            *approved <= 0
        });
    }

    /// What whoever it is about is known by.
    fn of_whom(&self, program: ProgramId, whose: [Option<Whose>; 2]) -> impl Iterator<Item = u128> + use<'_> {
        whose.into_iter().flatten().map(move |whose| {
            let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
            (program, whose).hash(&mut hasher);
            hasher.finish128().as_u128()
        })
    }

    /// Everything that a doubt is known by.
    fn doubted_by(
        &self,
        origin: &Origin,
        payment: &PaymentRef,
        whose: [Option<Whose>; 2],
    ) -> impl Iterator<Item = u128> + use<'_> {
        names(origin, payment).map(|name| self.hashed(&name, None)).chain(self.of_whom(origin.program, whose))
    }

    /// It waits for the ledger.
    pub fn waits(&self, word: Word) {
        match word {
            Word::Opened(origin, payment, account, (told, minor)) => {
                let known_as = self.known_as(&origin, &payment);
                self.approve(known_as, minor);
                for name in names(&origin, &payment) {
                    add(self.opened_with.entry(self.hashed(&name, Some(&account))).or_default().value_mut());
                    let new = Opened { told, account, payment: known_as, times: 0 };
                    add(&mut self.opened.entry(self.hashed(&name, None)).or_insert(new).times);
                }
            }
            Word::Added(origin, payment, (told, minor)) => {
                let known_as = self.known_as(&origin, &payment);
                self.added.insert((origin.program, told), known_as);
                self.approve(known_as, minor);
            }
            Word::Doubted(origin, payment, whose) => {
                for doubted in self.doubted_by(&origin, &payment, whose) {
                    add(self.doubted.entry(doubted).or_default().value_mut());
                }
            }
        }
    }

    /// The ledger has heard it, or nobody stands by it.
    pub fn gone(&self, word: Word) {
        match word {
            Word::Opened(origin, payment, account, (_, minor)) => {
                self.approve_no_more(self.known_as(&origin, &payment), minor);
                for name in names(&origin, &payment) {
                    self.opened_with.remove_if_mut(&self.hashed(&name, Some(&account)), |_, times| is_last(times));
                    self.opened.remove_if_mut(&self.hashed(&name, None), |_, known| is_last(&mut known.times));
                }
            }
            Word::Added(origin, _, (told, minor)) => {
                if let Some((_, known_as)) = self.added.remove(&(origin.program, told)) {
                    self.approve_no_more(known_as, minor);
                }
            }
            Word::Doubted(origin, payment, whose) => {
                for doubted in self.doubted_by(&origin, &payment, whose) {
                    self.doubted.remove_if_mut(&doubted, |_, times| is_last(times));
                }
            }
        }
    }

    /// What is known of the payment that a question would add to, over what the ledger shows.
    pub fn over(&self, origin: &Origin, request: &AuthorizationRequest, account: Option<AccountId>, shown: AddsTo) -> AddsTo {
        if request.kind != AuthorizationKind::Incremental {
            return AddsTo::NotKnown;
        }
        let (payment, _) = request.payments();
        let whose = [request.card.map(Whose::Card), request.cardholder.map(Whose::Cardholder)];
        let is_doubted = |doubted: u128| self.doubted.contains_key(&doubted);
        if names(origin, payment).any(|name| is_doubted(self.hashed(&name, None))) {
            return AddsTo::NotKnown;
        }
        let is_opened = |account: &AccountId| {
            names(origin, payment).any(|name| self.opened_with.contains_key(&self.hashed(&name, Some(account))))
        };
        let opened = account.as_ref().is_some_and(is_opened);
        match if opened { AddsTo::Open } else { shown } {
            AddsTo::Open if self.of_whom(origin.program, whose).any(is_doubted) => AddsTo::Perhaps,
            known @ (AddsTo::Open | AddsTo::Perhaps | AddsTo::NotKnown) => known,
        }
    }
}

/// Every name by which a payment may be told of.
pub(super) fn names(origin: &Origin, payment: &PaymentRef) -> impl Iterator<Item = Name> + use<> {
    let Origin { program, platform, .. } = *origin;
    let (first, second) = match payment.alias {
        Alias::NotTold => (Some(payment.authorization), None),
        Alias::Also(second) => (Some(payment.authorization), Some(second)),
        Alias::Alone => (None, Some(payment.authorization)),
    };
    let named = move |kind| move |name| (program, platform, kind, name);
    first.map(named(Kind::First)).into_iter().chain(second.map(named(Kind::Second)))
}

fn add(times: &mut u32) {
    *times = times.saturating_add(1);
}

fn is_last(times: &mut u32) -> bool {
    *times = times.saturating_sub(1);
    *times == 0
}

#[cfg(test)]
mod tests {
    use holdfast_core::hold::{ReleaseCause, Subject, ToldEvent};
    use holdfast_core::{Basis, DeclineReason, StandInCause, Timestamp};

    use super::*;
    use crate::fixture::{origin, purchase, told, usd};

    fn account(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    fn answered(request: AuthorizationRequest, told: ToldAnswer) -> Word {
        let adopt = Adopt {
            origin: origin(),
            request,
            digest: request.content_digest(),
            verdict: None,
            told,
            basis: Basis::StandIn(StandInCause::LedgerUnavailable),
            governed: None,
            received_at: Timestamp::EPOCH,
            slip: None,
        };
        Word::of(&Entry::Told(Box::new(adopt), Some(account("a")))).unwrap()
    }

    fn fact(fact: Fact) -> Option<Word> {
        let event: ToldEvent = told("fact", fact);
        Word::of(&Entry::Fact(origin(), Box::new(event)))
    }

    #[test]
    fn a_payment_is_open_while_nothing_that_waits_says_otherwise() {
        let (adding, first) = (Adding::default(), purchase("p", 100));
        let payment = first.payment;
        let more =
            AuthorizationRequest { kind: AuthorizationKind::Incremental, increments: Some(payment), ..purchase("more", 10) };
        let of = |name: &str, shown| adding.over(&origin(), &more, Some(account(name)), shown);
        assert_eq!((of("a", AddsTo::NotKnown), of("a", AddsTo::Open)), (AddsTo::NotKnown, AddsTo::Open));
        let yes = answered(first, ToldAnswer::Approved { amount: usd(100) });
        adding.waits(yes);
        assert_eq!((of("a", AddsTo::NotKnown), of("b", AddsTo::NotKnown)), (AddsTo::Open, AddsTo::NotKnown));
        let known_as = adding.known_as(&origin(), &payment);
        assert_eq!(adding.opened(&origin(), &payment).map(|opened| opened.account), Some(account("a")));
        assert_eq!(adding.approved(known_as), 100);
        let released = fact(Fact::Released { payment, cause: ReleaseCause::Reversed }).unwrap();
        let no = answered(first, ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable });
        for doubt in [released, no] {
            adding.waits(doubt);
            adding.waits(doubt);
            adding.gone(doubt);
            assert_eq!(of("a", AddsTo::Open), AddsTo::NotKnown, "the ledger shows what it has yet to hear otherwise");
            adding.gone(doubt);
            assert_eq!(of("a", AddsTo::NotKnown), AddsTo::Open);
        }
        let captured = |finality| fact(Fact::Captured { payment: Some(payment), amount: usd(5), finality });
        assert_eq!((captured(Finality::More), captured(Finality::Final).is_some()), (None, true));
        adding.gone(yes);
        assert_eq!(of("a", AddsTo::NotKnown), AddsTo::NotKnown);
        assert!(
            adding.opened.is_empty() && adding.opened_with.is_empty() && adding.approved.is_empty() && adding.doubted.is_empty()
        );
        // By whichever of its names it is told of.
        let alone = |name: &str| PaymentRef { authorization: AuthorizationId::new(name).unwrap(), alias: Alias::Alone };
        let both = PaymentRef { alias: Alias::Also(AuthorizationId::new("second").unwrap()), ..payment };
        adding.waits(answered(AuthorizationRequest { payment: both, ..first }, ToldAnswer::Approved { amount: usd(100) }));
        let by_second = AuthorizationRequest { increments: Some(alone("second")), ..more };
        let of_second = || adding.over(&origin(), &by_second, Some(account("a")), AddsTo::NotKnown);
        assert_eq!(of_second(), AddsTo::Open);
        adding.waits(fact(Fact::Released { payment: alone("second"), cause: ReleaseCause::Reversed }).unwrap());
        assert_eq!(of_second(), AddsTo::NotKnown);
        // By a name that only the ledger knows to be this one's, of its card or of its cardholder.
        let (adding, ended) = (Adding::default(), Fact::Released { payment: alone("third"), cause: ReleaseCause::Reversed });
        adding.waits(answered(AuthorizationRequest { payment: both, ..first }, ToldAnswer::Approved { amount: usd(100) }));
        for subject in
            [Subject { card: more.card, ..Subject::default() }, Subject { cardholder: more.cardholder, ..Subject::default() }]
        {
            let event = ToldEvent { subject, ..told("ended", ended) };
            let doubt = Word::of(&Entry::Fact(origin(), Box::new(event))).unwrap();
            let of_second = || adding.over(&origin(), &by_second, Some(account("a")), AddsTo::NotKnown);
            adding.waits(doubt);
            assert_eq!(of_second(), AddsTo::Perhaps, "{subject:?}");
            adding.gone(doubt);
            assert_eq!(of_second(), AddsTo::Open);
            // That another question was declined ends nothing.
            let outcome = RecordedOutcome::Declined;
            let declined = Fact::Recorded { payment: alone("third"), asked: first.key, increments: None, outcome };
            let event = ToldEvent { subject, ..told("declined", declined) };
            adding.waits(Word::of(&Entry::Fact(origin(), Box::new(event))).unwrap());
            assert_eq!(of_second(), AddsTo::Open, "{subject:?}");
        }
        // What was added is let go of with its answer, also where the payment has lost its names by then.
        let (adding, added) = (Adding::default(), answered(by_second, ToldAnswer::Approved { amount: usd(10) }));
        let opened = answered(AuthorizationRequest { payment: both, ..first }, ToldAnswer::Approved { amount: usd(100) });
        adding.waits(opened);
        adding.waits(added);
        assert_eq!(adding.approved(adding.known_as(&origin(), &both)), 110);
        adding.gone(opened);
        adding.gone(added);
        assert!(adding.approved.is_empty() && adding.added.is_empty());
        // What is no increment adds to nothing.
        let opens = AuthorizationRequest { payment: PaymentRef::of(payment.authorization), ..first };
        assert_eq!(adding.over(&origin(), &opens, None, AddsTo::Open), AddsTo::NotKnown);
    }
}
