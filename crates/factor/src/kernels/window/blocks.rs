//! A window of n rows put together from blocks of 1, 2, 4, … rows, each made of two of half its
//! size: about log2(n) merges for a cell instead of n, in an order that only the place inside the
//! window fixes.
//!
//! A window that may have gaps counts the values of every block and weighs by these counts; without
//! a gap it has the bits of the window that needs all values.

use super::{Kind, Lanes, W};
use crate::scalar::finite;
use std::marker::PhantomData;

/// What is known of a block of rows: `K` numbers for each name.
pub(super) trait Merge<const K: usize>: Send + 'static {
    /// Two blocks that overlap merge as well as two that do not.
    const IDEMPOTENT: bool = false;
    /// A block without a value; merged with another one it gives that one.
    const EMPTY: [f64; K];

    /// A block of one row. Missing stays so, whatever it is merged with.
    fn of(x: f64, y: f64) -> [f64; K];

    fn merge(newer: [f64; K], older: [f64; K], weights: Weights) -> [f64; K];

    /// What the operator gives; an infinite value becomes missing.
    fn value(whole: [f64; K], window: Ending) -> f64;
}

/// A window's newest row and its number of values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    /// Rows of the window.
    pub(super) rows: f64,
    /// Valid values of the window.
    pub(super) count: f64,
    /// The newest value.
    pub(super) now: f64,
}

/// How much the older of two blocks weighs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights {
    /// Rows between the newest rows of the two.
    pub(super) rows: f64,
    /// Rows of the older one.
    pub(super) before: f64,
    /// Values of the newer one.
    pub(super) newer: f64,
    /// older / (newer + older)
    pub(super) share: f64,
    /// newer · older / (newer + older)
    pub(super) cross: f64,
}

impl Weights {
    #[inline(always)]
    fn of(newer: f64, older: f64, (rows, before): (f64, f64)) -> Self {
        let both = newer + older;
        let share = older / if both > 0.0 { both } else { 1.0 };
        Self { rows, before, newer, share, cross: newer * share }
    }
}

/// The blocks of a window; `GAPS` if it may have some.
pub(super) struct Blocks<M, const K: usize, const GAPS: bool> {
    n: usize,
    least: f64,
    levels: Vec<Level>,
    merge: PhantomData<M>,
}

/// One size of blocks: `size` rows each, a power of two.
#[derive(Debug, Clone, Copy)]
struct Level {
    size: usize,
    /// Where its ring begins: the blocks that end at the last rows, as many as are read again.
    ring: usize,
    /// How a window takes a block of this size, if it does.
    part: Part,
    /// Of two blocks of this size that make one of twice the size.
    half: Weights,
}

/// A window's use of a block.
#[derive(Debug, Clone, Copy)]
enum Part {
    None,
    /// The window begins with the newest block.
    Newest,
    /// The block before the newest so many rows is put before them.
    Before(usize, Weights),
    /// An older block, n − size rows earlier, is laid over the newest one.
    Over(Weights),
}

impl Level {
    /// The sizes that make up a window of n rows, from 1 to the largest power of two in it.
    fn of(n: usize, overlap: bool) -> Vec<Self> {
        let weights = |newer: usize, older: usize| {
            let (newer, older) = (newer as f64, older as f64);
            Weights::of(newer, older, (newer, older))
        };
        let (mut levels, mut size, mut covered) = (Vec::new(), 1, 0);
        while size <= n {
            let last = size * 2 > n;
            let part = if overlap && last && n > size {
                Part::Over(weights(n - size, size))
            } else if (overlap && !last) || n & size == 0 {
                Part::None
            } else if covered == 0 {
                Part::Newest
            } else {
                Part::Before(covered, weights(covered, size))
            };
            covered += n & size;
            levels.push(Self { size, ring: size - 1, part, half: weights(size, size) });
            size *= 2;
        }
        levels
    }
}

/// What is known of a block, for `W` names side by side.
#[derive(Clone)]
struct Block<const K: usize> {
    parts: [Lanes; K],
    /// Valid values; used only where there may be gaps.
    counts: Lanes,
}

impl<const K: usize> Block<K> {
    #[inline(always)]
    fn at(&self, j: usize) -> [f64; K] {
        std::array::from_fn(|k| self.parts[k][j])
    }

    #[inline(always)]
    fn put(&mut self, j: usize, parts: [f64; K]) {
        for k in 0..K {
            self.parts[k][j] = parts[k];
        }
    }
}

/// The rings of a tile.
pub(super) struct Rings<const K: usize> {
    blocks: Vec<Block<K>>,
    /// Rows so far.
    row: usize,
    /// The place of this row in the ring of the largest blocks.
    turn: usize,
}

impl<M: Merge<K>, const K: usize, const GAPS: bool> Blocks<M, K, GAPS> {
    pub(super) fn new(n: usize, least: usize) -> Self {
        let levels = Level::of(n, M::IDEMPOTENT && !GAPS);
        Self { n, least: least as f64, levels, merge: PhantomData }
    }

    /// What two blocks and their counts make together.
    #[inline(always)]
    fn both(
        (newer, more): ([f64; K], f64),
        (older, count): ([f64; K], f64),
        weights: Weights,
    ) -> ([f64; K], f64) {
        if GAPS {
            let weights = Weights::of(more, count, (weights.rows, weights.before));
            (M::merge(newer, older, weights), more + count)
        } else {
            (M::merge(newer, older, weights), 0.0)
        }
    }

    #[inline(always)]
    fn load(x: &Lanes, y: &Lanes) -> Block<K> {
        let mut block = Block { parts: [Lanes([0.0; W]); K], counts: Lanes([0.0; W]) };
        for j in 0..W {
            let gap = GAPS & (x[j].is_nan() | y[j].is_nan());
            let one = M::of(x[j], y[j]);
            for k in 0..K {
                block.parts[k][j] = if gap { M::EMPTY[k] } else { one[k] };
            }
            block.counts[j] = if gap { 0.0 } else { 1.0 };
        }
        block
    }

    /// Puts the older block before the newer one.
    #[inline(always)]
    fn prepend(newer: &mut Block<K>, older: &Block<K>, weights: Weights) {
        for j in 0..W {
            let (parts, count) =
                Self::both((newer.at(j), newer.counts[j]), (older.at(j), older.counts[j]), weights);
            newer.put(j, parts);
            if GAPS {
                newer.counts[j] = count;
            }
        }
    }

    /// Leaves the newer block in the place of the older one, and makes it the two together.
    #[inline(always)]
    fn double(newer: &mut Block<K>, place: &mut Block<K>, weights: Weights) {
        for j in 0..W {
            let (now, then) = ((newer.at(j), newer.counts[j]), (place.at(j), place.counts[j]));
            place.put(j, now.0);
            let (parts, count) = Self::both(now, then, weights);
            newer.put(j, parts);
            if GAPS {
                place.counts[j] = now.1;
                newer.counts[j] = count;
            }
        }
    }
}

impl<M: Merge<K>, const K: usize, const GAPS: bool> Kind for Blocks<M, K, GAPS> {
    type Tile = Rings<K>;

    fn fresh(&self) -> Rings<K> {
        let missing =
            std::array::from_fn(|k| Lanes([if GAPS { M::EMPTY[k] } else { f64::NAN }; W]));
        let block = Block { parts: missing, counts: Lanes([0.0; W]) };
        Rings { blocks: vec![block; self.n.saturating_sub(1)], row: 0, turn: 0 }
    }

    #[inline(always)]
    fn row(&self, tile: &mut Rings<K>, x: &Lanes, y: &Lanes, out: &mut Lanes) {
        let Some((largest, smaller)) = self.levels.split_last() else { return };
        let mut block = Self::load(x, y);
        let mut whole = block.clone();
        for level in smaller {
            let ring = &mut tile.blocks[level.ring..level.ring + level.size];
            match level.part {
                Part::None | Part::Over(..) => {}
                Part::Newest => whole = block.clone(),
                Part::Before(covered, weights) => {
                    let place = tile.row.wrapping_sub(covered) & (level.size - 1);
                    Self::prepend(&mut whole, &ring[place], weights);
                }
            }
            Self::double(&mut block, &mut ring[tile.row & (level.size - 1)], level.half);
        }
        // Of the largest blocks only those are kept that a later window reads, n − size of them.
        let ring = &mut tile.blocks[largest.ring..];
        match largest.part {
            Part::None | Part::Newest => whole = block,
            Part::Before(_, weights) => {
                Self::prepend(&mut whole, &ring[tile.turn], weights);
                ring[tile.turn] = block;
            }
            Part::Over(weights) => {
                whole = block.clone();
                Self::prepend(&mut whole, &ring[tile.turn], weights);
                ring[tile.turn] = block;
            }
        }
        tile.row += 1;
        tile.turn = if tile.turn + 1 < ring.len() { tile.turn + 1 } else { 0 };
        self.values(&whole, x, out);
    }

    fn steps(&self) -> usize {
        self.levels.len() * (K + 1) * 4
    }
}

impl<M: Merge<K>, const K: usize, const GAPS: bool> Blocks<M, K, GAPS> {
    #[inline(always)]
    fn values(&self, whole: &Block<K>, now: &Lanes, out: &mut Lanes) {
        let rows = self.n as f64;
        for j in 0..W {
            let count = if GAPS { whole.counts[j] } else { rows };
            let value = finite(M::value(whole.at(j), Ending { rows, count, now: now[j] }));
            out[j] = if count < self.least { f64::NAN } else { value };
        }
    }
}
