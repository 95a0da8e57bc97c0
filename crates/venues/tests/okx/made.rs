//! Calls, answers and words as a bot and a venue may say them.

use crate::{NOW, ROSTER};
use engine::{
    live::{
        Answer, AttachedStop, Balance, Book, Call, Cause, ClientId, FillReport, KeyScope, Mode,
        NewOrder, OrderRef, OrderReport, OrderState, Permission, PositionReport, Refused,
        RefusedKind, Scope, Unknown,
    },
    order::{
        Amendment, Distance, OrderKind, Purpose, Restrictions, Shortfall, Ticket, TimeInForce,
    },
};
use market::{Currency, Money, Price, Product, Quantity, Rate, Side, Timestamp};
use portfolio::{InstrumentId, Leg, Liquidity};
use proptest::{collection::vec, option, prelude::*, sample::select};

pub fn instrument(product: Product) -> impl Strategy<Value = InstrumentId> {
    let first = if product == Product::Perpetual { 0 } else { 2 };
    (first..first + 2_u32).prop_map(InstrumentId)
}

pub fn price() -> impl Strategy<Value = Price> {
    (1..10_000_000_000_i64).prop_map(Price)
}

pub fn size() -> impl Strategy<Value = Quantity> {
    (1..1_000_000_000_000_u64).prop_map(Quantity)
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (1_600_000_000_000..1_800_000_000_000_i64).prop_map(|ms| Timestamp::from_nanos(ms * 1_000_000))
}

fn client() -> impl Strategy<Value = ClientId> {
    "[a-zA-Z0-9]{1,32}".prop_map(|text| text.parse().expect("a name"))
}

fn number() -> impl Strategy<Value = engine::live::VenueId> {
    "[1-9][0-9]{3,18}".prop_map(|text| text.parse().expect("a number"))
}

fn side() -> impl Strategy<Value = Side> {
    select(vec![Side::Buy, Side::Sell])
}

fn legs(product: Product, mode: Mode) -> Vec<Leg> {
    if product == Product::Perpetual && mode == Mode::Hedge {
        vec![Leg::Long, Leg::Short]
    } else {
        vec![Leg::Net]
    }
}

/// Kinds of orders that wait.
pub fn waiting() -> impl Strategy<Value = OrderKind> {
    let distance = prop_oneof![
        (1..1_000_000_u64).prop_map(Distance::Ticks),
        (1..1_000_i128).prop_map(|n| Distance::Fraction(Rate(n * 1_000_000_000))),
    ];
    prop_oneof![
        price().prop_map(|trigger| OrderKind::Stop { trigger }),
        price().prop_map(|trigger| OrderKind::Touched { trigger }),
        (price(), price()).prop_map(|(trigger, price)| OrderKind::StopLimit { trigger, price }),
        (price(), price()).prop_map(|(trigger, price)| OrderKind::TouchedLimit { trigger, price }),
        (distance, option::of(price()))
            .prop_map(|(distance, from)| OrderKind::Trailing { distance, from }),
    ]
}

fn meeting() -> impl Strategy<Value = OrderKind> {
    prop_oneof![Just(OrderKind::Market), price().prop_map(|price| OrderKind::Limit { price }),]
}

pub fn kind() -> impl Strategy<Value = OrderKind> {
    prop_oneof![meeting(), waiting()]
}

const fn waits(kind: OrderKind) -> bool {
    !matches!(kind, OrderKind::Market | OrderKind::Limit { .. })
}

const fn closes(leg: Leg, side: Side) -> bool {
    matches!((leg, side), (Leg::Long, Side::Sell) | (Leg::Short, Side::Buy))
}

/// An order that the venue takes, as both ends understand it: a leg's closing side reduces, and what
/// reduces is an exit.
pub fn order(product: Product, mode: Mode) -> impl Strategy<Value = NewOrder> {
    let parts =
        (instrument(product), side(), size(), kind(), select(legs(product, mode)), client());
    let along = (client(), price());
    (parts, any::<[bool; 5]>(), 0..3_u8, along).prop_map(move |(parts, flags, times, along)| {
        let (stop, trigger) = along;
        let (instrument, side, quantity, kind, leg, client) = parts;
        let [reduces, post_only, whole, cut, brings] = flags;
        let perpetual = product == Product::Perpetual;
        // The venue does not say in which coin a trailing purchase is.
        let trails = !perpetual && matches!(kind, OrderKind::Trailing { .. });
        let side = if trails { Side::Sell } else { side };
        let reduces = perpetual && if leg == Leg::Net { reduces } else { closes(leg, side) };
        let is_limit = matches!(kind, OrderKind::Limit { .. });
        let post_only = is_limit && post_only;
        let whole = perpetual
            && whole
            && reduces
            && matches!(kind, OrderKind::Stop { .. } | OrderKind::Touched { .. });
        let tif = match (times, kind) {
            (1, OrderKind::Limit { .. }) if !post_only => TimeInForce::ImmediateOrCancel,
            (2, OrderKind::Limit { .. }) if !post_only => TimeInForce::FillOrKill,
            (1, OrderKind::Market) if perpetual => TimeInForce::ImmediateOrCancel,
            _ => TimeInForce::GoodTillCancelled,
        };
        let mut ticket = Ticket {
            kind,
            tif,
            leg,
            purpose: if reduces { Purpose::Exit } else { Purpose::Entry },
            ..Ticket::market(instrument, side, if whole { Quantity::ZERO } else { quantity })
        };
        if reduces {
            ticket = ticket.restricted(Restrictions::REDUCE_ONLY);
        }
        if post_only {
            ticket = ticket.restricted(Restrictions::POST_ONLY);
        }
        if product == Product::Spot && kind == OrderKind::Market && cut {
            ticket.shortfall = Shortfall::Reduce;
        }
        let brings = brings && perpetual && !reduces && !waits(kind);
        let stop = brings.then_some(AttachedStop { client: stop, trigger });
        NewOrder { client, ticket, scope: if whole { Scope::Position } else { Scope::Size }, stop }
    })
}

/// An order by one of its names.
fn reference(product: Product) -> impl Strategy<Value = OrderRef> {
    let names = prop_oneof![
        client().prop_map(|name| (Some(name), None)),
        number().prop_map(|number| (None, Some(number))),
    ];
    (instrument(product), names, any::<bool>()).prop_map(
        |(instrument, (client, venue), conditional)| OrderRef {
            instrument,
            client,
            venue,
            conditional,
        },
    )
}

pub fn call(product: Product, mode: Mode) -> BoxedStrategy<Call> {
    let amendment = (reference(product), option::of(size()), option::of(price()), price());
    let shared = prop_oneof![
        8 => order(product, mode).prop_map(Call::Place),
        2 => reference(product).prop_map(Call::Cancel),
        2 => amendment.prop_map(|(order, quantity, price, trigger)| {
            let trigger = order.conditional.then_some(trigger);
            let price = if trigger.is_none() && quantity.is_none() {
                Some(price.unwrap_or(Price(1)))
            } else {
                price
            };
            Call::Amend(order, Amendment { quantity, price, trigger }, None)
        }),
        2 => reference(product).prop_map(Call::Order),
        1 => (option::of(instrument(product)), select(vec![Book::Plain, Book::Conditional]))
            .prop_map(|(of, book)| Call::OpenOrders(of, book)),
        1 => (instrument(product), moment())
            .prop_map(|(instrument, since)| Call::Fills { instrument, since, after: None }),
        1 => Just(Call::Balances),
        1 => prop_oneof![Just(0), 10..=120_u32]
            .prop_map(|seconds| Call::Heartbeat { instrument: None, seconds }),
        1 => select(vec![Mode::OneWay, Mode::Hedge]).prop_map(Call::SetMode),
    ];
    if product == Product::Spot {
        return shared.boxed();
    }
    prop_oneof![
        12 => shared,
        1 => Just(Call::Positions),
        1 => (instrument(product), 1..=125_u32).prop_map(|(id, times)| Call::SetLeverage(id, times)),
    ]
    .boxed()
}

/// An order as the venue has it.
pub fn report(
    product: Product,
    kind: impl Strategy<Value = OrderKind>,
) -> impl Strategy<Value = OrderReport> {
    let parts = (
        instrument(product),
        side(),
        select(vec![Leg::Net, Leg::Long, Leg::Short]),
        option::of(client()),
        number(),
        kind,
        size(),
    );
    (parts, any::<[bool; 3]>(), 0..5_usize, 0..4_usize, moment(), 0..=100_u64).prop_map(
        move |(parts, flags, state, cause, time, percent)| {
            let (instrument, side, leg, client, venue, kind, quantity) = parts;
            let leg = if product == Product::Spot { Leg::Net } else { leg };
            let [reduces, post_only, whole] = flags;
            let mut restrictions = Restrictions::NONE;
            if closes(leg, side) || reduces {
                restrictions = restrictions.with(Restrictions::REDUCE_ONLY);
            }
            if post_only && matches!(kind, OrderKind::Limit { .. }) {
                restrictions = restrictions.with(Restrictions::POST_ONLY);
            }
            let waits = waits(kind);
            let whole = whole && matches!(kind, OrderKind::Stop { .. } | OrderKind::Touched { .. });
            let quantity = if whole { Quantity::ZERO } else { quantity };
            let causes = [Cause::Owner, Cause::Liquidation, Cause::Deleveraging, Cause::Settlement];
            let states = if waits {
                [
                    OrderState::Waiting,
                    OrderState::Triggered,
                    OrderState::Cancelled,
                    OrderState::Rejected,
                    OrderState::Waiting,
                ]
            } else {
                [
                    OrderState::Working,
                    OrderState::Filled,
                    OrderState::Cancelled,
                    OrderState::Expired,
                    OrderState::Rejected,
                ]
            };
            OrderReport {
                client,
                venue: Some(venue),
                instrument,
                side,
                leg,
                kind,
                restrictions,
                quantity,
                filled: (!waits).then(|| Quantity(quantity.0 / 100 * percent)),
                state: states[state],
                cause: if waits { Cause::Owner } else { causes[cause] },
                time,
            }
        },
    )
}

pub fn plain(product: Product) -> impl Strategy<Value = OrderReport> {
    report(product, meeting())
}

pub fn conditional(product: Product) -> impl Strategy<Value = OrderReport> {
    report(product, waiting())
}

pub fn fill(of: InstrumentId) -> impl Strategy<Value = FillReport> {
    let names = (number(), option::of(client()), number());
    let terms = (side(), select(vec![Leg::Net, Leg::Long, Leg::Short]), price(), size(), moment());
    let causes = vec![Cause::Owner, Cause::Liquidation, Cause::Deleveraging, Cause::Settlement];
    let rest = (-1_000_000_000_000..1_000_000_000_000_i128, any::<bool>(), select(causes));
    (names, terms, rest).prop_map(move |(names, terms, (fee, makes, cause))| {
        let (trade, client, venue) = names;
        let (side, leg, price, quantity, time) = terms;
        FillReport {
            trade,
            client,
            venue: Some(venue),
            instrument: of,
            side,
            leg,
            price,
            quantity,
            fee: Money(fee),
            fee_currency: Some(Currency::USDT),
            liquidity: if makes { Liquidity::Maker } else { Liquidity::Taker },
            cause,
            time,
        }
    })
}

pub fn position() -> impl Strategy<Value = PositionReport> {
    let legs = select(vec![Leg::Net, Leg::Long, Leg::Short]);
    let prices = (option::of(price()), option::of(price()), option::of(1..=125_u32));
    (instrument(Product::Perpetual), legs, 1..1_000_000_000_i64, any::<bool>(), prices, moment())
        .prop_map(|(instrument, leg, lots, short, (entry, liquidation, leverage), time)| {
            let short = leg == Leg::Short || (leg == Leg::Net && short);
            let lots = if short { -lots } else { lots };
            PositionReport { instrument, leg, lots, entry, liquidation, leverage, time }
        })
}

pub fn balance() -> impl Strategy<Value = Balance> {
    (select(vec!["USDT", "BTC", "1INCH"]), 0..1_i128 << 70, 0..=100_i128).prop_map(
        |(coin, total, percent)| Balance {
            currency: coin.parse().expect("a coin"),
            total: Money(total),
            available: Money(total / 100 * percent),
        },
    )
}

/// What the venue may say to any call.
pub fn trouble() -> impl Strategy<Value = Answer> {
    let codes = vec![
        (RefusedKind::Balance, 51_008),
        (RefusedKind::Filter, 51_121),
        (RefusedKind::ReduceOnly, 51_169),
        (RefusedKind::WouldTrigger, 51_280),
        (RefusedKind::NotTrading, 51_022),
        (RefusedKind::OrderDone, 51_400),
        (RefusedKind::Setup, 51_010),
        (RefusedKind::DuplicateName, 51_016),
        (RefusedKind::Busy, 50_046),
        (RefusedKind::Other, 51_009),
    ];
    prop_oneof![
        (select(codes), "[ -~]{0,200}").prop_map(|((kind, code), text)| Answer::Refused(Refused {
            kind,
            code,
            text
        })),
        Just(Answer::NotFound),
        Just(Answer::Unknown(Unknown::Server)),
        Just(Answer::Unknown(Unknown::Garbled)),
        (1..600_i64).prop_map(|seconds| Answer::Throttled {
            until: NOW.plus_nanos(seconds * 1_000_000_000).expect("in range")
        }),
    ]
}

/// What an order that was just taken looks like.
pub fn taken(order: &NewOrder, venue: engine::live::VenueId) -> Answer {
    let waits = waits(order.ticket.kind);
    Answer::Order(OrderReport {
        client: Some(order.client),
        venue: Some(venue),
        instrument: order.ticket.instrument,
        side: order.ticket.side,
        leg: order.ticket.leg,
        kind: order.ticket.kind,
        restrictions: order.ticket.restrictions,
        quantity: order.ticket.quantity,
        filled: None,
        state: if waits { OrderState::Waiting } else { OrderState::Working },
        cause: Cause::Owner,
        time: NOW,
    })
}

/// A call and what the venue says to it when all is well.
pub fn exchange(product: Product) -> BoxedStrategy<(Call, Answer)> {
    let named = |order: &OrderReport, conditional| OrderRef {
        conditional,
        ..OrderRef::named(order.instrument, "x".parse().expect("a name"))
    };
    let mode = Mode::Hedge;
    prop_oneof![
        (order(product, mode), number())
            .prop_map(|(order, id)| (Call::Place(order), taken(&order, id))),
        reference(product).prop_map(|order| (Call::Cancel(order), Answer::Done)),
        plain(product).prop_map(move |it| (Call::Order(named(&it, false)), Answer::Order(it))),
        conditional(product).prop_map(move |it| (Call::Order(named(&it, true)), Answer::Order(it))),
        (conditional(product), number()).prop_map(move |(it, child)| {
            let it = OrderReport { state: OrderState::Triggered, ..it };
            (Call::Order(named(&it, true)), Answer::Woken(it, child))
        }),
        vec(plain(product), 0..9)
            .prop_map(|all| (Call::OpenOrders(None, Book::Plain), Answer::Orders(all))),
        vec(conditional(product), 0..9)
            .prop_map(|all| (Call::OpenOrders(None, Book::Conditional), Answer::Orders(all))),
        instrument(product).prop_flat_map(move |of| vec(fill(of), 0..20).prop_map(move |fills| {
            let call = Call::Fills { instrument: of, since: Timestamp::from_nanos(0), after: None };
            (call, Answer::Fills { fills, more: false })
        })),
        vec(position(), 0..5).prop_map(|all| (Call::Positions, Answer::Positions(all))),
        vec(balance(), 0..5).prop_map(|all| (Call::Balances, Answer::Balances(all))),
        any::<[bool; 3]>().prop_map(|[trade, withdraw, restricted]| {
            let so = |so| if so { Permission::Yes } else { Permission::No };
            let (trade, withdraw, restricted) = (so(trade), so(withdraw), so(restricted));
            let scope = KeyScope { trade, withdraw, restricted, seen_from: None, expires: None };
            (Call::KeyScope, Answer::Scope(scope))
        }),
        select(vec![Mode::OneWay, Mode::Hedge]).prop_map(|mode| (Call::Mode, Answer::Mode(mode))),
        Just((Call::SetMode(Mode::Hedge), Answer::Done)),
        instrument(product).prop_map(|id| (Call::SetLeverage(id, 5), Answer::Done)),
    ]
    .boxed()
}

/// The instrument's product.
pub fn product(of: InstrumentId) -> Product {
    ROSTER.at(of.index()).expect("in the roster").product
}
