import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { facts, findingRows } from '../dataset';
import { columnsOf, type WireTable } from '../table/data';
import { shortcut } from '../shortcuts';
import { get } from './client';
import { own, parse } from './read';

const BAD = [
  '{"__proto__":{"polluted":true}}',
  '{"a":{"b":[{"__proto__":{"polluted":true}}]}}',
  '{"__pro\\u0074o__":{"polluted":true}}',
  '{"\\u005f_proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
];

/** A careless copy, as a page or a library might make it. */
function merge(into: Record<string, unknown>, from: Record<string, unknown>) {
  for (const [key, value] of Object.entries(from)) {
    if (value !== null && typeof value === 'object') merge((into[key] ??= {}) as Record<string, unknown>, value as Record<string, unknown>);
    else into[key] = value;
  }
}
const polluted = () => 'polluted' in {};

afterEach(() => {
  vi.unstubAllGlobals();
  Reflect.deleteProperty(Object.prototype, 'polluted');
});

test('a key of data never reaches a prototype, not even through a careless copy', () => {
  for (const text of BAD.slice(0, 4)) {
    const read = parse(text) as Record<string, unknown>;
    expect(Object.getPrototypeOf(read), text).toBe(Object.prototype);
    merge({}, read);
    expect(polluted(), text).toBe(false);
    expect(Object.getPrototypeOf(Object.assign({}, read)), text).toBe(Object.prototype);
  }
});

test('the careless copy does harm with plain JSON.parse, so that the test above bites', () => {
  for (const text of BAD.slice(0, 4)) {
    merge({}, JSON.parse(text) as Record<string, unknown>);
    expect(polluted(), text).toBe(true);
    Reflect.deleteProperty(Object.prototype, 'polluted');
  }
});

test('everything else is read as it stands', () => {
  for (const text of ['{"a":[1,"\\u00e4",null],"constructor":"x"}', '[]', '"__proto__"', '{"proto":1,"b":"__proto__"}']) {
    expect(parse(text), text).toEqual(JSON.parse(text));
  }
  expect(() => parse('{"__proto__":')).toThrow(SyntaxError);
});

test('an answer of the server is read so too, and so is its refusal', async () => {
  const answer = (status: number) => async () => new Response(BAD[0], { status, headers: { 'content-type': 'application/json' } });
  vi.stubGlobal('fetch', answer(200));
  expect(Object.keys(await get<object>('/x'))).toEqual([]);
  vi.stubGlobal('fetch', answer(404));
  const refusal: unknown = await get('/x').catch((error: unknown) => error);
  expect(Reflect.get(refusal as object, 'polluted')).toBeUndefined();
  expect(polluted()).toBe(false);
});

test('a name out of data finds nothing that every object has', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
    expect(own({ a: 1 } as Record<string, number>, name), name).toBeUndefined();
    expect(shortcut({ key: name, ctrlKey: false, metaKey: false, altKey: false, composedPath: () => [] }, 'g').action, name).toBeNull();
  }
  expect(own({ a: 1 }, 'a')).toBe(1);
});

test('columns, facts and findings with such names stay what they are', () => {
  const wire = { total: 1, from: 0, rows: 1, columns: JSON.parse('{"__proto__":[1],"constructor":[2],"a":[3]}') as WireTable['columns'] };
  const columns = columnsOf(wire, []);
  expect(Object.keys(columns)).toEqual(['__proto__', 'constructor', 'a']);
  expect(Object.getPrototypeOf(columns)).toBe(Object.prototype);
  expect(facts(parse('{"__proto__":"x","a":"b"}') as Record<string, unknown>)).toEqual([['a', 'b']]);
  findingRows(parse('{"__proto__":[{"polluted":true}],"gaps":[{"symbol":"A"}]}'));
  expect(polluted()).toBe(false);
});

test('JSON is read here and nowhere else', () => {
  const source = join(import.meta.dirname, '../..');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|svelte|js)$/.test(name) && !name.includes('.test.'));
  expect(files.length).toBeGreaterThan(100);
  const others = files.filter((name) => /JSON\.parse|\.json\(\)/.test(readFileSync(join(source, name), 'utf8')) && !name.endsWith('api/read.ts'));
  expect(others).toEqual([]);
});
