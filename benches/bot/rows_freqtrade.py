"""What freqtrade spends on one new candle: the load of `cargo run --release -p engine --example rows`.

rows_freqtrade.py [PAIRS] [ROUNDS]

A live freqtrade computes every indicator of a pair over the whole frame that it keeps (999 candles of a venue
that gives 1000) each time a candle closes, through `IStrategy.analyze_ticker`; this calls just that, with the
indicators of TA-Lib and pandas that a strategy would use for the same conditions. Of the two across pairs one is
left out and one is a plain sum, which is to its favour. No network, no database, no
orders. Prints processor time a pair and a candle, and resident memory.
"""

import resource
import sys
import time
from datetime import datetime, timezone

import freqtrade
import numpy as np
import pandas as pd
import talib.abstract as ta
from freqtrade.strategy import IStrategy

KEPT = 999


class Thirty(IStrategy):
    """Long while more than half of the conditions hold."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    stoploss = -0.1
    minimal_roi = {"0": 10}
    process_only_new_candles = True
    startup_candle_count = 240
    can_short = True

    def populate_indicators(self, frame, metadata):
        close, high, low, volume = frame["close"], frame["high"], frame["low"], frame["volume"]
        bands = ta.BBANDS(frame, timeperiod=20)
        macd = ta.MACD(frame)
        obv = ta.OBV(frame)
        returns = close.pct_change()
        hour, two_hours = volume.rolling(60), volume.rolling(120)
        slope = ta.LINEARREG_SLOPE(frame, timeperiod=60)
        stoch = ta.STOCHF(frame)
        middle = close.rolling(120).mean()
        kama = ta.KAMA(frame, timeperiod=30)
        atr = ta.ATR(frame, timeperiod=10)
        trend = ((high + low) / 2 - 3 * atr).rolling(10).max()
        conditions = [
            close > ta.EMA(frame, timeperiod=12),
            ta.EMA(frame, timeperiod=12) > ta.EMA(frame, timeperiod=26),
            close > close.rolling(20).mean(),
            close > close.rolling(60).mean(),
            close > close.rolling(240).mean(),
            ta.RSI(frame, timeperiod=14) < 30,
            ta.RSI(frame, timeperiod=7) > 70,
            macd["macd"] > macd["macdsignal"],
            close > bands["upperband"],
            close < bands["lowerband"],
            ta.ATR(frame, timeperiod=14) / close > 0.002,
            ta.ADX(frame, timeperiod=14) > 25,
            stoch["fastk"] > 80,
            ta.CCI(frame, timeperiod=20) > 100,
            ta.WILLR(frame, timeperiod=14) > -20,
            close >= high.rolling(55).max(),
            close <= low.rolling(55).min(),
            returns.rolling(60).std() > 0.001,
            (volume - two_hours.mean()) / two_hours.std() > 2,
            close.rolling(120).rank(pct=True) > 0.9,
            close.rolling(60).corr(volume) > 0.5,
            slope > 0,
            (close > middle) & (close.shift(1) <= middle.shift(1)),
            (close < middle) & (close.shift(1) >= middle.shift(1)),
            close.pct_change(15) > 0.004,
            obv > ta.EMA(obv, timeperiod=30),
            close > trend,
            hour.sum() > hour.sum().shift(60),
            kama > kama.shift(1),
        ]
        frame["score"] = sum(condition.astype(int) for condition in conditions)
        return frame

    def populate_entry_trend(self, frame, metadata):
        frame.loc[frame["score"] > 15, "enter_long"] = 1
        frame.loc[frame["score"] < 8, "enter_short"] = 1
        return frame

    def populate_exit_trend(self, frame, metadata):
        frame.loc[frame["score"] <= 15, "exit_long"] = 1
        frame.loc[frame["score"] >= 8, "exit_short"] = 1
        return frame


def walk(dice):
    """999 candles of a seeded walk."""
    close = 100 * np.exp(np.cumsum(dice.normal(0, 0.0008, KEPT)))
    open_ = np.concatenate([[100.0], close[:-1]])
    spread = np.abs(dice.normal(0, 0.0004, KEPT))
    dates = pd.date_range(datetime(2026, 1, 1, tzinfo=timezone.utc), periods=KEPT, freq="1min")
    high, low = np.maximum(open_, close) * (1 + spread), np.minimum(open_, close) * (1 - spread)
    volume = dice.gamma(2.0, 50.0, KEPT)
    return pd.DataFrame(
        {"date": dates, "open": open_, "high": high, "low": low, "close": close, "volume": volume}
    )


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    dice = np.random.default_rng(7)
    frames = [walk(dice) for _ in range(pairs)]
    strategy = Thirty({"stake_currency": "USDT", "dry_run": True, "candle_type_def": "spot"})
    strategy.analyze_ticker(frames[0].copy(), {"pair": "WARM/USDT"})
    begun = time.process_time()
    entries = 0
    for _ in range(rounds):
        for number, frame in enumerate(frames):
            said = strategy.analyze_ticker(frame.copy(), {"pair": f"P{number}/USDT"})
            entries += int(said["enter_long"].iloc[-1] == 1)
    spent = (time.process_time() - begun) / (rounds * pairs)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"freqtrade {freqtrade.__version__}: {spent * 1e3:.2f} ms CPU a pair and candle;")
    print(f"{pairs} pairs: {spent * pairs:.2f} s a minute, {spent * pairs / 60:.1%} of a core; {memory:.0f} MiB")
    print(f"{entries} of {rounds * pairs} last candles would enter long")


if __name__ == "__main__":
    main()
