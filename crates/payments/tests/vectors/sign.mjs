// Signs the cases of nowpayments.json, and writes the numbers of numbers.txt, as an engine of ECMAScript does, and
// compares: `node sign.mjs`. With `--write` it puts the signatures in. `sign.py` does the same without an engine.
import { createHash, createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('nowpayments.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8'));
const isObject = (value) => value !== null && typeof value === 'object';

/** Keys in order at every depth, lists as they are. */
function deep(value) {
  if (Array.isArray(value)) return value.map(deep);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, deep(value[key])]));
}
/** The same, a list being taken for an object. */
function sample(value) {
  return isObject(value) ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sample(value[key])])) : value;
}
const shallow = (value) => Object.fromEntries(Object.keys(value).sort().map((key) => [key, value[key]]));
const replaced = (value) => JSON.stringify(value, Object.keys(value).sort());
const ascii = (text) => text.replace(/[^\x00-\x7f]/g, (unit) => '\\u' + unit.charCodeAt(0).toString(16).padStart(4, '0'));
/** Numbers as Python prints them; only for the two that the cases have. */
const python = (text) => text.replace('1e-7', '1e-07').replace('"pay_amount":15,', '"pay_amount":15.0,');

const mac = (text, secret = vectors.secret, hash = 'sha512') => createHmac(hash, secret).update(text).digest('hex');
const library = (text) => JSON.stringify(deep(JSON.parse(text)));
const ways = {
  library: (text) => mac(library(text)),
  bytes: (text) => mac(text),
  replacer: (text) => mac(replaced(JSON.parse(text))),
  shallow: (text) => mac(JSON.stringify(shallow(JSON.parse(text)))),
  sample: (text) => mac(JSON.stringify(sample(JSON.parse(text)))),
  php: (text) => mac(ascii(library(text))),
  dumps: (text) => mac(python(ascii(library(text)))),
  'other secret': (text) => mac(library(text), 'another-made-up-secret'),
  'no secret': (text) => mac(library(text), ''),
  sha256: (text) => mac(library(text), vectors.secret, 'sha256'),
  hash: (text) => createHash('sha512').update(library(text)).digest('hex'),
  cut: (text) => mac(library(text)).slice(0, 126),
  longer: (text) => mac(library(text)) + '00',
  empty: () => '',
  base64: (text) => Buffer.from(mac(library(text)), 'hex').toString('base64'),
};
const made = vectors.cases.map(({ name, want, by, signs, sent }) => ({ name, want, by, signature: ways[by](signs), signs, sent }));
if (process.argv.includes('--write')) {
  writeFileSync(file, `${JSON.stringify({ secret: vectors.secret, cases: made }, null, 1)}\n`);
} else {
  const other = made.filter((one, place) => one.signature !== vectors.cases[place].signature);
  for (const { name } of other) console.error(`another signature: ${name}`);
  const lines = readFileSync(new URL('numbers.txt', import.meta.url), 'utf8').trim().split('\n').map((line) => line.split(' '));
  const wrong = lines.filter(([literal, text]) => JSON.stringify(JSON.parse(literal)) !== text);
  for (const [literal] of wrong) console.error(`another number: ${literal}`);
  console.log(`${made.length - other.length} of ${made.length} signatures and ${lines.length - wrong.length} of ${lines.length} numbers are the same`);
  process.exitCode = other.length + wrong.length ? 1 : 0;
}
