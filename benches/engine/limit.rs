//! The floor for time per row: one plain pass over the columns, without orders, ledger, log or curve.
//!
//!     rustc -O limit.rs && ./limit WORKLOAD CONVENTION --data DIR
//!
//! Prints one line of JSON as every peer does; CPU time is the mean of as many passes as fill half a
//! second, because the kernel counts a thread's time in ticks.

use std::{env, fs, hint::black_box, process::exit, time::Instant};

const BARS_OF_SWEEP: usize = 100_000;
const LANES: usize = 20;
const NAMES: usize = 500;
const BEST: usize = 50;

/// Money in units of 1e-5: a price in ticks of 0.01 times 1000; a fee of a thousandth is then the plain value.
#[derive(Clone, Copy)]
struct Account {
    cash: i64,
    position: i64,
    fills: u64,
}

/// What a workload comes to: rows seen, fills, equity.
type Outcome = (usize, u64, f64);

fn column(folder: &str, name: &str) -> Vec<i64> {
    let path = format!("{folder}/{name}.i64");
    let bytes = fs::read(&path).unwrap_or_else(|error| stop(&format!("{path}: {error}")));
    bytes
        .chunks_exact(8)
        .map(|one| i64::from_le_bytes(one.try_into().expect("eight bytes")))
        .collect()
}

fn stop(why: &str) -> ! {
    eprintln!("{why}");
    exit(1)
}

/// EMA(10) against EMA(30) of `value(i)` on every `stride`-th row, filled `shift` rows later.
struct Cross<'a> {
    buy: &'a [i64],
    sell: &'a [i64],
    quantity: i64,
    shift: usize,
    stride: usize,
}

impl Cross<'_> {
    #[inline(always)]
    fn run(&self, value: impl Fn(usize) -> f64) -> Account {
        let (fast_part, slow_part) = (2.0 / 11.0, 2.0 / 31.0);
        let (fast_rest, slow_rest) = (1.0 - fast_part, 1.0 - slow_part);
        let mut account = Account { cash: 100_000_000_000, position: 0, fills: 0 };
        let first = self.stride - 1;
        let (mut fast, mut slow, mut seen) = (value(first), value(first), 1);
        let mut row = first + self.stride;
        while row + self.shift < self.buy.len() {
            let x = value(row);
            fast = fast_part * x + fast_rest * fast;
            slow = slow_part * x + slow_rest * slow;
            seen += 1;
            if seen >= 30 {
                self.trade(&mut account, fast, slow, row + self.shift);
            }
            row += self.stride;
        }
        account
    }

    #[inline(always)]
    fn trade(&self, account: &mut Account, fast: f64, slow: f64, row: usize) {
        if fast > slow && account.position == 0 {
            account.cash -= self.quantity * self.buy[row] * 1001;
            account.position = self.quantity;
            account.fills += 1;
        } else if fast < slow && account.position != 0 {
            account.cash += self.quantity * self.sell[row] * 999;
            account.position = 0;
            account.fills += 1;
        }
    }
}

fn valued(rows: usize, account: Account, last: i64) -> Outcome {
    (rows, account.fills, (account.cash + account.position * last * 1000) as f64 / 1e5)
}

fn ema(values: &[f64], n: usize) -> Vec<f64> {
    let part = 2.0 / (n as f64 + 1.0);
    let (rest, mut average) = (1.0 - part, values[0]);
    let mut out = vec![average];
    for value in &values[1..] {
        average = part * value + rest * average;
        out.push(average);
    }
    out
}

/// The 20 fast averages side by side, row by row.
fn fast_averages(closes: &[f64]) -> Vec<[f64; LANES]> {
    let part: [f64; LANES] = std::array::from_fn(|lane| 2.0 / (5 + 2 * lane + 1) as f64);
    let mut average = [closes[0]; LANES];
    let mut out = vec![average];
    for close in &closes[1..] {
        for lane in 0..LANES {
            average[lane] = part[lane] * close + (1.0 - part[lane]) * average[lane];
        }
        out.push(average);
    }
    out
}

/// W3: 20 fast averages side by side against one slow average after another. Money in doubles is
/// exact here: below 2^53.
fn sweep(closes: &[f64], opens: &[f64]) -> Outcome {
    let (fast, last) = (fast_averages(closes), closes[closes.len() - 1] * 100.0);
    let (mut fills, mut sum) = (0.0, 0.0);
    for length in (50..250).step_by(10) {
        let slow = ema(closes, length);
        let (mut cash, mut position, mut count) = ([1e11; LANES], [0f64; LANES], [0f64; LANES]);
        for row in length - 1..closes.len() - 1 {
            let (fast, slow, value) = (&fast[row], slow[row], 10.0 * opens[row + 1]);
            for lane in 0..LANES {
                let held = position[lane];
                let want = if fast[lane] > slow {
                    1.0
                } else if fast[lane] < slow {
                    0.0
                } else {
                    held
                };
                let change = want - held;
                position[lane] = want;
                count[lane] += change.abs();
                cash[lane] -= value * (change * 1000.0 + change.abs());
            }
        }
        for lane in 0..LANES {
            fills += count[lane];
            sum += cash[lane] + position[lane] * 10.0 * last.round() * 1000.0;
        }
    }
    (20 * LANES * closes.len(), fills as u64, sum / 1e5)
}

/// The names that rose most from 252 to 21 days before the day, of equals the lower first.
fn best(closes: &[i64], day: usize) -> Vec<usize> {
    let on = |day: usize, name: usize| closes[day * NAMES + name] as f64;
    let rise: Vec<f64> = (0..NAMES).map(|name| on(day - 21, name) / on(day - 252, name)).collect();
    let mut order: Vec<usize> = (0..NAMES).collect();
    order.sort_by(|&a, &b| rise[b].total_cmp(&rise[a]).then(a.cmp(&b)));
    order.truncate(BEST);
    order
}

/// W4 in whole shares sized at the close; `shift` 1 fills at the next open (`prices`), 0 at the same close.
fn momentum(closes: &[i64], prices: &[i64], shift: usize) -> Outcome {
    let days = closes.len() / NAMES;
    let (mut cash, mut held, mut fills) = (1_000_000_000_000i64, [0i64; NAMES], 0);
    let worth = |held: &[i64; NAMES], day: usize| -> i64 {
        held.iter().zip(&closes[day * NAMES..]).map(|(shares, close)| shares * close * 1000).sum()
    };
    for day in (252..days - 1).step_by(21) {
        let equity = cash + worth(&held, day);
        let mut wanted = [0i64; NAMES];
        for name in best(closes, day) {
            wanted[name] = 95 * equity / (100 * BEST as i64 * closes[day * NAMES + name] * 1000);
        }
        for name in 0..NAMES {
            let (change, price) = (wanted[name] - held[name], prices[(day + shift) * NAMES + name]);
            cash -= change * price * 1000 + change.abs() * price;
            fills += u64::from(change != 0);
        }
        held = wanted;
    }
    (closes.len(), fills, (cash + worth(&held, days - 1)) as f64 / 1e5)
}

/// The pass that is timed, with its columns read and its doubles made.
fn work(workload: &str, convention: &str, folder: &str) -> Box<dyn Fn() -> Outcome> {
    let of = |name: &str| column(folder, name);
    let doubles =
        |ticks: &[i64]| ticks.iter().map(|&tick| tick as f64 / 100.0).collect::<Vec<f64>>();
    match (workload, convention) {
        ("W1", "next_open" | "same_close") => {
            let (shift, closes) = (usize::from(convention == "next_open"), of("bars_1m.close"));
            let (price, values) =
                (if shift == 1 { of("bars_1m.open") } else { closes.clone() }, doubles(&closes));
            Box::new(move || {
                let cross = Cross { buy: &price, sell: &price, quantity: 10, shift, stride: 1 };
                valued(closes.len(), cross.run(|row| values[row]), closes[closes.len() - 1])
            })
        }
        ("W2a" | "W2b", "same_quote") => {
            let (bid, ask) = (of("quotes_5m.bid"), of("quotes_5m.ask"));
            let stride = if workload == "W2a" { 1 } else { 100 };
            Box::new(move || {
                let cross = Cross { buy: &ask, sell: &bid, quantity: 1, shift: 0, stride };
                let account = cross.run(|row| (bid[row] + ask[row]) as f64 / 200.0);
                valued(bid.len(), account, bid[bid.len() - 1])
            })
        }
        ("W3", "next_open") => {
            let closes = doubles(&of("bars_1m.close")[..BARS_OF_SWEEP]);
            let opens: Vec<f64> =
                of("bars_1m.open")[..BARS_OF_SWEEP].iter().map(|&tick| tick as f64).collect();
            Box::new(move || sweep(&closes, &opens))
        }
        ("W4", "shares_at_close__next_open" | "shares_at_close__same_close") => {
            let (shift, closes) =
                (usize::from(convention.ends_with("next_open")), of("daily_500.close"));
            let prices = if shift == 1 { of("daily_500.open") } else { closes.clone() };
            Box::new(move || momentum(&closes, &prices, shift))
        }
        _ => stop(&format!("does not do {workload} {convention}")),
    }
}

/// Seconds this thread was on a core: other processes share the machine, so wall time alone would mislead.
fn cpu_seconds() -> f64 {
    let text =
        fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts a thread's time");
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).expect("a number") / 1e9
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let [_, workload, convention, flag, folder] = &arguments[..] else {
        stop("limit WORKLOAD CONVENTION --data DIR");
    };
    if flag != "--data" {
        stop("limit WORKLOAD CONVENTION --data DIR");
    }
    let pass = work(workload, convention, folder);
    let (mut wall, mut passes, begun) = (f64::INFINITY, 0, cpu_seconds());
    let (outcome, cpu) = loop {
        let start = Instant::now();
        let outcome = black_box(pass());
        wall = wall.min(start.elapsed().as_secs_f64());
        passes += 1;
        let cpu = cpu_seconds() - begun;
        if cpu > 0.5 {
            break (outcome, cpu / f64::from(passes));
        }
    };
    let (rows, fills, equity) = outcome;
    println!(
        "{{\"peer\": \"plain_loop\", \"version\": \"-\", \"workload\": \"{workload}\", \"convention\": \"{convention}\", \
         \"rows\": {rows}, \"wall_s\": {wall:.6}, \"cpu_s\": {cpu:.6}, \"rows_per_cpu_s\": {:.0}, \"fills\": {fills}, \
         \"equity\": {equity:.5}, \"passes\": {passes}}}",
        rows as f64 / cpu
    );
}
