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

/// `crosses_above(a, b)` and `crosses_below(a, b)`: beyond now, and not in the row before.
pub fn crossing(input: &Input<'_>) -> Table {
    let (a, b) = (&input.series[0], &input.series[1]);
    input.data.each(|t, j| {
        let before = t.checked_sub(1)?;
        let (now, then) = (a[t][j]? - b[t][j]?, a[before][j]? - b[before][j]?);
        let crosses = match input.name {
            "crosses_above" => now > 0.0 && then <= 0.0,
            _ => now < 0.0 && then >= 0.0,
        };
        Some(flag(crosses))
    })
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// `trade_when(c, a, e)`: a is taken where c is 1 and held until e is 1, which comes first.
pub fn trade_when(input: &Input<'_>) -> Table {
    let series = |i: usize| &input.series[i];
    fold(input, &None, |held: &mut Cell, t, j| {
        let (enter, exit) = (series(0)[t][j]?, series(2)[t][j]?);
        if exit == 1.0 {
            *held = None;
        } else if enter == 1.0 {
            *held = series(1)[t][j];
        }
        *held
    })
}

/// `hump(x, h)`: held where it moves by no more than h of the day's sum of |x|, else moved by that.
pub fn hump(input: &Input<'_>) -> Table {
    let x = &input.series[0];
    fold(input, &None, |held: &mut Cell, t, j| {
        let now = x[t][j]?;
        let limit = input.constants[0] * x[t].iter().flatten().map(|x| x.abs()).sum::<f64>();
        *held = Some(match *held {
            None => now,
            Some(held) if (now - held).abs() <= limit => held,
            Some(held) if now > held => held + limit,
            Some(held) => held - limit,
        });
        *held
    })
}

/// What counts or adds up along a name's rows.
pub fn running(input: &Input<'_>) -> Table {
    let x = &input.series[0];
    let valid = |t: usize, j: usize| (0..=t).filter_map(move |s| x[s][j]);
    input.data.each(|t, j| {
        let now = x[t][j]?;
        match input.name {
            "since" => (0..=t).rev().find(|s| x[*s][j] == Some(1.0)).map(|s| (t - s) as f64),
            "streak" => {
                let values: Vec<f64> = valid(t, j).collect();
                Some(values.iter().rev().take_while(|x| **x == 1.0).count() as f64)
            }
            "prior" => (0..t).rev().find_map(|s| x[s][j]),
            "cumulative" => Some(valid(t, j).sum()),
            name => unreachable!("{name} of {now}"),
        }
    })
}
