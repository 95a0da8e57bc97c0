"""Records TA-Lib's values on seeded bars, for tests/indicators.rs and tests/candles.rs.

    python3 -m venv venv && venv/bin/pip install TA-Lib==0.8.2 numpy && venv/bin/python record.py

Prices are whole eighths: sums of them are exact, so that neither side decides a tie by rounding.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
import numpy as np
import talib
from talib import abstract

ROWS = 220
# Name in the language with its arguments, TA-Lib's function, its arguments, which output.
SERIES = [
    ("sma(close, 10)", "SMA", dict(timeperiod=10), 0),
    ("wma(close, 10)", "WMA", dict(timeperiod=10), 0),
    ("ema_seeded(close, 10)", "EMA", dict(timeperiod=10), 0),
    ("rma(close, 10)", "RMA", dict(timeperiod=10), 0),
    ("dema(close, 10)", "DEMA", dict(timeperiod=10), 0),
    ("tema(close, 10)", "TEMA", dict(timeperiod=10), 0),
    ("kama(close, 10)", "KAMA", dict(timeperiod=10), 0),
    ("trix(close, 7)", "TRIX", dict(timeperiod=7), 0),
    ("macd(close)", "MACD", {}, 0),
    ("macd_signal(close)", "MACD", {}, 1),
    ("macd_hist(close)", "MACD", {}, 2),
    ("macd(close, 20, 5)", "MACD", dict(fastperiod=20, slowperiod=5, signalperiod=4), 0),
    ("apo(close)", "APO", dict(matype=1), 0),
    ("ppo(close)", "PPO", dict(matype=1), 0),
    ("linearreg(close)", "LINEARREG", {}, 0),
    ("linearreg_slope(close)", "LINEARREG_SLOPE", {}, 0),
    ("tsf(close)", "TSF", {}, 0),
    ("mom(close)", "MOM", {}, 0),
    ("roc(close)", "ROC", {}, 0),
    ("rsi(close)", "RSI", {}, 0),
    ("rsi(close, 5)", "RSI", dict(timeperiod=5), 0),
    ("cmo(close)", "CMO", {}, 0),
    ("stochf_k(high, low, close)", "STOCHF", {}, 0),
    ("stochf_d(high, low, close)", "STOCHF", {}, 1),
    ("stoch_k(high, low, close)", "STOCH", {}, 0),
    ("stoch_d(high, low, close)", "STOCH", {}, 1),
    ("stochrsi_k(close)", "STOCHRSI", {}, 0),
    ("stochrsi_d(close)", "STOCHRSI", {}, 1),
    ("avgdev(close)", "AVGDEV", {}, 0),
    ("cci(high, low, close)", "CCI", {}, 0),
    ("williams_r(high, low, close)", "WILLR", {}, 0),
    ("aroon_down(low)", "AROON", {}, 0),
    ("aroon_up(high)", "AROON", {}, 1),
    ("aroon_osc(high, low)", "AROONOSC", {}, 0),
    ("ultosc(high, low, close)", "ULTOSC", {}, 0),
    ("bop(open, high, low, close)", "BOP", {}, 0),
    ("tr(high, low, close)", "TRANGE", {}, 0),
    ("atr(high, low, close)", "ATR", {}, 0),
    ("natr(high, low, close)", "NATR", {}, 0),
    ("plus_dm(high, low)", "PLUS_DM", {}, 0),
    ("minus_dm(high, low)", "MINUS_DM", {}, 0),
    ("plus_di(high, low, close)", "PLUS_DI", {}, 0),
    ("minus_di(high, low, close)", "MINUS_DI", {}, 0),
    ("dx(high, low, close)", "DX", {}, 0),
    ("dx(high, low, close, 2)", "DX", dict(timeperiod=2), 0),
    ("adx(high, low, close)", "ADX", {}, 0),
    ("adx(high, low, close, 2)", "ADX", dict(timeperiod=2), 0),
    ("adxr(high, low, close)", "ADXR", {}, 0),
    ("sar(high, low)", "SAR", {}, 0),
    ("sar(high, low, 0.1, 0.3)", "SAR", dict(acceleration=0.1, maximum=0.3), 0),
    ("supertrend(high, low, close)", "SUPERTREND", {}, 0),
    ("supertrend_direction(high, low, close)", "SUPERTREND", {}, 1),
    ("supertrend(high, low, close, 5, 1)", "SUPERTREND", dict(timeperiod=5, multiplier=1.0), 0),
    ("bollinger_upper(close)", "BBANDS", dict(timeperiod=20), 0),
    ("bollinger_middle(close)", "BBANDS", dict(timeperiod=20), 1),
    ("bollinger_lower(close)", "BBANDS", dict(timeperiod=20), 2),
    ("keltner_upper(high, low, close)", "KC", {}, 0),
    ("keltner_middle(high, low, close)", "KC", {}, 1),
    ("keltner_lower(high, low, close)", "KC", {}, 2),
    ("donchian_upper(high)", "DONCHIAN", {}, 0),
    ("donchian_middle(high, low)", "DONCHIAN", {}, 1),
    ("donchian_lower(low)", "DONCHIAN", {}, 2),
    ("obv(close, volume)", "OBV", {}, 0),
    ("ad(high, low, close, volume)", "AD", {}, 0),
    ("adosc(high, low, close, volume)", "ADOSC", {}, 0),
    ("mfi(high, low, close, volume)", "MFI", {}, 0),
    ("cumulative((high + low + close) / 3 * volume) / cumulative(volume)", "VWAP", {}, 0),
]


def bars(dice):
    """A walk in eighths with flat stretches, gaps and a long trend."""
    close = 800 + np.cumsum(dice.integers(-12, 13, ROWS) + np.repeat([3, -3, 0, 5], ROWS // 4))
    close[60:78] = close[60]
    open_ = np.roll(close, 1) + dice.integers(-4, 5, ROWS) + 20 * (dice.random(ROWS) < 0.05)
    open_[0] = close[0]
    open_[60:78] = close[60]
    high = np.maximum(open_, close) + dice.integers(0, 9, ROWS)
    low = np.minimum(open_, close) - dice.integers(0, 9, ROWS)
    high[60:78] = low[60:78] = close[60]
    volume = dice.integers(1, 1000, ROWS).astype(float)
    return {k: v / 8.0 for k, v in dict(open=open_, high=high, low=low, close=close).items()} | {
        "volume": volume
    }


def short(x):
    return None if np.isnan(x) else float(f"{x:.14g}")


def series(dice):
    table = bars(dice)
    found = {}
    for text, name, arguments, output in SERIES:
        result = abstract.Function(name)(table, **arguments)
        result = result[output] if isinstance(result, (list, tuple)) else result
        result = np.asarray(result, float)
        result[: abstract.Function(name, **arguments).lookback] = np.nan  # whole numbers have none
        found[text] = {"talib": name, "values": [short(x) for x in result]}
    columns = {k: [float(x) for x in v] for k, v in table.items()}
    return {"talib": talib.__version__, "bars": columns, "series": found}


LEAD = 18  # rows before a pattern that decide it


def candles(dice, patterns):
    """Stretches of random bars in which every pattern occurs, cut from a long run."""
    rows = 3_000_000
    sizes = np.array([0, 0, 1, 2, 4, 8, 16, 24, 32])
    body = sizes[dice.integers(0, 9, rows)] * dice.choice([-1, 1], rows)
    kind = dice.integers(0, 6, rows)
    gap = np.where(kind == 0, dice.integers(-40, 41, rows), np.where(kind < 3, 0, dice.integers(-9, 10, rows)))
    open_ = np.zeros(rows, dtype=np.int64)
    close = np.zeros(rows, dtype=np.int64)
    last_open, last = 8000, 8000
    for t in range(rows):
        # A pull to the middle keeps the run from drifting off.
        start = (last if kind[t] != 3 else last_open) + gap[t] - (last > 16000) * 30 + (last < 2000) * 30
        end = start + body[t]
        if kind[t] == 4:
            end = last
        open_[t], close[t] = start, end
        last_open, last = start, end
    shadow = np.array([0, 0, 0, 0, 1, 2, 6, 12, 30])
    high = np.maximum(open_, close) + shadow[dice.integers(0, 9, rows)]
    low = np.minimum(open_, close) - shadow[dice.integers(0, 9, rows)]
    whole = [x.astype(float) / 8 for x in (open_, high, low, close)]
    picked = []
    for name in patterns:
        result = getattr(talib, name)(*whole)
        for value in (-200, -100, -80, 80, 100, 200):
            hits = np.flatnonzero(result == value)
            hits = hits[hits >= LEAD][:2]
            picked += [(int(hit), name) for hit in hits]
            if value in (100, -100) and len(hits):
                print(name, value, (result == value).sum(), file=sys.stderr)
    index = np.concatenate([np.arange(hit - LEAD + 1, hit + 1) for hit, _ in picked])
    part = [x[index] for x in whole]
    found = {}
    for name in patterns:
        result = getattr(talib, name)(*part)
        at = np.flatnonzero(result)
        found[name] = {
            "lookback": abstract.Function(name).lookback,
            "rows": at.tolist(),
            "values": result[at].tolist(),
        }
    eighths = {k: (x * 8).astype(int).tolist() for k, x in zip(("open", "high", "low", "close"), part)}
    return {"talib": talib.__version__, "eighths": eighths, "patterns": found}


def main():
    text = (HERE / "../../src/operators/candle.rs").read_text()
    text += (HERE / "../../src/operators/pattern.rs").read_text()
    patterns = [name for name in talib.get_functions() if f'"TA-Lib {name}"' in text]
    write = lambda name, data: (HERE / name).write_text(
        json.dumps(data, separators=(",", ":")).replace('],"', '],\n"').replace('},"', '},\n"') + "\n"
    )
    write("indicators.json", series(np.random.default_rng(1)))
    write("candles.json", candles(np.random.default_rng(2), patterns))


main()
