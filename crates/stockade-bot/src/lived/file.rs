//! `live.json`: a live session as `stockade diff` reads it. Figures are exact decimals, times RFC 3339.

use super::collect::Collected;
use anyhow::Context;
use engine::{
    diff::{Executed, HeldBack, Life, Sent, Silence},
    live::{Cause, Role},
};
use market::{Instrument, Quantity, Roster, Settlement, Side, Traded};
use portfolio::InstrumentId;
use serde::Serialize;

/// The layout of the file.
pub const LAYOUT: u32 = 1;

/// The whole file.
#[derive(Serialize)]
pub(super) struct File {
    layout: u32,
    version: &'static str,
    venue: String,
    product: &'static str,
    bar: String,
    currency: String,
    cash: String,
    since: String,
    rows: u64,
    bars_digest: String,
    instruments: Vec<InstrumentRow>,
    lives: Vec<LifeRow>,
    orders: Vec<OrderRow>,
    fills: Vec<FillRow>,
    held_back: Vec<HeldBackRow>,
    silences: Vec<SilenceRow>,
    carried: Vec<PositionRow>,
    positions: Vec<PositionRow>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct InstrumentRow {
    symbol: String,
    currency: String,
    price_decimals: u8,
    size_decimals: u8,
    settlement: &'static str,
    multiplier: String,
    price_step: u32,
    size_step: u64,
    size_min: u64,
    size_max: u64,
    notional_min: String,
    initial_margin: Option<String>,
    maintenance_margin: Option<String>,
}

#[derive(Serialize)]
struct LifeRow {
    began: String,
    until: String,
    cash: String,
    booked: String,
}

#[derive(Serialize)]
struct OrderRow {
    name: String,
    #[serde(rename = "for")]
    role: &'static str,
    symbol: String,
    side: String,
    asked: String,
    row: String,
    time: String,
    ended: Option<String>,
    refusal: Option<String>,
}

#[derive(Serialize)]
struct FillRow {
    trade: String,
    order: Option<String>,
    cause: &'static str,
    symbol: String,
    side: String,
    price: String,
    size: String,
    fee: String,
    time: String,
}

#[derive(Serialize)]
struct HeldBackRow {
    row: String,
    symbol: String,
    side: String,
    size: String,
    why: String,
}

#[derive(Serialize)]
struct SilenceRow {
    first: String,
    last: String,
    why: &'static str,
}

#[derive(Serialize)]
struct PositionRow {
    symbol: String,
    size: String,
}

/// The file of a session.
pub(super) fn of(from: &Collected) -> anyhow::Result<File> {
    let Collected { plan, roster, lived, .. } = from;
    let names = Names(roster);
    let first = lived.lives.first().context("a session has a life")?;
    Ok(File {
        layout: LAYOUT,
        version: env!("CARGO_PKG_VERSION"),
        venue: plan.config.venue.name.to_string(),
        product: plan.config.venue.product.name(),
        bar: plan.size.to_string(),
        currency: plan.currency(roster).to_string(),
        cash: first.cash.to_string(),
        since: from.since.to_string(),
        rows: from.rows,
        bars_digest: from.digest.clone(),
        instruments: roster.all().iter().map(|one| instrument(from, one)).collect(),
        lives: lived.lives.iter().map(life).collect(),
        orders: lived.orders.iter().map(|one| names.order(one)).collect::<Result<_, _>>()?,
        fills: lived.fills.iter().map(|one| names.fill(one)).collect::<Result<_, _>>()?,
        held_back: lived
            .held_back
            .iter()
            .map(|one| names.held_back(one))
            .collect::<Result<_, _>>()?,
        silences: lived.silences.iter().map(silence).collect(),
        carried: names.positions(&lived.carried)?,
        positions: names.positions(&from.held)?,
        notes: from.notes.clone(),
    })
}

fn instrument(from: &Collected, one: &Traded) -> InstrumentRow {
    let (listing, margin) = (&one.listing, from.plan.margin_of(one));
    InstrumentRow {
        symbol: listing.instrument.symbol.to_string(),
        currency: listing.instrument.currency.to_string(),
        price_decimals: listing.instrument.price_scale.decimals(),
        size_decimals: listing.instrument.lot_scale.decimals(),
        settlement: match listing.settlement {
            Settlement::Cash => "cash",
            Settlement::Margin => "margin",
        },
        multiplier: listing.multiplier.to_string(),
        price_step: listing.price_step,
        size_step: listing.size_step,
        size_min: listing.size_min.0,
        size_max: listing.size_max.0,
        notional_min: listing.notional_min.to_string(),
        initial_margin: margin.map(|(initial, _)| initial.to_string()),
        maintenance_margin: margin.map(|(_, maintenance)| maintenance.to_string()),
    }
}

fn life(of: &Life) -> LifeRow {
    LifeRow {
        began: of.began.to_string(),
        until: of.until.to_string(),
        cash: of.cash.to_string(),
        booked: of.booked.to_string(),
    }
}

fn silence(of: &Silence) -> SilenceRow {
    let (first, last) = (of.first.to_string(), of.last.to_string());
    SilenceRow { first, last, why: of.because.name() }
}

const fn role(of: Role) -> &'static str {
    match of {
        Role::Kernel => "strategy",
        Role::Stop => "stop",
        Role::Close => "close",
        Role::Foreign => "foreign",
    }
}

const fn cause(of: Cause) -> &'static str {
    match of {
        Cause::Owner => "owner",
        Cause::Liquidation => "liquidation",
        Cause::Deleveraging => "deleveraging",
        Cause::Settlement => "settlement",
    }
}

/// Instruments by their number.
struct Names<'a>(&'a Roster);

impl Names<'_> {
    fn of(&self, id: InstrumentId) -> anyhow::Result<&Instrument> {
        let one = self.0.at(id.index());
        Ok(&one.with_context(|| format!("instrument {}", id.0))?.listing.instrument)
    }

    fn order(&self, of: &Sent) -> anyhow::Result<OrderRow> {
        let one = self.of(of.instrument)?;
        Ok(OrderRow {
            name: of.name.to_string(),
            role: role(of.role),
            symbol: one.symbol.to_string(),
            side: side(of.side),
            asked: size(one, of.asked),
            row: of.row.to_string(),
            time: of.time.to_string(),
            ended: of.ended.map(|time| time.to_string()),
            refusal: of.refusal.as_deref().map(crate::clean::line),
        })
    }

    fn fill(&self, of: &Executed) -> anyhow::Result<FillRow> {
        let one = self.of(of.instrument)?;
        Ok(FillRow {
            trade: of.trade.to_string(),
            order: of.order.map(|name| name.to_string()),
            cause: cause(of.cause),
            symbol: one.symbol.to_string(),
            side: side(of.side),
            price: one.price_scale.format(of.price.0),
            size: size(one, of.quantity),
            fee: of.fee.to_string(),
            time: of.time.to_string(),
        })
    }

    fn held_back(&self, of: &HeldBack) -> anyhow::Result<HeldBackRow> {
        let one = self.of(of.instrument)?;
        let (row, symbol, side) = (of.row.to_string(), one.symbol.to_string(), side(of.side));
        Ok(HeldBackRow { row, symbol, side, size: size(one, of.quantity), why: of.why.clone() })
    }

    fn positions(&self, of: &[(InstrumentId, i64)]) -> anyhow::Result<Vec<PositionRow>> {
        let row = |(id, lots): &(InstrumentId, i64)| {
            let one = self.of(*id)?;
            Ok(PositionRow { symbol: one.symbol.to_string(), size: one.lot_scale.format(*lots) })
        };
        of.iter().map(row).collect()
    }
}

fn side(of: Side) -> String {
    of.to_string()
}

fn size(one: &Instrument, quantity: Quantity) -> String {
    one.lot_scale.format(i64::try_from(quantity.0).unwrap_or(i64::MAX))
}
