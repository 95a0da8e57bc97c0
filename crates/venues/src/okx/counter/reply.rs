//! Answers to responses.

use super::{asked::query, nothing, respond, told};
use crate::okx::sign::millis;
use engine::live::{Answer, Call, OrderRef, Refused, RefusedKind, Unknown};
use http::{Response, header::RETRY_AFTER};
use market::{Roster, Timestamp};
use portfolio::InstrumentId;
use serde_json::{Value, json};

/// Rows on a page.
const PAGE: usize = 100;

/// The response of all answers to a request's calls; `text` is the request's query.
pub(super) fn reply(
    text: &str,
    calls: &[Call],
    answers: &[Answer],
    (roster, now): (&Roster, Timestamp),
) -> Response<Vec<u8>> {
    let first = answers.first().cloned().unwrap_or(nothing());
    // One that nobody knows, or that came too often, is so as a whole.
    let bad =
        answers.iter().find(|one| matches!(one, Answer::Unknown(_) | Answer::Throttled { .. }));
    match (bad.unwrap_or(&first), calls.first()) {
        (Answer::Unknown(Unknown::Garbled), _) => {
            Response::builder().body(b"<html>502</html>".to_vec()).unwrap_or_default()
        }
        (Answer::Unknown(_), _) => {
            respond(500, &json!({ "code": "50026", "msg": "System error. Try again later" }))
        }
        (Answer::Throttled { until }, _) => throttled(*until, now),
        (_, Some(Call::Place(_) | Call::Cancel(_) | Call::Amend(..))) => {
            let each = calls.iter().zip(answers);
            let rows: Vec<Value> = each.map(|(call, answer)| ack(call, answer, now)).collect();
            acks(&rows)
        }
        (Answer::Refused(refused), Some(call)) => refusal(call, refused),
        (Answer::NotFound, _) => {
            respond(200, &json!({ "code": "51603", "msg": "Order does not exist.", "data": [] }))
        }
        (_, Some(call)) => success(&rows(text, call, answers, (roster, now))),
        (_, None) => success(&json!([])),
    }
}

fn success(data: &Value) -> Response<Vec<u8>> {
    respond(200, &json!({ "code": "0", "msg": "", "data": data }))
}

fn throttled(until: Timestamp, now: Timestamp) -> Response<Vec<u8>> {
    let body = json!({ "code": "50011", "msg": "Too Many Requests", "data": [] });
    let mut response = respond(429, &body);
    let nanos = until.nanos().saturating_sub(now.nanos()).max(0);
    let seconds = u64::try_from(nanos).unwrap_or(0).div_ceil(1_000_000_000);
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

/// The venue's code: the one that was given, where it is one of the venue's.
fn code(call: &Call, refused: &Refused) -> i64 {
    if (50_000..70_000).contains(&refused.code) {
        return refused.code;
    }
    if matches!(call, Call::SetLeverage(..)) && refused.kind == RefusedKind::Balance {
        return 59_103;
    }
    if matches!(call, Call::SetLeverage(..)) && refused.kind == RefusedKind::Setup {
        return 59_102;
    }
    let waits = matches!(call, Call::Place(order) if told::waits(order.ticket.kind));
    match refused.kind {
        RefusedKind::DuplicateName if waits => 51_065,
        RefusedKind::DuplicateName => 51_016,
        RefusedKind::Balance => 51_008,
        RefusedKind::Filter => 51_121,
        RefusedKind::ReduceOnly => 51_169,
        RefusedKind::WouldTake => 51_511,
        RefusedKind::WouldTrigger => 51_278,
        RefusedKind::Clock => 50_102,
        RefusedKind::Key => 50_120,
        RefusedKind::NotTrading => 51_022,
        RefusedKind::OrderDone => 51_400,
        RefusedKind::Setup => 51_010,
        RefusedKind::Busy => 50_046,
        RefusedKind::Attachment | RefusedKind::Other => 51_009,
    }
}

fn refusal(call: &Call, refused: &Refused) -> Response<Vec<u8>> {
    let code = code(call, refused).to_string();
    respond(200, &json!({ "code": code, "msg": refused.text, "data": [] }))
}

/// What came of one order of a request.
fn ack(call: &Call, answer: &Answer, now: Timestamp) -> Value {
    let waits = match call {
        Call::Place(order) => told::waits(order.ticket.kind),
        Call::Cancel(order) | Call::Amend(order, ..) => order.conditional,
        _ => false,
    };
    let asked = match call {
        Call::Place(order) => OrderRef::named(order.ticket.instrument, order.client),
        Call::Cancel(order) | Call::Amend(order, ..) => *order,
        _ => {
            OrderRef { instrument: InstrumentId(0), client: None, venue: None, conditional: false }
        }
    };
    let (number, client, done) = match answer {
        Answer::Order(order) | Answer::Woken(order, _) => (order.venue, order.client, true),
        Answer::Done => (asked.venue, asked.client, true),
        _ => (None, asked.client, false),
    };
    let (code, words) = match answer {
        _ if done => ("0".to_owned(), String::new()),
        Answer::Refused(refused) => (code(call, refused).to_string(), refused.text.clone()),
        Answer::NotFound => ("51603".to_owned(), "Order does not exist.".to_owned()),
        _ => ("51149".to_owned(), "Order timed out.".to_owned()),
    };
    let number = number.map(|number| number.to_string()).unwrap_or_default();
    let client = client.map(|client| client.to_string()).unwrap_or_default();
    if waits {
        return json!({
            "algoId": number, "algoClOrdId": client, "clOrdId": "", "tag": "", "sCode": code,
            "sMsg": words,
        });
    }
    json!({
        "ordId": number, "clOrdId": client, "tag": "", "ts": millis(now).to_string(),
        "sCode": code, "sMsg": words, "subCode": "",
    })
}

/// All went well, or none, or some.
fn acks(rows: &[Value]) -> Response<Vec<u8>> {
    let is_done = |row: &&Value| row.get("sCode").and_then(Value::as_str) == Some("0");
    let done = rows.iter().filter(is_done).count();
    let (code, words) = match done {
        all if all == rows.len() => ("0", ""),
        0 => ("1", "All operations failed"),
        _ => ("2", "Bulk operation partially succeeded."),
    };
    respond(200, &json!({ "code": code, "msg": words, "data": rows }))
}

/// A page of a list, newest first: what stands behind `after`.
fn page(text: &str, all: Vec<Value>, key: &str) -> Value {
    let limit = query(text, "limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE);
    let named = |row: &Value, name: &str| row.get(key).and_then(Value::as_str) == Some(name);
    let after = query(text, "after");
    let start = after.and_then(|after| all.iter().position(|row| named(row, &after)));
    let rest = all.into_iter().skip(start.map_or(0, |place| place + 1));
    rest.take(limit.clamp(1, PAGE)).collect()
}

/// The rows that answer a question.
fn rows(text: &str, call: &Call, answers: &[Answer], (roster, now): (&Roster, Timestamp)) -> Value {
    let of = |id: InstrumentId| roster.at(id.index());
    match (call, answers.first()) {
        (Call::KeyScope | Call::Mode, _) => {
            let scope = answers.iter().find_map(|answer| match answer {
                Answer::Scope(scope) => Some(scope),
                _ => None,
            });
            let mode = answers.iter().find_map(|answer| match answer {
                Answer::Mode(mode) => Some(*mode),
                _ => None,
            });
            json!([told::config(scope, mode)])
        }
        (_, Some(Answer::Order(order))) => of(order.instrument).map_or(json!([]), |traded| {
            if told::waits(order.kind) {
                json!([told::algo(order, traded, None)])
            } else {
                json!([told::order(order, traded, None)])
            }
        }),
        (_, Some(Answer::Woken(order, child))) => of(order.instrument)
            .map_or(json!([]), |traded| json!([told::algo(order, traded, Some(*child))])),
        (_, Some(Answer::Orders(all))) => orders(text, all, roster),
        (_, Some(Answer::Fills { fills, .. })) => {
            let newest = fills.iter().rev();
            let rows = newest.filter_map(|it| Some(told::fill(it, of(it.instrument)?)));
            page(text, rows.collect(), "billId")
        }
        (_, Some(Answer::Funding(all))) => {
            let newest = all.iter().rev();
            let rows = newest.filter_map(|it| Some(told::bill(it, of(it.instrument)?)));
            page(text, rows.collect(), "billId")
        }
        (_, Some(Answer::Positions(all))) => {
            all.iter().filter_map(|it| Some(told::position(it, of(it.instrument)?))).collect()
        }
        (_, Some(Answer::Balances(all))) => {
            let details: Vec<Value> = all.iter().map(|it| told::coin(it, now)).collect();
            json!([{ "details": details, "totalEq": "", "uTime": told::ms(now) }])
        }
        (Call::SetMode(mode), _) => {
            json!([{ "posMode": crate::okx::request::mode_text(*mode) }])
        }
        (Call::SetLeverage(id, times), _) => {
            let name = of(*id).map_or("", |traded| traded.native.as_str());
            json!([{ "instId": name, "lever": times.to_string(), "mgnMode": "cross", "posSide": "" }])
        }
        (Call::Heartbeat { seconds, .. }, _) => {
            let at = millis(now) + i64::from(*seconds) * 1000;
            let at = if *seconds == 0 { 0 } else { at };
            json!([{ "triggerTime": at.to_string(), "tag": "", "ts": told::ms(now) }])
        }
        _ => json!([]),
    }
}

/// The orders of the sorts that are asked for.
fn orders(text: &str, all: &[engine::live::OrderReport], roster: &Roster) -> Value {
    let sorts = query(text, "ordType");
    let product = query(text, "instType");
    let wanted = |row: &Value| {
        let has = |key: &str, all: &Option<String>| {
            let value = row.get(key).and_then(Value::as_str).unwrap_or("");
            all.as_ref().is_none_or(|all| all.split(',').any(|one| one == value))
        };
        has("ordType", &sorts) && has("instType", &product)
    };
    let rows = all.iter().filter_map(|it| {
        let traded = roster.at(it.instrument.index())?;
        let waits = told::waits(it.kind);
        Some(if waits { told::algo(it, traded, None) } else { told::order(it, traded, None) })
    });
    let rows: Vec<Value> = rows.filter(wanted).collect();
    let waits =
        rows.first().is_some_and(|row| row.get("sz").is_some() && row.get("slOrdPx").is_some());
    page(text, rows, if waits { "algoId" } else { "ordId" })
}
