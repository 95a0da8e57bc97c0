/** What changed between two texts, word by word. */

export interface Piece {
  kind: 'same' | 'added' | 'removed';
  text: string;
}

/** Above this many comparisons whole lines are compared, then nothing. */
const CELLS_MAX = 4_000_000;

export function diff(before: string, after: string): Piece[] {
  for (const split of [words, lines]) {
    const [a, b] = [split(before), split(after)];
    const head = commonHead(a, b);
    const tail = commonTail(a.slice(head), b.slice(head));
    const [left, right] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
    if (left.length * right.length > CELLS_MAX) continue;
    return joined([...same(a.slice(0, head)), ...longest(left, right), ...same(tail ? a.slice(-tail) : [])]);
  }
  return joined([{ kind: 'removed', text: before }, { kind: 'added', text: after }]);
}

const words = (text: string): string[] => text.match(/\s+|[\d.]+|\w+|[^\s\w]/g) ?? [];
const lines = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+/g) ?? [];
const same = (texts: string[]): Piece[] => texts.map((text) => ({ kind: 'same', text }));

function commonHead(a: string[], b: string[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n += 1;
  return n;
}

function commonTail(a: string[], b: string[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[a.length - 1 - n] === b[b.length - 1 - n]) n += 1;
  return n;
}

/** By the longest common subsequence, from a table of its lengths from here to the end. */
function longest(a: string[], b: string[]): Piece[] {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pieces: Piece[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      pieces.push({ kind: 'same', text: a[i] ?? '' });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      pieces.push({ kind: 'removed', text: a[i] ?? '' });
      i += 1;
    } else {
      pieces.push({ kind: 'added', text: b[j] ?? '' });
      j += 1;
    }
  }
  return pieces;
}

function joined(pieces: Piece[]): Piece[] {
  const out: Piece[] = [];
  for (const piece of pieces) {
    const last = out.at(-1);
    if (last?.kind === piece.kind) last.text += piece.text;
    else if (piece.text !== '') out.push({ ...piece });
  }
  return out;
}
