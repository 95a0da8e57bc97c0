//! What a new password is judged by, wherever one is set: the estimate, the policy, and the operator's
//! list of passwords that leaked.

use super::{Accounts, Error, Result, pool::Queue};
use identity::{
    BreachedPasswords, Candidate, Factors, Mark, NewPassword, PasswordPolicy, Profile, Strength,
};
use seal::Secret;
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
    sync::Arc,
};

/// zxcvbn takes longer than linear time: more characters than these do not make a guess easier.
const ESTIMATED_CHARS: usize = 100;
/// The longest line of a list: no password is longer than 1024 bytes.
const LINE_BYTES_MAX: u64 = 4096;

impl Accounts {
    /// A new password within the policy, judged with the account's own words; on the pool, as the
    /// estimate takes a while.
    pub(super) async fn new_password(
        &self,
        password: Secret<String>,
        profile: Profile,
        factors: Factors,
    ) -> Result<NewPassword> {
        let breached = Arc::clone(&self.0.breached);
        let judge = move || accept(&password, &profile, factors, &breached);
        self.0.pool.run_for(Queue::Known, judge).await?
    }
}

/// A new password within the policy, judged with the account's own words; costs the estimate.
pub(super) fn accept(
    password: &Secret<String>,
    profile: &Profile,
    factors: Factors,
    breached: &BreachedPasswords,
) -> Result<NewPassword> {
    let judged: String = password.expose().chars().take(ESTIMATED_CHARS).collect();
    let judged = Secret::new(judged);
    let (email, name) = (&profile.email, profile.display_name.as_str());
    let words = [email.as_str(), email.local(), name, "stockade"];
    let estimate = zxcvbn::zxcvbn(judged.expose(), &words);
    let strength = Strength { guesses_log10: estimate.guesses_log10() };
    let (policy, candidate) = (PasswordPolicy::default(), Candidate::new(password));
    let accepted = policy.accept(candidate, strength, factors, (email, &[name]))?;
    Ok(accepted.not_among(breached)?)
}

/// Reads a list of passwords that leaked, one a line: the SHA-1 in hexadecimal digits, with a count
/// behind it or not, or the password itself.
pub(crate) fn read_breached(path: &Path) -> Result<BreachedPasswords> {
    let failed = |source| Error::File {
        doing: "read accounts.breached_passwords at",
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let (mut marks, mut line) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        let read = file.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        let read = read.map_err(failed)? as u64;
        if read == 0 {
            break;
        }
        if read == LINE_BYTES_MAX && line.last() != Some(&b'\n') {
            let (number, path) = (marks.len() + 1, path.display());
            return Err(Error::Refused(format!(
                "accounts.breached_passwords: line {number} or near it in {path} is longer than \
                 {LINE_BYTES_MAX} bytes: it takes a text file with one password or SHA-1 a line"
            )));
        }
        marks.extend(Mark::of_line(&line));
        if marks.len() > BreachedPasswords::MAX {
            let what = "entries of accounts.breached_passwords: keep the commonest";
            return Err(Error::Limit { what, limit: BreachedPasswords::MAX });
        }
    }
    Ok(BreachedPasswords::new(marks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str, breached: &BreachedPasswords) -> Result<(), String> {
        let profile = Profile {
            email: "ada@example.org".parse().expect("an address"),
            display_name: "Ada".parse().expect("a name"),
        };
        let password = Secret::new(text.to_owned());
        let judged = accept(&password, &profile, Factors::WithSecond, breached);
        judged.map(drop).map_err(|error| error.to_string())
    }

    /// The list itself, read as the policy reads it; it stands commonest first.
    const COMMON: &str = include_str!("../../../identity/src/common_passwords.txt");

    #[test]
    fn the_commonest_passwords_are_refused_however_they_are_dressed_up() {
        let none = BreachedPasswords::default();
        let long =
            COMMON.lines().filter(|line| !line.starts_with("# ") && line.chars().count() >= 8);
        let mut tried = 0;
        for common in long.take(3000) {
            let upper = common.to_uppercase();
            let (first, rest) = common.split_at(common.chars().next().map_or(0, char::len_utf8));
            let capital = first.to_uppercase() + rest;
            for text in [common, &upper, &capital, &format!("{common}1"), &format!("{capital}1!")] {
                let refused = judge(text, &none).expect_err(text);
                let named = ["list of common passwords", "leans on the word"];
                assert!(named.iter().any(|words| refused.contains(words)), "{text}: {refused}");
                tried += 1;
            }
        }
        assert_eq!(tried, 15_000);
        // Twin: what nobody has is taken.
        judge("nine grey herons", &none).expect("a good one");
    }

    #[test]
    fn a_password_of_the_operators_list_is_refused_in_either_form() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("leaked.txt");
        let hash = hex::encode(seal::sha1("nine grey herons".as_bytes())).to_uppercase();
        std::fs::write(&path, format!("{hash}:7\r\nseven loud geese\n")).expect("writes");
        let list = read_breached(&path).expect("reads");
        assert_eq!(list.len(), 2);
        for text in ["nine grey herons", "seven loud geese"] {
            judge(text, &BreachedPasswords::default()).expect("good but for the list");
            assert!(judge(text, &list).expect_err(text).contains("passwords that leaked"));
        }
        judge("seven loud geeses", &list).expect("another one");
    }

    #[test]
    fn a_list_that_is_none_is_said_so() {
        let place = tempfile::tempdir().expect("a directory");
        let told = |path: &Path| read_breached(path).expect_err("refused").to_string();
        let absent = told(&place.path().join("absent"));
        assert!(absent.contains("accounts.breached_passwords") && absent.contains("absent"));
        assert!(told(place.path()).contains("accounts.breached_passwords"));
        let binary = place.path().join("binary");
        std::fs::write(&binary, vec![b'x'; 10_000]).expect("writes");
        assert!(told(&binary).contains("one password or SHA-1 a line"));
        std::fs::write(&binary, "").expect("writes");
        assert!(read_breached(&binary).expect("an empty one").is_empty());
    }
}
