//! Running: what starts, in which order, and what is wired to what.

mod calls;
mod input;
mod keeper;
mod live;
mod look;
mod market;
mod notices;
mod paper;
mod pilot;
mod recorder;
mod replay;
mod session;
mod setup;
mod startup;
mod tape;
#[cfg(test)]
mod tests;
mod wire;
mod world;

pub use calls::{Calls, Whose};
pub use input::{Arrival, Do, Input, LineId, Outbox, RequestId, Switch, Told};
pub use keeper::{Keeper, Kept};
pub use live::{Live, Parts, Refused, STALE_NANOS};
pub use look::{Around, kind, live as look, purpose, says};
pub use market::{Market, ahead};
pub use notices::barrier_of;
pub use paper::{Compared, Paper, compare, series};
pub use pilot::{Ended, Pilot, Until};
pub use recorder::{Recorded, Recorder};
pub use replay::{Began, Onlooker, Replayed, Seen, listed_in, plan_of, replay, retell, retrace};
pub use session::{
    Manner, Shown, check_key, fenced, flatten, live as run_live, paper as run_paper, scope_of,
};
pub use setup::{Beginning, Plan, WarmRow, history, instruments, native, warm};
pub use startup::{Reached, check_scope, machine_time};
pub use tape::{
    Entry, Head, LAYOUT, Tape, all as all_tapes, head as head_of_tape, latest as latest_tape,
    make_private, read as read_tape,
};
pub use wire::{Wire, of_http};
pub use world::World;

use anyhow::{Context, bail};
use engine::{Convention, Strategy};
use seal::Secret;
use std::path::Path;

/// How a passphrase is asked for.
pub type AskSecret<'a> = &'a mut dyn FnMut() -> anyhow::Result<Secret<String>>;

/// The text of a strategy file.
pub fn strategy_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the strategy {}", path.display()))
}

/// A strategy that can be traded as things happen.
pub fn strategy(text: &str, path: &Path) -> anyhow::Result<Strategy> {
    let listed = |problems: Vec<engine::Problem>| {
        let lines: Vec<String> =
            problems.iter().map(|one| format!("{}: {one}", path.display())).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    };
    let strategy = engine::parse_strategy(text).map_err(listed)?;
    if strategy.convention == Convention::SameClose {
        bail!(
            "{}: `convention: {}` fills at the price that was used to decide; it cannot be traded: write `next_open`",
            path.display(),
            strategy.convention
        );
    }
    if strategy.clock.counts_quotes() {
        bail!("{}: strategies on quotes are not traded by the bot yet: use `bar:`", path.display());
    }
    Ok(strategy)
}
