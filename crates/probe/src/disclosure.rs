//! Where a finder of a fault is told to write: `security.txt` (RFC 9116), who signed it, the form, the terms.

use crate::{Answer, Miss, Probe, Seen, failed, run::Walk, unseen, visit::Request};
use jiff::{SignedDuration, Timestamp};
use seal::{AgeRecipient, OpenPgpCertificate};

const PATH: &str = "/.well-known/security.txt";
const KEY: &str = "/.well-known/stockade/security-key.asc";
const FORM: &str = "/security/report";
const RECIPIENTS: &str = "/security/report/recipients";
const TERMS: &str = "/security/policy";
/// The RFC recommends less than a year (§2.5.5); a leap day is forgiven.
const LIFE_MAX: SignedDuration = SignedDuration::from_hours(24 * 366);
/// So long before its end it should have been made anew.
const WARNING: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Clocks differ by less.
const SKEW: SignedDuration = SignedDuration::from_hours(24);

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[
    Probe {
        name: "security-txt",
        what: "A security.txt that has not run out says where to write, signed and for this address",
        command: "curl -s https://$HOST/.well-known/stockade/security-key.asc | gpg --import; curl -s https://$HOST/.well-known/security.txt | gpg --verify",
        look,
    },
    Probe {
        name: "report-form",
        what: "A form takes reports without an account, and says to whom they are sealed",
        command: "curl -s https://$HOST/security/report/recipients",
        look: form,
    },
    Probe {
        name: "policy",
        what: "The terms for finders are published with the digest of their text",
        command: "curl -s https://$HOST/security/policy/en | sha256sum",
        look: policy,
    },
];

fn look(walk: &mut Walk<'_>) -> Seen {
    let answer = walk.visit.ask(&Request::get(PATH))?;
    match answer.status {
        200 => {}
        404 => return failed(format!("there is none at {PATH}")),
        status => return unseen(format!("{PATH} answers {status}")),
    }
    let kind = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if !kind.starts_with("text/plain") {
        return failed(format!("it comes as {kind:?} and not as text/plain"));
    }
    let key = walk.visit.ask(&Request::get(KEY))?;
    let target = walk.visit.target().to_string();
    judge((&answer.text(), &key), &target, walk.visit.now())
}

fn judge((given, key): (&str, &Answer), own: &str, now: Timestamp) -> Seen {
    if !given.starts_with("-----BEGIN PGP SIGNED MESSAGE-----") {
        return failed("it is not signed: anybody on the way, or on the disk, can have written it");
    }
    if key.status != 200 {
        return failed(format!("it is signed, and the key is not at {KEY}"));
    }
    let key: OpenPgpCertificate = key.text().parse().map_err(wrong)?;
    // What stands outside of the signature is not read.
    let signed = key.verify(given).map_err(wrong)?;
    let made = Timestamp::from_second(signed.signed_at.into()).unwrap_or(Timestamp::MAX);
    if made > now.saturating_add(SKEW).unwrap_or(Timestamp::MAX) {
        return failed(format!("it was signed in the future, at {made:.0}"));
    }
    let text = signed.text;
    let all = |name: &str| -> Vec<&str> {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        let of = lines.filter(|(one, _)| one.trim().eq_ignore_ascii_case(name));
        of.map(|(_, value)| value.trim()).collect()
    };
    let contacts = all("contact");
    let reachable = |one: &&str| ["https://", "mailto:", "tel:"].iter().any(|s| one.starts_with(s));
    let Some(contact) = contacts.iter().find(|one| reachable(one)) else {
        return failed("it has no Contact that begins with https://, mailto: or tel:");
    };
    let [expires] = all("expires")[..] else { return failed("it must have one line Expires") };
    let until: Timestamp = expires
        .parse()
        .map_err(|_| Miss::Failed(format!("Expires is no time of RFC 3339: {expires:?}")))?;
    if until <= now {
        return failed(format!("it ran out at {until:.0}"));
    }
    if until.duration_since(now) > LIFE_MAX {
        return failed(format!("it runs until {until:.0}: nobody keeps a promise for so long"));
    }
    // A signed text without an address of its own could be another server's.
    let canonical = all("canonical");
    if !canonical.contains(&format!("{own}{PATH}").as_str()) {
        return failed(format!("it says that it belongs at {:?}", canonical.join(", ")));
    }
    let soon = if until.duration_since(now) < WARNING { ", which is soon" } else { "" };
    Ok(format!("{contact} until {until:.0}{soon}; signed by {}", key.fingerprint()))
}

fn wrong(error: seal::Error) -> Miss {
    Miss::Failed(error.to_string())
}

/// The text of a page that must be there.
fn page(walk: &mut Walk<'_>, path: &str) -> Result<String, Miss> {
    let answer = walk.visit.ask(&Request::get(path))?;
    match answer.status {
        200 => Ok(answer.text()),
        404 => Err(Miss::Failed(format!("there is nothing at {path}"))),
        status => Err(Miss::Unseen(format!("{path} answers {status}"))),
    }
}

fn form(walk: &mut Walk<'_>) -> Seen {
    let text = page(walk, FORM)?;
    let needs = ["<form", "method=\"post\"", "name=\"text\""];
    if let Some(missing) = needs.iter().find(|part| !text.contains(*part)) {
        return failed(format!("the page at {FORM} has no open form: {missing} is not there"));
    }
    let listed = page(walk, RECIPIENTS)?;
    let recipients: Result<Vec<AgeRecipient>, _> = listed.lines().map(str::parse).collect();
    match recipients.map_err(wrong)?.len() {
        0 => failed("it names nobody to whom reports are sealed"),
        count => Ok(format!("open; reports are sealed to {count} keys of age")),
    }
}

fn policy(walk: &mut Walk<'_>) -> Seen {
    let shown = page(walk, TERMS)?;
    let mut digests = Vec::new();
    // The page shows one language; the digest of that one's text stands on it.
    for language in ["en", "de"] {
        let text = page(walk, &format!("{TERMS}/{language}"))?;
        digests.push(hex::encode(seal::sha256(text.as_bytes())));
    }
    match digests.iter().find(|digest| shown.contains(*digest)) {
        Some(digest) => Ok(format!("published, SHA-256 {digest}")),
        None => failed("the page names another digest than its text has"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::{OpenPgpKey, Secret, SigningKey};

    fn key(seed: u8) -> OpenPgpKey {
        let key = SigningKey::from_seed(&Secret::new([seed; 32]));
        OpenPgpKey::new(key, 1_700_000_000, "security.txt of a.example")
    }

    #[test]
    fn a_file_says_where_to_write_or_what_is_wrong_with_it() {
        let good = "# us\nContact: mailto:security@a.example\nExpires: 2026-06-01T00:00:00Z\n\
                    Canonical: https://a.example/.well-known/security.txt\n";
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let answer = |status, text: String| Answer { status, headers: vec![], body: text.into() };
        let judged = |given: &str, key: &Answer, want: Result<&str, &str>| {
            let judged = judge((given, key), "https://a.example", now);
            match (&judged, want) {
                (Ok(said), Ok(part)) | (Err(Miss::Failed(said)), Err(part)) => {
                    assert!(said.contains(part), "{said}");
                }
                _ => panic!("{given}: {judged:?}"),
            }
        };
        let published = answer(200, key(1).published());
        let made = u32::try_from(now.as_second()).expect("before 2106");
        let check = |text: &str, want| judged(&key(1).sign(text, made), &published, want);
        check(good, Ok("signed by"));
        check(&good.replace("2026-06", "2026-01-2"), Err("RFC 3339"));
        check(&good.replace("2026-06-01", "2026-01-20"), Ok("soon"));
        check(&good.replace("mailto:security@", "security@"), Err("Contact"));
        check(&good.replace("Expires", "Expired"), Err("one line Expires"));
        check(&good.replace("2026-06", "2025-06"), Err("ran out"));
        check(&good.replace("2026-06", "2036-06"), Err("so long"));
        check(&good.replace("2026-06-01T00:00:00Z", "in June"), Err("RFC 3339"));
        check(&good.replace("https://a.example/", "https://b.example/"), Err("belongs"));
        check(&good.replace("Canonical", "Canon"), Err("belongs"));
        check(&(good.to_owned() + "Expires: 2026-07-01T00:00:00Z\n"), Err("one line"));
        let signed = key(1).sign(good, made);
        judged(good, &published, Err("not signed"));
        judged(&signed, &answer(404, String::new()), Err("the key is not at"));
        judged(&signed, &answer(200, key(2).published()), Err("another key"));
        judged(&signed.replace("security@", "thief@"), &published, Err("does not match"));
        judged(&format!("{signed}Contact: tel:1\n"), &published, Err("armour"));
        judged(&key(1).sign(good, made + 90_000), &published, Err("in the future"));
    }
}
