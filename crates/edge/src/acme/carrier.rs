//! Carries ACME's requests over the allow-listed client: to the directory's own host, and to no other.

use crate::{Client, Origin, Request};
use http::{HeaderMap, header::RETRY_AFTER};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use std::{fmt, future::Future, pin::Pin, time::Duration};

/// How long one answer may take.
const WITHIN: Duration = Duration::from_secs(30);
/// Digits of a number of seconds that is waited for.
const RETRY_DIGITS_MAX: usize = 2;

/// The way to one ACME server.
#[derive(Clone)]
pub(super) struct Carrier {
    pub client: Client,
    pub origin: Origin,
}

/// A server that leads elsewhere: what it says is a request that this machine would make for it.
#[derive(Debug, thiserror::Error)]
pub(super) struct Strayed(String);

impl fmt::Display for Strayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>>;

impl HttpClient for Carrier {
    fn request(&self, request: http::Request<BodyWrapper<Bytes>>) -> Answer {
        let own = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let target = own.target(&parts.uri)?;
            let body = body.collect().await.unwrap_or_else(|never| match never {}).to_bytes();
            let mut request = Request::new(parts.method, own.origin, target);
            let named = |(name, value)| Some((name?, value));
            request.headers = parts.headers.into_iter().filter_map(named).collect();
            request.body = body;
            let answer = own.client.send(&request, WITHIN).await;
            let answer = answer.map_err(|error| Error::Other(Box::new(error)))?;
            let mut response = http::Response::new(Full::new(answer.body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            patient(response.headers_mut());
            Ok(BytesResponse::from(response))
        })
    }
}

impl Carrier {
    /// The path, where the address is one of this server's.
    fn target(&self, uri: &http::Uri) -> Result<String, Error> {
        let strayed = || Error::Other(Box::new(Strayed(uri.to_string())));
        let scheme = uri.scheme_str().ok_or_else(strayed)?;
        let authority = uri.authority().ok_or_else(strayed)?;
        let origin = format!("{scheme}://{authority}").parse::<Origin>().map_err(|_| strayed())?;
        if origin != self.origin {
            return Err(strayed());
        }
        Ok(uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned())
    }
}

/// Leaves out when to come again, where that is not soon: the order would be late by then anyway, and the
/// library adds whatever number stands there to the time of day.
fn patient(headers: &mut HeaderMap) {
    let soon = headers.get(RETRY_AFTER).is_some_and(|value| {
        value.len() <= RETRY_DIGITS_MAX && value.as_bytes().iter().all(u8::is_ascii_digit)
    });
    if !soon {
        headers.remove(RETRY_AFTER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Allowed, Terms, Trust};

    #[test]
    fn an_acme_server_cannot_send_us_elsewhere() {
        let origin: Origin = "https://acme.example:14000".parse().expect("an origin");
        let allowed: Allowed = [origin.clone()].into_iter().collect();
        let client = Client::new(&allowed, Trust::web(), Terms::default()).expect("a client");
        let carrier = Carrier { client, origin };
        let check = |uri: &str, want: Option<&str>| {
            let uri: http::Uri = uri.parse().expect("an address");
            assert_eq!(carrier.target(&uri).ok().as_deref(), want, "{uri}");
        };
        check("https://acme.example:14000/new-order?x=1", Some("/new-order?x=1"));
        check("https://ACME.example:14000", Some("/"));
        check("https://acme.example/new-order", None);
        check("http://acme.example:14000/new-order", None);
        check("https://169.254.169.254/latest", None);
        check("https://acme.example:14000@evil.example/", None);
        check("http://127.0.0.1:8500/v1/kv", None);
        check("/new-order", None);
    }

    #[test]
    fn a_number_that_no_clock_can_be_set_forward_by_is_left_out() {
        let check = |value: &'static str, kept: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, http::HeaderValue::from_static(value));
            patient(&mut headers);
            assert_eq!(headers.contains_key(RETRY_AFTER), kept, "{value}");
        };
        check("3", true);
        check("30", true);
        check("18446744073709551615", false);
        check("Fri, 31 Dec 9999 23:59:59 GMT", false);
        check("-1", false);
    }
}
