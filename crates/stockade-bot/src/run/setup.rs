//! From configuration, strategy and a venue's list of instruments to a session that can begin.

use super::{market::Market, tape};
use crate::config::Config;
use anyhow::{Context, bail};
use engine::{
    Clock, Digest, Engine, Event, RowEvaluator, RuleTrader, Strategy,
    feed::{RowBuilder, RowTerms},
    live::{Each, Epoch, Heartbeat, Past, Permit, Session, Terms},
    risk::Span,
    ticks::{Log, Recording},
};
use market::{
    Bar, BarSize, Currency, Instrument, Listing, Money, Product, Rate, Roster, Settlement,
    Timestamp, Traded, VenueName,
};
use portfolio::{AccountTerms, InstrumentId, Ledger, MarginTiers, PositionMode};
use std::path::Path;
use venues::Traits;

/// After so many milliseconds the venue drops a request that is under way.
pub const WINDOW_MS: u32 = 5_000;
/// Rows of history that are fetched at most.
const WARM_MAX: usize = 5_000;

/// What is to be done, as its owner wrote it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// Its text.
    pub config_text: String,
    /// The strategy.
    pub strategy: Strategy,
    /// Its text.
    pub strategy_text: String,
    /// How long a row is.
    pub size: BarSize,
}

impl Plan {
    /// From the texts.
    pub fn of(config: Config, config_text: String, strategy_text: String) -> anyhow::Result<Self> {
        let strategy = super::strategy(&strategy_text, &config.strategy)?;
        let Clock::Bars(size) = strategy.clock else {
            bail!("{}: the bot decides on bars", config.strategy.display());
        };
        Ok(Self { config, config_text, strategy, strategy_text, size })
    }

    /// From the files.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let config_text = crate::config::read_private(path)?;
        let config = crate::config::load(path)?;
        let strategy_text = super::strategy_text(&config.strategy)?;
        Self::of(config, config_text, strategy_text)
    }

    /// The venue's names of what is traded.
    #[must_use]
    pub fn natives(&self) -> Vec<String> {
        let venue = &self.config.venue;
        self.config.symbols.iter().map(|name| native(venue.name, venue.product, name)).collect()
    }

    /// What is traded, in the order of its names, from what the venue lists.
    pub fn roster(&self, listed: &[Traded]) -> anyhow::Result<Roster> {
        let venue = &self.config.venue;
        let natives = self.natives();
        let mut found: Vec<Traded> = Vec::new();
        for (written, name) in self.config.symbols.iter().zip(&natives) {
            let is_it = |one: &&Traded| one.product == venue.product && one.native.as_str() == name;
            let Some(one) = listed.iter().find(is_it) else {
                bail!(
                    "{} lists no {} {written} (looked for {name}): look at `symbols`",
                    venue.name,
                    venue.product.name()
                );
            };
            if !one.trading {
                bail!("{written} does not trade at {} now", venue.name);
            }
            found.push(one.clone());
        }
        found.sort_by(|a, b| a.listing.instrument.symbol.cmp(&b.listing.instrument.symbol));
        found.dedup_by(|a, b| a.native == b.native);
        Ok(Roster::new(found))
    }

    /// The kernel, its ledger at the venue's cash, and the keeper of orders, at the beginning of a life.
    pub fn session(
        &self,
        roster: &Roster,
        traits: &Traits,
        beginning: &Beginning,
    ) -> anyhow::Result<Session<RuleTrader>> {
        let begun = self.begun(roster, traits, beginning)?;
        // What former lives bought on spot is paid for already: the venue's cash is what it left, and
        // the ledger pays for it once more when it hears of it.
        let cash = begun.engine().desk().ledger().cash();
        let paid = beginning.cash.minus(cash)?;
        if paid == Money::ZERO {
            return Ok(begun);
        }
        let cash = beginning.cash.plus(paid)?;
        self.begun(roster, traits, &Beginning { cash, ..beginning.clone() })
    }

    fn begun(
        &self,
        roster: &Roster,
        traits: &Traits,
        beginning: &Beginning,
    ) -> anyhow::Result<Session<RuleTrader>> {
        let (instruments, listings) = (instruments(roster), listings(roster));
        let terms = engine::Terms::of(&self.strategy, &instruments)?;
        let gate = terms.gate.clone();
        let ledger = Ledger::on(self.account(roster, beginning.cash)?, &listings)?;
        let log = Log::new(beginning.ticks, Digest([0; 32]));
        let trader = RuleTrader::new(terms, instruments.len());
        let engine = Engine::new(trader, ledger, instruments.len(), log).guarded(gate);
        let mut terms = self.terms(listings, traits);
        terms.bases = roster.all().iter().map(|one| one.base).collect();
        let mut session =
            Session::begin(engine, terms, Epoch(beginning.epoch), &beginning.past, beginning.now)?;
        session.permit(beginning.permit);
        Ok(session)
    }

    fn terms(&self, listings: Vec<Listing>, traits: &Traits) -> Terms {
        let config = &self.config;
        let each = match traits.heartbeat {
            venues::Heartbeat::None => None,
            venues::Heartbeat::Instrument => Some(Each::Instrument),
            venues::Heartbeat::Account => Some(Each::Account),
        };
        let heartbeat = config.heartbeat_seconds.zip(each);
        Terms {
            stop: config.stop,
            stops: traits.stops,
            holds: traits.holds,
            caps: config.caps,
            window: Span::from_nanos(u64::from(WINDOW_MS) * 1_000_000),
            heartbeat: heartbeat
                .map(|(seconds, by_instrument)| Heartbeat { seconds, by_instrument }),
            compare_every: Span::from_secs(config.compare_seconds),
            ..Terms::of(listings)
        }
    }

    /// What a position of an instrument needs, to be opened and to be kept; nothing where it is paid
    /// in full.
    #[must_use]
    pub fn margin_of(&self, one: &Traded) -> Option<(Rate, Rate)> {
        let allowed = self.config.account.leverage.clamp(1, one.leverage_max.max(1));
        let initial = Rate(Rate::ONE.0 / i128::from(allowed));
        let is_margin = one.listing.settlement == Settlement::Margin;
        is_margin.then_some((initial, Rate(initial.0 / 2)))
    }

    /// The terms of the account at `cash`.
    pub fn account(&self, roster: &Roster, cash: Money) -> anyhow::Result<AccountTerms> {
        let mut margin = Vec::new();
        for (id, one) in (0..).map(InstrumentId).zip(roster.all()) {
            if let Some((initial, maintenance)) = self.margin_of(one) {
                margin.push((id, MarginTiers::flat(initial, maintenance)?));
            }
        }
        Ok(AccountTerms {
            mode: PositionMode::Netted,
            margin,
            ..AccountTerms::cash(self.currency(roster), cash)
        })
    }

    /// What the account counts in.
    #[must_use]
    pub fn currency(&self, roster: &Roster) -> Currency {
        let first = roster.all().first();
        first.map_or(self.strategy.currency, |one| one.listing.instrument.currency)
    }

    /// How many rows of history the strategy wants.
    #[must_use]
    pub fn warm_rows(evaluator: &RowEvaluator) -> usize {
        let memory = evaluator.look_back();
        memory.settled.unwrap_or(memory.rows).max(memory.rows).min(WARM_MAX)
    }
}

/// What a life begins with.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// Its number.
    pub epoch: u64,
    /// What former lives left.
    pub past: Past,
    /// Cash, in the account's currency.
    pub cash: Money,
    /// Whether risk may be opened.
    pub permit: Permit,
    /// The venue's time.
    pub now: Timestamp,
    /// What is kept of the kernel's ticks.
    pub ticks: Recording,
}

/// The instruments of a roster, by number.
#[must_use]
pub fn instruments(roster: &Roster) -> Vec<Instrument> {
    roster.all().iter().map(|one| one.listing.instrument.clone()).collect()
}

/// The listings of a roster, by number.
#[must_use]
pub fn listings(roster: &Roster) -> Vec<Listing> {
    roster.all().iter().map(|one| one.listing.clone()).collect()
}

/// A venue's name of what a person calls by a unified name; any other name is the venue's already.
#[must_use]
pub fn native(venue: VenueName, product: Product, name: &str) -> String {
    let pair = name.split(':').next().unwrap_or(name);
    let Some((base, quote)) = pair.split_once('/') else { return name.to_owned() };
    match (venue, product) {
        (VenueName::Okx, Product::Spot) => format!("{base}-{quote}"),
        (VenueName::Okx, Product::Perpetual) => format!("{base}-{quote}-SWAP"),
        (VenueName::Binance | VenueName::Bybit, _) => format!("{base}{quote}"),
    }
}

/// One row of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarmRow {
    /// What it is stamped with.
    pub time: Timestamp,
    /// A bar or none for each instrument.
    pub bars: Vec<Option<Bar>>,
}

impl WarmRow {
    /// As a recording has it.
    #[must_use]
    pub fn entry(&self) -> tape::Entry {
        tape::Entry::Warm(self.time.nanos(), tape::written_row(&self.bars))
    }

    /// From a recording.
    #[must_use]
    pub fn of(time: i64, bars: Vec<Option<tape::WrittenBar>>) -> Self {
        let bars = bars.into_iter().map(|bar| bar.map(tape::bar)).collect();
        Self { time: Timestamp::from_nanos(time), bars }
    }
}

/// Bars of history into rows, up to the row that is open at `now`.
pub fn history(
    bars: &[(InstrumentId, Vec<Bar>)],
    (size, from): (BarSize, BarSize),
    (since, now): (Timestamp, Timestamp),
) -> anyhow::Result<Vec<WarmRow>> {
    let terms = RowTerms { size, from, since, grace_nanos: 0 };
    let mut builder = RowBuilder::new(bars.len(), terms)?;
    let until = RowBuilder::begin(size, now);
    let mut all: Vec<(InstrumentId, &Bar)> =
        bars.iter().flat_map(|(id, bars)| bars.iter().map(|bar| (*id, bar))).collect();
    all.sort_by_key(|(id, bar)| (bar.open_time, *id));
    let mut rows = Vec::new();
    let mut time = since;
    for (id, bar) in all.into_iter().filter(|(_, bar)| bar.open_time < until) {
        // Whatever closed before this bar is complete: it is history.
        if bar.open_time > time {
            time = bar.open_time;
            while let Some(row) = builder.next(time)? {
                rows.push(WarmRow { time: row.time, bars: row.bars });
            }
        }
        builder.take(id, bar)?;
    }
    while let Some(row) = builder.next(until)? {
        rows.push(WarmRow { time: row.time, bars: row.bars });
    }
    Ok(rows)
}

/// Tells evaluator and kernel the rows of history; nothing is decided on them.
pub fn warm(
    evaluator: &mut RowEvaluator,
    session: &mut Session<RuleTrader>,
    rows: &[WarmRow],
    now: Timestamp,
) -> anyhow::Result<()> {
    for row in rows {
        let told = evaluator.warm(row.time, &row.bars)?;
        session.market(&Event::Row(told), now)?;
    }
    Ok(())
}

/// The public side from the row on that is open at `now`.
pub fn market(
    plan: &Plan,
    source: std::sync::Arc<dyn feeds::Source>,
    roster: &Roster,
    (now, ahead_nanos): (Timestamp, i64),
) -> anyhow::Result<Market> {
    let since = RowBuilder::begin(plan.size, now);
    Market::new(source, roster.clone(), (plan.size, since), ahead_nanos)
        .context("the public side cannot begin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unified_name_becomes_the_venues_own() {
        use {Product::*, VenueName::*};
        let check =
            |venue, product, name, want: &str| assert_eq!(native(venue, product, name), want);
        check(Binance, Spot, "BTC/USDT", "BTCUSDT");
        check(Bybit, Perpetual, "BTC/USDT:USDT", "BTCUSDT");
        check(Okx, Spot, "BTC/USDT", "BTC-USDT");
        check(Okx, Perpetual, "BTC/USDT", "BTC-USDT-SWAP");
        check(Okx, Perpetual, "BTC-USDT-SWAP", "BTC-USDT-SWAP");
        check(Bybit, Perpetual, "1000PEPEUSDT", "1000PEPEUSDT");
    }

    #[test]
    fn history_becomes_the_rows_that_have_closed() {
        let minute = 60_000_000_000;
        let bar = |n: i64| Bar {
            open_time: Timestamp::from_nanos(n * minute),
            open: market::Price(1),
            high: market::Price(2),
            low: market::Price(1),
            close: market::Price(2),
            volume: market::Quantity(1),
        };
        let bars = [
            (InstrumentId(0), (0..12).map(bar).collect()),
            (InstrumentId(1), vec![bar(1), bar(7)]),
        ];
        let now = Timestamp::from_nanos(10 * minute + 5);
        let since = Timestamp::from_nanos(0);
        let sizes =
            |size: &str, from: &str| (size.parse().expect("a size"), from.parse().expect("a size"));
        let rows = history(&bars, sizes("1m", "1m"), (since, now)).expect("rows");
        assert_eq!(rows.len(), 10);
        let second = |row: &WarmRow| row.bars.get(1).copied().flatten().is_some();
        assert_eq!(rows.iter().filter(|row| second(row)).count(), 2);
        let rows = history(&bars, sizes("5m", "1m"), (since, now)).expect("rows");
        assert_eq!(rows.len(), 2, "{rows:?}");
    }
}
