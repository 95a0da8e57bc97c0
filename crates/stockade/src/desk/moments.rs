//! Which row of a panel a person means by a date or a time, and how a row is named so.

use market::Timestamp;

/// The newest time that is meant: a date without a time is its whole day.
pub fn newest(text: &str) -> Result<Timestamp, market::Error> {
    const DAY_NANOS: i64 = 86_400_000_000_000;
    let time: Timestamp = text.parse()?;
    let is_date = text.len() == "2024-01-31".len();
    if is_date { time.plus_nanos(DAY_NANOS - 1) } else { Ok(time) }
}

/// The text that [`newest`] takes for the time of a row: midnight has its time where later rows
/// are of the same day.
#[must_use]
pub fn row_text(times: &[Timestamp], row: usize) -> Option<String> {
    let time = times.get(row)?;
    let later = times.get(row + 1).is_some_and(|next| next.date() == time.date());
    let text = time.to_string();
    let midnight = newest(&text).is_ok_and(|newest| newest != *time);
    Some(if later && midnight { format!("{text}T00:00:00Z") } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_means_its_whole_day_and_every_row_has_a_text() {
        let texts = ["2024-01-30", "2024-01-31T00:00:00Z", "2024-01-31T12:00:00Z", "2024-02-01"];
        let times = texts.map(|text| text.parse::<Timestamp>().expect(text));
        let row = |text: &str| {
            let newest = newest(text).expect(text);
            times.partition_point(|known| *known <= newest).checked_sub(1)
        };
        for (at, text) in texts.into_iter().enumerate() {
            assert_eq!(row_text(&times, at).as_deref(), Some(text));
            assert_eq!(row(text), Some(at), "{text}");
        }
        assert_eq!(row("2024-01-31"), Some(2));
        assert_eq!(row("2024-01-29"), None);
        assert_eq!(row("2025-01-01"), Some(3));
        assert_eq!(row_text(&times, 4), None);
        assert!(newest("31.1.2024").is_err());
    }
}
