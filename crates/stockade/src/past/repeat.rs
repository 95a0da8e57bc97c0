//! Doing a past run once more and holding what comes out against what came out then.

use super::PastRun;
use crate::desk::{self, Computed, Result, Watch};
use catalog::Catalog;
use engine::SEMANTICS;
use serde::Serialize;

/// What a repetition found.
#[derive(Debug, Serialize)]
pub struct Repeated {
    /// The run that was repeated.
    pub run_id: String,
    /// The dataset that has its columns.
    pub dataset: String,
    /// The digest of the columns.
    pub data: String,
    /// The semantics' number of the engine that made it, and of this one.
    pub semantics: (u32, u32),
    /// The outcome's digest, then and now.
    pub digest: (String, String),
    /// Each of its files, and whether every byte is the same.
    pub files: Vec<(&'static str, bool)>,
}

impl Repeated {
    /// Whether everything is as it was.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.digest.0 == self.digest.1 && self.files.iter().all(|(_, same)| *same)
    }
}

/// Runs it again on the data that it ran on. Gives what was found, and what came out now.
pub fn repeat(past: &PastRun, catalog: &Catalog, watch: &Watch) -> Result<(Repeated, Computed)> {
    let (text, strategy) = (&past.document.strategy.text, &past.strategy);
    let (dataset, computed) = if strategy.clock.counts_quotes() {
        let dataset = past.quotes(catalog)?;
        // What is written on the way lies in a directory of its own until the end.
        let place = std::env::temp_dir();
        let run = (strategy, text.as_str());
        let computed = desk::compute_on_quotes((catalog, &place), run, &dataset, watch)?;
        (dataset, computed)
    } else {
        let (dataset, series) = past.series(catalog)?;
        (dataset, desk::compute_on(strategy, text, &series, watch)?)
    };
    let repeated = Repeated {
        run_id: past.document.run_id.clone(),
        dataset,
        data: past.document.data.digest.clone(),
        semantics: (past.document.engine.semantics, SEMANTICS),
        digest: (past.document.digest.clone(), computed.digest.clone()),
        files: computed.files.compared(&past.directory),
    };
    Ok((repeated, computed))
}
