//! From a record to rows: what it says became of it is written to the rows that it says it is about. Nothing is decided, and
//! nothing is looked up that a record could have said.

use holdfast_core::hold::{
    AccountStatus, Answered, CardStatus, Fact, Finding, Hold, HoldStatus, Mark, MovementCause, Outcome, Standing, Subject,
    ToldEvent, is_opened_by, knows_increment,
};
use holdfast_core::{
    AccountId, AuthorizationRequest, CardToken, CardholderToken, Expiry, IdempotencyKey, Money, NetworkName, PaymentRef,
    ProgramId, Timestamp,
};
use rusqlite::params;
use smallvec::SmallVec;

use super::batch::{Batch, Key};
use super::rows::{AccountKept, CardKept, CardholderKept, HoldKept};
use super::words;
use crate::journal::{Body, Record};
use crate::ledger::embedded::contradiction::content;
use crate::ledger::embedded::naming::{asked_of, heard, how_long, is_of_timer, payments_of, subject_of};
use crate::ledger::embedded::rebuild::{entered_account, entered_at};
use crate::ledger::embedded::state::{AccountIndex, CardAct, CardIndex, HoldNumber, HoldRow, Last, NameKey, Takes};
use crate::settlement_day::{When, completed_on, is_debited_at_once, network_of};

/// One record on its way into a batch.
pub(super) struct Applying<'a, 'c> {
    pub batch: &'a mut Batch<'c>,
    pub key: NameKey,
    pub number: i64,
    pub record: &'a Record,
    pub program: &'a ProgramId,
}

/// What an outcome is about, where its place does not say so.
pub(super) struct About<'a> {
    pub payment: Option<&'a PaymentRef>,
    /// For an increment: its own name; for a told message, what others may call its payment by it.
    pub increment: Option<&'a PaymentRef>,
    pub expiry: Expiry,
    pub asked: Option<(IdempotencyKey, Key)>,
    /// Whom a question is to pay.
    pub merchant: Option<u32>,
}

/// A row that a record names is not there: the file does not follow from the journal.
pub(super) fn missing() -> rusqlite::Error {
    rusqlite::Error::QueryReturnedNoRows
}

impl Applying<'_, '_> {
    /// Writes what the record says.
    pub fn apply(mut self) -> rusqlite::Result<()> {
        self.batch.came(self.record.at);
        self.write()?;
        self.batch.applied()
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        match &self.record.body {
            Body::Decided { request, outcome, .. } => {
                let (payment, increment) = request.payments();
                // What was answered before is answered again, and leaves no record.
                let (asked, merchant) = (Some((request.key, Key::New)), self.merchant(request));
                self.outcome(&About { payment: Some(payment), increment, expiry: request.expiry, asked, merchant }, outcome)
            }
            Body::Adopted { request, outcome, .. } => {
                let (payment, increment) = request.payments();
                let (asked, merchant) = (Some((request.key, Key::Perhaps)), self.merchant(request));
                self.outcome(&About { payment: Some(payment), increment, expiry: request.expiry, asked, merchant }, outcome)
            }
            Body::Told { event, outcome } => self.told(event, outcome),
            Body::Ordered { key, payment, outcome, .. } => {
                let (payment, asked, expiry) = (Some(payment), Some((*key, Key::Perhaps)), Expiry::Ours);
                let about = About { payment, increment: None, expiry, asked, merchant: None };
                self.outcome(&about, outcome)
            }
            Body::AccountEntered { account, balance, credit_line, status } => {
                self.account_entered(account, *balance, *credit_line, *status)
            }
            Body::CardEntered { card, cardholder, status, .. } => self.card_entered(card, cardholder.as_ref(), *status),
            Body::Joined { gives, outcome, .. } => self.joined(HoldNumber(*gives), outcome),
            Body::Reassigned { payment, increment, words, side, outcome } => {
                self.reassigned((payment, increment), words, *side, outcome)
            }
            Body::Kept { .. } | Body::RulesPublished | Body::Opened | Body::Trimmed { .. } => Ok(()),
        }
    }

    fn merchant(&self, request: &AuthorizationRequest) -> Option<u32> {
        self.key.merchant(self.program, &request.merchant)
    }

    fn told(&mut self, event: &ToldEvent, outcome: &Outcome) -> rusqlite::Result<()> {
        let (payment, other_name) = self.names_of(event)?;
        let asked = asked_of(&event.fact).map(|key| (key, Key::Perhaps));
        let about =
            About { payment: payment.as_ref(), increment: other_name.as_ref(), expiry: Expiry::Told, asked, merchant: None };
        self.outcome(&about, outcome)?;
        let name = self.key.told(self.program, self.record.platform.as_ref(), &event.key);
        if let Some(name) = heard(name, self.record.platform.as_ref(), event, outcome) {
            self.batch.connection().prepare_cached("INSERT INTO told VALUES (?1, ?2, ?3)")?.execute(params![
                self.number,
                self.record.at.unix_micros(),
                &words::bytes_of(name)[..]
            ])?;
            if self.how_long(event, outcome)? == Last::Yes {
                let mut lasts = self.batch.connection().prepare_cached("INSERT OR IGNORE INTO told_for_ever VALUES (?1)")?;
                lasts.execute([&words::bytes_of(name)[..]])?;
                let mut contents =
                    self.batch.connection().prepare_cached("INSERT OR IGNORE INTO told_content VALUES (?1, ?2)")?;
                contents.execute(params![&words::bytes_of(name)[..], content(event).to_column()])?;
            }
        }
        match outcome.standing {
            Some((standing, mark)) => self.stands(&subject_of(event), standing, mark),
            None => Ok(()),
        }
    }

    /// How long a message's key is remembered, once its payment is written.
    fn how_long(&mut self, event: &ToldEvent, outcome: &Outcome) -> rusqlite::Result<Last> {
        let number = self.record.place.hold.map(HoldNumber);
        let (called, _) = payments_of(self.record.platform.as_ref(), event);
        let called = called.filter(|_| !number.is_some_and(|number| is_of_timer(event, number)));
        let kept = number.map(|number| self.batch.hold(number)).transpose()?.flatten();
        Ok(how_long(outcome, called.as_ref(), kept.map(|kept| &kept.row)))
    }

    /// The names that an event gives to what it is about.
    fn names_of(&mut self, event: &ToldEvent) -> rusqlite::Result<(Option<PaymentRef>, Option<PaymentRef>)> {
        let (payment, other_name) = payments_of(self.record.platform.as_ref(), event);
        let Some(number) = self.record.place.hold.map(HoldNumber) else { return Ok((payment, other_name)) };
        if is_of_timer(event, number) {
            return Ok((None, None));
        }
        let Fact::Recorded { increments: Some(increments), .. } = &event.fact else { return Ok((payment, other_name)) };
        let Some(kept) = self.batch.hold(number)? else { return Ok((payment, other_name)) };
        let (opened, known) = (is_opened_by(&kept.row.steps, &event.fact), knows_increment(&kept.row.steps, &event.fact));
        let names = self.key.payment(self.program, self.record.platform.as_ref(), increments);
        // What is said to add to another payment than it was approved as, or for, or told of before, gives it no name of that.
        let is_its_own = opened || (known && self.batch.named(names.iter())?.is_some_and(|other| other != number));
        Ok((if is_its_own { other_name } else { payment }, other_name))
    }

    pub(super) fn outcome(&mut self, about: &About<'_>, outcome: &Outcome) -> rusqlite::Result<()> {
        let place = &self.record.place;
        let known = match place.hold.filter(|_| !outcome.counted.is_empty()) {
            Some(number) => self.batch.hold(HoldNumber(number))?.map(|kept| kept.row.counted.clone()).unwrap_or_default(),
            None => SmallVec::new(),
        };
        if let Some(hold) = outcome.hold {
            self.hold(about, outcome, hold)?;
        }
        if let Some(number) = place.hold {
            self.heard_of(HoldNumber(number))?;
        }
        if let Some(account) = place.account
            && (outcome.posted != 0 || outcome.held != 0)
        {
            self.movement(outcome, account)?;
        }
        for counted in &outcome.counted {
            self.batch.count(place, counted, &known, self.record.at)?;
        }
        self.answer(about.asked, outcome.answered)
    }

    /// A record is about a hold: what it tells of the network, and of the day, counts for what moved before it too.
    pub(super) fn heard_of(&mut self, number: HoldNumber) -> rusqlite::Result<()> {
        let (network, day) = (network_of(self.record), completed_on(self.record));
        let connection = self.batch.connection();
        let kept = self.batch.hold(number)?.ok_or_else(missing)?;
        let named = network.filter(|_| kept.network.is_none());
        kept.network = kept.network.or(named);
        // Most records are their hold's first: nothing moved before them.
        if !kept.records.is_empty() {
            if let Some(network) = named {
                let sql = "UPDATE movement SET network = ?2 WHERE record = ?1 AND network IS NULL";
                let mut update = connection.prepare_cached(sql)?;
                kept.records.iter().try_for_each(|record| update.execute(params![record, network.as_str()]).map(drop))?;
            }
            if let Some(day) = day {
                let sql = "UPDATE movement SET settlement_day = ?2 WHERE record = ?1 AND at_once = 1 AND settlement_day IS NULL";
                let mut update = connection.prepare_cached(sql)?;
                kept.records.iter().try_for_each(|record| update.execute(params![record, day]).map(drop))?;
            }
        }
        kept.records.push(self.number);
        Ok(())
    }

    fn answer(&mut self, asked: Option<(IdempotencyKey, Key)>, answered: Option<Answered>) -> rusqlite::Result<()> {
        let Some(((asked, key), answered)) = asked.zip(answered) else { return Ok(()) };
        let name = self.key.asked(self.program, self.record.platform.as_ref(), &asked);
        self.batch.answered(self.number, self.record.at, name, answered, key)
    }

    fn hold(&mut self, about: &About<'_>, outcome: &Outcome, hold: Hold) -> rusqlite::Result<()> {
        let Some(number) = self.record.place.hold.map(HoldNumber) else { return Ok(()) };
        let mut takes = Takes::WhatIsFree;
        if number.0 >= self.batch.next_hold() {
            self.hold_placed(number, about, hold)?;
            takes = Takes::OfWhatEnded;
        }
        let kept = self.batch.hold(number)?.ok_or_else(missing)?;
        // One that was told of first, by its account alone, is placed with the card that asks.
        let had_card = kept.row.card.is_some();
        let act = CardAct::of(Some(&kept.row), outcome);
        kept.row.card = kept.row.card.or(self.record.place.card.map(CardIndex));
        let card = kept.row.card;
        kept.row.take(hold, outcome.step, &outcome.counted);
        kept.changed_at = self.record.at;
        kept.changed_by = self.number;
        if !had_card {
            self.batch.list_with_card(number, card)?;
        }
        self.batch.card_acted(card, act, self.record.at, about.merchant)?;
        if hold.status != HoldStatus::Open {
            self.ended(number)?;
        }
        let (platform, payments) = (self.record.platform.as_ref(), about.payment.into_iter().chain(about.increment));
        for name in payments.flat_map(|payment| self.key.payment(self.program, platform, payment).iter()) {
            self.batch.name_hold(name, number, self.record.place.naming, takes)?;
        }
        Ok(())
    }

    /// The record ended a hold, or changed it after its end.
    pub(super) fn ended(&self, number: HoldNumber) -> rusqlite::Result<()> {
        let mut ended = self.batch.connection().prepare_cached("INSERT INTO ended VALUES (?1, ?2, ?3)")?;
        ended.execute(params![self.number, self.record.at.unix_micros(), number.0.cast_signed()]).map(drop)
    }

    fn hold_placed(&mut self, number: HoldNumber, about: &About<'_>, hold: Hold) -> rusqlite::Result<()> {
        let place = &self.record.place;
        let row = HoldRow {
            number,
            account: place.account.map(AccountIndex).ok_or_else(missing)?,
            card: place.card.map(CardIndex),
            platform: self.record.platform,
            payment: about.payment.ok_or_else(missing)?.authorization,
            expiry: about.expiry,
            hold,
            steps: SmallVec::new(),
            counted: SmallVec::new(),
            names: SmallVec::new(),
        };
        let (program, at) = (*self.program, self.record.at);
        let records = SmallVec::new();
        self.batch.place_hold(HoldKept {
            program,
            row,
            opened_at: at,
            changed_at: at,
            changed_by: self.number,
            network: None,
            records,
            older_of_account: None,
            older_of_card: None,
        })
    }

    /// Moves money: what is on the account, and the line that says so, the newest in the account's list.
    pub(super) fn movement(&mut self, outcome: &Outcome, account: u32) -> rusqlite::Result<()> {
        let purse = self.batch.purse(account)?.ok_or_else(missing)?;
        purse.posted = purse.posted.saturating_add(outcome.posted);
        purse.held = purse.held.saturating_add(outcome.held);
        let older = purse.last_movement.replace(self.number);
        let after = *purse;
        let Record { at, place, .. } = self.record;
        let When { settlement_day, happened_at } = When::of(self.record);
        let own = network_of(self.record);
        let of_payment = match (own, place.hold) {
            (None, Some(number)) => self.batch.hold(HoldNumber(number))?.and_then(|kept| kept.network),
            (Some(_), _) | (None, None) => None,
        };
        self.batch.add_movement(params![
            self.number,
            at.unix_micros(),
            self.program.as_str(),
            account,
            place.hold.map(u64::cast_signed),
            outcome.posted,
            outcome.held,
            outcome.cause.map(words::cause_name),
            own.or(of_payment).as_ref().map(NetworkName::as_str),
            after.currency.code(),
            settlement_day,
            happened_at.unix_micros(),
            is_debited_at_once(self.record),
            after.posted,
            after.held,
            outcome.finding.map(Finding::name),
            older
        ])
    }

    fn stands(&mut self, subject: &Subject, standing: Standing, mark: Mark) -> rusqlite::Result<()> {
        let place = &self.record.place;
        match standing {
            Standing::Account(status) => {
                if let Some(number) = place.account {
                    let row = self.batch.account(number)?.ok_or_else(missing)?;
                    row.account.status = status;
                    row.told = mark;
                }
                Ok(())
            }
            Standing::Cardholder(status) => {
                if let Some((number, token)) = place.cardholder.zip(subject.cardholder) {
                    self.cardholder_known(number, &token)?;
                    self.batch.cardholder(number)?.ok_or_else(missing)?.standing = Some((status, mark));
                }
                Ok(())
            }
            Standing::Card(status) => match &subject.card {
                Some(token) => self.card_stands(token, subject.cardholder.as_ref(), (status, mark), mark.at),
                None => Ok(()),
            },
        }
    }

    /// A card is known from now on, and the record's place says all that it leads to.
    fn card_stands(
        &mut self,
        token: &CardToken,
        owner: Option<&CardholderToken>,
        (status, told): (CardStatus, Mark),
        heard_at: Timestamp,
    ) -> rusqlite::Result<()> {
        let place = &self.record.place;
        let Some(number) = place.card else { return Ok(()) };
        if let Some((owner_number, owner)) = place.cardholder.zip(owner) {
            self.cardholder_known(owner_number, owner)?;
        }
        let (account, cardholder) = (place.account, place.cardholder);
        let (since, used) = self.batch.card(number)?.map_or((heard_at, None), |row| (row.since, row.used));
        let (program, token) = (*self.program, *token);
        self.batch.add_card(CardKept { number, program, token, account, cardholder, status, told, since, used })
    }

    fn card_entered(&mut self, token: &CardToken, owner: Option<&CardholderToken>, status: CardStatus) -> rusqlite::Result<()> {
        let Some(number) = self.record.place.card else { return Ok(()) };
        let known = self.batch.card(number)?.map(|row| (row.status, row.told));
        let told = entered_at(self.record.at, known, status, CardStatus::bar);
        self.card_stands(token, owner, (status, told), self.record.at)
    }

    fn cardholder_known(&mut self, number: u32, token: &CardholderToken) -> rusqlite::Result<()> {
        if self.batch.cardholder(number)?.is_none() {
            self.batch.add_cardholder(CardholderKept { number, program: *self.program, token: *token, standing: None });
        }
        Ok(())
    }

    fn account_entered(
        &mut self,
        id: &AccountId,
        balance: Money,
        credit_line: i64,
        status: AccountStatus,
    ) -> rusqlite::Result<()> {
        let Some(number) = self.record.place.account else { return Ok(()) };
        let known = self.batch.account(number)?;
        let standing = known.as_ref().map(|row| (row.account.status, row.told));
        let told = entered_at(self.record.at, standing, status, AccountStatus::bar);
        if let Some(row) = known {
            row.account.credit_line = credit_line;
            row.account.status = status;
            row.told = told;
            return Ok(());
        }
        // What was on it comes with its first movement.
        let account = entered_account(balance.currency(), 0, credit_line, status);
        self.batch.add_account(AccountKept { number, program: *self.program, id: *id, account, told });
        if balance.is_zero() {
            return Ok(());
        }
        let outcome = Outcome { posted: balance.minor(), cause: Some(MovementCause::Funding), ..Outcome::default() };
        self.movement(&outcome, number)
    }
}
