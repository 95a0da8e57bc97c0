//! Letters about reports of weaknesses: that one came, that a clock is about to run out, that one did.
//!
//! A letter's name follows from what it tells, so it is written once however often somebody looks, and whichever
//! of several servers looks first.

use super::{
    Accounts, Result,
    letters::{Addressed, Context},
    sha256_hex,
};
use disclosure::{Clock, ClockKind, Hand};
use identity::{EmailAddress, Letter, Mail, Recipient};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use store::ReportRow;

/// What came or ran out longer ago is told no more: names of letters are forgotten after a month.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Something to be told, under a name of its own.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Came { by: Timestamp },
    Due { kind: ClockKind, by: Timestamp, over: bool },
}

impl Word {
    fn name(&self, report: &ReportRow) -> String {
        match self {
            Self::Came { .. } => format!("report {} came", report.id),
            Self::Due { kind, over, .. } => {
                let when = if *over { "over" } else { "soon" };
                format!("report {} {} {when}", report.id, kind.as_str())
            }
        }
    }

    const fn letter(&self) -> Letter {
        match self {
            Self::Came { by } => Letter::ReportReceived(*by),
            Self::Due { by, .. } => Letter::ReportDue(*by),
        }
    }
}

/// So long before its end a clock is told of.
const fn lead(kind: ClockKind) -> SignedDuration {
    SignedDuration::from_hours(match kind {
        ClockKind::Answer => 1,
        ClockKind::Critical => 4,
        ClockKind::Notice => 12,
        ClockKind::Publication => 7 * 24,
    })
}

/// What is to be told of a report now.
fn words(report: &ReportRow, now: Timestamp) -> Vec<Word> {
    let received = report.course.moments().received;
    let clocks = report.course.clocks();
    let answer = clocks.iter().find(|clock| clock.kind == ClockKind::Answer);
    let young = now.duration_since(received) <= TOLD_FOR;
    let came = answer.filter(|_| young).map(|clock| Word::Came { by: clock.due });
    came.into_iter().chain(clocks.iter().filter_map(|clock| of_clock(clock, now))).collect()
}

fn of_clock(clock: &Clock, now: Timestamp) -> Option<Word> {
    let (kind, by) = (clock.kind, clock.due);
    match clock.hand(now) {
        Hand::Running if by.duration_since(now) <= lead(kind) => {
            Some(Word::Due { kind, by, over: false })
        }
        Hand::Overdue if now.duration_since(by) <= TOLD_FOR => {
            Some(Word::Due { kind, by, over: true })
        }
        Hand::Running | Hand::Overdue | Hand::Kept | Hand::Late => None,
    }
}

impl Accounts {
    /// Tells those who run the server, and the address of `disclosure.contact`, what is new of reports; how many
    /// letters that are.
    pub async fn tell_of_reports(&self, contact: &str, now: Timestamp) -> Result<usize> {
        let store = self.desk().store();
        let mut told = Vec::new();
        for report in store.security_reports().await? {
            for word in words(&report, now) {
                told.extend(self.report_letters(&report, &word, contact, now).await?);
            }
        }
        if !told.is_empty() {
            store.keep_delivery(None, &told, now).await?;
            self.posted(&told);
        }
        Ok(told.len())
    }

    async fn report_letters(
        &self,
        report: &ReportRow,
        word: &Word,
        contact: &str,
        now: Timestamp,
    ) -> Result<Vec<store::PostingRow>> {
        let moved = BTreeMap::new();
        let context = Context { at: now, visitor: None, by: None, proposal: None, moved: &moved };
        let plain = |to| Addressed::plain(Mail { to, letter: word.letter() });
        let mut mails = vec![plain(Recipient::Admins)];
        // One that is no address is refused when the server starts; none is set where it is empty.
        if let Ok(contact) = contact.parse::<EmailAddress>() {
            mails.push(plain(Recipient::Address(contact)));
        }
        let said = self.words(&mails, &context).await?;
        let mut rows: Vec<store::PostingRow> = Vec::new();
        for addressed in &mails {
            for target in self.targets(addressed, &context).await? {
                let name = format!("{} to {}", word.name(report), target.email.as_str());
                let id: String = sha256_hex(name.as_bytes()).chars().take(32).collect();
                // Whoever runs the server may be who answers, too.
                let is_known = rows.iter().any(|row| row.id == id)
                    || self.desk().store().posting(&id).await?.is_some();
                if is_known {
                    continue;
                }
                match Self::row_as(id, addressed, &target, &said) {
                    Ok(row) => rows.push(row),
                    Err(error) => tracing::warn!(%error, "a letter could not be written"),
                }
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use disclosure::{Course, Move, Severity};
    use store::SealedBy;
    use uuid::Uuid;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn each_clock_is_told_of_before_and_after_its_end_and_not_where_it_was_kept() {
        let check = |steps: &[(Move, i64)], minutes: i64, want: &str| {
            let course = steps.iter().try_fold(Course::begun(at(0)), |course, (step, minutes)| {
                course.moved(*step, at(*minutes))
            });
            let report = ReportRow {
                id: Uuid::nil(),
                sealed_by: SealedBy::Sender,
                credit: false,
                thanks: None,
                leaf: 0,
                moves: 0,
                course: course.expect("goes"),
            };
            let said = words(&report, at(minutes)).into_iter().map(|word| match word {
                Word::Came { .. } => "came".to_owned(),
                Word::Due { kind, over, .. } => {
                    format!("{} {}", kind.as_str(), if over { "over" } else { "soon" })
                }
            });
            assert_eq!(said.collect::<Vec<_>>().join(", "), want, "{steps:?} at {minutes}");
        };
        let (hour, day) = (60, 24 * 60);
        check(&[], 0, "came");
        check(&[], 3 * hour - 1, "came");
        check(&[], 3 * hour, "came, answer soon");
        check(&[], 4 * hour + 1, "came, answer over");
        check(&[(Move::Acknowledge, hour)], 5 * hour, "came");
        check(&[(Move::Acknowledge, 5 * hour)], 6 * hour, "came");
        let critical = [(Move::Acknowledge, 1), (Move::Triage(Severity::Critical), 2)];
        check(&critical, 19 * hour, "came");
        check(&critical, 21 * hour, "came, critical soon");
        check(&critical, 25 * hour, "came, critical over");
        // After a week the same words are not said again.
        check(&[], 8 * day, "");
        check(&[(Move::Acknowledge, 1)], 84 * day, "publication soon");
        check(&[(Move::Acknowledge, 1)], 91 * day, "publication over");
        check(&[(Move::Acknowledge, 1)], 98 * day, "");
    }
}
