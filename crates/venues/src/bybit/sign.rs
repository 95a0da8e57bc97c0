//! Signatures and the parts of a request that carry them.
//!
//! <https://bybit-exchange.github.io/docs/v5/guide#authentication>: HMAC-SHA256 in lower hex over
//! timestamp, key, window, and the query or the body exactly as they are sent. The private stream
//! (<https://bybit-exchange.github.io/docs/v5/ws/connect#authentication>) signs `GET/realtime` and the
//! moment at which the signature ends.

use super::text::to_ms;
use crate::{Error, Keys};
use http::{Method, Request, header::CONTENT_TYPE};
use market::{Timestamp, VenueName};

pub(super) const KEY: &str = "x-bapi-api-key";
pub(super) const TIMESTAMP: &str = "x-bapi-timestamp";
pub(super) const SIGNATURE: &str = "x-bapi-sign";
pub(super) const WINDOW: &str = "x-bapi-recv-window";

/// What is signed over `text` (a query or a body), by this secret.
pub(super) fn signature(secret: &[u8], parts: [&str; 4]) -> String {
    let mut message = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        message.push_str(part);
    }
    hex::encode(seal::hmac_sha256(secret, message.as_bytes()))
}

/// What is signed to log in to a private stream until this moment.
pub(super) fn login(secret: &[u8], expires_ms: &str) -> String {
    signature(secret, ["GET/realtime", expires_ms, "", ""])
}

/// A request before it is signed.
#[derive(Debug)]
pub(super) struct Unsigned {
    pub method: Method,
    pub path: &'static str,
    /// The query of a GET, the body of a POST.
    pub text: String,
}

/// A signed request to this host.
pub(super) fn signed(
    unsigned: Unsigned,
    host: &str,
    keys: &Keys,
    window_ms: u32,
    now: Timestamp,
) -> Result<Request<Vec<u8>>, Error> {
    let time = to_ms(now).to_string();
    let window = window_ms.to_string();
    let sign = signature(keys.secret.expose(), [&time, &keys.key, &window, &unsigned.text]);
    let is_post = unsigned.method == Method::POST;
    let mut uri = String::with_capacity(host.len() + unsigned.path.len() + 1 + unsigned.text.len());
    uri.push_str(host);
    uri.push_str(unsigned.path);
    if !is_post && !unsigned.text.is_empty() {
        uri.push('?');
        uri.push_str(&unsigned.text);
    }
    let request = Request::builder()
        .method(unsigned.method)
        .uri(uri)
        .header(KEY, &keys.key)
        .header(TIMESTAMP, time)
        .header(SIGNATURE, sign)
        .header(WINDOW, window);
    let (request, body) = if is_post {
        (request.header(CONTENT_TYPE, "application/json"), unsigned.text.into_bytes())
    } else {
        (request, Vec::new())
    };
    request.body(body).map_err(|_| Error::Unsupported {
        venue: VenueName::Bybit,
        what: "a host or key like this",
    })
}
