//! What becomes of messages, and what else goes wrong.

use super::{
    Lists, Paid,
    faults::Fault,
    world::{Fate, LAG, MS, Next, SECOND, WINDOW, World},
};
use crate::{
    Error,
    live::{
        Answer, Call, CallId, Kill, Link, NewOrder, Permit, PositionReport, RefusedKind, Scope,
        StopTiming, Unknown, Writing,
    },
    order::{OrderKind, Ticket},
};
use market::{Price, Quantity, Side, Timestamp};
use portfolio::InstrumentId;

impl World {
    /// A request leaves the bot.
    pub(super) fn go_out(&mut self, id: CallId, call: Call, written: Writing) {
        let (life, sent) = (self.life, self.now);
        let opens = self.bot.as_ref().is_some_and(|bot| bot.custodian().opens(&call));
        if (written == Writing::Fails && opens) || (call.acts() && self.is_hit(Fault::Unsent)) {
            let answer = Answer::Unknown(Unknown::Unsent);
            self.after(MS, Next::Answer { life, id, answer });
            return;
        }
        let mut delay = 3 * MS + self.draw(10 * MS);
        let acts = call.acts();
        if acts && self.is_hit(Fault::RequestLost) {
            self.give_up(life, id);
            return;
        }
        if acts && self.is_hit(Fault::RequestDelayed) {
            delay = SECOND + self.draw(7 * SECOND);
            // The bot waits no longer than the venue would.
            self.give_up(life, id);
        }
        let answer = self.fate(&call);
        self.after(delay, Next::Request { life, id, call, sent, answer });
    }

    fn give_up(&mut self, life: u32, id: CallId) {
        self.after(WINDOW, Next::Answer { life, id, answer: Self::unanswered() });
    }

    /// What will become of the answer to a call.
    fn fate(&mut self, call: &Call) -> Fate {
        let acts = call.acts();
        let stale = match call {
            Call::Order(_) => self.is_hit(Fault::StaleOrder),
            Call::OpenOrders(..) => self.is_hit(Fault::StaleList),
            Call::Positions => self.is_hit(Fault::StalePosition),
            _ => false,
        };
        if stale {
            Fate::Stale
        } else if matches!(call, Call::Place(_)) && self.armed.contains(&Fault::StaleOrder) {
            // The bot has to ask for an order before it can be denied.
            Fate::ServerError
        } else if acts && self.is_hit(Fault::AnswerLost) {
            Fate::Lost
        } else if acts && self.is_hit(Fault::AnswerDelayed) {
            Fate::Late
        } else if acts && self.is_hit(Fault::ServerError) {
            Fate::ServerError
        } else if self.is_hit(Fault::Garbled) {
            Fate::Garbled
        } else {
            Fate::Arrives
        }
    }

    /// A request reaches the venue.
    pub(super) fn arrive(
        &mut self,
        (life, id): (u32, CallId),
        call: &Call,
        sent: Timestamp,
        fate: Fate,
    ) -> Result<(), Error> {
        let now = self.now;
        let is_old = now.nanos() - sent.nanos() > WINDOW;
        let answer = if is_old {
            refused(RefusedKind::Clock)
        } else if self.is_hit(Fault::Throttled) {
            Answer::Throttled { until: Timestamp::from_nanos(now.nanos() + SECOND) }
        } else {
            self.carry_to_venue(call, fate)?
        };
        if fate == Fate::ServerError && self.armed.contains(&Fault::StaleOrder) {
            // Nor does the stream tell of the order that will be denied.
            self.venue.words().for_each(drop);
            self.count(Fault::WordLost);
        }
        self.hear_the_venue();
        let (delay, answer) = match fate {
            Fate::Lost => (WINDOW, Self::unanswered()),
            Fate::ServerError => (5 * MS, Answer::Unknown(Unknown::Server)),
            Fate::Garbled => (5 * MS, Answer::Unknown(Unknown::Garbled)),
            Fate::Late => (SECOND + self.draw(3 * SECOND), answer),
            Fate::Arrives | Fate::Stale => (3 * MS + self.draw(10 * MS), answer),
        };
        self.after(delay, Next::Answer { life, id, answer });
        Ok(())
    }

    fn carry_to_venue(&mut self, call: &Call, fate: Fate) -> Result<Answer, Error> {
        let now = self.now;
        if let Call::Place(new) = call
            && self.stops != StopTiming::First
            && self.venue_refuses_stop(new)
        {
            return Ok(refused(RefusedKind::ReduceOnly));
        }
        if let Call::Place(new) = call
            && new.stop.is_some()
            && self.refusing.is_some_and(|(from, until)| from <= now && now < until)
        {
            self.checks.refused_stop(new);
            return Ok(refused(RefusedKind::Attachment));
        }
        let mut answer = self.venue.call(call, now)?;
        if let (Answer::Fills { fills, .. }, Lists::Numbered) = (&mut answer, self.lists) {
            for fill in fills.iter_mut() {
                fill.client = None;
            }
        }
        if let Call::Place(new) = call {
            self.checks.answered(new, &answer);
        }
        if let (Call::Place(new), true) = (call, !matches!(answer, Answer::Refused(_))) {
            self.counts.orders += 1;
            self.counts.guarded += u64::from(new.stop.is_some());
            self.checks.placed(new);
        }
        Ok(if fate == Fate::Stale { self.aged(answer) } else { answer })
    }

    /// A venue that takes no stop without a position.
    fn venue_refuses_stop(&self, new: &NewOrder) -> bool {
        let ticket = &new.ticket;
        let is_stop = matches!(ticket.kind, OrderKind::Stop { .. })
            && ticket.restrictions.has(crate::order::Restrictions::REDUCE_ONLY);
        let held = self.venue.ledger().position(ticket.instrument).lots;
        is_stop && held.signum() * ticket.side.sign() >= 0
    }

    /// An answer as it would have been a moment ago.
    fn aged(&mut self, answer: Answer) -> Answer {
        let since = self.now.nanos() - self.draw(LAG);
        match answer {
            Answer::Order(report) if report.time.nanos() > self.now.nanos() - LAG => {
                Answer::NotFound
            }
            Answer::Orders(orders) => {
                Answer::Orders(orders.into_iter().filter(|o| o.time.nanos() <= since).collect())
            }
            Answer::Positions(positions) => Answer::Positions(self.positions_at(since, positions)),
            other => other,
        }
    }

    fn positions_at(&self, since: i64, positions: Vec<PositionReport>) -> Vec<PositionReport> {
        let mut aged = positions;
        for id in (0..).map(InstrumentId).take(self.instruments()) {
            let later = self.venue.fills().filter(|f| f.instrument == id && f.time.nanos() > since);
            let moved: i64 = later
                .map(|fill| fill.side.sign() * i64::try_from(fill.quantity.0).unwrap_or(0))
                .sum();
            if let Some(position) = aged.iter_mut().find(|position| position.instrument == id) {
                position.lots -= moved;
            }
        }
        aged.retain(|position| position.lots != 0);
        aged
    }

    /// A fault is due.
    pub(super) fn suffer(&mut self, fault: Fault) -> Result<(), Error> {
        match fault {
            Fault::Crash | Fault::PowerLoss => {
                if self.bot.is_some() && !self.is_doomed() {
                    self.doom(fault);
                } else {
                    self.after(SECOND, Next::Fault(fault));
                }
                return Ok(());
            }
            Fault::StreamBroken => return self.break_stream(),
            Fault::Stranger => return self.strange_order(),
            Fault::Liquidation => {
                self.checks.outside(self.now);
                self.count(fault);
                return self.venue.liquidate(self.now);
            }
            Fault::DiskFull => {
                self.disk = Writing::Fails;
                self.count(fault);
            }
            Fault::Licence => {
                self.permit = Permit::ManageOnly;
                self.count(fault);
                self.checks.opening(self.now, super::checks::Opening::Barred);
                if let Some(bot) = &mut self.bot {
                    bot.permit(Permit::ManageOnly);
                }
            }
            Fault::KillSwitch => return self.pull(),
            other => {
                self.armed.push(other);
                return Ok(());
            }
        }
        let span = 2 * SECOND + self.draw(10 * SECOND);
        self.after(span, Next::Over(fault));
        Ok(())
    }

    fn count(&mut self, fault: Fault) {
        *self.counts.faults.entry(fault).or_default() += 1;
    }

    fn break_stream(&mut self) -> Result<(), Error> {
        if self.bot.is_none() || self.link == Link::Down {
            self.after(SECOND, Next::Fault(Fault::StreamBroken));
            return Ok(());
        }
        self.count(Fault::StreamBroken);
        self.link = Link::Down;
        self.tell(self.life, |bot, now| bot.link(Link::Down, now))?;
        let pause = 100 * MS + self.draw(6 * SECOND);
        self.after(pause, Next::Stream { life: self.life });
        Ok(())
    }

    /// Somebody with access to the account trades by hand, or leaves an order.
    fn strange_order(&mut self) -> Result<(), Error> {
        self.count(Fault::Stranger);
        self.checks.outside(self.now);
        let id = InstrumentId(u32::try_from(self.dice.up_to(1)).unwrap_or(0));
        let side = if self.dice.up_to(1) == 0 { Side::Buy } else { Side::Sell };
        let lots = Quantity(1 + self.dice.up_to(3));
        let ticket = Ticket::market(id, side, lots);
        let price = self.venue.ledger().latest(id).unwrap_or_default();
        let ticket = match self.dice.up_to(1) {
            0 => ticket,
            _ => ticket.of(OrderKind::Limit { price: Price(price.0 - side.sign() * 3) }),
        };
        let client = format!("web{}", self.dice.up_to(u64::MAX)).parse().expect("plain and short");
        let new = NewOrder { client, ticket, scope: Scope::Size, stop: None };
        self.venue.call(&Call::Place(new), self.now)?;
        self.hear_the_venue();
        Ok(())
    }

    fn pull(&mut self) -> Result<(), Error> {
        if self.bot.is_none() {
            self.after(SECOND, Next::Fault(Fault::KillSwitch));
            return Ok(());
        }
        self.count(Fault::KillSwitch);
        let level = match self.dice.up_to(2) {
            0 => Kill::NoEntries,
            1 => Kill::CancelAll,
            _ => Kill::Flatten,
        };
        self.kill = self.kill.max(level);
        self.checks.opening(self.now, super::checks::Opening::Barred);
        self.tell(self.life, |bot, now| bot.kill(level, now))?;
        let span = 2 * SECOND + self.draw(10 * SECOND);
        self.after(span, Next::Over(Fault::KillSwitch));
        Ok(())
    }

    /// Everything is sold, for good: a person pulls the switch as far as it goes.
    pub(super) fn close_all(&mut self) -> Result<(), Error> {
        if self.bot.is_none() {
            self.after(SECOND, Next::CloseAll);
            return Ok(());
        }
        self.kill = Kill::Flatten;
        self.checks.opening(self.now, super::checks::Opening::Barred);
        self.tell(self.life, |bot, now| bot.kill(Kill::Flatten, now))
    }

    pub(super) fn is_flat(&self) -> bool {
        let mut all = (0..).map(InstrumentId).take(self.instruments());
        all.all(|id| self.venue.ledger().position(id).lots == 0)
    }

    /// A fault that lasts is over.
    pub(super) fn recover(&mut self, fault: Fault) -> Result<(), Error> {
        match fault {
            Fault::DiskFull => {
                self.disk = Writing::Works;
                // What was not written down is in the state: it is written whole.
                self.checkpoint();
                if let Some(bot) = &mut self.bot {
                    bot.writing(Writing::Works);
                }
            }
            Fault::Licence => {
                self.permit = Permit::Open;
                if let Some(bot) = &mut self.bot {
                    bot.permit(Permit::Open);
                }
            }
            Fault::KillSwitch => {
                if self.bot.is_none() {
                    self.after(SECOND, Next::Over(Fault::KillSwitch));
                    return Ok(());
                }
                if !self.is_flat() && self.kill == Kill::Flatten && self.paid != Paid::OnMargin {
                    // Who wants everything sold lets go when it is.
                    self.after(SECOND, Next::Over(Fault::KillSwitch));
                    return Ok(());
                }
                self.kill = Kill::Off;
                self.tell(self.life, crate::live::Session::release)?;
            }
            _ => {}
        }
        if self.permit == Permit::Open && self.kill == Kill::Off {
            self.checks.opening(self.now, super::checks::Opening::Allowed);
        }
        Ok(())
    }
}

fn refused(kind: RefusedKind) -> Answer {
    let refused = crate::live::Refused { kind, code: -1, text: "refused by the venue".to_owned() };
    Answer::Refused(refused)
}
