//! Live or paper, for whoever drives it.

use super::{
    input::{Input, Outbox},
    live::Live,
    look::{self, Around},
    paper::Paper,
    setup::Plan,
};
use crate::view::View;
use engine::feed::BuiltRow;
use market::Timestamp;

/// A session of either kind.
pub enum World {
    /// With an account at a venue.
    Live(Box<Live>),
    /// With a simulated one.
    Paper(Box<Paper>),
}

impl World {
    /// Connects everything.
    pub fn begin(&mut self, local: Timestamp, out: &mut Outbox) -> anyhow::Result<()> {
        match self {
            Self::Live(live) => live.begin(local, out),
            Self::Paper(paper) => {
                paper.begin(out);
                Ok(())
            }
        }
    }

    /// Takes one input; the rows that were handed to the kernel.
    pub fn handle(
        &mut self,
        input: &Input,
        local: Timestamp,
        out: &mut Outbox,
    ) -> anyhow::Result<Vec<BuiltRow>> {
        match self {
            Self::Live(live) => live.handle(input, local, out),
            Self::Paper(paper) => paper.handle(input, local, out),
        }
    }

    /// When time alone changes something, by our clock.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Live(live) => live.deadline(),
            Self::Paper(paper) => paper.deadline(),
        }
    }

    /// The records since this was last asked.
    pub fn take_records(&mut self) -> Vec<Vec<u8>> {
        match self {
            Self::Live(live) => live.keeper.take_written(),
            Self::Paper(_) => Vec::new(),
        }
    }

    /// How far the venue's clock is ahead of ours.
    #[must_use]
    pub fn ahead_nanos(&self) -> i64 {
        match self {
            Self::Live(live) => live.market.ahead_nanos(),
            Self::Paper(paper) => paper.market.ahead_nanos(),
        }
    }

    /// How it stands.
    #[must_use]
    pub fn view(&self, plan: &Plan, around: &Around<'_>) -> View {
        match self {
            Self::Live(live) => look::live(live, plan, around),
            Self::Paper(paper) => paper.view(plan, around),
        }
    }
}
