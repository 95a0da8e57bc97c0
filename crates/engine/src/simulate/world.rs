//! The world: what happens when.

use super::{
    Counts, Entries, Exits, Intents, Lists, ORDERS_MIN, Options, Paid, Takes, Trace, Verdict,
    checks::{Checks, Flat},
    faults::{FAULTS, Fault},
    trader::Wanting,
};
use crate::{
    Data, Error, Event, MarketEvent,
    exchange::{self, FeeTerms, Model, random::SplitMix64},
    live::{
        Answer, Call, CallId, Custodian, KeyScope, Kill, Link, Permission, Permit, Session,
        StopHolds, StopTiming, Tail, Unknown, Word, Writing,
    },
    venue::{Account, AccountSetup},
};
use market::{
    Currency, Instrument, Listing, Money, Price, Quantity, Quote, Rate, Scale, Settlement,
    Timestamp,
};
use portfolio::{AccountTerms, InstrumentId, MarginTiers};
use std::collections::BTreeMap;

pub(super) const MS: i64 = 1_000_000;
pub(super) const SECOND: i64 = 1_000 * MS;
/// Where time begins: some day in 2023.
const BEGIN: i64 = 1_700_000_000 * SECOND;
/// How long the trader wants something new now and then.
const LIVELY: i64 = 240 * SECOND;
/// How long everything is left alone at the end.
const QUIET: i64 = 180 * SECOND;
/// Steps of one world; more is a world that never comes to rest.
const STEPS_MAX: u32 = 400_000;
/// The venue drops a request that is older.
pub(super) const WINDOW: i64 = 5 * SECOND;
/// What the venue shows may be so old.
pub(super) const LAG: i64 = 2 * SECOND;

/// Something that will happen.
#[derive(Debug, Clone)]
pub(super) enum Next {
    /// The price of an instrument moves.
    Market(InstrumentId),
    /// A request reaches the venue.
    Request { life: u32, id: CallId, call: Call, sent: Timestamp, answer: Fate },
    /// An answer reaches the bot.
    Answer { life: u32, id: CallId, answer: Answer },
    /// A word reaches the bot.
    Word { life: u32, word: Word },
    /// The stream is there again.
    Stream { life: u32 },
    /// The bot wanted to be woken.
    Wake { life: u32 },
    /// The bot is started again.
    Start,
    /// A fault is due.
    Fault(Fault),
    /// A fault that lasts is over.
    Over(Fault),
    /// Everything is sold, for good.
    CloseAll,
}

/// What will become of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives,
    Late,
    Lost,
    ServerError,
    Garbled,
    Stale,
}

/// When a process dies, and of what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doom {
    pub(super) when: When,
    pub(super) fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// After so many more effects.
    After(u32),
    /// Right behind the next entry that is sent.
    BehindEntry(Sent),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    No,
    Yes,
}

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) now: Timestamp,
    pub(super) dice: SplitMix64,
    pub(super) queue: BTreeMap<(Timestamp, u64), Next>,
    pub(super) queued: u64,
    pub(super) venue: Account,
    pub(super) bot: Option<Session<Wanting>>,
    pub(super) life: u32,
    pub(super) link: Link,
    pub(super) stops: StopTiming,
    /// While the venue refuses stops that come along with entries.
    pub(super) refusing: Option<(Timestamp, Timestamp)>,
    pub(super) permit: Permit,
    pub(super) kill: Kill,
    pub(super) disk: Writing,
    pub(super) snapshot: Option<Vec<u8>>,
    pub(super) records: Vec<Vec<u8>>,
    pub(super) durable: usize,
    pub(super) power_lost: Tail,
    /// When the bot dies.
    pub(super) dies_in: Option<Doom>,
    /// Faults that hit the next message that they can hit.
    pub(super) armed: Vec<Fault>,
    pub(super) prices: Vec<i64>,
    pub(super) listings: Vec<Listing>,
    pub(super) counts: Counts,
    pub(super) checks: Checks,
    pub(super) intents: Intents,
    pub(super) entries: Entries,
    pub(super) paid: Paid,
    pub(super) lists: Lists,
    pub(super) exits: Exits,
    pub(super) wake_at: Option<Timestamp>,
    /// When everything is left alone.
    pub(super) quiet_from: Option<Timestamp>,
    pub(super) trace: Option<Vec<String>>,
}

impl World {
    pub(super) fn new(seed: u64, options: Options) -> Self {
        let mut dice = SplitMix64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66);
        let listings: Vec<Listing> = (0..2).map(|place| listing(place, options.paid)).collect();
        let drawn = if dice.up_to(1) == 0 { StopTiming::First } else { StopTiming::Behind };
        let (stops, refusing) = match options.paid {
            Paid::OnMargin => takes(seed, options.takes, drawn),
            Paid::InFull(_) => (StopTiming::Behind, None),
        };
        let venue = open_account(&listings, seed, options.paid);
        let now = Timestamp::from_nanos(BEGIN);
        let mut world = Self {
            seed,
            now,
            dice,
            queue: BTreeMap::new(),
            queued: 0,
            venue,
            bot: None,
            life: 0,
            link: Link::Down,
            stops,
            refusing,
            permit: Permit::Open,
            kill: Kill::Off,
            disk: Writing::Works,
            snapshot: None,
            records: Vec::new(),
            durable: 0,
            power_lost: Tail::Whole,
            dies_in: None,
            armed: Vec::new(),
            prices: vec![10_000, 5_000],
            listings,
            counts: Counts { seeds: 1, ..Counts::default() },
            checks: Checks::new(stops, options.paid),
            intents: options.intents,
            entries: options.entries,
            paid: options.paid,
            lists: options.lists,
            exits: options.exits,
            wake_at: None,
            quiet_from: None,
            trace: (options.trace == Trace::Kept).then(Vec::new),
        };
        world.plan();
        world
    }

    /// Everything that is certain from the beginning: prices, the first life, each fault once or more.
    fn plan(&mut self) {
        for instrument in 0..2 {
            self.after(MS, Next::Market(InstrumentId(instrument)));
        }
        self.after(3 * MS, Next::Start);
        // Worlds in which only the bot trades hold it to the stricter law, until the strangers come.
        let paid = self.paid;
        for fault in FAULTS.into_iter().filter(|fault| fault.is_had(paid)) {
            let times = 1 + self.dice.up_to(1);
            for _ in 0..times {
                let (from, span) = if fault.is_outside() {
                    (LIVELY / 2, LIVELY / 2)
                } else {
                    (5 * SECOND, LIVELY - 10 * SECOND)
                };
                let at = from + self.draw(span);
                self.after(at, Next::Fault(fault));
            }
        }
    }

    /// A length of time up to this one.
    pub(super) fn draw(&mut self, most: i64) -> i64 {
        i64::try_from(self.dice.up_to(u64::try_from(most).unwrap_or(0))).unwrap_or(most)
    }

    pub(super) fn after(&mut self, nanos: i64, next: Next) {
        let at = Timestamp::from_nanos(self.now.nanos().saturating_add(nanos));
        self.queued += 1;
        self.queue.insert((at, self.queued), next);
    }

    /// Notes down what happens, where somebody wants to read it.
    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{} life {} {}", self.now, self.life, what()));
        }
    }

    /// From some time on everything is left alone: once enough has happened and every fault was had.
    fn calm_down(&mut self) {
        let age = self.now.nanos() - BEGIN;
        let had = FAULTS
            .iter()
            .all(|fault| self.counts.faults.contains_key(fault) || !fault.is_had(self.paid));
        let enough = had
            && self.armed.is_empty()
            && self.dies_in.is_none()
            && self.counts.orders >= ORDERS_MIN;
        if self.quiet_from.is_none() && age > LIVELY && (enough || age > 4 * LIVELY) {
            self.quiet_from = Some(self.now);
            self.armed.clear();
            self.dies_in = None;
            if self.paid != Paid::OnMargin {
                self.after(QUIET / 3, Next::CloseAll);
            }
        }
    }

    /// Runs to the end.
    pub(super) fn run(&mut self) -> Result<(), Error> {
        for _ in 0..STEPS_MAX {
            let Some(((at, _), next)) = self.queue.pop_first() else { break };
            if self.quiet_from.is_some_and(|from| at.nanos() > from.nanos() + QUIET) {
                break;
            }
            self.now = at;
            self.note(|| format!("{next:?}"));
            self.calm_down();
            self.venue.tick(at)?;
            self.step(next)?;
            self.hear_the_venue();
            let bot = self.bot.as_ref().map(Session::custodian);
            let watched = self.is_watched();
            self.checks.moment(at, &self.venue, (bot, watched));
            let kill = bot.map_or(Kill::Off, Custodian::kill_level);
            let held = if self.is_flat() { Flat::Yes } else { Flat::No };
            self.checks.closing((kill, watched), held);
            if !self.checks.broken.is_empty() {
                return Ok(());
            }
        }
        self.conclude();
        Ok(())
    }

    /// Whether the bot can act now.
    fn is_watched(&self) -> super::checks::Watched {
        let alive = self.bot.as_ref().is_some_and(|bot| bot.custodian().is_ready());
        if alive { super::checks::Watched::Yes } else { super::checks::Watched::No }
    }

    fn step(&mut self, next: Next) -> Result<(), Error> {
        match next {
            Next::Market(id) => self.move_market(id),
            Next::Request { life, id, call, sent, answer } => {
                self.arrive((life, id), &call, sent, answer)
            }
            Next::Answer { life, id, answer } => {
                self.tell(life, |bot, now| bot.answer(id, &answer, now))
            }
            Next::Word { life, word } if self.link == Link::Up => {
                self.tell(life, |bot, now| bot.word(&word, now))
            }
            Next::Stream { life } if life == self.life && self.bot.is_some() => {
                self.link = Link::Up;
                self.tell(life, |bot, now| bot.link(Link::Up, now))
            }
            Next::Word { .. } | Next::Stream { .. } => Ok(()),
            Next::Wake { life } => {
                if life == self.life {
                    self.wake_at = None;
                }
                self.tell(life, Session::tick)
            }
            Next::Start => self.start(),
            Next::Fault(fault) => self.suffer(fault),
            Next::Over(fault) => self.recover(fault),
            Next::CloseAll => self.close_all(),
        }
    }

    /// Tells the bot something, and carries out what it wants.
    pub(super) fn tell(
        &mut self,
        life: u32,
        tell: impl FnOnce(&mut Session<Wanting>, Timestamp) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let now = self.now;
        if life != self.life {
            return Ok(());
        }
        let Some(bot) = &mut self.bot else { return Ok(()) };
        tell(bot, now)?;
        self.carry_out();
        Ok(())
    }

    fn move_market(&mut self, id: InstrumentId) -> Result<(), Error> {
        if self.quiet_from.is_some() {
            return Ok(());
        }
        let step = i64::try_from(self.dice.up_to(14)).unwrap_or(0) - 7;
        let Some(price) = self.prices.get_mut(id.index()) else { return Ok(()) };
        *price = (*price + step).clamp(1_000, 100_000);
        let size = Quantity(1_000);
        let (bid, ask) = (Price(*price), Price(*price + 2));
        let time = self.now;
        let quote = Quote { time, bid, ask, bid_size: size, ask_size: size };
        let event = MarketEvent { time, instrument: id, data: Data::Quote(quote) };
        self.venue.market(&event)?;
        self.hear_the_venue();
        if self.bot.is_some() {
            self.tell(self.life, |bot, now| bot.market(&Event::Market(&event, None), now))?;
        }
        let pause = 100 * MS + self.draw(300 * MS);
        self.after(pause, Next::Market(id));
        Ok(())
    }

    /// What the venue has to tell goes on its way.
    pub(super) fn hear_the_venue(&mut self) {
        let words: Vec<Word> = self.venue.words().collect();
        for word in words {
            if let Word::Fill(fill) = &word {
                self.counts.fills += 1;
                self.checks.traded(fill);
            }
            if self.link == Link::Down {
                continue;
            }
            let life = self.life;
            let mut delay = 2 * MS + self.draw(3 * MS);
            if self.is_hit(Fault::WordLost) {
                continue;
            }
            if self.is_hit(Fault::WordTwice) {
                self.after(delay + 40 * MS, Next::Word { life, word: word.clone() });
            }
            if self.is_hit(Fault::WordLate) {
                delay = 800 * MS + self.draw(3 * SECOND);
            }
            self.after(delay, Next::Word { life, word });
        }
    }

    /// Whether an armed fault hits here; it is spent then.
    pub(super) fn is_hit(&mut self, fault: Fault) -> bool {
        let Some(place) = self.armed.iter().position(|armed| *armed == fault) else { return false };
        self.armed.remove(place);
        *self.counts.faults.entry(fault).or_default() += 1;
        true
    }

    pub(super) fn verdict(&self) -> Verdict {
        let mut counts = self.counts.clone();
        counts.orders_least = counts.orders;
        let trace = self.trace.clone().unwrap_or_default();
        Verdict { seed: self.seed, broken: self.checks.broken.clone(), counts, trace }
    }

    pub(super) fn instruments(&self) -> usize {
        self.listings.len()
    }

    pub(super) fn unanswered() -> Answer {
        Answer::Unknown(Unknown::Lost)
    }
}

/// When the venue takes stops, and while it refuses those that come along with entries: in one world in
/// four, for a while. Thrown with dice of their own, so that worlds of before are what they were.
fn takes(
    seed: u64,
    takes: Takes,
    drawn: StopTiming,
) -> (StopTiming, Option<(Timestamp, Timestamp)>) {
    let mut dice = SplitMix64::new(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ 0x0A77_AC4E);
    let with_entry = dice.up_to(1) == 0;
    let refuses = dice.up_to(3) == 0;
    let mut moment = |most: i64| {
        let span = dice.up_to(u64::try_from(most).unwrap_or(0));
        i64::try_from(span).unwrap_or(most)
    };
    let from = BEGIN + moment(LIVELY / 2);
    let until = from + SECOND + moment(LIVELY / 4);
    let stops = match takes {
        Takes::Only(stops) => stops,
        Takes::Drawn if drawn == StopTiming::Behind && with_entry => StopTiming::WithEntry,
        Takes::Drawn | Takes::FirstOrBehind => drawn,
    };
    let span = (Timestamp::from_nanos(from), Timestamp::from_nanos(until));
    (stops, (refuses && stops == StopTiming::WithEntry).then_some(span))
}

fn listing(place: u32, paid: Paid) -> Listing {
    let symbol = format!("COIN{place}USDT").parse().expect("a symbol");
    let instrument = Instrument {
        symbol,
        price_scale: Scale::CENTS,
        lot_scale: Scale::WHOLE,
        currency: Currency::USDT,
    };
    let settlement = match paid {
        Paid::OnMargin => Settlement::Margin,
        Paid::InFull(_) => Settlement::Cash,
    };
    Listing { settlement, ..Listing::of(instrument) }
}

pub(super) fn account_terms(paid: Paid) -> AccountTerms {
    let cash = AccountTerms::cash(Currency::USDT, Money::from_whole(1_000_000));
    if paid != Paid::OnMargin {
        return cash;
    }
    let tiers = MarginTiers::flat(Rate::from_bps(1_000), Rate::from_bps(500));
    let margin = tiers.map(|tiers| (0..2).map(|id| (InstrumentId(id), tiers.clone())).collect());
    AccountTerms { margin: margin.unwrap_or_default(), ..cash }
}

fn open_account(listings: &[Listing], seed: u64, paid: Paid) -> Account {
    let fees = FeeTerms::new(Rate::from_bps(2), Rate::from_bps(5));
    let terms = exchange::Terms { fees, seed, ..exchange::Terms::of(Model::Touch) };
    let scope = KeyScope {
        trade: Permission::Yes,
        withdraw: Permission::No,
        restricted: Permission::Yes,
        seen_from: None,
        expires: None,
    };
    let listings = listings.to_vec();
    let holds = match paid {
        Paid::InFull(holds) => holds,
        Paid::OnMargin => StopHolds::Nothing,
    };
    let setup = AccountSetup { terms, account: account_terms(paid), listings, scope, holds };
    Account::new(setup).expect("the terms fit the listings")
}
