//! What a text says, key by key: known keys only, each once, each of its kind.

use super::{
    Problem,
    keys::{Key, Kind as Takes},
    yaml::{self, Kind, Node},
};
use market::{Money, Rate};
use std::{collections::BTreeMap, net::SocketAddr};

/// Items of one list.
const ITEMS_MAX: usize = 500;

/// The text's values by path (`notify.0.kind`), and what was wrong.
pub(super) struct Sheet<'a> {
    text: &'a str,
    values: BTreeMap<String, (usize, Value)>,
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Names(Vec<(usize, String)>),
    /// How many sections follow under this path.
    Count(usize),
}

impl<'a> Sheet<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut sheet = Self { text, values: BTreeMap::new(), problems: Vec::new() };
        match yaml::read(text) {
            Err(problem) => sheet.problems.push(problem),
            Ok(None) => sheet.problem(
                0,
                "nothing is written here",
                "`stockade-bot config init` writes a configuration",
            ),
            Ok(Some(root)) => sheet.section(&root, "", ""),
        }
        sheet
    }

    pub(super) fn problem(&mut self, at: usize, what: &str, help: &str) {
        self.problems.push(Problem::at(self.text, at, what, help));
    }

    /// Reads a mapping; `general` is its path with `*` for places.
    fn section(&mut self, node: &Node, path: &str, general: &str) {
        let Kind::Map(entries) = &node.kind else {
            let what = if path.is_empty() { "a configuration" } else { path };
            let message = format!("{what} is a mapping of keys, this is {}", node.kind.name());
            return self.problem(node.at, &message, &known(general));
        };
        for (key, value) in entries {
            let Kind::Scalar(Some(name)) = &key.kind else {
                self.problem(key.at, "a key is a single word", &known(general));
                continue;
            };
            let (path, full) = (joined(path, name), joined(general, name));
            let Some(found) = Key::of(&full) else {
                self.unknown(key.at, name, general);
                continue;
            };
            if self.values.contains_key(&path) {
                self.problem(key.at, &format!("`{path}` is there twice"), "keep one of them");
                continue;
            }
            self.value(found, value, &path, &full);
        }
    }

    fn unknown(&mut self, at: usize, name: &str, general: &str) {
        let near = nearest(name, Key::within(general).map(Key::name));
        let elsewhere = super::keys::KEYS.iter().find(|key| key.name() == name);
        let help = match (near, elsewhere) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some(key)) if key.parent().is_empty() => format!("`{name}` stands at the top"),
            (None, Some(key)) => format!("`{name}` stands in `{}`", key.parent().replace(".*", "")),
            (None, None) => known(general),
        };
        let place = if general.is_empty() { String::new() } else { format!(" of `{general}`") };
        let shown: String = name.chars().take(40).collect();
        self.problem(at, &format!("`{shown}` is no key{place}"), &help);
    }

    fn value(&mut self, key: &Key, node: &Node, path: &str, general: &str) {
        match (key.kind, &node.kind) {
            (Takes::Section, _) => {
                self.values.insert(path.to_owned(), (node.at, Value::Count(1)));
                self.section(node, path, general);
            }
            (Takes::Sections, Kind::List(items)) if items.len() <= ITEMS_MAX => {
                self.values.insert(path.to_owned(), (node.at, Value::Count(items.len())));
                for (place, item) in items.iter().enumerate() {
                    self.section(item, &joined(path, &place.to_string()), &joined(general, "*"));
                }
            }
            (Takes::Names, Kind::List(items)) if items.len() <= ITEMS_MAX => {
                let mut names = Vec::new();
                for item in items {
                    match &item.kind {
                        Kind::Scalar(Some(text)) => names.push((item.at, text.clone())),
                        other => {
                            let message =
                                format!("`{path}` is a list of names, this is {}", other.name());
                            self.problem(item.at, &message, &written(key));
                        }
                    }
                }
                self.values.insert(path.to_owned(), (node.at, Value::Names(names)));
            }
            (Takes::Sections | Takes::Names, other) => {
                let message =
                    format!("`{path}` is a list of at most {ITEMS_MAX}, this is {}", other.name());
                self.problem(node.at, &message, &written(key));
            }
            (_, Kind::Scalar(Some(text))) => match fits(key, text) {
                Ok(()) => {
                    let text = Value::Text(text.clone());
                    self.values.insert(path.to_owned(), (node.at, text));
                }
                Err((what, help)) => self.problem(node.at, &format!("`{path}` {what}"), &help),
            },
            (_, Kind::Scalar(None)) => {
                self.problem(node.at, &format!("`{path}` has no value"), &written(key));
            }
            (_, other) => {
                let message = format!("`{path}` is a single value, this is {}", other.name());
                self.problem(node.at, &message, &written(key));
            }
        }
    }

    /// What is written, or the default; `None` where there is neither.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        match self.values.get(path) {
            Some((_, Value::Text(text))) => Some(text),
            Some(_) => None,
            None => Key::of(&generalised(path)).map(|key| key.default).filter(|d| !d.is_empty()),
        }
    }

    /// The same; a problem where there is neither.
    pub(super) fn required(&mut self, path: &str) -> Option<String> {
        let found = self.text(path).map(str::to_owned);
        if found.is_none() && !self.problems.iter().any(|p| p.what.contains(&format!("`{path}`"))) {
            let (general, at) = (generalised(path), self.at(path));
            let key = Key::of(&general);
            let example = key.map_or("", |key| key.example);
            let name = key.map_or("", Key::name);
            self.problem(at, &format!("`{path}` is missing"), &format!("add `{name}: {example}`"));
        }
        found
    }

    /// Where a path stands, or what it stands in.
    pub(super) fn at(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some((at, _)) = self.values.get(path) {
                return *at;
            }
            let Some((parent, _)) = path.rsplit_once('.') else { return 0 };
            path = parent;
        }
    }

    pub(super) fn is_written(&self, path: &str) -> bool {
        self.values.contains_key(path)
    }

    pub(super) fn names(&self, path: &str) -> Vec<(usize, String)> {
        match self.values.get(path) {
            Some((_, Value::Names(names))) => names.clone(),
            _ => Vec::new(),
        }
    }

    /// How many sections a list has.
    pub(super) fn count(&self, path: &str) -> usize {
        match self.values.get(path) {
            Some((_, Value::Count(count))) => *count,
            _ => 0,
        }
    }

    pub(super) fn money(&self, path: &str) -> Option<Money> {
        self.text(path).and_then(|text| Money::parse(text).ok())
    }

    pub(super) fn percent(&self, path: &str) -> Option<Rate> {
        self.text(path).and_then(percent)
    }

    pub(super) fn number(&self, path: &str) -> Option<u32> {
        self.text(path).and_then(|text| text.parse().ok())
    }

    pub(super) fn is_on(&self, path: &str) -> bool {
        self.text(path) == Some("true")
    }
}

/// A percentage with its sign, as a fraction.
fn percent(text: &str) -> Option<Rate> {
    let rate = Rate::parse(text.strip_suffix('%')?.trim_end()).ok()?;
    Some(Rate(rate.0 / 100)).filter(|_| rate.0 % 100 == 0)
}

/// Whether a value is of its key's kind; otherwise what is wrong and what to write.
fn fits(key: &Key, text: &str) -> Result<(), (String, String)> {
    let shown: String = text.chars().take(40).collect();
    let refuse = |what: &str| Err((format!("{what}, this is {shown:?}"), written(key)));
    if text.chars().any(char::is_control) {
        return Err(("has a control character".to_owned(), written(key)));
    }
    match key.kind {
        Takes::Word(words) if words.contains(&text) => Ok(()),
        Takes::Word(words) => {
            let all = words.join(", ");
            let help = match nearest(text, words.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? It is one of: {all}"),
                None => format!("it is one of: {all}"),
            };
            Err((format!("cannot be {shown:?}"), help))
        }
        Takes::Text(most) if text.chars().count() > most => {
            refuse(&format!("has at most {most} characters"))
        }
        Takes::Money => match Money::parse(text) {
            Ok(amount) if amount > Money::ZERO => Ok(()),
            _ => refuse("is an amount above zero with at most eight decimals"),
        },
        Takes::Percent => match percent(text) {
            Some(rate) if rate > Rate::ZERO && rate <= Rate::ONE => Ok(()),
            _ => refuse("is a percentage above 0% and up to 100%"),
        },
        Takes::Count(least, most) => match text.parse::<u32>() {
            Ok(count) if (least..=most).contains(&count) => Ok(()),
            _ => refuse(&format!("is a whole number from {least} to {most}")),
        },
        Takes::Loopback => match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(()),
            _ => refuse("is an address of this machine and a port"),
        },
        Takes::Origin => match origin(text) {
            Ok(_) => Ok(()),
            Err(why) => Err((format!("is no host to talk to ({why}): {shown:?}"), written(key))),
        },
        _ => Ok(()),
    }
}

/// A server's origin; streams are named by the schemes of their handshakes.
pub(super) fn origin(text: &str) -> Result<edge::Origin, String> {
    text.parse::<edge::Origin>().map_err(|error| error.to_string())
}

fn joined(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

fn generalised(path: &str) -> String {
    let part =
        |part: &str| if part.parse::<usize>().is_ok() { "*".to_owned() } else { part.to_owned() };
    path.split('.').map(part).collect::<Vec<_>>().join(".")
}

fn written(key: &Key) -> String {
    format!("write for example `{}: {}`", key.name(), key.example)
}

fn known(general: &str) -> String {
    let names: Vec<&str> = Key::within(general).map(Key::name).collect();
    format!("known keys are: {}", names.join(", "))
}

/// The closest of some words, if one is close.
pub(super) fn nearest<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    // A long word is never close, and comparing it costs its length.
    if word.len() > 40 {
        return None;
    }
    let score = |one: &'w str| (strsim::damerau_levenshtein(&word.to_lowercase(), one), one);
    let (distance, best) = words.map(score).min()?;
    (distance <= 2.max(best.len() / 3) && distance < best.len()).then_some(best)
}
