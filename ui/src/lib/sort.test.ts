import { expect, test } from 'vitest';
import { paginate, sortBy, type Direction, type Key } from './sort';

test('rows sort by value, stably, missing last both ways', () => {
  const check = (values: Key[], direction: Direction, expected: Key[]) =>
    expect(sortBy(values.map((v) => ({ v })), (row) => row.v, direction).map((row) => row.v)).toEqual(expected);
  check([10, 9, null, 100, Number.NaN], 'asc', [9, 10, 100, null, Number.NaN]);
  check([10, 9, null, 100], 'desc', [100, 10, 9, null]);
  check(['B2', 'B10', 'a'], 'asc', ['a', 'B2', 'B10']);
  const rows = [{ k: 1, n: 'x' }, { k: 0, n: 'y' }, { k: 1, n: 'z' }];
  expect(sortBy(rows, (row) => row.k, 'desc').map((row) => row.n)).toEqual(['x', 'z', 'y']);
  expect(rows[0]?.n).toBe('x');
});

test('a page out of range is moved into it', () => {
  const rows = [1, 2, 3, 4, 5];
  expect(paginate(rows, 1, 2)).toEqual({ rows: [3, 4], page: 1, pages: 3, from: 3, to: 4 });
  expect(paginate(rows, 9, 2)).toMatchObject({ rows: [5], page: 2, from: 5, to: 5 });
  expect(paginate(rows, -1, 2).page).toBe(0);
  expect(paginate([], 0, 2)).toEqual({ rows: [], page: 0, pages: 1, from: 0, to: 0 });
});
