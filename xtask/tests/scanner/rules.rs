//! What credentials look like.

/// What was found: it is shown by its beginning only, as a log of tests is read by many.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// From 1.
    pub line: usize,
    pub rule: &'static str,
    pub what: String,
}

impl Finding {
    /// Its first signs, and how long it is.
    pub fn shown(&self) -> String {
        let start: String = self.what.chars().take(8).collect();
        format!("{start}… ({} signs)", self.what.chars().count())
    }
}

/// Names of rules.
const PRIVATE: &str = "a private key";
const ADDRESS: &str = "an address with a password";
const NAMED: &str = "a random value under a secret's name";
const SIGNED: &str = "a signed token";

/// What keys of issuers begin with, how many signs follow at least, and whose they are. Prefixes are put
/// together, so that no scanner takes this table for keys.
const ISSUED: [(&[&str], usize, &str); 22] = [
    (&["AK", "IA"], 16, "a key of Amazon"),
    (&["AS", "IA"], 16, "a session key of Amazon"),
    (&["gh", "p_"], 30, "a token of GitHub"),
    (&["gh", "o_"], 30, "a token of GitHub"),
    (&["gh", "s_"], 30, "a token of GitHub"),
    (&["gh", "r_"], 30, "a token of GitHub"),
    (&["github", "_pat_"], 40, "a token of GitHub"),
    (&["gl", "pat-"], 20, "a token of GitLab"),
    (&["xo", "xb-"], 20, "a token of Slack"),
    (&["xo", "xp-"], 20, "a token of Slack"),
    (&["xa", "pp-"], 20, "a token of Slack"),
    (&["https://hooks.slack.com/", "services/T"], 20, "a webhook of Slack"),
    (&["https://discord.com/", "api/webhooks/"], 40, "a webhook of Discord"),
    (&["sk_", "live_"], 20, "a key of Stripe"),
    (&["rk_", "live_"], 20, "a key of Stripe"),
    (&["wh", "sec_"], 24, "a webhook's secret of Stripe"),
    (&["AI", "za"], 35, "a key of Google"),
    (&["np", "m_"], 36, "a token of npm"),
    (&["pypi-", "AgEI"], 40, "a token of PyPI"),
    (&["SG", "."], 60, "a key of SendGrid"),
    (&["hv", "s."], 24, "a token of Vault"),
    (&["AGE-SECRET", "-KEY-1"], 50, "an identity of age"),
];

/// Our own tokens and identities.
const OURS: [(&[&str], usize, &str); 2] = [
    (&["st", "k_"], 40, "an API token of ours"),
    (&["stockade-", "identity-"], 40, "an identity of ours"),
];

/// Everything in a text that looks like a credential.
pub fn findings(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let prefixes =
        ISSUED.iter().chain(&OURS).map(|(parts, least, rule)| (parts.concat(), *least, *rule));
    let prefixes: Vec<_> = prefixes.filter(|(prefix, ..)| text.contains(prefix)).collect();
    for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        let mut note = |rule, what: &str| {
            found.push(Finding { line: number, rule, what: what.to_owned() });
        };
        for (prefix, least, rule) in &prefixes {
            if let Some(what) = issued(line, prefix, *least) {
                note(rule, what);
            }
        }
        if let Some(what) = private_key(line) {
            note(PRIVATE, what);
        }
        if let Some(what) = address(line) {
            note(ADDRESS, what);
        }
        if let Some(what) = signed(line) {
            note(SIGNED, what);
        }
        if let Some(what) = named(line) {
            note(NAMED, what);
        }
    }
    found
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// A run of signs behind a prefix that stands by itself, in which something is random.
fn issued<'a>(line: &'a str, prefix: &str, least: usize) -> Option<&'a str> {
    let signs = |c: char| is_token(c) || c == '.' || c == '/';
    line.match_indices(prefix).find_map(|(at, _)| {
        let before = line.get(..at)?.chars().next_back();
        let rest = line.get(at + prefix.len()..)?;
        let length = rest.find(|c| !signs(c)).unwrap_or(rest.len());
        let alone = before.is_none_or(|c| !is_token(c));
        let body = rest.get(..length)?;
        let is_real = length >= least && entropy(body) > 3.0;
        (alone && is_real).then(|| line.get(at..at + prefix.len() + length)).flatten()
    })
}

/// A private key in PEM.
fn private_key(line: &str) -> Option<&str> {
    let start = line.find(&["-----BEGIN", " "].concat())?;
    let rest = line.get(start..)?;
    rest.contains(&["PRIVATE", " KEY-----"].concat()).then_some(rest)
}

/// `scheme://user:password@host`, where the password is no word in capitals and no hole to be filled.
fn address(line: &str) -> Option<&str> {
    line.match_indices("://").find_map(|(at, _)| {
        let rest = line.get(at + 3..)?;
        let end = rest.find(|c: char| c.is_whitespace() || "\"'`<>/?)".contains(c));
        let authority = rest.get(..end.unwrap_or(rest.len()))?;
        let (user, _) = authority.rsplit_once('@')?;
        let (_, password) = user.split_once(':')?;
        let is_hole = password.is_empty()
            || password.contains(['{', '$', '…', '*', '\\'])
            || password.starts_with("sealed:")
            || password.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        (!is_hole).then_some(authority)
    })
}

/// A JSON web token: two parts that begin as JSON does, and a signature.
fn signed(line: &str) -> Option<&str> {
    let start = ["ey", "J"].concat();
    line.match_indices(&start).find_map(|(at, _)| {
        let rest = line.get(at..)?;
        let end = rest.find(|c| !(is_token(c) || c == '.')).unwrap_or(rest.len());
        let token = rest.get(..end)?;
        let parts: Vec<&str> = token.split('.').collect();
        let [_, payload, signature] = parts.as_slice() else { return None };
        (payload.starts_with(&start) && signature.len() >= 32).then_some(token)
    })
}

const WORDS: [&str; 8] = [
    "password",
    "passwd",
    "secret",
    "api_key",
    "apikey",
    "access_key",
    "auth_token",
    "private_key",
];

/// A quoted or bare value behind a name that says what it is, if it is random and not a digest that says so.
fn named(line: &str) -> Option<&str> {
    let at = line.find(['=', ':'])?;
    let (name, value) = (line.get(..at)?.trim().to_ascii_lowercase(), line.get(at + 1..)?);
    let name = name.trim_matches(['"', '\'']).rsplit([' ', '.', '"']).next()?.to_owned();
    let is_secret =
        WORDS.iter().any(|word| name.ends_with(word) || name.ends_with(&format!("{word}s")));
    if !is_secret {
        return None;
    }
    let value = value.trim_start_matches(['=', ' ', ':']);
    let value = value.trim_start_matches("r#").trim_start_matches(['"', '\'', '&', 'b']);
    let end = value.find(|c| !(is_token(c) || "+/=.".contains(c))).unwrap_or(value.len());
    let value = value.get(..end)?;
    let mixed =
        value.bytes().any(|b| b.is_ascii_digit()) && value.bytes().any(|b| b.is_ascii_alphabetic());
    (value.len() >= 20 && mixed && entropy(value) > 3.6).then_some(value)
}

/// Bits for each sign, by how often each stands there.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX).max(1));
    let share = |count: &u32| f64::from(*count) / length;
    counts.iter().filter(|count| **count > 0).map(share).map(|p| -p * p.log2()).sum()
}

/// For each rule something that it must find.
pub fn samples() -> Vec<(&'static str, String)> {
    let random = "q7Zx2Lm9Rt4Vb8Nc1Ks6Wd3Hy5Jf0PgAeUiOyTrEwQaSdFgHjKlZxCvBnM12345678";
    let mut samples: Vec<(&'static str, String)> = ISSUED
        .iter()
        .chain(&OURS)
        .map(|(prefix, least, rule)| {
            let body: String = random.chars().cycle().take(*least).collect();
            (*rule, format!("{}{body}", prefix.concat()))
        })
        .collect();
    let body: String = random.chars().take(40).collect();
    samples.push((PRIVATE, ["-----BEGIN", " RSA ", "PRIVATE", " KEY-----"].concat()));
    samples.push((ADDRESS, ["postgres", "://stockade:", "hunter2", "@db.example/d"].concat()));
    samples.push((SIGNED, format!("{0}hbGciOi.{0}zdWIiOi.{body}", ["ey", "J"].concat())));
    samples.push((NAMED, format!("{} = \"{body}\"", ["pass", "word"].concat())));
    samples
}
