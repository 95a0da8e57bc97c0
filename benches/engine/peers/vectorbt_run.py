"""vectorbt: W1 in both conventions, W3, W4 sized at the fill. Its loops are compiled on a few rows before the clock."""

import hashlib

import numpy as np
import pandas as pd
import vectorbt as vbt

from measure import FAST, SLOW, Clock, asked, columns, refuse, say

SIGNALS = dict(size=10, fees=0.001, init_cash=1e6, freq="1min")


def averages(close, lengths):
    return vbt.MA.run(close, lengths, ewm=True).ma.values


def cross(close, price, index):
    fast, slow = averages(close, 10), averages(close, 30)
    warm = np.arange(len(close)) >= 29
    enter, leave = pd.Series((fast > slow) & warm, index), pd.Series((fast < slow) & warm, index)
    if asked.convention == "next_open":
        enter, leave = enter.vbt.fshift(1), leave.vbt.fshift(1)
    portfolio = vbt.Portfolio.from_signals(close, enter, leave, price=price, **SIGNALS)
    return portfolio.orders.count(), portfolio.final_value()


def w1(n=None):
    close, opens = pd.Series(c, ts)[:n], pd.Series(o, ts)[:n]
    return cross(close, opens if asked.convention == "next_open" else close, ts[:n])


def w3(n=None):
    """All 400 pairs as columns of one portfolio."""
    close, opens, index = pd.Series(c, ts)[:n], o[:n], ts[:n]
    pairs = pd.MultiIndex.from_product([FAST, SLOW], names=["fast", "slow"])
    fast_of, slow_of = (list(pairs.get_level_values(name)) for name in pairs.names)
    fast, slow = averages(close, fast_of), averages(close, slow_of)
    warm = np.arange(len(close))[:, None] >= np.array(slow_of)[None, :] - 1
    enter = pd.DataFrame((fast > slow) & warm, index, pairs).vbt.fshift(1)
    leave = pd.DataFrame((fast < slow) & warm, index, pairs).vbt.fshift(1)
    portfolio = vbt.Portfolio.from_signals(close, enter, leave, price=opens[:, None], **SIGNALS)
    return portfolio.orders.count(), portfolio.final_value()


def w4(n=None):
    closes, opens = c.reshape(-1, 500)[:n], o.reshape(-1, 500)[:n]
    wanted = np.full(closes.shape, np.nan)
    for t in range(252, len(closes) - 1, 21):
        rise = closes[t - 21] / closes[t - 252]
        wanted[t + 1] = 0.0
        wanted[t + 1, np.argsort(-rise, kind="stable")[:50]] = 0.95 / 50
    portfolio = vbt.Portfolio.from_orders(
        pd.DataFrame(closes, ts[::500][:n]), size=wanted, size_type="targetpercent", price=opens,
        fees=0.001, init_cash=1e7, cash_sharing=True, group_by=True, call_seq="auto", freq="1D",
    )  # fmt: skip
    return portfolio.orders.count(), portfolio.final_value()


work, warm_rows, of, conventions = {
    "W1": (w1, 1000, "bars_1m", ("next_open", "same_close")),
    "W3": (w3, 2000, "bars_1m", ("next_open",)),
    "W4": (w4, 300, "daily_500", ("pct_at_fill__next_open",)),
}.get(asked.workload, (None, 0, "", ()))
if asked.convention not in conventions:
    refuse()
ts, o, c = columns(of, "ts", "open", "close")
ts = pd.to_datetime(ts)
with Clock() as cold:
    work(warm_rows)
with Clock() as clock:
    fills, equity = work()
more = {}
if asked.workload == "W3":
    rows = zip(equity.index, fills, equity)
    text = "".join(f"{fast},{slow},{count},{value:.5f}\n" for (fast, slow), count, value in rows)
    more["sha256"] = hashlib.sha256(text.encode()).hexdigest()
say("vectorbt", clock, np.sum(fills), np.sum(equity), cold_cpu_s=round(cold.cpu, 2), **more)
