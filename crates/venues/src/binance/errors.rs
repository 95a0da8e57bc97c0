//! What is no success: the venue's codes and statuses, and what a bot can do about them.
//!
//! Codes of spot: <https://developers.binance.com/docs/binance-spot-api-docs/errors>; of the futures:
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code>; statuses, with the
//! futures' three sorts of 503: <https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info>.

use super::millis;
use crate::{Load, text::clean};
use engine::live::{Answer, Call, Refused, RefusedKind, Unknown};
use http::{HeaderMap, Response, StatusCode};
use market::{Product, Timestamp};
use serde::Deserialize;
use std::borrow::Cow;

use RefusedKind::{
    Balance, Busy, Clock, DuplicateName, Filter, Key, NotTrading, OrderDone, Other, ReduceOnly,
    Setup, WouldTake, WouldTrigger,
};

/// Codes that mean the same for both products.
pub(super) const SHARED: &[(i64, RefusedKind)] = &[
    (-1002, Key),
    (-1008, Busy),
    (-1011, Key),
    (-1013, Filter),
    (-1016, Busy),
    (-1021, Clock),
    (-1022, Key),
    (-1111, Filter),
    (-1121, NotTrading),
    (-2011, OrderDone),
    (-2013, OrderDone),
    (-2014, Key),
    (-2015, Key),
    (-2016, NotTrading),
];

/// Codes of spot.
pub(super) const SPOT: &[(i64, RefusedKind)] = &[(-2026, OrderDone)];

/// Codes of the futures.
pub(super) const FUTURES: &[(i64, RefusedKind)] = &[
    (-1001, Busy),
    (-2017, Key),
    (-2018, Balance),
    (-2019, Balance),
    (-2021, WouldTrigger),
    (-2022, ReduceOnly),
    (-2024, ReduceOnly),
    (-2026, ReduceOnly),
    (-2027, Setup),
    (-2028, Balance),
    (-4000, OrderDone),
    (-4001, Filter),
    (-4002, Filter),
    (-4003, Filter),
    (-4004, Filter),
    (-4005, Filter),
    (-4006, Filter),
    (-4007, Filter),
    (-4013, Filter),
    (-4014, Filter),
    (-4016, Filter),
    (-4023, Filter),
    (-4024, Filter),
    (-4028, Setup),
    (-4050, Balance),
    (-4051, Balance),
    (-4060, Setup),
    (-4061, Setup),
    (-4062, ReduceOnly),
    (-4067, Setup),
    (-4068, Setup),
    (-4087, ReduceOnly),
    (-4088, NotTrading),
    (-4115, DuplicateName),
    (-4116, DuplicateName),
    (-4117, OrderDone),
    (-4118, ReduceOnly),
    (-4131, Filter),
    (-4135, Filter),
    (-4140, NotTrading),
    (-4141, NotTrading),
    (-4142, WouldTrigger),
    (-4161, Setup),
    (-4164, Filter),
    (-4183, Filter),
    (-4184, Filter),
    (-4192, NotTrading),
    (-4202, Setup),
    (-4203, Setup),
    (-4205, Setup),
    (-4206, Setup),
    (-4208, Setup),
    (-4209, Setup),
    (-4210, Filter),
    (-4211, Filter),
    (-4400, NotTrading),
    (-4401, NotTrading),
    (-4402, NotTrading),
    (-4403, Setup),
    (-5022, WouldTake),
    (-5024, NotTrading),
    (-5028, Clock),
    (-5029, Filter),
    (-5040, Filter),
];

/// How the messages of -1010, -1013, -2010 and -2011 begin: spot tells its matching engine's refusals
/// apart by words alone.
pub(super) const MESSAGES: &[(&str, RefusedKind)] = &[
    ("Duplicate order sent.", DuplicateName),
    ("Account has insufficient balance", Balance),
    ("Filter failure", Filter),
    ("Price * QTY is zero or less.", Filter),
    ("IcebergQty exceeds QTY.", Filter),
    ("Order would immediately match and take.", WouldTake),
    ("Order would trigger immediately.", WouldTrigger),
    ("Market is closed.", NotTrading),
    ("This order type is not possible in this trading phase.", NotTrading),
    ("Rest API trading is not enabled.", NotTrading),
    ("Unknown order sent.", OrderDone),
    ("This action is disabled on this account.", Key),
    ("This account may not place or cancel orders.", Key),
    ("This symbol is not permitted for this account.", Setup),
    ("This symbol is restricted for this account.", Setup),
];

/// The venue's words for an error.
#[derive(Deserialize)]
pub(super) struct Body<'a> {
    pub(super) code: i64,
    #[serde(borrow, default)]
    pub(super) msg: Cow<'a, str>,
}

/// How long to wait if the venue does not say: its shortest limit of orders counts ten seconds.
const WAIT_SECONDS: i64 = 10;
/// How long to wait if its firewall answers: it says nothing of how long.
const WALL_SECONDS: i64 = 60;
/// The longest ban is three days.
const WAIT_MAX_SECONDS: i64 = 3 * 86_400;

/// What an answer says if it is no success, [`None`] if it is one.
pub(super) fn classify(
    product: Product,
    call: &Call,
    response: &Response<Vec<u8>>,
    now: Timestamp,
) -> Option<Answer> {
    let status = response.status();
    let body: Option<Body<'_>> = serde_json::from_slice(response.body()).ok();
    if status.is_success() {
        let body = body.filter(|body| body.code < 0)?;
        return Some(by_code(product, call, &body, now));
    }
    let wait = || retry_after(response.headers()).unwrap_or(WAIT_SECONDS);
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::IM_A_TEAPOT => {
            let banned = body.as_ref().and_then(|body| banned_until(&body.msg));
            let until = banned.filter(|_| response.headers().get("retry-after").is_none());
            Some(Answer::Throttled { until: until.unwrap_or_else(|| later(now, wait())) })
        }
        StatusCode::FORBIDDEN if body.is_none() => {
            Some(Answer::Throttled { until: later(now, WALL_SECONDS) })
        }
        _ if status.is_server_error() => {
            let body = body.filter(|body| product == Product::Perpetual && failed(body));
            Some(body.map_or(Answer::Unknown(Unknown::Server), |body| refuse(Busy, &body)))
        }
        _ if status.is_client_error() => {
            let garbled = Answer::Unknown(Unknown::Garbled);
            Some(body.map_or(garbled, |body| by_code(product, call, &body, now)))
        }
        _ => Some(Answer::Unknown(Unknown::Garbled)),
    }
}

/// The 503 of the futures that are failures by the documentation's own words; every other one, with the
/// text "Unknown error, please check your request or try again later." above all, settles nothing.
fn failed(body: &Body<'_>) -> bool {
    let text = body.msg.as_ref();
    body.code == -1008
        || text.starts_with("Service Unavailable")
        || text.starts_with("Internal error; unable to process your request")
}

fn by_code(product: Product, call: &Call, body: &Body<'_>, now: Timestamp) -> Answer {
    match (body.code, call) {
        (-1000 | -1006 | -1007, _) => return Answer::Unknown(Unknown::Server),
        (-1001, _) if product == Product::Spot => return Answer::Unknown(Unknown::Server),
        (-1003, _) => {
            let until = banned_until(&body.msg).unwrap_or_else(|| later(now, WAIT_SECONDS));
            return Answer::Throttled { until };
        }
        (-1015, _) => return Answer::Throttled { until: later(now, WAIT_SECONDS) },
        (-2013, Call::Order(_)) => return Answer::NotFound,
        // There was none to cancel; nothing to change.
        (-2011, Call::CancelAll(..)) | (-4059, Call::SetMode(_)) | (-5027, Call::Amend(..)) => {
            return Answer::Done;
        }
        _ => {}
    }
    refuse(kind(product, body), body)
}

/// The sort of a refusal.
fn kind(product: Product, body: &Body<'_>) -> RefusedKind {
    if matches!(body.code, -1010 | -1013 | -2010 | -2011) {
        let known = MESSAGES.iter().find(|(start, _)| body.msg.starts_with(start));
        if let Some((_, kind)) = known {
            return *kind;
        }
    }
    let own = match product {
        Product::Spot => SPOT,
        Product::Perpetual => FUTURES,
    };
    let mut all = own.iter().chain(SHARED);
    all.find(|(code, _)| *code == body.code).map_or(Other, |(_, kind)| *kind)
}

fn refuse(kind: RefusedKind, body: &Body<'_>) -> Answer {
    Answer::Refused(Refused { kind, code: body.code, text: clean(&body.msg) })
}

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    let nanos = seconds.clamp(0, WAIT_MAX_SECONDS) * 1_000_000_000;
    now.plus_nanos(nanos).unwrap_or(now)
}

fn retry_after(headers: &HeaderMap) -> Option<i64> {
    headers.get("retry-after")?.to_str().ok()?.trim().parse().ok().filter(|seconds| *seconds >= 0)
}

/// "… IP banned until 1573190460000. …"
fn banned_until(text: &str) -> Option<Timestamp> {
    let rest = text.split_once("banned until ")?.1;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse::<i64>().ok()?.checked_mul(1_000_000).map(Timestamp::from_nanos)
}

/// What the venue counts, and how much of it it allows (`rateLimits` of exchangeInfo on the day of
/// reading): the header, the limit of spot and of the futures, the span in seconds.
const LIMITS: [(&str, u32, u32, i64); 4] = [
    ("x-mbx-used-weight-1m", 6000, 2400, 60),
    ("x-mbx-order-count-10s", 100, 300, 10),
    ("x-mbx-order-count-1m", 1200, 1200, 60),
    ("x-mbx-order-count-1d", 200_000, 200_000, 86_400),
];

/// The fullest of the venue's limits; it begins anew after its span at the latest.
pub(super) fn load(product: Product, response: &Response<Vec<u8>>, now: Timestamp) -> Option<Load> {
    let one = |(header, spot, futures, seconds): (&str, u32, u32, i64)| {
        let used: u32 = response.headers().get(header)?.to_str().ok()?.trim().parse().ok()?;
        let limit = if product == Product::Spot { spot } else { futures };
        Some(Load { used, limit, reset: Some(later(now, seconds)) })
    };
    let share = |load: &Load| u64::from(load.used) * 1_000_000 / u64::from(load.limit);
    LIMITS.into_iter().filter_map(one).max_by_key(share)
}

/// The milliseconds of a moment, for a message of a ban.
pub(super) fn ban_text(until: Timestamp) -> String {
    format!("Way too many requests; IP banned until {}.", millis(until))
}
