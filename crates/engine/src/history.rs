//! The bars of a run and their calendar: what every run over them has in common.

use crate::{
    Clock, Engine, Error, RuleTrader, Strategy, Terms,
    exchange::Exchange,
    session::{BarFeed, BarSession, Curve, Feed},
    ticks::Log,
    values::{calendar, is_lockstep},
};
use market::{BarSeries, Instrument, Listing, Price, Timestamp};
use portfolio::Ledger;

/// Series in symbol order, ready for runs.
pub(crate) struct History<'a> {
    series: &'a [BarSeries],
    instruments: Vec<Instrument>,
    listings: Vec<Listing>,
    times: Vec<Timestamp>,
    lockstep: bool,
}

impl<'a> History<'a> {
    /// Of these series; refuses more rows than a run can number.
    pub(crate) fn new(series: &'a [BarSeries]) -> Result<Self, Error> {
        let times = calendar(series);
        let limit = u32::MAX as usize;
        if times.len() > limit {
            return Err(Error::Rows { rows: times.len(), limit });
        }
        let instruments: Vec<Instrument> = series.iter().map(|s| s.instrument().clone()).collect();
        let listings = instruments.iter().cloned().map(Listing::of).collect();
        Ok(Self { series, instruments, listings, times, lockstep: is_lockstep(series) })
    }

    /// The calendar.
    pub(crate) fn times(&self) -> &[Timestamp] {
        &self.times
    }

    /// The series, in symbol order.
    pub(crate) const fn series(&self) -> &'a [BarSeries] {
        self.series
    }

    /// Their instruments.
    pub(crate) fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// Whether all series have their bars at the same times.
    pub(crate) const fn is_lockstep(&self) -> bool {
        self.lockstep
    }

    /// A strategy before the first row: kernel, exchange and account.
    pub(crate) fn open(
        &self,
        strategy: &Strategy,
        log: Log,
        curve: Curve,
    ) -> Result<BarSession<BarFeed<'a>, RuleTrader>, Error> {
        let feed = BarFeed::new(self.series, self.lockstep);
        let instruments = (self.instruments.as_slice(), self.listings.as_slice());
        open(strategy, instruments, feed, (log, curve))
    }
}

/// A strategy on instruments and their listings before the first row of a feed: kernel, exchange
/// and account.
pub(crate) fn open<F: Feed>(
    strategy: &Strategy,
    (instruments, listings): (&[Instrument], &[Listing]),
    feed: F,
    (log, curve): (Log, Curve),
) -> Result<BarSession<F, RuleTrader>, Error> {
    let ledger = Ledger::open(strategy.cash, instruments);
    open_with(strategy, (instruments, listings, ledger), feed, (log, curve))
}

/// The same on an account that is open already.
pub(crate) fn open_with<F: Feed>(
    strategy: &Strategy,
    (instruments, listings, ledger): (&[Instrument], &[Listing], Ledger),
    feed: F,
    (log, curve): (Log, Curve),
) -> Result<BarSession<F, RuleTrader>, Error> {
    let terms = Terms::of(strategy, instruments)?;
    let exchange = Exchange::new(terms.venue(strategy.seed), listings);
    let gate = terms.gate.clone();
    let trader = RuleTrader::new(terms, instruments.len());
    let engine = Engine::new(trader, ledger, instruments.len(), log).guarded(gate);
    Ok(BarSession::new(exchange, engine, feed, curve))
}

/// Whether series are in symbol order.
pub(crate) fn is_sorted(series: &[BarSeries]) -> bool {
    series.is_sorted_by(|a, b| a.instrument().symbol <= b.instrument().symbol)
}

/// Refuses what a run cannot mean.
pub(crate) fn check(strategy: &Strategy, series: &[BarSeries]) -> Result<(), Error> {
    if series.iter().all(BarSeries::is_empty) {
        return Err(Error::NoBars);
    }
    check_instruments(strategy, series.iter().map(BarSeries::instrument))?;
    for one in series {
        let instrument = one.instrument();
        if Clock::Bars(one.size()) != strategy.clock {
            let (found, asked) = (one.size(), strategy.clock);
            return Err(Error::BarSize { symbol: instrument.symbol.clone(), found, asked });
        }
        let prices = one.open().iter().zip(one.close()).enumerate();
        for (row, (open, close)) in prices {
            check_prices(instrument, (*open, *close), row)?;
        }
    }
    Ok(())
}

/// Refuses instruments, in symbol order, that a strategy cannot trade together.
pub(crate) fn check_instruments<'i>(
    strategy: &Strategy,
    instruments: impl Iterator<Item = &'i Instrument>,
) -> Result<(), Error> {
    let mut before: Option<&Instrument> = None;
    for instrument in instruments {
        let symbol = || instrument.symbol.clone();
        if before.is_some_and(|before| before.symbol == instrument.symbol) {
            return Err(Error::Twice { symbol: symbol() });
        }
        if instrument.currency != strategy.currency {
            let (found, account) = (instrument.currency, strategy.currency);
            return Err(Error::Currency { symbol: symbol(), found, account });
        }
        before = Some(instrument);
    }
    Ok(())
}

/// Refuses a bar whose open or close is not positive.
#[inline]
pub(crate) fn check_prices(
    instrument: &Instrument,
    (open, close): (Price, Price),
    row: usize,
) -> Result<(), Error> {
    if open.0 > 0 && close.0 > 0 {
        return Ok(());
    }
    let price = instrument.price_scale.format(open.0.min(close.0));
    Err(Error::NotPositive { symbol: instrument.symbol.clone(), price, row })
}
