//! The strategy language: YAML text to a [`Strategy`], with every fault and its place.

mod complete;
mod keys;
mod locate;
mod parameters;
mod read;
mod template;
mod tree;
mod yaml;

pub use complete::{Completion, CompletionKind, complete_strategy};
pub use keys::{KEYS, Key, KeyKind};
pub use parameters::{PARAMETERS_MAX, Parameter, is_parameter_name, plain_decimal};
pub use template::Template;

use crate::Problem;
use factor::{Expression, Schema};
use market::{Adjustment, BarSize, Currency, Money, Symbol};
use std::fmt;

/// Bytes that a strategy's text may have.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// A strategy that was read, typed and found whole. Its `Display` is the canonical text: the
/// same for every way of writing it, and part of the run id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strategy {
    /// What it is called.
    pub name: String,
    /// The data set in the catalogue.
    pub data: String,
    /// The symbols that are traded, sorted; `None` for all of the data set.
    pub universe: Option<Vec<Symbol>>,
    /// Which prices it runs on.
    pub adjust: Adjustment,
    /// Length of its bars.
    pub bar: BarSize,
    /// What it decides by.
    pub rules: Rules,
    /// How large positions are.
    pub sizing: Sizing,
    /// What a fill costs.
    pub fee: FeeRate,
    /// Where its orders are filled.
    pub convention: Convention,
    /// Cash at the start.
    pub cash: Money,
    /// The account's currency.
    pub currency: Currency,
    /// Seed of fill models that draw numbers.
    pub seed: u64,
}

/// What a strategy decides by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rules {
    /// Long and short by signals, name by name.
    Signals(Box<Signals>),
    /// Target weights over all names, set anew on a schedule.
    Weights {
        /// Truth (equal weights) or numbers (fractions of equity).
        target: Expression,
        /// When they are set.
        schedule: Schedule,
    },
}

/// Signals: at least one of `long` and `short` is there. Each is true, false or missing at a
/// bar's close; missing changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signals {
    /// True: be long.
    pub long: Option<Expression>,
    /// True: close a long position. Absent: `long` being false closes it.
    pub exit: Option<Expression>,
    /// True: be short.
    pub short: Option<Expression>,
    /// True: close a short position. Absent: `short` being false closes it.
    pub cover: Option<Expression>,
}

/// When weights are set: first at the first row that has its look-back, then …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// … every so many rows of the calendar.
    EveryBars(u32),
    /// … at the first row of each UTC day.
    Daily,
    /// … at the first row of each ISO week.
    Weekly,
    /// … at the first row of each month.
    Monthly,
}

/// How large positions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizing {
    /// So much of the instrument per entry, in units of 1e-8.
    Fixed(Money),
    /// This per cent of equity per entry, in units of 1e-8 per cent.
    Percent(Money),
    /// This fraction of equity spread over the weights, in units of 1e-8.
    Exposure(Money),
}

/// A fee as a fraction of the notional: basis points in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeRate(Money);

impl FeeRate {
    /// From basis points with at most eight decimals, at least 0 and below 10,000.
    #[must_use]
    pub fn from_bps(bps: Money) -> Option<Self> {
        (bps >= Money::ZERO && bps < Money::from_whole(10_000)).then_some(Self(bps))
    }

    /// The rate in basis points.
    #[must_use]
    pub const fn bps(self) -> Money {
        self.0
    }

    /// The fee on a notional, half to even at 1e-8.
    pub fn of(self, notional: Money) -> Result<Money, market::Error> {
        Money(notional.0.abs()).scaled(self.0.0, 10_000 * Money::UNIT)
    }
}

/// Where an order decided at a bar's close is filled. The name stands in every result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Convention {
    /// At the open of the instrument's next bar; an order of the last bar is never filled.
    NextOpen,
    /// At that same close. Not tradable live: the price is known only once it is too late.
    SameClose,
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NextOpen => "next_open",
            Self::SameClose => "same_close",
        })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EveryBars(n) => write!(f, "every {n} bars"),
            Self::Daily => f.write_str("daily"),
            Self::Weekly => f.write_str("weekly"),
            Self::Monthly => f.write_str("monthly"),
        }
    }
}

/// The canonical text: JSON strings for free text, canonical expressions, one key a line.
impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "version: 1\nname: {:?}\ndata: {:?}", self.name, self.data)?;
        if let Some(universe) = &self.universe {
            let names: Vec<&str> = universe.iter().map(Symbol::as_str).collect();
            writeln!(f, "universe: [{}]", names.join(", "))?;
        }
        let adjust = match self.adjust {
            Adjustment::Raw => "none",
            Adjustment::Splits => "splits",
        };
        writeln!(f, "adjust: {adjust}\nbar: {}", self.bar)?;
        match &self.rules {
            Rules::Signals(signals) => {
                writeln!(f, "signals:")?;
                for (name, expression) in signals.named() {
                    writeln!(f, "  {name}: {expression}")?;
                }
            }
            Rules::Weights { target, schedule } => {
                writeln!(f, "weights: {target}\nschedule: {schedule}")?;
            }
        }
        match self.sizing {
            Sizing::Fixed(size) => writeln!(f, "sizing: {{ fixed: {size} }}")?,
            Sizing::Percent(percent) => writeln!(f, "sizing: {{ percent: {percent} }}")?,
            Sizing::Exposure(part) => writeln!(f, "sizing: {{ exposure: {part} }}")?,
        }
        writeln!(f, "costs: {{ fee_bps: {} }}\nconvention: {}", self.fee.0, self.convention)?;
        writeln!(f, "cash: {}\ncurrency: {}\nseed: {}", self.cash, self.currency, self.seed)
    }
}

impl Signals {
    /// The signals that are there, by name.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &Expression)> {
        let all = [
            ("long", &self.long),
            ("exit", &self.exit),
            ("short", &self.short),
            ("cover", &self.cover),
        ];
        all.into_iter().filter_map(|(name, expression)| Some((name, expression.as_ref()?)))
    }
}

impl Strategy {
    /// Its expressions by name.
    #[must_use]
    pub fn expressions(&self) -> Vec<(String, Expression)> {
        match &self.rules {
            Rules::Signals(signals) => {
                signals.named().map(|(name, e)| (name.to_owned(), e.clone())).collect()
            }
            Rules::Weights { target, .. } => vec![("weights".to_owned(), target.clone())],
        }
    }

    /// Rows before the first one on which it decides: the longest look-back of its expressions.
    #[must_use]
    pub fn lookback(&self) -> usize {
        self.expressions().iter().map(|(_, e)| e.lookback()).max().unwrap_or(0)
    }
}

/// Reads a strategy whose expressions use the fields of bars; all faults at once, in text order.
pub fn parse_strategy(text: &str) -> Result<Strategy, Vec<Problem>> {
    let found = read::strategy(text, &Schema::bars(), &[]);
    found.strategy.ok_or(found.problems)
}

/// The faults of a text, for an editor; expressions may use the names of `schema`, or else the
/// fields of bars.
#[must_use]
pub fn check_strategy(text: &str, schema: Option<&Schema>) -> Vec<Problem> {
    let bars = Schema::bars();
    read::strategy(text, schema.unwrap_or(&bars), &[]).problems
}
