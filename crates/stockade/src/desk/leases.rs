//! What instances ask of the licence service: a seat, once, and leases from then on. The seat is an act with its
//! entry; of checks the log holds the first of each instance and day, as four a day of each would drown all else. Who
//! has a seat and activates again asks for nothing but a lease: that is told as a check is.
//! A counter of starts that goes back is told besides, once a day: an instance runs twice, or from a copy.

use super::{Actor, Deed, Desk, Error, LicenceAct, Result, now, sha256_hex};
use jiff::{SignedDuration, Timestamp};
use kms::SystemEntropy;
use license::{Activation, Check, LeaseTerms, LicenseFile, Question, RevocationTerms};
use seal::{VerifyingKey, random, sha256};
use serde::{Deserialize, Serialize};
use store::{Hearing, InstanceRow, InstanceWord, LicenceRow, LicenceState, Seating, Telling};

/// How far the clock of who asks may be from this server's.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// How long a lease holds.
const LEASE: SignedDuration = SignedDuration::from_hours(24);
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// Why an instance gets no lease.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLease {
    /// The licence file is none of this server's.
    #[error("the licence file is not taken: {0}")]
    File(license::Error),
    /// The request is not signed by the instance.
    #[error("the request is not taken: {0}")]
    Request(license::Error),
    /// The request is old, or from the future.
    #[error(
        "the request was made at {asked}, and here it is {now}: set the clock, and ask again with another challenge"
    )]
    Clock {
        /// When, by the clock of who asks.
        asked: Timestamp,
        /// This server's time.
        now: Timestamp,
    },
    /// The question was answered before.
    #[error("this question was answered before: ask again with another challenge")]
    Again,
    /// There is no such licence, or no such instance of it.
    #[error(
        "this server knows no such licence, or no such instance of it: ask the server that issued the file, and activate there first"
    )]
    Unknown,
    /// The issuer suspended the licence.
    #[error("the licence is suspended since {since}: ask its issuer")]
    Suspended {
        /// Since when.
        since: Timestamp,
    },
    /// The issuer took the licence back.
    #[error("the licence was revoked on {since}: ask its issuer")]
    Revoked {
        /// When.
        since: Timestamp,
    },
    /// What was paid for is over.
    #[error("the licence was paid until {since}: renew it")]
    Unpaid {
        /// Since when.
        since: Timestamp,
    },
    /// Others have all seats.
    #[error("all seats of the licence are taken: have one given back, or buy another")]
    NoSeat,
    /// The instance's seat was given back.
    #[error("the seat of this instance was given back: activate it again")]
    Released,
}

impl NoLease {
    /// The one word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::File(_) => "licence-file",
            Self::Request(_) => "licence-request",
            Self::Clock { .. } => "licence-clock",
            Self::Again => "licence-again",
            Self::Unknown => "licence-unknown",
            Self::Suspended { .. } => "licence-suspended",
            Self::Revoked { .. } => "licence-revoked",
            Self::Unpaid { .. } => "licence-unpaid",
            Self::NoSeat => "licence-no-seat",
            Self::Released => "licence-released",
        }
    }
}

/// An instance that has its seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activated {
    /// Its id from now on.
    pub instance: String,
    /// Its first lease, signed.
    pub lease: String,
}

/// What an instance hears of its licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// A signed lease.
    Lease(String),
    /// A signed revocation.
    Revocation(String),
}

impl Desk {
    /// Gives an instance a seat of the licence whose file it brings, and its first lease.
    pub async fn activate_licence(&self, file: &str, request: &str) -> Result<Activated> {
        self.activate_at(file, request, now()).await
    }

    async fn activate_at(&self, file: &str, request: &str, now: Timestamp) -> Result<Activated> {
        let issuer = *self.licence_key().verifying_key();
        let asked = Activation::verify(request).map_err(NoLease::Request)?;
        let (question, key) = (asked.question(), asked.instance());
        let file = LicenseFile::verify(file, &[issuer]).and_then(|file| file.for_instance(key));
        let expected = file.map_err(NoLease::File)?.terms().license.clone();
        if question.license != expected {
            let found = question.license.clone();
            return Err(NoLease::Request(license::Error::OtherLicense { found, expected }).into());
        }
        in_time(question, now)?;
        self.gives_leases(&expected, now).await?;
        let fresh = format!("ins-{}", hex::encode(random::<16>(&mut SystemEntropy::new())));
        let heard = heard(question, &fresh);
        let entry = |instance: &str| {
            Deed::Licence(LicenceAct::Activated {
                licence: expected.clone(),
                instance: instance.to_owned(),
                key: sha256_hex(key.as_bytes()),
                version: question.version.clone(),
            })
            .entry(Actor::Machine)
        };
        let tell = |licence: &LicenceRow, before: &InstanceRow| {
            telling(&standing(licence, now), question, before, now)
        };
        let asked = (&heard, key.as_bytes());
        let seat = match self.store().seat_instance(asked, entry, tell, now).await? {
            Seating::Taken(seat) | Seating::Kept(seat) => seat,
            Seating::Full => {
                // It may have been suspended in this moment.
                self.gives_leases(&expected, now).await?;
                return Err(NoLease::NoSeat.into());
            }
            Seating::Again => return Err(NoLease::Again.into()),
            Seating::TooMany => return Err(too_many()),
        };
        let lease = self.lease(question, key, (now, seat.revocations))?;
        Ok(Activated { instance: seat.instance, lease })
    }

    /// Answers an instance that has a seat: a lease, a revocation, or why there is neither.
    pub async fn check_licence(&self, request: &str) -> Result<Checked> {
        let now = now();
        let claimed = Check::claimed(request).map_err(NoLease::Request)?;
        let row = self.store().licence_instance(claimed).await?.ok_or(NoLease::Unknown)?;
        let key = VerifyingKey::from_bytes(&row.key).map_err(|_| NoLease::Unknown)?;
        let asked = Check::verify(request, &key).map_err(NoLease::Request)?;
        let question = asked.question();
        in_time(question, now)?;
        let mut answer = (Err(NoLease::Unknown), 0);
        let tell = |licence: &LicenceRow, before: &InstanceRow| {
            answer = (standing(licence, now), licence.epoch);
            telling(&answer.0, question, before, now)
        };
        let hearing = self.store().hear_instance(&heard(question, &row.id), tell, now).await?;
        let revocations = match hearing {
            Hearing::Heard { revocations } => revocations,
            Hearing::Gone => return Err(NoLease::Released.into()),
            Hearing::Again => return Err(NoLease::Again.into()),
            Hearing::TooMany => return Err(too_many()),
        };
        match answer {
            (Ok(()), _) => Ok(Checked::Lease(self.lease(question, &key, (now, revocations))?)),
            (Err(NoLease::Revoked { .. }), epoch) => {
                let terms = RevocationTerms { license: row.licence, time: now, epoch };
                Ok(Checked::Revocation(terms.sign(&self.licence_key())?))
            }
            (Err(why), _) => Err(why.into()),
        }
    }

    /// Refuses a licence by which nobody gets a lease.
    async fn gives_leases(&self, licence: &str, now: Timestamp) -> Result<()> {
        let row = self.store().licence(licence).await?.ok_or(NoLease::Unknown)?;
        Ok(standing(&row, now)?)
    }

    /// A lease that claims the revocations that were known when it was decided, and none that came since.
    fn lease(
        &self,
        question: &Question,
        key: &VerifyingKey,
        (now, revocations): (Timestamp, u64),
    ) -> Result<String> {
        let terms = LeaseTerms {
            license: question.license.clone(),
            instance: sha256(key.as_bytes()),
            challenge: question.challenge,
            time: now,
            expires: now + LEASE,
            epoch: revocations,
        };
        Ok(terms.sign(&self.licence_key())?)
    }
}

/// Whether leases are given by a licence at this time.
fn standing(licence: &LicenceRow, now: Timestamp) -> Result<(), NoLease> {
    let since = licence.changed;
    match licence.state {
        LicenceState::Revoked => Err(NoLease::Revoked { since }),
        LicenceState::Suspended => Err(NoLease::Suspended { since }),
        LicenceState::Issued if now >= licence.paid_until => {
            Err(NoLease::Unpaid { since: licence.paid_until })
        }
        LicenceState::Issued => Ok(()),
    }
}

fn in_time(question: &Question, now: Timestamp) -> Result<(), NoLease> {
    let asked = question.time;
    let off = asked.duration_since(now).abs();
    if off <= WINDOW { Ok(()) } else { Err(NoLease::Clock { asked, now }) }
}

/// The question, to be remembered for as long as it would be in time.
fn heard<'a>(question: &'a Question, instance: &'a str) -> InstanceWord<'a> {
    InstanceWord {
        licence: &question.license,
        instance,
        version: &question.version,
        boots: question.boots,
        challenge: &question.challenge,
        until: question.time.checked_add(WINDOW + SECOND).unwrap_or(Timestamp::MAX),
    }
}

/// What the log is told of a check.
fn telling(
    answer: &Result<(), NoLease>,
    question: &Question,
    before: &InstanceRow,
    now: Timestamp,
) -> Telling {
    let day = |time: Timestamp| time.as_second().div_euclid(24 * 60 * 60);
    let is_past = |time: Option<Timestamp>| time.is_none_or(|time| day(time) < day(now));
    let is_back = question.boots < before.boots && is_past(before.told_back);
    if !is_back && !is_past(before.told) {
        return Telling { entry: None, told: before.told, told_back: before.told_back };
    }
    let deed = Deed::Licence(LicenceAct::Checked {
        licence: before.licence.clone(),
        instance: before.id.clone(),
        version: question.version.clone(),
        answer: match answer {
            Ok(()) => "lease",
            Err(NoLease::Suspended { .. }) => "suspended",
            Err(NoLease::Revoked { .. }) => "revoked",
            Err(_) => "unpaid",
        },
        back: is_back.then_some((before.boots, question.boots)),
    });
    Telling {
        entry: Some(deed.entry(Actor::Machine)),
        told: Some(now),
        told_back: if is_back { Some(now) } else { before.told_back },
    }
}

fn too_many() -> Error {
    Error::Busy { what: "the questions of this instance", retry_after_s: 600 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::LicenceWish;
    use seal::{Secret, SigningKey};
    use store::LogPage;

    fn at(hours: i64) -> Timestamp {
        "2026-12-01T00:00:00Z".parse::<Timestamp>().expect("a time")
            + SignedDuration::from_hours(hours)
    }

    /// Hours, starts, the answer; whether there is an entry, and what it says of the starts.
    type Row = (i64, u32, Result<(), NoLease>, Option<(&'static str, bool)>);

    #[test]
    fn the_log_hears_of_a_check_once_a_day_and_of_a_counter_that_went_back() {
        let mut before = InstanceRow {
            id: "ins-1".to_owned(),
            licence: "lic-1".to_owned(),
            key: [1; 32],
            version: "1".to_owned(),
            boots: 5,
            activated: at(0),
            seen: at(0),
            released: None,
            told: None,
            told_back: None,
        };
        // Hours, starts, the answer; whether there is an entry, and what it says of the starts.
        let suspended = || Err(NoLease::Suspended { since: at(0) });
        let rows: [Row; 8] = [
            (1, 5, Ok(()), Some(("lease", false))),
            (7, 6, Ok(()), None),
            (13, 5, Ok(()), Some(("lease", true))),
            (14, 4, Ok(()), None),
            (23, 9, suspended(), None),
            (24, 9, suspended(), Some(("suspended", false))),
            (25, 8, Err(NoLease::Unpaid { since: at(0) }), Some(("unpaid", true))),
            (49, 7, Err(NoLease::Revoked { since: at(0) }), Some(("revoked", true))),
        ];
        for (hours, boots, answer, want) in rows {
            let question = Question {
                license: "lic-1".to_owned(),
                version: "2".to_owned(),
                boots,
                challenge: [2; 32],
                time: at(hours),
            };
            let told = telling(&answer, &question, &before, at(hours));
            let said = told.entry.as_ref().map(|entry| {
                let word = entry.detail.get("answer").and_then(|word| word.as_str());
                let word = word.expect("a word");
                (word, entry.detail.get("boots_before").is_some())
            });
            assert_eq!(said, want, "after {hours} hours");
            (before.told, before.told_back, before.boots) = (told.told, told.told_back, boots);
        }
    }

    #[tokio::test]
    async fn who_activates_again_is_told_once_a_day_and_when_the_counter_went_back() {
        let root = tempfile::tempdir().expect("a directory");
        let desk = Desk::open(root.path(), "a test", now()).await.expect("opens");
        let day = 24 * 60 * 60;
        let begin = Timestamp::from_second((now().as_second() / day + 1) * day).expect("a time");
        let wish = LicenceWish {
            id: None,
            edition: "pro".to_owned(),
            entitlements: Vec::new(),
            instances: 1,
            from: None,
            paid_until: begin + SignedDuration::from_hours(24 * 90),
            hard_until: None,
            grace_hours: 72,
            trial: false,
            note: String::new(),
        };
        let issued = desk.issue_licence(Actor::Host, &wish).await.expect("issues");
        let key = SigningKey::from_seed(&Secret::new([7; 32]));
        let checks = async || {
            let kind = Some("licence.checked".parse().expect("a kind"));
            let page = LogPage { kind, limit: 500, ..LogPage::default() };
            desk.store().log_page(&page).await.expect("reads")
        };
        // Every six hours of three days, and then twice from a copy of the disk.
        let days = (0..12).map(|turn| (6 * turn, 5));
        for (turn, (hours, boots)) in (1_u8..).zip(days.chain([(67, 4), (68, 3)])) {
            let now = begin + SignedDuration::from_hours(hours);
            let (license, version) = (issued.licence.id.clone(), "1".to_owned());
            let challenge = [turn; 32];
            let asked = Question { license, version, boots, challenge, time: now };
            let asked = asked.activate(&key).expect("signs");
            desk.activate_at(&issued.file, &asked, now).await.expect("a lease");
            // The first is told as the activation that it is.
            let days = hours / 24 + 1;
            let want = if hours < 6 { 0 } else { days + i64::from(hours > 66) };
            assert_eq!(checks().await.len(), usize::try_from(want).expect("few"), "{hours}");
        }
        let last = checks().await.remove(0).entry.expect("its body");
        assert_eq!((&last.detail["boots_before"], &last.detail["boots"]), (&5.into(), &4.into()));
        desk.close().await;
    }

    #[test]
    fn a_question_is_in_time_for_ten_minutes_either_way() {
        let check = |seconds: i64, good: bool| {
            let time = at(0) + SignedDuration::from_secs(seconds);
            let license = "lic-1".to_owned();
            let version = "1".to_owned();
            let question = Question { license, version, boots: 1, challenge: [1; 32], time };
            assert_eq!(in_time(&question, at(0)).is_ok(), good, "{seconds}");
            // It is remembered for as long as it would be taken.
            let until = heard(&question, "ins-1").until;
            assert!(in_time(&question, until).is_err(), "{seconds}");
        };
        check(0, true);
        check(600, true);
        check(-600, true);
        check(601, false);
        check(-601, false);
    }
}
