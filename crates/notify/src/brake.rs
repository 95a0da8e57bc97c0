//! The pause after a mail server let nobody in: longer each time, until it takes something again.

use crate::Verdict;
use jiff::{SignedDuration, Timestamp};

/// How long nothing is tried after the server let nobody in; doubled each time.
const FIRST: SignedDuration = SignedDuration::from_mins(5);
/// At the longest.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

/// Holds every try back while the server lets nobody in. Time is an argument.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Brake(Option<(Timestamp, SignedDuration)>);

impl Brake {
    /// Takes in what became of a try.
    pub fn heard(&mut self, verdict: &Verdict, now: Timestamp) {
        match verdict {
            Verdict::Sent => self.0 = None,
            Verdict::Denied { .. } => {
                let wait = self.0.map_or(FIRST, |(_, wait)| (wait * 2).min(LONGEST));
                self.0 = Some((now.checked_add(wait).unwrap_or(Timestamp::MAX), wait));
            }
            Verdict::Later { .. } | Verdict::Refused { .. } => {}
        }
    }

    /// Until when nothing is tried, if anything holds it back.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.0.map(|(until, _)| until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_to_an_hour_and_ends_with_the_first_letter_that_is_taken() {
        let (mut brake, now) = (Brake::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(brake.until(), None);
        let denied = Verdict::Denied { why: "no".to_owned() };
        for minutes in [5, 10, 20, 40, 60, 60] {
            brake.heard(&denied, now);
            brake.heard(&Verdict::Later { after: None, why: String::new() }, now);
            assert_eq!(brake.until(), now.checked_add(SignedDuration::from_mins(minutes)).ok());
        }
        brake.heard(&Verdict::Sent, now);
        assert_eq!(brake, Brake::default());
    }
}
