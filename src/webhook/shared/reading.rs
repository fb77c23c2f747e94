//! Reads what an endpoint is to be told from the journal's table: what finished transactions wrote, so that nothing is passed over that
//! is committed later. Records of one account come in the order of its changes, whatever the clocks of responders said.

use std::time::Duration;

use deadpool_postgres::Client;
use tokio_postgres::Row;

use super::super::event::{Event, EventKind};
use super::super::feed::Subscription;
use super::super::letter::{Cursor, Letter, Replay, Source, Spot};
use super::super::signal::Kept;
use super::super::store::{Portion, Trouble};
use super::{Shared, limit, reviews};
use crate::clock;
use crate::journal::Group;
use crate::ledger::postgres::chaining::FINISHED;
use crate::ledger::postgres::numbers::made_at;
use crate::ledger::postgres::trouble::Trouble as DatabaseTrouble;
use crate::ledger::postgres::values::{At, named};

/// So many records, or signals, are read at once, about: a transaction is read whole.
const PORTION: usize = 256;

/// How far behind the end of a portion it is looked for records that an account had before one in it. Only transactions that ran at the
/// same time can lie so.
const NEAR: i64 = 16_384;

/// How far a record's own moment may lie from the one in its id.
const SLACK: Duration = Duration::from_secs(3_600);

/// Beside the transaction below which all are finished and can be seen: how many records were dropped that the endpoint may not
/// have been told, and up to which transaction.
const DROPPED: &str = "coalesce(sum(d.records), 0)::bigint AS dropped, coalesce(max(c.upto), 0)::bigint AS dropped_to
    FROM holdfast.dropped d JOIN holdfast.chain c ON c.number = d.upto_group WHERE c.upto > $1";

/// Records that tell something.
const TELLING: &str = "kind IN ('decided', 'adopted', 'told', 'ordered') AND program = $3";

/// The last transaction from $2 on that has a record of an account which had it before one of $1 up to there.
const BEFORE_ONE_OF_THESE: &str = "SELECT max(later.transaction::text::bigint) FROM holdfast.record later
    JOIN (SELECT account, max(account_change) AS change FROM holdfast.record
        WHERE transaction >= $1::text::xid8 AND transaction < $2::text::xid8 AND account IS NOT NULL GROUP BY account) AS here
    ON later.account = here.account AND later.account_change < here.change
    WHERE later.transaction >= $2::text::xid8 AND later.transaction < $3::text::xid8";

impl Shared {
    pub(in super::super) async fn read(&mut self, from: Cursor, subscription: &Subscription) -> Result<Portion, Trouble> {
        let now = clock::instant();
        let nothing = Portion::nothing(from);
        if self.read_at.is_some_and(|at| now < at) {
            return Ok(nothing);
        }
        self.read_at = now.checked_add(Shared::LOOK_EVERY);
        let client = self.desk.client().await?;
        if let Some(programs) = &self.desk.spend {
            reviews::follow(&self.desk, &client, programs).await?;
        }
        let told_to = from.next.max(self.dropped_to);
        let finished = self.desk.query(&client, &format!("SELECT {FINISHED} AS upto, {DROPPED}"), &[&told_to]).await?;
        let number = |column: &str| finished.first().and_then(|row| row.try_get::<_, i64>(column).ok());
        let (Some(upto), Some(dropped), Some(dropped_to)) = (number("upto"), number("dropped"), number("dropped_to")) else {
            return Err(self.desk.damaged("record").into());
        };
        // Of what is gone it is told once.
        self.dropped_to = self.dropped_to.max(dropped_to);
        let dropped = Some(dropped).filter(|dropped| *dropped > 0);
        // A payment begins to wait before the record that decides it: signals first, and all of them.
        let (signals, signals_to) = self.read_signals(&client, (from.signal, upto), subscription).await?;
        let portion = Portion { signals, signals_to, ..nothing };
        if signals_to < upto {
            self.read_at = None;
            return Ok(portion);
        }
        let next = self.cut(&client, "record", from.next, upto).await?;
        let next = if next < upto { self.whole(&client, from.next, next, upto).await? } else { upto };
        if next < upto {
            self.read_at = None;
        }
        let events = self.read_records(&client, (from.next, next), subscription).await?;
        Ok(Portion { events, next, dropped, ..portion })
    }

    /// Where the transaction behind those begins that make a portion; `upto` if all of them do.
    async fn cut(&self, client: &Client, table: &str, from: i64, upto: i64) -> Result<i64, DatabaseTrouble> {
        let sql = format!(
            "SELECT transaction::text::bigint FROM holdfast.{table} WHERE transaction >= $1::text::xid8
             AND transaction < $2::text::xid8 ORDER BY transaction OFFSET $3 LIMIT 1"
        );
        let rows = self.desk.query(client, &sql, &[&from.to_string(), &upto.to_string(), &limit(PORTION)]).await?;
        let cut = rows.first().and_then(|row| row.try_get::<_, i64>(0).ok());
        Ok(cut.map_or(upto, |cut| cut.max(from.saturating_add(1)).min(upto)))
    }

    /// A portion's end behind which no account has a record that it had before one in the portion.
    async fn whole(&self, client: &Client, from: i64, mut cut: i64, upto: i64) -> Result<i64, DatabaseTrouble> {
        while cut < upto {
            let near = cut.saturating_add(NEAR).min(upto);
            let (begin, end, near) = (from.to_string(), cut.to_string(), near.to_string());
            let rows = self.desk.query(client, BEFORE_ONE_OF_THESE, &[&begin, &end, &near]).await?;
            let Some(last) = rows.first().and_then(|row| row.try_get::<_, Option<i64>>(0).ok()).flatten() else { break };
            cut = last.saturating_add(1).min(upto);
        }
        Ok(cut)
    }

    async fn read_signals(
        &self,
        client: &Client,
        (from, upto): (i64, i64),
        subscription: &Subscription,
    ) -> Result<(Vec<(i64, Event)>, i64), DatabaseTrouble> {
        let to = self.cut(client, "signal", from, upto).await?;
        let sql = "SELECT number, program, at, kind, data FROM holdfast.signal
            WHERE transaction >= $1::text::xid8 AND transaction < $2::text::xid8 ORDER BY transaction, number";
        let rows = self.desk.query(client, sql, &[&from.to_string(), &to.to_string()]).await?;
        let signals = rows.iter().map(|row| signal(row).ok_or_else(|| self.desk.damaged("signal")));
        let signals = signals.collect::<Result<Vec<_>, _>>()?;
        Ok((signals.into_iter().filter(|(_, event)| subscription.wants(event)).collect(), to))
    }

    async fn read_records(
        &self,
        client: &Client,
        (from, to): (i64, i64),
        subscription: &Subscription,
    ) -> Result<Vec<(Spot, Event)>, DatabaseTrouble> {
        let sql = format!(
            "SELECT id, transaction::text::bigint AS place, body FROM (
                SELECT id, at, account_change, transaction, body,
                    max(at) OVER (PARTITION BY account ORDER BY account_change, at, id) AS not_before
                FROM holdfast.record WHERE transaction >= $1::text::xid8 AND transaction < $2::text::xid8 AND {TELLING}
            ) AS ordered ORDER BY not_before, account_change, at, id"
        );
        let program = subscription.program.as_str();
        let rows = self.desk.query(client, &sql, &[&from.to_string(), &to.to_string(), &program]).await?;
        self.events(&rows, subscription)
    }

    fn events(&self, rows: &[Row], subscription: &Subscription) -> Result<Vec<(Spot, Event)>, DatabaseTrouble> {
        let mut events = Vec::new();
        for row in rows {
            let (spot, event) = record(row).ok_or_else(|| self.desk.damaged("record"))?;
            events.extend(event.and_then(|event| subscription.taken(event)).map(|event| (spot, event)));
        }
        Ok(events)
    }

    /// By their ids, which grow with time.
    pub(in super::super) async fn read_again(
        &self,
        replay: Replay,
        subscription: &Subscription,
    ) -> Result<(Vec<(Spot, Event)>, i64), Trouble> {
        let client = self.desk.client().await?;
        let sql = format!(
            "SELECT id, transaction::text::bigint AS place, body FROM holdfast.record
             WHERE id >= $1 AND id <= $2 AND {TELLING} AND at >= $4 AND at <= $5 ORDER BY id LIMIT $6"
        );
        let (since, until) = (made_at(replay.next).saturating_sub(SLACK), made_at(replay.last).saturating_add(SLACK));
        let program = subscription.program.as_str();
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&replay.next, &replay.last, &program, &At(since), &At(until), &limit(PORTION)];
        let rows = self.desk.query(&client, &sql, &values).await?;
        let last = rows.last().and_then(|row| row.try_get::<_, i64>("id").ok());
        let next = last.filter(|_| rows.len() >= PORTION).unwrap_or(replay.last).saturating_add(1);
        Ok((self.events(&rows, subscription)?, next))
    }

    pub(in super::super) async fn event_of(&self, letter: &Letter) -> Result<Option<Event>, Trouble> {
        let client = self.desk.client().await?;
        match letter.source {
            Source::Record(Spot { place, record: id }) => {
                let sql = "SELECT id, transaction::text::bigint AS place, body FROM holdfast.record
                    WHERE transaction = $1::text::xid8 AND id = $2";
                let rows = self.desk.query(&client, sql, &[&place.to_string(), &id]).await?;
                let Some(row) = rows.first() else { return Ok(None) };
                let (_, event) = record(row).ok_or_else(|| self.desk.damaged("record"))?;
                let in_its_words = letter.kind == EventKind::PaymentAuth;
                Ok(event.map(|event| if in_its_words { event.in_words_of_its_door() } else { event }))
            }
            Source::Signal(number) => {
                let sql = "SELECT number, program, at, kind, data FROM holdfast.signal WHERE number = $1";
                let rows = self.desk.query(&client, sql, &[&number]).await?;
                let Some(row) = rows.first() else { return Ok(None) };
                let (_, event) = signal(row).ok_or_else(|| self.desk.damaged("signal"))?;
                Ok(Some(event))
            }
        }
    }
}

/// A row, and what it tells, if anything.
fn record(row: &Row) -> Option<(Spot, Option<Event>)> {
    let spot = Spot { place: row.try_get("place").ok()?, record: row.try_get("id").ok()? };
    let record = Group::open(row.try_get("body").ok()?).ok()?.next()?.ok()?;
    Some((spot, Event::of_record(spot.record, &record)))
}

fn signal(row: &Row) -> Option<(i64, Event)> {
    let number = row.try_get("number").ok()?;
    let At(at): At = row.try_get("at").ok()?;
    let (kind, data) = (row.try_get("kind").ok()?, row.try_get("data").ok()?);
    Some((number, Kept { number, at, program: named(row, "program")?, kind, data }.event()?))
}

#[cfg(test)]
mod tests {
    use holdfast_core::Timestamp;

    use super::*;
    use crate::ledger::postgres::numbers::Numbers;

    #[test]
    fn an_id_tells_when_it_was_made() {
        let now = Timestamp::from_unix_micros(1_800_000_000_123_000);
        assert_eq!(made_at(Numbers::of(17).take(3, now)), now);
    }
}
