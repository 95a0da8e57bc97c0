// The messages as the pages show them, so that a test names a thing and not its wording.
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../src/lib/i18n/', import.meta.url);
/** Each language is a file, and a file in each folder of a noun. */
const nouns = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());

function table(language) {
  const read = (path) => readFileSync(new URL(`${path}.ts`, folder), 'utf8');
  const text = [language, ...nouns.map(({ name }) => `${name}/${language}`)].map(read).join('\n');
  const lines = text.matchAll(/^\s*'([\w.-]+)':\s*'((?:[^'\\]|\\.)*)',?$/gm);
  return new Map([...lines].map(([, key, value]) => [key, value.replace(/\\(.)/g, '$1')]));
}

const tables = { en: table('en'), de: table('de') };

/** A message with its holes filled. */
export function t(key, values = {}, language = 'en') {
  const message = tables[language].get(key);
  if (message === undefined) throw new Error(`there is no message ${key} in ${language}`);
  return message.replace(/\{(\w+)\}/g, (hole, name) => String(values[name] ?? hole));
}
