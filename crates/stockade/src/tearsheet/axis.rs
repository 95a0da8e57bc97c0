//! Round numbers for values, round dates for time.

use market::Timestamp;

/// The values that an axis names, from below `low` to above `high`.
pub(crate) fn values(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    #[allow(clippy::cast_precision_loss, reason = "a handful of ticks")]
    let rough = (high - low) / wanted.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return vec![low];
    }
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|round| round * magnitude)
        .find(|step| *step >= rough)
        .unwrap_or(magnitude * 10.0);
    let (first, last) = ((low / step).floor(), (high / step).ceil());
    let mut ticks = Vec::new();
    let mut place = first;
    while place <= last && ticks.len() < 20 {
        ticks.push(place * step);
        place += 1.0;
    }
    ticks
}

/// Nanoseconds from one time to another; the two may lie further apart than an `i64` can say.
#[allow(clippy::cast_precision_loss, reason = "a place on a chart")]
pub(crate) fn between(first: Timestamp, last: Timestamp) -> f64 {
    (i128::from(last.nanos()) - i128::from(first.nanos())) as f64
}

/// Round dates between two times: their place from 0 to 1, and their name.
pub(crate) fn dates(first: Timestamp, last: Timestamp, wanted: i64) -> Vec<(f64, String)> {
    let span = between(first, last).max(1.0);
    let (from, to) = (first.date(), last.date());
    let month = |date: jiff::civil::Date| i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
    let months = month(to) - month(from);
    let steps = [1, 2, 3, 6, 12, 24, 36, 60, 120, 240, 600];
    let step = steps.into_iter().find(|step| months / step <= wanted).unwrap_or(1200);
    let mut ticks = Vec::new();
    let mut at = month(from).div_euclid(step) * step;
    while at <= month(to) && ticks.len() < 40 {
        let (year, of_year) = (at.div_euclid(12), at.rem_euclid(12) + 1);
        let time: Option<Timestamp> = format!("{year:04}-{of_year:02}-01").parse().ok();
        if let Some(time) = time.filter(|time| *time >= first && *time <= last) {
            let place = between(first, time) / span;
            let name = if step >= 12 { format!("{year}") } else { format!("{year}-{of_year:02}") };
            ticks.push((place, name));
        }
        at += step;
    }
    if ticks.is_empty() {
        ticks = vec![(0.0, from.to_string()), (1.0, to.to_string())];
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_range() {
        assert_eq!(values(-0.37, 0.0, 4), [-0.4, -0.300_000_000_000_000_04, -0.2, -0.1, 0.0]);
        assert_eq!(values(980.0, 1_900.0, 4), [750.0, 1000.0, 1250.0, 1500.0, 1750.0, 2000.0]);
        assert_eq!(values(3.0, 3.0, 4), [3.0]);
    }

    #[test]
    fn dates_are_firsts_of_months_or_years() {
        let names = |a: &str, b: &str| {
            let time = |t: &str| t.parse().expect("a time");
            dates(time(a), time(b), 6).into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        };
        assert_eq!(names("2000-03-01", "2005-06-01"), ["2001", "2002", "2003", "2004", "2005"]);
        assert_eq!(names("2020-01-05", "2020-04-20"), ["2020-02", "2020-03", "2020-04"]);
        assert_eq!(names("2020-01-05", "2020-01-20"), ["2020-01-05", "2020-01-20"]);
    }

    #[test]
    fn the_earliest_and_the_latest_time_fit_one_axis() {
        let time = |text: &str| text.parse().expect("a time");
        let (first, last) = (time("1678-01-01"), time("2262-01-01"));
        let places: Vec<f64> = dates(first, last, 6).into_iter().map(|(place, _)| place).collect();
        assert!(places.iter().all(|place| (0.0..=1.0).contains(place)), "{places:?}");
        assert!(places.is_sorted() && places.len() > 4, "{places:?}");
        let drawn = crate::tearsheet::charts::placed(&[first, last], &[1.0, 2.0], (first, last));
        assert_eq!(drawn, [(0.0, 1.0), (1.0, 2.0)]);
    }
}
