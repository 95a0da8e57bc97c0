/** Looking messages up. Pure; the chosen language is in `index.svelte.ts`. */
import { de } from './de';
import { en, type Key } from './en';

export type Locale = 'en' | 'de';

export const tables: Record<Locale, Record<Key, string>> = { en, de };
export const languages: { locale: Locale; name: string }[] = [
  { locale: 'en', name: 'English' },
  { locale: 'de', name: 'Deutsch' },
];

type Holes<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Holes<Rest> : never;

/** The values that a message asks for: leaving one out is a type error. */
export type Values<K extends Key> = [Holes<(typeof en)[K]>] extends [never]
  ? []
  : [values: Record<Holes<(typeof en)[K]>, string | number>];

/** The keys whose messages ask for nothing. */
export type PlainKey = { [K in Key]: [Holes<(typeof en)[K]>] extends [never] ? K : never }[Key];

export function translate<K extends Key>(locale: Locale, key: K, ...[values]: Values<K>): string {
  return fill(tables[locale][key], values as Record<string, string | number> | undefined);
}

export function fill(message: string, values?: Record<string, string | number>): string {
  if (!values) return message;
  return message.replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole));
}

type Countable<K extends Key> = K extends `count.${infer Noun}.one` ? Noun : never;
export type Noun = Countable<Key>;

/** "1 trade", "1,204 trades"; `shown` is the number as the reader's language writes it. */
export function pluralize(locale: Locale, noun: Noun, n: number, shown: string): string {
  const form = new Intl.PluralRules(locale).select(n) === 'one' ? 'one' : 'other';
  return fill(tables[locale][`count.${noun}.${form}` as Key], { n: shown });
}

/** The first supported language of a browser's list; English when there is none. */
export function negotiate(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split('-')[0];
    if (base === 'en' || base === 'de') return base;
  }
  return 'en';
}
