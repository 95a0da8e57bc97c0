/** A table as columns: numbers in typed arrays, texts once each. 200,000 rows are 200,000 places, not objects. */

/** NaN is a value that there is not. A time is microseconds since 1970. */
export interface Numbers {
  kind: 'number' | 'time';
  values: Float64Array;
}

/** Each text once; a row holds its place in the list, -1 for none. */
export interface Words {
  kind: 'words';
  words: readonly string[];
  places: Int32Array;
}

export type Data = Numbers | Words;

export function numbers(values: readonly (number | string | null | undefined)[], kind: Numbers['kind'] = 'number'): Numbers {
  const out = new Float64Array(values.length);
  values.forEach((value, row) => (out[row] = value === null || value === undefined || value === '' ? NaN : Number(value)));
  return { kind, values: out };
}

export function words(values: readonly (string | null | undefined)[]): Words {
  const known = new Map<string, number>();
  const places = new Int32Array(values.length).fill(-1);
  values.forEach((value, row) => {
    if (value === null || value === undefined || value === '') return;
    let place = known.get(value);
    if (place === undefined) known.set(value, (place = known.size));
    places[row] = place;
  });
  return { kind: 'words', words: [...known.keys()], places };
}

/** A column as the server sends it. */
export type WireColumn = readonly (number | null)[] | { words: readonly string[]; places: readonly (number | null)[] };

export interface WireTable {
  total: number;
  from: number;
  rows: number;
  columns: Readonly<Record<string, WireColumn>>;
}

/** The columns of an answer; the names of `times` hold microseconds. */
export function columnsOf(table: WireTable, times: readonly string[]): Record<string, Data> {
  return Object.fromEntries(
    Object.entries(table.columns).map(([name, column]): [string, Data] => {
      if ('words' in column) {
        const places = new Int32Array(column.places.length);
        column.places.forEach((place, row) => (places[row] = place ?? -1));
        return [name, { kind: 'words', words: column.words, places }];
      }
      return [name, numbers(column, times.includes(name) ? 'time' : 'number')];
    }),
  );
}

export function size(data: Data): number {
  return data.kind === 'words' ? data.places.length : data.values.length;
}

/** True when no row has a value: such a column says nothing. */
export function isEmpty(data: Data): boolean {
  return data.kind === 'words' ? data.places.every((place) => place < 0) : data.values.every(Number.isNaN);
}

/** The value of a row; null when there is none. */
export function valueAt(data: Data, row: number): number | string | null {
  if (data.kind === 'words') return data.words[data.places[row] ?? -1] ?? null;
  const value = data.values[row];
  return value === undefined || Number.isNaN(value) ? null : value;
}
