//! The calendar of the row, UTC.

use super::ParameterKind::Constant;
use super::parameter::parameter;
use super::{Family, Kernel, Operator, Outcome, Reach, Steps, unary};
use crate::scalar::Unary;

/// What is read off a row's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Calendar {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Weekday,
    DayOfYear,
    Hour,
    Minute,
    MinuteOfDay,
    Session,
    NewDay,
    NewWeek,
    NewMonth,
    BarsToday,
}

const fn of_time(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    kind: Calendar,
) -> Operator {
    Operator {
        missing: "never missing",
        source: "the row's time in UTC, Gregorian calendar",
        family: Family::Calendar,
        parameters: &[],
        kernel: Kernel::Calendar(kind),
        reach: Reach::Now,
        steps: Steps::Flat(1),
        ..unary(name, signature, summary, Unary::Abs)
    }
}

const fn truth(operator: Operator) -> Operator {
    Operator { result: Outcome::Truth, ..operator }
}

pub(super) const OPERATORS: &[Operator] = &[
    of_time("year", "year()", "Year, as 2024", Calendar::Year),
    of_time("quarter", "quarter()", "Quarter of the year, 1 to 4", Calendar::Quarter),
    of_time("month", "month()", "Month, 1 to 12", Calendar::Month),
    Operator {
        source: "ISO 8601, the row's time in UTC",
        ..of_time("week", "week()", "Week of the ISO year, 1 to 53", Calendar::Week)
    },
    of_time("day", "day()", "Day of the month, 1 to 31", Calendar::Day),
    Operator {
        source: "ISO 8601, the row's time in UTC",
        ..of_time("weekday", "weekday()", "Monday 1 to Sunday 7", Calendar::Weekday)
    },
    of_time("day_of_year", "day_of_year()", "Day of the year, 1 to 366", Calendar::DayOfYear),
    of_time("hour", "hour()", "Hour of the day, 0 to 23", Calendar::Hour),
    of_time("minute", "minute()", "Minute of the hour, 0 to 59", Calendar::Minute),
    of_time(
        "minute_of_day",
        "minute_of_day()",
        "Minutes since midnight, 0 to 1439",
        Calendar::MinuteOfDay,
    ),
    truth(Operator {
        parameters: &[parameter("start", Constant), parameter("end", Constant)],
        ..of_time(
            "session",
            "session(start, end)",
            "1 from minute start of the day until before minute end; through midnight if end is the smaller one",
            Calendar::Session,
        )
    }),
    truth(of_time(
        "new_day",
        "new_day()",
        "1 in the first row of a UTC day, and in the very first",
        Calendar::NewDay,
    )),
    truth(of_time(
        "new_week",
        "new_week()",
        "1 in the first row of an ISO week, and in the very first",
        Calendar::NewWeek,
    )),
    truth(of_time(
        "new_month",
        "new_month()",
        "1 in the first row of a month, and in the very first",
        Calendar::NewMonth,
    )),
    of_time(
        "bars_today",
        "bars_today()",
        "Rows of the panel in this UTC day so far, this one included",
        Calendar::BarsToday,
    ),
];
