import { expect, test } from 'vitest';
import type { Bars } from './api/wire';
import { ASKED, BarsAround, covers } from './bars.svelte';

/** A series of a million bars, one a minute. */
const TOTAL = 1_000_000;
function part(around: number, limit: number): Bars {
  const now = Math.floor(around / 60);
  const first = Math.max(0, Math.min(TOTAL - limit, now - Math.ceil(limit / 2) + 1));
  return {
    symbol: 'AAA', price_scale: 2, total: TOTAL, first, joined: 1,
    bars: Array.from({ length: Math.min(limit, TOTAL - first) }, (_, n) => [(first + n) * 60, 1, 1, 1, 1, 1]),
  };
}

test('a part covers what it holds, and the ends of the series', () => {
  const middle = part(60 * 5000, 400);
  const check = (second: number, want: boolean, of = middle) => expect(covers(of, second, 140), String(second)).toBe(want);
  check(60 * 5000, true);
  check(60 * 5000 + 59, true);
  check(60 * (middle.first + 139), true);
  check(60 * (middle.first + 138), false);
  check(60 * (middle.first + 398), true);
  // Nobody knows here when the next bar opens.
  check(60 * (middle.first + 399), false);
  check(0, true, part(0, 400));
  check(-1, true, part(0, 400));
  check(60 * (TOTAL - 1), true, part(60 * TOTAL, 400));
  check(60 * (TOTAL + 9), true, part(60 * TOTAL, 400));
});

test('a walk through a million bars asks seldom, and never for all', async () => {
  const asked: number[] = [];
  const bars = new BarsAround(async (_, around, limit) => {
    asked.push(limit);
    return part(around, limit);
  });
  for (let minute = 0; minute < 8000; minute += 1) await bars.go('AAA', minute * 60, 140);
  expect(Math.max(...asked)).toBe(ASKED);
  expect(asked.length).toBeLessThan(14);
});

test('of many wishes the last one is asked for, and a refusal is told', async () => {
  const asked: number[] = [];
  let refuse = false;
  const bars = new BarsAround(async (_, around, limit) => {
    asked.push(around);
    if (refuse) throw new Error('no');
    return part(around, limit);
  });
  await Promise.all([60_000, 30_000_000, 45_000_000].map((second) => bars.go('AAA', second, 140)));
  expect(asked).toEqual([60_000, 45_000_000]);
  refuse = true;
  await bars.go('BBB', 60_000, 140);
  expect(bars.error).toBeInstanceOf(Error);
  expect(bars.loading).toBe(false);
});
