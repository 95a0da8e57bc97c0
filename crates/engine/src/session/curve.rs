//! The equity curve of a run of any length, in bounded memory.

use market::{Money, Timestamp};
use portfolio::EquityPoint;
use std::sync::Arc;

/// Points that are kept at most.
const POINTS_MAX: usize = 16_384;

const SECOND: i64 = 1_000_000_000;

/// Spans of one point each, from the finest to the coarsest; each divides the next one, and days
/// end at midnight UTC, so the last point of a day is never lost.
const SPANS: [i64; 9] = [
    SECOND,
    10 * SECOND,
    60 * SECOND,
    300 * SECOND,
    900 * SECOND,
    3_600 * SECOND,
    14_400 * SECOND,
    86_400 * SECOND,
    604_800 * SECOND,
];

/// The account over time: every point that was given, until there are too many; from then on the
/// last one of each span of time, and ever longer spans. It depends on the points alone, never on
/// how many are still to come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Curve {
    points: Vec<EquityPoint>,
    /// The place in [`SPANS`] of the present span; `None` keeps every point.
    span: Option<usize>,
    /// When the span of the last point ends.
    end: Option<Timestamp>,
    /// The times of the points that will be left at the end, where they are known beforehand.
    planned: Option<Arc<[Timestamp]>>,
}

impl Curve {
    /// The times of the points that a curve over all of these times, which increase, ends with.
    pub(crate) fn plan(times: &[Timestamp]) -> Arc<[Timestamp]> {
        let mut curve = Self::default();
        for time in times {
            let nothing = Money::ZERO;
            curve.push(EquityPoint { time: *time, equity: nothing, cash: nothing, gross: nothing });
        }
        curve.points.iter().map(|point| point.time).collect()
    }

    /// A curve over times that were planned: the same points at its end, and no others on the way.
    pub(crate) fn planned(times: Arc<[Timestamp]>) -> Self {
        let points = Vec::with_capacity(times.len());
        Self { points, planned: Some(times), ..Self::default() }
    }

    /// The next time of the plan.
    fn awaited(&self) -> Option<Timestamp> {
        self.planned.as_ref()?.get(self.points.len()).copied()
    }

    /// Whether a point at `time` is not needed once there is one at `now`.
    #[inline]
    pub(crate) fn passes_over(&self, time: Timestamp, now: Timestamp) -> bool {
        match &self.planned {
            Some(_) => self.awaited() != Some(time),
            None => self.covers(now) && self.covers(time),
        }
    }

    /// Whether a point at this time would take the place of the last one, which then need not have
    /// been worked out.
    #[inline]
    fn covers(&self, time: Timestamp) -> bool {
        self.end.is_some_and(|end| time < end)
    }

    /// How many of these times, the first one at least, need but one point together.
    pub(crate) fn covered(&self, times: &[Timestamp]) -> usize {
        if self.planned.is_some() {
            let Some(awaited) = self.awaited() else { return times.len() };
            return leading(times, |time| time <= awaited).max(1);
        }
        let end = match (self.span, times.first()) {
            (Some(span), Some(first)) => end_of(*first, span),
            _ => return times.len().min(1),
        };
        leading(times, |time| time < end).max(1)
    }

    /// Takes a point that [`Curve::passes_over`] did not pass over.
    #[inline]
    pub(crate) fn note(&mut self, point: EquityPoint) {
        match &self.planned {
            Some(_) => self.points.push(point),
            None => self.push(point),
        }
    }

    /// Takes a point; times never decrease.
    pub(crate) fn push(&mut self, point: EquityPoint) {
        if self.planned.is_some() {
            if self.awaited() == Some(point.time) {
                self.points.push(point);
            }
            return;
        }
        if self.covers(point.time) {
            if let Some(last) = self.points.last_mut() {
                *last = point;
            }
            return;
        }
        if self.points.len() >= POINTS_MAX {
            self.coarsen();
            if self.covers(point.time) {
                return self.push(point);
            }
        }
        self.end = self.span.map(|span| end_of(point.time, span));
        self.points.push(point);
    }

    /// Goes to the next span that makes the points fewer by a quarter or more.
    fn coarsen(&mut self) {
        let finest = self.span.map_or(0, |span| span + 1);
        for span in finest..SPANS.len() {
            self.span = Some(span);
            let mut kept: Vec<EquityPoint> = Vec::with_capacity(self.points.len());
            for point in &self.points {
                match kept.last_mut() {
                    Some(last) if point.time < end_of(last.time, span) => *last = *point,
                    _ => kept.push(*point),
                }
            }
            let is_enough = kept.len() <= POINTS_MAX / 4 * 3;
            self.points = kept;
            if is_enough {
                break;
            }
        }
        self.end = self.points.last().zip(self.span).map(|(last, span)| end_of(last.time, span));
    }

    /// The points, in the order of time.
    pub(crate) fn into_points(self) -> Vec<EquityPoint> {
        self.points
    }
}

/// How many times at the beginning are such: found near the beginning, where it mostly lies.
fn leading(times: &[Timestamp], is: impl Fn(Timestamp) -> bool) -> usize {
    let mut reach = 8;
    while times.get(reach - 1).is_some_and(|time| is(*time)) {
        reach *= 2;
    }
    let least = if reach == 8 { 0 } else { reach / 2 };
    let part = times.get(least..times.len().min(reach)).unwrap_or(&[]);
    least + part.partition_point(|time| is(*time))
}

/// The end of the span that a time lies in.
fn end_of(time: Timestamp, span: usize) -> Timestamp {
    let nanos = SPANS.get(span).copied().unwrap_or(SECOND);
    let begin = time.nanos().div_euclid(nanos).saturating_mul(nanos);
    Timestamp::from_nanos(begin.saturating_add(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(seconds: i64) -> EquityPoint {
        let time = Timestamp::from_nanos(seconds * SECOND);
        let equity = Money(i128::from(seconds));
        EquityPoint { time, equity, cash: equity, gross: Money::ZERO }
    }

    fn curve(points: impl Iterator<Item = i64>) -> Curve {
        let mut curve = Curve::default();
        points.for_each(|seconds| curve.push(point(seconds)));
        curve
    }

    #[test]
    fn a_short_curve_keeps_every_point() {
        let kept = curve(0..16_384).into_points();
        assert_eq!(kept.len(), 16_384);
    }

    #[test]
    fn a_long_curve_keeps_the_last_point_of_every_span_and_day() {
        let minutes = 1_000_000_i64;
        let kept = curve((0..minutes).map(|m| m * 60)).into_points();
        assert!(kept.len() <= POINTS_MAX && kept.len() > POINTS_MAX / 4, "{}", kept.len());
        let last_of_day: Vec<i64> = (1..=minutes * 60 / 86_400).map(|d| d * 86_400 - 60).collect();
        let has = |t: &i64| kept.iter().any(|p| p.time.nanos() == t * SECOND);
        assert!(last_of_day.iter().all(has));
        assert_eq!(kept.last().map(|p| p.time.nanos()), Some((minutes - 1) * 60 * SECOND));
    }

    #[test]
    fn a_planned_curve_ends_with_the_same_points() {
        for (count, step) in [(10, 60), (16_384, 1), (16_385, 60), (200_000, 60), (30_000, 86_400)]
        {
            let times: Vec<Timestamp> = (0..count).map(|n| point(n * step).time).collect();
            let mut planned = Curve::planned(Curve::plan(&times));
            (0..count).for_each(|n| planned.push(point(n * step)));
            let whole = curve((0..count).map(|n| n * step)).into_points();
            assert_eq!(planned.into_points(), whole);
        }
    }

    #[test]
    fn a_prefix_gives_the_curve_of_that_prefix() {
        let mut growing = Curve::default();
        for seconds in 0..40_000 {
            growing.push(point(seconds * 7));
            if seconds % 9_973 == 0 {
                let fresh = curve((0..=seconds).map(|s| s * 7));
                assert_eq!(fresh.into_points(), growing.clone().into_points());
            }
        }
    }
}
