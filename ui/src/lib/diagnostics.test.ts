import { expect, test } from 'vitest';
import type { Problem } from './api/wire';
import { markOf, positionOf, tally } from './diagnostics';

const problem = (from: number, to: number): Problem => ({ from, to, line: 1, column: 1, severity: 'error', code: 'x', message: 'm' });

test('a span is kept inside the text and made visible', () => {
  const check = (text: string, from: number, to: number, expected: [number, number]) => {
    const mark = markOf(problem(from, to), text);
    expect([mark.from, mark.to], `${from}..${to} of ${JSON.stringify(text)}`).toEqual(expected);
  };
  check('abc', 0, 2, [0, 2]);
  check('abc', 1, 1, [1, 2]);
  check('abc', 3, 3, [2, 3]);
  check('abc', 2, 99, [2, 3]);
  check('abc', 99, 120, [2, 3]);
  check('abc', 2, 1, [2, 3]);
  check('a\nb', 1, 1, [0, 1]);
  check('\n\n', 1, 1, [1, 1]);
  check('', 5, 9, [0, 0]);
  check('😀x', 0, 0, [0, 2]);
  check('x😀', 3, 3, [1, 3]);
  check('abc', Number.NaN, 2, [0, 1]);
});

test('offsets become lines and columns', () => {
  expect(positionOf('ab\ncd', 0)).toEqual({ line: 1, column: 1 });
  expect(positionOf('ab\ncd', 3)).toEqual({ line: 2, column: 1 });
  expect(positionOf('ab\ncd', 99)).toEqual({ line: 2, column: 3 });
});

test('errors block a run, the rest does not', () => {
  expect(tally([{ severity: 'error' }, { severity: 'warning' }, { severity: 'hint' }])).toEqual({ errors: 1, warnings: 2 });
});
