//! The sections of a program (ELF, 64 bits, little-endian): enough to say where two of them part.

use std::ops::Range;

/// A section and where it lies in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Its bytes in the file.
    pub bytes: Range<usize>,
}

/// All that take room in the file; none of what is no such program.
pub fn sections(file: &[u8]) -> Vec<Section> {
    read(file).unwrap_or_default()
}

fn read(file: &[u8]) -> Option<Vec<Section>> {
    // Class 2 is 64 bits, data 1 little-endian.
    if file.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, size) = (number(file, 0x28, 8)?, number(file, 0x3a, 2)?);
    let (count, names) = (number(file, 0x3c, 2)?, number(file, 0x3e, 2)?);
    let header = |index: usize| table.checked_add(index.checked_mul(size)?);
    let names = number(file, header(names)? + 0x18, 8)?;
    let mut found = Vec::new();
    for index in 0..count {
        let at = header(index)?;
        // Type 8 takes no room, type 0 is none.
        if matches!(number(file, at + 4, 4)?, 0 | 8) {
            continue;
        }
        let name = file.get(names.checked_add(number(file, at, 4)?)?..)?;
        let name = name.split(|byte| *byte == 0).next()?;
        let start = number(file, at + 0x18, 8)?;
        let end = start.checked_add(number(file, at + 0x20, 8)?)?;
        found.push(Section { name: String::from_utf8_lossy(name).into_owned(), bytes: start..end });
    }
    Some(found)
}

fn number(file: &[u8], at: usize, bytes: usize) -> Option<usize> {
    let field = file.get(at..at.checked_add(bytes)?)?;
    let value = field.iter().rev().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    usize::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_has_the_sections_that_programs_have() {
        let own = std::env::current_exe().expect("a program");
        let file = std::fs::read(own).expect("reads");
        let sections = sections(&file);
        for name in [".text", ".rodata", ".shstrtab"] {
            let found = sections.iter().find(|section| section.name == name).expect(name);
            assert!(!found.bytes.is_empty() && found.bytes.end <= file.len(), "{found:?}");
        }
    }

    #[test]
    fn what_is_no_program_has_none() {
        let mut broken = b"\x7fELF\x02\x01".to_vec();
        broken.extend([0xff; 90]);
        for bytes in [&b""[..], b"\x7fELF", b"#!/bin/sh\n", &broken] {
            assert_eq!(sections(bytes), []);
        }
    }
}
