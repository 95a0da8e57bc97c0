//! Anybody's proof that an expression does not look ahead: cut the future off and compare.

use crate::{Error, Plan, Run, evaluate};
use market::{Column, Panel};

/// What cutting the future off has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Truncation {
    /// The numbers of rows that were left, in order.
    pub cuts: Vec<usize>,
    /// Values that were compared.
    pub compared: u64,
    /// Values that were not the same bits, the first ones of each expression and cut.
    pub leaks: Vec<Leak>,
}

/// A value that depends on rows after its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Leak {
    /// The expression's name.
    pub expression: String,
    /// Rows that were left.
    pub cut: usize,
    /// The row and the name of the value.
    pub row: usize,
    /// The name, by its place in the panel.
    pub name: usize,
    /// The value with the later rows there.
    pub whole: f64,
    /// The value without them.
    pub truncated: f64,
}

/// Leaks told of one expression at one cut.
const LEAKS_MAX: usize = 5;

/// Evaluates a plan over the whole panel and over its first rows alone, and compares the bits.
///
/// `cuts` are numbers of rows to leave; those outside the panel are left out.
pub fn truncate_check(
    plan: &Plan,
    panel: &Panel,
    cuts: &[usize],
    run: &Run<'_>,
) -> Result<Truncation, Error> {
    let mut cuts: Vec<usize> = cuts.iter().copied().filter(|cut| *cut < panel.rows()).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let whole = plan.evaluate(panel, run)?;
    let mut found = Truncation { cuts, compared: 0, leaks: Vec::new() };
    let mut columns = Vec::new();
    for cut in found.cuts.clone() {
        evaluate::evaluate(plan, panel, (cut, run), &mut columns)?;
        for ((name, whole), truncated) in whole.iter().zip(&columns) {
            found.compared += (cut * panel.symbols().len()) as u64;
            let leaks = leaks((name, cut), whole, truncated, panel.symbols().len());
            found.leaks.extend(leaks.take(LEAKS_MAX));
        }
    }
    Ok(found)
}

fn leaks<'a>(
    (expression, cut): (&'a str, usize),
    whole: &'a Column,
    truncated: &'a Column,
    names: usize,
) -> impl Iterator<Item = Leak> + 'a {
    let cells = (0..cut).flat_map(move |row| (0..names).map(move |name| (row, name)));
    cells.filter_map(move |(row, name)| {
        let (whole, truncated) = (whole.at(row, name), truncated.at(row, name));
        let same = whole.to_bits() == truncated.to_bits() || (whole.is_nan() && truncated.is_nan());
        let expression = expression.to_owned();
        (!same).then_some(Leak { expression, cut, row, name, whole, truncated })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_differs_is_told_with_its_place() {
        let mut whole = Column::missing(4, 2);
        for t in 0..4 {
            whole.set(t, 0, 1.0);
        }
        let mut truncated = whole.clone();
        assert_eq!(leaks(("it", 3), &whole, &truncated, 2).count(), 0);
        truncated.set(1, 0, 2.0);
        truncated.set(2, 1, 3.0);
        truncated.set(3, 0, 9.0);
        let told: Vec<(usize, usize)> =
            leaks(("it", 3), &whole, &truncated, 2).map(|leak| (leak.row, leak.name)).collect();
        assert_eq!(told, [(1, 0), (2, 1)], "the row after the cut was not compared");
    }
}
