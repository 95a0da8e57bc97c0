/** Geometry of the small plots: pure, in pixels, drawn with SVG attributes only. */

export interface Scale {
  low: number;
  high: number;
  ticks: number[];
}

/** Round numbers that hold all values: steps of 1, 2 or 5 times a power of ten. */
export function niceScale(values: readonly number[], { zero = false, count = 4 } = {}): Scale {
  let low = zero ? 0 : Infinity;
  let high = zero ? 0 : -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) [low, high] = [0, 1];
  if (low === high) {
    const room = Math.abs(low) * 0.1 || 1;
    if (!zero || low > 0) high += room;
    if (!zero || low < 0) low -= room;
    if (low === high) high += room;
  }
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((one) => one * power >= raw * 0.999) ?? 10) * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  // One product for each tick: adding up would carry its error along.
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
  return { low: ticks[0] ?? low, high: ticks.at(-1) ?? high, ticks };
}

/** Where a value stands between two edges. */
export function place(value: number, scale: Pick<Scale, 'low' | 'high'>, from: number, to: number): number {
  const share = (value - scale.low) / (scale.high - scale.low || 1);
  return Math.round((from + share * (to - from)) * 10) / 10;
}

export interface Bin {
  low: number;
  high: number;
  count: number;
}

/** How often values fall between round edges; the last bin holds its upper edge. */
export function histogram(values: readonly (number | null)[], count = 20): Bin[] {
  const present = values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (present.length === 0) return [];
  const { low, high, ticks } = niceScale(present, { count });
  const width = (high - low) / Math.max(1, ticks.length - 1);
  const bins = ticks.slice(0, -1).map((edge, index) => ({ low: edge, high: ticks[index + 1] ?? edge, count: 0 }));
  for (const value of present) {
    const at = Math.min(bins.length - 1, Math.max(0, Math.floor((value - low) / width)));
    const bin = bins[at];
    if (bin) bin.count += 1;
  }
  return bins;
}

/** The mean of the last `window` present values at each place; null before there are enough of them. */
export function runningMean(values: readonly (number | null)[], window: number, least = Math.ceil(window / 2)): (number | null)[] {
  return values.map((_, index) => {
    let sum = 0;
    let n = 0;
    for (let at = Math.max(0, index - window + 1); at <= index; at += 1) {
      const value = values[at];
      if (value === null || value === undefined) continue;
      sum += value;
      n += 1;
    }
    return n >= least ? sum / n : null;
  });
}

/** Less the mean, divided by the standard deviation of what is shown; null where nothing differs. */
export function standardise(values: readonly (number | null)[]): (number | null)[] {
  const present = values.filter((value): value is number => value !== null);
  const mean = present.reduce((sum, value) => sum + value, 0) / present.length;
  const deviation = Math.sqrt(present.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (present.length - 1));
  return values.map((value) => (value === null || !(deviation > 0) ? null : (value - mean) / deviation));
}

export interface Extent {
  low: number;
  high: number;
  last: number;
  count: number;
}

/** Lowest, highest and last present value. */
export function extent(values: readonly (number | null)[]): Extent | null {
  const found: Extent = { low: Infinity, high: -Infinity, last: Number.NaN, count: 0 };
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    found.low = Math.min(found.low, value);
    found.high = Math.max(found.high, value);
    found.last = value;
    found.count += 1;
  }
  return found.count > 0 ? found : null;
}
