//! Accounts as those see them who run the server. No answer holds a password, a factor or a token.

use super::audit::{given, look};
use crate::{
    desk::{Sight, UserLine, UserSearch, UserView},
    server::{
        Answer, Problem,
        extract::{Json, Part, Query},
        guard::Signed,
        machines::call_roll,
        state::App,
    },
};
use axum::extract::State;
use http::StatusCode;
use identity::{AccountId, EmailAddress, OwnSession, Profile, Role, Standing, Voucher};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Which accounts; every condition that is given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Whom {
    /// The whole address: addresses lie sealed, so a part of one finds nothing.
    email: Option<String>,
    /// Only accounts of this role.
    role: Option<String>,
    /// Only accounts that are `active` or `disabled`.
    standing: Option<String>,
    /// Only accounts made before this one: the last of the page before.
    before: Option<String>,
    /// How many; more than 200 are as 200.
    limit: Option<u32>,
}

/// A page of accounts, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Users {
    users: Vec<User>,
    /// Where to go on, as `before`; null at the end.
    next: Option<String>,
}

/// An account in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    id: String,
    /// Null where it does not open; the server's log says why.
    email: Option<String>,
    display_name: Option<String>,
    role: &'static str,
    /// `active` or `disabled`.
    standing: &'static str,
    created: String,
}

/// One account: what it is, and what it holds, in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserDetail {
    user: User,
    /// Whether it has a password.
    password: bool,
    /// Whether it has an authenticator.
    totp: bool,
    recovery_codes: u8,
    passkeys: usize,
    /// Live sessions, up to 1000.
    sessions: usize,
    /// API tokens and bots.
    tokens: usize,
    /// A lost second factor that is on its way to be replaced.
    loss: Option<LossView>,
    /// When it will be erased, if its owner asked for that.
    erasure: Option<String>,
    /// Whether disabling it takes two persons.
    needs_two: bool,
}

/// A lost second factor.
#[derive(Debug, Serialize, ToSchema)]
pub struct LossView {
    /// Not before this time can it be replaced.
    ready: String,
    /// `none`: nobody need vouch; `awaited`: somebody must; `given`: somebody did.
    voucher: &'static str,
}

/// Somebody who is named.
#[derive(Debug, Serialize, ToSchema)]
pub struct Person {
    id: String,
    /// Null where the account is erased.
    display_name: Option<String>,
    email: Option<String>,
}

/// Another role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleForm {
    role: RoleName,
}

/// What a person is here for.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Everything.
    Owner,
    /// Runs the server and its accounts; grants no roles.
    Admin,
    /// Helps people; sees who exists.
    Support,
    /// Reads the log.
    Auditor,
    /// Works.
    Trader,
    /// Looks, changes nothing.
    Viewer,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Support => Self::Support,
            RoleName::Auditor => Self::Auditor,
            RoleName::Trader => Self::Trader,
            RoleName::Viewer => Self::Viewer,
        }
    }
}

impl Person {
    /// By their account, with what is known of it.
    pub(super) fn of(account: AccountId, names: &BTreeMap<AccountId, Profile>) -> Self {
        let profile = names.get(&account);
        Self {
            id: account.to_string(),
            display_name: profile.map(|profile| profile.display_name.to_string()),
            email: profile.map(|profile| profile.email.to_string()),
        }
    }
}

/// A standing's word.
pub(super) const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Disabled => "disabled",
    }
}

impl From<UserLine> for User {
    fn from(line: UserLine) -> Self {
        let (email, display_name) = line
            .profile
            .map(|profile| (profile.email.to_string(), profile.display_name.to_string()))
            .unzip();
        Self {
            id: line.state.account.to_string(),
            email,
            display_name,
            role: line.state.role.as_str(),
            standing: standing(line.state.standing),
            created: line.created.to_string(),
        }
    }
}

impl From<UserView> for UserDetail {
    fn from(view: UserView) -> Self {
        let voucher = |voucher| match voucher {
            Voucher::None => "none",
            Voucher::Awaited => "awaited",
            Voucher::Given(_) => "given",
        };
        let loss = view
            .loss
            .map(|loss| LossView { ready: loss.ready.to_string(), voucher: voucher(loss.voucher) });
        Self {
            user: User::from(view.line),
            password: view.holdings.password,
            totp: view.holdings.totp,
            recovery_codes: view.holdings.recovery,
            passkeys: view.holdings.passkeys.len(),
            sessions: view.sessions,
            tokens: view.credentials,
            loss,
            erasure: view.erasure.map(|due| due.to_string()),
            needs_two: view.needs_two,
        }
    }
}

const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;

/// `GET /api/v1/users`
pub async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(whom): Query<Whom>,
) -> Answer<Json<Users>> {
    let active = match whom.standing.as_deref() {
        None | Some("") => None,
        Some("active") => Some(Standing::Active),
        Some("disabled") => Some(Standing::Disabled),
        Some(_) => {
            return Err(Problem::invalid("active or disabled").at("query, standing"));
        }
    };
    let limit = whom.limit.filter(|limit| *limit > 0).unwrap_or(PAGE).min(PAGE_MAX);
    let search = UserSearch {
        email: given::<EmailAddress>("query, email", whom.email.as_deref())?,
        role: given("query, role", whom.role.as_deref())?,
        standing: active,
        before: given("query, before", whom.before.as_deref())?,
        limit,
    };
    look(&app, signed.tenant.account(), Sight::Accounts).await?;
    let users: Vec<User> =
        app.accounts().users(&search).await?.into_iter().map(User::from).collect();
    let is_full = users.len() >= limit as usize;
    let next = users.last().map(|user| user.id.clone()).filter(|_| is_full);
    Ok(Json(Users { users, next }))
}

/// `GET /api/v1/users/{id}`
pub async fn show(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<String>,
) -> Answer<Json<UserDetail>> {
    let account = account(&id)?;
    let view = app.accounts().user(account).await?;
    look(&app, signed.tenant.account(), Sight::Account(account)).await?;
    Ok(Json(UserDetail::from(view)))
}

/// An account's id as it is written here and nowhere else; any other text names nobody.
pub(super) fn account(id: &str) -> Answer<AccountId> {
    let account: AccountId = id.parse().map_err(|_| Problem::not_found())?;
    if account.to_string() == id { Ok(account) } else { Err(Problem::not_found()) }
}

/// `POST /api/v1/users/{id}/role`
pub async fn set_role(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<String>,
    Json(form): Json<RoleForm>,
) -> Answer<StatusCode> {
    app.accounts().set_role(&signed.session, account(&id)?, form.role.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/users/{id}/disable`
pub async fn disable(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<String>,
) -> Answer<StatusCode> {
    app.accounts().disable(&signed.session, account(&id)?).await?;
    // Their machines go with them.
    call_roll(&app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/users/{id}/enable`
pub async fn enable(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<String>,
) -> Answer<StatusCode> {
    // What they left is put out before it could be theirs again.
    call_roll(&app).await?;
    app.accounts().enable(&signed.session, account(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/users/{id}/end-sessions`
pub async fn end_sessions(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<String>,
) -> Answer<StatusCode> {
    app.accounts().end_sessions_of(&signed.session, account(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What becomes of one's own session, when everybody's end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndAllForm {
    own: OwnFate,
}

/// `keep` or `end`.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnFate {
    /// It goes on.
    Keep,
    /// It ends with the others.
    End,
}

/// How many sessions ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndedAll {
    ended: u64,
}

/// `POST /api/v1/sessions/end-all`
pub async fn end_all_sessions(
    State(app): State<App>,
    signed: Signed,
    Json(form): Json<EndAllForm>,
) -> Answer<Json<EndedAll>> {
    let own = match form.own {
        OwnFate::Keep => OwnSession::Kept,
        OwnFate::End => OwnSession::Ended,
    };
    let ended = app.accounts().end_everybodys_sessions(&signed.session, own).await?;
    Ok(Json(EndedAll { ended }))
}

/// `POST /api/v1/users/{id}/reset`
pub async fn reset(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<String>,
) -> Answer<StatusCode> {
    app.accounts().begin_reset_of(&signed.session, account(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
