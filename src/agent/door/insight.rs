//! `/v1/authorizations`, `/v1/metrics` and `/v1/usage`: what was decided, as the journal tells it a moment later.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use holdfast_core::agent::{Environment, OrganizationKind, ReasonCode};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use utoipa::{IntoParams, ToSchema};

use super::asking::{Asker, Read};
use super::openapi::ReadProblems;
use super::shown::{Listed, State, listed};
use super::{House, Shared};
use crate::agent::insight::Earlier;
use crate::agent::insight::follow::SaidBefore;
use crate::agent::insight::shared::{Portion, read_since};
use crate::agent::insight::table::{Of, Which, Would};
use crate::agent::insight::{Insight, InsightError};
use crate::agent::lead::REMEMBERED_MAX;
use crate::api::input::{Fields, Need};
use crate::api::page::{Page, PageParameters};
use crate::api::problem::{Code, Problem};
use crate::api::router::Target;
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::trouble::Trouble;
use crate::spool::told_to_stop;

/// How often the table looks for what the journal has got meanwhile.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);

/// The longest correlation id, in characters.
const CORRELATION_CHARACTERS_MAX: usize = 128;

/// How long a start waits until what was said is remembered.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(2);

/// The table, and where its journal is.
#[derive(Clone)]
pub struct Insights {
    table: Arc<Mutex<Insight>>,
    journal: JournalAt,
    /// How often it had everything.
    followed: Arc<watch::Sender<u64>>,
}

/// Where a journal is.
#[derive(Clone)]
pub enum JournalAt {
    /// In a data directory.
    File(PathBuf),
    /// In a shared ledger's database.
    Database(Box<Database>),
}

/// A decision under a spending authority.
#[derive(Debug, Serialize, ToSchema)]
pub struct Authorization {
    /// When the question arrived.
    #[schema(format = DateTime)]
    at: String,
    /// Its name: `request_id` of `/v1/authorize`, and the reference in the platform's own answer.
    request_id: Option<String>,
    /// `APPROVE` or `DECLINE`.
    #[schema(example = "APPROVE")]
    decision: String,
    /// Why.
    #[schema(value_type = super::codes::ReasonCodes, example = "POLICY_MATCH")]
    reason_code: String,
    /// In observe: the reason with which enforce would have declined.
    would_have_declined_with: Option<String>,
    /// How much was asked, in minor units.
    amount: i64,
    /// How much of it was approved; not there where it was declined.
    approved_amount: Option<i64>,
    /// ISO 4217.
    currency: String,
    /// What the merchant sells.
    mcc: Option<String>,
    /// Whose authority; not there if the question led to none.
    enterprise_id: Option<String>,
    /// The processor that asked; not there if the card's own platform did.
    processor_id: Option<String>,
    /// The authority.
    spending_authority_id: Option<String>,
    /// The policy that was asked.
    policy_id: Option<String>,
    /// Which of several ways of the policy (`any_of`) the payment took, from 1, in the order in which they are written; not there where the
    /// policy does not leave several open on which something counts, or where nothing was approved.
    policy_way: Option<u8>,
    /// What led to the authority.
    binding_id: Option<String>,
    /// The intent that it was for.
    intent_reference: Option<String>,
    /// Who asked, by the name of its adapter.
    platform: Option<String>,
    /// `platform` or `authorize`.
    door: String,
    /// `observe` or `enforce`.
    mode: String,
    /// Whether money, budgets and intents moved here; they do at the binding's authoritative door only.
    moves_money: bool,
    /// From its arrival until the ledger had decided it; not there where stand-in answered.
    latency_micros: Option<i64>,
}

/// Sums over decisions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Metrics {
    /// How many.
    authorizations: i64,
    /// How many were approved.
    approved: i64,
    /// How many were declined.
    declined: i64,
    /// Approved of all, in hundredths of a percent.
    #[schema(example = 9_750)]
    approval_rate_basis_points: i64,
    /// In observe: how many enforce would have declined.
    would_have_declined: i64,
    /// How many of each reason code.
    #[schema(value_type = Object, example = json!({"POLICY_MATCH": 39, "POLICY_VIOLATION_MCC": 1}))]
    reasons: Value,
    /// Of each currency, what was approved and declined where money moves.
    #[schema(value_type = Vec<Object>)]
    amounts: Vec<Value>,
    /// On average, from arrival until the ledger had decided; what stand-in answered is in neither.
    latency_micros_average: i64,
    /// At most.
    latency_micros_max: i64,
}

/// A month's use.
#[derive(Debug, Serialize, ToSchema)]
pub struct Month {
    /// Which, in UTC.
    #[schema(example = "2026-03")]
    month: String,
    /// How many decisions.
    authorizations: i64,
    /// How many of them were approvals.
    approved: i64,
}

/// Which decisions.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct DecisionParameters {
    /// Only under this authority.
    spending_authority_id: Option<String>,
    /// Only by this binding.
    binding_id: Option<String>,
    /// Only for this intent.
    intent_reference: Option<String>,
    /// Only by this policy.
    policy_id: Option<String>,
    /// `APPROVE` or `DECLINE`.
    decision: Option<String>,
    /// Only for this reason.
    reason_code: Option<String>,
    /// `true`: only those that enforce would have declined, under an authority that observes; `false`: only the others.
    would_have_declined: Option<bool>,
    /// Only those that enforce would have declined for this reason.
    would_have_declined_with: Option<String>,
    /// Only those that a processor asked for with this `correlation_id`, exactly. A digest of it is kept, and shown nowhere.
    #[param(max_length = 128)]
    correlation_id: Option<String>,
    /// Only from then on.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Only before then.
    #[param(format = DateTime)]
    until: Option<String>,
}

fn which(house: &House, asker: &Asker, fields: &Fields) -> Which {
    let organization = asker.caller.organization.to_string();
    let of = match asker.caller.kind {
        OrganizationKind::Enterprise => Of::Enterprise(organization),
        OrganizationKind::Processor => Of::Processor(organization),
    };
    let filters = [
        ("spending_authority_id", "authority"),
        ("binding_id", "binding"),
        ("intent_reference", "intent"),
        ("policy_id", "policy"),
    ];
    let only = filters.into_iter().filter_map(|(name, column)| Some((column, fields.words(name, Need::Optional, 64)?)));
    let decision = fields.parsed("decision", Need::Optional, |word| match word {
        "APPROVE" | "DECLINE" => Ok(word.to_owned()),
        _ => Err("must be \"APPROVE\" or \"DECLINE\""),
    });
    let reason = |name| {
        fields.parsed(name, Need::Optional, |word| {
            ReasonCode::named(word).map(|reason| reason.code().to_owned()).ok_or("is not a reason code, such as \"POLICY_MATCH\"")
        })
    };
    let would = fields.parsed("would_have_declined", Need::Optional, |word| match word {
        "true" => Ok(Would::Decline),
        "false" => Ok(Would::Same),
        _ => Err("must be true or false"),
    });
    let words = [("decision", decision), ("reason", reason("reason_code")), ("would", reason("would_have_declined_with"))];
    let correlation = fields.parsed("correlation_id", Need::Optional, |text| {
        let fits = text.chars().count() <= CORRELATION_CHARACTERS_MAX;
        house.office.correlation(text).filter(|_| fits).ok_or("must be a text of 1 to 128 characters")
    });
    let words = words.into_iter().chain([("correlation", correlation)]);
    let only = only.chain(words.filter_map(|(column, word)| Some((column, word?)))).collect();
    let moment = |name| fields.moment(name, Need::Optional).map(holdfast_core::Timestamp::unix_micros);
    let (since, until) = (moment("since"), moment("until"));
    Which { of, environment: i64::from(asker.caller.environment == Environment::Production), only, would, since, until }
}

/// Lists decisions under your authorities, or those that you asked for; the latest first. A decision is here about a quarter of a
/// second after it was made.
#[utoipa::path(get, operation_id = "list_authorizations", path = "/v1/authorizations", tag = "insight",
    params(PageParameters, DecisionParameters), responses((status = 200, body = Listed<Authorization>), ReadProblems))]
pub(super) async fn list(house: State, read: Read) -> Result<Response, Problem> {
    let Read { asker, query } = read;
    let (page, which) = query.finish(|fields| {
        Some((Page::read(fields, "authorizations"), which(&house, &asker, fields))).and_then(|(page, which)| Some((page?, which)))
    })?;
    let most = page.limit.saturating_add(1);
    let mut found = house.looked(move |table| table.list(&which, page.last, most)).await?;
    let more = found.len() > usize::try_from(page.limit).unwrap_or(usize::MAX);
    if more {
        found.pop();
    }
    let cursor = found.last().filter(|_| more).map(|(last, _)| Page::cursor("authorizations", *last));
    Ok(Json(listed(found.into_iter().map(|(_, line)| line).collect(), cursor)).into_response())
}

/// Shows a decision by its `request_id`.
#[utoipa::path(get, operation_id = "get_authorization", path = "/v1/authorizations/{request_id}", tag = "insight",
    params(("request_id" = String, Path)), responses((status = 200, body = Authorization), ReadProblems))]
pub(super) async fn get(house: State, target: Target, read: Read) -> Result<Response, Problem> {
    let Read { asker, query } = read;
    query.finish(|_| Some(()))?;
    let request: String = target.parse("authorization")?;
    let which = Which { only: vec![("request", request)], ..which(&house, &asker, &Fields::of_query(Vec::new())) };
    let found = house.looked(move |table| table.list(&which, None, 1)).await?.pop();
    let (_, line) = found.ok_or_else(|| Problem::of(Code::NotFound, "there is no such authorization, or not yet"))?;
    Ok(Json(line).into_response())
}

/// Sums decisions up: how many, how much, why, how fast, and what enforce would have declined.
#[utoipa::path(get, operation_id = "get_metrics", path = "/v1/metrics", tag = "insight", params(DecisionParameters),
    responses((status = 200, body = Metrics), ReadProblems))]
pub(super) async fn metrics(house: State, read: Read) -> Result<Response, Problem> {
    let Read { asker, query } = read;
    let which = query.finish(|fields| Some(which(&house, &asker, fields)))?;
    Ok(Json(house.looked(move |table| table.metrics(&which)).await?).into_response())
}

/// Counts decisions by month, for bills.
#[utoipa::path(get, operation_id = "list_usage", path = "/v1/usage", tag = "insight",
    responses((status = 200, body = Listed<Month>), ReadProblems))]
pub(super) async fn usage(house: State, read: Read) -> Result<Response, Problem> {
    let Read { asker, query } = read;
    query.finish(|_| Some(()))?;
    let which = which(&house, &asker, &Fields::of_query(Vec::new()));
    let months = house.looked(move |table| table.usage(&which)).await?;
    Ok(Json(json!({ "items": months })).into_response())
}

impl Insights {
    /// The table of a data directory, for that journal.
    ///
    /// # Errors
    /// The disk.
    pub fn open(data: &Path, journal: JournalAt) -> Result<Self, InsightError> {
        let (followed, _) = watch::channel(0);
        Ok(Insights { table: Arc::new(Mutex::new(Insight::open(data)?)), journal, followed: Arc::new(followed) })
    }

    /// Waits until it has had everything once, and what was said is remembered; not for long.
    pub async fn until_followed(&self) {
        let mut followed = self.followed.subscribe();
        // Whoever has to wait longer hears decisions that are right, in words that may be newer.
        let _ = timeout(FOLLOWED_WITHIN, followed.wait_for(|times| *times > 0)).await;
    }

    /// Looks into the table, on a thread that may wait for a disk.
    ///
    /// # Errors
    /// The disk.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Insight) -> Result<T, InsightError> + Send + 'static,
    ) -> Result<T, InsightError> {
        let table = Arc::clone(&self.table);
        let looking = spawn_blocking(move || look(&mut table.lock().unwrap_or_else(PoisonError::into_inner)));
        looking.await.unwrap_or_else(|ended| match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(InsightError::of_the_end()),
        })
    }
}

impl House {
    /// What the table tells.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn looked<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Insight) -> Result<T, InsightError> + Send + 'static,
    ) -> Result<T, Problem> {
        let away = |detail: &str| Problem::of(Code::ReadsUnavailable, detail).retry_after(1);
        self.insights.look(look).await.map_err(|_| away("what follows the journal cannot be read"))
    }
}

/// Follows the journal until it is told to stop.
pub(super) async fn follow(house: Shared, stopped: watch::Receiver<()>) {
    let following = async {
        // Whose a decision was is known only once the objects are.
        while !house.is_filled() {
            sleep(FOLLOW_EVERY).await;
        }
        let mut told = false;
        if let Err(problem) = remember_last(&house).await {
            crate::reporter::say(&format!("what was said at /v1/authorize is not remembered: {problem}"));
        }
        loop {
            match catch_up(&house).await {
                Ok(Left::Some) => continue,
                Ok(Left::Nothing) => {
                    house.insights.followed.send_modify(|times| *times = times.saturating_add(1));
                    told = false;
                }
                Err(problem) if !told => {
                    told = true;
                    crate::reporter::say(&format!("agent spend's lists stand still: {problem}"));
                }
                Err(_) => {}
            }
            sleep(FOLLOW_EVERY).await;
        }
    };
    tokio::select! {
        () = following => {}
        () = told_to_stop(stopped) => {}
    }
}

/// Whether there may be more at once.
enum Left {
    Some,
    Nothing,
}

async fn remember_last(house: &House) -> Result<(), InsightError> {
    let said = house.insights.look(|table| table.said_last(REMEMBERED_MAX)).await?;
    remember(house, said);
    Ok(())
}

fn remember(house: &House, said: Vec<SaidBefore>) {
    for SaidBefore { reference, said, elsewhere, earlier } in said {
        match earlier {
            Earlier::None => house.agents.remember(reference, said),
            Earlier::Replaced => house.agents.was_said(reference, said),
        }
        if let Some(own) = elsewhere {
            house.agents.is_told_by_platform(own);
        }
    }
}

async fn catch_up(house: &House) -> Result<Left, String> {
    let (registry, insights) = (Arc::clone(house.office.registry()), &house.insights);
    match &insights.journal {
        JournalAt::File(data) => {
            let data = data.clone();
            let caught = insights.look(move |table| table.catch_up(&data, &registry)).await.map_err(|error| error.to_string())?;
            remember(house, caught.said);
            Ok(if caught.read > 0 { Left::Some } else { Left::Nothing })
        }
        JournalAt::Database(database) => follow_database(house, database).await.map_err(|error| error.to_string()),
    }
}

/// Follows a database as long as it is there.
async fn follow_database(house: &House, database: &Database) -> Result<Left, NotFollowed> {
    let insights = &house.insights;
    let at = database.whereabouts();
    let (mut client, _driving) = database.open(|_| {}).await?;
    loop {
        let since = insights.look(|table| table.finished()).await?;
        let take = async |portion: Portion| {
            let registry = Arc::clone(house.office.registry());
            let caught = insights.look(move |table| table.take_portion(&portion, &registry)).await?;
            remember(house, caught.said);
            Ok::<(), NotFollowed>(())
        };
        read_since(&mut client, &at, since, take).await?;
        insights.followed.send_modify(|times| *times = times.saturating_add(1));
        sleep(FOLLOW_EVERY).await;
    }
}

/// Why a database is not followed.
#[derive(Debug)]
enum NotFollowed {
    Trouble(Trouble),
    Insight(InsightError),
}

impl std::fmt::Display for NotFollowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotFollowed::Trouble(trouble) => trouble.fmt(f),
            NotFollowed::Insight(error) => error.fmt(f),
        }
    }
}

impl From<Trouble> for NotFollowed {
    fn from(trouble: Trouble) -> Self {
        NotFollowed::Trouble(trouble)
    }
}

impl From<InsightError> for NotFollowed {
    fn from(error: InsightError) -> Self {
        NotFollowed::Insight(error)
    }
}
