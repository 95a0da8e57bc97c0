//! Two people: what belongs to the first is, for the second, what was never there, on every route.

use crate::{
    Answer, Miss, Probe, Seen, accounts::Session, failed, routes::Route, run::Walk, unseen,
    visit::Request,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[Probe {
    name: "isolation",
    what: "What is one person's answers to another as what was never there, on every route",
    command: "curl -s -o /dev/null -w '%{http_code}\\n' -H \"cookie: $OTHERS_COOKIES\" https://$HOST/api/v1/strategies/$MY_ID",
    look,
}];

/// What nobody owns: who may see it is the permission's to say.
const SHARED: [&str; 6] = [
    "/api/v1/datasets/",
    "/api/v1/audit/",
    "/log/tile/",
    "/api/v1/users/",
    "/api/v1/invitations/",
    "/api/v1/proposals/",
];

/// What the first account is given where it has none, so that there is something to look for.
const MADE: [(&str, &str); 2] = [
    ("/api/v1/strategies/", "name: Seen from outside\ndata: sample-daily\nweights: rank(close)\n"),
    ("/api/v1/factors/", "rank(close)"),
];

fn look(walk: &mut Walk<'_>) -> Seen {
    let sessions = walk.first(2)?;
    let [one, other, ..] = &sessions[..] else { return unseen("two people did not sign in") };
    let routes = walk.routes()?;
    let own: Vec<Route> = routes.iter().filter(|route| is_own(route)).cloned().collect();
    let beginnings: BTreeSet<&str> = own.iter().map(|route| beginning(&route.path)).collect();
    let (mut things, mut lacking, mut made) = (BTreeMap::new(), Vec::new(), Vec::new());
    for begin in beginnings {
        let variable = own.iter().find(|route| beginning(&route.path) == begin);
        let variable =
            variable.map_or("id", |route| route.variables().first().copied().unwrap_or("id"));
        match thing(walk, one, begin, variable)? {
            Thing::Found(id) => drop(things.insert(begin.to_owned(), id)),
            Thing::Made(id) => {
                made.push(format!("{begin}{id}"));
                things.insert(begin.to_owned(), id);
            }
            Thing::Lacking => lacking.push(begin.trim_end_matches('/').to_owned()),
        }
    }
    let walked = compare(walk, (one, other), &own, &things);
    for path in made {
        walk.visit.ask(&Request::json("DELETE", &path, &json!({})).with("cookie", one.line()))?;
    }
    let (reached, short) = walked?;
    lacking.extend(short);
    let seen = format!(
        "{reached} routes refuse {} what is {}'s as what is nobody's",
        other.email, one.email
    );
    if reached == 0 || !lacking.is_empty() {
        return unseen(format!("{seen}; not reached: {}", lacking.join(", ")));
    }
    Ok(seen)
}

fn is_own(route: &Route) -> bool {
    !route.is_open && !route.variables().is_empty() && !SHARED.contains(&beginning(&route.path))
}

/// The path up to its first name in braces.
fn beginning(path: &str) -> &str {
    path.split('{').next().unwrap_or(path)
}

enum Thing {
    Found(String),
    Made(String),
    Lacking,
}

/// Something of the first person's below a path.
fn thing(walk: &mut Walk<'_>, one: &Session, begin: &str, variable: &str) -> Result<Thing, Miss> {
    let named = walk.ask.accounts.first().and_then(|account| account.things.get(begin));
    if let Some(id) = named {
        return Ok(Thing::Found(id.clone()));
    }
    let list = begin.trim_end_matches('/');
    let answer = walk.visit.ask(&Request::get(list).with("cookie", one.line()))?;
    if answer.status == 200
        && let Ok(value) = answer.json(list)
        && let Some(id) = name_in(&value, variable)
    {
        return Ok(Thing::Found(id));
    }
    let Some((_, text)) = MADE.iter().find(|(path, _)| *path == begin) else {
        return Ok(Thing::Lacking);
    };
    let name = format!("verify-{}", walk.made_up("id").get(..8).unwrap_or_default());
    let body = json!({ "name": name, "text": text });
    let answer = walk.visit.ask(&Request::json("POST", list, &body).with("cookie", one.line()))?;
    let value = if (200..300).contains(&answer.status) { answer.json(list).ok() } else { None };
    let id = value.and_then(|value| value.get("id")?.as_str().map(str::to_owned));
    Ok(id.map_or(Thing::Lacking, Thing::Made))
}

/// The first name of a thing in a list, or in a list of an answer.
fn name_in(value: &Value, variable: &str) -> Option<String> {
    let named = |item: &Value| match item.get(variable)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(items) => items.iter().find_map(named),
        Value::Object(fields) => {
            fields.values().filter(|v| v.is_array()).find_map(|v| name_in(v, variable))
        }
        _ => None,
    }
}

/// What somebody got who read.
#[derive(PartialEq, Eq)]
struct Read {
    status: u16,
    /// Of data: a page or a proof may say what time it is.
    digest: Option<[u8; 32]>,
}

/// How many routes were reached, and which were not.
fn compare(
    walk: &mut Walk<'_>,
    (one, other): (&Session, &Session),
    own: &[Route],
    things: &BTreeMap<String, String>,
) -> Result<(usize, Vec<String>), Miss> {
    let before = readable(walk, one, own, things)?;
    let plain = |path: &str| path.ends_with('}') && path.matches('{').count() == 1;
    if let Some((path, read)) = before.iter().find(|(path, s)| plain(path) && s.status != 200) {
        return unseen(format!("GET {path} answers {} to its own owner", read.status));
    }
    // What changes while nobody touches it says nothing if it has changed.
    let again = readable(walk, one, own, things)?;
    let (mut reached, mut short) = (0, Vec::new());
    for route in own {
        let Some(id) = things.get(beginning(&route.path)) else { continue };
        let real = said(walk, other, route, id)?;
        let strange = walk.made_up(route.variables().first().copied().unwrap_or("id"));
        let nobodys = said(walk, other, route, &strange)?;
        match (real.status, nobodys.status) {
            (429, _) | (_, 429) => return unseen("the server said: slower"),
            (status, same) if status != same => {
                return failed(format!(
                    "{} answers {status} for another's and {same} for nobody's",
                    route.name()
                ));
            }
            (status, _) if status < 400 => {
                return failed(format!("{} answers {status} to another", route.name()));
            }
            (403 | 404, _) if real.body != nobodys.body => {
                return failed(format!("{} tells another's from nobody's", route.name()));
            }
            // Whoever may not come at all was asked for the role, and not for whose it is.
            (404, _) => reached += 1,
            (status, _) => short.push(format!("{} ({status})", route.name())),
        }
    }
    for (begin, id) in things.iter().filter(|(_, id)| id.len() > 8) {
        let list = begin.trim_end_matches('/');
        let answer = walk.visit.ask(&Request::get(list).with("cookie", other.line()))?;
        if answer.text().contains(id.as_str()) {
            return failed(format!("GET {list} lists another's {id}"));
        }
    }
    let after = readable(walk, one, own, things)?;
    for (path, read) in &before {
        let is_still = again.get(path) == Some(read);
        let Some(now) = after.get(path) else { continue };
        if now.status != read.status || (is_still && now != read) {
            return failed(format!("GET {path} is not what it was before another asked"));
        }
    }
    Ok((reached, short))
}

/// What the first person reads of his own: that it is there, so that a refusal means something.
fn readable(
    walk: &mut Walk<'_>,
    one: &Session,
    own: &[Route],
    things: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Read>, Miss> {
    let mut read = BTreeMap::new();
    for route in own.iter().filter(|route| route.method == "GET" && !route.is_stream) {
        let Some(id) = things.get(beginning(&route.path)) else { continue };
        let answer = said(walk, one, route, id)?;
        if answer.status == 429 {
            return unseen("the server said: slower");
        }
        let is_data = answer.header("content-type").is_some_and(|kind| kind.contains("json"));
        let digest = is_data.then(|| seal::sha256(&answer.body));
        read.insert(route.path.clone(), Read { status: answer.status, digest });
    }
    Ok(read)
}

/// A route called with a name in its first place.
fn said(walk: &mut Walk<'_>, who: &Session, route: &Route, id: &str) -> Result<Answer, Miss> {
    let first = route.variables().first().map(|name| name.trim_start_matches('*').to_owned());
    let path = route
        .filled(|name| if Some(name) == first.as_deref() { id.to_owned() } else { "1".to_owned() });
    let request = match &route.example {
        Some(body) => Request::json(&route.method, &path, body),
        None => route.knock(&path),
    };
    Ok(walk.visit.ask(&request.with("cookie", who.line()))?)
}
