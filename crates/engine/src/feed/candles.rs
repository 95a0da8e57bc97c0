//! Candles: bars of any size from trades, from middles of quotes, or from shorter bars.

use super::{Error, Mid};
use crate::{Data, MarketEvent};
use builder::Builder;
use market::{Bar, BarSize, Moment, Price, Quantity, Session, Timestamp};
use portfolio::InstrumentId;

mod builder;

/// Whether longer bars can be built from bars of a size.
pub(super) const fn builds(from: BarSize, size: BarSize) -> bool {
    let whole = size.nanos() % from.nanos() == 0 && size.nanos() > from.nanos();
    // Two and three days are anchored to the epoch, weeks to Mondays.
    whole && (!from.is_daily() || from.nanos() == BarSize::DAY.nanos())
}

/// What candles are built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Trades.
    Prints,
    /// The middle of bid and ask, in half ticks: see [`Mid`]. Such bars have no volume.
    Mids,
    /// Shorter bars, each taken when it is known. They are of the same session: what was printed
    /// outside of it is not in them.
    Bars(BarSize),
}

/// A bar that is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// When it was known: the first instant after it.
    pub end: Timestamp,
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// How long it is.
    pub size: BarSize,
    /// What it was built from.
    pub basis: Basis,
    /// Its prices and volume; of [`Basis::Mids`] in half ticks.
    pub bar: Bar,
}

impl Candle {
    /// As the market tells it; `None` for middles, whose prices are in half ticks.
    #[must_use]
    pub fn event(&self) -> Option<MarketEvent> {
        let (time, instrument) = (self.end, self.instrument);
        let data = Data::Bar(self.bar, self.size);
        (self.basis != Basis::Mids).then_some(MarketEvent { time, instrument, data })
    }
}

/// Builds candles for many instruments and sizes.
///
/// - A candle takes what lies within its span, its end not included: see [`Session::span`].
/// - It closes when time has come to its end, whether anything happens then or not.
/// - A span in which nothing happened gives no candle.
/// - What happens outside of the session is in no candle of any size, and counted.
///
/// For each event of a merged stream: call [`Candles::before`], handle what it closes, then
/// [`Candles::take`]. At the end, or when time passes without events, call [`Candles::close`].
#[derive(Debug, Default)]
pub struct Candles {
    /// By instrument.
    makers: Vec<Vec<Maker>>,
    /// Closed, not handed out yet.
    closed: Vec<Candle>,
    /// No open candle ends earlier.
    deadline: Option<Timestamp>,
}

/// The candles of one instrument from one basis.
#[derive(Debug)]
struct Maker {
    instrument: InstrumentId,
    basis: Basis,
    session: Session,
    moment: Option<Moment>,
    last: Timestamp,
    builders: Vec<Builder>,
    outside: u64,
}

impl Candles {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds these sizes for an instrument from now on.
    pub fn add(
        &mut self,
        instrument: InstrumentId,
        basis: Basis,
        session: &Session,
        sizes: &[BarSize],
    ) -> Result<(), Error> {
        if let Basis::Bars(from) = basis
            && let Some(size) = sizes.iter().find(|size| !builds(from, **size))
        {
            return Err(Error::NoFit { size: *size, from });
        }
        let mut sizes = sizes.to_vec();
        sizes.sort_unstable();
        sizes.dedup();
        let place = instrument.index();
        if self.makers.len() <= place {
            self.makers.resize_with(place + 1, Vec::new);
        }
        let maker = Maker {
            instrument,
            basis,
            session: session.clone(),
            moment: None,
            last: Timestamp::from_nanos(i64::MIN),
            builders: sizes.into_iter().map(Builder::new).collect(),
            outside: 0,
        };
        if let Some(list) = self.makers.get_mut(place) {
            list.push(maker);
        }
        Ok(())
    }

    /// When the next candle closes, if nothing happens first.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let closed = self.closed.iter().map(|candle| candle.end).min();
        [closed, self.deadline].into_iter().flatten().min()
    }

    /// Appends the candles that come before an event by [`MarketEvent::precedence`]: those that end
    /// earlier, and with a bar of the same moment those of earlier instruments.
    #[inline]
    pub fn before(&mut self, event: &MarketEvent, out: &mut Vec<Candle>) {
        if self.deadline.is_none_or(|end| end > event.time) && self.closed.is_empty() {
            return;
        }
        self.settle(event.time, Bound::Running);
        let is_bar = matches!(event.data, Data::Bar(..));
        self.hand_out(out, |candle| {
            let earlier = is_bar && candle.instrument < event.instrument;
            candle.end < event.time || (candle.end == event.time && earlier)
        });
    }

    /// Appends every candle that has come to its end at `now`, after all events of that moment.
    pub fn close(&mut self, now: Timestamp, out: &mut Vec<Candle>) {
        self.settle(now, Bound::Over);
        self.hand_out(out, |candle| candle.end <= now);
    }

    /// Takes an event in; events of an instrument come in order of time.
    #[inline]
    pub fn take(&mut self, event: &MarketEvent) -> Result<(), Error> {
        let Some(makers) = self.makers.get_mut(event.instrument.index()) else { return Ok(()) };
        for maker in makers {
            let end = match (&event.data, maker.basis) {
                (Data::Print(print), Basis::Prints) => {
                    maker.tick(event.time, print.price, print.size, &mut self.closed)?
                }
                (Data::Quote(quote), Basis::Mids) => {
                    let price = Price(Mid::of(quote)?.0);
                    maker.tick(event.time, price, Quantity::ZERO, &mut self.closed)?
                }
                (Data::Bar(bar, size), Basis::Bars(from)) if *size == from => {
                    maker.bar(event.time, bar, from, &mut self.closed)?
                }
                _ => continue,
            };
            self.deadline = [self.deadline, end].into_iter().flatten().min();
        }
        Ok(())
    }

    /// How many events of an instrument came outside of its sessions.
    #[must_use]
    pub fn outside(&self, instrument: InstrumentId) -> u64 {
        self.makers.get(instrument.index()).into_iter().flatten().map(|maker| maker.outside).sum()
    }

    /// Closes what has ended.
    fn settle(&mut self, now: Timestamp, bound: Bound) {
        if self.deadline.is_none_or(|end| end > now) {
            return;
        }
        let mut deadline: Option<Timestamp> = None;
        for maker in self.makers.iter_mut().flatten() {
            // A shorter bar that ends with a longer one belongs to it, and comes at its end.
            let waits = bound == Bound::Running && matches!(maker.basis, Basis::Bars(_));
            for builder in &mut maker.builders {
                if builder.end().is_some_and(|end| end < now || (end == now && !waits)) {
                    self.closed.extend(builder.close(maker.instrument, maker.basis));
                }
                deadline = [deadline, builder.end()].into_iter().flatten().min();
            }
        }
        self.deadline = deadline;
    }

    /// Hands out the closed candles that are due, in order.
    fn hand_out(&mut self, out: &mut Vec<Candle>, due: impl Fn(&Candle) -> bool) {
        let start = out.len();
        self.closed.retain(|candle| {
            let due = due(candle);
            if due {
                out.push(*candle);
            }
            !due
        });
        let order = |candle: &Candle| (candle.end, candle.instrument, candle.size, candle.basis);
        out.get_mut(start..).unwrap_or_default().sort_by_key(order);
    }
}

/// Whether more can happen at the moment at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// Yes.
    Running,
    /// No.
    Over,
}

impl Maker {
    /// Takes a price in; the earliest end of what is open now.
    #[inline]
    fn tick(
        &mut self,
        time: Timestamp,
        price: Price,
        size: Quantity,
        closed: &mut Vec<Candle>,
    ) -> Result<Option<Timestamp>, Error> {
        let Moment::Within(hours) = self.moment(time)? else {
            self.outside += 1;
            return Ok(None);
        };
        let mut earliest = None;
        for builder in &mut self.builders {
            if builder.end().is_none_or(|end| time >= end) {
                closed.extend(builder.close(self.instrument, self.basis));
                let span = self.session.span(builder.size(), time, &hours);
                earliest = [earliest, Some(span.end)].into_iter().flatten().min();
                builder.open(span, price, size);
            } else {
                builder.tick(price, size)?;
            }
        }
        Ok(earliest)
    }

    /// Takes a shorter bar in that is known at `time`.
    fn bar(
        &mut self,
        time: Timestamp,
        bar: &Bar,
        from: BarSize,
        closed: &mut Vec<Candle>,
    ) -> Result<Option<Timestamp>, Error> {
        let mut earliest = None;
        let hours = if from.is_daily() { None } else { Some(self.moment_of(time, bar, from)?) };
        if matches!(hours, Some(Moment::Outside { .. })) {
            self.outside += 1;
            return Ok(None);
        }
        for builder in &mut self.builders {
            let span = match hours {
                Some(Moment::Within(hours)) => {
                    self.session.span(builder.size(), bar.open_time, &hours)
                }
                // A day's bar is stamped with its date.
                _ => self.session.days(builder.size(), bar.open_time.date()),
            };
            if builder.span() == Some(span) {
                builder.join(bar)?;
            } else {
                closed.extend(builder.close(self.instrument, self.basis));
                builder.begin(span, bar);
            }
            if time >= span.end {
                closed.extend(builder.close(self.instrument, self.basis));
            } else {
                earliest = [earliest, Some(span.end)].into_iter().flatten().min();
            }
        }
        Ok(earliest)
    }

    /// Whether a shorter bar is within a session, all of it.
    fn moment_of(&mut self, time: Timestamp, bar: &Bar, from: BarSize) -> Result<Moment, Error> {
        self.forward(time)?;
        let last = bar.open_time.plus_nanos(from.nanos() - 1)?;
        let (first, last) = (self.session.at(bar.open_time), self.session.at(last));
        if first != last {
            return Err(Error::Straddles { size: from, time: bar.open_time });
        }
        Ok(first)
    }

    /// What the session says of a time, kept for as long as it holds.
    #[inline]
    fn moment(&mut self, time: Timestamp) -> Result<Moment, Error> {
        self.forward(time)?;
        let holds = match &self.moment {
            Some(Moment::Within(hours)) => time < hours.close,
            Some(Moment::Outside { until }) => time < *until,
            None => false,
        };
        match self.moment {
            Some(moment) if holds => Ok(moment),
            _ => {
                let moment = self.session.at(time);
                self.moment = Some(moment);
                Ok(moment)
            }
        }
    }

    #[inline]
    fn forward(&mut self, time: Timestamp) -> Result<(), Error> {
        let before = self.last;
        if time < before {
            return Err(Error::Earlier { instrument: self.instrument, before, time });
        }
        self.last = time;
        Ok(())
    }
}
