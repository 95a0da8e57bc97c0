//! What goes wrong, by name.

use super::Paid;
use std::fmt;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process is killed between two effects; what it wrote stays.
    Crash,
    /// The machine loses power: what was written last and not flushed is gone.
    PowerLoss,
    /// A request never arrives.
    RequestLost,
    /// A request is carried out and its answer never arrives.
    AnswerLost,
    /// A request travels for seconds; some are dropped by the venue for their age.
    RequestDelayed,
    /// An answer travels for seconds.
    AnswerDelayed,
    /// The venue carries a request out and answers with a server error.
    ServerError,
    /// An answer is an HTML page.
    Garbled,
    /// The venue does nothing and says so: too many requests.
    Throttled,
    /// A request is told to have never been sent.
    Unsent,
    /// The venue is asked for an order that it has, and says that it has none: what it shows is old.
    StaleOrder,
    /// A list of orders leaves the newest out.
    StaleList,
    /// Positions are those of a moment ago.
    StalePosition,
    /// A word of the stream never arrives, and nobody notices.
    WordLost,
    /// A word arrives twice.
    WordTwice,
    /// A word arrives long after later ones.
    WordLate,
    /// The stream breaks; what is told meanwhile is missed.
    StreamBroken,
    /// Somebody else trades on the account.
    Stranger,
    /// The venue closes every position.
    Liquidation,
    /// The disk is full for a while.
    DiskFull,
    /// The licence runs out, and comes back.
    Licence,
    /// The kill switch is pulled, and let go.
    KillSwitch,
}

/// All of them.
pub const FAULTS: [Fault; 22] = [
    Fault::Crash,
    Fault::PowerLoss,
    Fault::RequestLost,
    Fault::AnswerLost,
    Fault::RequestDelayed,
    Fault::AnswerDelayed,
    Fault::ServerError,
    Fault::Garbled,
    Fault::Throttled,
    Fault::Unsent,
    Fault::StaleOrder,
    Fault::StaleList,
    Fault::StalePosition,
    Fault::WordLost,
    Fault::WordTwice,
    Fault::WordLate,
    Fault::StreamBroken,
    Fault::Stranger,
    Fault::Liquidation,
    Fault::DiskFull,
    Fault::Licence,
    Fault::KillSwitch,
];

impl Fault {
    /// Its name in the printed totals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "process killed",
            Self::PowerLoss => "power lost",
            Self::RequestLost => "request lost",
            Self::AnswerLost => "answer lost",
            Self::RequestDelayed => "request late",
            Self::AnswerDelayed => "answer late",
            Self::ServerError => "done, answered 5xx",
            Self::Garbled => "done, answered HTML",
            Self::Throttled => "throttled",
            Self::Unsent => "never sent",
            Self::StaleOrder => "order denied",
            Self::StaleList => "list out of date",
            Self::StalePosition => "position out of date",
            Self::WordLost => "word lost",
            Self::WordTwice => "word twice",
            Self::WordLate => "word out of order",
            Self::StreamBroken => "stream broken",
            Self::Stranger => "stranger's order",
            Self::Liquidation => "liquidation",
            Self::DiskFull => "disk full",
            Self::Licence => "licence ran out",
            Self::KillSwitch => "kill switch",
        }
    }

    /// Whether it can be had: there is no liquidation where nothing is borrowed, and spot has no positions to
    /// show.
    #[must_use]
    pub const fn is_had(self, paid: Paid) -> bool {
        matches!(paid, Paid::OnMargin) || !matches!(self, Self::Liquidation | Self::StalePosition)
    }

    /// Whether it changes positions without the bot.
    pub(super) const fn is_outside(self) -> bool {
        matches!(self, Self::Stranger | Self::Liquidation)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
