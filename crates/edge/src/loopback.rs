//! Endpoints for this machine only, without TLS: metrics and the like. A page in a browser may
//! reach loopback too, under a name of its own that it points there (DNS rebinding), so that a
//! request must name this machine, and a browser must say that it comes from here.

use crate::{
    Door, Drained, Error, Limits, Peer, Protocol, TooManyHeaders, door::listen, serve::serve,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header,
    request::Parts,
};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use std::{convert::Infallible, future, io, net::SocketAddr, sync::Arc};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Plain TCP on a loopback address, and on no other.
pub struct LoopbackDoor {
    listener: TcpListener,
    address: SocketAddr,
}

impl LoopbackDoor {
    /// Listens on `address`; port 0 takes any free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, Error> {
        if !address.ip().is_loopback() {
            return Err(Error::LoopbackOnly { address });
        }
        let listener = listen(address).await?;
        let address = listener.local_addr().map_err(|source| Error::Bind { address, source })?;
        Ok(Self { listener, address })
    }

    /// The address that is listened on, its port filled in.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The guard of this door.
    #[must_use]
    pub fn guard(&self) -> LoopbackGuard {
        LoopbackGuard { port: self.address.port() }
    }
}

impl Door for LoopbackDoor {
    type Raw = TcpStream;
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, address) = self.listener.accept().await?;
        Ok((stream, Peer::Network(address)))
    }

    async fn greet(&self, raw: TcpStream) -> io::Result<TcpStream> {
        raw.set_nodelay(true)?;
        Ok(raw)
    }

    fn protocol(_stream: &TcpStream) -> Protocol {
        Protocol::Http1
    }
}

/// Says whether a request names this machine and comes from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopbackGuard {
    port: u16,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It names another host: 421.
    Host,
    /// It comes from another site: 403.
    Origin,
}

impl Refused {
    /// The status to answer with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin => StatusCode::FORBIDDEN,
        }
    }
}

impl LoopbackGuard {
    /// A guard of endpoints on `port`.
    #[must_use]
    pub fn new(port: u16) -> Self {
        Self { port }
    }

    /// Looks at the target, `Host`, `Origin` and `Sec-Fetch-Site`.
    pub fn check(self, head: &Parts) -> Result<(), Refused> {
        let host = sole(&head.headers, &header::HOST).ok_or(Refused::Host)?;
        let target = head.uri.authority().map(http::uri::Authority::as_str);
        if !self.is_here(host) || target.is_some_and(|target| !self.is_here(target)) {
            return Err(Refused::Host);
        }
        if head.headers.contains_key(header::ORIGIN) {
            let origin = sole(&head.headers, &header::ORIGIN);
            let here = origin.and_then(|origin| origin.strip_prefix("http://"));
            if !here.is_some_and(|here| here.eq_ignore_ascii_case(host)) {
                return Err(Refused::Origin);
            }
        }
        // A picture or a form of another site has no Origin, but a browser says where it stands.
        let site = HeaderName::from_static("sec-fetch-site");
        if head.headers.contains_key(&site)
            && !matches!(sole(&head.headers, &site), Some("same-origin" | "none"))
        {
            return Err(Refused::Origin);
        }
        Ok(())
    }

    fn is_here(self, host: &str) -> bool {
        let port = self.port;
        let [v4, name, v6] =
            [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")];
        host == v4 || host.eq_ignore_ascii_case(&name) || host == v6
    }
}

/// The value of a header that is there once.
fn sole<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

/// A page: its media type and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Such as `text/plain; version=0.0.4` for metrics.
    pub content_type: &'static str,
    /// What it says.
    pub text: String,
}

/// Serves pages to read on `door` until `stop`: `page` is asked by path and says `None` where
/// there is nothing.
pub async fn serve_pages<P>(
    door: LoopbackDoor,
    page: P,
    limits: Limits,
    stop: CancellationToken,
) -> Drained
where
    P: Fn(&str) -> Option<Page> + Send + Sync + 'static,
{
    let (guard, page) = (door.guard(), Arc::new(page));
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let answer = answer(guard, &*page, &request.into_parts().0);
        future::ready(Ok::<_, Infallible>(answer))
    });
    serve(door, service, limits, stop).await
}

fn answer(
    guard: LoopbackGuard,
    page: &dyn Fn(&str) -> Option<Page>,
    head: &Parts,
) -> Response<Full<Bytes>> {
    let plain = |status: StatusCode| {
        let reason = status.canonical_reason().unwrap_or_default();
        (status, Page { content_type: "text/plain", text: format!("{reason}\n") })
    };
    let (status, said) = if head.extensions.get::<TooManyHeaders>().is_some() {
        plain(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
    } else if let Err(refused) = guard.check(head) {
        plain(refused.status())
    } else if head.method != Method::GET && head.method != Method::HEAD {
        plain(StatusCode::METHOD_NOT_ALLOWED)
    } else {
        match page(head.uri.path()) {
            Some(page) => (StatusCode::OK, page),
            None => plain(StatusCode::NOT_FOUND),
        }
    };
    let mut answer = Response::new(Full::new(Bytes::from(said.text)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(said.content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[(&str, &str)], expected: Result<(), Refused>) {
        let mut request = Request::get("/metrics");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).expect("a request").into_parts();
        assert_eq!(LoopbackGuard::new(9100).check(&head), expected, "{lines:?}");
    }

    #[test]
    fn a_request_must_name_this_machine() {
        for host in ["127.0.0.1:9100", "localhost:9100", "LOCALHOST:9100", "[::1]:9100"] {
            check(&[("host", host)], Ok(()));
        }
        for host in [
            "rebound.example:9100",
            "127.0.0.1",
            "127.0.0.1:9101",
            "127.0.0.1:09100",
            "127.0.0.2:9100",
            "localhost:9100.rebound.example",
            "localhost.rebound.example:9100",
            "x@localhost:9100",
            "0.0.0.0:9100",
            "",
        ] {
            check(&[("host", host)], Err(Refused::Host));
        }
        check(&[], Err(Refused::Host));
        check(&[("host", "localhost:9100"), ("host", "rebound.example")], Err(Refused::Host));
    }

    #[test]
    fn a_browser_must_come_from_here() {
        let host = ("host", "localhost:9100");
        check(&[host, ("origin", "http://localhost:9100")], Ok(()));
        check(&[host, ("sec-fetch-site", "same-origin")], Ok(()));
        check(&[host, ("sec-fetch-site", "none")], Ok(()));
        for origin in
            ["http://rebound.example", "null", "https://localhost:9100", "http://127.0.0.1:9100"]
        {
            check(&[host, ("origin", origin)], Err(Refused::Origin));
        }
        for site in ["cross-site", "same-site", ""] {
            check(&[host, ("sec-fetch-site", site)], Err(Refused::Origin));
        }
    }

    #[test]
    fn a_target_with_a_host_of_its_own_is_held_to_it() {
        let (head, ()) = Request::get("http://rebound.example:9100/metrics")
            .header("host", "localhost:9100")
            .body(())
            .expect("a request")
            .into_parts();
        assert_eq!(LoopbackGuard::new(9100).check(&head), Err(Refused::Host));
    }
}
