//! A tree to typed nodes: names are looked up, arguments checked, look-ahead refused.

use crate::dag::{Dag, Node, NodeId, Op};
use crate::lexer::excerpt;
use crate::operators::{Kernel, Operator, Outcome, Parameter, ParameterKind, Reach, operators};
use crate::syntax::{self, Argument, Syntax, Tree};
use crate::{Diagnostic, Limits, Schema, Span, Type};
use std::collections::BTreeMap;

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
    let mut dag = Dag::default();
    let mut checker = Checker {
        text,
        tree,
        schema,
        limits,
        found,
        dag: &mut dag,
        done: Vec::new(),
        names: BTreeMap::new(),
        inside: 0,
    };
    let root = checker.tree();
    (dag, root)
}

/// Operators written in the language that stand inside one another; a bug in the table exceeds it.
const DEFINITIONS_DEEP: usize = 8;

struct Checker<'a, 'd> {
    text: &'a str,
    tree: &'a Tree,
    schema: &'a Schema,
    limits: &'a Limits,
    found: &'d mut Vec<Diagnostic>,
    dag: &'d mut Dag,
    done: Vec<Option<Checked>>,
    /// What names stand for that the text itself, or the call of a definition, gave a value.
    names: BTreeMap<&'a str, Option<Checked>>,
    /// Definitions around this text.
    inside: usize,
}

/// The arguments of a call, put where the operator wants them.
struct Bound {
    /// All of them, in the table's order.
    arguments: Vec<Checked>,
    series: Vec<Checked>,
    constants: Vec<f64>,
    /// All [`ParameterKind::Any`] arguments so far can be truths, and one of them is no constant.
    all_truth: bool,
    one_truth: bool,
}

impl Checker<'_, '_> {
    fn say(&mut self, told: Diagnostic) {
        self.found.push(told);
    }

    /// Every node in turn; the last one is the root.
    fn tree(&mut self) -> Option<Checked> {
        let tree = self.tree;
        for (syntax, span) in &tree.nodes {
            let one = self.node(syntax, *span);
            self.done.push(one);
        }
        self.done.last().copied().flatten()
    }

    fn node(&mut self, syntax: &Syntax, span: Span) -> Option<Checked> {
        match syntax {
            Syntax::Number(value) => Some(self.constant(*value)),
            Syntax::Name => self.name(span),
            Syntax::Call { name, at, arguments } => self.call(name, *at, arguments, span),
            Syntax::Let { name, value } => {
                let value = self.done.get(*value).copied().flatten();
                let text = name.of(self.text);
                if self.names.insert(text, value).is_some() {
                    let told = format!("`{}` has a value already", excerpt(text));
                    self.say(
                        Diagnostic::error(*name, "let", told).help("give each `let` its own name"),
                    );
                }
                None
            }
            Syntax::Error => None,
        }
    }

    fn constant(&mut self, value: f64) -> Checked {
        let node = self.dag.add(Node { op: Op::constant(value), inputs: Vec::new() });
        let (result, constant) = (Type::Constant, Some(value));
        Checked { node, result, lookback: 0, lag: usize::MAX, constant }
    }

    fn name(&mut self, span: Span) -> Option<Checked> {
        let name = span.of(self.text);
        if let Some(value) = self.names.get(name) {
            return *value;
        }
        let (op, result) = if self.schema.fields.contains(name) {
            (Op::Field(name.into()), Type::Number)
        } else if self.schema.groups.contains(name) {
            (Op::Group(name.into()), Type::Group)
        } else {
            self.unknown_name(name, span);
            return None;
        };
        let node = self.dag.add(Node { op, inputs: Vec::new() });
        Some(Checked { node, result, lookback: 0, lag: 0, constant: None })
    }

    fn unknown_name(&mut self, name: &str, span: Span) {
        let told = format!("there is no field `{}`", excerpt(name));
        let told = Diagnostic::error(span, "unknown-name", told);
        let data = self.schema.fields.iter().chain(&self.schema.groups).map(String::as_str);
        let known = self.names.keys().copied().chain(data);
        let help = if let Some(operator) = Operator::named(name) {
            Some(format!("`{name}` is an operator: write `{}`", operator.signature))
        } else if let Some(near) = nearest(name, known.clone(), self.found.len()) {
            Some(format!("did you mean `{near}`?"))
        } else {
            let all: Vec<String> = known.take(12).map(excerpt).collect();
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
        let place = Operator::place(name);
        let Some((place, operator)) = place.and_then(|at| Some((at, operators().get(at)?))) else {
            self.unknown_operator(name, at);
            return None;
        };
        let bound = self.bind(operator, at, arguments)?;
        if let Kernel::Text(text) = operator.kernel {
            return self.define(operator, text, &bound, span);
        }
        let (lookback, lag) = self.reach(operator, &bound, span)?;
        let inputs = bound.series.iter().map(|one| one.node).collect();
        let constants = bound.constants.iter().map(|constant| constant.to_bits()).collect();
        let node = self.dag.add(Node { op: Op::Apply { operator: place, constants }, inputs });
        let constant = fold(operator.kernel, &bound.series);
        let result = match operator.result {
            Outcome::Truth => Type::Truth,
            Outcome::Same if bound.all_truth && bound.one_truth => Type::Truth,
            _ if constant.is_some() => Type::Constant,
            _ => Type::Number,
        };
        Some(Checked { node, result, lookback, lag, constant })
    }

    /// An operator that is written in the language: its text with the arguments for its names.
    fn define(
        &mut self,
        operator: &Operator,
        text: &str,
        bound: &Bound,
        span: Span,
    ) -> Option<Checked> {
        debug_assert!(self.inside < DEFINITIONS_DEEP, "{} is defined by itself", operator.name);
        let schema = Schema::default();
        let mut found = Vec::new();
        let tree = syntax::parse(text, self.limits, &mut found);
        let names = operator.parameters.iter().zip(&bound.arguments);
        let names = names.map(|(parameter, value)| (parameter.name, Some(*value))).collect();
        let mut inner = Checker {
            text,
            tree: &tree,
            schema: &schema,
            limits: self.limits,
            found: &mut found,
            dag: self.dag,
            done: Vec::new(),
            names,
            inside: self.inside + 1,
        };
        let root = inner.tree();
        for one in found.drain(..) {
            let told = format!("in `{}`: {}", operator.name, one.message);
            self.say(Diagnostic { span, message: told, ..one });
        }
        root
    }

    fn unknown_operator(&mut self, name: &str, at: Span) {
        let told = format!("there is no operator `{}`", excerpt(name));
        let told = Diagnostic::error(at, "unknown-operator", told);
        let known = operators().iter().map(|operator| operator.name);
        self.say(match nearest(name, known, self.found.len()) {
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
        let given = self.given(operator, at, arguments);
        let mut bound = Bound {
            arguments: Vec::new(),
            series: Vec::new(),
            constants: Vec::new(),
            all_truth: true,
            one_truth: false,
        };
        let mut whole = true;
        for (parameter, value) in operator.parameters.iter().zip(given) {
            whole &= match value {
                Some(value) => self.argument(operator, parameter, value, &mut bound).is_some(),
                None => self.left_out(parameter, &mut bound).is_some(),
            };
        }
        (whole && self.found.len() == before).then_some(bound)
    }

    /// For each parameter the argument given for it.
    fn given(
        &mut self,
        operator: &'static Operator,
        at: Span,
        arguments: &[Argument],
    ) -> Vec<Option<usize>> {
        let mut given: Vec<Option<usize>> = vec![None; operator.parameters.len()];
        let by_place = operator.parameters.iter().zip(&mut given);
        let by_place = by_place.filter(|(one, _)| one.kind != ParameterKind::Minimum);
        let positional = arguments.iter().filter(|argument| argument.keyword.is_none());
        for ((_, slot), argument) in by_place.zip(positional.clone()) {
            *slot = Some(argument.value);
        }
        let (least, count) = (operator.positional().count(), positional.count());
        let most = operator.parameters.iter().filter(|p| p.kind != ParameterKind::Minimum).count();
        if count < least || count > most {
            self.arity(operator, at, count, least);
        }
        for argument in arguments {
            let Some(keyword) = argument.keyword else { continue };
            let name = keyword.of(self.text);
            let mut places = operator.parameters.iter().zip(&mut given);
            let place = places.find(|(one, _)| one.is_optional() && one.name == name);
            match place.map(|(_, slot)| slot) {
                Some(slot) if slot.is_some() => {
                    let told = format!("`{name}=` is given twice");
                    self.say(Diagnostic::error(keyword, "keyword", told));
                }
                Some(slot) => *slot = Some(argument.value),
                None => self.unknown_keyword(operator, keyword),
            }
        }
        given
    }

    /// The default of a parameter; `None` if it must be given.
    fn left_out(&mut self, parameter: &Parameter, bound: &mut Bound) -> Option<()> {
        let value = match (parameter.kind, parameter.default) {
            (ParameterKind::Minimum, _) => bound.constants.first().copied()?,
            (_, default) => default?,
        };
        bound.constants.push(value);
        let value = self.constant(value);
        bound.arguments.push(value);
        Some(())
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
        if (checked.result == Type::Group) != (parameter.kind == ParameterKind::Group) {
            let written = excerpt(span.of(self.text));
            let told = if checked.result == Type::Group {
                Diagnostic::error(
                    span,
                    "type",
                    format!("`{written}` is a group label, not a number"),
                )
            } else {
                let told =
                    format!("`{}` takes a group label here, and this is none", operator.name);
                Diagnostic::error(span, "type", told)
                    .help("name a text field of the data, such as a sector")
            };
            self.say(told);
            return None;
        }
        let rows = |at: usize| (at, operator, parameter);
        let constant = match parameter.kind {
            ParameterKind::Number | ParameterKind::Group => None,
            ParameterKind::Any => {
                let truth = checked.result == Type::Truth;
                bound.one_truth |= truth;
                bound.all_truth &= truth || is_bit(&checked);
                None
            }
            ParameterKind::Truth => {
                self.truth(operator, &checked, span)?;
                None
            }
            ParameterKind::Lag => Some(self.whole(&checked, span, rows(0))?),
            ParameterKind::Window | ParameterKind::Count => {
                Some(self.whole(&checked, span, rows(1))?)
            }
            ParameterKind::Minimum => {
                let least = self.whole(&checked, span, rows(1))?;
                let window = bound.constants.first().copied().unwrap_or(least);
                if least > window {
                    let told = format!("min={least} is more than the window's {window} rows");
                    self.say(Diagnostic::error(span, "window", told));
                    return None;
                }
                Some(least)
            }
            ParameterKind::Constant | ParameterKind::Share => {
                let Some(constant) = checked.constant.filter(|constant| constant.is_finite())
                else {
                    self.not_constant(span, parameter);
                    return None;
                };
                if parameter.kind == ParameterKind::Share && !(0.0..=1.0).contains(&constant) {
                    let told = format!("{} = {constant} is not between 0 and 1", parameter.name);
                    self.say(Diagnostic::error(span, "range", told));
                    return None;
                }
                Some(constant)
            }
        };
        bound.constants.extend(constant);
        bound.arguments.push(checked);
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
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52")]
    fn whole(
        &mut self,
        checked: &Checked,
        span: Span,
        (least, operator, parameter): (usize, &Operator, &Parameter),
    ) -> Option<f64> {
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
            return Some(value);
        };
        self.say(told);
        None
    }

    /// Look-back and lag of a call, from those of its arguments.
    fn reach(&mut self, operator: &Operator, bound: &Bound, span: Span) -> Option<(usize, usize)> {
        let lookback = bound.series.iter().map(|one| one.lookback).max().unwrap_or(0);
        let lag = bound.series.iter().map(|one| one.lag).min().unwrap_or(usize::MAX);
        let rows = whole_rows(bound.constants.first().copied().unwrap_or(0.0));
        let (back, lagged) = match operator.reach {
            Reach::Now => (0, 0),
            Reach::Lag => (rows, rows),
            Reach::Since => (rows, 0),
            Reach::Window => (rows.saturating_sub(1), 0),
            Reach::Warm(rows) => (rows(&bound.constants), 0),
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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number within the limit of windows"
)]
fn whole_rows(constant: f64) -> usize {
    constant as usize
}

/// The value of an elementwise operator on constants.
fn fold(kernel: Kernel, series: &[Checked]) -> Option<f64> {
    match (kernel, series) {
        (Kernel::Unary(op), [x]) => Some(op.apply(x.constant?)),
        (Kernel::Binary(op), [a, b]) => Some(op.apply(a.constant?, b.constant?)),
        _ => None,
    }
}

/// The known name that was probably meant; nobody asks past the findings that are shown.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>, said: usize) -> Option<&'n str> {
    let name = excerpt(name).to_lowercase();
    known
        .filter(|one| said < syntax::FINDINGS_MAX && one.len().abs_diff(name.len()) <= 11)
        .map(|one| (strsim::damerau_levenshtein(&name, &one.to_lowercase()), one))
        .filter(|(distance, one)| *distance <= 1 + one.len().min(name.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, one)| one)
}
