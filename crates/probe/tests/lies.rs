//! For every probe a server that is wrong in that thing alone: the probe finds it, and no other cries out.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests with servers of their own, on threads"
)]

mod twin;

use probe::Outcome::{Broken, Held, Unseen};
use std::sync::Arc;
use twin::{Asked, Plan, Reply, Twin, agreed, offered, said, told, with};

#[test]
fn a_good_server_is_found_good() {
    let found = Twin::start(Plan::default()).visited(&[]);
    assert_eq!(with(&found, Broken), Vec::<&str>::new(), "{}", told(&found));
    assert_eq!(with(&found, Unseen), Vec::<&str>::new(), "{}", told(&found));
    assert!(with(&found, Held).len() >= 19);
    assert!(found.asked < 250, "{} requests are not polite", found.asked);
}

/// A twin with this lie fails these probes, and no others.
fn check(what: &str, plan: Plan, fails: &[&str]) {
    let found = Twin::start(plan).visited(&[]);
    assert_eq!(with(&found, Broken), fails, "{what}: {}", told(&found));
}

fn lying(lie: impl Fn(&Asked, Reply) -> Reply + Send + Sync + 'static) -> Plan {
    Plan { lie: Arc::new(lie), ..Plan::default() }
}

/// One header, changed on one kind of answer.
fn header(status: u16, name: &'static str, value: &'static str) -> Plan {
    lying(move |_, reply| if reply.status == status { reply.set(name, value) } else { reply })
}

#[test]
fn a_header_that_is_wrong_on_one_kind_of_answer_is_found() {
    let csp = "content-security-policy";
    let hsts = "strict-transport-security";
    let good = twin::conduct::ALWAYS.iter().find(|(name, _)| *name == csp).unwrap().1;
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    for (status, name, value, fails) in [
        (404, hsts, "", &["hsts", "hsts-preload"][..]),
        (304, hsts, "", &["hsts", "hsts-preload"]),
        (400, hsts, "max-age=86400; includeSubDomains; preload", &["hsts", "hsts-preload"]),
        (200, hsts, "max-age=31536000", &["hsts-preload"]),
        (405, "x-frame-options", "SAMEORIGIN", &["frames"]),
        (413, csp, leak(good.replace("frame-ancestors 'none'; ", "")), &["frames"]),
        (415, "x-content-type-options", "", &["nosniff"]),
        (421, "x-xss-protection", "1; mode=block", &["xss-filter"]),
        (401, "referrer-policy", "unsafe-url", &["referrer"]),
        (422, "permissions-policy", "camera=(self), microphone=()", &["permissions"]),
        (
            200,
            csp,
            leak(good.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'")),
            &["xss-filter", "content-policy"],
        ),
        (404, "cross-origin-resource-policy", "cross-origin", &["cross-origin"]),
        (401, "cache-control", "", &["no-store"]),
    ] {
        check(&format!("{name} {value} on {status}"), header(status, name, value), fails);
    }
}

#[test]
fn a_header_that_files_alone_lack_is_found() {
    for (path, name, fails) in [
        ("/a.js", "strict-transport-security", &["hsts", "hsts-preload"][..]),
        ("/a.css", "x-content-type-options", &["nosniff"]),
        ("/security/style.css", "x-frame-options", &["frames"]),
        ("/security", "referrer-policy", &["referrer"]),
    ] {
        let plan =
            lying(move |asked, reply| if asked.path == path { reply.set(name, "") } else { reply });
        check(&format!("no {name} on {path}"), plan, fails);
    }
    let found = Twin::start(Plan::default()).visited(&["nosniff"]);
    let seen = said(&found, "nosniff");
    assert!(seen.ends_with("3 scripts and styles among them; no 5xx was provoked"), "{seen}");
}

#[test]
fn a_handshake_that_should_be_refused_is_found() {
    let takes = |version: u16, suites: &'static [u16]| Plan {
        greeter: Arc::new(move |hello| {
            let (offered, list) = offered(hello)?;
            let suite = list.iter().find(|one| suites.is_empty() || suites.contains(one))?;
            // TLS 1.3 says it is 1.2 here, with suites of its own.
            (offered == version && list[0] >> 8 != 0x13).then(|| agreed(version, *suite))
        }),
        ..Plan::default()
    };
    for (version, suites, fails) in [
        (0x0300, &[][..], "tls-old-versions"),
        (0x0301, &[], "tls-old-versions"),
        (0x0302, &[], "tls-old-versions"),
        (0x0303, &[0xc011], "tls-weak-suites"),
        (0x0303, &[0x000a], "tls-weak-suites"),
        (0x0303, &[0xc013], "tls-weak-suites"),
        (0x0303, &[0x009c], "tls-weak-suites"),
        (0x0303, &[0x0018], "tls-weak-suites"),
        (0x0303, &[0x0001], "tls-weak-suites"),
    ] {
        check(&format!("{version:04x} {suites:04x?}"), takes(version, suites), &[fails]);
    }
}

#[test]
fn a_server_that_lacks_a_good_handshake_is_found() {
    let without = |is_old: bool| Plan {
        greeter: Arc::new(move |hello| {
            let (version, suites) = offered(hello)?;
            let is_new = suites.iter().any(|one| one >> 8 == 0x13);
            // A good client offers both; only who offers one alone is turned away.
            let alone = suites.iter().all(|one| (one >> 8 == 0x13) == is_new) && suites.len() < 8;
            (version == 0x0303 && alone && is_new != is_old).then(|| vec![21, 3, 3, 0, 2, 2, 70])
        }),
        ..Plan::default()
    };
    let found = Twin::start(without(true)).visited(&["tls-1.2", "tls-1.3", "tls-old-versions"]);
    assert_eq!(with(&found, Broken), ["tls-1.2"], "{}", told(&found));
    let found = Twin::start(without(false)).visited(&["tls-1.2", "tls-1.3", "tls-old-versions"]);
    assert_eq!(with(&found, Broken), ["tls-1.3"], "{}", told(&found));
    check("no hybrid group", Plan { hybrid: false, ..Plan::default() }, &["tls-hybrid"]);
}

#[test]
fn silence_of_a_server_that_speaks_no_tls_refuses_nothing() {
    let strange = Plan { greeter: Arc::new(|_| Some(b"SSH-2.0\r\n".to_vec())), ..Plan::default() };
    let found = Twin::start(strange).visited(&["tls-1.2", "tls-old-versions", "tls-weak-suites"]);
    assert_eq!(with(&found, Held), Vec::<&str>::new());
    let silent = Plan { greeter: Arc::new(|_| Some(Vec::new())), ..Plan::default() };
    let found = Twin::start(silent).visited(&["tls-old-versions", "tls-weak-suites"]);
    assert_eq!(with(&found, Unseen), ["tls-old-versions", "tls-weak-suites"]);
}

#[test]
fn a_certificate_that_is_not_believed_is_found_and_nothing_is_seen_behind_it() {
    for (what, plan) in [
        ("another name", Plan { name: "other.example", ..Plan::default() }),
        ("run out", Plan { days: -1, ..Plan::default() }),
    ] {
        let found = Twin::start(plan).visited(&[]);
        assert_eq!(with(&found, Broken), ["tls-hybrid", "certificate"], "{what}");
        assert!(!with(&found, Held).contains(&"frames"), "{what}");
    }
    let twin = Twin::start(Plan::default());
    let ask = probe::Ask { only: vec!["certificate"], ..probe::Ask::default() };
    let look = |trust: &probe::Trust| {
        let now = jiff::Timestamp::now;
        let found = probe::visit(&twin.target(), trust, &ask, now, |_| ()).unwrap();
        found.sights[0].outcome
    };
    assert_eq!(look(&probe::Trust::Web), Broken, "an authority that nobody knows");
    assert_eq!(look(&probe::Trust::Fingerprint(seal::sha256(&twin.root))), Held);
    assert_eq!(look(&probe::Trust::Fingerprint([7; 32])), Broken);
}

#[test]
fn a_redirect_that_is_none_is_found() {
    let plain = |plain| Plan { plain, ..Plan::default() };

    for (what, speak) in [
        ("a page", (|_, _| Reply::new(200, "text/html", "hello")) as fn(&Asked, u16) -> Reply),
        ("for now", |asked, port| Reply { status: 302, ..twin::conduct::sent_on(asked, port) }),
        ("without TLS", |_, _| {
            Reply::new(301, "text/plain", "").with("location", "http://twin.example/some/page")
        }),
        ("elsewhere", |asked, _| {
            let place = format!("https://evil.example{}", asked.path);
            Reply::new(301, "text/plain", "").with("location", place)
        }),
        ("the API", |asked, port| {
            if asked.path.starts_with("/api/") {
                Reply::new(200, "application/json", "{}")
            } else {
                twin::conduct::sent_on(asked, port)
            }
        }),
    ] {
        check(what, plain(speak), &["redirect"]);
    }
}

#[test]
fn a_cookie_a_page_and_a_route_that_are_wrong_are_found() {
    let cookie = |from: &'static str, to: &'static str| {
        lying(move |asked, mut reply| {
            for (name, value) in &mut reply.headers {
                if name == "set-cookie" && asked.path == "/api/v1/sign-out" {
                    *value = value.replace(from, to);
                }
            }
            reply
        })
    };
    check("not Secure", cookie("; Secure", ""), &["cookies"]);
    check("of a domain", cookie("__Host-", ""), &["cookies"]);
    let page = |path: &'static str, body: &'static str| {
        lying(move |asked, reply| {
            if asked.path == path && reply.status == 200 {
                Reply { body: body.into(), ..reply }
            } else {
                reply
            }
        })
    };
    let script = "<script src=\"https://www.googletagmanager.com/gtag.js\"></script>";
    check("a foreign script", page("/", script), &["first-party"]);
    check("a foreign font", page("/a.css", "@import url(//fonts.example/a)"), &["first-party"]);
    let open = |path: &'static str, method: &'static str, status: u16, bearer: &'static str| {
        lying(move |asked, reply| {
            if asked.is(method, path)
                && reply.status == 401
                && asked.header("authorization").starts_with(bearer)
            {
                Reply { status, ..reply }
            } else {
                reply
            }
        })
    };
    let sessions = open("/api/v1/things", "GET", 200, "");
    check("a route that lets anyone in", sessions, &["anonymous"]);
    check(
        "one that believes any token",
        open("/api/v1/things", "GET", 200, "Bearer"),
        &["anonymous"],
    );
    let factors = open("/api/v1/factors/check", "POST", 422, "");
    check("expressions for anyone", factors, &["anonymous", "anonymous-factors"]);
    let scripts =
        lying(
            |asked, reply| {
                if asked.path == "/api/v1/letters" { Reply { status: 202, ..reply } } else { reply }
            },
        );
    check("whoever asks registers", scripts, &["scripted-sign-up"]);
    let slow = Twin::start(lying(|asked, reply| {
        if asked.path.starts_with("/api/v1/factors") {
            Reply { status: 429, ..reply }
        } else {
            reply
        }
    }));
    let found = slow.visited(&["anonymous", "anonymous-factors"]);
    assert_eq!(with(&found, Unseen), ["anonymous", "anonymous-factors"]);
    assert!(said(&found, "anonymous").contains("slower"));
}

#[test]
fn a_contact_that_nobody_can_rely_on_is_found() {
    fn replaced(reply: Reply, from: &str, to: &str) -> Reply {
        let text = String::from_utf8_lossy(&reply.body).replace(from, to);
        Reply { body: text.into_bytes(), ..reply }
    }
    let at = |path: &'static str, change: fn(Reply) -> Reply| {
        lying(move |asked, reply| if asked.path == path { change(reply) } else { reply })
    };
    let txt = "/.well-known/security.txt";
    let unsigned = |reply: Reply| {
        let body = b"Contact: mailto:a@b.example\nExpires: 2099-01-01T00:00:00Z\n".to_vec();
        Reply { body, ..reply }
    };
    let fails = &["security-txt"][..];
    check("none", at(txt, |reply| Reply { status: 404, ..reply }), fails);
    check("not signed", at(txt, unsigned), fails);
    check("another contact", at(txt, |reply| replaced(reply, "security@", "thief@")), fails);
    let key = "/.well-known/stockade/security-key.asc";
    check("no key", at(key, |reply| Reply { status: 404, ..reply }), fails);
    let closed = |reply| replaced(reply, "method=\"post\"", "hidden");
    check("no form", at("/security/report", closed), &["report-form"]);
    let nobody = |reply: Reply| Reply { body: b"age1nobody\n".to_vec(), ..reply };
    check("no recipient", at("/security/report/recipients", nobody), &["report-form"]);
    let changed = lying(|asked, reply| {
        if asked.path.starts_with("/security/policy/") {
            replaced(reply, "90 days", "900 days")
        } else {
            reply
        }
    });
    check("other terms than were published", changed, &["policy"]);
}

#[test]
fn a_server_without_a_limit_is_found() {
    let boundless = lying(|asked, reply| match (asked.path.as_str(), reply.status) {
        ("/api/v1/session", 429) => Reply { status: 200, ..reply },
        _ => reply,
    });
    check("no limit", boundless, &["burst"]);
    check("no Retry-After", header(429, "retry-after", ""), &["burst"]);
    check("a lock-out", header(429, "retry-after", "86400"), &["burst"]);
    let twin = Twin::start(Plan::default());
    let found = twin.visited_as(&probe::Ask { burst: probe::Burst::No, ..twin.ask() });
    assert!(with(&found, Unseen).contains(&"burst"), "it is asked for or not done");
}

#[test]
fn a_visit_ends_with_its_bounds_and_says_what_it_did_not_see() {
    let twin = Twin::start(Plan::default());
    let bounds = probe::Bounds { requests: 40, ..probe::Bounds::default() };
    let found = twin.visited_as(&probe::Ask { bounds, ..twin.ask() });
    assert!(found.asked <= 40, "{}", found.asked);
    assert_eq!(with(&found, Broken), Vec::<&str>::new());
    assert!(said(&found, "isolation").contains("bound of requests"), "{}", told(&found));
}
