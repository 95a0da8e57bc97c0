//! Signatures of requests, version 4 of Amazon's rule: the secret never goes over the wire.

use super::{Credentials, wire::Asked};
use jiff::{Timestamp, tz::TimeZone};
use seal::{hmac_sha256, sha256};

/// Who signs, and for which region.
pub(super) struct Signer {
    pub(super) credentials: Credentials,
    pub(super) region: String,
}

impl Signer {
    /// The headers that make it a signed request, besides its own.
    pub(super) fn headers(
        &self,
        asked: &Asked,
        host: &str,
        now: Timestamp,
    ) -> Vec<(&'static str, String)> {
        let time = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let date: String = time.chars().take(8).collect();
        let digest = hex::encode(sha256(&asked.body));
        let mut signed = asked.headers.clone();
        signed.push(("host", host.to_owned()));
        signed.push(("x-amz-content-sha256", digest.clone()));
        signed.push(("x-amz-date", time.clone()));
        if let Some(session) = &self.credentials.session {
            signed.push(("x-amz-security-token", session.expose().clone()));
        }
        signed.sort_unstable();
        let mut lines = String::new();
        for (name, value) in &signed {
            lines.push_str(&format!("{name}:{}\n", value.trim()));
        }
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let (method, path) = (&asked.method, encoded(&asked.path, "/"));
        let request = format!("{method}\n{path}\n{}\n{lines}\n{names}\n{digest}", asked.query());
        let scope = format!("{date}/{}/s3/aws4_request", self.region);
        let request = hex::encode(sha256(request.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{request}");
        let signature = hex::encode(hmac_sha256(&self.key(&date), text.as_bytes()));
        let key = &self.credentials.key;
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
        );
        signed.push(("authorization", authorization));
        signed
    }

    fn key(&self, date: &str) -> [u8; 32] {
        let first = zeroize::Zeroizing::new(format!("AWS4{}", self.credentials.secret.expose()));
        let begin = hmac_sha256(first.as_bytes(), date.as_bytes());
        let parts = [self.region.as_str(), "s3", "aws4_request"];
        parts.iter().fold(begin, |key, part| hmac_sha256(&key, part.as_bytes()))
    }
}

/// Whether a byte stands for itself.
pub(super) const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Every byte but plain ones and those of `kept` as its number.
pub(super) fn encoded(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) || kept.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::Method;
    use seal::Secret;

    /// The examples of Amazon's own manual ("Signature Calculations for the Authorization Header").
    #[test]
    fn the_manuals_examples_come_out() {
        let signer = Signer {
            credentials: Credentials {
                key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
                secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
                session: None,
            },
            region: "us-east-1".to_owned(),
        };
        let now = "2013-05-24T00:00:00Z".parse().expect("a time");
        let check = |path: &str, query: &[(&str, &str)], range: Option<&str>, want: &str| {
            let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let asked = Asked {
                method: Method::GET,
                path: path.to_owned(),
                query: query.iter().map(pair).collect(),
                headers: range.into_iter().map(|range| ("range", range.to_owned())).collect(),
                body: Bytes::new(),
            };
            let headers = signer.headers(&asked, "examplebucket.s3.amazonaws.com", now);
            let (_, said) = headers.last().expect("the last one");
            assert!(said.ends_with(&format!("Signature={want}")), "{said}");
        };
        check(
            "/test.txt",
            &[],
            Some("bytes=0-9"),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        );
        check(
            "/",
            &[("max-keys", "2"), ("prefix", "J")],
            None,
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        );
    }
}
