//! What is wrong with a strategy's text, where, and what to write instead.

use factor::{Severity, Span};
use std::fmt;

/// One finding in a strategy's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is, in bytes of the text.
    pub span: Span,
    /// Its line, from 1.
    pub line: usize,
    /// Its column, in characters from 1.
    pub column: usize,
    /// How bad it is.
    pub severity: Severity,
    /// A stable word for programs: `unknown-key`, `missing-key`, `wrong-type`, …
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead, if there is something to say.
    pub help: Option<String>,
}

impl Problem {
    /// An error at these bytes of `text`.
    pub(crate) fn at(
        text: &str,
        span: Span,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let (line, column) = place(text, span.start);
        let severity = Severity::Error;
        Self { span, line, column, severity, code, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// Line and column of a byte, both from 1; an offset inside a character counts as its start.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = text.get(..end).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (line, before.get(start..).unwrap_or("").chars().count() + 1)
}
