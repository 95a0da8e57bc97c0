/** The wire types of a run that is looked into. */
import type { WireTable } from '../table/data';

export type What = 'bar' | 'fill' | 'refusal';
/** Numbers of ticks: the nearest before and the nearest after. */
export type Pair = readonly [before: number | null, after: number | null];

export interface ReplayPosition {
  symbol: string;
  quantity: string;
  average: string | null;
  price: string;
  value: string;
  unrealised: string;
  realised: string;
}

export interface ReplayOrder {
  id: number;
  /** When it was sent, microseconds since 1970. */
  time: number;
  symbol: string;
  side: string;
  kind: string;
  quantity: string;
  limit: string | null;
  trigger: string | null;
}

/** The account after a tick. */
export interface ReplayState {
  tick: number;
  ticks: number;
  row: number;
  rows: number;
  /** Microseconds since 1970. */
  time: number;
  what: string;
  symbol: string | null;
  /** Whether the row's bars have closed by now. */
  closed: boolean;
  cash: string;
  equity: string;
  gross: string;
  fees: string;
  gate: string | null;
  positions: ReplayPosition[];
  working: ReplayOrder[];
  near: Record<What, Pair>;
  events: WireTable;
}

export type Moment = { tick: number } | { at: number };
