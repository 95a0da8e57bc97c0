//! nautilus-backtest (the engine of nautilus_trader in Rust): W1 at the close, W2a by quotes.
//!
//!     nautilus_backtest_run WORKLOAD CONVENTION --data DIR [--rows N]

use anyhow::{Context, Result, bail};
use log::LevelFilter;
use nautilus_backtest::{
    config::{BacktestEngineConfig, SimulatedVenueConfig},
    engine::BacktestEngine,
};
use nautilus_common::{actor::DataActor, logging::logger::LoggerConfig};
use nautilus_indicators::{
    average::ema::ExponentialMovingAverage,
    indicator::{Indicator, MovingAverage},
};
use nautilus_model::{
    accounts::Account,
    data::{Bar, BarType, Data, QuoteTick},
    enums::{AccountType, BookType, OmsType, OrderSide, PriceType},
    events::OrderFilled,
    identifiers::{InstrumentId, Symbol, Venue},
    instruments::{CurrencyPair, InstrumentAny},
    types::{Currency, Money, Price, Quantity},
};
use nautilus_trading::{
    nautilus_strategy,
    strategy::{Strategy, StrategyConfig, StrategyCore},
};
use rust_decimal::Decimal;
use std::{cell::Cell, env, fmt, fs, time::Instant};

const BARS: &str = "BTCUSDT.SIM-1-MINUTE-LAST-EXTERNAL";
const MINUTE: u64 = 60_000_000_000;

thread_local!(static FILLS: Cell<u64> = const { Cell::new(0) });

struct Cross {
    core: StrategyCore,
    id: InstrumentId,
    quantity: Quantity,
    bars: Option<BarType>,
    fast: ExponentialMovingAverage,
    slow: ExponentialMovingAverage,
    held: bool,
}

nautilus_strategy!(Cross);

impl fmt::Debug for Cross {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Cross")
    }
}

impl Cross {
    fn decide(&mut self) -> Result<()> {
        if !self.slow.initialized() {
            return Ok(());
        }
        let (fast, slow) = (self.fast.value(), self.slow.value());
        let side = match self.held {
            false if fast > slow => OrderSide::Buy,
            true if fast < slow => OrderSide::Sell,
            _ => return Ok(()),
        };
        self.held = !self.held;
        let (id, quantity) = (self.id, self.quantity);
        let order = self.core.order_factory();
        let order = order.market(id, side, quantity, None, None, None, None, None, None, None);
        self.submit_order(order, None, None, None)
    }
}

impl DataActor for Cross {
    fn on_start(&mut self) -> Result<()> {
        match self.bars {
            Some(bars) => self.subscribe_bars(bars, None, None),
            None => self.subscribe_quotes(self.id, None, None),
        }
        Ok(())
    }

    fn on_quote(&mut self, quote: &QuoteTick) -> Result<()> {
        self.fast.handle_quote(quote);
        self.slow.handle_quote(quote);
        self.decide()
    }

    fn on_bar(&mut self, bar: &Bar) -> Result<()> {
        self.fast.handle_bar(bar);
        self.slow.handle_bar(bar);
        self.decide()
    }

    fn on_order_filled(&mut self, _: &OrderFilled) -> Result<()> {
        FILLS.with(|count| count.set(count.get() + 1));
        Ok(())
    }
}

/// What was asked for on the command line.
struct Asked {
    workload: String,
    convention: String,
    folder: String,
    rows: usize,
}

impl Asked {
    fn parse() -> Result<Self> {
        let words: Vec<String> = env::args().skip(1).collect();
        let [workload, convention, _, folder, rest @ ..] = &words[..] else {
            bail!("nautilus_backtest_run WORKLOAD CONVENTION --data DIR [--rows N]");
        };
        let rows = rest.get(1).map_or(Ok(usize::MAX), |rows| rows.parse())?;
        let [workload, convention, folder] = [workload, convention, folder].map(String::clone);
        Ok(Self { workload, convention, folder, rows })
    }

    fn column(&self, name: &str) -> Result<Vec<i64>> {
        let path = format!("{}/{name}.i64", self.folder);
        let bytes = fs::read(&path).context(path)?;
        let values = bytes.chunks_exact(8).take(self.rows);
        Ok(values.map(|one| i64::from_le_bytes(one.try_into().expect("eight bytes"))).collect())
    }

    /// The events and the last price.
    fn events(&self, id: InstrumentId) -> Result<(Vec<Data>, i64)> {
        let of = |name: &str| self.column(name);
        if self.workload == "W1" {
            let [ts, open, high] =
                ["ts", "open", "high"].map(|name| of(&format!("bars_1m.{name}")));
            let (ts, open, high) = (ts?, open?, high?);
            let (low, close) = (of("bars_1m.low")?, of("bars_1m.close")?);
            let (bars, size) = (BarType::from(BARS), Quantity::from("1000000"));
            let event = |i: usize| {
                let at = (ts[i].unsigned_abs() + MINUTE).into();
                let [open, high, low, close] = [open[i], high[i], low[i], close[i]].map(price);
                Data::Bar(Bar::new(bars, open, high, low, close, size, at, at))
            };
            return Ok(((0..ts.len()).map(event).collect(), close[close.len() - 1]));
        }
        let (ts, bid, ask) = (of("quotes_5m.ts")?, of("quotes_5m.bid")?, of("quotes_5m.ask")?);
        let (bids, asks) = (of("quotes_5m.bid_size")?, of("quotes_5m.ask_size")?);
        let event = |i: usize| {
            let at = ts[i].unsigned_abs().into();
            let [bids, asks] = [bids[i], asks[i]].map(|size| Quantity::new(size as f64, 0));
            Data::Quote(QuoteTick::new(id, price(bid[i]), price(ask[i]), bids, asks, at, at))
        };
        Ok(((0..ts.len()).map(event).collect(), bid[bid.len() - 1]))
    }
}

fn price(ticks: i64) -> Price {
    Price::new(ticks as f64 / 100.0, 2)
}

/// Seconds this thread was on a core.
fn cpu_seconds() -> Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().context("nothing counted")?.parse::<f64>()? / 1e9)
}

fn engine(venue: Venue, id: InstrumentId) -> Result<BacktestEngine> {
    let quiet = LoggerConfig::builder().bypass_logging(true).stdout_level(LevelFilter::Off).build();
    let config = BacktestEngineConfig::builder().bypass_logging(true).logging(quiet);
    let mut engine = BacktestEngine::new(config.run_analysis(false).build())?;
    let (usdt, part, fee) = (Currency::USDT(), Decimal::new(1, 2), Decimal::new(1, 3));
    engine.add_venue(
        SimulatedVenueConfig::builder()
            .venue(venue)
            .oms_type(OmsType::Netting)
            .account_type(AccountType::Margin)
            .book_type(BookType::L1_MBP)
            .starting_balances(vec![Money::new(1_000_000.0, usdt)])
            .base_currency(usdt)
            .default_leverage(Decimal::from(100))
            .build(),
    )?;
    #[rustfmt::skip]
    let pair = CurrencyPair::new(
        id, Symbol::from("BTCUSDT"), Currency::BTC(), usdt, 2, 0, Price::from("0.01"), Quantity::from("1"),
        None, None, None, None, None, None, None, None,
        Some(part), Some(part), Some(fee), Some(fee), None, 0.into(), 0.into(),
    );
    engine.add_instrument(&InstrumentAny::CurrencyPair(pair))?;
    Ok(engine)
}

fn main() -> Result<()> {
    let asked = Asked::parse()?;
    let (bars, quantity) = match (&asked.workload[..], &asked.convention[..]) {
        ("W1", "same_close") => (Some(BarType::from(BARS)), "10"),
        ("W2a", "same_quote") => (None, "1"),
        (workload, convention) => bail!("does not do {workload} {convention}"),
    };
    let (venue, id) = (Venue::from("SIM"), InstrumentId::from("BTCUSDT.SIM"));
    let (events, last) = asked.events(id)?;
    let rows = events.len();
    let mut engine = engine(venue, id)?;
    let [fast, slow] = [10, 30].map(|n| ExponentialMovingAverage::new(n, Some(PriceType::Mid)));
    let core = StrategyCore::new(StrategyConfig::default());
    let quantity = Quantity::from(quantity);
    engine.add_strategy(Cross { core, id, quantity, bars, fast, slow, held: false })?;
    engine.add_data(events, None, true, true)?;

    let (start, begun) = (Instant::now(), cpu_seconds()?);
    engine.run(None, None, None, false)?;
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds()? - begun);

    let cache = engine.kernel().cache();
    let cache = cache.borrow();
    let account = cache.account_for_venue(&venue).context("no account")?;
    let balance = account.balance_total(Some(Currency::USDT())).context("no balance")?.as_f64();
    let positions = cache.positions_open(None, None, None, None, None);
    let open: f64 = positions.iter().map(|one| one.unrealized_pnl(price(last)).as_f64()).sum();
    let whole = if asked.workload == "W1" { 1_000_000 } else { 5_000_000 };
    let part = if rows == whole { String::new() } else { format!("/{rows}") };
    println!(
        "{{\"peer\": \"nautilus_backtest\", \"version\": \"0.57.0\", \"workload\": \"{}{part}\", \
         \"convention\": \"{}\", \"rows\": {rows}, \"wall_s\": {wall:.4}, \"cpu_s\": {cpu:.4}, \
         \"rows_per_cpu_s\": {:.0}, \"fills\": {}, \"equity\": {:.5}}}",
        asked.workload,
        asked.convention,
        rows as f64 / cpu,
        FILLS.with(Cell::get),
        balance + open,
    );
    Ok(())
}
