//! From the record of a join to rows: one hold takes over what is known of another. Nothing is decided.

use holdfast_core::NetworkName;
use holdfast_core::hold::life::put;
use holdfast_core::hold::{Hold, HoldStatus, Outcome};
use rusqlite::{OptionalExtension as _, params};
use smallvec::SmallVec;

use super::apply::{Applying, missing};
use crate::ledger::embedded::state::HoldNumber;

impl Applying<'_, '_> {
    /// Writes that a hold took over another's steps, names and records.
    pub(super) fn joined(&mut self, gives: HoldNumber, outcome: &Outcome) -> rusqlite::Result<()> {
        let takes = self.record.place.hold.map(HoldNumber).ok_or_else(missing)?;
        let from = self.batch.hold(gives)?.ok_or_else(missing)?.clone();
        let into = self.batch.hold(takes)?.ok_or_else(missing)?;
        let (known, had_card, own) = (into.row.counted.clone(), into.row.card.is_some(), into.records.clone());
        let network = into.network.or(from.network);
        into.row.card = into.row.card.or(from.row.card);
        let card = into.row.card;
        into.row.take(outcome.hold.unwrap_or(into.row.hold), None, &outcome.counted);
        from.row.steps.iter().for_each(|step| put(&mut into.row.steps, *step));
        into.row.names.extend(from.row.names.iter().copied());
        into.records.extend(from.records.iter().copied());
        into.records.sort_unstable();
        into.records.push(self.number);
        (into.network, into.changed_at, into.changed_by) = (network, self.record.at, self.number);
        let ended = into.row.hold.status != HoldStatus::Open;
        if !had_card {
            self.batch.list_with_card(takes, card)?;
        }
        for name in &from.row.names {
            self.batch.name_anew(*name, takes);
        }
        self.left(gives)?;
        if ended {
            self.ended(takes)?;
        }
        let day = self.day_told_of(&from.records)?;
        self.settle(&own, network, day)?;
        self.settle(&from.records, network, None)?;
        if let Some(account) = self.record.place.account.filter(|_| (outcome.posted, outcome.held) != (0, 0)) {
            self.movement(outcome, account)?;
            self.settle(&[self.number], network, day)?;
            let sql = "UPDATE movement SET settlement_day = ?2 WHERE record = ?1";
            if let Some(day) = day {
                self.batch.connection().prepare_cached(sql)?.execute(params![self.number, day])?;
            }
        }
        outcome.counted.iter().try_for_each(|counted| self.batch.count(&self.record.place, counted, &known, self.record.at))
    }

    /// Nothing is left of the other one but the records that it was in.
    fn left(&mut self, gives: HoldNumber) -> rusqlite::Result<()> {
        let from = self.batch.hold(gives)?.ok_or_else(missing)?;
        (from.row.hold, from.row.steps, from.row.names) = (Hold::NONE, SmallVec::new(), SmallVec::new());
        from.records.push(self.number);
        (from.changed_at, from.changed_by) = (self.record.at, self.number);
        Ok(())
    }

    /// The first day on which what these records moved is settled, by the platform's word.
    fn day_told_of(&self, records: &[i64]) -> rusqlite::Result<Option<i32>> {
        let mut day = self.batch.connection().prepare_cached("SELECT settlement_day FROM movement WHERE record = ?1")?;
        for record in records {
            if let Some(Some(day)) = day.query_row([record], |row| row.get::<_, Option<i32>>(0)).optional()? {
                return Ok(Some(day));
            }
        }
        Ok(None)
    }

    /// What moved before is settled over the network, and on the day, that is known by now.
    fn settle(&self, records: &[i64], network: Option<NetworkName>, day: Option<i32>) -> rusqlite::Result<()> {
        let connection = self.batch.connection();
        let of_network = "UPDATE movement SET network = ?2 WHERE record = ?1 AND network IS NULL";
        let of_day = "UPDATE movement SET settlement_day = ?2 WHERE record = ?1 AND at_once = 1 AND settlement_day IS NULL";
        for record in records {
            if let Some(network) = &network {
                connection.prepare_cached(of_network)?.execute(params![record, network.as_str()])?;
            }
            if let Some(day) = day {
                connection.prepare_cached(of_day)?.execute(params![record, day])?;
            }
        }
        Ok(())
    }
}
