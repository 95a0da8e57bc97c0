// Time passes: what waits in the database is moved back a day, as if it had been begun a day earlier.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const MOVED = {
  losses: 'UPDATE losses SET ready_us = ready_us - 86400000000',
  proposals: "UPDATE proposals SET proposed_us = proposed_us - 86400000000, not_before_us = not_before_us - 86400000000 WHERE state = 'open' AND not_before_us IS NOT NULL",
};
// Node 20 has no SQLite of its own; Python, which other steps need too, does.
const PYTHON = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=10) as database:
    print(database.execute(sys.argv[2]).rowcount)
`;

/** A day passes for all that waits of this kind; throws when nothing does. */
export function aDayLater(data, what) {
  const path = join(data, 'stockade.db');
  const rows = execFileSync('python3', ['-c', PYTHON, path, MOVED[what]], { encoding: 'utf8' });
  if (!(Number(rows) > 0)) throw new Error(`nothing in ${what} waits`);
}
