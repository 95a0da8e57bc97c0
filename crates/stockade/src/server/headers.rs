//! What every answer carries, errors included, and what every request must show.

use super::{Problem, state::App};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use edge::{Exposure, Peer};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use std::{net::IpAddr, str::FromStr, sync::LazyLock};

/// The policy of every page: nothing inline, nothing from elsewhere, Trusted Types.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; \
form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
trusted-types svelte-trusted-html stockade-worker; report-uri /csp-report";

/// Device features that no page of ours asks for.
const PERMISSIONS_POLICY: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), \
encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), \
magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), \
publickey-credentials-get=(self), screen-wake-lock=(), serial=(), sync-xhr=(), usb=(), \
xr-spatial-tracking=()";

/// Name and value of every header that each answer carries.
///
/// `x-xss-protection: 0` switches off a filter of old browsers that could itself be abused to
/// disable scripts one by one; the content security policy does its work.
pub const ALWAYS: [(HeaderName, &str); 9] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (header::X_XSS_PROTECTION, "0"),
];

/// What browsers are told of strict transport, in the order in which a site comes to it: each stage binds
/// more than the one before, and the last cannot be taken back for months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StrictTransport {
    /// Nothing: only this machine reaches the server, or nobody knows by which name it is meant.
    Nothing,
    /// This name, for a year.
    Year,
    /// This name and all below it, for a year.
    Subdomains,
    /// The same, and browsers may carry the name in their own lists.
    Preload,
}

impl StrictTransport {
    /// Of a server that this setting is made for.
    #[must_use]
    pub fn of(exposure: Exposure, stage: Self) -> Self {
        match exposure {
            Exposure::Loopback => Self::Nothing,
            Exposure::Public => stage,
        }
    }

    /// The header's value.
    #[must_use]
    pub const fn value(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Year => Some("max-age=31536000"),
            Self::Subdomains => Some("max-age=31536000; includeSubDomains"),
            Self::Preload => Some("max-age=31536000; includeSubDomains; preload"),
        }
    }
}

impl FromStr for StrictTransport {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "year" => Ok(Self::Year),
            "subdomains" => Ok(Self::Subdomains),
            "preload" => Ok(Self::Preload),
            _ => Err(()),
        }
    }
}

/// The lines of what the listener refuses before any service is asked. Who is meant is not known then, so a
/// public server says strict transport, too: browsers do not keep it for a bare address.
#[must_use]
pub fn of_refusals(strict: StrictTransport) -> &'static str {
    static NOTHING: LazyLock<String> = LazyLock::new(|| lines(StrictTransport::Nothing));
    static YEAR: LazyLock<String> = LazyLock::new(|| lines(StrictTransport::Year));
    static SUBDOMAINS: LazyLock<String> = LazyLock::new(|| lines(StrictTransport::Subdomains));
    static PRELOAD: LazyLock<String> = LazyLock::new(|| lines(StrictTransport::Preload));
    match strict {
        StrictTransport::Nothing => &NOTHING,
        StrictTransport::Year => &YEAR,
        StrictTransport::Subdomains => &SUBDOMAINS,
        StrictTransport::Preload => &PRELOAD,
    }
}

fn lines(strict: StrictTransport) -> String {
    let strict = strict.value().map(|value| (header::STRICT_TRANSPORT_SECURITY, value));
    let all = ALWAYS.into_iter().chain(strict);
    all.map(|(name, value)| [name.as_str(), ": ", value, "\r\n"].concat()).collect()
}

/// Checks where a request comes from, and gives every answer its headers.
pub async fn harden(State(app): State<App>, request: Request, next: Next) -> Response {
    let host = host_of(&request);
    let named = host.as_deref().is_some_and(is_public_name);
    let data = request.uri().path().starts_with("/api/");
    let refused = wrong_host(&app, host.as_deref())
        .or_else(|| foreign(request.method(), request.uri(), request.headers()))
        .or_else(|| strange_origin(&request));
    let mut response = match refused {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // On localhost it would span other ports, and of an address browsers do not keep it.
    if let Some(value) = app.strict_transport().value().filter(|_| named) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(value));
    }
    let unkept = HeaderValue::from_static("no-store");
    if data {
        // Whatever a library says of an answer with somebody's data, such as of an event stream.
        headers.insert(header::CACHE_CONTROL, unkept);
    } else {
        headers.entry(header::CACHE_CONTROL).or_insert(unkept);
    }
    response
}

/// The host that the client means, without its port.
fn host_of(request: &Request) -> Option<String> {
    let text = match request.uri().authority() {
        Some(authority) => authority.as_str().to_owned(),
        None => request.headers().get(header::HOST)?.to_str().ok()?.to_owned(),
    };
    let authority: http::uri::Authority = text.parse().ok()?;
    Some(authority.host().trim_matches(['[', ']']).to_ascii_lowercase())
}

fn is_public_name(host: &str) -> bool {
    host != "localhost" && !host.ends_with(".localhost") && host.parse::<IpAddr>().is_err()
}

/// On loopback only this machine's own names are answered, so that no foreign name can be bent
/// to point here (DNS rebinding).
fn wrong_host(app: &App, host: Option<&str>) -> Option<Problem> {
    let own =
        |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let fine = match app.exposure() {
        Exposure::Public => host.is_some(),
        Exposure::Loopback => host.is_some_and(own),
    };
    (!fine).then(|| {
        let detail = "this server does not answer for the host that was asked for";
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", detail)
            .fix("use the address that the server printed at its start")
    })
}

/// What browsers say about a request's origin (Fetch Metadata); programs say nothing.
///
/// Cookies of localhost are shared by all its ports, so a page on another port is not trusted.
fn foreign(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Problem> {
    // Browsers send reports by themselves, without credentials that would mean anything.
    if uri.path() == "/csp-report" {
        return None;
    }
    let site = headers.get("sec-fetch-site")?.as_bytes();
    let navigates = headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    let fine = match (site, method) {
        (b"same-origin", _) | (b"none", &Method::GET | &Method::HEAD) => true,
        // A link on another page may lead to ours, but not to data.
        (_, &Method::GET) => navigates && !uri.path().starts_with("/api/"),
        _ => false,
    };
    (!fine).then(|| {
        let detail = "the request comes from another site's page";
        Problem::new(StatusCode::FORBIDDEN, "foreign-site", detail)
            .fix("use the pages of this server, or a program that sends no Sec-Fetch-Site")
    })
}

/// What a browser without Fetch Metadata says in their place (RFC 6454 §7.3): the origin of the page
/// that sends. Programs send none. Whoever sends Fetch Metadata has been judged by those, which also
/// hold behind a proxy that changes the host.
fn strange_origin(request: &Request) -> Option<Problem> {
    let headers = request.headers();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || headers.contains_key("sec-fetch-site") || request.uri().path() == "/csp-report" {
        return None;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next()?;
    let authority = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(header::HOST).and_then(|host| host.to_str().ok()),
    };
    let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("https://"));
    let own = origin.zip(authority).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other));
    if own && origins.next().is_none() {
        return None;
    }
    let detail = "the request comes from another site's page";
    Some(
        Problem::new(StatusCode::FORBIDDEN, "foreign-site", detail)
            .fix("use the pages of this server, or a program that sends no Origin"),
    )
}

/// The address at the other end of a network connection.
#[must_use]
pub fn address_of(peer: Option<&Peer>) -> Option<IpAddr> {
    match peer {
        Some(Peer::Network(address)) => Some(address.ip()),
        Some(Peer::Local) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_and_programs_get_through() {
        let check = |method: Method, path: &'static str, site: &'static str, mode, fine: bool| {
            let mut headers = HeaderMap::new();
            if !site.is_empty() {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
                headers.insert("sec-fetch-mode", HeaderValue::from_static(mode));
            }
            let refused = foreign(&method, &Uri::from_static(path), &headers);
            assert_eq!(refused.is_none(), fine, "{method} {path} {site} {mode}");
        };
        check(Method::POST, "/api/v1/sign-in", "", "", true);
        check(Method::POST, "/api/v1/sign-in", "same-origin", "cors", true);
        check(Method::POST, "/api/v1/sign-in", "same-site", "cors", false);
        check(Method::POST, "/api/v1/sign-in", "cross-site", "navigate", false);
        check(Method::POST, "/api/v1/sign-in", "none", "navigate", false);
        check(Method::GET, "/api/v1/audit", "same-site", "cors", false);
        check(Method::GET, "/api/v1/audit", "cross-site", "navigate", false);
        check(Method::GET, "/api/v1/audit", "none", "navigate", true);
        check(Method::GET, "/", "cross-site", "navigate", true);
        check(Method::GET, "/assets/a.js", "cross-site", "no-cors", false);
        check(Method::POST, "/csp-report", "cross-site", "no-cors", true);
    }

    #[test]
    fn an_old_browser_is_judged_by_the_origin_that_it_names() {
        let check = |method: Method, host: &str, origins: &[&str], fine: bool| {
            let mut request = Request::builder().method(&method).uri("/api/v1/sign-in");
            request = request.header(header::HOST, host);
            for origin in origins {
                request = request.header(header::ORIGIN, *origin);
            }
            let request = request.body(axum::body::Body::empty()).expect("a request");
            let refused = strange_origin(&request);
            assert_eq!(refused.is_none(), fine, "{method} {host} {origins:?}");
        };
        let local = "localhost:8443";
        check(Method::POST, local, &[], true);
        check(Method::POST, local, &["https://localhost:8443"], true);
        check(Method::POST, local, &["https://LOCALHOST:8443"], true);
        for origin in [
            "null",
            "",
            "http://localhost:8443",
            "https://localhost",
            "https://localhost:3000",
            "https://localhost:8443.evil.example",
            "https://localhost:8443@evil.example",
            "https://evil.example",
            "https://127.0.0.1:8443",
        ] {
            check(Method::POST, local, &[origin], false);
            check(Method::DELETE, local, &["https://localhost:8443", origin], false);
            check(Method::GET, local, &[origin], true);
        }
    }

    #[test]
    fn strict_transport_is_for_names_on_the_network() {
        for (host, public) in [
            ("localhost", false),
            ("a.localhost", false),
            ("127.0.0.1", false),
            ("::1", false),
            ("trade.example.org", true),
        ] {
            assert_eq!(is_public_name(host), public, "{host}");
        }
    }

    #[test]
    fn each_stage_of_strict_transport_binds_more_and_none_binds_this_machine() {
        let check = |word: &str, value: &str| {
            let stage: StrictTransport = word.parse().expect(word);
            assert_eq!(StrictTransport::of(Exposure::Public, stage).value(), Some(value), "{word}");
            assert_eq!(StrictTransport::of(Exposure::Loopback, stage).value(), None, "{word}");
            let line = format!("strict-transport-security: {value}\r\n");
            assert!(of_refusals(stage).ends_with(&line), "{word}");
        };
        check("year", "max-age=31536000");
        check("subdomains", "max-age=31536000; includeSubDomains");
        check("preload", "max-age=31536000; includeSubDomains; preload");
        assert!("off".parse::<StrictTransport>().is_err());
        assert!(!of_refusals(StrictTransport::Nothing).contains("strict-transport"));
    }
}
