"""The bench's data, from integers only, so any language rebuilds the rows bit for bit: python gen.py DIR

Row i of a stream draws SplitMix64(stream, i). Prices are ticks of 0.01. Three sets, sorted by time:

    bars_1m     1,000,000 one-minute bars of one instrument
    quotes_5m   5,000,000 quotes (best bid and ask) of one instrument
    daily_500   500 instruments x 2,520 daily bars, by day and then by instrument

Each column is a file of little-endian int64, `DIR/SET.COLUMN.i64`. Their SHA-256 are in `expected.json`: files that
have them are left as they are, and a set that comes out otherwise is an error.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np

U = np.uint64
GOLDEN = U(0x9E3779B97F4A7C15)
OPEN_2020, OPEN_2010 = 1_577_836_800, 1_262_304_000  # seconds since 1970: 2020-01-01 and 2010-01-01, UTC


def random(stream, n):
    """n draws: z = stream * 0xD1B54A32D192ED03 + (i + 1) * GOLDEN, then the finaliser of SplitMix64."""
    with np.errstate(over="ignore"):
        z = U(stream) * U(0xD1B54A32D192ED03) + np.arange(1, n + 1, dtype=np.uint64) * GOLDEN
        z = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
        return z ^ (z >> U(31))


def bell(u):
    """The sum of the four 16-bit lanes less 131,070: symmetric about 0, standard deviation about 37,837."""
    lane = U(0xFFFF)
    lanes = (u & lane) + ((u >> U(16)) & lane) + ((u >> U(32)) & lane) + (u >> U(48))
    return lanes.astype(np.int64) - 131_070


def pick(u, shift, n):
    """A draw from 0 to n - 1 out of the bits above `shift`."""
    return ((u >> U(shift)) % U(n)).astype(np.int64)


def divide(x, d):
    """Rounded division by an odd number; a plain floor would add a drift."""
    return (x + d // 2) // d


def bars_1m(n=1_000_000):
    """A step of about 40 ticks a minute; the open is not the close before, so fill conventions differ."""
    g = random(12, n)
    step, gap = divide(bell(random(11, n)), 945), pick(g, 0, 7) - 3
    c = np.cumsum(step + gap) + 100_000
    o = np.concatenate(([100_000], c[:-1])) + gap
    h, l = np.maximum(o, c) + pick(g, 8, 20), np.minimum(o, c) - pick(g, 16, 20)
    ts = (OPEN_2020 + 60 * np.arange(n, dtype=np.int64)) * 1_000_000_000
    return dict(ts=ts, open=o, high=h, low=l, close=c, volume=1 + pick(g, 24, 1000))


def quotes_5m(n=5_000_000):
    """A step of about 3 ticks a quote, 1 to 4 ticks between bid and ask, 1 to 199 ms between quotes."""
    g = random(22, n)
    bid = np.cumsum(divide(bell(random(21, n)), 12_001)) + 100_000
    ts = OPEN_2020 * 1_000_000_000 + np.cumsum(1_000_000 * (1 + pick(g, 0, 199)))
    sizes = dict(bid_size=1 + pick(g, 12, 500), ask_size=1 + pick(g, 32, 500))
    return dict(ts=ts, bid=bid, ask=bid + 1 + pick(g, 4, 4), **sizes)


def daily_500(n=2520, k=500):
    """A drift of -30 to 30 basis points a day that turns every 400 days in half of the names, so ranks change."""
    u, g = bell(random(31, n * k)).reshape(n, k), random(32, n * k).reshape(n, k)
    names = np.arange(k, dtype=np.int64)
    drift, before = names * 37 % 61 - 30, np.full(k, 10_000, np.int64)
    o, c = np.empty((n, k), np.int64), np.empty((n, k), np.int64)
    for t in range(n):
        sign = np.where((t // 400 + names) % 2 == 0, 1, -1)
        o[t] = np.maximum(200, before + before * (pick(g[t], 0, 101) - 50) // 10_000)
        c[t] = np.maximum(200, o[t] + divide(o[t] * (divide(u[t], 251) + sign * drift), 10_001))
        before = c[t]
    h = np.maximum(o, c) + o * pick(g, 8, 60) // 10_000
    l = np.maximum(100, np.minimum(o, c) - o * pick(g, 16, 60) // 10_000)
    ts = (OPEN_2010 + 86_400 * np.repeat(np.arange(n, dtype=np.int64), k)) * 1_000_000_000
    columns = dict(open=o, high=h, low=l, close=c, volume=1000 + pick(g, 24, 1_000_000))
    return dict(ts=ts, symbol=np.tile(names, n), **{name: column.ravel() for name, column in columns.items()})


def there(folder, name, sums):
    paths = {column: folder / f"{name}.{column}.i64" for column in sums}
    same = lambda path, want: path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == want
    return all(same(path, sums[column]) for column, path in paths.items())


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    expected = json.loads(pathlib.Path(__file__).with_name("expected.json").read_text())["data"]
    for make in (bars_1m, quotes_5m, daily_500):
        name, sums = make.__name__, expected[make.__name__]["sha256_i64_le"]
        if there(folder, name, sums):
            continue
        for column, values in make().items():
            values.astype("<i8").tofile(folder / f"{name}.{column}.i64")
        if not there(folder, name, sums):
            sys.exit(f"{name} is not the bench's: its columns differ from those of expected.json")


if __name__ == "__main__":
    main()
