//! Two builds of the same sources, held against each other: equal to the byte, or where they part and what that tells.

use super::{build::Program, elf, file};
use anyhow::{Context, Result, bail};
use std::{fs, path::Path};

/// How much of a file around a difference is shown.
const AROUND: usize = 24;

/// Holds the programs of two folders against each other; an error if one differs.
pub fn directories(one: &Path, two: &Path, programs: &[&Program]) -> Result<()> {
    let mut different = 0;
    for Program { name, .. } in programs {
        let (a, b) = (one.join(name), two.join(name));
        let (first, second) = (file(&a)?, file(&b)?);
        if first == second {
            println!("same        {first}  {name}");
            continue;
        }
        different += 1;
        println!("DIFFERENT   {first}  {name}\n            {second}  {name}");
        let read = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
        println!("            {}", parting(&read(&a)?, &read(&b)?));
    }
    if different > 0 {
        bail!("{different} of {} programs differ between two builds", programs.len());
    }
    println!("two builds in two folders, the same bytes");
    Ok(())
}

/// Where two files part, and what is likely to make it so.
fn parting(a: &[u8], b: &[u8]) -> String {
    let both = a.iter().zip(b);
    let Some(at) = both.enumerate().find_map(|(at, (a, b))| (a != b).then_some(at)) else {
        return format!("one ends where the other goes on, after {} bytes", a.len().min(b.len()));
    };
    let sections = (elf::sections(a), elf::sections(b));
    // The head of the file has lengths of what follows: the first section that differs tells more.
    let mut within = sections.0.iter().filter_map(|one| {
        let other = sections.1.iter().find(|other| other.name == one.name)?;
        let (left, right) = (a.get(one.bytes.clone())?, b.get(other.bytes.clone())?);
        let offset = left.iter().zip(right).position(|(a, b)| a != b);
        let offset =
            offset.or_else(|| (left.len() != right.len()).then(|| left.len().min(right.len())))?;
        Some((one, left, right, offset))
    });
    let Some((section, left, right, offset)) = within.next() else {
        return format!("they part at byte {at}, outside of every section");
    };
    let names: Vec<&str> = std::iter::once(section.name.as_str())
        .chain(within.map(|(section, ..)| section.name.as_str()))
        .collect();
    format!(
        "they part in {} at offset {offset}: {:?} and {:?}; {}; sections that differ: {}",
        section.name,
        around(left, offset),
        around(right, offset),
        cause(&section.name, left, right, offset),
        names.join(", ")
    )
}

fn around(bytes: &[u8], at: usize) -> String {
    let end = (at + AROUND).min(bytes.len());
    let text = bytes.get(at.saturating_sub(AROUND)..end).unwrap_or_default();
    text.escape_ascii().to_string()
}

/// What such a difference mostly comes from.
fn cause(section: &str, left: &[u8], right: &[u8], at: usize) -> &'static str {
    let is_path = |bytes: &[u8]| {
        let begin = at.saturating_sub(AROUND * 4);
        let near = bytes.get(begin..at).unwrap_or_default();
        let word = near.rsplit(|byte| !byte.is_ascii_graphic()).next().unwrap_or_default();
        word.contains(&b'/')
    };
    match section {
        ".dep-v0" => "the list of parts differs: another lock file or another order",
        ".comment" | ".note.gnu.build-id" => "other tools built it",
        _ if is_path(left) || is_path(right) => "a path was taken in: a prefix is not mapped",
        _ if left.len() != right.len() => "other code: other tools, features or sources",
        _ => {
            "the same amount laid out otherwise: a name has a hash that took in a path, or an order is left to chance"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This program's own file is as good as any other.
    fn program() -> Vec<u8> {
        fs::read(std::env::current_exe().expect("a program")).expect("reads")
    }

    #[test]
    fn where_two_programs_part_is_named() {
        let one = program();
        let sections = elf::sections(&one);
        let within = |name: &str| {
            let found = sections.iter().find(|section| section.name == name);
            found.expect("a section").bytes.clone()
        };
        let check = |at: usize, words: &[u8], want: &str| {
            let mut two = one.clone();
            two.splice(at..at + words.len(), words.iter().copied());
            let said = parting(&one, &two);
            assert!(said.contains(want), "{said:?} lacks {want:?}");
        };
        let data = within(".rodata").start + 64;
        check(data, b"/home/somebody/src", "they part in .rodata at offset 6");
        check(within(".comment").start, b"!", "other tools built it");
        assert!(parting(b"ab", b"abc").contains("after 2 bytes"));
        assert!(parting(b"ab", b"ac").contains("byte 1, outside of every section"));
        assert!(cause(".rodata", b"\0/tmp/a/x", b"\0/tmp/b/x", 6).contains("prefix is not mapped"));
    }

    #[test]
    fn a_program_that_differs_is_an_error() {
        let (one, two) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let program = Program { name: "p", package: "p", web: false, whole: false };
        let check = |words: &str| {
            fs::write(one.path().join("p"), "same").expect("writes");
            fs::write(two.path().join("p"), words).expect("writes");
            directories(one.path(), two.path(), &[&program]).is_ok()
        };
        assert!(check("same"));
        assert!(!check("sama"));
    }
}
