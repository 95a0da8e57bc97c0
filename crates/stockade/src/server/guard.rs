//! At the door of every route: who it is, and whether they may.

use super::{Answer, Problem, Rule, cookies::Cookie, headers::address_of, state::App};
use crate::desk::{Visitor, now};
use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use edge::Peer;
use http::{HeaderMap, header, request::Parts};
use identity::{Authenticated, Tenant};

/// A route's rule beside the app that checks it.
#[derive(Clone)]
pub struct Guard {
    /// The app.
    pub app: App,
    /// The rule.
    pub rule: Rule,
}

/// Whoever got through the guard: proven, and allowed to do what the route does.
#[derive(Debug, Clone, Copy)]
pub struct Signed {
    /// The capability to reach what the person owns.
    pub tenant: Tenant,
    /// The session behind it.
    pub session: Authenticated,
}

/// Lets a request through that satisfies the route's rule.
pub async fn admit(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let Rule::Needs(permission) = guard.rule else {
        return next.run(request).await;
    };
    let now = now();
    let signed = match authenticate(&guard.app, request.headers()).await {
        Ok(session) => session.authorize(permission, now).map(|tenant| Signed { tenant, session }),
        Err(problem) => return problem.into_response(),
    };
    match signed {
        Ok(signed) => {
            request.extensions_mut().insert(signed);
            next.run(request).await
        }
        Err(refused) => Problem::from(refused).into_response(),
    }
}

/// Whose request this is.
pub async fn authenticate(app: &App, headers: &HeaderMap) -> Answer<Authenticated> {
    let token = Cookie::Access.read(headers).ok_or_else(Problem::anonymous)?;
    Ok(app.accounts().authenticate(token, now()).await?)
}

impl<S: Send + Sync> FromRequestParts<S> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        // Only a handler on a route that needs no permission can fail here.
        parts.extensions.get::<Self>().copied().ok_or_else(Problem::anonymous)
    }
}

/// Where a request comes from, for limits and for the list of sessions.
#[derive(Debug, Clone)]
pub struct Caller(pub Visitor);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Self(Visitor {
            address: address_of(parts.extensions.get::<Peer>()),
            agent: agent.unwrap_or_default().to_owned(),
            device: Cookie::Device.read(&parts.headers).map(str::to_owned),
        }))
    }
}
