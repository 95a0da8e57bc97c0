//! Letters about the certificate for the server's names: that it is not renewed, and that it is after all.
//!
//! A letter's name follows from the certificate and the stage, so each is written once however often somebody looks,
//! whichever of several servers looks first, and whether or not one was started again in between.

use super::{
    Accounts, Result,
    letters::{Addressed, Context},
    sha256_hex,
};
use identity::{Letter, Mail, Recipient};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The certificate that is served for the server's names, as far as letters name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// SHA-256 of it, hexadecimal.
    pub fingerprint: String,
    /// Until when it holds.
    pub ends: Timestamp,
}

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It should have been renewed.
    Late,
    /// A week is left.
    Week,
    /// Two days are left, or none.
    Days,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Late, Self::Week, Self::Days];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Week => "week",
            Self::Days => "days",
        }
    }

    /// Of a certificate that is late.
    fn of(ends: Timestamp, now: Timestamp) -> Self {
        let left = ends.duration_since(now);
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        if left <= days(2) {
            Self::Days
        } else if left <= days(7) {
            Self::Week
        } else {
            Self::Late
        }
    }
}

/// The name under which a stage of a certificate is told.
fn name(served: Option<&Served>, stage: &str) -> String {
    format!("certificate {} {stage}", served.map_or("none", |served| &served.fingerprint))
}

/// What is told of one that is late: the name of the letter, and the letter.
fn late(served: Option<&Served>, now: Timestamp) -> (String, Letter) {
    let stage = served.map_or(Stage::Late, |served| Stage::of(served.ends, now));
    (name(served, stage.as_str()), Letter::CertificateLate(served.map(|served| served.ends)))
}

/// The number of a letter of this name to an address.
fn numbered(name: &str, email: &str) -> String {
    sha256_hex(format!("{name} to {email}").as_bytes()).chars().take(32).collect()
}

impl Accounts {
    /// Tells those who run the server that the certificate is late; how many letters that are.
    pub async fn tell_of_late_certificate(
        &self,
        served: Option<&Served>,
        now: Timestamp,
    ) -> Result<usize> {
        let (name, letter) = late(served, now);
        self.tell_of_certificate((&name, &[]), letter, now).await
    }

    /// Tells whoever got a letter of the one before that there is another one; how many letters that are.
    pub async fn tell_of_renewed_certificate(
        &self,
        before: Option<&Served>,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<usize> {
        let told = Stage::ALL.map(|stage| name(before, stage.as_str()));
        // What is had for want of any is told by its own end: that may happen twice.
        let name = format!("{} until {}", name(before, "renewed"), ends.as_second());
        self.tell_of_certificate((&name, &told), Letter::CertificateRenewed(ends), now).await
    }

    /// Writes a letter of this name to each of those who run the server, if it was not written before, and if one
    /// of those that must have gone before it was.
    async fn tell_of_certificate(
        &self,
        (name, before): (&str, &[String]),
        letter: Letter,
        now: Timestamp,
    ) -> Result<usize> {
        let moved = BTreeMap::new();
        let context = Context { at: now, visitor: None, by: None, proposal: None, moved: &moved };
        let mails = [Addressed::plain(Mail { to: Recipient::Admins, letter })];
        let said = self.words(&mails, &context).await?;
        let store = self.desk().store();
        let mut told = Vec::new();
        for addressed in &mails {
            for target in self.targets(addressed, &context).await? {
                let email = target.email.as_str();
                let id = numbered(name, email);
                if store.posting(&id).await?.is_some() || !self.was_told(before, email).await? {
                    continue;
                }
                match Self::row_as(id, addressed, &target, &said) {
                    Ok(row) => told.push(row),
                    Err(error) => tracing::warn!(%error, "a letter could not be written"),
                }
            }
        }
        if !told.is_empty() {
            store.keep_delivery(None, &told, now).await?;
            self.posted(&told);
        }
        Ok(told.len())
    }

    /// Whether one of these letters went to this address; where there are none, none had to.
    async fn was_told(&self, names: &[String], email: &str) -> Result<bool> {
        for name in names {
            if self.desk().store().posting(&numbered(name, email)).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(names.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_of_each_certificate_is_told_under_one_name() {
        let at = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let one = Served { fingerprint: "ab".to_owned(), ends: at(24 * 30) };
        let check = |hours: i64, want: &str| {
            assert_eq!(late(Some(&one), at(hours)).0, want, "{hours}");
        };
        let day = 24;
        check(16 * day, "certificate ab late");
        check(16 * day + 1, "certificate ab late");
        check(23 * day - 1, "certificate ab late");
        check(23 * day, "certificate ab week");
        check(28 * day - 1, "certificate ab week");
        check(28 * day, "certificate ab days");
        check(31 * day, "certificate ab days");
        // Another certificate has letters of its own, and so has none at all.
        let other = Served { fingerprint: "cd".to_owned(), ..one };
        assert_eq!(late(Some(&other), at(16 * day)).0, "certificate cd late");
        assert_eq!(late(None, at(0)).0, "certificate none late");
        assert_eq!(late(None, at(999 * day)).0, "certificate none late");
    }
}
