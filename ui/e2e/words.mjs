// The messages as the pages show them, so that a test names a thing and not its wording.
import { readFileSync } from 'node:fs';

function table(language) {
  const read = (path) => readFileSync(new URL(`../src/lib/i18n/${path}.ts`, import.meta.url), 'utf8');
  const text = read(language) + read(`factors/${language}`) + read(`results/${language}`) + read(`sweeps/${language}`);
  const lines = text.matchAll(/^\s*'([\w.]+)':\s*'((?:[^'\\]|\\.)*)',?$/gm);
  return new Map([...lines].map(([, key, value]) => [key, value.replace(/\\(.)/g, '$1')]));
}

const tables = { en: table('en'), de: table('de') };

/** A message with its holes filled. */
export function t(key, values = {}, language = 'en') {
  const message = tables[language].get(key);
  if (message === undefined) throw new Error(`there is no message ${key} in ${language}`);
  return message.replace(/\{(\w+)\}/g, (hole, name) => String(values[name] ?? hole));
}
