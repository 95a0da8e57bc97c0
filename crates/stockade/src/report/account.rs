//! The account after a tick, in the words and units that a person reads.

use engine::{Working, replay::State};
use market::{Instrument, Price, Timestamp};
use portfolio::{Contract, InstrumentId};
use serde::Serialize;
use utoipa::ToSchema;

/// A position.
#[derive(Debug, Serialize, ToSchema)]
pub struct PositionView {
    /// What is held or wanted.
    pub symbol: String,
    /// Negative for a short.
    pub quantity: String,
    /// What a unit cost; null where it cannot be told.
    pub average: Option<String>,
    /// The latest price.
    pub price: String,
    /// What it is worth at that price.
    pub value: String,
    /// Value less cost.
    pub unrealised: String,
    /// Profit that is in hand.
    pub realised: String,
}

/// An order that waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkingView {
    /// The order's number.
    pub id: u64,
    /// When it was sent, microseconds since 1970.
    pub time: i64,
    /// What is held or wanted.
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: String,
    /// `market`, `limit`, …
    pub kind: &'static str,
    /// What is left of it.
    pub quantity: String,
    /// The price it will not go beyond.
    pub limit: Option<String>,
    /// The price at which it wakes.
    pub trigger: Option<String>,
}

/// What is held, by symbol.
pub fn positions(
    instruments: &[Instrument],
    state: &State,
) -> Result<Vec<PositionView>, portfolio::Error> {
    let view = |(id, position, price): &(InstrumentId, portfolio::Position, Option<Price>)| {
        let one = of(instruments, *id);
        let price = price.unwrap_or_default();
        let value = Contract::of(one).value(price, position.lots)?;
        let lots = i128::from(position.lots.unsigned_abs());
        let average = position.basis.scaled(i128::from(one.lot_scale.units()), lots);
        Ok(PositionView {
            symbol: one.symbol.to_string(),
            quantity: one.lot_scale.format(position.lots),
            average: average.ok().map(|money| money.to_string()),
            price: one.price_scale.format(price.0),
            value: value.to_string(),
            unrealised: position.unrealised(value)?.to_string(),
            realised: position.realised.to_string(),
        })
    };
    state.positions.iter().map(view).collect()
}

/// Orders that are out, by instrument.
#[must_use]
pub fn working(instruments: &[Instrument], state: &State) -> Vec<WorkingView> {
    state.working.iter().map(|working| waiting(instruments, working)).collect()
}

fn waiting(instruments: &[Instrument], working: &Working) -> WorkingView {
    let (order, ticket) = (&working.order, &working.order.ticket);
    let one = of(instruments, ticket.instrument);
    let price = |price: Option<Price>| price.map(|p| one.price_scale.format(p.0));
    WorkingView {
        id: order.id.0,
        time: micros(order.time),
        symbol: one.symbol.to_string(),
        side: ticket.side.to_string(),
        kind: ticket.kind.name(),
        quantity: one.lot_scale.format(i64::try_from(working.open.0).unwrap_or(i64::MAX)),
        limit: price(ticket.kind.limit()),
        trigger: price(ticket.kind.trigger()),
    }
}

fn of(instruments: &[Instrument], id: InstrumentId) -> &Instrument {
    instruments.get(id.index()).expect("a run knows its instruments")
}

/// Microseconds since 1970.
#[must_use]
pub const fn micros(time: Timestamp) -> i64 {
    time.nanos().div_euclid(1000)
}
