"""The values that tests/library.rs compares with: the paper's formulas (paper.txt) in numpy, by the stated rules.

    python values.py > ../tests/data/alphas.txt        # numpy 2.4

A line has an alpha's name, how many cells are missing, how many are not recorded, the sum of |x|,
and the cells of the last three rows. Every window is computed from its own rows. A cell is not recorded (`~`) where it hangs on how sums
are rounded: where it changes when every such result is disturbed by one part in 1e13, as ties among
correlations of ranks do.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import paper

ROWS, NAMES, SHOWN, SEEDS = 300, 20, 3, 16
MASK = (1 << 64) - 1


class Dice:
    """SplitMix64; the test draws the same numbers."""

    def __init__(self, state):
        self.state = state

    def below(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % n


def panel():
    """Whole cents and whole lots, with gaps: a suspension, a late listing, a day without volume."""
    names = ("open", "high", "low", "close", "volume", "vwap", "cap")
    fields = {name: np.full((ROWS, NAMES), np.nan) for name in names}
    for j in range(NAMES):
        dice = Dice(j + 1)
        close = 2_000 + dice.below(20_000)
        shares = 1_000 + dice.below(100_000)
        for t in range(ROWS):
            open_ = close + close * dice.below(41) // 1_000 - close * 20 // 1_000
            close = open_ + open_ * dice.below(61) // 1_000 - open_ * 30 // 1_000
            high = max(open_, close) + dice.below(200)
            low = min(open_, close) - dice.below(200)
            volume = 100 * (1 + dice.below(5_000))
            cents = dict(open=open_, high=high, low=low, close=close)
            for name, value in cents.items():
                fields[name][t, j] = value / 100
            fields["volume"][t, j] = volume
            fields["vwap"][t, j] = (open_ + high + low + close) / 400
            fields["cap"][t, j] = close * shares / 100
    for values in fields.values():
        values[20:26, 3] = np.nan
        values[:30, 7] = np.nan
    fields["volume"][280, 11] = np.nan
    label = np.arange(NAMES)
    groups = dict(sector=label % 3, industry=label % 5, subindustry=np.where(label == 19, -1, label % 7))
    return fields, groups


def finite(x):
    return np.where(np.isfinite(x), x, np.nan)


def rolling(x, n):
    """The last n rows of each cell, along a last axis; rows before the first one are missing."""
    x = np.vstack([np.full((n - 1, x.shape[1]), np.nan), x])
    return sliding_window_view(x, n, axis=0)


def missing_like(result, *operands):
    """Comparisons and choices are missing where an operand is."""
    gone = np.zeros(np.broadcast(*operands).shape, bool)
    for operand in operands:
        gone = gone | np.isnan(operand)
    return np.where(gone, np.nan, result)


def delay(x, d):
    return np.vstack([np.full((d, x.shape[1]), np.nan), x])[: len(x)]


def covariance(x, y, n):
    a, b = rolling(x, n), rolling(y, n)
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    return (a * b).sum(-1) / (n - 1)


def stddev(x, n):
    spread = rolling(x, n).std(-1, ddof=1)
    flat = np.ptp(rolling(x, n), -1) == 0
    return np.where(flat, 0.0, spread) if n > 1 else np.full_like(x, np.nan)


def correlation(x, y, n):
    a, b = rolling(x, n), rolling(y, n)
    flat = (np.ptp(a, -1) == 0) | (np.ptp(b, -1) == 0)
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    both = (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return np.where(flat, np.nan, np.clip(both, -1, 1))


def average_rank(values, own):
    """Of `own` among `values` (last axis), ties at their mean."""
    return (values < own).sum(-1) + ((values == own).sum(-1) + 1) / 2


def ts_rank(x, n):
    windows = rolling(x, n)
    return missing_like(average_rank(windows, windows[..., -1:]) / n, windows.sum(-1))


def rank(x):
    count = (~np.isnan(x)).sum(1, keepdims=True)
    ranks = average_rank(x[:, None, :], x[:, :, None])
    return missing_like(ranks / np.maximum(count, 1), x)


def place(pick):
    def of(x, n):
        windows = rolling(x, n)
        return missing_like(pick(np.nan_to_num(windows), -1) + 1.0, windows.sum(-1))

    return of


def argmax_of_valid(x, n):
    """With `min=1`: the reading of alpha 96, see alphas.txt."""
    windows = rolling(x, n)
    places = np.argmax(np.where(np.isnan(windows), -np.inf, windows), -1) + 1.0
    return np.where(np.isnan(windows).all(-1), np.nan, places)


def scale(x):
    return finite(x / np.nansum(np.abs(x), axis=1, keepdims=True))


def decay_linear(x, n):
    weights = np.arange(1.0, n + 1)
    return (rolling(x, n) * weights).sum(-1) / weights.sum()


def indneutralize(x, group):
    out = np.full_like(x, np.nan)
    for label in set(group) - {-1}:
        part = x[:, group == label]
        count = (~np.isnan(part)).sum(1, keepdims=True)
        out[:, group == label] = part - np.nansum(part, 1, keepdims=True) / np.maximum(count, 1)
    return out


PLAIN = {
    "+": lambda a, b: finite(a + b),
    "-": lambda a, b: finite(a - b),
    "*": lambda a, b: finite(a * b),
    "/": lambda a, b: finite(a / b),
    "<": lambda a, b: missing_like(a < b, a, b),
    ">": lambda a, b: missing_like(a > b, a, b),
    "==": lambda a, b: missing_like(a == b, a, b),
    "||": lambda a, b: missing_like((a != 0) | (b != 0), a, b),
    "where": lambda c, a, b: missing_like(np.where(c != 0, a, b), c),
    "min": lambda a, b: np.minimum(a, b),
    "max": lambda a, b: np.maximum(a, b),
    "abs": np.abs,
    "sign": np.sign,
    "delay": delay,
    "delta": lambda x, d: x - delay(x, d),
    "ts_min": lambda x, n: rolling(x, n).min(-1),
    "ts_max": lambda x, n: rolling(x, n).max(-1),
    "ts_argmax": place(np.argmax),
    "ts_argmin": place(np.argmin),
    "ts_rank": ts_rank,
    "rank": rank,
}
# Their last bits hang on the order of additions or on a library's powers.
ROUNDED = {
    # 1 to a missing power is missing, unlike in numpy.
    "^": lambda a, b: missing_like(finite(np.power(a, b)), a, b),
    "signedpower": lambda a, b: finite(np.sign(a) * np.abs(a) ** b),
    "log": lambda x: finite(np.log(np.where(x > 0, x, np.nan))),
    "sum": lambda x, n: rolling(x, n).sum(-1),
    "mean": lambda x, n: rolling(x, n).mean(-1),
    "product": lambda x, n: rolling(x, n).prod(-1),
    "stddev": stddev,
    "covariance": covariance,
    "correlation": correlation,
    "decay_linear": decay_linear,
    "scale": scale,
    "indneutralize": indneutralize,
}


def disturbed(operator, dice):
    def shaken(*arguments):
        exact = operator(*arguments)
        typical = np.nanmedian(np.abs(exact)) if np.isfinite(exact).any() else 0.0
        return exact + 1e-13 * dice.uniform(-1, 1, exact.shape) * (np.abs(exact) + typical)

    return shaken


def shown(x):
    return "nan" if np.isnan(x) else "~" if np.isinf(x) else f"{x:.12g}"


def main():
    np.seterr(all="ignore")
    fields, groups = panel()
    dice = np.random.default_rng(1)
    shaken = [PLAIN | {name: disturbed(of, dice) for name, of in ROUNDED.items()} for _ in range(SEEDS)]
    data = fields | groups
    known, shaken_known = {}, [{} for _ in shaken]
    for number, tree in paper.formulas().items():
        reading = {"ts_argmax": argmax_of_valid} if number == 96 else {}
        exact = paper.evaluate(tree, PLAIN | ROUNDED | reading, data, known)
        sure = np.ones_like(exact, bool)
        for operators, memory in zip(shaken, shaken_known):
            other = paper.evaluate(tree, operators | reading, data, memory)
            close = np.abs(other - exact) <= 1e-9 * np.maximum(np.abs(exact), 1e-3)
            sure &= close | (np.isnan(other) & np.isnan(exact))
        marked = np.where(sure, exact, np.inf)
        counts = f"{np.isnan(exact).sum()} {(~sure).sum()} {np.nansum(np.abs(exact)):.15g}"
        print(f"alpha{number:03} {counts} " + " ".join(map(shown, marked[-SHOWN:].ravel())))


if __name__ == "__main__":
    main()
