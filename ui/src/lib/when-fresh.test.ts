import { expect, test } from 'vitest';
import { ApiError } from './api/client';
import { whenFresh } from './when-fresh';

/** Answers in turn; an error is thrown. Counts how often it is asked. */
function turns<T>(...answers: (T | Error)[]) {
  let calls = 0;
  const act = async (): Promise<T> => {
    calls += 1;
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer as T;
  };
  return { act, calls: () => calls };
}

const stale = () => new ApiError(403, { code: 'stale' });

test('a fresh session is asked nothing', async () => {
  const [act, ask] = [turns('log'), turns<boolean>()];
  expect(await whenFresh(act.act, ask.act)).toEqual({ done: true, value: 'log' });
  expect([act.calls(), ask.calls()]).toEqual([1, 0]);
});

test('a stale one is asked once, and the act is repeated', async () => {
  const [act, ask] = [turns<string>(stale(), 'log'), turns(true)];
  expect(await whenFresh(act.act, ask.act)).toEqual({ done: true, value: 'log' });
  expect([act.calls(), ask.calls()]).toEqual([2, 1]);
});

test('who declines has done nothing', async () => {
  const [act, ask] = [turns<string>(stale()), turns(false)];
  expect(await whenFresh(act.act, ask.act)).toEqual({ done: false });
  expect(act.calls()).toBe(1);
});

test('every other refusal is told, and so is a second one', async () => {
  const other = new ApiError(403, { code: 'permission' });
  const ask = turns(true);
  await expect(whenFresh(turns(other).act, ask.act)).rejects.toBe(other);
  expect(ask.calls()).toBe(0);
  await expect(whenFresh(turns<string>(stale(), stale()).act, ask.act)).rejects.toMatchObject({ code: 'stale' });
});
