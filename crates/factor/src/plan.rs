//! The plan.

use crate::{Error, Expression, Limits, Schema};
use market::{Column, Panel};
use std::{num::NonZeroUsize, sync::atomic::AtomicBool};

/// What a run takes, known before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Cells written, all nodes together.
    pub cells: u64,
    /// Elementary steps on one cell.
    pub work: u64,
    /// Bytes held at the peak, results included, the panel not.
    pub bytes: u64,
}

/// How a run is carried out; the result does not depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Threads to use.
    pub threads: NonZeroUsize,
    /// Raised by the caller to stop the run.
    pub cancel: &'a AtomicBool,
    /// Bytes the run may hold at its peak.
    pub memory_bytes_max: u64,
}

/// Expressions made ready to run together: what they share is computed once.
#[derive(Debug, Clone)]
pub struct Plan {}

impl Plan {
    /// Joins named expressions.
    pub fn new(set: &[(String, Expression)], schema: &Schema, limits: &Limits) -> Result<Self, Error> {
        let _ = (set, schema, limits);
        unimplemented!()
    }

    /// What a run over a panel of this size takes.
    #[must_use]
    pub fn cost(&self, rows: usize, names: usize) -> Cost {
        let _ = (rows, names);
        unimplemented!()
    }

    /// Computes every expression over the panel, in the order given to [`Plan::new`].
    pub fn evaluate(&self, panel: &Panel, run: &Run<'_>) -> Result<Vec<(String, Column)>, Error> {
        let _ = (panel, run);
        unimplemented!()
    }
}
