//! Panels of datasets, the last few kept in memory: a person looks at one dataset many times.

use super::{Desk, Result};
use catalog::panel_bytes;
use market::{Adjustment, Panel};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Bytes of all panels that are kept; the last one is kept however large it is.
const KEPT_BYTES_MAX: u64 = 512 << 20;
/// Bytes that one panel may have.
pub const PANEL_BYTES_MAX: u64 = 4 << 30;

/// Which panel: the digest of the dataset's columns, and how splits are dealt with.
type Key = (String, Adjustment);

/// Panels in memory, the last used first.
#[derive(Debug, Default)]
pub(super) struct Panels(Mutex<VecDeque<(Key, Arc<Panel>)>>);

impl Panels {
    fn find(&self, key: &Key) -> Option<Arc<Panel>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == key)?;
        let found = kept.remove(at)?;
        let panel = Arc::clone(&found.1);
        kept.push_front(found);
        Some(panel)
    }

    fn keep(&self, key: Key, panel: &Arc<Panel>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != key);
        kept.push_front((key, Arc::clone(panel)));
        let mut bytes = 0;
        let mut fitting = 0;
        for (_, panel) in kept.iter() {
            bytes += panel_bytes(panel);
            fitting += usize::from(bytes <= KEPT_BYTES_MAX);
        }
        kept.truncate(fitting.max(1));
    }
}

impl Desk {
    /// A dataset as a panel, its fields those of [`super::panel_schema`], beside the digest of
    /// the columns that it is made of. Where it may block.
    pub(super) fn panel(
        &self,
        dataset: &str,
        adjustment: Adjustment,
    ) -> Result<(String, Arc<Panel>)> {
        let key = (self.catalog().manifest(dataset)?.dataset.digest, adjustment);
        if let Some(panel) = self.panels().find(&key) {
            return Ok((key.0, panel));
        }
        // An import may have come in between: what was read says what it is.
        let read = self.catalog().panel(dataset, None, adjustment, PANEL_BYTES_MAX)?;
        let (digest, panel) = (read.0, Arc::new(read.1));
        self.panels().keep((digest.clone(), adjustment), &panel);
        Ok((digest, panel))
    }
}
