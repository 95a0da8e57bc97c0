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

/// The two lists of routes that a server publishes.
const TABLE: &str = "/api/v1/routes";
const DOCUMENT: &str = "/openapi.json";

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
    let open = walk.routes()?.iter().filter(|route| route.is_open).count();
    let who = roles.join(" and ");
    Ok(format!("as {who}: {refused} routes got 403, {let_in} let in; {open} are open to anyone"))
}

/// How many routes refused this session, and how many let it in.
fn walk_table(walk: &mut Walk<'_>, session: &Session) -> Result<(usize, usize), Miss> {
    let rows = table(walk, session)?;
    let published = walk.routes()?;
    agree(&rows, &published)?;
    let (mut refused, mut let_in) = (0, 0);
    for row in &rows {
        let Some(route) = published.iter().find(|route| row.is_of(route)) else { continue };
        let may = row.roles.contains(&session.role);
        let is_plain = route.method == "GET" && route.variables().is_empty() && !route.is_stream;
        if route.is_open || (may && !(is_plain && row.level == "read")) {
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

/// A row of the published table.
struct Row {
    method: String,
    path: String,
    level: String,
    roles: Vec<String>,
    /// Whether it asks for no permission.
    is_open: bool,
}

impl Row {
    fn is_of(&self, route: &Route) -> bool {
        route.method == self.method && route.path == self.path
    }
}

/// The table as a session is shown it.
fn table(walk: &mut Walk<'_>, session: &Session) -> Result<Vec<Row>, Miss> {
    let request = Request::get(TABLE).with("cookie", session.line());
    let answer = walk.visit.ask(&request)?;
    if answer.status != 200 {
        return unseen(format!("{TABLE} answers {} to {}", answer.status, session.role));
    }
    let table = answer.json(TABLE)?;
    let of = |row: &Value| {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let roles = row.get("roles").and_then(Value::as_array).into_iter().flatten();
        Row {
            method: text("method").to_owned(),
            // What takes the rest of a path is a variable like others to the document.
            path: text("path").replace("{*", "{"),
            level: text("level").to_owned(),
            roles: roles.filter_map(Value::as_str).map(str::to_owned).collect(),
            is_open: text("permission").is_empty(),
        }
    };
    Ok(table.get("routes").and_then(Value::as_array).into_iter().flatten().map(of).collect())
}

/// That the table and the document are of the same routes, and of one mind about who may come: else each
/// could leave out what it does not want to be asked for.
fn agree(rows: &[Row], published: &[Route]) -> Result<(), Miss> {
    for row in rows {
        let name = format!("{} {}", row.method, row.path);
        match published.iter().find(|route| row.is_of(route)) {
            None => return failed(format!("{name} is not in {DOCUMENT}")),
            Some(route) if route.is_open != row.is_open => {
                let (open, guarded) =
                    if route.is_open { (DOCUMENT, TABLE) } else { (TABLE, DOCUMENT) };
                return failed(format!("{name} is open in {open} and guarded in {guarded}"));
            }
            Some(_) => {}
        }
    }
    match published.iter().find(|route| !rows.iter().any(|row| row.is_of(route))) {
        Some(route) => failed(format!("{} is not in {TABLE}", route.name())),
        None => Ok(()),
    }
}

/// Holds the two lists against each other, where somebody is signed in who is shown both; says whether one was.
pub(crate) fn lists_agree(walk: &mut Walk<'_>) -> Result<bool, Miss> {
    let session = walk.first(1).ok().and_then(|sessions| sessions.into_iter().next());
    let Some(session) = session else { return Ok(false) };
    match table(walk, &session) {
        Ok(rows) => agree(&rows, &walk.routes()?).map(|()| true),
        Err(Miss::Unseen(_)) => Ok(false),
        Err(miss) => Err(miss),
    }
}
