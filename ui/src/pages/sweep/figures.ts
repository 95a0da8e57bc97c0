/** How the measures of a sweep read. */
import { own } from '../../lib/api/read';
import type { Sweep, SweepMeasure } from '../../lib/api/sweeps';
import { tone } from '../../lib/format';
import { integer, money, number, percent, t } from '../../lib/i18n/index.svelte';
import { digitsOf, figures, type Column } from '../../lib/table/column';
import { columnsOf, valueAt, type Data, type WireTable } from '../../lib/table/data';

/** Columns of parameters begin with this, as in the text: a parameter may be called like a measure. */
export const PARAMETER = '$';

const LABELS: Record<string, () => string> = {
  sharpe: () => t('metric.sharpe'), total_return: () => t('metric.total_return'), max_drawdown: () => t('metric.max_drawdown'), trades: () => t('metric.trades'),
  profit_factor: () => t('metric.profit_factor'), final_equity: () => t('metric.end_equity'), win_rate: () => t('metric.win_rate'), fees: () => t('metric.fees'),
  turnover: () => t('metric.turnover'), exposure: () => t('metric.exposure'),
};

/** A measure of a newer server stands for itself. */
export function measureName(name: string): string {
  return own(LABELS, name)?.() ?? name.replaceAll('_', ' ');
}

export function measureFormat({ name, unit }: SweepMeasure, currency: string): (value: number) => string {
  switch (unit) {
    case 'percent': return (value) => percent(value, { digits: name === 'win_rate' || name === 'exposure' ? 1 : 2, ...(name === 'total_return' ? { sign: 'always' } : {}) });
    case 'money': return (value) => money(value, { currency, digits: 0 });
    case 'count': return (value) => integer(value);
    default: return (value) => number(value);
  }
}

/** The value that divides good from bad, where there is one for all strategies. */
export function naturalCentre(name: string): number | null {
  if (name === 'sharpe' || name === 'total_return') return 0;
  return name === 'profit_factor' ? 1 : null;
}

export interface Rows {
  total: number;
  columns: Record<string, Data>;
}

export function rowsOf(table: WireTable): Rows {
  return { total: table.rows, columns: columnsOf(table, []) };
}

/** A column of numbers; one that is not there has none. */
export function values(rows: Rows, name: string): Float64Array {
  const data = rows.columns[name];
  return data && data.kind !== 'words' ? data.values : new Float64Array(rows.total).fill(NaN);
}

/** Where each row stands on an axis; -1 beside it. */
export function places(rows: Rows, sweep: Sweep, name: string): Int32Array {
  const axis = sweep.axes.find((one) => one.name === name);
  const known = new Map(axis?.values.map((value, place) => [Number(value), place]) ?? []);
  return Int32Array.from(values(rows, PARAMETER + name), (value) => known.get(value) ?? -1);
}

/** The table of all sets: a row leads to its set. */
export function sweepColumns(rows: Rows, sweep: Sweep, address: (set: number) => string): Column[] {
  const sets = rows.columns['set'];
  if (!sets) return [];
  const first: Column = {
    ...figures('set', t('sweep.rows.set'), sets, (value) => integer(value)),
    href: (row) => address(Number(valueAt(sets, row))),
  };
  const axes = sweep.axes.flatMap(({ name }) => {
    const data = rows.columns[PARAMETER + name];
    if (!data) return [];
    const digits = digitsOf(data);
    return [figures(name, name, data, (value) => number(value, { digits }))];
  });
  const measures = sweep.measures.flatMap((measure) => {
    const data = rows.columns[measure.name];
    if (!data) return [];
    const column = figures(measure.name, measureName(measure.name), data, measureFormat(measure, sweep.currency));
    return [measure.name === 'total_return' ? { ...column, tone: (row: number) => tone(valueAt(data, row)) } : column];
  });
  return [first, ...axes, ...measures];
}
