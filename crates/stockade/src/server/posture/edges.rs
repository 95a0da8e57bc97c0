//! Probes that come to the server's own door as a stranger would.

use super::{
    Observatory,
    looks::{Found, Sight},
};
use crate::server::{Rule, headers::ALWAYS, state::App};
use anyhow::Context as _;
use audit::claims;
use disclosure::Freshness;
use edge::{Exposure, Greeting, Offer, Request, Response, greet};
use http::Method;
use jiff::Timestamp;
use seal::OpenPgpCertificate;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

/// How long one answer may take.
const WITHIN: Duration = Duration::from_secs(20);
/// What stands for a variable part of a path; it names nothing.
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// The door as this machine reaches it.
fn door(own: &Observatory) -> SocketAddr {
    let mut address = own.site().address;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}

pub(super) async fn handshakes(own: &Observatory) -> anyhow::Result<Found> {
    let weak = [
        ("TLS 1.0", Offer::TLS_1_0),
        ("TLS 1.1", Offer::TLS_1_1),
        ("TLS 1.2 with RC4, 3DES, CBC or RSA keys", Offer::WEAK_SUITES),
    ];
    let mut sight = Sight::new("first messages of old and weak clients to the server's own port");
    for (name, offer) in weak {
        sight = match greet(door(own), offer, &own.site().proxies).await? {
            Greeting::Refused(Some(alert)) => sight.fact(name, format!("refused (alert {alert})")),
            Greeting::Refused(None) => sight.fact(name, "refused"),
            Greeting::Accepted { suite, .. } => sight
                .fact(name, format!("accepted (suite {suite:#06x})"))
                .fault(Some(format!("{name} is accepted"))),
        };
    }
    let name = "TLS 1.2 with ECDHE and AEAD";
    let sight = match greet(door(own), Offer::TLS_1_2, &own.site().proxies).await? {
        Greeting::Accepted { version: 0x0303, suite } => {
            sight.fact(name, format!("accepted (suite {suite:#06x})"))
        }
        other => sight
            .fact(name, format!("{other:?}"))
            .fault(Some("TLS 1.2 with modern suites is not accepted".to_owned())),
    };
    // The client of this house speaks 1.3 first, and believes the server's own authority alone.
    let answer = ask(own, Method::GET, "/health").await?;
    Ok(sight.fact("verified TLS connection", answer.status).found())
}

async fn ask(own: &Observatory, method: Method, target: &str) -> anyhow::Result<Response> {
    let (client, origin) = &own.site().client;
    let mut request = Request::new(method, origin.clone(), target);
    request.headers.push(own.mark().header());
    Ok(client.send(&request, WITHIN).await?)
}

pub(super) async fn headers(own: &Observatory) -> anyhow::Result<Found> {
    let asked = [
        (Method::GET, "/health"),
        (Method::GET, "/nothing.txt"),
        (Method::GET, "/api/v1/strategies"),
        (Method::DELETE, "/health"),
    ];
    let always = ALWAYS;
    let mut sight = Sight::new("requests to the server's own port, and a look at every answer");
    for (method, target) in asked {
        let answer = ask(own, method.clone(), target).await?;
        let wrong = always.iter().find(|(name, value)| {
            answer.headers.get(name).is_none_or(|found| found.as_bytes() != value.as_bytes())
        });
        let name = format!("{method} {target}");
        let fault = wrong.map(|(header, _)| format!("{name} lacks {header} as it should be"));
        sight = sight.fact(&name, answer.status.as_u16()).fault(fault);
    }
    for (name, value) in always {
        sight = sight.fact(name.as_str(), value);
    }
    Ok(sight.found())
}

pub(super) fn hsts(own: &Observatory) -> Found {
    match own.site().exposure {
        // Under its public name the server cannot reach itself; others can.
        Exposure::Public => Found::Nothing,
        Exposure::Loopback => {
            let fault = "the server is reached as localhost only, where HSTS would bind the other ports of this machine";
            let sight = Sight::new("the server's own configuration").fact("reach", "loopback");
            sight.fault(Some(fault.to_owned())).found()
        }
    }
}

/// Where weaknesses are reported, as others read it: signed, and not about to run out.
pub(super) async fn security_txt(app: &App, own: &Observatory) -> anyhow::Result<Found> {
    let sight =
        Sight::new("security.txt, fetched from the server's own port, and the key beside it");
    let answer = ask(own, Method::GET, "/.well-known/security.txt").await?;
    if answer.status == http::StatusCode::NOT_FOUND {
        let fault = "nobody is named whom a finder could write to: set disclosure.contact or disclosure.recipients";
        return Ok(sight.fault(Some(fault.to_owned())).found());
    }
    let published = ask(own, Method::GET, "/.well-known/stockade/security-key.asc").await?;
    let key: OpenPgpCertificate = std::str::from_utf8(&published.body)?.parse()?;
    let sight = sight.fact("key", key.fingerprint());
    let sight = sight.fact("recipients of sealed reports", app.reporting().recipients().len());
    let text = match key.verify(std::str::from_utf8(&answer.body)?) {
        Ok(signed) => signed,
        Err(error) => return Ok(sight.fault(Some(error.to_string())).found()),
    };
    let line = text.text.lines().find_map(|line| line.strip_prefix("Expires: "));
    let ends: Timestamp = line.context("security.txt has no Expires")?.parse()?;
    let made = Timestamp::from_second(text.signed_at.into())?;
    let fault = match Freshness::of(made, ends, crate::desk::now()) {
        Freshness::Fresh | Freshness::Aged => None,
        Freshness::Ending => {
            Some(format!("security.txt ends within 30 days, at {ends:.0}, and was not made anew"))
        }
        Freshness::Ended => Some(format!("security.txt ended at {ends:.0}")),
    };
    if let Some(fault) = &fault {
        tracing::warn!(%fault, "finders of weaknesses lose their contact: look at the clock, start the server anew");
    }
    Ok(sight.fact("holds until", format!("{ends:.0}")).fault(fault).found())
}

pub(super) async fn strangers(app: &App, own: &Observatory) -> anyhow::Result<Found> {
    let mut sight = Sight::new("every guarded route of the table, asked without a session");
    let (mut refused, mut open) = (0, 0);
    for row in app.rows() {
        if matches!(row.rule, Rule::Open(_)) {
            open += 1;
            continue;
        }
        let answer = ask(own, row.method.clone(), &nobodys(row.path)).await?;
        if answer.status == http::StatusCode::UNAUTHORIZED {
            refused += 1;
        } else {
            let (method, path, status) = (&row.method, row.path, answer.status.as_u16());
            sight = sight.fault(Some(format!("{method} {path} answers {status} to a stranger")));
        }
    }
    Ok(sight.fact("refused with 401", refused).fact("open to anyone, with a reason", open).found())
}

/// A path whose variable parts name nothing.
fn nobodys(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { NOBODY } else { part }.to_owned();
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

pub(super) async fn page(own: &Observatory) -> anyhow::Result<Found> {
    let answer = ask(own, Method::GET, "/security").await?;
    let text = String::from_utf8_lossy(&answer.body);
    let lacks = |claim: &&audit::Claim| !text.contains(&format!("id=\"{}\"", claim.id));
    let missing = claims().iter().find(lacks);
    let fault = match missing {
        Some(claim) => Some(format!("the page does not show {}", claim.id)),
        None if text.contains("<script") => Some("the page needs a script".to_owned()),
        None => None,
    };
    Ok(Sight::new("GET /security, and a look for every claim")
        .fact("claims", claims().len())
        .fact("status", answer.status.as_u16())
        .fault(fault)
        .found())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_names_nothing_has_no_braces() {
        let check = |path: &str, want: &str| assert_eq!(nobodys(path), want);
        check("/api/v1/datasets", "/api/v1/datasets");
        check("/api/v1/datasets/{name}/bars", &format!("/api/v1/datasets/{NOBODY}/bars"));
        check("/a/{id}/{*rest}", &format!("/a/{NOBODY}/{NOBODY}"));
    }
}
