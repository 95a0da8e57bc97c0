//! A tree to typed nodes: names are looked up, arguments checked, look-ahead refused.

use crate::dag::{Dag, Node, NodeId, Op};
use crate::lexer::excerpt;
use crate::operators::{Kernel, Operator, Outcome, Parameter, ParameterKind, operators};
use crate::syntax::{Argument, Syntax, Tree};
use crate::{Diagnostic, Limits, Schema, Span, Type};

/// What is known about a checked node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked {
    pub(crate) node: NodeId,
    pub(crate) result: Type,
    /// Rows before the current one until every window in it is full.
    pub(crate) lookback: usize,
    /// Rows from the current one back to the newest one that is read; the maximum for a constant.
    pub(crate) lag: usize,
    /// Its value, if it is a constant.
    constant: Option<f64>,
}

/// Checks every node of the tree; the last one is the root. `None` where something was refused.
pub(crate) fn check(
    text: &str,
    tree: &Tree,
    (schema, limits): (&Schema, &Limits),
    found: &mut Vec<Diagnostic>,
) -> (Dag, Option<Checked>) {
    let done = Vec::with_capacity(tree.nodes.len());
    let mut checker = Checker { text, tree, schema, limits, found, dag: Dag::default(), done };
    for (syntax, span) in &tree.nodes {
        let one = checker.node(syntax, *span);
        checker.done.push(one);
    }
    let root = checker.done.last().copied().flatten();
    (checker.dag, root)
}

struct Checker<'a, 'd> {
    text: &'a str,
    tree: &'a Tree,
    schema: &'a Schema,
    limits: &'a Limits,
    found: &'d mut Vec<Diagnostic>,
    dag: Dag,
    done: Vec<Option<Checked>>,
}

/// The arguments of a call, put where the operator wants them.
#[derive(Default)]
struct Bound {
    series: Vec<Checked>,
    rows: usize,
    extra: Option<u64>,
    /// All [`ParameterKind::Any`] arguments so far can be truths, and one of them is no constant.
    all_truth: bool,
    one_truth: bool,
}

impl Checker<'_, '_> {
    fn say(&mut self, told: Diagnostic) {
        self.found.push(told);
    }

    fn node(&mut self, syntax: &Syntax, span: Span) -> Option<Checked> {
        match syntax {
            Syntax::Number(value) => {
                let node = self.dag.add(Node { op: Op::constant(*value), inputs: Vec::new() });
                let constant = Some(*value);
                Some(Checked {
                    node,
                    result: Type::Constant,
                    lookback: 0,
                    lag: usize::MAX,
                    constant,
                })
            }
            Syntax::Name => self.name(span),
            Syntax::Call { name, at, arguments } => self.call(name, *at, arguments, span),
            Syntax::Error => None,
        }
    }

    fn name(&mut self, span: Span) -> Option<Checked> {
        let name = span.of(self.text);
        let result = if self.schema.fields.contains(name) {
            Type::Number
        } else if self.schema.groups.contains(name) {
            Type::Group
        } else {
            self.unknown_name(name, span);
            return None;
        };
        let node = self.dag.add(Node { op: Op::Field(name.into()), inputs: Vec::new() });
        Some(Checked { node, result, lookback: 0, lag: 0, constant: None })
    }

    fn unknown_name(&mut self, name: &str, span: Span) {
        let told = format!("there is no field `{}`", excerpt(name));
        let told = Diagnostic::error(span, "unknown-name", told);
        let known = self.schema.fields.iter().chain(&self.schema.groups).map(String::as_str);
        let help = if let Some(operator) = Operator::named(name) {
            Some(format!("`{name}` is an operator: write `{}`", operator.signature))
        } else if let Some(near) = nearest(name, known.clone()) {
            Some(format!("did you mean `{near}`?"))
        } else {
            let all: Vec<&str> = known.take(12).collect();
            (!all.is_empty()).then(|| format!("the data have {}", all.join(", ")))
        };
        self.say(match help {
            Some(help) => told.help(help),
            None => told,
        });
    }

    fn call(
        &mut self,
        name: &str,
        at: Span,
        arguments: &[Argument],
        span: Span,
    ) -> Option<Checked> {
        let Some(place) = operators().iter().position(|operator| operator.name == name) else {
            self.unknown_operator(name, at);
            return None;
        };
        let operator = operators().get(place)?;
        let bound = self.bind(operator, at, arguments)?;
        let (lookback, lag) = self.reach(operator, &bound, span)?;
        let rows = bound.rows;
        let extra = bound.extra.unwrap_or_else(|| default_extra(operator, rows));
        let inputs = bound.series.iter().map(|one| one.node).collect();
        let node = self.dag.add(Node { op: Op::Apply { operator: place, rows, extra }, inputs });
        let constant = fold(operator.kernel, &bound.series);
        let result = match operator.result {
            Outcome::Truth => Type::Truth,
            Outcome::Same if bound.all_truth && bound.one_truth => Type::Truth,
            _ if constant.is_some() => Type::Constant,
            _ => Type::Number,
        };
        Some(Checked { node, result, lookback, lag, constant })
    }

    fn unknown_operator(&mut self, name: &str, at: Span) {
        let told = format!("there is no operator `{}`", excerpt(name));
        let told = Diagnostic::error(at, "unknown-operator", told);
        let known = operators().iter().map(|operator| operator.name);
        self.say(match nearest(name, known) {
            _ if self.schema.fields.contains(name) => {
                told.help(format!("`{name}` is a field: a product needs its `*`"))
            }
            Some(near) => told.help(format!("did you mean `{near}`?")),
            None => told,
        });
    }

    /// Puts arguments to parameters; says everything that does not fit.
    fn bind(
        &mut self,
        operator: &'static Operator,
        at: Span,
        arguments: &[Argument],
    ) -> Option<Bound> {
        let before = self.found.len();
        let positional = arguments.iter().filter(|argument| argument.keyword.is_none());
        let wanted: Vec<&Parameter> = operator.positional().collect();
        let given = positional.clone().count();
        if given != wanted.len() {
            self.arity(operator, at, given, wanted.len());
        }
        let mut bound = Bound { all_truth: true, ..Bound::default() };
        let mut whole = given == wanted.len();
        for (parameter, argument) in wanted.iter().zip(positional) {
            whole &= self.argument(operator, parameter, argument.value, &mut bound).is_some();
        }
        let mut taken: Vec<&str> = Vec::new();
        for argument in arguments {
            let Some(keyword) = argument.keyword else { continue };
            let name = keyword.of(self.text);
            match operator.keywords().find(|parameter| parameter.name == name) {
                Some(_) if taken.contains(&name) => {
                    let told = format!("`{name}=` is given twice");
                    self.say(Diagnostic::error(keyword, "keyword", told));
                }
                Some(parameter) => {
                    taken.push(name);
                    whole &=
                        self.argument(operator, parameter, argument.value, &mut bound).is_some();
                }
                None => self.unknown_keyword(operator, keyword),
            }
        }
        (whole && self.found.len() == before).then_some(bound)
    }

    fn arity(&mut self, operator: &Operator, at: Span, given: usize, wanted: usize) {
        let plural = if wanted == 1 { "" } else { "s" };
        let told = format!("`{}` takes {wanted} argument{plural}, here are {given}", operator.name);
        let told = Diagnostic::error(at, "arity", told);
        self.say(told.help(format!("write `{}`", operator.signature)));
    }

    fn unknown_keyword(&mut self, operator: &Operator, keyword: Span) {
        let name = excerpt(keyword.of(self.text));
        let told = format!("`{}` has no keyword `{name}=`", operator.name);
        let told = Diagnostic::error(keyword, "keyword", told);
        self.say(told.help(format!("write `{}`", operator.signature)));
    }

    fn argument(
        &mut self,
        operator: &Operator,
        parameter: &Parameter,
        value: usize,
        bound: &mut Bound,
    ) -> Option<()> {
        let span = self.tree.nodes.get(value).map(|(_, span)| *span)?;
        let checked = self.done.get(value).copied().flatten()?;
        if checked.result == Type::Group {
            let told = format!("`{}` is a group label, not a number", excerpt(span.of(self.text)));
            self.say(Diagnostic::error(span, "type", told));
            return None;
        }
        match parameter.kind {
            ParameterKind::Number => {}
            ParameterKind::Any => {
                let truth = checked.result == Type::Truth;
                bound.one_truth |= truth;
                bound.all_truth &= truth || is_bit(&checked);
            }
            ParameterKind::Truth => self.truth(operator, &checked, span)?,
            ParameterKind::Lag => {
                bound.rows = self.whole(&checked, span, (0, operator, parameter))?;
            }
            ParameterKind::Window | ParameterKind::Count => {
                bound.rows = self.whole(&checked, span, (1, operator, parameter))?;
            }
            ParameterKind::Minimum => {
                let least = self.whole(&checked, span, (1, operator, parameter))?;
                if least > bound.rows && bound.rows > 0 {
                    let told = format!("min={least} is more than the window's {} rows", bound.rows);
                    self.say(Diagnostic::error(span, "window", told));
                    return None;
                }
                bound.extra = Some(least as u64);
            }
            ParameterKind::Factor => {
                let Some(factor) = checked.constant.filter(|factor| factor.is_finite()) else {
                    self.not_constant(span, parameter);
                    return None;
                };
                bound.extra = Some(factor.to_bits());
            }
        }
        if parameter.kind.is_series() {
            bound.series.push(checked);
        }
        Some(())
    }

    fn truth(&mut self, operator: &Operator, checked: &Checked, span: Span) -> Option<()> {
        if checked.result == Type::Truth || is_bit(checked) {
            return Some(());
        }
        let told = format!("`{}` takes truths here, and this is a number", operator.name);
        let told = Diagnostic::error(span, "type", told);
        self.say(told.help("compare it, as in `x > 0`"));
        None
    }

    fn not_constant(&mut self, span: Span, parameter: &Parameter) {
        let told = format!("`{}` must be a constant, such as 20", parameter.name);
        self.say(Diagnostic::error(span, "type", told));
    }

    /// A whole constant of at least `least`; a negative number of rows would look ahead.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "compared with limits that are far below 2^52 before it is cast"
    )]
    fn whole(
        &mut self,
        checked: &Checked,
        span: Span,
        (least, operator, parameter): (usize, &Operator, &Parameter),
    ) -> Option<usize> {
        let Some(value) = checked.constant else {
            self.not_constant(span, parameter);
            return None;
        };
        let is_rows = matches!(parameter.kind, ParameterKind::Lag | ParameterKind::Window);
        let name = parameter.name;
        let limit = self.limits.window;
        let told = if value < 0.0 && is_rows {
            let rows = if value > -2.0 { "row" } else { "rows" };
            let told =
                format!("`{}` with {name} = {value} looks {} {rows} ahead", operator.name, -value);
            Diagnostic::error(span, "look-ahead", told).help(
                "an expression sees the current row and earlier ones: count rows back, from 0",
            )
        } else if value.is_nan() || value.fract() != 0.0 || value < least as f64 {
            let told = format!("{name} = {value} is not a whole number of at least {least}");
            Diagnostic::error(span, "window", told)
        } else if value > limit as f64 {
            let told = format!("{name} = {value} is more than the {limit} allowed");
            Diagnostic::error(span, "window", told)
        } else {
            return Some(value as usize);
        };
        self.say(told);
        None
    }

    /// Look-back and lag of a call, from those of its arguments.
    fn reach(&mut self, operator: &Operator, bound: &Bound, span: Span) -> Option<(usize, usize)> {
        let lookback = bound.series.iter().map(|one| one.lookback).max().unwrap_or(0);
        let lag = bound.series.iter().map(|one| one.lag).min().unwrap_or(usize::MAX);
        let (back, lagged) = match operator.kernel {
            Kernel::Delay => (bound.rows, bound.rows),
            Kernel::Delta | Kernel::Returns => (bound.rows, 0),
            // The mean has a value from the first row on; it declares n rows to warm up.
            Kernel::Window(_) | Kernel::Ema => (bound.rows - 1, 0),
            _ => (0, 0),
        };
        let lookback = lookback.saturating_add(back);
        if lookback > self.limits.lookback {
            let told = format!(
                "windows inside windows reach {lookback} rows back, {} are allowed",
                self.limits.lookback
            );
            self.say(Diagnostic::error(span, "window", told));
            return None;
        }
        Some((lookback, lag.saturating_add(lagged)))
    }
}

#[expect(clippy::float_cmp, reason = "exactly 1 or 0")]
fn is_bit(checked: &Checked) -> bool {
    checked.constant.is_some_and(|value| value == 0.0 || value == 1.0)
}

fn default_extra(operator: &Operator, rows: usize) -> u64 {
    match operator.keywords().next().map(|parameter| parameter.kind) {
        Some(ParameterKind::Minimum) => rows as u64,
        Some(ParameterKind::Factor) => 1.0_f64.to_bits(),
        _ => 0,
    }
}

/// The value of an elementwise operator on constants.
fn fold(kernel: Kernel, series: &[Checked]) -> Option<f64> {
    match (kernel, series) {
        (Kernel::Unary(op), [x]) => Some(op.apply(x.constant?)),
        (Kernel::Binary(op), [a, b]) => Some(op.apply(a.constant?, b.constant?)),
        _ => None,
    }
}

/// The known name that was probably meant.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let name = excerpt(name).to_lowercase();
    known
        .map(|one| (strsim::damerau_levenshtein(&name, &one.to_lowercase()), one))
        .filter(|(distance, one)| *distance <= 1 + one.len().min(name.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, one)| one)
}
