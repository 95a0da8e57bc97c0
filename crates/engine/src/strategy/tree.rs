//! Typed reading of the YAML tree: every question that fails leaves a problem and a `None`.

use super::{
    keys::{Key, KeyKind},
    locate::Located,
    parameters::Parameters,
    yaml::{Kind, Node},
};
use crate::Problem;
use factor::{Expression, Limits, Schema, Span, Type};
use granit_parser::ScalarStyle;
use market::Money;

/// The text, and what was found wrong with it so far.
pub(crate) struct Reader<'a> {
    pub text: &'a str,
    pub schema: &'a Schema,
    pub parameters: Parameters,
    pub problems: Vec<Problem>,
}

/// A mapping whose keys were found to be known and single.
pub(crate) struct Section<'n> {
    parent: &'static str,
    span: Span,
    entries: Vec<(&'static Key, &'n Node, &'n Node)>,
}

impl<'n> Section<'n> {
    /// The value of a key, given by its last name.
    pub(crate) fn value(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(key, ..)| key.name() == name).map(|(.., value)| *value)
    }

    /// The bytes of a key, given by its last name.
    pub(crate) fn key_span(&self, name: &str) -> Option<Span> {
        self.entries.iter().find(|(key, ..)| key.name() == name).map(|(_, key, _)| key.span)
    }

    /// Where a fault of the whole mapping is shown: at its first key.
    pub(crate) fn span(&self) -> Span {
        self.entries.first().map_or(self.span, |(_, key, _)| key.span)
    }

    /// How many keys it has.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl Reader<'_> {
    pub(crate) fn problem(&mut self, span: Span, code: &'static str, message: impl Into<String>) {
        self.problems.push(Problem::at(self.text, span, code, message));
    }

    pub(crate) fn problem_with_help(
        &mut self,
        span: Span,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Problem::at(self.text, span, code, message).help(help));
    }

    /// The keys of a mapping; unknown and repeated ones are faults.
    pub(crate) fn section<'n>(
        &mut self,
        node: &'n Node,
        parent: &'static str,
    ) -> Option<Section<'n>> {
        let Kind::Map(entries) = &node.kind else {
            let what = if parent.is_empty() { "a strategy" } else { parent };
            let names: Vec<&str> = Key::within(parent).map(Key::name).collect();
            let message = format!("{what} is a mapping of keys, this is {}", node.kind.name());
            let help = format!("write `key: value` with keys of: {}", names.join(", "));
            self.problem_with_help(node.span, "wrong-type", message, help);
            return None;
        };
        let mut section = Section { parent, span: node.span, entries: Vec::new() };
        for (key, value) in entries {
            let Kind::Scalar { text: name, .. } = &key.kind else {
                self.problem(key.span, "wrong-type", "a key is a single word");
                continue;
            };
            let Some(known) = Key::within(parent).find(|known| known.name() == name) else {
                self.unknown_key(key.span, name, parent);
                continue;
            };
            if section.value(known.name()).is_some() {
                let message = format!("`{name}` is there twice");
                self.problem_with_help(key.span, "duplicate-key", message, "keep one of them");
                continue;
            }
            section.entries.push((known, key, value));
        }
        Some(section)
    }

    fn unknown_key(&mut self, span: Span, name: &str, parent: &'static str) {
        let near = nearest(name, Key::within(parent).map(Key::name));
        let elsewhere = super::KEYS.iter().find(|key| key.name() == name);
        let help = match (near, elsewhere) {
            _ if name.contains(['(', ')']) => {
                "a comma ends a value inside `{ }`: quote the expression, or write it on a line of its own".to_owned()
            }
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some(key)) if key.parent().is_empty() => {
                format!("`{name}` stands at the top, not in `{parent}`")
            }
            (None, Some(key)) => format!("`{name}` stands in `{}`", key.parent()),
            (None, None) => {
                let names: Vec<&str> = Key::within(parent).map(Key::name).collect();
                format!("known keys are: {}", names.join(", "))
            }
        };
        let place = if parent.is_empty() { String::new() } else { format!(" of `{parent}`") };
        let shown: String = name.chars().take(40).collect();
        self.problem_with_help(span, "unknown-key", format!("`{shown}` is no key{place}"), help);
    }

    /// A key that must be there.
    pub(crate) fn required<'n>(&mut self, section: &Section<'n>, name: &str) -> Option<&'n Node> {
        let found = section.value(name);
        if found.is_none() {
            let path = if section.parent.is_empty() {
                name.to_owned()
            } else {
                format!("{}.{name}", section.parent)
            };
            let example = Key::of(&path).map_or("", |key| key.example);
            let message = format!("`{path}` is missing");
            self.problem_with_help(
                section.span(),
                "missing-key",
                message,
                format!("add `{name}: {example}`"),
            );
        }
        found
    }

    /// The text of a single value; an empty one is a fault.
    pub(crate) fn scalar<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n str> {
        match &node.kind {
            Kind::Scalar { text, style }
                if *style == ScalarStyle::Plain
                    && (text.is_empty() || text == "~" || text == "null") =>
            {
                let example = Key::of(name).map_or("10", |key| key.example);
                let message = format!("`{name}` has no value");
                self.problem_with_help(
                    node.span,
                    "wrong-type",
                    message,
                    format!("write a value, such as {example}"),
                );
                None
            }
            Kind::Scalar { text, .. } => Some(text.as_str()),
            other => {
                let message = format!("`{name}` is a single value, this is {}", other.name());
                let example = Key::of(name).map_or("", |key| key.example);
                self.problem_with_help(
                    node.span,
                    "wrong-type",
                    message,
                    format!("write for example {example}"),
                );
                None
            }
        }
    }

    /// A plain decimal with at most eight decimals that `fits`; `range` says in words what fits.
    pub(crate) fn number(
        &mut self,
        node: &Node,
        name: &str,
        range: &str,
        fits: fn(Money) -> bool,
    ) -> Option<Money> {
        let text = self.scalar(node, name)?;
        let parsed = match text.trim().strip_prefix('$') {
            Some(parameter) => Ok(self.stands_for(node, parameter)?),
            None => Money::parse(text.trim()),
        };
        match parsed {
            Ok(number) if fits(number) => Some(number),
            Ok(number) => {
                let stands = if text.trim().starts_with('$') {
                    format!(", which stands for {}", super::plain_decimal(number))
                } else {
                    String::new()
                };
                self.problem_with_help(
                    node.span,
                    "out-of-range",
                    format!("`{name}` is {text}{stands}"),
                    format!("it is {range}"),
                );
                None
            }
            Err(_) => {
                let shown: String = text.chars().take(40).collect();
                let message = format!("`{name}` is a plain number, this is {shown:?}");
                let help = format!(
                    "write it like {}: digits, at most eight after the point, no separators",
                    Key::of(name).map_or("10", |key| key.example)
                );
                self.problem_with_help(node.span, "wrong-type", message, help);
                None
            }
        }
    }

    /// One word of the key's list.
    pub(crate) fn choice<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n str> {
        let text = self.scalar(node, name)?;
        let Some(KeyKind::Choice(words)) = Key::of(name).map(|key| key.kind) else { return None };
        if words.contains(&text) {
            return Some(text);
        }
        let all = words.join(", ");
        let help = match nearest(text, words.iter().copied()) {
            Some(near) if words.len() > 1 => format!("did you mean `{near}`? It is one of: {all}"),
            _ => format!("it is one of: {all}"),
        };
        let shown: String = text.chars().take(40).collect();
        self.problem_with_help(
            node.span,
            "unknown-value",
            format!("`{name}` cannot be {shown:?}"),
            help,
        );
        None
    }

    /// An expression of one of these types; its own diagnostics are shown where they stand.
    pub(crate) fn expression(
        &mut self,
        node: &Node,
        name: &str,
        types: &[Type],
    ) -> Option<Expression> {
        let value = self.scalar(node, name)?;
        let Kind::Scalar { style, .. } = node.kind else { return None };
        let located = Located::of(self.text, node.span, style, value);
        for parameter in factor::parameters(&located.text) {
            self.parameters.take(parameter.of(&located.text).trim_start_matches('$'));
        }
        let names = (self.schema, self.parameters.numbers());
        match Expression::parse_with(&located.text, names, &Limits::default()) {
            Ok(expression) if types.contains(&expression.result_type()) => Some(expression),
            Ok(expression) => {
                let found = match expression.result_type() {
                    Type::Number => "a number",
                    Type::Truth => "true or false",
                    Type::Constant => "one constant for all rows",
                    Type::Group => "a label",
                };
                let wanted = if types.contains(&Type::Number) {
                    "true or false, or a number"
                } else {
                    "true or false"
                };
                let message = format!("`{name}` must be {wanted} for each bar, this is {found}");
                let example = Key::of(name).map_or("", |key| key.example);
                self.problem_with_help(
                    node.span,
                    "type",
                    message,
                    format!("for example: {example}"),
                );
                None
            }
            Err(diagnostics) => {
                for found in diagnostics {
                    let span = located.source(found.span);
                    let mut problem = Problem::at(self.text, span, found.code, found.message);
                    problem.severity = found.severity;
                    problem.help = found.help;
                    self.problems.push(problem);
                }
                None
            }
        }
    }
}

/// The closest of some words, if one is close.
pub(crate) fn nearest<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let score = |candidate: &'w str| {
        (strsim::damerau_levenshtein(&word.to_lowercase(), candidate), candidate)
    };
    // A long word is never close, and comparing it costs its length.
    if word.len() > 40 {
        return None;
    }
    let (distance, best) = words.map(score).min()?;
    (distance <= 2.max(best.len() / 3) && distance < best.len()).then_some(best)
}
