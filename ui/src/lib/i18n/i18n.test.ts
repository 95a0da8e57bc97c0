import { expect, test } from 'vitest';
import { de } from './de';
import { en, type Key } from './en';
import { fill, negotiate, pluralize, tables, translate } from './translate';

const holes = (message: string) => [...message.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test('every language has every message, filled in the same places', () => {
  for (const [locale, table] of Object.entries(tables)) {
    expect(Object.keys(table).sort(), locale).toEqual(Object.keys(en).sort());
    for (const key of Object.keys(en) as Key[]) {
      expect(table[key].trim(), `${locale} ${key}`).not.toBe('');
      expect(holes(table[key]), `${locale} ${key}`).toEqual(holes(en[key]));
    }
  }
});

test('no message carries markup', () => {
  for (const table of Object.values(tables)) for (const message of Object.values(table)) expect(message).not.toMatch(/[<>]/);
});

test('plurals and values', () => {
  expect(pluralize('en', 'trades', 1, '1')).toBe('1 trade');
  expect(pluralize('de', 'trades', 1204, '1.204')).toBe('1.204 Trades');
  expect(translate('de', 'strategy.revision', { revision: 3 })).toBe('Revision 3');
  expect(fill('{a} {b}', { a: 1 })).toBe('1 {b}');
  expect(de['nav.data']).not.toBe(en['nav.data']);
});

test('the browser’s first supported language wins', () => {
  expect(negotiate(['fr-FR', 'de-AT', 'en'])).toBe('de');
  expect(negotiate(['en-GB', 'de'])).toBe('en');
  expect(negotiate(['fr'])).toBe('en');
});
