"""The referee: slow, plain, exact. It writes `expected.json`:

    python referee.py DIR > expected.json        # or `python referee.py DIR W1 W4` for some workloads

Money is an integer of 1e-5 (a price in ticks of 0.01, a fee of a thousandth of the notional), so nothing is rounded;
only the averages are floating point (IEEE double; e = a * x + (1 - a) * e, a = 2 / (n + 1), e0 = the first value).

Rules of W1, W2 and W3
  Long only, fixed quantity: long when fast > slow, flat when fast < slow, unchanged when equal. No order before `slow`
  values were seen (the first decision is at index slow - 1). A fee of 10 basis points of the notional on each fill.
  An open position is marked at the last price (of quotes: the last bid), not closed.
Fill conventions
  next_open    decided at the close of bar i, filled at the open of bar i + 1; a decision on the last bar is dropped
  same_close   decided at the close of bar i, filled at that close
  same_quote   decided on quote i, bought at ask i, sold at bid i, without latency
  ..._sma_seed the first value of an average is the mean of the first n, as in backtrader
Sizing of W4
  shares_at_close  whole shares, from the equity and the prices at the close of the decision
  pct_at_fill      a share of the equity at the fill price, fractional shares
"""

import array
import hashlib
import json
import pathlib
import sys

UNIT = 100_000  # money units in 1.00
FAST, SLOW = range(5, 45, 2), range(50, 250, 10)  # W3
W1 = "EMA(10)/EMA(30) on close, qty 10, cash 1,000,000"
W2A = "EMA(10)/EMA(30) on every mid quote, qty 1, cash 1,000,000, same_quote"
W2B = "EMA(10)/EMA(30) on closes of 100-quote mid bars, qty 1, cash 1,000,000, same_quote"
W3 = "bars[0:100000], fast 5,7..43 x slow 50,60..240, qty 10, cash 1,000,000, next_open"
W4 = (
    "every 21 days from t=252: rank close[t-21]/close[t-252], top 50 of 500, 0.95/50 of equity each, 10 bps, "
    "cash 10,000,000, sells first"
)


def column(name):
    values = array.array("q")
    values.frombytes((folder / f"{name}.i64").read_bytes())
    return values


def ema(values, n, seed="first"):
    a = 2.0 / (n + 1)
    b = 1.0 - a
    skipped = 0 if seed == "first" else n - 1
    e = sum(values[: skipped + 1]) / (skipped + 1)
    out = [float("nan")] * skipped + [e]
    for x in values[skipped + 1 :]:
        e = a * x + b * e
        out.append(e)
    return out


def cross(fast, slow, warm, buy, sell, last, quantity, shift):
    """The account after the orders of fast against slow, filled `shift` rows later at the ticks of buy and sell."""
    cash, position, fills, fees = 1_000_000 * UNIT, 0, 0, 0
    for i in range(warm - 1, len(fast) - shift):
        if fast[i] > slow[i] and position == 0:
            value = quantity * buy[i + shift]
            cash, fees, position, fills = cash - value * 1001, fees + value, quantity, fills + 1
        elif fast[i] < slow[i] and position:
            value = quantity * sell[i + shift]
            cash, fees, position, fills = cash + value * 999, fees + value, 0, fills + 1
    equity = cash + position * last * 1000
    account = dict(fills=fills, closed_trades=fills // 2, position=position)
    return account | dict(cash=cash / UNIT, fees=fees / UNIT, equity=equity / UNIT)


def bars(n, convention):
    """W1 over the first n bars."""
    o, c = column("bars_1m.open")[:n], column("bars_1m.close")[:n]
    closes = [x / 100.0 for x in c]
    seed = "mean" if convention.endswith("sma_seed") else "first"
    price, shift = (c, 0) if convention == "same_close" else (o, 1)
    return cross(ema(closes, 10, seed), ema(closes, 30, seed), 30, price, price, c[-1], 10, shift)


def quotes(n, every):
    """W2a (every quote) or W2b (every hundredth) over the first n quotes."""
    bid, ask = column("quotes_5m.bid")[:n], column("quotes_5m.ask")[:n]
    last, bid, ask = bid[-1], bid[every - 1 :: every], ask[every - 1 :: every]
    mid = [(b + a) / 200.0 for b, a in zip(bid, ask)]
    return cross(ema(mid, 10), ema(mid, 30), 30, ask, bid, last, 1, 0)


def sweep(n=100_000):
    """W3: every fast with every slow average over the first n bars."""
    o, c = column("bars_1m.open")[:n], column("bars_1m.close")[:n]
    closes = [x / 100.0 for x in c]
    averages = {length: ema(closes, length) for length in (*FAST, *SLOW)}
    rows = []
    for fast in FAST:
        for slow in SLOW:
            account = cross(averages[fast], averages[slow], slow, o, o, c[-1], 10, 1)
            rows.append((fast, slow, account["fills"], account["equity"]))
    text = "".join(f"{fast},{slow},{fills},{equity:.5f}\n" for fast, slow, fills, equity in rows)
    return dict(
        total_fills=sum(row[2] for row in rows),
        sum_equity=round(sum(row[3] for row in rows), 5),
        best=max(rows, key=lambda row: row[3]),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def targets(sizing, equity, best, closes, prices):
    """The wanted shares of each name; 95 % of the equity in equal parts over the best."""
    wanted = [0] * len(closes)
    for j in best:
        if sizing == "shares_at_close":
            wanted[j] = 95 * equity // (100 * len(best) * closes[j] * 1000)
        else:
            wanted[j] = 0.95 * equity / len(best) / (prices[j] * 1000)
    return wanted


def momentum(sizing, convention, names=500, best=50, back=252, skip=21, step=21):
    """W4: every `step` days into the names that rose most from `back` to `skip` days ago."""
    o, c = column("daily_500.open"), column("daily_500.close")
    days = range(0, len(o), names)
    opens, closes = [o[i : i + names] for i in days], [c[i : i + names] for i in days]
    cash, position, fills, fees, rebalances = 10_000_000 * UNIT, [0] * names, 0, 0, 0
    for t in range(back, len(closes) - 1, step):
        rebalances += 1
        rise = [now / then for now, then in zip(closes[t - skip], closes[t - back])]
        top = sorted(range(names), key=lambda j: (-rise[j], j))[:best]  # of equals the lower symbol first
        prices = opens[t + 1] if convention == "next_open" else closes[t]
        seen = closes[t] if sizing == "shares_at_close" else prices
        equity = cash + sum(held * price * 1000 for held, price in zip(position, seen))
        wanted = targets(sizing, equity, top, closes[t], prices)
        for side in (-1, 1):  # sells first
            for j in range(names):
                change = wanted[j] - position[j]
                if change * side > 0:
                    value = abs(change) * prices[j]
                    cash += -change * prices[j] * 1000 - value
                    fees, position[j], fills = fees + value, wanted[j], fills + 1
    equity = cash + sum(held * price * 1000 for held, price in zip(position, closes[-1]))
    return dict(rebalances=rebalances, fills=fills, fees=fees / UNIT, cash=cash / UNIT, equity=equity / UNIT)


def partial():
    """Shorter runs, for peers that take too long over all rows, and backtrader's own average."""
    out = {}
    for n in (50_000, 100_000, 200_000):
        for convention in ("same_close", "next_open"):
            out[f"W1/{n}/{convention}"] = bars(n, convention)
    for n in (100_000, 1_000_000):
        out[f"W1/{n}/next_open_sma_seed"] = bars(n, "next_open_sma_seed")
    for n in (100_000, 300_000, 500_000, 2_000_000):
        out[f"W2a/{n}/same_quote"] = quotes(n, 1)
        out[f"W2b/{n}/same_quote"] = quotes(n, 100)
    return out


WORKLOADS = {
    "W1": lambda: dict(params=W1) | {name: bars(None, name) for name in ("next_open", "same_close")},
    "W3": lambda: dict(params=W3) | sweep(),
    "W2a": lambda: dict(params=W2A, same_quote=quotes(None, 1) | dict(marked_at="last bid")),
    "W2b": lambda: dict(params=W2B, same_quote=quotes(None, 100) | dict(marked_at="last bid")),
    "W4": lambda: dict(params=W4)
    | {
        f"{sizing}__{fill}": momentum(sizing, fill)
        for sizing, fill in (
            ("shares_at_close", "next_open"),
            ("shares_at_close", "same_close"),
            ("pct_at_fill", "next_open"),
        )
    },
    "partial": partial,
}


def data():
    """Rows and SHA-256 of every column in the folder, set by set."""
    out = {}
    columns = {
        "bars_1m": "ts open high low close volume",
        "quotes_5m": "ts bid ask bid_size ask_size",
        "daily_500": "ts symbol open high low close volume",
    }
    for name, of in columns.items():
        bytes_of = {one: (folder / f"{name}.{one}.i64").read_bytes() for one in of.split()}
        sums = {one: hashlib.sha256(bytes_).hexdigest() for one, bytes_ in bytes_of.items()}
        out[name] = dict(rows=len(bytes_of["ts"]) // 8, sha256_i64_le=sums)
    return out


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    found = {"data": data()} | {name: WORKLOADS[name]() for name in sys.argv[2:] or WORKLOADS}
    print(json.dumps(found, indent=2))
