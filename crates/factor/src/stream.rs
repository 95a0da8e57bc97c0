//! Row after row: the same program that runs over panels, its state kept between calls.

use crate::kernels::raise;
use crate::machine::{Cells, Chunk, Lanes, Machine, Program, Target};
use crate::{Error, Plan};
use market::{Panel, Timestamp};
use std::sync::{Arc, atomic::AtomicBool};

/// A plan that is given its rows as they come, one or many at a time.
///
/// The results have the bits that [`Plan::evaluate`] gives for the same rows, however they are cut.
/// It holds what the windows need, never the history.
pub struct Stream {
    program: Program,
    chunks: usize,
    failed: bool,
    results: Vec<Vec<f64>>,
    lanes: Lanes,
}

impl Stream {
    pub(crate) fn new(plan: &Plan, names: usize) -> Self {
        Self::of(Program::new(plan, Panel::stride_of(names), names))
    }

    /// Of a single name, whose cells lie side by side.
    pub(crate) fn lone(plan: &Plan) -> Self {
        Self::of(Program::new(plan, 1, 1))
    }

    fn of(program: Program) -> Self {
        let results = (0..program.results()).map(|_| Vec::new()).collect();
        Self { program, chunks: 0, failed: false, results, lanes: Lanes::default() }
    }

    /// The fields it takes, in the order in which [`Stream::push`] takes them.
    #[must_use]
    pub fn fields(&self) -> &[Arc<str>] {
        &self.program.fields
    }

    /// The group labels it takes, in the order in which [`Stream::push`] takes them.
    #[must_use]
    pub fn groups(&self) -> &[Arc<str>] {
        &self.program.groups
    }

    /// Cells of a row: the names, padded to whole lanes; 1 for [`Plan::lone_stream`].
    #[must_use]
    pub const fn stride(&self) -> usize {
        self.program.stride
    }

    /// Takes the next rows: their times, and of each field and label `times × stride` cells.
    ///
    /// A slice of another length fails and changes nothing. After a cancellation the stream has lost
    /// its place: every later call fails.
    pub fn push(
        &mut self,
        times: &[Timestamp],
        (fields, labels): (&[&[f64]], &[&[u32]]),
        cancel: &AtomicBool,
    ) -> Result<(), Error> {
        let cells = times.len() * self.program.stride;
        let fits = fields.len() == self.program.fields.len()
            && labels.len() == self.program.groups.len()
            && fields.iter().all(|field| field.len() == cells)
            && labels.iter().all(|codes| codes.len() == cells);
        if !fits {
            return Err(Error::Shape { cells });
        }
        if self.failed {
            return Err(Error::Cancelled);
        }
        let fields = fields.iter().map(|field| Cells::Wide(field)).collect();
        let labels = labels.to_vec();
        let broken = &AtomicBool::new(false);
        let chunk = Chunk { at: self.chunks, times, fields, labels, cancel, broken };
        for result in &mut self.results {
            result.resize(cells, 0.0);
        }
        let results = self.results.iter_mut().map(|result| Target::Wide(result)).collect();
        let lanes = std::mem::take(&mut self.lanes);
        let mut machine = Machine::with(&self.program, times.len(), lanes);
        let done = machine.run(&chunk, results);
        self.lanes = machine.into_lanes();
        self.failed = done.is_err();
        self.chunks += 1;
        done
    }

    /// Adds to the bits of cells `on` where a result is true, and `off` where it is false; missing
    /// adds nothing. The cells are those of [`Stream::result`] from a place on.
    pub fn raise(&self, (at, from): (usize, usize), (on, off): (u8, u8), bits: &mut [u8]) {
        raise(bits, self.result(at).get(from..).unwrap_or(&[]), on, off);
    }

    /// The rows of a result, by its place in the plan, that the last [`Stream::push`] gave.
    #[must_use]
    pub fn result(&self, at: usize) -> &[f64] {
        self.results.get(at).map_or(&[], Vec::as_slice)
    }
}
