//! Advisories: published by whoever runs the server, for a report or without one, and read by everybody.
//!
//! Whoever reported is credited as the report thanks them, and no longer than it does; each change of that is a
//! revision, so no document changes under the date that it had.

use super::{Actor, Deed, Desk, DisclosureAct, Error, Result, now, sha256_hex};
use disclosure::{
    Advisory, AdvisoryId, Course, Draft, Move, Origin, Revision, Severity, Standing, Wording,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Act, AdvisoryRow, REVISIONS_MAX, ReportRow};
use uuid::Uuid;

/// Characters of what is new in a revision.
const NOTE_CHARS_MAX: usize = 200;
/// Bytes of an advisory as it is kept, blanks and references included.
const WORDING_BYTES_MAX: usize = 64 * 1024;
/// What the first revision says of itself.
const FIRST: &str = "Published";
/// Revisions that say more; the one beyond is for whoever wants to be named no longer.
const SAYING_MAX: u32 = REVISIONS_MAX - 1;
/// How far the last revision may be ahead of the clock: several of one second are told a second apart.
const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(10);

/// An advisory as its writer brings it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdvisoryText {
    /// One line.
    pub title: String,
    /// A sentence or two.
    pub summary: String,
    /// The whole of it.
    pub details: String,
    /// What to do.
    pub advice: String,
    /// A base vector of CVSS 3.1.
    pub cvss: String,
    /// Versions that have it.
    pub affected: String,
    /// Addresses with blanks between them, by their kind.
    pub references: BTreeMap<String, String>,
}

/// Which advisory it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case", deny_unknown_fields)]
pub enum Issue {
    /// A new one, for a report or for none.
    New {
        /// The report, which is published by this.
        report: Option<Uuid>,
    },
    /// Another revision of one that is out.
    Revision {
        /// Its name.
        id: String,
        /// What is new.
        note: String,
    },
}

/// An advisory, as the command line shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvisoryView {
    /// Its name.
    pub id: String,
    /// Its revision.
    pub revision: u32,
    /// How bad it is.
    pub severity: String,
    /// The base score.
    pub score: String,
    /// When it was published first.
    pub published: Timestamp,
    /// When it was changed last.
    pub modified: Timestamp,
    /// The report that it answers.
    pub report: Option<Uuid>,
    /// Whether its reporter is named.
    pub credited: bool,
    /// What it says.
    pub text: AdvisoryText,
}

impl AdvisoryText {
    fn draft(&self) -> Result<Draft> {
        let text = self.clone();
        let wording = Wording {
            title: text.title,
            summary: text.summary,
            details: text.details,
            advice: text.advice,
            cvss: text.cvss,
            affected: text.affected,
            references: text.references.into_iter().collect(),
        };
        Ok(Draft::new(&wording)?)
    }
}

/// The rows of one advisory, read.
struct Kept {
    advisory: Advisory,
    report: Option<Uuid>,
    text: AdvisoryText,
}

impl From<Kept> for AdvisoryView {
    fn from(kept: Kept) -> Self {
        let Kept { advisory, report, text } = kept;
        Self {
            id: advisory.id.to_string(),
            revision: advisory.last().number,
            severity: advisory.draft.severity().as_str().to_owned(),
            score: advisory.draft.score().to_owned(),
            published: advisory.published(),
            modified: advisory.last().at,
            report,
            credited: advisory.origin.as_ref().is_some_and(|origin| origin.thanks.is_some()),
            text,
        }
    }
}

impl Desk {
    /// Every advisory that is out, the newest name first.
    pub async fn advisories(&self) -> Result<Vec<Advisory>> {
        Ok(self.kept_advisories().await?.into_iter().map(|kept| kept.advisory).collect())
    }

    /// The same, as the command line shows them.
    pub async fn advisory_views(&self) -> Result<Vec<AdvisoryView>> {
        Ok(self.kept_advisories().await?.into_iter().map(AdvisoryView::from).collect())
    }

    /// Publishes an advisory, or another revision of one. For a report that is the step `publish`, taken in the
    /// same act.
    pub async fn publish_advisory(
        &self,
        actor: Actor,
        text: &AdvisoryText,
        issue: &Issue,
    ) -> Result<AdvisoryView> {
        let now = now();
        text.draft()?;
        let wording = serde_json::json!(text).to_string();
        if wording.len() > WORDING_BYTES_MAX {
            return Err(Error::Limit { what: "bytes of an advisory", limit: WORDING_BYTES_MAX });
        }
        let id = match issue {
            Issue::New { report } => self.publish_new(actor, *report, wording, now).await?,
            Issue::Revision { id, note } => {
                let id: AdvisoryId = id.parse()?;
                self.revise(actor, (id, note.trim()), wording, now).await?;
                id
            }
        };
        let found = self.kept_advisories().await?.into_iter().find(|one| one.advisory.id == id);
        found.map(AdvisoryView::from).ok_or(Error::NotFound { what: "advisory" })
    }

    async fn publish_new(
        &self,
        actor: Actor,
        report: Option<Uuid>,
        wording: String,
        now: Timestamp,
    ) -> Result<AdvisoryId> {
        let before = match report {
            None => None,
            Some(id) => {
                let row = self.store().security_report(id).await?;
                Some(row.ok_or(Error::NotFound { what: "report" })?)
            }
        };
        let after = before.as_ref().map(|row| published(row, now)).transpose()?.flatten();
        let mut act = self.store().begin().await?;
        let year = now.to_zoned(TimeZone::UTC).year();
        let id = act.next_advisory(year).await?;
        let id = id.ok_or(Error::Limit {
            what: "advisories of one year",
            limit: usize::from(AdvisoryId::IN_YEAR_MAX),
        })?;
        let leaf = act.first_index().await?;
        let row =
            AdvisoryRow { id, revision: 1, report, wording, note: FIRST.to_owned(), leaf, at: now };
        if !act.keep_advisory(&row).await? {
            return Err(Error::Changed { what: "the advisory" });
        }
        let mut entries = vec![deed(&row).entry(actor)];
        if let (Some(before), Some(after)) = (&before, &after) {
            if !act.move_report(before, after).await? {
                return Err(Error::Changed { what: "the report" });
            }
            let moved = Deed::Disclosure(DisclosureAct::Moved {
                id: before.id,
                step: Move::Publish.as_str(),
                standing: after.standing().as_str(),
                severity: after.moments().severity.map(Severity::as_str),
            });
            entries.push(moved.entry(actor));
        }
        act.commit_all(entries, now).await?;
        Ok(id)
    }

    async fn revise(
        &self,
        actor: Actor,
        (id, note): (AdvisoryId, &str),
        wording: String,
        now: Timestamp,
    ) -> Result<()> {
        let chars = note.chars().count();
        if chars == 0 || chars > NOTE_CHARS_MAX || note.contains(char::is_control) {
            let why = "is one line of 1 to 200 characters that says what is new";
            return Err(disclosure::Error::Draft { field: "note", why }.into());
        }
        let rows = self.store().advisories().await?;
        let last = rows.iter().rfind(|row| row.id == id);
        let last = last.ok_or(Error::NotFound { what: "advisory" })?;
        if last.wording == wording {
            let why = "is the one that is out already: there is nothing to publish";
            return Err(disclosure::Error::Draft { field: "wording", why }.into());
        }
        may_say_more(last)?;
        if last.at > now + AHEAD_MAX {
            return Err(disclosure::Error::Backwards { step: "the revision" }.into());
        }
        let mut act = self.store().begin().await?;
        let row = AdvisoryRow {
            id,
            revision: last.revision + 1,
            report: last.report,
            wording,
            note: note.to_owned(),
            leaf: act.first_index().await?,
            at: later(last.at, now),
        };
        if !act.keep_advisory(&row).await? {
            return Err(Error::Changed { what: "the advisory" });
        }
        act.commit(deed(&row).entry(actor), now).await?;
        Ok(())
    }

    /// Revises every advisory of a report, in the act by which its sender is thanked otherwise than before; with what
    /// the log shall say first in that act.
    pub(super) async fn credit(
        &self,
        act: &mut Act,
        report: &ReportRow,
        thanks: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<Deed>> {
        let note = match (report.thanks.as_deref(), thanks) {
            (before, after) if before == after => return Ok(Vec::new()),
            (None, _) => "Whoever reported it is thanked by name",
            (Some(_), Some(_)) => "Whoever reported it is thanked by another name",
            (Some(_), None) => "Whoever reported it is named no longer",
        };
        let rows = self.store().advisories().await?.into_iter();
        let of = rows.filter(|row| row.report == Some(report.id));
        // They come in order, so the last revision of each stays.
        let last: BTreeMap<AdvisoryId, AdvisoryRow> = of.map(|row| (row.id, row)).collect();
        if thanks.is_some() {
            last.values().try_for_each(may_say_more)?;
        }
        // A full one, of before there was a revision to spare: the wish to be named no longer goes first.
        let last = last.into_values().filter(|row| row.revision < REVISIONS_MAX);
        let mut deeds = Vec::new();
        for (leaf, last) in (act.first_index().await?..).zip(last) {
            let (revision, at) = (last.revision + 1, later(last.at, now));
            let row = AdvisoryRow { revision, leaf, at, note: note.to_owned(), ..last };
            if !act.keep_advisory(&row).await? {
                return Err(Error::Changed { what: "the advisory" });
            }
            deeds.push(deed(&row));
        }
        Ok(deeds)
    }

    async fn kept_advisories(&self) -> Result<Vec<Kept>> {
        let rows = self.store().advisories().await?;
        let mut all: Vec<Kept> = Vec::new();
        for row in &rows {
            let revision = Revision { number: row.revision, at: row.at, note: row.note.clone() };
            let unreadable = || Error::AdvisoryTorn { id: row.id.to_string() };
            let text: AdvisoryText =
                serde_json::from_str(&row.wording).map_err(|_| unreadable())?;
            let draft = text.draft().map_err(|_| unreadable())?;
            if let Some(kept) = all.last_mut().filter(|kept| kept.advisory.id == row.id) {
                kept.advisory.changes.push(revision);
                kept.advisory.draft = draft;
                kept.text = text;
                continue;
            }
            let origin = self.origin(row.report).await?;
            let advisory =
                Advisory { id: row.id, draft, first: revision, changes: Vec::new(), origin };
            all.push(Kept { advisory, report: row.report, text });
        }
        all.reverse();
        Ok(all)
    }

    async fn origin(&self, report: Option<Uuid>) -> Result<Option<Origin>> {
        let Some(id) = report else { return Ok(None) };
        let Some(row) = self.store().security_report(id).await? else { return Ok(None) };
        let sealed = self.store().sealed_report(id).await?.unwrap_or_default();
        Ok(Some(Origin {
            received: row.course.moments().received,
            sha256: sha256_hex(&sealed),
            leaf: row.leaf,
            thanks: row.thanks,
        }))
    }
}

/// The course of a report once its advisory is out; none, where that was noted before.
fn published(report: &ReportRow, now: Timestamp) -> Result<Option<Course>> {
    match report.course.standing() {
        Standing::Published => Ok(None),
        _ => Ok(Some(report.course.moved(Move::Publish, now)?)),
    }
}

/// Whether an advisory has room for a revision that says more.
fn may_say_more(last: &AdvisoryRow) -> Result<()> {
    if last.revision >= SAYING_MAX {
        let limit = SAYING_MAX as usize;
        return Err(Error::Limit { what: "revisions of one advisory", limit });
    }
    Ok(())
}

/// When a revision is out. Documents tell seconds, so each has a later one than the revision before.
fn later(last: Timestamp, now: Timestamp) -> Timestamp {
    Timestamp::from_second(last.as_second() + 1).map_or(now, |next| now.max(next))
}

fn deed(row: &AdvisoryRow) -> Deed {
    Deed::Disclosure(DisclosureAct::Advisory {
        id: row.id.to_string(),
        revision: row.revision,
        report: row.report,
        sha256: sha256_hex(row.wording.as_bytes()),
    })
}
