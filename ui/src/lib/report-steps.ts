/** Which steps a report of a weakness can take next, as the server judges them. Pure. */
import type { InboxReport, ReportStep } from './api/operations';

const NEXT: Record<InboxReport['standing'], ReportStep[]> = {
  received: ['acknowledge'],
  acknowledged: ['triage', 'breach', 'decline'],
  triaged: ['fix', 'triage', 'breach', 'decline'],
  fixed: ['publish', 'breach'],
  published: [],
  declined: [],
};

/** The steps that may come next, the usual one first. */
export function stepsOf(report: Pick<InboxReport, 'standing' | 'steps' | 'clocks'>): ReportStep[] {
  const taken = (step: string) => report.steps.some((one) => one.step === step);
  const next = NEXT[report.standing].filter((step) => step !== 'breach' || !taken('breach'));
  // Without a fix an advisory waits for ninety days.
  const waited = report.standing === 'triaged' && report.clocks.some((one) => one.clock === 'publication' && one.hand === 'overdue');
  const more: ReportStep[] = [...(waited ? (['publish'] as const) : []), ...(taken('breach') && !taken('notified') ? (['notify'] as const) : [])];
  return [...next, ...more];
}
