import { expect, test } from 'vitest';
import { heatRows, heatScale, heatStep } from './heatmap';

test('a return has a colour step by its size', () => {
  const check = (value: number | null, expected: string) => expect(heatStep(value, 0.1)).toBe(expected);
  check(null, 'none');
  check(Number.NaN, 'none');
  check(0, 'zero');
  check(0.001, 'up-1');
  check(0.05, 'up-3');
  check(0.1, 'up-5');
  check(9, 'up-5');
  check(-0.001, 'down-1');
  check(-0.5, 'down-5');
});

test('one wild month does not pale the rest', () => {
  expect(heatScale([...Array<number>(19).fill(0.02), 5])).toBe(0.02);
  expect(heatScale([])).toBe(1);
  expect(heatScale([0, 0])).toBe(1);
});

test('every year has twelve cells', () => {
  const rows = heatRows([{ year: 2000, months: [null, 0.01], total: 0.01 }]);
  expect(rows[0]?.cells).toHaveLength(12);
  expect(rows[0]?.cells[0]).toEqual({ value: null, step: 'none' });
  expect(rows[0]?.cells[1]).toEqual({ value: 0.01, step: 'up-5' });
  expect(rows[0]?.total.step).toBe('up-5');
});
