//! The venue's end: what the exchange in a box speaks with.

mod asked;
mod hearing;
mod reply;
mod told;

use super::sign::{LOGIN, millis};
use crate::{Asked, Hearing, KeyRing, Keys};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine::live::{Answer, Call, Mode, Unknown};
use hearing::Line;
use http::{Request, Response, header::CONTENT_TYPE};
use market::{Roster, Timestamp};
use serde_json::{Value, json};

/// A request may be this far from the venue's clock:
/// <https://www.okx.com/docs-v5/en/#overview-rest-authentication-making-requests>.
const WINDOW_MS: i64 = 30_000;

/// The venue's end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counter;

/// A refusal: status, code, words.
type No = (u16, &'static str, &'static str);

fn respond(status: u16, body: &Value) -> Response<Vec<u8>> {
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    response.body(body.to_string().into_bytes()).unwrap_or_default()
}

fn refusal((status, code, words): No) -> Box<Response<Vec<u8>>> {
    Box::new(respond(status, &json!({ "code": code, "msg": words, "data": [] })))
}

/// Whether a signature is that of these bytes.
fn is_signed(keys: &Keys, signed: &str, sign: &str) -> bool {
    let wanted = seal::hmac_sha256(keys.secret.expose(), signed.as_bytes());
    STANDARD.decode(sign).is_ok_and(|given| seal::equal(&wanted, &given))
}

fn has_passphrase(keys: &Keys, passphrase: &str) -> bool {
    let wanted = keys.passphrase.as_ref().map_or("", |words| words.expose());
    seal::equal(wanted.as_bytes(), passphrase.as_bytes())
}

/// Who signed a request.
fn account(request: &Request<Vec<u8>>, ring: &KeyRing, now: Timestamp) -> Result<usize, No> {
    let header = |name: &str, missing: No| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.filter(|value| !value.is_empty()).ok_or(missing)
    };
    let key = header(
        "ok-access-key",
        (401, "50103", "Request header \"OK-ACCESS-KEY\" cannot be empty."),
    )?;
    let passphrase = header(
        "ok-access-passphrase",
        (401, "50104", "Request header \"OK-ACCESS-PASSPHRASE\" cannot be empty."),
    )?;
    let sign = header(
        "ok-access-sign",
        (401, "50106", "Request header \"OK-ACCESS-SIGN\" cannot be empty."),
    )?;
    let stamp = header(
        "ok-access-timestamp",
        (401, "50107", "Request header \"OK-ACCESS-TIMESTAMP\" cannot be empty."),
    )?;
    let sent: Timestamp =
        stamp.parse().map_err(|_| (401, "50112", "Invalid OK-ACCESS-TIMESTAMP."))?;
    if millis(sent).saturating_sub(millis(now)).saturating_abs() > WINDOW_MS {
        return Err((401, "50102", "Timestamp request expired."));
    }
    let place = ring.accounts.iter().position(|keys| keys.key == key);
    let keys = place.and_then(|place| ring.accounts.get(place));
    let (place, keys) = place.zip(keys).ok_or((401, "50111", "Invalid OK-ACCESS-KEY."))?;
    if !has_passphrase(keys, passphrase) {
        return Err((401, "50105", "Request header \"OK-ACCESS-PASSPHRASE\" incorrect."));
    }
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    let body = String::from_utf8_lossy(request.body());
    let signed = [stamp, request.method().as_str(), path, &body].concat();
    if !is_signed(keys, &signed, sign) {
        return Err((401, "50113", "Invalid signature."));
    }
    let late = request.headers().get("exptime").and_then(|value| value.to_str().ok());
    let late = late.and_then(|ms| ms.parse::<i64>().ok());
    if late.is_some_and(|late| late < millis(now)) {
        return Err((200, "50037", "Order expired."));
    }
    Ok(place)
}

/// Who logged in to a stream; what is signed then says no method and path of its own.
fn logged_in(login: &hearing::Login<'_>, ring: &KeyRing, now: Timestamp) -> Result<usize, No> {
    let place = ring.accounts.iter().position(|keys| keys.key == *login.api_key);
    let keys = place.and_then(|place| ring.accounts.get(place));
    let (place, keys) = place.zip(keys).ok_or((200, "60005", "Invalid apiKey"))?;
    let seconds = login.timestamp.parse::<i64>();
    let seconds = seconds.map_err(|_| (200, "60004", "Invalid timestamp"))?;
    let late = seconds.saturating_mul(1000).saturating_sub(millis(now)).saturating_abs();
    if late > WINDOW_MS {
        return Err((200, "60006", "Timestamp request expired"));
    }
    if !has_passphrase(keys, &login.passphrase) {
        return Err((200, "60024", "Wrong passphrase"));
    }
    if !is_signed(keys, &[&*login.timestamp, LOGIN].concat(), &login.sign) {
        return Err((200, "60007", "Invalid sign"));
    }
    Ok(place)
}

impl crate::Counter for Counter {
    fn asked(
        &self,
        request: &Request<Vec<u8>>,
        keys: &KeyRing,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Asked, Box<Response<Vec<u8>>>> {
        let account = account(request, keys, now).map_err(refusal)?;
        let calls = asked::calls(request, roster)?;
        let call = calls.into_iter().next();
        let call = call.ok_or_else(|| refusal((400, "50000", "Body cannot be empty.")))?;
        Ok(Asked { account, call })
    }

    fn calls(&self, request: &Request<Vec<u8>>, asked: &Asked, roster: &Roster) -> Vec<Call> {
        asked::calls(request, roster).unwrap_or_else(|_| vec![asked.call.clone()])
    }

    fn respond(
        &self,
        call: &Call,
        answer: &Answer,
        roster: &Roster,
        now: Timestamp,
    ) -> Response<Vec<u8>> {
        reply::reply("", std::slice::from_ref(call), std::slice::from_ref(answer), (roster, now))
    }

    fn reply(
        &self,
        request: &Request<Vec<u8>>,
        asked: &Asked,
        answers: &[Answer],
        (roster, now): (&Roster, Timestamp),
    ) -> Response<Vec<u8>> {
        let calls = self.calls(request, asked, roster);
        let query = request.uri().query().unwrap_or("");
        reply::reply(query, &calls, answers, (roster, now))
    }

    fn hearing(&self, path_and_query: &str) -> Option<Box<dyn Hearing>> {
        let line = match path_and_query.split('?').next().unwrap_or("") {
            "/ws/v5/private" => Line::Private,
            "/ws/v5/business" => Line::Business,
            _ => return None,
        };
        Some(Box::new(hearing::Socket::new(line)))
    }
}

/// What is answered where nothing is.
const fn nothing() -> Answer {
    Answer::Unknown(Unknown::Server)
}

/// The word for how positions are kept.
fn mode(text: &str) -> Option<Mode> {
    [Mode::OneWay, Mode::Hedge].into_iter().find(|mode| super::request::mode_text(*mode) == text)
}
