"""polars: single operators on a long frame sorted by name and day.

    python polars_run.py SCRATCH THREADS
"""

import os
import sys

os.environ["POLARS_MAX_THREADS"] = sys.argv[2]

import numpy as np
import polars as pl

import panel
from measure import measure, say

NAMES, DAYS = int(os.environ.get("NAMES", "500")), int(os.environ.get("DAYS", "2520"))


def main(scratch, threads):
    raw, sector = panel.load(scratch, NAMES, DAYS)
    columns = {name: np.ascontiguousarray(raw[name].T).ravel() for name in ("close", "volume")}
    day = np.tile(np.arange(DAYS, dtype=np.int32), NAMES)
    name = np.repeat(np.arange(NAMES, dtype=np.int32), DAYS)
    frame = pl.DataFrame({"day": day, "name": name, "sector": np.repeat(sector, DAYS), **columns})
    close, volume = pl.col("close"), pl.col("volume")
    weights = (np.arange(1.0, 21) / 210).tolist()
    single = {
        "rank": (close.rank("average") / close.count()).over("day"),
        "ts_sum(20)": close.rolling_sum(20).over("name"),
        "ts_mean(20)": close.rolling_mean(20).over("name"),
        "ts_std(20)": close.rolling_std(20).over("name"),
        "ts_corr(20)": pl.rolling_corr(close, volume, window_size=20).over("name"),
        "ts_rank(20)": (close.rolling_rank(20, method="average") / 20).over("name"),
        "ts_min(20)": close.rolling_min(20).over("name"),
        "decay_linear(20)": close.rolling_mean(20, weights=weights).over("name"),
        "delta(5)": close.diff(5).over("name"),
        "ema(20)": close.ewm_mean(span=20, adjust=False).over("name"),
        "group_demean(sector)": close - close.mean().over("day", "sector"),
        "ts_mean(250)": close.rolling_mean(250).over("name"),
    }
    for work, expression in single.items():
        cpu, wall = measure(lambda: frame.select(expression.alias("x")))
        values = frame.select(expression.alias("x"))["x"].to_numpy().reshape(NAMES, DAYS)
        say("polars", threads, work, NAMES * DAYS, cpu, wall, sum=float(np.nansum(values[:, 50:])))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
