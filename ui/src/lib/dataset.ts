/** Reads manifests and quality reports, whose fields grow with the server, into rows for a table. */
import type { DatasetDetail, Finding, SymbolCoverage } from './api/wire';

export interface FindingRow {
  kind: string;
  symbol: string;
  when: string | number | null;
  until: string | number | null;
  detail: string;
  /** Results may be wrong because of it; anything else is good to know. */
  problem: boolean;
}

const LISTS = ['findings', 'issues', 'problems', 'entries'];

export function findingRows(quality: unknown): FindingRow[] {
  if (quality === null || typeof quality !== 'object') return [];
  if (Array.isArray(quality)) return quality.filter(isFinding).map((f) => rowOf(f));
  const record = quality as Record<string, unknown>;
  for (const name of LISTS) {
    const list = record[name];
    if (Array.isArray(list)) return list.filter(isFinding).map((f) => rowOf(f));
  }
  // A report grouped by kind: {gaps:[…], duplicates:[…], splits:[…]}.
  return Object.entries(record).flatMap(([kind, list]) =>
    Array.isArray(list) ? list.filter(isFinding).map((f) => rowOf({ ...f, kind: f.kind ?? kind })) : [],
  );
}

function isFinding(value: unknown): value is Finding {
  return value !== null && typeof value === 'object';
}

function rowOf(finding: Finding): FindingRow {
  return {
    kind: String(finding.kind ?? ''),
    symbol: finding.symbol ?? '',
    when: finding.date ?? finding.at ?? finding.time ?? null,
    until: finding.until ?? null,
    detail: finding.message ?? finding.detail ?? '',
    problem: finding.severity === 'problem' || finding.severity === 'error',
  };
}

export function coverage(detail: DatasetDetail): SymbolCoverage[] {
  const manifest = detail.manifest ?? {};
  const list = manifest['symbols'] ?? manifest['partitions'];
  if (!Array.isArray(list)) return [];
  return list.filter((item): item is SymbolCoverage => item !== null && typeof item === 'object' && 'symbol' in item);
}

/** The plain facts of a manifest: text, numbers and truth values, not lists. */
export function facts(manifest: Record<string, unknown> | undefined): [string, string][] {
  return Object.entries(manifest ?? {}).flatMap(([key, value]): [string, string][] => {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return [[key, String(value)]];
    return [];
  });
}
