/** Puts a map on a canvas. */
import { MAP, type Palette } from '../charts/palette';
import { corner, every, outline, type Layout } from './layout';
import { STEPS, stepOf, type Grid, type Plateau, type Scale } from './map';

export interface Names {
  x: readonly string[];
  y: readonly string[];
  xTitle: string;
  yTitle: string;
}

export interface Picture {
  at: Layout;
  grid: Grid;
  plateau: Plateau;
  scale: Scale;
  names: Names;
  format: (value: number) => string;
}

export interface Pen {
  context: CanvasRenderingContext2D;
  colours: Palette;
  font: string;
}

/** All that changes with the data alone. */
export function draw(pen: Pen, picture: Picture): void {
  begin(pen, picture.at);
  cells(pen, picture);
  figures(pen, picture);
  names(pen, picture);
  region(pen, picture);
}

/** What follows the pointer, on a canvas of its own: the cell under it, and the one whose set is shown; -1 for none. */
export function mark(pen: Pen, at: Layout, { here, chosen }: { here: number; chosen: number }): void {
  begin(pen, at);
  const { context, colours } = pen;
  if (chosen >= 0) frame(context, at, chosen, colours.accent, 3);
  if (here >= 0) {
    frame(context, at, here, colours.surface, 4);
    frame(context, at, here, colours.accent, 2);
  }
}

function begin({ context }: Pen, at: Layout): void {
  const ratio = globalThis.devicePixelRatio || 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, at.width, at.height);
}

function cells({ context, colours }: Pen, { at, grid, scale }: Picture): void {
  const [wide, tall] = [Math.max(1, at.cellWidth - at.gap), Math.max(1, at.cellHeight - at.gap)];
  grid.values.forEach((value, cell) => {
    const { x, y } = corner(at, cell);
    const step = stepOf(value, scale);
    if (step === null) {
      missing({ context, colours }, at, x, y, grid.sets[cell] ?? -1);
      return;
    }
    context.fillStyle = colours[MAP[step + STEPS] ?? 'map-0'];
    if (at.gap === 0) {
      // A hundred thousand cells: rectangles are drawn ten times as fast as paths. Their edges must meet.
      context.fillRect(Math.floor(x), Math.floor(y), Math.ceil(at.cellWidth), Math.ceil(at.cellHeight));
      return;
    }
    context.beginPath();
    context.roundRect(x + at.gap / 2, y + at.gap / 2, wide, tall, 3);
    context.fill();
  });
}

/** No set: a dot. A set without this figure: an empty frame. */
function missing({ context, colours }: Pick<Pen, 'context' | 'colours'>, at: Layout, x: number, y: number, set: number): void {
  if (at.gap === 0) return;
  if (set < 0) {
    context.fillStyle = colours.line;
    context.beginPath();
    context.arc(x + at.cellWidth / 2, y + at.cellHeight / 2, 1.5, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(x + 1.5, y + 1.5, at.cellWidth - 3, at.cellHeight - 3, 3);
  context.stroke();
}

/** The figures themselves, where all of them fit. */
function figures({ context, colours, font }: Pen, { at, grid, format }: Picture): void {
  if (at.cellHeight < 18 || at.cellWidth < 30) return;
  context.font = `500 11px ${font}`;
  const shown = Array.from(grid.values, (value) => (Number.isFinite(value) ? format(value) : ''));
  if (shown.some((text) => context.measureText(text).width > at.cellWidth - 6)) return;
  context.fillStyle = colours.ink;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  shown.forEach((text, cell) => {
    const { x, y } = corner(at, cell);
    if (text) context.fillText(text, x + at.cellWidth / 2, y + at.cellHeight / 2 + 0.5);
  });
}

function names({ context, colours, font }: Pen, { at, names: said }: Picture): void {
  context.font = `400 11px ${font}`;
  context.fillStyle = colours['ink-3'];
  const widest = said.x.reduce((most, name) => Math.max(most, context.measureText(name).width), 0);
  const bottom = at.top + at.rows * at.cellHeight;
  context.textBaseline = 'top';
  context.textAlign = 'center';
  for (let column = 0; column < at.columns; column += every(at.cellWidth, widest + 8)) {
    context.fillText(said.x[column] ?? '', at.left + (column + 0.5) * at.cellWidth, bottom + 6);
  }
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  for (let row = 0; row < at.rows; row += every(at.cellHeight, 15)) {
    context.fillText(said.y[row] ?? '', at.left - 6, at.top + (at.rows - 0.5 - row) * at.cellHeight);
  }
  context.font = `560 11px ${font}`;
  context.fillStyle = colours.ink;
  context.textAlign = 'left';
  context.fillText(said.yTitle, 0, 9);
  context.textAlign = 'center';
  context.fillText(said.xTitle, at.left + (at.columns * at.cellWidth) / 2, bottom + 30);
}

function region({ context, colours }: Pen, { at, plateau }: Picture): void {
  context.strokeStyle = colours.ink;
  context.lineWidth = 2;
  context.lineCap = 'round';
  context.setLineDash([]);
  context.beginPath();
  for (const [x1, y1, x2, y2] of outline(at, plateau.inside)) {
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
  }
  context.stroke();
  if (plateau.peak < 0) return;
  context.setLineDash([3, 2.5]);
  frame(context, at, plateau.peak, colours.ink, 1.75);
  context.setLineDash([]);
}

function frame(context: CanvasRenderingContext2D, at: Layout, cell: number, colour: string, line: number): void {
  const { x, y } = corner(at, cell);
  context.strokeStyle = colour;
  context.lineWidth = line;
  context.beginPath();
  context.roundRect(x + 1, y + 1, Math.max(2, at.cellWidth - 2), Math.max(2, at.cellHeight - 2), at.gap > 0 ? 4 : 0);
  context.stroke();
}
