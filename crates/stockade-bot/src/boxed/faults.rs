//! What goes wrong on purpose in a box, by name or by a file.

use anyhow::{Context, bail};
use edge::{Faults, Handled, Rate, Refusal};
use market::VenueName;
use std::path::Path;

/// The sets that have a name.
pub const NAMES: [&str; 6] = ["none", "drops", "duplicates", "busy", "slow", "rough"];
/// The longest delay that can be asked for.
const DELAY_MS_MAX: u32 = 600_000;

/// The faults of this name, or of the file of this path.
pub fn faults(wanted: &str, venue: VenueName, seed: u64) -> anyhow::Result<Faults> {
    if let Some(known) = named(wanted, venue, seed) {
        return Ok(known);
    }
    let path = Path::new(wanted);
    if !path.exists() {
        bail!("no faults are called {wanted}, and no file is: choose from {}", NAMES.join(", "));
    }
    let text = std::fs::read_to_string(path).with_context(|| wanted.to_owned())?;
    read(&text, venue, seed).with_context(|| wanted.to_owned())
}

fn named(name: &str, venue: VenueName, seed: u64) -> Option<Faults> {
    let of = Rate::per_cent;
    let quiet = Faults { seed, ..Faults::default() };
    Some(match name {
        "none" => quiet,
        "drops" => Faults {
            drop_request: of(2),
            drop_response: of(3),
            cut_response: of(1),
            drop_message: of(2),
            cut_stream: of(1),
            ..quiet
        },
        "duplicates" => Faults { duplicate_message: of(20), swap_messages: of(5), ..quiet },
        "busy" => Faults { refusals: refusals(venue, (of(3), of(3), of(2))), ..quiet },
        "slow" => Faults {
            delay_request: of(20),
            delay_response: of(20),
            delay_message: of(20),
            delay_ms_min: 50,
            delay_ms_max: 2_000,
            ..quiet
        },
        "rough" => Faults {
            drop_request: of(1),
            drop_response: of(1),
            cut_response: Rate::per_million(5_000),
            refusals: refusals(venue, (of(1), of(1), of(1))),
            duplicate_message: of(5),
            drop_message: of(1),
            swap_messages: of(2),
            cut_stream: Rate::per_million(2_000),
            delay_request: of(5),
            delay_response: of(5),
            delay_message: of(5),
            delay_ms_min: 10,
            delay_ms_max: 500,
            ..quiet
        },
        _ => return None,
    })
}

/// The venue's refusals of the busy, its word that nobody knows, and the page of a proxy in front.
fn refusals(venue: VenueName, (busy, unknown, page): (Rate, Rate, Rate)) -> Vec<Refusal> {
    // Binance: https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code
    // Bybit: https://bybit-exchange.github.io/docs/v5/error
    // OKX: https://www.okx.com/docs-v5/en/#error-code
    let (throttled, lost) = match venue {
        VenueName::Binance => (
            (429, r#"{"code":-1003,"msg":"Too many requests."}"#),
            (
                503,
                r#"{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown; execution status unknown."}"#,
            ),
        ),
        VenueName::Bybit => (
            (
                200,
                r#"{"retCode":10006,"retMsg":"Too many visits!","result":{},"retExtInfo":{},"time":0}"#,
            ),
            (
                200,
                r#"{"retCode":10016,"retMsg":"Server error.","result":{},"retExtInfo":{},"time":0}"#,
            ),
        ),
        VenueName::Okx => (
            (429, r#"{"code":"50011","data":[],"msg":"Too Many Requests"}"#),
            (
                200,
                r#"{"code":"50004","data":[],"msg":"API endpoint request timeout (does not mean that the request was successful or failed, please check the request result)."}"#,
            ),
        ),
    };
    let mut refused = Refusal::json(busy, throttled.0, Handled::No, throttled.1);
    refused.retry_after = (venue == VenueName::Binance).then_some(1);
    vec![
        refused,
        Refusal::json(unknown, lost.0, Handled::Yes, lost.1),
        Refusal::html(page, 502, Handled::Yes),
    ]
}

/// Lines of `name: value`; a rate is in per cent (`0.5%`) or in a million (`5000`).
fn read(text: &str, venue: VenueName, seed: u64) -> anyhow::Result<Faults> {
    let mut faults = Faults { seed, ..Faults::default() };
    let (mut busy, mut unknown, mut page) = (Rate::NEVER, Rate::NEVER, Rate::NEVER);
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or("").trim();
        if line.is_empty() {
            continue;
        }
        let place = || format!("line {}", number + 1);
        let (name, value) =
            line.split_once(':').with_context(|| format!("{}: write `name: value`", place()))?;
        let value = value.trim();
        match name.trim() {
            "seed" => faults.seed = value.parse().with_context(place)?,
            "delay_ms_min" => faults.delay_ms_min = delay(value).with_context(place)?,
            "delay_ms_max" => faults.delay_ms_max = delay(value).with_context(place)?,
            other => {
                let slot = match other {
                    "drop_request" => &mut faults.drop_request,
                    "drop_response" => &mut faults.drop_response,
                    "cut_response" => &mut faults.cut_response,
                    "duplicate_message" => &mut faults.duplicate_message,
                    "drop_message" => &mut faults.drop_message,
                    "swap_messages" => &mut faults.swap_messages,
                    "cut_stream" => &mut faults.cut_stream,
                    "delay_request" => &mut faults.delay_request,
                    "delay_response" => &mut faults.delay_response,
                    "delay_message" => &mut faults.delay_message,
                    "busy" => &mut busy,
                    "unknown" => &mut unknown,
                    "html" => &mut page,
                    _ => bail!("{}: no fault is called {other}", place()),
                };
                *slot = rate(value).with_context(place)?;
            }
        }
    }
    faults.refusals = refusals(venue, (busy, unknown, page));
    Ok(faults)
}

fn rate(text: &str) -> anyhow::Result<Rate> {
    let Some(percent) = text.strip_suffix('%') else {
        return Ok(Rate::per_million(
            text.parse().context("a rate is `2%` or a number in a million")?,
        ));
    };
    let millionths = market::Scale::new(4).context("four decimals")?.parse(percent.trim())?;
    Ok(Rate::per_million(u32::try_from(millionths).context("a rate is not below zero")?))
}

fn delay(text: &str) -> anyhow::Result<u32> {
    let ms: u32 = text.parse().context("a delay is in whole milliseconds")?;
    if ms > DELAY_MS_MAX {
        bail!("a delay is at most {DELAY_MS_MAX} ms");
    }
    Ok(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_names_and_files() {
        for venue in VenueName::ALL {
            for name in NAMES {
                assert!(faults(name, venue, 1).is_ok(), "{name}");
            }
        }
        let text = "# of mine\nseed: 9\ndrop_response: 2.5%\nhtml: 100\ndelay_ms_max: 30 # short\n";
        let read = read(text, VenueName::Okx, 1).expect("a file");
        assert_eq!((read.seed, read.delay_ms_max), (9, 30));
        assert_eq!(read.drop_response, Rate::per_million(25_000));
        assert_eq!(read.refusals[2].rate, Rate::per_million(100));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let check = |text: &str, want: &str| {
            let words = format!("{:#}", read(text, VenueName::Okx, 1).expect_err(text));
            assert!(words.contains(want), "{words}");
        };
        check("drop", "line 1: write `name: value`");
        check("\ndropped: 1%", "line 2: no fault is called dropped");
        check("busy: x", "a number in a million");
        check("busy: -1%", "not below zero");
        check("delay_ms_max: 700000", "at most 600000 ms");
        assert!(
            faults("ruff", VenueName::Okx, 1)
                .expect_err("no file")
                .to_string()
                .contains("choose from none")
        );
    }
}
