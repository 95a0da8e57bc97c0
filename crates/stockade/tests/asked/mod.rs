//! Questions to a service in this process, and how two answers differ.

use axum::{Router, body::Body, body::Bytes};
use http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::Value;
use std::time::{Duration, Instant};
use tower::ServiceExt;

/// Somebody who asks, with their cookies.
pub struct Asker {
    service: Router,
    cookies: String,
}

/// What they saw.
pub struct Seen {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }
}

impl Asker {
    pub fn of(service: Router, cookies: String) -> Self {
        Self { service, cookies }
    }

    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Seen {
        let mut request =
            Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        if !self.cookies.is_empty() {
            request = request.header(header::COOKIE, &self.cookies);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let text = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request.body(Body::from(text)).expect("a request");
        let answer = self.service.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 1 << 26).await.expect("a body");
        Seen { status: parts.status, headers: parts.headers, body }
    }
}

/// How two answers differ to whoever compares them; the request's number alone may.
pub fn differ(one: &Seen, other: &Seen) -> Option<String> {
    let told = |seen: &Seen| {
        // The number of the request, and what is left of the asker's quota, differ each time.
        let lines = seen
            .headers
            .iter()
            .filter(|(name, _)| !["x-request-id", "ratelimit"].contains(&name.as_str()));
        let mut lines: Vec<_> = lines.map(|(name, value)| (name.clone(), value.clone())).collect();
        lines.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        lines
    };
    if one.status != other.status {
        return Some(format!("{} and {}", one.status, other.status));
    }
    if told(one) != told(other) {
        return Some(format!("{:?} and {:?}", told(one), told(other)));
    }
    (one.body != other.body).then(|| format!("{} and {}", one.text(), other.text()))
}

const ROUNDS: usize = 60;

/// How much longer one address takes than another; nothing if it is the same class. What is
/// compared is the quick tenth of each, asked in turn: what else the machine does slows both.
pub async fn slower(who: &Asker, one: &str, other: &str) -> Option<String> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Whoever comes first in a pair finds the caches colder.
        let mut pair = [(one, &mut first), (other, &mut second)];
        if round % 2 == 1 {
            pair.reverse();
        }
        for (path, times) in pair {
            let begun = Instant::now();
            who.ask(Method::GET, path, None).await;
            times.push(begun.elapsed());
        }
    }
    let quick = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[ROUNDS / 10]
    };
    let (first, second) = (quick(first), quick(second));
    let apart = first.abs_diff(second);
    let allowed = (first.min(second) / 2).max(Duration::from_micros(400));
    (apart > allowed).then(|| format!("{first:?} and {second:?}"))
}
