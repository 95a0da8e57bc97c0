//! API tokens of one's own.

use crate::{
    desk::TokenWish,
    server::{
        Answer, Problem,
        extract::{Json, Part},
        guard::{Caller, Signed},
        names,
        state::App,
    },
};
use axum::extract::State;
use http::StatusCode;
use identity::{Credential, Permission, Proof};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A token, without its secret.
#[derive(Serialize, ToSchema)]
pub struct TokenRow {
    id: String,
    label: String,
    /// `token` or `bot`.
    kind: &'static str,
    /// Permissions, as the table of routes names them.
    scope: Vec<String>,
    created: String,
    expires: String,
    /// To the minute; none where it was never used.
    last_used: Option<String>,
}

/// One's tokens, and what one may give them.
#[derive(Serialize, ToSchema)]
pub struct TokenList {
    tokens: Vec<TokenRow>,
    /// Permissions that one's role may give to a token.
    scopes: Vec<String>,
}

/// A wish for a token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    label: String,
    /// Permissions, as the table of routes names them; at least one.
    scope: Vec<String>,
    /// 1 to 365.
    days: u16,
}

/// A token just made.
#[derive(Serialize, ToSchema)]
pub struct MadeToken {
    /// Shown once: send it as `Authorization: Bearer stk_…`.
    secret: String,
    token: TokenRow,
}

impl From<&Credential> for TokenRow {
    fn from(token: &Credential) -> Self {
        Self {
            id: token.id.to_string(),
            label: token.label.to_string(),
            kind: match token.proof {
                Proof::Token(_) => "token",
                Proof::Bot(_) => "bot",
            },
            scope: token.scope.permissions().map(names::permission).collect(),
            created: token.created.to_string(),
            expires: token.expires.to_string(),
            last_used: token.used.map(|time| time.to_string()),
        }
    }
}

/// `GET /api/v1/account/tokens`
pub async fn list(State(app): State<App>, signed: Signed) -> Answer<Json<TokenList>> {
    let tokens = app.accounts().tokens(&signed.tenant).await?;
    let role = signed.session.role();
    let scopes = Permission::ALL.into_iter().filter(|one| one.suits_tokens() && role.allows(*one));
    Ok(Json(TokenList {
        tokens: tokens.iter().map(TokenRow::from).collect(),
        scopes: scopes.map(names::permission).collect(),
    }))
}

/// `POST /api/v1/account/tokens`
pub async fn make(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<NewToken>,
) -> Answer<(StatusCode, Json<MadeToken>)> {
    let label = form
        .label
        .parse()
        .map_err(|error: identity::Error| Problem::invalid(error.to_string()).field("label"))?;
    let known =
        |name: &String| Permission::ALL.into_iter().find(|p| names::permission(*p) == *name);
    let scope = form.scope.iter().map(known).collect::<Option<Vec<_>>>();
    let unknown = || {
        Problem::invalid("this is no permission that a token can have")
            .field("scope")
            .fix("GET /api/v1/account/tokens lists those that your role may give")
    };
    let wish = TokenWish { label, scope: scope.ok_or_else(unknown)?, days: form.days };
    let made = app.accounts().make_token(&visitor, &signed.session, wish).await;
    let (secret, token) = made.map_err(|error| match error {
        crate::desk::Error::Identity(identity::Error::Scope) => {
            Problem::invalid(identity::Error::Scope.to_string()).field("scope")
        }
        other => other.into(),
    })?;
    let made = MadeToken { secret: secret.expose().clone(), token: TokenRow::from(&token) };
    Ok((StatusCode::CREATED, Json(made)))
}

/// `DELETE /api/v1/account/tokens/{id}`
pub async fn revoke(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<Uuid>,
) -> Answer<StatusCode> {
    app.accounts().revoke_token(&signed.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
