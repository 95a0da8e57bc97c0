/** The one door to the server: JSON, same-origin cookies, one renewal on 401, typed refusals. */
import { parse } from './read';
import { Refresher } from './refresh';
import type { ProblemBody } from './wire';

/** A refusal of the server (RFC 9457), or a failure to reach it (`status` 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly place: string | undefined;
  readonly fix: string | undefined;

  constructor(status: number, body: ProblemBody) {
    super(body.title ?? body.detail ?? `HTTP ${status}`);
    this.name = 'ApiError';
    this.status = status;
    this.code = body.code ?? 'unknown';
    this.detail = body.detail ?? '';
    this.place = body.place ?? undefined;
    this.fix = body.fix ?? undefined;
  }
}

/** Whether the same again may succeed in a while: too much at once, a busy server, or none in reach. */
export const passes = (error: unknown): boolean => error instanceof ApiError && [0, 429, 503].includes(error.status);

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface RequestOptions {
  signal?: AbortSignal;
  headers?: Record<string, string>;
  /**
   * Sign-in and set-up answer 401 as a fact about the input, not about the session. A step-up answers it for
   * either reason: the codes of a refused proof (`PROOF`) say nothing about the session.
   */
  session?: 'renew' | 'ignore' | 'proof';
  /** Whether the server asks everybody for a puzzle's answer, so that it comes along at once. */
  worked?: boolean;
}

const PREFIX = '/api/v1';
const PROOF = ['credentials', 'code', 'ticket', 'passkey'];

async function send(method: Method, path: string, body: unknown, options: RequestOptions): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' };
  if (options.signal) init.signal = options.signal;
  if (method !== 'GET') {
    headers['content-type'] = 'application/json';
    init.body = JSON.stringify(body ?? {});
  }
  try {
    return await fetch(PREFIX + path, init);
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new ApiError(0, { code: 'unreachable', title: 'unreachable' });
  }
}

const refresher = new Refresher({
  post: async () => {
    const response = await send('POST', '/session/refresh', {}, {});
    if (response.ok) return true;
    // A busy or failing server has not ended the session.
    if (response.status === 429 || response.status >= 500) throw new ApiError(response.status, await problemOf(response));
    return false;
  },
  locks: globalThis.navigator?.locks,
  storage: {
    getItem: (key) => globalThis.localStorage?.getItem(key) ?? null,
    setItem: (key, value) => globalThis.localStorage?.setItem(key, value),
  },
  now: () => Date.now(),
});

let onSignedOut: () => void = () => {};

/** Called when the session is over and cannot be renewed. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

/** Renews the session; used at start, when the access cookie has run out while the tab was closed. */
export function renew(): Promise<boolean> {
  return refresher.refresh(Date.now());
}

/** The raw response after at most one renewal; throws `ApiError` for anything but 2xx. */
export async function request(
  method: Method,
  path: string,
  body?: unknown,
  options: RequestOptions = {},
): Promise<Response> {
  const sentAt = Date.now();
  if (options.worked) options = { ...options, headers: { ...options.headers, 'stockade-work': await work() } };
  let response = await send(method, path, body, options);
  if (response.status === 429 && (await problemOf(response.clone())).code === 'work') {
    const headers = { ...options.headers, 'stockade-work': await work() };
    response = await send(method, path, body, { ...options, headers });
  }
  if (response.status === 401 && (await isOver(response, options))) {
    if (await refresher.refresh(sentAt)) response = await send(method, path, body, options);
    if (response.status === 401 && (await isOver(response, options))) onSignedOut();
  }
  if (!response.ok) throw new ApiError(response.status, await problemOf(response));
  return response;
}

/** The work that the server asks of whoever registers, and of an address that it suspects, before it looks further. */
async function work(): Promise<string> {
  const { puzzle, bits } = await get<{ puzzle: string; bits: number }>('/puzzle', { session: 'ignore' });
  const { worked } = await import('../work/work');
  return worked(puzzle, bits);
}

/** Whether a 401 speaks of the session. */
async function isOver(response: Response, options: RequestOptions): Promise<boolean> {
  if (options.session === 'ignore') return false;
  if (options.session !== 'proof') return true;
  return !PROOF.includes((await problemOf(response.clone())).code ?? '');
}

async function problemOf(response: Response): Promise<ProblemBody> {
  const type = response.headers.get('content-type') ?? '';
  if (!type.includes('json')) return { title: `HTTP ${response.status}`, code: `http_${response.status}` };
  try {
    return parse(await response.text()) as ProblemBody;
  } catch {
    return { title: `HTTP ${response.status}`, code: `http_${response.status}` };
  }
}

async function json<T>(method: Method, path: string, body?: unknown, options?: RequestOptions): Promise<T> {
  const response = await request(method, path, body, options);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text === '' ? undefined : parse(text)) as T;
}

export const get = <T>(path: string, options?: RequestOptions) => json<T>('GET', path, undefined, options);
export const post = <T>(path: string, body?: unknown, options?: RequestOptions) =>
  json<T>('POST', path, body, options);
export const put = <T>(path: string, body: unknown, options?: RequestOptions) => json<T>('PUT', path, body, options);
export const del = (path: string, options?: RequestOptions) => json<void>('DELETE', path, undefined, options);
