//! What has become of intents. The store keeps what people did to one; whether a payment used it is the ledger's to know, and whether its
//! time is over the clock's. So both are looked up where intents are shown, listed and taken back, and never kept a second time.

use std::collections::HashSet;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use futures_util::future::try_join_all;
use holdfast_core::agent::{IntentReference, IntentStatus, limit_of_intent, reservation_of};
use holdfast_core::rules::{HoldPolicy, LIMITS_MAX, Proceed, Verdict};
use holdfast_core::{Currency, IdempotencyKey, Merchant, Money, Timestamp};

use super::House;
use super::authorize_intent::request;
use super::intent_request::Asked;
use super::shown::listed;
use crate::agent::bodies::{self, Intent};
use crate::agent::office::{Owner, read, unavailable, wrong_state};
use crate::agent::store::{Kind, List, Row};
use crate::api::page::Page;
use crate::api::problem::{Code, Problem};
use crate::clock;
use crate::ledger::{Act, Origin};

/// How many intents are looked at for one page at most: where few are in the status that is asked for, a page has fewer than it may.
const LOOKED_AT_MAX: u32 = 512;

/// What an intent is, beside what people did to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is what the store says.
    Kept,
    /// A payment has it.
    Used,
    /// Nothing had it while it could be had.
    Expired,
}

impl Standing {
    /// As it is shown, where it is not as it is kept.
    const fn name(self) -> Option<&'static str> {
        match self {
            Standing::Kept => None,
            Standing::Used => Some("used"),
            Standing::Expired => Some("expired"),
        }
    }
}

/// In which status the store has what is shown in one.
fn kept_as(shown: &str) -> Option<&str> {
    match shown {
        // They were open, approved, or waited.
        "used" | "expired" => None,
        kept => Some(kept),
    }
}

fn may_be_used(row: &Row) -> bool {
    match IntentStatus::named(&row.status) {
        Some(IntentStatus::Open | IntentStatus::Approved) => true,
        Some(IntentStatus::PendingReview | IntentStatus::Denied | IntentStatus::Cancelled) | None => false,
    }
}

fn may_expire(row: &Row) -> bool {
    match IntentStatus::named(&row.status) {
        Some(IntentStatus::Open | IntentStatus::Approved | IntentStatus::PendingReview) => true,
        Some(IntentStatus::Denied | IntentStatus::Cancelled) | None => false,
    }
}

fn is_over(row: &Row, now: Timestamp) -> Result<bool, Problem> {
    Ok(may_expire(row) && read::<Intent>(row)?.expires_at.0 <= now)
}

impl House {
    /// Intents in the status that they are shown in.
    pub(super) async fn as_they_stand(&self, owner: Owner, rows: Vec<Row>) -> Result<Vec<Row>, Problem> {
        let (used, now) = (self.used_of(owner, &rows).await?, clock::utc());
        let stand = |mut row: Row| {
            if let Some(name) = standing(&row, &used, now)?.name() {
                name.clone_into(&mut row.status);
            }
            Ok(row)
        };
        let rows = rows.into_iter().map(stand).collect::<Result<Vec<_>, Problem>>()?;
        try_join_all(rows.into_iter().map(|row| self.with_what_is_kept(owner, row))).await
    }

    /// An intent of which it is said what is kept for it now: what was reserved once may have been taken over, or given back.
    async fn with_what_is_kept(&self, owner: Owner, mut row: Row) -> Result<Row, Problem> {
        let body = read::<Intent>(&row)?;
        // In any other status nothing is kept, whatever the ledger has still to hear.
        if body.reserved && !(may_be_used(&row) && self.is_kept(owner, &row.id).await?) {
            row.body = bodies::write(&Intent { reserved: false, ..body });
        }
        Ok(row)
    }

    /// Whether the ledger holds what an intent reserved.
    async fn is_kept(&self, owner: Owner, intent: &str) -> Result<bool, Problem> {
        let program = self.office.registry().programs().of(owner.environment);
        let payment = intent.parse().ok().and_then(|intent| reservation_of(&intent));
        let (Some(program), Some(payment), Ok(key)) = (program, payment, IdempotencyKey::new(intent)) else { return Ok(false) };
        let looked = self.done(Act::Look(Origin::of(program), payment, key)).await?.into_looked();
        Ok(looked.and_then(|looked| looked.hold).is_some_and(|hold| hold.held > 0))
    }

    /// The same of one.
    pub(super) async fn as_it_stands(&self, owner: Owner, row: Row) -> Result<Row, Problem> {
        let stands = self.as_they_stand(owner, vec![row]).await?.pop();
        stands.ok_or_else(|| Problem::of(Code::Internal, "an intent is none any more"))
    }

    /// There is something to take back, as far as the store and the clock know. Whether a payment has it the ledger says, when it is
    /// [taken back](super::taking_back).
    pub(super) async fn must_be_there(&self, owner: Owner, row: &Row) -> Result<(), Problem> {
        if !may_expire(row) {
            return Err(wrong_state("the intent is denied, cancelled or not eligible: there is nothing to take back"));
        }
        if !is_over(row, clock::utc())? {
            return Ok(());
        }
        let used = match self.used_of(owner, std::slice::from_ref(row)).await {
            Err(problem) if problem.is(Code::LedgerUnavailable) => HashSet::new(),
            known => known?,
        };
        if row.id.parse().is_ok_and(|intent| used.contains(&intent)) {
            return Err(intent_used());
        }
        let detail = "the intent's time is over: there is nothing to take back";
        Err(Problem::coded(Code::StateConflict, "intent_expired", detail))
    }

    /// A page of intents, as they stand.
    pub(super) async fn list_intents(
        &self,
        owner: Owner,
        (status, parent): (Option<String>, Option<String>),
        page: Page,
    ) -> Result<Response, Problem> {
        let most = page.limit.saturating_add(1);
        let kept = status.as_deref().and_then(kept_as).map(str::to_owned);
        let mut list = List {
            organization: Some(owner.organization.to_string()),
            environment: Some(owner.environment),
            parent,
            status: kept,
            after: page.last.unwrap_or(0),
            ..List::of(Kind::Intent, most)
        };
        let (mut items, mut looked_at, room) = (Vec::new(), 0_u32, usize::try_from(page.limit).unwrap_or(usize::MAX));
        let more = 'page: loop {
            let (places, rows): (Vec<i64>, Vec<Row>) =
                self.office.store.list(list.clone()).await.map_err(unavailable)?.into_iter().unzip();
            let found = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            for (place, row) in places.into_iter().zip(self.as_they_stand(owner, rows).await?) {
                if status.as_ref().is_none_or(|status| row.status == *status) {
                    if items.len() == room {
                        break 'page true;
                    }
                    items.push(row);
                }
                list.after = place;
            }
            looked_at = looked_at.saturating_add(found);
            if found < most {
                break false;
            }
            if looked_at >= LOOKED_AT_MAX {
                break true;
            }
        };
        let cursor = more.then(|| Page::cursor("intents", list.after));
        Ok(Json(listed(self.office.show_all(items).await?, cursor)).into_response())
    }

    /// The names of those that a payment has.
    async fn used_of(&self, owner: Owner, rows: &[Row]) -> Result<HashSet<IntentReference>, Problem> {
        let mut used = HashSet::new();
        let asked: Vec<IntentReference> =
            rows.iter().filter(|row| may_be_used(row)).filter_map(|row| row.id.parse().ok()).collect();
        for some in asked.chunks(LIMITS_MAX) {
            used.extend(self.used(owner, some).await?);
        }
        Ok(used)
    }

    /// Which of a few intents have been counted: what a payment uses is a limit of one.
    async fn used(&self, owner: Owner, some: &[IntentReference]) -> Result<Vec<IntentReference>, Problem> {
        let program = self.office.registry().programs().of(owner.environment);
        let (Some(program), Some(first)) = (program, some.first()) else { return Ok(Vec::new()) };
        let nothing = Money::zero(Currency::USD);
        let asked = Asked {
            authority: String::new(),
            binding: None,
            amount: nothing,
            merchant: Merchant::default(),
            merchant_name: None,
            description: None,
            ttl_seconds: 0,
            reserve: false,
        };
        let request = request(*first, &asked, None).ok_or_else(|| Problem::of(Code::Internal, "a name that is none"))?;
        let limits = some.iter().map(limit_of_intent).collect();
        let verdict = Verdict::Proceed(Proceed { ceiling: nothing, limits, hold: HoldPolicy::PLAIN, ways: None });
        let origin = Origin::of(program);
        // No rules of anybody's are asked.
        let (_, uses, _) = self.look(origin, request, verdict, [0; 32], clock::utc()).await?;
        Ok(some.iter().zip(&uses).filter(|(_, used)| used.count > 0).map(|(intent, _)| *intent).collect())
    }
}

/// Of an intent that is to be taken back.
pub(super) fn intent_used() -> Problem {
    let detail = "a payment has used the intent: there is nothing to take back";
    Problem::coded(Code::StateConflict, "intent_used", detail)
}

fn standing(row: &Row, used: &HashSet<IntentReference>, now: Timestamp) -> Result<Standing, Problem> {
    if may_be_used(row) && row.id.parse().is_ok_and(|intent| used.contains(&intent)) {
        return Ok(Standing::Used);
    }
    Ok(if is_over(row, now)? { Standing::Expired } else { Standing::Kept })
}
