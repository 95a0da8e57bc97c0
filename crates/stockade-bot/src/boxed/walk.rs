//! A market that walks at random, as its seed has it.

use super::{
    dice::Dice,
    shelf::{Shelf, Size},
};
use engine::{Data, MarketEvent};
use market::{Bar, Funding, Price, Print, Quantity, Rate, Roster, Side, Timestamp, Traded};
use portfolio::InstrumentId;

/// From one step to the next.
const STEP: i64 = 250_000_000;
const MINUTE: i64 = 60_000_000_000;
/// From one payment of funding to the next: at 00:00, 08:00 and 16:00.
const FUNDING: i64 = 8 * 3_600_000_000_000;
/// What longs pay for a span of funding.
const FUNDING_BPS: i64 = 1;
/// How far a step goes at most, in millionths of the price; of a part of a minute in the past.
const STEP_PPM: i64 = 52;
const PAST_PPM: i64 = 285;
/// Parts of a minute in the past.
const PARTS: i64 = 8;
/// The price is kept in so many parts of a tick.
const FINE: i128 = 1_000_000;

/// One instrument's walk.
#[derive(Debug, Clone)]
struct Walker {
    instrument: InstrumentId,
    /// Ticks in 1e-6.
    middle: i128,
    /// Ticks between two levels.
    gap: i64,
    /// What a level has at least.
    level: Size,
    perpetual: bool,
    dice: Dice,
}

/// All of them.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    walkers: Vec<Walker>,
    /// When the next step is.
    next: Timestamp,
}

impl Walk {
    /// At these prices, from this moment on.
    pub(super) fn new(roster: &Roster, prices: &[Price], seed: u64, from: Timestamp) -> Self {
        let numbered = (0..).map(InstrumentId).zip(roster.all());
        let walkers =
            numbered.zip(prices).map(|((id, one), price)| Walker::new(id, one, *price, seed));
        Self { walkers: walkers.collect(), next: from }
    }

    /// The bars of so many minutes before the walk goes on at `until`, oldest first.
    pub(super) fn past(&mut self, minutes: i64, until: Timestamp) -> Vec<(InstrumentId, Bar)> {
        let end = until.nanos().div_euclid(MINUTE);
        let mut bars = Vec::new();
        for minute in end - minutes..end {
            let open_time = Timestamp::from_nanos(minute.saturating_mul(MINUTE));
            let walk = self.walkers.iter_mut();
            bars.extend(walk.map(|walker| (walker.instrument, walker.bar(open_time))));
        }
        self.next = until;
        bars
    }

    pub(super) fn deadline(&self) -> Timestamp {
        self.next
    }

    /// The next step: what the market tells at its moment, in order.
    pub(super) fn step(&mut self, shelves: &mut [Shelf], out: &mut Vec<MarketEvent>) {
        let time = self.next;
        self.next = time.plus_nanos(STEP).unwrap_or(time);
        for (walker, shelf) in self.walkers.iter_mut().zip(shelves) {
            walker.step(time, shelf, out);
        }
        out.sort_by(MarketEvent::precedence);
    }
}

impl Walker {
    fn new(instrument: InstrumentId, one: &Traded, price: Price, seed: u64) -> Self {
        let step = i64::from(one.listing.price_step.max(1));
        // A level every 1/40,000 of the price: the spread of a liquid instrument.
        let gap = (price.0 / 40_000 / step).max(1) * step;
        // About 20,000 of the currency on a level.
        let one_lot =
            one.listing.instrument.notional(price, Quantity(1)).map_or(1, |money| money.0);
        let worth = 20_000_i128.saturating_mul(market::Money::UNIT);
        let lots = u64::try_from(worth / one_lot.max(1)).unwrap_or(1);
        let size = one.listing.size_step.max(1);
        let mut dice =
            Dice::new(seed ^ u64::from(instrument.0).wrapping_mul(0xd134_2543_de82_ef95));
        dice.roll();
        Self {
            instrument,
            middle: i128::from(price.0) * FINE,
            gap,
            level: Size { units: (lots / size).max(1), step: size },
            perpetual: one.product == market::Product::Perpetual,
            dice,
        }
    }

    /// Moves by at most so many millionths.
    fn go(&mut self, ppm: i64) {
        let by = i128::from(self.dice.around(ppm * 1_000));
        let moved = self.middle + self.middle * by / 1_000_000_000;
        // So far down that there is no room for a book is no market.
        self.middle = moved.max(i128::from(self.gap) * FINE * 100);
    }

    fn price(&self) -> Price {
        let ticks = i64::try_from(self.middle / FINE).unwrap_or(i64::MAX / 4);
        Price(ticks.div_euclid(self.gap) * self.gap)
    }

    fn size(&mut self) -> Quantity {
        Quantity((1 + self.dice.below(self.level.units)).saturating_mul(self.level.step))
    }

    fn bar(&mut self, open_time: Timestamp) -> Bar {
        let open = self.price();
        let (mut high, mut low, mut volume) = (open, open, self.size());
        for _ in 0..PARTS {
            self.go(PAST_PPM);
            let price = self.price();
            (high, low) = (high.max(price), low.min(price));
            volume = Quantity(volume.0.saturating_add(self.size().0));
        }
        Bar { open_time, open, high, low, close: self.price(), volume }
    }

    fn step(&mut self, time: Timestamp, book: &mut Shelf, out: &mut Vec<MarketEvent>) {
        let instrument = self.instrument;
        let event = |data| MarketEvent { time, instrument, data };
        if self.perpetual && time.nanos().rem_euclid(FUNDING) < STEP {
            let (rate, mark) = (Rate::from_bps(FUNDING_BPS), Some(self.price()));
            out.push(event(Data::Funding(Funding { time, rate, mark })));
        }
        self.go(STEP_PPM);
        let before = book.quote(time);
        let mut changes = Vec::new();
        book.fill((self.price(), self.gap), (time, self.level), &mut self.dice, &mut changes);
        if let Some(print) = self.print(time, book) {
            out.push(event(Data::Print(print)));
        }
        out.extend(changes.into_iter().map(|depth| event(Data::Depth(depth))));
        let told = |quote: &market::Quote| (quote.bid, quote.ask, quote.bid_size, quote.ask_size);
        let after = book.quote(time);
        if let Some(quote) = after.filter(|now| before.as_ref().map(told) != Some(told(now))) {
            out.push(event(Data::Quote(quote)));
        }
    }

    /// A trade at the touch as it is now.
    fn print(&mut self, time: Timestamp, book: &Shelf) -> Option<Print> {
        let quote = book.quote(time)?;
        let (price, aggressor) =
            if self.dice.below(2) == 0 { (quote.bid, Side::Sell) } else { (quote.ask, Side::Buy) };
        Some(Print { time, price, size: self.size(), aggressor: Some(aggressor) })
    }
}
