//! A DSN: where errors go, and by which key: `https://KEY@HOST/PATH/PROJECT`.

use crate::desk::Error;
use edge::Origin;
use seal::Secret;

const KEY_CHARS_MAX: usize = 128;
const TARGET_CHARS_MAX: usize = 200;

/// Where errors go.
pub struct Dsn {
    /// The only host that is spoken to.
    pub origin: Origin,
    /// The path that takes envelopes.
    pub target: String,
    key: Secret<String>,
}

impl Dsn {
    /// Reads one as the service shows it. A secret half, as old ones have, is left behind.
    pub fn parse(text: &Secret<Vec<u8>>) -> Result<Self, Error> {
        let wrong = |why| Error::ErrorsDsn { why };
        let text = std::str::from_utf8(text.expose()).map_err(|_| wrong("it is no text"))?.trim();
        let form = "it has the form https://KEY@HOST/PROJECT";
        let (scheme, rest) = text.split_once("://").ok_or(wrong(form))?;
        let (user, rest) = rest.split_once('@').ok_or(wrong(form))?;
        let key = user.split(':').next().unwrap_or_default();
        let is_key = !key.is_empty()
            && key.len() <= KEY_CHARS_MAX
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_key {
            return Err(wrong("its key has letters and digits"));
        }
        let (host, path) = rest.split_once('/').ok_or(wrong(form))?;
        let (before, project) = path.rsplit_once('/').unwrap_or(("", path));
        if project.is_empty() || !project.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong("its project is a number"));
        }
        let in_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
        if !before.bytes().all(in_path) || before.len() > TARGET_CHARS_MAX {
            return Err(wrong("its path has letters, digits and -_."));
        }
        if !matches!(scheme, "https" | "http") {
            return Err(wrong("its scheme is https"));
        }
        let origin: Origin = format!("{scheme}://{host}").parse()?;
        let before = if before.is_empty() { String::new() } else { format!("/{before}") };
        let target = format!("{before}/api/{project}/envelope/");
        Ok(Self { origin, target, key: Secret::new(key.to_owned()) })
    }

    /// What shows the service that we may.
    pub(super) fn authority(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let key = self.key.expose();
        format!("Sentry sentry_version=7, sentry_client=stockade/{version}, sentry_key={key}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Dsn, Error> {
        Dsn::parse(&Secret::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn a_dsn_says_where_to_and_by_which_key() {
        let check = |text: &str, origin: &str, target: &str| {
            let dsn = read(text).expect(text);
            assert_eq!((dsn.origin.to_string().as_str(), dsn.target.as_str()), (origin, target));
            assert!(dsn.authority().ends_with("sentry_key=abc1"), "{}", dsn.authority());
        };
        check("https://abc1@errors.example/7", "https://errors.example", "/api/7/envelope/");
        check("https://abc1:old@errors.example/7\n", "https://errors.example", "/api/7/envelope/");
        check(
            "https://abc1@errors.example:8443/in/here/42",
            "https://errors.example:8443",
            "/in/here/api/42/envelope/",
        );
        check("http://abc1@127.0.0.1:9000/1", "http://127.0.0.1:9000", "/api/1/envelope/");
    }

    #[test]
    fn what_is_no_dsn_is_refused_and_not_repeated() {
        for text in [
            "",
            "canary",
            "https://errors.example/7",
            "https://canary@errors.example",
            "https://canary@errors.example/x",
            "https://can ary@errors.example/7",
            "ftp://canary@errors.example/7",
            "https://canary@errors.example/../7?x",
            // Without TLS nothing leaves this machine.
            "http://canary@errors.example/7",
        ] {
            let error = read(text).err().expect(text).to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
