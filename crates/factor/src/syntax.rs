//! Tokens to a tree: a Pratt parser that goes on after an error.
//!
//! The tree is an arena, so neither walking nor dropping it recurses; the parser's own recursion
//! is bounded by [`Limits::depth`].

use crate::lexer::{Sign, Token, excerpt, lex};
use crate::operators::{COMPARISON, Form, Operator};
use crate::{Diagnostic, Limits, Span};
use std::collections::BTreeMap;

/// A node's place in its [`Tree`]; children come before their parents.
pub(crate) type NodeId = usize;

/// What stands in the text, names not yet looked up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Syntax {
    Number(f64),
    Name,
    /// A call by name or sign: `ts_mean(x, 5)`, `a + b`, `-a` and `not a` alike.
    Call {
        /// The operator's name in the table.
        name: String,
        /// Where the name or sign stands.
        at: Span,
        arguments: Vec<Argument>,
    },
    /// `let name = value;`: from here on the name stands for the value.
    Let {
        /// Where the name stands.
        name: Span,
        value: NodeId,
    },
    /// Something that was refused already.
    Error,
}

/// One argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Argument {
    /// Where the keyword stands, if it has one.
    pub(crate) keyword: Option<Span>,
    pub(crate) value: NodeId,
}

/// Nodes in the order in which they were finished; the last one is the root.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<(Syntax, Span)>,
}

/// Findings after which the parser says no more.
pub(crate) const FINDINGS_MAX: usize = 20;

/// What `$name` stands for, by name.
pub(crate) type Parameters = BTreeMap<String, f64>;

/// Parses a text without parameters; without findings the tree is whole.
pub(crate) fn parse(text: &str, limits: &Limits, found: &mut Vec<Diagnostic>) -> Tree {
    parse_with(text, (limits, &Parameters::new()), found)
}

/// Parses a text; without findings the tree is whole.
pub(crate) fn parse_with(
    text: &str,
    (limits, parameters): (&Limits, &Parameters),
    found: &mut Vec<Diagnostic>,
) -> Tree {
    if text.len() > limits.text_bytes {
        let told = format!("the text has {} bytes, {} are allowed", text.len(), limits.text_bytes);
        let end = Span::new(0, text.len());
        found
            .push(Diagnostic::error(end, "length", told).help("split it into several expressions"));
        return Tree::default();
    }
    let tokens = lex(text, found);
    let mut parser = Parser {
        text,
        tokens: &tokens,
        next: 0,
        depth: 0,
        limits,
        parameters,
        found,
        tree: Tree::default(),
        stopped: false,
    };
    parser.whole();
    let tree = parser.tree;
    // Past a limit nothing that was read means what it says.
    if let Some(limit) = found.iter().find(|one| matches!(one.code, "depth" | "nodes")).cloned() {
        *found = vec![limit];
    }
    found.sort_by_key(|one| one.span);
    found.truncate(FINDINGS_MAX);
    tree
}

struct Parser<'a, 'd> {
    text: &'a str,
    tokens: &'a [(Token, Span)],
    next: usize,
    depth: usize,
    limits: &'a Limits,
    parameters: &'a Parameters,
    found: &'d mut Vec<Diagnostic>,
    tree: Tree,
    /// A limit was passed: nothing more is read or said.
    stopped: bool,
}

/// The symbols of `-x` and `not x` in the operator table.
const NEGATE: &str = "negate";
const NOT: &str = "not";

/// How tightly a prefix operator binds its operand.
fn prefix_binding(name: &str) -> u8 {
    match Operator::named(name).map(|operator| operator.form) {
        Some(Form::Prefix { right, .. }) => right,
        _ => 0,
    }
}

impl Parser<'_, '_> {
    fn peek(&self) -> (Token, Span) {
        let end = Span::new(self.text.len(), self.text.len());
        if self.stopped {
            return (Token::End, end);
        }
        self.tokens.get(self.next).copied().unwrap_or((Token::End, end))
    }

    fn is_next(&self, sign: Sign) -> bool {
        self.peek().0 == Token::Sign(sign)
    }

    fn bump(&mut self) -> (Token, Span) {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn eat(&mut self, sign: Sign) -> bool {
        let there = self.is_next(sign);
        self.next += usize::from(there);
        there
    }

    fn say(&mut self, told: Diagnostic) {
        if !self.stopped {
            self.found.push(told);
            // Whoever has so many findings repairs the first ones first.
            self.stopped = self.found.len() >= FINDINGS_MAX;
        }
    }

    fn push(&mut self, syntax: Syntax, span: Span) -> NodeId {
        self.tree.nodes.push((syntax, span));
        if self.tree.nodes.len() > self.limits.nodes && !self.stopped {
            let told = format!("the expression has more than {} nodes", self.limits.nodes);
            self.say(
                Diagnostic::error(span, "nodes", told).help("split it into several expressions"),
            );
            self.stopped = true;
        }
        self.tree.nodes.len() - 1
    }

    fn span(&self, node: NodeId) -> Span {
        self.tree.nodes.get(node).map_or(Span::new(0, 0), |(_, span)| *span)
    }

    /// A whole text: names that are given values, one expression and nothing after it.
    fn whole(&mut self) {
        while self.eat(Sign::Let) {
            self.binding();
        }
        let root = self.expression(0);
        while self.peek().0 != Token::End {
            let (_, span) = self.bump();
            let written = excerpt(span.of(self.text));
            let told = format!("`{written}` stands after the end of the expression");
            let told = Diagnostic::error(span, "trailing", told);
            self.say(match written.as_str() {
                ")" => told.help("there is no `(` for it"),
                _ => told.help("join two expressions with an operator, such as `*` or `and`"),
            });
            if self.starts_operand() {
                self.expression(0);
            }
        }
        debug_assert!(root < self.tree.nodes.len());
    }

    /// `name = value;` after `let`.
    fn binding(&mut self) {
        let (token, name) = self.peek();
        if token != Token::Name {
            let told = "a name is missing after `let`";
            self.say(
                Diagnostic::error(name, "expected", told)
                    .help("write `let m = ts_mean(close, 20);`"),
            );
            self.skip_past(Sign::Semicolon);
            return;
        }
        self.bump();
        if !self.eat(Sign::Assign) {
            let told = format!("`=` is missing after `let {}`", excerpt(name.of(self.text)));
            self.say(Diagnostic::error(self.peek().1, "expected", told));
            self.skip_past(Sign::Semicolon);
            return;
        }
        let value = self.expression(0);
        self.push(Syntax::Let { name, value }, Span::new(name.start, self.span(value).end));
        if !self.eat(Sign::Semicolon) {
            let told = "`;` is missing after the value of a `let`";
            self.say(Diagnostic::error(self.peek().1, "expected", told));
            self.skip_past(Sign::Semicolon);
        }
    }

    fn skip_past(&mut self, sign: Sign) {
        while !matches!(self.peek().0, Token::End) && self.bump().0 != Token::Sign(sign) {}
    }

    fn starts_operand(&self) -> bool {
        let signs = [Sign::Minus, Sign::Not, Sign::Open].map(Token::Sign);
        match self.peek().0 {
            Token::Number(_) | Token::Name | Token::Parameter => true,
            other => signs.contains(&other),
        }
    }

    fn expression(&mut self, binds: u8) -> NodeId {
        self.depth += 1;
        let node = if self.depth > self.limits.depth.min(Limits::DEPTH_MAX) {
            self.too_deep()
        } else {
            self.operand_and_more(binds)
        };
        self.depth -= 1;
        node
    }

    fn too_deep(&mut self) -> NodeId {
        let span = self.peek().1;
        let deepest = self.limits.depth.min(Limits::DEPTH_MAX);
        let told = format!("parentheses, calls and prefixes nest deeper than {deepest}");
        self.say(Diagnostic::error(span, "depth", told).help("split it into several expressions"));
        self.stopped = true;
        self.push(Syntax::Error, span)
    }

    fn operand_and_more(&mut self, binds: u8) -> NodeId {
        let mut left = self.operand();
        let mut compared = false;
        while let (Token::Sign(sign), at) = self.peek() {
            let written = if sign == Sign::Caret { "^" } else { at.of(self.text) };
            let Some((operator, before, after)) = Operator::infix(written) else { break };
            if before < binds {
                break;
            }
            if before == COMPARISON && compared {
                let told = Diagnostic::error(at, "chain", "comparisons do not chain");
                self.say(told.help("write `a < b and b < c`"));
            }
            compared |= before == COMPARISON;
            self.bump();
            let right = self.expression(after);
            left = self.call(operator.name, at, &[left, right]);
        }
        left
    }

    fn call(&mut self, name: &str, at: Span, values: &[NodeId]) -> NodeId {
        let arguments = values.iter().map(|&value| Argument { keyword: None, value }).collect();
        let first = values.first().map_or(at, |&node| self.span(node));
        let last = values.last().map_or(at, |&node| self.span(node));
        let span = Span::new(first.start.min(at.start), last.end.max(at.end));
        self.push(Syntax::Call { name: name.to_owned(), at, arguments }, span)
    }

    fn operand(&mut self) -> NodeId {
        let (token, span) = self.peek();
        match token {
            Token::Number(value) => {
                self.bump();
                self.push(Syntax::Number(value), span)
            }
            Token::Name => self.name_or_call(),
            Token::Parameter => self.parameter(),
            Token::Sign(Sign::Minus) => {
                self.bump();
                let operand = self.expression(prefix_binding(NEGATE));
                self.call(NEGATE, span, &[operand])
            }
            Token::Sign(Sign::Not) => {
                self.bump();
                let operand = self.expression(prefix_binding(NOT));
                self.call(NOT, span, &[operand])
            }
            Token::Sign(Sign::Open) => self.parenthesis(),
            Token::Sign(sign @ (Sign::And | Sign::Or)) => {
                let called =
                    self.tokens.get(self.next + 1).map(|t| t.0) == Some(Token::Sign(Sign::Open));
                let written = if sign == Sign::And { "and" } else { "or" };
                if called {
                    self.name_or_call()
                } else {
                    self.missing_operand(&format!("`{written}`"))
                }
            }
            Token::Sign(_) => {
                let written = format!("`{}`", span.of(self.text));
                self.missing_operand(&written)
            }
            Token::End => self.missing_operand("the end of the text"),
        }
    }

    /// The number that `$name` stands for; one below 0 is read as `(-x)` would be.
    fn parameter(&mut self) -> NodeId {
        let (_, span) = self.bump();
        let name = span.of(self.text).trim_start_matches('$');
        let Some(value) = self.parameters.get(name).copied() else {
            let told = format!("there is no parameter `${}`", excerpt(name));
            let told = Diagnostic::error(span, "unknown-parameter", told);
            let names: Vec<String> =
                self.parameters.keys().map(|name| format!("`${name}`")).collect();
            self.say(told.help(if names.is_empty() {
                "a strategy's text gives it a value under `parameters:`".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            }));
            return self.push(Syntax::Error, span);
        };
        let node = self.push(Syntax::Number(value.abs()), span);
        if value < 0.0 { self.call(NEGATE, span, &[node]) } else { node }
    }

    fn missing_operand(&mut self, before: &str) -> NodeId {
        let span = self.peek().1;
        let told = format!("a number, a name or `(` is missing before {before}");
        self.say(Diagnostic::error(span, "expected", told));
        self.push(Syntax::Error, Span::new(span.start, span.start))
    }

    fn parenthesis(&mut self) -> NodeId {
        let (_, open) = self.bump();
        let inner = self.expression(0);
        self.close(open);
        inner
    }

    fn close(&mut self, open: Span) {
        if !self.eat(Sign::Close) {
            let (_, span) = self.peek();
            if self.peek().0 == Token::End {
                let told = Diagnostic::error(open, "unclosed", "this `(` has no `)`");
                self.say(told);
            } else {
                let written = excerpt(span.of(self.text));
                let told = format!("`)` or an operator is missing before `{written}`");
                self.say(Diagnostic::error(span, "expected", told));
                self.skip_to_close();
            }
        }
    }

    /// Goes on after the `)` that closes the current parenthesis.
    fn skip_to_close(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.bump().0 {
                Token::End => return,
                Token::Sign(Sign::Open) => open += 1,
                Token::Sign(Sign::Close) if open == 0 => return,
                Token::Sign(Sign::Close) => open -= 1,
                _ => {}
            }
        }
    }

    fn name_or_call(&mut self) -> NodeId {
        let (_, at) = self.bump();
        if !self.is_next(Sign::Open) {
            return self.push(Syntax::Name, at);
        }
        let (_, open) = self.bump();
        let mut arguments = Vec::new();
        while !self.is_next(Sign::Close) && self.peek().0 != Token::End {
            arguments.push(self.argument());
            if !self.eat(Sign::Comma) {
                break;
            }
        }
        self.close(open);
        let end =
            self.next.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(at.end, |t| t.1.end);
        let name = at.of(self.text).to_owned();
        self.push(Syntax::Call { name, at, arguments }, Span::new(at.start, end.max(at.end)))
    }

    fn argument(&mut self) -> Argument {
        let assigned =
            self.tokens.get(self.next + 1).map(|t| t.0) == Some(Token::Sign(Sign::Assign));
        let keyword = match self.peek() {
            (Token::Name, span) if assigned => {
                self.next += 2;
                Some(span)
            }
            _ => None,
        };
        Argument { keyword, value: self.expression(0) }
    }
}
