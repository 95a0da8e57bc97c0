import { expect, test } from 'vitest';
import { columnsOf, isEmpty, numbers, valueAt, words } from './data';
import { passing, sorted, type Filter } from './order';
import { cell, instant, sheet } from './sheet';
import { HEIGHT_MAX, scrollTo, sight } from './window';

const all = (rows: number) => Uint32Array.from({ length: rows }, (_, row) => row);

test('columns of the server become typed columns, what is missing stays missing', () => {
  const { n, t, w } = columnsOf(
    { total: 3, from: 0, rows: 3, columns: { n: [1.5, null, 3], t: [0, 1, null], w: { words: ['b', 'a'], places: [1, null, 0] } } },
    ['t'],
  );
  expect([0, 1, 2].map((row) => valueAt(n!, row))).toEqual([1.5, null, 3]);
  expect([t!.kind, valueAt(t!, 1), valueAt(t!, 2)]).toEqual(['time', 1, null]);
  expect([0, 1, 2, 9].map((row) => valueAt(w!, row))).toEqual(['a', null, 'b', null]);
  expect([isEmpty(n!), isEmpty(numbers([null, ''])), isEmpty(words([null, '']))]).toEqual([false, true, true]);
});

test('sorting: numbers by value, texts by language and number, ties in order, missing last', () => {
  const check = (data: Parameters<typeof sorted>[1], direction: 'asc' | 'desc', want: number[]) =>
    expect([...sorted(all(5), data, direction)]).toEqual(want);
  check(numbers([10, 9, null, 100, 9]), 'asc', [1, 4, 0, 3, 2]);
  check(numbers([10, 9, null, 100, 9]), 'desc', [3, 0, 1, 4, 2]);
  check(numbers(['-2.5', '-10', '3', '', '0']), 'asc', [1, 0, 4, 2, 3]);
  check(words(['b10', 'b9', null, 'Äpfel', 'b9']), 'asc', [3, 1, 4, 0, 2]);
  check(words(['b10', 'b9', null, 'Äpfel', 'b9']), 'desc', [0, 1, 4, 3, 2]);
});

test('sorting a part sorts that part', () => {
  expect([...sorted(Uint32Array.of(0, 2, 3), numbers([5, 4, 3, 9]), 'asc')]).toEqual([2, 0, 3]);
});

test('filters: all must pass, an idle one is none, a missing value passes none', () => {
  const price = numbers([1, 2, 3, null]);
  const side = words(['buy', 'sell', 'Buy', 'buy']);
  const check = (filters: [typeof price | typeof side, Filter][], want: number[]) => expect([...passing(4, filters)]).toEqual(want);
  check([], [0, 1, 2, 3]);
  check([[price, { kind: 'range', min: 2, max: null }]], [1, 2]);
  check([[price, { kind: 'range', min: 2, max: 2 }]], [1]);
  check([[price, { kind: 'range', min: null, max: null }]], [0, 1, 2, 3]);
  check([[side, { kind: 'choice', word: 'buy' }]], [0, 3]);
  check([[side, { kind: 'contains', text: ' BU ' }]], [0, 2, 3]);
  check([[side, { kind: 'contains', text: ' ' }], [side, { kind: 'choice', word: '' }]], [0, 1, 2, 3]);
  check([[side, { kind: 'contains', text: 'buy' }], [price, { kind: 'range', min: null, max: 2 }]], [0]);
  check([[side, { kind: 'choice', word: 'hold' }]], []);
});

test('the window: rows in sight and a few more, space for the rest', () => {
  const pane = { top: 0, height: 340, rowHeight: 34, rows: 200_000 };
  expect(sight(pane)).toEqual({ first: 0, last: 18, before: 0, after: (200_000 - 18) * 34 });
  expect(sight({ ...pane, top: 3400 })).toEqual({ first: 92, last: 118, before: 92 * 34, after: (200_000 - 118) * 34 });
  const end = sight({ ...pane, top: 1e9 });
  expect([end.last, end.after]).toEqual([200_000, 0]);
  expect(sight({ ...pane, rows: 3 })).toEqual({ first: 0, last: 3, before: 0, after: 0 });
  expect(sight({ ...pane, rows: 0 })).toEqual({ first: 0, last: 0, before: 0, after: 0 });
});

test('the window: beyond what a browser can draw, the bar stands for a share of the rows', () => {
  const pane = { top: 0, height: 340, rowHeight: 34, rows: 5_000_000 };
  for (const top of [0, 1, 7_000_000, HEIGHT_MAX - 340]) {
    const { first, last, before, after } = sight({ ...pane, top });
    expect(before + (last - first) * 34 + after).toBeLessThanOrEqual(HEIGHT_MAX + 18 * 34);
    // What is drawn covers what is seen.
    expect(before).toBeLessThanOrEqual(top);
    expect(before + (last - first) * 34).toBeGreaterThanOrEqual(Math.min(top + 340, HEIGHT_MAX) - 1e-6);
  }
  expect(sight({ ...pane, top: HEIGHT_MAX }).last).toBe(5_000_000);
});

test('a row is brought into sight, and only as far as needed', () => {
  const pane = { top: 340, height: 340, rowHeight: 34, rows: 1000 };
  const check = (row: number, want: number) => expect(scrollTo(row, pane)).toBeCloseTo(want);
  check(12, 340);
  check(3, 102);
  check(30, 714);
  const long = { ...pane, top: 0, rows: 5_000_000 };
  for (const row of [0, 17, 2_500_000, 4_999_999]) {
    const seen = sight({ ...long, top: scrollTo(row, long) });
    expect(row >= seen.first && row < seen.last, String(row)).toBe(true);
  }
});

test('CSV: quoted where it must be, never a formula, exact', () => {
  const check = (value: number | string | null, want: string) => expect(cell(value)).toBe(want);
  check(null, '');
  check(-2.5, '-2.5');
  check('a, b', '"a, b"');
  check('say "no"', '"say ""no"""');
  check('two\nlines', '"two\nlines"');
  for (const text of ['=1+1', '+1', '-A1', '@SUM', '\tx', "'=1"]) check(text, `'${text}`);
  const rows = Uint32Array.of(2, 0);
  const columns = [{ id: 'n', data: numbers([0.1, 2, 1e-8]) }, { id: 'at', data: numbers([0, 1, 1_500_000], 'time') }, { id: 'why', data: words(['=x', null, 'ok']) }];
  expect(sheet(columns, rows).join('')).toBe("n,at,why\r\n0.00000001,1970-01-01T00:00:01.5Z,ok\r\n0.1,1970-01-01,'=x\r\n");
});

test('a moment as the server writes it', () => {
  expect(instant(1_577_923_200_000_000)).toBe('2020-01-02');
  expect(instant(1_577_923_200_000_001)).toBe('2020-01-02T00:00:00.000001Z');
  expect(instant(-86_400_000_000)).toBe('1969-12-31');
  expect(instant(-1)).toBe('1969-12-31T23:59:59.999999Z');
});
