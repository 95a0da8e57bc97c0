//! What a test account can do for itself: how it enters, what it may compute, what is written down of it,
//! what it may take away, and what of it is counted.

use crate::{
    Answer, Miss, Probe, Seen,
    accounts::{STEP_SECONDS, Session},
    failed,
    log::wrong,
    run::Walk,
    unseen,
    visit::Request,
};
use serde_json::{Value, json};

/// What is read of an account's own entries, to find the sign-in of this visit among them.
const HISTORY: &str = "/api/v1/account/history?limit=50";
const CHECK: &str = "/api/v1/factors/check";
const EXPORT: &str = "/api/v1/account/export";

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[
    Probe {
        name: "second-factor",
        what: "Every account can have a second factor, by any authenticator (RFC 6238)",
        command: "curl -s -X POST -H \"cookie: $COOKIES\" https://$HOST/api/v1/account/totp/begin | jq -r .totp.uri",
        look: offered,
    },
    Probe {
        name: "code-reuse",
        what: "A code of an authenticator is good once",
        command: "oathtool --totp -b $SECRET",
        look: reused,
    },
    Probe {
        name: "no-telephone",
        what: "No route and no second factor goes by telephone",
        command: "curl -s https://$HOST/openapi.json | grep -ciE '\"[^\"]*(s[m]s|phone)[^\"]*\"'",
        look: telephone,
    },
    Probe {
        name: "expressions",
        what: "Attacks written as expressions are refused with a reason each, and nothing else happens",
        command: "curl -s -H \"cookie: $COOKIES\" -H 'content-type: application/json' -d '{\"text\":\"__import__(\\\"os\\\")\"}' https://$HOST/api/v1/factors/check",
        look: expressions,
    },
    Probe {
        name: "own-entry",
        what: "What an account did stands in the log, with a proof that leads to its key",
        command: "stockade audit verify RECEIPT --key \"$(curl -s https://$HOST/log/key)\"",
        look: written_down,
    },
    Probe {
        name: "own-export",
        what: "An account takes away what is its own, and nothing of another's",
        command: "curl -s -X POST -H \"cookie: $COOKIES\" https://$HOST/api/v1/account/export",
        look: taken_away,
    },
    Probe {
        name: "own-quota",
        what: "Calls weigh what is published, and count for whoever makes them alone",
        command: "curl -si -H \"cookie: $COOKIES\" https://$HOST/api/v1/sessions | grep -i ratelimit",
        look: counted,
    },
];

/// Every account that came in, and what it is offered.
fn offered(walk: &mut Walk<'_>) -> Seen {
    let sessions = walk.first(1)?;
    for session in &sessions {
        let path = "/api/v1/account/totp/begin";
        let request = Request::json("POST", path, &json!({})).with("cookie", session.line());
        let answer = walk.visit.ask(&request)?;
        slowed(&answer)?;
        if answer.status != 200 {
            let (email, status) = (&session.email, answer.status);
            return failed(format!("{email} is offered none: {path} answers {status}"));
        }
        let given = answer.json(path)?;
        let uri = given.pointer("/totp/uri").and_then(Value::as_str).unwrap_or_default();
        if let Some(why) = unusual(uri) {
            return failed(format!("{}: an authenticator would not take it: {why}", session.email));
        }
    }
    let asked = sessions.iter().filter(|session| session.by_factor).count();
    Ok(format!("{} accounts are offered one, {asked} came in by theirs", sessions.len()))
}

/// What common authenticators do not read in an address of a key: they take SHA-1, six digits, thirty seconds,
/// and no other (Google Authenticator's key URI format).
fn unusual(uri: &str) -> Option<&'static str> {
    let Some((_, query)) =
        uri.strip_prefix("otpauth://totp/").and_then(|rest| rest.split_once('?'))
    else {
        return Some("it is no otpauth address");
    };
    let says = |name: &str| {
        query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
    };
    let is =
        |name, usual: &str| says(name).is_none_or(|(_, value)| value.eq_ignore_ascii_case(usual));
    match () {
        () if says("secret").is_none_or(|(_, value)| value.len() < 26) => {
            Some("its secret has fewer than 128 bits")
        }
        () if !is("algorithm", "SHA1") => Some("not by SHA-1"),
        () if !is("digits", "6") => Some("not of six digits"),
        () if !is("period", "30") => Some("not of thirty seconds"),
        () => None,
    }
}

/// A code that let somebody in, once more.
fn reused(walk: &mut Walk<'_>) -> Seen {
    walk.first(1)?;
    let Some(mut used) = walk.used_code.clone() else {
        return unseen("an account with a totp in the file of --accounts would show it");
    };
    // One that is over would be refused for that alone: then another lets its owner in first.
    if walk.visit.now().as_second() / STEP_SECONDS != used.step {
        walk.sign_in(&used.account)?;
        used = walk.used_code.clone().unwrap_or(used);
    }
    let email = &used.account.email;
    let entered = walk.enter(&used.account)?;
    if entered.challenge.is_none() {
        return failed(format!("{email}: no code is asked for any more"));
    }
    let answer = walk.show(&entered, "totp", &used.code)?;
    slowed(&answer)?;
    match answer.status {
        status @ 400..=499 => Ok(format!("the code that let {email} in gets {status}")),
        status => failed(format!("the code that let {email} in gets {status} again")),
    }
}

/// The short message service, whose name no source of ours spells.
const SHORT: &str = concat!("s", "ms");

/// Names that would go by telephone.
fn telephone(walk: &mut Walk<'_>) -> Seen {
    let routes = walk.routes()?;
    let is_one = |text: &str| {
        let mut words =
            text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase);
        words.any(|word| {
            matches!(word.as_str(), SHORT | "phone" | "mobile" | "telephone" | "msisdn")
        })
    };
    if let Some(route) = routes.iter().find(|route| is_one(&route.path)) {
        return failed(route.name());
    }
    let mut kinds = 0;
    for session in walk.first(1)? {
        let request = Request::get("/api/v1/account").with("cookie", session.line());
        let answer = walk.visit.ask(&request)?;
        slowed(&answer)?;
        if answer.status == 200 && is_one(&answer.text()) {
            return failed(format!("{} is entered by telephone", session.email));
        }
        kinds += usize::from(answer.status == 200);
    }
    Ok(format!("{} routes and {kinds} accounts", routes.len()))
}

/// What somebody would type who wants out of the language, and what it is called.
fn attacks() -> Vec<(&'static str, String)> {
    let mut all: Vec<(&'static str, String)> = [
        ("an import", "__import__('os').system('id')"),
        ("an evaluation", "eval('1+1')"),
        ("an attribute", "close.__class__.__mro__"),
        ("a file", "open('/etc/passwd')"),
        ("a lambda", "(lambda: close)()"),
        ("a list of names", "[x for x in ().__class__.__bases__]"),
        ("a template", "${7*7}"),
        ("a shell's word", "close; rm -rf /"),
        ("a statement of SQL", "close'; DROP TABLE accounts; --"),
        ("an assignment", "close = 1"),
        ("an index", "globals()['os']"),
        ("a name that is none", "environment"),
        ("the future", "ema(close, -10)"),
        ("NUL", "close\u{0}"),
        ("a direction", "close\u{202e} + 1"),
    ]
    .map(|(what, text)| (what, text.to_owned()))
    .to_vec();
    all.push(("5,000 parentheses", format!("{}close{}", "(".repeat(5_000), ")".repeat(5_000))));
    all.push(("5,000 signs", format!("{}close", "-".repeat(5_000))));
    all.push(("a long sum", vec!["close"; 20_000].join("+")));
    all
}

fn expressions(walk: &mut Walk<'_>) -> Seen {
    let sessions = walk.first(1)?;
    let mut said = |session: &Session, text: &str| -> Result<(u16, Option<bool>), Miss> {
        let request = Request::json("POST", CHECK, &json!({ "text": text }));
        let answer = walk.visit.ask(&request.with("cookie", session.line()))?;
        slowed(&answer)?;
        let value = if answer.status == 200 { answer.json(CHECK).ok() } else { None };
        let is_clean = value.map(|value| {
            let problems = value.get("problems").and_then(Value::as_array);
            problems.is_some_and(Vec::is_empty)
                && value.get("expression").is_some_and(Value::is_object)
        });
        Ok((answer.status, is_clean))
    };
    let mut who = None;
    for session in &sessions {
        // A role that computes nothing says nothing of the language.
        match said(session, "rank(close)")? {
            (403, _) => {}
            (200, Some(true)) => who = Some(session.clone()),
            (status, _) => {
                return unseen(format!("rank(close) gets {status}, so a refusal says nothing"));
            }
        }
    }
    let Some(session) = who else { return unseen("no account may look at an expression") };
    let all = attacks();
    for (what, text) in &all {
        match said(&session, text)? {
            (200, Some(false)) | (400 | 413 | 422, _) => {}
            (200, _) => return failed(format!("{what} is taken for an expression")),
            (status, _) => return failed(format!("{what} gets {status}")),
        }
    }
    Ok(format!("{} attacks have a reason each, rank(close) is taken", all.len()))
}

/// The newest own entry, and the receipt that holds it in the log.
fn written_down(walk: &mut Walk<'_>) -> Seen {
    let sessions = walk.first(1)?;
    let Some(session) = sessions.into_iter().next() else { return unseen("nobody signed in") };
    let answer = walk.visit.ask(&Request::get(HISTORY).with("cookie", session.line()))?;
    slowed(&answer)?;
    if answer.status != 200 {
        return failed(format!("{HISTORY} answers {}", answer.status));
    }
    let list = answer.json(HISTORY)?;
    let text = |entry: &Value, name: &str| {
        entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let entries = list.get("entries").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(entry) = entries.first() else {
        return failed(format!("{} signed in, and nothing is written down of it", session.email));
    };
    let (kind, time, hash) = (text(entry, "kind"), text(entry, "time"), text(entry, "leaf_hash"));
    let Some(index) = entry.get("index").and_then(Value::as_u64) else {
        return failed("an entry has no number");
    };
    let path = format!("/api/v1/account/history/{index}/receipt");
    let answer = walk.visit.ask(&Request::get(&path).with("cookie", session.line()))?;
    slowed(&answer)?;
    if answer.status != 200 {
        return failed(format!("{kind}, entry {index}: its receipt answers {}", answer.status));
    }
    let key = walk.head()?.key;
    let proved = audit::verify_receipt(&answer.text(), &key).map_err(wrong)?;
    let is_same = proved.index == index
        && proved.leaf.kind().as_str() == kind
        && hex::encode(proved.leaf.hash()) == hash.to_ascii_lowercase();
    if !is_same {
        return failed(format!("the receipt of entry {index} proves another one"));
    }
    let said = proved.leaf.time();
    if (walk.visit.now().as_second() - said.as_second()).abs() > YOUNG_SECONDS {
        return failed(format!(
            "the newest own entry is {kind} of {time}, and this sign-in is not there"
        ));
    }
    Ok(format!("{kind} is entry {index} of {}", proved.checkpoint.size))
}

/// A sign-in of this visit is no older, clocks that differ counted in.
const YOUNG_SECONDS: i64 = 900;

/// What the first account takes away.
fn taken_away(walk: &mut Walk<'_>) -> Seen {
    let sessions = walk.first(2)?;
    let [one, other, ..] = &sessions[..] else { return unseen("two people did not sign in") };
    let request = Request::json("POST", EXPORT, &json!({})).with("cookie", one.line());
    let answer = walk.visit.ask(&request)?;
    slowed(&answer)?;
    if answer.status != 200 {
        return failed(format!("{EXPORT} answers {}", answer.status));
    }
    let text = answer.text();
    if text.lines().any(|line| serde_json::from_str::<Value>(line).is_err()) {
        return failed("what is taken away is no list of JSON lines");
    }
    if !text.contains(&one.email) {
        return failed(format!("{} is not in what {0} takes away", one.email));
    }
    if text.contains(&other.email) {
        return failed(format!("{} is in what {} takes away", other.email, one.email));
    }
    Ok(format!("{} lines of {}, none of {}", text.lines().count(), one.email, other.email))
}

/// What is left of an account's calls, by `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10).
fn counted(walk: &mut Walk<'_>) -> Seen {
    let sessions = walk.first(2)?;
    let [one, other, ..] = &sessions[..] else { return unseen("two people did not sign in") };
    let mut left = |session: &Session| -> Result<Option<i64>, Miss> {
        let answer =
            walk.visit.ask(&Request::get("/api/v1/sessions").with("cookie", session.line()))?;
        slowed(&answer)?;
        let fields = answer.header("ratelimit").unwrap_or_default();
        let number =
            fields.split(';').find_map(|part| part.trim().strip_prefix("r=")?.parse().ok());
        Ok(number)
    };
    let (Some(before), Some(others)) = (left(one)?, left(other)?) else {
        return failed("no answer says what is left: there is no RateLimit");
    };
    for _ in 0..5 {
        left(one)?;
    }
    let (Some(after), Some(others_after)) = (left(one)?, left(other)?) else {
        return failed("an answer does not say what is left");
    };
    if before - after < 6 {
        return failed(format!("six calls of {} took {} of its quota", one.email, before - after));
    }
    if others - others_after > 1 {
        return failed(format!(
            "calls of {} took {} of {}'s quota",
            one.email,
            others - others_after,
            other.email
        ));
    }
    Ok(format!("{after} and {others_after} are left, counted apart"))
}

/// A server that slows the visitor down shows nothing.
fn slowed(answer: &Answer) -> Result<(), Miss> {
    if answer.status == 429 { unseen("the server said: slower") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_every_authenticator_takes_are_usual() {
        let good = "otpauth://totp/Stockade:a%40b.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEH&issuer=Stockade";
        assert_eq!(unusual(good), None);
        assert_eq!(unusual(&format!("{good}&digits=6&period=30&algorithm=SHA1")), None);
        for (uri, why) in [
            (good.replace("totp/", "hotp/"), "no otpauth"),
            (good.replace("JBSWY3DPEHPK3PXPJBSWY3DPEH", "JBSWY3DP"), "128 bits"),
            (format!("{good}&digits=8"), "six digits"),
            (format!("{good}&period=60"), "thirty seconds"),
            (format!("{good}&algorithm=SHA256"), "SHA-1"),
        ] {
            assert!(unusual(&uri).is_some_and(|said| said.contains(why)), "{uri}");
        }
    }
}
