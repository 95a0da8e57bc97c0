/** Where the cells of a map stand on its canvas. Pure; all lengths in pixels of the page. */

export interface Layout {
  columns: number;
  rows: number;
  /** Upper left corner of the cells. */
  left: number;
  top: number;
  cellWidth: number;
  cellHeight: number;
  /** Between two cells; none where they are tiny. */
  gap: number;
  /** Of the whole canvas. */
  width: number;
  height: number;
}

export interface Room {
  width: number;
  /** For the names of the rows. */
  left: number;
}

const CELL_MIN = 3;
const CELL_MAX = { width: 84, height: 34 };
/** The cells are not taller than this together, unless there are many of them. */
const TALL = 440;
const TOP = 22;
const RIGHT = 8;
/** For the names of the columns and of their axis. */
const BOTTOM = 42;
/** More places than these on one axis are not drawn: a canvas ends at some 32,000 pixels. */
export const PLACES_MAX = 4000;

const clamp = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));

export function layout(columns: number, rows: number, room: Room): Layout {
  const cellWidth = clamp((room.width - room.left - RIGHT) / columns, CELL_MIN, CELL_MAX.width);
  const cellHeight = clamp(Math.min(TALL / rows, Math.max(cellWidth, 14)), CELL_MIN, CELL_MAX.height);
  const gap = Math.min(cellWidth, cellHeight) >= 8 ? 2 : 0;
  const width = Math.max(room.left + cellWidth * columns + RIGHT, Math.min(room.width, 160));
  return { columns, rows, left: room.left, top: TOP, cellWidth, cellHeight, gap, width, height: TOP + cellHeight * rows + BOTTOM };
}

/** The left upper corner of a cell; the first row is at the bottom. */
export function corner(at: Layout, cell: number): { x: number; y: number } {
  const [column, row] = [cell % at.columns, Math.floor(cell / at.columns)];
  return { x: at.left + column * at.cellWidth, y: at.top + (at.rows - 1 - row) * at.cellHeight };
}

/** The cell under a point; -1 beside the map. */
export function cellAt(at: Layout, x: number, y: number): number {
  const column = Math.floor((x - at.left) / at.cellWidth);
  const row = at.rows - 1 - Math.floor((y - at.top) / at.cellHeight);
  if (column < 0 || row < 0 || column >= at.columns || row >= at.rows) return -1;
  return row * at.columns + column;
}

/** The cell that a key leads to from another; null for a key that leads nowhere. */
export function step(at: Pick<Layout, 'columns' | 'rows'>, cell: number, key: string): number | null {
  const [column, row] = [cell % at.columns, Math.floor(cell / at.columns)];
  const to = (x: number, y: number) => clamp(y, 0, at.rows - 1) * at.columns + clamp(x, 0, at.columns - 1);
  switch (key) {
    case 'ArrowRight': return to(column + 1, row);
    case 'ArrowLeft': return to(column - 1, row);
    case 'ArrowUp': return to(column, row + 1);
    case 'ArrowDown': return to(column, row - 1);
    case 'Home': return to(0, row);
    case 'End': return to(at.columns - 1, row);
    case 'PageUp': return to(column, at.rows - 1);
    case 'PageDown': return to(column, 0);
    default: return null;
  }
}

/** Every how many places a name is written so that names do not touch. */
export function every(place: number, name: number): number {
  return Math.max(1, Math.ceil(name / place));
}

/** The sides of marked cells that face unmarked ones, as lines: the outline of a region. */
export function outline(at: Layout, inside: ArrayLike<number>): [x1: number, y1: number, x2: number, y2: number][] {
  const lines: [number, number, number, number][] = [];
  for (let cell = 0; cell < inside.length; cell += 1) {
    if (!inside[cell]) continue;
    const [column, row] = [cell % at.columns, Math.floor(cell / at.columns)];
    const { x, y } = corner(at, cell);
    const [right, bottom] = [x + at.cellWidth, y + at.cellHeight];
    const marked = (dx: number, dy: number) => column + dx >= 0 && column + dx < at.columns && Boolean(inside[(row + dy) * at.columns + column + dx]);
    if (!marked(0, 1)) lines.push([x, y, right, y]);
    if (!marked(0, -1)) lines.push([x, bottom, right, bottom]);
    if (!marked(-1, 0)) lines.push([x, y, x, bottom]);
    if (!marked(1, 0)) lines.push([right, y, right, bottom]);
  }
  return lines;
}
