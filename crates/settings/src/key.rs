//! What the app declares: names, kinds, defaults.

use crate::Value;

/// May a value be shown?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Yes.
    Plain,
    /// Never: `****` instead.
    Secret,
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text of at most 4096 bytes without control characters; also a path.
    Text,
    /// A whole number between two bounds, both allowed.
    Number {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// `on`, `true`, `off` or `false`.
    Switch,
    /// An address and a port: `127.0.0.1:8443`, `[::1]:8443`.
    Address,
    /// One of a few words.
    Choice(&'static [&'static str]),
}

impl Kind {
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Text => "a text of at most 4096 bytes on one line".to_owned(),
            Self::Number { min, max } => format!("a whole number from {min} to {max}"),
            Self::Switch => "on or off".to_owned(),
            Self::Address => "an address and a port, such as 127.0.0.1:8443".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
        }
    }
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Dotted name, as in the file's tables: `server.listen`.
    pub name: &'static str,
    /// What its value must look like.
    pub kind: Kind,
    /// What holds if nobody says otherwise.
    pub default: &'static str,
    /// What it is for, in one line.
    pub summary: &'static str,
    /// May it be shown?
    pub secrecy: Secrecy,
}

impl Key {
    /// A setting that may be shown.
    #[must_use]
    pub const fn plain(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        summary: &'static str,
    ) -> Self {
        Self { name, kind, default, summary, secrecy: Secrecy::Plain }
    }

    /// A setting that is shown as `****`, because it may hold a password.
    #[must_use]
    pub const fn secret(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        summary: &'static str,
    ) -> Self {
        Self { name, kind, default, summary, secrecy: Secrecy::Secret }
    }

    /// The environment variable that sets it: `STOCKADE_SERVER_LISTEN`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{}{}", crate::sources::PREFIX, self.name.replace('.', "_").to_uppercase())
    }

    /// The value that `text` stands for, or `None`.
    pub(crate) fn parse(&self, text: &str) -> Option<Value> {
        match self.kind {
            Kind::Text => (text.len() <= 4096 && !text.contains(char::is_control))
                .then(|| Value::Text(text.to_owned())),
            Kind::Number { min, max } => text
                .replace('_', "")
                .parse()
                .ok()
                .filter(|number| (min..=max).contains(number))
                .map(Value::Number),
            Kind::Switch => match text {
                "on" | "true" => Some(Value::Switch(true)),
                "off" | "false" => Some(Value::Switch(false)),
                _ => None,
            },
            Kind::Address => text
                .parse::<std::net::SocketAddr>()
                .ok()
                .map(|address| Value::Text(address.to_string())),
            Kind::Choice(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
        }
    }
}
