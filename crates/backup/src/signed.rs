//! A text with a signature under it: what lies beside the snapshots is worth nothing without.

use crate::Error;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use seal::{SigningKey, VerifyingKey};

/// What stands before the signature.
const MARK: &str = "-- ";

/// The text and its signature under the key; what the text is for is signed with it.
pub(crate) fn sign(what: &str, body: &str, key: &SigningKey) -> String {
    let signature = BASE64.encode(key.sign(message(what, body).as_bytes()));
    format!("{body}{MARK}{signature}\n")
}

/// The text above the signature, if it is of this key and for this.
pub(crate) fn verify<'a>(
    what: &'static str,
    text: &'a str,
    key: &VerifyingKey,
) -> Result<&'a str, Error> {
    let refused = || Error::Unsigned { what };
    let at = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
    let (body, last) = text.split_at(at);
    let signature = last.trim_end().strip_prefix(MARK).ok_or_else(refused)?;
    let signature = BASE64.decode(signature).map_err(|_| refused())?;
    key.verify(message(what, body).as_bytes(), &signature).map_err(|_| refused())?;
    Ok(body)
}

fn message(what: &str, body: &str) -> String {
    format!("stockade/v1|backup|{what}\n{body}")
}
