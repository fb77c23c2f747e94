//! What each act does to memory, and the record it leaves. Applies the event ([`weigh`]) and writes the outcome; no decision is
//! made here.

use std::sync::Arc;

use holdfast_adapters::Unrecognized;
use holdfast_core::agent::{Chosen, Governed};
use holdfast_core::hold::life::ends_at;
use holdfast_core::hold::{Adoption, Asked, Event, Fact, Finding, Outcome, ReleaseCause, Subject, ToldEvent};
use holdfast_core::{AuthorizationKind, Basis, Decision, Expiry, PaymentRef, Timestamp};

use super::about::{answer_of, locate_event, where_it_was_told};
use super::cold::Need;
use super::contradiction::{content, contradiction, difference};
use super::engine::{Engine, Performed, Warmth};
use super::handing_over::TakesOver;
use super::naming::{
    as_named, asked_of, heard, in_its_owners_name, locate_adopted, locate_request, payments_of, subject_of, timers_key,
};
use super::reserved::{chosen, counted_by, moved, observed};
use super::state::{Located, Names};
use super::weigh;
use crate::clock::Moment;
use crate::journal::{BodyRef, Checkpoint, Place, RecordRef, Uses};
use crate::ledger::{AccountStanding, Act, Adopt, Answer, Decide, LedgerError, Noted, Origin, Whose, weight_of};

/// Accounts that one act looks at: whoever lists them all must not hold an answer back for longer than a group takes.
const ACCOUNTS_LOOKED_AT_MAX: u32 = 1_024;

impl Engine {
    /// Performs one act on memory.
    pub(super) fn perform(&mut self, act: &Act, now: &Moment, warmth: Warmth<'_>) -> Performed {
        match act {
            Act::Rest => Performed::Now(Ok(Answer::Recorded(None))),
            Act::Prove => once_durable(self.prove(now.utc), Answer::Recorded(None)),
            Act::Decide(decide) => self.decide(decide, now, warmth),
            Act::Preview(decide) => self.preview(decide, now.utc),
            Act::Adopt(adopt) => self.adopt(adopt, now, warmth),
            Act::Tell(origin, event) => self.tell(origin, event, now.utc, warmth),
            Act::TellOurs(origin, event) => self.tell_ours(origin, event, now, warmth),
            Act::Order(origin, ordering) => self.order(origin, ordering, now.utc, warmth),
            Act::Keep(origin, kept) => {
                let body = BodyRef::Kept { digest: &kept.digest, problem: &kept.problem, redacted: &kept.redacted };
                once_durable(self.record(origin, now.utc, None, None, Place::default(), body), Answer::Recorded(None))
            }
            Act::Balances(origin, whose) => Performed::Now(Ok(Answer::Balances(self.balances(origin, whose)))),
            Act::Accounts { program, from, most } => {
                let (standings, next) = self.state.standings_of(program, *from, (*most).min(ACCOUNTS_LOOKED_AT_MAX));
                Performed::Now(Ok(Answer::Accounts { standings, next }))
            }
            Act::Enter(origin, entries) => self.enter(origin, entries, now.utc),
            Act::Publish(_, Some(not_after)) if now.instant > *not_after => Performed::Now(Err(LedgerError::Late)),
            Act::Publish(ruleset, _) => self.publish(ruleset, now.utc),
            Act::PublishFirst(ruleset) => self.publish_first(ruleset, now.utc),
            Act::Note(operation) => Performed::Now(self.with_log(now.utc, |log| log.note(operation)).map(Answer::Noted)),
            Act::WasNoted(id) => {
                let noted = self.with_log(now.utc, |log| log.noted(id));
                Performed::Now(noted.map(|at| Answer::Noted(at.map_or(Noted::New, Noted::Again))))
            }
            Act::Rulesets(program) => {
                let rulesets = self.with_log(now.utc, |log| log.rulesets(program.as_str()));
                Performed::Now(rulesets.map(Answer::Rulesets))
            }
            Act::Announce(checkpoint) => self.announce(checkpoint, now.utc),
            Act::BeginAt(checkpoint) => Performed::Now(self.begin_at(checkpoint)),
            Act::Look(origin, payment, key) => self.look_at(origin, payment, key, warmth),
            Act::Slips(wanted) => Performed::Now(self.with_log(now.utc, |log| log.slips(wanted)).map(Answer::Slips)),
            Act::BeginSlip(_, not_after) if now.instant > *not_after => Performed::Now(Err(LedgerError::Late)),
            Act::BeginSlip(slip, _) => Performed::Now(self.with_log(now.utc, |log| log.begin_slip(slip)).map(Answer::Slips)),
            Act::EndWaits(asked_until) => {
                Performed::Now(self.with_log(now.utc, |log| log.end_waits(*asked_until)).map(Answer::WaitsEnded))
            }
            Act::KeepSlip(slip) => {
                self.log.keep_slip(Arc::clone(slip));
                Performed::Now(Ok(Answer::Recorded(None)))
            }
            Act::EraseSlips(which) => Performed::Now(self.with_log(now.utc, |log| log.erase_slips(which)).map(Answer::Erased)),
            Act::TakeAway => Performed::Now(self.with_log(now.utc, |log| log.take_away()).map(Answer::TakenAway)),
        }
    }

    /// A record behind the checkpoint covers it, so that the chain does.
    fn announce(&mut self, checkpoint: &Checkpoint, at: Timestamp) -> Performed {
        let body = BodyRef::Trimmed { record: checkpoint.record, chain: &checkpoint.chain, seal: &checkpoint.seal() };
        let place = Place::default();
        let record = RecordRef { at, program: None, platform: None, ruleset: None, operator: None, governed: None, place, body };
        let pushed = self.group.push(&record).map_err(|_| LedgerError::Panicked);
        once_durable(pushed, Answer::Recorded(None))
    }

    /// Whoever follows must have passed it: what is dropped can be followed no more.
    fn begin_at(&mut self, checkpoint: &Checkpoint) -> Result<Answer, LedgerError> {
        if self.projected.is_none_or(|projected| projected < checkpoint.record.saturating_sub(1)) {
            return Err(LedgerError::Unavailable);
        }
        self.log.begin_at(checkpoint).map(|()| Answer::Recorded(None)).map_err(|_| LedgerError::Unavailable)
    }

    fn decide(&mut self, decide: &Decide, now: &Moment, warmth: Warmth<'_>) -> Performed {
        if now.instant > decide.not_after {
            return Performed::Now(Err(LedgerError::Late));
        }
        let Origin { program, platform, .. } = &decide.origin;
        let request = &decide.request;
        let key = self.state.asked_name(program, platform.as_ref(), &request.key);
        let located = locate_request(&self.state, program, platform.as_ref(), request);
        let located = in_its_owners_name(&self.state, program, request, located);
        let (payment, increment) = request.payments();
        // A retry too: what the platform says of the payment counts over what was answered.
        if let Some(need) = self.need(&located, self.own_names(&decide.origin, increment), (Some(key), None), warmth) {
            return Performed::Cold(need);
        }
        let joined = self.join_what_is_one(&decide.origin, located, (Some(payment), increment), Some(&request.key), now.utc);
        let weight = weight_of(decide.governed.as_ref());
        let (located, over) = match joined
            .and_then(|located| self.asked_where(&decide.origin, (request, TakesOver::by(weight)), located, now.utc))
        {
            Ok(found) => found,
            Err(error) => return Performed::Now(Err(error)),
        };
        let located = in_its_owners_name(&self.state, program, request, located);
        let chosen = decide.choice.as_deref().map(|choice| chosen(&self.state, &located, choice, request));
        let (verdict, governed, intent) = match &chosen {
            None => (&decide.verdict, decide.governed, None),
            Some(Chosen { verdict, governed, intent }) => (verdict, Some(*governed), *intent),
        };
        let reserved = self.take_over(program, governed.as_ref(), verdict, now.utc);
        let (uses, moved_on) = weigh::uses(&self.state, &located, verdict);
        let weight = weight_of(governed.as_ref());
        let verdict = moved_on.as_ref().unwrap_or(verdict);
        let asked = Asked { request, digest: decide.digest, asked_at: decide.received_at, verdict, weight };
        let outcome = weigh::apply(&self.state, &located, Some(key), &uses, None, &Event::Asked(asked), now.utc);
        let Some((decision, basis)) = outcome.decision else {
            return Performed::Now(Err(LedgerError::Panicked));
        };
        self.leave_unless_used(reserved, &outcome, weight);
        if basis != Basis::Replay {
            let names =
                Names { increment, asked: Some(key), ..self.names(&decide.origin, now.utc, Some(payment), request.expiry) };
            let names = Names { merchant: self.state.merchant(program, request), ..names };
            let place = self.state.write(&located, &names, &outcome, &mut self.undo);
            let received_at = decide.received_at;
            let counted = counted_by(&self.state, &located);
            let governed = governed.map(|governed| observed(governed, (request, verdict), (&uses, counted), &outcome, &located));
            let body = BodyRef::Decided { received_at, request, verdict, uses: &uses, outcome: &outcome };
            let recorded = self.record(&decide.origin, now.utc, Some(&decide.ruleset), governed.as_ref(), place, body);
            let handed =
                recorded.and_then(|()| self.hand_over_approved(&decide.origin, request, (over, &place), &outcome, now.utc));
            if let Err(error) = handed {
                return Performed::Now(Err(error));
            }
            // Of another question under the same key nothing is kept.
            if let Some(slip) = decide.slip.as_ref().filter(|_| outcome.answered.is_some()) {
                self.log.keep_slip(Arc::clone(slip));
            }
            if matches!(decision, Decision::Approve { .. }) {
                let from = self.approves_from.map_or(received_at, |from| from.min(received_at));
                self.approves_from = Some(from);
            }
        }
        let balance = match request.kind {
            AuthorizationKind::BalanceInquiry => located.account.and_then(|index| self.state.balance(index)),
            AuthorizationKind::Purchase
            | AuthorizationKind::PurchaseWithCashback
            | AuthorizationKind::CashWithdrawal
            | AuthorizationKind::QuasiCash
            | AuthorizationKind::BillPayment
            | AuthorizationKind::AccountVerification
            | AuthorizationKind::Incremental
            | AuthorizationKind::Credit
            | AuthorizationKind::Unknown => None,
        };
        let answer = Answer::Decided { decision, basis, balance, intent };
        match decision {
            Decision::Approve { .. } => Performed::OnceDurable(answer),
            Decision::Decline { .. } => {
                self.told_declines.extend(outcome.answered.map(|answered| (now.utc, key, answered)));
                // Its caller gets a name of ours, which has to be found from then on, and no other answer under it.
                if decide.slip.is_some() { Performed::OnceDurable(answer) } else { Performed::Now(Ok(answer)) }
            }
        }
    }

    /// Decides, and leaves everything as it was. A question that was never asked has no key to be found by.
    fn preview(&self, decide: &Decide, now: Timestamp) -> Performed {
        let Origin { program, platform, .. } = &decide.origin;
        let request = &decide.request;
        let located = locate_request(&self.state, program, platform.as_ref(), request);
        let located = where_it_was_told(&self.state, program, platform.as_ref(), request, located);
        let located = in_its_owners_name(&self.state, program, request, located);
        let (uses, moved_on) = weigh::uses(&self.state, &located, &decide.verdict);
        let weight = weight_of(decide.governed.as_ref());
        let verdict = moved_on.as_ref().unwrap_or(&decide.verdict);
        let asked = Asked { request, digest: decide.digest, asked_at: decide.received_at, verdict, weight };
        let outcome = weigh::apply(&self.state, &located, None, &uses, None, &Event::Asked(asked), now);
        let way = outcome.way;
        let previewed = outcome.decision.map(|(decision, _)| Answer::Previewed { decision, uses: uses.to_vec(), way });
        Performed::Now(previewed.ok_or(LedgerError::Panicked))
    }

    /// What is left of deciding while nothing can be written: a question that was answered before hears the same again.
    pub(super) fn say_again(&self, decide: &Decide, now: Timestamp, warmth: Warmth<'_>) -> Performed {
        let Origin { program, platform, .. } = &decide.origin;
        let request = &decide.request;
        let key = self.state.asked_name(program, platform.as_ref(), &request.key);
        let located = locate_request(&self.state, program, platform.as_ref(), request);
        if let Some(need) = self.need(&located, None, (Some(key), None), warmth) {
            return Performed::Cold(need);
        }
        if self.state.answered(key).is_none_or(|answered| !decide.digest.is_of(&answered.digest)) {
            return Performed::Now(Err(LedgerError::Unavailable));
        }
        let located = where_it_was_told(&self.state, program, platform.as_ref(), request, located);
        let weight = weight_of(decide.governed.as_ref());
        let asked = Asked { request, digest: decide.digest, asked_at: decide.received_at, verdict: &decide.verdict, weight };
        let again = weigh::apply(&self.state, &located, Some(key), &Uses::new(), None, &Event::Asked(asked), now);
        let (decision, basis) = match again.decision {
            Some(said) => said,
            None => return Performed::Now(Err(LedgerError::Panicked)),
        };
        Performed::Now(Ok(Answer::Decided { decision, basis, balance: None, intent: None }))
    }

    fn adopt(&mut self, adopt: &Adopt, now: &Moment, warmth: Warmth<'_>) -> Performed {
        let Origin { program, platform, .. } = &adopt.origin;
        let request = &adopt.request;
        let key = self.state.asked_name(program, platform.as_ref(), &request.key);
        let located = locate_adopted(&self.state, program, platform.as_ref(), request);
        let (payment, increment) = request.payments();
        if let Some(need) = self.need(&located, self.own_names(&adopt.origin, increment), (Some(key), None), warmth) {
            return Performed::Cold(need);
        }
        let joined = self.join_what_is_one(&adopt.origin, located, (Some(payment), increment), Some(&request.key), now.utc);
        let weight = weight_of(adopt.governed.as_ref());
        let (located, over) = match joined.and_then(|located| {
            self.asked_where(&adopt.origin, (request, TakesOver::by_answer(weight, &adopt.told)), located, now.utc)
        }) {
            Ok(found) => found,
            Err(error) => return Performed::Now(Err(error)),
        };
        let verdict = adopt.verdict.as_ref().map(|(verdict, _)| verdict);
        let reserved = verdict.and_then(|verdict| self.take_over(program, adopt.governed.as_ref(), verdict, now.utc));
        let adoption = Adoption { request, digest: adopt.digest, asked_at: adopt.received_at, told: adopt.told, verdict, weight };
        let outcome = weigh::apply(&self.state, &located, Some(key), &Uses::new(), None, &Event::Adopt(adoption), now.utc);
        self.leave_unless_used(reserved, &outcome, weight);
        let names = Names { increment, asked: Some(key), ..self.names(&adopt.origin, now.utc, Some(payment), request.expiry) };
        let names = Names { merchant: self.state.merchant(program, request), ..names };
        let place = self.state.write(&located, &names, &outcome, &mut self.undo);
        let finding = outcome.finding;
        let (received_at, told, basis) = (adopt.received_at, &adopt.told, &adopt.basis);
        let body = BodyRef::Adopted { received_at, request, verdict, told, basis, outcome: &outcome };
        let ruleset = adopt.verdict.as_ref().map(|(_, ruleset)| ruleset);
        let governed = adopt.governed.map(|governed| moved(governed, &outcome, &located));
        let recorded = self.record(&adopt.origin, now.utc, ruleset, governed.as_ref(), place, body);
        let recorded = recorded.and_then(|()| self.hand_over_approved(&adopt.origin, request, (over, &place), &outcome, now.utc));
        if let Some(slip) = adopt.slip.as_ref().filter(|_| outcome.answered.is_some()) {
            self.log.keep_slip(Arc::clone(slip));
        }
        once_durable(recorded, Answer::Recorded(finding))
    }

    pub(super) fn tell(&mut self, origin: &Origin, event: &ToldEvent, now: Timestamp, warmth: Warmth<'_>) -> Performed {
        let Origin { program, platform, .. } = origin;
        let told = self.state.told_name(program, platform.as_ref(), &event.key);
        if !self.state.was_told(told) {
            return match self.find_told(origin, event, now, warmth) {
                (_, Some(need)) => Performed::Cold(need),
                (located, None) => self.told(origin, event, &located, now),
            };
        }
        let (_, own) = payments_of(platform.as_ref(), event);
        let located = locate_event(&self.state, program, platform.as_ref(), event, now);
        if let Some(need) = self.need(&located, self.own_names(origin, own.as_ref()), (None, None), warmth) {
            return Performed::Cold(need);
        }
        self.told_again(origin, event, &located, now)
    }

    /// What an event is about that was not told before, and what of it has to be found first.
    pub(super) fn find_told(
        &self,
        origin: &Origin,
        event: &ToldEvent,
        now: Timestamp,
        warmth: Warmth<'_>,
    ) -> (Located, Option<Need>) {
        let Origin { program, platform, .. } = origin;
        let told = self.state.told_name(program, platform.as_ref(), &event.key);
        let (_, own) = payments_of(platform.as_ref(), event);
        let located = locate_event(&self.state, program, platform.as_ref(), event, now);
        let asked = asked_of(&event.fact).map(|key| self.state.asked_name(program, platform.as_ref(), &key));
        let need = self.need(&located, self.own_names(origin, own.as_ref()), (asked, Some(told)), warmth);
        (located, need)
    }

    /// What is told again is booked already. If it says something else by now, that is kept for somebody to look at.
    fn told_again(&mut self, origin: &Origin, event: &ToldEvent, located: &Located, now: Timestamp) -> Performed {
        let Some(differs) = difference(&self.state, origin, event, located) else {
            // Nothing to record; the first one's group is durable, or is this one.
            return Performed::OnceDurable(Answer::Recorded(Some(Finding::HeardBefore)));
        };
        let Unrecognized { digest, problem, redacted } = contradiction(event, differs);
        let body = BodyRef::Kept { digest: &digest, problem: &problem, redacted: &redacted };
        let recorded = self.record(origin, now, None, None, Place::default(), body);
        once_durable(recorded, Answer::Recorded(Some(Finding::Conflict)))
    }

    /// Applies a told event to what was found of it.
    pub(super) fn told(&mut self, origin: &Origin, event: &ToldEvent, located: &Located, now: Timestamp) -> Performed {
        let Origin { program, platform, .. } = origin;
        let (payment, other_name) = payments_of(platform.as_ref(), event);
        let own = self.own_names(origin, other_name.as_ref());
        // Where it is about what only its own name leads to, it is called by that.
        let is_its_own = own.zip(located.payment).is_some_and(|(own, meant)| own.first == meant.first);
        let names = (if is_its_own { other_name.as_ref() } else { payment.as_ref() }, other_name.as_ref());
        let added = if let Fact::Recorded { asked, increments: Some(_), .. } = &event.fact { Some(asked) } else { None };
        let located = match self.join_what_is_one(origin, *located, names, added, now) {
            Ok(located) => &{ located },
            Err(error) => return Performed::Now(Err(error)),
        };
        if let Err(error) = self.hand_over_told(origin, event, located, now) {
            return Performed::Now(Err(error));
        }
        let subject = subject_of(event);
        let asked = asked_of(&event.fact).map(|key| self.state.asked_name(program, platform.as_ref(), &key));
        let standing = weigh::standing_told(&self.state, &event.fact, located);
        let outcome = if origin.operator.is_some() && !weigh::may_stand(&self.state, &event.fact, located) {
            Outcome::nothing(Finding::Superseded)
        } else {
            let answer = answer_of(&self.state, program, platform.as_ref(), event, located);
            weigh::apply(&self.state, located, answer, &Uses::new(), standing, &Event::Told(event), now)
        };
        if outcome.finding == Some(Finding::HeardBefore) {
            return self.told_again(origin, event, located, now);
        }
        let told = heard(self.state.told_name(program, platform.as_ref(), &event.key), platform.as_ref(), event, &outcome);
        let told = told.map(|told| (told, content(event)));
        let names =
            Names { increment: other_name.as_ref(), asked, told, ..self.names(origin, now, payment.as_ref(), Expiry::Told) };
        let (located, names) = as_named(&self.state, event, located, names);
        let mut place = self.state.write(&located, &names, &outcome, &mut self.undo);
        if let Some(standing) = outcome.standing {
            place = self.state.write_standing(program, &subject, &located, standing, &mut self.undo);
        }
        let finding = outcome.finding;
        once_durable(
            self.record(origin, now, None, None, place, BodyRef::Told { event, outcome: &outcome }),
            Answer::Recorded(finding),
        )
    }

    /// Releases holds whose time has come, a few at a time; how many that were.
    pub fn expire(&mut self, now: Timestamp, most: usize) -> usize {
        let due = self.state.due(now, most);
        for index in &due {
            let Some(row) = self.state.hold(*index) else { continue };
            let cause = match row.expiry {
                Expiry::Ours => ReleaseCause::Expired,
                Expiry::Told => ReleaseCause::SafetyTimer,
            };
            let at = ends_at(&row.steps, row.hold.expires_at.unwrap_or(now));
            let Some(key) = timers_key(row.number, at) else { continue };
            let payment = PaymentRef::of(row.payment);
            let Some(program) = self.state.program_of(row.account) else { continue };
            let origin = Origin { program, platform: row.platform, operator: None };
            // By its place: its name may lead to another account's hold, which was there first.
            let names = self.state.payment_names(&program, origin.platform.as_ref(), &payment);
            let (located, fact) = (self.state.locate_hold(*index, names), Fact::Released { payment, cause });
            let subject = Subject::default();
            let event = ToldEvent { key, occurred_at: Some(at), network: None, settlement_day: None, subject, fact };
            drop(self.told(&origin, &event, &located, now));
            self.never_ended = self.never_ended.saturating_add(usize::from(cause == ReleaseCause::SafetyTimer));
        }
        due.len()
    }

    /// What every event's names have in common.
    pub(super) fn names<'a>(
        &self,
        origin: &'a Origin,
        at: Timestamp,
        payment: Option<&'a PaymentRef>,
        expiry: Expiry,
    ) -> Names<'a> {
        Names {
            program: &origin.program,
            platform: origin.platform.as_ref(),
            at,
            record: self.next_record(),
            payment,
            increment: None,
            expiry,
            number: None,
            asked: None,
            told: None,
            merchant: None,
        }
    }

    fn balances(&self, origin: &Origin, whose: &Whose) -> Vec<AccountStanding> {
        let program = &origin.program;
        let mut owner = None;
        let indexes: Vec<_> = match whose {
            Whose::Account(account) => self.state.account_named(program, account).into_iter().collect(),
            Whose::Card(card) => {
                let subject = Subject { card: Some(*card), ..Subject::default() };
                let located = self.state.locate(program, None, &subject, None);
                owner = self.state.owner_of(located.card);
                located.account.into_iter().collect()
            }
            Whose::Cardholder(cardholder) => {
                let cardholder = self.state.cardholder_named(program, cardholder);
                let row = cardholder.and_then(|index| self.state.cardholder(index));
                row.map(|row| row.accounts.iter().map(|(account, _)| *account).collect()).unwrap_or_default()
            }
        };
        let standings = indexes.into_iter().filter_map(|index| self.state.standing(index));
        standings.map(|standing| AccountStanding { owner, ..standing }).collect()
    }

    /// That it can be written, and nothing else.
    fn prove(&mut self, at: Timestamp) -> Result<(), LedgerError> {
        let (place, body) = (Place::default(), BodyRef::Opened);
        let proof = RecordRef { at, program: None, platform: None, ruleset: None, operator: None, governed: None, place, body };
        self.group.push(&proof).map_err(|_| LedgerError::Panicked)
    }

    pub(super) fn record(
        &mut self,
        origin: &Origin,
        at: Timestamp,
        ruleset: Option<&[u8; 32]>,
        governed: Option<&Governed>,
        place: Place,
        body: BodyRef<'_>,
    ) -> Result<(), LedgerError> {
        let (program, platform) = (Some(&origin.program), origin.platform.as_ref());
        let record = RecordRef { at, program, platform, ruleset, operator: origin.operator, governed, place, body };
        // The only way to a bug on purpose: everything of the act is written when it comes.
        #[cfg(test)]
        assert!(origin.program.as_str() != crate::ledger::conformance::PROGRAM_THAT_PANICS, "a bug, made for a test");
        self.group.push(&record).map_err(|_| LedgerError::Panicked)
    }
}

/// The answer to an act whose record was gathered.
pub(super) fn once_durable(recorded: Result<(), LedgerError>, answer: Answer) -> Performed {
    match recorded {
        Ok(()) => Performed::OnceDurable(answer),
        Err(error) => Performed::Now(Err(error)),
    }
}
