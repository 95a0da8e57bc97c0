import { expect, test } from 'vitest';
import { diff } from './diff';

const written = (before: string, after: string) =>
  diff(before, after).map(({ kind, text }) => (kind === 'same' ? text : kind === 'added' ? `[+${text}]` : `[-${text}]`)).join('');

test('what changed, word by word', () => {
  const check = (before: string, after: string, expected: string) => expect(written(before, after)).toBe(expected);
  check('rank(close)', 'rank(close)', 'rank(close)');
  check('ts_mean(close, 10)', 'ts_mean(close, 20)', 'ts_mean(close, [-10][+20])');
  check('rank(x)', '-rank(x)', '[+-]rank(x)');
  check('', 'a', '[+a]');
  check('a', '', '[-a]');
  check('a + b', 'a * b + c', 'a [-+][+*] b[+ + c]');
});

test('the pieces give back both texts, however long', () => {
  const long = Array.from({ length: 4000 }, (_, i) => `a${i % 7} + ${i}`).join('\n');
  const samples: [string, string][] = [['let a = 1; a', 'let b = 2;\nb + a'], [long, long.replaceAll('a3', 'b')], [long, long.split('').reverse().join('')]];
  for (const [before, after] of samples) {
    const pieces = diff(before, after);
    const of = (kind: string) => pieces.filter((piece) => piece.kind !== kind).map((piece) => piece.text).join('');
    expect(of('added')).toBe(before);
    expect(of('removed')).toBe(after);
  }
});
