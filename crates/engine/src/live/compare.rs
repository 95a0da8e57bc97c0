//! Holding what is known against the venue: at the start, after every gap, and now and then.
//!
//! A comparison asks for the orders that work, the trades since the last one known, and the
//! positions. What the venue shows may be older than its lag, so an order that it does not list is
//! asked for by name, and a position is believed against its trades only when the difference stays.

use super::{
    Answer, Call, CallId,
    answers::{after, later},
    custodian::{About, Asked, Custodian, Notice},
    held::{Held, Stage},
};
use market::{Price, Timestamp};
use portfolio::{InstrumentId, Leg};
use std::collections::{BTreeMap, BTreeSet};

/// How far the comparison has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compare {
    /// Whether the last one came through and nothing was missed since.
    done: bool,
    /// When the one that runs was begun, and the last one that came through.
    running: Option<Timestamp>,
    begun: Option<Timestamp>,
    /// Answers that are still to come; empty when none runs.
    open: BTreeSet<CallId>,
    /// Whether a call of the one that runs failed: all of it is asked again.
    failed: bool,
    next: Option<Timestamp>,
    tries: u8,
    positions: Option<(Timestamp, Vec<super::PositionReport>)>,
    /// Differences that were seen: since when, and what the venue held.
    doubts: BTreeMap<(InstrumentId, Leg), (Timestamp, i64)>,
    /// When a trade of an instrument was last counted.
    touched: BTreeMap<InstrumentId, Timestamp>,
}

impl Compare {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            done: false,
            running: None,
            begun: None,
            open: BTreeSet::new(),
            failed: false,
            next: Some(now),
            tries: 0,
            positions: None,
            doubts: BTreeMap::new(),
            touched: BTreeMap::new(),
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    /// When the last comparison that came through was begun.
    pub(super) const fn begun(&self) -> Option<Timestamp> {
        self.begun
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.next.filter(|_| self.open.is_empty())
    }

    /// Something may have been missed: entries wait until everything was compared.
    pub(super) fn distrust(&mut self, now: Timestamp) {
        self.done = false;
        self.failed = !self.open.is_empty();
        self.next = Some(now);
    }

    /// Something looks odd: compare at this time, unless that happens sooner anyway.
    pub(super) fn look_soon(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    pub(super) fn touched(&mut self, instrument: InstrumentId, now: Timestamp) {
        self.touched.insert(instrument, now);
    }
}

impl Custodian {
    /// Begins a comparison if one is due.
    pub(super) fn compare_if_due(&mut self, now: Timestamp) {
        let is_due = self.compare.deadline().is_some_and(|at| at <= now);
        if !is_due {
            return;
        }
        self.compare.next = self.hold_until.filter(|until| *until > now);
        self.compare.running = Some(now);
        self.compare.failed = false;
        self.compare.positions = None;
        let open = self.send(Call::OpenOrders(None, super::Book::Both), About::OpenOrders, now);
        self.compare.open.insert(open);
        let interest = self.of_interest();
        for instrument in &interest {
            self.ask_trades(*instrument, now);
        }
        self.ask_funding(&interest, now);
        if self.terms.listings.iter().any(|one| one.settlement == market::Settlement::Margin) {
            let positions = self.send(Call::Positions, About::Positions, now);
            self.compare.open.insert(positions);
        }
    }

    fn ask_trades(&mut self, instrument: InstrumentId, now: Timestamp) {
        let since = self.seen.since(instrument, self.born);
        let call = Call::Fills { instrument, since, after: None };
        let id = self.send(call, About::Fills(instrument), now);
        self.compare.open.insert(id);
    }

    /// Instruments in which something may have happened. On spot that is all of them: there are no positions
    /// that would show a trade of which nobody told.
    fn of_interest(&self) -> BTreeSet<InstrumentId> {
        let orders = self.orders.all().map(|held| held.order.ticket.instrument);
        let stocks = self.stocks.all().map(|(instrument, ..)| instrument);
        let doubts = self.compare.doubts.keys().map(|(instrument, _)| *instrument);
        let traded = self.compare.touched.keys().copied();
        let all = (0..).map(InstrumentId).take(self.terms.listings.len());
        let spot = all.filter(|id| !self.is_margin(*id));
        orders.chain(stocks).chain(doubts).chain(traded).chain(spot).collect()
    }

    /// One of the comparison's calls was answered.
    pub(super) fn compared(&mut self, asked: Asked, answer: &Answer, now: Timestamp) {
        match (asked.about, answer) {
            (About::OpenOrders, Answer::Orders(orders)) => {
                for report in orders {
                    self.report(report, now);
                }
                let listed = |held: &Held| {
                    orders.iter().any(|report| {
                        report.client == Some(held.client)
                            || (report.venue.is_some() && report.venue == held.venue)
                    })
                };
                self.ask_for_unlisted(asked.sent, listed, now);
            }
            (About::Fills(instrument), Answer::Fills { fills, more }) => {
                for fill in fills {
                    self.fill(fill, now);
                }
                if let (true, Some(last)) = (*more, fills.last()) {
                    let call =
                        Call::Fills { instrument, since: last.time, after: Some(last.trade) };
                    let id = self.send(call, About::Fills(instrument), now);
                    self.compare.open.insert(id);
                }
            }
            (About::Positions, Answer::Positions(positions)) => {
                self.compare.positions = Some((asked.sent, positions.clone()));
            }
            _ => self.compare.failed = true,
        }
        let awaited = std::mem::take(&mut self.compare.open);
        self.compare.open = awaited.into_iter().filter(|id| self.calls.contains_key(id)).collect();
        if self.compare.open.is_empty() {
            self.conclude(now);
        }
    }

    /// Orders that should work and are not listed are asked for by name.
    fn ask_for_unlisted(
        &mut self,
        asked: Timestamp,
        listed: impl Fn(&Held) -> bool,
        now: Timestamp,
    ) {
        let lag = self.terms.lag.nanos();
        let is_missing = |held: &Held| {
            let stands = matches!(held.stage, Stage::Released | Stage::Unknown | Stage::Live);
            stands && !held.asking && asked >= after(held.sent, lag) && !listed(held)
        };
        for client in self.orders.names(is_missing) {
            self.query(client, now);
        }
    }

    fn conclude(&mut self, now: Timestamp) {
        if self.compare.failed {
            self.compare.tries = self.compare.tries.saturating_add(1);
            self.compare.next = Some(later(now, self.compare.tries));
            self.compare.failed = false;
            return;
        }
        self.compare.tries = 0;
        let differs = self.compare_positions(now);
        if !differs {
            self.compare.begun = self.compare.running;
        }
        let unknown = self.orders.all().any(|held| held.stage == Stage::Unknown);
        let again = if differs || unknown {
            after(now, self.terms.lag.nanos())
        } else {
            after(now, self.terms.compare_every.nanos())
        };
        self.compare.look_soon(again);
        self.review_stops();
        if !self.compare.done && !differs {
            self.compare.done = true;
            self.notice(Notice::Ready);
        }
    }

    /// Whether a position differs from what its trades come to; a difference that stays is taken.
    fn compare_positions(&mut self, now: Timestamp) -> bool {
        let Some((asked, positions)) = self.compare.positions.take() else { return false };
        let mut told: BTreeMap<(InstrumentId, Leg), (i64, Option<Price>)> = BTreeMap::new();
        for position in &positions {
            if self.is_margin(position.instrument) {
                told.insert((position.instrument, position.leg), (position.lots, position.entry));
            }
        }
        for (instrument, leg, _) in self.stocks.all().collect::<Vec<_>>() {
            if self.is_margin(instrument) {
                told.entry((instrument, leg)).or_insert((0, None));
            }
        }
        let lag = self.terms.lag.nanos();
        let mut differs = false;
        for (key, held) in told {
            let counted = self.stocks.of(key.0, key.1).lots;
            if held.0 == counted {
                self.compare.doubts.remove(&key);
                continue;
            }
            differs = true;
            // A trade that waits for its order's number is no difference.
            let awaited = self.orders.all().any(|held| {
                let ticket = &held.order.ticket;
                held.is_unnumbered() && (ticket.instrument, ticket.leg) == key
            });
            let touched = self.compare.touched.get(&key.0);
            let fresh = awaited || touched.is_some_and(|at| asked < after(*at, lag));
            let before = self.compare.doubts.get(&key).copied();
            let stays =
                before.is_some_and(|(since, lots)| lots == held.0 && asked >= after(since, lag));
            // A trade of which nobody told may have been missed: entries wait until it is found.
            self.compare.done &= fresh;
            if fresh || (before.is_some() && !stays) {
                let since = before.filter(|(_, lots)| *lots == held.0).map_or(now, |b| b.0);
                self.compare.doubts.insert(key, (since, held.0));
            } else if stays {
                self.compare.doubts.remove(&key);
                self.take_difference(key, held, now);
            } else {
                self.compare.doubts.insert(key, (now, held.0));
            }
        }
        differs
    }
}
