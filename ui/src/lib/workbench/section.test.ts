import { expect, test } from 'vitest';
import { distinct, horizonsOf, pairs, rankCorrelation, sectionRows } from './section';

test('ranks as the language has them: ties share, missing has none', () => {
  const ranks = (values: (number | null)[]) => sectionRows(values.map((_, at) => `S${at}`), values).map((row) => row.rank);
  expect(ranks([3, 1, 2])).toEqual([1, 1 / 3, 2 / 3]);
  expect(ranks([5, 5, null, 7])).toEqual([0.5, 0.5, null, 1]);
  expect(ranks([null])).toEqual([null]);
  expect(ranks([])).toEqual([]);
});

test('rank correlation over the names with both values', () => {
  const of = (xs: (number | null)[], ys: (number | null)[]) => rankCorrelation(pairs(xs.map((_, at) => `S${at}`), xs, ys));
  expect(of([1, 2, 3, 4], [10, 20, 30, 400])).toBeCloseTo(1);
  expect(of([1, 2, 3, null], [3, 2, 1, 9])).toBeCloseTo(-1);
  expect(of([1, 2, null], [1, 2, 3])).toBeNull();
  expect(of([1, 1, 1], [1, 2, 3])).toBeNull();
  // By hand: ranks 1, 2.5, 2.5, 4, 5 and 2, 1, 4.5, 4.5, 3; products of the deviations 3.75, squares 9.5 each.
  expect(of([1, 2, 2, 4, 5], [2, 1, 4, 4, 3])).toBeCloseTo(3.75 / 9.5);
});

test('a name that no other has', () => {
  expect(distinct('a', ['b'])).toBe('a');
  expect(distinct('a', ['a', 'a 2'])).toBe('a 3');
  expect(distinct('x'.repeat(80), []).length).toBe(58);
});

test('horizons as people type them', () => {
  expect(horizonsOf('1, 5,21')).toEqual([1, 5, 21]);
  expect(horizonsOf('21 5 5')).toEqual([5, 21]);
  for (const wrong of ['', '0', '1.5', '-3', 'a', '505']) expect(horizonsOf(wrong), wrong).toBeNull();
});
