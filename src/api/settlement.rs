//! `/v1/settlement`: what was posted, by day and by what it is balanced against. What is due to a network is where the
//! cause is `network_settlement`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use holdfast_core::NetworkName;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::caller::{Caller, ProgramParameter};
use super::input::{Fields, Need};
use super::movements::cause_name;
use super::openapi::ReadProblems;
use super::problem::Problem;
use super::reads::SumLine;
use super::router::from_reads;

/// The most days at once.
const DAYS_MAX: i32 = 366;
/// 1970-01-01, from which days are counted.
const EPOCH: Date = Date::constant(1970, 1, 1);

/// What was posted on a day by one cause. The amount is a whole number in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sum {
    /// The settlement day: as the platform told it, or else the one that ends at the program's `settlement_cutoff`, by when it
    /// happened. The same as in `holdfast settlement`.
    #[schema(value_type = String, format = Date)]
    pub day: String,
    /// The card network of the payment, where told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "VISA")]
    pub network: Option<NetworkName>,
    /// `network_settlement`, `funding`, `fee`, `dispute` or `stand_in_loss`. Only the first is due to a network.
    #[schema(value_type = String, example = "network_settlement")]
    pub cause: &'static str,
    /// ISO 4217.
    #[schema(value_type = String, example = "USD")]
    pub currency: &'static str,
    /// What came to the accounts, less what left them, in minor units; negative: so much is due from the program. A sum of
    /// many amounts may need more than 64 bits.
    #[schema(schema_with = whole_number)]
    pub posted: i128,
    /// How many movements that were.
    #[schema(example = 1)]
    pub movements: u64,
}

/// What was posted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Settlement {
    /// By day, network, currency and cause; nothing where nothing was posted.
    pub sums: Vec<Sum>,
    /// Everything up to this record of the journal is in it.
    pub as_of: i64,
}

/// Which days.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub(super) struct Days {
    /// The first day, such as `2026-03-14`.
    #[param(format = Date)]
    from: String,
    /// The last day; the first one if left out. At most 366 days at once.
    #[param(format = Date)]
    to: Option<String>,
}

/// Sums what was posted, by day, network, currency and cause.
#[utoipa::path(get, operation_id = "get_settlement", path = "/v1/settlement", tag = "settlement", params(ProgramParameter, Days),
    responses((status = 200, body = Settlement), ReadProblems))]
pub(super) async fn sums(State(api): State<Arc<Api>>, caller: Caller) -> Result<Json<Settlement>, Problem> {
    let days = caller.query.finish(days)?;
    let read = from_reads(api.reads.sums(caller.program.id, days).await)?;
    let sums = read.found.into_iter().map(Sum::of).collect();
    Ok(Json(Settlement { sums, as_of: read.record }))
}

/// A whole number of any size.
fn whole_number() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).examples([-2735]).build()
}

fn days(fields: &Fields) -> Option<(i32, i32)> {
    let from = fields.parsed("from", Need::Required, day);
    let to = fields.parsed("to", Need::Optional, day);
    let (from, to) = (from?, to.or(from)?);
    let in_order = (0..DAYS_MAX).contains(&to.saturating_sub(from));
    if !in_order {
        fields.wrong("to", "must be `from` or a day after it, at most 366 days with both");
    }
    in_order.then_some((from, to))
}

fn day(text: &str) -> Result<i32, &'static str> {
    let date: Date = text.parse().map_err(|_| "must be a day such as 2026-03-14")?;
    EPOCH.until(date).map(|span| span.get_days()).map_err(|_| "must be a day such as 2026-03-14")
}

/// A day in ISO 8601.
pub(super) fn date(day: i32) -> String {
    // A day that no calendar has was told by a platform: it stands as its number.
    let date = jiff::Span::new().try_days(day).ok().and_then(|days| EPOCH.checked_add(days).ok());
    date.map_or_else(|| day.to_string(), |date| date.to_string())
}

impl Sum {
    fn of(line: SumLine) -> Self {
        Sum {
            day: date(line.day),
            network: line.network,
            cause: cause_name(line.cause),
            currency: line.currency.code(),
            posted: line.minor,
            movements: line.movements,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        for (text, number) in [("1970-01-01", 0), ("1969-12-31", -1), ("2000-02-29", 11_016), ("2026-03-14", 20_526)] {
            assert_eq!((day(text), date(number)), (Ok(number), text.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn no_day_panics(number: i32, text in "\\PC*") {
            let _ = (date(number), day(&text));
        }
    }
}
