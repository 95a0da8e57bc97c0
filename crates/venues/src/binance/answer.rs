//! Responses as answers.

use super::{
    account::{
        AccountBody, IncomeBody, KeyBody, PositionBody, TradeBody, WalletsBody, holding, wallet,
    },
    errors, is_conditional, millis,
    names::waits,
    order::{AlgoBody, Garbled, OrderBody, Read, Reader, number},
    request::PAGE,
};
use crate::Setup;
use engine::live::{Answer, Book, Call, Cause, Mode, NewOrder, OrderReport, OrderState, Unknown};
use http::Response;
use market::{Product, Timestamp};
use serde::{Deserialize, de::IgnoredAny};

/// What a response says.
pub(super) fn read(
    setup: &Setup,
    call: &Call,
    response: &Response<Vec<u8>>,
    now: Timestamp,
) -> Answer {
    if let Some(answer) = errors::classify(setup.product, call, response, now) {
        return answer;
    }
    let garbled = Answer::Unknown(Unknown::Garbled);
    let Ok(text) = std::str::from_utf8(response.body()) else { return garbled };
    Success { reader: Reader { setup }, text, now }.answer(call).unwrap_or(garbled)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Amended {
    transact_time: i64,
    /// Which has no time of its own.
    amended_order: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Acknowledged {
    order_id: i64,
    #[serde(default)]
    transact_time: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dual {
    dual_side_position: bool,
}

#[derive(Deserialize)]
struct Leverage {
    leverage: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListenKey {
    listen_key: String,
}

/// A response of success.
struct Success<'a> {
    reader: Reader<'a>,
    text: &'a str,
    now: Timestamp,
}

type Answered = Result<Answer, Garbled>;

/// Those of a list that are of the roster; nothing at all if one cannot be read: a list is complete.
fn all<B, T>(bodies: &[B], read: impl Fn(&B) -> Read<T>) -> Result<Vec<T>, Garbled> {
    let mut out = Vec::with_capacity(bodies.len());
    for body in bodies {
        out.extend(read(body)?);
    }
    Ok(out)
}

impl<'a> Success<'a> {
    fn json<T: Deserialize<'a>>(&self) -> Result<T, Garbled> {
        serde_json::from_str(self.text).map_err(|_| Garbled)
    }

    fn answer(&self, call: &Call) -> Answered {
        let is_spot = self.reader.setup.product == Product::Spot;
        match call {
            Call::Place(order) => self.placed(order),
            Call::Cancel(order) if order.conditional && !is_spot => self.done(),
            Call::Order(order) if order.conditional && !is_spot => self.conditional(),
            Call::Amend(..) if is_spot => self.amended(),
            Call::Cancel(_) | Call::Order(_) | Call::Amend(..) => self.order(),
            Call::CancelAll(..) | Call::SetMode(_) | Call::Heartbeat { .. } => self.done(),
            Call::OpenOrders(_, book) => self.open(*book),
            Call::Fills { since, after, .. } => self.fills(*since, after.is_some()),
            Call::Funding { .. } => {
                let bodies: Vec<IncomeBody<'_>> = self.json()?;
                let mut paid = all(&bodies, |body| self.reader.income(body))?;
                paid.sort_by_key(|one| one.time);
                Ok(Answer::Funding(paid))
            }
            Call::Positions => {
                let bodies: Vec<PositionBody<'_>> = self.json()?;
                let mut held = all(&bodies, |body| self.reader.position(body))?;
                held.retain(|position| position.lots != 0);
                Ok(Answer::Positions(held))
            }
            Call::Balances if is_spot => {
                let body: AccountBody<'_> = self.json()?;
                Ok(Answer::Balances(all(&body.balances, holding)?))
            }
            Call::Balances => {
                let body: WalletsBody<'_> = self.json()?;
                Ok(Answer::Balances(all(&body.assets, wallet)?))
            }
            Call::KeyScope => Ok(Answer::Scope(self.reader.key(&self.json::<KeyBody>()?)?)),
            Call::Mode => {
                let hedge = self.json::<Dual>()?.dual_side_position;
                Ok(Answer::Mode(if hedge { Mode::Hedge } else { Mode::OneWay }))
            }
            Call::SetLeverage(_, asked) => {
                let found = self.json::<Leverage>()?.leverage;
                if found == *asked { Ok(Answer::Done) } else { Err(Garbled) }
            }
            Call::ListenKey => {
                let key = self.json::<ListenKey>()?.listen_key;
                let is_plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric());
                if is_plain { Ok(Answer::ListenKey(key)) } else { Err(Garbled) }
            }
        }
    }

    /// Anything in JSON.
    fn done(&self) -> Answered {
        self.json::<IgnoredAny>().map(|_| Answer::Done)
    }

    /// An order that is of the roster, since it was asked for.
    fn order(&self) -> Answered {
        let body: OrderBody<'_> = self.json()?;
        self.reader.order(&body)?.map(Answer::Order).ok_or(Garbled)
    }

    fn conditional(&self) -> Answered {
        let body: AlgoBody<'_> = self.json()?;
        let (report, woke) = self.reader.algo_body(&body)?.ok_or(Garbled)?;
        Ok(woke.map_or(Answer::Order(report), |id| Answer::Woken(report, id)))
    }

    fn placed(&self, order: &NewOrder) -> Answered {
        let is_spot = self.reader.setup.product == Product::Spot;
        if waits(order.ticket.kind) && !is_spot {
            return self.conditional();
        }
        if let Ok(answer) = self.order() {
            return Ok(answer);
        }
        // A number is enough to know that the order is there, whatever else is new about the answer.
        let body: Acknowledged = self.json()?;
        let ticket = &order.ticket;
        let nanos = body.transact_time.unwrap_or(millis(self.now)).checked_mul(1_000_000);
        Ok(Answer::Order(OrderReport {
            client: Some(order.client),
            venue: Some(number(body.order_id)),
            instrument: ticket.instrument,
            side: ticket.side,
            leg: ticket.leg,
            kind: ticket.kind,
            restrictions: ticket.restrictions,
            quantity: ticket.quantity,
            filled: None,
            state: if waits(ticket.kind) { OrderState::Waiting } else { OrderState::Working },
            cause: Cause::Owner,
            time: nanos.map_or(self.now, Timestamp::from_nanos),
        }))
    }

    fn amended(&self) -> Answered {
        let mut body: Amended = self.json()?;
        let order = &mut body.amended_order;
        // What it is called from now on is the name that counts.
        order.remove("origClientOrderId");
        order.insert("updateTime".to_owned(), body.transact_time.into());
        let text = serde_json::to_string(&order).map_err(|_| Garbled)?;
        let body: OrderBody<'_> = serde_json::from_str(&text).map_err(|_| Garbled)?;
        self.reader.order(&body)?.map(Answer::Order).ok_or(Garbled)
    }

    fn open(&self, book: Book) -> Answered {
        let is_spot = self.reader.setup.product == Product::Spot;
        if is_conditional(book) && !is_spot {
            let bodies: Vec<AlgoBody<'_>> = self.json()?;
            let reports = all(&bodies, |body| self.reader.algo_body(body))?;
            return Ok(Answer::Orders(reports.into_iter().map(|(report, _)| report).collect()));
        }
        let bodies: Vec<OrderBody<'_>> = self.json()?;
        let mut orders = all(&bodies, |body| self.reader.order(body))?;
        if is_spot && book != Book::Both {
            orders.retain(|order| waits(order.kind) == is_conditional(book));
        }
        Ok(Answer::Orders(orders))
    }

    fn fills(&self, since: Timestamp, is_behind: bool) -> Answered {
        let bodies: Vec<TradeBody<'_>> = self.json()?;
        let mut fills = all(&bodies, |body| self.reader.trade(body))?;
        let number = |id: &engine::live::TradeId| id.as_str().parse::<i64>().unwrap_or(i64::MAX);
        fills.sort_by_key(|fill| (fill.time, number(&fill.trade)));
        // The futures tell seven days from a moment on.
        let week_ms = 7 * 86_400_000;
        let is_over = is_behind || millis(self.now).saturating_sub(millis(since)) <= week_ms;
        let more = bodies.len() >= PAGE || !(is_over || self.is_spot());
        Ok(Answer::Fills { fills, more })
    }

    fn is_spot(&self) -> bool {
        self.reader.setup.product == Product::Spot
    }
}
