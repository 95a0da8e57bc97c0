//! The published routes, and what each of them says to somebody whom it does not know.

use crate::{Miss, Probe, Seen, failed, roles, run::Walk, unseen, visit::Request};
use serde_json::{Value, json};

/// The document's routes, at most.
const ROUTES_MAX: usize = 600;

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[
    Probe {
        name: "anonymous",
        what: "Every published route that needs somebody refuses nobody and a made-up token, with 401",
        command: "curl -s -o /dev/null -w '%{http_code}\\n' https://$HOST/api/v1/sessions",
        look: |walk| {
            let routes = walk.routes()?;
            let is_held = roles::lists_agree(walk)?;
            let (open, guarded): (Vec<_>, Vec<_>) = routes.into_iter().partition(|r| r.is_open);
            let (seen, open) = (refused(walk, &guarded)?, open.len());
            let by = if is_held { "both its lists" } else { "its own list" };
            Ok(format!("{seen}; {open} are open to anyone by {by}"))
        },
    },
    Probe {
        name: "anonymous-factors",
        what: "Expressions are computed for nobody who is not signed in",
        command: "curl -s -o /dev/null -w '%{http_code}\\n' -X POST -H 'content-type: application/json' -d '{}' https://$HOST/api/v1/factors/check",
        look: |walk| {
            let mut routes = walk.routes()?;
            routes.retain(|route| route.path.starts_with("/api/v1/factors"));
            if let Some(open) = routes.iter().find(|route| route.is_open) {
                return failed(format!("{} is open to anyone", open.name()));
            }
            refused(walk, &routes)
        },
    },
    Probe {
        name: "scripted-sign-up",
        what: "Nobody registers without work: a script that only asks is refused",
        command: "curl -s -o /dev/null -w '%{http_code}\\n' -X POST -H 'content-type: application/json' -d '{\"wish\":\"register\",\"email\":\"nobody@verify.invalid\"}' https://$HOST/api/v1/letters",
        look: scripted,
    },
];

/// Asks to register as a script does, without the work that the server wants for it.
fn scripted(walk: &mut Walk<'_>) -> Seen {
    let body = json!({ "wish": "register", "email": "nobody@verify.invalid" });
    let answer = walk.visit.ask(&Request::json("POST", "/api/v1/letters", &body))?;
    match answer.status {
        429 if answer.text().contains("\"work\"") => Ok("a puzzle is asked for first".to_owned()),
        429 => unseen("the server said: slower"),
        403 | 404 => Ok(format!("{}: nobody registers by themself", answer.status)),
        status => failed(format!("a script that asks to register gets {status}")),
    }
}

/// A route as the server publishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub method: String,
    pub path: String,
    /// Whether anyone may come.
    pub is_open: bool,
    /// Whether its answer goes on for ever.
    pub is_stream: bool,
    /// A body that it would take.
    pub example: Option<Value>,
}

impl Route {
    /// As people write it.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path with everything in braces replaced.
    pub(crate) fn filled(&self, with: impl Fn(&str) -> String) -> String {
        let part = |part: &str| match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            Some(name) => with(name.trim_start_matches('*')),
            None => part.to_owned(),
        };
        self.path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// The names in braces.
    pub(crate) fn variables(&self) -> Vec<&str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
    }

    /// A request that gets to the door and, without a body that means anything, no further.
    pub(crate) fn knock<'a>(&'a self, path: &'a str) -> Request<'a> {
        match self.method.as_str() {
            "GET" => Request::get(path),
            method => Request::json(method, path, &json!({})),
        }
    }
}

/// Reads the document of OpenAPI; a route that is secured by nothing is open.
pub(crate) fn read(document: &Value) -> Result<Vec<Route>, Miss> {
    let paths = document.get("paths").and_then(Value::as_object);
    let Some(paths) = paths else { return failed("/openapi.json has no paths") };
    let mut routes = Vec::new();
    for (path, item) in paths {
        for (verb, operation) in item.as_object().into_iter().flatten() {
            if !matches!(verb.as_str(), "get" | "post" | "put" | "patch" | "delete") {
                continue;
            }
            let schemes = operation.get("security").and_then(Value::as_array);
            // An empty requirement among them means that none is required.
            let is_open = schemes.is_none_or(|list| {
                list.iter().any(|one| one.as_object().is_none_or(serde_json::Map::is_empty))
                    || list.is_empty()
            });
            routes.push(Route {
                method: verb.to_ascii_uppercase(),
                path: path.clone(),
                is_open,
                is_stream: operation.to_string().contains("text/event-stream"),
                example: operation
                    .pointer("/requestBody/content/application~1json/example")
                    .cloned(),
            });
        }
    }
    if routes.len() > ROUTES_MAX {
        return unseen(format!("{} routes are more than are looked at", routes.len()));
    }
    Ok(routes)
}

impl Walk<'_> {
    /// The published routes, asked for once.
    pub(crate) fn routes(&mut self) -> Result<Vec<Route>, Miss> {
        if let Some(routes) = &self.routes {
            return Ok(routes.clone());
        }
        let answer = self.visit.ask(&Request::get("/openapi.json"))?;
        if answer.status != 200 {
            return unseen(format!("/openapi.json answers {}", answer.status));
        }
        let routes = read(&answer.json("/openapi.json")?)?;
        self.routes = Some(routes.clone());
        Ok(routes)
    }

    /// Digits that name nothing here, for what stands in braces.
    pub(crate) fn made_up(&self, name: &str) -> String {
        match name {
            "index" | "number" => "9007199254740000".to_owned(),
            _ => uuid(&self.visit.seed()),
        }
    }
}

/// A name of the form that servers give, from bytes.
fn uuid(seed: &[u8; 32]) -> String {
    let digits = hex::encode(seed);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-7{}-8{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

/// What is sent in place of a proof.
const STRANGERS: [(&str, &str, &str); 3] = [
    ("nobody", "", ""),
    ("a made-up token", "authorization", "Bearer stk_0000000000000000000000000000000000000000"),
    ("a made-up cookie", "cookie", "__Host-stockade-access=eyJhbGciOiJub25lIn0.e30."),
];

fn refused(walk: &mut Walk<'_>, routes: &[Route]) -> Seen {
    if routes.is_empty() {
        return unseen("no such route is published");
    }
    let (mut refused, mut slowed) = (0, 0);
    for route in routes {
        let path = route.filled(|name| walk.made_up(name));
        // Of nobody each route is asked; of strangers, too, as long as the server has patience.
        for (who, header, value) in STRANGERS {
            let mut request = route.knock(&path);
            if !header.is_empty() {
                request = request.with(header, value);
            }
            let answer = walk.visit.ask(&request)?;
            match answer.status {
                401 => refused += 1,
                429 => slowed += 1,
                status => return failed(format!("{} answers {status} to {who}", route.name())),
            }
        }
    }
    if slowed > 0 {
        return unseen(format!("{refused} calls got 401; to {slowed} the server said: slower"));
    }
    Ok(format!("{refused} calls of {} routes got 401", routes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_with_who_may_come() {
        let document = json!({ "paths": {
            "/a/{id}/b/{*rest}": {
                "get": { "security": [{ "session": [] }, { "token": [] }] },
                "post": { "security": [{ "session": [] }] },
                "parameters": [],
            },
            "/open": { "get": { "responses": { "200": { "content": { "text/event-stream": {} } } } } },
        } });
        let routes = read(&document).expect("reads");
        let told: Vec<_> = routes.iter().map(|r| (r.name(), r.is_open, r.is_stream)).collect();
        assert_eq!(
            told,
            [
                ("GET /a/{id}/b/{*rest}".to_owned(), false, false),
                ("POST /a/{id}/b/{*rest}".to_owned(), false, false),
                ("GET /open".to_owned(), true, true),
            ]
        );
        let first = routes.first().expect("one");
        assert_eq!(first.filled(|name| format!("<{name}>")), "/a/<id>/b/<rest>");
        assert_eq!(first.variables(), ["id", "*rest"]);
        assert!(read(&json!({})).is_err());
    }

    #[test]
    fn a_made_up_name_has_the_form_of_a_real_one() {
        let made = uuid(&[0xab; 32]);
        assert_eq!(made, "abababab-abab-7aba-8bab-abababababab");
    }
}
