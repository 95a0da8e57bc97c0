//! Indicators of technical analysis: ranges, direction, bands, levels and volume.

use super::ParameterKind::{Constant, Lag, Number, Window};
use super::indicator::{
    CLOSE, Direction, FULL, HELD, HIGH, LOW, Line, Scan, defined, rows, scanned,
};
use super::parameter::{optional, parameter};
use super::{Operator, Parameter, Steps};

const fn n(default: f64) -> Parameter {
    optional("n", Window, default)
}

const X: Parameter = parameter("x", Number);
const VOLUME: Parameter = parameter("volume", Number);
const K_2: Parameter = optional("k", Constant, 2.0);
const BAR: &[Parameter] = &[HIGH, LOW, CLOSE];
const BAR_14: &[Parameter] = &[HIGH, LOW, CLOSE, n(14.0)];
const RANGE_14: &[Parameter] = &[HIGH, LOW, n(14.0)];
const RANGE_20: &[Parameter] = &[HIGH, LOW, n(20.0)];
const BANDS: &[Parameter] = &[X, n(20.0), K_2];
const KELTNER: &[Parameter] = &[HIGH, LOW, CLOSE, n(20.0), optional("m", Window, 10.0), K_2];
const TREND: &[Parameter] = &[HIGH, LOW, CLOSE, n(10.0), optional("k", Constant, 3.0)];
const BOLLINGER: [&str; 2] = ["TA-Lib BBANDS", FULL];
const KC: [&str; 2] = ["TA-Lib KC", HELD];
const DONCHIAN: [&str; 2] = ["TA-Lib DONCHIAN", FULL];
const ICHIMOKU: [&str; 2] =
    ["Hosoda (1969); the lagging line is left out, for it is later closes moved back", FULL];

/// So many rows before the first value of a line of directional movement.
fn shares(constants: &[f64]) -> usize {
    rows(constants, 0)
}

pub(super) const RANGES: &[Operator] = &[
    defined(
        ["tr", "tr(high, low, close)", "True range: the row's range, the last close included"],
        BAR,
        "let c = prior(close); max(high, c) - min(low, c)",
        ["TA-Lib TRANGE", "missing where an input is, and until there is an earlier close"],
    ),
    defined(
        ["atr", "atr(high, low, close, n=14)", "Wilder's mean of the true range"],
        BAR_14,
        "rma(tr(high, low, close), n)",
        ["TA-Lib ATR", HELD],
    ),
    defined(
        ["natr", "natr(high, low, close, n=14)", "atr in percent of the close"],
        BAR_14,
        "atr(high, low, close, n) / close * 100",
        ["TA-Lib NATR", HELD],
    ),
    scanned(
        ["plus_dm", "plus_dm(high, low, n=14)", "Wilder's running sum of upward moves"],
        RANGE_14,
        Scan::Moves(Direction::Plus),
        |constants| shares(constants).saturating_sub(1).max(1),
        "TA-Lib PLUS_DM",
    ),
    scanned(
        ["minus_dm", "minus_dm(high, low, n=14)", "Wilder's running sum of downward moves"],
        RANGE_14,
        Scan::Moves(Direction::Minus),
        |constants| shares(constants).saturating_sub(1).max(1),
        "TA-Lib MINUS_DM",
    ),
    scanned(
        ["plus_di", "plus_di(high, low, close, n=14)", "Upward moves in percent of the true range"],
        BAR_14,
        Scan::Directional(Direction::Plus),
        shares,
        "TA-Lib PLUS_DI",
    ),
    scanned(
        [
            "minus_di",
            "minus_di(high, low, close, n=14)",
            "Downward moves in percent of the true range",
        ],
        BAR_14,
        Scan::Directional(Direction::Minus),
        shares,
        "TA-Lib MINUS_DI",
    ),
    scanned(
        [
            "dx",
            "dx(high, low, close, n=14)",
            "Contrast of plus_di and minus_di, 0 to 100; held where nothing moves",
        ],
        BAR_14,
        Scan::Directional(Direction::Dx),
        shares,
        "TA-Lib DX",
    ),
    scanned(
        ["adx", "adx(high, low, close, n=14)", "Wilder's mean of dx"],
        BAR_14,
        Scan::Directional(Direction::Adx),
        |constants| (2 * shares(constants)).saturating_sub(1),
        "TA-Lib ADX",
    ),
    defined(
        ["adxr", "adxr(high, low, close, n=14)", "Mean of adx and of adx n − 1 rows earlier"],
        BAR_14,
        "let a = adx(high, low, close, n); (a + delay(a, n - 1)) / 2",
        ["TA-Lib ADXR", "missing where adx is, or was n − 1 rows earlier"],
    ),
    scanned(
        [
            "sar",
            "sar(high, low, acceleration=0.02, maximum=0.2)",
            "Wilder's parabolic stop and reverse",
        ],
        &[HIGH, LOW, optional("acceleration", Constant, 0.02), optional("maximum", Constant, 0.2)],
        Scan::Sar,
        |_| 1,
        "TA-Lib SAR",
    ),
    scanned(
        [
            "supertrend",
            "supertrend(high, low, close, n=10, k=3)",
            "Band of k · atr around the middle that follows the price; the first side is up",
        ],
        TREND,
        Scan::Supertrend(Line::Level),
        shares,
        "TA-Lib SUPERTREND",
    ),
    scanned(
        [
            "supertrend_direction",
            "supertrend_direction(high, low, close, n=10, k=3)",
            "1 where the supertrend runs below the price, else −1",
        ],
        TREND,
        Scan::Supertrend(Line::Direction),
        shares,
        "TA-Lib SUPERTREND",
    ),
];

pub(super) const CHANNELS: &[Operator] = &[
    defined(
        [
            "bollinger_upper",
            "bollinger_upper(x, n=20, k=2)",
            "Mean + k standard deviations of the last n rows, divisor n",
        ],
        BANDS,
        "ts_mean(x, n) + k * ts_std(x, n) * sqrt((n - 1) / n)",
        BOLLINGER,
    ),
    defined(
        ["bollinger_middle", "bollinger_middle(x, n=20)", "Mean of the last n rows"],
        &[X, n(20.0)],
        "ts_mean(x, n)",
        BOLLINGER,
    ),
    defined(
        [
            "bollinger_lower",
            "bollinger_lower(x, n=20, k=2)",
            "Mean − k standard deviations of the last n rows, divisor n",
        ],
        BANDS,
        "ts_mean(x, n) - k * ts_std(x, n) * sqrt((n - 1) / n)",
        BOLLINGER,
    ),
    defined(
        [
            "keltner_upper",
            "keltner_upper(high, low, close, n=20, m=10, k=2)",
            "keltner_middle + k · atr over m rows",
        ],
        KELTNER,
        "keltner_middle(high, low, close, n) + k * rma(tr(high, low, close), m, skip=max(n - 1 - m, 0))",
        KC,
    ),
    defined(
        [
            "keltner_middle",
            "keltner_middle(high, low, close, n=20)",
            "Exponential mean of the typical price",
        ],
        &[HIGH, LOW, CLOSE, n(20.0)],
        "ema_seeded((high + low + close) / 3, n)",
        KC,
    ),
    defined(
        [
            "keltner_lower",
            "keltner_lower(high, low, close, n=20, m=10, k=2)",
            "keltner_middle − k · atr over m rows",
        ],
        KELTNER,
        "keltner_middle(high, low, close, n) - k * rma(tr(high, low, close), m, skip=max(n - 1 - m, 0))",
        KC,
    ),
    defined(
        ["donchian_upper", "donchian_upper(high, n=20)", "Highest of the last n rows"],
        &[HIGH, n(20.0)],
        "ts_max(high, n)",
        DONCHIAN,
    ),
    defined(
        [
            "donchian_middle",
            "donchian_middle(high, low, n=20)",
            "Middle of the range of the last n rows",
        ],
        RANGE_20,
        "(ts_max(high, n) + ts_min(low, n)) / 2",
        DONCHIAN,
    ),
    defined(
        ["donchian_lower", "donchian_lower(low, n=20)", "Lowest of the last n rows"],
        &[LOW, n(20.0)],
        "ts_min(low, n)",
        DONCHIAN,
    ),
    defined(
        [
            "ichimoku_tenkan",
            "ichimoku_tenkan(high, low, n=9)",
            "Conversion line: middle of the range of n rows",
        ],
        &[HIGH, LOW, n(9.0)],
        "donchian_middle(high, low, n)",
        ICHIMOKU,
    ),
    defined(
        [
            "ichimoku_kijun",
            "ichimoku_kijun(high, low, n=26)",
            "Base line: middle of the range of n rows",
        ],
        &[HIGH, LOW, n(26.0)],
        "donchian_middle(high, low, n)",
        ICHIMOKU,
    ),
    defined(
        [
            "ichimoku_senkou_a",
            "ichimoku_senkou_a(high, low, fast=9, slow=26, d=26)",
            "Cloud's first edge over this row: middle of both lines as they were d rows earlier",
        ],
        &[
            HIGH,
            LOW,
            optional("fast", Window, 9.0),
            optional("slow", Window, 26.0),
            optional("d", Lag, 26.0),
        ],
        "delay((donchian_middle(high, low, fast) + donchian_middle(high, low, slow)) / 2, d)",
        ICHIMOKU,
    ),
    defined(
        [
            "ichimoku_senkou_b",
            "ichimoku_senkou_b(high, low, n=52, d=26)",
            "Cloud's second edge over this row: middle of the range of n rows as it was d rows earlier",
        ],
        &[HIGH, LOW, n(52.0), optional("d", Lag, 26.0)],
        "delay(donchian_middle(high, low, n), d)",
        ICHIMOKU,
    ),
];

pub(super) const FLOWS: &[Operator] = &[
    defined(
        [
            "obv",
            "obv(close, volume)",
            "On-balance volume: sum of volume, with the sign of the close's change; the first counts",
        ],
        &[CLOSE, VOLUME],
        "cumulative(volume * sign(fill(close - prior(close), 1 + abs(close))))",
        ["TA-Lib OBV", HELD],
    ),
    defined(
        [
            "ad",
            "ad(high, low, close, volume)",
            "Accumulation: sum of volume, weighed −1 to 1 by the close's place in the row's range",
        ],
        &[HIGH, LOW, CLOSE, VOLUME],
        "let range = high - low; cumulative(volume * where(range > 0, (close - low - (high - close)) / range, 0))",
        ["TA-Lib AD", HELD],
    ),
    defined(
        [
            "adosc",
            "adosc(high, low, close, volume, fast=3, slow=10)",
            "Fast less slow exponential mean of ad, both seeded with its first value",
        ],
        &[HIGH, LOW, CLOSE, VOLUME, optional("fast", Window, 3.0), optional("slow", Window, 10.0)],
        "let a = ad(high, low, close, volume); ema(a, fast) - ema(a, slow)",
        ["TA-Lib ADOSC, which withholds the first slow − 1 rows", HELD],
    ),
    defined(
        [
            "mfi",
            "mfi(high, low, close, volume, n=14)",
            "Share of rising rows in price times volume over n rows, 0 to 100; 0 where nothing flows",
        ],
        &[HIGH, LOW, CLOSE, VOLUME, n(14.0)],
        "let p = (high + low + close) / 3; let d = p - prior(p); let up = ts_sum(p * volume * (d > 0), n); let down = ts_sum(p * volume * (d < 0), n); where(up + down == 0, 0, 100 * (up / (up + down)))",
        ["TA-Lib MFI", FULL],
    ),
    defined(
        ["vwap", "vwap(price, volume, n)", "Price weighed by volume over the last n rows"],
        &[parameter("price", Number), VOLUME, parameter("n", Window)],
        "ts_sum(price * volume, n) / ts_sum(volume, n)",
        [
            "Σ price · volume / Σ volume",
            "missing unless all rows of the window have values, or without volume",
        ],
    ),
    Operator {
        steps: Steps::Flat(5),
        ..scanned(
            [
                "vwap_session",
                "vwap_session(price, volume)",
                "Price weighed by volume since the start of the UTC day",
            ],
            &[parameter("price", Number), VOLUME],
            Scan::VwapSession,
            |_| 0,
            "Σ price · volume / Σ volume",
        )
    },
];
