//! The twin's accounts: sessions with signed tokens, refresh families, and things that belong to people.

use super::{
    conduct::{Asked, Reply, problem},
    ledger::{Ledger, OWN, key, own_leaf},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use seal::VerifyingKey;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

pub const PASSWORD: &str = "correct horse";
/// Address, role, and the one thing that belongs to each.
pub const PEOPLE: [(&str, &str, &str); 2] = [
    ("one@twin.example", "trader", "01900000-0000-7000-8000-000000000001"),
    ("two@twin.example", "viewer", "01900000-0000-7000-8000-000000000002"),
];

/// The one whose authenticator is asked for.
const WITH_FACTOR: usize = 0;
pub const TOTP: &str = "JBSWY3DPEHPK3PXP";

/// In what the twin's accounts are made wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Nothing,
    /// Takes tokens without a signature.
    TakesNone,
    /// Takes tokens signed with the public key as a secret.
    Confuses,
    /// Does not look at signatures.
    Blind,
    /// Tokens last an hour.
    LongLived,
    /// Tokens are signed with a key that is not published.
    OtherKey,
    /// A refresh token works for ever.
    Reuses,
    /// A refresh token that came again leaves its session alive.
    LeavesAlive,
    /// Everybody may do everything.
    NoRoles,
    /// Shows everybody everything.
    Leaks,
    /// Says "forbidden" of what is another's, and "not found" of what is nobody's.
    Tells,
    /// Lists what is everybody's.
    Lists,
    /// Lets anybody remove anything.
    Removes,
    /// Lets a viewer write nothing, and looks at no owner where somebody may write.
    Gates,
    /// Changes what is another's, and says that it is not there.
    Alters,
    /// Offers nobody a second factor.
    NoFactor,
    /// Offers one that no authenticator takes.
    OddFactor,
    /// Takes a code again.
    TakesAgain,
    /// Sends codes by telephone.
    Telephones,
    /// Takes anything for an expression.
    Evaluates,
    /// Falls over deep nesting.
    Falls,
    /// Writes nothing down.
    Forgets,
    /// Proves another entry than the one that it was asked for.
    Misproves,
    /// Gives everybody's data away with one's own.
    GivesAll,
    /// Counts all calls together.
    CountsTogether,
    /// Counts nothing.
    CountsNothing,
}

#[derive(Default)]
struct State {
    /// By session: whose, the generation of its refresh token, and whether it lives.
    sessions: Vec<(usize, u32, bool)>,
    removed: Vec<String>,
    altered: bool,
    /// Codes of authenticators that let somebody in.
    codes: Vec<String>,
    /// Calls of each account.
    calls: [u32; PEOPLE.len()],
}

pub struct People {
    fault: Fault,
    state: Mutex<State>,
}

impl People {
    pub fn new(fault: Fault) -> Self {
        Self { fault, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    /// The answer of a route about accounts; none where it is no such route.
    pub fn answer(&self, asked: &Asked, ledger: &Ledger) -> Option<Reply> {
        let json = |value: Value| Reply::new(200, "application/json", value.to_string());
        let who = self.who(asked);
        Some(match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/.well-known/jwks.json") => {
                let x = URL_SAFE_NO_PAD.encode(key(21).verifying_key().as_bytes());
                json(json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "one", "x": x }] }))
            }
            ("POST", "/api/v1/sign-in") => return self.sign_in(asked),
            ("POST", "/api/v1/sign-in/factor") => self.factor(asked),
            ("POST", "/api/v1/session/refresh") => self.refresh(asked),
            ("GET", "/api/v1/session") => match who {
                Some(who) => {
                    json(json!({ "state": "signed_in", "account": { "role": PEOPLE[who].1 } }))
                }
                None => json(json!({ "state": "none" })),
            },
            (_, path) if path.starts_with("/api/v1/") && path != "/api/v1/no-such-route" => {
                match who {
                    _ if path.starts_with("/api/v1/sign-") || path == "/api/v1/letters" => {
                        return None;
                    }
                    None => problem(401),
                    Some(who) => self.inside(asked, who, ledger),
                }
            }
            _ => return None,
        })
    }

    fn sign_in(&self, asked: &Asked) -> Option<Reply> {
        let form: Value = serde_json::from_slice(&asked.body).ok()?;
        let who = PEOPLE.iter().position(|(email, ..)| form["email"] == *email)?;
        if form["password"] != PASSWORD {
            return Some(problem(401));
        }
        if who == WITH_FACTOR {
            let challenge = json!({ "challenge": "one" }).to_string();
            return Some(Reply::new(200, "application/json", challenge));
        }
        Some(self.let_in(who))
    }

    fn let_in(&self, who: usize) -> Reply {
        let mut state = self.state();
        state.sessions.push((who, 0, true));
        let session = state.sessions.len() - 1;
        self.cookies(Reply::new(200, "application/json", "{}"), session, (who, 0))
    }

    /// Any six digits are a code here, once.
    fn factor(&self, asked: &Asked) -> Reply {
        let form: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let code = form["code"].as_str().unwrap_or_default().to_owned();
        let is_code = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
        if form["challenge"] != "one" || form["kind"] != "totp" || !is_code {
            return problem(401);
        }
        let mut state = self.state();
        if state.codes.contains(&code) && self.fault != Fault::TakesAgain {
            return problem(401);
        }
        state.codes.push(code);
        drop(state);
        self.let_in(WITH_FACTOR)
    }

    fn cookies(&self, reply: Reply, session: usize, (who, generation): (usize, u32)) -> Reply {
        let guards = "Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Strict";
        let token = self.token(session, who);
        reply
            .with("set-cookie", format!("__Host-stockade-access={token}; {guards}"))
            .with("set-cookie", format!("__Host-stockade-refresh={session}-{generation}; {guards}"))
    }

    fn token(&self, session: usize, who: usize) -> String {
        let now = Timestamp::now().as_second();
        let life = if self.fault == Fault::LongLived { 3600 } else { 300 };
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "one" }));
        let body = part(json!({
            "iss": "twin", "aud": "twin", "sub": PEOPLE[who].0, "sid": session, "jti": "1",
            "iat": now, "exp": now + life,
        }));
        let secret = key(if self.fault == Fault::OtherKey { 22 } else { 21 });
        let signed = format!("{head}.{body}");
        let signature = URL_SAFE_NO_PAD.encode(secret.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn refresh(&self, asked: &Asked) -> Reply {
        let cookies = cookies(asked);
        let token = cookies.get("__Host-stockade-refresh").and_then(|text| text.split_once('-'));
        let number = |text: &str| text.parse::<usize>().ok();
        let Some((Some(session), Some(generation))) =
            token.map(|(session, generation)| (number(session), number(generation)))
        else {
            return problem(401);
        };
        let mut state = self.state();
        let Some(found) = state.sessions.get_mut(session) else { return problem(401) };
        let is_new = usize::try_from(found.1) == Ok(generation);
        if !is_new && self.fault != Fault::Reuses {
            found.2 = self.fault == Fault::LeavesAlive && found.2;
            return problem(401);
        }
        if !found.2 {
            return problem(401);
        }
        found.1 += 1;
        let (who, generation, _) = *found;
        self.cookies(Reply::new(204, "application/json", ""), session, (who, generation))
    }

    /// Whose token a request brings, if the twin believes it.
    fn who(&self, asked: &Asked) -> Option<usize> {
        let cookies = cookies(asked);
        let token = cookies.get("__Host-stockade-access")?;
        let parts: Vec<&str> = token.split('.').collect();
        let [head, body, signature] = parts[..] else { return None };
        let read = |part: &str| -> Option<Value> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let (header, payload) = (read(head)?, read(body)?);
        let signed = format!("{head}.{body}");
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let public = *key(if self.fault == Fault::OtherKey { 22 } else { 21 }).verifying_key();
        let good = |key: VerifyingKey| key.verify(signed.as_bytes(), &signature).is_ok();
        let is_good = match header["alg"].as_str()? {
            "EdDSA" => self.fault == Fault::Blind || good(public),
            "none" => self.fault == Fault::TakesNone,
            "HS256" => {
                let tag = seal::hmac_sha256(public.as_bytes(), signed.as_bytes());
                self.fault == Fault::Confuses && tag.as_slice() == signature
            }
            _ => false,
        };
        let session = usize::try_from(payload["sid"].as_u64()?).ok()?;
        let (who, _, lives) = *self.state().sessions.get(session)?;
        (is_good && lives).then_some(who)
    }

    /// What somebody gets who is signed in.
    fn inside(&self, asked: &Asked, who: usize, ledger: &Ledger) -> Reply {
        let json = |value: Value| Reply::new(200, "application/json", value.to_string());
        let all = || PEOPLE.iter().map(|(.., id)| json!({ "id": id })).collect::<Vec<_>>();
        if let Some(id) = asked.path.strip_prefix("/api/v1/things/") {
            return self.thing(asked, who, id);
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/api/v1/things") if self.fault == Fault::Lists => json(json!(all())),
            ("GET", "/api/v1/things") => json(json!([{ "id": PEOPLE[who].2 }])),
            ("GET", "/api/v1/routes") => json(published()),
            ("GET", "/api/v1/factors") => json(json!([])),
            ("GET", "/api/v1/sessions") => self.count(json(json!([])), who),
            ("POST", "/api/v1/factors/check") => {
                let may = PEOPLE[who].1 == "trader" || self.fault == Fault::NoRoles;
                if may { self.check(asked) } else { problem(403) }
            }
            (_, path) => path
                .strip_prefix("/api/v1/account")
                .map_or_else(|| problem(404), |path| self.account(path, who, ledger)),
        }
    }

    /// Says what is left of so many calls.
    fn count(&self, reply: Reply, who: usize) -> Reply {
        let mut state = self.state();
        let counted = if self.fault == Fault::CountsTogether { 0 } else { who };
        state.calls[counted] += 1;
        if self.fault == Fault::CountsNothing {
            return reply;
        }
        reply.with("ratelimit", format!("\"account\";r={};t=60", 3000 - state.calls[counted]))
    }

    /// What is wrong with an expression: here there is one that is right.
    fn check(&self, asked: &Asked) -> Reply {
        let form: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let text = form["text"].as_str().unwrap_or_default();
        if self.fault == Fault::Falls && text.starts_with("((((") {
            return problem(500);
        }
        let is_right = text == "rank(close)" || self.fault == Fault::Evaluates;
        let told = if is_right {
            json!({ "problems": [], "expression": { "canonical": text } })
        } else {
            json!({ "problems": [{ "code": "unknown" }], "expression": null })
        };
        Reply::new(200, "application/json", told.to_string())
    }

    /// What somebody sees of the own account.
    fn account(&self, path: &str, who: usize, ledger: &Ledger) -> Reply {
        let json = |value: Value| Reply::new(200, "application/json", value.to_string());
        match path {
            "" => {
                let kind = if self.fault == Fault::Telephones { "phone" } else { "totp" };
                json(json!({ "email": PEOPLE[who].0, "factors": [{ "kind": kind }] }))
            }
            "/totp/begin" if self.fault == Fault::NoFactor => problem(404),
            "/totp/begin" => {
                let digits = if self.fault == Fault::OddFactor { 8 } else { 6 };
                let secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
                let uri = format!("otpauth://totp/Twin:a?secret={secret}&digits={digits}");
                json(json!({ "ticket": "1", "totp": { "uri": uri } }))
            }
            "/history?limit=50" if self.fault == Fault::Forgets => json(json!({ "entries": [] })),
            "/history?limit=50" => json(json!({ "entries": [own_line()] })),
            "/history/299/receipt" => {
                let other = if self.fault == Fault::Misproves { OWN - 1 } else { OWN };
                Reply::new(200, "text/plain", ledger.receipt(other))
            }
            "/export" => {
                let all = self.fault == Fault::GivesAll;
                let whose = PEOPLE.iter().enumerate().filter(|(n, _)| all || *n == who);
                let lines =
                    whose.map(|(_, (email, ..))| format!("{}\n", json!({ "email": email })));
                Reply::new(200, "application/jsonl", lines.collect::<String>())
            }
            _ => problem(404),
        }
    }

    fn thing(&self, asked: &Asked, who: usize, id: &str) -> Reply {
        let owner = PEOPLE.iter().position(|(.., own)| *own == id);
        let is_own = owner == Some(who);
        let mut state = self.state();
        if state.removed.iter().any(|gone| gone == id) {
            return problem(404);
        }
        match (asked.method.as_str(), self.fault) {
            ("DELETE", Fault::Removes) if owner.is_some() => {
                state.removed.push(id.to_owned());
                // And says nothing of it.
                problem(404)
            }
            ("DELETE", Fault::Alters) if owner.is_some() => {
                state.altered = true;
                problem(404)
            }
            ("DELETE", Fault::Gates) if PEOPLE[who].1 == "viewer" => problem(403),
            (_, Fault::Leaks) if owner.is_some() => Reply::new(200, "application/json", "{}"),
            (_, Fault::Tells) if owner.is_some() && !is_own => problem(403),
            ("GET", _) if is_own && state.altered => Reply::new(200, "application/json", "[]"),
            ("GET", _) if is_own => Reply::new(200, "application/json", "{}"),
            _ => problem(404),
        }
    }
}

/// The one entry that everybody is told of.
fn own_line() -> Value {
    let leaf = own_leaf();
    let (kind, time) = (leaf.kind().as_str(), leaf.time().to_string());
    json!({ "index": OWN, "kind": kind, "time": time, "leaf_hash": hex::encode(leaf.hash()) })
}

fn cookies(asked: &Asked) -> BTreeMap<String, String> {
    let pairs = asked.header("cookie").split("; ").filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn published() -> Value {
    let row = |method: &str, path: &str, roles: Value| json!({ "method": method, "path": path, "level": "read", "permission": "p", "roles": roles });
    let both = json!(["trader", "viewer"]);
    let open = |method: &str, path: &str| json!({ "method": method, "path": path, "open": "why not", "permission": null });
    json!({ "routes": [
        open("GET", "/health"),
        open("GET", "/api/v1/session"),
        open("POST", "/api/v1/sign-in"),
        row("GET", "/api/v1/routes", both.clone()),
        row("GET", "/api/v1/sessions", both.clone()),
        row("GET", "/api/v1/factors", both.clone()),
        row("POST", "/api/v1/factors/check", json!(["trader"])),
        row("GET", "/api/v1/things", both.clone()),
        row("GET", "/api/v1/things/{id}", both.clone()),
        row("DELETE", "/api/v1/things/{id}", both),
    ] })
}
