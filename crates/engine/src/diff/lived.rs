//! What a live session did, over all lives of its bot, in no file's words.

use crate::live::{Cause, ClientId, Role, TradeId};
use market::{Money, Price, Quantity, Side, Timestamp};
use portfolio::InstrumentId;

/// A live session, as its recordings tell it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lived {
    /// The lives of the bot, in order.
    pub lives: Vec<Life>,
    /// Orders that were sent, in the order of their sending.
    pub orders: Vec<Sent>,
    /// Executions, in the order in which the bot heard of them.
    pub fills: Vec<Executed>,
    /// Orders that the strategy wanted and that were not sent.
    pub held_back: Vec<HeldBack>,
    /// Rows on which the bot decided nothing, and why; in order.
    pub silences: Vec<Silence>,
    /// What was held before the first row: lots, negative if short.
    pub carried: Vec<(InstrumentId, i64)>,
}

/// One life of a bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When it began.
    pub began: Timestamp,
    /// When it was last heard of.
    pub until: Timestamp,
    /// Cash that the venue told at its beginning.
    pub cash: Money,
    /// Cash that its ledger came to at its end, by trades alone.
    pub booked: Money,
}

/// An order that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its name.
    pub name: ClientId,
    /// What it was for.
    pub role: Role,
    /// What was to be traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How much.
    pub asked: Quantity,
    /// The row that decided, or, of an order that no row decided, the latest row before it.
    pub row: Timestamp,
    /// When it was written down, and sent.
    pub time: Timestamp,
    /// When nothing more came of it; `None` if the recording ends before.
    pub ended: Option<Timestamp>,
    /// What the venue said when it refused it.
    pub refusal: Option<String>,
}

/// An execution. A fee that was taken in the coin that was bought is one of its own: the sale of so
/// much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The venue's number of it.
    pub trade: TradeId,
    /// Its order, where it is one of [`Lived::orders`].
    pub order: Option<ClientId>,
    /// Why there is an order at all.
    pub cause: Cause,
    /// What was traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// What the venue took for it, in the account's currency.
    pub fee: Money,
    /// When, at the venue.
    pub time: Timestamp,
}

/// An order that the strategy wanted and that was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// The row that decided.
    pub row: Timestamp,
    /// What was to be traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How much.
    pub quantity: Quantity,
    /// What held it back, in words.
    pub why: String,
}

/// Rows on which the bot decided nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// Why.
    pub because: Quiet,
}

/// Why a bot decided nothing on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// It did not run when the row closed.
    Down,
    /// It heard of the row too late: the prices that it saw were gone.
    Late,
}

impl Quiet {
    /// Its name in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Late => "late",
        }
    }
}

impl Lived {
    /// The silence that a row lies in.
    #[must_use]
    pub fn silence(&self, row: Timestamp) -> Option<&Silence> {
        self.silences.iter().find(|one| one.first <= row && row <= one.last)
    }

    /// Cash that came or went between two lives and that no trade explains: funding, interest,
    /// transfers, trades that were made while the bot was down. `None` with one life only.
    ///
    /// # Errors
    /// If the sums exceed what money can be.
    pub fn unbooked(&self) -> Result<Option<Money>, market::Error> {
        let mut sum = None;
        for pair in self.lives.windows(2) {
            if let [before, after] = pair {
                let step = after.cash.minus(before.booked)?;
                sum = Some(sum.unwrap_or(Money::ZERO).plus(step)?);
            }
        }
        Ok(sum)
    }
}
