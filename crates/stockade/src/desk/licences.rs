//! Licences that this server issues: issued, suspended, resumed, revoked, and seats given back. Each is one act with
//! its entry. What instances ask is in `leases.rs`.

use super::{Actor, Deed, Desk, Error, LicenceAct, Result, now};
use jiff::{SignedDuration, Timestamp};
use kms::{Purpose, SystemEntropy};
use license::{CheckIn, LicenseFile, Term, Terms, issuer_to_text};
use seal::{Aad, SigningKey, VerifyingKey, random};
use serde::{Deserialize, Serialize};
use store::{InstanceRow, LICENCE_PAGE, LICENCES_MAX, LicenceRow, LicenceState};

/// Instances that one licence may allow.
pub const LICENCE_INSTANCES_MAX: u32 = 1000;
/// Characters of a note on whose a licence is.
pub const LICENCE_NOTE_CHARS_MAX: usize = 500;
/// The rules that licences are issued under.
const POLICY: u32 = 1;

/// A licence to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceWish {
    /// Its id; a random one where none is named.
    pub id: Option<String>,
    /// What was bought.
    pub edition: String,
    /// What may be used, by name.
    pub entitlements: Vec<String>,
    /// How many instances may run.
    pub instances: u32,
    /// When it begins; now where nothing is said.
    pub from: Option<Timestamp>,
    /// When what was paid for ends.
    pub paid_until: Timestamp,
    /// No grace reaches beyond this; the end of grace where nothing is said.
    pub hard_until: Option<Timestamp>,
    /// Hours of grace.
    pub grace_hours: u32,
    /// To try, not paid.
    pub trial: bool,
    /// Whose it is: kept sealed, and in no entry of the log.
    pub note: String,
}

impl LicenceWish {
    /// What is signed.
    #[must_use]
    pub fn terms(&self, check_in: CheckIn, now: Timestamp) -> Terms {
        let random_id = || format!("lic-{}", hex::encode(random::<8>(&mut SystemEntropy::new())));
        let grace = SignedDuration::from_hours(i64::from(self.grace_hours));
        let end_of_grace = self.paid_until.checked_add(grace).unwrap_or(Timestamp::MAX);
        Terms {
            license: self.id.clone().unwrap_or_else(random_id),
            edition: self.edition.clone(),
            entitlements: self.entitlements.iter().cloned().collect(),
            instances: self.instances,
            issued: now,
            not_before: self.from.unwrap_or(now),
            paid_until: self.paid_until,
            hard_until: self.hard_until.unwrap_or(end_of_grace),
            grace_hours: self.grace_hours,
            term: if self.trial { Term::Trial } else { Term::Paid },
            check_in,
            instance: None,
            policy: POLICY,
        }
    }
}

/// A licence as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceView {
    /// Its id.
    pub id: String,
    /// What was bought.
    pub edition: String,
    /// What may be used, by name.
    pub entitlements: Vec<String>,
    /// How many instances may run.
    pub instances: u32,
    /// Seats that are taken.
    pub taken: u32,
    /// `trial` or `paid`.
    pub term: String,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it begins.
    pub not_before: Timestamp,
    /// When what was paid for ends.
    pub paid_until: Timestamp,
    /// No grace reaches beyond this.
    pub hard_until: Timestamp,
    /// Hours of grace.
    pub grace_hours: u32,
    /// `issued`, `suspended` or `revoked`.
    pub state: String,
    /// Since when.
    pub changed: Timestamp,
    /// Whose it is.
    pub note: String,
}

/// An instance that has a seat, or had one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceView {
    /// Its id.
    pub id: String,
    /// Its public key, `ed25519:…`.
    pub key: String,
    /// The version that it ran when it last asked.
    pub version: String,
    /// How often it had been started by then.
    pub boots: u32,
    /// When it took the seat.
    pub activated: Timestamp,
    /// When it last asked.
    pub seen: Timestamp,
    /// When the seat was given back, if it was.
    pub released: Option<Timestamp>,
}

/// A page of licences, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LicencePage {
    /// The key that bots trust, `ed25519:…`.
    pub issuer: String,
    /// The licences.
    pub licences: Vec<LicenceView>,
    /// Where to go on; none at the end.
    pub next: Option<String>,
}

/// A licence with its instances.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LicenceDetail {
    /// The licence.
    pub licence: LicenceView,
    /// Who has its seats, and who had one.
    pub instances: Vec<InstanceView>,
}

/// A licence that was just issued.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IssuedLicence {
    /// What it is.
    pub licence: LicenceView,
    /// The signed file, handed out this once.
    pub file: String,
    /// The key that signed it, `ed25519:…`.
    pub issuer: String,
}

/// What is done with a licence that was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenceTurn {
    /// Nobody gets a lease until it is resumed.
    Suspend,
    /// Leases are given again.
    Resume,
    /// It is taken back for good.
    Revoke,
}

impl Desk {
    /// Issues a licence: the file is handed out this once, and is not kept.
    pub async fn issue_licence(&self, actor: Actor, wish: &LicenceWish) -> Result<IssuedLicence> {
        if wish.instances > LICENCE_INSTANCES_MAX {
            let (what, limit) = ("instances of a licence", LICENCE_INSTANCES_MAX as usize);
            return Err(Error::Limit { what, limit });
        }
        if wish.note.chars().count() > LICENCE_NOTE_CHARS_MAX {
            let (what, limit) = ("characters of a licence's note", LICENCE_NOTE_CHARS_MAX);
            return Err(Error::Limit { what, limit });
        }
        let (now, key) = (now(), self.licence_key());
        let file = wish.terms(CheckIn::Lease, now).sign(&key)?;
        // As it is written in the file: times to the second, names in their order.
        let terms = LicenseFile::verify(&file, &[*key.verifying_key()])?.terms().clone();
        let sealed = self.keys().sealing(Purpose::Secrets).seal(
            &note_of(&terms.license),
            wish.note.as_bytes(),
            &mut SystemEntropy::new(),
        );
        let row = row_of(terms, sealed);
        let mut act = self.store().begin().await?;
        if !act.keep_licence(&row).await? {
            return Err(match act.licence(&row.id).await? {
                Some(_) => Error::LicenceExists { id: row.id },
                None => Error::Limit { what: "licences", limit: LICENCES_MAX as usize },
            });
        }
        let deed = Deed::Licence(LicenceAct::Issued {
            licence: row.id.clone(),
            edition: row.edition.clone(),
            instances: row.instances,
            paid_until: row.paid_until.to_string(),
        });
        act.commit(deed.entry(actor), now).await?;
        let issuer = issuer_to_text(key.verifying_key());
        Ok(IssuedLicence { licence: self.licence_view(row)?, file, issuer })
    }

    /// Suspends, resumes or revokes a licence.
    pub async fn turn_licence(
        &self,
        actor: Actor,
        id: &str,
        turn: LicenceTurn,
    ) -> Result<LicenceView> {
        use LicenceState::{Issued, Suspended};
        let (now, licence) = (now(), id.to_owned());
        let mut act = self.store().begin().await?;
        let before = act.licence(id).await?.ok_or(Error::NotFound { what: "licence" })?;
        let done = match turn {
            LicenceTurn::Suspend => {
                let turned = act.turn_licence(id, (Issued, Suspended), now).await?;
                turned.then_some(LicenceAct::Suspended { licence })
            }
            LicenceTurn::Resume => {
                let turned = act.turn_licence(id, (Suspended, Issued), now).await?;
                turned.then_some(LicenceAct::Resumed { licence })
            }
            LicenceTurn::Revoke => {
                let revoked = act.revoke_licence(id, now).await?;
                revoked.map(|epoch| LicenceAct::Revoked { licence, epoch })
            }
        };
        let done = done.ok_or(Error::LicenceState { state: before.state.as_str() })?;
        let after = act.licence(id).await?.ok_or(Error::NotFound { what: "licence" })?;
        act.commit(Deed::Licence(done).entry(actor), now).await?;
        self.licence_view(after)
    }

    /// Gives the seat of an instance back, for another one to take.
    pub async fn release_instance(
        &self,
        actor: Actor,
        licence: &str,
        instance: &str,
    ) -> Result<()> {
        let now = now();
        let mut act = self.store().begin().await?;
        if !act.release_instance((licence, instance), now).await? {
            return Err(Error::NotFound { what: "instance that has a seat" });
        }
        let (licence, instance) = (licence.to_owned(), instance.to_owned());
        let deed = Deed::Licence(LicenceAct::Released { licence, instance });
        act.commit(deed.entry(actor), now).await?;
        Ok(())
    }

    /// A page of licences, the newest first, from behind one of them on.
    pub async fn licences(&self, after: Option<&str>) -> Result<LicencePage> {
        let last = match after {
            Some(id) => Some(self.licence_row(id).await?),
            None => None,
        };
        let last = last.as_ref().map(|row| (row.issued, row.id.as_str()));
        let rows = self.store().licences(last).await?;
        let is_full = rows.len() >= LICENCE_PAGE as usize;
        let next = rows.last().map(|row| row.id.clone()).filter(|_| is_full);
        let licences = rows.into_iter().map(|row| self.licence_view(row));
        let issuer = issuer_to_text(self.licence_key().verifying_key());
        Ok(LicencePage { issuer, licences: licences.collect::<Result<_>>()?, next })
    }

    /// A licence with its instances.
    pub async fn licence(&self, id: &str) -> Result<LicenceDetail> {
        let licence = self.licence_view(self.licence_row(id).await?)?;
        let rows = self.store().licence_instances(id).await?;
        let instances = rows.into_iter().map(instance_view).collect::<Result<_>>()?;
        Ok(LicenceDetail { licence, instances })
    }

    async fn licence_row(&self, id: &str) -> Result<LicenceRow> {
        self.store().licence(id).await?.ok_or(Error::NotFound { what: "licence" })
    }

    /// The key that signs licences, leases and revocations: it is made with the server's other keys.
    pub(super) fn licence_key(&self) -> SigningKey {
        self.keys().signing(Purpose::Licences)
    }

    fn licence_view(&self, row: LicenceRow) -> Result<LicenceView> {
        let opened = self.keys().sealing(Purpose::Secrets).open(&note_of(&row.id), &row.note);
        let note = opened.map_err(|_| Error::SealedNote)?;
        let entitlements = row.entitlements.split(", ").filter(|name| !name.is_empty());
        Ok(LicenceView {
            edition: row.edition,
            entitlements: entitlements.map(str::to_owned).collect(),
            instances: row.instances,
            taken: row.taken,
            term: row.term,
            issued: row.issued,
            not_before: row.not_before,
            paid_until: row.paid_until,
            hard_until: row.hard_until,
            grace_hours: row.grace_hours,
            state: row.state.as_str().to_owned(),
            changed: row.changed,
            note: String::from_utf8_lossy(note.expose()).into_owned(),
            id: row.id,
        })
    }
}

/// Where a note is sealed to.
fn note_of(licence: &str) -> Aad<'_> {
    Aad { tenant: "server", table: "licences", row: licence, column: "note", kind: "text" }
}

fn row_of(terms: Terms, note: Vec<u8>) -> LicenceRow {
    let entitlements: Vec<String> = terms.entitlements.into_iter().collect();
    LicenceRow {
        id: terms.license,
        edition: terms.edition,
        entitlements: entitlements.join(", "),
        instances: terms.instances,
        term: match terms.term {
            Term::Trial => "trial".to_owned(),
            Term::Paid => "paid".to_owned(),
        },
        issued: terms.issued,
        not_before: terms.not_before,
        paid_until: terms.paid_until,
        hard_until: terms.hard_until,
        grace_hours: terms.grace_hours,
        policy: terms.policy,
        note,
        state: LicenceState::Issued,
        changed: terms.issued,
        epoch: 0,
        taken: 0,
    }
}

fn instance_view(row: InstanceRow) -> Result<InstanceView> {
    let key = VerifyingKey::from_bytes(&row.key).map_err(|_| Error::NotFound { what: "key" })?;
    Ok(InstanceView {
        id: row.id,
        key: issuer_to_text(&key),
        version: row.version,
        boots: row.boots,
        activated: row.activated,
        seen: row.seen,
        released: row.released,
    })
}
