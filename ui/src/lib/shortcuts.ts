/** Keyboard shortcuts: two strokes to go somewhere, so that no single key surprises. */

import { own } from './api/read';

const PLACES: Record<string, string> = {
  h: '/',
  d: '/data',
  f: '/factors',
  s: '/strategies',
  b: '/backtests',
  w: '/sweeps',
  a: '/audit',
  u: '/admin/users',
  r: '/routes',
  ',': '/settings',
  x: 'sign-out',
};

export interface Outcome {
  pending: string | null;
  /** An address, `help` or `sign-out`. */
  action: string | null;
}

export type Stroke = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'composedPath'>;

export function shortcut(stroke: Stroke, pending: string | null): Outcome {
  if (stroke.ctrlKey || stroke.metaKey || stroke.altKey || isTyping(stroke)) return { pending: null, action: null };
  if (pending === 'g') return { pending: null, action: own(PLACES, stroke.key) ?? null };
  if (stroke.key === 'g') return { pending: 'g', action: null };
  return { pending: null, action: stroke.key === '?' ? 'help' : null };
}

/** True when the keys belong to a field, the editor in its shadow root included, or to an open dialog. */
function isTyping(stroke: Stroke): boolean {
  return stroke.composedPath().some((node) => {
    const element = node as Partial<HTMLElement>;
    const tag = element.tagName;
    return tag === 'INPUT' || tag === 'TEXTAREA' || tag === 'SELECT' || tag === 'DIALOG' || element.isContentEditable === true;
  });
}
