//! `/v1/stand-in`: the switch with which questions are answered without the ledger, by an operator's hand.
//!
//! It is the one change that is not taken down in the ledger: it must be possible while the ledger is away. Who, why and the key
//! of the request are kept in the spool's file, with the switch itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use holdfast_core::{PlatformName, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::caller::{Caller, ProgramParameter};
use super::input::{Fields, Need};
use super::openapi::{ReadProblems, WriteProblems};
use super::problem::{Code, Problem};
use super::write::{Change, KeyParameter, Write};
use crate::clock;
use crate::spool::{Off, Scope, Switched, Turn};
use crate::switchboard::{NotTurned, Reach};

/// One time that stand-in was switched on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Switch {
    /// The platform whose questions are answered without the ledger; not there for all of the program's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "marqeta")]
    pub platform: Option<PlatformName>,
    /// Whether it is on.
    pub on: bool,
    /// Since when.
    #[schema(example = "2026-03-14T15:09:26.535897Z")]
    pub since: String,
    /// When it ends by itself.
    #[schema(example = "2026-03-14T15:39:26.535897Z")]
    pub until: String,
    /// Who switched it on: the token's name, or what the command line said.
    pub by: String,
    /// Why.
    pub why: String,
    /// When it was switched off before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_at: Option<String>,
    /// Who switched it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_why: Option<String>,
    /// Of responders that share a ledger: whether all of them have it so (`everywhere`, within two seconds), or, as their database does not
    /// answer, the one that was asked (`here_only`). Told of what was just switched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "everywhere")]
    pub reach: Option<Reach>,
}

/// What is switched on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Switches {
    /// For the program, and for single platforms of it; empty while the ledger is asked.
    pub switches: Vec<Switch>,
}

/// Stand-in to switch on.
#[derive(Debug, Clone, ToSchema)]
pub struct SwitchOn {
    /// The platform; all of the program's if left out.
    #[schema(value_type = Option<String>, example = "marqeta")]
    pub platform: Option<PlatformName>,
    /// When it ends by itself: a moment ahead, at most 7 days.
    #[schema(value_type = String, example = "2026-03-14T15:39:26Z")]
    pub until: Timestamp,
    /// Why, for whoever reads it later.
    #[schema(max_length = 500, example = "the ledger's disk is being replaced")]
    pub reason: String,
}

/// Stand-in to switch off.
#[derive(Debug, Clone, ToSchema)]
pub struct SwitchOff {
    /// The platform for which it was switched on; none if it was for all.
    #[schema(value_type = Option<String>, example = "marqeta")]
    pub platform: Option<PlatformName>,
    /// Why, for whoever reads it later.
    #[schema(max_length = 500, example = "the new disk is in")]
    pub reason: String,
}

/// Lists what is switched on now.
#[utoipa::path(get, operation_id = "list_switches", path = "/v1/stand-in", tag = "stand-in", params(ProgramParameter),
    responses((status = 200, body = Switches), ReadProblems))]
pub(super) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Json<Switches>, Problem> {
    caller.query.finish(|_| Some(()))?;
    let now = clock::utc();
    let on = api.switchboard.on_for(&caller.program.id, now);
    Ok(Json(Switches { switches: on.iter().map(|switched| Switch::of(switched, now)).collect() }))
}

/// Switches stand-in on: until its end no question of the program, or of one platform, goes to the ledger. Notifications do.
#[utoipa::path(post, operation_id = "switch_stand_in_on", path = "/v1/stand-in/on", tag = "stand-in",
    params(ProgramParameter, KeyParameter), request_body = SwitchOn, responses((status = 200, body = Switch), WriteProblems))]
pub(super) async fn on(State(api): State<Arc<Api>>, write: Write) -> Result<Json<Switch>, Problem> {
    let (SwitchOn { platform, until, reason }, change) = write.read(|fields| {
        let (platform, until) = (platform(fields), fields.moment("until", Need::Required));
        let reason = fields.reason(Need::Required);
        Some(SwitchOn { platform, until: until?, reason: reason? })
    })?;
    api.turn(change, platform, Some(until), reason).await
}

/// Switches stand-in off before its time.
#[utoipa::path(post, operation_id = "switch_stand_in_off", path = "/v1/stand-in/off", tag = "stand-in",
    params(ProgramParameter, KeyParameter), request_body = SwitchOff, responses((status = 200, body = Switch), WriteProblems))]
pub(super) async fn off(State(api): State<Arc<Api>>, write: Write) -> Result<Json<Switch>, Problem> {
    let (SwitchOff { platform, reason }, change) = write.read(|fields| {
        let platform = platform(fields);
        Some(SwitchOff { platform, reason: fields.reason(Need::Required)? })
    })?;
    api.turn(change, platform, None, reason).await
}

fn platform(fields: &Fields) -> Option<PlatformName> {
    fields.parsed("platform", Need::Optional, PlatformName::new)
}

impl Api {
    async fn turn(
        &self,
        change: Change,
        platform: Option<PlatformName>,
        on_until: Option<Timestamp>,
        why: String,
    ) -> Result<Json<Switch>, Problem> {
        let (switchboard, now) = (Arc::clone(&self.switchboard), clock::utc());
        let key = Some(change.key_of());
        let turn = Turn { scope: Scope { program: change.program.id, platform }, on_until, by: change.who, why, key };
        let turned = tokio::task::spawn_blocking(move || switchboard.turn(&turn, now)).await;
        let turned = turned.map_err(|_| Problem::of(Code::Internal, "switching met a bug"))?;
        let told = |(switched, reach): (Switched, Reach)| {
            let reach = Some(reach).filter(|reach| *reach != Reach::Alone);
            Json(Switch { reach, ..Switch::of(&switched, now) })
        };
        turned.map(told).map_err(|why| match why {
            NotTurned::Refused(problem) => Problem::of(Code::NotSwitched, problem),
            NotTurned::Conflict => Problem::conflict(),
            NotTurned::Unavailable(problem) => Problem::of(Code::SpoolUnavailable, problem).retry_after(1),
        })
    }
}

impl Switch {
    fn of(switched: &Switched, now: Timestamp) -> Self {
        let Switched { scope, since, until, by, why, off, .. } = switched;
        let (off_at, off_by, off_why) = match off.clone() {
            None => (None, None, None),
            Some(Off { at, by, why }) => (Some(at.to_string()), Some(by), Some(why)),
        };
        Switch {
            platform: scope.platform,
            on: switched.is_on(now),
            since: since.to_string(),
            until: until.to_string(),
            by: by.clone(),
            why: why.clone(),
            off_at,
            off_by,
            off_why,
            reach: None,
        }
    }
}
