//! Why a live session and the backtest of its rows part, in a trader's words.

use super::lived::Silence;
use crate::{live::Cause, order::Reason};
use std::fmt;

/// Why a decision differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Another price.
    Slippage,
    /// The same price, another fee.
    Fee,
    /// It traded after the bar in which the backtest traded was over.
    Latency,
    /// The venue refused it, in its words.
    Refused(String),
    /// It was not sent: which gate held it back, in words.
    HeldBack(String),
    /// What was left of it was not traded: taken back, or out of time.
    Partial,
    /// It still works where the recording ends.
    Working,
    /// The bot did not run.
    Down(Silence),
    /// The bot heard of the row too late to decide on it.
    Late(Silence),
    /// The backtest's account or exchange refused it.
    BacktestRefused(Reason),
    /// The backtest's order still waits where the tape ends.
    TapeEnds,
    /// The same decision, sized by another equity.
    Size,
    /// A position was held before the first row.
    Carried,
    /// The stop that stands at the venue traded.
    Stop,
    /// The bot closed a position: the kill switch, or no stop could be had.
    Close,
    /// Somebody else traded on the account.
    Foreign,
    /// The venue closed it.
    Venue(Cause),
    /// An earlier difference left the position elsewhere; its place in the list, from 0.
    Follows(usize),
    /// Nothing that was compared explains it.
    Unexplained,
}

impl Why {
    /// Its name in tables and totals.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Slippage => "slippage",
            Self::Fee => "fee",
            Self::Latency => "latency",
            Self::Refused(_) => "refused",
            Self::HeldBack(_) => "held-back",
            Self::Partial => "partial",
            Self::Working => "working",
            Self::Down(_) => "down",
            Self::Late(_) => "late",
            Self::BacktestRefused(_) => "backtest-refused",
            Self::TapeEnds => "tape-ends",
            Self::Size => "size",
            Self::Carried => "carried",
            Self::Stop => "stop",
            Self::Close => "close",
            Self::Foreign => "foreign",
            Self::Venue(_) => "venue",
            Self::Follows(_) => "follows",
            Self::Unexplained => "unexplained",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slippage => f.write_str("slippage: another price"),
            Self::Fee => f.write_str("fee: the same price at another fee"),
            Self::Latency => f.write_str("latency: it traded a bar or more later"),
            Self::Refused(words) => write!(f, "refused by the venue: {words}"),
            Self::HeldBack(words) => write!(f, "held back: {words}"),
            Self::Partial => {
                f.write_str("partial fill: the rest was taken back or ran out of time")
            }
            Self::Working => f.write_str("still working where the recording ends"),
            Self::Down(s) => write!(f, "missed: the bot was down from {} to {}", s.first, s.last),
            Self::Late(s) => {
                write!(f, "missed: the row came too late to act on ({} to {})", s.first, s.last)
            }
            Self::BacktestRefused(reason) => write!(f, "the backtest refused it: {reason}"),
            Self::TapeEnds => f.write_str("the tape ends before the backtest could trade"),
            Self::Size => f.write_str("size: it was sized by another equity"),
            Self::Carried => f.write_str("carried: a position was held before the first row"),
            Self::Stop => f.write_str("the stop at the venue traded"),
            Self::Close => f.write_str("the bot closed it: kill switch, or no stop to be had"),
            Self::Foreign => f.write_str("foreign: somebody else traded on the account"),
            Self::Venue(cause) => f.write_str(match cause {
                Cause::Owner => "the account's owner traded",
                Cause::Liquidation => "the venue liquidated: margin ran out",
                Cause::Deleveraging => "the venue deleveraged",
                Cause::Settlement => "the venue settled or delisted",
            }),
            Self::Follows(place) => write!(f, "follows from difference {}", place + 1),
            Self::Unexplained => f.write_str("unexplained"),
        }
    }
}
