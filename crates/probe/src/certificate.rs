//! What a certificate says of itself, once it is believed.

use jiff::Timestamp;

/// The facts of a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Who issued it.
    pub issuer: String,
    /// From when on it is good.
    pub from: Timestamp,
    /// Until when it is good.
    pub until: Timestamp,
    /// SHA-256 of its public key (RFC 7469), as hexadecimal digits.
    pub key: String,
}

impl Certificate {
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
        let time = |seconds| Timestamp::from_second(seconds).ok();
        let validity = parsed.validity();
        Some(Self {
            issuer: parsed.issuer().to_string(),
            from: time(validity.not_before.timestamp())?,
            until: time(validity.not_after.timestamp())?,
            key: hex::encode(seal::sha256(parsed.public_key().raw)),
        })
    }

    /// The issuer's own name, as a page would write it.
    #[must_use]
    pub fn issuer_name(&self) -> String {
        let named = self.issuer.split(',').find_map(|part| part.trim().strip_prefix("CN="));
        named.unwrap_or(&self.issuer).to_owned()
    }

    /// Its last day, as a page would write it.
    #[must_use]
    pub fn last_day(&self) -> String {
        self.until.to_string().chars().take(10).collect()
    }
}
