//! The result document: what `result.json` and the server's result route hold.

use super::held::{HeldRow, held};
use engine::{Outcome, SEMANTICS, order::Refusal};
use market::{Adjustment, Instrument, Money, Quantity, Side};
use portfolio::{
    Direction, Drawdown, EquityPoint, Fill, InstrumentId, Performance, Settings, Totals, Trade,
    Unit, Value, performance_of, periods_per_year,
};
use serde::{Deserialize, Serialize};

/// Everything about one run. Money is a decimal string, a ratio a number or null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultDocument {
    /// SHA-256 of data, canonical strategy, convention and semantics.
    pub run_id: String,
    /// SHA-256 of what came out.
    pub digest: String,
    /// What was run.
    pub strategy: StrategyText,
    /// On what.
    pub data: Data,
    /// Where orders were filled.
    pub convention: String,
    /// By which engine.
    pub engine: EngineStamp,
    /// The figures that a list shows.
    pub summary: Summary,
    /// All figures, each with formula and source.
    pub measures: Vec<MeasureRow>,
    /// The account over time: each bar, or the last bar of each UTC day for shorter ones.
    pub equity: Vec<EquityRow>,
    /// Returns by month.
    pub monthly: Vec<MonthRow>,
    /// The deepest drawdowns, deepest first.
    pub drawdowns: Vec<DrawdownRow>,
    /// Sharpe ratio over half a year of periods.
    pub rolling_sharpe: Vec<SharpeRow>,
    /// Round trips in the order in which they closed, open ones last; of a run on quotes the first
    /// 5,000 that closed, `trades.csv` has all.
    pub trades: Vec<TradeRow>,
    /// Positions that are open at the end, by symbol; `summary.unfilled` counts waiting orders.
    #[serde(default)]
    pub held: Vec<HeldRow>,
    /// Executions; of a run on quotes the first 5,000, `fills.csv` has all.
    pub fills: Vec<FillRow>,
    /// The first orders that were refused or cut, and why; `summary.refused` counts all.
    pub refusals: Vec<RefusalRow>,
}

/// The strategy as it was written, and as it was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyText {
    /// Its name.
    pub name: String,
    /// As it was written.
    pub text: String,
    /// As it was understood: every key with its value.
    pub canonical: String,
}

/// The data of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The data set.
    pub name: String,
    /// SHA-256 of the logical columns.
    pub digest: String,
    /// `splits` or `none`.
    pub adjust: String,
    /// What it decided on: the length of a bar, `quote` or `every N quotes`.
    pub bar: String,
    /// The symbols, in order.
    pub symbols: Vec<String>,
    /// Decimals of each one's price and size.
    #[serde(default)]
    pub decimals: Vec<(u8, u8)>,
    /// The account's currency.
    pub currency: String,
}

/// The engine's mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineStamp {
    /// The number of its semantics.
    pub semantics: u32,
}

/// The figures that a list shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "`measures` explains each by its formula and source")]
pub struct Summary {
    pub start_equity: Option<String>,
    pub end_equity: Option<String>,
    pub total_return: Option<f64>,
    pub cagr: Option<f64>,
    pub volatility: Option<f64>,
    pub sharpe: Option<f64>,
    pub sortino: Option<f64>,
    pub calmar: Option<f64>,
    pub max_drawdown: Option<f64>,
    pub max_drawdown_days: Option<f64>,
    pub fills: u64,
    pub trades: u64,
    pub win_rate: Option<f64>,
    pub profit_factor: Option<f64>,
    pub fees: String,
    pub turnover: Option<f64>,
    pub exposure: Option<f64>,
    pub refused: u64,
    pub unfilled: u64,
    /// When equity was zero or below for the first time; null if it never was.
    #[serde(default)]
    pub ruined: Option<String>,
    pub first: Option<String>,
    pub last: Option<String>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasureRow {
    /// Its key.
    pub name: String,
    /// A number, or a decimal string for money; null where the run does not define it.
    pub value: serde_json::Value,
    /// `ratio`, `percent`, `money`, `count` or `days`.
    pub unit: String,
    /// Formula and source.
    pub source: String,
}

/// The account at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EquityRow {
    /// When: a date, or RFC 3339.
    pub t: String,
    /// Cash and positions.
    pub equity: String,
    /// Equity ÷ its highest so far − 1.
    pub drawdown: Option<f64>,
    /// Money in hand.
    pub cash: String,
    /// Σ |value of positions| ÷ equity.
    pub gross: Option<f64>,
}

/// One year of months.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonthRow {
    /// The year.
    pub year: i16,
    /// January to December.
    pub months: Vec<Option<f64>>,
    /// The whole year, as far as it was traded.
    pub total: Option<f64>,
}

/// One drawdown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrawdownRow {
    /// The peak.
    pub start: String,
    /// The lowest point.
    pub trough: String,
    /// When the peak was reached again.
    pub end: Option<String>,
    /// Trough ÷ peak − 1.
    pub depth: f64,
    /// Calendar days from the peak to the end.
    pub days: i64,
    /// Calendar days from the trough to the end.
    pub recovery_days: Option<i64>,
}

/// One value of the rolling Sharpe ratio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharpeRow {
    /// The window's end.
    pub t: String,
    /// The ratio.
    pub value: Option<f64>,
}

/// One round trip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TradeRow {
    /// What was traded.
    pub symbol: String,
    /// `long` or `short`.
    pub side: String,
    /// The first fill.
    pub opened: String,
    /// The last fill; null while it is open.
    pub closed: Option<String>,
    /// How much was entered.
    pub quantity: String,
    /// Mean price of the entering fills.
    pub entry: String,
    /// Mean price of the exiting fills.
    pub exit: Option<String>,
    /// Fees of all its fills.
    pub fees: String,
    /// Profit after fees.
    pub pnl: String,
    /// Profit ÷ what was entered.
    #[serde(rename = "return")]
    pub return_: Option<f64>,
    /// Rows of the calendar it was held.
    pub bars: u32,
}

/// One execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillRow {
    /// When.
    pub t: String,
    /// What.
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: String,
    /// How much.
    pub quantity: String,
    /// At which price.
    pub price: String,
    /// What it cost.
    pub fee: String,
    /// The order's number.
    pub order: u64,
}

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalRow {
    /// When.
    pub t: String,
    /// What.
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: String,
    /// How much of the order was refused.
    pub quantity: String,
    /// Why.
    pub reason: String,
}

impl ResultDocument {
    /// Of an outcome and the strategy's text as it was written.
    pub fn of(outcome: &Outcome, text: &str) -> Result<Self, portfolio::Error> {
        let mut totals = Totals::default();
        outcome.trades.iter().try_for_each(|trade| totals.trade(trade))?;
        outcome.simulation.fills.iter().try_for_each(|fill| totals.fill(fill))?;
        Self::summed(outcome, &totals, text)
    }

    /// Of an outcome that has the first fills and round trips only, and the totals of all.
    pub fn summed(
        outcome: &Outcome,
        totals: &Totals,
        text: &str,
    ) -> Result<Self, portfolio::Error> {
        let (strategy, run) = (&outcome.strategy, &outcome.simulation);
        let measured_by = strategy.clock.measured_by();
        let annual = periods_per_year(&run.curve, measured_by);
        let settings =
            Settings { start: strategy.cash, bar: measured_by, periods_per_year: annual };
        let figures = performance_of(&run.curve, totals, &settings)?;
        let names = Names(&outcome.instruments);
        let adjust = match strategy.adjust {
            Adjustment::Raw => "none",
            Adjustment::Splits => "splits",
        };
        let trades = outcome.trades.iter().map(|trade| names.trade(trade));
        Ok(Self {
            run_id: outcome.run_id.to_string(),
            digest: outcome.digest.to_string(),
            strategy: StrategyText {
                name: strategy.name.clone(),
                text: text.to_owned(),
                canonical: strategy.to_string(),
            },
            data: Data {
                name: strategy.data.clone(),
                digest: outcome.data.to_string(),
                adjust: adjust.to_owned(),
                bar: strategy.clock.to_string(),
                symbols: outcome.instruments.iter().map(|i| i.symbol.to_string()).collect(),
                decimals: outcome.instruments.iter().map(decimals).collect(),
                currency: strategy.currency.to_string(),
            },
            convention: strategy.convention.to_string(),
            engine: EngineStamp { semantics: SEMANTICS },
            summary: summary(outcome, &figures),
            measures: measures(&figures),
            equity: equity(&figures.sampled, strategy.cash),
            monthly: monthly(&figures),
            drawdowns: figures.worst_drawdowns.iter().map(drawdown).collect(),
            rolling_sharpe: rolling(&figures),
            trades: trades.collect::<Result<_, _>>()?,
            held: held(outcome)?,
            fills: run.fills.iter().map(|fill| names.fill(fill)).collect(),
            refusals: run.refusals.iter().map(|refusal| names.refusal(refusal)).collect(),
        })
    }

    /// The bytes of `result.json`: compact JSON and a line end.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn decimals(instrument: &Instrument) -> (u8, u8) {
    (instrument.price_scale.decimals(), instrument.lot_scale.decimals())
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts made from usize"
)]
fn summary(outcome: &Outcome, p: &Performance) -> Summary {
    let money = |m: Option<Money>| m.map(|m| m.to_string());
    let run = &outcome.simulation;
    Summary {
        start_equity: money(p.start_equity),
        end_equity: money(p.end_equity),
        total_return: p.total_return,
        cagr: p.cagr,
        volatility: p.volatility,
        sharpe: p.sharpe,
        sortino: p.sortino,
        calmar: p.calmar,
        max_drawdown: p.max_drawdown,
        max_drawdown_days: p.max_drawdown_days,
        fills: p.fills as u64,
        trades: p.trades as u64,
        win_rate: p.win_rate,
        profit_factor: p.profit_factor,
        fees: p.fees.to_string(),
        turnover: p.turnover,
        exposure: p.exposure,
        refused: run.refused,
        unfilled: run.unfilled.len() as u64,
        ruined: run.curve.iter().find(|p| p.equity <= Money::ZERO).map(|p| p.time.to_string()),
        first: run.curve.first().map(|point| point.time.to_string()),
        last: run.curve.last().map(|point| point.time.to_string()),
    }
}

fn measures(figures: &Performance) -> Vec<MeasureRow> {
    let row = |m: portfolio::Measure| MeasureRow {
        name: m.name.to_owned(),
        value: match m.value {
            Value::Number(number) => serde_json::json!(number),
            Value::Money(amount) => serde_json::json!(amount.map(|a| a.to_string())),
        },
        unit: unit(m.unit).to_owned(),
        source: m.source.into_owned(),
    };
    figures.measures().into_iter().map(row).collect()
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Ratio => "ratio",
        Unit::Percent => "percent",
        Unit::Money => "money",
        Unit::Count => "count",
        Unit::Days => "days",
    }
}

fn equity(points: &[EquityPoint], start: Money) -> Vec<EquityRow> {
    let mut peak = start.to_f64();
    let positive = |a: f64, b: f64| (b > 0.0).then(|| a / b);
    let mut row = |point: &EquityPoint| {
        let equity = point.equity.to_f64();
        peak = peak.max(equity);
        EquityRow {
            t: point.time.to_string(),
            equity: point.equity.to_string(),
            drawdown: positive(equity - peak, peak),
            cash: point.cash.to_string(),
            gross: positive(point.gross.to_f64(), equity),
        }
    };
    points.iter().map(&mut row).collect()
}

fn monthly(figures: &Performance) -> Vec<MonthRow> {
    let row = |y: &portfolio::YearReturns| MonthRow {
        year: y.year,
        months: y.months.to_vec(),
        total: y.total,
    };
    figures.monthly.iter().map(row).collect()
}

fn drawdown(d: &Drawdown) -> DrawdownRow {
    DrawdownRow {
        start: d.start.to_string(),
        trough: d.trough.to_string(),
        end: d.end.map(|end| end.to_string()),
        depth: d.depth,
        days: d.days,
        recovery_days: d.recovery_days,
    }
}

fn rolling(figures: &Performance) -> Vec<SharpeRow> {
    let row = |p: &portfolio::RollingPoint| SharpeRow { t: p.time.to_string(), value: p.value };
    figures.rolling_sharpe.iter().map(row).collect()
}

/// The instruments of a run: names and digits.
pub(super) struct Names<'a>(pub(super) &'a [Instrument]);

impl Names<'_> {
    fn find(&self, id: InstrumentId) -> &Instrument {
        self.0.get(id.index()).expect("a run knows the instruments of its own fills")
    }

    fn quantity(&self, id: InstrumentId, quantity: Quantity) -> String {
        let lots = i64::try_from(quantity.0).unwrap_or(i64::MAX);
        self.find(id).lot_scale.format(lots)
    }

    /// Mean price of so many lots, half to even at 1e-8.
    fn mean_price(
        &self,
        id: InstrumentId,
        amount: Money,
        lots: Quantity,
    ) -> Result<Option<String>, portfolio::Error> {
        if lots == Quantity::ZERO {
            return Ok(None);
        }
        let units = i128::from(self.find(id).lot_scale.units());
        Ok(Some(amount.scaled(units, i128::from(lots.0))?.to_string()))
    }

    pub(super) fn trade(&self, trade: &Trade) -> Result<TradeRow, portfolio::Error> {
        let id = trade.instrument;
        let side = match trade.direction {
            Direction::Long => "long",
            Direction::Short => "short",
        };
        Ok(TradeRow {
            symbol: self.find(id).symbol.to_string(),
            side: side.to_owned(),
            opened: trade.opened.to_string(),
            closed: trade.closed.map(|at| at.to_string()),
            quantity: self.quantity(id, trade.quantity),
            entry: self.mean_price(id, trade.entered, trade.quantity)?.unwrap_or_default(),
            exit: self.mean_price(id, trade.exited, trade.exited_quantity)?,
            fees: trade.fees.to_string(),
            pnl: trade.profit.to_string(),
            return_: trade.profit_ratio(),
            bars: trade.bars,
        })
    }

    fn fill(&self, fill: &Fill) -> FillRow {
        FillRow {
            t: fill.time.to_string(),
            symbol: self.find(fill.instrument).symbol.to_string(),
            side: side(fill.side),
            quantity: self.quantity(fill.instrument, fill.quantity),
            price: self.find(fill.instrument).price_scale.format(fill.price.0),
            fee: fill.fee.to_string(),
            order: fill.order,
        }
    }

    fn refusal(&self, refusal: &Refusal) -> RefusalRow {
        RefusalRow {
            t: refusal.time.to_string(),
            symbol: self.find(refusal.instrument).symbol.to_string(),
            side: side(refusal.side),
            quantity: self.quantity(refusal.instrument, refusal.quantity),
            reason: refusal.reason.to_string(),
        }
    }
}

fn side(side: Side) -> String {
    side.to_string()
}
