//! Where a finder of a fault is told to write: `security.txt` (RFC 9116).

use crate::{Answer, Miss, Probe, Seen, failed, run::Walk, unseen, visit::Request};
use jiff::{SignedDuration, Timestamp};

const PATH: &str = "/.well-known/security.txt";
/// The RFC recommends less than a year (§2.5.5); a leap day is forgiven.
const LIFE_MAX: SignedDuration = SignedDuration::from_hours(24 * 366);

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[Probe {
    name: "security-txt",
    what: "A security.txt that has not run out says where to write",
    command: "curl -s https://$HOST/.well-known/security.txt",
    look,
}];

fn look(walk: &mut Walk<'_>) -> Seen {
    let answer = walk.visit.ask(&Request::get(PATH))?;
    match answer.status {
        200 => judge(&answer, &walk.visit.target().to_string(), walk.visit.now()),
        404 => failed(format!("there is none at {PATH}")),
        status => unseen(format!("{PATH} answers {status}")),
    }
}

fn judge(answer: &Answer, own: &str, now: Timestamp) -> Seen {
    let kind = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if !kind.starts_with("text/plain") {
        return failed(format!("it comes as {kind:?} and not as text/plain"));
    }
    let text = answer.text();
    let is_signed = text.contains("-----BEGIN PGP SIGNED MESSAGE-----");
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
    let canonical = all("canonical");
    if !canonical.is_empty() && !canonical.contains(&format!("{own}{PATH}").as_str()) {
        return failed(format!("it says that it belongs at {}", canonical.join(", ")));
    }
    let signed = if is_signed { "; signed, the signature is not checked" } else { "" };
    Ok(format!("{contact} until {until:.0}{signed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_where_to_write_or_what_is_wrong_with_it() {
        let good = "# us\nContact: mailto:security@a.example\nExpires: 2026-06-01T00:00:00Z\n\
                    Canonical: https://a.example/.well-known/security.txt\n";
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        let check = |text: &str, kind: &str, want: Result<(), &str>| {
            let headers = vec![("content-type".to_owned(), kind.to_owned())];
            let answer = Answer { status: 200, headers, body: text.into() };
            let judged = judge(&answer, "https://a.example", now);
            match (&judged, want) {
                (Ok(_), Ok(())) => {}
                (Err(Miss::Failed(why)), Err(part)) => assert!(why.contains(part), "{why}"),
                _ => panic!("{text}: {judged:?}"),
            }
        };
        let plain = "text/plain; charset=utf-8";
        check(good, plain, Ok(()));
        check(good, "text/html", Err("text/plain"));
        check(&good.replace("mailto:security@", "security@"), plain, Err("Contact"));
        check(&good.replace("Expires", "Expired"), plain, Err("one line Expires"));
        check(&good.replace("2026-06", "2025-06"), plain, Err("ran out"));
        check(&good.replace("2026-06", "2036-06"), plain, Err("so long"));
        check(&good.replace("2026-06-01T00:00:00Z", "in June"), plain, Err("RFC 3339"));
        check(&good.replace("https://a.example/", "https://b.example/"), plain, Err("belongs"));
        check(&(good.to_owned() + "Expires: 2026-07-01T00:00:00Z\n"), plain, Err("one line"));
    }
}
