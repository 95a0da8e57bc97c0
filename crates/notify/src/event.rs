//! The words for what a bot tells its owner. Amounts and prices come as text, written by whoever knows them.

use crate::{Level, Notice};
use jiff::Timestamp;

/// Something that is worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A position was opened.
    Opened {
        /// The venue's name of what is traded.
        symbol: &'a str,
        /// `long` or `short`.
        side: &'a str,
        /// How much, with its unit.
        size: &'a str,
        /// At which price.
        price: &'a str,
        /// Which rule wanted it.
        reason: &'a str,
    },
    /// A position was closed.
    Closed {
        /// The venue's name of what is traded.
        symbol: &'a str,
        /// `long` or `short`.
        side: &'a str,
        /// At which price.
        price: &'a str,
        /// Profit or loss after costs, with its currency.
        profit: &'a str,
        /// Which rule wanted it.
        reason: &'a str,
    },
    /// One more step of averaging in was filled.
    Averaged {
        /// The venue's name of what is traded.
        symbol: &'a str,
        /// Which step, and of how many.
        step: (u32, u32),
        /// How much, with its unit.
        size: &'a str,
        /// The position's price on average now.
        average: &'a str,
    },
    /// A stop loss was filled.
    StopLoss {
        /// The venue's name of what is traded.
        symbol: &'a str,
        /// At which price.
        price: &'a str,
        /// Profit or loss after costs, with its currency.
        profit: &'a str,
    },
    /// A take profit was filled.
    TakeProfit {
        /// The venue's name of what is traded.
        symbol: &'a str,
        /// At which price.
        price: &'a str,
        /// Profit or loss after costs, with its currency.
        profit: &'a str,
    },
    /// Something is wrong with a position, or the kill switch was thrown.
    Emergency {
        /// What, in a few words.
        what: &'a str,
        /// What was done about it.
        done: &'a str,
    },
    /// A limit of the risk gate was reached.
    Limit {
        /// Which limit.
        limit: &'a str,
        /// Its value and what would have exceeded it.
        detail: &'a str,
    },
    /// The venue refuses, or cannot be reached.
    VenueError {
        /// Which venue.
        venue: &'a str,
        /// What it was asked.
        asked: &'a str,
        /// What it said.
        said: &'a str,
    },
    /// The configuration has a problem.
    Configuration {
        /// Which setting.
        setting: &'a str,
        /// What is wrong.
        problem: &'a str,
        /// What mends it.
        fix: &'a str,
    },
}

impl Event<'_> {
    /// How much it matters.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Opened { .. }
            | Self::Closed { .. }
            | Self::Averaged { .. }
            | Self::TakeProfit { .. } => Level::Info,
            Self::StopLoss { .. }
            | Self::Limit { .. }
            | Self::VenueError { .. }
            | Self::Configuration { .. } => Level::Warning,
            Self::Emergency { .. } => Level::Critical,
        }
    }

    /// What makes it the same as another: trades are told each, troubles once in a while.
    fn key(&self) -> String {
        match self {
            Self::Opened { .. }
            | Self::Closed { .. }
            | Self::Averaged { .. }
            | Self::StopLoss { .. }
            | Self::TakeProfit { .. } => String::new(),
            Self::Emergency { what, .. } => format!("emergency {what}"),
            Self::Limit { limit, .. } => format!("limit {limit}"),
            Self::VenueError { venue, asked, .. } => format!("venue {venue} {asked}"),
            Self::Configuration { setting, .. } => format!("setting {setting}"),
        }
    }

    /// The event as a notice of the bot `name`.
    #[must_use]
    pub fn notice(&self, name: &str, at: Timestamp) -> Notice {
        let (title, lines) = self.words();
        let title = format!("{name}: {title}");
        let notice = Notice::new(&self.key(), self.level(), &title, at);
        lines.iter().filter(|line| !line.is_empty()).fold(notice, |notice, line| notice.line(line))
    }

    /// The title and the lines below it.
    fn words(&self) -> (String, Vec<String>) {
        match self {
            Self::Opened { symbol, side, size, price, reason } => (
                format!("opened {symbol} {side}"),
                vec![format!("{size} at {price}"), format!("because of {reason}")],
            ),
            Self::Closed { symbol, side, price, profit, reason } => (
                format!("closed {symbol} {side}, {profit}"),
                vec![format!("at {price}"), format!("because of {reason}")],
            ),
            Self::Averaged { symbol, step: (step, of), size, average } => (
                format!("averaged in on {symbol}, step {step} of {of}"),
                vec![format!("{size}, average price now {average}")],
            ),
            Self::StopLoss { symbol, price, profit } => {
                (format!("stop loss on {symbol}, {profit}"), vec![format!("at {price}")])
            }
            Self::TakeProfit { symbol, price, profit } => {
                (format!("take profit on {symbol}, {profit}"), vec![format!("at {price}")])
            }
            Self::Emergency { what, done } => {
                (format!("EMERGENCY: {what}"), vec![format!("done: {done}")])
            }
            Self::Limit { limit, detail } => {
                (format!("limit reached: {limit}"), vec![(*detail).to_owned()])
            }
            Self::VenueError { venue, asked, said } => {
                (format!("{venue} refused: {asked}"), vec![format!("it said: {said}")])
            }
            Self::Configuration { setting, problem, fix } => (
                format!("configuration: {setting}"),
                vec![(*problem).to_owned(), format!("fix: {fix}")],
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(event: &Event<'_>) -> String {
        event.notice("bot-1", Timestamp::UNIX_EPOCH).text_lines().join(" | ")
    }

    #[test]
    fn every_event_has_its_words() {
        let check = |event: Event<'_>, want: &str| assert_eq!(text(&event), want);
        let (symbol, price) = ("BTCUSDT", "64100.5");
        check(
            Event::Opened {
                symbol,
                side: "long",
                size: "0.010 BTC",
                price,
                reason: "rule rsi_low",
            },
            "bot-1: opened BTCUSDT long | 0.010 BTC at 64100.5 | because of rule rsi_low | 1970-01-01 00:00:00 UTC",
        );
        check(
            Event::Closed { symbol, side: "long", price, profit: "+12.30 USDT", reason: "target" },
            "bot-1: closed BTCUSDT long, +12.30 USDT | at 64100.5 | because of target | 1970-01-01 00:00:00 UTC",
        );
        check(
            Event::Averaged { symbol, step: (2, 5), size: "0.020 BTC", average: "63900" },
            "bot-1: averaged in on BTCUSDT, step 2 of 5 | 0.020 BTC, average price now 63900 | 1970-01-01 00:00:00 UTC",
        );
        check(
            Event::StopLoss { symbol, price, profit: "-5.00 USDT" },
            "[warning] bot-1: stop loss on BTCUSDT, -5.00 USDT | at 64100.5 | 1970-01-01 00:00:00 UTC",
        );
        check(
            Event::TakeProfit { symbol, price, profit: "+5.00 USDT" },
            "bot-1: take profit on BTCUSDT, +5.00 USDT | at 64100.5 | 1970-01-01 00:00:00 UTC",
        );
        check(
            Event::Emergency { what: "position without its stop", done: "closed at market" },
            "[CRITICAL] bot-1: EMERGENCY: position without its stop | done: closed at market | 1970-01-01 00:00:00 UTC",
        );
        check(
            Event::Limit { limit: "daily loss", detail: "101.00 of 100.00 USDT" },
            "[warning] bot-1: limit reached: daily loss | 101.00 of 100.00 USDT | 1970-01-01 00:00:00 UTC",
        );
        check(
            Event::VenueError { venue: "binance", asked: "place order", said: "-2019\u{1b}[2J" },
            "[warning] bot-1: binance refused: place order | it said: -2019 | 1970-01-01 00:00:00 UTC",
        );
        check(
            Event::Configuration { setting: "leverage", problem: "is 20", fix: "set it to 3" },
            "[warning] bot-1: configuration: leverage | is 20 | fix: set it to 3 | 1970-01-01 00:00:00 UTC",
        );
    }
}
