//! Responses to answers, and what a call still takes after one.

use super::{
    Client,
    errors::{Meaning, meaning},
    header,
    read::{Bad, balance, scope},
    request::{self, FILLS_MAX, HISTORY, ORDERS_MAX, POSITIONS_MAX},
    sign::Unsigned,
    text::{from_ms, moment, to_ms},
    wire::{FillRow, Head, KeyRow, Named, OrderRow, Page, PositionRow, Wallet, Whole},
};
use crate::{Error, text::clean};
use engine::{
    live::{
        Answer, Call, Cause, FillReport, Mode, NewOrder, OrderReport, OrderState, Refused,
        RefusedKind, Scope, TradeId, Unknown,
    },
    order::OrderKind,
};
use http::{Response, StatusCode};
use market::{Quantity, Timestamp};
use portfolio::Leg;
use serde::Deserialize;

/// What one response alone leaves open.
pub(super) const INCOMPLETE: Answer = Answer::Unknown(Unknown::Server);
const GARBLED: Answer = Answer::Unknown(Unknown::Garbled);

/// The most requests that one call is followed through: ten thousand trades, or two years.
const PARTS_MAX: u32 = 200;
const NANOS_IN_SECOND: i64 = 1_000_000_000;
/// How long the venue bars an address that asked too often.
const BAN_SECONDS: i64 = 600;

/// What one response says of a call.
pub(super) enum Part {
    /// All of it.
    Whole(Answer),
    /// A list, and the cursor of its next page; empty at the end.
    Page(Answer, String),
    /// This list has no such order; another may have it.
    Absent,
}

/// How far a call has come.
#[derive(Debug, Default)]
struct Progress {
    /// Responses so far.
    parts: u32,
    /// Spans of seven days that were read whole.
    spans: u32,
    /// Where the trades of the span under way begin.
    span_at: usize,
    /// Whether the next response continues a list.
    continues: bool,
    /// What they said.
    so_far: Option<Answer>,
}

/// What follows on the responses to a call.
pub(super) enum Step {
    /// It is answered.
    Answer(Answer),
    /// It takes this request too; without it, this much is known.
    Ask(Unsigned, Answer),
}

impl Client {
    /// What one response says.
    pub(super) fn part(&self, call: &Call, response: &Response<Vec<u8>>, now: Timestamp) -> Part {
        let body = response.body();
        let Ok(head) = serde_json::from_slice::<Head<'_>>(body) else {
            return Part::Whole(unread(response, now));
        };
        if response.status().is_server_error() {
            return Part::Whole(INCOMPLETE);
        }
        if head.ret_code == 0 {
            return self.success(call, body, head.time).unwrap_or(Part::Whole(GARBLED));
        }
        let refuses = response.status().is_client_error();
        Part::Whole(match meaning(head.ret_code, &head.ret_msg) {
            // Then the status says more than the code.
            Meaning::Unknown if refuses => unread(response, now),
            Meaning::Unknown => INCOMPLETE,
            Meaning::Throttled => Answer::Throttled { until: until(response, now, 1) },
            Meaning::Same if matches!(call, Call::SetMode(_) | Call::SetLeverage(..)) => {
                Answer::Done
            }
            Meaning::Same => refused(RefusedKind::Other, head.ret_code, &head.ret_msg),
            Meaning::Refused(kind) => refused(kind, head.ret_code, &head.ret_msg),
        })
    }

    fn success(&self, call: &Call, body: &[u8], time: i64) -> Result<Part, Bad> {
        let time = from_ms(time).ok_or("the time")?;
        let whole = match call {
            Call::Place(order) => {
                let named: Named<'_> = result(body)?;
                Answer::Order(placed(order, &named, time)?)
            }
            Call::Cancel(_)
            | Call::Amend(..)
            | Call::CancelAll(..)
            | Call::SetMode(_)
            | Call::SetLeverage(..)
            | Call::Heartbeat { .. } => Answer::Done,
            Call::Order(_) => return self.found(body),
            Call::OpenOrders(..) => return self.orders(body),
            Call::Fills { .. } => return self.fills(body),
            Call::Funding { .. } => {
                let page: Page<'_, FillRow<'_>> = result(body)?;
                let reader = self.reader();
                let read: Result<Vec<_>, Bad> =
                    page.list.iter().rev().map(|row| reader.funding(row)).collect();
                Answer::Funding(read?.into_iter().flatten().collect())
            }
            Call::Positions => return self.positions(body),
            Call::Balances => {
                let page: Page<'_, Wallet<'_>> = result(body)?;
                let coins = page.list.iter().flat_map(|wallet| &wallet.coin);
                let read: Result<Vec<_>, Bad> = coins.map(balance).collect();
                Answer::Balances(read?.into_iter().flatten().collect())
            }
            Call::KeyScope => {
                let row: KeyRow<'_> = result(body)?;
                Answer::Scope(scope(&row, self.setup.product))
            }
            Call::Mode => Answer::Mode(mode(body)?),
            Call::ListenKey => return Err("a listen key"),
        };
        Ok(Part::Whole(whole))
    }

    fn found(&self, body: &[u8]) -> Result<Part, Bad> {
        let page: Page<'_, OrderRow<'_>> = result(body)?;
        let Some(row) = page.list.first() else { return Ok(Part::Absent) };
        let order = self.reader().order(row)?.ok_or("an instrument")?;
        Ok(Part::Whole(Answer::Order(order)))
    }

    fn orders(&self, body: &[u8]) -> Result<Part, Bad> {
        let page: Page<'_, OrderRow<'_>> = result(body)?;
        let reader = self.reader();
        let read: Result<Vec<_>, Bad> = page.list.iter().map(|row| reader.order(row)).collect();
        let orders = read?.into_iter().flatten().filter(|order| !order.state.is_final()).collect();
        Ok(paged(Answer::Orders(orders), page.list.len() >= ORDERS_MAX, &page.next_page_cursor))
    }

    /// The venue lists newest first.
    fn fills(&self, body: &[u8]) -> Result<Part, Bad> {
        let page: Page<'_, FillRow<'_>> = result(body)?;
        let reader = self.reader();
        let read: Result<Vec<_>, Bad> =
            page.list.iter().rev().map(|row| reader.fill(row)).collect();
        let fills = read?.into_iter().flatten().collect();
        let answer = Answer::Fills { fills, more: false };
        Ok(paged(answer, page.list.len() >= FILLS_MAX, &page.next_page_cursor))
    }

    fn positions(&self, body: &[u8]) -> Result<Part, Bad> {
        let page: Page<'_, PositionRow<'_>> = result(body)?;
        let reader = self.reader();
        let read: Result<Vec<_>, Bad> = page.list.iter().map(|row| reader.position(row)).collect();
        let held = read?.into_iter().flatten().filter(|position| position.lots != 0).collect();
        let full = page.list.len() >= POSITIONS_MAX;
        Ok(paged(Answer::Positions(held), full, &page.next_page_cursor))
    }

    /// The answer to a call after these responses, or the request that it still takes.
    pub(super) fn step(
        &self,
        call: &Call,
        responses: &[Response<Vec<u8>>],
        now: Timestamp,
    ) -> Result<Step, Error> {
        let mut progress = Progress::default();
        let mut step = Step::Answer(Answer::Unknown(Unknown::Unsent));
        for response in responses {
            step = self.after(call, &mut progress, response, now)?;
        }
        Ok(step)
    }

    fn after(
        &self,
        call: &Call,
        progress: &mut Progress,
        response: &Response<Vec<u8>>,
        now: Timestamp,
    ) -> Result<Step, Error> {
        let part = self.part(call, response, now);
        progress.parts += 1;
        match (part, call) {
            (Part::Whole(answer), _) => Ok(Step::Answer(answer)),
            (Part::Absent, Call::Order(of)) if progress.parts == 1 => {
                Ok(Step::Ask(request::one_order(&self.setup, of, HISTORY)?, INCOMPLETE))
            }
            (Part::Absent, _) => Ok(Step::Answer(Answer::NotFound)),
            (Part::Page(page, cursor), _) => {
                gather(progress, page);
                let next = self.next_page(call, progress, &cursor, now)?;
                Ok(match next {
                    Some(_) if progress.parts >= PARTS_MAX => Step::Answer(INCOMPLETE),
                    Some(unsigned) => Step::Ask(unsigned, so_far(call, progress)),
                    None => Step::Answer(finished(call, progress)),
                })
            }
        }
    }

    /// The next page of a list, or of the next seven days of trades.
    fn next_page(
        &self,
        call: &Call,
        progress: &mut Progress,
        cursor: &str,
        now: Timestamp,
    ) -> Result<Option<Unsigned>, Error> {
        let setup = &self.setup;
        progress.continues = !cursor.is_empty();
        let request = match call {
            Call::OpenOrders(of, book) if progress.continues => {
                request::open_orders(setup, *of, *book, cursor)?
            }
            Call::Positions if progress.continues => request::positions(cursor),
            Call::Fills { instrument, since, .. } => {
                if !progress.continues {
                    progress.spans += 1;
                }
                let from = request::span_start(*since, progress.spans, now);
                if from > to_ms(now) {
                    return Ok(None);
                }
                request::fills(setup, *instrument, from, cursor)?
            }
            _ => return Ok(None),
        };
        Ok(Some(request))
    }
}

/// What is known before the next request: trades up to the end of a span of time are whole.
fn so_far(call: &Call, progress: &Progress) -> Answer {
    match (&progress.so_far, call) {
        (Some(Answer::Fills { fills, .. }), Call::Fills { after, .. }) if !progress.continues => {
            Answer::Fills { fills: behind(fills.clone(), after.as_ref()), more: true }
        }
        _ => INCOMPLETE,
    }
}

/// Joins a page to those before it. Pages of trades come newest first, their spans of time oldest
/// first.
fn gather(progress: &mut Progress, page: Answer) {
    let continues = progress.continues;
    progress.so_far = Some(match (progress.so_far.take(), page) {
        (Some(Answer::Orders(mut all)), Answer::Orders(more)) => {
            all.extend(more);
            Answer::Orders(all)
        }
        (Some(Answer::Positions(mut all)), Answer::Positions(more)) => {
            all.extend(more);
            Answer::Positions(all)
        }
        (Some(Answer::Fills { fills, .. }), Answer::Fills { fills: page, .. }) => {
            let at = if continues { progress.span_at } else { fills.len() };
            progress.span_at = at;
            let mut before = fills;
            let of_span = before.split_off(at.min(before.len()));
            before.extend(page);
            before.extend(of_span);
            Answer::Fills { fills: before, more: false }
        }
        (_, page) => page,
    });
}

fn finished(call: &Call, progress: &mut Progress) -> Answer {
    match (progress.so_far.take(), call) {
        (Some(Answer::Fills { fills, more }), Call::Fills { after, .. }) => {
            Answer::Fills { fills: behind(fills, after.as_ref()), more }
        }
        (whole, _) => whole.unwrap_or(INCOMPLETE),
    }
}

fn paged(answer: Answer, full: bool, cursor: &str) -> Part {
    // The venue gives a cursor with the last page too.
    Part::Page(answer, if full { cursor.to_owned() } else { String::new() })
}

/// The trades behind one that is known.
fn behind(mut fills: Vec<FillReport>, after: Option<&TradeId>) -> Vec<FillReport> {
    let known = after.and_then(|id| fills.iter().position(|fill| fill.trade == *id));
    if let Some(known) = known {
        fills.drain(..=known);
    }
    fills
}

fn result<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Bad> {
    serde_json::from_slice::<Whole<T>>(body).map(|whole| whole.result).map_err(|_| "the result")
}

/// The order as it was asked, under the venue's number.
fn placed(order: &NewOrder, named: &Named<'_>, time: Timestamp) -> Result<OrderReport, Bad> {
    let ticket = &order.ticket;
    let waits = !matches!(ticket.kind, OrderKind::Market | OrderKind::Limit { .. });
    Ok(OrderReport {
        client: Some(order.client),
        venue: Some(named.order_id.parse().map_err(|_| "an order's number")?),
        instrument: ticket.instrument,
        side: ticket.side,
        leg: ticket.leg,
        kind: ticket.kind,
        restrictions: ticket.restrictions,
        quantity: match order.scope {
            Scope::Size => ticket.quantity,
            Scope::Position => Quantity::ZERO,
        },
        filled: None,
        state: if waits { OrderState::Waiting } else { OrderState::Working },
        cause: Cause::Owner,
        time,
    })
}

/// One position of an instrument, or two.
fn mode(body: &[u8]) -> Result<Mode, Bad> {
    let page: Page<'_, PositionRow<'_>> = result(body)?;
    let first = page.list.first().ok_or("a position")?;
    match super::read::leg(&first.position_idx) {
        Some(Leg::Net) => Ok(Mode::OneWay),
        Some(Leg::Long | Leg::Short) => Ok(Mode::Hedge),
        None => Err("a position's leg"),
    }
}

fn refused(kind: RefusedKind, code: i64, text: &str) -> Answer {
    Answer::Refused(Refused { kind, code, text: clean(text) })
}

/// Until when to wait: as the response says, or so many seconds.
fn until(response: &Response<Vec<u8>>, now: Timestamp, seconds: i64) -> Timestamp {
    let headers = response.headers();
    let later = |seconds: i64| {
        seconds.checked_mul(NANOS_IN_SECOND).and_then(|nanos| now.plus_nanos(nanos).ok())
    };
    let retry = header(headers, "retry-after").filter(|wait| (0..=86_400).contains(wait));
    let reset = headers.get("x-bapi-limit-reset-timestamp").and_then(|value| value.to_str().ok());
    let reset = reset.and_then(moment).filter(|time| *time > now);
    retry.and_then(later).or(reset).or_else(|| later(seconds)).unwrap_or(now)
}

/// A response that is not of the venue's form. The statuses of the documents' first table come from in
/// front of the trading system, so nothing was done.
fn unread(response: &Response<Vec<u8>>, now: Timestamp) -> Answer {
    let status = response.status();
    let empty = response.body().iter().all(u8::is_ascii_whitespace);
    let code = i64::from(status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS => Answer::Throttled { until: until(response, now, 1) },
        StatusCode::FORBIDDEN => Answer::Throttled { until: until(response, now, BAN_SECONDS) },
        StatusCode::UNAUTHORIZED => refused(RefusedKind::Key, code, "invalid request"),
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND if empty => {
            refused(RefusedKind::Other, code, status.canonical_reason().unwrap_or(""))
        }
        status if status.is_server_error() => INCOMPLETE,
        _ => GARBLED,
    }
}
