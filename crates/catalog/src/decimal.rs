//! Numbers as files write them, exact to nine decimals.

/// Decimals kept while importing.
pub(crate) const DECIMALS: u8 = 9;
const UNIT: f64 = 1e9;

/// A number in units of `10^-9`, and how many decimals it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nine {
    pub(crate) units: i128,
    pub(crate) decimals: u8,
    /// It had more decimals.
    pub(crate) rounded: bool,
}

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// Nothing, or a marker for nothing.
    Missing,
    /// NaN or an infinity.
    NotFinite,
    /// A number.
    Value(Nine),
    /// Not a number.
    Malformed,
    /// A number too large to keep.
    TooLarge,
}

impl Nine {
    fn new(units: i128, rounded: bool) -> Self {
        let mut decimals = DECIMALS;
        let mut rest = units;
        while decimals > 0 && rest % 10 == 0 {
            rest /= 10;
            decimals -= 1;
        }
        Self { units, decimals, rounded }
    }
}

/// Is this cell a marker for "no value"?
pub(crate) fn is_missing(cell: &[u8]) -> bool {
    matches!(cell, b"" | b"." | b"-" | b"--")
        || [&b"na"[..], b"n/a", b"null", b"none", b"#n/a"]
            .iter()
            .any(|marker| cell.eq_ignore_ascii_case(marker))
}

/// Reads a cell; `point` is the decimal point.
pub(crate) fn parse(cell: &[u8], point: u8) -> Number {
    let cell = cell.trim_ascii();
    if is_missing(cell) {
        return Number::Missing;
    }
    plain(cell, point).unwrap_or_else(|| unusual(cell, point))
}

/// The common case: an optional sign, at most 18 digits, at most nine of them decimals.
fn plain(cell: &[u8], point: u8) -> Option<Number> {
    let (negative, digits) = match cell.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, cell),
    };
    if digits.len() > 19 {
        return None;
    }
    let (mut value, mut decimals, mut seen) = (0_i64, None::<u8>, 0_u8);
    for byte in digits {
        if byte.is_ascii_digit() {
            value = value * 10 + i64::from(byte - b'0');
            seen += 1;
            decimals = decimals.map(|d| d + 1);
        } else if *byte == point && decimals.is_none() {
            decimals = Some(0);
        } else {
            return None;
        }
    }
    let decimals = decimals.unwrap_or(0);
    if seen == 0 || seen > 18 || decimals > DECIMALS {
        return None;
    }
    let units = i128::from(value) * i128::from(10_i64.pow(u32::from(DECIMALS - decimals)));
    Some(Number::Value(trimmed(if negative { -units } else { units }, value, decimals)))
}

/// Like [`Nine::new`], cheaper: the written decimals bound the needed ones.
fn trimmed(units: i128, mut digits: i64, mut decimals: u8) -> Nine {
    while decimals > 0 && digits % 10 == 0 {
        digits /= 10;
        decimals -= 1;
    }
    Nine { units, decimals, rounded: false }
}

/// Exponents, long fractions, NaN.
fn unusual(cell: &[u8], point: u8) -> Number {
    let Ok(text) = std::str::from_utf8(cell) else { return Number::Malformed };
    let shape = |b: u8| b.is_ascii_digit() || b"+-eE".contains(&b) || b == point;
    let words = ["nan", "inf", "-inf", "+inf", "infinity", "-infinity", "-nan"];
    if words.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Number::NotFinite;
    }
    if !text.bytes().all(shape) {
        return Number::Malformed;
    }
    let plain = if point == b'.' { text.to_owned() } else { text.replace(char::from(point), ".") };
    plain.parse::<f64>().map_or(Number::Malformed, |value| {
        // Nine decimals of a long but plain number are exact where a double's 53 bits are not.
        exact(&plain).map_or_else(|| of_f64(value), |nine| nine_or_noise(nine, value))
    })
}

/// The first nine decimals of a plain number, half to even on what is cut off.
fn exact(text: &str) -> Option<Nine> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) || whole.len() > 28 {
        return None;
    }
    let kept = fraction.get(..fraction.len().min(usize::from(DECIMALS)))?;
    let cut = fraction.get(kept.len()..)?;
    let mut units: i128 = format!("0{whole}{kept:0<9}").parse().ok()?;
    let half = cut.bytes().next().unwrap_or(b'0').cmp(&b'5');
    let beyond = cut.bytes().skip(1).any(|b| b != b'0');
    if half.is_gt() || (half.is_eq() && (beyond || units % 2 == 1)) {
        units += 1;
    }
    let rounded = cut.bytes().any(|b| b != b'0');
    Some(Nine::new(if negative { -units } else { units }, rounded))
}

/// A single-precision number that was printed in double precision is the single's decimal.
fn nine_or_noise(nine: Nine, value: f64) -> Number {
    if nine.rounded {
        single(value).map_or(Number::Value(nine), Number::Value)
    } else {
        Number::Value(nine)
    }
}

/// The decimal a double stands for: the shortest that reads back as the same double, or as the
/// same single if it came from one, else nine decimals.
pub(crate) fn of_f64(value: f64) -> Number {
    if !value.is_finite() {
        return Number::NotFinite;
    }
    short(value).or_else(|| single(value)).map_or_else(|| rounded(value), Number::Value)
}

/// The decimal a single stands for.
pub(crate) fn of_f32(value: f32) -> Number {
    if !value.is_finite() {
        return Number::NotFinite;
    }
    let mut buffer = zmij::Buffer::new();
    let shortest: f64 = buffer.format_finite(value).parse().unwrap_or(f64::NAN);
    of_f64(shortest)
}

/// Whole numbers.
pub(crate) fn of_i128(value: i128, scale: u8) -> Number {
    let units = match scale {
        0..=DECIMALS => value.checked_mul(10_i128.pow(u32::from(DECIMALS - scale))),
        _ => return exact_scaled(value, scale),
    };
    units.map_or(Number::TooLarge, |units| Number::Value(Nine::new(units, false)))
}

fn exact_scaled(value: i128, scale: u8) -> Number {
    let (sign, digits) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let scale = usize::from(scale);
    let text = format!("{digits:0>width$}", width = scale + 1);
    let cut = text.len() - scale;
    match (text.get(..cut), text.get(cut..)) {
        (Some(whole), Some(fraction)) => {
            exact(&format!("{sign}{whole}.{fraction}")).map_or(Number::TooLarge, Number::Value)
        }
        _ => Number::TooLarge,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "bounded by 2^53 just before")]
#[allow(clippy::float_cmp, reason = "the question is whether it reads back as the same bits")]
fn short(value: f64) -> Option<Nine> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    for decimals in 0..=DECIMALS {
        let power = f64::from(10_u32.pow(u32::from(decimals)));
        let digits = (value * power).round();
        if digits.abs() >= EXACT {
            return None;
        }
        if digits / power == value {
            let scale = 10_i128.pow(u32::from(DECIMALS - decimals));
            return Some(Nine { units: digits as i128 * scale, decimals, rounded: false });
        }
    }
    None
}

#[allow(clippy::cast_possible_truncation, reason = "the question is whether it is a single")]
#[allow(clippy::float_cmp, reason = "the question is whether it reads back as the same bits")]
fn single(value: f64) -> Option<Nine> {
    let narrow = value as f32;
    if f64::from(narrow) != value || !narrow.is_finite() {
        return None;
    }
    let mut buffer = zmij::Buffer::new();
    buffer.format_finite(narrow).parse().ok().and_then(short)
}

#[allow(clippy::cast_possible_truncation, reason = "bounded just before")]
fn rounded(value: f64) -> Number {
    let units = (value * UNIT).round_ties_even();
    if units.abs() > 1e30 {
        return Number::TooLarge;
    }
    let rounded = (units / UNIT - value).abs() > value.abs() * 1e-15;
    Number::Value(Nine::new(units as i128, rounded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(cell: &str, units: i128, decimals: u8) {
        match parse(cell.as_bytes(), b'.') {
            Number::Value(nine) => {
                assert_eq!((nine.units, nine.decimals), (units, decimals), "{cell}");
            }
            other => panic!("{cell}: {other:?}"),
        }
    }

    #[test]
    fn cells_are_read_exactly() {
        check("118.56", 118_560_000_000, 2);
        check("-0.50", -500_000_000, 1);
        check("+7", 7_000_000_000, 0);
        check("9616100.0", 9_616_100_000_000_000, 0);
        check(" .25 ", 250_000_000, 2);
        check("1.2e-05", 12_000, 6);
        check("4.186662803811", 4_186_662_804, 9);
        check("0.30000000000000004", 300_000_000, 1);
        check("28.559999465942383", 28_560_000_000, 2);
        check("123456789012345678901", 123_456_789_012_345_678_901_000_000_000, 0);
        check("0.0000000005", 0, 0);
        check("0.00000000051", 1, 9);
    }

    #[test]
    fn what_is_no_number_is_told_apart() {
        for cell in ["", ".", "NA", "null", "-", " "] {
            assert_eq!(parse(cell.as_bytes(), b'.'), Number::Missing, "{cell:?}");
        }
        for cell in ["NaN", "-inf", "Infinity"] {
            assert_eq!(parse(cell.as_bytes(), b'.'), Number::NotFinite, "{cell:?}");
        }
        for cell in ["1,5", "abc", "1.2.3", "0x10", "e", "1_000", "١"] {
            assert_eq!(parse(cell.as_bytes(), b'.'), Number::Malformed, "{cell:?}");
        }
        assert_eq!(parse(b"1,5", b','), parse(b"1.5", b'.'));
    }

    #[test]
    fn floats_lose_their_noise() {
        let units = |number: Number| match number {
            Number::Value(nine) => (nine.units, nine.decimals),
            other => panic!("{other:?}"),
        };
        assert_eq!(units(of_f64(0.1 + 0.2)), (300_000_000, 1));
        assert_eq!(units(of_f32(28.56)), (28_560_000_000, 2));
        assert_eq!(units(of_f64(f64::from(28.56_f32))), (28_560_000_000, 2));
        assert_eq!(units(of_i128(-12_345, 2)), (-123_450_000_000, 2));
        assert_eq!(units(of_i128(1_234_567_890_125, 12)), (1_234_567_890, 8));
        assert_eq!(of_f64(f64::NAN), Number::NotFinite);
        assert_eq!(of_f64(1e300), Number::TooLarge);
    }

    proptest! {
        #[test]
        fn text_and_double_agree(digits in 0_i64..1_000_000_000_000, decimals in 0_u8..7) {
            let scale = market::Scale::new(decimals).expect("small");
            let text = scale.format(digits);
            let of_text = parse(text.as_bytes(), b'.');
            prop_assert_eq!(of_text, of_f64(text.parse().expect("a number")));
        }
    }
}
