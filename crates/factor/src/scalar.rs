//! Operators on single values: what loops over columns and constant folding both apply.
//!
//! A missing value is NaN. No result is infinite. Transcendental functions come from `libm`, so
//! that every machine computes the same bits.
#![allow(
    clippy::inline_always,
    clippy::needless_bitwise_bool,
    reason = "the bodies of numeric loops: a call or a lazy `&&` keeps a loop from being vectorised"
)]

/// An operator on one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unary {
    Negate,
    Not,
    IsNan,
    Abs,
    Sign,
    Log,
    Sqrt,
}

/// An operator on two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    SignedPower,
    Min,
    Max,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

impl Unary {
    #[inline(always)]
    pub(crate) fn apply(self, x: f64) -> f64 {
        match self {
            Self::Negate => -x,
            Self::Not => not(x),
            Self::IsNan => truth(x.is_nan()),
            Self::Abs => x.abs(),
            Self::Sign => sign(x),
            Self::Log => log(x),
            Self::Sqrt => x.sqrt(),
        }
    }
}

impl Binary {
    #[inline(always)]
    pub(crate) fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => finite(a + b),
            Self::Subtract => finite(a - b),
            Self::Multiply => finite(a * b),
            Self::Divide => finite(a / b),
            Self::Power => power(a, b),
            Self::SignedPower => signed_power(a, b),
            Self::Min => both(a, b, if b < a { b } else { a }),
            Self::Max => both(a, b, if b > a { b } else { a }),
            Self::Less => both(a, b, truth(a < b)),
            Self::LessEqual => both(a, b, truth(a <= b)),
            Self::Greater => both(a, b, truth(a > b)),
            Self::GreaterEqual => both(a, b, truth(a >= b)),
            Self::Equal => both(a, b, truth(same(a, b))),
            Self::NotEqual => both(a, b, truth(!same(a, b))),
            Self::And => both(a, b, truth((a > 0.0) & (b > 0.0))),
            Self::Or => both(a, b, truth((a > 0.0) | (b > 0.0))),
        }
    }

    /// Whether the operands may change places.
    pub(crate) const fn is_symmetric(self) -> bool {
        matches!(
            self,
            Self::Add | Self::Multiply | Self::Equal | Self::NotEqual | Self::And | Self::Or
        )
    }
}

/// The value itself, or missing if it is infinite.
#[inline(always)]
pub(crate) fn finite(x: f64) -> f64 {
    if x.abs() < f64::INFINITY { x } else { f64::NAN }
}

/// 1 or 0.
#[inline(always)]
pub(crate) fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

#[inline(always)]
fn both(a: f64, b: f64, value: f64) -> f64 {
    if a.is_nan() | b.is_nan() { f64::NAN } else { value }
}

#[expect(clippy::float_cmp, reason = "`==` of the language is exact")]
#[inline(always)]
fn same(a: f64, b: f64) -> bool {
    a == b
}

#[inline(always)]
fn not(x: f64) -> f64 {
    both(x, x, truth(x <= 0.0))
}

#[inline(always)]
fn sign(x: f64) -> f64 {
    both(x, x, truth(x > 0.0) - truth(x < 0.0))
}

fn log(x: f64) -> f64 {
    if x > 0.0 { libm::log(x) } else { f64::NAN }
}

/// Missing stays missing: IEEE's 1^NaN and NaN^0 are 1.
fn power(x: f64, p: f64) -> f64 {
    both(x, p, finite(raised(x, p)))
}

fn signed_power(x: f64, p: f64) -> f64 {
    both(x, p, finite(sign(x) * raised(x.abs(), p)))
}

/// x^p; squares and roots, which most powers are, by their own instructions, rounded correctly.
#[inline(always)]
#[expect(clippy::float_cmp, reason = "exactly these exponents")]
fn raised(x: f64, p: f64) -> f64 {
    if p == 2.0 {
        x * x
    } else if p == 0.5 {
        // The root of −0 is −0, its power 0.
        (x + 0.0).sqrt()
    } else {
        libm::pow(x, p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const MISSING: f64 = f64::NAN;

    fn check(op: Binary, a: f64, b: f64, expected: f64) {
        let got = op.apply(a, b);
        let alike = got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan());
        assert!(alike, "{op:?}({a}, {b}) is {got}, not {expected}");
    }

    #[test]
    fn no_operator_emits_an_infinity_and_missing_is_carried() {
        check(Binary::Divide, 1.0, 0.0, MISSING);
        check(Binary::Divide, 0.0, 0.0, MISSING);
        check(Binary::Multiply, 1e300, 1e300, MISSING);
        check(Binary::Add, f64::MAX, f64::MAX, MISSING);
        check(Binary::Power, -8.0, 1.0 / 3.0, MISSING);
        check(Binary::Power, 0.0, -1.0, MISSING);
        check(Binary::Power, MISSING, 0.0, MISSING);
        check(Binary::Power, 1.0, MISSING, MISSING);
        check(Binary::Power, -2.0, 3.0, -8.0);
        check(Binary::Power, -3.0, 2.0, 9.0);
        check(Binary::Power, 1e200, 2.0, MISSING);
        check(Binary::Power, 2.25, 0.5, 1.5);
        check(Binary::Power, -0.0, 0.5, 0.0);
        check(Binary::Power, -1.0, 0.5, MISSING);
        check(Binary::SignedPower, -3.0, 2.0, -9.0);
        check(Binary::SignedPower, -4.0, 0.5, -2.0);
        check(Binary::SignedPower, 0.0, 0.5, 0.0);
        check(Binary::SignedPower, 0.0, -1.0, MISSING);
        check(Binary::Less, MISSING, 1.0, MISSING);
        check(Binary::NotEqual, 1.0, MISSING, MISSING);
        check(Binary::Equal, 0.0, -0.0, 1.0);
        check(Binary::And, 0.0, MISSING, MISSING);
        check(Binary::Or, 1.0, MISSING, MISSING);
        check(Binary::Min, MISSING, 1.0, MISSING);
        check(Binary::Max, 2.0, 1.0, 2.0);
    }

    #[test]
    fn roots_and_logarithms_outside_their_domain_are_missing() {
        for x in [-1.0, MISSING] {
            assert!(Unary::Log.apply(x).is_nan() && Unary::Sqrt.apply(x).is_nan());
            assert!(x < 0.0 || Unary::Sign.apply(x).is_nan());
        }
        assert!(Unary::Log.apply(0.0).is_nan());
        assert!(Unary::Not.apply(MISSING).is_nan());
        assert_eq!(Unary::IsNan.apply(MISSING).to_bits(), 1.0_f64.to_bits());
    }
}
