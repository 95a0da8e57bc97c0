/** The wire types of sweeps. */

export type SweepState = 'running' | 'stopped' | 'done' | 'failed';

/** One axis as a person writes it: `5..100:5`, or `5,10,20`. */
export interface AxisText {
  name: string;
  values: string;
}

export interface SweepRequest {
  strategy_id: string;
  axes: AxisText[];
  conditions: string[];
}

/** What is wrong, and where: `strategy`, `axes`, `axes.NAME` or `conditions`. */
export interface SweepProblem {
  field: string;
  message: string;
  help?: string | null;
}

export interface Setting {
  name: string;
  /** An exact decimal number. */
  value: string;
}

export interface SweepChecked {
  /** What the strategy names under `parameters:`, with its own values. */
  parameters: Setting[];
  /** Sets that would run; null where something is wrong. */
  sets: number | null;
  bars: number | null;
  problems: SweepProblem[];
}

export interface SweepItem {
  id: string;
  name: string;
  data: string;
  state: SweepState;
  sets: number;
  done: number;
  started: string | number;
  best: { set: number; sharpe: number } | null;
  problem: string | null;
}

export interface SweepAxis {
  name: string;
  /** Exact decimal numbers, in the order of the axis. */
  values: string[];
}

export interface SweepMeasure {
  name: string;
  unit: 'ratio' | 'percent' | 'money' | 'count';
  better: 'high' | 'low';
}

export interface Sweep extends SweepItem {
  currency: string;
  axes: SweepAxis[];
  fixed: Setting[];
  conditions: string[];
  measures: SweepMeasure[];
}

export interface SweepSet {
  values: Setting[];
  /** The strategy with the values of this set written in. */
  text: string;
  run_id: string;
}
