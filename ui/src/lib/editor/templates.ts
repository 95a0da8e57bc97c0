/** First strategies to start from; the dataset's name is filled in from the catalogue. */

export const templates = {
  ema: (data: string) => `version: 1
name: EMA cross
data: ${data}
adjust: splits
bar: 1d
signals:
  long: ema(close, 10) > ema(close, 30)
  exit: ema(close, 10) < ema(close, 30)
sizing: { percent: 20 }
costs: { fee_bps: 10 }
convention: next_open
cash: 1000000
currency: USD
seed: 1
`,
  momentum: (data: string) => `version: 1
name: Momentum
data: ${data}
adjust: splits
bar: 1d
# last year's winners without the last month
weights: top(delay(close, 21) / delay(close, 252), 2)
schedule: every 21 bars
sizing: { exposure: 0.95 }
costs: { fee_bps: 10 }
convention: next_open
cash: 1000000
currency: USD
seed: 1
`,
  reversal: (data: string) => `version: 1
name: Reversal
data: ${data}
adjust: splits
bar: 1d
signals:
  long: returns(close, 5) < -0.08
  exit: close > ts_mean(close, 10)
sizing: { percent: 20 }
costs: { fee_bps: 10 }
convention: next_open
cash: 1000000
currency: USD
seed: 1
`,
} as const;

export type Template = keyof typeof templates;
