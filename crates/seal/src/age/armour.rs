//! A file of age as text, as `age -a` writes it.

use super::{AGE_BYTES_MAX, File};
use crate::Error;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
/// Nonce and tag of a payload of one chunk.
const FRAME_BYTES: usize = 32;

/// The text of a file.
#[must_use]
pub fn age_armour(file: &[u8]) -> String {
    let encoded = BASE64.encode(file);
    let mut text = format!("{BEGIN}\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text + END + "\n"
}

/// The file of a text, or of the bytes as they are, if it is one that an X25519 identity could open: to whom it is
/// sealed, nobody else can tell.
pub fn age_file(given: &[u8]) -> Result<Vec<u8>, Error> {
    let text = std::str::from_utf8(given).unwrap_or_default().trim();
    let bytes = match text.strip_prefix(BEGIN) {
        Some(rest) => {
            let inside = rest.strip_suffix(END).ok_or(Error::AgeFile)?;
            let lines: String = inside.lines().map(str::trim).collect();
            BASE64.decode(lines).map_err(|_| Error::AgeFile)?
        }
        None => given.to_vec(),
    };
    let file = File::parse(&bytes).ok_or(Error::AgeFile)?;
    let fits = (FRAME_BYTES..=FRAME_BYTES + AGE_BYTES_MAX).contains(&file.payload.len());
    if file.stanzas.is_empty() || !fits {
        return Err(Error::AgeFile);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AgeIdentity, AgeRecipient, SeededEntropy};

    #[test]
    fn a_file_comes_back_from_its_text_and_nothing_else_is_taken_for_one() {
        let mut entropy = SeededEntropy::new(1);
        let to = AgeIdentity::generate(&mut entropy).recipient();
        let file = AgeRecipient::seal(&[to], b"a weakness", &mut entropy).expect("seals");
        let text = age_armour(&file);
        assert!(text.lines().all(|line| line.len() <= 64));
        for given in [text.clone(), text.replace('\n', "\r\n"), format!("\n {text}\n\n")] {
            assert_eq!(age_file(given.as_bytes()).expect(&given), file);
        }
        assert_eq!(age_file(&file).expect("bytes"), file);
        let check = |given: &[u8], what: &str| {
            assert_eq!(age_file(given).expect_err(what), Error::AgeFile, "{what}");
        };
        check(b"", "nothing");
        check(b"a weakness in plain words", "a plain text");
        check(text.replace(END, "").as_bytes(), "no end");
        check(text.replace("YWdl", "YWdm").as_bytes(), "another format");
        check(&file[..file.len() - 20], "a payload without its tag");
        check(&[file.as_slice(), &vec![0; AGE_BYTES_MAX]].concat(), "a payload of two chunks");
        let nobody = AgeRecipient::seal(&[], b"x", &mut entropy).expect("seals");
        check(&nobody, "sealed to nobody");
    }
}
