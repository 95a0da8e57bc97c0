/** The wire types of the factor workbench. A missing value is `null`, never NaN. */
import type { Problem } from './wire';

/** A factor of the shipped library. */
export interface LibraryFactor {
  name: string;
  heading: string;
  text: string;
  summary: string;
  source: string;
  fields: string[];
  groups: string[];
}

/** An own factor with its newest version. */
export interface FactorLine {
  id: string;
  name: string;
  note: string;
  version: number;
  text: string;
  created: string | number;
  updated: string | number;
  archived: boolean;
}

export interface FactorVersion {
  version: number;
  text: string;
  note: string;
  created: string | number;
  text_sha256: string;
  leaf_index: number | null;
}

export interface CheckedExpression {
  canonical: string;
  result: string;
  lookback: number;
  lag: number;
  fields: string[];
  nodes: number;
  cost: { rows: number; names: number; cells: number; work: number; bytes: number; words: string } | null;
}

export interface CheckedFactor {
  problems: Problem[];
  expression: CheckedExpression | null;
}

export type Adjust = 'splits' | 'none';

export interface Expression {
  name: string;
  text: string;
}

export interface PreviewRequest {
  dataset: string;
  adjust: Adjust;
  expressions: Expression[];
  date?: string;
  symbol?: string;
}

type Values = (number | null)[];

export interface Preview {
  dataset: string;
  rows: number;
  names: number;
  first: string;
  last: string;
  trials: number;
  date: string;
  previous: string | null;
  next: string | null;
  expressions: { name: string; canonical: string; result: string; lookback: number; coverage: number | null }[];
  section: { symbols: string[]; values: Values[] };
  history: { symbol: string; times: string[]; values: Values[]; cut: boolean } | null;
}

export interface Correlations {
  dataset: string;
  trials: number;
  names: string[];
  /** Mean over the dates of the rank correlation over names. */
  matrix: Values[];
  /** Over all cells at once, each date's values as places between 0 and 1. */
  pooled: Values[];
}

export interface StudyRequest {
  dataset: string;
  adjust: Adjust;
  name?: string;
  text: string;
  horizons: number[];
  quantiles: number;
  group?: string;
  /** The field at which positions open and close; the server chooses without it. */
  price?: string;
  /** Rows between a value and the opening of its position. */
  delay: number;
  /** Share of traded value that a trade costs. */
  cost: number;
}
