/** The read-out of a factor as the server sends it. What is "by row" has one entry for each of `times`. */
import type { MonthlyRow } from './wire';

export type Series = (number | null)[];
type Figure = number | null;

export interface Estimate {
  count: number;
  mean: Figure;
  std: Figure;
  ratio: Figure;
  positive: Figure;
  error: Figure;
  error_lags: number;
  t: Figure;
  p: Figure;
  t_independent: Figure;
}

export interface Information {
  series: Series;
  summary: Estimate;
  monthly: MonthlyRow[];
}

export interface Lag {
  rows: number;
  summary: Estimate;
}

export interface Quantile {
  names: Figure;
  mean: Estimate;
  demeaned: Figure;
  group_demeaned: Figure;
  turnover: Figure;
  growth: Series;
}

export interface Spread {
  series: Series;
  summary: Estimate;
  returns: Series;
  growth: Series;
  growth_net: Series;
  annual_return: Figure;
  annual_volatility: Figure;
  sharpe: Figure;
  sharpe_net: Figure;
  drawdown: Figure;
  turnover: Series;
  turnover_mean: Figure;
}

export interface LabelCounts {
  values: number;
  known: number;
  suspended: number;
  delisted: number;
  beyond: number;
  no_entry: number;
  missing_share: Figure;
}

export interface Capacity {
  pooled: Series;
  strict: Series;
  pooled_median: Figure;
  strict_median: Figure;
  pooled_low: Figure;
  strict_low: Figure;
}

export interface Deflated {
  count: number;
  sharpe: Figure;
  skew: Figure;
  kurtosis: Figure;
  trials: number;
  variance: Figure;
  expected_max: Figure;
  expected_max_annual: Figure;
  probabilistic: Figure;
  deflated: Figure;
  track_record: Figure;
  track_record_deflated: Figure;
}

export interface Horizon {
  rows: number;
  ic: Information;
  rank_ic: Information;
  neutral_ic: Information | null;
  neutral_rank_ic: Information | null;
  groups: { group: string; names: Figure; summary: Estimate }[];
  quantiles: Quantile[];
  spread: Spread;
  labels: LabelCounts;
  without_delisted: { ic: Estimate; rank_ic: Estimate; spread: Estimate };
  capacity: Capacity | null;
  deflated: Deflated;
}

export interface Fate {
  symbol: string;
  first: string | null;
  last: string | null;
  late: boolean;
  delisted: boolean;
  gaps: number;
  gap_rows: number;
  gap_longest: number;
  dead_values: number;
}

export interface Survivorship {
  names: number;
  never: number;
  late: number;
  delisted: number;
  suspended: number;
  suspended_cells: number;
  unpriced_values: number;
  dead_values: number;
  fates: Fate[];
}

export interface Exposure {
  group: string | null;
  top: Series;
  bottom: Series;
  top_mean: Figure;
  bottom_mean: Figure;
  all_mean: Figure;
}

export interface StudyDocument {
  settings: { horizons: number[]; quantiles: number; price: string; delay: number; group: string | null; periods_per_year: number; cost: number };
  times: string[];
  coverage: { priced: number[]; valued: number[]; both: number[]; share: Figure };
  horizons: Horizon[];
  autocorrelation: Lag[];
  decay: Lag[];
  survivorship: Survivorship;
  exposures: Exposure[];
  /** How each figure is computed, with its source. */
  notes?: { figure: string; text: string }[];
}

export interface Study {
  id: string;
  trials: number;
  document: StudyDocument;
}
