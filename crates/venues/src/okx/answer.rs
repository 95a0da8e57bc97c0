//! Responses to answers.
//!
//! A response has a code of its own, and one for each order in it. What both leave open is settled
//! against the caller's hopes: a status of 5xx, a page of HTML or a cut text is [`Answer::Unknown`].

use super::{
    errors::{Verdict, verdict},
    reports,
    rows::{
        AccountRow, Ack, AlgoRow, BillRow, ConfigRow, Envelope, FillRow, OrderRow, PositionRow,
    },
    text::{self, Unread},
    walk,
};
use crate::{Setup, text::clean};
use engine::{
    live::{
        Answer, Call, Cause, KeyScope, Mode, NewOrder, OrderRef, OrderReport, OrderState,
        Permission, Refused, RefusedKind, Scope, Unknown, VenueId,
    },
    order::OrderKind,
};
use http::{Response, StatusCode, header::RETRY_AFTER};
use market::{Quantity, Roster, Timestamp};
use serde::{Deserialize, de::IgnoredAny};

/// The venue counts requests over two seconds: <https://www.okx.com/docs-v5/en/#overview-rate-limits>.
const SPAN_SECONDS: i64 = 2;
/// No server makes us wait for longer than this.
const WAIT_SECONDS_MAX: i64 = 600;

type Whole = Response<Vec<u8>>;

/// What a response says to a call of one request.
pub(super) fn answer(setup: &Setup, call: &Call, response: &Whole, now: Timestamp) -> Answer {
    match call {
        Call::CancelAll(..) => walk::conclude(setup, call, std::slice::from_ref(response), now),
        _ => one(setup, call, response, now),
    }
}

/// The rows of a success; garbled if it is none.
pub(super) fn rows<'a, T: Deserialize<'a>>(response: &'a Whole) -> Result<Vec<T>, Unread> {
    let envelope: Envelope<'a, T> =
        serde_json::from_slice(response.body()).map_err(|_| Unread("body"))?;
    let is_success = response.status() == StatusCode::OK && &*envelope.code == "0";
    if is_success { Ok(envelope.data) } else { Err(Unread("code")) }
}

/// What a response is that failed as a whole; [`None`] if it did not.
pub(super) fn failure(response: &Whole, now: Timestamp) -> Option<Answer> {
    let status = response.status();
    let envelope: Result<Envelope<'_, IgnoredAny>, _> = serde_json::from_slice(response.body());
    match envelope {
        _ if status == StatusCode::TOO_MANY_REQUESTS => Some(throttled(response, now)),
        _ if status.is_server_error() => Some(Answer::Unknown(Unknown::Server)),
        Err(_) => Some(Answer::Unknown(Unknown::Garbled)),
        Ok(envelope) if &*envelope.code == "0" && status == StatusCode::OK => None,
        Ok(envelope) if &*envelope.code == "0" => Some(Answer::Unknown(Unknown::Garbled)),
        Ok(envelope) => Some(settled(&envelope.code, &envelope.msg, response, now)),
    }
}

fn settled(code: &str, words: &str, response: &Whole, now: Timestamp) -> Answer {
    let (number, verdict) = verdict(code, words);
    match verdict {
        Verdict::Refused(kind) => {
            Answer::Refused(Refused { kind, code: number, text: clean(words) })
        }
        Verdict::Throttled => throttled(response, now),
        Verdict::NotFound => Answer::NotFound,
        Verdict::Unknown => Answer::Unknown(Unknown::Server),
    }
}

fn throttled(response: &Whole, now: Timestamp) -> Answer {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds = asked.and_then(|text| text.parse().ok()).unwrap_or(SPAN_SECONDS);
    let nanos = seconds.clamp(1, WAIT_SECONDS_MAX) * 1_000_000_000;
    Answer::Throttled { until: now.plus_nanos(nanos).unwrap_or(now) }
}

/// What came of each order of a request; a request that failed as a whole is one failure.
pub(super) fn acks(response: &Whole, now: Timestamp) -> Vec<Answer> {
    let whole = || vec![failure(response, now).unwrap_or(garbled())];
    let envelope: Result<Envelope<'_, Ack<'_>>, _> = serde_json::from_slice(response.body());
    let Ok(envelope) = envelope else { return whole() };
    let is_listed = matches!(&*envelope.code, "0" | "1" | "2")
        && response.status() == StatusCode::OK
        && !envelope.data.is_empty();
    if !is_listed {
        return whole();
    }
    let each = envelope.data.iter().map(|ack| match ack.s_code.some() {
        Some("0") => Answer::Done,
        Some(code) => settled(code, &ack.s_msg, response, now),
        None => garbled(),
    });
    each.collect()
}

fn ack(response: &Whole, now: Timestamp) -> Answer {
    acks(response, now).into_iter().next().unwrap_or(garbled())
}

const fn garbled() -> Answer {
    Answer::Unknown(Unknown::Garbled)
}

/// What a response to one request says.
pub(super) fn one(setup: &Setup, call: &Call, response: &Whole, now: Timestamp) -> Answer {
    match call {
        Call::Place(order) => placed(order, response, now),
        Call::Cancel(_) | Call::Amend(..) => ack(response, now),
        _ => match failure(response, now) {
            Some(answer) => answer,
            None => read(setup, call, response).unwrap_or(garbled()),
        },
    }
}

/// The venue says the order's number; everything else is as it was asked.
fn placed(order: &NewOrder, response: &Whole, now: Timestamp) -> Answer {
    let done = ack(response, now);
    if done != Answer::Done {
        return without(order, done);
    }
    let waits = !matches!(order.ticket.kind, OrderKind::Market | OrderKind::Limit { .. });
    let Some(venue) = number(response, waits) else { return garbled() };
    let whole = waits && order.scope == Scope::Position;
    Answer::Order(OrderReport {
        client: Some(order.client),
        venue: Some(venue),
        instrument: order.ticket.instrument,
        side: order.ticket.side,
        leg: order.ticket.leg,
        kind: order.ticket.kind,
        restrictions: order.ticket.restrictions,
        quantity: if whole { Quantity::ZERO } else { order.ticket.quantity },
        filled: None,
        state: if waits { OrderState::Waiting } else { OrderState::Working },
        cause: Cause::Owner,
        time: now,
    })
}

/// A refusal of an order that brings a stop along. One of no particular sort, a parameter error among
/// them, may be for the stop: nothing was done, and without it the order can be asked for again.
fn without(order: &NewOrder, answer: Answer) -> Answer {
    let Answer::Refused(mut no) = answer else { return answer };
    if order.stop.is_some() && no.kind == RefusedKind::Other {
        no.kind = RefusedKind::Attachment;
    }
    Answer::Refused(no)
}

fn number(response: &Whole, waits: bool) -> Option<VenueId> {
    let acks: Envelope<'_, Ack<'_>> = serde_json::from_slice(response.body()).ok()?;
    let ack = acks.data.first()?;
    text::name(if waits { &ack.algo_id } else { &ack.ord_id })
}

/// What a successful response tells.
fn read(setup: &Setup, call: &Call, response: &Whole) -> Result<Answer, Unread> {
    let roster = &setup.roster;
    Ok(match call {
        Call::Order(order) => details(order, response, roster)?,
        Call::OpenOrders(..) => Answer::Orders(orders(response, roster)?),
        Call::Fills { instrument, .. } => {
            let fills = rows::<FillRow<'_>>(response)?;
            let read = fills.iter().rev().filter_map(|row| reports::fill(row, roster).transpose());
            let mut fills = read.collect::<Result<Vec<_>, _>>()?;
            fills.retain(|fill| fill.instrument == *instrument);
            Answer::Fills { fills, more: false }
        }
        Call::Funding { .. } => {
            let bills = rows::<BillRow<'_>>(response)?;
            let read = bills.iter().rev().filter_map(|row| reports::bill(row, roster).transpose());
            Answer::Funding(read.collect::<Result<Vec<_>, _>>()?)
        }
        Call::Positions => {
            let rows = rows::<PositionRow<'_>>(response)?;
            let read = rows.iter().filter_map(|row| reports::position(row, roster).transpose());
            let mut positions = read.collect::<Result<Vec<_>, _>>()?;
            positions.retain(|position| position.lots != 0);
            Answer::Positions(positions)
        }
        Call::Balances => {
            let accounts = rows::<AccountRow<'_>>(response)?;
            let coins = accounts.iter().flat_map(|account| &account.details);
            let read = coins.filter_map(|coin| reports::coin(coin).transpose());
            Answer::Balances(read.collect::<Result<Vec<_>, _>>()?)
        }
        Call::KeyScope | Call::Mode => {
            let rows = rows::<ConfigRow<'_>>(response)?;
            let config = rows.first().ok_or(Unread("data"))?;
            if *call == Call::Mode { mode(config)? } else { Answer::Scope(scope(config)) }
        }
        _ => Answer::Done,
    })
}

fn details(order: &OrderRef, response: &Whole, roster: &Roster) -> Result<Answer, Unread> {
    // A state or an instrument that this version does not know is no reason to call an order lost.
    if !order.conditional {
        let rows = rows::<OrderRow<'_>>(response)?;
        let report = reports::order(rows.first().ok_or(Unread("data"))?, roster)?;
        return Ok(report.map_or(garbled(), Answer::Order));
    }
    let rows = rows::<AlgoRow<'_>>(response)?;
    let row = rows.first().ok_or(Unread("data"))?;
    let child = reports::child(row).and_then(text::name);
    Ok(match (reports::algo(row, roster)?, child) {
        (Some(report), Some(child)) => Answer::Woken(report, child),
        (Some(report), None) => Answer::Order(report),
        (None, _) => garbled(),
    })
}

/// Either list's rows: only those of orders that meet the market say what they traded.
fn orders(response: &Whole, roster: &Roster) -> Result<Vec<OrderReport>, Unread> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Peek {
        acc_fill_sz: Option<IgnoredAny>,
    }
    let peeks = rows::<Peek>(response)?;
    if peeks.iter().all(|peek| peek.acc_fill_sz.is_some()) {
        let rows = rows::<OrderRow<'_>>(response)?;
        return rows.iter().filter_map(|row| reports::order(row, roster).transpose()).collect();
    }
    let rows = rows::<AlgoRow<'_>>(response)?;
    rows.iter().filter_map(|row| reports::algo(row, roster).transpose()).collect()
}

fn mode(config: &ConfigRow<'_>) -> Result<Answer, Unread> {
    match &*config.pos_mode {
        "net_mode" => Ok(Answer::Mode(Mode::OneWay)),
        "long_short_mode" => Ok(Answer::Mode(Mode::Hedge)),
        _ => Err(Unread("posMode")),
    }
}

/// The venue says what the key may do and its addresses, but not the one it sees.
fn scope(config: &ConfigRow<'_>) -> KeyScope {
    let has = |one: &str| match config.perm.some() {
        None => Permission::Unsaid,
        Some(all) if all.split(',').any(|may| may.trim() == one) => Permission::Yes,
        Some(_) => Permission::No,
    };
    let restricted = config.ip.some().is_some();
    KeyScope {
        trade: has("trade"),
        withdraw: has("withdraw"),
        restricted: if restricted { Permission::Yes } else { Permission::No },
        seen_from: None,
        expires: None,
    }
}
