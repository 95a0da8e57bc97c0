//! What of an error's words may leave the machine.

use std::net::{IpAddr, SocketAddr};

const HIDDEN: &str = "[hidden]";
/// Characters of a message.
const CHARS_MAX: usize = 400;

/// The words of an error without what could be somebody's: secrets, addresses of mail and of networks, numbers of
/// accounts, places on the disk, and whatever stands in quotes, which is what somebody typed.
#[must_use]
pub fn clean(text: &str) -> String {
    let text = notify::scrub(text);
    let text = unquoted(&text);
    let words = text.split_whitespace().map(|word| if is_told(word) { word } else { HIDDEN });
    let mut out = String::new();
    for word in words {
        if !out.is_empty() {
            out.push(' ');
        }
        if out.chars().count() + word.chars().count() > CHARS_MAX {
            out.push('…');
            break;
        }
        out.push_str(word);
    }
    out
}

/// The text with everything between quotes hidden; a quote that never ends hides the rest.
fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '`', '“', '„']) {
        let (before, quoted) = rest.split_at(at);
        out.push_str(before);
        out.push_str(HIDDEN);
        let mut inner = quoted.chars();
        inner.next();
        let inner = inner.as_str();
        match inner.find(['"', '`', '”', '“']) {
            Some(end) => {
                let (_, after) = inner.split_at(end);
                let mut after = after.chars();
                after.next();
                rest = after.as_str();
            }
            None => rest = "",
        }
    }
    out.push_str(rest);
    out
}

/// Whether a word says nothing of a person or a place.
fn is_told(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/' && c != ':');
    let is_address = |text: &str| {
        text.parse::<IpAddr>().is_ok()
            || text.parse::<SocketAddr>().is_ok()
            || text.rsplit_once(':').is_some_and(|(host, _)| host.parse::<IpAddr>().is_ok())
    };
    let parts = || word.split([',', ';', '(', ')', '[', ']', '=', '<', '>']);
    let number = |text: &str| {
        let digits = text.chars().filter(char::is_ascii_hexdigit).count();
        // A number of ours, a digest, a key: long, and of nothing but such digits.
        digits >= 16 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
    };
    // A line of our own source is no place on the machine.
    let is_source = bare.starts_with("crates/") || bare.starts_with("src/");
    let is_place = !is_source && (word.contains('/') || word.contains('\\') || word.contains('~'));
    let mut found = parts().map(|part| part.trim_matches(|c: char| ".:'!?".contains(c)));
    !(word.contains('@')
        || word.contains("://")
        || is_place
        || is_address(bare)
        || found.any(|part| is_address(part) || number(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_somebodys_stays_behind() {
        for canary in [
            "password=canary-7",
            "stk_canary7canary7",
            "postgres://ada:canary-7@db/x",
            "ada.canary@example.org",
            "<ada.canary@example.org>,",
            "/home/canary/stockade.db",
            "(/home/canary/stockade.db)",
            "~/canary",
            "\"my canary strategy\"",
            "`canary text`",
            "\"canary without an end",
        ] {
            let told = clean(&format!("cannot do it for {canary} now"));
            assert!(!told.contains("canary"), "{told}");
            assert!(told.starts_with("cannot do it for"), "{told}");
        }
        for (what, secret) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:443", "192.0.2.7"),
            ("(192.0.2.7)", "192.0.2.7"),
            ("[2001:db8::7]:443", "2001:db8"),
            ("2001:db8::7,", "2001:db8"),
            ("peer=192.0.2.7", "192.0.2.7"),
            ("01890000-0000-7000-8000-000000000000", "01890000"),
            ("id=01890000-0000-7000-8000-000000000000.", "01890000"),
            ("00112233445566778899aabbccddeeff", "00112233"),
        ] {
            assert!(!clean(&format!("it was {what} again")).contains(secret), "{what}");
        }
    }

    #[test]
    fn what_a_programmer_needs_stays() {
        for text in [
            "index out of bounds: the len is 3 but the index is 7",
            "attempt to divide by zero at crates/engine/src/account.rs:12:7",
            "the database could not take it: disk full",
        ] {
            assert_eq!(clean(text), text);
        }
        assert!(clean(&"word ".repeat(1000)).chars().count() <= CHARS_MAX + 2);
    }
}
