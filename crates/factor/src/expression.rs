//! An expression: text that was parsed, typed and found causal.

use crate::{Diagnostic, Limits, Schema};
use std::fmt;

/// What an expression or a part of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// A number per row and name.
    Number,
    /// 1, 0 or missing per row and name.
    Truth,
    /// One number for all rows and names.
    Constant,
    /// A label per row and name.
    Group,
}

/// Text that was parsed, typed and found to look only at its own row and earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    result: Type,
    lookback: usize,
    lag: usize,
}

impl Expression {
    /// Parses and checks a text against the names it may use; all findings at once, in text order.
    pub fn parse(text: &str, schema: &Schema, limits: &Limits) -> Result<Self, Vec<Diagnostic>> {
        let _ = (text, schema, limits);
        unimplemented!()
    }

    /// What it evaluates to: [`Type::Number`], [`Type::Truth`] or [`Type::Constant`].
    #[must_use]
    pub const fn result_type(&self) -> Type {
        self.result
    }

    /// Rows before the current one that must exist before every window in it is full.
    #[must_use]
    pub const fn lookback(&self) -> usize {
        self.lookback
    }

    /// Rows between the current one and the newest one that is read; never negative.
    #[must_use]
    pub const fn lag(&self) -> usize {
        self.lag
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}
