import { expect, test } from 'vitest';
import { formatAgo, formatCount, formatDate, formatFigure, formatInstant, formatMoney, formatNumber, formatPercent, formatQuantity, isoDay, priceDigits, numeric, parseMoment, shortHash, tone } from './format';

test('numbers follow the reader, with a true minus', () => {
  const check = (locale: string, value: number | string | null, expected: string) => expect(formatNumber(locale, value)).toBe(expected);
  check('en', 1234.5, '1,234.50');
  check('de', 1234.5, '1.234,50');
  check('en', -0.005, '\u22120.01');
  check('en', null, '–');
  check('en', 'not a number', '–');
  check('en', Number.NaN, '–');
  check('en', '0.10', '0.10');
});

test('percent shows a sign only where asked, never on zero', () => {
  const check = (locale: string, value: number, sign: 'auto' | 'always', expected: string) =>
    expect(formatPercent(locale, value, { sign }).replace(/\u00A0/g, ' ')).toBe(expected);
  check('en', 0.1234, 'always', '+12.34%');
  check('en', 0.1234, 'auto', '12.34%');
  check('en', -0.1234, 'always', '\u221212.34%');
  check('de', 0.1234, 'always', '+12,34 %');
  check('en', 0, 'always', '0.00%');
});

test('money keeps cents and counts keep none', () => {
  expect(formatMoney('en', '1000000.00')).toBe('$1,000,000.00');
  expect(formatMoney('de', '1000000.5', { currency: 'EUR' }).replace(/\u00A0/g, ' ')).toBe('1.000.000,50 €');
  expect(formatMoney('en', '-12.345')).toBe('\u2212$12.35');
  expect(formatCount('en', 14072)).toBe('14,072');
  expect(formatQuantity('de', '0.125')).toBe('0,125');
  expect(formatQuantity('en', '1200')).toBe('1,200');
  expect(priceDigits(['1.1700', '1.178', null, 2])).toBe(3);
  expect(priceDigits(['130.00'])).toBe(2);
  expect(priceDigits([0.1 + 0.2])).toBe(6);
});

test('a moment is read from any unit the wire may use', () => {
  const iso = '2013-03-01T00:00:00.000Z';
  const ms = Date.parse(iso);
  for (const value of ['2013-03-01', iso, ms, ms / 1000, ms * 1e3, ms * 1e6, String(ms / 1000)]) {
    expect(parseMoment(value)?.toISOString()).toBe(iso);
  }
  expect(parseMoment('yesterday')).toBeNull();
  expect(parseMoment(null)).toBeNull();
});

test('a trading date never slips into the neighbouring day', () => {
  expect(formatDate('en-US', '2000-03-01')).toBe('Mar 01, 2000');
  expect(formatDate('de', '2000-03-01')).toContain('01');
  expect(isoDay(951868800)).toBe('2000-03-01');
});

test('how long ago, in words', () => {
  const now = Date.parse('2026-01-02T00:00:00Z');
  expect(formatAgo('en', '2026-01-01T23:57:00Z', now)).toBe('3 minutes ago');
  expect(formatAgo('de', '2026-01-01T00:00:00Z', now)).toBe('gestern');
});

test('small things', () => {
  expect(shortHash('abcdef', 3)).toBe('abc…');
  expect(shortHash(null)).toBe('–');
  expect([tone(1), tone('-2'), tone(0), tone(null)]).toEqual(['gain', 'loss', 'flat', 'flat']);
  expect(numeric('')).toBeNull();
});

test('a figure of any size stays short', () => {
  const check = (value: number | null, expected: string) => expect(formatFigure('en', value), String(value)).toBe(expected);
  check(0, '0');
  check(1234.5678, '1,234.57');
  check(-0.012345678, '\u22120.0123457');
  check(0.00001234, '1.234E\u22125');
  check(123456789, '1.23457E8');
  check(null, '–');
});

test('a moment of a market is in UTC and as fine as asked', () => {
  const check = (micros: number, grain: Parameters<typeof formatInstant>[2], want: string) => expect(formatInstant('en-GB', micros, grain)).toBe(want);
  check(1_577_923_200_000_000, 'day', '02 Jan 2020');
  check(1_577_975_400_000_000, 'minute', '02 Jan 2020, 14:30');
  check(1_577_975_401_250_000, 'second', '02 Jan 2020, 14:30:01');
  check(1_577_975_401_250_999, 'fine', '02 Jan 2020, 14:30:01.250');
});
