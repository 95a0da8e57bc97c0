//! The few flags of the chores, read by hand: a parser crate would cost more than it saves here.

use anyhow::Result;
use std::{collections::BTreeMap, fmt, str::FromStr};

/// The person wrote a command that cannot be understood.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Flags as given: those with a value may come more than once.
#[derive(Debug, Default)]
pub struct Flags {
    valued: BTreeMap<String, Vec<String>>,
    bare: Vec<String>,
}

impl Flags {
    /// Reads `--name value`, `--name=value` and `--name`; anything else is refused.
    pub fn parse(arguments: &[String], valued: &[&str], bare: &[&str]) -> Result<Self> {
        let mut flags = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            if valued.contains(&name) {
                let value = inline.or_else(|| rest.next().cloned());
                let value = value.ok_or_else(|| Usage(format!("{name} needs a value")))?;
                flags.valued.entry(name.to_owned()).or_default().push(value);
            } else if bare.contains(&name) && inline.is_none() {
                flags.bare.push(name.to_owned());
            } else {
                return Err(Usage(format!("{argument:?} is not understood here")).into());
            }
        }
        Ok(flags)
    }

    /// Whether a flag without a value was given.
    pub fn has(&self, name: &str) -> bool {
        self.bare.iter().any(|given| given == name)
    }

    /// Every value of a flag, in the order given.
    pub fn all(&self, name: &str) -> &[String] {
        self.valued.get(name).map_or(&[], Vec::as_slice)
    }

    /// The last value of a flag, parsed, or the default.
    pub fn value<T: FromStr>(&self, name: &str, default: T) -> Result<T> {
        let Some(text) = self.all(name).last() else { return Ok(default) };
        let refused = || Usage(format!("{text:?} is not a value that {name} can have")).into();
        text.parse().map_err(|_| refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Flags> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Flags::parse(&words, &["--port", "--only"], &["--list"])
    }

    #[test]
    fn flags_are_read_in_both_spellings() {
        let flags = parse("--port 1 --only a --port=2 --list --only b").expect("flags");
        assert_eq!(flags.value("--port", 0_u16).expect("a port"), 2);
        assert_eq!(flags.all("--only"), ["a", "b"]);
        assert!(flags.has("--list"));
        assert_eq!(parse("").expect("flags").value("--port", 7_u16).expect("a port"), 7);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["--prot 1", "--port", "--list=yes", "stray"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("--port x").expect("flags").value("--port", 0_u16).is_err());
    }
}
