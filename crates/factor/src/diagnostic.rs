//! What is wrong with a text, where, and what to write instead.

use std::fmt;

/// A stretch of the text, in bytes: `start` is in it, `end` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// What the span covers; empty if it lies outside or cuts a character.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or("")
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The text does not run.
    Error,
    /// The text runs, and probably not as meant.
    Warning,
}

/// One finding in an expression's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it is.
    pub span: Span,
    /// How bad it is.
    pub severity: Severity,
    /// A stable word for programs: `look-ahead`, `unknown-name`, `arity`, …
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead, if there is something to say.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(span: Span, code: &'static str, message: impl Into<String>) -> Self {
        Self { span, severity: Severity::Error, code, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{} [{}] {}", self.span.start, self.span.end, self.code, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}
