//! What carries a state through the rows of a name: rule 7 and signals.

use super::{Cell, Input, Table};

/// Folds each name's rows in order: the state, then the cell that the row shows.
fn fold<S: Clone>(
    input: &Input<'_>,
    state: &S,
    step: impl Fn(&mut S, usize, usize) -> Cell,
) -> Table {
    let (rows, names) = (input.data.rows, input.data.names);
    let mut table = vec![vec![None; names]; rows];
    for j in 0..names {
        let mut state = state.clone();
        for (t, row) in table.iter_mut().enumerate() {
            row[j] = step(&mut state, t, j).filter(|x| x.is_finite());
        }
    }
    table
}

/// `ema(x, n)`.
pub fn exponential(input: &Input<'_>) -> Table {
    let weight = 2.0 / (input.constants[0] + 1.0);
    fold(input, &None, |state: &mut Cell, t, j| {
        let x = input.series[0][t][j]?;
        *state = Some(state.map_or(x, |state| weight * x + (1.0 - weight) * state));
        *state
    })
}
