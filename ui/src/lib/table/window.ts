/** Which rows of a long table are in sight. Pure. */

/** Browsers draw no element much taller than this; beyond it the scroll bar stands for a share of the rows. */
export const HEIGHT_MAX = 15_000_000;

export interface Pane {
  /** How far it is scrolled. */
  top: number;
  /** How tall the part for rows is. */
  height: number;
  rowHeight: number;
  rows: number;
}

export interface Sight {
  /** Rows to draw: `first` up to but not including `last`. */
  first: number;
  last: number;
  /** Empty space above and below them. */
  before: number;
  after: number;
}

/** Rows drawn beyond the edges, so that a quick scroll shows no gap. */
const BEYOND = 8;

export function sight(pane: Pane): Sight {
  const { rowHeight, rows } = pane;
  const total = rows * rowHeight;
  const tall = Math.min(total, HEIGHT_MAX);
  const room = Math.max(0, tall - pane.height);
  const top = Math.min(Math.max(0, pane.top), room);
  // The row at the top edge: by its own height, or by its share where the bar is shorter than the rows.
  const real = tall === total || room === 0 ? top : (top / room) * (total - pane.height);
  const first = Math.max(0, Math.floor(real / rowHeight) - BEYOND);
  const last = Math.min(rows, Math.ceil((real + pane.height) / rowHeight) + BEYOND);
  const before = Math.max(0, Math.min(first * rowHeight - real + top, tall));
  return { first, last, before, after: Math.max(0, tall - before - (last - first) * rowHeight) };
}

/** Where to scroll so that a row is wholly in sight; where it is now if it is. */
export function scrollTo(row: number, pane: Pane): number {
  const { rowHeight, rows, height } = pane;
  const total = rows * rowHeight;
  const tall = Math.min(total, HEIGHT_MAX);
  const share = total - height > 0 ? Math.max(0, tall - height) / (total - height) : 1;
  const real = share > 0 ? pane.top / share : 0;
  const [top, bottom] = [row * rowHeight, (row + 1) * rowHeight];
  if (top < real) return top * share;
  return bottom > real + height ? (bottom - height) * share : pane.top;
}
