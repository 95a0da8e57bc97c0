//! Accounts of another system, taken over with their passwords' hashes: a file is judged line by line,
//! and taken as a whole or not at all.

use super::{Accounts, Actor, Error, Result, Watch, keeping::Plan, now};
use identity::{DataKey, EmailAddress, ImportLine, Imported, Profile, SealedProfile};
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::Secret;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
    sync::Arc,
};
use store::{MemberSeed, Part, Sealed};

/// The largest file.
const BYTES_MAX: u64 = 16 << 20;
/// The most accounts of one file: each costs a hash of some hundred milliseconds.
const LINES_MAX: usize = 10_000;

/// Whether a file is only judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intake {
    /// Nothing is stored.
    Judge,
    /// It is taken over, if every line can be.
    Take,
}

/// What came of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserImport {
    /// Accounts in the file.
    pub lines: usize,
    /// Accounts that were made: all of them, or none.
    pub imported: usize,
    /// What is wrong, line by line.
    pub refused: Vec<RefusedLine>,
}

/// A line that cannot be taken over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefusedLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// Why, and what to do.
    pub problem: String,
}

/// A line as it stands in the file; a column or key of another name is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    hash: String,
}

impl Raw {
    /// As identity judges it; who has no role is a trader, as whoever registers is.
    fn line(&self) -> ImportLine<'_> {
        let role = if self.role.trim().is_empty() { "trader" } else { self.role.trim() };
        ImportLine { email: self.email.trim(), name: &self.name, role, hash: self.hash.trim() }
    }
}

type Numbered = (u64, Result<Raw, String>);

impl Accounts {
    /// Takes over the accounts of a CSV file (`email,name,role,hash`, in any order) or of JSON lines
    /// with those keys. One act keeps them all with their leaves; a line that is refused keeps all out.
    pub async fn import_users(
        &self,
        file: PathBuf,
        intake: Intake,
        watch: Watch,
    ) -> Result<UserImport> {
        let rows = tokio::task::spawn_blocking(move || read(&file)).await??;
        let (good, refused) = self.judged(rows).await?;
        let lines = good.len() + refused.len();
        if !refused.is_empty() || intake == Intake::Judge {
            return Ok(UserImport { lines, imported: 0, refused });
        }
        let now = now();
        let mut made = Vec::with_capacity(good.len());
        for (number, raw) in good {
            if watch.is_stopped() {
                return Err(Error::Cancelled);
            }
            let passwords = Arc::clone(&self.0.passwords);
            let take = move || {
                let imported =
                    Imported::accept(&raw.line(), &passwords, now, &mut SystemEntropy::new());
                imported.map_err(|error| format!("line {number}: {error}"))
            };
            made.push(self.0.pool.run(take).await?.map_err(Error::Refused)?);
            watch.tell(made.len() as u64, lines as u64);
        }
        self.keep_imported(&made, now).await?;
        Ok(UserImport { lines, imported: made.len(), refused: Vec::new() })
    }

    /// The lines that can be taken over, and what is wrong with the others.
    async fn judged(&self, rows: Vec<Numbered>) -> Result<(Vec<(u64, Raw)>, Vec<RefusedLine>)> {
        let (mut good, mut refused) = (Vec::new(), Vec::new());
        let mut seen: BTreeMap<EmailAddress, u64> = BTreeMap::new();
        for (line, row) in rows {
            let judged = match row {
                Ok(raw) => raw.line().judge().map_err(|e| e.to_string()).map(|email| (raw, email)),
                Err(problem) => Err(problem),
            };
            let (raw, email) = match judged {
                Ok(judged) => judged,
                Err(problem) => {
                    refused.push(RefusedLine { line, problem });
                    continue;
                }
            };
            if let Some(first) = seen.insert(email.clone(), line) {
                let problem = format!("its address stands in line {first} already: leave one out");
                refused.push(RefusedLine { line, problem });
            } else if self.known_by(&email).await?.is_some() {
                let problem = "its address has an account already: leave it out".to_owned();
                refused.push(RefusedLine { line, problem });
            } else {
                good.push((line, raw));
            }
        }
        Ok((good, refused))
    }

    async fn keep_imported(&self, made: &[Imported], now: Timestamp) -> Result<()> {
        let mut entropy = SystemEntropy::new();
        let house = &self.0.vault;
        let sealed: Vec<(SealedProfile, Vec<u8>)> = made
            .iter()
            .map(|new| {
                let id = new.account.id;
                let key = DataKey::generate(&mut entropy);
                let profile = Profile {
                    email: new.account.email.clone(),
                    display_name: new.account.display_name.clone(),
                };
                let profile = house.of_account(&key).seal_profile(id, &profile, &mut entropy);
                (profile, house.seal_data_key(id, &key, &mut entropy))
            })
            .collect();
        let seeds: Vec<MemberSeed<'_>> = made
            .iter()
            .zip(&sealed)
            .map(|(new, (profile, data_key))| {
                MemberSeed::imported(new, Sealed { profile, data_key })
            })
            .collect();
        if seeds.is_empty() {
            return Ok(());
        }
        let plan = Plan::of(Actor::Host);
        let plan = seeds.iter().fold(plan, |plan, seed| plan.part(Part::Member(seed)));
        self.keep(plan, now).await?;
        Ok(())
    }
}

/// The rows of a file, each with its number; what cannot be read as one says why.
fn read(path: &Path) -> Result<Vec<Numbered>> {
    let failed = |source| Error::File { doing: "read", path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => Error::Refused(format!("{} is not UTF-8", path.display())),
        _ => failed(error),
    })?;
    // The hashes are gone from memory with it.
    let text = Secret::new(text);
    if text.expose().len() as u64 > BYTES_MAX {
        return Err(Error::Limit { what: "bytes of a file of accounts", limit: 16 << 20 });
    }
    let body = text.expose().trim_start_matches('\u{feff}');
    let rows = if body.trim_start().starts_with('{') { json(body) } else { csv(body) };
    if rows.len() > LINES_MAX {
        return Err(Error::Limit { what: "accounts of a file: split it", limit: LINES_MAX });
    }
    Ok(rows)
}

fn json(text: &str) -> Vec<Numbered> {
    let numbered = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    numbered.map(|(number, line)| (number, parsed(serde_json::from_str(line)))).collect()
}

fn csv(text: &str) -> Vec<Numbered> {
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return vec![(1, Err(error.to_string()))],
    };
    for record in reader.records() {
        let number = match &record {
            Ok(record) => record.position().map_or(0, csv::Position::line),
            Err(error) => error.position().map_or(0, csv::Position::line),
        };
        rows.push((number, parsed(record.and_then(|record| record.deserialize(Some(&headers))))));
    }
    rows
}

/// What a reader says of a line, without repeating what stands in it: that may be a hash.
fn parsed<E: std::fmt::Display>(row: Result<Raw, E>) -> Result<Raw, String> {
    row.map_err(|error| {
        let text = error.to_string();
        let known = ["missing field", "unknown field", "duplicate field", "found record with"];
        let found = known.iter().find_map(|word| text.find(word).map(|at| text.get(at..)));
        let told = found.flatten().and_then(|rest| rest.lines().next());
        told.map_or_else(
            || "it is no line with email, name, role and hash".to_owned(),
            |told| told.split(" at line").next().unwrap_or(told).to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(rows: &[Numbered]) -> Vec<(u64, &str)> {
        let problem = |row: &Result<Raw, String>| row.as_ref().err().cloned().unwrap_or_default();
        rows.iter().map(|(n, row)| (*n, &*problem(row).leak())).collect()
    }

    #[test]
    fn both_kinds_of_file_are_read_with_the_numbers_of_their_lines() {
        let rows = csv("hash,email\n\"$2b$a,b\",ada@example.org\nx,bob@example.org\n");
        let (number, first) = &rows[0];
        let first = first.as_ref().expect("a row");
        let line = first.line();
        let read = (*number, line.email, line.role, line.hash);
        assert_eq!(read, (2, "ada@example.org", "trader", "$2b$a,b"));
        assert_eq!(rows[1].0, 3);
        let rows =
            json("{\"email\":\"a@b.org\",\"hash\":\"h\",\"role\":\"viewer\"}\n\n{\"email\":1}\n");
        assert_eq!(rows[0].1.as_ref().expect("a row").line().role, "viewer");
        assert_eq!((rows.len(), rows[1].0), (2, 3));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said_without_its_content() {
        let rows = csv("email,hash\nada@example.org\neve@example.org,$2b$secret\n");
        assert!(problems(&rows)[0].1.contains("found record with"), "{:?}", problems(&rows));
        let rows = csv("email,hash,password\na@b.org,$2b$secret,hunter2\n");
        let text = format!("{:?}", problems(&rows));
        assert!(text.contains("unknown field `password`"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("secret"), "{text}");
        let rows = json("{\"email\":\"a@b.org\"}\n{\"email\":\"a@b.org\",\"hash\":\"$2b$secret\"");
        let text = format!("{:?}", problems(&rows));
        assert!(text.contains("missing field `hash`") && !text.contains("secret"), "{text}");
    }
}
