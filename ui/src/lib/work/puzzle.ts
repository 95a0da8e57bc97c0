/** Puzzles of the server: work that a browser does before a busy server looks at it. Pure. */
import { sha256 } from './sha256';

/** More is not asked by any server of ours; it would take a telephone minutes. */
export const BITS_MAX = 24;

/** Leading zero bits of the digest of puzzle, dot and answer. */
export function zeroBits(puzzle: string, answer: string): number {
  let zeros = 0;
  for (const word of sha256(`${puzzle}.${answer}`)) {
    zeros += Math.clz32(word);
    if (word !== 0) break;
  }
  return zeros;
}

/** An answer: the first number that is hard enough. */
export function solve(puzzle: string, bits: number): string {
  if (bits > BITS_MAX) throw new Error(`a puzzle of ${bits} bits is too hard`);
  for (let n = 0; ; n += 1) {
    const answer = n.toString(36);
    if (zeroBits(puzzle, answer) >= bits) return answer;
  }
}
