//! From a slice back to rows: what the engine's undo log says was written is written to the database, and each record to the
//! journal. Nothing here decides; a row that somebody else made meanwhile ends the transaction.

use std::collections::{BTreeMap, BTreeSet};

use deadpool_postgres::Transaction;
use holdfast_core::Timestamp;
use holdfast_core::hold::{Answered, Mark};
use holdfast_core::rules::CounterKey;
use tokio_postgres::types::ToSql;

use super::columns::{AnswerColumns, HoldColumns};
use super::counting::columns_of;
use super::load::Loaded;
use super::named::Named;
use super::numbers::Numbers;
use super::recording::Recording;
use super::slips;
use super::trouble::{Trouble, Whereabouts};
use super::values::{At, Name};
use crate::ledger::embedded::state::{
    AccountIndex, CardIndex, CardholderIndex, CardholderRow, Counting, Fingerprint, HoldIndex, State, ToldContent, UNTOLD,
};
use crate::ledger::embedded::undo::Undo;

/// One transaction's writing.
pub struct Saving<'t> {
    pub transaction: &'t Transaction<'t>,
    pub named: &'t Named,
    pub numbers: &'t Numbers,
    pub now: Timestamp,
    pub at: &'t Whereabouts,
}

/// What the undo log says was written; for what is compared, what was there first.
#[derive(Default)]
pub struct Changes {
    accounts: BTreeSet<u32>,
    accounts_new: u32,
    pub cards: BTreeSet<u32>,
    pub cards_new: Vec<Fingerprint>,
    pub cardholders: BTreeMap<u32, CardholderRow>,
    pub cardholders_new: Vec<Fingerprint>,
    holds: Vec<HoldIndex>,
    holds_new: Vec<HoldIndex>,
    names: BTreeMap<Fingerprint, Option<HoldIndex>>,
    counters: BTreeSet<(CounterKey, Counting)>,
    asked: BTreeMap<Fingerprint, Option<Answered>>,
    told: BTreeSet<Fingerprint>,
}

impl Changes {
    fn of(undo: &[Undo]) -> Self {
        let mut changes = Changes::default();
        for undo in undo {
            match undo {
                Undo::Account(index, ..) => {
                    changes.accounts.insert(index.0);
                }
                Undo::AccountEntered(_) => changes.accounts_new = changes.accounts_new.saturating_add(1),
                Undo::Card(index, _) => {
                    changes.cards.insert(index.0);
                }
                Undo::CardEntered(name) => changes.cards_new.push(*name),
                Undo::Cardholder(index, before) => {
                    changes.cardholders.entry(index.0).or_insert_with(|| (**before).clone());
                }
                Undo::CardholderEntered(name) => changes.cardholders_new.push(*name),
                Undo::Hold(index, _) if !changes.holds_new.contains(index) && !changes.holds.contains(index) => {
                    changes.holds.push(*index);
                }
                Undo::Hold(..) => {}
                Undo::HoldPlaced(index) => changes.holds_new.push(*index),
                Undo::HoldName(name, before) => {
                    changes.names.entry(*name).or_insert(*before);
                }
                Undo::Counter(key, _) => {
                    changes.counters.insert(*key);
                }
                Undo::Asked(key, before) => {
                    changes.asked.entry(*key).or_insert(*before);
                }
                Undo::Told(key) => {
                    changes.told.insert(*key);
                }
            }
        }
        changes
    }
}

/// The rows' lasting numbers, by the engine's places.
pub struct Places {
    pub accounts: Vec<i64>,
    pub cards: Vec<i64>,
    pub cardholders: Vec<i64>,
}

impl Places {
    pub fn account(&self, index: AccountIndex) -> Option<i64> {
        number_of(&self.accounts, index.0)
    }

    pub fn card(&self, index: CardIndex) -> Option<i64> {
        number_of(&self.cards, index.0)
    }

    pub fn cardholder(&self, index: CardholderIndex) -> Option<i64> {
        number_of(&self.cardholders, index.0)
    }
}

/// The number at a place.
pub fn number_of(numbers: &[i64], place: u32) -> Option<i64> {
    numbers.get(usize::try_from(place).ok()?).copied()
}

impl Saving<'_> {
    /// Writes everything that was performed; the records of it.
    ///
    /// # Errors
    /// The database, or [`Trouble::Collided`] if somebody else made a row of the same name.
    pub async fn save(&self, loaded: &Loaded) -> Result<Recording, Trouble> {
        let (state, undo, group) = loaded.engine.performed();
        let changes = Changes::of(undo);
        let places = self.numbered(loaded, &changes).await?;
        let recording = Recording::of(group, &places, loaded, self.numbers, self.now)
            .map_err(|what| Trouble::Damaged(what, self.at.clone()))?;
        // Rows that others refer to come first.
        self.save_accounts(state, loaded, &changes, &places, &recording).await?;
        self.save_cardholders(state, loaded, &changes, &places).await?;
        self.save_cards(state, loaded, &changes, &places).await?;
        tokio::try_join!(
            self.save_holds(state, &changes, &places),
            self.save_names(state, loaded, &changes),
            self.save_counters(state, loaded, &changes, &places),
            self.save_keys(state, &changes),
            self.save_beside(loaded),
            recording.write(self),
        )?;
        Ok(recording)
    }

    /// Runs a statement; how many rows it made or changed.
    pub async fn execute(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<u64, Trouble> {
        let said = |error: tokio_postgres::Error| Trouble::of(&error, self.at);
        let statement = self.transaction.prepare_cached(sql).await.map_err(said)?;
        self.transaction.execute(&statement, parameters).await.map_err(said)
    }

    pub fn damaged(&self, what: &'static str) -> impl Fn() -> Trouble {
        let at = self.at.clone();
        move || Trouble::Damaged(what, at.clone())
    }

    /// Gives numbers to what is new. Whoever takes some is alone until its transaction ends, so that none is left out.
    async fn numbered(&self, loaded: &Loaded, changes: &Changes) -> Result<Places, Trouble> {
        let mut places = Places {
            accounts: loaded.accounts.iter().map(|account| account.number).collect(),
            cards: loaded.cards.clone(),
            cardholders: loaded.cardholders.clone(),
        };
        let many = |names: &[Fingerprint]| i64::try_from(names.len()).unwrap_or(i64::MAX);
        for (what, many, numbers) in [
            ("account", i64::from(changes.accounts_new), &mut places.accounts),
            ("card", many(&changes.cards_new), &mut places.cards),
            ("cardholder", many(&changes.cardholders_new), &mut places.cardholders),
        ] {
            if many > 0 {
                let sql = "UPDATE holdfast.numbering SET next = next + $2 WHERE what = $1 RETURNING next";
                let said = |error: tokio_postgres::Error| Trouble::of(&error, self.at);
                let statement = self.transaction.prepare_cached(sql).await.map_err(said)?;
                let row = self.transaction.query_one(&statement, &[&what, &many]).await.map_err(said)?;
                let next: i64 = row.try_get(0).map_err(said)?;
                numbers.extend(next.saturating_sub(many)..next);
            }
        }
        Ok(places)
    }

    async fn save_accounts(
        &self,
        state: &State,
        loaded: &Loaded,
        changes: &Changes,
        places: &Places,
        recording: &Recording,
    ) -> Result<(), Trouble> {
        // A hold that opens or ends changes its account's count of them.
        let by_holds = changes.holds.iter().chain(&changes.holds_new).filter_map(|index| state.hold(*index));
        let mut changed: BTreeSet<u32> = by_holds.map(|row| row.account.0).collect();
        changed.extend(&changes.accounts);
        changed.extend(recording.accounts_changed());
        let known = u32::try_from(loaded.accounts.len()).unwrap_or(u32::MAX);
        changed.extend((known..).zip(0..changes.accounts_new).map(|(place, _)| place));
        for place in changed {
            let index = AccountIndex(place);
            let Some((row, number)) = state.account(index).zip(places.account(index)) else { continue };
            let (told_at, told_by) = mark_columns(Some(row.told));
            let (changes, open) = (recording.changes_of(place), i64::from(row.holds_open));
            let account = &row.account;
            let status = account.status.name();
            if place < known {
                let sql = "UPDATE holdfast.account SET posted = $2, held = $3, credit_line = $4, status = $5, holds_open = $6,
                    changes = $7, told_at = $8, told_by = $9 WHERE number = $1";
                let values: [&(dyn ToSql + Sync); 9] =
                    [&number, &account.posted, &account.held, &account.credit_line, &status, &open, &changes, &told_at, &told_by];
                self.execute(sql, &values).await?;
            } else {
                let (program, name, currency) = (self.named.program.as_str(), row.id.as_str(), account.currency.code());
                let sql = "INSERT INTO holdfast.account (number, program, name, currency, posted, held, credit_line, status,
                    holds_open, changes, told_at, told_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
                let values: [&(dyn ToSql + Sync); 12] = [
                    &number,
                    &program,
                    &name,
                    &currency,
                    &account.posted,
                    &account.held,
                    &account.credit_line,
                    &status,
                    &open,
                    &changes,
                    &told_at,
                    &told_by,
                ];
                self.execute(sql, &values).await?;
            }
        }
        Ok(())
    }

    async fn save_holds(&self, state: &State, changes: &Changes, places: &Places) -> Result<(), Trouble> {
        let rows = |holds: &[HoldIndex]| HoldColumns::of(holds.iter().filter_map(|index| state.hold(*index)), places);
        let damaged = self.damaged("hold");
        let (new, changed) = (rows(&changes.holds_new).ok_or_else(&damaged)?, rows(&changes.holds).ok_or_else(&damaged)?);
        let changed_at = At(self.now);
        if !changes.holds_new.is_empty() {
            let sql = "INSERT INTO holdfast.hold (number, account, card, status, posting, authorized, held, ahead, captured,
                refunded, moved, tolerance, expires_at, names, life, platform, payment, expiry, program, opened_at, changed_at)
                SELECT u.number, u.account, u.card, u.status, u.posting, u.authorized, u.held, u.ahead, u.captured, u.refunded,
                u.moved, u.tolerance, u.expires_at, u.names::uuid[], u.life, u.platform, u.payment, u.expiry, $19, $20, $20
                FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
                $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::timestamptz[], $14::text[],
                $15::bytea[], $16::text[], $17::text[], $18::text[]) AS u (number, account, card, status, posting, authorized,
                held, ahead, captured, refunded, moved, tolerance, expires_at, names, life, platform, payment, expiry)";
            let program = self.named.program.as_str();
            let (columns, own): (_, [&(dyn ToSql + Sync); 5]) =
                (new.columns(), [&new.platforms, &new.payments, &new.expiries, &program, &changed_at]);
            let values: Vec<&(dyn ToSql + Sync)> = columns.into_iter().chain(own).collect();
            self.execute(sql, &values).await?;
        }
        if !changes.holds.is_empty() {
            let sql = "UPDATE holdfast.hold h SET account = u.account, card = u.card, status = u.status, posting = u.posting,
                authorized = u.authorized, held = u.held, ahead = u.ahead, captured = u.captured, refunded = u.refunded,
                moved = u.moved, tolerance = u.tolerance, expires_at = u.expires_at, names = u.names::uuid[], life = u.life,
                changed_at = $16
                FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
                $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::timestamptz[], $14::text[],
                $15::bytea[]) AS u (number, account, card, status, posting, authorized, held, ahead, captured, refunded, moved,
                tolerance, expires_at, names, life) WHERE h.number = u.number";
            let at: [&(dyn ToSql + Sync); 1] = [&changed_at];
            let values: Vec<&(dyn ToSql + Sync)> = changed.columns().into_iter().chain(at).collect();
            self.execute(sql, &values).await?;
        }
        Ok(())
    }

    /// A name that the database has already goes over to its new hold, if it still leads where it was seen to.
    async fn save_names(&self, state: &State, loaded: &Loaded, changes: &Changes) -> Result<(), Trouble> {
        let (mut names, mut holds): (Vec<Name>, Vec<i64>) = (Vec::new(), Vec::new());
        for fingerprint in changes.names.keys() {
            let Some(row) = state.hold_by(fingerprint).and_then(|index| state.hold(index)) else { continue };
            let (name, hold) = (Name::from(*fingerprint), row.number.0.cast_signed());
            match loaded.hold_names.get(&name) {
                None => {
                    names.push(name);
                    holds.push(hold);
                }
                Some(seen) if *seen == hold => {}
                Some(seen) => {
                    let moved = "UPDATE holdfast.hold_name SET hold = $2 WHERE name = $1 AND hold = $3";
                    if self.execute(moved, &[&name, &hold, seen]).await? == 0 {
                        return Err(Trouble::Collided);
                    }
                    let given_up = "UPDATE holdfast.hold SET names = array_remove(names, $2) WHERE number = $1";
                    self.execute(given_up, &[seen, &name]).await?;
                }
            }
        }
        if !names.is_empty() {
            let sql = "INSERT INTO holdfast.hold_name (name, hold) SELECT * FROM unnest($1::uuid[], $2::bigint[])";
            self.execute(sql, &[&names, &holds]).await?;
        }
        Ok(())
    }

    async fn save_counters(&self, state: &State, loaded: &Loaded, changes: &Changes, places: &Places) -> Result<(), Trouble> {
        for (key, counting) in &changes.counters {
            let Some(counter) = state.counter(*key, *counting) else { continue };
            let (scope, subject) = match counting {
                Counting::Card(index) => ("card", places.card(*index)),
                Counting::Account(index) => ("account", places.account(*index)),
                Counting::Program => ("program", Some(0)),
            };
            let (kind, slots, amounts, counts) = columns_of(counter);
            let (number, over_at) = (key.0.cast_signed(), counter.over().map(At));
            let sql = if loaded.counters.contains(&(*key, *counting)) {
                "UPDATE holdfast.counter SET kind = $4, slots = $5, amounts = $6, counts = $7, over_at = $8
                 WHERE counter = $1 AND scope = $2 AND subject = $3"
            } else {
                "INSERT INTO holdfast.counter (counter, scope, subject, kind, slots, amounts, counts, over_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
            };
            self.execute(sql, &[&number, &scope, &subject, &kind, &slots, &amounts, &counts, &over_at]).await?;
        }
        Ok(())
    }

    async fn save_keys(&self, state: &State, changes: &Changes) -> Result<(), Trouble> {
        let answers = |known: bool| {
            let of = changes.asked.iter().filter(move |(_, before)| before.is_some() == known);
            AnswerColumns::of(of.filter_map(|(key, _)| Some((*key, state.answered(*key)?))))
        };
        let (corrected, new) = (answers(true), answers(false));
        if !corrected.keys.is_empty() {
            let sql = "UPDATE holdfast.asked a SET digest = u.digest, asked_at = u.asked_at, amount = u.amount,
                currency = u.currency, reason = u.reason FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[],
                $5::text[], $6::text[]) AS u (key, digest, asked_at, amount, currency, reason) WHERE a.key = u.key";
            self.execute(sql, &corrected.columns()).await?;
        }
        if !new.keys.is_empty() {
            // One that is there is somebody else's, of just now: that collides, and the next try finds it.
            let sql = "INSERT INTO holdfast.asked (key, digest, asked_at, amount, currency, reason, at)
                SELECT u.*, $7 FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[]) AS u";
            let at: [&(dyn ToSql + Sync); 1] = [&At(self.now)];
            let values: Vec<&(dyn ToSql + Sync)> = new.columns().into_iter().chain(at).collect();
            self.execute(sql, &values).await?;
        }
        let told: Vec<Name> = changes.told.iter().copied().map(Name::from).collect();
        if !told.is_empty() {
            let of = |key: &Fingerprint| state.told_content(*key).map(ToldContent::to_column);
            let contents: Vec<Option<i64>> = changes.told.iter().map(of).collect();
            let sql = "INSERT INTO holdfast.told (key, at, content)
                SELECT u.key, $2, u.content FROM unnest($1::uuid[], $3::bigint[]) AS u (key, content)";
            self.execute(sql, &[&told, &At(self.now), &contents]).await?;
        }
        Ok(())
    }

    async fn save_beside(&self, loaded: &Loaded) -> Result<(), Trouble> {
        let (rulesets, operations, slips) = {
            let mut kept = loaded.beside.kept();
            let slips = std::mem::take(&mut kept.new_slips);
            (std::mem::take(&mut kept.new_rulesets), std::mem::take(&mut kept.new_operations), slips)
        };
        for slip in slips {
            slips::keep(self, &slip, self.numbers.take(1, self.now)).await?;
        }
        for ruleset in rulesets {
            let sql = "INSERT INTO holdfast.ruleset (number, hash, program, source, published_at, published_by, why, kind)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
            let (number, hash, published_at) =
                (self.numbers.take(1, self.now), ruleset.hash.as_slice(), At(ruleset.published_at));
            let (program, source, kind) = (&ruleset.program, &ruleset.source, ruleset.kind.to_string());
            self.execute(sql, &[&number, &hash, program, source, &published_at, &ruleset.published_by, &ruleset.why, &kind])
                .await?;
            self.execute("SELECT pg_notify('holdfast_ruleset', '')", &[]).await?;
        }
        for operation in operations {
            let sql = "INSERT INTO holdfast.operation (id, program, key, request, who, why, at)
                VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let (id, request, at) = (Name(operation.id()), operation.request.as_slice(), At(operation.at));
            let (program, key) = (&operation.program, &operation.key);
            self.execute(sql, &[&id, program, key, &request, &operation.who, &operation.why, &at]).await?;
        }
        Ok(())
    }
}

/// What a standing was told by, as columns have it.
pub fn mark_columns(mark: Option<Mark>) -> (Option<At>, i64) {
    match mark.filter(|mark| *mark != UNTOLD) {
        Some(mark) => (Some(At(mark.at)), mark.id.0.cast_signed()),
        None => (None, 0),
    }
}
