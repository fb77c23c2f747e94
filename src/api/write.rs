//! A change that a caller asks for: taken down, by whom and why, before it is done; done once, however often it is sent.
//!
//! The same `Idempotency-Key` must mean the same request again. The act itself is sent again, too, under a key made of the
//! operation: a crash between taking down and doing loses nothing, and the ledger does nothing twice.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use holdfast_core::hold::{Fact, Finding, Subject, ToldEvent};
use holdfast_core::{ContentDigest, IdempotencyKey, Timestamp};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;

use super::caller::Caller;
use super::input::{Fields, to_keep};
use super::problem::{Code, Problem};
use super::{Api, ApiProgram, other_answer};
use crate::clock;
use crate::ledger::{Act, Answer, Noted, Operation, Origin};
use crate::spool::KeyOf;

/// The longest body.
const BODY_BYTES_MAX: usize = 65_536;
/// The longest idempotency key.
const KEY_BYTES_MAX: usize = 128;
/// The header's name, as errors have it.
const KEY_HEADER: &str = "Idempotency-Key";

/// The key of a change.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct KeyParameter {
    /// The same key is the same change: sent again, nothing is done again, and the answer is the object as it is now. With
    /// another request it is refused (`idempotency_conflict`). 1 to 128 visible ASCII characters; kept for good, per program.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 128, example = "5f0c5a2e-credit-1")]
    idempotency_key: String,
}

/// A change, read as far as its body.
#[derive(Debug)]
pub struct Write {
    caller: Caller,
    key: Option<String>,
    fields: Fields,
    request: [u8; 32],
}

impl FromRequest<Arc<Api>> for Write {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, api).await?;
        must_be_json(&parts.headers)?;
        let bytes = match Limited::new(body, BODY_BYTES_MAX).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(Problem::of(Code::BodyTooLarge, format!("at most {BODY_BYTES_MAX} bytes are read")));
            }
            Err(_) => return Err(Problem::of(Code::BadRequest, "the body ended early")),
        };
        let fields = Fields::of_body(&bytes);
        let mut digest = Sha256::new();
        for part in [parts.method.as_str(), parts.uri.path(), &fields.canonical()] {
            digest.update(part);
            digest.update([0]);
        }
        let key = key(&parts.headers, &fields);
        Ok(Write { caller, key, fields, request: digest.finalize().into() })
    }
}

fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    let written = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = written.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::of(Code::UnsupportedMediaType, "send it as `Content-Type: application/json`"))
}

/// The idempotency key; what is wrong with it is one of the request's errors.
fn key(headers: &HeaderMap, fields: &Fields) -> Option<String> {
    let mut values = headers.get_all(KEY_HEADER).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => {
            let text = value.to_str().unwrap_or_default();
            let fits = (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
            let key = if fits { to_keep(text) } else { Err("must be 1 to 128 visible ASCII characters") };
            return key.map_err(|problem| fields.wrong(KEY_HEADER, problem)).ok();
        }
        (None, _) => fields.wrong(KEY_HEADER, "is missing"),
        (Some(_), Some(_)) => fields.wrong(KEY_HEADER, "is there twice"),
    }
    None
}

impl Write {
    /// The program that it is about.
    #[must_use]
    pub fn program(&self) -> ApiProgram {
        self.caller.program
    }

    /// Reads the fields; a change without its key or with a query of its own is wrong as well.
    ///
    /// # Errors
    /// 400, with everything that is wrong.
    pub fn read<T>(self, read: impl FnOnce(&Fields) -> Option<T>) -> Result<(T, Change), Problem> {
        let Write { caller, key, fields, request } = self;
        caller.query.finish(|_| Some(()))?;
        let (read, key) = fields.finish(|fields| Some((read(fields)?, key?)))?;
        Ok((read, Change { who: caller.who, program: caller.program, key, request }))
    }
}

/// A change that can be made.
#[derive(Debug, Clone)]
pub struct Change {
    /// Who asks for it.
    pub who: String,
    /// Of which program.
    pub program: ApiProgram,
    key: String,
    request: [u8; 32],
}

impl Change {
    /// What stands for the request, for whoever keeps it elsewhere.
    #[must_use]
    pub fn key_of(&self) -> KeyOf {
        KeyOf { key: self.key.clone(), request: self.request }
    }

    /// As it is taken down.
    #[must_use]
    pub fn operation(&self, why: String, at: Timestamp) -> Operation {
        let Change { who, program, key, request } = self;
        Operation { program: program.id.to_string(), key: key.clone(), request: *request, who: who.clone(), why, at }
    }
}

/// A change that was taken down.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// What its record says of where it comes from; the platform is none unless it is about a platform's payment.
    pub origin: Origin,
    /// The ledger does what has this key once.
    pub key: IdempotencyKey,
    /// What the key stands for.
    pub digest: ContentDigest,
    /// When it was taken down for the first time.
    pub at: Timestamp,
    /// Whether that was now.
    pub first: bool,
}

impl Taken {
    /// One that is taken down at that moment, for the first time as far as is known here.
    ///
    /// # Errors
    /// Its name is too long: a bug.
    pub fn of(change: &Change, operation: &Operation, at: Timestamp) -> Result<Self, Problem> {
        let id = operation.id();
        let origin = Origin { program: change.program.id, platform: None, operator: Some(id) };
        let digest = ContentDigest::from_bytes(change.request.first_chunk().copied().unwrap_or_default());
        Ok(Taken { origin, key: act_key(&id)?, digest, at, first: true })
    }

    /// A fact in the ledger's words.
    #[must_use]
    pub fn event(&self, subject: Subject, fact: Fact) -> ToldEvent {
        ToldEvent { key: self.key, occurred_at: Some(self.at), network: None, settlement_day: None, subject, fact }
    }
}

impl Api {
    /// Takes a change down, with who and why.
    ///
    /// # Errors
    /// The key came before with something else, or waits with something else; or the ledger is away.
    pub async fn take_down(&self, change: &Change, why: String) -> Result<Taken, Problem> {
        let now = clock::utc();
        let operation = change.operation(why, now);
        let taken = Taken::of(change, &operation, now)?;
        if self.meanwhile.request(&operation.id()).is_some_and(|request| request != change.request) {
            return Err(Problem::conflict());
        }
        match self.ask(Act::Note(Box::new(operation))).await?.into_noted().ok_or_else(other_answer)? {
            Noted::New => Ok(taken),
            Noted::Again(at) => Ok(Taken { at, first: false, ..taken }),
            Noted::Conflict => Err(Problem::conflict()),
        }
    }

    /// For a change that cannot be made now: it may have been made before, and is heard again then. What was refused was never
    /// taken down. While the ledger is away it is refused: nothing is changed either way.
    ///
    /// # Errors
    /// The refusal, of a key that is new or not to be looked up; or that the key came before with something else.
    pub async fn made_before(&self, change: &Change, why: String, refusal: Problem) -> Result<(), Problem> {
        let id = Operation::id_of(change.program.id.as_str(), &change.key);
        match self.ask(Act::WasNoted(id)).await.map(Answer::into_noted) {
            Ok(Some(Noted::Again(_) | Noted::Conflict)) => {}
            Ok(Some(Noted::New) | None) | Err(_) => return Err(refusal),
        }
        self.take_down(change, why).await.map(drop)
    }

    /// Tells the ledger a fact.
    ///
    /// # Errors
    /// It moved nothing, or the ledger is away.
    pub async fn tell(&self, taken: &Taken, subject: Subject, fact: Fact) -> Result<(), Problem> {
        let event = taken.event(subject, fact);
        match self.ask(Act::Tell(taken.origin, event)).await?.into_recorded().ok_or_else(other_answer)? {
            None | Some(Finding::HeardBefore) => Ok(()),
            Some(finding) => Err(Problem::found(finding)),
        }
    }
}

/// The key under which the ledger does it: made of the operation's name.
fn act_key(id: &[u8; 16]) -> Result<IdempotencyKey, Problem> {
    let mut text = String::from("operation-");
    for byte in id {
        // A String takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
    }
    IdempotencyKey::new(&text).map_err(|_| other_answer())
}
