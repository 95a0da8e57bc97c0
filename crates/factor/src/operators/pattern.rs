//! Candlestick patterns of three rows and more, and those with a depth; in the words of `candle`.

use super::Operator;
use super::ParameterKind::Constant;
use super::candle::{candle, pattern, words};
use super::indicator::{CLOSE, HIGH, LOW, OPEN};
use super::parameter::optional;

/// A pattern whose last close must go `p` of a body deep.
macro_rules! deep {
    ($name:literal, $source:literal, $summary:literal, $depth:literal, $text:literal) => {
        pattern(
            [$name, concat!($name, "(open, high, low, close, p=", $depth, ")"), $summary, $source],
            &[OPEN, HIGH, LOW, CLOSE, optional("p", Constant, $depth)],
            words!($text),
        )
    };
}

pub(super) const PATTERNS: &[Operator] = &[
    candle!(
        "cdl_two_crows",
        "TA-Lib CDL2CROWS",
        "Black over a gap after a long white, then black into that white",
        "where(delay(white and body > mean, 2) and delay(not white and bottom > delay(top, 1), \
         1) and not white and open < delay(open, 1) and open > delay(close, 1) and close > \
         delay(open, 2) and close < delay(close, 2), -100, 0)"
    ),
    candle!(
        "cdl_upside_gap_two_crows",
        "TA-Lib CDLUPSIDEGAP2CROWS",
        "Short black over a gap after a long white, then a black around it",
        "where(delay(white and body > mean, 2) and delay(not white and body <= mean and bottom \
         > delay(top, 1), 1) and not white and open > delay(open, 1) and close < delay(close, \
         1) and close > delay(close, 2), -100, 0)"
    ),
    candle!(
        "cdl_three_inside",
        "TA-Lib CDL3INSIDE",
        "Harami, then a close beyond the first open",
        "let held = delay(body <= mean and top < delay(top, 1) and bottom > delay(bottom, 1), \
         1); where(delay(body > mean, 2) and held and where(delay(white, 2), not white and \
         close < delay(open, 2), white and close > delay(open, 2)), delay(where(white, -100, \
         100), 2), 0)"
    ),
    candle!(
        "cdl_three_outside",
        "TA-Lib CDL3OUTSIDE",
        "Engulfing, then a close further on",
        "let around = delay(white != delay(white, 1) and top > delay(top, 1) and bottom < \
         delay(bottom, 1), 1); where(around and where(delay(white, 1), close > delay(close, 1), \
         close < delay(close, 1)), delay(where(white, 100, -100), 1), 0)"
    ),
    candle!(
        "cdl_three_white_soldiers",
        "TA-Lib CDL3WHITESOLDIERS",
        "Three whites without upper shadows, each opening in or near the last body and closing higher",
        "let near = 0.2 * (delay(ts_sum(high - low, 5), 1) / 5); let far = 0.6 * \
         (delay(ts_sum(high - low, 5), 1) / 5); let bare = white and upper < tiny; let step = \
         close > delay(close, 1) and open > delay(open, 1) and open <= delay(close + near, 1) \
         and body > delay(body - far, 1); where(bare and delay(bare, 1) and delay(bare, 2) and \
         step and delay(step, 1) and body > mean, 100, 0)"
    ),
    candle!(
        "cdl_three_black_crows",
        "TA-Lib CDL3BLACKCROWS",
        "After a white, three blacks without lower shadows, each opening in the last body and closing lower",
        "let bare = not white and lower < tiny; let step = open < delay(open, 1) and open > \
         delay(close, 1) and close < delay(close, 1); where(delay(white, 3) and bare and \
         delay(bare, 1) and delay(bare, 2) and delay(high, 3) > delay(close, 2) and step and \
         delay(step, 1), -100, 0)"
    ),
    candle!(
        "cdl_identical_three_crows",
        "TA-Lib CDLIDENTICAL3CROWS",
        "Three blacks without lower shadows, each opening at the last close",
        "let equal = 0.05 * (delay(ts_sum(high - low, 5), 1) / 5); let bare = not white and \
         lower < tiny; let step = close < delay(close, 1) and open <= delay(close + equal, 1) \
         and open >= delay(close - equal, 1); where(bare and delay(bare, 1) and delay(bare, 2) \
         and step and delay(step, 1), -100, 0)"
    ),
    candle!(
        "cdl_three_stars_in_south",
        "TA-Lib CDL3STARSINSOUTH",
        "Three blacks, each smaller and inside the last one's lows",
        "let black = not white; let first = black and body > mean and lower > body; let second \
         = black and body < delay(body, 1) and open > delay(close, 1) and open <= delay(high, \
         1) and low < delay(close, 1) and low >= delay(low, 1) and lower > tiny; \
         where(delay(first, 2) and delay(second, 1) and black and body < mean and lower < tiny \
         and upper < tiny and low > delay(low, 1) and high < delay(high, 1), 100, 0)"
    ),
    candle!(
        "cdl_three_line_strike",
        "TA-Lib CDL3LINESTRIKE",
        "Three of one colour in steps, then one of the other around all of them",
        "let near = 0.2 * (delay(ts_sum(high - low, 5), 1) / 5); let step = white == \
         delay(white, 1) and open >= delay(bottom - near, 1) and open <= delay(top + near, 1) \
         and where(white, close > delay(close, 1), close < delay(close, 1)); where(delay(step, \
         1) and delay(step, 2) and where(delay(white, 1), not white and open > delay(close, 1) \
         and close < delay(open, 3), white and open < delay(close, 1) and close > delay(open, \
         3)), delay(where(white, 100, -100), 1), 0)"
    ),
    candle!(
        "cdl_stick_sandwich",
        "TA-Lib CDLSTICKSANDWICH",
        "White between two blacks with the same close",
        "let equal = 0.05 * (delay(ts_sum(high - low, 5), 1) / 5); where(delay(not white, 2) \
         and delay(white and low > delay(close, 1), 1) and not white and close <= delay(close + \
         equal, 2) and close >= delay(close - equal, 2), 100, 0)"
    ),
    candle!(
        "cdl_tristar",
        "TA-Lib CDLTRISTAR",
        "Three doji, the middle one a gap apart",
        "let thin = delay(tiny, 2); let up = delay(bottom > delay(top, 1), 1) and top < \
         delay(top, 1); let down = delay(top < delay(bottom, 1), 1) and bottom > delay(bottom, \
         1); where(body <= thin and delay(body, 1) <= thin and delay(body, 2) <= thin and (up \
         or down), where(up, -100, 100), 0)"
    ),
    candle!(
        "cdl_unique_three_river",
        "TA-Lib CDLUNIQUE3RIVER",
        "Long black, black with a lower low that closes higher, short white below",
        "where(delay(not white and body > mean, 2) and delay(not white and close > delay(close, \
         1) and open <= delay(open, 1) and low < delay(low, 1), 1) and white and body < mean \
         and open > delay(low, 1), 100, 0)"
    ),
    candle!(
        "cdl_tasuki_gap",
        "TA-Lib CDLTASUKIGAP",
        "Gap, then one of the other colour that opens in the last body and does not close the gap",
        "let near = 0.2 * (delay(ts_sum(high - low, 5), 1) / 5); let up = delay(white and \
         bottom > delay(top, 1), 1) and not white and open < delay(close, 1) and open > \
         delay(open, 1) and close < delay(open, 1) and close > delay(top, 2); let down = \
         delay(not white and top < delay(bottom, 1), 1) and white and open < delay(open, 1) and \
         open > delay(close, 1) and close > delay(open, 1) and close < delay(bottom, 2); \
         where((up or down) and abs(delay(body, 1) - body) < delay(near, 1), delay(where(white, \
         100, -100), 1), 0)"
    ),
    candle!(
        "cdl_side_gap_three_methods",
        "TA-Lib CDLXSIDEGAP3METHODS",
        "Two of one colour with a gap, then one of the other colour from body to body",
        "where(delay(white == delay(white, 1) and where(white, bottom > delay(top, 1), top < \
         delay(bottom, 1)), 1) and white != delay(white, 1) and open < delay(top, 1) and open > \
         delay(bottom, 1) and close < delay(top, 2) and close > delay(bottom, 2), \
         delay(where(white, 100, -100), 2), 0)"
    ),
    candle!(
        "cdl_side_by_side_white",
        "TA-Lib CDLGAPSIDESIDEWHITE",
        "Two alike whites after a gap",
        "let near = 0.2 * (delay(ts_sum(high - low, 5), 1) / 5); let equal = 0.05 * \
         (delay(ts_sum(high - low, 5), 1) / 5); let up = delay(bottom, 1) > delay(top, 2) and \
         bottom > delay(top, 2); let down = delay(top, 1) < delay(bottom, 2) and top < \
         delay(bottom, 2); where((up or down) and delay(white, 1) and white and body >= \
         delay(body - near, 1) and body <= delay(body + near, 1) and open >= delay(open - \
         equal, 1) and open <= delay(open + equal, 1), where(up, 100, -100), 0)"
    ),
    candle!(
        "cdl_breakaway",
        "TA-Lib CDLBREAKAWAY",
        "Long body, a gap, two steps further, then back into the gap",
        "let sign = where(white, 1, -1); let further = where(delay(white, 4), 1, -1); let step \
         = high * further > delay(high, 1) * further and low * further > delay(low, 1) * \
         further; let gap = where(delay(white, 4), delay(bottom, 3) > delay(top, 4), delay(top, \
         3) < delay(bottom, 4)); where(delay(body > mean, 4) and delay(sign, 3) == further and \
         delay(sign, 1) == further and sign == -further and gap and (delay(high, 2) - \
         delay(high, 3)) * further > 0 and (delay(low, 2) - delay(low, 3)) * further > 0 and \
         (delay(high, 1) - delay(high, 2)) * further > 0 and (delay(low, 1) - delay(low, 2)) * \
         further > 0 and (close - delay(open, 3)) * further < 0 and (close - delay(close, 4)) * \
         further > 0, where(white, 100, -100), 0)"
    ),
    candle!(
        "cdl_ladder_bottom",
        "TA-Lib CDLLADDERBOTTOM",
        "Three falling blacks, a black with an upper shadow, then a white above its high",
        "let step = not white and open < delay(open, 1) and close < delay(close, 1); \
         where(delay(not white, 4) and delay(step, 3) and delay(step, 2) and delay(not white \
         and upper > tiny, 1) and white and open > delay(open, 1) and close > delay(high, 1), \
         100, 0)"
    ),
    candle!(
        "cdl_concealing_baby_swallow",
        "TA-Lib CDLCONCEALBABYSWALL",
        "Two black marubozu, a black a gap below that reaches up into them, then a black around it",
        "let black = not white; let bare = black and lower < tiny and upper < tiny; \
         where(delay(bare, 3) and delay(bare, 2) and delay(black and top < delay(bottom, 1) and \
         upper > tiny and high > delay(close, 1), 1) and black and high > delay(high, 1) and \
         low < delay(low, 1), 100, 0)"
    ),
    candle!(
        "cdl_rise_fall_three_methods",
        "TA-Lib CDLRISEFALL3METHODS",
        "Long body, three short ones of the other colour within its range, then a long one further on",
        "let sign = delay(where(white, 1, -1), 4); let short = body < mean; let other = \
         delay(white, 3) == delay(white, 2) and delay(white, 2) == delay(white, 1) and \
         delay(white, 1) != delay(white, 4) and white == delay(white, 4); let held = \
         delay(bottom, 3) < delay(high, 4) and delay(top, 3) > delay(low, 4) and delay(bottom, \
         2) < delay(high, 4) and delay(top, 2) > delay(low, 4) and delay(bottom, 1) < \
         delay(high, 4) and delay(top, 1) > delay(low, 4); where(delay(body > mean, 4) and \
         delay(short, 3) and delay(short, 2) and delay(short, 1) and body > mean and other and \
         held and delay(close, 2) * sign < delay(close, 3) * sign and delay(close, 1) * sign < \
         delay(close, 2) * sign and open * sign > delay(close, 1) * sign and close * sign > \
         delay(close, 4) * sign, delay(where(white, 100, -100), 4), 0)"
    ),
    deep!(
        "cdl_dark_cloud_cover",
        "TA-Lib CDLDARKCLOUDCOVER",
        "Black that opens above the high of a long white and closes deep in its body",
        0.5,
        "where(delay(white and body > mean, 1) and not white and open > delay(high, 1) and \
         close > delay(open, 1) and close < delay(close, 1) - delay(body, 1) * p, -100, 0)"
    ),
    deep!(
        "cdl_morning_star",
        "TA-Lib CDLMORNINGSTAR",
        "Long black, a short body a gap below, then a white into the black",
        0.3,
        "where(delay(not white and body > mean, 2) and delay(body <= mean and top < \
         delay(bottom, 1), 1) and body > mean and white and close > delay(close, 2) + \
         delay(body, 2) * p, 100, 0)"
    ),
    deep!(
        "cdl_evening_star",
        "TA-Lib CDLEVENINGSTAR",
        "Long white, a short body a gap above, then a black into the white",
        0.3,
        "where(delay(white and body > mean, 2) and delay(body <= mean and bottom > delay(top, \
         1), 1) and body > mean and not white and close < delay(close, 2) - delay(body, 2) * p, \
         -100, 0)"
    ),
    deep!(
        "cdl_morning_doji_star",
        "TA-Lib CDLMORNINGDOJISTAR",
        "Long black, a doji a gap below, then a white into the black",
        0.3,
        "where(delay(not white and body > mean, 2) and delay(body <= tiny and top < \
         delay(bottom, 1), 1) and body > mean and white and close > delay(close, 2) + \
         delay(body, 2) * p, 100, 0)"
    ),
    deep!(
        "cdl_evening_doji_star",
        "TA-Lib CDLEVENINGDOJISTAR",
        "Long white, a doji a gap above, then a black into the white",
        0.3,
        "where(delay(white and body > mean, 2) and delay(body <= tiny and bottom > delay(top, \
         1), 1) and body > mean and not white and close < delay(close, 2) - delay(body, 2) * p, \
         -100, 0)"
    ),
    deep!(
        "cdl_abandoned_baby",
        "TA-Lib CDLABANDONEDBABY",
        "Long body, a doji with gaps on both sides, then back into the body",
        0.3,
        "let up = white and delay(not white, 2) and close > delay(close, 2) + delay(body, 2) * \
         p and delay(high < delay(low, 1), 1) and low > delay(high, 1); let down = not white \
         and delay(white, 2) and close < delay(close, 2) - delay(body, 2) * p and delay(low > \
         delay(high, 1), 1) and high < delay(low, 1); where(delay(body > mean, 2) and \
         delay(body <= tiny, 1) and body > mean and (up or down), where(white, 100, -100), 0)"
    ),
    deep!(
        "cdl_mat_hold",
        "TA-Lib CDLMATHOLD",
        "Long white, a gap up, small bodies that hold above its depth, then a new high",
        0.5,
        "let short = body < mean; let floor = delay(close, 4) - delay(body, 4) * p; let held = \
         delay(bottom, 2) < delay(close, 4) and delay(bottom, 1) < delay(close, 4) and \
         delay(bottom, 2) > floor and delay(bottom, 1) > floor and delay(top, 2) < delay(open, \
         3) and delay(top, 1) < delay(top, 2); where(delay(white and body > mean, 4) and \
         delay(short and not white and bottom > delay(top, 1), 3) and delay(short, 2) and \
         delay(short, 1) and held and white and open > delay(close, 1) and close > \
         max(max(delay(high, 3), delay(high, 2)), delay(high, 1)), 100, 0)"
    ),
];
