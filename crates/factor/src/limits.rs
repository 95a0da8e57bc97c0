//! The names an expression may use, and how large it may grow.

use market::Panel;
use std::collections::BTreeSet;

/// The names an expression may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    /// Number series.
    pub fields: BTreeSet<String>,
    /// Group labels.
    pub groups: BTreeSet<String>,
}

impl Schema {
    /// The names of a panel.
    #[must_use]
    pub fn of(panel: &Panel) -> Self {
        Self {
            fields: panel.field_names().map(str::to_owned).collect(),
            groups: panel.group_names().map(str::to_owned).collect(),
        }
    }

    /// The fields of daily bars: `open high low close volume`.
    #[must_use]
    pub fn bars() -> Self {
        let names = ["open", "high", "low", "close", "volume"];
        Self { fields: names.map(str::to_owned).into(), groups: BTreeSet::new() }
    }

    /// The names of a row of quotes: open, high, low and close of the middle, how many quotes there
    /// were (`volume`), and the quote that completes the row.
    #[must_use]
    pub fn quotes() -> Self {
        let mut schema = Self::bars();
        schema.fields.extend(["bid", "ask", "bid_size", "ask_size"].map(str::to_owned));
        schema
    }
}

/// How large a text, a plan and a run may grow; each is refused with an error that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one expression's text.
    pub text_bytes: usize,
    /// Parentheses, calls and prefix operators inside one another; never above [`Limits::DEPTH_MAX`].
    pub depth: usize,
    /// Names, numbers and operators of one expression.
    pub nodes: usize,
    /// Rows of one window or delay.
    pub window: usize,
    /// Rows that a value may reach back in all, windows inside windows added up.
    pub lookback: usize,
    /// Distinct nodes of a plan, all its expressions together.
    pub plan_nodes: usize,
    /// Work of a run, in elementary steps on one cell: see [`crate::Cost::work`].
    pub work: u64,
}

impl Limits {
    /// Nesting that the parser never exceeds, whatever [`Limits::depth`] says: its stack is finite.
    pub const DEPTH_MAX: usize = 256;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes: 64 * 1024,
            depth: 128,
            nodes: 10_000,
            window: 10_000,
            lookback: 100_000,
            plan_nodes: 100_000,
            work: 1_000_000_000_000,
        }
    }
}
