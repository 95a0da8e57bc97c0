//! What stands in a strategy's expressions, with its values: why a signal was true.

use super::RowEvaluator;
use crate::{Error, Strategy};
use factor::{Expression, Limits, Schema, Type};
use market::{Bar, Instrument, Timestamp};
use portfolio::InstrumentId;

/// Parts of one expression that are valued; deeper or later ones are left out.
const PARTS_MAX: usize = 64;

/// The value of a part of an expression on one row, for one instrument.
#[derive(Debug, Clone, PartialEq)]
pub struct PartValue {
    /// The expression's name in the strategy: `long`, `weights`.
    pub name: String,
    /// How many parts it is a part of: 0 for the whole expression.
    pub depth: usize,
    /// Its text.
    pub text: String,
    /// What its value means.
    pub of: Type,
    /// Its value; missing is not a number. A truth is 1 or 0.
    pub value: f64,
}

/// Evaluates a strategy's expressions and all their parts over rows that are handed over one at a
/// time, in memory that does not grow: the whole has the bits that [`RowEvaluator`] gives.
pub struct PartEvaluator {
    rows: RowEvaluator,
    parts: Vec<(String, usize, String, Type)>,
}

impl PartEvaluator {
    /// Before the first row of these instruments, which are in symbol order.
    pub fn new(strategy: &Strategy, instruments: &[Instrument]) -> Result<Self, Error> {
        let mut parts = Vec::new();
        let mut set: Vec<(String, Expression)> = Vec::new();
        for (name, whole) in strategy.expressions() {
            for part in whole.parts(PARTS_MAX) {
                let read = Expression::parse(&part.text, &Schema::bars(), &Limits::default());
                // The text of a part can be longer than a text may be: then it goes unsaid.
                let Ok(read) = read else { continue };
                parts.push((name.clone(), part.depth, part.text, read.result_type()));
                set.push((set.len().to_string(), read));
            }
        }
        Ok(Self { rows: RowEvaluator::of(strategy, instruments, &set)?, parts })
    }

    /// Takes the next row, a bar or none for each instrument.
    pub fn take(&mut self, time: Timestamp, bars: &[Option<Bar>]) -> Result<(), Error> {
        self.rows.warm(time, bars).map(drop)
    }

    /// The values on the latest row, in the order of the strategy's expressions, each part behind
    /// what it is a part of; none before the first row.
    #[must_use]
    pub fn values(&self, id: InstrumentId) -> Vec<PartValue> {
        if self.rows.taken() == 0 {
            return Vec::new();
        }
        let value = |(place, (name, depth, text, of)): (usize, &(String, usize, String, Type))| {
            let value = self.rows.cell(place, id)?;
            Some(PartValue {
                name: name.clone(),
                depth: *depth,
                text: text.clone(),
                of: *of,
                value,
            })
        };
        self.parts.iter().enumerate().filter_map(value).collect()
    }
}
