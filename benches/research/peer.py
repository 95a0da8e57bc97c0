"""CPU seconds that alphalens takes for the figures it shares with `research::study`.

    pip install alphalens-reloaded
    python benches/research/peer.py

500 names, 2,520 days, horizons 1, 5, 10 and 21: forward returns and quantiles, information
coefficients, mean returns by quantile, turnover of each quantile, rank autocorrelation.
"""

import contextlib
import io
import time
import warnings

import alphalens
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
ROWS, NAMES, PERIODS = 2520, 500, (1, 5, 10, 21)
draw = np.random.default_rng(1)
days = pd.date_range("2014-01-01", periods=ROWS, freq="D", name="date")
prices = pd.DataFrame(100 * np.cumprod(1 + 0.04 * (draw.random((ROWS, NAMES)) - 0.5), axis=0), days)
factor = pd.DataFrame(draw.random((ROWS, NAMES)), days).rename_axis(columns="asset").stack()

start = time.process_time()
with contextlib.redirect_stdout(io.StringIO()):
    data = alphalens.utils.get_clean_factor_and_forward_returns(
        factor, prices.shift(-1).iloc[:-1], quantiles=5, periods=PERIODS, max_loss=1.0
    )
print(f"forward returns and quantiles: {time.process_time() - start:.2f} s")
perf, codes = alphalens.performance, data["factor_quantile"]
perf.factor_information_coefficient(data)
print(f"and information coefficients: {time.process_time() - start:.2f} s")
perf.mean_return_by_quantile(data, demeaned=False)
perf.mean_return_by_quantile(data, demeaned=True)
for period in PERIODS:
    perf.factor_rank_autocorrelation(data, period)
    for quantile in range(1, 6):
        perf.quantile_turnover(codes, quantile, period)
print(f"all of it: {time.process_time() - start:.2f} s")
