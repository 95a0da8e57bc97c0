//! Refusals as `application/problem+json` (RFC 9457); every HTTP status is chosen in this file.

use super::operations::errors::PANIC;
use crate::desk;
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// A refusal, as a browser or a program reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable word for programs.
    pub code: &'static str,
    /// What is wrong, for a person.
    pub detail: String,
    /// Where it is wrong: a field, a line.
    pub place: Option<Box<str>>,
    /// The same place in the request's body as a JSON pointer (RFC 6901).
    pub pointer: Option<Box<str>>,
    /// What to do about it.
    pub fix: Option<Box<str>>,
    /// Seconds until another attempt makes sense.
    pub retry_after_s: Option<u64>,
    /// What went wrong inside; never shown.
    pub cause: Option<Box<String>>,
}

/// What went wrong inside, beside an answer that does not say it: for whoever runs the server.
#[derive(Debug, Clone)]
pub struct Cause(pub String);

/// A problem on the wire.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemJson {
    /// A URN that names the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A stable word for programs.
    code: &'static str,
    /// What is wrong, for a person.
    detail: String,
    /// Where it is wrong: a field, a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// The same place in the request's body as a JSON pointer (RFC 6901); the empty text is the
    /// whole body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// What a handler returns.
pub type Answer<T> = Result<T, Problem>;

impl Problem {
    /// A refusal without place or fix.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let (place, pointer, fix, retry_after_s, cause) = (None, None, None, None, None);
        Self { status, code, detail: detail.into(), place, pointer, fix, retry_after_s, cause }
    }

    /// Names the field or line.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into().into());
        self
    }

    /// Names a place in the body for programs (RFC 6901).
    #[must_use]
    pub fn pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into().into());
        self
    }

    /// Names a field of the body, for people and for programs.
    #[must_use]
    pub fn field(self, name: &str) -> Self {
        self.at(name).pointer(format!("/{name}"))
    }

    /// Says what to do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into().into());
        self
    }

    /// Keeps what went wrong inside.
    #[must_use]
    fn because(mut self, cause: &dyn std::fmt::Display) -> Self {
        self.cause = Some(Box::new(cause.to_string()));
        self
    }

    /// Says when to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds.max(1));
        self
    }

    /// Nothing here; the same for what never was and for what belongs to somebody else.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is nothing here under this address")
    }

    /// The request as a whole or one field of it is wrong.
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// Nobody is signed in.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "signed-out", "nobody is signed in")
            .fix("sign in and repeat it")
    }

    /// The holder of the root key is away, and until it is back nothing is served.
    #[must_use]
    pub fn closed() -> Self {
        let detail =
            "the holder of this server's keys does not answer, and until it does nothing is served";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "keys-away", detail)
            .fix("wait; the server opens by itself when the holder is back")
            .retry_after(15)
    }

    /// A part that is needed does not work.
    #[must_use]
    pub fn not_ready(parts: &[String]) -> Self {
        let detail = format!("these parts are needed and do not work: {}", parts.join(", "));
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", detail)
            .fix("/.well-known/stockade/health.json says when each was last looked at")
            .retry_after(15)
    }

    /// A handler broke off; otherwise as [`Problem::internal`].
    #[must_use]
    pub fn broken(words: &str) -> Self {
        Self::internal(&format_args!("{PANIC}{words}"))
    }

    /// Our own fault; the cause is logged under the request's id, never shown.
    #[must_use]
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the server could not do this; its log says why, under this answer's x-request-id",
        )
        .because(cause)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Refused");
        let body = ProblemJson {
            kind: format!("urn:stockade:problem:{}", self.code),
            title,
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
            place: self.place.map(String::from),
            pointer: self.pointer.map(String::from),
            fix: Some(self.fix.map_or_else(|| remedy(self.status).to_owned(), String::from)),
        };
        let mut response = (self.status, Json(body)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Cause(*cause));
        }
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// What to do where a problem has nothing better to say.
fn remedy(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            "repair what is named and send it again; /openapi.json says what this takes"
        }
        StatusCode::UNAUTHORIZED => "sign in and repeat it",
        StatusCode::FORBIDDEN => "ask somebody whose role allows it; the page of routes says whose",
        StatusCode::NOT_FOUND => "check the address; what belongs to others is not there either",
        StatusCode::CONFLICT => "load it again and decide anew",
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "wait and repeat it",
        StatusCode::INTERNAL_SERVER_ERROR => {
            "give the number in x-request-id to whoever runs the server"
        }
        _ => "/openapi.json says what this takes",
    }
}

impl From<desk::Error> for Problem {
    #[allow(clippy::too_many_lines, reason = "a table: one arm for each error")]
    fn from(error: desk::Error) -> Self {
        use desk::Error as E;
        let text = error.to_string();
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, text.clone());
        match error {
            E::Identity(inner) => inner.into(),
            E::Sweep(inner) => (*inner).into(),
            E::Catalog(inner) => inner.into(),
            E::Store(store::Error::NoSuchLeaf { .. })
            | E::NotFound { .. }
            | E::NoResult { .. }
            | E::ManyResults { .. } => Self::not_found(),
            E::Store(
                store::Error::DiskFull { .. }
                | store::Error::Busy { .. }
                | store::Error::Locked { .. }
                | store::Error::Unreachable { .. },
            ) => {
                tracing::error!(cause = %text, "the database could not take it");
                let detail = "the database could not take it: nothing was half-written";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "database", detail)
                    .retry_after(5)
                    .because(&text)
            }
            E::Strategy(problems) => strategy(&problems, text),
            E::Expression { place, .. } => {
                Self { code: "expression", ..Self::invalid(text).at(place) }
            }
            E::Factor(inner) => inner.into(),
            E::Research(research::Error::Cancelled) | E::Cancelled => conflict("cancelled"),
            E::NameTaken { .. } => conflict("name-taken"),
            E::Overtaken { .. } => conflict("overtaken"),
            E::Changed { .. } => conflict("changed"),
            E::SweepState { .. } => conflict("sweep-state"),
            E::Archived { .. } => conflict("archived"),
            E::NoOwner => conflict("no-owner"),
            E::HasOwner => conflict("has-owner"),
            E::HasAccount => conflict("has-account"),
            E::Enrolment => Self::invalid(text).field("code"),
            E::Busy { retry_after_s, .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", text).retry_after(retry_after_s)
            }
            E::Limit { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "limit", text),
            E::NoticesFull { .. } => notices_full(&text),
            E::Store(store::Error::ZeroCharacter)
            | E::Research(_)
            | E::Engine(_)
            | E::NoOpen { .. }
            | E::NoSuchData { .. }
            | E::NoTick { .. }
            | E::NotTradable { .. }
            | E::NoSizes { .. }
            | E::Evidence { .. }
            | E::ErrorsDsn { .. }
            | E::OnQuotes => Self::invalid(text),
            E::Block { field, .. } => Self::invalid(text).field(field),
            E::NoMachine(_) | E::ServerNoMachine => Self::invalid(text).field("machine"),
            E::License(inner) => terms(&inner),
            E::NoLease(inner) => no_lease(&inner),
            E::LicenceExists { .. } => conflict("licence-exists"),
            E::LicenceState { .. } => conflict("licence-state"),
            E::Unsealed(_) => Self::invalid(text).field("text"),
            E::Disclosure(disclosure::Error::Receipt) => Self::invalid(text).field("receipt"),
            E::Disclosure(_) | E::Thanks { .. } => conflict("report-step"),
            E::NoPuller { .. } => Self::new(StatusCode::FORBIDDEN, "no-puller", text),
            E::NoRecipients => Self::new(StatusCode::NOT_FOUND, "no-recipients", text),
            E::Linked { .. } => linked(&text),
            E::SealedElsewhere
            | E::SealedNote
            | E::AdvisoryTorn { .. }
            | E::Store(_)
            | E::File { .. }
            | E::Exposed { .. }
            | E::AddressList { .. }
            | E::InUse { .. }
            | E::Key(_)
            | E::KeysElsewhere { .. }
            | E::NoRecipient
            | E::NoRing
            | E::Backup(_)
            | E::NoBackups
            | E::PulledBy { .. }
            | E::Pull { .. }
            | E::Audit(_)
            | E::Edge(_)
            | E::Watching(_)
            | E::Mail(_)
            | E::Report { .. }
            | E::Refused(_)
            | E::Unanswered { .. }
            | E::Replay(_)
            | E::Worker(_) => Self::internal(&text),
        }
    }
}

/// A field of a licence is called as in the file, but for its dashes.
fn terms(error: &license::Error) -> Problem {
    let problem = Problem::invalid(error.to_string());
    match error {
        license::Error::Field { field: "license", .. } => problem.field("id"),
        license::Error::Field { field: "not-before", .. } => problem.field("from"),
        license::Error::Field { field, .. } => problem.field(&field.replace('-', "_")),
        _ => problem,
    }
}

/// Programs tell the reasons apart by their codes.
fn no_lease(why: &desk::NoLease) -> Problem {
    use desk::NoLease as N;
    let status = match why {
        N::File(_) | N::Request(_) | N::Clock { .. } | N::Again => StatusCode::UNPROCESSABLE_ENTITY,
        N::Unknown => StatusCode::NOT_FOUND,
        N::Suspended { .. } | N::Revoked { .. } | N::Unpaid { .. } | N::NoSeat | N::Released => {
            StatusCode::FORBIDDEN
        }
    };
    Problem::new(status, why.word(), why.to_string()).fix("the detail says what to do")
}

/// The processor sends it again later; until then only the log of the server tells of it.
fn notices_full(text: &str) -> Problem {
    tracing::error!(error = text, "a genuine notice of a payment is not kept");
    let detail = "no more notices can be kept here now";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "notices-full", detail).retry_after(600)
}

/// Where the link leads is for the log.
fn linked(text: &str) -> Problem {
    tracing::error!(error = text, "a result is not read");
    let detail = "this result was replaced by a link to elsewhere, which is not followed";
    Problem::new(StatusCode::GONE, "result-gone", detail)
        .fix("run the backtest again: the same data and text give the same result")
}

fn strategy(problems: &[engine::Problem], text: String) -> Problem {
    let place = problems.first().map(|p| format!("line {}, column {}", p.line, p.column));
    let mut problem = Problem::invalid(text);
    problem.code = "strategy";
    problem.place = place.map(Into::into);
    problem.fix("repair the strategy; its editor shows every problem")
}

impl From<crate::sweep::Error> for Problem {
    fn from(error: crate::sweep::Error) -> Self {
        use crate::sweep::Error as E;
        let text = error.to_string();
        match error {
            E::Catalog(inner) => inner.into(),
            E::Strategy(problems) => desk::Error::Strategy(problems).into(),
            E::Engine(_) | E::NoOpen { .. } => Self::invalid(text),
            E::DataChanged { .. } | E::Semantics { .. } => {
                Self::new(StatusCode::CONFLICT, "not-reproducible", text)
            }
            _ => Self::internal(&text),
        }
    }
}

impl From<factor::Error> for Problem {
    fn from(error: factor::Error) -> Self {
        use factor::Error as E;
        let text = error.to_string();
        match error {
            E::Nodes { .. } | E::Work { .. } | E::Memory { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "limit", text)
            }
            E::Cancelled => Self::new(StatusCode::CONFLICT, "cancelled", text),
            E::Duplicate { .. } | E::Field { .. } => Self::invalid(text),
            E::Shape { .. } | E::Threads { .. } => Self::internal(&text),
        }
    }
}

impl From<identity::Error> for Problem {
    fn from(error: identity::Error) -> Self {
        use identity::Error as E;
        let text = error.to_string();
        let invalid = |field: &str| Self::invalid(text.clone()).field(field);
        match error {
            E::Email { .. } => invalid("email"),
            E::DisplayName => invalid("display_name"),
            E::Password { .. } => {
                let mut problem = invalid("password");
                problem.code = "password";
                problem
            }
            E::Id | E::Role { .. } | E::Import { .. } | E::Scope => Self::invalid(text),
            E::Credentials => Self::new(StatusCode::UNAUTHORIZED, "credentials", text),
            E::Code => Self::new(StatusCode::UNAUTHORIZED, "code", text),
            E::Ticket => Self::new(StatusCode::UNAUTHORIZED, "ticket", text),
            E::Throttled { retry_after } => {
                let seconds = u64::try_from(retry_after.as_secs()).unwrap_or(1);
                Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", text).retry_after(seconds)
            }
            E::Forged | E::Token(_) => Self::anonymous(),
            E::FactorNeeded => Self::new(StatusCode::FORBIDDEN, "mfa_required", text)
                .fix("the page Security enrols one: /account/security"),
            E::Passkey(_) => {
                Self::new(StatusCode::UNAUTHORIZED, "passkey", "the passkey is refused")
            }
            E::Closed => Self::new(StatusCode::FORBIDDEN, "closed", text),
            E::WorkNeeded { .. } => Self::new(StatusCode::TOO_MANY_REQUESTS, "work", text),
            E::Rule(identity::Rule::SecondPerson) => {
                Self::new(StatusCode::CONFLICT, "second-person", text)
                    .fix("POST the act to /api/v1/proposals")
            }
            E::Rule(_) => Self::new(StatusCode::CONFLICT, "rule", text),
            E::Ended { .. } => Self::new(StatusCode::UNAUTHORIZED, "ended", text),
            E::Permission => Self::new(StatusCode::FORBIDDEN, "permission", text),
            E::Stale => Self::new(StatusCode::FORBIDDEN, "stale", text)
                .fix("POST both to /api/v1/session/step-up, then repeat it"),
            E::Cost { .. }
            | E::StoredHash
            | E::Sealed(_)
            | E::Content { .. }
            | E::Lifetime { .. } => Self::internal(&text),
        }
    }
}

impl From<catalog::Error> for Problem {
    fn from(error: catalog::Error) -> Self {
        use catalog::Error as E;
        let text = error.to_string();
        match error {
            E::NoDataset { .. } | E::NoSymbol { .. } | E::DatasetName { .. } => {
                Self::new(StatusCode::NOT_FOUND, "not-found", text)
            }
            E::Damaged { .. } => {
                tracing::error!(cause = %text, "a dataset is damaged");
                let detail = "the dataset is damaged; the server's log names the file";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "damaged", detail)
                    .fix("restore it from a backup or import it again")
                    .because(&text)
            }
            E::PanelSize { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "limit", text),
            E::Market(_)
            | E::Mapping { .. }
            | E::TimeZone { .. }
            | E::Content { .. }
            | E::OtherContent { .. } => Self::invalid(text),
            _ => Self::internal(&text),
        }
    }
}
