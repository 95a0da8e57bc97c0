//! Round trips: from flat to flat.

use crate::{Contract, Error, Fill, InstrumentId};
use market::{Money, Price, Quantity, Side, Timestamp};

/// Which way a position points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Gains when the price rises.
    Long,
    /// Gains when the price falls.
    Short,
}

/// One round trip of one instrument: from the fill that left flat to the fill that came back.
///
/// Fills that enlarge the position enter, fills that shrink it exit. A fill that crosses zero
/// ends one trip and starts the next; its notional and fee are divided by lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// What was traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub direction: Direction,
    /// When the position left flat.
    pub opened: Timestamp,
    /// When it came back; `None` while it is open.
    pub closed: Option<Timestamp>,
    /// Rows of the calendar from the first fill to the last one, or to the end.
    pub bars: u32,
    /// Lots entered.
    pub quantity: Quantity,
    /// What entering cost, or brought for a short; fees apart.
    pub entered: Money,
    /// Lots exited so far.
    pub exited_quantity: Quantity,
    /// What exiting brought, or cost for a short; fees apart.
    pub exited: Money,
    /// Fees of all its fills.
    pub fees: Money,
    /// Profit after fees; an open trip's lots count at the latest price.
    pub profit: Money,
}

impl Trade {
    /// Profit ÷ what was entered; `None` if nothing was.
    #[must_use]
    pub fn profit_ratio(&self) -> Option<f64> {
        let entered = self.entered.to_f64();
        let ratio = self.profit.to_f64() / entered.abs();
        (entered != 0.0 && ratio.is_finite()).then_some(ratio)
    }
}

/// A trip on its way.
#[derive(Debug, Clone, Copy)]
struct Trip {
    trade: Trade,
    lots: u64,
    first_row: u32,
}

/// Pairs fills into round trips, in the order in which they close; open ones come last, by
/// instrument, valued at `latest` prices. `last_row` is the calendar's last row.
pub fn round_trips(
    fills: &[Fill],
    contracts: &[Contract],
    latest: &[Option<Price>],
    last_row: u32,
) -> Result<Vec<Trade>, Error> {
    let mut open: Vec<Option<Trip>> = vec![None; contracts.len()];
    let mut trades = Vec::new();
    for fill in fills {
        let known = contracts.len();
        let unknown = Error::Instrument { instrument: fill.instrument, known };
        let slot = open.get_mut(fill.instrument.index()).ok_or(unknown)?;
        let mut rest = *fill;
        if let Some(trip) = slot.take_if(|trip| entry_side(trip.trade.direction) != fill.side) {
            let (closed, left) = exit(trip, fill)?;
            if closed.lots > 0 {
                *slot = Some(closed);
                continue;
            }
            trades.push(closed.trade);
            match left {
                Some(left) => rest = left,
                None => continue,
            }
        }
        *slot = Some(enter(*slot, &rest)?);
    }
    for (place, trip) in open.into_iter().enumerate() {
        let Some(trip) = trip else { continue };
        let price = latest.get(place).copied().flatten().unwrap_or_default();
        let contract = contracts.get(place).copied().expect("as many slots as contracts");
        trades.push(still_open(trip, contract, price, last_row)?);
    }
    Ok(trades)
}

const fn entry_side(direction: Direction) -> Side {
    match direction {
        Direction::Long => Side::Buy,
        Direction::Short => Side::Sell,
    }
}

fn enter(trip: Option<Trip>, fill: &Fill) -> Result<Trip, Error> {
    let mut trip = trip.unwrap_or_else(|| Trip {
        trade: Trade {
            instrument: fill.instrument,
            direction: if fill.side == Side::Buy { Direction::Long } else { Direction::Short },
            opened: fill.time,
            closed: None,
            bars: 0,
            quantity: Quantity::ZERO,
            entered: Money::ZERO,
            exited_quantity: Quantity::ZERO,
            exited: Money::ZERO,
            fees: Money::ZERO,
            profit: Money::ZERO,
        },
        lots: 0,
        first_row: fill.row,
    });
    let overflow = market::Error::Overflow { what: "the lots of a trade" };
    trip.lots = trip.lots.checked_add(fill.quantity.0).ok_or(overflow.clone())?;
    let quantity = trip.trade.quantity.0.checked_add(fill.quantity.0).ok_or(overflow)?;
    trip.trade.quantity = Quantity(quantity);
    trip.trade.entered = trip.trade.entered.plus(fill.notional)?;
    trip.trade.fees = trip.trade.fees.plus(fill.fee)?;
    Ok(trip)
}

/// Takes the fill's lots off; gives back what is left of a fill that is larger than the trip.
fn exit(mut trip: Trip, fill: &Fill) -> Result<(Trip, Option<Fill>), Error> {
    let lots = trip.lots.min(fill.quantity.0);
    let (here, left) = divide(fill, lots)?;
    trip.lots -= lots;
    let trade = &mut trip.trade;
    trade.exited_quantity = Quantity(trade.exited_quantity.0.saturating_add(lots));
    trade.exited = trade.exited.plus(here.notional)?;
    trade.fees = trade.fees.plus(here.fee)?;
    trade.bars = fill.row.saturating_sub(trip.first_row);
    if trip.lots == 0 {
        trade.closed = Some(fill.time);
        trade.profit = profit(trade, Money::ZERO)?;
    }
    Ok((trip, left))
}

/// The first `lots` of a fill, and the rest if there is one.
fn divide(fill: &Fill, lots: u64) -> Result<(Fill, Option<Fill>), Error> {
    let rest = fill.quantity.0 - lots;
    if rest == 0 {
        return Ok((*fill, None));
    }
    let (part, whole) = (i128::from(lots), i128::from(fill.quantity.0));
    let notional = fill.notional.scaled(part, whole)?;
    let fee = fill.fee.scaled(part, whole)?;
    let here = Fill { quantity: Quantity(lots), notional, fee, ..*fill };
    let (notional, fee) = (fill.notional.minus(notional)?, fill.fee.minus(fee)?);
    Ok((here, Some(Fill { quantity: Quantity(rest), notional, fee, ..*fill })))
}

fn still_open(trip: Trip, contract: Contract, price: Price, last_row: u32) -> Result<Trade, Error> {
    let overflow = market::Error::Overflow { what: "the lots of a trade" };
    let lots = i64::try_from(trip.lots).map_err(|_| overflow)?;
    let mut trade = trip.trade;
    trade.bars = last_row.saturating_sub(trip.first_row);
    trade.profit = profit(&trade, contract.value(price, lots)?)?;
    Ok(trade)
}

/// What came out and what is still held, less what went in and fees; mirrored for a short.
fn profit(trade: &Trade, held: Money) -> Result<Money, Error> {
    let out = trade.exited.plus(held)?;
    let gain = match trade.direction {
        Direction::Long => out.minus(trade.entered)?,
        Direction::Short => trade.entered.minus(out)?,
    };
    Ok(gain.minus(trade.fees)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Instrument;

    fn trips(fills: &[(u32, Side, u64, i64)], latest: i64) -> String {
        let instrument = Instrument::share("X".parse().expect("a symbol"));
        let fill = |(row, side, lots, price): &(u32, Side, u64, i64)| {
            let (quantity, price) = (Quantity(*lots), Price(*price));
            let notional = instrument.notional(price, quantity).expect("in range");
            let time = Timestamp::from_nanos(i64::from(*row));
            let (order, fee, id) = (1, Money::from_whole(1), InstrumentId(0));
            Fill {
                order,
                row: *row,
                time,
                instrument: id,
                side: *side,
                quantity,
                price,
                notional,
                fee,
                leg: crate::Leg::Net,
                liquidity: crate::Liquidity::Taker,
            }
        };
        let fills: Vec<Fill> = fills.iter().map(fill).collect();
        let contract = Contract::of(&instrument);
        let trades = round_trips(&fills, &[contract], &[Some(Price(latest))], 9).expect("in range");
        let line = |t: &Trade| {
            let end = t.closed.map_or("open".to_owned(), |at| at.nanos().to_string());
            let (side, start) = (t.direction, t.opened.nanos());
            format!(
                "{side:?} {start}..{end} {} bars, {} lots, in {} out {} fees {} profit {}",
                t.bars, t.quantity.0, t.entered, t.exited, t.fees, t.profit
            )
        };
        trades.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn trips_run_from_flat_to_flat() {
        use Side::{Buy, Sell};
        insta::assert_snapshot!(trips(&[(0, Buy, 10, 1000), (3, Sell, 10, 1100)], 0),
            @"Long 0..3 3 bars, 10 lots, in 100.00 out 110.00 fees 2.00 profit 8.00");
        insta::assert_snapshot!(
            trips(&[(0, Buy, 10, 1000), (1, Buy, 10, 2000), (2, Sell, 5, 2000), (5, Sell, 15, 1000)], 0),
            @"Long 0..5 5 bars, 20 lots, in 300.00 out 250.00 fees 4.00 profit -54.00");
        insta::assert_snapshot!(trips(&[(0, Buy, 10, 1000), (2, Sell, 15, 1200)], 1000), @r"
        Long 0..2 2 bars, 10 lots, in 100.00 out 120.00 fees 1.66666667 profit 18.33333333
        Short 2..open 7 bars, 5 lots, in 60.00 out 0.00 fees 0.33333333 profit 9.66666667
        ");
        insta::assert_snapshot!(trips(&[], 0), @"");
    }
}
