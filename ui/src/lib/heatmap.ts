/** Monthly returns as table cells: the colour is one of eleven named steps, never an inline style. */
import type { MonthlyRow } from './api/wire';

export type Step = 'none' | 'zero' | `up-${1 | 2 | 3 | 4 | 5}` | `down-${1 | 2 | 3 | 4 | 5}`;

export interface Cell {
  value: number | null;
  step: Step;
}

export interface HeatRow {
  year: number;
  cells: Cell[];
  total: Cell;
}

/** The absolute return at which a colour is full: the 90th percentile, so one wild month does not pale the rest. */
export function heatScale(values: readonly number[]): number {
  const sizes = values.map(Math.abs).filter((v) => v > 0).sort((a, b) => a - b);
  if (sizes.length === 0) return 1;
  return sizes[Math.min(sizes.length - 1, Math.floor(sizes.length * 0.9))] ?? 1;
}

export function heatStep(value: number | null, full: number): Step {
  if (value === null || !Number.isFinite(value)) return 'none';
  if (value === 0) return 'zero';
  const level = Math.min(5, Math.max(1, Math.ceil((Math.abs(value) / full) * 5))) as 1 | 2 | 3 | 4 | 5;
  return value > 0 ? `up-${level}` : `down-${level}`;
}

/** Rows newest year last, always twelve cells each. */
export function heatRows(monthly: readonly MonthlyRow[]): HeatRow[] {
  const present = (v: number | null): v is number => v !== null && Number.isFinite(v);
  const full = heatScale(monthly.flatMap((row) => row.months.filter(present)));
  const fullYear = heatScale(monthly.map((row) => row.total).filter(present));
  return monthly.map((row) => ({
    year: row.year,
    cells: Array.from({ length: 12 }, (_, month) => {
      const value = row.months[month] ?? null;
      return { value, step: heatStep(value, full) };
    }),
    total: { value: row.total, step: heatStep(row.total, fullYear) },
  }));
}
