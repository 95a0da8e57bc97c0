//! Bar models: how a row's bars pass, phase by phase.

use super::{Exchange, Model, Moment};
use crate::{Account, Error};
use market::Bar;
use portfolio::InstrumentId;

/// When a bar shows a single price that orders meet.
#[derive(Debug, Clone, Copy)]
enum Phase {
    Open,
    Decided,
}

impl Exchange {
    pub(super) fn whole_bar<A: Account>(
        &mut self,
        instrument: InstrumentId,
        bar: &Bar,
        at: Moment,
        account: &mut A,
    ) -> Result<(), Error> {
        if !self.shared.terms.model.reads_bars() {
            return Ok(());
        }
        self.on_open(&[(instrument, *bar)], Moment { time: bar.open_time, ..at }, account)?;
        self.on_range(instrument, bar, at, account)?;
        self.on_close(instrument, bar, at, account)
    }

    /// Bar models: bars open. Of each, only the open and the volume are looked at. Orders of all
    /// these instruments meet their opens in the order in which they arrived.
    pub fn on_open<A: Account>(
        &mut self,
        bars: &[(InstrumentId, Bar)],
        at: Moment,
        account: &mut A,
    ) -> Result<(), Error> {
        self.wake(at, account)?;
        self.one_by_one(bars, at, account, Phase::Open)
    }

    /// Bar models: what a bar did after its open. `at` is its close, or its open if the sender
    /// counts by opens; an order that is good till a moment before `at` does not take part.
    pub fn on_range<A: Account>(
        &mut self,
        instrument: InstrumentId,
        bar: &Bar,
        at: Moment,
        account: &mut A,
    ) -> Result<(), Error> {
        self.wake(at, account)?;
        let mut desk = self.desk(instrument, account, at)?;
        if desk.begins(bar) {
            desk.range(bar)?;
        }
        self.finish(instrument, account, at)
    }

    /// Bar models: a bar is complete, and nothing was decided on it yet.
    pub fn on_close<A: Account>(
        &mut self,
        instrument: InstrumentId,
        bar: &Bar,
        at: Moment,
        account: &mut A,
    ) -> Result<(), Error> {
        self.wake(at, account)?;
        let mut desk = self.desk(instrument, account, at)?;
        if desk.begins(bar) {
            desk.close(bar);
        }
        Ok(())
    }

    /// `same_close`: what was decided on these bars' closes is filled at them. Other models have
    /// nothing to do here.
    pub fn on_decided<A: Account>(
        &mut self,
        bars: &[(InstrumentId, Bar)],
        at: Moment,
        account: &mut A,
    ) -> Result<(), Error> {
        self.wake(at, account)?;
        if self.shared.terms.model == Model::SameClose {
            self.one_by_one(bars, at, account, Phase::Decided)?;
        }
        Ok(())
    }

    /// Every order of these instruments, by arrival.
    fn one_by_one<A: Account>(
        &mut self,
        bars: &[(InstrumentId, Bar)],
        at: Moment,
        account: &mut A,
        phase: Phase,
    ) -> Result<(), Error> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        for (place, (instrument, bar)) in bars.iter().enumerate() {
            let desk = &mut self.desk(*instrument, account, at)?;
            if desk.begins(bar) {
                let orders = desk.pit.orders.iter().enumerate();
                line.extend(orders.map(|(order, resting)| (resting.place, place, order)));
            }
        }
        if bars.len() > 1 {
            line.sort_unstable();
        }
        for (_, place, order) in &line {
            if let Some((instrument, bar)) = bars.get(*place) {
                let mut desk = self.desk(*instrument, account, at)?;
                match phase {
                    Phase::Open => desk.open(*order, bar)?,
                    Phase::Decided => desk.decided(*order, bar)?,
                }
                self.spread_word(*instrument, account, at)?;
            }
        }
        self.line = line;
        for (instrument, _) in bars {
            self.finish(*instrument, account, at)?;
        }
        Ok(())
    }
}
