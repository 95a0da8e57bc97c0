import { expect, test } from 'vitest';
import { plateau, project, quantile, scaleOf, stepOf, type Grid } from './map';

const grid = (columns: number, values: number[]): Grid => ({
  columns, rows: values.length / columns, values: Float64Array.from(values),
  sets: Int32Array.from(values, (value, cell) => (Number.isNaN(value) ? -1 : cell)), counts: Uint32Array.from(values, () => 1),
});

/** Four sets on 2 × 2 places, each with two values of a third axis. */
const points = { sets: [0, 1, 2, 3, 4, 5, 6, 7], x: [0, 0, 0, 0, 1, 1, 1, 1], y: [0, 0, 1, 1, 0, 0, 1, 1], values: [1, 5, 2, NaN, 3, -7, NaN, NaN], held: [] };
const z = [0, 1, 0, 1, 0, 1, 0, 1];

test('a cell shows the best of its sets, or the middle one', () => {
  const check = (better: 'high' | 'low', rest: 'best' | 'median', sets: number[], values: number[]) => {
    const got = project(points, { columns: 2, rows: 2 }, better, rest);
    expect([...got.sets]).toEqual(sets);
    expect([...got.values]).toEqual(values);
  };
  check('high', 'best', [1, 4, 2, 6], [5, 3, 2, NaN]);
  check('low', 'best', [0, 5, 2, 6], [1, -7, 2, NaN]);
  // Of two the worse.
  check('high', 'median', [0, 5, 2, 6], [1, -7, 2, NaN]);
  check('low', 'median', [1, 4, 2, 6], [5, 3, 2, NaN]);
});

test('an axis that is held leaves the others out, and a place that is not there stays empty', () => {
  const got = project({ ...points, held: [{ places: z, at: 1 }] }, { columns: 3, rows: 2 }, 'high', 'best');
  expect([...got.sets]).toEqual([1, 5, -1, 3, 7, -1]);
  expect([...got.values]).toEqual([5, -7, NaN, NaN, NaN, NaN]);
  expect([...got.counts]).toEqual([1, 1, 0, 1, 1, 0]);
});

test('one axis is a map of one row; places off the map are left out', () => {
  const got = project({ sets: [0, 1, 2], x: [0, 1, -1], y: null, values: [1, 2, 3], held: [] }, { columns: 2, rows: 1 }, 'high', 'best');
  expect([...got.values]).toEqual([1, 2]);
});

test('quantiles lie between the values', () => {
  expect([quantile([1, 2, 3, 4], 0.5), quantile([1, 2, 3], 0.5), quantile([7], 0.9), quantile([], 0.5)]).toEqual([2.5, 2, 7, NaN]);
});

// A lonely peak of 9 at the upper right, a plateau of about 5 at the lower left.
const land = grid(5, [
  5.0, 5.1, 5.0, 1, 0,
  5.1, 5.2, 5.1, 1, 0,
  5.0, 5.1, 5.0, 1, 0,
  1.0, 1.0, 1.0, 0, 0,
  0.0, 0.0, 0.0, 0, 9,
]);

test('the plateau is not the peak: its neighbours are as good as it is', () => {
  const got = plateau(land, 'high');
  expect(got.peak).toBe(24);
  expect(got.best).toBe(6);
  expect(got.scores[6]).toBe(5.1);
  // Corners know four cells only, too few for a score.
  expect(got.scores[0]).toBeNaN();
  expect(got.scores[24]).toBeNaN();
  expect([...got.inside].flatMap((one, cell) => (one ? [cell] : []))).toEqual([1, 2, 5, 6, 7, 10, 11]);
});

test('where less is better the plateau lies in the valley', () => {
  const got = plateau({ ...land, values: land.values.map((value) => -value) }, 'low');
  expect([got.peak, got.best, got.scores[6]]).toEqual([24, 6, -5.1]);
});

test('cells that are missing count for nothing, and too few make no plateau', () => {
  const holes = plateau(grid(3, [NaN, 1, 1, 1, 1, NaN, NaN, NaN, NaN]), 'high');
  expect(holes.scores[4]).toBe(NaN);
  expect([holes.best, holes.peak, holes.inside.some(Boolean)]).toEqual([-1, 1, false]);
  const none = plateau(grid(2, [NaN, NaN]), 'high');
  expect([none.best, none.peak, none.near]).toEqual([-1, -1, 0]);
});

test('on one axis three in a row are a neighbourhood', () => {
  const got = plateau(grid(7, [0, 9, 0, 4, 4, 4, 0]), 'high');
  expect([got.peak, got.best, got.scores[4], got.scores[0]]).toEqual([1, 3, 4, NaN]);
});

test('the plateau does not leak around the end of a row', () => {
  const got = plateau(grid(4, [5, 5, 0, 5, 5, 5, 0, 5, 5, 5, 0, 5]), 'high');
  for (const cell of [3, 7, 11]) expect(got.inside[cell], String(cell)).toBe(0);
});

test('the middle of the colours is natural where values lie on both sides, else their median', () => {
  const both = scaleOf([-1, 0.5, 2, NaN], 0, 'high');
  expect([both.centre, both.natural]).toEqual([0, true]);
  const above = scaleOf([1, 2, 4], 0, 'high');
  expect([above.centre, above.natural]).toEqual([2, false]);
  expect(scaleOf([3, 5, 9], null, 'low').centre).toBe(5);
  expect(scaleOf([], 0, 'high')).toEqual({ centre: 0, natural: true, full: 1, better: 'high' });
  expect(scaleOf([2, 2], 0, 'high').full).toBe(1);
});

test('one wild value does not pale the rest', () => {
  const scale = scaleOf([...Array.from({ length: 100 }, (_, n) => n / 100 - 0.5), 900], 0, 'high');
  expect(scale.full).toBeLessThan(1);
});

test('better is always the same colour, and full is full', () => {
  const check = (value: number, better: 'high' | 'low', want: number | null) => expect(stepOf(value, { centre: 1, natural: true, full: 2, better })).toBe(want);
  check(1, 'high', 0);
  check(1.1, 'high', 0);
  check(1.5, 'high', 1);
  check(3, 'high', 5);
  check(99, 'high', 5);
  check(-1, 'high', -5);
  check(3, 'low', -5);
  check(-99, 'low', 5);
  check(1, 'low', 0);
  check(NaN, 'high', null);
});
