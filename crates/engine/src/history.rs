//! The bars of a run and their calendar: what every run over them has in common.

use crate::{
    Engine, Error, RuleTrader, Strategy, Terms,
    exchange::Exchange,
    session::{BarSession, Curve},
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
    ) -> Result<BarSession<'a, RuleTrader>, Error> {
        let terms = Terms::of(strategy, &self.instruments)?;
        let ledger = Ledger::open(terms.cash, &self.instruments);
        let exchange = Exchange::new(terms.venue(strategy.seed), &self.listings);
        let trader = RuleTrader::new(terms, self.instruments.len());
        let engine = Engine::new(trader, ledger, self.instruments.len(), log);
        Ok(BarSession::new(exchange, engine, (self.series, self.lockstep), curve))
    }
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
    for pair in series.windows(2) {
        if let [a, b] = pair
            && a.instrument().symbol == b.instrument().symbol
        {
            return Err(Error::Twice { symbol: a.instrument().symbol.clone() });
        }
    }
    for one in series {
        let instrument = one.instrument();
        let symbol = || instrument.symbol.clone();
        if instrument.currency != strategy.currency {
            let (found, account) = (instrument.currency, strategy.currency);
            return Err(Error::Currency { symbol: symbol(), found, account });
        }
        if one.size() != strategy.bar {
            let (found, asked) = (one.size(), strategy.bar);
            return Err(Error::BarSize { symbol: symbol(), found, asked });
        }
        let wrong = |(_, (open, close)): &(usize, (&Price, &Price))| open.0 <= 0 || close.0 <= 0;
        if let Some((row, (open, close))) =
            one.open().iter().zip(one.close()).enumerate().find(wrong)
        {
            let price = instrument.price_scale.format(open.0.min(close.0));
            return Err(Error::NotPositive { symbol: symbol(), price, row });
        }
    }
    Ok(())
}
