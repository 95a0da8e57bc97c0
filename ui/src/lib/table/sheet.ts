/** Rows as CSV, the way the server writes it: RFC 4180, and no cell that a spreadsheet would run. */
import { valueAt, type Data } from './data';

export interface SheetColumn {
  id: string;
  data: Data;
}

/** OWASP's list of beginnings that make a text a formula. */
const FORMULA = /^'*[=+\-@\t\r]/;

export function cell(value: number | string | null, isTime = false): string {
  if (value === null) return '';
  if (typeof value === 'number') return isTime ? instant(value) : decimal(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** Digits without a power of ten, as far as money has them. */
function decimal(value: number): string {
  const text = String(value);
  return text.includes('e-') ? value.toFixed(12).replace(/\.?0+$/, '') : text;
}

/** A date at midnight, else RFC 3339; as the server writes it. */
export function instant(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const rest = micros - seconds * 1e6;
  const text = new Date(seconds * 1000).toISOString();
  if (rest === 0 && seconds % 86_400 === 0) return text.slice(0, 10);
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(6, '0').replace(/0+$/, '')}`;
  return `${text.slice(0, 19)}${fraction}Z`;
}

/** The file in pieces: one string of 200,000 rows would be copied once more. */
export function sheet(columns: readonly SheetColumn[], rows: Uint32Array): string[] {
  const pieces = [columns.map((column) => cell(column.id)).join(',') + '\r\n'];
  let lines: string[] = [];
  for (const row of rows) {
    lines.push(columns.map(({ data }) => cell(valueAt(data, row), data.kind === 'time')).join(','));
    if (lines.length === 4096) {
      pieces.push(lines.join('\r\n') + '\r\n');
      lines = [];
    }
  }
  if (lines.length > 0) pieces.push(lines.join('\r\n') + '\r\n');
  return pieces;
}
