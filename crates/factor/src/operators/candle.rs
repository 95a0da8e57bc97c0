//! Candlestick patterns of one row and of two.
//!
//! Each is a text over the same words: long and short bodies are compared with the mean of the ten
//! before, shadows and doji with a tenth of the mean range of the ten before, as TA-Lib does.

use super::indicator::{CLOSE, HIGH, LOW, OPEN, defined};
use super::{Family, Operator, Parameter};

/// A pattern by its name, source, summary and text.
macro_rules! candle {
    ($name:literal, $source:literal, $summary:literal, $text:literal) => {
        $crate::operators::candle::pattern(
            [$name, concat!($name, "(open, high, low, close)"), $summary, $source],
            $crate::operators::candle::BAR,
            $crate::operators::candle::words!($text),
        )
    };
}

/// The words that the texts of patterns use, before such a text.
macro_rules! words {
    ($text:literal) => {
        concat!(
            "let body = abs(close - open); let white = close >= open; ",
            "let mean = delay(ts_sum(body, 10), 1) / 10; ",
            "let tiny = 0.1 * (delay(ts_sum(high - low, 10), 1) / 10); ",
            "let top = max(open, close); let bottom = min(open, close); ",
            "let upper = high - top; let lower = bottom - low; ",
            $text
        )
    };
}
pub(super) use {candle, words};

pub(super) const BAR: &[Parameter] = &[OPEN, HIGH, LOW, CLOSE];

/// A row of the table.
pub(super) const fn pattern(
    [name, signature, summary, source]: [&'static str; 4],
    parameters: &'static [Parameter],
    text: &'static str,
) -> Operator {
    let missing = "missing unless all rows that it compares have values";
    Operator {
        family: Family::Candle,
        ..defined([name, signature, summary], parameters, text, [source, missing])
    }
}

pub(super) const OPERATORS: &[Operator] = &[
    candle!("cdl_doji", "TA-Lib CDLDOJI", "Open and close alike", "where(body <= tiny, 100, 0)"),
    candle!(
        "cdl_dragonfly_doji",
        "TA-Lib CDLDRAGONFLYDOJI",
        "Doji at the top of its range",
        "where(body <= tiny and upper < tiny and lower > tiny, 100, 0)"
    ),
    candle!(
        "cdl_gravestone_doji",
        "TA-Lib CDLGRAVESTONEDOJI",
        "Doji at the bottom of its range",
        "where(body <= tiny and lower < tiny and upper > tiny, 100, 0)"
    ),
    candle!(
        "cdl_long_legged_doji",
        "TA-Lib CDLLONGLEGGEDDOJI",
        "Doji with a long shadow",
        "where(body <= tiny and (lower > body or upper > body), 100, 0)"
    ),
    candle!(
        "cdl_rickshaw_man",
        "TA-Lib CDLRICKSHAWMAN",
        "Doji in the middle of two long shadows",
        "let near = 0.2 * (delay(ts_sum(high - low, 5), 1) / 5); let middle = low + (high - \
         low) / 2; where(body <= tiny and lower > body and upper > body and bottom <= middle + \
         near and top >= middle - near, 100, 0)"
    ),
    candle!(
        "cdl_takuri",
        "TA-Lib CDLTAKURI",
        "Dragonfly doji with a very long lower shadow",
        "where(body <= tiny and upper < tiny and lower > 2 * body, 100, 0)"
    ),
    candle!(
        "cdl_hammer",
        "TA-Lib CDLHAMMER",
        "Small body over a long lower shadow, near the last low",
        "let near = 0.2 * (delay(ts_sum(high - low, 5), 1) / 5); where(body < mean and lower > \
         body and upper < tiny and bottom <= delay(low + near, 1), 100, 0)"
    ),
    candle!(
        "cdl_hanging_man",
        "TA-Lib CDLHANGINGMAN",
        "Small body over a long lower shadow, near the last high",
        "let near = 0.2 * (delay(ts_sum(high - low, 5), 1) / 5); where(body < mean and lower > \
         body and upper < tiny and bottom >= delay(high - near, 1), -100, 0)"
    ),
    candle!(
        "cdl_inverted_hammer",
        "TA-Lib CDLINVERTEDHAMMER",
        "Small body under a long upper shadow, a gap below the last body",
        "where(body < mean and upper > body and lower < tiny and top < delay(bottom, 1), 100, \
         0)"
    ),
    candle!(
        "cdl_shooting_star",
        "TA-Lib CDLSHOOTINGSTAR",
        "Small body under a long upper shadow, a gap above the last body",
        "where(body < mean and upper > body and lower < tiny and bottom > delay(top, 1), -100, \
         0)"
    ),
    candle!(
        "cdl_marubozu",
        "TA-Lib CDLMARUBOZU",
        "Long body without shadows",
        "where(body > mean and upper < tiny and lower < tiny, where(white, 100, -100), 0)"
    ),
    candle!(
        "cdl_closing_marubozu",
        "TA-Lib CDLCLOSINGMARUBOZU",
        "Long body that closes at its extreme",
        "where(body > mean and where(white, upper, lower) < tiny, where(white, 100, -100), 0)"
    ),
    candle!(
        "cdl_belt_hold",
        "TA-Lib CDLBELTHOLD",
        "Long body that opens at its extreme",
        "where(body > mean and where(white, lower, upper) < tiny, where(white, 100, -100), 0)"
    ),
    candle!(
        "cdl_spinning_top",
        "TA-Lib CDLSPINNINGTOP",
        "Small body between longer shadows",
        "where(body < mean and upper > body and lower > body, where(white, 100, -100), 0)"
    ),
    candle!(
        "cdl_high_wave",
        "TA-Lib CDLHIGHWAVE",
        "Small body between very long shadows",
        "where(body < mean and upper > 2 * body and lower > 2 * body, where(white, 100, -100), \
         0)"
    ),
    candle!(
        "cdl_long_line",
        "TA-Lib CDLLONGLINE",
        "Long body with short shadows",
        "let side = delay(ts_sum(high - low - body, 10), 1) / 10 / 2; where(body > mean and \
         upper < side and lower < side, where(white, 100, -100), 0)"
    ),
    candle!(
        "cdl_short_line",
        "TA-Lib CDLSHORTLINE",
        "Short body with short shadows",
        "let side = delay(ts_sum(high - low - body, 10), 1) / 10 / 2; where(body < mean and \
         upper < side and lower < side, where(white, 100, -100), 0)"
    ),
    candle!(
        "cdl_engulfing",
        "TA-Lib CDLENGULFING",
        "Body around the last one of the other colour; ±80 if an end is shared",
        "let a = delay(top, 1); let b = delay(bottom, 1); where(white != delay(white, 1) and \
         top >= a and bottom <= b and (top > a or bottom < b), where(white, 1, -1) * where(top \
         != a and bottom != b, 100, 80), 0)"
    ),
    candle!(
        "cdl_harami",
        "TA-Lib CDLHARAMI",
        "Short body inside the last, long one; ±80 if an end is shared",
        "let a = delay(top, 1); let b = delay(bottom, 1); where(delay(body > mean, 1) and body \
         <= mean and top <= a and bottom >= b, delay(where(white, -1, 1), 1) * where(top < a \
         and bottom > b, 100, 80), 0)"
    ),
    candle!(
        "cdl_harami_cross",
        "TA-Lib CDLHARAMICROSS",
        "Doji inside the last, long body; ±80 if an end is shared",
        "let a = delay(top, 1); let b = delay(bottom, 1); where(delay(body > mean, 1) and body \
         <= tiny and top <= a and bottom >= b, delay(where(white, -1, 1), 1) * where(top < a \
         and bottom > b, 100, 80), 0)"
    ),
    candle!(
        "cdl_doji_star",
        "TA-Lib CDLDOJISTAR",
        "Doji a gap beyond the last, long body",
        "where(delay(body > mean, 1) and body <= tiny and where(delay(white, 1), bottom > \
         delay(top, 1), top < delay(bottom, 1)), delay(where(white, -100, 100), 1), 0)"
    ),
    candle!(
        "cdl_piercing",
        "TA-Lib CDLPIERCING",
        "Long white that opens below the low of a long black and closes above its middle",
        "where(delay(not white and body > mean, 1) and white and body > mean and open < \
         delay(low, 1) and close < delay(open, 1) and close > delay(close + body * 0.5, 1), \
         100, 0)"
    ),
    candle!(
        "cdl_counterattack",
        "TA-Lib CDLCOUNTERATTACK",
        "Two long bodies of other colours with the same close",
        "let equal = 0.05 * (delay(ts_sum(high - low, 5), 1) / 5); where(white != delay(white, \
         1) and delay(body > mean, 1) and body > mean and close <= delay(close + equal, 1) and \
         close >= delay(close - equal, 1), where(white, 100, -100), 0)"
    ),
    candle!(
        "cdl_homing_pigeon",
        "TA-Lib CDLHOMINGPIGEON",
        "Short black inside the last, long black",
        "where(delay(not white and body > mean, 1) and not white and body <= mean and open < \
         delay(open, 1) and close > delay(close, 1), 100, 0)"
    ),
    candle!(
        "cdl_in_neck",
        "TA-Lib CDLINNECK",
        "White that opens below the low of a long black and closes at its close",
        "let equal = 0.05 * (delay(ts_sum(high - low, 5), 1) / 5); where(delay(not white and \
         body > mean, 1) and white and open < delay(low, 1) and close <= delay(close + equal, \
         1) and close >= delay(close, 1), -100, 0)"
    ),
    candle!(
        "cdl_on_neck",
        "TA-Lib CDLONNECK",
        "White that opens below the low of a long black and closes at that low",
        "let equal = 0.05 * (delay(ts_sum(high - low, 5), 1) / 5); where(delay(not white and \
         body > mean, 1) and white and open < delay(low, 1) and close <= delay(low + equal, 1) \
         and close >= delay(low - equal, 1), -100, 0)"
    ),
    candle!(
        "cdl_thrusting",
        "TA-Lib CDLTHRUSTING",
        "White that opens below the low of a long black and closes in its lower half",
        "let equal = 0.05 * (delay(ts_sum(high - low, 5), 1) / 5); where(delay(not white and \
         body > mean, 1) and white and open < delay(low, 1) and close > delay(close + equal, 1) \
         and close <= delay(close + body * 0.5, 1), -100, 0)"
    ),
    candle!(
        "cdl_matching_low",
        "TA-Lib CDLMATCHINGLOW",
        "Two blacks with the same close",
        "let equal = 0.05 * (delay(ts_sum(high - low, 5), 1) / 5); where(delay(not white, 1) \
         and not white and close <= delay(close + equal, 1) and close >= delay(close - equal, \
         1), 100, 0)"
    ),
    candle!(
        "cdl_separating_lines",
        "TA-Lib CDLSEPARATINGLINES",
        "Belt hold that opens where the last row of the other colour did",
        "let equal = 0.05 * (delay(ts_sum(high - low, 5), 1) / 5); where(white != delay(white, \
         1) and open <= delay(open + equal, 1) and open >= delay(open - equal, 1) and body > \
         mean and where(white, lower, upper) < tiny, where(white, 100, -100), 0)"
    ),
    candle!(
        "cdl_kicking",
        "TA-Lib CDLKICKING",
        "Two marubozu of other colours with a gap between",
        "let bare = body > mean and upper < tiny and lower < tiny; where(white != delay(white, \
         1) and bare and delay(bare, 1) and where(white, low > delay(high, 1), high < \
         delay(low, 1)), where(white, 100, -100), 0)"
    ),
    candle!(
        "cdl_kicking_by_length",
        "TA-Lib CDLKICKINGBYLENGTH",
        "Kicking, with the colour of the longer body",
        "let bare = body > mean and upper < tiny and lower < tiny; where(white != delay(white, \
         1) and bare and delay(bare, 1) and where(white, low > delay(high, 1), high < \
         delay(low, 1)), where(body > delay(body, 1), where(white, 100, -100), \
         delay(where(white, 100, -100), 1)), 0)"
    ),
];
