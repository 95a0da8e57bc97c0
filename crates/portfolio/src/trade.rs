//! Round trips: from flat to flat.

use crate::{Contract, Error, Fill, InstrumentId, Leg};
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
    let mut trips = Trips::new(contracts);
    fills.iter().try_for_each(|fill| trips.fill(fill))?;
    trips.finish(latest, last_row)
}

/// Round trips as fills and splits come. The legs of a hedged account are trips of their own.
#[derive(Debug, Clone)]
pub struct Trips {
    contracts: Vec<Contract>,
    /// By instrument and leg.
    open: Vec<[Option<Trip>; 3]>,
    done: Vec<Trade>,
}

impl Trips {
    /// Nothing is open.
    #[must_use]
    pub fn new(contracts: &[Contract]) -> Self {
        let (open, done) = (vec![[None; 3]; contracts.len()], Vec::new());
        Self { contracts: contracts.to_vec(), open, done }
    }

    /// One more fill. [`Error::Overclosed`] if it would turn a leg of a hedged account round.
    pub fn fill(&mut self, fill: &Fill) -> Result<(), Error> {
        let known = self.contracts.len();
        let Some([net, long, short]) = self.open.get_mut(fill.instrument.index()) else {
            return Err(Error::Instrument { instrument: fill.instrument, known });
        };
        let (slot, entry) = match fill.leg {
            Leg::Net => (net, None),
            Leg::Long => (long, Some(Side::Buy)),
            Leg::Short => (short, Some(Side::Sell)),
        };
        let held = slot.map_or(0, |trip| trip.lots);
        if entry.is_some_and(|side| side != fill.side) && fill.quantity.0 > held {
            let (instrument, leg, asked) = (fill.instrument, fill.leg, fill.quantity.0);
            return Err(Error::Overclosed { instrument, leg, held, asked });
        }
        let (done, open) = match slot.filter(|trip| entry_side(trip.trade.direction) != fill.side) {
            None => (None, Some(enter(*slot, fill)?)),
            Some(trip) => match exit(trip, fill)? {
                (shrunk, _) if shrunk.lots > 0 => (None, Some(shrunk)),
                (closed, left) => {
                    let turned = left.map(|rest| enter(None, &rest)).transpose()?;
                    (Some(closed.trade), turned)
                }
            },
        };
        *slot = open;
        self.done.extend(done);
        Ok(())
    }

    /// Each old unit is `numerator / denominator` new ones: lots are multiplied, rounded down, and
    /// what is left over of those held is exited at the `last` price before the split ÷ ratio, as
    /// [`crate::Ledger::split`] does it.
    pub fn split(
        &mut self,
        id: InstrumentId,
        (numerator, denominator): (u32, u32),
        last: Price,
        (row, time): (u32, Timestamp),
    ) -> Result<(), Error> {
        let unknown = Error::Instrument { instrument: id, known: self.contracts.len() };
        let legs = self.open.get_mut(id.index()).ok_or(unknown.clone())?;
        let contract = *self.contracts.get(id.index()).ok_or(unknown)?;
        if numerator == 0 || denominator == 0 {
            return Err(Error::Split { instrument: id, numerator, denominator });
        }
        let overflow = || market::Error::Overflow { what: "the lots of a split" };
        let multiplied = |lots: u64| {
            let parts = u128::from(lots) * u128::from(numerator);
            let (whole, rest) = (parts / u128::from(denominator), parts % u128::from(denominator));
            let whole = u64::try_from(whole).map_err(|_| overflow())?;
            Ok::<_, Error>((whole, i64::try_from(rest).map_err(|_| overflow())?))
        };
        let (mut after, mut done) = (*legs, Vec::new());
        for slot in &mut after {
            let Some(mut trip) = *slot else { continue };
            let (whole, rest) = multiplied(trip.lots)?;
            let trade = &mut trip.trade;
            trade.quantity = Quantity(multiplied(trade.quantity.0)?.0);
            trade.exited_quantity = Quantity(multiplied(trade.exited_quantity.0)?.0);
            let brought = contract.value_of_part(last, rest, numerator)?;
            trade.exited = trade.exited.plus(brought)?;
            trip.lots = whole;
            *slot = Some(trip);
            if whole == 0 {
                done.push(ended(trip, row, time)?.trade);
                *slot = None;
            }
        }
        *legs = after;
        self.done.extend(done);
        Ok(())
    }

    /// All trips: closed ones in the order in which they closed, then open ones by instrument,
    /// valued at `latest` prices. `last_row` is the calendar's last row.
    pub fn finish(self, latest: &[Option<Price>], last_row: u32) -> Result<Vec<Trade>, Error> {
        let mut trades = self.done;
        for ((place, legs), contract) in self.open.into_iter().enumerate().zip(self.contracts) {
            let price = latest.get(place).copied().flatten().unwrap_or_default();
            for trip in legs.into_iter().flatten() {
                trades.push(still_open(trip, contract, price, last_row)?);
            }
        }
        Ok(trades)
    }
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
    let lots = trip.lots.checked_add(fill.quantity.0);
    let quantity = trip.trade.quantity.0.checked_add(fill.quantity.0);
    let (Some(lots), Some(quantity)) = (lots, quantity) else {
        return Err(market::Error::Overflow { what: "the lots of a trade" }.into());
    };
    (trip.lots, trip.trade.quantity) = (lots, Quantity(quantity));
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
        trip = ended(trip, fill.row, fill.time)?;
    }
    Ok((trip, left))
}

/// The trip, back at flat.
fn ended(mut trip: Trip, row: u32, time: Timestamp) -> Result<Trip, Error> {
    trip.trade.bars = row.saturating_sub(trip.first_row);
    trip.trade.closed = Some(time);
    trip.trade.profit = profit(&trip.trade, Money::ZERO)?;
    Ok(trip)
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

    fn filled(leg: Leg, (row, side, lots, price): (u32, Side, u64, i64)) -> Fill {
        let instrument = Instrument::share("X".parse().expect("a symbol"));
        let (quantity, price) = (Quantity(lots), Price(price));
        Fill {
            order: 1,
            row,
            time: Timestamp::from_nanos(i64::from(row)),
            instrument: InstrumentId(0),
            side,
            quantity,
            price,
            notional: instrument.notional(price, quantity).expect("in range"),
            fee: Money::from_whole(1),
            leg,
            liquidity: crate::Liquidity::Taker,
        }
    }

    fn open() -> Trips {
        Trips::new(&[Contract::of(&Instrument::share("X".parse().expect("a symbol")))])
    }

    fn lines(trips: Trips, latest: i64) -> String {
        let line = |t: &Trade| {
            let end = t.closed.map_or("open".to_owned(), |at| at.nanos().to_string());
            let (side, start) = (t.direction, t.opened.nanos());
            format!(
                "{side:?} {start}..{end} {} bars, {} lots, in {} out {} fees {} profit {}",
                t.bars, t.quantity.0, t.entered, t.exited, t.fees, t.profit
            )
        };
        let trades = trips.finish(&[Some(Price(latest))], 9).expect("in range");
        trades.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn trips(fills: &[(u32, Side, u64, i64)], latest: i64) -> String {
        let fills: Vec<Fill> = fills.iter().map(|fill| filled(Leg::Net, *fill)).collect();
        let mut trips = open();
        fills.iter().try_for_each(|fill| trips.fill(fill)).expect("in range");
        let latest_prices = [Some(Price(latest))];
        let at_once = round_trips(&fills, &trips.contracts, &latest_prices, 9);
        assert_eq!(at_once, trips.clone().finish(&latest_prices, 9));
        lines(trips, latest)
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

    #[test]
    fn hedged_legs_are_trips_of_their_own() {
        use Side::{Buy, Sell};
        let mut trips = open();
        for (leg, fill) in [
            (Leg::Long, (0, Buy, 10, 1000)),
            (Leg::Short, (1, Sell, 4, 1100)),
            (Leg::Short, (2, Buy, 4, 1000)),
            (Leg::Short, (3, Sell, 2, 1200)),
            (Leg::Long, (4, Sell, 10, 1100)),
        ] {
            trips.fill(&filled(leg, fill)).expect("in range");
        }
        insta::assert_snapshot!(lines(trips.clone(), 1000), @r"
        Short 1..2 1 bars, 4 lots, in 44.00 out 40.00 fees 2.00 profit 2.00
        Long 0..4 4 bars, 10 lots, in 100.00 out 110.00 fees 2.00 profit 8.00
        Short 3..open 6 bars, 2 lots, in 24.00 out 0.00 fees 1.00 profit 3.00
        ");
        for (leg, side, held) in [(Leg::Long, Sell, 0), (Leg::Short, Buy, 2)] {
            let asked = held + 1;
            let refused = trips.fill(&filled(leg, (5, side, asked, 1000)));
            let instrument = InstrumentId(0);
            assert_eq!(refused, Err(Error::Overclosed { instrument, leg, held, asked }));
        }
    }

    #[test]
    fn a_split_multiplies_the_lots_of_a_trip() {
        use Side::{Buy, Sell};
        let after = |fill, ratio, last: i64, next: &[(u32, Side, u64, i64)]| {
            let mut trips = open();
            trips.fill(&filled(Leg::Net, fill)).expect("in range");
            let at = (1, Timestamp::from_nanos(1));
            trips.split(InstrumentId(0), ratio, Price(last), at).expect("in range");
            for fill in next {
                trips.fill(&filled(Leg::Net, *fill)).expect("in range");
            }
            lines(trips, 500)
        };
        // 2 for 1: 10 at 10.00 are 20 at 5.00, sold at 6.00.
        insta::assert_snapshot!(after((0, Buy, 10, 1000), (2, 1), 1000, &[(2, Sell, 20, 600)]),
            @"Long 0..2 2 bars, 20 lots, in 100.00 out 120.00 fees 2.00 profit 18.00");
        // 1 for 4: 10 are 2.5; the half brings half of 4 × 10.00, two are sold at 40.00.
        insta::assert_snapshot!(after((0, Buy, 10, 1000), (1, 4), 1000, &[(2, Sell, 2, 4000)]),
            @"Long 0..2 2 bars, 2 lots, in 100.00 out 100.00 fees 2.00 profit -2.00");
        // 1 for 20: 10 are half a lot, which ends the trip at 20 × 9.00 ÷ 2.
        insta::assert_snapshot!(after((0, Sell, 10, 1000), (1, 20), 900, &[]),
            @"Short 0..1 1 bars, 0 lots, in 100.00 out 90.00 fees 1.00 profit 9.00");
    }
}
