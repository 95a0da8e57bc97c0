//! What a test run says at its end.

use std::{fmt, time::Duration};

/// Counted tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Did what they should.
    pub passed: u64,
    /// Did not.
    pub failed: u64,
    /// Were not run.
    pub skipped: u64,
}

impl Tally {
    /// Both together.
    pub const fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }

    /// Reads the closing line of nextest, of the standard test harness, of vitest, or our own.
    pub fn read(line: &str) -> Option<Self> {
        let line = without_colour(line);
        let line = line.trim();
        let ours = line.starts_with(|c: char| c.is_ascii_digit()) && line.ends_with(" skipped");
        let known = ["Summary [", "test result:", "Tests "];
        if !ours && !known.iter().any(|start| line.starts_with(start)) {
            return None;
        }
        let words: Vec<&str> =
            line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let count = |names: &[&str]| -> u64 {
            let pairs = words.windows(2).filter_map(|pair| match pair {
                [number, word] if names.contains(word) => number.parse::<u64>().ok(),
                _ => None,
            });
            pairs.sum()
        };
        Some(Self {
            passed: count(&["passed"]),
            failed: count(&["failed", "timed"]),
            skipped: count(&["skipped", "ignored", "todo"]),
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Well; with the tests that it counted, if it counts any.
    Passed(Option<Tally>),
    /// Not well, and why.
    Failed(Option<Tally>, String),
    /// Not run, and why.
    Skipped(String),
}

impl Outcome {
    /// A step that counts no tests of its own counts as one; a failed step fails at least once.
    pub fn tally(&self) -> Tally {
        match self {
            Self::Passed(tally) => tally.unwrap_or(Tally { passed: 1, ..Tally::default() }),
            Self::Failed(tally, _) => {
                let tally = tally.unwrap_or_default();
                Tally { failed: tally.failed.max(1), ..tally }
            }
            Self::Skipped(_) => Tally { skipped: 1, ..Tally::default() },
        }
    }
}

/// One finished step.
pub struct Line {
    /// Its name.
    pub step: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// The table, the reasons and the closing count.
pub fn summary(lines: &[Line], whole: Duration) -> String {
    let mut text = String::from("\n== summary\n");
    for Line { step, outcome, took } in lines {
        let (word, note) = match outcome {
            Outcome::Passed(Some(tally)) => ("passed", tally.to_string()),
            Outcome::Passed(None) => ("passed", String::new()),
            Outcome::Failed(_, why) => ("FAILED", why.clone()),
            Outcome::Skipped(why) => ("skipped", why.clone()),
        };
        let row = format!("{step:<12} {word:<8} {:>7}  {note}", minutes(*took));
        text.push_str(row.trim_end());
        text.push('\n');
    }
    let total = lines.iter().map(|line| line.outcome.tally()).fold(Tally::default(), Tally::plus);
    text + &format!("took {} min\n{total}\n", minutes(whole))
}

/// Minutes and seconds.
pub fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The text without terminal colour sequences.
fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            for inside in characters.by_ref() {
                if inside.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn closing_lines_are_read() {
        let check = |line: &str, want: Option<Tally>| assert_eq!(Tally::read(line), want, "{line}");
        let nextest = "Summary [   0.504s] 34 tests run: 30 passed (2 slow), 4 failed, 1 skipped";
        check(nextest, Some(tally(30, 4, 1)));
        check(
            "Summary [ 1.2s] 3 tests run: 2 passed, 1 timed out, 0 skipped",
            Some(tally(2, 1, 0)),
        );
        let harness = "test result: ok. 5 passed; 1 failed; 2 ignored; 0 measured; 7 filtered out";
        check(harness, Some(tally(5, 1, 2)));
        check("\u{1b}[2m      Tests \u{1b}[22m 1 failed | 7 passed (8)", Some(tally(7, 1, 0)));
        check("12 passed, 0 failed, 3 skipped", Some(tally(12, 0, 3)));
        check("Test Files  7 passed (7)", None);
        check("the rest passed", None);
    }

    #[test]
    fn a_failed_step_is_never_a_zero() {
        assert_eq!(Outcome::Failed(None, String::new()).tally(), tally(0, 1, 0));
        assert_eq!(Outcome::Failed(Some(tally(9, 2, 0)), String::new()).tally(), tally(9, 2, 0));
        assert_eq!(Outcome::Skipped(String::new()).tally(), tally(0, 0, 1));
        assert_eq!(Outcome::Passed(None).tally(), tally(1, 0, 0));
    }

    #[test]
    fn the_count_stands_on_its_own_line() {
        let line = |step, outcome| Line { step, outcome, took: Duration::from_secs(61) };
        let lines = [
            line("format", Outcome::Passed(None)),
            line("rust", Outcome::Failed(Some(tally(4, 1, 0)), "one".into())),
            line("browser", Outcome::Skipped("no Chromium".into())),
        ];
        let text = summary(&lines, Duration::from_mins(10));
        assert!(text.lines().any(|l| l == "5 passed, 1 failed, 1 skipped"), "{text}");
        assert!(text.contains("FAILED      1:01  one"), "{text}");
    }
}
