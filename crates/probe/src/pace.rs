//! Whether a visit goes on where the server says that it asks too fast.

use crate::Answer;
use std::time::Duration;

/// The longest pause that is made at a server's word.
const PAUSE_SECONDS_MAX: u64 = 120;

/// What a visit does where it is told to come again later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// The probe ends and says so.
    #[default]
    Swift,
    /// It waits as long as it is told to, where the visit lasts so long, and asks once more.
    Patient,
}

impl Pace {
    /// How long to wait before the same is asked again; none where the answer stands.
    pub(crate) fn pause(self, answer: &Answer, left: Duration) -> Option<Duration> {
        // Who is to solve a puzzle first is told so by the same status.
        let is_slower = answer.status == 429 && !answer.text().contains("\"work\"");
        if self == Self::Swift || !is_slower {
            return None;
        }
        let seconds = answer.header("retry-after")?.parse::<u64>().ok()?.max(1);
        let pause = Duration::from_secs(seconds);
        (seconds <= PAUSE_SECONDS_MAX && pause < left).then_some(pause)
    }
}
