//! Reports of weaknesses: taken in sealed, shown to whoever has the receipt, moved by whoever runs the server.
//!
//! The key that opens a report is not here: what is handed out for opening is the sealed file.

use super::{
    Accounts, Actor, Deed, Desk, DisclosureAct, Error, Result, Visitor, new_id, now, sha256_hex,
};
use disclosure::{Course, Hand, Moments, Move, Receipt, Severity, Standing};
use guard::{Asker, Limiter, Policy, Verdict};
use identity::{Budget, Stage};
use jiff::{SignedDuration, Timestamp};
use kms::SystemEntropy;
use seal::{AgeRecipient, Secret, age_file};
use serde::{Deserialize, Serialize};
use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
};
use store::{NewReport, REPORTS_MAX, ReportRow, SealedBy};
use uuid::Uuid;

/// Bytes of a report in plain words.
pub const PLAIN_BYTES_MAX: usize = 48 * 1024;
/// Characters of a name that is thanked.
const NAME_CHARS_MAX: usize = 80;
/// Networks that are counted by themselves.
const SENDERS_MAX: usize = 10_000;
const MINUTE_MS: i64 = 60_000;

/// Whom reports go to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DisclosureTerms {
    /// The address of those who answer; none where it is empty.
    pub contact: String,
    /// Who can open reports; without anybody none are taken in.
    pub recipients: Vec<AgeRecipient>,
}

/// A report as it comes.
#[derive(Debug)]
pub enum ReportText {
    /// A file of age, or its text.
    Sealed(Vec<u8>),
    /// Words, which are sealed here and then forgotten.
    Plain(Secret<String>),
}

impl ReportText {
    /// What somebody typed or pasted: sealed, if it begins as `age -a` begins.
    #[must_use]
    pub fn of(text: Secret<String>) -> Self {
        if text.expose().trim_start().starts_with("-----BEGIN AGE ENCRYPTED FILE-----") {
            Self::Sealed(text.expose().clone().into_bytes())
        } else {
            Self::Plain(text)
        }
    }
}

/// A report, as its sender brings it.
#[derive(Debug)]
pub struct Brought {
    /// What it says.
    pub text: ReportText,
    /// Whether its sender wants to be named.
    pub credit: bool,
}

/// How many reports come in: six in an hour from one network, 48 in four hours from everybody.
pub(super) struct ReportBudgets(Mutex<[Limiter; 2]>);

impl Default for ReportBudgets {
    fn default() -> Self {
        let policy =
            |name, quota, hours| Policy { name, quota, window: SignedDuration::from_hours(hours) };
        let of_each = Limiter::new(policy("report", 6, 1), SENDERS_MAX);
        Self(Mutex::new([of_each, Limiter::new(policy("reports", 48, 4), 1)]))
    }
}

impl ReportBudgets {
    /// Takes one, or says when there is one again.
    fn spend(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), identity::Error> {
        let asker = address.map_or(Asker::Local, Asker::at);
        let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has none left takes nothing from the others.
        for (limiter, asker) in limiters.iter_mut().zip([asker, Asker::Local]) {
            let spent = limiter.spend(asker, 1, now);
            if spent.verdict == Verdict::Refused {
                return Err(identity::Error::Throttled { retry_after: spent.wait });
            }
        }
        Ok(())
    }
}

/// A report that is sealed, and is to be kept.
struct Sealed<'a> {
    bytes: &'a [u8],
    by: SealedBy,
    credit: bool,
}

/// A report that was taken in, as its sender is told once.
#[derive(Debug)]
pub struct Taken {
    /// The receipt: whoever has it sees how the report stands.
    pub receipt: Secret<String>,
    /// How it stands.
    pub view: ReportView,
}

/// A clock of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockView {
    /// `answer`, `critical`, `notice` or `publication`.
    pub clock: String,
    /// Until when.
    pub due: Timestamp,
    /// When it was done.
    pub ended: Option<Timestamp>,
    /// `running`, `overdue`, `kept` or `late`.
    pub hand: String,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// What the report was then.
    pub step: String,
    /// When.
    pub at: Timestamp,
}

/// A report, without what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportView {
    /// Its number.
    pub id: Uuid,
    /// How it stands.
    pub standing: String,
    /// How bad it is, where that was said.
    pub severity: Option<String>,
    /// `sender` or `server`.
    pub sealed_by: String,
    /// Whether its sender wants to be named.
    pub credit: bool,
    /// As whom its sender is thanked in public.
    pub thanks: Option<String>,
    /// SHA-256 of the sealed text, hexadecimal.
    pub sha256: String,
    /// The leaf of the log that holds it.
    pub leaf: u64,
    /// The steps that were taken, in order.
    pub steps: Vec<StepView>,
    /// The clocks, the one that is due first at the front.
    pub clocks: Vec<ClockView>,
    /// Whether one of them is overdue.
    pub overdue: bool,
}

impl ReportView {
    fn of(row: &ReportRow, sealed: &[u8], now: Timestamp) -> Self {
        let moments = row.course.moments();
        let clocks: Vec<ClockView> = row
            .course
            .clocks()
            .into_iter()
            .map(|clock| ClockView {
                clock: clock.kind.as_str().to_owned(),
                due: clock.due,
                ended: clock.ended,
                hand: clock.hand(now).as_str().to_owned(),
            })
            .collect();
        let overdue = clocks.iter().any(|clock| clock.hand == Hand::Overdue.as_str());
        Self {
            id: row.id,
            standing: row.course.standing().as_str().to_owned(),
            severity: moments.severity.map(|severity| severity.as_str().to_owned()),
            sealed_by: row.sealed_by.as_str().to_owned(),
            credit: row.credit,
            thanks: row.thanks.clone(),
            sha256: sha256_hex(sealed),
            leaf: row.leaf,
            steps: steps(moments),
            clocks,
            overdue,
        }
    }
}

fn steps(moments: &Moments) -> Vec<StepView> {
    let taken = [
        ("received", Some(moments.received)),
        ("acknowledged", moments.acknowledged),
        ("triaged", moments.triaged),
        ("breach", moments.breach),
        ("notified", moments.notified),
        ("fixed", moments.fixed),
        ("published", moments.published),
        ("declined", moments.declined),
    ];
    let step =
        |(step, at): (&str, Option<Timestamp>)| at.map(|at| StepView { step: step.to_owned(), at });
    let mut steps: Vec<StepView> = taken.into_iter().filter_map(step).collect();
    steps.sort_by_key(|step| step.at);
    steps
}

/// All reports in numbers, for everybody to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// That ever came.
    pub received: usize,
    /// That are not over.
    pub open: usize,
    /// Clocks that were kept.
    pub kept: usize,
    /// Clocks that ended late.
    pub late: usize,
    /// Clocks that are overdue now.
    pub overdue: usize,
}

impl Tally {
    fn of<'a>(courses: impl Iterator<Item = &'a Course>, now: Timestamp) -> Self {
        let mut tally = Self::default();
        for course in courses {
            tally.received += 1;
            tally.open += usize::from(!course.standing().is_over());
            for clock in course.clocks() {
                match clock.hand(now) {
                    Hand::Kept => tally.kept += 1,
                    Hand::Late => tally.late += 1,
                    Hand::Overdue => tally.overdue += 1,
                    Hand::Running => {}
                }
            }
        }
        tally
    }
}

/// The step of this word; a triage names how bad it is.
#[must_use]
pub fn step_named(word: &str, severity: Option<&str>) -> Option<Move> {
    let severity: Option<Severity> = severity.map(str::parse).transpose().ok()?;
    Some(match (word, severity) {
        ("triage", Some(severity)) => Move::Triage(severity),
        ("acknowledge", None) => Move::Acknowledge,
        ("breach", None) => Move::Breach,
        ("notify", None) => Move::Notify,
        ("fix", None) => Move::Fix,
        ("publish", None) => Move::Publish,
        ("decline", None) => Move::Decline,
        _ => return None,
    })
}

impl Accounts {
    /// Takes a report in: seals it where its sender did not, and keeps it with its leaf.
    pub async fn take_report(
        &self,
        visitor: &Visitor,
        brought: Brought,
        recipients: &[AgeRecipient],
    ) -> Result<Taken> {
        let (now, source) = (now(), visitor.source());
        if recipients.is_empty() {
            return Err(Error::NoRecipients);
        }
        let mut entropy = SystemEntropy::new();
        let (sealed, sealed_by) = match brought.text {
            ReportText::Sealed(bytes) => {
                (age_file(&bytes).map_err(Error::Unsealed)?, SealedBy::Sender)
            }
            ReportText::Plain(text) => {
                let text = text.expose().trim();
                if text.is_empty() || text.len() > PLAIN_BYTES_MAX {
                    return Err(Error::Limit {
                        what: "bytes of a report, and one at least",
                        limit: PLAIN_BYTES_MAX,
                    });
                }
                let sealed = AgeRecipient::seal(recipients, text.as_bytes(), &mut entropy);
                (sealed.map_err(Error::Unsealed)?, SealedBy::Server)
            }
        };
        self.worked(visitor, now).await?;
        self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
        // The same once more where several servers count together.
        let budget = |name, holder, every, capacity| Budget {
            name,
            holder,
            every_ms: every * MINUTE_MS,
            capacity_ms: capacity * MINUTE_MS,
        };
        let budgets = vec![
            budget("report", source.to_string(), 10, 60),
            budget("reports", "everybody".to_owned(), 5, 240),
        ];
        let own = self.0.reports.spend(visitor.address, now);
        own.map_err(|error| self.refuse(source, Stage::Throttled, now, error))?;
        let spent = self.take(budgets, now).await?;
        spent.map_err(|error| self.refuse(source, Stage::Throttled, now, error))?;
        let receipt = Receipt::draw(&mut entropy);
        let sealed = Sealed { bytes: &sealed, by: sealed_by, credit: brought.credit };
        let view = self.keep_report(sealed, &receipt, now).await?;
        Ok(Taken { receipt: Secret::new(receipt.text().as_str().to_owned()), view })
    }

    async fn keep_report(
        &self,
        report: Sealed<'_>,
        receipt: &Receipt,
        now: Timestamp,
    ) -> Result<ReportView> {
        let Sealed { bytes: sealed, by: sealed_by, credit } = report;
        let id = new_id(now);
        let mut act = self.desk().store().begin().await?;
        let leaf = act.first_index().await?;
        let receipt_hash = &receipt.hash();
        let new = NewReport { id, receipt_hash, sealed, sealed_by, credit, leaf, received: now };
        if !act.keep_report(&new).await? {
            return Err(Error::Limit { what: "reports", limit: REPORTS_MAX as usize });
        }
        let deed = Deed::Disclosure(DisclosureAct::Received {
            id,
            sha256: sha256_hex(sealed),
            bytes: u64::try_from(sealed.len()).unwrap_or(u64::MAX),
            sealed_by: sealed_by.as_str(),
        });
        act.commit(deed.entry(Actor::Anonymous), now).await?;
        let course = Course::begun(now);
        Ok(ReportView::of(
            &ReportRow { id, sealed_by, credit, thanks: None, leaf, moves: 0, course },
            sealed,
            now,
        ))
    }

    /// The report of a receipt. Whoever tries many is slowed down as at every open door.
    pub async fn report_of(&self, visitor: &Visitor, receipt: &str) -> Result<ReportView> {
        let (now, source) = (now(), visitor.source());
        self.worked(visitor, now).await?;
        self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
        let receipt: Receipt = receipt.parse()?;
        let store = self.desk().store();
        let row = store.security_report_of(&receipt.hash()).await?;
        self.desk().shown(row.as_ref(), now).await
    }
}

impl Desk {
    /// Every report, the newest first.
    pub async fn reports(&self) -> Result<Vec<ReportView>> {
        let (rows, now) = (self.store().security_reports().await?, now());
        let mut views = Vec::with_capacity(rows.len());
        for row in &rows {
            views.push(self.shown(Some(row), now).await?);
        }
        Ok(views)
    }

    /// All reports in numbers.
    pub async fn report_tally(&self) -> Result<Tally> {
        let rows = self.store().security_reports().await?;
        Ok(Tally::of(rows.iter().map(|row| &row.course), now()))
    }

    /// The sealed text of a report, to be opened where the key is.
    pub async fn sealed_report(&self, actor: Actor, id: Uuid) -> Result<Vec<u8>> {
        let sealed = self.store().sealed_report(id).await?;
        let sealed = sealed.ok_or(Error::NotFound { what: "report" })?;
        let deed = Deed::Disclosure(DisclosureAct::Opened { id });
        self.store().begin().await?.commit(deed.entry(actor), now()).await?;
        Ok(sealed)
    }

    /// Takes a step with a report.
    pub async fn move_report(&self, actor: Actor, id: Uuid, step: Move) -> Result<ReportView> {
        let now = now();
        let before = self.store().security_report(id).await?;
        let before = before.ok_or(Error::NotFound { what: "report" })?;
        let after = before.course.moved(step, now)?;
        let mut act = self.store().begin().await?;
        if !act.move_report(&before, &after).await? {
            return Err(Error::Changed { what: "the report" });
        }
        let deed = Deed::Disclosure(DisclosureAct::Moved {
            id,
            step: step.as_str(),
            standing: after.standing().as_str(),
            severity: after.moments().severity.map(Severity::as_str),
        });
        act.commit(deed.entry(actor), now).await?;
        self.shown(Some(&ReportRow { course: after, ..before }), now).await
    }

    /// Thanks the sender of a published report under a name, or takes the thanks back. Its advisories are revised in
    /// the same act.
    pub async fn thank_report(
        &self,
        actor: Actor,
        id: Uuid,
        name: Option<&str>,
    ) -> Result<ReportView> {
        // The pen first: nobody thanks, or publishes an advisory, between reading and writing.
        let mut act = self.store().begin().await?;
        let row = self.store().security_report(id).await?;
        let row = row.ok_or(Error::NotFound { what: "report" })?;
        let refuse = |why| Err(Error::Thanks { why });
        if !row.credit {
            return refuse("its sender did not wish it");
        }
        if row.course.standing() != Standing::Published {
            return refuse("it is not published");
        }
        let name = name.map(str::trim);
        if let Some(name) = name
            && (name.is_empty()
                || name.chars().count() > NAME_CHARS_MAX
                || name.contains(char::is_control))
        {
            return refuse("a name has 1 to 80 characters on one line");
        }
        let now = now();
        let mut deeds = self.credit(&mut act, &row, name, now).await?;
        if !act.thank_report(id, name).await? {
            return Err(Error::Changed { what: "the report" });
        }
        deeds.push(Deed::Disclosure(DisclosureAct::Thanked { id, named: name.is_some() }));
        let entries = deeds.into_iter().map(|deed| deed.entry(actor)).collect();
        act.commit_all(entries, now).await?;
        let row = ReportRow { thanks: name.map(str::to_owned), ..row };
        self.shown(Some(&row), now).await
    }

    /// The reports whose senders are thanked in public, the newest first.
    pub async fn thanked(&self) -> Result<Vec<ReportView>> {
        let (rows, now) = (self.store().security_reports().await?, now());
        let mut views = Vec::new();
        for row in rows.iter().filter(|row| row.thanks.is_some()) {
            views.push(self.shown(Some(row), now).await?);
        }
        Ok(views)
    }

    async fn shown(&self, row: Option<&ReportRow>, now: Timestamp) -> Result<ReportView> {
        let row = row.ok_or(Error::NotFound { what: "report" })?;
        let sealed = self.store().sealed_report(row.id).await?;
        Ok(ReportView::of(row, &sealed.unwrap_or_default(), now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_named_by_its_word_and_a_triage_says_how_bad_it_is() {
        let check = |word, severity, want| assert_eq!(step_named(word, severity), want, "{word}");
        check("acknowledge", None, Some(Move::Acknowledge));
        check("triage", Some("critical"), Some(Move::Triage(Severity::Critical)));
        check("triage", None, None);
        check("triage", Some("awful"), None);
        check("fix", Some("low"), None);
        check("forget", None, None);
    }

    #[test]
    fn the_numbers_for_everybody_count_clocks_and_name_nothing() {
        let at = |hours| Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(hours);
        let answered = Course::begun(at(0)).moved(Move::Acknowledge, at(1)).expect("goes");
        let late = Course::begun(at(0)).moved(Move::Acknowledge, at(5)).expect("goes");
        let declined = answered.moved(Move::Decline, at(6)).expect("goes");
        let all = [Course::begun(at(0)), answered, late, declined];
        let tally = Tally::of(all.iter(), at(10));
        assert_eq!(tally, Tally { received: 4, open: 3, kept: 3, late: 1, overdue: 1 });
    }
}
