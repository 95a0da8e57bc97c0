import { expect, test } from 'vitest';
import { Refresher, type RefreshWorld } from './refresh';

/** Two tabs share storage and locks, as in a browser. */
function browser() {
  const stored = new Map<string, string>();
  let tail: Promise<unknown> = Promise.resolve();
  let clock = 1000;
  let posts = 0;
  const locks = {
    request: (_name: string, work: () => Promise<boolean>) => {
      const run = tail.then(work);
      tail = run.catch(() => {});
      return run;
    },
  } as unknown as LockManager;
  const tab = (answer: () => boolean): Refresher =>
    new Refresher({
      locks,
      now: () => ++clock,
      storage: { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => void stored.set(key, value) },
      post: async () => {
        posts += 1;
        await Promise.resolve();
        return answer();
      },
    } satisfies RefreshWorld);
  return { tab, posts: () => posts, now: () => clock };
}

test('many requests of one tab renew once', async () => {
  const { tab, posts, now } = browser();
  const one = tab(() => true);
  expect(await Promise.all([one.refresh(now()), one.refresh(now()), one.refresh(now())])).toEqual([true, true, true]);
  expect(posts()).toBe(1);
});

test('two tabs at once renew once', async () => {
  const { tab, posts, now } = browser();
  const [one, two] = [tab(() => true), tab(() => true)];
  expect(await Promise.all([one.refresh(now()), two.refresh(now())])).toEqual([true, true]);
  expect(posts()).toBe(1);
});

test('a later refusal renews again', async () => {
  const { tab, posts, now } = browser();
  const one = tab(() => true);
  await one.refresh(now());
  await one.refresh(now() + 10);
  expect(posts()).toBe(2);
});

test('a refused renewal is told to all, and the next one tries anew', async () => {
  const { tab, posts, now } = browser();
  const one = tab(() => false);
  expect(await Promise.all([one.refresh(now()), one.refresh(now())])).toEqual([false, false]);
  expect(await one.refresh(now())).toBe(false);
  expect(posts()).toBe(2);
});

test('it works where the browser has no locks', async () => {
  const refresher = new Refresher({ locks: undefined, now: () => 1, storage: { getItem: () => null, setItem: () => {} }, post: () => Promise.resolve(true) });
  expect(await refresher.refresh(0)).toBe(true);
});
