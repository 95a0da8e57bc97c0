//! One cell at a time: arithmetic, comparison, choice.

use super::Operand;
use super::wide::wide;
use crate::scalar::{Binary, Unary};

#[inline(always)]
fn map(out: &mut [f64], x: &[f64], f: impl Fn(f64) -> f64) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = f(*x);
    }
}

#[inline(always)]
fn zip(out: &mut [f64], a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = f(*a, *b);
    }
}

#[inline(always)]
fn zip_operands(out: &mut [f64], a: Operand<'_>, b: Operand<'_>, f: impl Fn(f64, f64) -> f64) {
    match (a, b) {
        (Operand::Column(a), Operand::Column(b)) => zip(out, a, b, f),
        (Operand::Column(a), Operand::Scalar(b)) => map(out, a, |a| f(a, b)),
        (Operand::Scalar(a), Operand::Column(b)) => map(out, b, |b| f(a, b)),
        (Operand::Scalar(a), Operand::Scalar(b)) => out.fill(f(a, b)),
    }
}

wide! {
    /// Takes `all` away if a cell is infinite.
    pub(crate) fn bounded(x: &[f64], all: &mut bool) {
        *all = x.iter().fold(true, |all, x| all & !x.is_infinite());
    }
}

wide! {
    /// `op` on every cell.
    pub(crate) fn unary(op: Unary, out: &mut [f64], x: &[f64]) {
        match op {
            Unary::Negate => map(out, x, |x| Unary::Negate.apply(x)),
            Unary::Not => map(out, x, |x| Unary::Not.apply(x)),
            Unary::IsNan => map(out, x, |x| Unary::IsNan.apply(x)),
            Unary::Abs => map(out, x, |x| Unary::Abs.apply(x)),
            Unary::Sign => map(out, x, |x| Unary::Sign.apply(x)),
            Unary::Log => map(out, x, |x| Unary::Log.apply(x)),
            Unary::Sqrt => map(out, x, |x| Unary::Sqrt.apply(x)),
        }
    }
}

wide! {
    /// `op` on every pair of cells.
    pub(crate) fn binary(op: Binary, out: &mut [f64], a: Operand<'_>, b: Operand<'_>) {
        match op {
            Binary::Add => zip_operands(out, a, b, |a, b| Binary::Add.apply(a, b)),
            Binary::Subtract => zip_operands(out, a, b, |a, b| Binary::Subtract.apply(a, b)),
            Binary::Multiply => zip_operands(out, a, b, |a, b| Binary::Multiply.apply(a, b)),
            Binary::Divide => zip_operands(out, a, b, |a, b| Binary::Divide.apply(a, b)),
            Binary::Power => zip_operands(out, a, b, |a, b| Binary::Power.apply(a, b)),
            Binary::SignedPower => zip_operands(out, a, b, |a, b| Binary::SignedPower.apply(a, b)),
            Binary::Min => zip_operands(out, a, b, |a, b| Binary::Min.apply(a, b)),
            Binary::Max => zip_operands(out, a, b, |a, b| Binary::Max.apply(a, b)),
            Binary::Less => zip_operands(out, a, b, |a, b| Binary::Less.apply(a, b)),
            Binary::LessEqual => zip_operands(out, a, b, |a, b| Binary::LessEqual.apply(a, b)),
            Binary::Greater => zip_operands(out, a, b, |a, b| Binary::Greater.apply(a, b)),
            Binary::GreaterEqual => zip_operands(out, a, b, |a, b| Binary::GreaterEqual.apply(a, b)),
            Binary::Equal => zip_operands(out, a, b, |a, b| Binary::Equal.apply(a, b)),
            Binary::NotEqual => zip_operands(out, a, b, |a, b| Binary::NotEqual.apply(a, b)),
            Binary::And => zip_operands(out, a, b, |a, b| Binary::And.apply(a, b)),
            Binary::Or => zip_operands(out, a, b, |a, b| Binary::Or.apply(a, b)),
        }
    }
}

wide! {
    /// `x`, or `c` where `x` is missing.
    pub(crate) fn fill(out: &mut [f64], x: Operand<'_>, c: Operand<'_>) {
        zip_operands(out, x, c, |x, c| if x.is_nan() { c } else { x });
    }
}

wide! {
    /// Adds the bits `on` where a cell is 1, and `off` where it is 0.
    #[allow(clippy::float_cmp, reason = "truths are exactly 1 or 0")]
    pub(crate) fn raise(bits: &mut [u8], x: &[f64], on: u8, off: u8) {
        for (bits, x) in bits.iter_mut().zip(x) {
            *bits |= if *x == 1.0 { on } else { 0 };
            *bits |= if *x == 0.0 { off } else { 0 };
        }
    }
}

/// `a` where `c` is 1, `b` where it is 0, missing where it is missing.
pub(crate) fn select(out: &mut [f64], [c, a, b]: [Operand<'_>; 3]) {
    // The two branches are chosen one after the other, so that each loop has at most two columns.
    branch(out, c, a);
    otherwise(out, c, b);
}

wide! {
    fn branch(out: &mut [f64], c: Operand<'_>, a: Operand<'_>) {
        zip_operands(out, c, a, |c, a| if c > 0.0 { a } else { f64::NAN });
    }
}

wide! {
    fn otherwise(out: &mut [f64], c: Operand<'_>, b: Operand<'_>) {
        match (c, b) {
            (Operand::Column(c), Operand::Column(b)) => {
                for ((out, c), b) in out.iter_mut().zip(c).zip(b) {
                    *out = if *c <= 0.0 { *b } else { *out };
                }
            }
            (Operand::Column(c), Operand::Scalar(b)) => {
                for (out, c) in out.iter_mut().zip(c) {
                    *out = if *c <= 0.0 { b } else { *out };
                }
            }
            (Operand::Scalar(c), Operand::Column(b)) if c <= 0.0 => out.copy_from_slice(b),
            (Operand::Scalar(c), Operand::Scalar(b)) if c <= 0.0 => out.fill(b),
            (Operand::Scalar(_), _) => {}
        }
    }
}
