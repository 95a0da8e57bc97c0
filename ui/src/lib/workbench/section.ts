/** One date's values over all names, and several factors of it beside each other. */

export interface SectionRow {
  symbol: string;
  value: number | null;
  /** Average rank among the names with a value ÷ their number, as `rank` does it; null without a value. */
  rank: number | null;
}

export function sectionRows(symbols: readonly string[], values: readonly (number | null)[]): SectionRow[] {
  const ranks = averageRanks(values);
  const count = values.filter((value) => value !== null).length;
  return symbols.map((symbol, at) => {
    const rank = ranks[at] ?? null;
    return { symbol, value: values[at] ?? null, rank: rank === null ? null : rank / count };
  });
}

/** From 1; equal values share the mean of their ranks. */
function averageRanks(values: readonly (number | null)[]): (number | null)[] {
  const order = values.flatMap((value, at) => (value === null ? [] : [{ value, at }])).sort((a, b) => a.value - b.value);
  const ranks: (number | null)[] = values.map(() => null);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to + 1 < order.length && order[to + 1]?.value === order[from]?.value) to += 1;
    for (let i = from; i <= to; i += 1) ranks[order[i]?.at ?? 0] = (from + to) / 2 + 1;
    from = to + 1;
  }
  return ranks;
}

/** The names that have both values. */
export function pairs(symbols: readonly string[], xs: readonly (number | null)[], ys: readonly (number | null)[]): { name: string; x: number; y: number }[] {
  return symbols.flatMap((name, at) => {
    const [x, y] = [xs[at] ?? null, ys[at] ?? null];
    return x === null || y === null ? [] : [{ name, x, y }];
  });
}

/** Rank correlation over the names with both values; null with fewer than three or without a spread. */
export function rankCorrelation(points: readonly { x: number; y: number }[]): number | null {
  if (points.length < 3) return null;
  const xs = averageRanks(points.map((point) => point.x)) as number[];
  const ys = averageRanks(points.map((point) => point.y)) as number[];
  const middle = (points.length + 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  xs.forEach((x, at) => {
    const y = ys[at] ?? middle;
    xy += (x - middle) * (y - middle);
    xx += (x - middle) ** 2;
    yy += (y - middle) ** 2;
  });
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : null;
}

/** A name that no other has yet: `alpha`, `alpha 2`, `alpha 3`. */
export function distinct(name: string, taken: readonly string[]): string {
  const base = [...name].slice(0, 58).join('');
  for (let n = 1; ; n += 1) {
    const candidate = n === 1 ? base : `${base} ${n}`;
    if (!taken.includes(candidate)) return candidate;
  }
}

/** Whole numbers from 1 to `most` in a text, each once, ascending; null where something else stands. */
export function horizonsOf(text: string, most = 504): number[] | null {
  const parts = text.split(/[\s,;]+/).filter((part) => part !== '');
  const found = parts.map(Number);
  if (found.length === 0 || found.length > 20 || !parts.every((part) => /^\d+$/.test(part)) || found.some((n) => n < 1 || n > most)) return null;
  return [...new Set(found)].sort((a, b) => a - b);
}
