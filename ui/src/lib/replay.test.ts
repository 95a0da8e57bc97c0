import { expect, test } from 'vitest';
import type { Moment, ReplayState } from './api/replay';
import { lastBy, Replay, tickOf } from './replay.svelte';

test('an address names a tick or none', () => {
  const check = (hash: string, want: number | null) => expect(tickOf(hash), hash).toBe(want);
  check('#tick=137', 137);
  check('#tick=0', null);
  check('#tick=-1', null);
  check('#tick=1e3', null);
  check('#tick=9999999999999', null);
  check('#other', null);
  check('', null);
});

test('the last time at or before another', () => {
  const check = (by: number, want: number) => expect(lastBy([10, 20, 20, 30], by)).toBe(want);
  check(9, -1);
  check(10, 0);
  check(20, 2);
  check(29, 2);
  check(99, 3);
  expect(lastBy([], 1)).toBe(-1);
});

test('of many wishes only the first and the last are asked for', async () => {
  const asked: Moment[] = [];
  const waiting: (() => void)[] = [];
  const replay = new Replay((moment) => {
    asked.push(moment);
    return new Promise((resolve) => waiting.push(() => resolve({ tick: 'tick' in moment ? moment.tick : 0 } as ReplayState)));
  });
  const done = replay.go({ tick: 1 });
  for (const tick of [2, 3, 4]) void replay.go({ tick });
  waiting.shift()?.();
  await Promise.resolve();
  await Promise.resolve();
  waiting.shift()?.();
  await done;
  expect(asked).toEqual([{ tick: 1 }, { tick: 4 }]);
  expect(replay.state?.tick).toBe(4);
  expect(replay.loading).toBe(false);
});

test('a refusal ends the wishes and the next one is asked again', async () => {
  let fail = true;
  const replay = new Replay(() => (fail ? Promise.reject(new Error('no')) : Promise.resolve({ tick: 7 } as ReplayState)));
  await replay.go({ tick: 7 });
  expect([String(replay.error), replay.loading]).toEqual(['Error: no', false]);
  fail = false;
  await replay.go({ at: 5 });
  expect([replay.error, replay.state?.tick]).toEqual([null, 7]);
});
