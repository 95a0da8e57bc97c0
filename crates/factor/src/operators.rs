//! The operators.

/// One operator of the language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operator {
    /// Its name in calls.
    pub name: &'static str,
    /// How it is written.
    pub signature: &'static str,
    /// What it computes.
    pub summary: &'static str,
    /// When its value is missing.
    pub missing: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
}

/// One parameter of an operator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
}

/// All operators.
#[must_use]
pub fn operators() -> &'static [Operator] {
    unimplemented!()
}
