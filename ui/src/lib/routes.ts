/** The table of routes as its page filters and orders it. Pure. */
import type { RouteRow } from './api/wire';
import { sortBy, type Direction } from './sort';

export const LEVELS = ['open', 'read', 'write', 'dangerous'] as const;
export type LevelName = (typeof LEVELS)[number];

export interface Wanted {
  /** Words that all occur in the row. */
  text: string;
  /** A role that gets through; all where empty. */
  role: string;
  level: string;
  cost: string;
}

export type Column = 'path' | 'permission' | 'level' | 'weight';

export const levelOf = (row: RouteRow): LevelName => row.level ?? 'open';

export function filtered(rows: readonly RouteRow[], wanted: Wanted): RouteRow[] {
  const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (wanted.role && !row.roles.includes(wanted.role)) return false;
    if (wanted.level && levelOf(row) !== wanted.level) return false;
    if (wanted.cost && row.cost !== wanted.cost) return false;
    const text = [row.method, row.path, row.summary, row.permission, row.open, ...row.query].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export function ordered(rows: readonly RouteRow[], column: Column, direction: Direction): RouteRow[] {
  const key = (row: RouteRow) => {
    if (column === 'level') return LEVELS.indexOf(levelOf(row));
    if (column === 'weight') return row.weight;
    if (column === 'permission') return row.permission;
    return row.path;
  };
  return sortBy(rows, key, direction);
}
