//! Indicators of technical analysis: means and oscillators.
//!
//! Those that are recursions pass over missing rows: the result is missing there, the state is
//! held, and warm-up counts valid rows. Those that are windows count rows, as windows do.

use super::ParameterKind::{Lag, Number, Window};
use super::parameter::{X_N, optional, parameter};
use super::{Family, Kernel, Operator, Parameter, Reach, Steps, unary};
use crate::scalar::Unary;

/// What a name's state machine computes, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scan {
    Ema,
    EmaSeeded,
    Wilder,
    Prior,
    Cumulative,
    Since,
    Streak,
    TradeWhen,
    Hump,
    VwapSession,
    Moves(Direction),
    Directional(Direction),
    Kama,
    Fisher,
    Sar,
    Supertrend(Line),
    AvgDev,
    AroonUp,
    AroonDown,
}

/// A line of Wilder's directional movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    Plus,
    Minus,
    Dx,
    Adx,
}

/// What is shown of a supertrend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Line {
    Level,
    Direction,
}

pub(super) const HELD: &str =
    "missing until warm and where an input is; the state is held meanwhile";
pub(super) const FULL: &str = "missing unless all rows of the window have values";

/// What a text defines, by name, signature and summary.
pub(super) const fn defined(
    [name, signature, summary]: [&'static str; 3],
    parameters: &'static [Parameter],
    text: &'static str,
    [source, missing]: [&'static str; 2],
) -> Operator {
    Operator {
        source,
        missing,
        family: Family::Indicator,
        parameters,
        kernel: Kernel::Text(text),
        ..unary(name, signature, summary, Unary::Abs)
    }
}

/// What a state machine computes, by name, signature and summary.
pub(super) const fn scanned(
    said: [&'static str; 3],
    parameters: &'static [Parameter],
    kind: Scan,
    warm: fn(&[f64]) -> usize,
    source: &'static str,
) -> Operator {
    Operator {
        kernel: Kernel::Scan(kind),
        reach: Reach::Warm(warm),
        steps: Steps::Flat(12),
        ..defined(said, parameters, "", [source, HELD])
    }
}

/// The operator's window, or another of its constants that counts rows.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the checker lets only whole numbers of at least 0 pass"
)]
pub(super) fn rows(constants: &[f64], at: usize) -> usize {
    constants.get(at).map_or(0, |rows| *rows as usize)
}

const fn n(default: f64) -> Parameter {
    optional("n", Window, default)
}

const X: Parameter = parameter("x", Number);
pub(super) const OPEN: Parameter = parameter("open", Number);
pub(super) const HIGH: Parameter = parameter("high", Number);
pub(super) const LOW: Parameter = parameter("low", Number);
pub(super) const CLOSE: Parameter = parameter("close", Number);
const FAST: Parameter = optional("fast", Window, 12.0);
const SLOW: Parameter = optional("slow", Window, 26.0);
const SIGNAL: Parameter = optional("signal", Window, 9.0);
const SEEDED: &[Parameter] = &[X, parameter("n", Window), optional("skip", Lag, 0.0)];
const X_14: &[Parameter] = &[X, n(14.0)];
const BAR_14: &[Parameter] = &[HIGH, LOW, CLOSE, n(14.0)];

fn seeded(constants: &[f64]) -> usize {
    (rows(constants, 0) + rows(constants, 1)).saturating_sub(1)
}

pub(super) const MEANS: &[Operator] = &[
    Operator {
        parameters: X_N,
        missing: "missing where x is; the state is held meanwhile",
        source: "pandas ewm(span=n, adjust=False), state held over missing values",
        family: Family::Indicator,
        kernel: Kernel::Scan(Scan::Ema),
        reach: Reach::Window,
        steps: Steps::Flat(3),
        ..unary(
            "ema",
            "ema(x, n)",
            "Exponential mean, weight 2/(n+1) on x, seeded with the first valid value",
            Unary::Abs,
        )
    },
    Operator {
        steps: Steps::Flat(4),
        ..scanned(
            [
                "ema_seeded",
                "ema_seeded(x, n, skip=0)",
                "Exponential mean, weight 2/(n+1) on x, seeded with the mean of the first n values after skip",
            ],
            SEEDED,
            Scan::EmaSeeded,
            seeded,
            "TA-Lib EMA",
        )
    },
    Operator {
        steps: Steps::Flat(4),
        ..scanned(
            [
                "rma",
                "rma(x, n, skip=0)",
                "Wilder's mean, weight 1/n on x, seeded with the mean of the first n values after skip",
            ],
            SEEDED,
            Scan::Wilder,
            seeded,
            "TA-Lib RMA",
        )
    },
    defined(
        ["sma", "sma(x, n)", "Mean of the last n rows"],
        X_N,
        "ts_mean(x, n)",
        ["TA-Lib SMA", FULL],
    ),
    defined(
        ["wma", "wma(x, n)", "Mean of the last n rows, weighed 1 to n, the newest most"],
        X_N,
        "decay_linear(x, n)",
        ["TA-Lib WMA", FULL],
    ),
    defined(
        [
            "linearreg",
            "linearreg(x, n=14)",
            "Newest point of the least-squares line through the last n rows",
        ],
        X_14,
        "ts_mean(x, n) + ts_slope(x, n) * (n - 1) / 2",
        ["TA-Lib LINEARREG", FULL],
    ),
    defined(
        [
            "linearreg_slope",
            "linearreg_slope(x, n=14)",
            "Slope of the least-squares line through the last n rows",
        ],
        X_14,
        "ts_slope(x, n)",
        ["TA-Lib LINEARREG_SLOPE", FULL],
    ),
    defined(
        ["tsf", "tsf(x, n=14)", "The least-squares line through the last n rows, one row further"],
        X_14,
        "ts_mean(x, n) + ts_slope(x, n) * (n + 1) / 2",
        ["TA-Lib TSF", FULL],
    ),
    defined(
        ["dema", "dema(x, n=30)", "Double exponential mean"],
        &[X, n(30.0)],
        "let e = ema_seeded(x, n); 2 * e - ema_seeded(e, n)",
        ["TA-Lib DEMA", HELD],
    ),
    defined(
        ["tema", "tema(x, n=30)", "Triple exponential mean"],
        &[X, n(30.0)],
        "let e = ema_seeded(x, n); let f = ema_seeded(e, n); 3 * e - 3 * f + ema_seeded(f, n)",
        ["TA-Lib TEMA", HELD],
    ),
    Operator {
        steps: Steps::Linear(3),
        ..scanned(
            [
                "kama",
                "kama(x, n=30)",
                "Kaufman's adaptive mean, by the efficiency of the last n moves",
            ],
            &[X, n(30.0)],
            Scan::Kama,
            |constants| rows(constants, 0),
            "TA-Lib KAMA",
        )
    },
    defined(
        ["trix", "trix(x, n=30)", "Change of the triple-smoothed exponential mean, in percent"],
        &[X, n(30.0)],
        "let e = ema_seeded(ema_seeded(ema_seeded(x, n), n), n); 100 * (e / prior(e) - 1)",
        ["TA-Lib TRIX", HELD],
    ),
    defined(
        [
            "macd",
            "macd(x, fast=12, slow=26)",
            "Fast less slow exponential mean, seeds ending on the same row",
        ],
        &[X, FAST, SLOW],
        "let f = min(fast, slow); let s = max(fast, slow); ema_seeded(x, f, skip=s - f) - ema_seeded(x, s)",
        ["TA-Lib MACD, which withholds it until its signal is warm", HELD],
    ),
    defined(
        ["macd_signal", "macd_signal(x, fast=12, slow=26, signal=9)", "Exponential mean of macd"],
        &[X, FAST, SLOW, SIGNAL],
        "ema_seeded(macd(x, fast, slow), signal)",
        ["TA-Lib MACD", HELD],
    ),
    defined(
        ["macd_hist", "macd_hist(x, fast=12, slow=26, signal=9)", "macd less macd_signal"],
        &[X, FAST, SLOW, SIGNAL],
        "let m = macd(x, fast, slow); m - ema_seeded(m, signal)",
        ["TA-Lib MACD", HELD],
    ),
    defined(
        ["apo", "apo(x, fast=12, slow=26)", "Fast less slow exponential mean"],
        &[X, FAST, SLOW],
        "ema_seeded(x, min(fast, slow)) - ema_seeded(x, max(fast, slow))",
        ["TA-Lib APO with exponential means", HELD],
    ),
    defined(
        [
            "ppo",
            "ppo(x, fast=12, slow=26)",
            "Fast less slow exponential mean, in percent of the slow one",
        ],
        &[X, FAST, SLOW],
        "let s = ema_seeded(x, max(fast, slow)); 100 * ((ema_seeded(x, min(fast, slow)) - s) / s)",
        ["TA-Lib PPO with exponential means", HELD],
    ),
];

pub(super) const OSCILLATORS: &[Operator] = &[
    defined(
        ["mom", "mom(x, n=10)", "x less x n rows earlier"],
        &[X, n(10.0)],
        "delta(x, n)",
        ["TA-Lib MOM", "missing if x is or was, or for the first n rows"],
    ),
    defined(
        ["roc", "roc(x, n=10)", "Change over n rows, in percent"],
        &[X, n(10.0)],
        "100 * returns(x, n)",
        ["TA-Lib ROC", "missing if x is or was, or was 0, or for the first n rows"],
    ),
    defined(
        [
            "rsi",
            "rsi(x, n=14)",
            "Share of gains in the moves, by Wilder's means, 0 to 100; 0 where nothing moved",
        ],
        X_14,
        "let d = x - prior(x); let up = rma(max(d, 0), n); let down = rma(max(-d, 0), n); where(up + down == 0, 0, 100 * (up / (up + down)))",
        ["TA-Lib RSI", HELD],
    ),
    defined(
        [
            "cmo",
            "cmo(x, n=14)",
            "Gains less losses over their sum, by Wilder's means, −100 to 100; 0 where nothing moved",
        ],
        X_14,
        "let d = x - prior(x); let up = rma(max(d, 0), n); let down = rma(max(-d, 0), n); where(up + down == 0, 0, 100 * ((up - down) / (up + down)))",
        ["TA-Lib CMO", HELD],
    ),
    defined(
        [
            "stochf_k",
            "stochf_k(high, low, close, n=5)",
            "Place of the close in the range of n rows, 0 to 100; 0 in a range of 0",
        ],
        &[HIGH, LOW, CLOSE, n(5.0)],
        "let floor = ts_min(low, n); let range = ts_max(high, n) - floor; where(range == 0, 0, (close - floor) / (range / 100))",
        ["TA-Lib STOCHF", FULL],
    ),
    defined(
        ["stochf_d", "stochf_d(high, low, close, n=5, d=3)", "Mean of stochf_k over d rows"],
        &[HIGH, LOW, CLOSE, n(5.0), optional("d", Window, 3.0)],
        "ts_mean(stochf_k(high, low, close, n), d)",
        ["TA-Lib STOCHF", FULL],
    ),
    defined(
        ["stoch_k", "stoch_k(high, low, close, n=5, k=3)", "Mean of stochf_k over k rows"],
        &[HIGH, LOW, CLOSE, n(5.0), optional("k", Window, 3.0)],
        "ts_mean(stochf_k(high, low, close, n), k)",
        ["TA-Lib STOCH, which withholds it until stoch_d is there", FULL],
    ),
    defined(
        ["stoch_d", "stoch_d(high, low, close, n=5, k=3, d=3)", "Mean of stoch_k over d rows"],
        &[HIGH, LOW, CLOSE, n(5.0), optional("k", Window, 3.0), optional("d", Window, 3.0)],
        "ts_mean(stoch_k(high, low, close, n, k), d)",
        ["TA-Lib STOCH", FULL],
    ),
    defined(
        [
            "stochrsi_k",
            "stochrsi_k(x, n=14, k=5)",
            "Place of rsi(x, n) in its range of k rows, 0 to 100",
        ],
        &[X, n(14.0), optional("k", Window, 5.0)],
        "let r = rsi(x, n); let floor = ts_min(r, k); let range = ts_max(r, k) - floor; where(range < 1e-12, 0, (r - floor) / (range / 100))",
        ["TA-Lib STOCHRSI, which withholds it until stochrsi_d is there", FULL],
    ),
    defined(
        ["stochrsi_d", "stochrsi_d(x, n=14, k=5, d=3)", "Mean of stochrsi_k over d rows"],
        &[X, n(14.0), optional("k", Window, 5.0), optional("d", Window, 3.0)],
        "ts_mean(stochrsi_k(x, n, k), d)",
        ["TA-Lib STOCHRSI", FULL],
    ),
    Operator {
        reach: Reach::Window,
        steps: Steps::Linear(4),
        missing: FULL,
        ..scanned(
            [
                "avgdev",
                "avgdev(x, n=14)",
                "Mean absolute deviation of the last n rows from their mean",
            ],
            X_14,
            Scan::AvgDev,
            |_| 0,
            "TA-Lib AVGDEV",
        )
    },
    defined(
        [
            "cci",
            "cci(high, low, close, n=14)",
            "Typical price less its mean, in 0.015 mean deviations; 0 where that is 0",
        ],
        BAR_14,
        "let p = (high + low + close) / 3; let d = avgdev(p, n); where(d == 0, 0, (p - ts_mean(p, n)) / (0.015 * d))",
        ["TA-Lib CCI", FULL],
    ),
    defined(
        [
            "williams_r",
            "williams_r(high, low, close, n=14)",
            "Place of the close below the top of the range of n rows, −100 to 0; 0 in a range of 0",
        ],
        BAR_14,
        "let top = ts_max(high, n); let range = top - ts_min(low, n); where(range == 0, 0, (top - close) / (range / -100))",
        ["TA-Lib WILLR", FULL],
    ),
    Operator {
        reach: Reach::Since,
        steps: Steps::Linear(3),
        missing: FULL,
        ..scanned(
            [
                "aroon_up",
                "aroon_up(high, n=14)",
                "100 · (n − rows since the newest highest of the last n + 1) / n",
            ],
            &[HIGH, n(14.0)],
            Scan::AroonUp,
            |_| 0,
            "TA-Lib AROON",
        )
    },
    Operator {
        reach: Reach::Since,
        steps: Steps::Linear(3),
        missing: FULL,
        ..scanned(
            [
                "aroon_down",
                "aroon_down(low, n=14)",
                "100 · (n − rows since the newest lowest of the last n + 1) / n",
            ],
            &[LOW, n(14.0)],
            Scan::AroonDown,
            |_| 0,
            "TA-Lib AROON",
        )
    },
    defined(
        ["aroon_osc", "aroon_osc(high, low, n=14)", "aroon_up less aroon_down"],
        &[HIGH, LOW, n(14.0)],
        "aroon_up(high, n) - aroon_down(low, n)",
        ["TA-Lib AROONOSC", FULL],
    ),
    defined(
        [
            "ultosc",
            "ultosc(high, low, close, fast=7, middle=14, slow=28)",
            "Buying pressure over true range in three windows, weighed 4 : 2 : 1, 0 to 100",
        ],
        &[
            HIGH,
            LOW,
            CLOSE,
            optional("fast", Window, 7.0),
            optional("middle", Window, 14.0),
            optional("slow", Window, 28.0),
        ],
        "let p = close - min(low, prior(close)); let r = tr(high, low, close); let f = ts_sum(r, fast); let m = ts_sum(r, middle); let s = ts_sum(r, slow); 100 * (4 * where(f == 0, 0, ts_sum(p, fast) / f) + 2 * where(m == 0, 0, ts_sum(p, middle) / m) + where(s == 0, 0, ts_sum(p, slow) / s)) / 7",
        ["TA-Lib ULTOSC, windows from the shortest", FULL],
    ),
    defined(
        ["bop", "bop(open, high, low, close)", "(close − open) / (high − low); 0 in a range of 0"],
        &[OPEN, HIGH, LOW, CLOSE],
        "let range = high - low; where(range > 0, (close - open) / range, 0)",
        ["TA-Lib BOP", "missing where an input is"],
    ),
    Operator {
        steps: Steps::Flat(40),
        ..scanned(
            [
                "fisher",
                "fisher(high, low, n=10)",
                "Fisher transform of the smoothed place of the median price in its range of n rows",
            ],
            &[HIGH, LOW, n(10.0)],
            Scan::Fisher,
            |constants| rows(constants, 0).saturating_sub(1),
            "Ehlers, Using the Fisher Transform (S&C, November 2002)",
        )
    },
    defined(
        ["fisher_signal", "fisher_signal(high, low, n=10)", "fisher, one value earlier"],
        &[HIGH, LOW, n(10.0)],
        "prior(fisher(high, low, n))",
        ["Ehlers, Using the Fisher Transform (S&C, November 2002)", HELD],
    ),
];
