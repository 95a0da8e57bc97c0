"""Uses a box as any program would: with ccxt, which knows nothing of this project.

box.py VENUE PRODUCT ORIGIN AUTHORITY KEYS

KEYS is a JSON file of [{"key", "secret", "passphrase"}]. Prints a line of JSON for each step; exit code 1 at
the first one that is not as it should be.
"""

import json
import sys
import time

import ccxt

venue, product, origin, authority, keys_file = sys.argv[1:6]
with open(keys_file, encoding="utf-8") as file:
    keys = json.load(file)
spot = product == "spot"
symbol = "BTC/USDT" if spot else "BTC/USDT:USDT"


def pointed_at(urls):
    """The same addresses, at the box."""
    if isinstance(urls, dict):
        return {name: pointed_at(url) for name, url in urls.items()}
    if not isinstance(urls, str):
        return urls
    path = urls.split("://", 1)[-1].partition("/")[2]
    return origin + ("/" + path if path else "")


def client(account):
    options = {"defaultType": "spot" if spot else "swap", "fetchCurrencies": False}
    if venue == "binance":
        options["fetchMarkets"] = {"types": ["spot" if spot else "linear"]}
        options["defaultType"] = "spot" if spot else "future"
        options["fetchMargins"] = False
    made = getattr(ccxt, venue)(
        {
            "apiKey": keys[account]["key"],
            "secret": keys[account]["secret"],
            "password": keys[account]["passphrase"],
            "enableRateLimit": True,
            "options": options,
        }
    )
    made.urls["api"] = pointed_at(made.urls["api"])
    # It hands this on to requests, which takes the path of a certificate for yes.
    made.validateServerSsl = authority
    # Environment proxies are for other hosts.
    made.session.trust_env = False
    return made


def say(step, **what):
    print(json.dumps({"step": step, **what}), flush=True)


def must(condition, step, **what):
    say(step, ok=bool(condition), **what)
    if not condition:
        sys.exit(1)


def refused(kind, step, act):
    try:
        answer = act()
    except kind as error:
        say(step, ok=True, error=str(error)[:160])
        return
    except ccxt.BaseError as error:
        must(False, step, error=f"{type(error).__name__}: {error}"[:300])
    must(False, step, answer=str(answer)[:300])


one, two = client(0), client(1)

markets = one.load_markets()
must(symbol in markets, "load_markets", markets=sorted(markets))
market = one.market(symbol)
must(market["precision"]["price"] and market["limits"]["amount"]["min"], "filters", limits=market["limits"]["amount"])
contract = market["contractSize"] or 1

ahead = abs(one.fetch_time() - time.time() * 1000)
must(ahead < 5000, "fetch_time", milliseconds=ahead)

bars = one.fetch_ohlcv(symbol, "1m", limit=100)
must(
    len(bars) == 100 and all(b[0] - a[0] == 60000 for a, b in zip(bars, bars[1:])),
    "fetch_ohlcv",
    bars=len(bars),
    last=bars[-1],
)
hours = one.fetch_ohlcv(symbol, "1h", since=bars[-1][0] - 48 * 3600000, limit=24)
must(len(hours) >= 12 and hours[0][0] % 3600000 == 0, "fetch_ohlcv_hours", bars=len(hours))

book = one.fetch_order_book(symbol, limit=20)
bid, ask = book["bids"][0][0], book["asks"][0][0]
must(len(book["bids"]) >= 10 and bid < ask, "fetch_order_book", bid=bid, ask=ask)

balance = one.fetch_balance()
must(balance["USDT"]["total"] == 100000, "fetch_balance", usdt=balance["USDT"])

# 0.02 BTC, in the venue's own units.
amount = float(one.amount_to_precision(symbol, 0.02 / contract))
far = float(one.price_to_precision(symbol, bid * 0.9))

order = one.create_order(symbol, "limit", "buy", amount, far)
must(order["id"], "create_limit", id=order["id"])
# ccxt wants it said that Bybit knows only the latest orders.
latest = {"acknowledged": True} if venue == "bybit" else {}
seen = one.fetch_order(order["id"], symbol, latest)
must(
    seen["status"] == "open" and seen["price"] == far and seen["amount"] == amount,
    "fetch_order",
    order={name: seen[name] for name in ("status", "price", "amount", "filled")},
)
listed = one.fetch_open_orders(symbol)
must([found["id"] for found in listed] == [order["id"]], "fetch_open_orders", orders=len(listed))
must(two.fetch_open_orders(symbol) == [], "another_account_sees_nothing")
refused(ccxt.OrderNotFound, "another_account_cancels_nothing", lambda: two.cancel_order(order["id"], symbol))

farther = float(one.price_to_precision(symbol, bid * 0.88))
edited = one.edit_order(order["id"], symbol, "limit", "buy", amount, farther)
listed = one.fetch_open_orders(symbol)
must(len(listed) == 1 and listed[0]["price"] == farther, "edit_order", price=[found["price"] for found in listed])
order = listed[0]
one.cancel_order(order["id"], symbol)
must(one.fetch_open_orders(symbol) == [], "cancel_order")
refused(ccxt.OrderNotFound, "cancel_again", lambda: one.cancel_order(order["id"], symbol))
ended = one.fetch_order(order["id"], symbol, latest)
must(ended["status"] == "canceled", "fetch_cancelled", status=ended["status"])


bought = one.create_order(symbol, "market", "buy", amount)
time.sleep(0.5)
trades = one.fetch_my_trades(symbol)
filled = sum(trade["amount"] for trade in trades)
must(
    trades and abs(filled - amount) < 1e-9 and trades[0]["side"] == "buy" and trades[0]["fee"]["cost"] > 0,
    "fetch_my_trades",
    trades=len(trades),
    filled=filled,
    fee=trades[0]["fee"] if trades else None,
)
must(two.fetch_my_trades(symbol) == [], "another_account_has_no_trades")

if spot:
    coins = one.fetch_balance()["BTC"]
    must(abs(coins["total"] - amount) < 1e-9, "fetch_balance_coins", btc=coins)
    # Orders that wait for a price.
    trigger = float(one.price_to_precision(symbol, bid * 0.95))
    limit = float(one.price_to_precision(symbol, bid * 0.94))
    price = "stopLossPrice" if venue == "okx" else "triggerPrice"
    stop = one.create_order(symbol, "limit", "sell", amount, limit, {price: trigger})
else:
    positions = [found for found in one.fetch_positions([symbol]) if found["contracts"]]
    must(
        len(positions) == 1 and positions[0]["side"] == "long" and abs(positions[0]["contracts"] - amount) < 1e-9,
        "fetch_positions",
        positions=[(found["side"], found["contracts"], found["entryPrice"]) for found in positions],
    )
    must([found for found in two.fetch_positions([symbol]) if found["contracts"]] == [], "another_account_is_flat")
    trigger = float(one.price_to_precision(symbol, bid * 0.95))
    extra = {"reduceOnly": True}
    if venue == "okx":
        extra |= {"stopLossPrice": trigger}
    elif venue == "bybit":
        extra |= {"triggerPrice": trigger, "triggerDirection": "descending"}
    else:
        extra |= {"stopLossPrice": trigger}
    stop = one.create_order(symbol, "market", "sell", amount, None, extra)
must(stop["id"], "create_stop", id=stop["id"])
waits = {"trigger": True} if venue != "binance" or not spot else {}
if venue == "okx":
    waits["ordType"] = "conditional"
listed = one.fetch_open_orders(symbol, params=waits)
must(
    len(listed) == 1 and abs(float(listed[0]["triggerPrice"] or listed[0]["stopLossPrice"] or 0) - trigger) < 1e-6,
    "fetch_open_stops",
    orders=[(found["id"], found["triggerPrice"]) for found in listed],
)
one.cancel_order(stop["id"], symbol, waits)
must(one.fetch_open_orders(symbol, params=waits) == [], "cancel_stop")

close = {} if spot else {"reduceOnly": True}
one.create_order(symbol, "market", "sell", amount, None, close)
time.sleep(0.5)
if spot:
    must(not one.fetch_balance().get("BTC", {}).get("total"), "sold")
    refused(ccxt.InsufficientFunds, "sell_what_is_not_there", lambda: one.create_order(symbol, "market", "sell", amount))
else:
    must([found for found in one.fetch_positions([symbol]) if found["contracts"]] == [], "closed")
must(len(one.fetch_my_trades(symbol)) == 2, "both_trades")

if venue == "okx" and not spot:
    # ccxt sends such a stop within the order; it is an order of its own once that one is filled.
    attached = {"stopLoss": {"triggerPrice": trigger}}
    one.create_order(symbol, "limit", "buy", amount, far, attached)
    must(one.fetch_open_orders(symbol, params=waits) == [], "attached_stop_waits_for_its_order")
    for found in one.fetch_open_orders(symbol):
        one.cancel_order(found["id"], symbol)
    one.create_order(symbol, "market", "buy", amount, None, attached)
    time.sleep(0.5)
    listed = one.fetch_open_orders(symbol, params=waits)
    must(
        len(listed) == 1
        and listed[0]["side"] == "sell"
        and abs(float(listed[0]["triggerPrice"] or listed[0]["stopLossPrice"] or 0) - trigger) < 1e-6,
        "attached_stop_stands",
        orders=[(found["id"], found["side"], found["amount"]) for found in listed],
    )
    one.create_order(symbol, "market", "sell", amount, None, close)
    one.cancel_order(listed[0]["id"], symbol, waits)
    must(one.fetch_open_orders(symbol, params=waits) == [], "attached_stop_is_taken_back")
if venue == "bybit" and not spot:
    # ccxt sends such a stop within the order; one that would stand without it must not stand.
    attached = {"stopLoss": {"triggerPrice": trigger}}
    refused(
        ccxt.BadRequest,
        "attached_stops_are_refused",
        lambda: one.create_order(symbol, "limit", "buy", amount, far, attached),
    )
    must(one.fetch_open_orders(symbol) == [], "nothing_stands")

wrong = client(0)
wrong.secret = "0" * len(wrong.secret)
refused(ccxt.AuthenticationError, "wrong_signature", wrong.fetch_balance)

late = client(0)
late.load_markets()
# Its own pauses are counted by the same clock.
late.enableRateLimit = False
clock = late.milliseconds
late.milliseconds = lambda: clock() - 120000
if venue == "okx":
    late.nonce = late.milliseconds
refused((ccxt.InvalidNonce, ccxt.AuthenticationError), "clock_skew", late.fetch_balance)
say("done", ok=True)
