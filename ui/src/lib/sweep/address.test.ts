import { expect, test } from 'vitest';
import { setOf } from './address';

test('an address names a set, or none', () => {
  const check = (hash: string, want: number | null) => expect(setOf(hash), hash).toBe(want);
  check('#set=0', 0);
  check('#set=137', 137);
  check('', null);
  check('#set=', null);
  check('#set=-1', null);
  check('#set=1.5', null);
  check('#set=9999999999', null);
  check('#tick=4', null);
});
