/** Stable sorting of table rows; missing values last whichever way the column points. */

export type Direction = 'asc' | 'desc';
export type Key = number | string | null | undefined;

export function sortBy<R>(rows: readonly R[], key: (row: R) => Key, direction: Direction, locale = 'en'): R[] {
  const collator = new Intl.Collator(locale, { numeric: true });
  const sign = direction === 'asc' ? 1 : -1;
  return rows
    .map((row, index) => ({ row, index, key: key(row) }))
    .sort((a, b) => {
      const aNone = isNone(a.key);
      const bNone = isNone(b.key);
      if (aNone || bNone) return Number(aNone) - Number(bNone) || a.index - b.index;
      return sign * compare(a.key as number | string, b.key as number | string, collator) || a.index - b.index;
    })
    .map(({ row }) => row);
}

function isNone(key: Key): boolean {
  return key === null || key === undefined || (typeof key === 'number' && Number.isNaN(key));
}

function compare(a: number | string, b: number | string, collator: Intl.Collator): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
}

export interface Page<R> {
  rows: R[];
  page: number;
  pages: number;
  from: number;
  to: number;
}

/** One page of rows; a page number out of range is moved into it. */
export function paginate<R>(rows: readonly R[], page: number, size: number): Page<R> {
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const current = Math.min(Math.max(0, page), pages - 1);
  const start = current * size;
  const slice = rows.slice(start, start + size);
  return { rows: slice, page: current, pages, from: rows.length === 0 ? 0 : start + 1, to: start + slice.length };
}
