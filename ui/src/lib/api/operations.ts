/** The calls and wire types of the pages on which the server is watched. */
import { get, post, request } from './client';

export type Standing = 'good' | 'off' | 'warning' | 'unknown' | 'failing';

export interface Part {
  part: string;
  standing: Standing;
  needed: boolean;
  probed: string | null;
  took_ms: number | null;
  detail: string;
  fix: string | null;
}

/** A claim that is not met. */
export interface Red {
  id: string;
  words: string;
  words_de: string;
  owner: 'platform' | 'host';
  why: string;
  command: string;
  seen: string | null;
}

export type Zone = 'general' | 'api' | 'account' | 'files' | 'notices';

export interface Operations {
  version: string;
  started: string;
  ready: boolean;
  parts: Part[];
  red: Red[];
  claims: Record<string, number>;
  limits: { zone: Zone; admitted: number; refused: number }[];
  blocked: { zone: Zone; who: string; refused: number; last: string }[];
  certificate: { issuer: string | null; expires: string | null };
  reports: { received: number; open: number; overdue: number };
  errors: { on: boolean; sent: number; dropped: number; failed: number };
  metrics: string | null;
}

export interface Visits {
  counting: boolean;
  days: { day: string; views: number; visitors: number }[];
  pages: { page: string; views: number }[];
}

export type ReportStep = 'acknowledge' | 'triage' | 'breach' | 'notify' | 'fix' | 'publish' | 'decline';
export type Severity = 'low' | 'medium' | 'high' | 'critical';

/** A report of a weakness, without what it says. */
export interface InboxReport {
  id: string;
  standing: 'received' | 'acknowledged' | 'triaged' | 'fixed' | 'published' | 'declined';
  severity: Severity | null;
  sealed_by: 'sender' | 'server';
  credit: boolean;
  thanks: string | null;
  sha256: string;
  leaf: number;
  steps: { step: string; at: string }[];
  clocks: { clock: 'answer' | 'critical' | 'notice' | 'publication'; due: string; ended: string | null; hand: 'running' | 'overdue' | 'kept' | 'late' }[];
  overdue: boolean;
}

/** A text to begin an answer from. */
export interface AnswerText {
  answer: 'acknowledge' | 'fixed' | 'declined';
  language: 'en' | 'de';
  subject: string;
  text: string;
}

export interface Inbox {
  open: boolean;
  recipients: number;
  reports: InboxReport[];
  answers: AnswerText[];
}

/** What a payment processor told, as far as it is kept. */
export interface Notice {
  digest: string;
  processor: string;
  kind: 'payment' | 'withdrawal' | 'custody' | 'other';
  payment: string | null;
  parent: string | null;
  order: string | null;
  status: string | null;
  stands: string | null;
  price: string | null;
  due: string | null;
  paid: string | null;
  outcome: string | null;
  standing: 'noted' | 'quarantined';
  why: 'order-unknown' | 'hangs-on-another' | 'status-unknown' | 'kind-unknown' | 'unreadable' | 'late' | 'against' | null;
  step: 'onward' | 'same' | 'late' | 'behind' | 'against' | null;
  leaf: number | null;
  received: string;
}

export interface Notices {
  expected: boolean;
  waits: boolean;
  notices: Notice[];
  next: string | null;
}

const seg = encodeURIComponent;

export const operations = {
  show: () => get<Operations>('/operations'),
  notices: (below: string | null) => get<Notices>(below === null ? '/payments/notices' : `/payments/notices?before=${below}`),
  visits: (days: number) => get<Visits>(`/visits?days=${days}`),
  inbox: () => get<Inbox>('/security-reports'),
  sealed: async (id: string) => (await request('GET', `/security-reports/${seg(id)}/sealed`)).blob(),
  move: (id: string, step: ReportStep, severity: Severity | null) => post<InboxReport>(`/security-reports/${seg(id)}/move`, severity ? { step, severity } : { step }),
  thank: (id: string, name: string | null) => post<InboxReport>(`/security-reports/${seg(id)}/thanks`, { name }),
};
