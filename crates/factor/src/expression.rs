//! An expression: text that was parsed, typed and found causal.

use crate::check::check;
use crate::dag::{Dag, Node, NodeId, Op};
use crate::lexer::{Token, lex};
use crate::operators::{COMPARISON, Form, Operator, Parameter, ParameterKind};
use crate::{Diagnostic, Limits, Schema, Span, syntax};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// Where `$name` stands in a text, the sign included, in text order.
#[must_use]
pub fn parameters(text: &str) -> Vec<Span> {
    let tokens = lex(text, &mut Vec::new());
    tokens.into_iter().filter(|(token, _)| *token == Token::Parameter).map(|(_, at)| at).collect()
}

/// What an expression or a part of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// A number per row and name.
    Number,
    /// 1, 0 or missing per row and name.
    Truth,
    /// One number for all rows and names.
    Constant,
    /// A label per row and name.
    Group,
}

/// Text that was parsed, typed and found to look only at its own row and earlier ones.
///
/// [`Expression::parse`] alone makes one. It displays as its canonical text: the same spacing and
/// the fewest parentheses for every way of writing it, names given by `let` and operators defined in
/// the language put in place. Where that would repeat too much, shared parts stand before it, as
/// `let t1 = …;`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    dag: Dag,
    root: NodeId,
    result: Type,
    lookback: usize,
    lag: usize,
}

impl Expression {
    /// Parses and checks a text against the names it may use; all findings at once, in text order.
    pub fn parse(text: &str, schema: &Schema, limits: &Limits) -> Result<Self, Vec<Diagnostic>> {
        Self::parse_with(text, (schema, &BTreeMap::new()), limits)
    }

    /// As [`Expression::parse`], with finite numbers for which `$name` stands. The expression is the
    /// one that has the numbers written in their places, one below 0 in parentheses.
    pub fn parse_with(
        text: &str,
        (schema, parameters): (&Schema, &BTreeMap<String, f64>),
        limits: &Limits,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let tree = syntax::parse_with(text, (limits, parameters), &mut found);
        // A tree that a limit cut short says nothing true about the rest.
        if found.iter().any(|one| matches!(one.code, "length" | "depth" | "nodes")) {
            return Err(found);
        }
        let (dag, root) = check(text, &tree, (schema, limits), &mut found);
        if root.is_some_and(|root| root.result == Type::Group) {
            let span = Span::new(0, text.len());
            let told = "a group label is no result: use it in an operator by groups";
            found.push(Diagnostic::error(span, "type", told));
        }
        // Other data may have a name that is unknown here: what is wrong on all data is told first.
        found.sort_by_key(|one| one.code == "unknown-name");
        found.truncate(syntax::FINDINGS_MAX);
        found.sort_by_key(|one| one.span);
        match root {
            Some(root) if found.is_empty() => {
                let lag = if root.lag == usize::MAX { 0 } else { root.lag };
                let (result, lookback) = (root.result, root.lookback);
                let (dag, roots) = dag.pruned(&[root.node]);
                let root = roots.first().copied().unwrap_or(0);
                Ok(Self { dag, root, result, lookback, lag })
            }
            _ => Err(found),
        }
    }

    /// What it evaluates to: [`Type::Number`], [`Type::Truth`] or [`Type::Constant`].
    #[must_use]
    pub const fn result_type(&self) -> Type {
        self.result
    }

    /// Rows before the current one that must exist before every window and delay in it is full.
    ///
    /// `ema(x, n)` has a value from the first valid row on and declares n rows to warm up.
    #[must_use]
    pub const fn lookback(&self) -> usize {
        self.lookback
    }

    /// Rows between the current one and the newest one that is read; never negative.
    #[must_use]
    pub const fn lag(&self) -> usize {
        self.lag
    }

    /// The fields it reads, sorted.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.names(|op| match op {
            Op::Field(name) => Some(&**name),
            _ => None,
        })
    }

    /// The group labels it reads, sorted.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.names(|op| match op {
            Op::Group(name) => Some(&**name),
            _ => None,
        })
    }

    fn names<'s>(
        &'s self,
        of: impl Fn(&'s Op) -> Option<&'s str>,
    ) -> impl Iterator<Item = &'s str> {
        let mut names: Vec<&str> =
            self.dag.nodes().iter().filter_map(|node| of(&node.op)).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Distinct operators, fields and numbers in it.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.dag.nodes().len()
    }

    pub(crate) const fn dag(&self) -> &Dag {
        &self.dag
    }

    /// The same claims over other nodes.
    pub(crate) const fn ending(&self, dag: Dag, root: NodeId) -> Self {
        let Self { result, lookback, lag, .. } = *self;
        Self { dag, root, result, lookback, lag }
    }

    pub(crate) const fn root(&self) -> NodeId {
        self.root
    }
}

/// What is still to be written; a stack of these instead of recursion.
enum Piece {
    Text(String),
    /// A node, in parentheses if it binds looser than this.
    Node(NodeId, u8),
}

/// The nodes that get a name, in order, and how the names begin.
struct Shared {
    places: Vec<NodeId>,
    prefix: String,
}

/// Pieces up to which shared parts are written out each time.
const WRITTEN_OUT: u64 = 2_000;

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = Shared { places: self.shared(), prefix: self.prefix() };
        for (name, place) in shared.places.iter().enumerate() {
            write!(f, "let {}{} = ", shared.prefix, name + 1)?;
            self.write(f, *place, &shared)?;
            f.write_str("; ")?;
        }
        self.write(f, self.root, &shared)
    }
}

impl Expression {
    /// The nodes that get a name: none, unless the text would be long without.
    fn shared(&self) -> Vec<NodeId> {
        let nodes = self.dag.nodes();
        let mut sizes: Vec<u64> = Vec::with_capacity(nodes.len());
        let mut uses = vec![0_u32; nodes.len()];
        for node in nodes {
            let inputs = node.inputs.iter().filter_map(|input| sizes.get(*input));
            sizes.push(inputs.fold(1, |sum, size| sum.saturating_add(*size)));
            for input in &node.inputs {
                if let Some(uses) = uses.get_mut(*input) {
                    *uses = uses.saturating_add(1);
                }
            }
        }
        if sizes.get(self.root).is_none_or(|size| *size <= WRITTEN_OUT) {
            return Vec::new();
        }
        let named = |at: &NodeId| {
            uses.get(*at).is_some_and(|uses| *uses > 1)
                && sizes.get(*at).is_some_and(|size| *size > 1)
        };
        (0..nodes.len()).filter(named).collect()
    }

    /// A beginning that no name of the data has.
    fn prefix(&self) -> String {
        let mut prefix = "t".to_owned();
        while self.fields().chain(self.groups()).any(|name| name.starts_with(&prefix)) {
            prefix.push('_');
        }
        prefix
    }

    /// Writes a node, a shared one below it by its name.
    fn write(&self, f: &mut fmt::Formatter<'_>, root: NodeId, shared: &Shared) -> fmt::Result {
        let mut stack = self.pieces(root, 0);
        stack.reverse();
        while let Some(piece) = stack.pop() {
            match piece {
                Piece::Text(text) => f.write_str(&text)?,
                Piece::Node(place, binds) => {
                    if let Ok(name) = shared.places.binary_search(&place) {
                        write!(f, "{}{}", shared.prefix, name + 1)?;
                    } else {
                        let mut pieces = self.pieces(place, binds);
                        pieces.reverse();
                        stack.append(&mut pieces);
                    }
                }
            }
        }
        Ok(())
    }

    fn pieces(&self, place: NodeId, binds: u8) -> Vec<Piece> {
        let Some(node) = self.dag.nodes().get(place) else { return Vec::new() };
        match &node.op {
            Op::Constant(bits) => return vec![Piece::Text(number(f64::from_bits(*bits)))],
            Op::Field(name) | Op::Group(name) => return vec![Piece::Text(name.to_string())],
            Op::Apply { .. } => {}
        }
        let Some(operator) = node.op.operator() else { return Vec::new() };
        let text = |text: &str| Piece::Text(text.to_owned());
        let (own, mut pieces) = match (operator.form, node.inputs.as_slice()) {
            (Form::Infix { symbol, left, right }, &[a, b]) => {
                // Comparisons do not chain and powers group to the right: their left operands stand apart.
                let before = if left == COMPARISON || left > right { left + 1 } else { left };
                let sign = Piece::Text(format!(" {symbol} "));
                (left, vec![Piece::Node(a, before), sign, Piece::Node(b, right)])
            }
            (Form::Prefix { symbol, right }, &[a]) => {
                (right, vec![text(symbol), Piece::Node(a, right)])
            }
            _ => return call_pieces(operator, node),
        };
        if own < binds {
            pieces.insert(0, text("("));
            pieces.push(text(")"));
        }
        pieces
    }
}

/// `name(argument, argument, keyword=value)`, keywords at their defaults left out.
fn call_pieces(operator: &Operator, node: &Node) -> Vec<Piece> {
    let constants = node.op.constants();
    let mut inputs = node.inputs.iter();
    let mut given = constants.iter().copied();
    let mut pieces = vec![Piece::Text(format!("{}(", operator.name))];
    for parameter in operator.parameters {
        let argument = if parameter.kind.is_series() {
            inputs.next().map(|&input| Piece::Node(input, 0))
        } else {
            given.next().and_then(|value| constant_piece(parameter, value, &constants))
        };
        let Some(argument) = argument else { continue };
        if pieces.len() > 1 {
            pieces.push(Piece::Text(", ".to_owned()));
        }
        pieces.push(argument);
    }
    pieces.push(Piece::Text(")".to_owned()));
    pieces
}

/// A constant as it is given; nothing where it is the default.
fn constant_piece(parameter: &Parameter, value: f64, constants: &[f64]) -> Option<Piece> {
    let window = constants.first().copied();
    let default = if parameter.kind == ParameterKind::Minimum { window } else { parameter.default };
    if default == Some(value) {
        return None;
    }
    let value = number(value);
    Some(Piece::Text(if parameter.is_optional() {
        format!("{}={value}", parameter.name)
    } else {
        value
    }))
}

/// The shortest text that reads back as the same number.
fn number(value: f64) -> String {
    let mut text = String::new();
    let _ = write!(text, "{value:?}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}
