import { expect, test } from 'vitest';
import { coverage, facts, findingRows } from './dataset';

test('findings are read flat, listed or grouped by kind', () => {
  const row = { kind: 'gap', symbol: 'IBM', when: '2001-09-11', until: null, detail: 'closed', problem: false };
  const wire = { kind: 'gap', symbol: 'IBM', date: '2001-09-11', message: 'closed' };
  expect(findingRows([wire])).toEqual([row]);
  expect(findingRows({ findings: [wire] })).toEqual([row]);
  expect(findingRows({ gap: [{ symbol: 'IBM', at: '2001-09-11', detail: 'closed' }], rows: 3 })).toEqual([row]);
  expect(findingRows(undefined)).toEqual([]);
  expect(findingRows([{ ...wire, severity: 'problem' }])[0]?.problem).toBe(true);
});

test('coverage and facts of a manifest', () => {
  const manifest = { version: 1, source: 'a.csv', symbols: [{ symbol: 'A', rows: 2, first: 1, last: 2 }] };
  expect(coverage({ manifest })).toHaveLength(1);
  expect(coverage({ manifest: { symbols: ['A'] } })).toEqual([]);
  expect(facts(manifest)).toEqual([['version', '1'], ['source', 'a.csv']]);
});
