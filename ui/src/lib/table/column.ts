/** A column as a page shows it. */
import type { Grain } from '../format';
import { valueAt, type Data } from './data';

export interface Column {
  /** Its name in a file. */
  id: string;
  label: string;
  data: Data;
  show: (row: number) => string;
  /** A word of the data as the page says it; for choices. */
  said?: (word: string) => string;
  /** How its colour repeats what it says. */
  tone?: (row: number) => string;
  /** Where a row leads; the first column that has one is the link. */
  href?: (row: number) => string | null;
  filter: 'range' | 'choice' | 'contains';
}

/** More texts than these are searched, not chosen from. */
const CHOICES_MAX = 40;

export function filterOf(data: Data): Column['filter'] {
  if (data.kind !== 'words') return 'range';
  return data.words.length > CHOICES_MAX || data.words.some((word) => word.length > 40) ? 'contains' : 'choice';
}

/** A letter is a little narrower than the digit that `ch` measures; a figure must not be cut, whatever its signs. */
const LETTER = 0.9;
const FIGURE = 1.06;

/** Widest cell of some rows in digits' widths; what is longer than `most` is cut with dots. */
export function width(column: Column, rows: number, most = 44): number {
  const step = Math.max(1, Math.floor(rows / 200));
  // Room for the arrow of a sorted head.
  const head = (column.label.length + 2) * LETTER;
  let widest = 0;
  for (let row = 0; row < rows; row += step) widest = Math.max(widest, column.show(row).length);
  if (column.data.kind !== 'words') {
    for (const row of extremes(column.data.values)) widest = Math.max(widest, column.show(row).length);
  }
  const cells = widest * (column.data.kind === 'number' ? FIGURE : LETTER);
  return Math.min(most, Math.ceil(Math.max(head, cells) * 10) / 10);
}

function extremes(values: Float64Array): number[] {
  let [low, high] = [-1, -1];
  values.forEach((value, row) => {
    if (low < 0 || value < (values[low] ?? NaN) || Number.isNaN(values[low])) low = row;
    if (high < 0 || value > (values[high] ?? NaN) || Number.isNaN(values[high])) high = row;
  });
  return low < 0 ? [] : [low, high];
}

/** A column of texts. */
export function texts(id: string, label: string, data: Data, said?: (word: string) => string): Column {
  const show = (row: number) => {
    const value = valueAt(data, row);
    return value === null ? '' : said ? said(String(value)) : String(value);
  };
  return { id, label, data, show, filter: filterOf(data), ...(said ? { said } : {}) };
}

/** A column of figures or moments. */
export function figures(id: string, label: string, data: Data, format: (value: number) => string): Column {
  const show = (row: number) => {
    const value = valueAt(data, row);
    return typeof value === 'number' ? format(value) : '';
  };
  return { id, label, data, show, filter: 'range' };
}

/** The digits behind the point that a column of figures has, so that the points stand under each other. */
export function digitsOf(data: Data, most = 8): number {
  if (data.kind === 'words') return 0;
  let digits = 0;
  for (const value of data.values) {
    if (Number.isNaN(value) || Number.isInteger(value)) continue;
    const text = String(value);
    digits = Math.max(digits, text.includes('e') ? most : (text.split('.')[1]?.length ?? 0));
    if (digits >= most) return most;
  }
  return digits;
}

/** How fine the moments of a column are. */
export function grainOf(data: Data): Grain {
  let grain: Grain = 'day';
  if (data.kind === 'words') return grain;
  for (const value of data.values) {
    if (Number.isNaN(value)) continue;
    if (value % 1e6 !== 0) return 'fine';
    if (value % 60e6 !== 0) grain = 'second';
    else if (grain === 'day' && value % 86_400e6 !== 0) grain = 'minute';
  }
  return grain;
}
