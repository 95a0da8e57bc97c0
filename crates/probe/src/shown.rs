//! Answers of every kind, got on purpose: what must be on all answers is looked for on these.

use crate::{
    Answer, Error, page,
    visit::{Request, Visit},
};
use serde_json::json;
use std::collections::BTreeSet;

/// An answer and how it was got.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub path: String,
    pub answer: Answer,
}

/// Scripts, and styles, of one page that are asked for, at most.
const FILES_MAX: usize = 4;

/// A body that is larger than any open route takes.
const LARGE: usize = 64 << 10;

/// What is asked for to be refused, in as many ways as can be.
pub(crate) fn collect(visit: &mut Visit<'_>) -> Result<Vec<Shown>, Error> {
    let mut shown = Vec::new();
    let form = json!({ "email": "nobody@verify.invalid" });
    let sign_in = "/api/v1/sign-in";
    let large = json!({ "email": "x".repeat(LARGE) });
    let text =
        Request { body: Some(b"x".to_vec()), method: "POST", path: sign_in, ..Request::default() };
    let requests: [Request<'static>; 14] = [
        Request::get("/"),
        Request::get("/security"),
        Request::get("/health"),
        Request::get("/openapi.json"),
        Request::get("/api/v1/session"),
        Request::get("/api/v1/sessions"),
        Request::get("/api/v1/no-such-route"),
        Request::get("/no-such-file.txt"),
        Request::json("DELETE", "/health", &json!({})),
        Request::json("POST", sign_in, &form),
        Request::json("POST", sign_in, &large),
        Request::json("POST", "/api/v1/sign-out", &json!({})),
        text.with("content-type", "text/plain"),
        Request::get("/health").with("host", "other.invalid"),
    ];
    for request in requests {
        // Whoever refuses a body before it is all there may hang up so fast that the refusal is lost on the way.
        let answer = match visit.ask(&request) {
            Err(Error::HungUp) => visit.ask(&request)?,
            answer => answer?,
        };
        shown.push(Shown { path: request.path.to_owned(), answer });
    }
    let tag = shown.first().and_then(|page| page.answer.header("etag")).map(str::to_owned);
    if let Some(tag) = tag {
        let answer = visit.ask(&Request::get("/").with("if-none-match", tag))?;
        shown.push(Shown { path: "/".to_owned(), answer });
    }
    files(visit, &mut shown)?;
    let host = visit.target().authority();
    let malformed = format!("GET /health HTTP/1.1\r\nhost: {host}\r\nbad header\r\n\r\n");
    // Whoever hangs up on nonsense answers nothing that a header could be missing from.
    match visit.blurt(malformed.as_bytes()) {
        Ok(answer) => shown.push(Shown { path: "/health".to_owned(), answer }),
        Err(Error::HungUp) => {}
        Err(error) => return Err(error),
    }
    Ok(shown)
}

/// What the two pages load: files come another way than answers, and may lose what stands on those.
fn files(visit: &mut Visit<'_>, shown: &mut Vec<Shown>) -> Result<(), Error> {
    let own = visit.target().to_string();
    let pages = shown.iter().filter(|one| matches!(one.path.as_str(), "/" | "/security"));
    let named =
        pages.flat_map(|one| page::own_files(&one.answer.text(), &own, &one.path, FILES_MAX));
    for path in named.collect::<BTreeSet<String>>() {
        let answer = visit.ask(&Request::get(&path))?;
        shown.push(Shown { path, answer });
    }
    Ok(())
}

/// The statuses that were seen, each once.
pub(crate) fn statuses(shown: &[Shown]) -> String {
    let mut all: Vec<u16> = shown.iter().map(|one| one.answer.status).collect();
    all.sort_unstable();
    all.dedup();
    all.iter().map(u16::to_string).collect::<Vec<_>>().join(" ")
}
