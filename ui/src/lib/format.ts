/** Numbers, money and dates in the reader's language. Pure: the locale is an argument. */

export type Moment = string | number | null | undefined;

const NONE = '–';
const numberFormats = new Map<string, Intl.NumberFormat>();
const dateFormats = new Map<string, Intl.DateTimeFormat>();

function numbers(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale + JSON.stringify(options);
  let format = numberFormats.get(key);
  if (!format) numberFormats.set(key, (format = new Intl.NumberFormat(locale, options)));
  return format;
}

function dates(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  let format = dateFormats.get(key);
  if (!format) dateFormats.set(key, (format = new Intl.DateTimeFormat(locale, options)));
  return format;
}

/** A number from a number or a decimal string; null when there is none. */
export function numeric(value: number | string | null | undefined): number | null {
  if (value === null || value === undefined || value === '') return null;
  const n = typeof value === 'number' ? value : Number(value);
  return Number.isFinite(n) ? n : null;
}

export interface Signed {
  digits?: number;
  sign?: 'auto' | 'always';
}

export function formatNumber(locale: string, value: number | string | null | undefined, options: Signed = {}): string {
  const n = numeric(value);
  if (n === null) return NONE;
  const digits = options.digits ?? 2;
  return minus(
    numbers(locale, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      signDisplay: options.sign === 'always' ? 'exceptZero' : 'negative',
    }).format(n),
  );
}

export function formatCount(locale: string, value: number | string | null | undefined): string {
  const n = numeric(value);
  return n === null ? NONE : minus(numbers(locale, { maximumFractionDigits: 0 }).format(n));
}

/** A figure of any size: six significant digits, powers of ten where plain digits would be long. */
export function formatFigure(locale: string, value: number | string | null | undefined): string {
  const n = numeric(value);
  if (n === null) return NONE;
  const size = Math.abs(n);
  const notation = size !== 0 && (size < 1e-4 || size >= 1e7) ? 'scientific' : 'standard';
  return minus(numbers(locale, { maximumSignificantDigits: 6, notation }).format(n));
}

/** Shares or coins: whole where they are whole. */
export function formatQuantity(locale: string, value: number | string | null | undefined): string {
  const n = numeric(value);
  return n === null ? NONE : minus(numbers(locale, { maximumFractionDigits: 8 }).format(n));
}

/** Decimals for a column of prices, so that its points stand under each other: two to six. */
export function priceDigits(values: Iterable<number | string | null | undefined>): number {
  let digits = 2;
  for (const value of values) {
    const point = value === null || value === undefined ? '' : (String(value).split('.')[1] ?? '');
    digits = Math.max(digits, point.replace(/0+$/, '').length);
  }
  return Math.min(digits, 6);
}

/** A fraction as percent: 0.1234 -> 12.34 %. */
export function formatPercent(locale: string, value: number | string | null | undefined, options: Signed = {}): string {
  const n = numeric(value);
  if (n === null) return NONE;
  const digits = options.digits ?? 2;
  return minus(
    numbers(locale, {
      style: 'percent',
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      signDisplay: options.sign === 'always' ? 'exceptZero' : 'negative',
    }).format(n),
  );
}

/** Money of the account; the amount arrives as a decimal string and is shown to the cent. */
export function formatMoney(
  locale: string,
  value: number | string | null | undefined,
  options: Signed & { currency?: string } = {},
): string {
  const n = numeric(value);
  if (n === null) return NONE;
  const digits = options.digits ?? 2;
  return minus(
    numbers(locale, {
      style: 'currency',
      currency: options.currency ?? 'USD',
      currencyDisplay: 'narrowSymbol',
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      signDisplay: options.sign === 'always' ? 'exceptZero' : 'negative',
    }).format(n),
  );
}

/** A true minus sign lines up with plus in tabular figures. */
function minus(text: string): string {
  return text.replace(/-/g, '\u2212');
}

/** Seconds, milliseconds, microseconds or nanoseconds since 1970, an ISO text, or a bare date. */
export function parseMoment(value: Moment): Date | null {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'number') {
    let ms = value;
    if (Math.abs(value) < 1e11) ms = value * 1e3;
    else if (Math.abs(value) >= 1e17) ms = value / 1e6;
    else if (Math.abs(value) >= 1e14) ms = value / 1e3;
    const date = new Date(ms);
    return Number.isNaN(date.getTime()) ? null : date;
  }
  if (/^-?\d{9,}$/.test(value)) return parseMoment(Number(value));
  const date = new Date(/^\d{4}-\d{2}-\d{2}$/.test(value) ? `${value}T00:00:00Z` : value);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** A trading date: no time of day, no time zone to shift it. */
export function formatDate(locale: string, value: Moment): string {
  const date = parseMoment(value);
  if (!date) return NONE;
  return dates(locale, { year: 'numeric', month: 'short', day: '2-digit', timeZone: 'UTC' }).format(date);
}

export function formatMonth(locale: string, month: number, width: 'short' | 'long' = 'short'): string {
  return dates(locale, { month: width, timeZone: 'UTC' }).format(new Date(Date.UTC(2001, month, 15)));
}

/** A moment of the reader's own day. */
export function formatDateTime(locale: string, value: Moment): string {
  const date = parseMoment(value);
  if (!date) return NONE;
  return dates(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(date);
}

/** How fine moments are shown. */
export type Grain = 'day' | 'minute' | 'second' | 'fine';

/** A moment of a market in UTC: the time of day only where there is one. */
export function formatInstant(locale: string, micros: number, grain: Grain): string {
  const date = new Date(micros / 1000);
  if (Number.isNaN(date.getTime())) return NONE;
  const options: Intl.DateTimeFormatOptions = { year: 'numeric', month: 'short', day: '2-digit', timeZone: 'UTC' };
  if (grain !== 'day') Object.assign(options, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  if (grain === 'second' || grain === 'fine') options.second = '2-digit';
  if (grain === 'fine') options.fractionalSecondDigits = 3;
  return dates(locale, options).format(date);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** "3 minutes ago"; `now` in milliseconds. */
export function formatAgo(locale: string, value: Moment, now: number): string {
  const date = parseMoment(value);
  if (!date) return NONE;
  const seconds = (date.getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  }
  return format.format(0, 'second');
}

/** The ISO date of a moment, for charts. */
export function isoDay(value: Moment): string {
  return parseMoment(value)?.toISOString().slice(0, 10) ?? '';
}

/** A digest shortened for reading; the whole is in the element's title or copy button. */
export function shortHash(hash: string | null | undefined, length = 10): string {
  if (!hash) return NONE;
  return hash.length <= length ? hash : `${hash.slice(0, length)}…`;
}

/** Which way a number points, for its colour and its words. */
export function tone(value: number | string | null | undefined): 'gain' | 'loss' | 'flat' {
  const n = numeric(value);
  if (n === null || n === 0) return 'flat';
  return n > 0 ? 'gain' : 'loss';
}

/** A fill's side as the server writes it: buy or sell. */
export function isBuy(side: string): boolean {
  return side.toLowerCase() === 'buy';
}
