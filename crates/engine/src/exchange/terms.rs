//! What a simulated venue is agreed to be: how it fills, what it takes, how long messages travel.

use super::Slippage;
use crate::order::{Capabilities, Distance};
use market::{Money, Rate};
use portfolio::Liquidity;

/// Where and when orders are filled. The name stands in every result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Bars: market orders at the open of the instrument's next bar.
    NextOpen,
    /// Bars: market orders at the close that decided them. Not tradable live.
    SameClose,
    /// Quotes: whole size at the best price of the other side, no queue.
    Touch,
    /// A book: levels are walked and used up, resting orders queue.
    Book(Feed),
}

/// What a book is built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// Quotes with sizes: one level a side. Depth is ignored.
    Best,
    /// Changes of levels. Quotes are ignored.
    Depth,
}

impl Model {
    /// Its name in settings and results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NextOpen => "next_open",
            Self::SameClose => "same_close",
            Self::Touch => "touch",
            Self::Book(_) => "book",
        }
    }

    /// Whether it fills from bars rather than from ticks.
    #[must_use]
    pub const fn reads_bars(self) -> bool {
        matches!(self, Self::NextOpen | Self::SameClose)
    }
}

/// Everything that is agreed on with a simulated venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Where orders are filled.
    pub model: Model,
    /// What a fill costs.
    pub fees: FeeTerms,
    /// How much worse than the market a taker trades.
    pub slippage: Slippage,
    /// How long messages travel.
    pub latency: Latency,
    /// Who leaves a queue when a level shrinks and nothing printed.
    pub queue: Queue,
    /// How far from the touch a market order may trade in a book; `None` for any distance.
    pub protection: Option<Distance>,
    /// Which part of a bar's volume all orders of an instrument may take together; `None` for all
    /// they want, even if the bar has less.
    pub participation: Option<Rate>,
    /// Which prices wake sleeping orders in tick models.
    pub triggers: Triggers,
    /// What becomes of a sleeping order whose trigger is reached already when it arrives.
    pub passed: Passed,
    /// What the venue can do by itself.
    pub capabilities: Capabilities,
    /// Seed of whatever is drawn.
    pub seed: u64,
}

impl Terms {
    /// A model without fees, slippage and latency, pessimistic where there is a choice.
    #[must_use]
    pub const fn of(model: Model) -> Self {
        Self {
            model,
            fees: FeeTerms::FREE,
            slippage: Slippage::NONE,
            latency: Latency::NONE,
            queue: Queue::Behind,
            protection: None,
            participation: None,
            triggers: Triggers::Either,
            passed: Passed::RefuseEntries,
            capabilities: Capabilities::ALL,
            seed: 0,
        }
    }
}

/// Fees by liquidity, as fractions of the notional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeTerms {
    maker: Fraction,
    taker: Fraction,
    liquidation: Fraction,
}

/// A rate in lowest terms: the same figure as the rate's, by far cheaper to work out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fraction {
    part: i128,
    of: i128,
}

impl Fraction {
    const ZERO: Self = Self { part: 0, of: 1 };

    const fn new(rate: Rate) -> Self {
        let (mut a, mut b) = (rate.0, Rate::ONE.0);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let divisor = if a < 0 { -a } else { a };
        Self { part: rate.0 / divisor, of: Rate::ONE.0 / divisor }
    }

    #[inline]
    fn of_size(self, notional: Money) -> Result<Money, market::Error> {
        if self.part == 0 {
            return Ok(Money::ZERO);
        }
        Money(notional.0.abs()).scaled(self.part, self.of)
    }
}

impl FeeTerms {
    /// Nothing is taken.
    pub const FREE: Self =
        Self { maker: Fraction::ZERO, taker: Fraction::ZERO, liquidation: Fraction::ZERO };

    /// Of these fractions; a negative one is a rebate.
    #[must_use]
    pub const fn new(maker: Rate, taker: Rate) -> Self {
        Self { maker: Fraction::new(maker), taker: Fraction::new(taker), ..Self::FREE }
    }

    /// The same, with this fraction more when the venue closes a position by itself.
    #[must_use]
    pub const fn liquidating(self, extra: Rate) -> Self {
        Self { liquidation: Fraction::new(extra), ..self }
    }

    /// The fee on a notional, half to even at 1e-8.
    #[inline]
    pub fn fee(&self, notional: Money, liquidity: Liquidity) -> Result<Money, market::Error> {
        self.share(liquidity).of_size(notional)
    }

    /// What a liquidation costs beside the fee.
    pub fn liquidation(&self, notional: Money) -> Result<Money, market::Error> {
        self.liquidation.of_size(notional)
    }

    /// What is left for the notional of an amount that pays notional and fee, as part and whole.
    pub(super) const fn net_of_fee(&self, liquidity: Liquidity) -> (i128, i128) {
        let fee = self.share(liquidity);
        (fee.of, fee.of + fee.part)
    }

    const fn share(&self, liquidity: Liquidity) -> Fraction {
        match liquidity {
            Liquidity::Maker => self.maker,
            Liquidity::Taker => self.taker,
        }
    }
}

/// How long messages travel. They never overtake one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// From the sender to the venue.
    pub entry: Delay,
    /// From the venue back.
    pub response: Delay,
}

impl Latency {
    /// None at all.
    pub const NONE: Self = Self { entry: Delay::NONE, response: Delay::NONE };
}

/// A time that is at least `nanos` and at most `nanos + jitter_nanos`, drawn evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delay {
    /// At least.
    pub nanos: u64,
    /// At most so much more.
    pub jitter_nanos: u64,
}

impl Delay {
    /// No time at all.
    pub const NONE: Self = Self { nanos: 0, jitter_nanos: 0 };
}

/// Who left when a level shrank although nothing printed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Those behind: an order advances by prints only, unless the level is smaller than the queue
    /// ahead of it.
    Behind,
    /// Anyone, with the same odds for every lot; the part of a lot that remains is drawn.
    Even,
}

/// Which prices wake sleeping orders in tick models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Triggers {
    /// Trades that printed.
    Print,
    /// The price the order would take: the ask for a buy, the bid for a sell.
    Quote,
    /// Whichever comes first.
    Either,
}

impl Triggers {
    pub(super) const fn by_print(self) -> bool {
        matches!(self, Self::Print | Self::Either)
    }

    pub(super) const fn by_quote(self) -> bool {
        matches!(self, Self::Quote | Self::Either)
    }
}

/// What becomes of a sleeping order whose trigger is reached already when it arrives. Binance
/// futures and CME refuse it; Interactive Brokers lets it trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// It is refused.
    Refuse,
    /// It triggers at once.
    Trigger,
    /// It is refused, unless it is reduce-only: an exit always works, so it triggers at once.
    RefuseEntries,
}
