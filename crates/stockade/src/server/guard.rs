//! At the door of every route: who it is, and whether they may.

use super::{
    Answer, Problem, Rule,
    cookies::Cookie,
    cost::{Held, Turns},
    headers::address_of,
    quota::{Zone, tell},
    state::App,
};
use crate::desk::{Visitor, now};
use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use edge::Peer;
use http::{HeaderMap, HeaderName, header, request::Parts};
use identity::{AccountId, Authenticated, Sight, Tenant};
use seal::Secret;
use std::sync::Arc;
use uuid::Uuid;

/// A route's rule beside the app that checks it.
#[derive(Clone)]
pub struct Guard {
    /// The app.
    pub app: App,
    /// The rule.
    pub rule: Rule,
    /// What a call takes of a quota.
    pub weight: u32,
    /// Of which one, where it is not the caller's.
    pub zone: Option<Zone>,
    /// The places of a route that has only so many.
    pub turns: Option<Arc<Turns>>,
}

/// Whoever got through the guard by a session: proven, and allowed to do what the route does.
#[derive(Debug, Clone, Copy)]
pub struct Signed {
    /// The capability to reach what the person owns.
    pub tenant: Tenant,
    /// The session behind it.
    pub session: Authenticated,
}

/// Whoever got through the guard, by a session or by an API token of theirs.
#[derive(Debug, Clone, Copy)]
pub struct Granted {
    /// The capability to reach what the person owns.
    pub tenant: Tenant,
    by: By,
}

#[derive(Debug, Clone, Copy)]
enum By {
    Session(Authenticated),
    Token(Uuid),
}

impl Granted {
    /// Returns when what let the request in is over: streams end then.
    pub async fn ended(&self, app: &App) {
        match &self.by {
            By::Session(session) => app.accounts().ended(session).await,
            By::Token(id) => app.accounts().token_ended(&self.tenant, *id).await,
        }
    }
}

/// Lets a request through that satisfies the route's rule and its caller's quota, once there is a place
/// for it.
pub async fn admit(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    if guard.app.desk().is_closed() {
        return Problem::closed().into_response();
    }
    let peer = request.extensions().get::<Peer>().copied();
    let (who, entry) = entry(&guard, request.headers(), peer.as_ref()).await;
    let is_own = guard.app.observatory().mark().is_on(request.headers());
    let quotas = guard.app.quotas();
    let spent = (!is_own).then(|| match guard.zone {
        Some(zone) => quotas.count(zone, peer.as_ref()),
        None => quotas.call(who, peer.as_ref(), guard.weight),
    });
    let spent = match spent.transpose() {
        Ok(spent) => spent,
        Err(problem) => return problem.into_response(),
    };
    let response = match entry {
        Err(problem) => problem.into_response(),
        Ok(granted) => {
            if let Some(granted) = granted {
                if let By::Session(session) = granted.by {
                    request.extensions_mut().insert(Signed { tenant: granted.tenant, session });
                }
                request.extensions_mut().insert(granted);
            }
            pass(&guard, who, request, next).await
        }
    };
    match spent {
        Some(spent) => tell(response, &spent),
        None => response,
    }
}

/// Who calls, as far as their quota goes, and whether they may.
async fn entry(
    guard: &Guard,
    headers: &HeaderMap,
    peer: Option<&Peer>,
) -> (Option<AccountId>, Answer<Option<Granted>>) {
    if guard.rule.permission().is_none() {
        let session = match Cookie::Access.read(headers) {
            Some(token) => guard.app.accounts().authenticate(token, now()).await.ok(),
            None => None,
        };
        return (session.map(|session| session.tenant().account()), Ok(None));
    }
    match granted(guard, headers, peer).await {
        Ok(granted) => (Some(granted.tenant.account()), Ok(Some(granted))),
        Err(problem) => (None, Err(problem)),
    }
}

/// Waits for the route's place, if it has only so many.
async fn pass(guard: &Guard, who: Option<AccountId>, request: Request, next: Next) -> Response {
    let Some(turns) = &guard.turns else { return next.run(request).await };
    match turns.take(who).await {
        Ok(turn) => next.run(request).await.map(|body| Held::body(body, turn)),
        Err(problem) => problem.into_response(),
    }
}

/// By the token that a request names, or else by its session; who names a token is nobody else.
async fn granted(guard: &Guard, headers: &HeaderMap, peer: Option<&Peer>) -> Answer<Granted> {
    if let Some(token) = bearer(headers) {
        let visitor = visitor(headers, peer);
        let token = guard.app.accounts().delegate(&visitor, token?).await?;
        let tenant = guard.rule.admit_token(&token)?;
        return Ok(Granted { tenant, by: By::Token(token.credential()) });
    }
    let session = authenticate(&guard.app, headers, peer).await?;
    let tenant = guard.rule.admit(&session, now())?;
    // An open route has no tenant: whoever asks for one there is nobody.
    let granted = |tenant| Granted { tenant, by: By::Session(session) };
    tenant.map(granted).ok_or_else(Problem::anonymous)
}

/// The token of `Authorization: Bearer` (RFC 6750); what else stands there is refused.
fn bearer(headers: &HeaderMap) -> Option<Answer<&str>> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let line = lines.next()?;
    let text = line.to_str().unwrap_or_default();
    let (scheme, token) = text.split_once(' ').unwrap_or_default();
    let one = lines.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    Some(if one { Ok(token.trim()) } else { Err(Problem::anonymous()) })
}

/// Whose request this is.
pub async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    peer: Option<&Peer>,
) -> Answer<Authenticated> {
    let token = Cookie::Access.read(headers).ok_or_else(Problem::anonymous)?;
    let sight = Sight { address: address_of(peer), agent: agent(headers) };
    Ok(app.accounts().recognise(token, sight, now()).await?)
}

/// What the browser calls itself.
fn agent(headers: &HeaderMap) -> &str {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.unwrap_or_default()
}

impl<S: Send + Sync> FromRequestParts<S> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        // Only a handler on a route that needs no permission, or that a token reaches, can fail here.
        parts.extensions.get::<Self>().copied().ok_or_else(Problem::anonymous)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Granted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        // Only a handler on a route that needs no permission can fail here.
        parts.extensions.get::<Self>().copied().ok_or_else(Problem::anonymous)
    }
}

/// The answer to a puzzle, as it came.
fn work(headers: &HeaderMap) -> Option<&str> {
    headers.get(HeaderName::from_static("stockade-work"))?.to_str().ok()
}

/// Where a request comes from, for limits and for the list of sessions.
#[derive(Debug, Clone)]
pub struct Caller(pub Visitor);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Ok(Self(visitor(&parts.headers, parts.extensions.get::<Peer>())))
    }
}

fn visitor(headers: &HeaderMap, peer: Option<&Peer>) -> Visitor {
    Visitor {
        address: address_of(peer),
        agent: agent(headers).to_owned(),
        device: Cookie::Device.read(headers).map(str::to_owned),
        refresh: Cookie::Refresh.read(headers).map(|token| Secret::new(token.to_owned())),
        work: work(headers).map(str::to_owned),
    }
}
