//! A bucket of an object store that speaks S3: objects put whole, read whole or in part, listed, removed.

mod sign;
mod wire;

use crate::Error;
use bytes::Bytes;
use http::{Method, StatusCode};
use seal::Secret;
use sign::Signer;
use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
};
use wire::{Asked, Endpoint, Wire};

/// What begins an address of a bucket.
pub(crate) const SCHEME: &str = "s3://";
/// What a file of credentials has at most.
const CREDENTIALS_BYTES_MAX: u64 = 16 << 10;
/// Pages of a list, a thousand objects each: a repository of 80 TiB has as many packs.
const PAGES_MAX: usize = 5_000;

/// Who asks. The secret is in no argument and no environment: it comes out of a file, and reaches the worker
/// through a pipe.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub(crate) key: String,
    pub(crate) secret: Secret<String>,
    pub(crate) session: Option<Secret<String>>,
}

impl Credentials {
    /// Those in a file as Amazon's own tools write it, which nobody else may read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        use std::{io::Read, os::unix::fs::MetadataExt};
        let failed = || Error::file("read", path);
        let file = std::fs::File::open(path).map_err(failed())?;
        if file.metadata().map_err(failed())?.mode() & 0o077 != 0 {
            return Err(Error::Credentials {
                path: path.to_owned(),
                why: "others may read it: chmod 600",
            });
        }
        let mut text = zeroize::Zeroizing::new(String::new());
        file.take(CREDENTIALS_BYTES_MAX).read_to_string(&mut text).map_err(failed())?;
        let value = |name: &str| {
            text.lines().find_map(|line| {
                let (found, value) = line.split_once('=')?;
                (found.trim() == name).then(|| value.trim().to_owned())
            })
        };
        let missing = |why| Error::Credentials { path: path.to_owned(), why };
        Ok(Self {
            key: value("aws_access_key_id").ok_or_else(|| missing("no aws_access_key_id in it"))?,
            secret: value("aws_secret_access_key")
                .map(Secret::new)
                .ok_or_else(|| missing("no aws_secret_access_key in it"))?,
            session: value("aws_session_token").map(Secret::new),
        })
    }
}

/// A bucket, or what lies below a prefix of it. Cheap to clone: connections are shared.
#[derive(Clone)]
pub struct Bucket {
    name: String,
    prefix: String,
    endpoint: Endpoint,
    region: String,
    credentials: Credentials,
    wire: Arc<OnceLock<Wire>>,
}

impl Bucket {
    /// `s3://NAME/PREFIX` at `https://HOST`; one without TLS is taken on this machine alone.
    pub fn new(
        address: &str,
        (endpoint, region): (&str, &str),
        credentials: Credentials,
    ) -> Result<Self, Error> {
        let refused = |why| Error::Address { found: address.to_owned(), why };
        let path = address.strip_prefix(SCHEME).ok_or_else(|| refused("it is no s3://NAME"))?;
        let (name, prefix) = path.split_once('/').unwrap_or((path, ""));
        let prefix = prefix.trim_end_matches('/').to_owned();
        let is_plain = |text: &str| text.bytes().all(sign::is_plain);
        if name.len() < 3 || name.contains('/') || !is_plain(name) {
            return Err(refused(
                "the bucket's name has 3 letters, digits, dots or dashes at least",
            ));
        }
        if !prefix.split('/').all(is_plain) || prefix.contains("//") {
            return Err(refused("below the bucket are letters, digits, dots, dashes and slashes"));
        }
        let endpoint = Endpoint::parse(endpoint)?;
        let (name, region, wire) = (name.to_owned(), region.to_owned(), Arc::default());
        Ok(Self { name, prefix, endpoint, region, credentials, wire })
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> String {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        format!("{SCHEME}{}{slash}{}", self.name, self.prefix)
    }

    /// Where the store is.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.endpoint.to_string()
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.endpoint.port
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    pub(crate) const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// What lies below a name in it.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Self { prefix: self.key(name), ..self.clone() }
    }

    /// An object; none, where there is none.
    pub fn get(&self, name: &str) -> Result<Option<Bytes>, Error> {
        let asked = self.asked(Method::GET, name);
        match self.send(&asked)? {
            (StatusCode::NOT_FOUND, body) if code(&body) != "NoSuchBucket" => Ok(None),
            (StatusCode::OK, body) => Ok(Some(body)),
            (status, body) => Err(self.refused("read", name, (status, &body))),
        }
    }

    /// A part of an object, all of which is there.
    pub fn part(&self, name: &str, offset: u32, length: u32) -> Result<Bytes, Error> {
        let mut asked = self.asked(Method::GET, name);
        let last = u64::from(offset) + u64::from(length).saturating_sub(1);
        asked.headers.push(("range", format!("bytes={offset}-{last}")));
        let (status, body) = self.send(&asked)?;
        if status != StatusCode::PARTIAL_CONTENT {
            return Err(self.refused("read", name, (status, &body)));
        }
        if body.len() as u64 != u64::from(length) {
            let what = format!("{name} is shorter than its index says");
            return Err(Error::Differs { what });
        }
        Ok(body)
    }

    /// Writes an object, in the place of what may stand there.
    pub fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        let asked = Asked { body: bytes, ..self.asked(Method::PUT, name) };
        match self.send(&asked)? {
            (StatusCode::OK, _) => Ok(()),
            (status, body) => Err(self.refused("write", name, (status, &body))),
        }
    }

    /// Writes an object that is not there yet; whether it was written.
    pub fn add(&self, name: &str, bytes: &Bytes) -> Result<bool, Error> {
        let mut asked = Asked { body: bytes.clone(), ..self.asked(Method::PUT, name) };
        asked.headers.push(("if-none-match", "*".to_owned()));
        match self.send(&asked)? {
            (StatusCode::OK, _) => Ok(true),
            // The first try may have come through, and its answer not.
            (StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT, _) => {
                Ok(self.get(name)?.is_some_and(|there| there == *bytes))
            }
            (status, body) => Err(self.refused("write", name, (status, &body))),
        }
    }

    /// Removes an object; one that is gone already is no error.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        match self.send(&self.asked(Method::DELETE, name))? {
            (StatusCode::NO_CONTENT | StatusCode::OK | StatusCode::NOT_FOUND, _) => Ok(()),
            (status, body) => Err(self.refused("remove", name, (status, &body))),
        }
    }

    /// Objects whose names begin so, with their sizes; the names are those below the bucket's own prefix.
    pub fn list(&self, begin: &str) -> Result<Vec<(String, u64)>, Error> {
        let own = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut asked = self.asked(Method::GET, "");
            asked.path = format!("/{}", self.name);
            asked.query = vec![
                ("list-type".to_owned(), "2".to_owned()),
                ("prefix".to_owned(), self.key(begin)),
            ];
            asked.query.extend(next.take().map(|token| ("continuation-token".to_owned(), token)));
            asked.query.sort_unstable();
            let (status, body) = self.send(&asked)?;
            if status != StatusCode::OK {
                return Err(self.refused("list", begin, (status, &body)));
            }
            let text = String::from_utf8_lossy(&body);
            for object in elements(&text, "Contents") {
                let (key, size) = (element(object, "Key"), element(object, "Size"));
                let (Some(key), Some(size)) = (key, size.and_then(|size| size.parse().ok())) else {
                    let why = "a list that does not read".to_owned();
                    return Err(Error::Unreachable { endpoint: self.endpoint(), why });
                };
                found.extend(unescape(key).get(own..).map(|name| (name.to_owned(), size)));
            }
            next = element(&text, "NextContinuationToken").map(unescape);
            if element(&text, "IsTruncated") != Some("true") || next.is_none() {
                return Ok(found);
            }
        }
        let why = format!("more than {PAGES_MAX} pages of objects");
        Err(Error::Unreachable { endpoint: self.endpoint(), why })
    }

    fn key(&self, name: &str) -> String {
        match self.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        }
    }

    fn asked(&self, method: Method, name: &str) -> Asked {
        let path = format!("/{}/{}", self.name, self.key(name));
        let (query, headers, body) = (Vec::new(), Vec::new(), Bytes::new());
        Asked { method, path, query, headers, body }
    }

    fn send(&self, asked: &Asked) -> Result<(StatusCode, Bytes), Error> {
        let wire = self.wire().map_err(|error| self.unreachable(&error))?;
        let signer = Signer { credentials: self.credentials.clone(), region: self.region.clone() };
        wire.send(asked, signer).map_err(|error| self.unreachable(&error))
    }

    fn wire(&self) -> std::io::Result<&Wire> {
        if let Some(wire) = self.wire.get() {
            return Ok(wire);
        }
        let made = Wire::new(self.endpoint.clone())?;
        Ok(self.wire.get_or_init(|| made))
    }

    fn unreachable(&self, error: &std::io::Error) -> Error {
        Error::Unreachable { endpoint: self.endpoint(), why: error.to_string() }
    }

    fn refused(
        &self,
        doing: &'static str,
        name: &str,
        (status, body): (StatusCode, &Bytes),
    ) -> Error {
        let object = format!("{SCHEME}{}/{}", self.name, self.key(name));
        let fix = match status.as_u16() {
            301 | 307 | 400 => "; look at backup.endpoint and backup.region",
            401 | 403 => "; look at the credentials, their policy, and this machine's clock",
            404 => "; look at the bucket's name",
            _ => "",
        };
        Error::Store { doing, object, status: status.as_u16(), code: code(body), fix }
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({} at {})", self.address(), self.endpoint)
    }
}

impl PartialEq for Bucket {
    fn eq(&self, other: &Self) -> bool {
        (self.address(), self.endpoint()) == (other.address(), other.endpoint())
    }
}

/// What an error's document calls itself.
fn code(body: &Bytes) -> String {
    let text = String::from_utf8_lossy(body);
    let code = element(&text, "Code").unwrap_or("no word of why");
    code.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').take(60).collect()
}

/// The texts of the elements of this name that have no attributes: all that these documents have.
fn elements<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (inner, after) = after.split_once(&close)?;
        rest = after;
        Some(inner)
    })
}

fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    elements(text, name).next()
}

fn unescape(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#43;", "+")];
    let text = pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        Credentials { key: "k".to_owned(), secret: Secret::new("s".to_owned()), session: None }
    }

    #[test]
    fn an_address_is_a_bucket_and_what_lies_below_it() {
        let bucket = |address: &str, endpoint: &str| {
            Bucket::new(address, (endpoint, "r"), credentials()).map_err(|error| error.to_string())
        };
        let check = |address: &str, endpoint: &str, want: &str| {
            let said = bucket(address, endpoint).expect_err(address);
            assert!(said.contains(want), "{said}");
        };
        let good = bucket("s3://one/two/three/", "https://s3.example.org").expect("good");
        assert_eq!((good.address().as_str(), good.port()), ("s3://one/two/three", 443));
        assert_eq!(good.below("x").address(), "s3://one/two/three/x");
        assert_eq!(bucket("s3://one", "http://127.0.0.1:9000").expect("good").port(), 9000);
        check("one/two", "https://a", "no s3://NAME");
        check("s3://a", "https://a", "3 letters");
        check("s3://one/a b", "https://a", "below the bucket");
        check("s3://one/a//b", "https://a", "below the bucket");
        check("s3://one", "http://example.org", "https");
        check("s3://one", "ftp://example.org", "https");
        check("s3://one", "https://a/b", "https://HOST");
    }

    #[test]
    fn a_file_of_credentials_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("credentials");
        let write = |text: &str, mode: u32| {
            std::fs::write(&path, text).expect("writes");
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).expect("sets");
            Credentials::read(&path)
        };
        let whole = "[default]\naws_access_key_id = AKID\naws_secret_access_key=a/b+c=\n";
        let read = write(whole, 0o600).expect("reads");
        assert_eq!((read.key.as_str(), read.secret.expose().as_str()), ("AKID", "a/b+c="));
        assert!(!format!("{read:?}").contains("a/b+c="));
        let said = write(whole, 0o640).expect_err("others read it").to_string();
        assert!(said.contains("chmod 600"), "{said}");
        let said = write("aws_access_key_id = AKID\n", 0o600).expect_err("half").to_string();
        assert!(said.contains("no aws_secret_access_key"), "{said}");
    }
}
