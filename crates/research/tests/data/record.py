"""Records the figures of two seeded panels, computed with pandas, scipy, statsmodels and alphalens.

    pip install pandas scipy statsmodels alphalens-reloaded
    python record.py > recorded.json

`seeded` in ../seeded/mod.rs draws the same panels from the same numbers.
"""

import contextlib
import itertools
import json
import sys
import warnings

import numpy as np
import pandas as pd
import scipy.stats as st
import statsmodels.api as sm

warnings.filterwarnings("ignore")
ROWS, NAMES, QUANTILES, DELAY = 100, 40, 5, 1
PERIODS, COST, SHARE, MEAN_ROWS = 252, 0.001, 0.05, 10


class Draw:
    def __init__(self, seed):
        self.state = seed

    def __call__(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) / 2**53


def draw(rough):
    """Later names rise faster, and the factor knows it. Rough: gaps, ties, short lives."""
    u = Draw(7)
    price = [100.0] * NAMES
    close, factor, other, volume = (np.full((ROWS, NAMES), np.nan) for _ in range(4))
    for t in range(ROWS):
        for j in range(NAMES):
            lead = j / NAMES
            price[j] = price[j] * (1.0 + 0.04 * (u() - 0.5 + 0.2 * (lead - 0.5)))
            value = u() + lead
            second, units, gap, still = u(), u(), u(), u()
            if rough:
                value = np.floor(value * 20.0)
            if not (rough and gap < 0.05):
                factor[t, j] = value
            other[t, j] = second + 0.2 * value
            volume[t, j] = 1000.0 * (1.0 + units)
            dead = (j in (3, 17) and t > 60) or (j == 5 and t < 20)
            if not (rough and (still < 0.03 or dead)):
                close[t, j] = price[j]
    frame = lambda x: pd.DataFrame(x)
    return frame(close), frame(factor), frame(other), frame(volume)


def clean(x):
    if isinstance(x, dict):
        return {k: clean(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, np.ndarray, pd.Series)):
        return [clean(v) for v in x]
    if isinstance(x, str):
        return x
    if isinstance(x, (int, np.integer)):
        return int(x)
    return float(f"{x:.15g}") if np.isfinite(x) else None


def forward(close, h):
    entry, last = close.shift(-DELAY), close.ffill().shift(-DELAY - h)
    out = last / entry - 1
    out.iloc[max(0, ROWS - DELAY - h):] = np.nan
    return out


def by_date(x, y, how):
    out = []
    for t in range(ROWS):
        pair = pd.concat([x.iloc[t], y.iloc[t]], axis=1).dropna()
        ok = len(pair) >= 3 and all(pair.iloc[:, k].nunique() > 1 for k in (0, 1))
        out.append(how(pair.iloc[:, 0], pair.iloc[:, 1])[0] if ok else np.nan)
    return pd.Series(out)


def quantiles(factor):
    place = (factor.rank(axis=1).sub(0.5)).div(factor.notna().sum(axis=1), axis=0)
    return np.floor(place * QUANTILES)


def hac(series, h):
    x = series.dropna()
    n = len(x)
    lags = min(max(2 * (h - 1), int(np.floor(4 * (n / 100) ** (2 / 9)))), n - 1)
    fit = sm.OLS(x.to_numpy(), np.ones(n)).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    return {"mean": x.mean(), "std": x.std(), "error": fit.bse[0], "lags": lags, "count": n}


def weights(code, entered):
    top = ((code == QUANTILES - 1) & entered).astype(float)
    low = ((code == 0) & entered).astype(float)
    both = (top.sum(axis=1) > 0) & (low.sum(axis=1) > 0)
    w = top.div(top.sum(axis=1), axis=0) - low.div(low.sum(axis=1), axis=0)
    return w.where(both, 0.0).fillna(0.0)


def tranched(w, held, h):
    """Returns of a row: the mean weight of the h tranches that were open before it."""
    book = sum(w.shift(DELAY + 1 + k).fillna(0.0) for k in range(h)) / h
    return (book * held).sum(axis=1)


def deflated(returns, trials):
    n, sr = len(returns), returns.mean() / returns.std()
    skew, kurt = st.skew(returns), st.kurtosis(returns, fisher=False)
    g = 0.5772156649015329
    v = 1 / (n - 1)
    chance = v**0.5 * ((1 - g) * st.norm.isf(1 / trials) + g * st.norm.isf(1 / trials / np.e))
    uneven = 1 - skew * sr + (kurt - 1) / 4 * sr**2
    psr = lambda other: st.norm.cdf((sr - other) * (n - 1) ** 0.5 / uneven**0.5)
    return {
        "sharpe": sr, "skew": skew, "kurtosis": kurt, "expected_max": chance,
        "probabilistic": psr(0), "deflated": psr(chance),
        "track_record": 1 + uneven * (st.norm.isf(0.05) / sr) ** 2,
    }


def demeaned(x, y):
    both = x.notna() & y.notna()
    group = pd.Series(np.arange(NAMES) % 4)
    out = []
    for v in (x.where(both), y.where(both)):
        mean = v.T.groupby(group).transform("mean").T
        count = v.notna().T.groupby(group).transform("sum").T
        out.append((v - mean).where(count > 1))
    return out


def rough_panel():
    close, factor, other, volume = draw(True)
    code = quantiles(factor)
    entered = close.shift(-DELAY).notna()
    held = close.ffill().pct_change(fill_method=None).fillna(0.0)
    w = weights(code, entered)
    value = (close * volume).fillna(0.0).rolling(MEAN_ROWS, min_periods=1).mean()
    out = {"horizons": {}}
    for h in (1, 5):
        y = forward(close, h)
        ic, rank = by_date(factor, y, st.pearsonr), by_date(factor, y, st.spearmanr)
        means = pd.DataFrame({q: y.where(code == q).mean(axis=1) for q in range(QUANTILES)})
        x2, y2 = demeaned(factor, y)
        spread = means[QUANTILES - 1] - means[0]
        returns = tranched(w, held, h)[DELAY + 1:]
        step = (w - w.shift(h).fillna(0.0)).abs()
        cost = COST * step.sum(axis=1).shift(DELAY + 1).fillna(0.0)[DELAY + 1:] / h
        holds = w != 0
        scale = 2 * SHARE * h
        last = pd.Series([close[j].last_valid_index() for j in range(NAMES)])
        gone = pd.DataFrame(
            {j: [t + DELAY + h > last[j] and last[j] < ROWS - 1 for t in range(ROWS)] for j in range(NAMES)}
        )
        kept = y.where(~gone)
        out["horizons"][h] = {
            "ic": ic, "rank_ic": rank, "rank_ic_summary": hac(rank, h),
            "neutral_ic": by_date(x2, y2, st.pearsonr).mean(),
            "neutral_rank_ic": by_date(x2.round(12), y2.round(14), st.spearmanr).mean(),
            "group_rank_ic": [
                by_date(factor.loc[:, g::4], y.loc[:, g::4], st.spearmanr).mean() for g in range(4)
            ],
            "quantile_mean": means.mean(), "spread": spread, "spread_summary": hac(spread, h),
            "quantile_demeaned": means.sub(y.where(factor.notna()).mean(axis=1), axis=0).mean(),
            "returns": returns, "growth": (1 + returns).cumprod(),
            "growth_net": (1 + returns - cost).cumprod(),
            "sharpe": returns.mean() / returns.std() * PERIODS**0.5,
            "top_growth": (
                1 + tranched(weights_of(code, entered, QUANTILES - 1), held, h)[DELAY + 1:]
            ).cumprod(),
            "deflated": deflated(returns, 50),
            "pooled": scale * value.where(holds).sum(axis=1) / step.where(holds).sum(axis=1),
            "strict": scale * (value / step).where(holds & (step > 0)).min(axis=1),
            "rank_ic_without_delisted": by_date(factor, kept, st.spearmanr).mean(),
            "known": int((y.notna() & factor.notna()).sum().sum()),
        }
    out["decay"] = [
        by_date(factor, forward(close, 1).shift(-k), st.spearmanr).mean() for k in range(5)
    ]
    out["overfitting"] = cscv([
        tranched(weights(quantiles(f), entered), held, 1)[DELAY + 1:].to_numpy()
        for f in (factor, other, -factor, other - factor, other * factor)
    ], 8)
    out["correlation"] = by_date(factor, other, st.spearmanr).mean()
    return out


def weights_of(code, entered, q):
    one = ((code == q) & entered).astype(float)
    return one.div(one.sum(axis=1), axis=0).fillna(0.0)


def cscv(series, slices):
    table = np.array(series).T
    table = table[len(table) % slices:]
    parts = np.split(table, slices)
    logits = []
    for chosen in itertools.combinations(range(slices), slices // 2):
        inside = np.concatenate([parts[k] for k in chosen])
        outside = np.concatenate([parts[k] for k in range(slices) if k not in chosen])
        sharpe = lambda x: x.mean(axis=0) / x.std(axis=0, ddof=1)
        rank = st.rankdata(sharpe(outside))[np.argmax(sharpe(inside))] / (table.shape[1] + 1)
        logits.append(np.log(rank / (1 - rank)))
    logits = np.array(logits)
    return {"probability": (logits <= 0).mean(), "logit_mean": logits.mean(), "count": len(logits)}


def plain_panel():
    """alphalens: its forward returns start at the price given for the factor's own date."""
    import alphalens

    close, factor, _, _ = draw(False)
    days = pd.date_range("2024-01-01", periods=ROWS, freq="D", name="date")
    stacked = factor.set_axis(days).rename_axis(columns="asset").stack()
    prices = close.shift(-DELAY).set_axis(days).iloc[:-DELAY]
    perf, out = alphalens.performance, {"version": alphalens.__version__, "horizons": {}}
    for h in (1, 5):
        with contextlib.redirect_stdout(sys.stderr):
            data = alphalens.utils.get_clean_factor_and_forward_returns(
                stacked, prices, quantiles=QUANTILES, periods=(h,), max_loss=1.0
            )
        codes, name = data["factor_quantile"], f"{h}D"
        out["horizons"][h] = {
            "rank_ic": perf.factor_information_coefficient(data)[name],
            "quantile_mean": perf.mean_return_by_quantile(data, demeaned=False)[0][name],
            "quantile_demeaned": perf.mean_return_by_quantile(data, demeaned=True)[0][name],
            "turnover": [
                perf.quantile_turnover(codes, q, h).mean() for q in range(1, QUANTILES + 1)
            ],
            "autocorrelation": perf.factor_rank_autocorrelation(data, h).mean(),
        }
    return out


json.dump(clean({"rough": rough_panel(), "plain": plain_panel()}), sys.stdout, separators=(",", ":"))
print()
