//! Factors read against later returns, and against one another.

use super::{Place, set, source};
use crate::{
    cli::{
        factor_args::{Compare, How, Study},
        interrupt,
        output::{Output, table},
        whole,
    },
    desk::{self, Kept, Reading, Studies},
    readout, report,
};
use anyhow::bail;
use factor::Schema;
use market::Column;
use research::Settings;
use serde_json::{Value, json};

/// Slices of the rows by which the probability of overfitting is estimated.
const SLICES: usize = 16;

/// Reads factors; one document each.
pub(super) fn study(study: &Study, place: &Place<'_>, output: Output) -> anyhow::Result<()> {
    let texts = set::texts(&study.what, place)?;
    if study.html.is_some() && texts.len() > 1 {
        bail!("--html takes one expression, there are {}", texts.len());
    }
    let loaded = source::load(&study.source, place)?;
    let schema = Schema::of(&loaded.panel);
    let ready = source::ready(&texts, &schema, &study.source, place)?;
    let run = source::run(None)?;
    let trials = ready.trials.unwrap_or(study.how.trials).max(as_u64(texts.len()));
    let settings = desk::settings(&loaded.panel, &reading(&study.how), trials);
    let columns = ready.plan.evaluate(&loaded.panel, &run)?;
    let mut documents = Vec::new();
    let mut said = String::new();
    for (((name, column), (_, text)), (_, parsed)) in columns.iter().zip(&texts).zip(&ready.set) {
        let found = research::study(column, &loaded.panel, &settings, interrupt::flag())?;
        let kept = Kept {
            id: Studies::fresh_id(),
            name: study.what.own.clone().unwrap_or_else(|| name.clone()),
            text: text.clone(),
            canonical: parsed.to_string(),
            dataset: loaded.name.clone(),
            digest: loaded.digest.clone(),
            size: (loaded.panel.rows(), loaded.panel.symbols().len()),
            trials,
            study: found,
        };
        if let Some(file) = &study.html {
            whole::write(file, readout::render(&kept).as_bytes())?;
            output.note(&format!("open {} in a browser", file.display()));
        }
        said.push_str(&in_words(&kept));
        documents.push(report::study::document(&kept));
    }
    let one = documents.len() == 1;
    let all = Value::Array(documents);
    let shown = if one { all.get(0).cloned().unwrap_or_default() } else { all };
    output.show(&shown, |_| said)
}

fn reading(how: &How) -> Reading {
    Reading {
        horizons: how.horizons.clone(),
        quantiles: how.quantiles,
        group: how.group.clone(),
        price: how.price.clone(),
        delay: how.delay,
        cost: how.cost,
    }
}

/// A line a horizon.
fn in_words(kept: &Kept) -> String {
    let study = &kept.study;
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
    };
    let percent =
        |value: Option<f64>, digits| number(value.map(|value| value * 100.0), digits) + " %";
    let head = ["held", "rank IC", "t", "IC", "spread", "sharpe", "net", "turnover", "deflated"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for one in &study.horizons {
        rows.push(vec![
            one.rows.to_string(),
            number(one.rank_ic.summary.mean, 4),
            number(one.rank_ic.summary.t, 2),
            number(one.ic.summary.mean, 4),
            percent(one.spread.summary.mean, 3),
            number(one.spread.sharpe, 2),
            number(one.spread.sharpe_net, 2),
            percent(one.spread.turnover_mean, 1),
            percent(one.deflated.deflated, 1),
        ]);
    }
    let fates = &study.survivorship;
    format!(
        "{}: {}\n{} rows, {} names of {}; {} begin late, {} end early, {} are suspended at times\nentries at {}, rows after the value: {}; expressions tried on these data: {}\n\n{}\n\n",
        crate::cli::output::plain(&kept.name),
        kept.canonical,
        kept.size.0,
        kept.size.1,
        kept.dataset,
        fates.late,
        fates.delisted,
        fates.suspended,
        study.settings.price,
        study.settings.delay,
        kept.trials,
        table(&rows)
    )
}

/// Compares factors with one another.
pub(super) fn compare(compare: &Compare, place: &Place<'_>, output: Output) -> anyhow::Result<()> {
    let texts = set::texts(&compare.what, place)?;
    if texts.len() < 2 {
        bail!("two expressions at least can be compared: give them with --expr-file FILE");
    }
    let loaded = source::load(&compare.source, place)?;
    let schema = Schema::of(&loaded.panel);
    let ready = source::ready(&texts, &schema, &compare.source, place)?;
    let run = source::run(None)?;
    let columns = ready.plan.evaluate(&loaded.panel, &run)?;
    let factors: Vec<(&str, &Column)> =
        columns.iter().map(|(name, column)| (name.as_str(), column)).collect();
    let names = loaded.panel.symbols().len();
    let found = research::correlations(&factors, names, interrupt::flag())?;
    let reading = Reading { horizons: vec![compare.horizon], ..Reading::default() };
    let trials = ready.trials.unwrap_or(0).max(as_u64(texts.len()));
    let settings: Settings = desk::settings(&loaded.panel, &reading, trials);
    let mut returns = Vec::with_capacity(factors.len());
    for (_, column) in &factors {
        let study = research::study(column, &loaded.panel, &settings, interrupt::flag())?;
        returns.extend(study.horizons.into_iter().map(|horizon| horizon.spread.returns));
    }
    let overfit = research::overfitting(&returns, SLICES, interrupt::flag())?;
    let document = json!({
        "names": found.names,
        "mean": found.mean,
        "pooled": found.pooled,
        "trials": trials,
        "overfitting": {
            "horizon": compare.horizon, "series": overfit.series, "rows": overfit.rows,
            "slices": overfit.slices, "combinations": overfit.combinations,
            "probability": overfit.probability, "loss": overfit.loss, "slope": overfit.slope,
        },
    });
    output.show(&document, |_| {
        let cell = |value: &Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"));
        let head = std::iter::once(String::new()).chain(found.names.iter().cloned()).collect();
        let mut rows: Vec<Vec<String>> = vec![head];
        for (name, row) in found.names.iter().zip(&found.mean) {
            rows.push(std::iter::once(name.clone()).chain(row.iter().map(cell)).collect());
        }
        let probability = overfit.probability.map_or_else(
            || "cannot be told from so few rows".to_owned(),
            |p| format!("{:.1} %", p * 100.0),
        );
        format!(
            "mean over dates of the rank correlation across names\n\n{}\n\nprobability that the best of them is overfit, held for {} rows: {probability}",
            table(&rows),
            compare.horizon
        )
    })
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
