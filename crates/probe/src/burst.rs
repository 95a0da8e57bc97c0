//! One burst, last and only where it is asked for: more requests than anybody needs, until the server says so.

use crate::{Probe, Seen, failed, run::Walk, unseen, visit::Request};

/// The requests of a burst, at most.
const REQUESTS_MAX: u32 = 200;
/// A server that sends people away for longer is not limiting but shutting out.
const PAUSE_SECONDS_MAX: u64 = 3_600;

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[Probe {
    name: "burst",
    what: "Who asks too often gets 429 and hears when to come again",
    command: "for i in $(seq 200); do curl -s -o /dev/null -w '%{http_code}\\n' https://$HOST/api/v1/session; done | sort | uniq -c",
    look,
}];

/// Whether the burst is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Burst {
    /// It is not.
    #[default]
    No,
    /// Once, at the end.
    Once,
}

fn look(walk: &mut Walk<'_>) -> Seen {
    if walk.ask.burst == Burst::No {
        return unseen("a burst would show it: ask for one with --burst");
    }
    for count in 1..=REQUESTS_MAX {
        let answer = walk.visit.ask_at_once(&Request::get("/api/v1/session"))?;
        if answer.status != 429 {
            continue;
        }
        let pause = answer.header("retry-after").unwrap_or_default();
        return match pause.parse::<u64>() {
            Ok(seconds) if (1..=PAUSE_SECONDS_MAX).contains(&seconds) => {
                Ok(format!("429 at request {count}, Retry-After {seconds} s"))
            }
            _ => failed(format!("429 at request {count} says {pause:?} in Retry-After")),
        };
    }
    failed(format!("{REQUESTS_MAX} requests in a row were all answered"))
}
