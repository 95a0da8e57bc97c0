//! Servers whose log, word, accounts or records are wrong: the probe finds it, and no other cries out.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests with servers of their own, on threads"
)]

mod twin;

use probe::Outcome::{Broken, Held, Unseen};
use std::sync::Arc;
use twin::{Asked, Plan, Reply, Twin, said, told, with};

/// A twin with this lie fails these probes, and no others.
fn check(what: &str, plan: Plan, fails: &[&str]) {
    let found = Twin::start(plan).visited(&[]);
    assert_eq!(with(&found, Broken), fails, "{what}: {}", told(&found));
}

fn lying(lie: impl Fn(&Asked, Reply) -> Reply + Send + Sync + 'static) -> Plan {
    Plan { lie: Arc::new(lie), ..Plan::default() }
}

#[test]
fn a_log_that_does_not_go_on_is_found() {
    use twin::ledger::{Ledger, honest, rewritten};
    let of = |ledger| Plan { ledger, ..Plan::default() };
    let text = |path: &'static str, change: fn(String) -> String| {
        lying(move |asked, reply| {
            if asked.path == path {
                let text = change(String::from_utf8_lossy(&reply.body).into_owned());
                Reply { body: text.into_bytes(), ..reply }
            } else {
                reply
            }
        })
    };
    let all = &["log-signature", "log-consistency", "log-witnesses"][..];
    for (what, plan, fails) in [
        ("cut back", of(Ledger::new(1, 260, honest)), &["log-consistency"][..]),
        ("written anew", of(Ledger::new(1, 300, rewritten)), &["log-consistency"]),
        ("the same size, another root", of(Ledger::new(1, 270, rewritten)), &["log-consistency"]),
        ("another key", of(Ledger::new(2, 300, honest)), &["log-signature", "log-consistency"]),
        ("a forged size", text("/log/checkpoint", |t| t.replace("\n300\n", "\n301\n")), all),
        ("no log any more", text("/log/key", |_| String::new()), all),
        (
            "a witness who did not sign",
            text("/log/witnessed", |t| t.replace("witness.example", "stranger.example")),
            &["log-witnesses"],
        ),
        (
            "a tile that is altered",
            lying(|asked, mut reply| {
                if asked.path.starts_with("/log/tile/0/") {
                    reply.body[0] ^= 1;
                }
                reply
            }),
            &["log-consistency", "log-witnesses"],
        ),
    ] {
        let found =
            Twin::start(plan).visited(&["log-signature", "log-consistency", "log-witnesses"]);
        assert_eq!(with(&found, Broken), fails, "{what}: {}", told(&found));
        assert!(found.memory.is_none(), "{what} is not remembered as good");
    }
    // Who comes for the first time believes nothing yet, and remembers what was shown.
    let twin = Twin::start(Plan::default());
    let ask =
        probe::Ask { memory: None, only: vec!["log-signature", "log-consistency"], ..twin.ask() };
    let found = twin.visited_as(&ask);
    assert_eq!(with(&found, Unseen), ["log-signature", "log-consistency"]);
    assert!(said(&found, "log-signature").contains("first use, not checked"));
    let pinned = probe::Ask { log_key: Some(found.memory.unwrap().log_key), ..ask };
    assert_eq!(with(&twin.visited_as(&pinned), Held), ["log-signature"]);
}

#[test]
fn a_posture_that_is_not_to_be_believed_is_found() {
    let misstating = |misstate| Plan { misstate, ..Plan::default() };
    let swapped = lying(|asked, reply| {
        if asked.path.ends_with("/posture.json") {
            // One letter of the base 64 of the payload.
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            let at = text.find("payload\":\"").unwrap() + 100;
            let letter = if &text[at..=at] == "A" { "B" } else { "A" };
            let text = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
            Reply { body: text.into_bytes(), ..reply }
        } else {
            reply
        }
    });
    let none = lying(|asked, reply| {
        if asked.path.ends_with("/posture.json") { Reply { status: 404, ..reply } } else { reply }
    });
    let both = &["posture", "posture-page"][..];
    for (what, plan, fails) in [
        (
            "stale",
            misstating(|posture| posture.made_at -= jiff::SignedDuration::from_hours(2)),
            both,
        ),
        ("of 1970", misstating(|posture| posture.made_at = jiff::Timestamp::UNIX_EPOCH), both),
        (
            "of another certificate",
            misstating(|posture| posture.spki_sha256 = "00".repeat(32)),
            both,
        ),
        ("signed by another key", Plan { signer: 6, ..Plan::default() }, both),
        ("altered", swapped, both),
        ("none", none, both),
        (
            "of another server",
            misstating(|p| p.subject = "https://other.example".into()),
            &both[..1],
        ),
        ("without a claim", misstating(|posture| drop(posture.rows.remove(7))), &both[..1]),
        (
            "on another log",
            misstating(|posture| {
                let other = twin::ledger::Ledger::new(9, 4, twin::ledger::honest);
                posture.log_key = other.signer.verifier().to_string();
                posture.checkpoint = other.note(4);
            }),
            &both[..1],
        ),
        (
            "on another history of the log",
            misstating(|posture| {
                let other = twin::ledger::Ledger::new(1, 280, twin::ledger::rewritten);
                posture.checkpoint = other.note(280);
            }),
            &both[..1],
        ),
    ] {
        check(what, plan, fails);
    }
}

#[test]
fn a_page_that_says_something_else_is_found() {
    let page = |change: fn(String) -> String| {
        lying(move |asked, reply| {
            if asked.path == "/security" {
                let text = change(String::from_utf8_lossy(&reply.body).into_owned());
                Reply { body: text.into_bytes(), ..reply }
            } else {
                reply
            }
        })
    };
    let both = &["posture", "posture-page"][..];
    for (what, plan, fails) in [
        ("a page that leaves a claim out", page(|t| t.replace("id=\"M13\"", "")), &both[1..]),
        (
            "a page that says more than is signed",
            page(|t| t.replace("<h3>M01</h3><p>not met", "<h3>M01</h3><p>self-tested")),
            &both[1..],
        ),
        (
            "a page about another certificate",
            page(|t| t.replace(", until 20", ", until 19")),
            &["page-certificate"],
        ),
        ("another issuer", page(|t| t.replace("rcgen", "Nobody's")), &["page-certificate"]),
    ] {
        check(what, plan, fails);
    }
}

#[test]
fn a_health_that_fails_or_is_not_to_be_believed_is_found() {
    use audit::posture::Standing;
    let ailing = |ail| Plan { ail, ..Plan::default() };
    let none = lying(|asked, reply| {
        if asked.path.ends_with("/health.json") { Reply { status: 404, ..reply } } else { reply }
    });
    for (what, plan) in [
        ("a part that fails", ailing(|health| health.parts[0].standing = Standing::Failing)),
        ("one that is not needed", ailing(|health| health.parts[1].standing = Standing::Failing)),
        ("one that nobody looked at", ailing(|health| health.parts[0].probed_at = None)),
        (
            "one that was looked at long ago",
            ailing(|health| {
                let at = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(11);
                health.parts[0].probed_at = Some(at);
            }),
        ),
        (
            "one that was looked at long ago, which is said to count for ever",
            ailing(|health| {
                let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(2);
                (health.parts[1].probed_at, health.parts[1].fresh_s) = (Some(at), u64::MAX);
            }),
        ),
        ("no part", ailing(|health| health.parts.clear())),
        (
            "no part that there is",
            ailing(|health| health.parts.iter_mut().for_each(|p| p.standing = Standing::Off)),
        ),
        (
            "a word of two hours ago",
            ailing(|health| health.made_at -= jiff::SignedDuration::from_hours(2)),
        ),
        ("of another certificate", ailing(|health| health.spki_sha256 = "00".repeat(32))),
        ("none", none),
    ] {
        check(what, plan, &["health"]);
    }
    // One that somebody should look at is told to who runs the server, and fails nobody.
    check("a warning", ailing(|health| health.parts[1].standing = Standing::Warning), &[]);
}

#[test]
fn whoever_comes_for_the_first_time_does_not_hear_the_servers_word() {
    let twin = Twin::start(Plan::default());
    let ask = probe::Ask { memory: None, ..twin.ask() };
    let found = twin.visited_as(&ask);
    assert!(said(&found, "posture").contains("first use, not checked"), "{}", told(&found));
    assert!(found.words.is_empty());
    let again = twin.visited_as(&probe::Ask { memory: found.memory, ..ask });
    assert!(with(&again, Held).contains(&"posture"), "{}", told(&again));
    assert_eq!(again.words.len(), 132);
}

#[test]
fn accounts_that_are_not_kept_apart_are_found() {
    use twin::people::Fault;
    for (fault, fails) in [
        (Fault::TakesNone, &["token-forged"][..]),
        (Fault::Confuses, &["token-forged"]),
        (Fault::Blind, &["token-forged"]),
        (Fault::LongLived, &["token-facts"]),
        (Fault::OtherKey, &["token-facts"]),
        (Fault::Reuses, &["refresh-reuse"]),
        (Fault::LeavesAlive, &["refresh-reuse"]),
        (Fault::NoRoles, &["roles"]),
        (Fault::Leaks, &["isolation"]),
        (Fault::Tells, &["isolation"]),
        (Fault::Lists, &["isolation"]),
        (Fault::Removes, &["isolation"]),
        (Fault::Alters, &["isolation"]),
        (Fault::NoFactor, &["second-factor"]),
        (Fault::OddFactor, &["second-factor"]),
        (Fault::TakesAgain, &["code-reuse"]),
        (Fault::Telephones, &["no-telephone"]),
        (Fault::Evaluates, &["expressions"]),
        (Fault::Falls, &["expressions"]),
        (Fault::Forgets, &["own-entry"]),
        (Fault::Misproves, &["own-entry"]),
        (Fault::GivesAll, &["own-export"]),
        (Fault::CountsTogether, &["own-quota"]),
        (Fault::CountsNothing, &["own-quota"]),
    ] {
        check(&format!("{fault:?}"), Plan { fault, ..Plan::default() }, fails);
    }
    // Without accounts nothing of it is seen, and nothing is said of it.
    let twin = Twin::start(Plan::default());
    let alone = twin.visited_as(&probe::Ask { accounts: Vec::new(), ..twin.ask() });
    for probe in [
        "token-facts",
        "token-forged",
        "roles",
        "isolation",
        "second-factor",
        "code-reuse",
        "no-telephone",
        "expressions",
        "own-entry",
        "own-export",
        "own-quota",
        "refresh-reuse",
    ] {
        assert!(with(&alone, Unseen).contains(&probe), "{probe}: {}", told(&alone));
    }
}

#[test]
fn who_may_not_write_at_all_shows_nothing_of_whose_a_thing_is() {
    let twin = Twin::start(Plan { fault: twin::people::Fault::Gates, ..Plan::default() });
    let found = twin.visited(&["isolation"]);
    assert_eq!(with(&found, Unseen), ["isolation"], "{}", told(&found));
    let seen = said(&found, "isolation");
    assert!(seen.contains("not reached: DELETE /api/v1/things/{id} (403)"), "{seen}");
    // What is another thing each time it is read is no sign that somebody changed it.
    let count = std::sync::atomic::AtomicU32::new(0);
    let restless = lying(move |asked, reply| {
        if asked.method == "GET" && asked.path.starts_with("/api/v1/things/") && reply.status == 200
        {
            let count = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Reply { body: count.to_string().into_bytes(), ..reply }
        } else {
            reply
        }
    });
    check("a thing that changes by itself", restless, &[]);
}

#[test]
fn lists_of_routes_that_contradict_each_other_are_found() {
    let guarded = r#""get": { "security": [{ "session": [] }] } },"#;
    let things = format!(r#""/api/v1/things": {{ {guarded}"#);
    let edited = |path: &'static str, from: String, to: &'static str| {
        lying(move |asked, reply| {
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            if asked.path != path || reply.status != 200 {
                return reply;
            }
            assert!(text.contains(&from), "{text}");
            Reply { body: text.replace(&from, to).into_bytes(), ..reply }
        })
    };
    let (document, table) = ("/openapi.json", "/api/v1/routes");
    let row = |roles: &str| {
        format!(
            r#"{{"level":"read","method":"GET","path":"/api/v1/things","permission":"p","roles":[{roles}]}},"#
        )
    };
    let row = row(r#""trader","viewer""#);
    let open = r#"{"level":null,"method":"GET","path":"/api/v1/things","permission":null},"#;
    let both = &["anonymous", "roles"][..];
    for (what, plan) in [
        ("a route that the document hides", edited(document, things.clone(), "")),
        ("one that it calls open", edited(document, things, r#""/api/v1/things": { "get": {} },"#)),
        ("a route that the table hides", edited(table, row.clone(), "")),
        ("one that it calls open, too", edited(table, row, open)),
    ] {
        check(what, plan, both);
    }
    let twin = Twin::start(Plan::default());
    let found = twin.visited(&["anonymous", "roles"]);
    for probe in ["anonymous", "roles"] {
        assert!(said(&found, probe).contains("3 are open to anyone"), "{}", said(&found, probe));
    }
    assert!(said(&found, "anonymous").ends_with("by both its lists"));
    let ask = probe::Ask { accounts: Vec::new(), only: vec!["anonymous"], ..twin.ask() };
    assert!(said(&twin.visited_as(&ask), "anonymous").ends_with("by its own list"));
}

#[test]
fn a_mail_domain_that_lets_others_write_is_found() {
    let twin = Twin::start(Plan::default());
    let look = |records| {
        let resolver = Some(twin::names::start(records));
        let only = vec!["mail-records"];
        twin.visited_as(&probe::Ask { resolver, only, ..twin.ask() })
    };
    for (name, texts, why) in [
        ("twin.example", &[][..], "0 SPF records"),
        ("twin.example", &["v=spf1 -all", "v=spf1 +all"], "2 SPF records"),
        ("twin.example", &["v=spf1 +all"], "lets anyone send"),
        ("_dmarc.twin.example", &[], "0 DMARC records"),
        ("_dmarc.twin.example", &["v=DMARC1; p=none"], "p=none"),
        ("key1._domainkey.twin.example", &[], "no DKIM key"),
        ("key1._domainkey.twin.example", &["v=DKIM1; p="], "no DKIM key"),
    ] {
        let mut records = twin::names::good();
        records.insert(name.to_owned(), texts.iter().map(|text| (*text).to_owned()).collect());
        let found = look(records);
        assert_eq!(with(&found, Broken), ["mail-records"], "{name} {texts:?}");
        assert!(said(&found, "mail-records").contains(why), "{}", told(&found));
    }
    // A resolver that does not answer is no finding about the domain.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let resolver = silent.local_addr().ok();
    let only = vec!["mail-records"];
    let found = twin.visited_as(&probe::Ask { resolver, only, ..twin.ask() });
    assert_eq!(with(&found, Unseen), ["mail-records"]);
}
