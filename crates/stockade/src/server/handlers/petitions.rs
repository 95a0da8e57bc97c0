//! A program's request for a token, and a person's answer to it.

use crate::{
    desk::{PetitionAsked, PetitionShown},
    server::{
        Answer, Problem,
        extract::Json,
        guard::{Caller, Signed},
        names,
        state::App,
    },
};
use axum::extract::State;
use http::StatusCode;
use identity::{Permission, PetitionState, Petitions};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a program asks for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPetition {
    /// What the program calls itself.
    program: String,
    /// Permissions, as the table of routes names them; at least one.
    scope: Vec<String>,
    /// 1 to 365.
    days: u16,
    /// SHA-256 of the secret that the program made, in hexadecimal digits.
    digest: String,
}

/// What the program shows, and how it goes on.
#[derive(Serialize, ToSchema)]
pub struct PetitionTaken {
    /// To be typed into the page by whoever grants it.
    code: String,
    /// Where.
    page: String,
    expires: String,
    /// How often the program may look, in seconds.
    interval_s: u64,
}

/// Which petition: by the digest of its secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnPetition {
    digest: String,
}

/// How far a petition is.
#[derive(Serialize, ToSchema)]
pub struct PetitionFar {
    /// `waiting`, `granted` or `refused`.
    state: &'static str,
}

/// The code that a program shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedCode {
    code: String,
}

/// What a program wants, to be granted or refused.
#[derive(Serialize, ToSchema)]
pub struct PetitionRow {
    /// What the program calls itself: nobody has checked that.
    program: String,
    /// Where it asks from.
    address: String,
    asked: String,
    /// Until when it can be granted.
    expires: String,
    /// Permissions that it would have.
    scope: Vec<String>,
    /// Those of them that one's role cannot give.
    beyond: Vec<String>,
    /// For how many days.
    days: i64,
}

fn digest(text: &str) -> Answer<[u8; 32]> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest).map_err(|_| {
        Problem::invalid("a digest is 64 hexadecimal digits: SHA-256 of the secret").field("digest")
    })?;
    Ok(digest)
}

impl From<PetitionShown> for PetitionRow {
    fn from(shown: PetitionShown) -> Self {
        let petition = shown.petition;
        Self {
            program: petition.program.to_string(),
            address: petition.address.map(|address| address.to_string()).unwrap_or_default(),
            asked: petition.asked.to_string(),
            expires: petition.expires().to_string(),
            scope: petition.scope.permissions().map(names::permission).collect(),
            beyond: shown.beyond.into_iter().map(names::permission).collect(),
            days: petition.lifetime.as_hours() / 24,
        }
    }
}

/// `POST /api/v1/petitions`
pub async fn ask(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<NewPetition>,
) -> Answer<(StatusCode, Json<PetitionTaken>)> {
    let program = form
        .program
        .parse()
        .map_err(|error: identity::Error| Problem::invalid(error.to_string()).field("program"))?;
    let named =
        |name: &String| Permission::ALL.into_iter().find(|p| names::permission(*p) == *name);
    let scope = form.scope.iter().map(named).collect::<Option<Vec<_>>>();
    let scope = scope.ok_or_else(|| {
        Problem::invalid("this is no permission that a token can have").field("scope")
    })?;
    let digest = digest(&form.digest)?;
    let asked = PetitionAsked { program, scope, days: form.days, digest };
    let (code, expires) = app.accounts().petition(&visitor, asked).await?;
    let interval_s = u64::try_from(Petitions::INTERVAL.as_secs()).unwrap_or(5);
    let page = app.accounts().petition_page();
    let taken = PetitionTaken { code, page, expires: expires.to_string(), interval_s };
    Ok((StatusCode::CREATED, Json(taken)))
}

/// `POST /api/v1/petitions/state`
pub async fn state(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<OwnPetition>,
) -> Answer<Json<PetitionFar>> {
    let state = app.accounts().petition_state(&visitor, &digest(&form.digest)?)?;
    let state = match state {
        PetitionState::Waiting => "waiting",
        PetitionState::Granted => "granted",
        PetitionState::Refused => "refused",
    };
    Ok(Json(PetitionFar { state }))
}

/// `POST /api/v1/account/petition`
pub async fn look(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<TypedCode>,
) -> Answer<Json<PetitionRow>> {
    let shown = app.accounts().petition_of(&visitor, &signed.session, &form.code);
    Ok(Json(shown.map_err(absent)?.into()))
}

/// `POST /api/v1/account/petition/grant`
pub async fn grant(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<TypedCode>,
) -> Answer<StatusCode> {
    let granted = app.accounts().grant_petition(&visitor, &signed.session, &form.code).await;
    granted.map_err(absent)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/account/petition/refuse`
pub async fn refuse(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<TypedCode>,
) -> Answer<StatusCode> {
    let refused = app.accounts().refuse_petition(&visitor, &signed.session, &form.code).await;
    refused.map_err(absent)?;
    Ok(StatusCode::NO_CONTENT)
}

/// To whoever is signed in a code that is none says nothing of the session.
fn absent(error: crate::desk::Error) -> Problem {
    use crate::desk::Error as E;
    match error {
        E::Identity(identity::Error::Ticket) => {
            Problem::new(StatusCode::NOT_FOUND, "petition", "no program waits under this code")
                .fix("type the code as the program shows it now; one is good for ten minutes")
        }
        E::Identity(identity::Error::Scope) => {
            let detail = "your role cannot give all that the program asks for";
            Problem::new(StatusCode::FORBIDDEN, "permission", detail)
        }
        other => other.into(),
    }
}
