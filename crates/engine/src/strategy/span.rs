//! Lengths of time: `250ms`, `90s`, `30m`, `4h`, `2d`.

use super::{tree::Reader, yaml::Node};
use crate::risk::Span;

/// Units, the largest first, in nanoseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];
/// Ten years.
const NANOS_MAX: u64 = 3_650 * 86_400_000_000_000;

/// A whole number of one unit, the largest that fits.
pub(super) fn written(span: Span) -> String {
    let nanos = span.nanos().unsigned_abs();
    let fits = |unit: &&(&str, u64)| nanos.is_multiple_of(unit.1) && nanos > 0;
    let (name, unit) = UNITS.iter().find(fits).copied().unwrap_or(("ms", 1_000_000));
    format!("{}{name}", nanos / unit)
}

fn read(text: &str) -> Option<Span> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    let nanos = number.parse::<u64>().ok()?.checked_mul(*unit)?;
    (1..=NANOS_MAX).contains(&nanos).then(|| Span::from_nanos(nanos))
}

impl Reader<'_> {
    /// A length of time above zero.
    pub(super) fn span(&mut self, node: &Node, name: &str) -> Option<Span> {
        let text = self.scalar(node, name)?;
        let found = read(text);
        if found.is_none() {
            let shown: String = text.chars().take(40).collect();
            let message = format!("`{name}` is a length of time, this is {shown:?}");
            let help = "write a whole number and ms, s, m, h or d, such as `30m`, up to 3650d";
            self.problem_with_help(node.span, "wrong-type", message, help);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["250ms", "90s", "30m", "4h", "2d", "3650d"] {
            assert_eq!(read(text).map(written).as_deref(), Some(text));
        }
        assert_eq!(read("120s").map(written).as_deref(), Some("2m"));
        for text in ["", "0s", "5", "1.5h", "-1m", "3651d", "9999999999999999999d", "1 week"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
