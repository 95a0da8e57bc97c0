//! What is asked and what is answered, as plain values.

use super::{fate::Unsent, origin::Origin};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::body::Bytes;
use std::{fmt, time::Instant};

/// Whether a request may go out a second time by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retry {
    /// Once at most: what is lost is the caller's to find out.
    #[default]
    Never,
    /// Once more, on a fresh connection, if its method is idempotent (RFC 9110 §9.2.2) and a
    /// kept connection ended before a byte of the answer.
    IfIdempotent,
}

/// One request. It may carry keys and signatures, so its `Debug` shows neither the query nor
/// the value of a header nor the body.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// To whom.
    pub origin: Origin,
    /// Path and query as they go over the wire: a signature may stand over these very bytes.
    pub target: String,
    /// Headers, in order; `Host` and what frames the body are not the caller's.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    /// Whether it may go out twice.
    pub retry: Retry,
}

impl Request {
    /// A request without headers and body that goes out once.
    #[must_use]
    pub fn new(method: Method, origin: Origin, target: impl Into<String>) -> Self {
        Self {
            method,
            origin,
            target: target.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            retry: Retry::Never,
        }
    }

    pub(crate) fn may_repeat(&self) -> bool {
        self.retry == Retry::IfIdempotent && self.method.is_idempotent()
    }

    /// The request as hyper writes it.
    pub(crate) fn to_http(&self, host: &HeaderValue) -> Result<http::Request<Full<Bytes>>, Unsent> {
        let mut request = http::Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = target(&self.target)?;
        let headers = request.headers_mut();
        headers.reserve(self.headers.len() + 2);
        headers.insert(header::HOST, host.clone());
        for (name, value) in &self.headers {
            if FRAMING.contains(name) {
                return Err(Unsent::Invalid { what: "a header that the client sets itself" });
            }
            headers.append(name.clone(), value.clone());
        }
        Ok(request)
    }
}

/// Headers that say where a message goes and where it ends.
pub(crate) const FRAMING: [HeaderName; 9] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::CONNECTION,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
];

/// The path and query, byte for byte: a fragment would be cut off silently.
pub(crate) fn target(text: &str) -> Result<Uri, Unsent> {
    let good = text.starts_with('/') && !text.contains('#');
    let uri = good.then(|| Uri::try_from(text).ok()).flatten();
    uri.filter(|uri| uri.scheme().is_none() && uri.authority().is_none())
        .ok_or(Unsent::Invalid { what: "the target must be /path?query, percent-encoded" })
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("origin", &self.origin)
            .field("path", &path)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// One answer, whole, of any status: a redirect is an answer like others and is not followed.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whatever the headers say it is.
    pub body: Bytes,
    /// When the kernel took the last byte of the request.
    pub handed_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_goes_out_as_it_is_or_not_at_all() {
        let check = |text: &str, good: bool| {
            let read = target(text);
            assert_eq!(read.is_ok(), good, "{text}");
            if let Ok(uri) = read {
                assert_eq!(uri.to_string(), text);
            }
        };
        check("/", true);
        check("/api/v3/order?symbol=BTCUSDT&signature=ab%2Bcd", true);
        check("/a//b?", true);
        check("//other.example/x", true);
        check("", false);
        check("api", false);
        check("/a#b", false);
        check("/a b", false);
        check("/a\r\nx: y", false);
        check("https://other.example/", false);
        check("*", false);
    }

    #[test]
    fn debug_shows_no_secret() {
        let origin = "api.example.com".parse().expect("an origin");
        let mut request = Request::new(Method::POST, origin, "/order?signature=CANARY");
        request.headers =
            vec![(HeaderName::from_static("x-mbx-apikey"), HeaderValue::from_static("CANARY"))];
        request.body = Bytes::from_static(b"CANARY");
        let text = format!("{request:?}");
        assert!(text.contains("/order") && text.contains("x-mbx-apikey"), "{text}");
        assert!(!text.contains("CANARY"), "{text}");
    }

    #[test]
    fn what_frames_a_message_is_not_the_callers() {
        let host = HeaderValue::from_static("api.example.com");
        let check = |name: HeaderName, good: bool| {
            let origin = "api.example.com".parse().expect("an origin");
            let mut request = Request::new(Method::GET, origin, "/");
            request.headers = vec![(name.clone(), HeaderValue::from_static("1"))];
            assert_eq!(request.to_http(&host).is_ok(), good, "{name}");
        };
        check(header::ACCEPT, true);
        for name in FRAMING {
            check(name, false);
        }
    }
}
