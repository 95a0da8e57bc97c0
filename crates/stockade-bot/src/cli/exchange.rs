//! `stockade-bot exchange`: the exchange in a box.

use crate::{
    boxed::{self, BoxTerms, Limiting, Opening, Prices, ScopeName},
    logging::{self, Besides},
    output::{Ending, Output},
};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum, ValueHint};
use engine::{
    exchange::{Feed, Model, Terms},
    live::Mode,
};
use market::{Money, Product, Timestamp, VenueName};
use serde::Serialize;
use std::{net::SocketAddr, path::PathBuf};
use tokio::signal::unix::{SignalKind, signal};

/// `stockade-bot exchange`.
#[derive(Debug, Args)]
pub(crate) struct Exchange {
    /// Which venue's protocol.
    #[arg(long, value_name = "VENUE", value_parser = ["binance", "bybit", "okx"])]
    pub like: String,
    /// What is traded.
    #[arg(long, value_enum, default_value_t = ProductArg::Perpetual)]
    pub product: ProductArg,
    /// Coins or symbols, with commas between; all that the box knows unless given.
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// The address on this machine; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,
    /// Where its certificate authority is kept.
    #[arg(long, value_name = "DIR", default_value = "box", value_hint = ValueHint::DirPath)]
    pub data_dir: PathBuf,
    /// Draw prices from this seed.
    #[arg(long, value_name = "SEED", conflicts_with = "tape", default_value_t = 1)]
    pub walk: u64,
    /// Minutes of drawn prices before the box begins.
    #[arg(long, value_name = "MINUTES", default_value_t = 10_080, conflicts_with = "tape",
        value_parser = clap::value_parser!(u32).range(0..=50_000))]
    pub history: u32,
    /// Play a recorded market: lines of quote, print, depth, bar, funding.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tape: Option<PathBuf>,
    /// The moment on the tape at which the box begins; what is before is history.
    #[arg(long, value_name = "TIME", requires = "tape")]
    pub from: Option<jiff::Timestamp>,
    /// Play the tape so many times faster.
    #[arg(long, value_name = "TIMES", default_value_t = 1, requires = "tape",
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub speed: u32,
    /// What goes wrong on purpose: none, drops, duplicates, busy, slow, rough, or a file.
    #[arg(long, value_name = "NAME|FILE", default_value = "none")]
    pub faults: String,
    /// How many accounts.
    #[arg(long, default_value_t = 2)]
    pub accounts: usize,
    /// The accounts' keys, a file of one's own (0600); made there if there is none. Without it they are
    /// made anew and printed once.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub keys: Option<PathBuf>,
    /// Cash of each account, in USDT.
    #[arg(long, value_name = "USDT", default_value = "100000")]
    pub balance: String,
    /// What the key of each account may do; the last one counts for all further keys.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "trade")]
    pub key_scope: Vec<ScopeArg>,
    /// How orders meet the market.
    #[arg(long, value_enum, default_value_t = ModelArg::Touch)]
    pub model: ModelArg,
    /// How accounts keep positions.
    #[arg(long, value_enum, default_value_t = ModeArg::OneWay)]
    pub mode: ModeArg,
    /// Whether requests are counted as the venue counts them.
    #[arg(long, value_enum, default_value_t = LimitsArg::Venue)]
    pub limits: LimitsArg,
}

/// What is traded.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ProductArg {
    /// Coins.
    Spot,
    /// Perpetual swaps in USDT.
    Perpetual,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ScopeArg {
    /// Trade, from this address.
    Trade,
    /// Withdraw as well.
    Withdraw,
    /// Trade from any address.
    NoIp,
    /// Look only.
    Read,
}

/// How orders meet the market.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ModelArg {
    /// Whole, at the best price of the other side.
    Touch,
    /// Level by level, and at the end of a queue.
    Book,
}

/// How accounts keep positions.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ModeArg {
    /// One an instrument.
    OneWay,
    /// A long and a short one.
    Hedge,
}

/// Whether requests are counted.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LimitsArg {
    /// As the venue does.
    Venue,
    /// Not at all.
    Off,
}

/// What is said of a box that is open.
#[derive(Debug, Serialize)]
struct Told {
    address: String,
    rest: String,
    stream: String,
    authority: PathBuf,
    like: &'static str,
    product: &'static str,
    symbols: Vec<String>,
    /// Only where they are in no file.
    keys: Vec<boxed::BoxKey>,
}

/// Opens a box and keeps it open until it is told to end.
pub(super) fn run(exchange: &Exchange, output: Output) -> anyhow::Result<Ending> {
    let terms = terms(exchange)?;
    let _ = logging::start("info", Besides::Stderr);
    let keys = if exchange.keys.is_some() { Vec::new() } else { terms.keys.clone() };
    let listed = boxed::listed(terms.like, terms.product, &terms.symbols)?;
    let symbols = listed.roster.all().iter().map(|one| one.native.to_string()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (like, product) = (terms.like.name(), terms.product.name());
        let open = boxed::open(terms).await?;
        let told = Told {
            address: open.address.to_string(),
            rest: format!("https://{}", open.address),
            stream: format!("wss://{}", open.address),
            authority: open.authority.clone(),
            like,
            product,
            symbols,
            keys,
        };
        output.show(&told, text)?;
        let mut ends = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        let [interrupt, terminate] = &mut ends;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        open.stop.cancel();
        open.ended.await.context("the box failed")?;
        anyhow::Ok(())
    })?;
    Ok(Ending::Done)
}

fn terms(exchange: &Exchange) -> anyhow::Result<BoxTerms> {
    let like: VenueName = exchange.like.parse()?;
    if exchange.accounts == 0 || exchange.accounts > boxed::ACCOUNTS_MAX {
        bail!(super::usage(format!("--accounts is 1 to {}", boxed::ACCOUNTS_MAX)));
    }
    let product = match exchange.product {
        ProductArg::Spot => Product::Spot,
        ProductArg::Perpetual => Product::Perpetual,
    };
    let model = match exchange.model {
        ModelArg::Touch => Model::Touch,
        ModelArg::Book => Model::Book(Feed::Depth),
    };
    let mode = match exchange.mode {
        ModeArg::OneWay => Mode::OneWay,
        ModeArg::Hedge => Mode::Hedge,
    };
    let keys = match &exchange.keys {
        Some(path) => boxed::load_or_make(path, exchange.accounts)?,
        None => boxed::make(exchange.accounts),
    };
    let opening = Opening {
        terms: Terms { fees: boxed::fees(like, product)?, seed: exchange.walk, ..Terms::of(model) },
        cash: Money::parse(&exchange.balance).context("--balance is an amount of USDT")?,
        mode,
    };
    Ok(BoxTerms {
        like,
        product,
        symbols: exchange.symbols.clone(),
        listen: exchange.listen,
        data_dir: exchange.data_dir.clone(),
        prices: prices(exchange),
        keys,
        scopes: exchange.key_scope.iter().map(|scope| scope.name()).collect(),
        opening,
        faults: boxed::faults(&exchange.faults, like, exchange.walk)?,
        limiting: match exchange.limits {
            LimitsArg::Venue => Limiting::Venue,
            LimitsArg::Off => Limiting::Off,
        },
    })
}

fn prices(exchange: &Exchange) -> Prices {
    let Some(path) = exchange.tape.clone() else {
        return Prices::Walk { seed: exchange.walk, minutes: exchange.history };
    };
    let nanos = |time: jiff::Timestamp| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
    let from = exchange.from.map(|time| Timestamp::from_nanos(nanos(time)));
    Prices::Tape { path, from, speed: exchange.speed }
}

impl ScopeArg {
    const fn name(self) -> ScopeName {
        match self {
            Self::Trade => ScopeName::Trade,
            Self::Withdraw => ScopeName::Withdraw,
            Self::NoIp => ScopeName::NoIp,
            Self::Read => ScopeName::Read,
        }
    }
}

fn text(told: &Told) -> String {
    let mut lines = vec![
        format!("{} ({}) listens on {}", told.like, told.product, told.rest),
        format!("streams     {}", told.stream),
        format!("symbols     {}", told.symbols.join(", ")),
        format!("authority   {}", told.authority.display()),
    ];
    for (place, key) in told.keys.iter().enumerate() {
        lines.push(format!("account {}   key {}", place + 1, key.key));
        lines.push(format!("            secret {}", key.secret));
        lines.push(format!("            passphrase {}", key.passphrase));
    }
    lines.join("\n")
}
