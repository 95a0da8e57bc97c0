//! The panel in half the memory: columns of `f32`.

use crate::{Error, Labels, Panel, Symbol, Timestamp};
use std::collections::BTreeMap;

/// A [`Panel`] whose numbers are stored as `f32`: about seven digits, half the bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct NarrowPanel {
    times: Vec<Timestamp>,
    symbols: Vec<Symbol>,
    fields: BTreeMap<String, NarrowColumn>,
    groups: BTreeMap<String, Labels>,
}

/// One numeric field: `rows × stride` values of `f32`, time-major, NaN where missing.
#[derive(Debug, Clone)]
pub struct NarrowColumn {
    values: Vec<f32>,
    stride: usize,
}

/// Two columns are equal if they are equal bit for bit.
impl PartialEq for NarrowColumn {
    fn eq(&self, other: &Self) -> bool {
        self.stride == other.stride
            && self.values.len() == other.values.len()
            && self.values.iter().zip(&other.values).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

impl NarrowColumn {
    /// Takes over `rows × stride` values, `stride` a multiple of [`Panel::LANES`].
    pub fn from_values(values: Vec<f32>, stride: usize) -> Result<Self, Error> {
        if stride == 0
            || !stride.is_multiple_of(Panel::LANES)
            || !values.len().is_multiple_of(stride)
        {
            let column = "values".to_owned();
            return Err(Error::Length { column, expected: stride, found: values.len() });
        }
        Ok(Self { values, stride })
    }

    /// Each number rounded to the nearest `f32`; what is too large for one is missing.
    #[must_use]
    pub fn rounded(values: &[f64], stride: usize) -> Self {
        Self { values: values.iter().copied().map(narrow).collect(), stride }
    }

    /// All values, row after row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Values a row takes, padding included.
    #[must_use]
    pub const fn stride(&self) -> usize {
        self.stride
    }

    /// The value of name `j` at row `t`; NaN outside the panel.
    #[must_use]
    pub fn at(&self, t: usize, j: usize) -> f32 {
        let cell = (j < self.stride).then(|| self.values.get(t * self.stride + j)).flatten();
        cell.copied().unwrap_or(f32::NAN)
    }
}

/// The nearest `f32`, or missing if there is none.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "rounding is what it is for")]
pub fn narrow(value: f64) -> f32 {
    let rounded = value as f32;
    if rounded.is_finite() { rounded } else { f32::NAN }
}

/// Column by column, so that one column at most is there twice.
impl From<Panel> for NarrowPanel {
    fn from(panel: Panel) -> Self {
        let (times, symbols, fields, groups) = panel.into_parts();
        let rounded = fields.into_iter().map(|(name, column)| {
            let narrow = NarrowColumn::rounded(column.values(), column.stride());
            (name, narrow)
        });
        Self { times, symbols, fields: rounded.collect(), groups }
    }
}

impl NarrowPanel {
    /// The calendar.
    #[must_use]
    pub fn times(&self) -> &[Timestamp] {
        &self.times
    }

    /// The names, in column order.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Rows of the calendar.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// Values a row takes, padding included.
    #[must_use]
    pub fn stride(&self) -> usize {
        Panel::stride_of(self.symbols.len())
    }

    /// A numeric field by name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&NarrowColumn> {
        self.fields.get(name)
    }

    /// A text field by name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Labels> {
        self.groups.get(name)
    }

    /// Names of the numeric fields, sorted.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Names of the text fields, sorted.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    #[test]
    fn numbers_are_rounded_and_those_too_large_are_missing() {
        let symbols = vec!["A".parse().expect("a symbol")];
        let mut panel = Panel::new(vec![Timestamp::from_nanos(0); 3], symbols);
        let mut column = Column::missing(3, 1);
        column.set(0, 0, 0.1);
        column.set(1, 0, 1e300);
        panel.insert("x", column).expect("fits");
        let panel = NarrowPanel::from(panel);
        let x = panel.field("x").expect("is there");
        assert_eq!(x.at(0, 0).to_bits(), 0.1_f32.to_bits());
        assert!(x.at(1, 0).is_nan() && x.at(2, 0).is_nan());
        assert_eq!((panel.rows(), panel.stride(), x.values().len()), (3, 8, 24));
    }
}
