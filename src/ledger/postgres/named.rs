//! What acts name: everything that has to be there before they can be performed. Nothing here reads or decides.

use std::collections::{HashMap, HashSet};

use holdfast_core::agent::{IntentReference, reservation_of, taken_over_key, takes_over};
use holdfast_core::hold::{Fact, ToldEvent};
use holdfast_core::rules::{CounterKey, LimitScope, Verdict};
use holdfast_core::{
    AccountId, AuthorizationRequest, CardToken, CardholderToken, IdempotencyKey, PaymentRef, PlatformName, ProgramId,
};

use super::values::Name;
use crate::journal::Operation;
use crate::ledger::embedded::naming::{asked_of, payments_of, subject_of};
use crate::ledger::embedded::state::{Fingerprint, NameKey};
use crate::ledger::{Act, Decide, Entry, Origin};

/// Whether acts may change cards and their owners: then those are locked too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum People {
    /// They only look at them.
    #[default]
    Looked,
    /// They may change them.
    Changed,
}

/// What some acts of one program name.
#[derive(Debug, Clone)]
pub struct Named {
    key: NameKey,
    pub program: ProgramId,
    pub accounts: Vec<AccountId>,
    pub cards: HashMap<Fingerprint, CardToken>,
    pub cardholders: HashMap<Fingerprint, CardholderToken>,
    /// Those of them whose accounts matter.
    pub owners: Vec<CardholderToken>,
    /// Payments' names: whoever has one is meant, however long ago it ended.
    pub payments: HashSet<Fingerprint>,
    pub asked: Vec<Name>,
    pub told: Vec<Name>,
    pub limits: Vec<(CounterKey, LimitScope)>,
    /// By number: another account's payment may have the name, too.
    pub holds: Vec<i64>,
    pub operations: Vec<[u8; 16]>,
    pub rulesets: bool,
    /// Publications wait for each other.
    pub publishes: bool,
    pub people: People,
}

impl Named {
    /// Nothing yet.
    pub fn nothing(key: NameKey, program: ProgramId) -> Self {
        Named {
            key,
            program,
            accounts: Vec::new(),
            cards: HashMap::new(),
            cardholders: HashMap::new(),
            owners: Vec::new(),
            payments: HashSet::new(),
            asked: Vec::new(),
            told: Vec::new(),
            limits: Vec::new(),
            holds: Vec::new(),
            operations: Vec::new(),
            rulesets: false,
            publishes: false,
            people: People::Looked,
        }
    }

    /// Everything that an act names, too.
    pub fn add(&mut self, act: &Act) {
        match act {
            Act::Decide(decide) => self.add_decide(decide),
            Act::Preview(decide) => self.add_decide(decide),
            Act::Adopt(adopt) => {
                self.add_request(&adopt.origin, &adopt.request);
                adopt.verdict.iter().for_each(|(verdict, _)| {
                    self.add_verdict(verdict);
                    self.add_reserved(takes_over(adopt.governed.as_ref(), verdict));
                });
            }
            Act::Tell(origin, event) | Act::TellOurs(origin, event) => self.add_told(origin, event),
            Act::Order(origin, ordering) => {
                self.add_payment(origin.platform.as_ref(), &ordering.payment);
                self.add_asked(origin, &ordering.key);
                self.holds.extend(ordering.hold.map(u64::cast_signed));
            }
            Act::Look(origin, payment, key) => {
                self.add_payment(origin.platform.as_ref(), payment);
                self.add_asked(origin, key);
                self.told.push(self.key.told(&origin.program, origin.platform.as_ref(), key).into());
            }
            Act::Enter(_, entries) => entries.iter().for_each(|entry| self.add_entry(entry)),
            Act::Note(operation) => self.operations.push(operation.id()),
            Act::Rulesets(_) => self.rulesets = true,
            // One that is there already is not published again.
            Act::Publish(..) | Act::PublishFirst(_) => (self.publishes, self.rulesets) = (true, true),
            Act::Rest | Act::Prove | Act::Keep(..) | Act::Balances(..) | Act::Accounts { .. } | Act::WasNoted(_) => {}
            Act::Announce(_) | Act::BeginAt(_) | Act::TakeAway => {}
            Act::Slips(_) | Act::BeginSlip(..) | Act::EndWaits(_) | Act::EraseSlips(_) | Act::KeepSlip(_) => {}
        }
    }

    fn add_decide(&mut self, decide: &Decide) {
        self.add_request(&decide.origin, &decide.request);
        self.add_verdict(&decide.verdict);
        self.add_reserved(takes_over(decide.governed.as_ref(), &decide.verdict));
        let naming = decide.choice.as_deref().and_then(|choice| choice.naming(&decide.request));
        self.limits.extend(naming.map(|check| (check.counter, check.scope.kept_as())));
        // What the payment itself has counted is read with its hold.
        for chosen in decide.choice.iter().flat_map(|choice| choice.possible(&decide.request)) {
            self.add_verdict(&chosen.verdict);
            self.add_reserved(takes_over(Some(&chosen.governed), &chosen.verdict));
        }
    }

    /// What is reserved for an intent, which its payment takes over.
    fn add_reserved(&mut self, intent: Option<IntentReference>) {
        let Some(intent) = intent else { return };
        if let Some(payment) = reservation_of(&intent) {
            self.add_payment(None, &payment);
        }
        let key = taken_over_key(&intent);
        self.told.extend(key.map(|key| Name::from(self.key.told(&self.program, None, &key))));
    }

    fn add_request(&mut self, origin: &Origin, request: &AuthorizationRequest) {
        let (payment, increment) = request.payments();
        for payment in std::iter::once(payment).chain(increment) {
            self.add_payment(origin.platform.as_ref(), payment);
        }
        self.add_asked(origin, &request.key);
        self.add_card(request.card);
        self.add_cardholder(request.cardholder);
        if request.card.is_none() {
            self.owners.extend(request.cardholder);
        }
    }

    fn add_told(&mut self, origin: &Origin, event: &ToldEvent) {
        let (payment, other_name) = payments_of(origin.platform.as_ref(), event);
        for payment in payment.iter().chain(&other_name) {
            self.add_payment(origin.platform.as_ref(), payment);
        }
        if let Some(asked) = asked_of(&event.fact) {
            self.add_asked(origin, &asked);
        }
        self.told.push(self.key.told(&origin.program, origin.platform.as_ref(), &event.key).into());
        let subject = subject_of(event);
        self.accounts.extend(subject.account);
        self.add_card(subject.card);
        self.add_cardholder(subject.cardholder);
        self.owners.extend(subject.cardholder);
        if matches!(event.fact, Fact::Card { .. } | Fact::Cardholder { .. }) {
            self.people = People::Changed;
        }
    }

    fn add_entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Account { account, .. } => self.accounts.push(*account),
            Entry::Card { card, account, cardholder, .. } => {
                self.people = People::Changed;
                self.accounts.push(*account);
                self.add_card(Some(*card));
                self.add_cardholder(*cardholder);
                self.owners.extend(*cardholder);
            }
        }
    }

    fn add_payment(&mut self, platform: Option<&PlatformName>, payment: &PaymentRef) {
        self.payments.extend(self.key.payment(&self.program, platform, payment).iter());
    }

    fn add_asked(&mut self, origin: &Origin, key: &IdempotencyKey) {
        self.asked.push(self.key.asked(&origin.program, origin.platform.as_ref(), key).into());
    }

    fn add_card(&mut self, card: Option<CardToken>) {
        self.cards.extend(card.map(|card| (self.key.card(&self.program, &card), card)));
    }

    fn add_cardholder(&mut self, cardholder: Option<CardholderToken>) {
        let named = cardholder.map(|cardholder| (self.key.cardholder(&self.program, &cardholder), cardholder));
        self.cardholders.extend(named);
    }

    fn add_verdict(&mut self, verdict: &Verdict) {
        if let Verdict::Proceed(proceed) = verdict {
            let counting = proceed.limits.iter().filter(|check| !check.scope.is_of_payment());
            self.limits.extend(counting.map(|check| (check.counter, check.scope.kept_as())));
        }
    }
}

/// Whose act it is, where it is one program's.
pub fn program_of(act: &Act) -> Option<ProgramId> {
    match act {
        Act::Decide(decide) => Some(decide.origin.program),
        Act::Preview(decide) => Some(decide.origin.program),
        Act::Adopt(adopt) => Some(adopt.origin.program),
        Act::Tell(origin, _)
        | Act::TellOurs(origin, _)
        | Act::Order(origin, _)
        | Act::Keep(origin, _)
        | Act::Enter(origin, _) => Some(origin.program),
        Act::Balances(origin, _) | Act::Look(origin, ..) => Some(origin.program),
        Act::Slips(wanted) => Some(wanted.program),
        Act::EraseSlips(which) => Some(which.program),
        Act::BeginSlip(slip, _) | Act::KeepSlip(slip) => Some(slip.program),
        Act::Accounts { program, .. } | Act::Rulesets(program) => Some(*program),
        Act::Publish(ruleset, _) | Act::PublishFirst(ruleset) => ProgramId::new(&ruleset.program).ok(),
        Act::Note(operation) => program_of_operation(operation),
        // What stands for old records is the embedded ledger's: a database drops partitions.
        Act::Rest | Act::Prove | Act::EndWaits(_) | Act::WasNoted(_) => None,
        Act::Announce(_) | Act::BeginAt(_) | Act::TakeAway => None,
    }
}

fn program_of_operation(operation: &Operation) -> Option<ProgramId> {
    ProgramId::new(&operation.program).ok()
}
