//! `stockade replay`, `diff` and `reproduce`: what can be done with a result that lies on disk.

use super::{
    args::{Diff, Replay, Reproduce},
    configuration::data_dir,
    output::{Ending, Output, plain, table},
    usage,
};
use crate::{
    desk::{self, Paths, Watch},
    past::{self, Compared, PastRun, Repeated, StateView},
};
use catalog::Catalog;
use settings::Settings;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Where results are looked for by name.
fn places(settings: &Settings, out: &Path) -> Vec<PathBuf> {
    let paths = Paths::new(&data_dir(settings));
    let tenants = std::fs::read_dir(paths.tenants()).into_iter().flatten().flatten();
    let theirs = tenants.map(|entry| entry.path().join("results"));
    [out.to_owned(), paths.host_results()].into_iter().chain(theirs).collect()
}

fn catalog(settings: &Settings) -> anyhow::Result<Catalog> {
    Ok(Catalog::open(&desk::catalog_dir(&data_dir(settings)))?)
}

/// `stockade replay`.
pub(super) fn replay(ask: &Replay, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let past = PastRun::find(&ask.result, &places(settings, &ask.out))?;
    let state = past::state(&past, &catalog(settings)?, ask.tick)?;
    output.show(&state, account)?;
    Ok(Ending::Done)
}

/// Entries of the log that a state is shown with.
const RECENT: usize = 10;

fn account(state: &StateView) -> String {
    let mut lines = vec![
        format!("run     {}", state.run_id),
        format!("tick    {} of {}, row {}", state.tick, state.ticks, state.row),
        format!("time    {}", state.time.as_deref().unwrap_or("before the first row")),
        format!("equity  {}", state.equity),
        format!("cash    {}", state.cash),
        format!("gross   {}", state.gross),
        format!("fees    {}", state.fees),
        format!("gate    {}, {} refused so far", state.gate, state.refused),
    ];
    if !state.positions.is_empty() {
        let head = ["held", "quantity", "average", "price", "value", "unrealised"];
        let rows = state.positions.iter().map(|p| {
            let average = p.average.clone().unwrap_or_default();
            [&p.symbol, &p.quantity, &average, &p.price, &p.value, &p.unrealised]
                .map(|text| plain(text))
                .to_vec()
        });
        lines.push(String::new());
        lines.push(drawn(&head, rows));
    }
    if !state.working.is_empty() {
        let head = ["order", "symbol", "side", "kind", "quantity", "limit", "trigger"];
        let rows = state.working.iter().map(|w| {
            let (limit, trigger) = (w.limit.clone(), w.trigger.clone());
            vec![
                w.id.to_string(),
                plain(&w.symbol),
                w.side.clone(),
                w.kind.to_owned(),
                w.quantity.clone(),
                limit.unwrap_or_default(),
                trigger.unwrap_or_default(),
            ]
        });
        lines.push(String::new());
        lines.push(drawn(&head, rows));
    }
    let skipped = state.recent.len().saturating_sub(RECENT);
    let recent = state.recent.iter().skip(skipped);
    lines.push(String::new());
    lines.extend(recent.map(|(tick, line)| format!("tick {tick}: {}", plain(line))));
    lines.join("\n")
}

pub(super) fn drawn(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head = head.iter().map(|word| (*word).to_owned()).collect();
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// `stockade diff`.
pub(super) fn diff(ask: &Diff, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let live = [Some(&ask.a), ask.b.as_ref()]
        .into_iter()
        .flatten()
        .find(|name| past::is_live(Path::new(name)));
    let (a, b) = match (live, &ask.b) {
        (Some(_), None) => return super::live::diff(Path::new(&ask.a), ask.limit, output),
        (Some(live), Some(_)) => {
            return Err(usage(format!(
                "{live} is a live session: it is held against the backtest of its own rows, so name it alone"
            )));
        }
        (None, None) => {
            return Err(usage(format!(
                "{} has no live session, and a run is held against another one: name both",
                ask.a
            )));
        }
        (None, Some(b)) => (&ask.a, b),
    };
    let places = places(settings, &ask.out);
    let (a, b) = (PastRun::find(a, &places)?, PastRun::find(b, &places)?);
    let found = past::compare(&a, &b, &catalog(settings)?)?;
    output.show(&found, |found| differences(found, ask.limit))?;
    Ok(if found.differences.is_empty() { Ending::Done } else { Ending::Findings })
}

fn differences(found: &Compared, limit: usize) -> String {
    let [a, b] = &found.runs;
    let mut lines = vec![format!("a  {a}"), format!("b  {b}")];
    let pair =
        |what: &str, [a, b]: [&String; 2]| format!("{what}: {} against {}", plain(a), plain(b));
    if found.data[0] != found.data[1] {
        lines.push(pair("data differ", [&found.data[0], &found.data[1]]));
    }
    lines.extend(found.bars.iter().map(|bar| format!("first other bar: {}", plain(bar))));
    if found.semantics[0] != found.semantics[1] {
        let [a, b] = found.semantics.map(|number| number.to_string());
        lines.push(pair("semantics differ", [&a, &b]));
    }
    lines.extend(found.rules.iter().map(|(key, a, b)| pair(&format!("rule {key}"), [a, b])));
    lines.extend(found.notes.iter().map(|note| plain(note)));
    let count = found.differences.len();
    lines.push(match count {
        0 if found.identical => format!("{} trades, all the same, to the bit", found.same),
        0 => format!("{} trades, all the same", found.same),
        _ => format!("{} trades are the same, {count} differ; the first:", found.same),
    });
    if count > 0 {
        let head = ["decided", "symbol", "side", "a", "b", "cause"];
        let rows = found.differences.iter().take(limit).map(|one| {
            [&one.decided, &one.symbol, &one.side, &one.a, &one.b, &one.why]
                .map(|text| plain(text))
                .to_vec()
        });
        lines.push(drawn(&head, rows));
    }
    if count > limit {
        lines.push(format!("and {} more: --limit shows them, --json has all", count - limit));
    }
    lines.join("\n")
}

/// `stockade reproduce`.
pub(super) fn reproduce(
    ask: &Reproduce,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    let past = PastRun::find(&ask.result, &places(settings, &ask.out))?;
    super::interrupt::listen()?;
    let bar = output.progress("again");
    let shown = bar.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let tell = move |done, total| {
        shown.set_length(total);
        shown.set_position(done);
        stopping.store(super::interrupt::asked(), Ordering::Relaxed);
    };
    let watch = Watch::new(tell, stop);
    let repeated = past::repeat(&past, &catalog(settings)?, &watch);
    bar.finish_and_clear();
    let (repeated, computed) = repeated?;
    output.show(&repeated, report)?;
    if repeated.is_same() {
        return Ok(Ending::Done);
    }
    if let Some(keep) = &ask.keep {
        let place = computed.files.place(keep, &past.document.run_id)?;
        output.note(&format!("what came out now: {}", place.display()));
    }
    Ok(Ending::Findings)
}

fn report(found: &Repeated) -> String {
    let same = |same: bool| if same { "the same" } else { "DIFFERS" };
    let mut lines = vec![
        format!("run        {}", found.run_id),
        format!("data       {} ({})", plain(&found.dataset), found.data),
    ];
    let (then, now) = found.semantics;
    lines.push(if then == now {
        format!("semantics  {now}, the same")
    } else {
        format!("semantics  {then} then, {now} now: the engine's meaning has changed since")
    });
    lines.push(format!("digest     {}", same(found.digest.0 == found.digest.1)));
    lines.push(format!("  then     {}", plain(&found.digest.0)));
    lines.push(format!("  now      {}", found.digest.1));
    lines.extend(found.files.iter().map(|(name, is)| format!("{name:<14} {}", same(*is))));
    lines.join("\n")
}
