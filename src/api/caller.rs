//! Who asks, and for which program: a Bearer token of the configuration, and `?program=` where a token has several.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use holdfast_core::ProgramId;
use http::header::AUTHORIZATION;
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use utoipa::IntoParams;

use super::input::Fields;
use super::problem::{Code, FieldError, Problem};
use super::{Api, ApiProgram};
use crate::config::ApiToken;

/// Names the program where `?program=` does not.
pub const PROGRAM_HEADER: &str = "holdfast-program";

/// A caller who is known, the program that they ask for, and the rest of the query.
#[derive(Debug)]
pub struct Caller {
    /// The token's name.
    pub who: String,
    /// The program.
    pub program: ApiProgram,
    /// The query's other parameters.
    pub query: Fields,
}

/// Which program is asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct ProgramParameter {
    /// The program. May be left out if the token has only one; the header `Holdfast-Program` says the same; where both are
    /// there they must agree.
    #[param(example = "demo")]
    program: Option<String>,
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let token = verify(parts, &api.tokens.load())?;
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(mut pairs) = query.map_err(|_| bad("", "has a query that is not UTF-8"))?;
        let asked = match (take(&mut pairs, "program")?, header(parts, PROGRAM_HEADER)?) {
            (Some(one), Some(other)) if one != other => {
                return Err(bad(PROGRAM_HEADER, "names another program than `program` in the query"));
            }
            (by_query, by_header) => by_query.or(by_header),
        };
        let id = choose(asked.as_deref(), &token)?;
        let program = api.programs.iter().find(|program| program.id == id).copied();
        let program = program.ok_or_else(no_program)?;
        Ok(Caller { who: token.name, program, query: Fields::of_query(pairs) })
    }
}

/// Finds whose token it is. Every known token is compared with, in constant time, whichever it is.
fn verify(parts: &Parts, tokens: &[ApiToken]) -> Result<ApiToken, Problem> {
    let stranger = || Problem::of(Code::Unauthorized, "present a token of the configuration as `Authorization: Bearer …`");
    let mut presented = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (presented.next(), presented.next()) else { return Err(stranger()) };
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(stranger)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(stranger());
    }
    let digest: [u8; 32] = Sha256::digest(token.trim_matches(' ')).into();
    let mut found = None;
    for known in tokens {
        let same: Choice = known.digest.ct_eq(&digest);
        if bool::from(same) {
            found = Some(known);
        }
    }
    found.cloned().ok_or_else(stranger)
}

/// The program that was asked for, if the token may see it; its only one, if none was.
fn choose(asked: Option<&str>, token: &ApiToken) -> Result<ProgramId, Problem> {
    match (asked, token.programs.as_slice()) {
        (Some(asked), programs) => programs.iter().find(|id| id.as_str() == asked).copied().ok_or_else(no_program),
        (None, [only]) => Ok(*only),
        (None, _) => Err(bad("program", "is missing: this token has several programs")),
    }
}

/// Unknown and not allowed look the same: a token learns nothing of other programs.
fn no_program() -> Problem {
    Problem::of(Code::NotFound, "there is no such program for this token")
}

fn bad(path: &str, problem: &str) -> Problem {
    Problem::bad_request(vec![FieldError { path: path.to_owned(), problem: problem.to_owned() }])
}

fn take(pairs: &mut Vec<(String, String)>, name: &str) -> Result<Option<String>, Problem> {
    let (mut taken, rest): (Vec<_>, Vec<_>) = pairs.drain(..).partition(|(known, _)| known == name);
    *pairs = rest;
    let value = taken.pop().map(|(_, value)| value);
    if taken.is_empty() { Ok(value) } else { Err(bad(name, "is there twice")) }
}

fn header(parts: &Parts, name: &str) -> Result<Option<String>, Problem> {
    let Some(value) = parts.headers.get(name) else { return Ok(None) };
    value.to_str().map(|text| Some(text.to_owned())).map_err(|_| bad(name, "is not visible ASCII"))
}
