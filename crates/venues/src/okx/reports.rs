//! Rows of the venue to reports in no venue's words. A row of an instrument that is not in the roster
//! is passed over: [`None`].

use super::{
    rows::{AlgoRow, BillRow, CoinRow, FillRow, OrderRow, PositionRow},
    text::{self, Unread},
};
use crate::text::Text;
use engine::{
    live::{
        Balance, Cause, FillReport, FundingReport, OrderReport, OrderState, PositionReport, Word,
    },
    order::{Distance, OrderKind, Restrictions},
};
use market::{Currency, Money, Price, Quantity, Rate, Roster, Side, Traded};
use portfolio::{Leg, Liquidity};

/// What an order that meets the market is now.
pub(super) fn order(row: &OrderRow<'_>, roster: &Roster) -> Result<Option<OrderReport>, Unread> {
    let Some((instrument, traded)) = text::find(roster, &row.inst_id) else { return Ok(None) };
    let Some(state) = state(row) else { return Ok(None) };
    let (side, leg) = (text::side(&row.side)?, text::leg(&row.pos_side)?);
    let filled = row.acc_fill_sz.some().map(|sz| lots(traded, sz, "accFillSz")).transpose()?;
    let kind = match row.px.some() {
        Some(px) if !matches!(&*row.ord_type, "market" | "optimal_limit_ioc") => {
            OrderKind::Limit { price: price(traded, px, "px")? }
        }
        _ => OrderKind::Market,
    };
    // A market order for an amount of the quote currency says no size: what it traded is all it has.
    let quantity = if &*row.tgt_ccy == "quote_ccy" {
        filled.unwrap_or(Quantity::ZERO)
    } else {
        lots(traded, &row.sz, "sz")?
    };
    let post_only = matches!(&*row.ord_type, "post_only" | "mmp_and_post_only");
    Ok(Some(OrderReport {
        // An order that a conditional one became has that one's name.
        client: text::client(&row.cl_ord_id, "").or_else(|| text::name(&row.algo_cl_ord_id)),
        venue: Some(text::id(&row.ord_id, "ordId")?),
        instrument,
        side,
        leg,
        kind,
        restrictions: restrictions(&row.reduce_only, (leg, side), post_only),
        quantity,
        filled,
        state,
        cause: cause(&row.category),
        time: text::time(&row.u_time, "uTime")?,
    }))
}

/// How it stands; [`None`] for a state that this version does not know.
fn state(row: &OrderRow<'_>) -> Option<OrderState> {
    Some(match (&*row.state, &*row.cancel_source) {
        ("live" | "partially_filled", _) => OrderState::Working,
        ("filled", _) => OrderState::Filled,
        // A post-only order that would have traded; the end of FOK and IOC; delivery.
        ("canceled", "31") => OrderState::Rejected,
        ("canceled", "7" | "10" | "13" | "14") => OrderState::Expired,
        ("canceled" | "mmp_canceled", _) => OrderState::Cancelled,
        _ => return None,
    })
}

/// Why an order of this category is there.
pub(super) fn cause(category: &str) -> Cause {
    match category {
        "full_liquidation" | "partial_liquidation" => Cause::Liquidation,
        "adl" => Cause::Deleveraging,
        "delivery" => Cause::Settlement,
        _ => Cause::Owner,
    }
}

/// The trade that a message of the order channel tells of, if it does; [`Word::Gap`] of one that it
/// does not name: the venue numbers the trades of liquidations only where trades are asked for.
pub(super) fn stream_fill(
    row: &OrderRow<'_>,
    order: &OrderReport,
    roster: &Roster,
) -> Result<Option<Word>, Unread> {
    let traded = roster.at(order.instrument.index()).ok_or(Unread("instId"))?;
    let Some(size) = row.fill_sz.some() else { return Ok(None) };
    let quantity = lots(traded, size, "fillSz")?;
    if quantity == Quantity::ZERO {
        return Ok(None);
    }
    let Some(trade) = row.trade_id.some().filter(|id| *id != "0").and_then(text::name) else {
        return Ok(Some(Word::Gap));
    };
    let (fee, fee_currency) = match (row.fill_fee.some(), row.fee.some()) {
        (Some(fee), _) => (fee, &row.fill_fee_ccy),
        // Without a fee of its own, the only trade of an order has the order's.
        (None, Some(fee)) if row.fill_sz == row.acc_fill_sz => (fee, &row.fee_ccy),
        _ => ("0", &row.fee_ccy),
    };
    Ok(Some(Word::Fill(FillReport {
        trade,
        client: order.client,
        venue: order.venue,
        instrument: order.instrument,
        side: order.side,
        leg: order.leg,
        price: price(traded, &row.fill_px, "fillPx")?,
        quantity,
        fee: paid(fee)?,
        fee_currency: fee_currency.parse().ok(),
        liquidity: liquidity(&row.exec_type),
        cause: order.cause,
        time: text::time(&row.fill_time, "fillTime")?,
    })))
}

/// A trade that was asked for.
pub(super) fn fill(row: &FillRow<'_>, roster: &Roster) -> Result<Option<FillReport>, Unread> {
    let Some((instrument, traded)) = text::find(roster, &row.inst_id) else { return Ok(None) };
    let time = row.fill_time.some().unwrap_or(&row.ts);
    Ok(Some(FillReport {
        trade: text::name(&row.trade_id).ok_or(Unread("tradeId"))?,
        client: text::name(&row.cl_ord_id),
        venue: text::name(&row.ord_id),
        instrument,
        side: text::side(&row.side)?,
        leg: text::leg(&row.pos_side)?,
        price: price(traded, &row.fill_px, "fillPx")?,
        quantity: lots(traded, &row.fill_sz, "fillSz")?,
        fee: paid(&row.fee)?,
        fee_currency: row.fee_ccy.parse::<Currency>().ok(),
        liquidity: liquidity(&row.exec_type),
        cause: match &*row.sub_type {
            "100" | "101" | "102" | "103" | "104" | "105" | "106" | "107" => Cause::Liquidation,
            "125" | "126" | "127" | "128" => Cause::Deleveraging,
            "112" | "113" => Cause::Settlement,
            _ => Cause::Owner,
        },
        time: text::time(time, "fillTime")?,
    }))
}

/// A payment of funding, from the bill of it; [`None`] for other bills.
pub(super) fn bill(row: &BillRow<'_>, roster: &Roster) -> Result<Option<FundingReport>, Unread> {
    let Some((instrument, _)) = text::find(roster, &row.inst_id) else { return Ok(None) };
    if &*row.kind != "8" {
        return Ok(None);
    }
    Ok(Some(FundingReport {
        payment: text::name(&row.bill_id).ok_or(Unread("billId"))?,
        instrument,
        leg: Leg::Net,
        amount: text::money_near(&row.bal_chg, "balChg")?,
        currency: row.ccy.parse().map_err(|_| Unread("ccy"))?,
        time: text::time(&row.ts, "ts")?,
    }))
}

/// The venue writes what it takes with a minus; we write what it gives so.
fn paid(fee: &str) -> Result<Money, Unread> {
    let fee = if fee.is_empty() { "0" } else { fee };
    text::money_near(fee, "fee")?.negated().map_err(|_| Unread("fee"))
}

fn liquidity(kind: &str) -> Liquidity {
    if kind == "M" { Liquidity::Maker } else { Liquidity::Taker }
}

/// What a conditional order is now.
pub(super) fn algo(row: &AlgoRow<'_>, roster: &Roster) -> Result<Option<OrderReport>, Unread> {
    let Some((instrument, traded)) = text::find(roster, &row.inst_id) else { return Ok(None) };
    let state = match &*row.state {
        "live" | "pause" => OrderState::Waiting,
        "effective" | "partially_effective" | "order_placed" | "filled" => OrderState::Triggered,
        "canceled" => OrderState::Cancelled,
        "order_failed" | "partially_failed" => OrderState::Rejected,
        _ => return Ok(None),
    };
    let (side, leg) = (text::side(&row.side)?, text::leg(&row.pos_side)?);
    let Some(kind) = algo_kind(row, traded, side)? else { return Ok(None) };
    // For a whole position, or for an amount of the quote currency: neither is a size.
    let whole = row.close_fraction.some().is_some() || &*row.tgt_ccy == "quote_ccy";
    let time = row.u_time.some().unwrap_or(&row.c_time);
    Ok(Some(OrderReport {
        client: text::name(&row.algo_cl_ord_id),
        venue: Some(text::id(&row.algo_id, "algoId")?),
        instrument,
        side,
        leg,
        kind,
        restrictions: restrictions(&row.reduce_only, (leg, side), false),
        quantity: if whole { Quantity::ZERO } else { lots(traded, &row.sz, "sz")? },
        filled: None,
        state,
        cause: Cause::Owner,
        time: text::time(time, "uTime")?,
    }))
}

/// The number of the order that a conditional one became.
pub(super) fn child<'r>(row: &'r AlgoRow<'_>) -> Option<&'r str> {
    row.ord_id_list.iter().find_map(Text::some).or_else(|| row.ord_id.some())
}

/// When a conditional order wakes and what it then is; [`None`] for the venue's own algorithms.
fn algo_kind(row: &AlgoRow<'_>, traded: &Traded, side: Side) -> Result<Option<OrderKind>, Unread> {
    let at = |text: &str, field| price(traded, text, field);
    // `-1` is the market.
    let limit = |text: &Text<'_>| text.some().filter(|px| *px != "-1").map(|px| at(px, "ordPx"));
    let stop = |trigger, limit: Option<Price>| match limit {
        Some(price) => OrderKind::StopLimit { trigger, price },
        None => OrderKind::Stop { trigger },
    };
    let touched = |trigger, limit: Option<Price>| match limit {
        Some(price) => OrderKind::TouchedLimit { trigger, price },
        None => OrderKind::Touched { trigger },
    };
    Ok(Some(match &*row.ord_type {
        "conditional" | "oco" => match (row.sl_trigger_px.some(), row.tp_trigger_px.some()) {
            (Some(px), _) => stop(at(px, "slTriggerPx")?, limit(&row.sl_ord_px).transpose()?),
            (None, Some(px)) => touched(at(px, "tpTriggerPx")?, limit(&row.tp_ord_px).transpose()?),
            (None, None) => return Err(Unread("slTriggerPx")),
        },
        "trigger" => {
            let trigger = at(&row.trigger_px, "triggerPx")?;
            let limit = limit(&row.ord_px).transpose()?;
            // It wakes from either side: from where the market was when it was placed.
            let last = row.last.some().map(|px| traded.price_near(px).ok_or(Unread("last")));
            match (last.transpose()?, side) {
                (Some(last), Side::Buy) if trigger < last => touched(trigger, limit),
                (Some(last), Side::Sell) if trigger > last => touched(trigger, limit),
                _ => stop(trigger, limit),
            }
        }
        "move_order_stop" => OrderKind::Trailing {
            distance: distance(row, traded)?,
            from: row.active_px.some().map(|px| at(px, "activePx")).transpose()?,
        },
        _ => return Ok(None),
    }))
}

fn distance(row: &AlgoRow<'_>, traded: &Traded) -> Result<Distance, Unread> {
    if let Some(ratio) = row.callback_ratio.some() {
        return Rate::parse(ratio).map(Distance::Fraction).map_err(|_| Unread("callbackRatio"));
    }
    let ticks = price(traded, &row.callback_spread, "callbackSpread")?.0;
    u64::try_from(ticks).map(Distance::Ticks).map_err(|_| Unread("callbackSpread"))
}

/// In hedge mode the venue heeds no reduce-only: an order that sells a long leg can do nothing else.
fn restrictions(reduce_only: &str, (leg, side): (Leg, Side), post_only: bool) -> Restrictions {
    let when = |so: bool, what| if so { what } else { Restrictions::NONE };
    let reduces = reduce_only == "true" || text::closes(leg, side);
    when(reduces, Restrictions::REDUCE_ONLY).with(when(post_only, Restrictions::POST_ONLY))
}

/// A position; one that is flat has no lots.
pub(super) fn position(
    row: &PositionRow<'_>,
    roster: &Roster,
) -> Result<Option<PositionReport>, Unread> {
    if &*row.inst_type != "SWAP" {
        return Ok(None);
    }
    let Some((instrument, traded)) = text::find(roster, &row.inst_id) else { return Ok(None) };
    let leg = text::leg(&row.pos_side)?;
    let held = row.pos.some().unwrap_or("0");
    let lots = traded.signed_lots(held).ok_or(Unread("pos"))?;
    let near = |text: &Text<'_>, field| {
        let price = text.some().map(|px| traded.price_near(px).ok_or(Unread(field)));
        price.transpose().map(|price| price.filter(|price| price.0 > 0))
    };
    Ok(Some(PositionReport {
        instrument,
        leg,
        // The venue counts a short leg upwards.
        lots: if leg == Leg::Short { lots.checked_abs().map_or(lots, |lots| -lots) } else { lots },
        entry: near(&row.avg_px, "avgPx")?,
        liquidation: near(&row.liq_px, "liqPx")?,
        leverage: row.lever.split('.').next().and_then(|whole| whole.parse().ok()),
        time: text::time(&row.u_time, "uTime")?,
    }))
}

/// What is held of a coin; [`None`] for a coin whose name is none.
pub(super) fn coin(row: &CoinRow<'_>) -> Result<Option<Balance>, Unread> {
    let Ok(currency) = row.ccy.parse() else { return Ok(None) };
    let free = row.avail_eq.some().or_else(|| row.avail_bal.some()).unwrap_or("0");
    Ok(Some(Balance {
        currency,
        total: text::money_down(row.cash_bal.some().unwrap_or("0"), "cashBal")?,
        available: text::money_down(free, "availBal")?,
    }))
}

fn price(traded: &Traded, text: &str, field: &'static str) -> Result<Price, Unread> {
    traded.price(text).ok_or(Unread(field))
}

fn lots(traded: &Traded, text: &str, field: &'static str) -> Result<Quantity, Unread> {
    traded.lots(text).ok_or(Unread(field))
}
