//! The attributes of every cookie that is set.

use crate::{Answer, Probe, Seen, failed, unseen};

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[Probe {
    name: "cookies",
    what: "Every cookie is Secure, HttpOnly, SameSite=Strict and bound to this host",
    command: "curl -si -X POST -H 'content-type: application/json' -d '{}' https://$HOST/api/v1/sign-out | grep -i set-cookie",
    look: |walk| {
        let answers: Vec<Answer> = walk.shown()?.iter().map(|one| one.answer.clone()).collect();
        let mut names = Vec::new();
        for answer in answers.iter().chain(&walk.signed_in) {
            for line in answer.all("set-cookie") {
                names.push(guarded(line)?);
            }
        }
        names.sort_unstable();
        names.dedup();
        if names.is_empty() { unseen("no answer set a cookie") } else { Ok(names.join(", ")) }
    },
}];

/// The name of a cookie whose line has every guard.
fn guarded(line: &str) -> Seen {
    let mut parts = line.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().split('=').next().unwrap_or_default();
    let parts: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
    let has = |what: &str| parts.iter().any(|one| one == what);
    for (fine, what) in [
        (name.starts_with("__Host-"), "is not named __Host-…"),
        (has("secure"), "is not Secure"),
        (has("httponly"), "is not HttpOnly"),
        (has("samesite=strict"), "is not SameSite=Strict"),
        (has("path=/"), "has no Path=/"),
        (!parts.iter().any(|one| one.starts_with("domain")), "names a Domain"),
    ] {
        if !fine {
            return failed(format!("{name} {what}"));
        }
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_without_one_guard_is_found() {
        let good = "__Host-a=1; Max-Age=9; Path=/; Secure; HttpOnly; SameSite=Strict";
        assert_eq!(guarded(good), Ok("__Host-a".to_owned()));
        for (from, to) in [
            ("__Host-a", "a"),
            ("; Secure", ""),
            ("; HttpOnly", ""),
            ("SameSite=Strict", "SameSite=Lax"),
            ("Path=/", "Path=/api"),
            ("; Secure", "; Secure; Domain=a.example"),
        ] {
            assert!(guarded(&good.replace(from, to)).is_err(), "{to}");
        }
    }
}
