//! What lists and sums are read from the table.

use rusqlite::types::Value as Sql;
use rusqlite::{Row as Columns, params_from_iter};
use serde_json::{Map, Value, json};

use super::{Insight, InsightError};

/// Whose decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// Those under an enterprise's authorities.
    Enterprise(String),
    /// Those that a processor asked for.
    Processor(String),
}

/// Which decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which {
    /// Whose.
    pub of: Of,
    /// 0 sandbox, 1 production.
    pub environment: i64,
    /// A column's name, and what it must be.
    pub only: Vec<(&'static str, String)>,
    /// Whether enforce must have declined them, where their authority only observed.
    pub would: Option<Would>,
    /// From then on, in microseconds since 1970.
    pub since: Option<i64>,
    /// Before then.
    pub until: Option<i64>,
}

/// What enforce would have made of a decision under an authority that only observes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Would {
    /// It would have declined.
    Decline,
    /// Nothing else; what enforce decided itself is of these, too.
    Same,
}

const COLUMNS: &str = "record, at, took, authority, policy, binding, intent, request, platform, door, mode, moves, amount, currency, \
     mcc, decision, reason, would, organization, processor, approved, way";

impl Which {
    fn condition(&self) -> (String, Vec<Sql>) {
        let (column, whose) = match &self.of {
            Of::Enterprise(id) => ("organization", id),
            Of::Processor(id) => ("processor", id),
        };
        let mut values = vec![Sql::from(whose.clone()), Sql::from(self.environment)];
        let mut sql = format!("{column} = ?1 AND environment = ?2");
        let bounds = [("at >=", self.since), ("at <", self.until)];
        let bounds = bounds.into_iter().filter_map(|(compare, bound)| Some((compare.to_owned(), Sql::from(bound?))));
        let only = self.only.iter().map(|(column, value)| (format!("{column} ="), Sql::from(value.clone())));
        for (compare, value) in bounds.chain(only) {
            values.push(value);
            sql.push_str(&format!(" AND {compare} ?{}", values.len()));
        }
        sql.push_str(match self.would {
            None => "",
            Some(Would::Decline) => " AND would <> ''",
            Some(Would::Same) => " AND would = ''",
        });
        (sql, values)
    }
}

impl Insight {
    /// Decisions, the latest first, each with its record's number; those before one, at most so many.
    ///
    /// # Errors
    /// The disk.
    pub fn list(&self, which: &Which, before: Option<i64>, most: u32) -> Result<Vec<(i64, Value)>, InsightError> {
        let (condition, mut values) = which.condition();
        values.push(Sql::from(before.unwrap_or(i64::MAX)));
        let sql = format!(
            "SELECT {COLUMNS} FROM decided WHERE {condition} AND record < ?{} ORDER BY record DESC LIMIT {most}",
            values.len()
        );
        let read = || self.connection.prepare_cached(&sql)?.query_map(params_from_iter(values), line)?.collect();
        self.done(read())
    }

    /// Sums over decisions: how many, how much, why, and how fast.
    ///
    /// # Errors
    /// The disk.
    pub fn metrics(&self, which: &Which) -> Result<Value, InsightError> {
        let (condition, values) = which.condition();
        let totals = format!(
            "SELECT count(*), coalesce(sum(decision = 'APPROVE'), 0), coalesce(sum(would <> ''), 0),
             coalesce(sum(took) / count(took), 0), coalesce(max(took), 0) FROM decided WHERE {condition}"
        );
        let reasons = format!("SELECT reason, count(*) FROM decided WHERE {condition} GROUP BY reason ORDER BY 2 DESC, 1");
        let amounts = format!(
            "SELECT currency, {}, {} FROM decided WHERE {condition} GROUP BY currency ORDER BY currency",
            sum_where("approved", "decision = 'APPROVE' AND moves = 1"),
            sum_where("amount", "decision = 'DECLINE' AND moves = 1"),
        );
        let read = || {
            let bound = || params_from_iter(values.clone());
            let numbers: [i64; 5] = self
                .connection
                .prepare_cached(&totals)?
                .query_row(bound(), |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]))?;
            let reasons: Map<String, Value> = self
                .connection
                .prepare_cached(&reasons)?
                .query_map(bound(), |row| Ok((row.get(0)?, json!(row.get::<_, i64>(1)?))))?
                .collect::<rusqlite::Result<_>>()?;
            let amounts: Vec<Value> = self
                .connection
                .prepare_cached(&amounts)?
                .query_map(bound(), |row| {
                    Ok(json!({
                        "currency": row.get::<_, String>(0)?,
                        "approved_amount": summed(row, 1)?,
                        "declined_amount": summed(row, 3)?,
                    }))
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok((numbers, reasons, amounts))
        };
        let ([all, approved, would, average, longest], reasons, amounts) = self.done(read())?;
        Ok(json!({
            "authorizations": all,
            "approved": approved,
            "declined": all.saturating_sub(approved),
            "approval_rate_basis_points": if all == 0 { 0 } else { approved.saturating_mul(10_000).div_euclid(all) },
            "would_have_declined": would,
            "reasons": reasons,
            "amounts": amounts,
            "latency_micros_average": average,
            "latency_micros_max": longest,
        }))
    }

    /// How many decisions a month had (UTC), for bills; the latest month first.
    ///
    /// # Errors
    /// The disk.
    pub fn usage(&self, which: &Which) -> Result<Vec<Value>, InsightError> {
        let (condition, values) = which.condition();
        let sql = format!(
            "SELECT strftime('%Y-%m', at / 1000000, 'unixepoch'), count(*), coalesce(sum(decision = 'APPROVE'), 0)
             FROM decided WHERE {condition} GROUP BY 1 ORDER BY 1 DESC LIMIT 120"
        );
        let month = |row: &Columns<'_>| {
            Ok(json!({
                "month": row.get::<_, String>(0)?,
                "authorizations": row.get::<_, i64>(1)?,
                "approved": row.get::<_, i64>(2)?,
            }))
        };
        let read = || self.connection.prepare_cached(&sql)?.query_map(params_from_iter(values), month)?.collect();
        self.done(read())
    }
}

/// How many minor units are summed apart from the rest.
const BILLION: i64 = 1_000_000_000;

/// The sum of some rows' amounts in two columns, billions and what is below: the engine gives up on a sum that passes 64 bits, and a platform may
/// ask for any amount.
fn sum_where(what: &str, which: &str) -> String {
    format!(
        "coalesce(sum({what} / {BILLION}) FILTER (WHERE {which}), 0), coalesce(sum({what} % {BILLION}) FILTER (WHERE {which}), 0)"
    )
}

/// Such a sum; the most that 64 bits hold where it is more.
fn summed(columns: &Columns<'_>, place: usize) -> rusqlite::Result<i64> {
    let (billions, rest): (i64, i64) = (columns.get(place)?, columns.get(place.saturating_add(1))?);
    Ok(billions.saturating_mul(BILLION).saturating_add(rest))
}

fn line(columns: &Columns<'_>) -> rusqlite::Result<(i64, Value)> {
    let at = holdfast_core::Timestamp::from_unix_micros(columns.get(1)?);
    let mut fields = Map::new();
    fields.insert("at".to_owned(), json!(at.to_string()));
    if let Some(took) = columns.get::<_, Option<i64>>(2)? {
        fields.insert("latency_micros".to_owned(), json!(took));
    }
    let texts = [
        (3, "spending_authority_id"),
        (4, "policy_id"),
        (5, "binding_id"),
        (6, "intent_reference"),
        (7, "request_id"),
        (8, "platform"),
        (9, "door"),
        (10, "mode"),
        (13, "currency"),
        (14, "mcc"),
        (15, "decision"),
        (16, "reason_code"),
        (17, "would_have_declined_with"),
        (18, "enterprise_id"),
        (19, "processor_id"),
    ];
    for (place, name) in texts {
        let text: String = columns.get(place)?;
        if !text.is_empty() {
            fields.insert(name.to_owned(), json!(text));
        }
    }
    fields.insert("moves_money".to_owned(), json!(columns.get::<_, i64>(11)? == 1));
    fields.insert("amount".to_owned(), json!(columns.get::<_, i64>(12)?));
    if columns.get_ref(15)?.as_str().is_ok_and(|decision| decision == "APPROVE") {
        fields.insert("approved_amount".to_owned(), json!(columns.get::<_, i64>(20)?));
    }
    if let Some(way) = columns.get::<_, Option<i64>>(21)? {
        fields.insert("policy_way".to_owned(), json!(way));
    }
    Ok((columns.get(0)?, Value::Object(fields)))
}

#[cfg(test)]
mod tests {
    use holdfast_core::Timestamp;

    use super::super::{Earlier, REQUEST, Row};
    use super::*;

    fn row(record: i64, decision: &str, amount: i64) -> Row {
        let mut names: [String; 10] = Default::default();
        names[0] = "ent_1".to_owned();
        let words = ["USD", "", decision, "POLICY_MATCH", "", ""].map(str::to_owned);
        let (at, took_micros, environment) = (Timestamp::from_unix_seconds(record), Some(5), 0);
        let approved = if decision == "APPROVE" { amount } else { 0 };
        Row {
            record,
            at,
            took_micros,
            environment,
            names,
            moves: true,
            amount,
            approved,
            way: None,
            words,
            earlier: Earlier::None,
        }
    }

    #[test]
    fn what_was_told_without_the_ledger_takes_the_place_of_what_the_ledger_had_for_the_same_question() {
        let data = tempfile::tempdir().unwrap();
        let insight = Insight::open(data.path()).unwrap();
        let asked = |number, name: &str, decision| {
            let mut row = row(number, decision, 100);
            row.names[REQUEST] = name.to_owned();
            row
        };
        let told = |row| Row { earlier: Earlier::Replaced, ..row };
        let rows = [
            asked(1, "a", "DECLINE"),
            asked(2, "", "DECLINE"),
            told(asked(3, "a", "APPROVE")),
            told(asked(4, "", "APPROVE")),
            told(asked(5, "b", "APPROVE")),
        ];
        insight.take(&rows, "UPDATE followed SET next = ?1", Sql::from(6)).unwrap();
        let which = Which {
            of: Of::Enterprise("ent_1".to_owned()),
            environment: 0,
            only: Vec::new(),
            would: None,
            since: None,
            until: None,
        };
        let metrics = insight.metrics(&which).unwrap();
        assert_eq!((&metrics["authorizations"], &metrics["approved"]), (&json!(4), &json!(3)), "of those without a name, each");
    }

    #[test]
    fn what_was_approved_of_a_payment_is_summed_and_not_what_was_asked_and_no_outage_is_a_latency() {
        let data = tempfile::tempdir().unwrap();
        let insight = Insight::open(data.path()).unwrap();
        let in_part = Row { approved: 300, way: Some(2), ..row(1, "APPROVE", 1_000) };
        let told = Row { took_micros: None, earlier: Earlier::Replaced, ..row(2, "APPROVE", 100) };
        insight.take(&[in_part, told, row(3, "DECLINE", 70)], "UPDATE followed SET next = ?1", Sql::from(4)).unwrap();
        let which = Which {
            of: Of::Enterprise("ent_1".to_owned()),
            environment: 0,
            only: Vec::new(),
            would: None,
            since: None,
            until: None,
        };
        let metrics = insight.metrics(&which).unwrap();
        assert_eq!(metrics["amounts"], json!([{"currency": "USD", "approved_amount": 400, "declined_amount": 70}]));
        assert_eq!((&metrics["latency_micros_average"], &metrics["latency_micros_max"]), (&json!(5), &json!(5)));
        let listed = insight.list(&which, None, 3).unwrap();
        let shown: Vec<_> = listed
            .iter()
            .map(|(_, line)| ["amount", "approved_amount", "latency_micros", "policy_way"].map(|name| line[name].clone()))
            .collect();
        let none = Value::Null;
        assert_eq!(
            shown,
            [
                [json!(70), none.clone(), json!(5), none.clone()],
                [json!(100), json!(100), none.clone(), none],
                [json!(1_000), json!(300), json!(5), json!(2)]
            ]
        );
    }

    #[test]
    fn what_enforce_would_have_declined_is_listed_alone() {
        let data = tempfile::tempdir().unwrap();
        let insight = Insight::open(data.path()).unwrap();
        let of = |record, would: &str| {
            let mut row = row(record, "APPROVE", 100);
            row.words[4] = would.to_owned();
            row
        };
        let rows = [of(1, ""), of(2, "POLICY_VIOLATION_MCC"), of(3, "POLICY_VIOLATION_AMOUNT")];
        insight.take(&rows, "UPDATE followed SET next = ?1", Sql::from(4)).unwrap();
        let listed = |would, only| {
            let of = Of::Enterprise("ent_1".to_owned());
            let which = Which { of, environment: 0, only, would, since: None, until: None };
            insight.list(&which, None, 9).unwrap().iter().map(|(record, _)| *record).collect::<Vec<_>>()
        };
        assert_eq!(listed(None, Vec::new()), [3, 2, 1]);
        assert_eq!(listed(Some(Would::Decline), Vec::new()), [3, 2]);
        assert_eq!(listed(Some(Would::Same), Vec::new()), [1]);
        assert_eq!(listed(None, vec![("would", "POLICY_VIOLATION_MCC".to_owned())]), [2]);
    }

    #[test]
    fn no_amount_is_too_large_to_be_summed() {
        let data = tempfile::tempdir().unwrap();
        let insight = Insight::open(data.path()).unwrap();
        let of = |organization: &str| Which {
            of: Of::Enterprise(organization.to_owned()),
            environment: 0,
            only: Vec::new(),
            would: None,
            since: None,
            until: None,
        };
        let rows = [
            row(1, "DECLINE", i64::MAX),
            row(2, "DECLINE", i64::MAX),
            row(3, "APPROVE", 2_999_999_999),
            row(4, "APPROVE", 1_000_000_002),
        ];
        insight.take(&rows, "UPDATE followed SET next = ?1", Sql::from(5)).unwrap();
        let metrics = insight.metrics(&of("ent_1")).unwrap();
        let amounts = json!([{"currency": "USD", "approved_amount": 4_000_000_001_i64, "declined_amount": i64::MAX}]);
        assert_eq!(metrics["amounts"], amounts);
        assert_eq!(insight.metrics(&of("ent_2")).unwrap()["amounts"], json!([]));
    }
}
