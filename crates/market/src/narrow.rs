//! The panel in half the memory: columns of `f32`.

use crate::{Error, Panel};

/// A [`Panel`] whose numbers are stored as `f32`: about seven digits, half the bytes.
pub type NarrowPanel = Panel<NarrowColumn>;

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

impl From<Panel> for NarrowPanel {
    fn from(panel: Panel) -> Self {
        panel.with_columns(|column| NarrowColumn::rounded(column.values(), column.stride()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Timestamp};

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
