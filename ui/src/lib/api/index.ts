/** Every call of the HTTP API that the interface makes, by name. */
import { parse } from './read';
import { del, get, post, put, request, type RequestOptions } from './client';
import type * as F from './factors';
import { SIMPLE, type FactorBegun, type FactorMade, type LossShown, type MadePasskey, type Newcomer, type Outbox, type ResetBegun, type Simple, type Wish } from './letters';
import type { Moment, ReplayState } from './replay';
import type { GivenFactor, ProofBody } from './security';
import type { Study } from './study';
import type * as S from './sweeps';
import type * as T from './wire';
import type { WireTable } from '../table/data';

const seg = encodeURIComponent;
const open: RequestOptions = { session: 'ignore' };

export const api = {
  health: () => fetch('/health').then(async (r) => parse(await r.text()) as { status: string; version: string }),
  session: () => get<T.Session>('/session', open),
  setupBegin: (body: { token: string; email: string; password: string; display_name?: string }) =>
    post<T.SetupBegun>('/setup/begin', body, open),
  setupFinish: (body: { ticket: string; code: string }) => post<T.SetupFinished>('/setup/finish', body, open),
  signIn: (body: { email: string; password: string }) => post<T.SignInBegun>('/sign-in', body, open),
  signInFactor: (body: { challenge: string } & GivenFactor) =>
    post<{ account: T.Account }>('/sign-in/factor', body, open),
  stepUp: (body: ProofBody) => post<void>('/session/step-up', body, { session: 'proof' }),
  askLetter: (body: { wish: Wish; email: string }) =>
    post<void>('/letters', body, { ...open, worked: body.wish === 'register' }),
  followSimple: (purpose: Simple, token: string) => post<void>(SIMPLE[purpose], { token }, open),
  registerBegin: (token: string) => post<Newcomer>('/register/begin', { token }, open),
  registerFinish: (body: { token: string; display_name?: string; password?: string; passkey?: MadePasskey }) =>
    post<{ account: T.Account }>('/register/finish', body, open),
  resetBegin: (token: string) => post<ResetBegun>('/reset/begin', { token }, open),
  resetFinish: (body: { token: string; password: string; factor?: GivenFactor }) => post<void>('/reset/finish', body, open),
  lossBegin: (token: string) => post<LossShown>('/loss/begin', { token }, open),
  lossDeclare: (body: { token: string; password: string }) => post<LossShown>('/loss/declare', body, open),
  lossReplace: (body: { token: string; password: string } & FactorMade) => post<{ recovery_codes: string[] }>('/loss/replace', body, open),
  recoverBegin: (token: string) => post<FactorBegun>('/recover/begin', { token }, open),
  recoverFinish: (body: { token: string; password: string } & FactorMade) => post<{ recovery_codes: string[] }>('/recover/finish', body, open),
  outbox: () => get<Outbox>('/outbox'),
  signOut: () => post<void>('/sign-out', {}, open),

  sessions: () => get<T.DeviceSession[]>('/sessions'),
  routes: () => get<T.Published>('/routes'),
  endSession: (handle: string) => del(`/sessions/${seg(handle)}`),

  datasets: () => get<T.DatasetSummary[]>('/datasets'),
  dataset: (name: string) => get<T.DatasetDetail>(`/datasets/${seg(name)}`),
  bars: (name: string, symbol: string, adjust: string) =>
    get<T.Bars>(`/datasets/${seg(name)}/bars?symbol=${seg(symbol)}&adjust=${seg(adjust)}`),

  language: (dataset?: string) => get<T.Language>(dataset ? `/language?dataset=${seg(dataset)}` : '/language'),
  check: (text: string, signal?: AbortSignal) =>
    post<T.Checked>('/strategies/check', { text }, signal ? { signal } : {}),
  complete: (text: string, offset: number, signal?: AbortSignal) =>
    post<T.Completed>('/strategies/complete', { text, offset }, signal ? { signal } : {}),

  strategies: () => get<T.StrategySummary[]>('/strategies'),
  strategy: (id: string) => get<T.Strategy>(`/strategies/${seg(id)}`),
  createStrategy: (body: { name?: string; text: string }) => post<{ id: string; revision?: number }>('/strategies', body),
  saveStrategy: (id: string, body: { name: string; text: string; revision: number }) =>
    put<{ revision?: number } | undefined>(`/strategies/${seg(id)}`, body),
  deleteStrategy: (id: string) => del(`/strategies/${seg(id)}`),

  backtests: () => get<T.Backtest[]>('/backtests'),
  backtest: (id: string) => get<T.Backtest>(`/backtests/${seg(id)}`),
  startBacktest: (body: { strategy_id: string } | { text: string }) => post<{ id: string }>('/backtests', body),
  deleteBacktest: (id: string) => del(`/backtests/${seg(id)}`),
  cancelBacktest: (id: string) => post<void>(`/backtests/${seg(id)}/cancel`, {}),
  fills: (id: string) => get<WireTable>(`/backtests/${seg(id)}/fills`),
  orders: (id: string) => get<WireTable>(`/backtests/${seg(id)}/orders`),
  refusals: (id: string) => get<WireTable>(`/backtests/${seg(id)}/refusals`),
  runBars: (id: string, symbol: string, around: number, limit: number) =>
    get<T.Bars>(`/backtests/${seg(id)}/bars?symbol=${seg(symbol)}&around=${around}&limit=${limit}`),
  state: (id: string, moment: Moment) =>
    get<ReplayState>(`/backtests/${seg(id)}/state?${'tick' in moment ? `tick=${moment.tick}` : `at=${moment.at}`}`),
  result: (id: string) => get<T.Result>(`/backtests/${seg(id)}/result`),

  sweeps: () => get<{ items: S.SweepItem[] }>('/sweeps').then((answer) => answer.items),
  sweep: (id: string) => get<S.Sweep>(`/sweeps/${seg(id)}`),
  checkSweep: (body: S.SweepRequest, signal: AbortSignal) => post<S.SweepChecked>('/sweeps/check', body, { signal }),
  startSweep: (body: S.SweepRequest) => post<{ id: string }>('/sweeps', body),
  sweepRows: (id: string) => get<WireTable>(`/sweeps/${seg(id)}/rows`),
  sweepSet: (id: string, set: number) => get<S.SweepSet>(`/sweeps/${seg(id)}/sets/${set}`),
  stopSweep: (id: string) => post<void>(`/sweeps/${seg(id)}/stop`, {}),
  resumeSweep: (id: string) => post<void>(`/sweeps/${seg(id)}/resume`, {}),
  deleteSweep: (id: string) => del(`/sweeps/${seg(id)}`),

  factorLibrary: () => get<{ factors: F.LibraryFactor[] }>('/factors/library').then((answer) => answer.factors),
  factors: () => get<F.FactorLine[]>('/factors'),
  factor: (id: string) => get<F.FactorLine>(`/factors/${seg(id)}`),
  factorVersions: (id: string) => get<F.FactorVersion[]>(`/factors/${seg(id)}/versions`),
  createFactor: (body: { name: string; text: string; note?: string; dataset?: string }) =>
    post<{ id: string; version: number }>('/factors', body),
  saveFactor: (id: string, body: { text: string; note?: string; base_version: number; dataset?: string }) =>
    post<{ id: string; version: number }>(`/factors/${seg(id)}/versions`, body),
  archiveFactor: (id: string) => del(`/factors/${seg(id)}`),
  checkFactor: (body: { text: string; dataset?: string }, signal: AbortSignal) =>
    post<F.CheckedFactor>('/factors/check', body, { signal }),
  completeFactor: (body: { text: string; offset: number; dataset?: string }, signal: AbortSignal) =>
    post<T.Completed>('/factors/complete', body, { signal }),
  preview: (body: F.PreviewRequest, signal: AbortSignal) => post<F.Preview>('/factors/preview', body, { signal }),
  correlate: (body: F.PreviewRequest, signal: AbortSignal) => post<F.Correlations>('/factors/correlate', body, { signal }),
  study: (body: F.StudyRequest, signal: AbortSignal) => post<Study>('/factors/study', body, { signal }),

  audit: (query: { before?: number; limit?: number; kind?: string; account?: string; since?: string; until?: string }) => {
    const params = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== '') params.set(key, String(value));
    const text = params.toString();
    return get<T.AuditPage>(text ? `/audit?${text}` : '/audit');
  },
  backups: () => get<T.BackupsPage>('/backups'),
  witnesses: () => get<T.Witnessing>('/audit/witnesses'),
  auditExport: () => request('GET', '/audit/export').then((response) => response.blob()),
};

/** Addresses that the browser opens or downloads itself. */
export const links = {
  table: (id: string, name: 'fills' | 'orders' | 'refusals') => `/api/v1/backtests/${seg(id)}/${name}.csv`,
  trades: (id: string) => `/api/v1/backtests/${seg(id)}/trades.csv`,
  tearsheet: (id: string) => `/api/v1/backtests/${seg(id)}/tearsheet`,
  studyReport: (id: string) => `/api/v1/factors/studies/${seg(id)}/report`,
  receipt: (index: number) => `/api/v1/audit/${index}/receipt`,
  checkpoint: '/api/v1/audit/checkpoint',
  key: '/api/v1/audit/key',
};
