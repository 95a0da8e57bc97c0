import { expect, test } from 'vitest';
import type { InboxReport } from './api/operations';
import { stepsOf } from './report-steps';

test('a report takes the steps that the server takes', () => {
  const check = (standing: InboxReport['standing'], taken: string[], hand: 'running' | 'overdue', expected: string[]) => {
    const steps = taken.map((step) => ({ step, at: '2026-01-01T00:00:00Z' }));
    const clocks: InboxReport['clocks'] = [{ clock: 'publication', due: '2026-04-01T00:00:00Z', ended: null, hand }];
    expect(stepsOf({ standing, steps, clocks }), `${standing} ${taken.join()}`).toEqual(expected);
  };
  check('received', ['received'], 'running', ['acknowledge']);
  check('acknowledged', ['received', 'acknowledged'], 'running', ['triage', 'breach', 'decline']);
  check('acknowledged', ['received', 'acknowledged', 'breach'], 'running', ['triage', 'decline', 'notify']);
  check('triaged', ['received', 'triaged'], 'running', ['fix', 'triage', 'breach', 'decline']);
  check('triaged', ['received', 'triaged'], 'overdue', ['fix', 'triage', 'breach', 'decline', 'publish']);
  check('fixed', ['received', 'fixed', 'breach', 'notified'], 'running', ['publish']);
  check('published', ['received', 'published'], 'running', []);
  check('declined', ['received', 'declined', 'breach'], 'running', ['notify']);
});
