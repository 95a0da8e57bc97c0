/** Solves a puzzle of the server beside the page. */
import solver from './solver?worker&url';

interface Policy {
  createScriptURL(url: string): string;
}
interface Types {
  createPolicy(name: string, rules: Policy): Policy;
}

let policy: Policy | null = null;

/** The page's policy lets no worker in but by a policy with this name; it knows one script. */
function trusted(): string {
  const types = (globalThis as { trustedTypes?: Types }).trustedTypes;
  if (!types) return solver;
  policy ??= types.createPolicy('stockade-worker', {
    createScriptURL: (url) => {
      if (url !== solver) throw new TypeError('only the solver of puzzles is a worker here');
      return url;
    },
  });
  return policy.createScriptURL(solver);
}

/** Puzzle and answer as the server takes them. */
export async function worked(puzzle: string, bits: number): Promise<string> {
  if (typeof Worker === 'undefined') {
    // Without workers the page itself solves it, and stands still for so long.
    const { solve } = await import('./puzzle');
    return `${puzzle}.${solve(puzzle, bits)}`;
  }
  return new Promise((resolve, reject) => {
    const worker = new Worker(trusted(), { type: 'module' });
    worker.addEventListener('message', (event: MessageEvent<string>) => {
      worker.terminate();
      resolve(`${puzzle}.${event.data}`);
    });
    worker.addEventListener('error', (event) => {
      worker.terminate();
      reject(new Error(event.message));
    });
    worker.postMessage({ puzzle, bits });
  });
}
