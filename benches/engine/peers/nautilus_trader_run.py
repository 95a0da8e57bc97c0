"""nautilus_trader (the Cython engine of the Python package): W1 at the close, W2a by quotes, W2b by bars of 100 quotes
that it makes itself, W4 in whole shares at the close."""

from decimal import Decimal

import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, PriceType
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler, QuoteTickDataWrangler
from nautilus_trader.trading.strategy import Strategy, StrategyConfig

from measure import Clock, asked, columns, refuse, rows, say

VENUE = Venue("SIM")
MINUTE, DAY = 60_000_000_000, 86_400_000_000_000
BARS = ("open", "high", "low", "close")


def instrument(name):
    symbol, rate = Symbol(f"{name}USDT"), Decimal("0.001")
    return CurrencyPair(
        instrument_id=InstrumentId(symbol, VENUE), raw_symbol=symbol, base_currency=BTC, quote_currency=USDT,
        price_precision=2, price_increment=Price.from_str("0.01"),
        size_precision=0, size_increment=Quantity.from_int(1), lot_size=None,
        max_quantity=None, min_quantity=None, max_notional=None, min_notional=None, max_price=None, min_price=None,
        margin_init=Decimal("0.01"), margin_maint=Decimal("0.01"), maker_fee=rate, taker_fee=rate,
        ts_event=0, ts_init=0,
    )  # fmt: skip


class Cross(Strategy):
    def __init__(self, pair, quantity, bars=None):
        super().__init__(StrategyConfig())
        self.pair, self.quantity, self.bars = pair, Quantity.from_int(quantity), bars
        self.held, self.fills = False, 0
        self.fast, self.slow = (ExponentialMovingAverage(n, PriceType.MID) for n in (10, 30))

    def on_start(self):
        for average in (self.fast, self.slow):
            if self.bars is None:
                self.register_indicator_for_quote_ticks(self.pair.id, average)
            else:
                self.register_indicator_for_bars(self.bars, average)
        if self.bars is None:
            self.subscribe_quote_ticks(self.pair.id)
        else:
            self.subscribe_bars(self.bars)

    def decide(self):
        if not self.slow.initialized:
            return
        fast, slow = self.fast.value, self.slow.value
        if fast > slow and not self.held:
            self.trade(OrderSide.BUY)
        elif fast < slow and self.held:
            self.trade(OrderSide.SELL)

    def trade(self, side):
        self.held = not self.held
        self.submit_order(self.order_factory.market(self.pair.id, side, self.quantity))

    def on_bar(self, bar):
        self.decide()

    def on_quote_tick(self, tick):
        self.decide()

    def on_order_filled(self, event):
        self.fills += 1


class Momentum(Strategy):
    """Decides once a day, when the last of the 500 bars has come; keeps what it holds and paid by itself."""

    def __init__(self, pairs, bars, closes):
        super().__init__(StrategyConfig())
        self.pairs, self.bars, self.closes = pairs, bars, closes
        self.seen, self.fills = 0, 0
        self.held, self.paid = np.zeros(500, np.int64), np.zeros(500)

    def on_start(self):
        for bars in self.bars:
            self.subscribe_bars(bars)

    def unrealised(self, t):
        return float(self.held @ (self.closes[t] - self.paid))

    def on_bar(self, bar):
        self.seen += 1
        day, rest = divmod(self.seen, 500)
        if rest == 0:
            self.decide(day - 1)

    def decide(self, t):
        if t < 252 or (t - 252) % 21 or t >= len(self.closes) - 1:
            return
        best = np.argsort(-(self.closes[t - 21] / self.closes[t - 252]), kind="stable")[:50]
        equity = self.portfolio.account(VENUE).balance_total(USDT).as_double() + self.unrealised(t)
        wanted = np.zeros(500, np.int64)
        wanted[best] = (0.95 * equity / 50 // self.closes[t][best]).astype(np.int64)
        change = wanted - self.held
        for side, sign in ((OrderSide.SELL, -1), (OrderSide.BUY, 1)):
            for j in np.nonzero(change * sign > 0)[0]:
                size = Quantity.from_int(int(abs(change[j])))
                self.submit_order(self.order_factory.market(self.pairs[j].id, side, size))

    def on_order_filled(self, event):
        self.fills += 1
        j, size, price = int(event.instrument_id.symbol.value[1:-4]), int(event.last_qty), event.last_px.as_double()
        if event.order_side == OrderSide.BUY:
            self.paid[j] = (self.paid[j] * self.held[j] + price * size) / (self.held[j] + size)
            self.held[j] += size
        else:
            self.held[j] -= size


def add_bars(engine):
    ts, *prices = columns("bars_1m", "ts", *BARS)
    pair = instrument("BTC")
    engine.add_instrument(pair)
    bars = BarType.from_str(f"{pair.id}-1-MINUTE-LAST-EXTERNAL")
    frame = pd.DataFrame(dict(zip(BARS, prices), volume=1e6), pd.to_datetime(ts + MINUTE, utc=True))
    engine.add_data(BarDataWrangler(bars, pair).process(frame))
    return Cross(pair, 10, bars), prices[-1][-1]


def add_quotes(engine):
    names = ("bid", "ask", "bid_size", "ask_size")
    ts, *values = columns("quotes_5m", "ts", *names)
    pair = instrument("BTC")
    engine.add_instrument(pair)
    frame = pd.DataFrame(dict(zip(names, values)), pd.to_datetime(ts, utc=True)).astype(float)
    frame = frame.rename(columns=dict(bid="bid_price", ask="ask_price"))
    engine.add_data(QuoteTickDataWrangler(pair).process(frame))
    bars = BarType.from_str(f"{pair.id}-100-TICK-MID-INTERNAL") if asked.workload == "W2b" else None
    return Cross(pair, 1, bars), values[0][-1]


def add_days(engine):
    """All bars in one batch: sorting 500 batches raises a TypeError in 1.221.0."""
    ts, *prices = columns("daily_500", "ts", *BARS)
    pairs, types, every = [], [], []
    index = pd.to_datetime(ts[::500] + DAY, utc=True)
    for j in range(500):
        pairs.append(instrument(f"S{j}"))
        types.append(BarType.from_str(f"{pairs[j].id}-1-DAY-LAST-EXTERNAL"))
        engine.add_instrument(pairs[j])
        frame = pd.DataFrame(dict(zip(BARS, (price[j::500] for price in prices)), volume=1e9), index)
        every += BarDataWrangler(types[j], pairs[j]).process(frame)
    engine.add_data(every)
    return Momentum(pairs, types, prices[-1].reshape(-1, 500)), None


add = {
    ("W1", "same_close"): add_bars,
    ("W2a", "same_quote"): add_quotes,
    ("W2b", "same_quote"): add_quotes,
    ("W4", "shares_at_close__same_close"): add_days,
}.get((asked.workload, asked.convention), lambda _: refuse())
quiet = LoggingConfig(bypass_logging=True)
unchecked = RiskEngineConfig(bypass=True)
config = BacktestEngineConfig(trader_id=TraderId("T-1"), logging=quiet, risk_engine=unchecked, run_analysis=False)
engine = BacktestEngine(config)
cash = Money(10_000_000 if asked.workload == "W4" else 1_000_000, USDT)
account = dict(base_currency=USDT, starting_balances=[cash], default_leverage=Decimal(100))
engine.add_venue(VENUE, OmsType.NETTING, AccountType.MARGIN, **account)
strategy, last = add(engine)
engine.add_strategy(strategy)
with Clock() as clock:
    engine.run()
equity = engine.portfolio.account(VENUE).balance_total(USDT).as_double()
if last is None:
    equity += strategy.unrealised(-1)
else:
    marked = (one.unrealized_pnl(Price(last, 2)) for one in engine.cache.positions_open())
    equity += sum(one.as_double() for one in marked)
say("nautilus_trader", clock, strategy.fills, equity)
