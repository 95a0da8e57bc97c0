//! `stockade db`: looking at the database, and moving it to the other kind.

use super::{
    args::Db,
    configuration::{data_dir, home},
    interrupt,
    output::{Ending, Output, table},
    usage,
};
use crate::desk::{self, Lock, Paths};
use anyhow::Context;
use serde::Serialize;
use settings::Settings;
use std::ops::ControlFlow;
use store::{Database, Store, TableSum};

/// What is said of a table.
#[derive(Serialize)]
struct Line {
    table: &'static str,
    rows: u64,
    digest: String,
}

/// What `db check` found.
#[derive(Serialize)]
struct Checked {
    database: String,
    log_entries: u64,
    flaws: Vec<String>,
    tables: Vec<Line>,
}

/// What `db copy` wrote.
#[derive(Serialize)]
struct Copied {
    from: String,
    to: String,
    log_entries: u64,
    tables: Vec<Line>,
}

/// Runs a database command.
pub(super) fn run(command: &Db, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    match command {
        Db::Check => check(settings, output),
        Db::Copy { from, to } => copy(from, to, settings, output),
    }
}

fn check(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let home = home(settings)?;
    let runtime = runtime()?;
    let store = runtime.block_on(desk::open_for_reading(&home))?;
    let (flaws, sums, log) = runtime.block_on(async {
        let found = (store.flaws().await?, store.sums().await?, store.verify_log(&[]).await?);
        store.close().await;
        Ok::<_, store::Error>(found)
    })?;
    let checked = Checked {
        database: home.database().place().to_string(),
        log_entries: log.checkpoint.size,
        flaws,
        tables: lines(&sums),
    };
    output.show(&checked, |checked| {
        let mut text = format!(
            "{}\n{}\nthe audit log verifies: {} entries",
            checked.database,
            shown(&checked.tables),
            checked.log_entries
        );
        for flaw in &checked.flaws {
            text.push_str(&format!("\ndamaged: {flaw}"));
        }
        text
    })?;
    Ok(if checked.flaws.is_empty() { Ending::Done } else { Ending::Findings })
}

fn copy(from: &str, to: &str, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let (from, to) = (named(from, "FROM")?, named(to, "TO")?);
    // No server of this directory writes while its rows are read.
    let _lock = Lock::take(&Paths::new(&data_dir(settings)), "a copy of its database")?;
    let runtime = runtime()?;
    interrupt::listen()?;
    let bar = output.progress("copying");
    let mut progress = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let copied = runtime.block_on(store::copy((&from, &to), desk::now(), &mut progress));
    bar.finish_and_clear();
    let sums = copied?;
    let keys = runtime.block_on(desk::log_keys(&home(settings)?))?;
    let log = runtime.block_on(async {
        let store = Store::open_read_only(&to, keys).await?;
        let log = store.verify_log(&[]).await?;
        store.close().await;
        Ok::<_, store::Error>(log)
    });
    let log = log.context("the copy is complete, but its log does not verify: do not use it")?;
    let copied = Copied {
        from: from.place().to_string(),
        to: to.place().to_string(),
        log_entries: log.checkpoint.size,
        tables: lines(&sums),
    };
    output.show(&copied, |copied| {
        format!(
            "{} is now in {}\n{}\ncounts and digests are equal, the audit log verifies: {} entries\nset database.url, and start the server",
            copied.from,
            copied.to,
            shown(&copied.tables),
            copied.log_entries
        )
    })?;
    Ok(Ending::Done)
}

/// A database as it is typed; a bare path is a file of SQLite.
fn named(text: &str, which: &str) -> anyhow::Result<Database> {
    if !text.contains(':') {
        return Ok(Database::file(std::path::Path::new(text)));
    }
    text.parse().map_err(|error: store::Error| usage(format!("{which}: {error}")))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn lines(sums: &[TableSum]) -> Vec<Line> {
    let line =
        |sum: &TableSum| Line { table: sum.table, rows: sum.rows, digest: sum.digest.clone() };
    sums.iter().map(line).collect()
}

fn shown(lines: &[Line]) -> String {
    let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
    let mut rows = vec![row(["table", "rows", "digest"])];
    rows.extend(lines.iter().map(|line| {
        let short = line.digest.get(..16).unwrap_or(&line.digest);
        row([line.table, &line.rows.to_string(), short])
    }));
    table(&rows)
}
