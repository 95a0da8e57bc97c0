//! Set-up, sign-in, sessions.

use super::{
    passkeys::{PasskeyAssertion, PasskeyRequest},
    proof::{Factor, given},
};
use crate::{
    desk::{Guest, Opened, SignInStep, now},
    server::{
        Answer, Problem,
        cookies::{Cookie, lines},
        extract::{Json, Part},
        guard::{Caller, Signed, authenticate},
        state::App,
    },
};
use axum::{
    Extension,
    extract::State,
    response::{AppendHeaders, IntoResponse, Response},
};
use edge::Peer;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use identity::Level;
use jiff::SignedDuration;
use qrcode::{QrCode, render::svg};
use seal::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    id: String,
    email: String,
    role: &'static str,
    display_name: String,
}

/// Whether somebody is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionState {
    /// `none`, `setup` or `signed_in`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Account>,
    /// `read`, `write` or `dangerous`: how fresh the proof is.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    /// Who may make an account: `open`, `invite` or `closed`.
    registration: &'static str,
    /// The origin at which passkeys work; none where the server has no name.
    #[serde(skip_serializing_if = "Option::is_none")]
    passkey_origin: Option<String>,
}

/// The first form.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupForm {
    token: String,
    email: String,
    #[schema(value_type = String)]
    password: Password,
    display_name: Option<String>,
}

/// What the authenticator needs.
#[derive(Serialize, ToSchema)]
pub struct SetupBegun {
    ticket: String,
    totp: Totp,
}

/// A secret for an authenticator, in three spellings.
#[derive(Serialize, ToSchema)]
pub struct Totp {
    secret: String,
    uri: String,
    qr_svg: String,
}

/// A code that confirms the authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupCode {
    ticket: String,
    code: String,
}

/// Codes for a lost authenticator; shown once.
#[derive(Serialize, ToSchema)]
pub struct SetupFinished {
    recovery_codes: Vec<String>,
}

/// Address and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInForm {
    email: String,
    #[schema(value_type = String)]
    password: Password,
}

/// What comes of a right password: a second factor is asked for, or, where the account has none,
/// somebody is signed in.
#[derive(Serialize, ToSchema)]
pub struct PasswordTaken {
    /// To go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    /// The kinds that the account has, the strongest first: `passkey`, `totp`, `recovery`.
    factors: Vec<&'static str>,
    /// What a passkey is asked, where the account has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    passkey: Option<PasskeyRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Account>,
}

/// A second factor: a `code`, or of a passkey its `ticket` and `assertion`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorForm {
    challenge: String,
    kind: Factor,
    code: Option<String>,
    ticket: Option<String>,
    assertion: Option<PasskeyAssertion>,
}

/// Who has signed in.
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    account: Account,
}

impl SignedIn {
    pub(super) const fn of(account: Account) -> Self {
        Self { account }
    }
}

/// A signed-in browser.
#[derive(Serialize, ToSchema)]
pub struct SessionRow {
    handle: String,
    current: bool,
    device: String,
    address: String,
    created: String,
    last_used: String,
}

/// A password on its way in: it does not print and is wiped.
pub struct Password(pub(super) Secret<String>);

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Secret::new(text)))
    }
}

impl From<&Guest> for Account {
    fn from(guest: &Guest) -> Self {
        Self {
            id: guest.account.to_string(),
            email: guest.profile.email.to_string(),
            role: guest.role.as_str(),
            display_name: guest.profile.display_name.to_string(),
        }
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Read => "read",
        Level::Write => "write",
        Level::Dangerous => "dangerous",
    }
}

/// `GET /api/v1/session`
pub async fn session(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
) -> Answer<Json<SessionState>> {
    let passkey_origin = app.accounts().passkey_origin().map(str::to_owned);
    let registration = app.accounts().registration().as_str();
    if let Ok(session) = authenticate(&app, &headers, peer.as_deref()).await {
        let guest = app.accounts().guest(&session, now()).await?;
        return Ok(Json(SessionState {
            state: "signed_in",
            account: Some(Account::from(&guest)),
            level: Some(level(guest.level)),
            expires: Some(guest.expires.to_string()),
            registration,
            passkey_origin,
        }));
    }
    let setup = app.desk().needs_setup().await?;
    let state = if setup { "setup" } else { "none" };
    Ok(Json(SessionState {
        state,
        account: None,
        level: None,
        expires: None,
        registration,
        passkey_origin,
    }))
}

/// `POST /api/v1/setup/begin`
pub async fn setup_begin(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<SetupForm>,
) -> Answer<Json<SetupBegun>> {
    let person = (form.email.as_str(), form.display_name.as_deref());
    let begun = app.accounts().begin_setup(&visitor, &form.token, person, form.password.0).await?;
    Ok(Json(SetupBegun { ticket: begun.ticket, totp: totp(&begun.secret, &begun.uri)? }))
}

/// What an authenticator needs, with a picture to scan.
pub(super) fn totp(secret: &Secret<String>, uri: &Secret<String>) -> Answer<Totp> {
    let code = QrCode::new(uri.expose()).map_err(|error| Problem::internal(&error))?;
    let qr_svg = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    let (secret, uri) = (secret.expose().clone(), uri.expose().clone());
    Ok(Totp { secret, uri, qr_svg })
}

/// `POST /api/v1/setup/finish`
pub async fn setup_finish(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<SetupCode>,
) -> Answer<Response> {
    let finished = app.accounts().finish_setup(&visitor, &form.ticket, form.code.trim()).await?;
    let recovery_codes = finished.recovery_codes.iter().map(|code| code.expose().clone()).collect();
    let body = Json(SetupFinished { recovery_codes });
    Ok((cookies(&finished.opened), body).into_response())
}

/// `POST /api/v1/sign-in`
pub async fn sign_in(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<SignInForm>,
) -> Answer<Response> {
    match app.accounts().sign_in(&visitor, &form.email, form.password.0).await? {
        SignInStep::Asked(ask) => Ok(Json(PasswordTaken {
            challenge: Some(ask.challenge),
            factors: ask.kinds.iter().map(|kind| kind.as_str()).collect(),
            passkey: ask.passkey.map(PasskeyRequest::from),
            account: None,
        })
        .into_response()),
        SignInStep::Opened(opened) => {
            let account = Some(Account::from(&opened.guest));
            let body =
                PasswordTaken { challenge: None, factors: Vec::new(), passkey: None, account };
            Ok((cookies(&opened), Json(body)).into_response())
        }
    }
}

/// `POST /api/v1/sign-in/factor`
pub async fn sign_in_factor(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<FactorForm>,
) -> Answer<Response> {
    let factor = given(form.kind, (form.code, form.ticket, form.assertion))?;
    let opened = app.accounts().second_factor(&visitor, &form.challenge, factor).await?;
    let body = Json(SignedIn { account: Account::from(&opened.guest) });
    Ok((cookies(&opened), body).into_response())
}

/// `POST /api/v1/session/refresh`
pub async fn refresh(
    State(app): State<App>,
    Caller(visitor): Caller,
    headers: HeaderMap,
) -> Answer<Response> {
    let token = Cookie::Refresh.read(&headers).ok_or_else(Problem::anonymous)?;
    match app.accounts().refresh(&visitor, token).await {
        Ok(opened) => Ok((StatusCode::NO_CONTENT, cookies(&opened)).into_response()),
        Err(error) => {
            let problem = Problem::from(error);
            // A session that is over takes its cookies with it; a busy server does not.
            let gone = problem.status == StatusCode::UNAUTHORIZED;
            let cleared = gone.then(|| [Cookie::Access.clear(), Cookie::Refresh.clear()]);
            Ok((lines(cleared.into_iter().flatten()), problem).into_response())
        }
    }
}

/// `POST /api/v1/sign-out`
pub async fn sign_out(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
) -> Answer<Response> {
    match authenticate(&app, &headers, peer.as_deref()).await {
        Ok(session) => app.accounts().sign_out(&session).await?,
        // The access token may have run out: the refresh token names the session as well.
        Err(_) => {
            if let Some(token) = Cookie::Refresh.read(&headers) {
                app.accounts().abandon(token).await?;
            }
        }
    }
    let cleared = [Cookie::Access.clear(), Cookie::Refresh.clear()];
    let site_data = (
        HeaderName::from_static("clear-site-data"),
        // Not "cookies": that would take the device cookie, and those of other ports, along.
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    Ok((StatusCode::NO_CONTENT, [site_data], lines(cleared)).into_response())
}

/// `GET /api/v1/sessions`
pub async fn sessions(State(app): State<App>, signed: Signed) -> Answer<Json<Vec<SessionRow>>> {
    let own = signed.session.session().id;
    let rows = app.accounts().sessions(&signed.session).await?;
    let row = |line: crate::desk::SessionLine| SessionRow {
        handle: line.id.to_string(),
        current: line.id == own,
        device: line.client.agent,
        address: line.client.address.map(|address| address.to_string()).unwrap_or_default(),
        created: line.created.to_string(),
        last_used: line.used.to_string(),
    };
    Ok(Json(rows.into_iter().map(row).collect()))
}

/// `DELETE /api/v1/sessions/{handle}`
pub async fn end_session(
    State(app): State<App>,
    signed: Signed,
    Part(handle): Part<String>,
) -> Answer<StatusCode> {
    let id = handle.parse().map_err(|_| Problem::not_found())?;
    app.accounts().end_session(&signed.session, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A year: the cookie is no key, it only gives a browser a budget of its own.
pub(super) const DEVICE_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 365);

pub(super) fn cookies(opened: &Opened) -> AppendHeaders<Vec<(HeaderName, HeaderValue)>> {
    let left = opened.expires.duration_since(now());
    lines([
        Cookie::Access.set(opened.access.expose(), left),
        Cookie::Refresh.set(opened.refresh.expose(), left),
        Cookie::Device.set(opened.device.expose(), DEVICE_LIFETIME),
    ])
}
