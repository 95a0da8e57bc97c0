//! Earlier rows of an input, kept beside the current ones.

/// The last rows of an input and the current ones, side by side in one slice.
///
/// The room holds the kept rows several times over, so they are moved only now and then.
#[derive(Debug)]
pub(crate) struct History {
    cells: Vec<f64>,
    /// Cells to keep for later rows.
    kept: usize,
    /// Where the valid cells end.
    end: usize,
}

impl History {
    /// Keeps so many earlier rows of so many cells.
    pub(crate) fn new(rows: usize, stride: usize) -> Self {
        Self { cells: Vec::new(), kept: rows * stride, end: 0 }
    }

    /// Takes the next cells, whole rows; gives the kept rows with them and where they begin.
    pub(crate) fn push(&mut self, x: &[f64]) -> (&[f64], usize) {
        let mut first = self.end;
        if first + x.len() > self.cells.len() {
            let keep = self.kept.min(first);
            self.cells.copy_within(first - keep..first, 0);
            first = keep;
            // Room for the kept rows twice: at most half of all pushes' cells are moved again.
            let room = (2 * self.kept).max(keep + x.len());
            if self.cells.len() < room {
                self.cells.resize(room, f64::NAN);
            }
        }
        self.end = first + x.len();
        self.cells[first..self.end].copy_from_slice(x);
        let from = first - self.kept.min(first);
        (&self.cells[from..self.end], first - from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_rows_stand_before_the_new_ones_however_they_come() {
        let all: Vec<f64> = (0..600).map(f64::from).collect();
        for (rows, step) in [(0, 1), (1, 1), (3, 1), (3, 2), (5, 20), (40, 1), (40, 7), (300, 3)] {
            let stride = 2;
            let mut history = History::new(rows, stride);
            for (i, x) in all.chunks(step * stride).enumerate() {
                let (seen, first) = history.push(x);
                let at = i * step * stride;
                let kept = (rows * stride).min(at);
                assert_eq!((seen, first), (&all[at - kept..at + x.len()], kept));
            }
        }
    }
}
