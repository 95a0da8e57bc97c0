//! What a request was sent with, and whether whoever signed it may.

use crate::{KeyRing, binance::sign};
use http::{Request, Response};
use market::Timestamp;

/// Parameters of a request: more is none of ours.
const PARAMS_MAX: usize = 64;
/// A request is good for so long unless it says otherwise.
const WINDOW_MS: i64 = 5000;
/// The longest that it may say.
const WINDOW_MAX_MS: i64 = 60_000;
/// So far ahead a client's clock may be.
const AHEAD_MS: i64 = 1000;

/// The venue's refusal.
pub(super) type Refusal = Box<Response<Vec<u8>>>;

/// A body in JSON under a status.
pub(super) fn answer(status: u16, body: &serde_json::Value) -> Response<Vec<u8>> {
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json;charset=UTF-8")
        .header("x-mbx-used-weight-1m", "1");
    response.body(body.to_string().into_bytes()).expect("plain headers and a known status")
}

/// The venue's refusal under a status of its own.
pub(super) fn refuse(status: u16, code: i64, text: &str) -> Refusal {
    Box::new(answer(status, &serde_json::json!({ "code": code, "msg": text })))
}

/// A parameter that must be there and make sense.
pub(super) fn malformed(name: &str) -> Refusal {
    let text = format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
    refuse(400, -1102, &text)
}

/// Parameters of query and form, in their order.
pub(super) struct Params {
    all: Vec<(String, String)>,
    /// The bytes that are signed.
    payload: String,
    signature: Option<String>,
}

impl Params {
    /// Reads query and form; a parameter that is there twice is refused.
    pub(super) fn of(request: &Request<Vec<u8>>) -> Result<Self, Refusal> {
        let illegal = || refuse(400, -1100, "Illegal characters found in a parameter.");
        let query = request.uri().query().unwrap_or("");
        let form = std::str::from_utf8(request.body()).map_err(|_| illegal())?;
        let mut params = Self { all: Vec::new(), payload: String::new(), signature: None };
        for part in [query, form] {
            let mut signed = String::new();
            for pair in part.split('&').filter(|pair| !pair.is_empty()) {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                if name == "signature" {
                    params.signature = Some(value.to_owned());
                    continue;
                }
                if !signed.is_empty() {
                    signed.push('&');
                }
                signed.push_str(pair);
                if params.all.len() >= PARAMS_MAX || params.text(name).is_some() {
                    let text = "Duplicate values for a parameter detected.";
                    return Err(refuse(400, -1101, text));
                }
                params.all.push((name.to_owned(), decoded(value).ok_or_else(illegal)?));
            }
            params.payload.push_str(&signed);
        }
        Ok(params)
    }

    /// A parameter, if it is there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.all.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter that must be there.
    pub(super) fn needed(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| malformed(name))
    }

    /// A whole number, if it is there.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.text(name).map(|text| text.parse().map_err(|_| malformed(name))).transpose()
    }

    /// Whether a parameter is there and true.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// The account of a request that is signed, in time.
    pub(super) fn signed_by(
        &self,
        request: &Request<Vec<u8>>,
        keys: &KeyRing,
        now: Timestamp,
    ) -> Result<usize, Refusal> {
        let account = account(request, keys)?;
        let window = self.number("recvWindow")?.unwrap_or(WINDOW_MS);
        if window > WINDOW_MAX_MS {
            return Err(refuse(400, -1131, "recvWindow must be less than 60000"));
        }
        let sent = self.number("timestamp")?.ok_or_else(|| malformed("timestamp"))?;
        in_time(sent, window, now).map_err(|text| refuse(400, -1021, text))?;
        let signature = self.signature.as_deref().ok_or_else(|| malformed("signature"))?;
        let secret = keys.accounts.get(account).map(|keys| &keys.secret);
        if secret.is_some_and(|secret| is_signature(secret, &self.payload, signature)) {
            return Ok(account);
        }
        Err(refuse(400, -1022, "Signature for this request is not valid."))
    }

    /// A name for an order that was given none: the venue makes one up.
    pub(super) fn made_up(&self) -> String {
        let tail: String = self.signature.as_deref().unwrap_or("0").chars().take(22).collect();
        format!("web_{tail}")
    }
}

/// Whether these bytes were signed with this secret; the venue reads hexadecimal digits of either case.
pub(super) fn is_signature(secret: &seal::Secret<Vec<u8>>, payload: &str, signature: &str) -> bool {
    let wanted = sign(secret, payload.as_bytes());
    seal::equal(wanted.as_bytes(), signature.to_ascii_lowercase().as_bytes())
}

/// The venue's rule of time, or its words against it.
pub(super) fn in_time(sent: i64, window: i64, now: Timestamp) -> Result<(), &'static str> {
    let here = crate::binance::millis(now);
    if sent >= here.saturating_add(AHEAD_MS) {
        return Err("Timestamp for this request was 1000ms ahead of the server's time.");
    }
    if here.saturating_sub(sent) > window {
        return Err("Timestamp for this request is outside of the recvWindow.");
    }
    Ok(())
}

/// Whose key a request was sent with.
pub(super) fn account(request: &Request<Vec<u8>>, keys: &KeyRing) -> Result<usize, Refusal> {
    let key = request.headers().get("x-mbx-apikey").and_then(|value| value.to_str().ok());
    let key = key.ok_or_else(|| refuse(401, -2014, "API-key format invalid."))?;
    let found = keys.accounts.iter().position(|keys| keys.key == key);
    let text = "Invalid API-key, IP, or permissions for action.";
    found.ok_or_else(|| refuse(401, -2015, text))
}

/// Without the escapes of a form.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                out.push(u8::try_from(high * 16 + low).ok()?);
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}
