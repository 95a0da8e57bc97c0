//! Every key of a strategy: the parser's list, the editor's completions and the manual's table.

use super::guard_keys::GUARD_KEYS;

/// What a key's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Any text.
    Text,
    /// A plain decimal number.
    Number,
    /// A whole number.
    Whole,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of symbols.
    Symbols,
    /// An expression that is true or false.
    Truth,
    /// An expression that is true or false, or a number.
    Weight,
    /// `every N bars`, `daily`, `weekly` or `monthly`.
    Schedule,
    /// Numbers by names of the writer's own.
    Parameters,
    /// A bar's length, `quote` or `every N quotes`.
    Clock,
    /// A length of time: a whole number and ms, s, m, h or d.
    Span,
    /// Keys of its own.
    Map,
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its path: `sizing.fixed` stands in the mapping `sizing`.
    pub path: &'static str,
    /// What its value is.
    pub kind: KeyKind,
    /// When it must be there, or what holds where it is not.
    pub absent: &'static str,
    /// What it means.
    pub summary: &'static str,
    /// One value that may stand there.
    pub example: &'static str,
}

impl Key {
    /// The last part of the path.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// The mapping it stands in; empty at the top.
    #[must_use]
    pub fn parent(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(parent, _)| parent)
    }

    /// The key of this path.
    #[must_use]
    pub fn of(path: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.path == path)
    }

    /// The keys of a mapping; of the text itself for an empty name.
    pub fn within(parent: &str) -> impl Iterator<Item = &'static Self> {
        KEYS.iter().filter(move |key| key.parent() == parent)
    }
}

pub(super) const fn key(
    path: &'static str,
    kind: KeyKind,
    absent: &'static str,
    example: &'static str,
    summary: &'static str,
) -> Key {
    Key { path, kind, absent, summary, example }
}

pub(super) const BAR_SIZES: &[&str] =
    &["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "2d", "3d", "7d"];

/// All keys, in the order in which a strategy is written.
pub const KEYS: &[Key] = &joined();

/// The two tables, one after the other.
#[allow(clippy::indexing_slicing, reason = "worked out while compiling: a fault is an error there")]
const fn joined() -> [Key; OWN_KEYS.len() + GUARD_KEYS.len()] {
    let mut all = [OWN_KEYS[0]; OWN_KEYS.len() + GUARD_KEYS.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] = if place < OWN_KEYS.len() {
            OWN_KEYS[place]
        } else {
            GUARD_KEYS[place - OWN_KEYS.len()]
        };
        place += 1;
    }
    all
}

/// Those of the strategy itself.
const OWN_KEYS: &[Key] = &[
    key("version", KeyKind::Choice(&["1"]), "required", "1", "Version of this language."),
    key(
        "name",
        KeyKind::Text,
        "required",
        "EMA cross",
        "What the strategy is called; at most 120 characters.",
    ),
    key("data", KeyKind::Text, "required", "us-stocks-daily", "The data set in the catalogue."),
    key(
        "universe",
        KeyKind::Symbols,
        "all symbols of the data set",
        "[AAPL, MSFT]",
        "The symbols that are traded.",
    ),
    key(
        "adjust",
        KeyKind::Choice(&["splits", "none"]),
        "splits",
        "splits",
        "Prices with forward split factors, or as they were printed.",
    ),
    key(
        "bar",
        KeyKind::Clock,
        "1d",
        "1d",
        "What the strategy decides on: the length of a bar, `quote`, or `every 100 quotes`; the data must have it.",
    ),
    key(
        "parameters",
        KeyKind::Parameters,
        "no parameters",
        "{ fast: 10, slow: 30 }",
        "Numbers by name, at most 16. `$name` stands for one in expressions and in every number but `seed`; a sweep tries many.",
    ),
    key(
        "signals",
        KeyKind::Map,
        "required, unless `weights` is there",
        "",
        "Long and short positions by signals that are true or false at a bar's close.",
    ),
    key(
        "signals.long",
        KeyKind::Truth,
        "no long positions",
        "ema(close, 10) > ema(close, 30)",
        "True: be long. Both entries true at once: no change.",
    ),
    key(
        "signals.exit",
        KeyKind::Truth,
        "a long position is closed when `long` is false",
        "ema(close, 10) < ema(close, 30)",
        "True: close a long position, and open none.",
    ),
    key(
        "signals.short",
        KeyKind::Truth,
        "no short positions",
        "close < ts_min(delay(close, 1), 20)",
        "True: be short.",
    ),
    key(
        "signals.cover",
        KeyKind::Truth,
        "a short position is closed when `short` is false",
        "close > ts_mean(close, 10)",
        "True: close a short position, and open none.",
    ),
    key(
        "weights",
        KeyKind::Weight,
        "required, unless `signals` is there",
        "top(delay(close, 21) / delay(close, 252), 50)",
        "Target weights. True or false: equal weights over the true names. Numbers: fractions of equity, negative is short. Missing: 0.",
    ),
    key(
        "schedule",
        KeyKind::Schedule,
        "required with `weights`",
        "every 21 bars",
        "When weights are set: at the first bar that has its look-back, then every N bars, or at the first bar of each day, week or month (UTC).",
    ),
    key(
        "sizing",
        KeyKind::Map,
        "required",
        "{ fixed: 10 }",
        "How large a position is; one of its keys.",
    ),
    key(
        "sizing.fixed",
        KeyKind::Number,
        "one of the three is required",
        "10",
        "Signals: shares (or coins, contracts) per entry.",
    ),
    key(
        "sizing.percent",
        KeyKind::Number,
        "one of the three is required",
        "2",
        "Signals: per cent of equity per entry, in whole lots at the close of the decision.",
    ),
    key(
        "sizing.exposure",
        KeyKind::Number,
        "one of the three is required",
        "0.95",
        "Weights: the fraction of equity that is spread over them, at most 1.",
    ),
    key("costs", KeyKind::Map, "fee_bps: 10", "{ fee_bps: 10 }", "What trading costs."),
    key(
        "costs.fee_bps",
        KeyKind::Number,
        "10",
        "10",
        "Fee of each fill in basis points (1/100 per cent) of its notional, of makers and takers.",
    ),
    key(
        "costs.maker_bps",
        KeyKind::Number,
        "`fee_bps`",
        "-0.5",
        "Fee of what rested in the book, in basis points; negative is a rebate. With `taker_bps`.",
    ),
    key(
        "costs.taker_bps",
        KeyKind::Number,
        "`fee_bps`",
        "5",
        "Fee of what took liquidity, in basis points. With `maker_bps`.",
    ),
    key(
        "costs.slippage",
        KeyKind::Map,
        "none",
        "{ ticks: 1 }",
        "How much worse than the market a taker trades: one of its models, and noise.",
    ),
    key("costs.slippage.ticks", KeyKind::Whole, "no impact", "1", "So many price steps."),
    key(
        "costs.slippage.bps",
        KeyKind::Number,
        "no impact",
        "2",
        "So many basis points of the price.",
    ),
    key(
        "costs.slippage.spread",
        KeyKind::Number,
        "no impact",
        "0.5",
        "This part of the spread; of quotes only.",
    ),
    key(
        "costs.slippage.volume_share",
        KeyKind::Number,
        "no impact",
        "0.1",
        "This fraction of the price × √(size ÷ volume), the square-root law; of quotes the size shown is the volume.",
    ),
    key(
        "costs.slippage.noise_bps",
        KeyKind::Number,
        "0",
        "1",
        "An evenly drawn part of so many basis points is paid besides, by `seed`.",
    ),
    key(
        "costs.participation",
        KeyKind::Number,
        "all that is wanted, even if the bar has less",
        "0.1",
        "The part of a bar's volume that the orders of a symbol may take together; of bars only.",
    ),
    key(
        "costs.latency",
        KeyKind::Map,
        "none",
        "{ feed_us: 500, order_us: 2000, response_us: 2000 }",
        "How long messages travel, in microseconds; of quotes only.",
    ),
    key("costs.latency.feed_us", KeyKind::Whole, "0", "500", "Until a quote is heard of."),
    key("costs.latency.order_us", KeyKind::Whole, "0", "2000", "From an order to the venue."),
    key("costs.latency.response_us", KeyKind::Whole, "0", "2000", "From the venue back."),
    key(
        "convention",
        KeyKind::Choice(&["next_open", "same_close", "touch", "book"]),
        "next_open for bars, touch for quotes",
        "next_open",
        "Where an order is filled. Bars: at the instrument's next open, or at the close that decided it. Quotes: whole at the other side's best price, or from what is shown there.",
    ),
    key("cash", KeyKind::Number, "1000000", "1000000", "Cash at the start."),
    key(
        "currency",
        KeyKind::Text,
        "USD",
        "USD",
        "The account's currency, `USD` or a coin such as `USDT`; the data must be priced in it.",
    ),
    key("seed", KeyKind::Whole, "1", "1", "Seed of what is drawn: the noise of slippage."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parent_is_a_mapping_and_every_path_is_there_once() {
        for (place, key) in KEYS.iter().enumerate() {
            assert!(
                KEYS.iter().skip(place + 1).all(|other| other.path != key.path),
                "{}",
                key.path
            );
            if !key.parent().is_empty() {
                assert_eq!(
                    Key::of(key.parent()).map(|p| p.kind),
                    Some(KeyKind::Map),
                    "{}",
                    key.path
                );
            }
        }
    }

    #[test]
    fn every_bar_size_is_one_that_the_market_knows() {
        for size in BAR_SIZES {
            assert_eq!(
                size.parse::<market::BarSize>().map(|s| s.to_string()),
                Ok((*size).to_owned())
            );
        }
    }
}
