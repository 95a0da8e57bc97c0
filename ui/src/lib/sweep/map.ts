/** Many sets as a map of two axes: what stands in a cell, where the plateau is, which colour says what. Pure. */

export type Better = 'high' | 'low';

/** The finished sets of a sweep by column: their places on each axis, and one measure. */
export interface Points {
  /** Number of each set. */
  sets: ArrayLike<number>;
  /** Places on the axis across. */
  x: ArrayLike<number>;
  /** Places on the axis upwards; null where there is one axis only. */
  y: ArrayLike<number> | null;
  /** NaN where a set has no such figure. */
  values: ArrayLike<number>;
  /** Other axes that are held at one place. */
  held: readonly { places: ArrayLike<number>; at: number }[];
}

/** Cell `row * columns + column`; what is not there is NaN, and -1 for a set. */
export interface Grid {
  columns: number;
  rows: number;
  values: Float64Array;
  /** The set that a cell shows. */
  sets: Int32Array;
  /** How many sets fell into it. */
  counts: Uint32Array;
}

/** Of several sets in a cell: the best one, or the middle one. Of two middle ones the worse is taken. */
export type Rest = 'best' | 'median';

export function project(points: Points, size: { columns: number; rows: number }, better: Better, rest: Rest): Grid {
  const cells = size.columns * size.rows;
  const grid: Grid = { ...size, values: new Float64Array(cells).fill(NaN), sets: new Int32Array(cells).fill(-1), counts: new Uint32Array(cells) };
  const inside: number[][] = [];
  for (let row = 0; row < points.sets.length; row += 1) {
    if (points.held.some(({ places, at }) => places[row] !== at)) continue;
    const [x, y] = [points.x[row] ?? -1, points.y ? (points.y[row] ?? -1) : 0];
    if (x < 0 || y < 0 || x >= size.columns || y >= size.rows) continue;
    (inside[y * size.columns + x] ??= []).push(row);
  }
  const sign = better === 'high' ? 1 : -1;
  const value = (row: number) => points.values[row] ?? NaN;
  inside.forEach((rows, cell) => {
    grid.counts[cell] = rows.length;
    // The best first; those without a figure are not chosen while another has one.
    const ranked = rows.filter((row) => !Number.isNaN(value(row))).sort((a, b) => sign * (value(b) - value(a)) || a - b);
    const chosen = ranked[rest === 'best' ? 0 : Math.floor(ranked.length / 2)] ?? rows[0];
    if (chosen === undefined) return;
    grid.values[cell] = value(chosen);
    grid.sets[cell] = points.sets[chosen] ?? -1;
  });
  return grid;
}

/** The value below which a share of sorted values lies; between two of them in proportion. */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return NaN;
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] ?? NaN, sorted[Math.ceil(at)] ?? NaN];
  return low + (high - low) * (at - Math.floor(at));
}

function present(values: ArrayLike<number>): number[] {
  return Array.from(values).filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
}

/** A neighbourhood with fewer cells than these says too little; a corner of the map has four. */
const NEIGHBOURS_MIN = { line: 3, plane: 5 };
/** How near is near: this share of the span between the 5th and the 95th of a hundred values. */
const NEAR = 0.1;

export interface Plateau {
  /** Median of the 3 × 3 cells around each cell, itself among them; NaN where too few are there. */
  scores: Float64Array;
  /** The cell with the best figure; -1 where there is none. */
  peak: number;
  /**
   * The cell with the best score of those that are near to their own; of equal ones the one with more neighbours,
   * then the nearer. -1 where there is none.
   */
  best: number;
  /** 1 for the cells of the plateau: joined to the best one, with scores near its own, and near to their scores. */
  inside: Uint8Array;
  /** What counts as near. */
  near: number;
}

export function plateau(grid: Grid, better: Better): Plateau {
  const { values } = grid;
  const sign = better === 'high' ? 1 : -1;
  const line = grid.columns === 1 || grid.rows === 1;
  const enough = line ? NEIGHBOURS_MIN.line : NEIGHBOURS_MIN.plane;
  const scores = new Float64Array(values.length).fill(NaN);
  const around = new Uint8Array(values.length);
  values.forEach((value, cell) => {
    if (!Number.isFinite(value)) return;
    const there = block(grid, cell).map((one) => values[one] ?? NaN).filter(Number.isFinite);
    around[cell] = there.length;
    if (there.length >= enough) scores[cell] = quantile(there.sort((a, b) => a - b), 0.5);
  });
  const all = present(values);
  const near = all.length > 0 ? NEAR * (quantile(all, 0.95) - quantile(all, 0.05)) : 0;
  const off = (cell: number) => Math.abs((values[cell] ?? NaN) - (scores[cell] ?? NaN));
  const steady = [...scores.keys()].filter((cell) => off(cell) <= near);
  steady.sort((a, b) => sign * ((scores[b] ?? 0) - (scores[a] ?? 0)) || (around[b] ?? 0) - (around[a] ?? 0) || off(a) - off(b) || a - b);
  const best = steady[0] ?? -1;
  return { scores, peak: top(values, sign), best, inside: flood(grid, scores, best, near), near };
}

function block(grid: Grid, cell: number): number[] {
  const [x, y] = [cell % grid.columns, Math.floor(cell / grid.columns)];
  const out: number[] = [];
  for (let row = Math.max(0, y - 1); row <= Math.min(grid.rows - 1, y + 1); row += 1) {
    for (let column = Math.max(0, x - 1); column <= Math.min(grid.columns - 1, x + 1); column += 1) out.push(row * grid.columns + column);
  }
  return out;
}

function top(values: Float64Array, sign: number): number {
  let best = -1;
  values.forEach((value, cell) => {
    if (Number.isFinite(value) && (best < 0 || sign * value > sign * (values[best] ?? NaN))) best = cell;
  });
  return best;
}

function flood(grid: Grid, scores: Float64Array, from: number, near: number): Uint8Array {
  const inside = new Uint8Array(scores.length);
  if (from < 0) return inside;
  const level = scores[from] ?? NaN;
  const belongs = (cell: number) => {
    const score = scores[cell] ?? NaN;
    return Math.abs(score - level) <= near && Math.abs((grid.values[cell] ?? NaN) - score) <= near;
  };
  inside[from] = 1;
  const open = [from];
  for (let cell = open.pop(); cell !== undefined; cell = open.pop()) {
    const x = cell % grid.columns;
    const beside = [x > 0 ? cell - 1 : -1, x < grid.columns - 1 ? cell + 1 : -1, cell - grid.columns, cell + grid.columns];
    for (const one of beside) {
      if (one < 0 || one >= scores.length || inside[one] || !belongs(one)) continue;
      inside[one] = 1;
      open.push(one);
    }
  }
  return inside;
}

/** Steps of colour on either side of the middle. */
export const STEPS = 5;
/** Towards the better (positive) or the worse (negative); 0 is the middle. */
export type MapStep = 0 | 1 | 2 | 3 | 4 | 5 | -1 | -2 | -3 | -4 | -5;

export interface Scale {
  /** What the middle colour stands for, and whether it is a natural one (0, or 1 for a factor) or the median. */
  centre: number;
  natural: boolean;
  /** How far from the centre the colour is full: 98 of a hundred values are nearer. */
  full: number;
  better: Better;
}

export function scaleOf(values: ArrayLike<number>, natural: number | null, better: Better): Scale {
  const all = present(values);
  const [low, high] = [all[0] ?? 0, all.at(-1) ?? 0];
  // Where all lie on one side, half of the colours would say nothing.
  const fits = natural !== null && low <= natural && high >= natural;
  const centre = fits ? natural : all.length > 0 ? quantile(all, 0.5) : 0;
  const far = all.map((value) => Math.abs(value - centre)).sort((a, b) => a - b);
  const full = quantile(far, 0.98);
  return { centre, natural: fits, full: full > 0 ? full : far.at(-1) || 1, better };
}

/** The step of a value; null where there is none. */
export function stepOf(value: number, scale: Scale): MapStep | null {
  if (!Number.isFinite(value)) return null;
  const share = (value - scale.centre) / scale.full;
  // The middle step is as wide as the others: half of it lies on either side.
  const step = Math.round(share * STEPS);
  const kept = Math.max(-STEPS, Math.min(STEPS, step)) * (scale.better === 'high' ? 1 : -1);
  return (kept === 0 ? 0 : kept) as MapStep;
}
