//! Which data: a file, or a dataset of the catalogue, where expressions count as tried.

use super::{MEMORY_BYTES_MAX, Place, set};
use crate::{
    cli::{
        factor_args::{Adjust, Data},
        interrupt, usage,
    },
    desk,
};
use catalog::Catalog;
use factor::{Expression, Limits, Plan, Run, Schema};
use market::{Adjustment, Panel};
use std::num::NonZeroUsize;

impl From<Adjust> for Adjustment {
    fn from(adjust: Adjust) -> Self {
        match adjust {
            Adjust::Splits => Self::Splits,
            Adjust::None => Self::Raw,
        }
    }
}

/// A panel and what is told of where it comes from.
pub(super) struct Loaded {
    pub panel: Panel,
    pub name: String,
    pub digest: String,
}

/// Reads the panel.
pub(super) fn load(source: &Data, place: &Place<'_>) -> anyhow::Result<Loaded> {
    match (&source.file, &source.dataset) {
        (Some(file), _) => {
            let panel = catalog::read_panel(file, MEMORY_BYTES_MAX)?;
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok(Loaded { panel, name, digest: String::new() })
        }
        (None, Some(name)) => {
            let catalog = Catalog::open(&desk::catalog_dir(&place.dir()?))?;
            let (digest, panel) =
                catalog.panel(name, None, source.adjust.into(), MEMORY_BYTES_MAX)?;
            Ok(Loaded { panel, name: name.clone(), digest })
        }
        (None, None) => Err(usage("give --data FILE or --dataset NAME")),
    }
}

/// Expressions made ready to run on a panel.
pub(super) struct Ready {
    pub set: Vec<(String, Expression)>,
    pub plan: Plan,
    /// Distinct expressions tried on the dataset by now; `None` for a file, where nobody counts.
    pub trials: Option<u64>,
}

/// Parses the texts against the names of the panel and counts them as tried on its dataset.
pub(super) fn ready(
    texts: &[(String, String)],
    schema: &Schema,
    source: &Data,
    place: &Place<'_>,
) -> anyhow::Result<Ready> {
    let set = set::parse_all(texts, schema)?;
    let plan = Plan::new(&set, schema, &Limits::default())?;
    let trials = match &source.dataset {
        Some(name) => {
            let desk = desk::connect(place.home()?)?;
            Some(desk.count_trials(name, &set::canonical(&set))?)
        }
        None => None,
    };
    Ok(Ready { set, plan, trials })
}

/// How a command line evaluates: on all cores unless told otherwise, until Ctrl-C.
pub(super) fn run(threads: Option<NonZeroUsize>) -> anyhow::Result<Run<'static>> {
    interrupt::listen()?;
    let threads = match threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
    };
    Ok(Run { threads, cancel: interrupt::flag(), memory_bytes_max: MEMORY_BYTES_MAX })
}
