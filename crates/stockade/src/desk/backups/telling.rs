//! What the log, the page and the command line are told of backups.

use super::{Backups, Ground, count, handing::told};
use crate::desk::{Actor, BackupAct, Deed, Desk, Result, now};
use ::backup::{Act, DAYS, Ledger, MONTHS, Record, WEEKS};
use audit::Kind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::PoisonError};
use store::{AccountStanding, LicenceStanding, LicenceState, LogPage, Standings};

/// Backups as people see them.
#[derive(Debug, Clone)]
pub struct BackupView {
    /// Where they lie; none are made where there is none.
    pub place: Option<String>,
    /// Snapshots that are there, the newest first.
    pub snapshots: Vec<SnapshotView>,
    /// When the next one is due.
    pub next: Option<Timestamp>,
    /// When a restore was last proved, and of which snapshot.
    pub proved: Option<(Timestamp, ::backup::Proof)>,
    /// When the next drill is due.
    pub next_drill: Option<Timestamp>,
    /// What failed last, since it last went well.
    pub failed: Vec<(Timestamp, String)>,
    /// Who can open them after a loss.
    pub recipients: usize,
    /// Snapshots that the rule keeps: daily, weekly, monthly.
    pub rule: [usize; 3],
}

/// A snapshot that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotView {
    /// Its number in the ledger.
    pub number: u64,
    /// When it was taken.
    pub time: Timestamp,
    /// What it is.
    pub snapshot: ::backup::Snapshot,
    /// Whether a restore of it was proved.
    pub proved: bool,
}

impl Backups {
    /// How backups stand.
    pub async fn view(&self, desk: &Desk) -> Result<BackupView> {
        let recipients = self.0.terms.recipients.len();
        let rule = [DAYS, WEEKS, MONTHS];
        if !self.are_on() && self.puller().is_none() {
            let (snapshots, failed) = (Vec::new(), Vec::new());
            let (place, next, proved, next_drill) = (None, None, None, None);
            return Ok(BackupView {
                place,
                snapshots,
                next,
                proved,
                next_drill,
                failed,
                recipients,
                rule,
            });
        }
        let (place, read) = self.read(desk).await?;
        let place = Some(place);
        // A ledger that was changed is what the page is for.
        let (ledger, unread) = match read {
            Ok(ledger) => (ledger, None),
            Err(error) => (::backup::Ledger::default(), Some((now(), error.to_string()))),
        };
        let due = self.due_by(&ledger);
        let proofs: Vec<u64> = ledger
            .records()
            .iter()
            .filter_map(|record| match &record.act {
                Act::Proved(proof) => Some(proof.of),
                _ => None,
            })
            .collect();
        let line = |one: ::backup::Taken| SnapshotView {
            number: one.number,
            time: one.time,
            snapshot: one.snapshot,
            proved: proofs.contains(&one.number),
        };
        let failures = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(BackupView {
            place,
            snapshots: ledger.live().into_iter().rev().map(line).collect(),
            next: Some(due.backup),
            proved: ledger.last_proof().map(|(record, proof)| (record.time, proof.clone())),
            next_drill: due.drill,
            failed: unread.into_iter().chain(failures.backup).chain(failures.drill).collect(),
            recipients,
            rule,
        })
    }
}

impl Backups {
    /// Where backups are, and the ledger of them: of the place, or of the machine that pulls, as it told last.
    async fn read(&self, desk: &Desk) -> Result<(String, Result<Ledger>)> {
        if let Some(machine) = self.puller() {
            return Ok((machine.to_string(), told(desk)));
        }
        let ground = self.ground(desk)?;
        let place = ground.place.root().display().to_string();
        Ok((place, tokio::task::spawn_blocking(move || ground.ledger()).await?))
    }
}

/// Writes into the log what the ledger of the place has and the log has not yet: a killed process may have left
/// that.
pub(super) async fn tell(desk: &Desk, ground: &Ground, actor: Actor) -> Result<()> {
    let own = ground.clone();
    let ledger = tokio::task::spawn_blocking(move || own.ledger()).await??;
    tell_of(desk, (&ledger, ground.place.root()), actor).await
}

/// The same for a ledger that was read. Refuses one that the log knows to have been longer.
pub(super) async fn tell_of(
    desk: &Desk,
    (ledger, place): (&Ledger, PathBuf),
    actor: Actor,
) -> Result<()> {
    let known = last_head(desk).await?;
    if !ledger.continues(&known) {
        return Err(::backup::Error::OldLedger { place }.into());
    }
    let heads = ledger.heads();
    let told = heads.iter().position(|head| *head == known).map_or(0, |at| at + 1);
    let fresh = ledger.records().iter().zip(heads).skip(told);
    let entries: Vec<audit::Entry> =
        fresh.map(|(record, head)| deed(record, head.clone()).entry(actor)).collect();
    if !entries.is_empty() {
        desk.store().begin().await?.commit_all(entries, now()).await?;
    }
    Ok(())
}

/// The head of the ledger that the log last named; empty, where it named none.
async fn last_head(desk: &Desk) -> Result<String> {
    let mut last: Option<(u64, String)> = None;
    for kind in BackupAct::WITH_HEAD {
        let page = LogPage { kind: Some(Kind::stated(kind)), limit: 1, ..LogPage::default() };
        let Some(record) = desk.store().log_page(&page).await?.pop() else { continue };
        let head = record.entry.and_then(|entry| {
            entry.detail.get("ledger").and_then(|head| head.as_str()).map(str::to_owned)
        });
        if let Some(head) = head
            && last.as_ref().is_none_or(|(index, _)| *index < record.index)
        {
            last = Some((record.index, head));
        }
    }
    Ok(last.map(|(_, head)| head).unwrap_or_default())
}

fn deed(record: &Record, ledger: String) -> Deed {
    let count = count(&record.act);
    Deed::Backup(match &record.act {
        Act::Taken(snapshot) => BackupAct::Taken {
            number: record.number,
            snapshot: snapshot.id.clone(),
            manifest: snapshot.manifest.clone(),
            ledger,
        },
        Act::Forgotten { .. } => BackupAct::Forgotten { count, ledger },
        Act::KeysForgotten { .. } => BackupAct::KeysForgotten { count, ledger },
        Act::Proved(proof) => {
            BackupAct::Proved { number: proof.of, files: proof.files, rows: proof.rows, ledger }
        }
    })
}

/// What begins the standings: without it they are of the first version, which had accounts alone.
const STANDINGS: &str = "stockade-standings/2";

/// A line of what must outlive the database.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StandingLine {
    Account { account: String, role: String, standing: String, epoch: i64, erased: Option<i64> },
    Licence { licence: String, state: String, epoch: i64 },
}

/// One account or licence a line.
pub(super) fn standings_text(standings: &Standings) -> String {
    let mut text = format!("{STANDINGS}\n");
    let accounts = standings.accounts.iter().cloned().map(|one| {
        let AccountStanding { account, role, standing, epoch, erased } = one;
        StandingLine::Account { account, role, standing, epoch, erased }
    });
    let licences = standings.licences.iter().cloned().map(|one| {
        let LicenceStanding { licence, state, epoch } = one;
        StandingLine::Licence { licence, state: state.as_str().to_owned(), epoch }
    });
    for line in accounts.chain(licences) {
        text.push_str(&serde_json::to_string(&line).unwrap_or_default());
        text.push('\n');
    }
    text
}

/// The accounts and licences of such a text.
pub(super) fn standings_of(text: &str) -> Result<Standings> {
    let differs =
        |what: String| ::backup::Error::Differs { what: format!("the standings: {what}") };
    let mut standings = Standings::default();
    let lines = match text.split_once('\n') {
        Some((first, rest)) if !first.starts_with('{') => {
            if first != STANDINGS {
                return Err(differs(format!("{first:?} is not {STANDINGS}")).into());
            }
            rest
        }
        _ => text,
    };
    for line in lines.lines() {
        match serde_json::from_str(line).map_err(|error| differs(error.to_string()))? {
            StandingLine::Account { account, role, standing, epoch, erased } => {
                standings.accounts.push(AccountStanding { account, role, standing, epoch, erased });
            }
            StandingLine::Licence { licence, state, epoch } => {
                let state = LicenceState::named(&state)
                    .ok_or_else(|| differs(format!("no licence is {state:?}")))?;
                standings.licences.push(LicenceStanding { licence, state, epoch });
            }
        }
    }
    Ok(standings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standings_are_read_as_they_were_written_and_as_older_ones_were() {
        let old = r#"{"account":"a","role":"owner","standing":"active","epoch":3,"erased":null}"#;
        let mut want = Standings::default();
        want.accounts.push(AccountStanding {
            account: "a".to_owned(),
            role: "owner".to_owned(),
            standing: "active".to_owned(),
            epoch: 3,
            erased: None,
        });
        assert_eq!(standings_of(&format!("{old}\n")).expect("reads"), want);
        for state in [LicenceState::Issued, LicenceState::Suspended, LicenceState::Revoked] {
            let licence = format!("one that is {}", state.as_str());
            want.licences.push(LicenceStanding { licence, state, epoch: 7 });
        }
        assert_eq!(standings_of(&standings_text(&want)).expect("reads"), want);
        assert_eq!(standings_of("").expect("reads"), Standings::default());
        for wrong in
            ["stockade-standings/3\n", "{\"licence\":\"a\",\"state\":\"b\",\"epoch\":1}", "{}"]
        {
            assert!(standings_of(wrong).is_err(), "{wrong}");
        }
    }
}
