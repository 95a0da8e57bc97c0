//! A bot and its venue in one place, with a clock that is set.

use super::*;
use crate::{config, view::View};
use ::market::{
    Bar, Currency, Instrument, Listing, Money, Price, Product, Quantity, Quote, Roster, Scale,
    Settlement, Timestamp, Traded,
};
use engine::{
    Data, MarketEvent,
    exchange::{Model, Terms},
    live::{KeyScope, Past, Permission, Permit, StopHolds},
    venue::{Account, AccountSetup},
};
use feeds::{Ask, PublicCounter, Told as Said, Topic};
use http::{Request, Response};
use portfolio::{AccountTerms, InstrumentId, MarginTiers};
use std::{
    collections::{BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use venues::{Counter, Hearing, KeyRing, Keys};

mod prices;
mod recording;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
/// A whole minute.
const BEGIN: i64 = 1_700_000_040 * SECOND;

const STRATEGY: &str = "version: 1\nname: up\ndata: x\nbar: 1m\nsignals: { long: \"close > open\" }\n\
    sizing: { fixed: 0.01 }\ncash: 10000\ncurrency: USDT\n";
const CONFIG: &str = "venue: { name: bybit, product: perpetual }\nstrategy: s.yaml\n\
    symbols: [BTC/USDT]\nstop: { distance: 5% }\n";

/// What becomes of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// They arrive.
    Good,
    /// Orders are made, and nobody hears of it.
    LoseAnswers,
}

/// Who hears of what was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Twice,
    Never,
}

/// Whether the journal is read at each order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Into,
    Away,
}

/// The same, at no cost.
pub const FREE: &str = "version: 1\nname: up\ndata: x\nbar: 1m\nsignals: { long: \"close > open\" }\n\
    sizing: { fixed: 0.01 }\ncosts: { fee_bps: 0 }\ncash: 10000\ncurrency: USDT\n";

pub struct Town {
    plan: Plan,
    roster: Roster,
    dir: PathBuf,
    live: Option<Live>,
    pub account: Account,
    counter: venues::bybit::Counter,
    public: feeds::bybit::Counter,
    hearing: Option<Box<dyn Hearing>>,
    topics: BTreeSet<(LineId, Topic)>,
    ring: KeyRing,
    now: i64,
    began: i64,
    cash: Money,
    epoch: u64,
    past: Past,
    out: Outbox,
    queue: VecDeque<Input>,
    inputs: Vec<(i64, Input)>,
    pub net: Net,
    pub look_into_journal: Look,
    pub placed: usize,
    pub unwritten: Vec<String>,
    pub told: Vec<Told>,
    pub records: Vec<Vec<u8>>,
    /// So many of the private stream's next messages are lost.
    pub deaf: usize,
    /// Ticks between the touch and the middle.
    pub spread: i64,
    /// Seconds that the machine sleeps at the end of a minute, before it hears of its bar.
    pub asleep: i64,
    /// Where sessions are recorded, if they are.
    pub tapes: Option<PathBuf>,
    tape: Option<Tape>,
    /// What the next life is told of the past.
    pub warm: Vec<WarmRow>,
    /// How long it took from the bytes of each public message to all that came of it.
    pub timed: Vec<Duration>,
}

fn traded() -> Traded {
    let instrument = Instrument {
        symbol: "BTCUSDT".parse().expect("a symbol"),
        price_scale: Scale::CENTS,
        lot_scale: Scale::new(3).expect("small"),
        currency: Currency::USDT,
    };
    let listing = Listing {
        settlement: Settlement::Margin,
        size_min: Quantity(1),
        ..Listing::of(instrument.clone())
    };
    Traded {
        native: instrument.symbol,
        product: Product::Perpetual,
        base: "BTC".parse().expect("a coin"),
        contract: Money(Money::UNIT),
        listing,
        trading: true,
        leverage_max: 100,
    }
}

fn keys() -> Keys {
    Keys { key: "k".to_owned(), secret: b"s".to_vec().into(), passphrase: None }
}

impl Town {
    pub fn new(dir: &Path) -> Self {
        Self::with(dir, STRATEGY)
    }

    /// With a strategy of its own.
    pub fn with(dir: &Path, strategy: &str) -> Self {
        let path = dir.join("bot.yaml");
        let config = config::parse(CONFIG, &path, dir).expect("a configuration");
        let plan = Plan::of(config, CONFIG.to_owned(), strategy.to_owned()).expect("a plan");
        let roster = plan.roster(&[traded()]).expect("is listed");
        let third = ::market::Rate(::market::Rate::ONE.0 / 3);
        let margin = MarginTiers::flat(third, ::market::Rate(third.0 / 2)).expect("margin");
        let scope = KeyScope {
            trade: Permission::Yes,
            withdraw: Permission::No,
            restricted: Permission::Yes,
            seen_from: None,
            expires: None,
        };
        let account = Account::new(AccountSetup {
            terms: Terms::of(Model::Touch),
            account: AccountTerms {
                margin: vec![(InstrumentId(0), margin)],
                ..AccountTerms::cash(Currency::USDT, Money::from_whole(10_000))
            },
            listings: roster.all().iter().map(|one| one.listing.clone()).collect(),
            scope,
            holds: StopHolds::Nothing,
        })
        .expect("an account");
        Self {
            plan,
            roster,
            dir: dir.to_owned(),
            live: None,
            account,
            counter: venues::bybit::Counter::new(Product::Perpetual),
            public: feeds::bybit::Counter::new(Product::Perpetual),
            hearing: None,
            topics: BTreeSet::new(),
            ring: KeyRing { accounts: vec![keys()] },
            now: BEGIN,
            began: BEGIN,
            cash: Money::from_whole(10_000),
            epoch: 1,
            past: Past::default(),
            out: Outbox::default(),
            queue: VecDeque::new(),
            inputs: Vec::new(),
            net: Net::Good,
            look_into_journal: Look::Into,
            placed: 0,
            unwritten: Vec::new(),
            told: Vec::new(),
            records: Vec::new(),
            deaf: 0,
            spread: 1,
            asleep: 0,
            tapes: None,
            tape: None,
            warm: Vec::new(),
            timed: Vec::new(),
        }
    }

    fn session(&self, keeper: Keeper) -> Live {
        let source = crate::adapters::source(&self.plan.config.venue);
        let client = crate::adapters::client(
            self.plan.config.venue.name,
            venues::Setup {
                product: Product::Perpetual,
                mode: engine::live::Mode::OneWay,
                roster: self.roster.clone(),
                hosts: venues::Hosts {
                    rest: "https://api.bybit.com".to_owned(),
                    private: "wss://stream.bybit.com".to_owned(),
                },
                keys: keys(),
                window_ms: 5_000,
            },
        );
        let beginning = Beginning {
            epoch: self.epoch,
            past: self.past.clone(),
            cash: self.cash,
            permit: Permit::ManageOnly,
            now: Timestamp::from_nanos(self.began),
            ticks: engine::ticks::Recording::Chain,
        };
        let prepared = session::Prepared {
            plan: &self.plan,
            roster: &self.roster,
            source,
            client: Arc::clone(&client),
            warm: &self.warm,
        };
        prepared.live(&beginning, keeper, 0).expect("a session")
    }

    /// Starts a life; a licence is there.
    pub fn begin(&mut self) {
        let (keeper, past) = Keeper::open(&self.dir.join("journal")).expect("a journal");
        self.past = past;
        self.began = self.now;
        self.cash = self.account.ledger().cash();
        self.inputs.clear();
        self.out = Outbox::default();
        let mut live = self.session(keeper);
        self.tape = self.tapes.clone().map(|tapes| self.begin_tape(&tapes));
        live.begin(Timestamp::from_nanos(self.now), &mut self.out).expect("begins");
        self.records = live.keeper.take_written();
        self.live = Some(live);
        let records = self.records.clone();
        self.onto_tape(None, &[], &records);
        self.carry_out();
        self.give(Input::MayOpen(true));
    }

    /// The process dies.
    pub fn die(&mut self) {
        self.tape = None;
        self.live = None;
        self.hearing = None;
        self.topics.clear();
        self.queue.clear();
    }

    /// The process dies, and another one starts; the venue noticed nothing.
    pub fn restart(&mut self) {
        self.die();
        self.rise();
    }

    /// The next life.
    pub fn rise(&mut self) {
        self.epoch += 1;
        self.begin();
    }

    /// The same inputs at the same times once more; the records.
    pub fn again(&mut self) -> Vec<Vec<u8>> {
        let inputs = std::mem::take(&mut self.inputs);
        let mut live = self.session(Keeper::default());
        let mut out = Outbox::default();
        live.begin(Timestamp::from_nanos(self.began), &mut out).expect("begins");
        for (at, input) in inputs {
            live.handle(&input, Timestamp::from_nanos(at), &mut out).expect("goes on");
            out.drain();
        }
        live.keeper.take_written()
    }

    pub fn view(&self) -> View {
        let around = Around {
            started: Timestamp::from_nanos(self.began),
            now: Timestamp::from_nanos(self.now),
            licence: "",
            server: "",
            log: &VecDeque::new(),
            notices_waiting: 0,
        };
        look(self.live.as_ref().expect("a life"), &self.plan, &around)
    }

    pub fn run_to_ready(&mut self) {
        for _ in 0..30 {
            if self.view().ready {
                return;
            }
            self.pass_seconds(1);
        }
        panic!("not ready: {}", self.view().text());
    }

    pub fn pass_seconds(&mut self, seconds: i64) {
        for _ in 0..seconds * 4 {
            self.now += SECOND / 4;
            self.account.tick(self.time()).expect("time passes");
            self.give(Input::Tick);
        }
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_nanos(self.now)
    }

    pub fn give(&mut self, input: Input) {
        self.queue.push_back(input);
        self.work();
    }

    fn work(&mut self) {
        for _ in 0..10_000 {
            let Some(input) = self.queue.pop_front() else { return };
            let Some(live) = &mut self.live else { return };
            let now = Timestamp::from_nanos(self.now);
            let begun = Instant::now();
            let rows = live.handle(&input, now, &mut self.out).expect("goes on");
            if matches!(input, Input::Text(id, _) if id != LineId::PRIVATE) {
                self.timed.push(begun.elapsed());
            }
            let records = live.keeper.take_written();
            self.onto_tape(Some(input.clone()), &rows, &records);
            self.records.extend(records);
            self.inputs.push((self.now, input));
            self.carry_out();
        }
        panic!("it never ends");
    }

    fn carry_out(&mut self) {
        let todo: Vec<Do> = self.out.drain().collect();
        for one in todo {
            match one {
                Do::Dial(id, uri) => {
                    let path = path_of(&uri);
                    if id == LineId::PRIVATE {
                        self.hearing = self.counter.hearing(path);
                        assert!(self.hearing.is_some(), "no stream at {path}");
                    } else {
                        let topics = self.public.stream(path, &self.roster).expect("a stream");
                        self.topics.extend(topics.into_iter().map(|topic| (id, topic)));
                    }
                    self.queue.push_back(Input::Opened(id));
                }
                Do::Say(id, text) => self.heard(id, &text),
                Do::Hang(id) => self.queue.push_back(Input::Closed(id)),
                Do::Send(id, request, _) => {
                    let arrival = self.asked(&request);
                    self.queue.push_back(Input::Came(id, arrival));
                    self.tell_words();
                }
                Do::Tell(told) => self.told.push(told),
            }
        }
    }

    fn heard(&mut self, id: LineId, text: &str) {
        let mut send = Vec::new();
        if id == LineId::PRIVATE {
            if let Some(hearing) = &mut self.hearing {
                hearing.hear(text, &self.ring, Timestamp::from_nanos(self.now), &mut send);
            }
        } else {
            for (topic, wish) in self.public.hear(text, &self.roster, &mut send) {
                match wish {
                    feeds::Wish::Subscribe => self.topics.insert((id, topic)),
                    feeds::Wish::Unsubscribe => self.topics.remove(&(id, topic)),
                };
            }
        }
        for text in send {
            if id == LineId::PRIVATE && self.deaf > 0 {
                self.deaf -= 1;
            } else {
                self.queue.push_back(Input::Text(id, text));
            }
        }
    }

    fn tell_words(&mut self) {
        let words: Vec<_> = self.account.words().collect();
        self.tell(&words);
    }

    fn tell(&mut self, words: &[engine::live::Word]) {
        let now = self.time();
        let Some(hearing) = &mut self.hearing else { return };
        let mut send = Vec::new();
        for word in words {
            hearing.tell(word, &self.roster, now, &mut send);
        }
        self.queue.extend(send.into_iter().map(|text| Input::Text(LineId::PRIVATE, text)));
    }

    fn asked(&mut self, request: &Request<Vec<u8>>) -> Arrival {
        let now = self.time();
        if let Some(asked) = self.public.asked(request, &self.roster) {
            let response = match asked {
                Ok(ask) => {
                    let told = match &ask {
                        Ask::Time => Said::Time(now),
                        _ => Said::Bars(Vec::new()),
                    };
                    self.public.respond(&ask, &told, &self.roster, now)
                }
                Err(refused) => *refused,
            };
            return arrived(response);
        }
        let is_order = request.uri().path().ends_with("/order/create");
        if is_order {
            self.placed += 1;
            if self.look_into_journal == Look::Into {
                self.is_written(request);
            }
        }
        let response = match self.counter.asked(request, &self.ring, &self.roster, now) {
            Ok(asked) => {
                let answer = self.account.call(&asked.call, now).expect("the venue answers");
                self.counter.respond(&asked.call, &answer, &self.roster, now)
            }
            Err(refused) => *refused,
        };
        if is_order && self.net == Net::LoseAnswers { Arrival::Lost } else { arrived(response) }
    }

    /// Whether the order that goes out just now stands in the journal.
    fn is_written(&mut self, request: &Request<Vec<u8>>) {
        let body: serde_json::Value = serde_json::from_slice(request.body()).expect("JSON");
        let name = body.get("orderLinkId").and_then(|name| name.as_str()).expect("a name");
        let is_it = |record: &Record| matches!(record, Record::Intent(intent) if intent.client.as_str() == name);
        if !records(&self.dir).iter().any(is_it) {
            self.unwritten.push(name.to_owned());
        }
    }
}

fn arrived(response: Response<Vec<u8>>) -> Arrival {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    Arrival::Response {
        status: response.status().as_u16(),
        headers: response.headers().iter().filter_map(header).collect(),
        body: String::from_utf8(response.into_body()).expect("text"),
    }
}

fn path_of(uri: &str) -> &str {
    let (_, rest) = uri.split_once("://").expect("absolute");
    rest.find('/').map_or("/", |at| &rest[at..])
}
