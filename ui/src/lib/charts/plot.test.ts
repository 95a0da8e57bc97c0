import { expect, test } from 'vitest';
import { mix } from './palette';
import { extent, histogram, niceScale, place, runningMean, standardise } from './plot';

test('a scale has round ticks and holds every value', () => {
  const check = (values: number[], zero: boolean, ticks: number[]) => expect(niceScale(values, { zero }).ticks, String(values)).toEqual(ticks);
  check([0.3, 9.6], true, [0, 5, 10]);
  check([-0.021, 0.033], true, [-0.04, -0.02, 0, 0.02, 0.04]);
  check([101, 103.5], false, [101, 102, 103, 104]);
  check([], true, [0, 0.5, 1]);
  check([-2], true, [-2, -1.5, -1, -0.5, 0]);
  check([Number.NaN, 0], true, [0, 0.5, 1]);
  for (const values of [[1e-12, 3e-12], [-1e12, 5e11], [7, 7], [0.1, 0.2, 0.30000001]]) {
    const { low, high, ticks } = niceScale(values);
    expect(low).toBeLessThanOrEqual(Math.min(...values));
    expect(high).toBeGreaterThanOrEqual(Math.max(...values));
    expect(ticks.length).toBeLessThan(9);
  }
  expect(place(5, { low: 0, high: 10 }, 100, 0)).toBe(50);
});

test('every value falls into one bin', () => {
  const bins = histogram([0, 0.5, 1, 1, null, 2], 4);
  expect(bins.map((bin) => bin.count)).toEqual([1, 1, 2, 1]);
  expect(histogram([null, null])).toEqual([]);
  expect(histogram([3, 3, 3]).reduce((sum, bin) => sum + bin.count, 0)).toBe(3);
  expect(histogram(Array.from({ length: 999 }, (_, i) => Math.sin(i))).reduce((sum, bin) => sum + bin.count, 0)).toBe(999);
});

test('a running mean waits for half of its window', () => {
  expect(runningMean([1, 2, 3, null, 5], 2)).toEqual([1, 1.5, 2.5, 3, 5]);
  expect(runningMean([1, 2, 3, 4], 4)).toEqual([null, 1.5, 2, 2.5]);
});

test('standardised values have no unit; without a spread there are none', () => {
  expect(standardise([1, 2, null, 3])).toEqual([-1, 0, null, 1]);
  expect(standardise([4, 4])).toEqual([null, null]);
  expect(standardise([4])).toEqual([null]);
});

test('an extent leaves missing values out', () => {
  expect(extent([null, 2, -1, null])).toEqual({ low: -1, high: 2, last: -1, count: 2 });
  expect(extent([null])).toBeNull();
});

test('colours between two', () => {
  expect(mix('rgb(0, 0, 0)', 'rgb(200, 100, 50)', 0.5)).toBe('rgb(100, 50, 25)');
});
