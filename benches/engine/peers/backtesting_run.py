"""backtesting.py: W1 in both conventions. Its sweep would be W1 400 times over, so W3 is not run."""

import warnings

import pandas as pd
from backtesting import Backtest, Strategy

from measure import Clock, asked, columns, refuse, say

warnings.filterwarnings("ignore")


def ema(values, n):
    return pd.Series(values).ewm(span=n, adjust=False).mean().values


class Cross(Strategy):
    def init(self):
        self.fast, self.slow = self.I(ema, self.data.Close, 10), self.I(ema, self.data.Close, 30)

    def next(self):
        if len(self.data) < 30:
            return
        fast, slow = self.fast[-1], self.slow[-1]
        if fast > slow:
            if not self.position:
                self.buy(size=10)
        elif fast < slow and self.position:
            self.position.close()


if asked.workload != "W1" or asked.convention not in ("next_open", "same_close"):
    refuse()
ts, *prices = columns("bars_1m", "ts", "open", "high", "low", "close", "volume")
bars = pd.DataFrame(dict(zip(("Open", "High", "Low", "Close", "Volume"), prices)), pd.to_datetime(ts))
on_close = asked.convention == "same_close"
backtest = Backtest(bars, Cross, cash=1_000_000, commission=0.001, trade_on_close=on_close)
with Clock() as clock:
    stats = backtest.run()
closed, still_open = int(stats["# Trades"]), len(stats._strategy.trades)
say("backtesting", clock, 2 * closed + still_open, stats["Equity Final [$]"])
