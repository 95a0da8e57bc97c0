//! What may stand at the cursor of an editor.

use crate::lexer::{Sign, Token};
use crate::operators::{Form, Operator, operators};
use crate::{Schema, lexer};
use std::collections::BTreeSet;

/// What a completion stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompletionKind {
    /// A keyword argument of the call around.
    Keyword,
    /// A number series of the data.
    Field,
    /// A group label of the data.
    Group,
    /// An operator that is called.
    Operator,
    /// A word between operands: `and`, `or`, `not`.
    Word,
}

/// One word that may stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What is inserted.
    pub label: String,
    /// What it stands for.
    pub kind: CompletionKind,
    /// One line about it: an operator's signature and summary.
    pub detail: String,
    /// Byte offset from which the label replaces the text up to the cursor.
    pub from: usize,
}

/// What may stand at byte `offset` of a text: after a letter only what begins so, by kind and name.
///
/// After an operand only `and` and `or`; keyword arguments inside a call that takes them.
#[must_use]
pub fn complete(text: &str, offset: usize, schema: &Schema) -> Vec<Completion> {
    let before = text.get(..offset).unwrap_or(text);
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let from = before.bytes().rposition(|b| !word(b)).map_or(0, |last| last + 1);
    let prefix = before.get(from..).unwrap_or("");
    if prefix.starts_with(|c: char| c.is_ascii_digit()) {
        return Vec::new();
    }
    let place = Place::of(before.get(..from).unwrap_or(""));
    if place.names_value {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut offer = |label: &str, kind, detail: String| {
        if label.starts_with(prefix) {
            found.push(Completion { label: label.to_owned(), kind, detail, from });
        }
    };
    if place.after_operand {
        for word in ["and", "or"] {
            offer(
                word,
                CompletionKind::Word,
                Operator::named(word).map_or_else(String::new, detail),
            );
        }
        return found;
    }
    for parameter in place.call.iter().flat_map(|operator| operator.keywords()) {
        let told = place.call.map_or_else(String::new, detail);
        offer(&format!("{}=", parameter.name), CompletionKind::Keyword, told);
    }
    for name in &place.bound {
        offer(name, CompletionKind::Field, "given a value by let".to_owned());
    }
    for field in schema.fields.iter().filter(|field| !place.bound.contains(field.as_str())) {
        offer(field, CompletionKind::Field, "field".to_owned());
    }
    for group in &schema.groups {
        offer(group, CompletionKind::Group, "group label".to_owned());
    }
    for operator in operators() {
        if operator.form == Form::Call {
            offer(operator.name, CompletionKind::Operator, detail(operator));
        }
    }
    offer("not", CompletionKind::Word, Operator::named("not").map_or_else(String::new, detail));
    if place.may_bind {
        offer("let", CompletionKind::Word, "let name = value; — a name for a value".to_owned());
    }
    found
}

fn detail(operator: &Operator) -> String {
    format!("{} — {}", operator.signature, operator.summary)
}

/// Where the cursor stands.
struct Place<'a> {
    /// An operand stands right before it.
    after_operand: bool,
    /// The call it stands in.
    call: Option<&'static Operator>,
    /// Names that a `let` before it has given a value.
    bound: BTreeSet<&'a str>,
    /// A `let` may stand here.
    may_bind: bool,
    /// The name that a `let` gives a value stands here.
    names_value: bool,
}

impl<'a> Place<'a> {
    fn of(before: &'a str) -> Self {
        let tokens = lexer::lex(before, &mut Vec::new());
        let mut calls: Vec<Option<&'static Operator>> = Vec::new();
        let mut name = None;
        let mut after_operand = false;
        let mut last = Token::Sign(Sign::Semicolon);
        let (mut bound, mut waiting) = (BTreeSet::new(), None);
        for (token, span) in tokens {
            match token {
                Token::End => break,
                Token::Name if last == Token::Sign(Sign::Let) => waiting = Some(span.of(before)),
                // From its `;` on, the name may be used.
                Token::Sign(Sign::Semicolon) => bound.extend(waiting.take()),
                Token::Sign(Sign::Open) => calls.push(name),
                Token::Sign(Sign::Close) => {
                    calls.pop();
                }
                _ => {}
            }
            name = Operator::named(span.of(before)).filter(|_| token == Token::Name);
            after_operand = matches!(
                token,
                Token::Number(_) | Token::Name | Token::Parameter | Token::Sign(Sign::Close)
            );
            last = token;
        }
        Self {
            after_operand,
            call: calls.last().copied().flatten(),
            bound,
            may_bind: last == Token::Sign(Sign::Semicolon),
            names_value: last == Token::Sign(Sign::Let),
        }
    }
}
