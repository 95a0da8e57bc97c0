/** The worker that solves one puzzle, so that the page stays alive meanwhile. */
import { solve } from './puzzle';

self.addEventListener('message', (event: MessageEvent<{ puzzle: string; bits: number }>) => {
  const { puzzle, bits } = event.data;
  self.postMessage(solve(puzzle, bits));
});
