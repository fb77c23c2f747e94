//! `GET /authorizations`, `GET /authorizations/{id}` and `GET /transfers/{id}`: what is to be shown.

use holdfast_core::{CardToken, MerchantId, Timestamp};
use percent_encoding::percent_decode_str;

use super::{Asked, Kind, dialect, order};
use crate::answer::Echo;
use crate::inbound::{Inbound, Malformed};
use crate::json::moment;
use crate::payment::{ListCall, LookCall, Wanted};

/// How many are on a page if nobody says, and at most.
const LIMIT: (u32, u32) = (20, 100);

/// Understands a path that names one.
pub(super) fn decode_one<'a>(segment: &str, kind: Kind) -> Result<Inbound<'a>, Malformed> {
    let echo = Echo { dialect: dialect(kind, Asked::Later), ..Echo::default() };
    Ok(Inbound::Look(LookCall { payment: order::payment(segment, kind)?, echo }))
}

/// Understands a query: `limit`, `after_cursor`, `merchant`, `source`, `state`, `created_at.gte`, `created_at.lte`.
pub(super) fn decode<'a>(query: &str) -> Result<Inbound<'a>, Malformed> {
    let mut wanted = Wanted {
        kind: Kind::Authorization.number(),
        before: None,
        most: LIMIT.0,
        merchant: None,
        source: None,
        since: None,
        until: None,
        approved: None,
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8().map_err(|_| Malformed::field(name, "is not UTF-8"))?;
        read(&mut wanted, name, &value)?;
    }
    Ok(Inbound::List(ListCall { wanted, echo: echo() }))
}

fn read(wanted: &mut Wanted, name: &str, value: &str) -> Result<(), Malformed> {
    let at = |name: &'static str| -> Result<Option<Timestamp>, Malformed> {
        moment(value).map(Some).ok_or_else(|| Malformed::field(name, "is not a moment as RFC 3339 has it"))
    };
    match name {
        "limit" => {
            let limit = value.parse().ok().filter(|limit| (1..=LIMIT.1).contains(limit));
            wanted.most = limit.ok_or_else(|| Malformed::field("limit", "is not a whole number from 1 to 100"))?;
        }
        "after_cursor" => {
            let number = value.strip_prefix('c').and_then(|digits| i64::from_str_radix(digits, 16).ok());
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
            wanted.approved = match value {
                "SUCCEEDED" => Some(true),
                "FAILED" => Some(false),
                _ => return Err(Malformed::field("state", "is neither SUCCEEDED nor FAILED")),
            };
        }
        "created_at.gte" => wanted.since = at("created_at.gte")?,
        "created_at.lte" => wanted.until = at("created_at.lte")?,
        _ => return Err(Malformed::field("", "came with a query parameter that this list does not have")),
    }
    Ok(())
}

/// What a page says of where the next one begins.
pub(super) fn cursor(number: i64) -> String {
    format!("c{number:x}")
}

fn echo<'a>() -> Echo<'a> {
    Echo { dialect: dialect(Kind::Authorization, Asked::Later), ..Echo::default() }
}
