/** The server's problems on the editor's text, which may have moved on since they were asked for. */
import type { Problem, Severity } from './api/wire';

export interface Mark {
  from: number;
  to: number;
  severity: Severity;
  message: string;
  help: string | null;
  code: string;
}

/**
 * Clamps offsets (UTF-16 code units) to the text, and widens an empty span to one character
 * so that a squiggle is visible: forward on the line, else backward, else left empty.
 */
export function markOf(problem: Problem, text: string): Mark {
  let from = clamp(problem.from, text.length);
  let to = clamp(Math.max(problem.from, problem.to), text.length);
  if (from === to) {
    if (to < text.length && text[to] !== '\n') to += width(text, to);
    else if (from > 0 && text[from - 1] !== '\n') from -= widthBefore(text, from);
  }
  const { severity, message, code } = problem;
  return { from, to, severity, message, help: problem.help ?? null, code };
}

function clamp(offset: number, length: number): number {
  return Number.isFinite(offset) ? Math.min(Math.max(0, Math.trunc(offset)), length) : 0;
}

function width(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

function widthBefore(text: string, at: number): number {
  return at >= 2 && (text.codePointAt(at - 2) ?? 0) > 0xffff ? 2 : 1;
}

/** Line and column (both from 1) of an offset, for the problems panel after local edits. */
export function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, clamp(offset, text.length));
  const lastBreak = before.lastIndexOf('\n');
  let line = 1;
  for (const character of before) if (character === '\n') line += 1;
  return { line, column: before.length - lastBreak };
}

export interface Tally {
  errors: number;
  warnings: number;
}

export function tally(problems: readonly { severity: Severity }[]): Tally {
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  return { errors, warnings: problems.length - errors };
}
