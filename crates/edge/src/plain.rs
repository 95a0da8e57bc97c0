//! The port without TLS: the way to the one with it, an ACME server's question, and nothing else.

use crate::{
    Challenges, Door, Error, Exposure, Origin, Peer, Protocol, TooManyHeaders, door::listen,
};
use http::{Method, header, request::Parts};
use std::{io, net::SocketAddr};
use tokio::net::{TcpListener, TcpStream};

/// Plain TCP. Whoever serves on it answers as [`PlainTerms::judge`] says.
pub struct PlainDoor {
    listener: TcpListener,
    address: SocketAddr,
}

impl PlainDoor {
    /// Listens on `address`; port 0 takes any free one.
    pub async fn bind(address: SocketAddr, exposure: Exposure) -> Result<Self, Error> {
        if exposure == Exposure::Loopback && !address.ip().is_loopback() {
            return Err(Error::NotLoopback { address });
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
}

impl Door for PlainDoor {
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

/// What the port without TLS knows.
#[derive(Clone)]
pub struct PlainTerms {
    /// Where the same pages are with TLS. A client is never led where its own `Host` says.
    pub secure: Origin,
    /// Beginnings of paths that programs ask: they are not led on, or nobody would notice that every
    /// call goes out in the open first.
    pub data: &'static [&'static str],
    /// What ACME servers may ask for.
    pub challenges: Challenges,
}

/// What is said to a request without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InPlain {
    /// The same page is over there, for good.
    Moved {
        /// Its address.
        to: String,
    },
    /// What an ACME server came for.
    Proof {
        /// The key authorization (RFC 8555 §8.3).
        text: String,
    },
    /// Nothing is expected under this token.
    NoProof,
    /// No.
    Refused(PlainRefusal),
}

/// Why a request without TLS is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainRefusal {
    /// It has more header lines than allowed.
    TooManyHeaders(TooManyHeaders),
    /// It would change something.
    Method,
    /// It is a program's call.
    Data,
    /// It carries a secret, which whoever listens on the way has now.
    Credential,
    /// Its target is no path.
    Target,
}

/// Where an ACME server looks for what proves that a name is ours (RFC 8555 §8.3).
const PROOFS: &str = "/.well-known/acme-challenge/";

impl PlainTerms {
    /// What to say to a request with this head.
    #[must_use]
    pub fn judge(&self, head: &Parts) -> InPlain {
        if let Some(many) = head.extensions.get::<TooManyHeaders>() {
            return InPlain::Refused(PlainRefusal::TooManyHeaders(*many));
        }
        if head.headers.contains_key(header::AUTHORIZATION) {
            return InPlain::Refused(PlainRefusal::Credential);
        }
        let path = head.uri.path();
        if self.data.iter().any(|data| is_below(path, data)) {
            return InPlain::Refused(PlainRefusal::Data);
        }
        if head.method != Method::GET && head.method != Method::HEAD {
            return InPlain::Refused(PlainRefusal::Method);
        }
        if let Some(token) = path.strip_prefix(PROOFS) {
            let proof = self.challenges.proof(token);
            return proof.map_or(InPlain::NoProof, |text| InPlain::Proof { text });
        }
        // Of a target in its absolute form only the path counts, which begins with a slash.
        let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return InPlain::Refused(PlainRefusal::Target);
        }
        InPlain::Moved { to: format!("{}{target}", self.secure) }
    }
}

/// Whether `path` is `data` or lies below it.
fn is_below(path: &str, data: &str) -> bool {
    path.strip_prefix(data).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn judged(method: &Method, target: &str, headers: &[(&str, &str)]) -> InPlain {
        let challenges = Challenges::default();
        // Stands for as long as it is not dropped.
        let _posted = challenges.post_text("tok_en-1", "tok_en-1.thumb").expect("a token");
        let secure = "https://trade.example.org".parse().expect("an origin");
        let terms = PlainTerms { secure, data: &["/api"], challenges };
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).expect("a request").into_parts();
        terms.judge(&head)
    }

    #[test]
    fn a_page_is_led_to_the_configured_host_and_to_no_other() {
        let check = |target: &str, path: &str| {
            for host in ["trade.example.org", "evil.example", "evil.example:80"] {
                let to = format!("https://trade.example.org{path}");
                let got = judged(&Method::GET, target, &[("host", host)]);
                assert_eq!(got, InPlain::Moved { to }, "{target} at {host}");
            }
        };
        check("/", "/");
        check("/some/page?x=1", "/some/page?x=1");
        check("//evil.example/x", "//evil.example/x");
        check("/%0d%0aset-cookie:%20a=b", "/%0d%0aset-cookie:%20a=b");
        check("/@evil.example", "/@evil.example");
        check("http://evil.example/x?y", "/x?y");
        check("http://evil.example", "/");
        check("/apiary", "/apiary");
    }

    #[test]
    fn calls_of_programs_and_whatever_changes_something_are_refused() {
        let check = |method: Method, target: &str, why: PlainRefusal| {
            let got = judged(&method, target, &[("host", "trade.example.org")]);
            assert_eq!(got, InPlain::Refused(why), "{method} {target}");
        };
        check(Method::GET, "/api/v1/session", PlainRefusal::Data);
        check(Method::HEAD, "/api", PlainRefusal::Data);
        check(Method::POST, "/api/v1/sign-in", PlainRefusal::Data);
        check(Method::GET, "http://evil.example/api/v1/session", PlainRefusal::Data);
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE] {
            check(method, "/", PlainRefusal::Method);
        }
        check(Method::OPTIONS, "*", PlainRefusal::Method);
        check(Method::GET, "*", PlainRefusal::Target);
        check(Method::POST, "/.well-known/acme-challenge/tok_en-1", PlainRefusal::Method);
        let got = judged(&Method::GET, "/", &[("authorization", "Bearer x")]);
        assert_eq!(got, InPlain::Refused(PlainRefusal::Credential));
    }

    #[test]
    fn an_acme_server_gets_what_it_came_for_and_nothing_beside() {
        let check = |token: &str, want: InPlain| {
            let target = format!("/.well-known/acme-challenge/{token}");
            assert_eq!(judged(&Method::GET, &target, &[("host", "x")]), want, "{token}");
        };
        check("tok_en-1", InPlain::Proof { text: "tok_en-1.thumb".to_owned() });
        check("tok_en-1/", InPlain::NoProof);
        check("", InPlain::NoProof);
        check("other", InPlain::NoProof);
        check("../tok_en-1", InPlain::NoProof);
    }
}
