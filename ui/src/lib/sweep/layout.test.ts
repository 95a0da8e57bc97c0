import { expect, test } from 'vitest';
import { cellAt, corner, every, layout, outline, step } from './layout';

const small = layout(4, 3, { width: 400, left: 40 });

test('every cell is found under its middle, and nothing beside the map', () => {
  for (const at of [small, layout(1, 1, { width: 300, left: 30 }), layout(900, 200, { width: 800, left: 50 })]) {
    for (const cell of [0, at.columns - 1, at.columns * at.rows - 1]) {
      const { x, y } = corner(at, cell);
      expect(cellAt(at, x + at.cellWidth / 2, y + at.cellHeight / 2)).toBe(cell);
    }
    expect(cellAt(at, at.left - 1, at.top + 1)).toBe(-1);
    expect(cellAt(at, at.left + 1, at.top - 1)).toBe(-1);
    expect(cellAt(at, at.left + at.columns * at.cellWidth + 1, at.top + 1)).toBe(-1);
    expect(cellAt(at, at.left + 1, at.top + at.rows * at.cellHeight + 1)).toBe(-1);
  }
});

test('the map fits its room while its cells can be seen, and is wider then', () => {
  expect(small.width).toBeLessThanOrEqual(400);
  expect(layout(200, 10, { width: 800, left: 50 }).width).toBeLessThanOrEqual(800);
  const wide = layout(900, 10, { width: 800, left: 50 });
  expect(wide.cellWidth).toBe(3);
  expect(wide.width).toBeGreaterThan(900 * 3);
});

test('the first row is at the bottom', () => {
  expect(corner(small, 0).y).toBeGreaterThan(corner(small, 4).y);
  expect(corner(small, 1).x).toBeGreaterThan(corner(small, 0).x);
});

test('keys go from cell to cell and stop at the edges', () => {
  const check = (key: string, from: number, want: number | null) => expect(step(small, from, key), key).toBe(want);
  check('ArrowRight', 0, 1);
  check('ArrowRight', 3, 3);
  check('ArrowLeft', 0, 0);
  check('ArrowUp', 1, 5);
  check('ArrowUp', 9, 9);
  check('ArrowDown', 5, 1);
  check('ArrowDown', 1, 1);
  check('End', 5, 7);
  check('Home', 7, 4);
  check('PageUp', 1, 9);
  check('PageDown', 9, 1);
  check('a', 1, null);
});

test('names keep their distance', () => {
  expect([every(40, 30), every(10, 30), every(9, 30)]).toEqual([1, 3, 4]);
});

test('an outline has the outer sides only', () => {
  const inside = new Uint8Array(12);
  inside[5] = 1;
  expect(outline(small, inside)).toHaveLength(4);
  inside[6] = 1;
  expect(outline(small, inside)).toHaveLength(6);
  // At the end of one row and the beginning of the next: not joined.
  const ends = new Uint8Array(12);
  ends[3] = ends[4] = 1;
  expect(outline(small, ends)).toHaveLength(8);
});
