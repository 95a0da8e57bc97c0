//! Events of the private streams.
//!
//! Spot: <https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream>; futures:
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams>.

use super::{
    account::{held, money},
    names::{Shape, cause, leg, side, state, waits},
    order::{Algo, Garbled, Reader, client_id, moment, number, restricted, woke_as},
};
use engine::live::{Cause, FillReport, OrderReport, OrderState, PositionReport, Triggered, Word};
use market::{Product, Quantity, Side, Timestamp, Traded};
use portfolio::{InstrumentId, Leg, Liquidity};
use serde::Deserialize;
use std::borrow::Cow;

/// `executionReport` of spot and the order of the futures' `ORDER_TRADE_UPDATE`: they share most letters.
#[derive(Deserialize)]
pub(super) struct Execution<'a> {
    #[serde(borrow)]
    s: Cow<'a, str>,
    #[serde(borrow)]
    c: Cow<'a, str>,
    /// Spot, of a cancel: the order's own name.
    #[serde(borrow, rename = "C", default)]
    own_name: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "S")]
    side: Cow<'a, str>,
    #[serde(borrow)]
    o: Cow<'a, str>,
    #[serde(borrow)]
    f: Cow<'a, str>,
    #[serde(borrow)]
    q: Cow<'a, str>,
    #[serde(borrow)]
    p: Cow<'a, str>,
    #[serde(borrow, rename = "P", default)]
    spot_trigger: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    sp: Option<Cow<'a, str>>,
    #[serde(borrow)]
    x: Cow<'a, str>,
    #[serde(borrow, rename = "X")]
    status: Cow<'a, str>,
    i: i64,
    #[serde(borrow)]
    l: Cow<'a, str>,
    #[serde(borrow)]
    z: Cow<'a, str>,
    #[serde(borrow, rename = "L")]
    last_price: Cow<'a, str>,
    #[serde(borrow, default)]
    n: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "N", default)]
    fee_asset: Option<Cow<'a, str>>,
    #[serde(rename = "T")]
    time: i64,
    t: i64,
    m: bool,
    /// Spot: whether it is on the book.
    #[serde(default)]
    w: Option<bool>,
    /// Spot: how far a trailing stop follows.
    #[serde(default)]
    d: Option<i64>,
    #[serde(rename = "R", default)]
    reduces: Option<bool>,
    #[serde(borrow, default)]
    ps: Option<Cow<'a, str>>,
    #[serde(default)]
    cp: Option<bool>,
    #[serde(borrow, default)]
    cr: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "AP", default)]
    from: Option<Cow<'a, str>>,
}

/// `ORDER_TRADE_UPDATE`.
#[derive(Deserialize)]
pub(super) struct OrderUpdate<'a> {
    #[serde(borrow)]
    pub(super) o: Execution<'a>,
}

/// `ALGO_UPDATE`.
#[derive(Deserialize)]
pub(super) struct AlgoUpdate<'a> {
    #[serde(rename = "T")]
    time: i64,
    #[serde(borrow)]
    o: AlgoOrder<'a>,
}

#[derive(Deserialize)]
struct AlgoOrder<'a> {
    #[serde(borrow, default)]
    caid: Cow<'a, str>,
    aid: i64,
    #[serde(borrow)]
    o: Cow<'a, str>,
    #[serde(borrow)]
    s: Cow<'a, str>,
    #[serde(borrow, rename = "S")]
    side: Cow<'a, str>,
    #[serde(borrow, default)]
    ps: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    f: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    q: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "X")]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    ai: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    aq: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    p: Option<Cow<'a, str>>,
    #[serde(default)]
    cp: Option<bool>,
    #[serde(rename = "R", default)]
    reduces: Option<bool>,
}

/// `ACCOUNT_UPDATE`.
#[derive(Deserialize)]
pub(super) struct AccountUpdate<'a> {
    #[serde(rename = "T")]
    time: i64,
    #[serde(borrow)]
    a: AccountChange<'a>,
}

#[derive(Deserialize)]
struct AccountChange<'a> {
    /// Why.
    #[serde(borrow, default)]
    m: Cow<'a, str>,
    #[serde(borrow, rename = "P", default)]
    positions: Vec<PositionChange<'a>>,
}

#[derive(Deserialize)]
struct PositionChange<'a> {
    #[serde(borrow)]
    s: Cow<'a, str>,
    #[serde(borrow)]
    pa: Cow<'a, str>,
    #[serde(borrow)]
    ep: Cow<'a, str>,
    #[serde(borrow, default)]
    ps: Option<Cow<'a, str>>,
}

/// `outboundAccountPosition`.
#[derive(Deserialize)]
pub(super) struct Holdings<'a> {
    #[serde(borrow, rename = "B")]
    balances: Vec<HeldCoin<'a>>,
}

#[derive(Deserialize)]
struct HeldCoin<'a> {
    #[serde(borrow)]
    a: Cow<'a, str>,
    #[serde(borrow)]
    f: Cow<'a, str>,
    #[serde(borrow)]
    l: Cow<'a, str>,
}

type Heard = Result<(), Garbled>;

/// What an execution is about.
struct About<'t> {
    instrument: InstrumentId,
    one: &'t Traded,
    side: Side,
    leg: Leg,
    name: &'t str,
    cause: Cause,
    time: Timestamp,
}

impl Reader<'_> {
    /// An order's news: its trade first, so that it is not done before its last trade is told.
    pub(super) fn execution(self, event: &Execution<'_>, out: &mut Vec<Word>) -> Heard {
        let Some((instrument, one)) = self.find(&event.s) else { return Ok(()) };
        let own = event.own_name.as_deref().filter(|name| !name.is_empty());
        let name = own.unwrap_or(&event.c);
        let cause = match (cause(name), event.x.as_ref()) {
            // The venue says that it works a liquidation out, whatever the order is called.
            (Cause::Owner, "CALCULATED") => Cause::Liquidation,
            (other, _) => other,
        };
        let about = About {
            instrument,
            one,
            side: side(&event.side).ok_or(Garbled)?,
            leg: leg(event.ps.as_deref()).ok_or(Garbled)?,
            name,
            cause,
            time: moment(event.time)?,
        };
        let (fill, report) = (fill(event, &about)?, report(event, &about)?);
        out.extend(fill);
        out.push(Word::Order(report));
        Ok(())
    }

    /// A conditional order's news.
    pub(super) fn algo_update(self, event: &AlgoUpdate<'_>, out: &mut Vec<Word>) -> Heard {
        let order = &event.o;
        let told = self.algo(&Algo {
            id: order.aid,
            client: &order.caid,
            shape: Shape {
                name: &order.o,
                price: order.p.as_deref().unwrap_or(""),
                trigger: order.tp.as_deref().unwrap_or(""),
                tif: order.f.as_deref().unwrap_or(""),
                ..Shape::default()
            },
            symbol: &order.s,
            side: &order.side,
            leg: order.ps.as_deref(),
            quantity: order.q.as_deref().unwrap_or("0"),
            done: order.aq.as_deref(),
            status: &order.status,
            closes: order.cp == Some(true),
            reduces: order.reduces == Some(true),
            time: event.time,
        })?;
        let Some(report) = told else { return Ok(()) };
        if let Some(venue) = order.ai.as_deref().and_then(woke_as) {
            let (client, waiting) = (report.client, report.venue);
            out.push(Word::Triggered(Triggered { client, waiting, venue }));
        }
        out.push(Word::Order(report));
        Ok(())
    }

    /// Positions that changed, to nothing too.
    pub(super) fn account_update(self, event: &AccountUpdate<'_>, out: &mut Vec<Word>) -> Heard {
        // Of a crossed position the venue says the coin's balance alone, and never a number.
        if event.a.m == "FUNDING_FEE" {
            out.push(Word::Funded);
        }
        for change in &event.a.positions {
            let Some((instrument, one)) = self.find(&change.s) else { continue };
            let entry = one.price_near(&change.ep).ok_or(Garbled)?;
            out.push(Word::Position(PositionReport {
                instrument,
                leg: leg(change.ps.as_deref()).ok_or(Garbled)?,
                lots: one.signed_lots(&change.pa).ok_or(Garbled)?,
                entry: Some(entry).filter(|entry| entry.0 != 0),
                liquidation: None,
                leverage: None,
                time: moment(event.time)?,
            }));
        }
        Ok(())
    }
}

/// What a holding is now.
pub(super) fn holdings(event: &Holdings<'_>, out: &mut Vec<Word>) -> Heard {
    for coin in &event.balances {
        out.extend(held(&coin.a, &coin.f, &coin.l)?.map(Word::Balance));
    }
    Ok(())
}

/// The trade of an execution; a gap, if it traded and the message does not say at what or under which
/// number.
fn fill(event: &Execution<'_>, about: &About<'_>) -> Result<Option<Word>, Garbled> {
    if !matches!(event.x.as_ref(), "TRADE" | "CALCULATED") {
        return Ok(None);
    }
    let quantity = about.one.lots(&event.l).ok_or(Garbled)?;
    if quantity == Quantity::ZERO {
        return Ok(None);
    }
    let price = about.one.price(&event.last_price).ok_or(Garbled)?;
    if price.0 <= 0 || event.t <= 0 {
        return Ok(Some(Word::Gap));
    }
    Ok(Some(Word::Fill(FillReport {
        trade: number(event.t),
        client: client_id(about.name),
        venue: Some(number(event.i)),
        instrument: about.instrument,
        side: about.side,
        leg: about.leg,
        price,
        quantity,
        fee: money(event.n.as_deref().unwrap_or("0"))?,
        fee_currency: event.fee_asset.as_deref().and_then(|asset| asset.parse().ok()),
        liquidity: if event.m { Liquidity::Maker } else { Liquidity::Taker },
        cause: about.cause,
        time: about.time,
    })))
}

fn report(event: &Execution<'_>, about: &About<'_>) -> Result<OrderReport, Garbled> {
    let one = about.one;
    let trigger = event.sp.as_deref().or(event.spot_trigger.as_deref());
    let shape = Shape {
        name: &event.o,
        price: &event.p,
        trigger: trigger.unwrap_or(""),
        delta: event.d,
        rate: event.cr.as_deref(),
        from: event.from.as_deref(),
        tif: &event.f,
    };
    let (kind, restrictions) = shape.kind(one.product, one).ok_or(Garbled)?;
    let closes_position = event.cp == Some(true);
    let reduces = closes_position || event.reduces == Some(true);
    let stands = state(&event.status).ok_or(Garbled)?;
    let asleep = waits(kind) && !(one.product == Product::Spot && event.w == Some(true));
    Ok(OrderReport {
        client: client_id(about.name),
        venue: Some(number(event.i)),
        instrument: about.instrument,
        side: about.side,
        leg: about.leg,
        kind,
        restrictions: restricted(restrictions, reduces, about.leg, about.side),
        quantity: if closes_position {
            Quantity::ZERO
        } else {
            one.lots(&event.q).ok_or(Garbled)?
        },
        filled: Some(one.lots(&event.z).ok_or(Garbled)?),
        state: if stands == OrderState::Working && asleep && event.status == "NEW" {
            OrderState::Waiting
        } else {
            stands
        },
        cause: about.cause,
        time: about.time,
    })
}
