//! Parameters: numbers by name, which `$name` stands for in expressions and sizes.

use super::{
    tree::{Reader, nearest},
    yaml::{Kind, Node},
};
use factor::Span;
use granit_parser::ScalarStyle;
use market::Money;
use std::collections::BTreeMap;

/// Parameters that a strategy may have.
pub const PARAMETERS_MAX: usize = 16;
/// Characters of a parameter's name.
const NAME_CHARS_MAX: usize = 32;
/// The largest magnitude of a parameter.
const MAGNITUDE_MAX: Money = Money::from_whole(1_000_000_000_000_000);

/// One number by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// `[a-z][a-z0-9_]*`, at most 32 characters.
    pub name: String,
    /// What a plain backtest uses, in units of 1e-8.
    pub default: Money,
    /// Where that number stands in the text, quotes included.
    pub(crate) span: Span,
}

/// The parameters of a text that is being read, and which of them something asked for.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    list: Vec<Parameter>,
    keys: Vec<Span>,
    values: BTreeMap<String, Money>,
    numbers: BTreeMap<String, f64>,
    used: Vec<bool>,
}

impl Parameters {
    /// What `$name` stands for, as the numbers of an expression.
    pub(crate) const fn numbers(&self) -> &BTreeMap<String, f64> {
        &self.numbers
    }

    /// What `$name` stands for; from now on it is used.
    pub(crate) fn take(&mut self, name: &str) -> Option<Money> {
        let place = self.list.iter().position(|one| one.name == name)?;
        if let Some(used) = self.used.get_mut(place) {
            *used = true;
        }
        self.values.get(name).copied()
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.list.iter().map(|one| format!("`${}`", one.name)).collect();
        names.join(", ")
    }

    pub(crate) fn into_list(self) -> Vec<Parameter> {
        self.list
    }

    fn add(&mut self, (parameter, key): (Parameter, Span), value: Money) {
        let name = parameter.name.clone();
        // The same double as the number has when it is written into the expression.
        self.numbers.insert(name.clone(), plain_decimal(value).parse().unwrap_or(f64::NAN));
        self.values.insert(name, value);
        self.list.push(parameter);
        self.keys.push(key);
        self.used.push(false);
    }
}

impl Reader<'_> {
    /// The mapping `parameters`, if it is there, with values that take the place of its own.
    pub(crate) fn parameters(&mut self, node: Option<&Node>, values: &[(&str, Money)]) {
        let span = node.map_or(Span { start: 0, end: 0 }, |node| node.span);
        let entries: &[(Node, Node)] = match node.map(|node| &node.kind) {
            Some(Kind::Map(entries)) => entries,
            Some(other) => {
                let message = format!("`parameters` is a mapping, this is {}", other.name());
                let help = "write a name and a number to a line: `fast: 10`";
                self.problem_with_help(span, "wrong-type", message, help);
                return;
            }
            None => &[],
        };
        if entries.len() > PARAMETERS_MAX {
            let message = format!("there are {} parameters", entries.len());
            let help = format!("a strategy has at most {PARAMETERS_MAX}");
            self.problem_with_help(span, "too-large", message, help);
            return;
        }
        for (key, value) in entries {
            self.parameter((key, value), values);
        }
        for (name, _) in values {
            if !self.parameters.values.contains_key(*name) {
                let shown: String = name.chars().take(40).collect();
                let help = self.known_parameters(name);
                let message = format!("there is no parameter `{shown}`");
                self.problem_with_help(span, "unknown-parameter", message, help);
            }
        }
    }

    fn parameter(&mut self, (key, node): (&Node, &Node), values: &[(&str, Money)]) {
        let name = match &key.kind {
            Kind::Scalar { text, .. } if is_parameter_name(text) => text.clone(),
            _ => {
                let message = "this is not the name of a parameter";
                let help = format!(
                    "write a small letter, then small letters, digits and `_`, at most {NAME_CHARS_MAX}"
                );
                self.problem_with_help(key.span, "parameter-name", message, help);
                return;
            }
        };
        if self.parameters.values.contains_key(&name) {
            let message = format!("`{name}` is there twice");
            self.problem_with_help(key.span, "duplicate-key", message, "keep one of them");
            return;
        }
        if let Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } = node.kind {
            let message = format!("the number of `{name}` is a block of text");
            let help = "write it on the line of its name: `fast: 10`";
            self.problem_with_help(node.span, "wrong-type", message, help);
            return;
        }
        let path = format!("parameters.{name}");
        let Some(default) = self.plain_number(node, &path, in_range) else {
            // Whatever stands for it is not to blame.
            let one = Parameter { name: name.clone(), default: STAND_IN, span: node.span };
            self.parameters.add((one, key.span), STAND_IN);
            self.parameters.take(&name);
            return;
        };
        let given = values.iter().rfind(|(other, _)| *other == name).map(|(_, value)| *value);
        if given.is_some_and(|value| !in_range(value)) {
            let message = format!("the value of `{name}` is {}", given.unwrap_or_default());
            self.problem_with_help(node.span, "out-of-range", message, format!("it is {RANGE}"));
            return;
        }
        let parameter = Parameter { name, default, span: node.span };
        self.parameters.add((parameter, key.span), given.unwrap_or(default));
    }

    fn plain_number(&mut self, node: &Node, name: &str, fits: fn(Money) -> bool) -> Option<Money> {
        if let Kind::Scalar { text, .. } = &node.kind
            && text.trim().starts_with('$')
        {
            let message = "a parameter is a number, not another parameter";
            self.problem_with_help(node.span, "wrong-type", message, "write the number out");
            return None;
        }
        self.number(node, name, RANGE, fits)
    }

    /// What `$name` in the place of a number stands for.
    pub(crate) fn stands_for(&mut self, node: &Node, name: &str) -> Option<Money> {
        let found = self.parameters.take(name);
        if found.is_none() {
            let shown: String = name.chars().take(40).collect();
            let help = self.known_parameters(name);
            let message = format!("there is no parameter `${shown}`");
            self.problem_with_help(node.span, "unknown-parameter", message, help);
        }
        found
    }

    fn known_parameters(&self, name: &str) -> String {
        let list = &self.parameters.list;
        let names = self.parameters.names();
        match nearest(name, list.iter().map(|one| one.name.as_str())) {
            _ if list.is_empty() => "give it a value under `parameters:`".to_owned(),
            Some(near) => format!("did you mean `${near}`? There are: {names}"),
            None => format!("there are: {names}"),
        }
    }

    /// A warning for every parameter that nothing asked for.
    pub(crate) fn unused_parameters(&mut self) {
        let unused = self.parameters.list.iter().zip(&self.parameters.keys);
        let unused = unused.zip(&self.parameters.used).filter(|(_, used)| !**used);
        let unused: Vec<(String, Span)> =
            unused.map(|((one, key), _)| (one.name.clone(), *key)).collect();
        for (name, span) in unused {
            let message = format!("nothing uses `${name}`");
            let help = format!("write `${name}` where its number belongs, or remove it");
            self.problem_with_help(span, "unused-parameter", message, help);
            if let Some(problem) = self.problems.last_mut() {
                problem.severity = factor::Severity::Warning;
            }
        }
    }
}

/// The number of a parameter whose own could not be read, so that the rest can be looked at.
const STAND_IN: Money = Money::from_whole(1);

const RANGE: &str = "between -1000000000000000 and 1000000000000000";

fn in_range(value: Money) -> bool {
    value.0.abs() <= MAGNITUDE_MAX.0
}

/// Whether a word may name a parameter.
#[must_use]
pub fn is_parameter_name(text: &str) -> bool {
    text.len() <= NAME_CHARS_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// A number without needless zeros, as a person would write it: `10`, `0.5`, `-2.25`.
#[must_use]
pub fn plain_decimal(value: Money) -> String {
    let text = value.to_string();
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
