//! `cargo xtask release`: the programs as they are handed out, from the committed tree alone, so that whoever builds the
//! same commit elsewhere gets the same bytes.

mod approvals;
mod build;
mod compare;
mod elf;
mod parts;
mod source;
mod statement;
pub mod tested;

use crate::{
    flags::{Flags, Usage},
    machine, process,
};
use anyhow::{Context, Result, bail};
use approvals::Approvals;
use build::{PROGRAMS, Program};
use sha2::{Digest, Sha256};
use source::Source;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};
use tested::Tested;

/// What is written beside the programs: what they are and how they were made, not signed yet.
const STATEMENT: &str = "release.json";
/// What the last scan of the sources found, as the tree keeps it.
const SCAN: &str = "scan.json";
/// Who has read which commit.
const APPROVALS: &str = "approvals.txt";
/// What the tests said.
const TESTS: &str = "tests.txt";

/// Builds, compares, states; with a key, signs.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let valued = ["--out", "--key", "--tests", "--only", "--against", "--commit", "--since"];
    let flags = Flags::parse(arguments, &valued, &["--twice", "--unread"])?;
    let project = machine::project();
    let source = Source::of(&project, &flags.value("--commit", "HEAD".to_owned())?)?;
    let out: PathBuf = flags.value("--out", machine::target().join("release-out"))?;
    let out = std::path::absolute(out)?;
    let programs = chosen(flags.all("--only"))?;
    let tests = flags.all("--tests").last().map(|path| Tested::read(Path::new(path)));
    let tests = tests.transpose()?;
    let key = flags.all("--key").last();
    let since = flags.all("--since").last().map(String::as_str);
    let approvals = Approvals::of(&project, &source, since)?;
    println!("{}", told(&approvals));
    if key.is_some() && !flags.has("--unread") {
        all_read(&approvals)?;
    }
    allowed(&source, tests.as_ref(), key.is_some(), &programs)?;
    let kept = build::make(&project, &source, &programs, "release-build-")?;
    deliver(&kept, &out, tests.as_ref())?;
    fs::write(out.join(APPROVALS), approvals.text())?;
    let digests = digests(&out, &programs)?;
    let said = statement::Said { tests: tests.as_ref(), approvals: &approvals };
    let text = statement::of(&source, &kept.facts, &digests, &out, &said)?;
    fs::write(out.join(STATEMENT), text)?;
    for (name, digest) in &digests {
        println!("{digest}  {name}");
    }
    drop(kept);
    if flags.has("--twice") {
        let again = build::make(&project, &source, &programs, "built-again-somewhere-else-")?;
        compare::directories(&out, &again.programs, &programs)?;
    }
    if let Some(other) = flags.all("--against").last() {
        compare::directories(Path::new(other), &out, &programs)?;
    }
    if let Some(key) = key {
        sign(&out, Path::new(key))?;
    }
    println!("{} holds the release", out.display());
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask approve`: says of commits that they were read.
pub fn approve(arguments: &[String]) -> Result<ExitCode> {
    let flags = Flags::parse(arguments, &["--key", "--commit"], &[])?;
    let needed = || Usage("--key FILE: the key of OpenSSH that stands in APPROVERS".into());
    let key = flags.all("--key").last().ok_or_else(needed)?;
    let key = std::path::absolute(key)?;
    if flags.all("--commit").is_empty() {
        bail!(Usage("--commit NAME: what you have read; nothing is approved unseen".into()));
    }
    for commit in flags.all("--commit") {
        let subject = approvals::approve(&machine::project(), commit, &key)?;
        println!("approved    {subject}");
    }
    println!("now hand it on: git push origin refs/notes/approvals");
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask approvals`: who has read what a release would deliver.
pub fn list(arguments: &[String]) -> Result<ExitCode> {
    let flags = Flags::parse(arguments, &["--commit", "--since"], &[])?;
    let project = machine::project();
    let source = Source::of(&project, &flags.value("--commit", "HEAD".to_owned())?)?;
    let since = flags.all("--since").last().map(String::as_str);
    let approvals = Approvals::of(&project, &source, since)?;
    for one in approvals.unread() {
        println!("not read    {}  {}", one.commit, one.subject);
    }
    println!("{}", told(&approvals));
    Ok(ExitCode::from(u8::from(approvals.unread().next().is_some())))
}

fn told(approvals: &Approvals) -> String {
    let (read, all) = (approvals.read(), approvals.commits.len());
    let since = approvals.since.as_deref().unwrap_or("the beginning");
    let by: Vec<&str> = approvals.by().into_iter().collect();
    let by = if by.is_empty() { String::new() } else { format!(", by {}", by.join(", ")) };
    format!("{read} of {all} commits since {since} were read by somebody who did not make them{by}")
}

/// Nothing is signed that only those have seen who made it, unless whoever signs says that it is so.
fn all_read(approvals: &Approvals) -> Result<()> {
    if let Some(one) = approvals.unread().next() {
        bail!(
            "{}; the newest that nobody else has read is {} ({}).\nLet somebody of APPROVERS read and say so (`cargo xtask approve`), name the release before with --since, or sign it as not read with --unread, which the statement says",
            told(approvals),
            one.commit,
            one.subject,
        );
    }
    Ok(())
}

fn chosen(only: &[String]) -> Result<Vec<&'static Program>> {
    if only.is_empty() {
        return Ok(PROGRAMS.iter().collect());
    }
    let find = |name: &String| {
        PROGRAMS.iter().find(|program| program.name == name.as_str()).ok_or_else(|| {
            let names = PROGRAMS.map(|program| program.name).join(", ");
            Usage(format!("there is no program {name:?}; they are {names}")).into()
        })
    };
    only.iter().map(find).collect()
}

/// Nothing is signed that was not tested as it stands.
fn allowed(
    source: &Source,
    tests: Option<&Tested>,
    signed: bool,
    programs: &[&Program],
) -> Result<()> {
    if let Some(tests) = tests {
        tests.speaks_for(&source.commit)?;
    }
    if signed && tests.is_none() {
        bail!(Usage("--key needs --tests: nothing is signed without what its tests said".into()));
    }
    if signed && !programs.iter().any(|program| program.name == "stockade") {
        bail!(Usage("--key needs stockade among the programs: it is what signs".into()));
    }
    Ok(())
}

/// Copies what was made, and what speaks for it, to where it is handed out.
fn deliver(kept: &build::Kept, out: &Path, tests: Option<&Tested>) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let copy = |from: PathBuf, name: &str| {
        let to = out.join(name);
        // A program that runs cannot be written to, but it can be replaced.
        let _ = fs::remove_file(&to);
        fs::copy(&from, &to).map(drop).with_context(|| format!("copying {}", from.display()))
    };
    for entry in fs::read_dir(&kept.programs)? {
        let entry = entry?;
        copy(entry.path(), &entry.file_name().to_string_lossy())?;
    }
    copy(kept.parts.clone(), build::PARTS)?;
    copy(kept.tree.join("crates/stockade/assets/scan").join(SCAN), SCAN)?;
    match tests {
        Some(tests) => fs::write(out.join(TESTS), &tests.text)?,
        None => drop(fs::remove_file(out.join(TESTS))),
    }
    Ok(())
}

fn digests(folder: &Path, programs: &[&Program]) -> Result<BTreeMap<String, String>> {
    let of = |program: &&Program| Ok((program.name.to_owned(), file(&folder.join(program.name))?));
    programs.iter().map(of).collect()
}

/// SHA-256 of a file, hexadecimal.
fn file(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(hex(&Sha256::digest(bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The program that was just made signs, so that the chores of the project hold no key.
fn sign(out: &Path, key: &Path) -> Result<()> {
    let mut command = Command::new(out.join("stockade"));
    command.args(["release", "sign"]).arg(out).arg("--key").arg(key);
    println!("$ {}", process::shown(&command));
    if !process::spawn(&mut command)?.wait()?.success() {
        bail!("nothing was signed; the message above says why");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_signed_that_only_its_makers_have_seen() {
        let one = |commit: &str, by: &[&str]| approvals::Approved {
            commit: commit.to_owned(),
            subject: "Mend it".to_owned(),
            by: by.iter().map(|name| (*name).to_owned()).collect(),
        };
        let read = Approvals { since: None, commits: vec![one("b", &["bob"]), one("a", &["bob"])] };
        assert!(all_read(&read).is_ok());
        let unread = Approvals { commits: vec![one("b", &["bob"]), one("a", &[])], ..read };
        let said = all_read(&unread).expect_err("is refused").to_string();
        for word in ["1 of 2 commits since the beginning", "by bob", "a (Mend it)", "--unread"] {
            assert!(said.contains(word), "{said:?} lacks {word:?}");
        }
    }

    #[test]
    fn nothing_is_signed_that_was_not_tested_as_it_stands() {
        let source = Source {
            commit: "a".repeat(40),
            tree: "b".repeat(40),
            committed_at: 0,
            version: "1".into(),
        };
        let all: Vec<&Program> = PROGRAMS.iter().collect();
        let text = |commit: &str, count: &str| format!("source {commit} clean whole\n{count}\n");
        let check = |text: &str, signed: bool, programs: &[&Program], want: &str| {
            let tests = (!text.is_empty()).then(|| Tested::parse(text.to_owned()).expect("reads"));
            let said = allowed(&source, tests.as_ref(), signed, programs);
            let said = said.map_or_else(|error| error.to_string(), |()| "allowed".to_owned());
            assert!(said.contains(want), "{said:?} lacks {want:?}");
        };
        let good = text(&"a".repeat(40), "9 passed, 0 failed, 1 skipped");
        check(&good, true, &all, "allowed");
        check("", false, &all, "allowed");
        check("", true, &all, "nothing is signed without");
        check(
            &text(&"c".repeat(40), "9 passed, 0 failed, 0 skipped"),
            false,
            &all,
            "another commit",
        );
        check(&text(&"a".repeat(40), "8 passed, 1 failed, 0 skipped"), false, &all, "1 failed");
        check(
            &text(&"a".repeat(40), "0 passed, 0 failed, 9 skipped"),
            false,
            &all,
            "no test passed",
        );
        check(&good.replace("whole", "part"), false, &all, "left out");
        check(&good.replace("clean", "changed"), false, &all, "not committed");
        check(&good, true, &all[1..], "is what signs");
    }
}
