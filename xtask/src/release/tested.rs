//! What `cargo xtask test` said of the commit: without it nothing is signed.

use crate::report::Tally;
use anyhow::{Context, Result, bail};
use std::{fs, path::Path};

/// A report of a test run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// All of it.
    pub text: String,
    /// The commit that was tested.
    pub commit: String,
    /// Whether everything was committed.
    pub is_clean: bool,
    /// Whether no step was left out.
    pub is_whole: bool,
    /// The last count.
    pub tally: Tally,
}

/// How the line begins that says what was tested.
pub const SOURCE: &str = "source ";

impl Tested {
    /// Reads what `cargo xtask test` printed.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(String::from_utf8_lossy(&bytes).into_owned())
            .with_context(|| format!("{} is no report of a test run", path.display()))
    }

    /// The last line about the source and the last count are those of the summary.
    pub fn parse(text: String) -> Result<Self> {
        let mut told = text.lines().rev().filter_map(|line| line.strip_prefix(SOURCE));
        let told = told.next().context("no line names the source that was tested")?;
        let words: Vec<&str> = told.split_whitespace().collect();
        let [commit, state, steps] = words[..] else {
            bail!("the line about the source is another one")
        };
        let (commit, is_clean, is_whole) = (commit.to_owned(), state == "clean", steps == "whole");
        let tally = text.lines().rev().find_map(Tally::read).context("no count of tests")?;
        Ok(Self { text, commit, is_clean, is_whole, tally })
    }

    /// Whether it lets this commit go out.
    pub fn speaks_for(&self, commit: &str) -> Result<()> {
        if self.commit != commit {
            bail!("the tests are those of another commit: {}", self.commit);
        }
        if !self.is_clean {
            bail!("something was tested that is not committed: test the commit itself");
        }
        if !self.is_whole {
            bail!("some steps were left out: run `cargo xtask test` without --only");
        }
        if self.tally.failed > 0 {
            bail!("the tests say {}", self.tally);
        }
        if self.tally.passed == 0 {
            bail!("no test passed");
        }
        Ok(())
    }
}
