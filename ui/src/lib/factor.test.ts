import { expect, test } from 'vitest';
import { typed } from './factor';

test('codes are sent without the blanks of their display', () => {
  expect(typed('totp', ' 123 456')).toBe('123456');
  expect(typed('recovery', ' 3-abcd efgh ')).toBe('3-abcd efgh');
});
