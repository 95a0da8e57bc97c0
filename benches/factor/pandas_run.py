"""pandas: 34 of the paper's formulas as people write them (rolling, rank(axis=1)), and single operators.

    python pandas_run.py SCRATCH
"""

import os
import pathlib
import sys
import warnings

import numpy as np
import pandas as pd

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "crates/factor/library"))
import paper

import panel
from measure import measure, say

warnings.filterwarnings("ignore")
NAMES, DAYS = int(os.environ.get("NAMES", "500")), int(os.environ.get("DAYS", "2520"))
ALPHAS = [*range(1, 21), 22, 25, 26, 28, 31, 32, 33, 35, 38, 40, 41, 42, 53, 101]


def decay(x, n):
    weights = np.arange(1.0, n + 1) / (n * (n + 1) / 2)
    return x.rolling(n).apply(lambda values: (values * weights).sum(), raw=True)


def choose(condition, yes, no):
    return pd.DataFrame(np.where(condition, yes, no))


OPERATORS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "<": lambda a, b: a < b,
    "^": lambda a, b: a**b,
    "where": choose,
    "abs": np.abs,
    "sign": np.sign,
    "log": np.log,
    "signedpower": lambda x, p: x**p,
    "delay": lambda x, d: x.shift(d),
    "delta": lambda x, d: x.diff(d),
    "sum": lambda x, n: x.rolling(n).sum(),
    "mean": lambda x, n: x.rolling(n).mean(),
    "stddev": lambda x, n: x.rolling(n).std(),
    "correlation": lambda x, y, n: x.rolling(n).corr(y),
    "covariance": lambda x, y, n: x.rolling(n).cov(y),
    "ts_min": lambda x, n: x.rolling(n).min(),
    "ts_max": lambda x, n: x.rolling(n).max(),
    "ts_rank": lambda x, n: x.rolling(n).rank(pct=True),
    "ts_argmax": lambda x, n: x.rolling(n).apply(np.argmax, raw=True) + 1,
    "rank": lambda x: x.rank(axis=1, pct=True),
    "scale": lambda x: x.div(x.abs().sum(axis=1), axis=0),
    "decay_linear": decay,
}


def main(scratch):
    raw, sector = panel.load(scratch, NAMES, DAYS)
    fields = {name: pd.DataFrame(values) for name, values in raw.items()}
    formulas = paper.formulas()

    def alphas():
        known = {}
        for number in ALPHAS:
            paper.evaluate(formulas[number], OPERATORS, fields, known)

    cpu, wall = measure(alphas, runs=1, warm=0)
    say("pandas", 1, f"wq{len(ALPHAS)}", NAMES * DAYS * len(ALPHAS), cpu, wall)
    close, volume = fields["close"], fields["volume"]
    single = {
        "rank": lambda: OPERATORS["rank"](close),
        "ts_sum(20)": lambda: OPERATORS["sum"](close, 20),
        "ts_mean(20)": lambda: OPERATORS["mean"](close, 20),
        "ts_std(20)": lambda: OPERATORS["stddev"](close, 20),
        "ts_corr(20)": lambda: OPERATORS["correlation"](close, volume, 20),
        "ts_rank(20)": lambda: OPERATORS["ts_rank"](close, 20),
        "ts_argmax(20)": lambda: OPERATORS["ts_argmax"](close, 20),
        "ts_min(20)": lambda: OPERATORS["ts_min"](close, 20),
        "decay_linear(20)": lambda: decay(close, 20),
        "delta(5)": lambda: OPERATORS["delta"](close, 5),
        "ema(20)": lambda: close.ewm(span=20, adjust=False).mean(),
        "group_demean(sector)": lambda: close - close.T.groupby(sector).transform("mean").T,
        "ts_mean(250)": lambda: OPERATORS["mean"](close, 250),
    }
    for name, work in single.items():
        slow = name in ("ts_argmax(20)", "decay_linear(20)")
        cpu, wall = measure(work, runs=1 if slow else 3, warm=0 if slow else 1)
        say("pandas", 1, name, NAMES * DAYS, cpu, wall, sum=float(np.nansum(work().values[50:])))


if __name__ == "__main__":
    main(sys.argv[1])
