//! Refused attempts, gathered: one event per source, step and minute, so nobody floods the log.

use crate::{Event, Source};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The step at which an attempt was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Address and password.
    Password,
    /// The second factor.
    Factor,
    /// A set-up token.
    Setup,
    /// A refresh token that was not issued here, or whose session is over.
    Refresh,
    /// Not looked at: too many.
    Throttled,
    /// A registration, or a link that was to be mailed or followed.
    Link,
    /// An API token or a bot's certificate.
    Token,
}

impl Stage {
    /// Its name, as logged.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Factor => "factor",
            Self::Setup => "setup",
            Self::Refresh => "refresh",
            Self::Throttled => "throttled",
            Self::Link => "link",
            Self::Token => "token",
        }
    }
}

/// Counts refusals until their minute is over.
#[derive(Debug)]
pub struct Refusals {
    entries_max: usize,
    counts: BTreeMap<(i64, Option<Source>, Stage), u64>,
}

const MINUTE_S: i64 = 60;

impl Refusals {
    /// Lists at most `entries_max` places; the rest is counted together.
    #[must_use]
    pub const fn new(entries_max: usize) -> Self {
        Self { entries_max, counts: BTreeMap::new() }
    }

    /// Counts one.
    pub fn record(&mut self, source: Source, stage: Stage, now: Timestamp) {
        let minute = now.as_second().div_euclid(MINUTE_S);
        let key = (minute, Some(source), stage);
        let has_room = self.counts.len() < self.entries_max || self.counts.contains_key(&key);
        let key = if has_room { key } else { (minute, None, stage) };
        let count = self.counts.entry(key).or_insert(0);
        *count = count.saturating_add(1);
    }

    /// Takes out the events of all minutes that are over: log them.
    #[must_use]
    pub fn finished(&mut self, now: Timestamp) -> Vec<Event> {
        let minute = now.as_second().div_euclid(MINUTE_S);
        self.take_before(minute)
    }

    /// Takes out everything, the running minute included: for the shutdown.
    #[must_use]
    pub fn drain(&mut self) -> Vec<Event> {
        self.take_before(i64::MAX)
    }

    /// Counts events again that could not be written down.
    pub fn put_back(&mut self, events: &[Event]) {
        for event in events {
            if let Event::SignInRefused { source, stage, minute, count } = *event {
                let key = (minute.as_second().div_euclid(MINUTE_S), source, stage);
                let counted = self.counts.entry(key).or_insert(0);
                *counted = counted.saturating_add(count);
            }
        }
    }

    /// When [`Refusals::finished`] has something next.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let ((minute, _, _), _) = self.counts.first_key_value()?;
        Timestamp::from_second((minute + 1) * MINUTE_S).ok()
    }

    fn take_before(&mut self, minute: i64) -> Vec<Event> {
        let later = self.counts.split_off(&(minute, None, Stage::Password));
        let over = std::mem::replace(&mut self.counts, later);
        let event = |((minute, source, stage), count)| {
            let minute = Timestamp::from_second(minute * MINUTE_S).unwrap_or(Timestamp::MIN);
            Event::SignInRefused { source, stage, minute, count }
        };
        over.into_iter().map(event).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{IpAddr, Ipv4Addr};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn source(n: u32) -> Source {
        Source::of(IpAddr::V4(Ipv4Addr::from_bits(n)))
    }

    #[test]
    fn what_was_not_written_is_counted_again() {
        let mut refusals = Refusals::new(10);
        for second in [0, 1, 61] {
            refusals.record(source(1), Stage::Password, at(second));
        }
        let events = refusals.finished(at(60));
        assert_eq!(events.len(), 1);
        refusals.put_back(&events);
        assert_eq!(refusals.finished(at(60)), events);
    }

    #[test]
    fn a_flood_is_one_event_per_source_and_minute() {
        let mut refusals = Refusals::new(10);
        for n in 0..1000 {
            refusals.record(source(1), Stage::Password, at(n % 60));
        }
        refusals.record(source(1), Stage::Factor, at(59));
        refusals.record(source(1), Stage::Password, at(60));
        assert_eq!(refusals.deadline(), Some(at(60)));
        let event = |stage, minute, count| Event::SignInRefused {
            source: Some(source(1)),
            stage,
            minute: at(minute),
            count,
        };
        assert_eq!(refusals.finished(at(59)), []);
        assert_eq!(
            refusals.finished(at(61)),
            [event(Stage::Password, 0, 1000), event(Stage::Factor, 0, 1)]
        );
        assert_eq!(refusals.drain(), [event(Stage::Password, 60, 1)]);
        assert_eq!(refusals.deadline(), None);
    }

    #[test]
    fn too_many_places_are_counted_together_and_none_is_lost() {
        let mut refusals = Refusals::new(10);
        for n in 0..1000 {
            refusals.record(source(n), Stage::Password, at(0));
        }
        let events = refusals.drain();
        assert_eq!(events.len(), 11);
        let count = |event: &Event| match event {
            Event::SignInRefused { count, .. } => *count,
            _ => 0,
        };
        assert_eq!(events.iter().map(count).sum::<u64>(), 1000);
    }
}
