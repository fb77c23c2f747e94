//! `GET /authorizations`, `GET /authorizations/{id}` and `GET /transfers/{id}`: what is to be shown.

use holdfast_core::{CardToken, MerchantId, Timestamp};
use percent_encoding::percent_decode_str;

use super::{Asked, Kind, dialect, names, order};
use crate::answer::Echo;
use crate::inbound::{Inbound, Malformed};
use crate::json::moment;
use crate::parameters::parameter;
use crate::payment::{ListCall, LookCall, StandingIs, Wanted};

/// How many are on a page if nobody says, and at most.
const LIMIT: (u32, u32) = (20, 100);

/// The field of an echo that has a list's query.
pub(super) const QUERY: &str = "query";
/// So much of a parameter's name is told back, in characters.
const NAME_MAX: usize = 64;

/// Understands a path that names one.
pub(super) fn decode_one<'a>(segment: &str, kind: Kind) -> Result<Inbound<'a>, Malformed> {
    let echo = Echo { dialect: dialect(kind, Asked::Later), ..Echo::default() };
    let payment = order::payment(segment, kind)?;
    let or = match kind {
        Kind::Authorization => None,
        // The capture of an authorization is a transfer, too.
        Kind::Transfer => names::captured_by(&payment),
    };
    Ok(Inbound::Look(LookCall { payment, or, echo }))
}

/// Understands a query: `limit`, `after_cursor`, `merchant`, `source`, `state`, `created_at.gte`, `created_at.lte`.
pub(super) fn decode(query: &str) -> Result<Inbound<'_>, Malformed> {
    let mut wanted = Wanted {
        kind: Kind::Authorization.number(),
        before: None,
        most: LIMIT.0,
        merchant: None,
        source: None,
        since: None,
        until: None,
        standing: None,
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8().map_err(|_| Malformed::field(name, "is not UTF-8"))?;
        read(&mut wanted, name, &value)?;
        parameter(query, name)?;
    }
    let mut echo = Echo { dialect: dialect(Kind::Authorization, Asked::Later), ..Echo::default() };
    // There is room: it is the only one.
    let _ = echo.fields.try_push((QUERY, query));
    Ok(Inbound::List(ListCall { wanted, echo }))
}

fn read(wanted: &mut Wanted, name: &str, value: &str) -> Result<(), Malformed> {
    let at = |name: &'static str| -> Result<Option<Timestamp>, Malformed> {
        moment(value).map(Some).ok_or_else(|| Malformed::field(name, "is not a moment as RFC 3339 has it"))
    };
    match name {
        "limit" => {
            let limit = plain(value).parse().ok().filter(|limit| (1..=LIMIT.1).contains(limit));
            wanted.most = limit.ok_or_else(|| Malformed::field("limit", "is not a whole number from 1 to 100"))?;
        }
        "after_cursor" => {
            let number = value.strip_prefix('c').and_then(|digits| i64::from_str_radix(plain(digits), 16).ok());
            wanted.before = Some(number.ok_or_else(|| Malformed::field("after_cursor", "is not `next_cursor` of a page"))?);
        }
        "merchant" => {
            let id = MerchantId::new(value).map_err(|error| Malformed::identifier("merchant", error))?;
            wanted.merchant = Some(id);
        }
        "source" => {
            let token = CardToken::new(value).map_err(|error| Malformed::identifier("source", error))?;
            wanted.source = Some(token);
        }
        "state" => {
            wanted.standing = Some(match value {
                "SUCCEEDED" => StandingIs::Approved,
                "FAILED" => StandingIs::Declined,
                "PENDING" => StandingIs::Undecided,
                _ => return Err(Malformed::field("state", "is none of SUCCEEDED, FAILED and PENDING")),
            });
        }
        "created_at.gte" => wanted.since = at("created_at.gte")?,
        "created_at.lte" => wanted.until = at("created_at.lte")?.map(end_of_millisecond),
        _ => {
            let name: String = name.chars().take(NAME_MAX).collect();
            return Err(Malformed::field(
                name,
                "is none of this list's parameters: limit, after_cursor, merchant, source, state, created_at.gte, created_at.lte",
            ));
        }
    }
    Ok(())
}

/// Digits as they are written here: without a sign. Anything else is as good as none.
fn plain(digits: &str) -> &str {
    if digits.starts_with(['+', '-']) { "" } else { digits }
}

/// The last moment that answers write as this one: they write milliseconds, and who asks by what they read there means that payment, too.
const fn end_of_millisecond(at: Timestamp) -> Timestamp {
    let micros = at.unix_micros();
    Timestamp::from_unix_micros(micros.saturating_sub(micros.rem_euclid(1_000)).saturating_add(999))
}

/// What a page says of where the next one begins.
pub(super) fn cursor(number: i64) -> String {
    format!("c{number:x}")
}
