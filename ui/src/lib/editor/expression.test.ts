import { StringStream } from '@codemirror/language';
import { expect, test } from 'vitest';
import { expressionParser, operatorAt, wordAt } from './expression';

function tokens(line: string): string[] {
  const stream = new StringStream(line, 2, 2);
  const out: string[] = [];
  while (!stream.eol()) {
    stream.start = stream.pos;
    const kind = expressionParser.token(stream, null);
    expect(stream.pos, 'the tokenizer moves').toBeGreaterThan(stream.start);
    if (kind) out.push(`${stream.current()}:${kind}`);
  }
  return out;
}

test('an expression in its colours', () => {
  expect(tokens('let a = rank(close); # why')).toEqual(['let:keyword', 'a:variableName', '=:operator', 'rank:function', '(:bracket', 'close:variableName', '):bracket', ';:bracket', '# why:comment']);
  expect(tokens('-1.5e3 * .5')).toEqual(['-:operator', '1.5e3:number', '*:operator', '.5:number']);
  expect(tokens('not (x >= 2)')).toEqual(['not:keyword', '(:bracket', 'x:variableName', '>=:operator', '2:number', '):bracket']);
  expect(tokens('\t\u0000€')).toEqual([]);
});

test('the word under the cursor, from either side', () => {
  const check = (offset: number, word: string | null) => expect(wordAt('ts_mean(x, 20)', offset)?.word ?? null, String(offset)).toBe(word);
  check(0, 'ts_mean');
  check(7, 'ts_mean');
  check(9, 'x');
  check(10, null);
  check(12, null);
});

test('what the cursor is about', () => {
  const known = (name: string) => ['rank', 'delta', 'ts_mean'].includes(name);
  // The bar stands where the cursor is.
  const check = (text: string, expected: string | null) => expect(operatorAt(text.replace('|', ''), text.indexOf('|'), known), text).toBe(expected);
  check('ra|nk(close)', 'rank');
  check('rank(cl|ose)', 'rank');
  check('rank(delta(close, 5), |2)', 'rank');
  check('rank(delta(close, |5))', 'delta');
  check('rank(where(a, |b))', 'rank');
  check('rank(x) |', null);
  check('rank( # delta(\n |x)', 'rank');
  check('|', null);
});
