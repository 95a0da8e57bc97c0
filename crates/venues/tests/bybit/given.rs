//! Anything that this venue can be asked and can say.

use crate::world::{NOW_MS, at};
use engine::{
    live::{
        Answer, Balance, Book, Call, Cause, ClientId, FillReport, KeyScope, Mode, NewOrder,
        OrderRef, OrderReport, OrderState, Permission, PositionReport, Refused, RefusedKind, Scope,
        Unknown, VenueId,
    },
    order::{Amendment, OrderKind, Restrictions, Ticket, TimeInForce},
};
use market::{Currency, Money, Price, Product, Quantity, Side, Timestamp};
use portfolio::{InstrumentId, Leg, Liquidity};
use proptest::{option, prelude::*};

pub fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

pub fn price() -> impl Strategy<Value = Price> {
    (1..10_i64.pow(12)).prop_map(Price)
}

pub fn lots() -> impl Strategy<Value = Quantity> {
    (1..10_u64.pow(12)).prop_map(Quantity)
}

pub fn time() -> impl Strategy<Value = Timestamp> {
    (1..NOW_MS).prop_map(at)
}

/// A moment of the last month.
fn lately() -> impl Strategy<Value = Timestamp> {
    (0..2_592_000_000_i64).prop_map(|ago| at(NOW_MS - ago))
}

pub fn client() -> impl Strategy<Value = ClientId> {
    "[a-z0-9A-Z_-]{1,36}".prop_map(|name| name.parse().expect("plain"))
}

pub fn venue() -> impl Strategy<Value = VenueId> {
    "[a-f0-9-]{1,36}".prop_map(|name| name.parse().expect("plain"))
}

/// The numbers of [`crate::world::roster`] by product.
pub fn instrument(product: Product) -> impl Strategy<Value = InstrumentId> {
    let numbers = if product == Product::Spot { [1_u32, 3, 5] } else { [0, 2, 4] };
    (0..3_usize).prop_map(move |place| InstrumentId(numbers[place]))
}

pub fn kind(product: Product) -> impl Strategy<Value = OrderKind> {
    let spot = product == Product::Spot;
    (0..6_u8, price(), price()).prop_map(move |(kind, trigger, price)| match kind {
        0 => OrderKind::Market,
        2 => OrderKind::Stop { trigger },
        3 => OrderKind::StopLimit { trigger, price },
        4 if !spot => OrderKind::Touched { trigger },
        5 if !spot => OrderKind::TouchedLimit { trigger, price },
        _ => OrderKind::Limit { price },
    })
}

pub fn leg(product: Product, mode: Mode) -> impl Strategy<Value = Leg> {
    let hedged = product == Product::Perpetual && mode == Mode::Hedge;
    any::<bool>().prop_map(move |long| match (hedged, long) {
        (false, _) => Leg::Net,
        (true, true) => Leg::Long,
        (true, false) => Leg::Short,
    })
}

/// An order as the venue can be asked for it: what has no words there is left out.
pub fn new_order(product: Product, mode: Mode) -> impl Strategy<Value = NewOrder> {
    let head = (instrument(product), side(), lots(), kind(product), leg(product, mode));
    (head, client(), 0..4_u8, any::<bool>(), any::<bool>()).prop_map(
        move |((instrument, side, quantity, kind, leg), client, lasting, reduces, whole)| {
            let limit = kind.limit().is_some();
            let (tif, post_only) = match lasting {
                1 => (TimeInForce::ImmediateOrCancel, false),
                2 if limit => (TimeInForce::FillOrKill, false),
                3 if limit => (TimeInForce::GoodTillCancelled, true),
                _ => (TimeInForce::GoodTillCancelled, false),
            };
            let perpetual = product == Product::Perpetual;
            let whole = whole
                && perpetual
                && matches!(kind, OrderKind::Stop { .. } | OrderKind::Touched { .. });
            let when = |so: bool, what| if so { what } else { Restrictions::NONE };
            let restrictions = when(post_only, Restrictions::POST_ONLY)
                .with(when(perpetual && (reduces || whole), Restrictions::REDUCE_ONLY));
            let quantity = if whole { Quantity::ZERO } else { quantity };
            let scope = if whole { Scope::Position } else { Scope::Size };
            let ticket = Ticket::market(instrument, side, quantity).of(kind).lasting(tif);
            NewOrder { client, ticket: Ticket { restrictions, leg, ..ticket }, scope, stop: None }
        },
    )
}

pub fn order_ref(product: Product) -> impl Strategy<Value = OrderRef> {
    (instrument(product), client(), option::of(venue()), any::<bool>()).prop_map(
        move |(instrument, client, venue, waits)| OrderRef {
            instrument,
            client: Some(client),
            venue,
            conditional: waits && product == Product::Spot,
        },
    )
}

fn book() -> impl Strategy<Value = Book> {
    prop_oneof![Just(Book::Both), Just(Book::Plain), Just(Book::Conditional)]
}

/// Calls of one request each, as they can be read back.
pub fn call(product: Product, mode: Mode) -> BoxedStrategy<Call> {
    let amendment = (option::of(lots()), option::of(price()), option::of(price()))
        .prop_map(|(quantity, price, trigger)| Amendment { quantity, price, trigger });
    let of = move || option::of(instrument(product));
    let query = order_ref(product).prop_map(|of| {
        // The venue's number is enough, and has the last word.
        let client = if of.venue.is_some() { None } else { of.client };
        Call::Order(OrderRef { client, conditional: false, ..of })
    });
    let common = prop_oneof![
        6 => new_order(product, mode).prop_map(Call::Place),
        2 => order_ref(product).prop_map(Call::Cancel),
        2 => (order_ref(product), amendment).prop_map(|(of, change)| {
            Call::Amend(OrderRef { conditional: false, ..of }, change, None)
        }),
        1 => (of(), book()).prop_map(move |(of, book)| {
            let one = product == Product::Spot && book == Book::Both;
            Call::CancelAll(of, if one { Book::Plain } else { book })
        }),
        2 => query,
        1 => (of(), book()).prop_map(|(of, book)| Call::OpenOrders(of, book)),
        1 => (instrument(product), lately()).prop_map(|(instrument, since)| {
            Call::Fills { instrument, since, after: None }
        }),
        1 => prop_oneof![Just(Call::Balances), Just(Call::KeyScope)],
    ];
    if product == Product::Spot {
        return common.boxed();
    }
    let linear = prop_oneof![
        Just(Call::Positions),
        Just(Call::Mode),
        Just(Call::SetMode(Mode::OneWay)),
        Just(Call::SetMode(Mode::Hedge)),
        (instrument(product), 1..=100_u32).prop_map(|(id, by)| Call::SetLeverage(id, by)),
    ];
    prop_oneof![4 => common, 1 => linear].boxed()
}

fn cause() -> impl Strategy<Value = Cause> {
    prop_oneof![
        Just(Cause::Owner),
        Just(Cause::Liquidation),
        Just(Cause::Deleveraging),
        Just(Cause::Settlement),
    ]
}

fn state(waits: bool) -> impl Strategy<Value = OrderState> {
    prop_oneof![
        Just(if waits { OrderState::Waiting } else { OrderState::Working }),
        Just(if waits { OrderState::Triggered } else { OrderState::Working }),
        Just(OrderState::Working),
        Just(OrderState::Filled),
        Just(OrderState::Cancelled),
        Just(OrderState::Rejected),
    ]
}

pub fn order_report(product: Product, mode: Mode) -> impl Strategy<Value = OrderReport> {
    let order = new_order(product, mode);
    order.prop_flat_map(|order| {
        let waits = order.ticket.kind.trigger().is_some();
        let most = order.ticket.quantity.0;
        let names = (option::of(Just(order.client)), option::of(venue()));
        let rest = (option::of(0..=most), state(waits), cause(), time());
        (names, rest).prop_map(move |((client, venue), (filled, state, cause, time))| {
            let ticket = order.ticket;
            OrderReport {
                client,
                venue,
                instrument: ticket.instrument,
                side: ticket.side,
                leg: ticket.leg,
                kind: ticket.kind,
                restrictions: ticket.restrictions,
                quantity: ticket.quantity,
                filled: filled.map(Quantity),
                state,
                cause,
                time,
            }
        })
    })
}

pub fn money() -> impl Strategy<Value = Money> {
    (0..10_i128.pow(18)).prop_map(Money)
}

fn currency() -> impl Strategy<Value = Currency> {
    prop_oneof![Just(Currency::USDT), Just("BTC".parse().expect("a coin"))]
}

pub fn fill_report(product: Product, mode: Mode) -> impl Strategy<Value = FillReport> {
    let order = (option::of(client()), option::of(venue()), instrument(product), side());
    let trade = (price(), lots(), -1_000_000..1_000_000_i128, currency(), any::<bool>());
    ("[0-9a-f-]{1,36}", order, trade, leg(product, mode), cause(), time()).prop_map(
        |(id, (client, venue, instrument, side), trade, leg, cause, time)| {
            let (price, quantity, fee, currency, maker) = trade;
            FillReport {
                trade: id.parse().expect("plain"),
                client,
                venue,
                instrument,
                side,
                leg,
                price,
                quantity,
                fee: Money(fee),
                fee_currency: Some(currency),
                liquidity: if maker { Liquidity::Maker } else { Liquidity::Taker },
                cause,
                time,
            }
        },
    )
}

pub fn position_report(mode: Mode) -> impl Strategy<Value = PositionReport> {
    let product = Product::Perpetual;
    let body = (lots(), option::of(price()), option::of(price()), option::of(1..=100_u32));
    (instrument(product), leg(product, mode), any::<bool>(), body, time()).prop_map(
        |(instrument, leg, short, (lots, entry, liquidation, leverage), time)| {
            let lots = i64::try_from(lots.0).expect("small");
            let short = match leg {
                Leg::Net => short,
                Leg::Long => false,
                Leg::Short => true,
            };
            let lots = if short { -lots } else { lots };
            PositionReport { instrument, leg, lots, entry, liquidation, leverage, time }
        },
    )
}

pub fn balance() -> impl Strategy<Value = Balance> {
    (currency(), money(), money()).prop_map(|(currency, available, held)| Balance {
        currency,
        total: Money(available.0 + held.0),
        available,
    })
}

fn key_scope() -> impl Strategy<Value = KeyScope> {
    let known = || prop_oneof![Just(Permission::Yes), Just(Permission::No)];
    let end = option::of((1..4_000_000_000_i64).prop_map(|s| at(s * 1000)));
    (known(), known(), prop_oneof![known(), Just(Permission::Unsaid)], end).prop_map(
        |(trade, withdraw, restricted, expires)| KeyScope {
            trade,
            withdraw,
            restricted,
            seen_from: None,
            expires,
        },
    )
}

fn refusal() -> impl Strategy<Value = Answer> {
    let kinds = [
        (RefusedKind::DuplicateName, 110_072),
        (RefusedKind::Balance, 110_007),
        (RefusedKind::Filter, 110_003),
        (RefusedKind::ReduceOnly, 110_017),
        (RefusedKind::WouldTake, 170_218),
        (RefusedKind::WouldTrigger, 110_093),
        (RefusedKind::Clock, 10002),
        (RefusedKind::Key, 10005),
        (RefusedKind::NotTrading, 110_066),
        (RefusedKind::OrderDone, 110_001),
        (RefusedKind::Setup, 110_028),
        (RefusedKind::Busy, 110_079),
        (RefusedKind::Other, 110_020),
    ];
    (0..kinds.len(), "[ -~]{0,60}").prop_map(move |(place, text)| {
        let (kind, code) = kinds[place];
        Answer::Refused(Refused { kind, code, text })
    })
}

/// What can be said to any call.
fn trouble() -> impl Strategy<Value = Answer> {
    prop_oneof![
        refusal(),
        (1..86_400_000_i64).prop_map(|ms| Answer::Throttled { until: at(NOW_MS + ms) }),
        Just(Answer::Unknown(Unknown::Server)),
        Just(Answer::Unknown(Unknown::Garbled)),
    ]
}

/// An answer that fits a call.
pub fn answer(call: &Call, product: Product, mode: Mode) -> BoxedStrategy<Answer> {
    let list = 0..5_usize;
    let fits = match call {
        Call::Place(order) => {
            let order = *order;
            (venue(), time()).prop_map(move |(venue, time)| placed(&order, venue, time)).boxed()
        }
        Call::Order(_) => prop_oneof![
            order_report(product, mode).prop_map(Answer::Order),
            Just(Answer::NotFound),
        ]
        .boxed(),
        Call::OpenOrders(..) => {
            let open =
                order_report(product, mode).prop_filter("works", |one| !one.state.is_final());
            prop::collection::vec(open, list).prop_map(Answer::Orders).boxed()
        }
        Call::Fills { .. } => prop::collection::vec(fill_report(product, mode), list)
            .prop_map(|fills| Answer::Fills { fills, more: false })
            .boxed(),
        Call::Positions => {
            prop::collection::vec(position_report(mode), list).prop_map(Answer::Positions).boxed()
        }
        Call::Balances => prop::collection::vec(balance(), list).prop_map(Answer::Balances).boxed(),
        Call::KeyScope => key_scope().prop_map(Answer::Scope).boxed(),
        Call::Mode => Just(Answer::Mode(mode)).boxed(),
        _ => Just(Answer::Done).boxed(),
    };
    prop_oneof![3 => fits, 1 => trouble()].boxed()
}

fn placed(order: &NewOrder, venue: VenueId, time: Timestamp) -> Answer {
    let ticket = &order.ticket;
    let waits = ticket.kind.trigger().is_some();
    Answer::Order(OrderReport {
        client: Some(order.client),
        venue: Some(venue),
        instrument: ticket.instrument,
        side: ticket.side,
        leg: ticket.leg,
        kind: ticket.kind,
        restrictions: ticket.restrictions,
        quantity: ticket.quantity,
        filled: None,
        state: if waits { OrderState::Waiting } else { OrderState::Working },
        cause: Cause::Owner,
        time,
    })
}
