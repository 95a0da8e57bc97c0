//! Live or paper, for whoever drives it.

use super::{
    input::{Input, Outbox},
    live::{Live, Refused},
    look::{self, Around},
    paper::Paper,
    setup::Plan,
};
use crate::view::View;
use engine::{
    Checked,
    feed::BuiltRow,
    live::{Examined, Kill},
    ticks::Block,
};
use market::{Money, Timestamp};
use portfolio::InstrumentId;

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

    /// What became of no trade in the latest input.
    #[must_use]
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Live(live) => Some(&live.refused),
            Self::Paper(_) => None,
        }
    }

    /// Lots held, by the keeper of orders.
    #[must_use]
    pub fn held(&self) -> Vec<(InstrumentId, i64)> {
        let Self::Live(live) = self else { return Vec::new() };
        let held = live.session.custodian().stocks().filter(|(.., stock)| stock.lots != 0);
        held.map(|(instrument, _, stock)| (instrument, stock.lots)).collect()
    }

    /// How far the kill switch of an account is pulled.
    #[must_use]
    pub fn kill(&self) -> Kill {
        match self {
            Self::Live(live) => live.session.custodian().kill_level(),
            Self::Paper(_) => Kill::Off,
        }
    }

    /// Cash by the kernel's ledger.
    #[must_use]
    pub fn booked(&self) -> Option<Money> {
        let Self::Live(live) = self else { return None };
        Some(live.session.engine().desk().ledger().cash())
    }

    /// Blocks of the kernel's log that are full and were not taken yet.
    pub fn take_ticks(&mut self) -> Vec<Block> {
        match self {
            Self::Live(live) => live.session.engine_mut().log().take(),
            Self::Paper(_) => Vec::new(),
        }
    }

    /// The last of them; nothing more is told to the kernel.
    pub fn end_ticks(&mut self) -> Vec<Block> {
        if let Self::Live(live) = self {
            live.session.engine_mut().finish();
        }
        self.take_ticks()
    }

    /// From now on what orders are held against is kept for [`World::take_witnessed`].
    pub fn witness(&mut self) {
        if let Self::Live(live) = self {
            live.session.witness();
        }
    }

    /// What orders were held against since this was last asked.
    pub fn take_witnessed(&mut self) -> (Vec<Checked>, Vec<Examined>) {
        match self {
            Self::Live(live) => live.session.take_witnessed(),
            Self::Paper(_) => (Vec::new(), Vec::new()),
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
