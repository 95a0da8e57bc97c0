//! The language's nouns in words, the same for the page, the command line and the documentation.

use factor::{Family, ParameterKind, Type};

/// What an operator belongs to, as programs read it.
#[must_use]
pub const fn family(family: Family) -> &'static str {
    match family {
        Family::Arithmetic => "arithmetic",
        Family::Window => "window",
        Family::Across => "across",
        Family::Group => "group",
        Family::Indicator => "indicator",
        Family::Candle => "candle",
        Family::Signal => "signal",
        Family::Calendar => "calendar",
    }
}

/// What an operator belongs to, as a heading.
#[must_use]
pub const fn heading(family: Family) -> &'static str {
    match family {
        Family::Arithmetic => "Arithmetic, comparison, choice, earlier rows",
        Family::Window => "Windows over the last rows",
        Family::Across => "Across the names of a day",
        Family::Group => "Within groups",
        Family::Indicator => "Indicators",
        Family::Candle => "Candlestick patterns",
        Family::Signal => "Signals",
        Family::Calendar => "The calendar",
    }
}

/// The kind of a parameter, as programs read it and as people do.
#[must_use]
pub const fn parameter(kind: ParameterKind) -> (&'static str, &'static str) {
    match kind {
        ParameterKind::Number => ("number", "a number or a truth, by row and name"),
        ParameterKind::Truth => ("truth", "a truth, by row and name"),
        ParameterKind::Any => ("any", "a number or a truth, by row and name"),
        ParameterKind::Group => ("group", "a group label"),
        ParameterKind::Lag => ("lag", "a whole number of rows, 0 or more"),
        ParameterKind::Window => ("window", "a whole number of rows, 1 or more"),
        ParameterKind::Count => ("count", "a whole number, 1 or more"),
        ParameterKind::Minimum => ("minimum", "the fewest values that a window may have"),
        ParameterKind::Constant => ("constant", "a constant"),
        ParameterKind::Share => ("share", "a constant from 0 to 1"),
    }
}

/// What an expression gives.
#[must_use]
pub const fn result(result: Type) -> &'static str {
    match result {
        Type::Number => "number",
        Type::Truth => "truth",
        Type::Constant => "constant",
        Type::Group => "group",
    }
}

/// Steps and bytes of a run: `1.2e9 steps, 61 MB`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a size for people")]
pub fn cost(cost: factor::Cost) -> String {
    let bytes = match cost.bytes {
        small if small < 1_000_000 => format!("{:.0} kB", small as f64 / 1e3),
        large if large < 1_000_000_000 => format!("{:.0} MB", large as f64 / 1e6),
        huge => format!("{:.1} GB", huge as f64 / 1e9),
    };
    let steps = match cost.work {
        few if few < 100_000 => few.to_string(),
        many => format!("{:.1e}", many as f64),
    };
    format!("{steps} steps, {bytes}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use factor::Cost;

    #[test]
    fn a_cost_is_said_in_few_words() {
        let check = |work, bytes, want: &str| {
            assert_eq!(cost(Cost { cells: 0, work, bytes }), want);
        };
        check(1200, 4096, "1200 steps, 4 kB");
        check(1_234_000_000, 61_300_000, "1.2e9 steps, 61 MB");
        check(u64::MAX, 2_500_000_000, "1.8e19 steps, 2.5 GB");
    }
}
