//! ASCII armour (RFC 9580 §6.2) around packets.

use super::{OPENPGP_BYTES_MAX, wrong};
use crate::Error;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

/// The packets as text. The old checksum is left out, as the RFC has it.
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
    text + &format!("-----END PGP {what}-----\n")
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
