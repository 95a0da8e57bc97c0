//! What is read off a row's time, UTC.

use super::{Input, Table};

const DAY: i64 = 86_400_000_000_000;
const MINUTE: i64 = 60_000_000_000;

/// Operators without a series.
pub fn rule(input: &Input<'_>) -> Table {
    let times = &input.data.times;
    input.data.each(|t, _| Some(of_time(input.name, times, t, input.constants)))
}

fn of_time(name: &str, times: &[i64], t: usize, constants: &[f64]) -> f64 {
    let day = |t: usize| times[t].div_euclid(DAY);
    let minute = times[t].rem_euclid(DAY) / MINUTE;
    let (year, month, of_month) = date(day(t));
    let new = |unit: &dyn Fn(usize) -> i64| i64::from(t == 0 || unit(t) != unit(t - 1));
    let number = match name {
        "year" => year,
        "quarter" => (month - 1) / 3 + 1,
        "month" => month,
        "week" => week(day(t)),
        "day" => of_month,
        "weekday" => weekday(day(t)),
        "day_of_year" => {
            (0..day(t)).rev().take_while(|before| date(*before).0 == year).count() as i64 + 1
        }
        "hour" => minute / 60,
        "minute" => minute % 60,
        "minute_of_day" => minute,
        "session" => {
            let (start, end, now) = (constants[0], constants[1], minute as f64);
            i64::from(if start <= end {
                start <= now && now < end
            } else {
                now >= start || now < end
            })
        }
        "new_day" => new(&day),
        // Weeks begin on Monday, the fourth day before Thursday, the first of 1970.
        "new_week" => new(&|t| (day(t) + 3).div_euclid(7)),
        "new_month" => new(&|t| date(day(t)).0 * 12 + date(day(t)).1),
        "bars_today" => (0..=t).filter(|s| day(*s) == day(t)).count() as i64,
        name => unreachable!("{name}"),
    };
    number as f64
}

/// Monday is 1; the first day of 1970 was a Thursday.
fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// ISO 8601: a week belongs to the year of its Thursday.
fn week(days: i64) -> i64 {
    let thursday = days - weekday(days) + 4;
    let year = date(thursday).0;
    let before = (0..53).filter(|back| date(thursday - back * 7).0 == year).count();
    before as i64
}

/// Year, month and day of a count of days since 1970-01-01, by walking the years.
pub fn date(days: i64) -> (i64, i64, i64) {
    let is_leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = |year: i64| if is_leap(year) { 366 } else { 365 };
    let (mut year, mut rest) = (1970, days);
    while rest < 0 {
        year -= 1;
        rest += length(year);
    }
    while rest >= length(year) {
        rest -= length(year);
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}
