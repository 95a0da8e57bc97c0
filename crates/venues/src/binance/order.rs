//! Orders as the venue describes them, in answers.

use super::names::{Shape, cause, closes, leg, side, state, waits};
use crate::Setup;
use engine::{
    live::{Cause, ClientId, OrderReport, OrderState, VenueId},
    order::Restrictions,
};
use market::{Product, Quantity, Side, Timestamp, Traded};
use portfolio::{InstrumentId, Leg};
use serde::Deserialize;
use std::borrow::Cow;

/// What is said cannot be read.
#[derive(Debug)]
pub(super) struct Garbled;

/// Something about an instrument of the roster, or [`None`] of another one.
pub(super) type Read<T> = Result<Option<T>, Garbled>;

/// An order of the plain book, of spot or futures: what a new one, a change, a cancel, a query and a list
/// say.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderBody<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    order_id: i64,
    #[serde(borrow, default)]
    client_order_id: Cow<'a, str>,
    /// After a cancel on spot the order's own name, the other one being the cancel's.
    #[serde(borrow, default)]
    orig_client_order_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    name: Cow<'a, str>,
    #[serde(borrow)]
    price: Cow<'a, str>,
    #[serde(borrow, alias = "qty")]
    orig_qty: Cow<'a, str>,
    #[serde(borrow)]
    executed_qty: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    time_in_force: Cow<'a, str>,
    #[serde(borrow, default)]
    stop_price: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    position_side: Option<Cow<'a, str>>,
    #[serde(default)]
    reduce_only: Option<bool>,
    #[serde(default)]
    close_position: Option<bool>,
    #[serde(default)]
    trailing_delta: Option<i64>,
    #[serde(borrow, default)]
    price_rate: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    activate_price: Option<Cow<'a, str>>,
    #[serde(default)]
    is_working: Option<bool>,
    #[serde(default)]
    working_time: Option<i64>,
    #[serde(default)]
    update_time: Option<i64>,
    #[serde(default)]
    transact_time: Option<i64>,
    #[serde(default)]
    time: Option<i64>,
}

/// A conditional order of the futures.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlgoBody<'a> {
    algo_id: i64,
    #[serde(borrow, default)]
    client_algo_id: Cow<'a, str>,
    #[serde(borrow, alias = "type")]
    order_type: Cow<'a, str>,
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow, default)]
    position_side: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    time_in_force: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    quantity: Option<Cow<'a, str>>,
    #[serde(borrow)]
    algo_status: Cow<'a, str>,
    #[serde(borrow, default)]
    trigger_price: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    price: Option<Cow<'a, str>>,
    #[serde(default)]
    close_position: Option<bool>,
    #[serde(default)]
    reduce_only: Option<bool>,
    #[serde(borrow, default)]
    activate_price: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    callback_rate: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    actual_order_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    actual_qty: Option<Cow<'a, str>>,
    #[serde(default)]
    create_time: Option<i64>,
    #[serde(default)]
    update_time: Option<i64>,
}

/// What both books and the stream say of a conditional order.
pub(super) struct Algo<'a> {
    pub(super) id: i64,
    pub(super) client: &'a str,
    pub(super) shape: Shape<'a>,
    pub(super) symbol: &'a str,
    pub(super) side: &'a str,
    pub(super) leg: Option<&'a str>,
    pub(super) quantity: &'a str,
    pub(super) done: Option<&'a str>,
    pub(super) status: &'a str,
    pub(super) closes: bool,
    pub(super) reduces: bool,
    pub(super) time: i64,
}

/// A moment in the venue's milliseconds.
pub(super) fn moment(ms: i64) -> Result<Timestamp, Garbled> {
    ms.checked_mul(1_000_000).map(Timestamp::from_nanos).ok_or(Garbled)
}

/// A number of the venue's as a name.
pub(super) fn number(id: i64) -> VenueId {
    id.to_string().parse().expect("digits are plain and few")
}

/// A name that whoever made an order gave it, if it is one at all.
pub(super) fn client_id(text: &str) -> Option<ClientId> {
    text.parse().ok()
}

/// What an order is limited to: said outright, or said by its leg.
pub(super) fn restricted(more: Restrictions, reduces: bool, leg: Leg, side: Side) -> Restrictions {
    if reduces || closes(leg, side) { more.with(Restrictions::REDUCE_ONLY) } else { more }
}

/// Reads for one account.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) setup: &'a Setup,
}

impl<'s> Reader<'s> {
    /// The instrument of this name.
    pub(super) fn find(self, symbol: &str) -> Option<(InstrumentId, &'s Traded)> {
        let (place, one) = self.setup.roster.find(self.setup.product, symbol)?;
        Some((InstrumentId(u32::try_from(place).ok()?), one))
    }

    /// An order of the plain book.
    pub(super) fn order(self, body: &OrderBody<'_>) -> Read<OrderReport> {
        let Some((instrument, one)) = self.find(&body.symbol) else { return Ok(None) };
        let shape = Shape {
            name: &body.name,
            price: &body.price,
            trigger: body.stop_price.as_deref().unwrap_or(""),
            delta: body.trailing_delta,
            rate: body.price_rate.as_deref(),
            from: body.activate_price.as_deref(),
            tif: &body.time_in_force,
        };
        let (kind, restrictions) = shape.kind(one.product, one).ok_or(Garbled)?;
        let (side, leg) = (side(&body.side), leg(body.position_side.as_deref()));
        let (side, leg) = (side.ok_or(Garbled)?, leg.ok_or(Garbled)?);
        let closes_position = body.close_position == Some(true);
        let reduces = closes_position || body.reduce_only == Some(true);
        let stands = state(&body.status).ok_or(Garbled)?;
        let on_book = body.is_working.unwrap_or(body.working_time.is_some_and(|time| time > 0));
        let asleep = waits(kind) && !(one.product == Product::Spot && on_book);
        let own_name = body.orig_client_order_id.as_deref().filter(|name| !name.is_empty());
        let name = own_name.unwrap_or(&body.client_order_id);
        let time = body.update_time.or(body.transact_time).or(body.time).ok_or(Garbled)?;
        Ok(Some(OrderReport {
            client: client_id(name),
            venue: Some(number(body.order_id)),
            instrument,
            side,
            leg,
            kind,
            restrictions: restricted(restrictions, reduces, leg, side),
            quantity: if closes_position {
                Quantity::ZERO
            } else {
                one.lots(&body.orig_qty).ok_or(Garbled)?
            },
            filled: Some(one.lots(&body.executed_qty).ok_or(Garbled)?),
            state: if stands == OrderState::Working && asleep && body.status == "NEW" {
                OrderState::Waiting
            } else {
                stands
            },
            cause: cause(name),
            time: moment(time)?,
        }))
    }

    /// A conditional order of the futures, and the number of the order that it woke as.
    pub(super) fn algo_body(self, body: &AlgoBody<'_>) -> Read<(OrderReport, Option<VenueId>)> {
        let algo = Algo {
            id: body.algo_id,
            client: &body.client_algo_id,
            shape: Shape {
                name: &body.order_type,
                price: body.price.as_deref().unwrap_or(""),
                trigger: body.trigger_price.as_deref().unwrap_or(""),
                delta: None,
                rate: body.callback_rate.as_deref(),
                from: body.activate_price.as_deref(),
                tif: body.time_in_force.as_deref().unwrap_or(""),
            },
            symbol: &body.symbol,
            side: &body.side,
            leg: body.position_side.as_deref(),
            quantity: body.quantity.as_deref().unwrap_or("0"),
            done: body.actual_qty.as_deref(),
            status: &body.algo_status,
            closes: body.close_position == Some(true),
            reduces: body.reduce_only == Some(true),
            time: body.update_time.or(body.create_time).ok_or(Garbled)?,
        };
        let woke = body.actual_order_id.as_deref().and_then(woke_as);
        Ok(self.algo(&algo)?.map(|report| (report, woke)))
    }

    /// A conditional order of the futures.
    pub(super) fn algo(self, algo: &Algo<'_>) -> Read<OrderReport> {
        let Some((instrument, one)) = self.find(algo.symbol) else { return Ok(None) };
        let (kind, restrictions) = algo.shape.kind(one.product, one).ok_or(Garbled)?;
        let side = side(algo.side).ok_or(Garbled)?;
        let leg = leg(algo.leg).ok_or(Garbled)?;
        let quantity = one.lots(algo.quantity).filter(|_| !algo.closes);
        let quantity = if algo.closes { Quantity::ZERO } else { quantity.ok_or(Garbled)? };
        let filled = match algo.done {
            None | Some("") => None,
            Some(done) => Some(one.lots(done).ok_or(Garbled)?),
        };
        Ok(Some(OrderReport {
            client: client_id(algo.client),
            venue: Some(number(algo.id)),
            instrument,
            side,
            leg,
            kind,
            restrictions: restricted(restrictions, algo.closes || algo.reduces, leg, side),
            quantity,
            filled,
            state: algo_state(algo.status, quantity, filled).ok_or(Garbled)?,
            cause: Cause::Owner,
            time: moment(algo.time)?,
        }))
    }
}

/// The number of the order that a conditional one became: empty until then.
pub(super) fn woke_as(text: &str) -> Option<VenueId> {
    text.parse().ok().filter(|_| text != "0")
}

/// How a conditional order stands. A finished one is one whose order in the plain book is done: what
/// traded tells how.
fn algo_state(status: &str, quantity: Quantity, filled: Option<Quantity>) -> Option<OrderState> {
    Some(match status {
        "NEW" => OrderState::Waiting,
        "TRIGGERING" | "TRIGGERED" => OrderState::Triggered,
        "FINISHED" => match filled {
            None => OrderState::Triggered,
            Some(filled) if filled >= quantity && filled > Quantity::ZERO => OrderState::Filled,
            Some(_) => OrderState::Cancelled,
        },
        "CANCELED" => OrderState::Cancelled,
        "EXPIRED" => OrderState::Expired,
        "REJECTED" => OrderState::Rejected,
        _ => return None,
    })
}
