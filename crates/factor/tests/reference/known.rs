//! The operators that the slow evaluator knows, what they take, and how exact their results are.

use super::{Input, Table, calendar, cells, days, history, windows};
use Level::{Apart, Rough, Same};
use Part::{Count, Group, Lag, Least, Optional, Series, Truth, Window};
use std::sync::LazyLock;

/// How well a value is known, from what it was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Sums in any order, logarithms: alike within a rounding, so no comparison may hang on it.
    Rough,
    /// One rounding a step, each step stated: the same bits.
    Same,
    /// And different values lie well apart: a deviation of them is no rounding.
    Apart,
    /// And few binary digits: sums of them have no rounding at all.
    Exact,
}

/// A level, and the binary digits before and after the point of an exact value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grade {
    pub level: Level,
    pub whole: u32,
    pub parts: u32,
}

impl Grade {
    pub const TRUTH: Self = Self::exact(1, 0);

    pub const fn exact(whole: u32, parts: u32) -> Self {
        Self { level: Level::Exact, whole, parts }
    }

    pub const fn level(level: Level) -> Self {
        Self { level, whole: 60, parts: 60 }
    }

    pub fn meets(self, need: Level) -> bool {
        let narrow = self.level != Level::Exact || self.whole + self.parts <= 24;
        self.level >= need && (need != Apart || narrow)
    }
}

/// A parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part {
    /// A number series that is known at least so well.
    Series(Level),
    Truth,
    Group,
    Lag,
    Window,
    Least,
    Count,
    Constant(&'static [f64]),
    Optional {
        name: &'static str,
        default: f64,
        choices: &'static [f64],
    },
}

/// How well a result is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// A truth series.
    Truth,
    /// One of the number inputs.
    Chosen,
    Sum,
    Product,
    Quotient,
    WindowSum,
    WindowMean,
    WindowProduct,
    WindowMedian,
    /// A whole number below so many binary digits.
    Whole(u32),
    Level(Level),
}

/// An operator.
#[derive(Clone, Copy)]
pub struct Known {
    pub name: &'static str,
    pub sign: Option<&'static str>,
    pub parts: &'static [Part],
    pub gives: Gives,
    pub rule: fn(&Input<'_>) -> Table,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

type Rule = fn(&Input<'_>) -> Table;

const fn known(name: &'static str, parts: &'static [Part], gives: Gives, rule: Rule) -> Known {
    Known { name, sign: None, parts, gives, rule }
}

const fn signed(
    name: &'static str,
    sign: &'static str,
    parts: &'static [Part],
    gives: Gives,
) -> Known {
    Known { name, sign: Some(sign), parts, gives, rule: cells::rule }
}

const ANY: &[Part] = &[Series(Rough)];
const SAME: &[Part] = &[Series(Same)];
const APART: &[Part] = &[Series(Apart)];
const ANY_TWO: &[Part] = &[Series(Rough), Series(Rough)];
const SAME_TWO: &[Part] = &[Series(Same), Series(Same)];
const TRUTHS: &[Part] = &[Truth, Truth];
const ANY_EARLIER: &[Part] = &[Series(Rough), Lag];
const SAME_EARLIER: &[Part] = &[Series(Same), Lag];
const ANY_WINDOW: &[Part] = &[Series(Rough), Window, Least];
const SAME_WINDOW: &[Part] = &[Series(Same), Window, Least];
const APART_WINDOW: &[Part] = &[Series(Apart), Window, Least];
const ANY_GROUP: &[Part] = &[Series(Rough), Group];
const MINUTES: &[f64] = &[570.0, 960.0, 0.0, 1439.0, 60.0, 1200.0];
const SHARES: &[f64] = &[0.0, 0.05, 0.25, 0.5, 0.9, 1.0];

/// Every operator of the design.
const DESIGN: &[Known] = &[
    signed("or", "or", TRUTHS, Gives::Truth),
    signed("and", "and", TRUTHS, Gives::Truth),
    signed("not", "not ", &[Truth], Gives::Truth),
    signed("less", "<", SAME_TWO, Gives::Truth),
    signed("less_equal", "<=", SAME_TWO, Gives::Truth),
    signed("greater", ">", SAME_TWO, Gives::Truth),
    signed("greater_equal", ">=", SAME_TWO, Gives::Truth),
    signed("equal", "==", SAME_TWO, Gives::Truth),
    signed("not_equal", "!=", SAME_TWO, Gives::Truth),
    signed("add", "+", ANY_TWO, Gives::Sum),
    signed("subtract", "-", ANY_TWO, Gives::Sum),
    signed("multiply", "*", ANY_TWO, Gives::Product),
    signed("divide", "/", &[Series(Rough), Series(Apart)], Gives::Quotient),
    signed("negate", "-", ANY, Gives::Chosen),
    signed("power", "^", SAME_TWO, Gives::Level(Rough)),
    known("where", &[Truth, Series(Rough), Series(Rough)], Gives::Chosen, cells::rule),
    known("is_nan", ANY, Gives::Truth, cells::rule),
    known("fill", ANY_TWO, Gives::Chosen, cells::rule),
    known("abs", ANY, Gives::Chosen, cells::rule),
    known("sign", SAME, Gives::Whole(2), cells::rule),
    known("log", SAME, Gives::Level(Rough), cells::rule),
    known("sqrt", SAME, Gives::Level(Same), cells::rule),
    known("signed_power", SAME_TWO, Gives::Level(Rough), cells::rule),
    known("min", ANY_TWO, Gives::Chosen, cells::rule),
    known("max", ANY_TWO, Gives::Chosen, cells::rule),
    known("delay", ANY_EARLIER, Gives::Chosen, cells::earlier),
    known("delta", ANY_EARLIER, Gives::Sum, cells::earlier),
    known("returns", SAME_EARLIER, Gives::Level(Same), cells::earlier),
    known("ts_sum", ANY_WINDOW, Gives::WindowSum, windows::rule),
    known("ts_mean", ANY_WINDOW, Gives::Level(Rough), windows::rule),
    known("ts_product", SAME_WINDOW, Gives::WindowProduct, windows::rule),
    known("ts_count", &[Series(Rough), Window], Gives::Whole(10), windows::count),
    known("ts_std", APART_WINDOW, Gives::Level(Rough), windows::rule),
    known("ts_var", APART_WINDOW, Gives::Level(Rough), windows::rule),
    known("ts_skew", APART_WINDOW, Gives::Level(Rough), windows::rule),
    known("ts_kurt", APART_WINDOW, Gives::Level(Rough), windows::rule),
    known("ts_zscore", APART_WINDOW, Gives::Level(Rough), windows::rule),
    known("ts_min", ANY_WINDOW, Gives::Chosen, windows::rule),
    known("ts_max", ANY_WINDOW, Gives::Chosen, windows::rule),
    known("ts_argmin", SAME_WINDOW, Gives::Whole(10), windows::rule),
    known("ts_argmax", SAME_WINDOW, Gives::Whole(10), windows::rule),
    known("ts_rank", SAME_WINDOW, Gives::Level(Apart), windows::rule),
    known("ts_median", ANY_WINDOW, Gives::WindowMedian, windows::rule),
    known(
        "ts_quantile",
        &[Series(Rough), Window, Part::Constant(SHARES), Least],
        Gives::Level(Rough),
        windows::rule,
    ),
    known("decay_linear", ANY_WINDOW, Gives::Level(Rough), windows::rule),
    known("ts_slope", ANY_WINDOW, Gives::Level(Rough), windows::rule),
    known("ts_rsquare", APART_WINDOW, Gives::Level(Rough), windows::rule),
    known("ts_resi", ANY_WINDOW, Gives::Level(Rough), windows::rule),
    known(
        "ts_corr",
        &[Series(Apart), Series(Apart), Window, Least],
        Gives::Level(Rough),
        windows::paired,
    ),
    known(
        "ts_cov",
        &[Series(Apart), Series(Apart), Window, Least],
        Gives::Level(Rough),
        windows::paired,
    ),
    known("ema", &[Series(Rough), Window], Gives::Level(Rough), history::exponential),
    known("rank", SAME, Gives::Level(Apart), days::rule),
    known("cs_zscore", APART, Gives::Level(Rough), days::rule),
    known("cs_demean", ANY, Gives::Level(Rough), days::rule),
    known(
        "scale",
        &[
            Series(Apart),
            Optional { name: "k", default: 1.0, choices: &[1.0, 2.0, 0.5, 100.0, 0.0] },
        ],
        Gives::Level(Rough),
        days::rule,
    ),
    known(
        "winsorize",
        &[Series(Apart), Part::Constant(&[1.0, 0.5, 2.0, 3.0, 0.0])],
        Gives::Level(Rough),
        days::rule,
    ),
    known("cs_resid", &[Series(Rough), Series(Apart)], Gives::Level(Rough), days::residual),
    known("top", &[Series(Same), Count], Gives::Truth, days::rule),
    known("bottom", &[Series(Same), Count], Gives::Truth, days::rule),
    known("group_demean", ANY_GROUP, Gives::Level(Rough), days::rule),
    known("group_rank", &[Series(Same), Group], Gives::Level(Apart), days::rule),
    known("group_zscore", &[Series(Apart), Group], Gives::Level(Rough), days::rule),
    known("cs_count", ANY, Gives::Whole(10), days::figure),
    known("cs_sum", ANY, Gives::WindowSum, days::figure),
    known("cs_mean", ANY, Gives::Level(Rough), days::figure),
    known("cs_std", APART, Gives::Level(Rough), days::figure),
    known("cs_median", ANY, Gives::WindowMedian, days::figure),
    known("buckets", &[Series(Same), Count], Gives::Whole(4), days::rule),
    known("group_count", ANY_GROUP, Gives::Whole(10), days::figure),
    known("group_sum", ANY_GROUP, Gives::WindowSum, days::figure),
    known("group_mean", ANY_GROUP, Gives::Level(Rough), days::figure),
    known("group_neutralize", ANY_GROUP, Gives::Level(Rough), days::rule),
    known("indneutralize", ANY_GROUP, Gives::Level(Rough), days::rule),
    known("crosses_above", SAME_TWO, Gives::Truth, history::crossing),
    known("crosses_below", SAME_TWO, Gives::Truth, history::crossing),
    known("trade_when", &[Truth, Series(Rough), Truth], Gives::Chosen, history::trade_when),
    known(
        "hump",
        &[
            Series(Level::Exact),
            Optional { name: "h", default: 0.01, choices: &[0.01, 0.0, 0.05, 0.25, 1.0] },
        ],
        Gives::Level(Same),
        history::hump,
    ),
    known("since", &[Truth], Gives::Whole(10), history::running),
    known("streak", &[Truth], Gives::Whole(10), history::running),
    known("prior", ANY, Gives::Chosen, history::running),
    known("cumulative", ANY, Gives::WindowSum, history::running),
    known("year", &[], Gives::Whole(11), calendar::rule),
    known("quarter", &[], Gives::Whole(3), calendar::rule),
    known("month", &[], Gives::Whole(4), calendar::rule),
    known("week", &[], Gives::Whole(10), calendar::rule),
    known("day", &[], Gives::Whole(5), calendar::rule),
    known("weekday", &[], Gives::Whole(3), calendar::rule),
    known("day_of_year", &[], Gives::Whole(10), calendar::rule),
    known("hour", &[], Gives::Whole(5), calendar::rule),
    known("minute", &[], Gives::Whole(10), calendar::rule),
    known("minute_of_day", &[], Gives::Whole(11), calendar::rule),
    known(
        "session",
        &[Part::Constant(MINUTES), Part::Constant(MINUTES)],
        Gives::Truth,
        calendar::rule,
    ),
    known("new_day", &[], Gives::Truth, calendar::rule),
    known("new_week", &[], Gives::Truth, calendar::rule),
    known("new_month", &[], Gives::Truth, calendar::rule),
    known("bars_today", &[], Gives::Whole(10), calendar::rule),
];

/// Those of them that the crate has.
pub static KNOWN: LazyLock<Vec<&'static Known>> = LazyLock::new(|| {
    DESIGN.iter().filter(|one| factor::Operator::named(one.name).is_some()).collect()
});

/// All, whether the crate has them or not.
pub fn design() -> &'static [Known] {
    DESIGN
}

impl Known {
    /// How well the result is known if the number inputs are known so well.
    pub fn grade(&self, numbers: &[Grade], constants: &[f64]) -> Grade {
        let level = numbers.iter().map(|one| one.level).min().unwrap_or(Level::Exact);
        let whole = numbers.iter().map(|one| one.whole).max().unwrap_or(1);
        let parts = numbers.iter().map(|one| one.parts).max().unwrap_or(0);
        let fits = |whole: u32, parts: u32, otherwise: Level| match level {
            Level::Exact if whole + parts <= 40 => Grade::exact(whole, parts),
            Level::Exact => Grade::level(otherwise),
            _ => Grade::level(level.min(otherwise)),
        };
        match self.gives {
            Gives::Truth => Grade::TRUTH,
            Gives::Whole(digits) => Grade::exact(digits, 0),
            Gives::Level(given) => Grade::level(given),
            Gives::Chosen if level == Level::Exact => Grade::exact(whole, parts),
            Gives::Chosen => Grade::level(level),
            Gives::Sum => fits(whole + 1, parts, Same),
            Gives::Product => {
                let both = |of: fn(&Grade) -> u32| numbers.iter().map(of).sum();
                fits(both(|one| one.whole), both(|one| one.parts), Same)
            }
            Gives::Quotient if level == Level::Exact && whole + parts <= 20 => Grade::level(Apart),
            Gives::Quotient => Grade::level(level.min(Same)),
            Gives::WindowSum => fits(whole + 10, parts, Rough),
            Gives::WindowMean => match fits(whole + 10, parts, Rough).level {
                Level::Exact if whole + parts <= 20 => Grade::level(Apart),
                _ => Grade::level(Rough),
            },
            Gives::WindowProduct => {
                let n = constants[0] as u32;
                fits(whole.saturating_mul(n), parts.saturating_mul(n), Rough)
            }
            Gives::WindowMedian => fits(whole + 1, parts + 1, Rough),
        }
    }

    /// Whether it looks at its own cell alone.
    pub fn is_cellwise(&self) -> bool {
        let other = |part: &Part| matches!(part, Lag | Window | Count | Group);
        let more = ["rank", "scale", "winsorize", "trade_when", "hump", "since", "streak", "prior"];
        let day = self.name.starts_with("cs_") || more.contains(&self.name);
        !day && !self.parts.iter().any(other)
    }

    /// The best level that any inputs could give.
    pub fn best(&self) -> Level {
        match self.gives {
            Gives::Truth | Gives::Whole(_) | Gives::Chosen | Gives::Sum | Gives::Product => {
                Level::Exact
            }
            Gives::WindowSum | Gives::WindowProduct | Gives::WindowMedian => Level::Exact,
            Gives::Quotient | Gives::WindowMean => Apart,
            Gives::Level(level) => level,
        }
    }
}
