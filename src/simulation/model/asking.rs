//! What the model answers: questions, orders, and answers that were told without it.

use std::time::Duration;

use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, Finality};
use holdfast_core::rules::HoldPolicy;
use holdfast_core::{DeclineReason, Expiry, Padding, Posting, Timestamp};

use super::contrary::Written;
use super::filing::{File, Finds, Place};
use super::payment::{self, Approved, Ending, Entry, Line, Source, Word};
use super::sheet::Sheet;
use super::telling::corrected;
use super::{Answer, Change, Expected, Keyed, Known, Meaning, Model, Tally};
use crate::simulation::deed::{Command, Heard, Holder, Question, Wants};
use crate::simulation::limits::Limit;

/// What may be approved, how much on top of it may be held, and the way that it takes.
struct Granted {
    amount: i64,
    extra: i64,
    way: Option<u8>,
}

/// Where an approval counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// In no limit.
    Nowhere,
    /// In those of this way.
    On(Option<u8>),
}

/// Whether a question comes for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    First,
    Again,
}

impl Model {
    /// A platform asks.
    pub fn ask(&mut self, question: &Question) -> Expected {
        if question.late {
            return Expected::Late;
        }
        self.put_together(&question.of, question.own_label(), Finds::ByPayment);
        let key = (Keyed::Question, question.program, question.key);
        if let Some(known) = self.known(key) {
            return Expected::Decided(self.said_again(&known, question));
        }
        let mut once_approved = None;
        match self.written_elsewhere(question) {
            Some(Written::Stays(_, word)) => {
                self.contrary += 1;
                let answer = match word.amount() {
                    Some(amount) => Answer::Yes(amount.min(question.amount)),
                    None => Answer::No(DeclineReason::TransactionNotPermitted),
                };
                return self.answered(question, answer);
            }
            Some(Written::GoesNow(place)) => self.carry_to_what_is_asked(question, place),
            Some(Written::GoesOnceApproved(place)) => once_approved = Some(place),
            None => {}
        }
        let payment = self.file(&question.of);
        if payment::approvals(&payment.entries).any(|(known, _)| known == question.key) {
            let said = payment::said_yes_to(&payment.entries, question.key);
            let answer = said.map_or(Answer::No(DeclineReason::AnswerUnknown), Answer::Yes);
            return Expected::Decided(self.by_the_books(question, answer, Time::Again));
        }
        let found = self.place(&question.of);
        if let Some(amount) = self.written_into_ours(question, found) {
            // What is over is not laid down once more.
            let is_there = self.stands(found);
            let answer = if is_there {
                Answer::Yes(amount.min(question.amount))
            } else {
                Answer::No(DeclineReason::TransactionNotPermitted)
            };
            return self.answered(question, answer);
        }
        let said = payment::last_word(&self.file(&question.of).entries, question.key);
        let answer = match self.judge(question) {
            // The platform wrote so before it asked.
            Ok(_) if said == Some(Word::No) => Answer::No(DeclineReason::TransactionNotPermitted),
            Ok(granted) => {
                // As much as it wrote is laid down, and no more is said.
                let written = said.and_then(Word::amount).unwrap_or(granted.amount);
                let granted = Granted { amount: granted.amount.min(written), ..granted };
                self.approve(question, &granted);
                once_approved.into_iter().for_each(|place| self.carry_to_what_is_asked(question, place));
                Answer::Yes(granted.amount)
            }
            Err(reason) => self.by_the_books(question, Answer::No(reason), Time::First),
        };
        self.answered(question, answer)
    }

    /// An answer that is given for the first time.
    fn answered(&mut self, question: &Question, answer: Answer) -> Expected {
        let key = (Keyed::Question, question.program, question.key);
        let known = Known { meaning: Meaning::Question(*question), answer, asked_at: question.received_at };
        if let Answer::No(_) = answer {
            self.declines.push((key, known));
        }
        self.remember(key, known);
        Expected::Decided(answer)
    }

    /// Whether something of its payment is there.
    fn stands(&self, found: Option<Place>) -> bool {
        self.at(found).is_some_and(|File { sheet, .. }| sheet.is_under_way() || sheet.captured > 0)
    }

    /// What the platform wrote of this question into a payment that another one of our approvals opened.
    fn written_into_ours(&self, question: &Question, found: Option<Place>) -> Option<i64> {
        let entries = self.entries_at(found);
        if !payment::opened(entries) || question.adds() || question.foreign || !question.wants_money() {
            return None;
        }
        payment::last_word(entries, question.key).and_then(Word::amount).filter(|amount| *amount > 0)
    }

    /// A platform asks while nothing can be written: only what was answered before is said.
    pub fn ask_in_vain(&self, question: &Question) -> Expected {
        let known = self.known((Keyed::Question, question.program, question.key));
        let again = known.filter(|known| matches!(&known.meaning, Meaning::Question(before) if before.is_again(question)));
        again.map_or(Expected::Unavailable, |known| Expected::Decided(self.by_the_books(question, known.answer, Time::Again)))
    }

    fn said_again(&self, known: &Known, question: &Question) -> Answer {
        match &known.meaning {
            Meaning::Question(before) if before.is_again(question) => self.by_the_books(question, known.answer, Time::Again),
            Meaning::Question(_) | Meaning::Order(_) => Answer::No(DeclineReason::ConflictingDuplicate),
        }
    }

    /// An answer held against what the platform wrote into the payment's account: what it struck is not said yes to again, and
    /// what it wrote in is not said no to.
    fn by_the_books(&self, question: &Question, answer: Answer, time: Time) -> Answer {
        let written = self.written_elsewhere(question).and_then(|written| match written {
            Written::Stays(place, _) => Some(place),
            Written::GoesNow(_) | Written::GoesOnceApproved(_) => None,
        });
        let books = written.or_else(|| self.place(&question.of));
        let File { entries, sheet, .. } = self.file_in(books, &question.of);
        match answer {
            // In another currency than it was written in.
            Answer::Yes(_) if question.foreign => Answer::No(DeclineReason::CurrencyNotAllowed),
            Answer::Yes(_)
                if time == Time::Again
                    && sheet.captured == 0
                    && (payment::struck(entries, question.key)
                        || (question.wants_money() && payment::struck_with(entries, question.key))) =>
            {
                Answer::No(DeclineReason::TransactionNotPermitted)
            }
            // Whatever was written, nobody hears yes to more than he asks.
            Answer::Yes(amount) if amount > question.amount => Answer::Yes(question.amount),
            Answer::No(_) if question.wants_money() && !question.foreign && (sheet.is_under_way() || sheet.captured > 0) => {
                let yes = written_yes(question, entries).filter(|_| has_what_it_added(question, entries, sheet));
                yes.map_or(answer, |amount| Answer::Yes(amount.min(question.amount)))
            }
            Answer::Yes(_) | Answer::YesAbroad(_) | Answer::No(_) => answer,
        }
    }

    fn judge(&self, question: &Question) -> Result<Granted, DeclineReason> {
        self.standing(question)?;
        if question.foreign {
            return Err(DeclineReason::CurrencyNotAllowed);
        }
        if question.refused {
            return Err(DeclineReason::MerchantNotAllowed);
        }
        let cost = self.cost(question)?;
        let account = &self.accounts[question.account];
        let funds = account.posted - account.held + account.credit_line - cost + question.amount;
        let entries = &self.file(&question.of).entries;
        let paid_already = question.wants_money() && !question.adds() && cost <= 0 && !payment::opened(entries);
        let (way, amount) = if paid_already {
            // A way is found whatever the funds are.
            let way = self.way(question).map_or(question.each_way().next().flatten(), |(way, _)| way);
            (way, question.amount)
        } else {
            self.room(question, funds)?
        };
        let padded = question.posting == Posting::Hold && question.padding == Padding::None;
        Ok(Granted { amount, way, extra: if padded { question.policy.extra.min(funds - amount).max(0) } else { 0 } })
    }

    fn standing(&self, question: &Question) -> Result<(), DeclineReason> {
        let (card, account) = (&self.cards[question.card], &self.accounts[question.account]);
        match question.in_the_name_of {
            Holder::NotTold | Holder::Owner => {}
            Holder::Another | Holder::Nobody => return Err(DeclineReason::CardUnknown),
        }
        match card.status.1 {
            CardStatus::Active => {}
            CardStatus::Unactivated => return Err(DeclineReason::CardNotActive),
            CardStatus::Frozen => return Err(DeclineReason::CardFrozen),
            CardStatus::Lost => return Err(DeclineReason::CardLost),
            CardStatus::Stolen => return Err(DeclineReason::CardStolen),
            CardStatus::Expired => return Err(DeclineReason::CardExpired),
            CardStatus::Closed => return Err(DeclineReason::CardClosed),
        }
        match account.owner.1 {
            CardholderStatus::Active => {}
            CardholderStatus::Suspended | CardholderStatus::Closed | CardholderStatus::Unverified => {
                return Err(DeclineReason::CardholderNotActive);
            }
        }
        match account.status.1 {
            AccountStatus::Active => Ok(()),
            AccountStatus::Frozen => Err(DeclineReason::AccountFrozen),
            AccountStatus::Closed => Err(DeclineReason::AccountClosed),
        }
    }

    /// What an approval in full would take away from what can be spent.
    fn cost(&self, question: &Question) -> Result<i64, DeclineReason> {
        if !question.wants_money() {
            return Ok(0);
        }
        let payment = self.file(&question.of);
        if question.adds() && !payment.sheet.is_under_way() {
            return Err(DeclineReason::AuthorizationUnknown);
        }
        let mut entries = payment.entries.clone();
        payment::write(&mut entries, now_approved(question, &payment.entries, approval(question, question.amount, 0, 0)));
        let (before, after) = (&payment.sheet, Sheet::of(&entries));
        // What the merchant has of it is paid, if somebody wrote that this is what was approved.
        let is_paid = after.captured > 0 && written_yes(question, &payment.entries).is_some();
        if !is_paid && !after.is_under_way() && after.captured < after.authorized.max(question.amount) {
            return Err(DeclineReason::AuthorizationOver);
        }
        Ok(before.posted() - after.posted() + after.held - before.held)
    }

    /// How much of a question limits and funds leave room for, and on which way.
    fn room(&self, question: &Question, funds: i64) -> Result<(Option<u8>, i64), DeclineReason> {
        let (way, most) = self.way(question)?;
        // Nothing needs no funds, however far below zero they are.
        if question.wants_money() && question.amount > 0 {
            let amount = self.within(question, most, funds).ok_or(DeclineReason::InsufficientFunds)?;
            Ok((way, amount))
        } else {
            Ok((way, most))
        }
    }

    fn approve(&mut self, question: &Question, granted: &Granted) {
        if question.wants_money() {
            let entry = approval(question, granted.amount, granted.extra, question.policy.tolerance);
            let entry = now_approved(question, &self.file(&question.of).entries, entry);
            self.enter_approval(question, self.place(&question.of), entry, Counts::On(granted.way));
        } else {
            self.count_only(question, granted.way);
        }
    }

    fn enter_approval(&mut self, question: &Question, found: Option<Place>, entry: Entry, counts: Counts) {
        let place = self.file_to_change(&question.of, question.own_label(), found);
        let file = &mut self.payments[place.payment].files[place.file];
        let card = *file.card.get_or_insert(question.card);
        let counted = file.places.iter().any(|place| place.question == question.key);
        let places = match counts {
            Counts::On(way) if !counted => places(question, card, way),
            Counts::On(_) | Counts::Nowhere => Vec::new(),
        };
        self.enter(place, entry, &places);
    }

    /// What needs no money only counts.
    fn count_only(&mut self, question: &Question, way: Option<u8>) {
        if question.transactions() == 0 {
            return;
        }
        self.changes.push(Change::Counted(self.counted.len()));
        // Of a payment that is there it counts where that does.
        let card = self.file(&question.of).card.unwrap_or(question.card);
        let places = places(question, card, way);
        self.changed |= !places.is_empty();
        self.counted.extend(places.into_iter().map(|place| Tally { count: question.transactions(), ..place }));
    }

    /// A platform heard an answer from somebody else.
    pub fn adopt(&mut self, question: &Question, heard: Heard) -> Expected {
        let key = (Keyed::Question, question.program, question.key);
        let told = match heard {
            Heard::Yes(amount) if question.foreign => Answer::YesAbroad(amount),
            Heard::Yes(amount) => Answer::Yes(amount),
            Heard::No => Answer::No(DeclineReason::LedgerUnavailable),
        };
        // What was told under the increment's own name only is of this payment, too: somebody approved both.
        let found = self.put_together(&question.of, question.own_label(), Finds::ByOwnName);
        let (mut elsewhere, mut once_approved) = (None, None);
        match (self.written_elsewhere(question), heard) {
            // Nobody said yes to it where it is asked of.
            (Some(Written::Stays(place, _)), _) | (Some(Written::GoesNow(place)), Heard::No) => elsewhere = Some(place),
            (Some(Written::GoesNow(place)), Heard::Yes(_)) => self.carry_to_what_is_asked(question, place),
            (Some(Written::GoesOnceApproved(place)), _) => once_approved = Some(place),
            (None, _) => {}
        }
        let found = elsewhere.or(found);
        self.contrary += u64::from(elsewhere.is_some());
        if let Some(known) = self.known(key) {
            let another = !matches!(&known.meaning, Meaning::Question(before) if before.is_again(question));
            let first_was_told_more = known.asked_at != question.received_at && known.answer.amount() > told.amount();
            // What could not be booked is not heard: no account here has that currency.
            let unbooked = question.foreign && matches!(heard, Heard::Yes(_));
            let settled = !another && self.settled(question, found, told, known.answer);
            if another || known.answer == told || settled || first_was_told_more {
                return Expected::Recorded { again: (known.answer == told || settled) && !another && !unbooked };
            }
        }
        let approved = payment::approvals(self.entries_at(found)).any(|(known, _)| known == question.key);
        // Nobody looked at which way has room.
        let way = question.each_way().next().flatten();
        let counts = if question.refused { Counts::Nowhere } else { Counts::On(way) };
        match heard {
            Heard::No if approved => {
                let entry = as_known(self.entries_at(found), adopted(question, 0));
                self.enter_approval(question, found, entry, counts);
            }
            Heard::No => {}
            Heard::Yes(_) if question.foreign || elsewhere.is_some() => {}
            Heard::Yes(_) if !approved && self.stands(found) && self.written_into_ours(question, found).is_some() => {}
            Heard::Yes(amount) if question.wants_money() => {
                let (entries, entry) = (self.entries_at(found), adopted(question, amount));
                let entry = if approved { as_known(entries, entry) } else { now_approved(question, entries, entry) };
                self.enter_approval(question, found, entry, counts);
                once_approved.into_iter().for_each(|place| self.carry_to_what_is_asked(question, place));
            }
            Heard::Yes(_) if question.refused => {}
            Heard::Yes(_) => self.count_only(question, way),
        }
        let answer = corrected(told, self.entries_at(found), question.key);
        self.remember(key, Known { meaning: Meaning::Question(*question), answer, asked_at: question.received_at });
        Expected::Recorded { again: false }
    }

    /// Whether a yes is what is known of a question already, after what the platform wrote of it, with nothing of ours in its name.
    fn settled(&self, question: &Question, found: Option<Place>, told: Answer, known: Answer) -> bool {
        let entries = self.entries_at(found);
        let ours = payment::approvals(entries).any(|(known, _)| known == question.key);
        let word = payment::last_word(entries, question.key);
        matches!(told, Answer::Yes(_)) && !ours && word.is_some() && corrected(told, entries, question.key) == known
    }

    /// A program orders something.
    pub fn order(&mut self, command: &Command, now: Timestamp) -> Expected {
        let key = (Keyed::Order, command.program, command.key);
        if let Some(known) = self.known(key) {
            let again = matches!(&known.meaning, Meaning::Order(before) if before.wants == command.wants);
            return Expected::Decided(if again { known.answer } else { Answer::No(DeclineReason::ConflictingDuplicate) });
        }
        let (line, amount) = match command.wants {
            Wants::Capture(amount, finality) => (Line::Taken { amount, finality }, amount),
            Wants::Release => (Line::Ended(Ending::Reversed), 0),
            Wants::Refund(amount) => (Line::Moved { amount, refund: true }, amount),
        };
        let source = Source::Order(command.key);
        let entry = self.file(&command.of).entries.iter().find(|entry| entry.source == source);
        if let Some(entry) = entry {
            let again = entry.line == line;
            return Expected::Decided(if again { Answer::Yes(amount) } else { Answer::No(DeclineReason::ConflictingDuplicate) });
        }
        let answer = match self.refuse(command) {
            Some(reason) => Answer::No(reason),
            None => {
                let at = payment::below(&self.file(&command.of).entries, now);
                let place = self.file_to_change(&command.of, None, self.place(&command.of));
                self.enter(place, Entry { source, at, line }, &[]);
                Answer::Yes(amount)
            }
        };
        self.remember(key, Known { meaning: Meaning::Order(*command), answer, asked_at: now });
        Expected::Decided(answer)
    }

    /// Why an order cannot be obeyed.
    fn refuse(&self, command: &Command) -> Option<DeclineReason> {
        let payment = self.file(&command.of);
        let sheet = &payment.sheet;
        if payment.entries.is_empty() {
            return Some(DeclineReason::AuthorizationUnknown);
        }
        match command.wants {
            Wants::Capture(..) | Wants::Release if !sheet.is_under_way() => Some(DeclineReason::AuthorizationOver),
            // A payment that was debited at once ends with what was captured: the rest comes back, and no refund of it with it.
            Wants::Release if sheet.ahead > 0 && sheet.refunded > sheet.captured => Some(DeclineReason::RefundAboveCaptured),
            Wants::Release => None,
            Wants::Capture(amount, finality) if amount < i64::from(finality == Finality::More) => {
                Some(DeclineReason::AmountBelowMinimum)
            }
            Wants::Capture(amount, _) if amount > sheet.authorized + sheet.tolerance - sheet.captured => {
                Some(DeclineReason::CaptureAboveAuthorized)
            }
            Wants::Refund(amount) if amount < 1 => Some(DeclineReason::AmountBelowMinimum),
            Wants::Capture(amount, Finality::Final) if sheet.ahead > 0 && sheet.refunded > sheet.captured + amount => {
                Some(DeclineReason::RefundAboveCaptured)
            }
            Wants::Refund(amount) if amount > sheet.captured + sheet.ahead - sheet.refunded => {
                Some(DeclineReason::RefundAboveCaptured)
            }
            Wants::Capture(..) | Wants::Refund(_) => None,
        }
    }
}

fn adopted(question: &Question, amount: i64) -> Entry {
    approval(question, amount, 0, if question.refused { 0 } else { question.policy.tolerance })
}

/// An approval of now: only the first one opens a payment, and what comes after it comes after all that is known; by our clock,
/// at the beginning of the second.
fn now_approved(question: &Question, entries: &[Entry], entry: Entry) -> Entry {
    match entry.line {
        Line::Approved(approved) if !approved.opening || payment::opened(entries) => {
            let line = Line::Approved(Approved { opening: false, ..approved });
            let second = Timestamp::from_unix_seconds(entry.at.unix_seconds());
            // What was written in as added stays there.
            let written = payment::added_at(entries, question.key);
            let at = written.unwrap_or_else(|| payment::below_what_was_settled(entries, stamped(question).unwrap_or(second)));
            Entry { at, line, ..entry }
        }
        Line::Approved(_)
        | Line::Word { .. }
        | Line::Less { .. }
        | Line::Total(_)
        | Line::Ended(_)
        | Line::Taken { .. }
        | Line::Moved { .. } => entry,
    }
}

/// An approval that is told anew opens what it opened.
fn as_known(entries: &[Entry], entry: Entry) -> Entry {
    let known = entries.iter().find(|known| known.source == entry.source).map(|known| known.line);
    match (known, entry.line) {
        (Some(Line::Approved(known)), Line::Approved(approved)) => {
            Entry { line: Line::Approved(Approved { opening: known.opening, ..approved }), ..entry }
        }
        (_, _) => entry,
    }
}

/// The entry of an approval.
fn approval(question: &Question, amount: i64, extra: i64, tolerance: i64) -> Entry {
    let policy = if question.refused { HoldPolicy::PLAIN } else { question.policy };
    let seconds = match question.expiry {
        Expiry::Told => policy.safety_timer_seconds,
        Expiry::Ours => policy.lifetime_seconds,
    };
    let expires_at = question.received_at.saturating_add(Duration::from_secs(u64::from(seconds)));
    let approved = Approved {
        amount,
        extra,
        tolerance,
        posting: question.posting,
        opening: !question.adds(),
        transactions: question.transactions(),
        expires_at: (question.posting == Posting::Hold).then_some(expires_at),
        original: question.original.filter(|_| amount == question.amount),
    };
    let at = stamped(question).unwrap_or(question.received_at);
    Entry { source: Source::Question(question.key), at, line: Line::Approved(approved) }
}

/// How much the platform wrote yes to that this question asks for: by its name, or of a payment that nobody else asked for.
fn written_yes(question: &Question, entries: &[Entry]) -> Option<i64> {
    match payment::last_word(entries, question.key) {
        Some(_) => payment::said_yes_to(entries, question.key),
        None if question.adds() || payment::opened(entries) => None,
        None => {
            let told = payment::opening_word(entries).and_then(Word::amount);
            told.filter(|told| (1..=*told).contains(&question.amount)).map(|_| question.amount)
        }
    }
}

/// Whether the pile still has, or the merchant took, as much of what a question added as would be said yes to. What the payment began with goes
/// by the payment.
fn has_what_it_added(question: &Question, entries: &[Entry], sheet: &Sheet) -> bool {
    let written = payment::last_word(entries, question.key).and_then(Word::amount).unwrap_or(0);
    !payment::is_addition(entries, question.key) || sheet.has_of(question.key, written.min(question.amount))
}

/// The places in which a question counts on a way, with nothing in them yet.
fn places(question: &Question, card: usize, way: Option<u8>) -> Vec<Tally> {
    let place = |(limit, of): (usize, &Limit)| Tally {
        question: question.key,
        program: question.program,
        limit,
        whose: Model::whose(limit, card, question.account),
        window: of.window(question.received_at),
        amount: 0,
        count: 0,
    };
    question.applying().filter(|(number, _)| !question.is_elsewhere(*number, way)).map(place).collect()
}

/// When a question says that it was asked; one from a future of more than five minutes says nothing that counts.
fn stamped(question: &Question) -> Option<Timestamp> {
    let latest = question.received_at.saturating_add(Duration::from_secs(300));
    question.occurred_at.map(|at| if at > latest { question.received_at } else { at })
}
