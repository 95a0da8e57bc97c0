/** The reader's language, and every formatting that depends on it. */
import * as format from '../format';
import type { Moment, Signed } from '../format';
import { en, type Key } from './en';
import { negotiate, pluralize, translate, type Locale, type Noun, type Values } from './translate';

const STORED = 'stockade.language';

function initial(): Locale {
  const stored = localStorage.getItem(STORED);
  return stored === 'en' || stored === 'de' ? stored : negotiate(navigator.languages);
}

class Language {
  locale: Locale = $state(initial());
  /** False while the browser's own preference decides. */
  chosen = localStorage.getItem(STORED) !== null;
  /** For numbers and dates: the browser's own regional variant of the chosen language. */
  tag: string = $derived(navigator.languages.find((tag) => tag.toLowerCase().startsWith(this.locale)) ?? this.locale);

  choose(locale: Locale): void {
    this.locale = locale;
    this.chosen = true;
    localStorage.setItem(STORED, locale);
    document.documentElement.lang = locale;
  }
}

export const language = new Language();

export function t<K extends Key>(key: K, ...values: Values<K>): string {
  return translate(language.locale, key, ...values);
}

/** Every kind of entry that the audit log knows, by the messages there are for them. */
const KIND = 'audit.kind.';
export const kinds = Object.keys(en).filter((key) => key.startsWith(KIND)).map((key) => key.slice(KIND.length)).sort();

/** What an entry of this kind says happened; a kind of a newer server stands for itself. */
export function deed(kind: string): string {
  return kinds.includes(kind) ? translate(language.locale, `${KIND}${kind}` as 'audit.kind.log.viewed') : kind;
}

/** A word of the engine, as `stop_loss`; one of a newer server stands for itself. */
export function word(name: string): string {
  const key = `word.${name}`;
  return key in en ? translate(language.locale, key as 'word.maker') : name.replaceAll('_', ' ');
}

export function count(noun: Noun, n: number): string {
  return pluralize(language.locale, noun, n, format.formatCount(language.tag, n));
}

type Value = number | string | null | undefined;

export const number = (value: Value, options?: Signed) => format.formatNumber(language.tag, value, options);
export const figure = (value: Value) => format.formatFigure(language.tag, value);
export const quantity = (value: Value) => format.formatQuantity(language.tag, value);
export const integer = (value: Value) => format.formatCount(language.tag, value);
export const percent = (value: Value, options?: Signed) => format.formatPercent(language.tag, value, options);
export const money = (value: Value, options?: Signed & { currency?: string }) =>
  format.formatMoney(language.tag, value, options);
export const day = (value: Moment) => format.formatDate(language.tag, value);
/** A moment of a market, in UTC, as fine as its column asks; `micros` since 1970. */
export const instant = (micros: number, grain: format.Grain) => format.formatInstant(language.tag, micros, grain);
export const moment = (value: Moment) => format.formatDateTime(language.tag, value);
export const ago = (value: Moment) => format.formatAgo(language.tag, value, Date.now());
export const month = (index: number, width?: 'short' | 'long') => format.formatMonth(language.tag, index, width);
