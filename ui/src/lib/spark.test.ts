import { expect, test } from 'vitest';
import { sparkPath, thin } from './spark';

test('a path stays inside its box', () => {
  expect(sparkPath([0, 1], 10, 10, 0)).toBe('M0.0 10.0L10.0 0.0');
  expect(sparkPath([5, 5], 10, 10, 1)).toBe('M1.0 9.0L9.0 9.0');
  expect(sparkPath([1], 10, 10)).toBe('');
  expect(sparkPath([Number.NaN, 1], 10, 10)).toBe('');
});

test('thinning keeps both ends', () => {
  expect(thin([1, 2, 3, 4, 5], 3)).toEqual([1, 3, 5]);
  expect(thin([1, 2], 3)).toEqual([1, 2]);
});
