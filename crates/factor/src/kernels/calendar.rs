//! What a row's time says, in UTC.

use super::{Rows, Stage};
use crate::operators::Calendar;
use jiff::civil::Date;

const DAY_NANOS: i64 = 86_400_000_000_000;
const MINUTE_NANOS: i64 = 60_000_000_000;

/// The day last seen, for what compares a row with the one before.
struct Times {
    kind: Calendar,
    start: f64,
    end: f64,
    last: Option<(i64, Date)>,
    /// Rows of the last day so far.
    rows: f64,
    /// The date of the last row, which rows of one day share.
    value: f64,
}

/// A fresh reading of times; `constants` are the bounds of a session.
pub(super) fn stage(kind: Calendar, constants: &[f64], _stride: usize) -> Box<dyn Stage> {
    let constant = |at: usize| constants.get(at).copied().unwrap_or(0.0);
    let (start, end) = (constant(0), constant(1));
    Box::new(Times { kind, start, end, last: None, rows: 0.0, value: 0.0 })
}

impl Stage for Times {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        for (out, time) in out.chunks_exact_mut(rows.stride).zip(rows.times) {
            let day = time.nanos().div_euclid(DAY_NANOS);
            let minute = time.nanos().rem_euclid(DAY_NANOS) / MINUTE_NANOS;
            let before = self.last.filter(|(last, _)| *last == day);
            let date = before.map_or_else(|| time.date(), |(_, date)| date);
            let value = self.read(day, date, minute as f64);
            self.last = Some((day, date));
            out.fill(value);
        }
    }
}

impl Times {
    fn read(&mut self, day: i64, date: Date, minute: f64) -> f64 {
        let is_new = self.last.is_none_or(|(last, _)| last != day);
        let turned = |part: fn(Date) -> i32| {
            truth(self.last.is_none_or(|(_, last)| part(last) != part(date)))
        };
        match self.kind {
            Calendar::NewDay => truth(is_new),
            Calendar::NewWeek => turned(week),
            Calendar::NewMonth => {
                turned(|date| 12 * i32::from(date.year()) + i32::from(date.month()))
            }
            Calendar::Hour => (minute / 60.0).floor(),
            Calendar::Minute => minute % 60.0,
            Calendar::MinuteOfDay => minute,
            Calendar::Session if self.start <= self.end => {
                truth(self.start <= minute && minute < self.end)
            }
            Calendar::Session => truth(self.start <= minute || minute < self.end),
            Calendar::BarsToday => {
                self.rows = if is_new { 1.0 } else { self.rows + 1.0 };
                self.rows
            }
            kind => {
                if is_new {
                    self.value = of_date(kind, date);
                }
                self.value
            }
        }
    }
}

fn truth(is: bool) -> f64 {
    f64::from(u8::from(is))
}

/// A number that is another one in each ISO week.
fn week(date: Date) -> i32 {
    let week = date.iso_week_date();
    64 * i32::from(week.year()) + i32::from(week.week())
}

fn of_date(kind: Calendar, date: Date) -> f64 {
    match kind {
        Calendar::Year => f64::from(date.year()),
        Calendar::Quarter => f64::from((date.month() + 2) / 3),
        Calendar::Month => f64::from(date.month()),
        Calendar::Week => f64::from(date.iso_week_date().week()),
        Calendar::Day => f64::from(date.day()),
        Calendar::Weekday => f64::from(date.weekday().to_monday_one_offset()),
        _ => f64::from(date.day_of_year()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Timestamp;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn chunks_leave_no_trace() {
        let hours = |t: i64| Timestamp::from_nanos((t * 11 - 700) * 3_600_000_000_000);
        let times: Vec<Timestamp> = (0..200).map(hours).collect();
        let cancel = AtomicBool::new(false);
        for kind in [
            Calendar::Year,
            Calendar::Week,
            Calendar::DayOfYear,
            Calendar::Session,
            Calendar::NewDay,
            Calendar::NewWeek,
            Calendar::NewMonth,
            Calendar::BarsToday,
        ] {
            let run = |step: usize| {
                let mut stage = stage(kind, &[1200.0, 60.0], 8);
                let mut all = Vec::new();
                for times in times.chunks(step) {
                    let mut out = vec![0.0; times.len() * 8];
                    let (inputs, labels) = (&[][..], &[][..]);
                    let rows = Rows { inputs, labels, times, stride: 8, names: 3, cancel: &cancel };
                    stage.advance(&rows, &mut out);
                    all.extend(out);
                }
                all.into_iter().map(f64::to_bits).collect::<Vec<u64>>()
            };
            let whole = run(200);
            assert!(whole.iter().any(|x| *x != whole[0]), "{kind:?} changes");
            for step in [1, 7, 16] {
                assert!(run(step) == whole, "{kind:?} by {step}");
            }
        }
    }
}
