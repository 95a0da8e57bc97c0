import { expect, test } from 'vitest';
import { decoded, isOpen, match, safeReturn } from './router';

test('the replay of a backtest is a page of its own', () => {
  expect(match('/backtests/a%2Fb/replay')).toEqual({ page: 'replay', id: 'a/b' });
  expect(match('/backtests/a/other')).toEqual({ page: 'not-found' });
  expect(match('/backtests/a/replay/x')).toEqual({ page: 'not-found' });
});

test('an address means one page', () => {
  const check = (path: string, expected: object) => expect(match(path), path).toEqual(expected);
  check('/', { page: 'dashboard' });
  check('/data', { page: 'data' });
  check('/data/', { page: 'data' });
  check('/data/us%20stocks', { page: 'dataset', name: 'us stocks' });
  check('/strategies/42', { page: 'strategy', id: '42' });
  check('/backtests/b-1', { page: 'backtest', id: 'b-1' });
  check('/backups', { page: 'backups' });
  check('/admin/vendor-keys', { page: 'vendor-keys' });
  check('/admin/machines', { page: 'machines' });
  check('/admin/licences', { page: 'licences' });
  check('/admin/security', { page: 'watch' });
  check('/admin/reports', { page: 'inbox' });
  check('/admin/limits', { page: 'limits' });
  check('/admin/visits', { page: 'visits' });
  check('/admin/payments', { page: 'payments' });
  check('/sweeps', { page: 'sweeps' });
  check('/sweeps/new', { page: 'new-sweep' });
  check('/sweeps/s-1', { page: 'sweep', id: 's-1' });
  check('/factors', { page: 'factors' });
  check('/factors/f-1', { page: 'factor', id: 'f-1' });
  check('/factors/new', { page: 'new-factor' });
  check('/factors/library/alpha_1', { page: 'library-factor', name: 'alpha_1' });
  check('/factors/library/a/b', { page: 'not-found' });
  check('/admin', { page: 'users' });
  check('/admin/users/u-1', { page: 'user', id: 'u-1' });
  check('/admin/approvals', { page: 'approvals' });
  check('/admin/reviews/x', { page: 'not-found' });
  check('/admin/users/u/x', { page: 'not-found' });
  check('/sign-in', { page: 'sign-in' });
  check('/account', { page: 'account' });
  check('/account/security', { page: 'security' });
  check('/account/grant', { page: 'grant' });
  check('/account/other', { page: 'not-found' });
  check('/nowhere', { page: 'not-found' });
  check('/data/a/b', { page: 'not-found' });
  check('/data/%E0%A4%A', { page: 'not-found' });
});

test('a sign-in returns only to this site', () => {
  const check = (next: string | null, expected: string) => expect(safeReturn(next), String(next)).toBe(expected);
  check('/backtests/1?x=2', '/backtests/1?x=2');
  check(null, '/');
  check('https://evil.example/', '/');
  check('//evil.example/', '/');
  check('/\\evil.example', '/');
  check('/.//evil.example', '/');
  check('/a/..//evil.example', '/');
  check('/sign-in', '/');
  check('javascript:alert(1)', '/');
});

test('a fragment that is not well encoded is taken as it stands', () => {
  expect([decoded('a%20b'), decoded('%')]).toEqual(['a b', '%']);
});

test('only set-up and sign-in are open', () => {
  expect(['/setup', '/sign-in', '/', '/audit'].map((path) => isOpen(match(path)))).toEqual([true, true, false, false]);
});
