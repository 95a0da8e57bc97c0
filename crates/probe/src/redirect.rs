//! The port without TLS: pages are sent on for good, and the API is not served there.

use crate::{Error, Probe, Seen, failed, run::Walk, unseen, visit::Request};

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[Probe {
    name: "redirect",
    what: "Without TLS there is only a permanent redirect to the same host with TLS",
    command: "curl -sI http://$NAME/",
    look,
}];

fn look(walk: &mut Walk<'_>) -> Seen {
    let standard = walk.visit.target().is_at_standard_port().then_some(80);
    let Some(port) = walk.ask.http_port.or(standard) else {
        return unseen("the server is at a port of its own; name the other one with --http-port");
    };
    let answer = match walk.visit.ask_plainly(port, &Request::get("/some/page?x=1")) {
        Err(error @ Error::Unreachable { .. }) => return unseen(error.to_string()),
        answer => answer?,
    };
    let target = walk.visit.target();
    let status = answer.status;
    if !matches!(status, 301 | 308) {
        return failed(format!("it answers {status} without TLS, and not a permanent redirect"));
    }
    let place = answer.header("location").unwrap_or_default();
    let want = format!("{target}/some/page?x=1");
    if place != want {
        return failed(format!("it leads to {place:?} and not to {want:?}"));
    }
    let data = walk.visit.ask_plainly(port, &Request::get("/api/v1/session"))?;
    if (200..300).contains(&data.status) {
        return failed(format!("the API answers {} without TLS", data.status));
    }
    Ok(format!("{status} to {want}; the API answers {}", data.status))
}
