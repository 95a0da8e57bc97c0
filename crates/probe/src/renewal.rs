//! What is good once: a code of an authenticator, and a refresh token, whose reuse ends the session.

use crate::{Probe, Seen, accounts::Session, failed, run::Walk, unseen, visit::Request};
use serde_json::json;

/// The probes of this module; the session of the last account does not outlive them.
pub(crate) const PROBES: &[Probe] = &[Probe {
    name: "refresh-reuse",
    what: "A refresh token is good once; one that comes again ends its session",
    command: "# sign in, refresh twice, then send the first refresh cookie again: 401, and the session is over",
    look,
}];

const REFRESH: &str = "/api/v1/session/refresh";

fn look(walk: &mut Walk<'_>) -> Seen {
    let Some(mut session) = walk.first(1)?.into_iter().next_back() else {
        return unseen("nobody signed in");
    };
    let first = session.clone();
    for _ in 0..2 {
        let before = session.line();
        let answer = walk.visit.ask(&with(&session))?;
        if !(200..300).contains(&answer.status) {
            return unseen(format!("a refresh got {}", answer.status));
        }
        session.take(&answer);
        if session.line() == before {
            return failed("a refresh gives the same token again");
        }
    }
    let alive = |walk: &mut Walk<'_>, session: &Session| {
        let request = Request::get("/api/v1/sessions").with("cookie", session.line());
        walk.visit.ask(&request).map(|answer| answer.status)
    };
    if alive(walk, &session)? != 200 {
        return unseen("the renewed session is not let in");
    }
    let again = walk.visit.ask(&with(&first))?.status;
    if again != 401 {
        return failed(format!("a refresh token that comes again gets {again}"));
    }
    let after = alive(walk, &session)?;
    if after != 401 {
        return failed(format!("its session lives on: {after}"));
    }
    Ok("a token that came again got 401, and its session is over".to_owned())
}

fn with(session: &Session) -> Request<'static> {
    Request::json("POST", REFRESH, &json!({})).with("cookie", session.line())
}
