//! A list of prefixes as a text, and whether it may take the place of the one before.
//!
//! ```text
//! # list spammers
//! # date 2026-11-30T06:00:00Z
//! 192.0.2.0/24      # what follows a hash or a semicolon is for people
//! 2001:db8::/32
//! ```

use crate::{NoPrefix, Prefix, Prefixes};
use jiff::{SignedDuration, Timestamp};

/// Prefixes of one list.
pub const PREFIXES_MAX: usize = 1_000_000;
/// Bytes of one list's text.
pub const LIST_BYTES_MAX: usize = 64 << 20;
/// Bytes of one of its lines.
const LINE_BYTES_MAX: usize = 256;
/// Characters of its name.
const NAME_LENGTH_MAX: usize = 64;
/// How far the clock of who made it may be ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// A list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixList {
    /// What it calls itself.
    pub name: String,
    /// When it was made, by its own word.
    pub date: Timestamp,
    /// Whom it lists.
    pub prefixes: Prefixes,
}

/// Why a text is no list, or not the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoList {
    /// Its first two lines do not say what it is.
    Head,
    /// It is larger than what is read.
    TooLarge,
    /// A line names no prefix.
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        why: NoPrefix,
    },
    /// It is of a day that has not come.
    Early {
        /// Its date.
        date: Timestamp,
    },
    /// A newer one of its name was here already.
    Older {
        /// Its date.
        date: Timestamp,
        /// That of the newer one.
        newest: Timestamp,
    },
}

impl std::fmt::Display for NoList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head => f.write_str(
                "it must begin with the lines `# list NAME` (a-z, 0-9, - and .) and `# date 2026-11-30T06:00:00Z`",
            ),
            Self::TooLarge => write!(
                f,
                "a list has at most {PREFIXES_MAX} prefixes in {} MiB: split it",
                LIST_BYTES_MAX >> 20
            ),
            Self::Line { line, why } => write!(f, "line {line}: {why}"),
            Self::Early { date } => {
                write!(f, "its date {date} has not come: look at the clock of this machine")
            }
            Self::Older { date, newest } => write!(
                f,
                "its date {date} is before {newest}, the date of one that was loaded already: fetch the newest"
            ),
        }
    }
}

impl std::error::Error for NoList {}

/// Whether a list is as new as it should be. It refuses either way: who was listed a week ago has not become
/// good because its list was not fetched, and whoever could hold lists back would open the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It is.
    Fresh,
    /// It is older than it should be.
    Stale,
}

impl PrefixList {
    /// Reads a list's text.
    pub fn parse(text: &str) -> Result<Self, NoList> {
        if text.len() > LIST_BYTES_MAX {
            return Err(NoList::TooLarge);
        }
        let mut lines = text.lines();
        let mut said = |word: &str| {
            let line = lines.next()?.strip_prefix("# ")?.strip_prefix(word)?;
            Some(line.strip_prefix(' ')?.trim().to_owned())
        };
        let name = said("list").filter(|name| is_name(name)).ok_or(NoList::Head)?;
        let date: Option<Timestamp> = said("date").and_then(|date| date.parse().ok());
        // Whole seconds: a store may keep no finer ones, and a date must be the same after it as before.
        let date = date.and_then(|date| Timestamp::from_second(date.as_second()).ok());
        let date = date.ok_or(NoList::Head)?;
        let mut count = 0;
        let numbered = (3..).zip(lines);
        let read = numbered.filter_map(|(line, text)| {
            let prefix = listed(text).transpose()?;
            count += 1;
            let counted = if count > PREFIXES_MAX { Err(NoList::TooLarge) } else { Ok(()) };
            Some(counted.and_then(|()| prefix.map_err(|why| NoList::Line { line, why })))
        });
        let prefixes = read.collect::<Result<Prefixes, NoList>>()?;
        Ok(Self { name, date, prefixes })
    }

    /// Whether it may take the place of the newest of its name that was ever loaded.
    pub fn follows(&self, newest: Option<Timestamp>, now: Timestamp) -> Result<(), NoList> {
        let date = self.date;
        if date.duration_since(now) > AHEAD {
            return Err(NoList::Early { date });
        }
        match newest {
            Some(newest) if date < newest => Err(NoList::Older { date, newest }),
            _ => Ok(()),
        }
    }

    /// How it stands where it should be made anew so often.
    #[must_use]
    pub fn freshness(&self, lasts: SignedDuration, now: Timestamp) -> Freshness {
        if now.duration_since(self.date) > lasts { Freshness::Stale } else { Freshness::Fresh }
    }
}

fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    (1..=NAME_LENGTH_MAX).contains(&text.len()) && text.chars().all(good)
}

/// The prefix of a line, if it is not for people alone.
fn listed(line: &str) -> Result<Option<Prefix>, NoPrefix> {
    if line.len() > LINE_BYTES_MAX {
        return Err(NoPrefix { why: "it is longer than 256 bytes" });
    }
    let text = line.split(['#', ';']).next().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let prefix: Prefix = text.parse()?;
    if prefix.is_too_wide() {
        return Err(NoPrefix { why: "it is wider than an IPv4 /8 or an IPv6 /16" });
    }
    Ok(Some(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "# list spammers\n# date 2026-11-30T06:00:00Z\n";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_list_is_read_with_its_name_and_date_and_its_comments_left_out() {
        let text = format!(
            "{HEAD}\n# for people\n192.0.2.0/24 ; SBL1\r\n  2001:db8::/32\t# them\n203.0.113.7\n"
        );
        let list = PrefixList::parse(&text).expect("a list");
        assert_eq!((list.name.as_str(), list.date), ("spammers", at("2026-11-30T06:00:00Z")));
        assert_eq!(list.prefixes.len(), 3);
        for (address, want) in [
            ("192.0.2.9", true),
            ("2001:db8:9::1", true),
            ("203.0.113.7", true),
            ("203.0.113.8", false),
        ] {
            assert_eq!(list.prefixes.holds(address.parse().expect("one")), want, "{address}");
        }
        assert!(PrefixList::parse(HEAD).expect("an empty one").prefixes.is_empty());
        let finer = HEAD.replace("00:00Z", "00:00.123456789Z");
        assert_eq!(PrefixList::parse(&finer).expect("a list").date, list.date);
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        let check = |text: &str, want: &str| {
            let error = PrefixList::parse(text).expect_err(want).to_string();
            assert!(error.contains(want), "{text:?}: {error}");
        };
        let head = "it must begin with";
        check("", head);
        check("192.0.2.0/24\n", head);
        check("# list spammers\n192.0.2.0/24\n", head);
        check("# date 2026-11-30T06:00:00Z\n# list spammers\n", head);
        check("# list Spam mers\n# date 2026-11-30T06:00:00Z\n", head);
        check("# list\n# date 2026-11-30T06:00:00Z\n", head);
        check(&format!("# list {}\n# date 2026-11-30T06:00:00Z\n", "a".repeat(65)), head);
        check("# list spammers\n# date yesterday\n", head);
        check("# listspammers\n# date 2026-11-30T06:00:00Z\n", head);
        check(&format!("{HEAD}192.0.2.0/24\nexample.org\n"), "line 4: it begins with no address");
        check(&format!("{HEAD}192.0.2.1/24\n"), "line 3: behind its bits");
        check(&format!("{HEAD}0.0.0.0/0\n"), "line 3: behind its slash");
        check(&format!("{HEAD}\n0.0.0.0/1\n"), "line 4: it is wider than");
        check(&format!("{HEAD}192.0.2.7 {}\n", "x".repeat(256)), "line 3: it is longer than");
        check(&format!("{HEAD}{}", "192.0.2.7\n".repeat(PREFIXES_MAX + 1)), "at most 1000000");
        check(&format!("{HEAD}{}", "#\n".repeat(LIST_BYTES_MAX / 2)), "at most 1000000");
    }

    #[test]
    fn a_list_of_tomorrow_or_of_before_the_last_one_does_not_follow() {
        let list = PrefixList::parse(HEAD).expect("a list");
        let (before, after) = (at("2026-11-30T05:59:59Z"), at("2026-11-30T06:00:01Z"));
        let now = at("2026-11-30T07:00:00Z");
        assert_eq!(list.follows(None, now), Ok(()));
        assert_eq!(list.follows(Some(before), now), Ok(()));
        assert_eq!(list.follows(Some(list.date), now), Ok(()), "the same one again");
        let older = NoList::Older { date: list.date, newest: after };
        assert_eq!(list.follows(Some(after), now), Err(older));
        assert_eq!(list.follows(None, at("2026-11-30T05:50:00Z")), Ok(()));
        let early = NoList::Early { date: list.date };
        assert_eq!(list.follows(None, at("2026-11-30T05:49:59Z")), Err(early));
        let week = SignedDuration::from_hours(7 * 24);
        assert_eq!(list.freshness(week, at("2026-12-07T06:00:00Z")), Freshness::Fresh);
        assert_eq!(list.freshness(week, at("2026-12-07T06:00:01Z")), Freshness::Stale);
        assert_eq!(list.freshness(week, before), Freshness::Fresh);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(
            text in "[ -~\n\r\t]{0,200}",
            lines in "([0-9a-f:./# ;]{0,24}\n){0,20}",
        ) {
            let _ = PrefixList::parse(&text);
            let _ = PrefixList::parse(&format!("{HEAD}{lines}"));
        }
    }
}
