"""hftbacktest: W2a by quotes, no latency, immediate-or-cancel at the touch. A quote is four events of the book: the
old levels go, the new ones come. Its loop is compiled on a thousand quotes before the clock."""

import numpy as np
from hftbacktest import BUY_EVENT, DEPTH_EVENT, EXCH_EVENT, LOCAL_EVENT, SELL_EVENT
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.order import IOC, LIMIT
from hftbacktest.types import event_dtype
from numba import njit

from measure import Clock, asked, columns, refuse, rows, say

HOUR, NEW_FEED = 3_600_000_000_000, 2


def events():
    ts, bid, ask, bid_size, ask_size = columns("quotes_5m", "ts", "bid", "ask", "bid_size", "ask_size")
    out = np.zeros(4 * rows, event_dtype)
    gone_bid, gone_ask = np.r_[bid[0], bid[:-1]], np.r_[ask[0], ask[:-1]]
    gone = ((SELL_EVENT, gone_ask, 0.0), (BUY_EVENT, gone_bid, 0.0))
    come = ((BUY_EVENT, bid, bid_size), (SELL_EVENT, ask, ask_size))
    for k, (side, price, size) in enumerate(gone + come):
        out["ev"][k::4] = EXCH_EVENT | LOCAL_EVENT | DEPTH_EVENT | side
        out["exch_ts"][k::4], out["local_ts"][k::4] = ts, ts
        out["px"][k::4], out["qty"][k::4] = price, size
    return out, bid[-1]


@njit
def run(market):
    fast_part, slow_part = 2.0 / 11.0, 2.0 / 31.0
    fast, slow, seen, orders, held = 0.0, 0.0, 0, 0, False
    while market.wait_next_feed(False, HOUR) == NEW_FEED:
        book = market.depth(0)
        mid = (book.best_bid + book.best_ask) / 2.0
        fast = mid if seen == 0 else fast_part * mid + (1 - fast_part) * fast
        slow = mid if seen == 0 else slow_part * mid + (1 - slow_part) * slow
        seen += 1
        if seen < 30:
            continue
        if fast > slow and not held:
            orders, held = orders + 1, True
            market.submit_buy_order(0, orders, book.best_ask, 1.0, IOC, LIMIT, True)
            market.clear_inactive_orders(0)
        elif fast < slow and held:
            orders, held = orders + 1, False
            market.submit_sell_order(0, orders, book.best_bid, 1.0, IOC, LIMIT, True)
            market.clear_inactive_orders(0)
    return seen, orders


def market_of(feed):
    asset = BacktestAsset().data(feed).linear_asset(1.0).constant_order_latency(0, 0).risk_adverse_queue_model()
    asset = asset.no_partial_fill_exchange().trading_value_fee_model(0.001, 0.001).tick_size(0.01).lot_size(1.0)
    return HashMapMarketDepthBacktest([asset])


if (asked.workload, asked.convention) != ("W2a", "same_quote"):
    refuse()
feed, last = events()
with Clock() as cold:
    run(market_of(feed[:4000].copy()))
market = market_of(feed)
with Clock() as clock:
    quotes, orders = run(market)
state = market.state_values(0)
equity = 1_000_000 + state.balance + state.position * last - state.fee
more = dict(quotes=int(quotes), orders=int(orders), cold_cpu_s=round(cold.cpu, 2))
say("hftbacktest", clock, state.num_trades, equity, **more)
market.close()
