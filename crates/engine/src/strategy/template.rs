//! A strategy's text with numbers that may be put in its parameters' places.

use super::{Parameter, Strategy, parameters::plain_decimal, read};
use crate::Problem;
use factor::Schema;
use market::Money;

/// A text that makes a strategy for every set of values of its parameters.
#[derive(Debug, Clone)]
pub struct Template {
    text: String,
    parameters: Vec<Parameter>,
    strategy: Strategy,
}

impl Template {
    /// Reads a text with the values that stand in it; all faults at once, in text order.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let found = read::strategy(text, &Schema::bars(), &[]);
        let strategy = found.strategy.ok_or(found.problems)?;
        Ok(Self { text: text.to_owned(), parameters: found.parameters, strategy })
    }

    /// The text as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its parameters, in the order in which they are written.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The strategy with the values that stand in the text.
    #[must_use]
    pub const fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// The strategy with these values; parameters without one keep their own. It is the strategy
    /// of the text with the numbers written into it: its canonical text knows no parameters.
    pub fn with(&self, values: &[(&str, Money)]) -> Result<Strategy, Vec<Problem>> {
        let found = read::strategy(&self.text, &Schema::bars(), values);
        found.strategy.ok_or(found.problems)
    }

    /// The text with these values under `parameters:`; nothing else of it changes.
    pub fn text_with(&self, values: &[(&str, Money)]) -> Result<String, Vec<Problem>> {
        self.with(values)?;
        let mut places: Vec<(usize, usize, Money)> = Vec::new();
        for parameter in &self.parameters {
            let given = values.iter().rfind(|(name, _)| *name == parameter.name);
            if let Some((_, value)) = given {
                places.push((parameter.span.start, parameter.span.end, *value));
            }
        }
        places.sort_by_key(|(start, ..)| *start);
        let (mut text, mut done) = (String::with_capacity(self.text.len()), 0);
        for (start, end, value) in places {
            text.push_str(self.text.get(done..start).unwrap_or(""));
            text.push_str(&plain_decimal(value));
            done = end;
        }
        text.push_str(self.text.get(done..).unwrap_or(""));
        Ok(text)
    }
}
