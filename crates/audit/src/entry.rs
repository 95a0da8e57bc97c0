//! What is recorded: an entry, the salted commitment to it, and the leaf that holds the commitment.

use crate::{Error, Hash, leaf_hash};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, str::FromStr};

/// The most bytes that the body of an entry may have.
pub const BODY_BYTES_MAX: usize = 65_536;
const NAME_BYTES_MAX: usize = 256;
const LEAF_MAGIC: &str = "stockade.leaf/1";

/// What sort of event an entry records: lower-case words joined by dots, as in `account.created`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// A kind written in the source; a malformed one does not compile when used in a `const`.
    ///
    /// # Panics
    /// If the text is not a kind.
    #[must_use]
    pub const fn stated(text: &'static str) -> Self {
        assert!(is_kind(text.as_bytes()), "lower-case words joined by dots, at most 64 bytes");
        Self(Cow::Borrowed(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Two or more words of `a-z 0-9 _`, each beginning with a letter, joined by dots; 64 bytes at most.
const fn is_kind(text: &[u8]) -> bool {
    let mut rest = text;
    let mut previous = b'.';
    let mut dots = 0;
    while let Some((&byte, tail)) = rest.split_first() {
        let fits = match byte {
            b'a'..=b'z' => true,
            b'0'..=b'9' | b'_' | b'.' => previous != b'.',
            _ => false,
        };
        if !fits {
            return false;
        }
        if byte == b'.' {
            dots += 1;
        }
        previous = byte;
        rest = tail;
    }
    text.len() <= 64 && dots > 0 && previous != b'.'
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_kind(text.as_bytes()) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(Error::Kind { text: text.chars().take(64).collect() })
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One event as its actor's program states it; the time is that of the commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What sort of event.
    pub kind: Kind,
    /// Who did it: an account's id, `host` for the operator on the machine, `anonymous`.
    pub actor: String,
    /// What it was done to.
    pub subject: String,
    /// What else is known of it; never a secret.
    pub detail: serde_json::Value,
}

/// An entry's body as it is serialised: the field order is part of the format.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    actor: String,
    subject: String,
    detail: serde_json::Value,
}

/// What opens a leaf's commitment: a salt and the body, kept sealed beside the leaf.
///
/// Without the salt, a leaf says nothing of a body that somebody might guess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    salt: [u8; 32],
    body: String,
}

impl Opening {
    /// Of an entry, with a fresh random salt.
    pub fn new(entry: &Entry, salt: [u8; 32]) -> Result<Self, Error> {
        for (field, text) in [("actor", &entry.actor), ("subject", &entry.subject)] {
            let fits = (1..=NAME_BYTES_MAX).contains(&text.len());
            if !fits || text.chars().any(char::is_control) {
                return Err(Error::Name { field });
            }
        }
        let body = Body {
            actor: entry.actor.clone(),
            subject: entry.subject.clone(),
            detail: entry.detail.clone(),
        };
        let body = serde_json::to_string(&body).expect("strings and JSON values have a JSON text");
        Self::from_parts(salt, body)
    }

    /// Of a salt and a body that come from elsewhere; the leaf decides whether they are true.
    pub fn from_parts(salt: [u8; 32], body: String) -> Result<Self, Error> {
        if body.len() > BODY_BYTES_MAX {
            return Err(Error::TooLarge { found: body.len() });
        }
        Ok(Self { salt, body })
    }

    /// The salt.
    #[must_use]
    pub const fn salt(&self) -> &[u8; 32] {
        &self.salt
    }

    /// The body: JSON with `actor`, `subject`, `detail`.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// What the leaf holds: HMAC-SHA256(salt, body).
    #[must_use]
    pub fn commitment(&self) -> Hash {
        seal::hmac_sha256(&self.salt, self.body.as_bytes())
    }

    /// The salt and the body in one, to be sealed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.salt, self.body.as_bytes()].concat()
    }

    /// The reverse of [`Opening::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |problem| Error::Malformed { what: "body", line: 1, problem };
        let (salt, body) = bytes.split_first_chunk().ok_or(malformed("shorter than its salt"))?;
        let body = std::str::from_utf8(body).map_err(|_| malformed("not UTF-8"))?;
        Self::from_parts(*salt, body.to_owned())
    }

    /// The entry that the body states, under the leaf's kind.
    pub fn entry(&self, kind: Kind) -> Result<Entry, Error> {
        let Body { actor, subject, detail } = serde_json::from_str(&self.body).map_err(|_| {
            let problem = "not JSON with actor, subject and detail";
            Error::Malformed { what: "body", line: 1, problem }
        })?;
        Ok(Entry { kind, actor, subject, detail })
    }
}

/// What the tree holds of an entry: its time, its kind and a commitment to the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    time: Timestamp,
    kind: Kind,
    commitment: Hash,
}

impl Leaf {
    /// Of a time, which is cut to the microsecond.
    pub fn new(time: Timestamp, kind: Kind, commitment: Hash) -> Result<Self, Error> {
        let text = || Error::Time { text: time.to_string() };
        let cut = Timestamp::from_microsecond(time.as_microsecond()).map_err(|_| text())?;
        // Years of one to four digits only: the text form has no sign.
        if !(-62_135_596_800..253_402_300_800).contains(&cut.as_second()) {
            return Err(text());
        }
        Ok(Self { time: cut, kind, commitment })
    }

    /// When the act was committed, to the microsecond.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// What sort of event.
    #[must_use]
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The commitment to salt and body.
    #[must_use]
    pub const fn commitment(&self) -> &Hash {
        &self.commitment
    }

    /// Whether `opening` is what the leaf commits to.
    #[must_use]
    pub fn commits_to(&self, opening: &Opening) -> bool {
        seal::equal(&self.commitment, &opening.commitment())
    }

    /// The one text of this leaf: four lines, hashed as they stand.
    #[must_use]
    pub fn to_text(&self) -> String {
        let commitment = hex::encode(self.commitment);
        format!("{LEAF_MAGIC}\n{}\n{}\n{commitment}\n", time_text(self.time), self.kind)
    }

    /// Reads a leaf's text; only the very bytes that [`Leaf::to_text`] writes are a leaf.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let malformed = |line, problem| Error::Malformed { what: "leaf", line, problem };
        let mut lines = text.split('\n');
        if lines.next() != Some(LEAF_MAGIC) {
            return Err(malformed(1, "not stockade.leaf/1"));
        }
        let time = parse_time(lines.next().unwrap_or_default())?;
        let kind = lines.next().unwrap_or_default().parse()?;
        let mut commitment = [0; 32];
        hex::decode_to_slice(lines.next().unwrap_or_default(), &mut commitment)
            .map_err(|_| malformed(4, "not 64 hexadecimal digits"))?;
        let leaf = Self::new(time, kind, commitment)?;
        if leaf.to_text() == text {
            Ok(leaf)
        } else {
            Err(malformed(1, "not written as a leaf is: four lines, lower-case digits"))
        }
    }

    /// The leaf's hash in the tree.
    #[must_use]
    pub fn hash(&self) -> Hash {
        leaf_hash(self.to_text().as_bytes())
    }
}

/// A time as leaves and exports write it.
pub(crate) fn time_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Reads only what [`time_text`] writes.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, Error> {
    let wrong = || Error::Time { text: text.chars().take(64).collect() };
    let time: Timestamp = text.parse().map_err(|_| wrong())?;
    if time_text(time) == text { Ok(time) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a test's time")
    }

    #[test]
    fn kinds_are_words_joined_by_dots() {
        for good in ["account.created", "a.b", "data.import_finished", "totp2.used.twice"] {
            assert_eq!(good.parse().map(|kind: Kind| kind.to_string()), Ok(good.to_owned()));
        }
        let long = format!("a.{}", "b".repeat(63));
        for bad in ["", "account", ".a", "a.", "a..b", "A.b", "a.2b", "a._b", "a b.c", "ä.b", &long]
        {
            assert!(matches!(bad.parse::<Kind>(), Err(Error::Kind { .. })), "{bad:?}");
        }
        assert_eq!(const { Kind::stated("account.created") }.as_str(), "account.created");
    }

    #[test]
    fn a_leaf_has_one_text() {
        let when = time("2026-01-31T09:30:00.1234567Z");
        let leaf = Leaf::new(when, Kind::stated("account.created"), [0xab; 32]).expect("a leaf");
        let text = format!(
            "stockade.leaf/1\n2026-01-31T09:30:00.123456Z\naccount.created\n{}\n",
            "ab".repeat(32)
        );
        assert_eq!(leaf.to_text(), text);
        assert_eq!(Leaf::parse(&text), Ok(leaf));
        for bad in [
            text.trim_end().to_owned(),
            text.to_uppercase(),
            format!("{text}\n"),
            text.replace("09:30:00.123456Z", "10:30:00.123456+01:00"),
            text.replace(".123456Z", ".12345Z"),
            text.replace("abab", "ABAB"),
            text.replace("leaf/1", "leaf/2"),
            text.replace("account.created", "created"),
            String::new(),
        ] {
            assert!(Leaf::parse(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_leaf_of_any_year_that_the_log_takes_is_read_as_it_is_written() {
        let check = |text: &str, fits: bool| {
            let leaf = Leaf::new(time(text), Kind::stated("a.b"), [0; 32]);
            assert_eq!(leaf.is_ok(), fits, "{text}");
            if let Ok(leaf) = leaf {
                assert_eq!(Leaf::parse(&leaf.to_text()), Ok(leaf), "{text}");
            }
        };
        check("0001-01-01T00:00:00Z", true);
        check("0987-06-05T04:03:02.1Z", true);
        check("1969-12-31T23:59:59.999999Z", true);
        check("9999-12-30T22:00:00Z", true);
        check("0000-12-31T23:59:59Z", false);
    }

    #[test]
    fn an_opening_opens_its_own_leaf_only() {
        let entry = Entry {
            kind: Kind::stated("account.created"),
            actor: "host".to_owned(),
            subject: "01890000".to_owned(),
            detail: serde_json::json!({"role": "owner", "address": "127.0.0.1"}),
        };
        let opening = Opening::new(&entry, [7; 32]).expect("a small entry");
        let leaf =
            Leaf::new(time("2026-01-31T09:30:00Z"), entry.kind.clone(), opening.commitment())
                .expect("a leaf");
        assert!(leaf.commits_to(&opening));
        assert_eq!(opening.entry(entry.kind.clone()), Ok(entry.clone()));
        assert_eq!(Opening::from_bytes(&opening.to_bytes()), Ok(opening));
        let other = Entry { actor: "mallory".to_owned(), ..entry.clone() };
        assert!(!leaf.commits_to(&Opening::new(&other, [7; 32]).expect("small")));
        assert!(!leaf.commits_to(&Opening::new(&entry, [8; 32]).expect("small")));
    }

    #[test]
    fn names_and_bodies_have_limits() {
        let entry = |actor: &str, detail: usize| Entry {
            kind: Kind::stated("a.b"),
            actor: actor.to_owned(),
            subject: "s".to_owned(),
            detail: "x".repeat(detail).into(),
        };
        let check = |entry: Entry, error: Option<Error>| {
            assert_eq!(Opening::new(&entry, [0; 32]).err(), error);
        };
        check(entry("host", 1), None);
        check(entry("", 1), Some(Error::Name { field: "actor" }));
        check(entry("a\nb", 1), Some(Error::Name { field: "actor" }));
        check(entry(&"a".repeat(257), 1), Some(Error::Name { field: "actor" }));
        let frame = r#"{"actor":"host","subject":"s","detail":""}"#.len();
        check(entry("host", BODY_BYTES_MAX - frame), None);
        let found = BODY_BYTES_MAX + 1;
        check(entry("host", found - frame), Some(Error::TooLarge { found }));
    }
}
