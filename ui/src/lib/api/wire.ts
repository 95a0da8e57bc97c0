/** The wire types of /api/v1, as the server documents them in /openapi.json. */

import type { PasskeyRequest } from './security';

export interface ProblemBody {
  type?: string;
  title?: string;
  status?: number;
  code?: string;
  detail?: string;
  place?: string;
  fix?: string;
}

export interface Account {
  id: string;
  email: string;
  role: string;
  display_name?: string | null;
}

export interface Session {
  registration?: string;
  state: 'none' | 'setup' | 'signed_in';
  account?: Account | null;
  level?: string | null;
  expires?: string | number | null;
  /** The origin at which passkeys work; none where the server has no name. */
  passkey_origin?: string | null;
}

export interface SetupBegun {
  ticket: string;
  totp: { secret: string; uri: string; qr_svg: string };
}

export interface SetupFinished {
  recovery_codes: string[];
}

export type Factor = 'passkey' | 'totp' | 'recovery';

/** What comes of a right password: a challenge, or, where the account has no second factor, its account. */
export interface SignInBegun {
  challenge?: string;
  factors: Factor[];
  passkey?: PasskeyRequest;
  account?: Account;
}

/** A row of the table of routes. */
export interface RouteRow {
  method: string;
  path: string;
  summary: string;
  open: string | null;
  permission: string | null;
  level: 'read' | 'write' | 'dangerous' | null;
  roles: string[];
  cost: 'light' | 'moderate' | 'hashing' | 'heavy';
  weight: number;
  at_once: { all: number; each: number } | null;
  body_bytes_max: number;
  query: string[];
  takes: string | null;
  gives: string[];
}

export interface Published {
  roles: string[];
  permissions: { name: string; level: 'read' | 'write' | 'dangerous'; roles: string[]; routes: number }[];
  routes: RouteRow[];
}

export interface DeviceSession {
  handle: string;
  current: boolean;
  device: string;
  address: string;
  created: string | number;
  last_used: string | number;
}

export interface DatasetSummary {
  name: string;
  bar: string;
  symbols: string[];
  rows: number;
  first: string;
  last: string;
  imported: string | number;
  digest: string;
  /** Price fields that the source has. */
  fields: string[];
  problems: number;
}

/** A finding of the quality report; servers may add fields, so all but `kind` are optional. */
export interface Finding {
  kind: string;
  symbol?: string | null;
  at?: string | number | null;
  time?: string | number | null;
  date?: string | number | null;
  until?: string | number | null;
  severity?: string | null;
  message?: string | null;
  detail?: string | null;
  count?: number | null;
}

export interface SymbolCoverage {
  symbol: string;
  rows: number;
  first: string | number;
  last: string | number;
  digest?: string;
}

export interface DatasetDetail extends Partial<DatasetSummary> {
  manifest?: Record<string, unknown>;
  quality?: Record<string, unknown>;
}

export type RawBar = [time: number, open: number, high: number, low: number, close: number, volume: number];

export interface Bars {
  symbol: string;
  price_scale: number;
  /** Bars of the whole series, and the place of the first one here. */
  total: number;
  first: number;
  /** How many bars each one here is made of; 1 where none are joined. */
  joined: number;
  bars: RawBar[];
}

export interface Operator {
  name: string;
  signature: string;
  summary: string;
  missing: string;
  /** The paper, the standard or the function whose values it has. */
  source?: string;
  family?: string;
  result?: string;
  parameters?: Parameter[];
  /** In words, as "3 steps a cell and row of the window". */
  cost?: string;
  /** What it is made of, in the language, where it is no primitive. */
  definition?: string | null;
}

export interface Parameter {
  name: string;
  kind: string;
  takes: string;
  default: number | null;
  optional: boolean;
}

export interface Language {
  operators: Operator[];
  fields?: string[];
  groups?: string[];
}

export type Severity = 'error' | 'warning' | 'info' | 'hint';

export interface Problem {
  from: number;
  to: number;
  line: number;
  column: number;
  severity: Severity;
  code: string;
  message: string;
  help?: string | null;
}

export interface Checked {
  problems: Problem[];
  title?: string | null;
}

export interface CompletionOption {
  label: string;
  kind: string;
  detail?: string | null;
  info?: string | null;
}

export interface Completed {
  from: number;
  options: CompletionOption[];
}

export interface StrategySummary {
  id: string;
  name: string;
  updated: string | number;
}

export interface Strategy extends StrategySummary {
  text: string;
  revision: number;
}

export type BacktestState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export interface Summary {
  start_equity: string | null;
  end_equity: string | null;
  total_return: number | null;
  cagr: number | null;
  volatility: number | null;
  sharpe: number | null;
  sortino: number | null;
  calmar: number | null;
  max_drawdown: number | null;
  max_drawdown_days: number | null;
  fills: number;
  trades: number;
  win_rate: number | null;
  profit_factor: number | null;
  fees: string | number | null;
  turnover: number | null;
  exposure: number | null;
  refused?: number;
  unfilled?: number;
  /** When equity was zero or below for the first time. */
  ruined?: string | null;
}

export interface Backtest {
  id: string;
  name: string;
  state: BacktestState;
  run_id?: string | null;
  created: string | number;
  summary?: Partial<Summary> | null;
  /** A few equity values, for the list's sparkline; absent on servers that do not send them. */
  spark?: (number | string)[] | null;
  problem?: ProblemBody | null;
  progress?: { done: number; total: number } | null;
  strategy_id?: string | null;
}

export interface Measure {
  name: string;
  value: number | string | null;
  unit: 'ratio' | 'percent' | 'money' | 'count' | 'days';
  source: string;
}

export interface EquityPoint {
  t: string;
  equity: string;
  drawdown: number | null;
  cash: string;
  gross: number | null;
}

export interface MonthlyRow {
  year: number;
  months: (number | null)[];
  total: number | null;
}

export interface Drawdown {
  start: string;
  trough: string;
  end: string | null;
  depth: number;
  days: number;
  recovery_days: number | null;
}

export interface Trade {
  symbol: string;
  side: 'long' | 'short';
  opened: string;
  closed: string | null;
  quantity: number | string;
  entry: number | string;
  exit: number | string | null;
  fees: number | string;
  pnl: number | string;
  return: number | null;
  bars: number;
}

export interface Fill {
  t: string;
  symbol: string;
  side: string;
  quantity: number | string;
  price: number | string;
  fee: number | string;
  order: number | string;
}

/** An order, or a part of one, that the account could not take. */
export interface Refusal {
  t: string;
  symbol: string;
  side: string;
  quantity: string;
  reason: string;
}

/** A position that is open at the end; `stale`: its price is from before the run's end. */
export interface Held {
  symbol: string;
  quantity: string;
  value: string;
  share_of_equity: number | null;
  last_bar: string | null;
  stale: boolean;
}

export interface Result {
  run_id: string;
  digest: string;
  strategy: { name: string; text: string };
  data: { name: string; digest: string; adjust: string; bar: string; symbols: string[]; currency?: string };
  convention: string;
  engine: { semantics: number };
  summary: Summary;
  measures: Measure[];
  equity: EquityPoint[];
  monthly: MonthlyRow[];
  drawdowns: Drawdown[];
  rolling_sharpe: { t: string; value: number | null }[];
  trades: Trade[];
  fills: Fill[];
  held?: Held[];
  refusals?: Refusal[];
}

export interface AuditEntry {
  index: number;
  time: string | number;
  kind: string;
  actor: string | null;
  subject: string | null;
  summary: string;
  leaf_hash: string;
}

/** How backups stand. */
export interface BackupsPage {
  /** Where they go; null where none are made. */
  place: string | null;
  recipients: number;
  /** How many daily, weekly and monthly ones are kept. */
  rule: [number, number, number];
  next: string | null;
  /** The last restore that was proved; null before there was one. */
  proved: { time: string; of: number; files: number; rows: number; log_size: number; seconds: number } | null;
  next_proof: string | null;
  failed: { time: string; why: string }[];
  snapshots: { number: number; time: string; id: string; trigger: 'nightly' | 'asked' | 'upgrade'; files: number; bytes: number; log_size: number; proved: boolean }[];
}

/** Who witnesses the log, and whose this server witnesses. */
export interface Witnessing {
  /** This server's key as a witness of others. */
  key: string;
  /** Keys of the logs that it cosigns. */
  logs: string[];
  witnesses: WitnessRow[];
}

/** A witness of this log. */
export interface WitnessRow {
  name: string;
  key: string;
  /** Where it is asked; null where it comes by itself. */
  address: string | null;
  /** The largest size that it cosigned; null before it did. */
  size: number | null;
  time: string | null;
  /** Why it did not cosign the newest checkpoint. */
  trouble: string | null;
  /** Whether it refuses, rather than being away. */
  refuses: boolean;
}

export interface AuditPage {
  checkpoint: { size: number; root: string; time: string | number } | null;
  entries: AuditEntry[];
  /** Where to go on; null at the end. */
  next: number | null;
}
