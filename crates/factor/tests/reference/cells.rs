//! Cell by cell, and earlier rows: rules 1 to 3.

use super::{Cell, Input, Table};

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// Operators on the values of one cell.
pub fn rule(input: &Input<'_>) -> Table {
    let name = input.name;
    input.data.each(|t, j| {
        let cell = |i: usize| input.series[i][t][j];
        match name {
            "is_nan" => Some(flag(cell(0).is_none())),
            "fill" => cell(0).or(cell(1)),
            "where" => {
                if cell(0)? > 0.0 {
                    cell(1)
                } else {
                    cell(2)
                }
            }
            _ if input.series.len() == 1 => one(name, cell(0)?),
            _ => Some(two(name, cell(0)?, cell(1)?)),
        }
    })
}

fn one(name: &str, x: f64) -> Cell {
    match name {
        "abs" => Some(if x < 0.0 { -x } else { x }),
        "negate" => Some(-x),
        "not" => Some(flag(x == 0.0)),
        "sign" => Some(if x == 0.0 { 0.0 } else { x / x.abs() }),
        "log" => (x > 0.0).then(|| x.ln()),
        "sqrt" => (x >= 0.0).then(|| x.sqrt()),
        "exp" => Some(x.exp()),
        "floor" => Some(x.floor()),
        "ceil" => Some(x.ceil()),
        "round" => Some(x.round()),
        _ => unreachable!("{name}"),
    }
}

fn two(name: &str, a: f64, b: f64) -> f64 {
    match name {
        "add" => a + b,
        "subtract" => a - b,
        "multiply" => a * b,
        "divide" => a / b,
        "power" => a.powf(b),
        "signed_power" => {
            let sign = if a == 0.0 { 0.0 } else { a / a.abs() };
            sign * a.abs().powf(b)
        }
        "min" => {
            if a < b {
                a
            } else {
                b
            }
        }
        "max" => {
            if a > b {
                a
            } else {
                b
            }
        }
        "less" => flag(a < b),
        "less_equal" => flag(a <= b),
        "greater" => flag(a > b),
        "greater_equal" => flag(a >= b),
        "equal" => flag(a == b),
        "not_equal" => flag(a != b),
        "and" => flag(a == 1.0 && b == 1.0),
        "or" => flag(a == 1.0 || b == 1.0),
        _ => unreachable!("{name}"),
    }
}

/// `delay delta returns`: calendar rows earlier.
pub fn earlier(input: &Input<'_>) -> Table {
    let (x, d) = (&input.series[0], input.n());
    input.data.each(|t, j| {
        let then = || t.checked_sub(d).and_then(|s| x[s][j]);
        match input.name {
            "delay" => then(),
            "delta" => Some(x[t][j]? - then()?),
            "returns" => Some(x[t][j]? / then()? - 1.0),
            name => unreachable!("{name}"),
        }
    })
}
