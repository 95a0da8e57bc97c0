//! The licence file: long-lived, signed by its issuer, checked without any network.

use crate::{
    Error,
    document::{Form, bytes, name, number, second, time},
};
use jiff::Timestamp;
use seal::{SigningKey, VerifyingKey, sha256};
use std::collections::BTreeSet;

const FORM: Form = Form {
    magic: "stockade-license/1",
    fields: &[
        "license",
        "edition",
        "entitlements",
        "instances",
        "issued",
        "not-before",
        "paid-until",
        "hard-until",
        "grace-hours",
        "term",
        "check-in",
        "instance",
        "policy",
    ],
};
const ENTITLEMENTS_MAX: usize = 64;
/// Fourteen days: no policy is more patient.
const GRACE_HOURS_MAX: u32 = 14 * 24;

/// Whether it was paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// To try.
    Trial,
    /// Paid.
    Paid,
}

/// How an instance shows that its licence is still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckIn {
    /// By the file alone.
    Never,
    /// By a lease, renewed every few hours.
    Lease,
}

/// What a licence grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Its id.
    pub license: String,
    /// What was bought.
    pub edition: String,
    /// What may be used, by name.
    pub entitlements: BTreeSet<String>,
    /// How many instances may run.
    pub instances: u32,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it begins.
    pub not_before: Timestamp,
    /// When what was paid for ends, and grace begins.
    pub paid_until: Timestamp,
    /// No grace reaches beyond this.
    pub hard_until: Timestamp,
    /// Hours of grace, after the paid time as after a lapsed lease.
    pub grace_hours: u32,
    /// Trial or paid.
    pub term: Term,
    /// File alone or leases.
    pub check_in: CheckIn,
    /// SHA-256 of the instance's public key, if it is bound to one.
    pub instance: Option<[u8; 32]>,
    /// The version of the rules that it was issued under.
    pub policy: u32,
}

impl Terms {
    /// Hours of grace, when the issuer says nothing else.
    pub const GRACE_HOURS: u32 = 72;

    /// Signs the terms; refuses what would not be taken back.
    pub fn sign(&self, key: &SigningKey) -> Result<String, Error> {
        let text = FORM.sign(&self.values(), key);
        LicenseFile::verify(&text, &[*key.verifying_key()]).map(|_| text)
    }

    fn values(&self) -> Vec<String> {
        let entitlements: Vec<&str> = self.entitlements.iter().map(String::as_str).collect();
        let entitlements = entitlements.join(", ");
        vec![
            self.license.clone(),
            self.edition.clone(),
            if entitlements.is_empty() { "-".into() } else { entitlements },
            self.instances.to_string(),
            second(self.issued).to_string(),
            second(self.not_before).to_string(),
            second(self.paid_until).to_string(),
            second(self.hard_until).to_string(),
            self.grace_hours.to_string(),
            match self.term {
                Term::Trial => "trial".into(),
                Term::Paid => "paid".into(),
            },
            match self.check_in {
                CheckIn::Never => "never".into(),
                CheckIn::Lease => "lease".into(),
            },
            self.instance.map_or_else(|| "any".into(), hex::encode),
            self.policy.to_string(),
        ]
    }

    fn read(values: &[&str]) -> Result<Self, Error> {
        let [
            license,
            edition,
            entitlements,
            instances,
            issued,
            not_before,
            paid_until,
            hard_until,
            grace,
            term,
            check_in,
            instance,
            policy,
        ] = values
        else {
            return Err(Error::Foreword { magic: FORM.magic });
        };
        let terms = Self {
            license: name("license", license)?,
            edition: name("edition", edition)?,
            entitlements: names(entitlements)?,
            instances: number("instances", instances)?,
            issued: time("issued", issued)?,
            not_before: time("not-before", not_before)?,
            paid_until: time("paid-until", paid_until)?,
            hard_until: time("hard-until", hard_until)?,
            grace_hours: number("grace-hours", grace)?,
            term: match *term {
                "trial" => Term::Trial,
                "paid" => Term::Paid,
                _ => return Err(Error::Field { field: "term", rule: "trial or paid" }),
            },
            check_in: match *check_in {
                "never" => CheckIn::Never,
                "lease" => CheckIn::Lease,
                _ => return Err(Error::Field { field: "check-in", rule: "never or lease" }),
            },
            instance: match *instance {
                "any" => None,
                digits => Some(bytes("instance", digits)?),
            },
            policy: number("policy", policy)?,
        };
        terms.check()?;
        Ok(terms)
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |field, rule| Err(Error::Field { field, rule });
        if self.not_before >= self.paid_until {
            return refuse("paid-until", "after not-before");
        }
        if self.hard_until < self.paid_until {
            return refuse("hard-until", "not before paid-until");
        }
        if self.grace_hours > GRACE_HOURS_MAX {
            return refuse("grace-hours", "at most 336, which is fourteen days");
        }
        if self.instances == 0 {
            return refuse("instances", "at least 1");
        }
        Ok(())
    }
}

/// Names in their order, each once; `-` for none.
fn names(text: &str) -> Result<BTreeSet<String>, Error> {
    let field = "entitlements";
    if text == "-" {
        return Ok(BTreeSet::new());
    }
    let parts: Vec<String> =
        text.split(", ").map(|part| name(field, part)).collect::<Result<_, _>>()?;
    let in_order = parts.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    if !in_order || parts.len() > ENTITLEMENTS_MAX {
        return Err(Error::Field { field, rule: "at most 64 names in order, each once" });
    }
    Ok(parts.into_iter().collect())
}

/// A licence file whose signature holds; only [`LicenseFile::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseFile {
    terms: Terms,
}

impl LicenseFile {
    /// Reads a file that one of the issuers signed.
    pub fn verify(text: &str, issuers: &[VerifyingKey]) -> Result<Self, Error> {
        let values = FORM.open(text, issuers)?;
        Ok(Self { terms: Terms::read(&values)? })
    }

    /// Refuses a file that is bound to another instance.
    pub fn for_instance(self, instance: &VerifyingKey) -> Result<Self, Error> {
        match self.terms.instance {
            Some(bound) if bound != sha256(instance.as_bytes()) => Err(Error::OtherInstance),
            _ => Ok(self),
        }
    }

    /// What it grants.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }
}
