"""backtrader: W1 with its own average, whose first value is a mean, and W4 in whole shares at the next open."""

import backtrader as bt
import numpy as np
import pandas as pd

from measure import Clock, asked, columns, refuse, say


class Counted(bt.Strategy):
    fills = refused = 0

    def notify_order(self, order):
        if order.status == order.Completed:
            self.fills += 1
        elif order.status in (order.Margin, order.Rejected):
            self.refused += 1


class Cross(Counted):
    def __init__(self):
        self.fast, self.slow = bt.ind.EMA(period=10), bt.ind.EMA(period=30)

    def next(self):
        fast, slow = self.fast[0], self.slow[0]
        if fast > slow:
            if not self.position:
                self.buy(size=10)
        elif fast < slow and self.position:
            self.sell(size=10)


class Momentum(Counted):
    def next(self):
        t = len(self) - 1
        if t < 252 or (t - 252) % 21 or t >= days - 1:
            return
        rise = np.array([one.close[-21] / one.close[-252] for one in self.datas])
        best = set(np.argsort(-rise, kind="stable")[:50].tolist())
        part = 0.95 * self.broker.getvalue() / 50
        wanted = [int(part // one.close[0]) if j in best else 0 for j, one in enumerate(self.datas)]
        changes = [want - self.getposition(one).size for want, one in zip(wanted, self.datas)]
        for one, change in zip(self.datas, changes):
            if change < 0:
                self.sell(one, size=-change)
        for one, change in zip(self.datas, changes):
            if change > 0:
                self.buy(one, size=change)


cerebro = bt.Cerebro(stdstats=False)
cerebro.broker.setcommission(commission=0.001)
names = ("open", "high", "low", "close", "volume")
if (asked.workload, asked.convention) == ("W1", "next_open_sma_seed"):
    ts, *prices = columns("bars_1m", "ts", *names)
    cerebro.adddata(bt.feeds.PandasData(dataname=pd.DataFrame(dict(zip(names, prices)), pd.to_datetime(ts))))
    cerebro.addstrategy(Cross)
    cerebro.broker.setcash(1_000_000)
elif (asked.workload, asked.convention) == ("W4", "shares_at_close__next_open"):
    ts, *prices = columns("daily_500", "ts", *names)
    index = pd.to_datetime(ts[::500])
    days = len(index)
    for j in range(500):
        one = {name: price[j::500] for name, price in zip(names, prices)}
        cerebro.adddata(bt.feeds.PandasData(dataname=pd.DataFrame(one, index)), name=str(j))
    cerebro.addstrategy(Momentum)
    cerebro.broker.setcash(10_000_000)
else:
    refuse()
with Clock() as clock:
    (strategy,) = cerebro.run()
say("backtrader", clock, strategy.fills, cerebro.broker.getvalue(), refused=strategy.refused)
