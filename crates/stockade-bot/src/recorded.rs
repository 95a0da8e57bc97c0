//! What a session on paper leaves: its rows as a table that `stockade data import` reads, its strategy, and
//! what it came to.

use crate::{config::Config, run::Compared};
use anyhow::Context;
use market::BarSeries;
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Writes it into a directory named by the run.
pub fn write(out: &Path, config: &Config, compared: &Compared) -> anyhow::Result<PathBuf> {
    let place = out.join(compared.paper.run_id.to_string());
    crate::run::make_private(&place)?;
    let text = fs::read_to_string(&config.strategy)
        .with_context(|| config.strategy.display().to_string())?;
    file(&place, "strategy.yaml", text.as_bytes())?;
    file(&place, "bars.csv", table(&compared.series).as_bytes())?;
    let paper = &compared.paper;
    let instruments: Vec<serde_json::Value> = compared
        .series
        .iter()
        .map(|one| {
            let instrument = one.instrument();
            serde_json::json!({
                "symbol": instrument.symbol.as_str(),
                "currency": instrument.currency.to_string(),
                "price_decimals": instrument.price_scale.decimals(),
                "size_decimals": instrument.lot_scale.decimals(),
            })
        })
        .collect();
    let summary = serde_json::json!({
        "instruments": instruments,
        "run_id": paper.run_id.to_string(),
        "digest": paper.digest.to_string(),
        "backtest_digest": compared.backtest.digest.to_string(),
        "data": paper.data.to_string(),
        "fills": paper.simulation.fills.len(),
        "trades": paper.trades.len(),
        "end_equity": paper.simulation.final_equity().map(|equity| equity.to_string()),
    });
    file(&place, "paper.json", serde_json::to_string_pretty(&summary)?.as_bytes())?;
    Ok(place)
}

/// Bars as exact decimals, by symbol and time.
fn table(series: &[BarSeries]) -> String {
    let mut text = String::from("time,symbol,open,high,low,close,volume\n");
    for one in series {
        let instrument = one.instrument();
        let (price, size) = (instrument.price_scale, instrument.lot_scale);
        for bar in one.iter() {
            let volume = i64::try_from(bar.volume.0).unwrap_or(i64::MAX);
            text.push_str(&format!(
                "{},{},{},{},{},{},{}\n",
                bar.open_time,
                instrument.symbol,
                price.format(bar.open.0),
                price.format(bar.high.0),
                price.format(bar.low.0),
                price.format(bar.close.0),
                size.format(volume)
            ));
        }
    }
    text
}

fn file(place: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = place.join(name);
    let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    let mut file = opened.with_context(|| path.display().to_string())?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}
