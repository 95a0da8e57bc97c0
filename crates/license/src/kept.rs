//! What must outlive a restart, authenticated: nobody edits it, and an old one only forgets.

use crate::{
    Clock, Error, Lease, License, LicenseFile,
    document::{number, second, time},
};
use jiff::Timestamp;
use seal::{MacKey, VerifyingKey};

const MAGIC: &str = "stockade-license-state/1";
const NONE: &str = "-";

impl License {
    /// The lines to keep, for a restart to go on from: the highest time, the epoch, a revocation, the
    /// lease.
    #[must_use]
    pub fn kept(&self, key: &MacKey) -> String {
        let license = self.terms().map_or(NONE, |terms| &terms.license);
        let revoked = self.revoked.map_or_else(|| NONE.into(), |at| second(at).to_string());
        let lease = self.lease.as_ref().map_or_else(|| NONE.into(), |l| hex::encode(l.text()));
        let body = format!(
            "{MAGIC}\nlicense: {license}\nhighest: {}\nepoch: {}\nrevoked: {revoked}\nlease: {lease}\n",
            second(self.clock.floor()),
            self.epoch,
        );
        let tag = key.tag(&[body.as_bytes()]);
        format!("{body}mac: {}\n", hex::encode(tag))
    }

    /// Goes on from what was kept. What was kept of another licence counts for the time alone; what
    /// this instance did not write is refused, and the caller begins with [`License::new`].
    pub fn resume(
        file: Option<LicenseFile>,
        clock: Clock,
        kept: &str,
        key: &MacKey,
        issuers: &[VerifyingKey],
    ) -> Result<Self, Error> {
        let (body, tag) = kept.rsplit_once("mac: ").ok_or(Error::ForeignState)?;
        let tag = tag.strip_suffix('\n').and_then(|digits| hex::decode(digits).ok());
        if !tag.is_some_and(|tag| key.verify(&[body.as_bytes()], &tag)) {
            return Err(Error::ForeignState);
        }
        let kept = Kept::read(body).ok_or(Error::ForeignState)?;
        let mut license = match file {
            Some(file) => Self::new(file, clock),
            None => Self::none(clock),
        };
        license.clock.not_before(kept.highest);
        if license.terms().is_none_or(|terms| terms.license != kept.license) {
            return Ok(license);
        }
        license.epoch = kept.epoch;
        license.revoked = kept.revoked;
        if let Some(text) = kept.lease {
            // An issuer that is no longer trusted takes its leases along.
            let lease = Lease::verify(&text, issuers).ok();
            if let Some(lease) = &lease {
                license.clock.not_before(lease.terms().time);
            }
            license.lease = lease;
        }
        Ok(license)
    }
}

struct Kept {
    license: String,
    highest: Timestamp,
    epoch: u64,
    revoked: Option<Timestamp>,
    lease: Option<String>,
}

impl Kept {
    fn read(body: &str) -> Option<Self> {
        let mut lines = body.lines();
        lines.next().filter(|line| *line == MAGIC)?;
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(": ");
        let license = field("license")?.to_owned();
        let highest = time("highest", field("highest")?).ok()?;
        let epoch = number("epoch", field("epoch")?).ok()?;
        let revoked = match field("revoked")? {
            NONE => None,
            text => Some(time("revoked", text).ok()?),
        };
        let lease = match field("lease")? {
            NONE => None,
            digits => Some(String::from_utf8(hex::decode(digits).ok()?).ok()?),
        };
        Some(Self { license, highest, epoch, revoked, lease })
    }
}
