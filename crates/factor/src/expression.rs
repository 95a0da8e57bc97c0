//! An expression: text that was parsed, typed and found causal.

use crate::check::check;
use crate::dag::{Dag, Node, NodeId, Op};
use crate::operators::{COMPARISON, Form, Operator, ParameterKind};
use crate::{Diagnostic, Limits, Schema, Span, syntax};
use std::fmt::{self, Write as _};

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
/// the fewest parentheses for every way of writing it.
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
        let mut found = Vec::new();
        let tree = syntax::parse(text, limits, &mut found);
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
        found.sort_by_key(|one| one.span);
        found.truncate(syntax::FINDINGS_MAX);
        match root {
            Some(root) if found.is_empty() => Ok(Self {
                dag,
                root: root.node,
                result: root.result,
                lookback: root.lookback,
                lag: if root.lag == usize::MAX { 0 } else { root.lag },
            }),
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
        let mut names: Vec<&str> = self
            .dag
            .nodes()
            .iter()
            .filter_map(|node| match &node.op {
                Op::Field(name) => Some(&**name),
                _ => None,
            })
            .collect();
        names.sort_unstable();
        names.into_iter()
    }

    pub(crate) const fn dag(&self) -> &Dag {
        &self.dag
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

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut stack = vec![Piece::Node(self.root, 0)];
        while let Some(piece) = stack.pop() {
            match piece {
                Piece::Text(text) => f.write_str(&text)?,
                Piece::Node(place, binds) => {
                    let mut pieces = self.pieces(place, binds);
                    pieces.reverse();
                    stack.append(&mut pieces);
                }
            }
        }
        Ok(())
    }
}

impl Expression {
    fn pieces(&self, place: NodeId, binds: u8) -> Vec<Piece> {
        let Some(node) = self.dag.nodes().get(place) else { return Vec::new() };
        match &node.op {
            Op::Constant(bits) => return vec![Piece::Text(number(f64::from_bits(*bits)))],
            Op::Field(name) => return vec![Piece::Text(name.to_string())],
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
    let (rows, extra) = match node.op {
        Op::Apply { rows, extra, .. } => (rows, extra),
        _ => (0, 0),
    };
    let mut inputs = node.inputs.iter();
    let mut pieces = vec![Piece::Text(format!("{}(", operator.name))];
    for parameter in operator.parameters {
        let argument = match parameter.kind {
            kind if kind.is_series() => inputs.next().map(|&input| Piece::Node(input, 0)),
            ParameterKind::Minimum => {
                (extra != rows as u64).then(|| Piece::Text(format!("{}={extra}", parameter.name)))
            }
            ParameterKind::Factor => {
                let factor = number(f64::from_bits(extra));
                (factor != "1").then(|| Piece::Text(format!("{}={factor}", parameter.name)))
            }
            _ => Some(Piece::Text(rows.to_string())),
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

/// The shortest text that reads back as the same number.
fn number(value: f64) -> String {
    let mut text = String::new();
    let _ = write!(text, "{value:?}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}
