//! Test accounts that a visitor brings, and how they sign in.

use crate::{Answer, Error, Miss, failed, run::Walk, unseen, visit::Request};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use seal::Secret;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
};

const BYTES_MAX: u64 = 64 << 10;
/// Accounts of a file, at most.
const ACCOUNTS_MAX: usize = 8;
/// Zero bits that are worked for, at most: a server that asks for more is not worth it.
const BITS_MAX: u64 = 24;
/// Bytes of a puzzle, at most: it is hashed for each try.
const PUZZLE_BYTES_MAX: usize = 256;
/// Tries from one look at the clock to the next.
const TRIES: u64 = 1_024;
/// How long an authenticator shows a code.
pub(crate) const STEP_SECONDS: i64 = 30;

/// An account of the visitor's own, made to be tried.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its address.
    pub email: String,
    password: Secret<String>,
    factor: Factor,
    /// Things of its own that stand in no list, by the beginning of their paths.
    pub(crate) things: BTreeMap<String, String>,
}

/// How an account shows its second factor.
#[derive(Debug, Clone)]
enum Factor {
    /// It has none.
    None,
    /// By the secret of an authenticator, in base 32.
    Totp(Secret<String>),
    /// By a recovery code, which is used up.
    Recovery(Secret<String>),
}

/// How far address and password let somebody in.
pub(crate) struct Entered {
    pub session: Session,
    /// What a second factor is shown to, where one is asked for.
    pub challenge: Option<String>,
    answer: Answer,
}

/// A code of an authenticator that let somebody in.
#[derive(Debug, Clone)]
pub(crate) struct UsedCode {
    pub account: Account,
    pub code: Secret<String>,
    /// The thirty seconds that it was of.
    pub step: i64,
}

/// Somebody who has signed in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub email: String,
    pub role: String,
    /// Whether a second factor was shown.
    pub by_factor: bool,
    pub cookies: BTreeMap<String, String>,
}

impl Session {
    /// The line that a browser sends.
    pub(crate) fn line(&self) -> String {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// Takes the cookies that an answer sets, and lets go of those that it clears.
    pub(crate) fn take(&mut self, answer: &Answer) {
        for line in answer.all("set-cookie") {
            let (pair, rest) = line.split_once(';').unwrap_or((line, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            if rest.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Account {
    /// One without a second factor.
    #[must_use]
    pub fn new(email: &str, password: Secret<String>) -> Self {
        let (email, things) = (email.to_owned(), BTreeMap::new());
        Self { email, password, factor: Factor::None, things }
    }

    /// One that an authenticator belongs to, by the secret in base 32.
    #[must_use]
    pub fn with_totp(self, secret: Secret<String>) -> Self {
        Self { factor: Factor::Totp(secret), ..self }
    }

    /// What the second factor shows now, and of which kind it is.
    fn code(&self, now: i64) -> Result<(&'static str, Secret<String>), Miss> {
        match &self.factor {
            Factor::None => unseen(format!("{}: a second factor is asked for", self.email)),
            Factor::Recovery(code) => Ok(("recovery", code.clone())),
            Factor::Totp(secret) => match totp(secret.expose(), now) {
                Some(code) => Ok(("totp", code.into())),
                None => unseen(format!("{}: totp is not in base 32", self.email)),
            },
        }
    }

    /// Reads a file that only its owner can read: `{"accounts": [{"email", "password", "totp"}]}`, with
    /// `recovery` in place of `totp` or neither, and `things` (`{"/api/v1/factors/studies/": ID}`) that stand in
    /// no list.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let failed = |source| Error::File { doing: "read", path: path.to_owned(), source };
        let wrong = |why| Error::Accounts { path: path.to_owned(), why };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(wrong("others can read it: chmod 600"));
        }
        let mut text = String::new();
        let file = File::open(path).map_err(failed)?;
        file.take(BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
        let text = Secret::new(text);
        let value: Value =
            serde_json::from_str(text.expose()).map_err(|_| wrong("it is no JSON"))?;
        let list = value.get("accounts").and_then(Value::as_array);
        let list = list.ok_or_else(|| wrong("it has no list named accounts"))?;
        if list.len() > ACCOUNTS_MAX {
            return Err(wrong("it has more than 8 accounts"));
        }
        let one = |value: &Value| {
            let text = |name| value.get(name).and_then(Value::as_str).map(str::to_owned);
            let factor = match (text("totp"), text("recovery")) {
                (Some(secret), None) => Factor::Totp(secret.into()),
                (None, Some(code)) => Factor::Recovery(code.into()),
                (None, None) => Factor::None,
                (Some(_), Some(_)) => return None,
            };
            let things = value.get("things").and_then(Value::as_object).into_iter().flatten();
            let things =
                things.filter_map(|(path, id)| Some((path.clone(), id.as_str()?.to_owned())));
            let (email, password) = (text("email")?, text("password")?.into());
            Some(Self { email, password, factor, things: things.collect() })
        };
        let read: Option<Vec<Self>> = list.iter().map(one).collect();
        read.ok_or_else(|| {
            wrong("an account needs email and password, and totp or recovery where it has them")
        })
    }
}

impl Walk<'_> {
    /// Everybody of the file, signed in once. Nobody's password goes to a server that is not believed:
    /// the connection asks for a good certificate before anything is said.
    pub(crate) fn sessions(&mut self) -> Result<Vec<Session>, Miss> {
        if let Some(sessions) = &self.sessions {
            return sessions.clone();
        }
        let mut sessions = Vec::new();
        let mut signed = Ok(());
        for account in &self.ask.accounts {
            match self.sign_in(account) {
                Ok(session) => sessions.push(session),
                Err(miss) => signed = Err(miss),
            }
        }
        let told = signed.map(|()| sessions);
        self.sessions = Some(told.clone());
        told
    }

    /// The first so many of them.
    pub(crate) fn first(&mut self, count: usize) -> Result<Vec<Session>, Miss> {
        if self.ask.accounts.len() < count {
            let who = if count == 1 { "a test account" } else { "two test accounts" };
            return unseen(format!("{who} would show it: give a file with --accounts"));
        }
        self.sessions()
    }

    /// Shows an address and its password: who is let in by them so far, with the challenge where a second
    /// factor is asked for.
    pub(crate) fn enter(&mut self, account: &Account) -> Result<Entered, Miss> {
        let form = json!({ "email": account.email, "password": account.password.expose() });
        let mut answer = self.post("/api/v1/sign-in", &form)?;
        if answer.status == 429 && answer.text().contains("\"work\"") {
            answer = self.post_worked("/api/v1/sign-in", &form)?;
        }
        let mut session = Session {
            email: account.email.clone(),
            role: String::new(),
            by_factor: false,
            cookies: BTreeMap::new(),
        };
        session.take(&answer);
        let told = expect_in(account, &answer)?;
        let challenge = told.get("challenge").and_then(Value::as_str).map(str::to_owned);
        Ok(Entered { session, challenge, answer })
    }

    /// Shows a second factor to a challenge.
    pub(crate) fn show(
        &mut self,
        entered: &Entered,
        kind: &str,
        code: &Secret<String>,
    ) -> Result<Answer, Miss> {
        let challenge = entered.challenge.as_deref().unwrap_or_default();
        let factor = json!({ "challenge": challenge, "kind": kind, "code": code.expose() });
        let request = Request::json("POST", "/api/v1/sign-in/factor", &factor);
        let request = if entered.session.cookies.is_empty() {
            request
        } else {
            request.with("cookie", entered.session.line())
        };
        Ok(self.visit.ask(&request)?)
    }

    pub(crate) fn sign_in(&mut self, account: &Account) -> Result<Session, Miss> {
        let mut entered = self.enter(account)?;
        let mut answer = entered.answer.clone();
        if entered.challenge.is_some() {
            let now = self.visit.now().as_second();
            let (kind, code) = account.code(now)?;
            answer = self.show(&entered, kind, &code)?;
            expect_in(account, &answer)?;
            entered.session.take(&answer);
            entered.session.by_factor = true;
            if matches!(account.factor, Factor::Totp(_)) {
                let (account, step) = (account.clone(), now / STEP_SECONDS);
                self.used_code = Some(UsedCode { account, code, step });
            }
        }
        self.signed_in.push(answer);
        let mut session = entered.session;
        let request = Request::get("/api/v1/session").with("cookie", session.line());
        let who = self.visit.ask(&request)?.json("/api/v1/session")?;
        let role = who.pointer("/account/role").and_then(Value::as_str);
        let Some(role) = role else {
            return failed(format!("{}: signed in, and nobody", account.email));
        };
        role.clone_into(&mut session.role);
        Ok(session)
    }

    fn post(&mut self, path: &str, body: &Value) -> Result<Answer, Miss> {
        Ok(self.visit.ask(&Request::json("POST", path, body))?)
    }

    /// Does the work that a server asks of who is not known to it.
    fn post_worked(&mut self, path: &str, body: &Value) -> Result<Answer, Miss> {
        let given = self.visit.ask(&Request::get("/api/v1/puzzle"))?.json("/api/v1/puzzle")?;
        let bits = given.get("bits").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let puzzle = given.get("puzzle").and_then(Value::as_str).unwrap_or_default();
        let is_fair = (1..=PUZZLE_BYTES_MAX).contains(&puzzle.len())
            && puzzle.bytes().all(|byte| byte.is_ascii_graphic());
        if bits > BITS_MAX || !is_fair {
            return unseen("the server asks for more work than a visit does");
        }
        let mut answer = None;
        for number in 0..1_u64 << 40 {
            if number.is_multiple_of(TRIES) && self.visit.patience().is_err() {
                break;
            }
            answer = Some(format!("{number:x}")).filter(|answer| zeros(puzzle, answer) >= bits);
            if answer.is_some() {
                break;
            }
        }
        let Some(answer) = answer else {
            return unseen("the server's puzzle takes longer than a visit waits");
        };
        let request = Request::json("POST", path, body);
        Ok(self.visit.ask(&request.with("stockade-work", format!("{puzzle}.{answer}")))?)
    }
}

/// Zero bits that the digest of a puzzle with its answer begins with.
fn zeros(puzzle: &str, answer: &str) -> u64 {
    let digest = seal::sha256_parts(&[puzzle.as_bytes(), b".", answer.as_bytes()]);
    let whole = digest.iter().take_while(|byte| **byte == 0).count();
    let part = digest.get(whole).map_or(0, |byte| u64::from(byte.leading_zeros()));
    u64::try_from(whole * 8).unwrap_or(0) + part
}

/// What a sign-in that went well says.
fn expect_in(account: &Account, answer: &Answer) -> Result<Value, Miss> {
    if (200..300).contains(&answer.status) {
        return answer.json("the answer to a sign-in");
    }
    unseen(format!("{}: the sign-in got {}", account.email, answer.status))
}

/// The code of RFC 6238 with HMAC-SHA-1, six digits and thirty seconds, as authenticators show it.
fn totp(secret: &str, now: i64) -> Option<String> {
    let key = base32(secret)?;
    let step = u64::try_from(now / STEP_SECONDS).ok()?.to_be_bytes();
    let digest = hmac_sha1(&key, &step);
    let at = usize::from(digest.last()? & 0x0f);
    let word: [u8; 4] = digest.get(at..at + 4)?.try_into().ok()?;
    Some(format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000))
}

/// RFC 2104 over SHA-1, which is what authenticators know.
fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    let mut block = [0_u8; 64];
    let short = if key.len() > 64 { seal::sha1(key).to_vec() } else { key.to_vec() };
    for (place, byte) in block.iter_mut().zip(short) {
        *place = byte;
    }
    let padded = |pad: u8, rest: &[u8]| {
        let begin: Vec<u8> = block.iter().map(|byte| byte ^ pad).collect();
        seal::sha1(&[&begin, rest].concat())
    };
    padded(0x5c, &padded(0x36, message))
}

fn base32(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for c in text.chars().filter(|c| !c.is_whitespace() && *c != '=') {
        let value = match c.to_ascii_uppercase() {
            c @ 'A'..='Z' => u32::from(c) - u32::from('A'),
            c @ '2'..='7' => u32::from(c) - u32::from('2') + 26,
            _ => return None,
        };
        bits = bits << 5 | value;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

/// Base 64 of the alphabet for addresses, without padding, as tokens have it.
pub(crate) fn unpadded(text: &str) -> Option<Vec<u8>> {
    let mut text = text.replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B: eight digits there, the last six of them here.
        let shared = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (now, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(totp(shared, now).as_deref(), Some(code));
        }
        assert_eq!(totp("not base 32!", 59), None);
    }

    #[test]
    fn a_file_of_accounts_is_its_owners_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("accounts.json");
        let write = |text: &str, mode| {
            fs::write(&path, text).expect("writes");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("may");
        };
        let good = r#"{"accounts": [{"email": "a@b.example", "password": "x", "totp": "GEZD"}]}"#;
        write(good, 0o600);
        let read = Account::read(&path).expect("reads");
        assert_eq!(read.len(), 1);
        assert!(!format!("{read:?}").contains("GEZD"), "secrets do not print");
        write(good, 0o644);
        assert!(matches!(Account::read(&path), Err(Error::Accounts { .. })));
        for text in ["", "{}", r#"{"accounts": [{"email": "a@b.example"}]}"#] {
            write(text, 0o600);
            assert!(matches!(Account::read(&path), Err(Error::Accounts { .. })), "{text}");
        }
    }
}
