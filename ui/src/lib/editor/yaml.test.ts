import { StringStream } from '@codemirror/language';
import { expect, test } from 'vitest';
import { strategyParser } from './yaml';

/** The tokens of a line as "text:kind". */
function tokens(line: string): string[] {
  const state = strategyParser.startState?.(2);
  if (!state) throw new Error('no state');
  const stream = new StringStream(line, 2, 2);
  const out: string[] = [];
  while (!stream.eol()) {
    stream.start = stream.pos;
    const kind = strategyParser.token(stream, state);
    expect(stream.pos, 'the tokenizer moves').toBeGreaterThan(stream.start);
    if (kind) out.push(`${stream.current()}:${kind}`);
  }
  return out;
}

test('YAML on the left, expressions on the right', () => {
  expect(tokens('  long: ema(close, 10) > 2.5e3 # why')).toEqual([
    'long:propertyName', '::punctuation', 'ema:function', '(:bracket', 'close:variableName', ',:bracket', '10:number', '):bracket', '>:operator', '2.5e3:number', '# why:comment',
  ]);
  expect(tokens('exit: close < $stop_1')).toEqual(['exit:propertyName', '::punctuation', 'close:variableName', '<:operator', '$stop_1:number']);
  expect(tokens('data: us-stocks-daily')).toEqual(['data:propertyName', '::punctuation', 'us-stocks-daily:string']);
  expect(tokens('name: "a # b"')).toEqual(['name:propertyName', '::punctuation', '"a # b":string']);
  expect(tokens('- not x and true')).toEqual(['-:punctuation', 'not:keyword', 'x:variableName', 'and:keyword', 'true:keyword']);
  expect(tokens('\t\u0000€')).toEqual([]);
});
