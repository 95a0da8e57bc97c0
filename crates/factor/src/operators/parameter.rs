//! What operators take.

use super::{Parameter, ParameterKind};
use ParameterKind::{Lag, Minimum, Number, Truth, Window};

/// One that must be given.
pub(super) const fn parameter(name: &'static str, kind: ParameterKind) -> Parameter {
    Parameter { name, kind, default: None }
}

/// One that may be left out.
pub(super) const fn optional(name: &'static str, kind: ParameterKind, default: f64) -> Parameter {
    Parameter { name, kind, default: Some(default) }
}

pub(super) const X: &[Parameter] = &[parameter("x", Number)];
pub(super) const A_B: &[Parameter] = &[parameter("a", Number), parameter("b", Number)];
pub(super) const X_P: &[Parameter] = &[parameter("x", Number), parameter("p", Number)];
pub(super) const TRUTHS: &[Parameter] = &[parameter("a", Truth), parameter("b", Truth)];
pub(super) const X_D: &[Parameter] = &[parameter("x", Number), parameter("d", Lag)];
pub(super) const X_N: &[Parameter] = &[parameter("x", Number), parameter("n", Window)];
pub(super) const ROLLING: &[Parameter] =
    &[parameter("x", Number), parameter("n", Window), parameter("min", Minimum)];
pub(super) const PAIRED: &[Parameter] = &[
    parameter("x", Number),
    parameter("y", Number),
    parameter("n", Window),
    parameter("min", Minimum),
];
