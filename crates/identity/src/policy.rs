//! What a new password must be: long, not obvious; nothing about digits or punctuation.

use crate::{BreachedPasswords, Candidate, EmailAddress, Error, PasswordProblem, known};

/// How many factors the password stands beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factors {
    /// The password is all there is.
    PasswordOnly,
    /// A second factor is asked for at every sign-in.
    WithSecond,
}

/// How hard a password is to guess: `log10` of the guesses an attacker needs.
///
/// The estimator (zxcvbn, with its list of common passwords) reads a clock, so the app runs it
/// and hands over its figure.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Strength {
    /// `log10` of the number of guesses.
    pub guesses_log10: f64,
}

/// The rules, as a value; the default is ASVS 5.0, 6.2, at its stricter choices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PasswordPolicy {
    /// Characters needed where it is the only factor.
    pub chars_min_alone: usize,
    /// Characters needed beside a second factor.
    pub chars_min_with_second: usize,
    /// Guesses needed, as `log10`.
    pub guesses_log10_min: f64,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { chars_min_alone: 15, chars_min_with_second: 8, guesses_log10_min: 8.0 }
    }
}

/// A password that passed the policy: the only kind that can be set.
#[derive(Debug, Clone)]
pub struct NewPassword {
    candidate: Candidate,
    factors: Factors,
    /// Characters that count, and those that it needs to stand alone.
    alone: (usize, usize),
}

impl NewPassword {
    /// The same, unless it leaked. Everything that sets a password asks this after the policy.
    pub fn not_among(self, breached: &BreachedPasswords) -> Result<Self, Error> {
        if breached.has(&self.candidate) {
            return Err(Error::Password { problems: vec![PasswordProblem::Breached] });
        }
        Ok(self)
    }

    pub(crate) const fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// A password that was accepted beside a second factor cannot stand alone.
    pub(crate) fn suits(&self, factors: Factors) -> Result<(), Error> {
        if (factors, self.factors) == (Factors::PasswordOnly, Factors::WithSecond) {
            let (found, needed) = self.alone;
            if found < needed {
                let problems = vec![PasswordProblem::Short { found, needed }];
                return Err(Error::Password { problems });
            }
        }
        Ok(())
    }
}

/// Words that anyone would try here first, beside those of the account.
const HOUSE_WORDS: [&str; 3] = ["stockade", "password", "trading"];
/// Shorter words occur by chance.
const WORD_CHARS_MIN: usize = 4;

impl PasswordPolicy {
    /// Accepts a password for the account of `email`, or says every rule that it breaks.
    ///
    /// Context words (the product's, the address's parts, `words` such as the display name's)
    /// do not count towards the length; the comparison ignores case.
    pub fn accept(
        &self,
        candidate: Candidate,
        strength: Strength,
        factors: Factors,
        context: (&EmailAddress, &[&str]),
    ) -> Result<NewPassword, Error> {
        let mut problems = Vec::new();
        if candidate.is_overlong() {
            problems.push(PasswordProblem::Long { max: Candidate::BYTES_MAX });
            return Err(Error::Password { problems });
        }
        let needed = match factors {
            Factors::PasswordOnly => self.chars_min_alone,
            Factors::WithSecond => self.chars_min_with_second,
        };
        let whole = candidate.text().to_lowercase();
        let mut counted = whole.clone();
        for word in context_words(context.0, context.1) {
            if counted.contains(&word) {
                counted = counted.replace(&word, "");
                let is_too_short_without = counted.chars().count() < needed;
                if is_too_short_without && whole.chars().count() >= needed {
                    problems.push(PasswordProblem::Context { word });
                }
            }
        }
        let found = counted.chars().count();
        if found < needed {
            problems.push(PasswordProblem::Short { found, needed });
        }
        // An estimate that is not a number passes nothing.
        let hard_enough = strength.guesses_log10 >= self.guesses_log10_min;
        if !hard_enough {
            problems.push(PasswordProblem::Guessable);
        }
        if known::is_common(&whole) {
            problems.push(PasswordProblem::Common);
        }
        if problems.is_empty() {
            Ok(NewPassword { candidate, factors, alone: (found, self.chars_min_alone) })
        } else {
            Err(Error::Password { problems })
        }
    }
}

/// Longest first, so that a word inside another does not leave a stump.
fn context_words(email: &EmailAddress, words: &[&str]) -> Vec<String> {
    let parts = words.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let address = email.as_str().split(|c: char| !c.is_ascii_alphanumeric());
    let mut all: Vec<String> = HOUSE_WORDS
        .into_iter()
        .chain(address)
        .chain(parts)
        .chain([email.local()])
        .map(str::to_lowercase)
        .filter(|word| word.chars().count() >= WORD_CHARS_MIN)
        .collect();
    all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::Secret;

    fn accept(
        text: &str,
        factors: Factors,
        guesses_log10: f64,
    ) -> Result<(), Vec<PasswordProblem>> {
        let email = "ada.lovelace@example.org".parse().expect("an address");
        let candidate = Candidate::new(&Secret::new(text.to_owned()));
        let strength = Strength { guesses_log10 };
        let context: (&EmailAddress, &[&str]) = (&email, &["Countess of Ockham"]);
        match PasswordPolicy::default().accept(candidate, strength, factors, context) {
            Ok(_) => Ok(()),
            Err(Error::Password { problems }) => Err(problems),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn length_is_all_that_composition_is_judged_by() {
        let short = |found, needed| Err(vec![PasswordProblem::Short { found, needed }]);
        let check = |text: &str, factors, want: Result<(), Vec<PasswordProblem>>| {
            assert_eq!(accept(text, factors, 12.0), want, "{text}");
        };
        check("qvzkxwjb", Factors::WithSecond, Ok(()));
        check("qvzkxwj", Factors::WithSecond, short(7, 8));
        check("qvzkxwjbqvzkxwj", Factors::PasswordOnly, Ok(()));
        check("qvzkxwjbqvzkxw", Factors::PasswordOnly, short(14, 15));
        check("        ", Factors::WithSecond, Ok(()));
        check("пароль-é-路-🚋", Factors::WithSecond, Ok(()));
        check(&"x".repeat(1024), Factors::PasswordOnly, Ok(()));
        check(
            &"x".repeat(1025),
            Factors::PasswordOnly,
            Err(vec![PasswordProblem::Long { max: 1024 }]),
        );
        check("", Factors::WithSecond, short(0, 8));
    }

    #[test]
    fn words_that_anyone_would_try_do_not_count() {
        let check = |text: &str, word: Option<&str>| {
            let problems = accept(text, Factors::WithSecond, 12.0).err().unwrap_or_default();
            let found = problems.iter().find_map(|p| match p {
                PasswordProblem::Context { word } => Some(word.as_str()),
                _ => None,
            });
            assert_eq!(found, word, "{text}");
        };
        check("Stockade2026", Some("stockade"));
        check("lovelace!1", Some("lovelace"));
        check("ockhamOCKHAM", Some("ockham"));
        check("example-ada", Some("example"));
        check("stockade and a long tail of words", None);
    }

    #[test]
    fn what_is_easily_guessed_is_refused_whatever_its_length() {
        let check = |guesses| accept("correct horse", Factors::WithSecond, guesses);
        assert_eq!(check(7.99), Err(vec![PasswordProblem::Guessable]));
        assert_eq!(check(f64::NAN), Err(vec![PasswordProblem::Guessable]));
        assert_eq!(check(8.0), Ok(()));
    }
}
