/** Which rows are shown, and in which order. Pure, on places of rows: the data stay where they are. */
import type { Direction } from '../sort';
import type { Data } from './data';

export type Filter =
  | { kind: 'range'; min: number | null; max: number | null }
  | { kind: 'choice'; word: string }
  | { kind: 'contains'; text: string };

/** A filter that lets everything through is none. */
export function isIdle(filter: Filter): boolean {
  if (filter.kind === 'range') return filter.min === null && filter.max === null;
  return filter.kind === 'choice' ? filter.word === '' : filter.text.trim() === '';
}

/** The rows that pass all filters, in their own order. A row without a value passes no filter on it. */
export function passing(rows: number, filters: readonly (readonly [Data, Filter])[], locale = 'en'): Uint32Array {
  const tests = filters.filter(([, filter]) => !isIdle(filter)).map(([data, filter]) => test(data, filter, locale));
  const out = new Uint32Array(rows);
  let kept = 0;
  for (let row = 0; row < rows; row += 1) if (tests.every((one) => one(row))) out[kept++] = row;
  return out.slice(0, kept);
}

function test(data: Data, filter: Filter, locale: string): (row: number) => boolean {
  if (data.kind === 'words') {
    if (filter.kind === 'range') return () => true;
    const wanted = filter.kind === 'contains' ? filter.text.trim().toLocaleLowerCase(locale) : filter.word;
    // One look at each text, not at each row.
    const passes = data.words.map((word) => (filter.kind === 'contains' ? word.toLocaleLowerCase(locale).includes(wanted) : word === wanted));
    return (row) => passes[data.places[row] ?? -1] ?? false;
  }
  if (filter.kind !== 'range') return () => true;
  const { min, max } = filter;
  return (row) => {
    const value = data.values[row] ?? NaN;
    return !Number.isNaN(value) && (min === null || value >= min) && (max === null || value <= max);
  };
}

/** The same rows sorted by a column: equal ones keep their order, missing ones come last either way. */
export function sorted(rows: Uint32Array, data: Data, direction: Direction, locale = 'en'): Uint32Array {
  const keys = keysOf(data, locale);
  const sign = direction === 'asc' ? 1 : -1;
  const there = rows.filter((row) => !Number.isNaN(keys[row]));
  const missing = rows.filter((row) => Number.isNaN(keys[row]));
  there.sort((a, b) => sign * ((keys[a] ?? 0) - (keys[b] ?? 0)));
  const out = new Uint32Array(rows.length);
  out.set(there);
  out.set(missing, there.length);
  return out;
}

/** Texts by their place in the language's order, digits inside them as numbers. */
function keysOf(data: Data, locale: string): Float64Array {
  if (data.kind !== 'words') return data.values;
  const collator = new Intl.Collator(locale, { numeric: true });
  const order = data.words.map((_, place) => place).sort((a, b) => collator.compare(data.words[a] ?? '', data.words[b] ?? ''));
  const ranks = new Float64Array(data.words.length);
  order.forEach((place, rank) => (ranks[place] = rank));
  return Float64Array.from(data.places, (place) => ranks[place] ?? NaN);
}
