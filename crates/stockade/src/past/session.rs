//! A live session's directory, as `stockade-bot export` writes it: what was done, and the rows.

use crate::desk::{Error, Result};
use engine::{
    Clock, Strategy,
    diff::{Executed, HeldBack, Life, Lived, Quiet, Rebuilt, Rerun, RerunError, Sent, Silence},
    live::{Cause, Role},
};
use market::{
    Bar, Currency, Instrument, Listing, Money, Pricing, Quantity, Rate, Scale, Settlement, Side,
    Symbol, Timestamp,
};
use portfolio::{AccountTerms, InstrumentId, MarginTiers};
use serde::Deserialize;
use std::{
    fmt::Display,
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

/// The file that makes a directory a live session.
pub const LIVE: &str = "live.json";
const BARS: &str = "bars.csv";
const HEADING: &str = "time,symbol,open,high,low,close,volume";
/// The layout that is read.
const LAYOUT: u32 = 1;
/// The largest `live.json`.
const BYTES_MAX: u64 = 1 << 30;
/// The longest line of the table.
const LINE_MAX: u64 = 1_024;

/// A live session.
#[derive(Debug)]
pub struct LiveSession {
    /// Where it lies.
    pub directory: PathBuf,
    /// The venue and what is traded there.
    pub venue: String,
    /// What was run.
    pub strategy: Strategy,
    /// The instruments with their terms, in symbol order.
    pub listings: Vec<Listing>,
    /// How long a bar is, in nanoseconds.
    pub bar_nanos: i64,
    /// What was done.
    pub lived: Lived,
    /// Lots held at the end, by the instrument's number.
    pub held: Vec<i64>,
    /// The first row on which the bot could decide.
    pub since: Timestamp,
    /// What is to be known of it.
    pub notes: Vec<String>,
    account: AccountTerms,
    digest: String,
    rows: u64,
}

#[derive(Deserialize)]
struct Written {
    layout: u32,
    venue: String,
    product: String,
    bar: String,
    currency: String,
    cash: String,
    since: String,
    rows: u64,
    bars_digest: String,
    instruments: Vec<InstrumentRow>,
    lives: Vec<LifeRow>,
    orders: Vec<OrderRow>,
    fills: Vec<FillRow>,
    held_back: Vec<HeldBackRow>,
    silences: Vec<SilenceRow>,
    carried: Vec<PositionRow>,
    positions: Vec<PositionRow>,
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct InstrumentRow {
    symbol: String,
    currency: String,
    price_decimals: u8,
    size_decimals: u8,
    settlement: String,
    multiplier: String,
    price_step: u32,
    size_step: u64,
    size_min: u64,
    size_max: u64,
    notional_min: String,
    initial_margin: Option<String>,
    maintenance_margin: Option<String>,
}

#[derive(Deserialize)]
struct LifeRow {
    began: String,
    until: String,
    cash: String,
    booked: String,
}

#[derive(Deserialize)]
struct OrderRow {
    name: String,
    #[serde(rename = "for")]
    role: String,
    symbol: String,
    side: String,
    asked: String,
    row: String,
    time: String,
    ended: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct FillRow {
    trade: String,
    order: Option<String>,
    cause: String,
    symbol: String,
    side: String,
    price: String,
    size: String,
    fee: String,
    time: String,
}

#[derive(Deserialize)]
struct HeldBackRow {
    row: String,
    symbol: String,
    side: String,
    size: String,
    why: String,
}

#[derive(Deserialize)]
struct SilenceRow {
    first: String,
    last: String,
    why: String,
}

#[derive(Deserialize)]
struct PositionRow {
    symbol: String,
    size: String,
}

/// Whether a directory has a live session.
#[must_use]
pub fn is_live(directory: &Path) -> bool {
    directory.join(LIVE).is_file()
}

impl LiveSession {
    /// Of a directory that `stockade-bot export` wrote.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(LIVE);
        let file = |source| Error::File { doing: "read", path: path.clone(), source };
        let length = fs::metadata(&path).map_err(file)?.len();
        if length > BYTES_MAX {
            return Err(broken(&path, &format!("{length} bytes are more than {BYTES_MAX}")));
        }
        let bytes = fs::read(&path).map_err(file)?;
        let written: Written = serde_json::from_slice(&bytes).map_err(|e| broken(&path, &e))?;
        if written.layout != LAYOUT {
            let found = written.layout;
            return Err(broken(&path, &format!("layout {found}, this version reads {LAYOUT}")));
        }
        let text_path = directory.join("strategy.yaml");
        let text = fs::read_to_string(&text_path);
        let text = text.map_err(|source| Error::File { doing: "read", path: text_path, source })?;
        let strategy = engine::parse_strategy(&text).map_err(Error::Strategy)?;
        Self::of(directory, strategy, written).map_err(|problem| broken(&path, &problem))
    }

    fn of(
        directory: &Path,
        strategy: Strategy,
        written: Written,
    ) -> std::result::Result<Self, String> {
        let Clock::Bars(size) = strategy.clock else {
            return Err("the strategy decides on quotes, a bot on bars".to_owned());
        };
        if size.to_string() != written.bar {
            return Err(format!("bars of {}, the strategy decides on {size}", written.bar));
        }
        let listings = written.instruments.iter().map(listing).collect::<Told<Vec<_>>>()?;
        let account = account(&written)?;
        let names = Names(&listings);
        let lived = lived(&written, &names)?;
        let mut held = vec![0; listings.len()];
        for (id, lots) in names.positions(&written.positions)? {
            if let Some(slot) = held.get_mut(id.index()) {
                *slot = lots;
            }
        }
        Ok(Self {
            directory: directory.to_owned(),
            venue: format!("{} {}", written.venue, written.product),
            strategy,
            bar_nanos: size.nanos(),
            lived,
            held,
            since: of("since", &written.since)?,
            notes: written.notes,
            account,
            digest: written.bars_digest,
            rows: written.rows,
            listings,
        })
    }

    /// The backtest of its rows: the kernel of the session on the simulated exchange, with the terms of
    /// the session's account and instruments.
    pub fn backtest(&self) -> Result<Rebuilt> {
        let path = self.directory.join(BARS);
        let file = File::open(&path);
        let file =
            file.map_err(|source| Error::File { doing: "open", path: path.clone(), source })?;
        let refused = |error: RerunError| broken(&path, &error);
        let account = self.account.clone();
        let run = Rerun::new(&self.strategy, &self.listings, account, self.since);
        let mut table = Table {
            listings: &self.listings,
            run: run.map_err(refused)?,
            row: None,
            digest: [0; 32],
            rows: 0,
        };
        let mut lines = BufReader::new(file);
        let mut line = String::new();
        for number in 1_u64.. {
            line.clear();
            let read = lines.by_ref().take(LINE_MAX).read_line(&mut line);
            let read = read.map_err(|e| broken(&path, &format!("line {number}: {e}")))?;
            if read == 0 {
                break;
            }
            let took = table.line(&line, number);
            took.map_err(|problem| broken(&path, &format!("line {number}: {problem}")))?;
        }
        table.pass().map_err(|problem| broken(&path, &problem))?;
        if (hex::encode(table.digest), table.rows) != (self.digest.clone(), self.rows) {
            return Err(broken(
                &path,
                &format!("it is not the table that {LIVE} was written with: export again"),
            ));
        }
        table.run.finish().map_err(refused)
    }
}

/// What is wrong, for a reader who has the file.
type Told<T> = std::result::Result<T, String>;

fn broken(path: &Path, problem: &dyn Display) -> Error {
    Error::Report { problem: format!("{}: {problem}", path.display()) }
}

/// A text as what it stands for.
fn of<T: FromStr>(what: &str, text: &str) -> Told<T>
where
    T::Err: Display,
{
    text.parse().map_err(|error| format!("{what}: {error}"))
}

fn money(what: &str, text: &str) -> Told<Money> {
    Money::parse(text).map_err(|error| format!("{what}: {error}"))
}

fn side(text: &str) -> Told<Side> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => Err(format!("{other:?} is no side")),
    }
}

fn listing(row: &InstrumentRow) -> Told<Listing> {
    let scale = |decimals: u8| Scale::new(decimals).ok_or(format!("{decimals} decimals"));
    Ok(Listing {
        instrument: Instrument {
            symbol: of("symbol", &row.symbol)?,
            price_scale: scale(row.price_decimals)?,
            lot_scale: scale(row.size_decimals)?,
            currency: of("currency", &row.currency)?,
        },
        settlement: match row.settlement.as_str() {
            "cash" => Settlement::Cash,
            "margin" => Settlement::Margin,
            other => return Err(format!("{other:?} is no settlement")),
        },
        pricing: Pricing::Positive,
        multiplier: money("multiplier", &row.multiplier)?,
        price_step: row.price_step,
        size_step: row.size_step,
        size_min: Quantity(row.size_min),
        size_max: Quantity(row.size_max),
        notional_min: money("notional_min", &row.notional_min)?,
    })
}

fn account(written: &Written) -> Told<AccountTerms> {
    let currency: Currency = of("currency", &written.currency)?;
    let mut terms = AccountTerms::cash(currency, money("cash", &written.cash)?);
    let rate = |text: &str| Rate::parse(text).map_err(|error| format!("a margin: {error}"));
    for (id, row) in (0..).map(InstrumentId).zip(&written.instruments) {
        if let Some((initial, kept)) =
            row.initial_margin.as_ref().zip(row.maintenance_margin.as_ref())
        {
            let tiers = MarginTiers::flat(rate(initial)?, rate(kept)?);
            terms.margin.push((id, tiers.map_err(|error| format!("{}: {error}", row.symbol))?));
        }
    }
    Ok(terms)
}

fn lived(written: &Written, names: &Names<'_>) -> Told<Lived> {
    Ok(Lived {
        lives: written.lives.iter().map(life).collect::<Told<_>>()?,
        orders: written.orders.iter().map(|row| names.order(row)).collect::<Told<_>>()?,
        fills: written.fills.iter().map(|row| names.fill(row)).collect::<Told<_>>()?,
        held_back: written.held_back.iter().map(|row| names.held_back(row)).collect::<Told<_>>()?,
        silences: written.silences.iter().map(silence).collect::<Told<_>>()?,
        carried: names.positions(&written.carried)?,
    })
}

fn life(row: &LifeRow) -> Told<Life> {
    Ok(Life {
        began: of("began", &row.began)?,
        until: of("until", &row.until)?,
        cash: money("cash", &row.cash)?,
        booked: money("booked", &row.booked)?,
    })
}

fn silence(row: &SilenceRow) -> Told<Silence> {
    let because = match row.why.as_str() {
        "down" => Quiet::Down,
        "late" => Quiet::Late,
        other => return Err(format!("{other:?} is no reason for silence")),
    };
    Ok(Silence { first: of("first", &row.first)?, last: of("last", &row.last)?, because })
}

/// Instruments by their name.
struct Names<'a>(&'a [Listing]);

impl Names<'_> {
    fn find(&self, symbol: &str) -> Told<(InstrumentId, &Instrument)> {
        let mut all = (0..).map(InstrumentId).zip(self.0);
        let found = all.find(|(_, one)| one.instrument.symbol.as_str() == symbol);
        let found = found.map(|(id, one)| (id, &one.instrument));
        found.ok_or_else(|| format!("{symbol:?} is not among its instruments"))
    }

    fn order(&self, row: &OrderRow) -> Told<Sent> {
        let (instrument, one) = self.find(&row.symbol)?;
        Ok(Sent {
            name: of("name", &row.name)?,
            role: match row.role.as_str() {
                "strategy" => Role::Kernel,
                "stop" => Role::Stop,
                "close" => Role::Close,
                "foreign" => Role::Foreign,
                other => return Err(format!("{other:?} is nothing an order is for")),
            },
            instrument,
            side: side(&row.side)?,
            asked: size(one, &row.asked)?,
            row: of("row", &row.row)?,
            time: of("time", &row.time)?,
            ended: row.ended.as_deref().map(|text| of("ended", text)).transpose()?,
            refusal: row.refusal.clone(),
        })
    }

    fn fill(&self, row: &FillRow) -> Told<Executed> {
        let (instrument, one) = self.find(&row.symbol)?;
        let price = one.price_scale.parse(&row.price);
        Ok(Executed {
            trade: of("trade", &row.trade)?,
            order: row.order.as_deref().map(|text| of("order", text)).transpose()?,
            cause: match row.cause.as_str() {
                "owner" => Cause::Owner,
                "liquidation" => Cause::Liquidation,
                "deleveraging" => Cause::Deleveraging,
                "settlement" => Cause::Settlement,
                other => return Err(format!("{other:?} is no cause")),
            },
            instrument,
            side: side(&row.side)?,
            price: market::Price(price.map_err(|error| format!("price: {error}"))?),
            quantity: size(one, &row.size)?,
            fee: money("fee", &row.fee)?,
            time: of("time", &row.time)?,
        })
    }

    fn held_back(&self, row: &HeldBackRow) -> Told<HeldBack> {
        let (instrument, one) = self.find(&row.symbol)?;
        let (quantity, why) = (size(one, &row.size)?, row.why.clone());
        Ok(HeldBack {
            row: of("row", &row.row)?,
            instrument,
            side: side(&row.side)?,
            quantity,
            why,
        })
    }

    fn positions(&self, rows: &[PositionRow]) -> Told<Vec<(InstrumentId, i64)>> {
        let position = |row: &PositionRow| {
            let (id, one) = self.find(&row.symbol)?;
            let lots = one.lot_scale.parse(&row.size);
            Ok((id, lots.map_err(|error| format!("size: {error}"))?))
        };
        rows.iter().map(position).collect()
    }
}

fn size(one: &Instrument, text: &str) -> Told<Quantity> {
    let lots = one.lot_scale.parse(text).map_err(|error| format!("size: {error}"))?;
    u64::try_from(lots).map(Quantity).map_err(|_| format!("size: {text} is below zero"))
}

/// The table while it is read: a row is told when the next one begins.
struct Table<'a> {
    listings: &'a [Listing],
    run: Rerun,
    row: Option<(Timestamp, Vec<Option<Bar>>)>,
    digest: [u8; 32],
    rows: u64,
}

impl Table<'_> {
    fn line(&mut self, line: &str, number: u64) -> Told<()> {
        self.digest = seal::sha256_parts(&[&self.digest, line.as_bytes()]);
        let text = line.strip_suffix('\n').ok_or("it has no end, or is too long")?;
        if number == 1 {
            return if text == HEADING { Ok(()) } else { Err(format!("not {HEADING:?}")) };
        }
        let mut cells = text.split(',');
        let mut cell = || cells.next().ok_or("a cell is missing");
        let time: Timestamp = of("time", cell()?)?;
        let symbol: Symbol = of("symbol", cell()?)?;
        let place = self.listings.iter().position(|one| one.instrument.symbol == symbol);
        let place = place.ok_or_else(|| format!("{symbol} is not among the instruments"))?;
        let one = self.listings.get(place).map(|one| &one.instrument);
        let one = one.ok_or("no such instrument")?;
        let price = |text: &str| {
            one.price_scale.parse(text).map(market::Price).map_err(|e| format!("price: {e}"))
        };
        let bar = Bar {
            open_time: time,
            open: price(cell()?)?,
            high: price(cell()?)?,
            low: price(cell()?)?,
            close: price(cell()?)?,
            volume: size(one, cell()?)?,
        };
        if self.row.as_ref().is_some_and(|(at, _)| *at != time) {
            self.pass()?;
        }
        let empty = || (time, vec![None; self.listings.len()]);
        let (_, bars) = self.row.get_or_insert_with(empty);
        match bars.get_mut(place) {
            Some(slot @ None) => *slot = Some(bar),
            _ => return Err(format!("a second bar of {symbol} at {time}")),
        }
        Ok(())
    }

    fn pass(&mut self) -> Told<()> {
        let Some((time, bars)) = self.row.take() else { return Ok(()) };
        self.rows += 1;
        self.run.row(time, &bars).map_err(|error| error.to_string())
    }
}
