//! ASCII armour (RFC 9580 §6.2) around packets.

use super::{OPENPGP_BYTES_MAX, wrong};
use crate::Error;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

/// The packets as text. `OpenPGP` needs the old checksum no more; `GnuPG` 2.2 does: where the encoding ends without
/// padding, it reads on into the last line unless a checksum stands between.
pub(super) fn enclose(what: &str, packets: &[u8]) -> String {
    let mut text = format!("-----BEGIN PGP {what}-----\n\n");
    let encoded = BASE64.encode(packets);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    let [_, checksum @ ..] = crc24(packets).to_be_bytes();
    text + &format!("={}\n-----END PGP {what}-----\n", BASE64.encode(checksum))
}

/// RFC 9580 §6.1.1.
fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x00B7_04CE, |sum, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << 16), |sum, _| {
            let next = sum << 1;
            if next & 0x0100_0000 == 0 { next } else { (next ^ 0x0086_4CFB) & 0x00FF_FFFF }
        })
    })
}

/// The packets of a text that is this armour and nothing else.
pub(super) fn open(what: &str, text: &str) -> Result<Vec<u8>, Error> {
    let torn = || wrong("its armour is another one, or is torn");
    if text.len() > OPENPGP_BYTES_MAX {
        return Err(torn());
    }
    let mut lines = text.lines().map(str::trim_end);
    if lines.next() != Some(format!("-----BEGIN PGP {what}-----").as_str()) {
        return Err(torn());
    }
    // Headers say nothing that is signed.
    if !lines.by_ref().any(str::is_empty) {
        return Err(torn());
    }
    let end = format!("-----END PGP {what}-----");
    let mut encoded = String::new();
    for line in lines.by_ref() {
        if line == end {
            let is_last = lines.next().is_none();
            let bytes = BASE64.decode(encoded).ok().filter(|_| is_last);
            return bytes.ok_or_else(torn);
        }
        // The old checksum, which protects from nobody.
        if !line.starts_with('=') {
            encoded.push_str(line);
        }
    }
    Err(torn())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        // The check value of CRC-24/OPENPGP.
        assert_eq!(crc24(b"123456789"), 0x0021_CF02);
    }

    #[test]
    fn armour_of_any_length_opens_and_torn_armour_does_not() {
        for length in 1..200 {
            let packets = vec![7; length];
            let text = enclose("SIGNATURE", &packets);
            assert_eq!(open("SIGNATURE", &text).expect("opens"), packets);
            assert!(open("SIGNATURE", &text.replace("-----END", "----END")).is_err());
            assert!(open("PUBLIC KEY BLOCK", &text).is_err());
        }
    }
}
