//! `stockade data`: prices in, and what is known of them.

use super::{
    args::{Data, Import, Kind},
    configuration::{data_dir, home},
    output::{Ending, Output, plain, table},
    usage,
};
use crate::desk;
use anyhow::{Context, bail};
use catalog::{
    BadRows, Catalog, Content, Finding, Grain, ImportReport, ImportRequest, Level, Manifest,
    Mapping, Origin, QualityReport, Replace, Summary, TimeZone,
};
use serde::Serialize;
use settings::Settings;
use std::{collections::BTreeMap, path::Path};

/// Runs a data command.
pub(super) fn run(command: &Data, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let (home, dir) = (home(settings)?, data_dir(settings));
    match command {
        Data::Import(import) => return import_file(import, &home, output),
        Data::Ls => list(&dir, output)?,
        Data::Show { name } => {
            let manifest = open(&dir)?.manifest(name)?;
            output.show(&manifest, describe)?;
        }
        Data::Check { name } => return check(name.as_deref(), &dir, output),
        Data::Rm { name } => {
            desk::connect(&home)?.remove_dataset(name)?;
            output.note(&format!("{name} is removed"));
        }
    }
    Ok(Ending::Done)
}

/// For reading: a mistyped directory is not made.
fn open(dir: &Path) -> anyhow::Result<Catalog> {
    if !desk::catalog_dir(dir).is_dir() {
        bail!(
            "there are no data in {}: import some with `stockade data import`, or name another \
             directory with --data-dir",
            dir.display()
        );
    }
    Ok(Catalog::open(&desk::catalog_dir(dir))?)
}

fn list(dir: &Path, output: Output) -> anyhow::Result<()> {
    let datasets = open(dir)?.datasets()?;
    if datasets.is_empty() {
        output.note("no data yet: stockade data import FILE --name NAME");
    }
    output.show(&datasets, |datasets: &Vec<Summary>| {
        let mut rows =
            vec![heading(&["name", "bar", "symbols", "rows", "first", "last", "problems"])];
        rows.extend(datasets.iter().map(|set| {
            vec![
                set.name.clone(),
                set.bar.to_string(),
                set.symbols.len().to_string(),
                set.rows.to_string(),
                set.first.to_string(),
                set.last.to_string(),
                set.problems.to_string(),
            ]
        }));
        table(&rows)
    })
}

/// What the rows of a dataset are, in words.
fn rows_of(grain: Grain) -> String {
    match grain {
        Grain::Bars(size) => format!("bars of {size}"),
        other => other.to_string(),
    }
}

fn heading(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn describe(manifest: &Manifest) -> String {
    let set = &manifest.dataset;
    let mut text = format!(
        "{}: {} {} from {} to {}\nsource  {} ({} bytes, SHA-256 {})\ntimes   {}, zone {}\ndigest  {}\n",
        set.name,
        set.rows,
        rows_of(set.bar),
        set.first,
        set.last,
        plain(&manifest.source.file),
        manifest.source.bytes,
        manifest.source.sha256,
        manifest.source.time_form,
        set.time_zone,
        set.digest,
    );
    if !set.extra.is_empty() {
        text.push_str(&format!("extra   {}\n", plain(&set.extra.join(", "))));
    }
    let mut rows = vec![heading(&["symbol", "rows", "first", "last", "tick", "currency"])];
    rows.extend(manifest.instruments.iter().map(|one| {
        vec![
            one.symbol.to_string(),
            one.rows.to_string(),
            one.first.to_string(),
            one.last.to_string(),
            one.instrument().price_scale.format(1),
            one.currency.to_string(),
        ]
    }));
    text.push_str(&format!("\n{}\n", table(&rows)));
    for split in &manifest.actions {
        text.push_str(&format!(
            "\nsplit   {} {} {}:{}",
            split.symbol, split.effective, split.numerator, split.denominator
        ));
    }
    text.push_str(&format!(
        "\n\n{} files, quality: {}",
        manifest.partitions.len(),
        counts(&manifest.quality)
    ));
    text
}

fn counts(quality: &QualityReport) -> String {
    if quality.counts.is_empty() {
        return "nothing found".to_owned();
    }
    let named = |(kind, count): (&catalog::FindingKind, &u64)| {
        let word = serde_json::to_value(kind).unwrap_or_default();
        format!("{count} {}", word.as_str().unwrap_or("finding"))
    };
    quality.counts.iter().map(named).collect::<Vec<_>>().join(", ")
}

#[derive(Serialize)]
struct Checked {
    problems: u64,
    datasets: BTreeMap<String, QualityReport>,
}

fn check(name: Option<&str>, dir: &Path, output: Output) -> anyhow::Result<Ending> {
    let catalog = open(dir)?;
    let names = match name {
        Some(name) => vec![name.to_owned()],
        None => catalog.datasets()?.into_iter().map(|set| set.name).collect(),
    };
    let mut datasets = BTreeMap::new();
    for name in names {
        let report = catalog.check(&name)?;
        datasets.insert(name, report);
    }
    let problems = datasets.values().map(QualityReport::problems).sum();
    let checked = Checked { problems, datasets };
    output.show(&checked, |checked| {
        let one = |(name, quality): (&String, &QualityReport)| {
            format!(
                "{name}: {} rows, {}\n{}",
                quality.rows,
                counts(quality),
                findings(&quality.findings)
            )
        };
        checked.datasets.iter().map(one).collect::<Vec<_>>().join("\n")
    })?;
    Ok(if problems == 0 { Ending::Done } else { Ending::Findings })
}

fn findings(found: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let mark = if finding.level == Level::Problem { "!" } else { "-" };
        let whose = finding.symbol.as_deref().unwrap_or("all");
        let from = finding.from.as_deref().unwrap_or("");
        let to = finding.to.as_deref().filter(|to| *to != from);
        let when = to.map_or_else(|| from.to_owned(), |to| format!("{from} to {to}"));
        let kind = serde_json::to_value(finding.kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or("finding").to_owned();
        format!("  {mark} {kind} {whose} {when}: {}\n", plain(&finding.message))
    };
    found.iter().map(line).collect()
}

fn import_file(import: &Import, home: &desk::Home, output: Output) -> anyhow::Result<Ending> {
    let request = request(import)?;
    super::interrupt::listen()?;
    let bar = output.progress("importing");
    let report = desk::connect(home)?.import(&request, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        if super::interrupt::asked() {
            std::ops::ControlFlow::Break(())
        } else {
            std::ops::ControlFlow::Continue(())
        }
    })?;
    bar.finish_and_clear();
    output.show(&report, imported)?;
    Ok(Ending::Done)
}

fn request(import: &Import) -> anyhow::Result<ImportRequest> {
    let file = std::path::absolute(&import.file)
        .with_context(|| format!("cannot resolve {}", import.file.display()))?;
    let mut request = ImportRequest::new(file, import.name.clone(), desk::now());
    let wrong = |error: &dyn std::fmt::Display| usage(error.to_string());
    request.mapping = Mapping::parse(&import.map.join(",")).map_err(|e| wrong(&e))?;
    request.zone = TimeZone::named(&import.time_zone).map_err(|e| wrong(&e))?;
    request.currency = import.currency.parse().map_err(|e: market::Error| wrong(&e))?;
    request.content = match import.kind {
        Kind::Bars => Content::Bars,
        Kind::Quotes => Content::Quotes,
        Kind::Trades => Content::Trades,
    };
    if let Some(bar) = &import.bar {
        request.bar = Some(bar.parse().map_err(|e: market::Error| wrong(&e))?);
    }
    if let Some(symbol) = &import.symbol {
        request.symbol = Some(symbol.parse().map_err(|e: market::Error| wrong(&e))?);
    }
    if let Some(actions) = &import.actions {
        request.actions = catalog::read_actions(actions)?;
    }
    if import.replace {
        request.replace = Replace::Yes;
    }
    if import.drop_bad_rows {
        request.bad_rows = BadRows::Drop;
    }
    Ok(request)
}

fn imported(report: &ImportReport) -> String {
    let mut rows = vec![heading(&["column", "became", "by"])];
    rows.extend(report.columns.iter().map(|column| {
        vec![plain(&column.column), column.role.to_string(), decided(column.origin)]
    }));
    format!(
        "{}: {} of {} rows kept, {} ({}), times as {} in {}\n\n{}\n\n\
         {} duplicates, {} bad rows left out, {} out of order and sorted, {} without a price\n\
         quality: {}\n{}",
        report.name,
        report.rows_kept,
        report.rows_read,
        rows_of(report.bar),
        decided(report.bar_origin),
        report.time_form,
        report.time_zone,
        table(&rows),
        report.duplicates,
        report.bad_rows,
        report.out_of_order,
        report.rows_without_price,
        counts(&report.quality),
        findings(&report.quality.findings),
    )
}

fn decided(origin: Origin) -> String {
    match origin {
        Origin::Guessed => "guess".to_owned(),
        Origin::Given => "request".to_owned(),
    }
}
