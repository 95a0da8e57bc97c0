//! A scene in words: steps separated by `;`, and the exchange's answers likewise.
//!
//! Orders are numbered from 1: `buy 10 limit 95 ioc`. A bar is `bar OPEN HIGH LOW CLOSE [VOLUME]`;
//! `open …`, `path` and `close` are its phases one by one. A quote is `quote BID ASK [SIZES]`, a
//! trade `print PRICE SIZE [by buyer|seller]`, a level of the book `bid PRICE SIZE` or
//! `ask PRICE SIZE`. `hold 10@100` gives the account a position. Every market step takes 10 ns.

use engine::{
    Account, Books, Data, MarketEvent,
    exchange::{Exchange, Moment, Terms},
    order::{
        Amendment, Change, Distance, Ending, GroupId, Order, OrderId, OrderKind, Purpose, Reason,
        Restrictions, Shortfall, Ticket, TimeInForce, Update,
    },
};
use market::{
    Bar, BarSize, Depth, Instrument, Listing, Money, Price, Print, Quantity, Quote, Rate, Side,
    Status, Timestamp,
};
use portfolio::{Contract, Fill, InstrumentId, Ledger, Leg, Liquidity};

pub const TICK: i64 = 10;

pub struct Scene {
    pub exchange: Exchange,
    pub books: Books,
    pub now: i64,
    next: u64,
    bar: Option<Bar>,
}

pub fn listing() -> Listing {
    Listing::of(Instrument::share("X".parse().expect("a symbol")))
}

/// What a scene says under these terms, with much cash and an ordinary share.
#[track_caller]
pub fn check(terms: &Terms, script: &str, want: &str) {
    assert_eq!(Scene::new(terms, listing(), "1000000").play(script), want, "{script}");
}

impl Scene {
    pub fn new(terms: &Terms, listing: Listing, cash: &str) -> Self {
        Self::of(terms, &[listing], cash)
    }

    pub fn of(terms: &Terms, listings: &[Listing], cash: &str) -> Self {
        let cash = Money::parse(cash).expect("money");
        let instruments: Vec<_> = listings.iter().map(|l| l.instrument.clone()).collect();
        let books = Books { ledger: Ledger::open(cash, &instruments), updates: Vec::new() };
        Self { exchange: Exchange::new(*terms, listings), books, now: 0, next: 1, bar: None }
    }

    /// The same with an account of another sort.
    pub fn with(mut self, ledger: Ledger) -> Self {
        self.books.ledger = ledger;
        self
    }

    /// Plays all steps; answers what was said to the account.
    pub fn play(&mut self, script: &str) -> String {
        let from = self.books.updates.len();
        for step in script.split(';').map(str::trim).filter(|step| !step.is_empty()) {
            self.step(step);
        }
        self.books.updates[from..].iter().map(told).collect::<Vec<_>>().join("; ")
    }

    fn moment(&self) -> Moment {
        Moment { time: Timestamp::from_nanos(self.now), row: 0 }
    }

    fn step(&mut self, step: &str) {
        let (on, step) = match step.strip_prefix("Y ") {
            Some(rest) => (InstrumentId(1), rest),
            None => (InstrumentId(0), step),
        };
        let words: Vec<&str> = step.split_whitespace().collect();
        let number = |at: usize| words.get(at).map_or(0, |w| w.parse::<i64>().expect("a number"));
        let time = Timestamp::from_nanos(self.now);
        match words[0] {
            "buy" | "sell" => {
                let order = self.number(ticket(on, &words));
                self.exchange.submit(order, time);
                self.wake();
            }
            "cancel" => {
                self.exchange.cancel(OrderId(number(1).unsigned_abs()), on, time);
                self.wake();
            }
            "amend" => {
                let id = OrderId(number(1).unsigned_abs());
                self.exchange.amend((id, on), amendment(&words[2..]), time);
                self.wake();
            }
            "bar" => {
                for phase in [&*step.replacen("bar", "open", 1), "path", "close"] {
                    self.step(&if on.0 == 1 { format!("Y {phase}") } else { phase.to_owned() });
                }
            }
            "open" | "path" | "close" => self.phase(on, words[0], &number),
            "decided" => {
                let bar = self.bar.expect("a bar");
                let at = self.moment();
                self.exchange.on_decided(&[(on, bar)], at, &mut self.books).expect("runs");
            }
            "pass" => {
                self.now += number(1);
                self.wake();
            }
            "hold" => self.hold(on, words[1]),
            "mark" => self.books.ledger.mark(on, Price(number(1))).expect("known"),
            "liquidate" => {
                let (at, mut next) = (self.moment(), self.next);
                let number = |ticket| {
                    next += 1;
                    Order { id: OrderId(next - 1), tick: 0, row: 0, time, ticket }
                };
                self.exchange.liquidate(number, at, &mut self.books).expect("runs");
                self.next = next;
            }
            _ => self.tell(on, &words, &number),
        }
    }

    fn phase(&mut self, on: InstrumentId, phase: &str, number: &dyn Fn(usize) -> i64) {
        if phase == "open" {
            let [open, high, low, close] = [1, 2, 3, 4].map(|at| Price(number(at)));
            let (open_time, volume) =
                (Timestamp::from_nanos(self.now), Quantity(number(5).unsigned_abs()));
            self.bar = Some(Bar { open_time, open, high, low, close, volume });
        }
        let bar = self.bar.expect("a bar");
        let opened = Moment { time: bar.open_time, row: 0 };
        let closed = Moment { time: Timestamp::from_nanos(bar.open_time.nanos() + TICK), row: 0 };
        let (exchange, books) = (&mut self.exchange, &mut self.books);
        match phase {
            "open" => exchange.on_open(&[(on, bar)], opened, books).expect("runs"),
            "path" => exchange.on_range(on, &bar, closed, books).expect("runs"),
            _ => {
                books.ledger.mark(on, bar.close).expect("known");
                exchange.on_close(on, &bar, closed, books).expect("runs");
                self.now = closed.time.nanos();
            }
        }
    }

    fn tell(&mut self, on: InstrumentId, words: &[&str], number: &dyn Fn(usize) -> i64) {
        self.now += TICK;
        let time = Timestamp::from_nanos(self.now);
        let price = Price(number(1));
        let size = |at| Quantity(number(at).unsigned_abs());
        let depth = |side| Data::Depth(Depth { time, side, price, size: size(2) });
        let data = match words[0] {
            "quote" => {
                let sizes = if words.len() > 3 { (size(3), size(4)) } else { (size(1), size(1)) };
                let (bid, ask, (bid_size, ask_size)) = (price, Price(number(2)), sizes);
                Data::Quote(Quote { time, bid, ask, bid_size, ask_size })
            }
            "print" => {
                let aggressor = match words.get(4) {
                    Some(&"buyer") => Some(Side::Buy),
                    Some(&"seller") => Some(Side::Sell),
                    _ => None,
                };
                Data::Print(Print { time, price, size: size(2), aggressor })
            }
            "bid" => depth(Side::Buy),
            "ask" => depth(Side::Sell),
            "halt" => Data::Status(Status::Halted),
            "trade" => Data::Status(Status::Trading),
            "closed" => Data::Status(Status::Closed),
            "split" => Data::Split {
                numerator: u32::try_from(number(1)).expect("small"),
                denominator: u32::try_from(number(2)).expect("small"),
            },
            "whole" => {
                let [open, high, low, close] = [1, 2, 3, 4].map(|at| Price(number(at)));
                let (open_time, volume) = (Timestamp::from_nanos(self.now - TICK), size(5));
                Data::Bar(Bar { open_time, open, high, low, close, volume }, BarSize::MINUTE)
            }
            other => panic!("what is {other:?}?"),
        };
        let event = MarketEvent { time, instrument: on, data };
        self.exchange.on_market(&event, 0, &mut self.books).expect("runs");
    }

    fn wake(&mut self) {
        let at = self.moment();
        self.exchange.wake(at, &mut self.books).expect("runs");
    }

    fn number(&mut self, ticket: Ticket) -> Order {
        let (id, time) = (OrderId(self.next), Timestamp::from_nanos(self.now));
        self.next += 1;
        Order { id, tick: 0, row: 0, time, ticket }
    }

    /// `10@100` is long, `-10@100` is short; paid for without a fee.
    fn hold(&mut self, on: InstrumentId, what: &str) {
        let (lots, price) = what.split_once('@').expect("lots@price");
        let (lots, price) = (lots.parse::<i64>().unwrap(), Price(price.parse().unwrap()));
        let contract = self.books.ledger().contract(on).expect("known");
        let quantity = Quantity(lots.unsigned_abs());
        let fill = Fill {
            order: 0,
            row: 0,
            time: Timestamp::from_nanos(self.now),
            instrument: on,
            side: if lots < 0 { Side::Sell } else { Side::Buy },
            quantity,
            price,
            notional: notional(contract, price, quantity),
            fee: Money::ZERO,
            leg: Leg::Net,
            liquidity: Liquidity::Taker,
        };
        self.books.ledger.apply(&fill).expect("in range");
    }
}

fn notional(contract: Contract, price: Price, quantity: Quantity) -> Money {
    contract.value(price, i64::try_from(quantity.0).expect("small")).expect("in range")
}

pub fn ticket(on: InstrumentId, words: &[&str]) -> Ticket {
    let side = if words[0] == "buy" { Side::Buy } else { Side::Sell };
    let mut ticket = Ticket::market(on, side, Quantity(words[1].parse().expect("lots")));
    let mut rest = words[2..].iter().copied();
    while let Some(word) = rest.next() {
        let mut price = || Price(rest.next().expect("a price").parse().expect("ticks"));
        match (word, ticket.kind) {
            ("market", _) => {}
            ("limit", OrderKind::Stop { trigger }) => {
                ticket.kind = OrderKind::StopLimit { trigger, price: price() };
            }
            ("limit", OrderKind::Touched { trigger }) => {
                ticket.kind = OrderKind::TouchedLimit { trigger, price: price() };
            }
            ("limit", _) => ticket.kind = OrderKind::Limit { price: price() },
            ("stop", _) => ticket.kind = OrderKind::Stop { trigger: price() },
            ("touched", _) => ticket.kind = OrderKind::Touched { trigger: price() },
            ("from", OrderKind::Trailing { distance, .. }) => {
                ticket.kind = OrderKind::Trailing { distance, from: Some(price()) };
            }
            ("trail", _) => {
                let text = rest.next().expect("a distance");
                let distance = match text.strip_suffix('%') {
                    Some(percent) => {
                        Distance::Fraction(Rate(Rate::parse(percent).unwrap().0 / 100))
                    }
                    None => Distance::Ticks(text.parse().expect("ticks")),
                };
                ticket.kind = OrderKind::Trailing { distance, from: None };
            }
            ("ioc", _) => ticket.tif = TimeInForce::ImmediateOrCancel,
            ("fok", _) => ticket.tif = TimeInForce::FillOrKill,
            ("gtd", _) => {
                ticket.tif = TimeInForce::GoodTill(Timestamp::from_nanos(price().0));
            }
            ("post", _) => ticket = ticket.restricted(Restrictions::POST_ONLY),
            ("reduce", _) => ticket = ticket.restricted(Restrictions::REDUCE_ONLY),
            ("show", _) => ticket.display = Some(Quantity(price().0.unsigned_abs())),
            ("group", _) => ticket.group = Some(GroupId(price().0.unsigned_abs())),
            ("shrink", _) => ticket.shortfall = Shortfall::Reduce,
            ("leg", _) => {
                ticket.leg = match rest.next() {
                    Some("long") => Leg::Long,
                    Some("short") => Leg::Short,
                    other => panic!("which leg is {other:?}?"),
                };
            }
            ("exit", _) => ticket.purpose = Purpose::Exit,
            other => panic!("what is {other:?}?"),
        }
    }
    ticket
}

fn amendment(words: &[&str]) -> Amendment {
    let mut change = Amendment::default();
    for pair in words.chunks(2) {
        let number: i64 = pair[1].parse().expect("a number");
        match pair[0] {
            "size" => change.quantity = Some(Quantity(number.unsigned_abs())),
            "price" => change.price = Some(Price(number)),
            "trigger" => change.trigger = Some(Price(number)),
            other => panic!("what is {other:?}?"),
        }
    }
    change
}

/// An update in a few words.
pub fn told(update: &Update) -> String {
    let id = update.order.0;
    match update.change {
        Change::Accepted => format!("{id} rests"),
        Change::Triggered => format!("{id} wakes"),
        Change::Filled(fill) => {
            let how = if fill.liquidity == Liquidity::Maker { "made" } else { "took" };
            format!("{id} {how} {}@{}", fill.quantity.0, fill.price.0)
        }
        Change::Amended { quantity } => format!("{id} is {}", quantity.0),
        Change::Ended { rest, why: Ending::Cancelled } => format!("{id} cancelled {}", rest.0),
        Change::Ended { rest, why: Ending::Expired } => format!("{id} expired {}", rest.0),
        Change::Ended { rest, why: Ending::Refused(why) } => {
            format!("{id} refused {}: {}", rest.0, reason(why))
        }
        Change::Unchanged { why } => format!("{id} unchanged: {}", reason(why)),
    }
}

fn reason(why: Reason) -> String {
    match why {
        Reason::Cash { needed, available } => format!("cash {needed} of {available}"),
        Reason::NothingToClose => "nothing to close".into(),
        Reason::LessThanALot => "no lot".into(),
        Reason::NeverPriced => "no price".into(),
        Reason::WouldTake { price, best } => format!("would take {} at {}", price.0, best.0),
        Reason::OffTick { price, step } => format!("{} off {step}", price.0),
        Reason::WrongSide { trigger, market } => format!("{} passed by {}", trigger.0, market.0),
        Reason::Size { size, .. } => format!("size {}", size.0),
        Reason::Notional { value, bound } => format!("worth {value} of {bound}"),
        Reason::Liquidity { wanted, there } => format!("{} of {}", there.0, wanted.0),
        Reason::UnknownOrder => "unknown".into(),
        Reason::NotTrading => "not trading".into(),
        Reason::Unsupported => "unsupported".into(),
        Reason::Limit(breach) => breach.limit.name().into(),
    }
}
