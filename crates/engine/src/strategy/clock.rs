//! What completes a row: a bar's close, or so many quotes.

use super::{
    Convention,
    tree::{Reader, Section, nearest},
    yaml::{Kind, Node},
};
use market::BarSize;
use std::{fmt, num::NonZeroU32};

/// Quotes of one row.
const QUOTES_MAX: u32 = 1_000_000;

/// What a strategy decides on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Each close of a bar of this length.
    Bars(BarSize),
    /// Every quote, or every n-th one.
    Quotes(NonZeroU32),
}

impl Clock {
    /// The length of bars by which an equity curve is measured: of quotes, days are made of it as
    /// they are of minutes.
    #[must_use]
    pub const fn measured_by(self) -> BarSize {
        match self {
            Self::Bars(size) => size,
            Self::Quotes(_) => BarSize::MINUTE,
        }
    }

    /// Whether it counts quotes.
    #[must_use]
    pub const fn counts_quotes(self) -> bool {
        matches!(self, Self::Quotes(_))
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bars(size) => size.fmt(f),
            Self::Quotes(NonZeroU32::MIN) => f.write_str("quote"),
            Self::Quotes(count) => write!(f, "every {count} quotes"),
        }
    }
}

/// The clock of a text; `None` if it is none.
fn read(text: &str) -> Option<Clock> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["quote"] | ["every", "quote"] => Some(Clock::Quotes(NonZeroU32::MIN)),
        ["every", count, "quote" | "quotes"] => {
            let count: NonZeroU32 = count.parse().ok()?;
            (count.get() <= QUOTES_MAX).then_some(Clock::Quotes(count))
        }
        [size] => size.parse().ok().map(Clock::Bars),
        _ => None,
    }
}

/// Whether a text's rows are quotes, whatever else is wrong with it: its expressions then have the
/// fields of quotes.
pub(super) fn is_on_quotes(root: &Node) -> bool {
    let Kind::Map(entries) = &root.kind else { return false };
    let is_bar = |node: &Node| matches!(&node.kind, Kind::Scalar { text, .. } if text == "bar");
    entries.iter().find(|(key, _)| is_bar(key)).is_some_and(|(_, value)| match &value.kind {
        Kind::Scalar { text, .. } => text.split_whitespace().any(|word| word.starts_with("quote")),
        _ => false,
    })
}

impl Reader<'_> {
    /// The value of `bar`.
    pub(super) fn clock(&mut self, node: &Node) -> Option<Clock> {
        let text = self.scalar(node, "bar")?;
        let found = read(text);
        if found.is_none() {
            let shown: String = text.chars().take(40).collect();
            let message = format!("`bar` cannot be {shown:?}");
            let sizes = super::keys::BAR_SIZES;
            let near = nearest(text, sizes.iter().copied().chain(["quote"]));
            let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            let start = if near.is_empty() { "it" } else { "It" };
            let all = sizes.join(", ");
            let help = format!("{near}{start} is one of: {all}, `quote`, `every 100 quotes`");
            self.problem_with_help(node.span, "unknown-value", message, help);
        }
        found
    }

    /// Where orders are filled; what does not fit the clock is a fault.
    pub(super) fn convention(&mut self, top: &Section<'_>, clock: Clock) -> Option<Convention> {
        let on_quotes = clock.counts_quotes();
        let Some(node) = top.value("convention") else {
            return Some(if on_quotes { Convention::Touch } else { Convention::NextOpen });
        };
        let found = match self.choice(node, "convention")? {
            "same_close" => Convention::SameClose,
            "touch" => Convention::Touch,
            "book" => Convention::Book,
            _ => Convention::NextOpen,
        };
        if found.reads_quotes() == on_quotes {
            return Some(found);
        }
        let (message, help) = if on_quotes {
            let message = format!("`{found}` fills from bars, and `bar: {clock}` has quotes");
            (message, "write `touch` or `book`")
        } else {
            let message = format!("`{found}` fills from quotes, and `bar: {clock}` has bars");
            (message, "write `next_open` or `same_close`, or `bar: quote`")
        };
        self.problem_with_help(node.span, "conflict", message, help);
        None
    }

    /// Refuses keys that quotes have no use for.
    pub(super) fn fits_quotes(&mut self, top: &Section<'_>) {
        if let Some(node) = top.value("universe")
            && let Kind::List(items) = &node.kind
            && items.len() > 1
        {
            let message = "a strategy on quotes trades one symbol";
            let help = "name one, and run the others by themselves";
            self.problem_with_help(node.span, "conflict", message, help);
        }
        if let Some(node) = top.value("adjust")
            && matches!(&node.kind, Kind::Scalar { text, .. } if text == "splits")
        {
            let message = "quotes are as they were printed: there are no splits to apply";
            self.problem_with_help(node.span, "conflict", message, "leave `adjust` out");
        }
    }
}
