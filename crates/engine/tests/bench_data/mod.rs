//! The benchmark's data, from its definition: integers only, a counter-based `SplitMix64`, so any
//! language rebuilds the rows bit for bit. Every column is checked against its SHA-256.
#![allow(
    dead_code,
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::needless_range_loop,
    missing_docs,
    reason = "test data, shared by tests and the bench"
)]

use market::{Bar, BarSeries, BarSize, Instrument, Price, Quantity, Quote, Timestamp};
use sha2::{Digest, Sha256};

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn random(stream: u64, i: usize) -> u64 {
    let base = stream.wrapping_mul(0xD1B5_4A32_D192_ED03);
    let mut z = base.wrapping_add((i as u64 + 1).wrapping_mul(GOLDEN));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The sum of the four 16-bit lanes less 131,070: symmetric about 0.
fn bell(u: u64) -> i64 {
    let lane = |shift: u32| ((u >> shift) & 0xFFFF) as i64;
    lane(0) + lane(16) + lane(32) + lane(48) - 131_070
}

/// Rounded division by an odd number.
fn divide(x: i64, d: i64) -> i64 {
    (x + d / 2).div_euclid(d)
}

/// Columns in the order of [`BARS_1M`] and [`DAILY_500`].
type Columns = Vec<Vec<i64>>;

const BARS_1M: [&str; 6] = [
    "91690a72d2a1a0db71c7c8326344a54afb4d4731f6e4b7c0ebfe695befbd5bd8",
    "fd734e6d2b91def2bd7ab3eb4b1c89ab62c9d82b4676cc68e066842d1a0a4eeb",
    "7bb8a4f6d6d57357ad687f3a4948700a95742563b3847a99f33115db4a6d9c73",
    "eac5f9f3dd52c342cf8699551e5310c354f2476c0fbfd7cd879604eece4ca561",
    "b0adb2fe86f499a2c3c240db36ea57662ba01b98e2dc91c445e1ab8ca1b8568b",
    "b05d93fb1c7e858a37aaaad90d06d6fcb0fbdb66a1f6bd0ca7a5124c6ba7b5d2",
];

const DAILY_500: [&str; 6] = [
    "15ec68d94de275b7f794de1675677bd1996a2132f563ca74360f2ff849a0eb0d",
    "7b42613aad5437d5a458ea37e1d75e61e52cdb58eec08192ed3a41d06d20a75e",
    "8ec03a6ba52e144e27dfe56fee511b054454f0a5b5984ab0390b3892ea00f305",
    "d0e3190f026061499fafc67ac7f02f6ec202f7394462d087ea1b8f284fceec21",
    "861c1bc55c3e7c54637b4dc4d1d1d7436e0f693b39222959ecd24a6ffce2ff7e",
    "2a9bfec1a5edcc0bb6d988a4df4660d27a239a496a42760d78ccb106c7f1677d",
];

const QUOTES_5M: [&str; 5] = [
    "4050e772963b52d80fe76408aa2db645988f903ef29ec33865a433988693f769",
    "60669aa182fc05621eef26d067e837899e6c262e4639fe05744dcca13c3ddf89",
    "d016e967cc36788b630535ed0e59201ac425c2cc3c847a8a25d26cef29fb8a34",
    "6983020baa78e88c0b7b4a9281b3c613e2f4107f5a3a07effcfa28dbe8d52b9a",
    "10c51187edc8a61d240779372285950a57add97d4c68cb6337c09baee076c62f",
];

fn verify(columns: &Columns, sums: &[&str]) {
    assert_eq!(columns.len(), sums.len());
    for (column, want) in columns.iter().zip(sums) {
        let mut hash = Sha256::new();
        for value in column {
            hash.update(value.to_le_bytes());
        }
        let found: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(found, *want, "a column is not the benchmark's");
    }
}

fn series(
    name: &str,
    size: BarSize,
    columns: &Columns,
    rows: impl Iterator<Item = usize>,
) -> BarSeries {
    let bars = rows.map(|i| Bar {
        open_time: Timestamp::from_nanos(columns[0][i]),
        open: Price(columns[1][i]),
        high: Price(columns[2][i]),
        low: Price(columns[3][i]),
        close: Price(columns[4][i]),
        volume: Quantity(columns[5][i].unsigned_abs()),
    });
    BarSeries::from_bars(Instrument::share(name.parse().unwrap()), size, bars).unwrap()
}

/// 1,000,000 one-minute bars of one instrument.
pub fn bars_1m() -> BarSeries {
    let n = 1_000_000;
    let mut columns: Columns = vec![Vec::new(); 6];
    let mut close = 100_000;
    for i in 0..n {
        let g = random(12, i);
        let gap = (g % 7) as i64 - 3;
        let open = close + gap;
        close += divide(bell(random(11, i)), 945) + gap;
        let row = [
            (1_577_836_800 + 60 * i as i64) * 1_000_000_000,
            open,
            open.max(close) + ((g >> 8) % 20) as i64,
            open.min(close) - ((g >> 16) % 20) as i64,
            close,
            1 + ((g >> 24) % 1000) as i64,
        ];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    verify(&columns, &BARS_1M);
    series("BENCH", BarSize::MINUTE, &columns, 0..n)
}

/// 5,000,000 quotes of one instrument: time, bid, ask and both sizes.
pub fn quotes_5m() -> Vec<Quote> {
    let columns = quote_columns(5_000_000);
    verify(&columns, &QUOTES_5M);
    quotes_of(&columns)
}

/// The first of them.
pub fn quotes(n: usize) -> Vec<Quote> {
    quotes_of(&quote_columns(n))
}

fn quote_columns(n: usize) -> Columns {
    let mut columns: Columns = (0..5).map(|_| Vec::with_capacity(n)).collect();
    let (mut bid, mut time) = (100_000, 1_577_836_800_000_000_000);
    for i in 0..n {
        let g = random(22, i);
        bid += divide(bell(random(21, i)), 12_001);
        time += 1_000_000 * (1 + (g % 199) as i64);
        let ask = bid + 1 + ((g >> 4) % 4) as i64;
        let sizes = [1 + ((g >> 12) % 500) as i64, 1 + ((g >> 32) % 500) as i64];
        let row = [time, bid, ask, sizes[0], sizes[1]];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    columns
}

fn quotes_of(columns: &Columns) -> Vec<Quote> {
    let quote = |i: usize| Quote {
        time: Timestamp::from_nanos(columns[0][i]),
        bid: Price(columns[1][i]),
        ask: Price(columns[2][i]),
        bid_size: Quantity(columns[3][i].unsigned_abs()),
        ask_size: Quantity(columns[4][i].unsigned_abs()),
    };
    (0..columns[0].len()).map(quote).collect()
}

/// 500 instruments × 2,520 daily bars.
pub fn daily_500() -> Vec<BarSeries> {
    let (n, k) = (2_520, 500);
    let mut columns: Columns = vec![Vec::new(); 6];
    let mut previous = vec![10_000_i64; k];
    for t in 0..n {
        for j in 0..k {
            let (u, g) = (bell(random(31, t * k + j)), random(32, t * k + j));
            let sign = if (t / 400 + j) % 2 == 0 { 1 } else { -1 };
            let drift = (j as i64 * 37 % 61) - 30;
            let gap = (previous[j] * ((g % 101) as i64 - 50)).div_euclid(10_000);
            let open = (previous[j] + gap).max(200);
            let move_ = open * (divide(u, 251) + sign * drift);
            let close = (open + divide(move_, 10_001)).max(200);
            previous[j] = close;
            let up = (open * ((g >> 8) % 60) as i64).div_euclid(10_000);
            let down = (open * ((g >> 16) % 60) as i64).div_euclid(10_000);
            let row = [
                (1_262_304_000 + 86_400 * t as i64) * 1_000_000_000,
                open,
                open.max(close) + up,
                (open.min(close) - down).max(100),
                close,
                1000 + ((g >> 24) % 1_000_000) as i64,
            ];
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
    }
    verify(&columns, &DAILY_500);
    let one = |j: usize| {
        let rows = (0..n).map(|t| t * k + j);
        series(&format!("S{j:03}"), BarSize::DAY, &columns, rows)
    };
    (0..k).map(one).collect()
}

/// The strategy of W1.
pub fn w1(convention: &str) -> String {
    format!(
        "version: 1\nname: W1\ndata: bench\nbar: 1m\nsignals:\n  long: ema(close, 10) > ema(close, 30)\n  \
         exit: ema(close, 10) < ema(close, 30)\nsizing: {{ fixed: 10 }}\ncosts: {{ fee_bps: 10 }}\n\
         convention: {convention}\ncash: 1000000\n"
    )
}

/// Quotes as columns.
#[derive(Default)]
pub struct QuoteColumns {
    times: Vec<Timestamp>,
    bids: Vec<Price>,
    asks: Vec<Price>,
    bid_sizes: Vec<Quantity>,
    ask_sizes: Vec<Quantity>,
}

/// Quotes, column by column.
pub fn columns(quotes: &[Quote]) -> QuoteColumns {
    QuoteColumns {
        times: quotes.iter().map(|q| q.time).collect(),
        bids: quotes.iter().map(|q| q.bid).collect(),
        asks: quotes.iter().map(|q| q.ask).collect(),
        bid_sizes: quotes.iter().map(|q| q.bid_size).collect(),
        ask_sizes: quotes.iter().map(|q| q.ask_size).collect(),
    }
}

impl QuoteColumns {
    /// As the engine takes them.
    pub fn quotes(&self) -> engine::Quotes<'_> {
        engine::Quotes {
            times: &self.times,
            bids: &self.bids,
            asks: &self.asks,
            bid_sizes: &self.bid_sizes,
            ask_sizes: &self.ask_sizes,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }
}

/// The strategy of W2a and W2b, on the middle of bid and ask.
pub fn w2() -> String {
    w1("next_open").replace("fixed: 10", "fixed: 1").replace("name: W1", "name: W2")
}

/// The first 100,000 bars of [`bars_1m`]: what W3 runs on.
pub fn bars_100k() -> BarSeries {
    let whole = bars_1m();
    let bars = (0..100_000).filter_map(|row| whole.bar(row));
    BarSeries::from_bars(whole.instrument().clone(), whole.size(), bars).unwrap()
}

/// The strategy of W3, and its axes: 400 pairs.
pub fn w3() -> (String, [&'static str; 2]) {
    let text = w1("next_open")
        .replace("name: W1", "name: W3\nparameters: { fast: 10, slow: 30 }")
        .replace(", 10)", ", $fast)")
        .replace(", 30)", ", $slow)");
    (text, ["fast=5..43:2", "slow=50..240:10"])
}

/// The strategy of W4, sized by `shares_at_close`.
pub fn w4(convention: &str) -> String {
    format!(
        "version: 1\nname: W4\ndata: bench\nweights: top(delay(close, 21) / delay(close, 252), 50)\n\
         schedule: every 21 bars\nsizing: {{ exposure: 0.95 }}\ncosts: {{ fee_bps: 10 }}\n\
         convention: {convention}\ncash: 10000000\n"
    )
}
