//! Who asks, by the token, and what: the query of a read, the fields, key and version of a change.

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use holdfast_adapters::token::{Caller, TokenFault, verify_caller};
use holdfast_core::agent::{KeyId, Scope};
use holdfast_core::card_number::stands_in;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;

use super::Shared;
use crate::agent::bodies::Credential;
use crate::agent::office::change::Change;
use crate::agent::office::{Office, Owner, archived, changed, read, unknown};
use crate::agent::store::{Kind, Once, Row};
use crate::api::input::{Fields, Need};
use crate::api::problem::{Code, FieldError, Problem};
use crate::clock;

/// The longest idempotency key.
const KEY_BYTES_MAX: usize = 128;
/// The header's name, as errors have it.
const KEY_HEADER: &str = "Idempotency-Key";

/// The key of a change.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct KeyParameter {
    /// The same key is the same change: sent again, nothing is done again, and the answer is the object as it is now. With another
    /// request it is refused (`idempotency_conflict`). 1 to 128 visible ASCII characters; kept for good, as it is, per organization and
    /// environment: no place for names of people. Without one, every request is a new one.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 128, example = "5f0c5a2e-binding-1")]
    idempotency_key: Option<String>,
}

/// The version that a change is of.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct VersionParameter {
    /// The object's `version`, as it was read; the field `version` of the body says the same. If it is another by now, the change is
    /// refused (`version_conflict`).
    #[param(rename = "If-Match", example = "\"1\"")]
    if_match: Option<String>,
}

/// Somebody who proved who they are.
#[derive(Debug, Clone)]
pub struct Asker {
    /// What their credential says.
    pub caller: Caller,
    /// The member whose own the credential is; a backend's without one.
    pub member: Option<String>,
    /// Whose hand it is: the member's, also where a credential is used that the member made; or the credential itself.
    pub hand: String,
}

impl Asker {
    /// Who, in records: the member, or the backend's credential.
    #[must_use]
    pub fn who(&self) -> String {
        self.member.clone().unwrap_or_else(|| self.caller.credential.to_string())
    }

    /// Whose objects they are shown.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner::from(&self.caller)
    }

    /// Checks that the credential is for this.
    ///
    /// # Errors
    /// 403.
    pub fn must(&self, scope: Scope) -> Result<(), Problem> {
        if self.caller.scopes.contains(scope) { Ok(()) } else { Err(refused(TokenFault::Scope(scope))) }
    }

    async fn of(parts: &Parts, house: &Shared) -> Result<Self, Problem> {
        let office = &house.office;
        let caller = verify_caller(&parts.headers, office.registry().as_ref(), clock::utc()).map_err(refused)?;
        let credential = credential_of(office, &caller).await?;
        let hand = credential.hand(caller.credential.as_str());
        Ok(Asker { caller, member: credential.member_id, hand })
    }
}

async fn credential_of(office: &Office, caller: &Caller) -> Result<Credential, Problem> {
    let row = office.get(Kind::Credential, caller.credential.as_str()).await?;
    let row = row.ok_or_else(|| refused(TokenFault::KeyUnknown))?;
    read(&row)
}

/// A token's fault as an answer, with its own code.
#[must_use]
pub fn refused(fault: TokenFault) -> Problem {
    let kind = if fault.status() == 403 { Code::Forbidden } else { Code::Unauthorized };
    Problem::coded(kind, fault.code(), fault.to_string())
}

/// A read: who asks, and the query.
#[derive(Debug)]
pub struct Read {
    /// Who asks.
    pub asker: Asker,
    /// The query's parameters.
    pub query: Fields,
}

impl FromRequestParts<Shared> for Read {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, house: &Shared) -> Result<Self, Problem> {
        let asker = Asker::of(parts, house).await?;
        asker.must(Scope::Read)?;
        Ok(Read { asker, query: query(parts)? })
    }
}

fn query(parts: &Parts) -> Result<Fields, Problem> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let Query(pairs) = pairs.map_err(|_| bad("", "has a query that is not UTF-8"))?;
    Ok(Fields::of_query(pairs))
}

/// One thing that is wrong with a request.
#[must_use]
pub fn bad(path: &str, problem: &str) -> Problem {
    Problem::bad_request(vec![FieldError { path: path.to_owned(), problem: problem.to_owned() }])
}

/// A change, read as far as its body.
#[derive(Debug)]
pub struct Write {
    /// Who asks.
    pub asker: Asker,
    query: Fields,
    key: Option<String>,
    if_match: Option<u32>,
    fields: Fields,
    request: [[u8; 32]; 2],
}

impl FromRequest<Shared> for Write {
    type Rejection = Problem;

    async fn from_request(request: Request, house: &Shared) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let asker = Asker::of(&parts, house).await?;
        let fields = body_fields(&parts.headers, body).await?;
        let formerly = stands_for(&parts, &fields);
        let request = [house.office.sealer.digest_of("request", &formerly), formerly];
        let key = key(&parts.headers, &fields);
        let if_match = if_match(&parts.headers, &fields);
        Ok(Write { asker, query: query(&parts)?, key, if_match, fields, request })
    }
}

/// What an idempotency key stands for: method, path and body, and the version that is meant where the header says it. It is kept by a digest with
/// a key of ours, so that nobody can try out on a copy of the store what was asked.
fn stands_for(parts: &Parts, fields: &Fields) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [parts.method.as_str(), parts.uri.path(), &fields.canonical()] {
        digest.update(part);
        digest.update([0]);
    }
    // Without one it is what it always was: keys are kept for good.
    digest.update(parts.headers.get(IF_MATCH).map_or(&[][..], HeaderValue::as_bytes));
    digest.finalize().into()
}

/// A body without anybody who proved who they are: for the few routes that need no token.
#[derive(Debug)]
pub struct Unproven(pub Fields);

impl FromRequest<Shared> for Unproven {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        body_fields(&parts.headers, body).await.map(Unproven)
    }
}

/// A body's fields; no body at all is one without fields. Its length was bounded on the way here.
async fn body_fields(headers: &HeaderMap, body: axum::body::Body) -> Result<Fields, Problem> {
    let bytes = body.collect().await.map_err(|_| Problem::of(Code::BadRequest, "the body ended early"))?.to_bytes();
    if bytes.is_empty() {
        return Ok(Fields::of_body(b"{}"));
    }
    let written = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = written.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::of(Code::UnsupportedMediaType, "send it as `Content-Type: application/json`"));
    }
    Ok(Fields::of_body(&bytes))
}

/// The idempotency key, if there is one; what is wrong with it is one of the request's errors.
fn key(headers: &HeaderMap, fields: &Fields) -> Option<String> {
    let mut values = headers.get_all(KEY_HEADER).iter();
    let value = values.next()?;
    let text = value.to_str().unwrap_or_default();
    let fits = (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits && stands_in(text) {
        // Keys are kept, and not sealed.
        fields.wrong(KEY_HEADER, "has a card number in it: make a key of something else");
        return None;
    }
    if fits && values.next().is_none() {
        return Some(text.to_owned());
    }
    fields.wrong(KEY_HEADER, "must be there once, with 1 to 128 visible ASCII characters");
    None
}

/// The version that a change is of, from the header.
fn if_match(headers: &HeaderMap, fields: &Fields) -> Option<u32> {
    let value = headers.get(IF_MATCH)?;
    let version = value.to_str().ok().and_then(|text| text.trim_matches('"').parse().ok());
    if version.is_none() {
        fields.wrong("If-Match", "must be an object's `version`, such as \"1\"");
    }
    version
}

/// Whether a change must say which version it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioned {
    /// It makes something new.
    New,
    /// It may.
    Optional,
    /// It must: it overwrites what somebody else may have written.
    Required,
}

/// A change that can be made.
#[derive(Debug)]
pub struct Wanted<T> {
    /// Who asks.
    pub asker: Asker,
    /// What they ask.
    pub what: T,
    /// The change, to be filled.
    pub change: Change,
    version: Option<u32>,
}

impl Write {
    /// Reads the fields.
    ///
    /// # Errors
    /// 403, or 400 with everything that is wrong.
    pub fn read<T>(
        self,
        scope: Scope,
        versioned: Versioned,
        read: impl FnOnce(&Fields) -> Option<T>,
    ) -> Result<Wanted<T>, Problem> {
        let Write { asker, query, key, if_match, fields, request } = self;
        asker.must(scope)?;
        query.finish(|_| Some(()))?;
        let (what, version) = fields.finish(|fields| {
            let version = match versioned {
                Versioned::New => None,
                Versioned::Optional | Versioned::Required => fields.whole("version", Need::Optional, 1),
            };
            // One that no object can have is another one than any has.
            let version = version.map(|version| u32::try_from(version).unwrap_or(u32::MAX));
            if version.zip(if_match).is_some_and(|(version, if_match)| version != if_match) {
                fields.wrong("If-Match", "is another version than the body's `version`");
            }
            let version = version.or(if_match);
            if versioned == Versioned::Required && version.is_none() {
                fields.wrong("version", "is missing: send the object's `version`, as you read it, here or as `If-Match`");
            }
            read(fields).map(|what| (what, version))
        })?;
        let once = key.map(|key| {
            let Caller { organization, environment, .. } = asker.caller;
            let [request, formerly] = request;
            Once { space: format!("{organization}/{}", environment.name()), key, request, formerly }
        });
        let change = Change::new(asker.who(), clock::utc(), once);
        Ok(Wanted { asker, what, change, version })
    }
}

impl<T> Wanted<T> {
    /// Checks that an object is as the caller read it, and still changes.
    ///
    /// # Errors
    /// 409 for another version, 410 for what is archived.
    pub fn must_fit(&self, row: &Row) -> Result<(), Problem> {
        if row.status == "archived" {
            return Err(archived(row.kind));
        }
        match self.version {
            Some(version) if version != row.version => Err(changed(row.kind)),
            Some(_) | None => Ok(()),
        }
    }
}

/// An API key that was given, as a key.
///
/// # Errors
/// 404: nobody has it.
pub fn known_key(text: &str) -> Result<KeyId, Problem> {
    KeyId::new(text).map_err(|_| unknown(Kind::Credential))
}
