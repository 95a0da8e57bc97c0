import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { BITS_MAX, solve, zeroBits } from './puzzle';
import { sha256 } from './sha256';

const hex = (text: string) => [...sha256(text)].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');

test('a digest is the one of an independent SHA-256, at every length around a block', () => {
  expect(hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  for (let length = 0; length <= 200; length += 1) {
    const text = 'x7'.repeat(length).slice(0, length);
    expect(hex(text)).toBe(createHash('sha256').update(text).digest('hex'));
  }
});

test('an answer is hard enough, and the first that is', () => {
  const puzzle = 'Zm9yIG9uZSB1c2Ugb25seSwgYW5kIG5vdCBmb3IgeW91Zm9yIG9uZSB1c2Ugb25seSwgYW5k';
  for (const bits of [0, 1, 8, 14]) {
    const answer = solve(puzzle, bits);
    expect(zeroBits(puzzle, answer)).toBeGreaterThanOrEqual(bits);
    for (let n = 0; n < Number.parseInt(answer, 36); n += 1) {
      expect(zeroBits(puzzle, n.toString(36))).toBeLessThan(bits);
    }
  }
});

test('a puzzle that is too hard is refused at once', () => {
  expect(() => solve('x', BITS_MAX + 1)).toThrow('too hard');
});
