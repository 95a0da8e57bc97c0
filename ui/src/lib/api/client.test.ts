import { afterEach, expect, test, vi } from 'vitest';
import { ApiError, get, passes, post, whenSignedOut } from './client';

const json = (status: number, body: unknown, type = 'application/json') =>
  new Response(body === undefined ? null : JSON.stringify(body), { status, headers: { 'content-type': type } });

/** Answers by path; every call is written down. */
function answer(routes: Record<string, Response[]>) {
  const calls: string[] = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    calls.push(`${init.method} ${path}`);
    const response = routes[path]?.shift();
    if (!response) throw new TypeError('no route');
    return response;
  });
  return calls;
}

afterEach(() => vi.unstubAllGlobals());

test('a refused request renews the session and is sent once more', async () => {
  const calls = answer({
    '/api/v1/datasets': [json(401, {}), json(200, [1])],
    '/api/v1/session/refresh': [new Response(null, { status: 204 })],
  });
  expect(await get('/datasets')).toEqual([1]);
  expect(calls).toEqual(['GET /api/v1/datasets', 'POST /api/v1/session/refresh', 'GET /api/v1/datasets']);
});

test('a session that cannot be renewed ends, and says so once', async () => {
  let over = 0;
  whenSignedOut(() => (over += 1));
  answer({ '/api/v1/datasets': [json(401, {})], '/api/v1/session/refresh': [json(401, {})] });
  await expect(get('/datasets')).rejects.toMatchObject({ status: 401 });
  expect(over).toBe(1);
});

test('a busy server does not end the session', async () => {
  let over = 0;
  whenSignedOut(() => (over += 1));
  answer({ '/api/v1/datasets': [json(401, {})], '/api/v1/session/refresh': [json(503, { title: 'Busy' }, 'application/problem+json')] });
  await expect(get('/datasets')).rejects.toMatchObject({ status: 503, message: 'Busy' });
  expect(over).toBe(0);
});

test('a refusal carries the place and the fix', async () => {
  const body = { title: 'Unknown symbol', code: 'symbol', detail: 'No ZZZZ.', place: 'line 4', fix: 'Use AAPL.' };
  answer({ '/api/v1/backtests': [json(422, body, 'application/problem+json')] });
  const error = await post('/backtests', { text: '' }).catch((refusal: unknown) => refusal);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 422, message: 'Unknown symbol', place: 'line 4', fix: 'Use AAPL.' });
});

test('a wrong password is not an ended session', async () => {
  const calls = answer({ '/api/v1/sign-in': [json(401, { title: 'No' }, 'application/problem+json')] });
  await expect(post('/sign-in', {}, { session: 'ignore' })).rejects.toMatchObject({ status: 401, message: 'No' });
  expect(calls).toHaveLength(1);
});

test('a refused step-up is no ended session, an ended session is', async () => {
  let over = 0;
  whenSignedOut(() => (over += 1));
  const refused = () => json(401, { code: 'code' }, 'application/problem+json');
  const ended = json(401, { code: 'signed-out' }, 'application/problem+json');
  const calls = answer({
    '/api/v1/session/step-up': [refused(), ended, refused()],
    '/api/v1/session/refresh': [new Response(null, { status: 204 })],
  });
  const stepUp = () => post('/session/step-up', {}, { session: 'proof' });
  await expect(stepUp()).rejects.toMatchObject({ status: 401, code: 'code' });
  expect(calls).toHaveLength(1);
  await expect(stepUp()).rejects.toMatchObject({ status: 401, code: 'code' });
  expect(calls).toHaveLength(4);
  expect(over).toBe(0);
});

test('no server at all', async () => {
  answer({});
  await expect(get('/datasets')).rejects.toMatchObject({ status: 0, code: 'unreachable' });
});

test('only what passes by itself is worth the same again', () => {
  const by = (status: number) => passes(new ApiError(status, {}));
  expect([0, 429, 503].map(by)).toEqual([true, true, true]);
  expect([401, 403, 404, 422, 500].map(by)).toEqual([false, false, false, false, false]);
  expect(passes(new Error('x'))).toBe(false);
});
