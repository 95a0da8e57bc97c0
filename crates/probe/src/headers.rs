//! What every answer must carry, whatever its status.

use crate::{
    Probe, Seen, failed, page,
    run::Walk,
    shown::{Shown, statuses},
    unseen,
};

/// One year, as the preload list asks for.
const YEAR: u64 = 31_536_000;

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[
    Probe {
        name: "hsts",
        what: "Strict-Transport-Security for a year on every answer",
        command: "curl -sI https://$HOST/no-such-file.txt | grep -i strict-transport-security",
        look: |walk| {
            named(walk)?;
            every(walk, "strict-transport-security", |value| max_age(value) >= YEAR)
        },
    },
    Probe {
        name: "hsts-preload",
        what: "The header is what the preload list asks for (presence on the list is not looked up)",
        command: "curl -sI https://$HOST/ | grep -i strict-transport-security",
        look: |walk| {
            named(walk)?;
            let seen = every(walk, "strict-transport-security", |value| {
                let has = |what| directives(value).any(|one| one.eq_ignore_ascii_case(what));
                max_age(value) >= YEAR && has("includeSubDomains") && has("preload")
            })?;
            Ok(format!("eligible; whether it is listed, hstspreload.org says: {seen}"))
        },
    },
    Probe {
        name: "frames",
        what: "No page may be framed: X-Frame-Options and frame-ancestors",
        command: "curl -sI https://$HOST/ | grep -iE 'x-frame-options|frame-ancestors'",
        look: |walk| {
            let seen = every(walk, "x-frame-options", |value| value.eq_ignore_ascii_case("deny"))?;
            every(walk, "content-security-policy", |value| {
                policy(value, "frame-ancestors").is_some_and(|list| list == ["'none'"])
            })?;
            Ok(seen)
        },
    },
    Probe {
        name: "nosniff",
        what: "Content types are not guessed: X-Content-Type-Options",
        command: "curl -sI https://$HOST/ | grep -i x-content-type-options",
        look: |walk| every(walk, "x-content-type-options", |value| value == "nosniff"),
    },
    Probe {
        name: "xss-filter",
        what: "X-XSS-Protection is 0: the old filter is off, and a policy of content is on instead",
        command: "curl -sI https://$HOST/ | grep -iE 'x-xss-protection|content-security-policy'",
        look: |walk| {
            let seen = every(walk, "x-xss-protection", |value| value == "0")?;
            every(walk, "content-security-policy", strict)?;
            Ok(seen)
        },
    },
    Probe {
        name: "referrer",
        what: "Addresses of pages are told to nobody else: Referrer-Policy",
        command: "curl -sI https://$HOST/ | grep -i referrer-policy",
        look: |walk| {
            let fine =
                ["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"];
            every(walk, "referrer-policy", |value| fine.contains(&value))
        },
    },
    Probe {
        name: "permissions",
        what: "No page may use camera, microphone, place or payment: Permissions-Policy",
        command: "curl -sI https://$HOST/ | grep -i permissions-policy",
        look: |walk| {
            every(walk, "permissions-policy", |value| {
                let denied: Vec<&str> = value.split(',').map(str::trim).collect();
                ["camera=()", "microphone=()", "geolocation=()", "payment=()", "usb=()"]
                    .iter()
                    .all(|one| denied.contains(one))
            })
        },
    },
    Probe {
        name: "content-policy",
        what: "Nothing inline, nothing from elsewhere, Trusted Types: Content-Security-Policy",
        command: "curl -sI https://$HOST/ | grep -i content-security-policy",
        look: |walk| every(walk, "content-security-policy", strict),
    },
    Probe {
        name: "cross-origin",
        what: "Other origins are kept out of our windows and our answers: COOP, CORP, COEP",
        command: "curl -sI https://$HOST/ | grep -i cross-origin",
        look: |walk| {
            every(walk, "cross-origin-opener-policy", |value| value == "same-origin")?;
            every(walk, "cross-origin-resource-policy", |value| value == "same-origin")?;
            every(walk, "cross-origin-embedder-policy", |value| value == "require-corp")
        },
    },
    Probe {
        name: "no-store",
        what: "Answers of the API are kept by no cache",
        command: "curl -sI https://$HOST/api/v1/session | grep -i cache-control",
        look: |walk| {
            let shown = walk.shown()?;
            let data: Vec<Shown> =
                shown.iter().filter(|one| one.path.starts_with("/api/")).cloned().collect();
            on_all(&data, "cache-control", |value| {
                directives_by(value, ',').any(|one| one == "no-store")
            })
        },
    },
];

fn named(walk: &Walk<'_>) -> Result<(), crate::Miss> {
    if walk.visit.target().is_public_name() {
        return Ok(());
    }
    unseen("browsers keep strict transport for names of the net alone, and this is none")
}

fn every(walk: &mut Walk<'_>, name: &str, fine: impl Fn(&str) -> bool) -> Seen {
    on_all(walk.shown()?, name, fine)
}

/// The header stands once on all of them, and says what it should.
fn on_all(shown: &[Shown], name: &str, fine: impl Fn(&str) -> bool) -> Seen {
    let kinds = |class: u16| shown.iter().any(|one| one.answer.status / 100 == class);
    if !kinds(2) || !kinds(4) {
        return unseen(format!("only answers with {} were got", statuses(shown)));
    }
    for Shown { path, answer } in shown {
        let status = answer.status;
        let values: Vec<&str> = answer.all(name).collect();
        match values.as_slice() {
            [] => return failed(format!("{name} is missing on the {status} of {path}")),
            [value] if fine(value) => {}
            [value] => return failed(format!("{name} is {value:?} on the {status} of {path}")),
            _ => return failed(format!("{name} stands more than once on the {status} of {path}")),
        }
    }
    let value = shown.first().and_then(|one| one.answer.header(name)).unwrap_or_default();
    let value: String = value.chars().take(60).collect();
    let is_file = |one: &&Shown| page::is_script(&one.path) || page::is_style(&one.path);
    let files = shown.iter().filter(is_file).count();
    let lacking = if kinds(5) { "" } else { "; no 5xx was provoked" };
    Ok(format!("{value} on {}, {files} scripts and styles among them{lacking}", statuses(shown)))
}

fn directives(value: &str) -> impl Iterator<Item = &str> {
    directives_by(value, ';')
}

fn directives_by(value: &str, sign: char) -> impl Iterator<Item = &str> {
    value.split(sign).map(str::trim)
}

/// Seconds; none where the header says nothing that a browser reads.
fn max_age(value: &str) -> u64 {
    let found = directives(value).find_map(|one| one.strip_prefix("max-age="));
    found.and_then(|digits| digits.trim_matches('"').parse().ok()).unwrap_or(0)
}

/// The sources of a directive.
fn policy<'a>(value: &'a str, name: &str) -> Option<Vec<&'a str>> {
    directives(value).find_map(|one| {
        let mut words = one.split_ascii_whitespace();
        words.next().filter(|first| first.eq_ignore_ascii_case(name)).map(|_| words.collect())
    })
}

/// A policy under which no injected text runs, and no page talks to another origin.
fn strict(value: &str) -> bool {
    let own = ["'self'", "'none'", "data:", "blob:"];
    let fetched = |name: &str| -> Option<Vec<&str>> {
        policy(value, name).or_else(|| policy(value, "default-src"))
    };
    let sources = ["default-src", "script-src", "style-src", "connect-src", "img-src", "font-src"];
    let inside =
        |name: &&str| fetched(name).is_some_and(|list| list.iter().all(|s| own.contains(s)));
    let script = fetched("script-src").unwrap_or_default();
    let typed = policy(value, "require-trusted-types-for").is_some_and(|list| list == ["'script'"]);
    let base = policy(value, "base-uri").is_some_and(|list| list.iter().all(|s| own.contains(s)));
    sources.iter().all(inside)
        && !script.iter().any(|source| matches!(*source, "data:" | "blob:"))
        && typed
        && base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_strict_or_it_is_not() {
        let good = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                    connect-src 'self'; base-uri 'none'; require-trusted-types-for 'script'";
        assert!(strict(good));
        for (from, to) in [
            ("script-src 'self'", "script-src 'self' 'unsafe-inline'"),
            ("script-src 'self'", "script-src 'self' data:"),
            ("script-src 'self'", "script-src https:"),
            ("style-src 'self'", "style-src 'self' 'unsafe-inline'"),
            ("connect-src 'self'", "connect-src 'self' https://a.example"),
            ("default-src 'none'", "default-src *"),
            ("base-uri 'none'; ", ""),
            ("; require-trusted-types-for 'script'", ""),
        ] {
            assert!(good.contains(from), "{from}");
            assert!(!strict(&good.replace(from, to)), "{to}");
        }
        assert!(!strict(""));
    }

    #[test]
    fn a_year_is_a_year() {
        for (value, age) in [
            ("max-age=31536000", YEAR),
            ("max-age=63072000; includeSubDomains; preload", 2 * YEAR),
            ("includeSubDomains; max-age=1", 1),
            ("max-age=\"31536000\"", YEAR),
            ("max-age=-1", 0),
            ("", 0),
        ] {
            assert_eq!(max_age(value), age, "{value}");
        }
    }
}
