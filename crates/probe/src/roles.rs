//! The published table of roles, held against what the routes do for each test account.

use crate::{
    Miss, Probe, Seen, accounts::Session, failed, routes::Route, run::Walk, unseen, visit::Request,
};
use serde_json::Value;

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[Probe {
    name: "roles",
    what: "Each route does for a role what the published table says: who may not gets 403",
    command: "curl -s -H \"cookie: $COOKIES\" https://$HOST/api/v1/routes",
    look,
}];

fn look(walk: &mut Walk<'_>) -> Seen {
    let sessions = walk.first(1)?;
    let (mut refused, mut let_in, mut roles) = (0, 0, Vec::new());
    for session in &sessions {
        let own = walk_table(walk, session)?;
        refused += own.0;
        let_in += own.1;
        roles.push(session.role.clone());
    }
    roles.sort();
    roles.dedup();
    if refused == 0 {
        return unseen(format!(
            "an account that may do less would show it: {} may do all",
            roles.join(", ")
        ));
    }
    Ok(format!("as {}: {refused} routes got 403, {let_in} let in", roles.join(" and ")))
}

/// How many routes refused this session, and how many let it in.
fn walk_table(walk: &mut Walk<'_>, session: &Session) -> Result<(usize, usize), Miss> {
    let request = Request::get("/api/v1/routes").with("cookie", session.line());
    let table = walk.visit.ask(&request)?;
    if table.status != 200 {
        return unseen(format!("/api/v1/routes answers {} to {}", table.status, session.role));
    }
    let table = table.json("/api/v1/routes")?;
    let published = walk.routes()?;
    let (mut refused, mut let_in) = (0, 0);
    for row in table.get("routes").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        // What takes the rest of a path is a variable like others to the document.
        let written = text("path").replace("{*", "{");
        let same = |route: &&Route| route.method == text("method") && route.path == written;
        let Some(route) = published.iter().find(same) else {
            return failed(format!("{} {} is in no /openapi.json", text("method"), text("path")));
        };
        let roles = row.get("roles").and_then(Value::as_array).into_iter().flatten();
        let may = roles.filter_map(Value::as_str).any(|role| role == session.role);
        let is_plain = route.method == "GET" && route.variables().is_empty() && !route.is_stream;
        if route.is_open || (may && !(is_plain && text("level") == "read")) {
            continue;
        }
        let path = route.filled(|name| walk.made_up(name));
        let request = route.knock(&path).with("cookie", session.line());
        match (may, walk.visit.ask(&request)?.status) {
            (_, 429) => return unseen("the server said: slower"),
            (false, 403) => refused += 1,
            (false, status) => {
                return failed(format!("{} answers {status} to {}", route.name(), session.role));
            }
            (true, status @ (401 | 403)) => {
                return failed(format!(
                    "{} answers {status} to {}, who may",
                    route.name(),
                    session.role
                ));
            }
            (true, _) => let_in += 1,
        }
    }
    Ok((refused, let_in))
}
