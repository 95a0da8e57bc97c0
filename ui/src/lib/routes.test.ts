import { expect, test } from 'vitest';
import type { RouteRow } from './api/wire';
import { filtered, ordered } from './routes';

const row = (method: string, path: string, more: Partial<RouteRow> = {}): RouteRow => ({
  method, path, summary: '', open: null, permission: 'own_sessions', level: 'read', roles: ['owner', 'viewer'],
  cost: 'light', weight: 1, at_once: null, body_bytes_max: 64, query: [], takes: null, gives: [], ...more,
});
const rows = [
  row('GET', '/health', { open: 'probes ask', permission: null, level: null }),
  row('GET', '/audit/export', { permission: 'audit_export', level: 'dangerous', roles: ['owner'], cost: 'heavy', weight: 10 }),
  row('POST', '/sign-out', { summary: 'Signs out', query: ['before'] }),
];
const all = { text: '', role: '', level: '', cost: '' };
const paths = (found: RouteRow[]) => found.map((one) => one.path);

test('every filter narrows, and words are looked for in all that is shown', () => {
  const check = (wanted: Partial<typeof all>, want: string[]) =>
    expect(paths(filtered(rows, { ...all, ...wanted })), JSON.stringify(wanted)).toEqual(want);
  check({}, ['/health', '/audit/export', '/sign-out']);
  check({ text: 'POST sign' }, ['/sign-out']);
  check({ text: 'BEFORE' }, ['/sign-out']);
  check({ text: 'probes' }, ['/health']);
  check({ role: 'viewer' }, ['/health', '/sign-out']);
  check({ level: 'open' }, ['/health']);
  check({ level: 'dangerous', role: 'viewer' }, []);
  check({ cost: 'heavy' }, ['/audit/export']);
});

test('levels are ordered by what they ask for, and what asks for nothing comes first', () => {
  expect(paths(ordered(rows, 'level', 'asc'))).toEqual(['/health', '/sign-out', '/audit/export']);
  expect(paths(ordered(rows, 'weight', 'desc'))).toEqual(['/audit/export', '/health', '/sign-out']);
  expect(paths(ordered(rows, 'path', 'asc'))).toEqual(['/audit/export', '/health', '/sign-out']);
  expect(paths(ordered(rows, 'permission', 'asc'))).toEqual(['/audit/export', '/sign-out', '/health']);
});
