//! Every refusal in one shape: RFC 9457, `application/problem+json`, with a code for programs to go by. No value that a
//! caller sent is ever in it.

use axum::response::{IntoResponse, Response};
use holdfast_core::DeclineReason;
use holdfast_core::hold::Finding;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal, $status:ident, $title:literal;)*) => {
        /// What kind of refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $code,)* }

        impl Code {
            /// All of them, in the order of declaration.
            pub const ALL: &'static [Code] = &[$(Code::$code,)*];

            /// As `code` and the end of `type` have it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Code::$code => $name,)* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Code::$code => StatusCode::$status,)* }
            }

            /// The same for every refusal of its kind.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Code::$code => $title,)* }
            }
        }
    };
}

codes! {
    /// Something in path, query, headers or body is not as it must be.
    BadRequest = "bad_request", BAD_REQUEST, "The request is not as it must be";
    /// No token, or one that nobody has.
    Unauthorized = "unauthorized", UNAUTHORIZED, "A valid token is needed";
    /// No such route, program, account, card or hold, or not for this token.
    NotFound = "not_found", NOT_FOUND, "There is no such thing";
    /// The route exists for other methods.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    /// The request took too long to arrive.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The request took too long";
    /// The same key came before with something else.
    IdempotencyConflict = "idempotency_conflict", CONFLICT, "The key came before with another request";
    /// Something of that name is there, and is other than what was to be created.
    AlreadyExists = "already_exists", CONFLICT, "Something else of that name is there";
    /// It is closed for good, or barred by more than a freeze.
    StatusFinal = "status_final", CONFLICT, "The status does not allow it";
    /// An entry that contradicts what the ledger has.
    EntryRefused = "entry_refused", CONFLICT, "The ledger refuses the entry";
    /// The ledger recorded the event and moved nothing, or an order was declined.
    Declined = "declined", CONFLICT, "The ledger declined it";
    /// Stand-in is on already, or not on, or was to end in the past; or no such platform calls for the program.
    NotSwitched = "not_switched", CONFLICT, "Stand-in is not switched";
    /// The body is too long.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too long";
    /// The body is not JSON by its own word.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be JSON";
    /// A bug of ours.
    Internal = "internal", INTERNAL_SERVER_ERROR, "A bug of the server";
    /// The ledger is away. Nothing was applied, or it is not known: the same key can be sent again.
    LedgerUnavailable = "ledger_unavailable", SERVICE_UNAVAILABLE, "The ledger does not answer";
    /// What follows the ledger for lists and pages cannot be read.
    ReadsUnavailable = "reads_unavailable", SERVICE_UNAVAILABLE, "What follows the ledger cannot be read";
    /// The spool's file, which keeps switches, cannot be written.
    SpoolUnavailable = "spool_unavailable", SERVICE_UNAVAILABLE, "The spool cannot be written";
    /// Of agent spend: the credential is known, and may not do this.
    Forbidden = "forbidden", FORBIDDEN, "The credential may not do this";
    /// Of agent spend: the object was changed since it was read.
    VersionConflict = "version_conflict", CONFLICT, "The object is in another version";
    /// Of agent spend: what it would hold is another one's.
    Taken = "taken", CONFLICT, "Something else holds it";
    /// Of agent spend: the object is not in a state in which this can be done.
    StateConflict = "state_conflict", CONFLICT, "The state does not allow it";
    /// Of agent spend: the object is archived, and does not change any more.
    Archived = "archived", GONE, "The object is archived";
    /// Of agent spend: the store cannot be read or written.
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE, "The store does not answer";
    /// Of agent spend: too many requests wait already.
    Busy = "busy", SERVICE_UNAVAILABLE, "Too many requests wait";
    /// Of agent spend: a letter was not taken, and without it nothing is done.
    MailUnavailable = "mail_unavailable", SERVICE_UNAVAILABLE, "The mail server does not take the letter";
}

impl Code {
    /// Whether only agent spend, `/v1` on the callbacks' listener, has it.
    #[must_use]
    pub const fn is_of_spend(self) -> bool {
        match self {
            Code::Forbidden
            | Code::VersionConflict
            | Code::Taken
            | Code::StateConflict
            | Code::Archived
            | Code::StoreUnavailable
            | Code::Busy
            | Code::MailUnavailable => true,
            Code::BadRequest
            | Code::Unauthorized
            | Code::NotFound
            | Code::MethodNotAllowed
            | Code::RequestTimeout
            | Code::IdempotencyConflict
            | Code::AlreadyExists
            | Code::StatusFinal
            | Code::EntryRefused
            | Code::Declined
            | Code::NotSwitched
            | Code::BodyTooLarge
            | Code::UnsupportedMediaType
            | Code::Internal
            | Code::LedgerUnavailable
            | Code::ReadsUnavailable
            | Code::SpoolUnavailable => false,
        }
    }
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a field of the body, a parameter of the query, or a header.
    #[schema(example = "amount")]
    pub path: String,
    /// What would be right, or what is wrong; never the value itself.
    #[schema(example = "must be a whole number of at least 1, in minor units")]
    pub problem: String,
}

/// A refusal (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URN that ends in `code`.
    #[serde(rename = "type")]
    #[schema(example = "urn:holdfast:problem:bad_request")]
    kind: String,
    /// The same for every problem of the type.
    #[schema(example = "The request is not as it must be")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// What programs go by. Of declined orders the ledger's reason, such as `authorization_over`.
    #[schema(example = "bad_request")]
    code: &'static str,
    /// What happened this time, for people.
    detail: String,
    /// Of bad requests: everything that is wrong, at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

/// A refusal, before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: Code,
    /// The ledger's own word for it, where it has one.
    reason: Option<&'static str>,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_seconds: Option<u32>,
}

impl Problem {
    /// A refusal of a kind, and what happened this time.
    #[must_use]
    pub fn of(kind: Code, detail: impl Into<String>) -> Self {
        Problem { kind, reason: None, detail: detail.into(), errors: Vec::new(), retry_after_seconds: None }
    }

    /// A bad request, with everything that is wrong.
    #[must_use]
    pub fn bad_request(errors: Vec<FieldError>) -> Self {
        Problem { errors, ..Problem::of(Code::BadRequest, "see `errors`; nothing was done") }
    }

    /// A refusal of a kind, with a code of its own.
    #[must_use]
    pub fn coded(kind: Code, code: &'static str, detail: impl Into<String>) -> Self {
        Problem { reason: Some(code), ..Problem::of(kind, detail) }
    }

    /// The same key came with another request.
    #[must_use]
    pub fn conflict() -> Self {
        let detail = "this Idempotency-Key came before with another method, path or body; nothing was done";
        Problem::of(Code::IdempotencyConflict, detail)
    }

    /// There is nothing of that kind and name in the program.
    #[must_use]
    pub fn unknown(what: &str) -> Self {
        Problem::of(Code::NotFound, format!("there is no such {what} in this program"))
    }

    /// The ledger said no to an order, and why.
    #[must_use]
    pub fn declined(reason: DeclineReason) -> Self {
        Problem { reason: Some(reason.name()), ..Problem::of(Code::Declined, "nothing was changed") }
    }

    /// The ledger heard a fact, and it moved nothing.
    #[must_use]
    pub fn found(finding: Finding) -> Self {
        Problem { reason: Some(finding.name()), ..Problem::of(Code::Declined, "it was recorded, and moved nothing") }
    }

    /// An amount that leads beyond what can be counted.
    #[must_use]
    pub fn too_large(detail: &str) -> Self {
        Problem { reason: Some(Finding::AmountTooLarge.name()), ..Problem::of(Code::Declined, detail) }
    }

    /// For whoever reads lines: what happened, and everything that is wrong.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        if self.errors.is_empty() {
            return vec![self.detail.clone()];
        }
        self.errors.iter().map(|error| format!("{}: {}", error.path, error.problem)).collect()
    }

    /// The same, of what a field says.
    #[must_use]
    pub fn at(self, path: &str, problem: &str) -> Self {
        Problem { errors: vec![FieldError { path: path.to_owned(), problem: problem.to_owned() }], ..self }
    }

    /// Whether it is of that kind.
    #[must_use]
    pub fn is(&self, kind: Code) -> bool {
        self.kind == kind
    }

    /// The same, with when to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Problem { retry_after_seconds: Some(seconds), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Problem { kind, reason, detail, errors, retry_after_seconds } = self;
        let code = reason.unwrap_or(kind.name());
        let body = ProblemBody {
            kind: format!("urn:holdfast:problem:{code}"),
            title: kind.title(),
            status: kind.status().as_u16(),
            code,
            detail,
            errors,
        };
        // Texts and numbers: nothing that JSON could not say.
        let mut response = (kind.status(), serde_json::to_vec(&body).unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if kind == Code::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"holdfast\""));
        }
        if let Some(seconds) = retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
