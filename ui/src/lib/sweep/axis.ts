/** An axis of a sweep as it is written: `5..100:5` or `5, 10, 20`. Pure, and exact to eight decimals as the server is. */

export type AxisProblem = 'empty' | 'number' | 'step' | 'order' | 'many' | 'twice';

export type AxisRead = { values: string[]; problem: null } | { values: null; problem: AxisProblem };

/** More values than these on one axis are refused by the server. */
export const VALUES_MAX = 100_000;

const DECIMALS = 8;
const NUMBER = /^-?\d{1,12}(?:\.\d{1,8})?$/;

/** A plain decimal number in units of 1e-8; null for anything else. */
function units(text: string): bigint | null {
  if (!NUMBER.test(text)) return null;
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const size = BigInt(whole + fraction.padEnd(DECIMALS, '0'));
  return text.startsWith('-') ? -size : size;
}

/** Units of 1e-8 as the shortest plain decimal number. */
function plain(size: bigint): string {
  const digits = (size < 0n ? -size : size).toString().padStart(DECIMALS + 1, '0');
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '');
  return (size < 0n ? '-' : '') + digits.slice(0, -DECIMALS) + (fraction ? `.${fraction}` : '');
}

const wrong = (problem: AxisProblem): AxisRead => ({ values: null, problem });

/** The values that an axis names, in its order. */
export function readAxis(text: string): AxisRead {
  const trimmed = text.trim();
  if (trimmed === '') return wrong('empty');
  return trimmed.includes('..') ? span(trimmed) : list(trimmed);
}

function span(text: string): AxisRead {
  const parts = /^(.*?)\.\.([^:]*)(?::(.*))?$/.exec(text);
  const [from, to, step] = [parts?.[1] ?? '', parts?.[2] ?? '', parts?.[3] ?? '0'].map((part) => units(part.trim()));
  if (from == null || to == null || step == null) return wrong('number');
  if (step <= 0n) return wrong('step');
  if (to < from) return wrong('order');
  const count = (to - from) / step + 1n;
  if (count > BigInt(VALUES_MAX)) return wrong('many');
  return { values: Array.from({ length: Number(count) }, (_, place) => plain(from + step * BigInt(place))), problem: null };
}

function list(text: string): AxisRead {
  const values: string[] = [];
  for (const part of text.split(',')) {
    const value = units(part.trim());
    if (value === null) return wrong('number');
    values.push(plain(value));
    if (values.length > VALUES_MAX) return wrong('many');
  }
  return new Set(values).size < values.length ? wrong('twice') : { values, problem: null };
}

/** What a form holds for one parameter. */
export interface AxisForm {
  name: string;
  /** The strategy's own value. */
  own: string;
  mode: 'keep' | 'span' | 'list';
  from: string;
  to: string;
  step: string;
  list: string;
}

/** A form for a parameter: kept as it is, with a span around its value to start from. */
export function formOf(name: string, own: string): AxisForm {
  const { from, to, step } = around(own);
  return { name, own, mode: 'keep', from, to, step, list: own };
}

/** The axis as the server reads it; null where the parameter keeps its value. */
export function axisText(form: AxisForm): string | null {
  if (form.mode === 'keep') return null;
  if (form.mode === 'list') return form.list;
  return `${form.from.trim()}..${form.to.trim()}:${form.step.trim()}`;
}

/** From half of a value to twice it in about ten steps, each of one digit: 1, 2 or 5. */
export function around(own: string): { from: string; to: string; step: string } {
  const value = units(own) ?? 0n;
  if (value === 0n) return { from: '0', to: '10', step: '1' };
  const size = value < 0n ? -value : value;
  const least = own.includes('.') ? 1n : 10n ** BigInt(DECIMALS);
  const step = roundStep((size * 3n) / 20n, least);
  const low = max((size / 2n / step) * step, step);
  const high = ((size * 2n) / step) * step;
  const [from, to] = value < 0n ? [-high, -low] : [low, max(high, low)];
  return { from: plain(from), to: plain(to), step: plain(step) };
}

function roundStep(wanted: bigint, least: bigint): bigint {
  let unit = least;
  while (unit * 10n <= wanted) unit *= 10n;
  for (const times of [5n, 2n]) if (unit * times <= wanted) return unit * times;
  return unit;
}

const max = (a: bigint, b: bigint) => (a > b ? a : b);

/** Conditions as they are typed: one a line, or with commas between. */
export function conditionsOf(text: string): string[] {
  return text.split(/[\n,]/).map((one) => one.trim()).filter((one) => one !== '');
}
