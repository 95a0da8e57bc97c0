import { expect, test } from 'vitest';
import { around, axisText, conditionsOf, formOf, readAxis } from './axis';

test('a span has both ends where the steps meet them, exactly', () => {
  const check = (text: string, values: string[]) => expect(readAxis(text), text).toEqual({ values, problem: null });
  check('5..20:5', ['5', '10', '15', '20']);
  check('5..19:5', ['5', '10', '15']);
  check(' 1 .. 3 : 1 ', ['1', '2', '3']);
  check('0.1..0.3:0.1', ['0.1', '0.2', '0.3']);
  check('-1..1:0.5', ['-1', '-0.5', '0', '0.5', '1']);
  check('7..7:1', ['7']);
  check('0.00000001..0.00000003:0.00000001', ['0.00000001', '0.00000002', '0.00000003']);
});

test('a list keeps its order and loses idle zeros', () => {
  const check = (text: string, values: string[]) => expect(readAxis(text), text).toEqual({ values, problem: null });
  check('20, 5,10', ['20', '5', '10']);
  check('0.50,1.0', ['0.5', '1']);
  check('-0.25', ['-0.25']);
});

test('what is wrong with an axis has a name', () => {
  const check = (text: string, problem: string) => expect(readAxis(text), text).toEqual({ values: null, problem });
  check('', 'empty');
  check('5..20:0', 'step');
  check('5..20:-1', 'step');
  check('5..20', 'step');
  check('20..5:1', 'order');
  check('0..1:0.000001', 'many');
  check('5..x:1', 'number');
  check('5..', 'number');
  check('1e3', 'number');
  check('1,,2', 'number');
  check('0.123456789', 'number');
  check('1,2,1.0', 'twice');
});

test('a form says what the server reads, or that the value stays', () => {
  const form = formOf('fast', '10');
  expect(axisText(form)).toBeNull();
  expect(axisText({ ...form, mode: 'span', from: '5', to: ' 50', step: '5' })).toBe('5..50:5');
  expect(axisText({ ...form, mode: 'list', list: '1,2' })).toBe('1,2');
});

test('a first span lies around the value and is never empty', () => {
  const check = (own: string, from: string, to: string, step: string) => expect(around(own), own).toEqual({ from, to, step });
  check('10', '5', '20', '1');
  check('200', '100', '400', '20');
  check('0.5', '0.25', '1', '0.05');
  check('1', '1', '2', '1');
  check('0', '0', '10', '1');
  check('-20', '-40', '-10', '2');
  for (const own of ['1', '2', '3', '7', '14', '30', '252', '0.02', '1.5', '-3', '0.00000001']) {
    const { from, to, step } = around(own);
    const { values } = readAxis(`${from}..${to}:${step}`);
    expect(values?.length, own).toBeGreaterThan(0);
    expect(values?.length, own).toBeLessThan(40);
  }
});

test('conditions stand on lines or between commas', () => {
  expect(conditionsOf(' fast < slow,\n\nslow <= 100 ')).toEqual(['fast < slow', 'slow <= 100']);
  expect(conditionsOf('  ')).toEqual([]);
});
