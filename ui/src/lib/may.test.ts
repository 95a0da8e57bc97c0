import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { may, ROLES, type Act } from './may';

// The page of the book that the server's own table writes.
const book = readFileSync(new URL('../../../docs/routes.md', import.meta.url), 'utf8');

function allowed(permission: string): string[] {
  const row = book.split('\n').find((line) => line.startsWith(`| \`${permission}\` |`));
  const cells = row?.split('|').slice(3, 3 + ROLES.length) ?? [];
  return ROLES.filter((_, at) => cells[at]?.trim() === '✓');
}

test('what is shown is what the server allows', () => {
  const permissions: Record<Act, string> = {
    work: 'data_read', audit: 'audit_read', users: 'account_read', manage: 'account_manage', grant: 'role_grant',
    decide: 'act_decide', sign: 'review_sign',
  };
  for (const [act, permission] of Object.entries(permissions) as [Act, string][]) {
    expect(ROLES.filter((role) => may(role, act)), permission).toEqual(allowed(permission));
    expect(allowed(permission), permission).toContain('owner');
  }
  // Reports of weaknesses are shown and answered by those who manage accounts.
  for (const permission of ['report_read', 'report_answer']) expect(allowed(permission), permission).toEqual(allowed('account_manage'));
  expect(may(null, 'work')).toBe(false);
  expect(may('nobody', 'users')).toBe(false);
});
