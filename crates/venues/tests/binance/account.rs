//! Money, positions, keys and the rest through both ends.

use super::*;
use engine::live::{
    Answer, Balance, Book, Call, KeyScope, Permission, PositionReport, Refused, RefusedKind,
    Unknown,
};
use market::{Price, Side};
use portfolio::{InstrumentId, Leg};
use proptest::prelude::*;

fn through(product: Product, call: &Call, answer: &Answer) -> Answer {
    let response = counter(product).respond(call, answer, &roster(), now());
    client(product, Mode::OneWay).answer(call, &response, now())
}

proptest! {
    #[test]
    fn an_account_is_read_as_it_was_told(
        total in -1_000_000_000_000_i128..1_000_000_000_000_000, used in 0..1_000_000_000_i128,
        lots in (1..1_000_000_000_i64).prop_flat_map(|n| prop_oneof![Just(n), Just(-n)]),
        price in 1..1_000_000_000_i64, flags: (bool, bool, bool),
    ) {
        let said = |so: bool| if so { Permission::Yes } else { Permission::No };
        let currency = "USDT".parse().expect("a coin");
        let balance = Balance { currency, total: Money(total), available: Money(total - used) };
        let scope = KeyScope {
            trade: said(flags.0), withdraw: said(flags.1), restricted: said(flags.2), seen_from: None,
            expires: flags.0.then_some(Timestamp::from_nanos(1_800_000_000_000_000_000)),
        };
        let position = PositionReport {
            instrument: InstrumentId(1), leg: if flags.0 { Leg::Net } else { Leg::Short }, lots,
            entry: Some(Price(price)), liquidation: flags.1.then_some(Price(price)),
            leverage: flags.2.then_some(20), time: Timestamp::from_nanos(1_699_000_000_000_000_000),
        };
        let until = now().plus_nanos((price % 1000) * 1_000_000_000).expect("in range");
        for product in [Product::Spot, Product::Perpetual] {
            for (call, answer) in [
                (Call::Balances, Answer::Balances(vec![balance, balance])),
                (Call::KeyScope, Answer::Scope(scope)),
                (Call::Balances, Answer::Throttled { until }),
                (Call::Balances, Answer::Unknown(Unknown::Server)),
                (Call::Balances, Answer::Unknown(Unknown::Garbled)),
            ] {
                prop_assert_eq!(through(product, &call, &answer), answer);
            }
        }
        let leverage = Call::SetLeverage(InstrumentId(0), 20);
        let heartbeat = Call::Heartbeat { instrument: Some(InstrumentId(0)), seconds: 30 };
        for (call, answer) in [
            (Call::Positions, Answer::Positions(vec![position])),
            (Call::Mode, Answer::Mode(Mode::Hedge)),
            (Call::Mode, Answer::Mode(Mode::OneWay)),
            (Call::SetMode(Mode::Hedge), Answer::Done),
            (leverage, Answer::Done),
            (heartbeat, Answer::Done),
            (Call::CancelAll(Some(InstrumentId(0)), Book::Plain), Answer::Done),
            (Call::ListenKey, Answer::ListenKey(binance::listen_key(7))),
        ] {
            prop_assert_eq!(through(Product::Perpetual, &call, &answer), answer);
        }
        let all = Call::CancelAll(Some(InstrumentId(3)), Book::Both);
        prop_assert_eq!(through(Product::Spot, &all, &Answer::Done), Answer::Done);
        let (mut line, _) = Line::open(Product::Perpetual);
        let told = PositionReport { liquidation: None, leverage: None, ..position };
        prop_assert_eq!(line.tell(&Word::Position(position)), vec![Word::Position(told)]);
        prop_assert_eq!(line.tell(&Word::Ending), vec![Word::Ending]);
        let (mut line, _) = Line::open(Product::Spot);
        prop_assert_eq!(line.tell(&Word::Balance(balance)), vec![Word::Balance(balance)]);
        prop_assert_eq!(line.tell(&Word::Ending), vec![Word::Ending]);
    }
}

/// The exchange in a box refuses in our words, with no code of the venue's: they come back as the same
/// sort.
#[test]
fn every_sort_of_refusal_has_words_at_the_venue() {
    use RefusedKind::{
        Balance, Busy, Clock, DuplicateName, Filter, Key, NotTrading, OrderDone, Other, ReduceOnly,
        Setup, WouldTake, WouldTrigger,
    };
    let all = [
        DuplicateName,
        Balance,
        Filter,
        WouldTake,
        WouldTrigger,
        Clock,
        Key,
        NotTrading,
        OrderDone,
        Setup,
        Busy,
        Other,
        ReduceOnly,
    ];
    for product in [Product::Spot, Product::Perpetual] {
        let id = if product == Product::Spot { 3 } else { 0 };
        let ticket =
            engine::order::Ticket::market(InstrumentId(id), Side::Buy, market::Quantity(1));
        let client = "mine".parse().expect("a name");
        let order =
            engine::live::NewOrder { client, ticket, scope: engine::live::Scope::Size, stop: None };
        for kind in all.into_iter().filter(|kind| product != Product::Spot || *kind != ReduceOnly) {
            let refused = Answer::Refused(Refused { kind, code: 0, text: String::new() });
            match through(product, &Call::Place(order), &refused) {
                Answer::Refused(read) => {
                    assert_eq!(read.kind, kind, "{product:?}");
                    let again = Answer::Refused(read);
                    assert_eq!(through(product, &Call::Place(order), &again), again);
                }
                other => panic!("{kind:?}: {other:?}"),
            }
        }
    }
    let missing =
        Call::Order(engine::live::OrderRef::named(InstrumentId(0), "x".parse().expect("a name")));
    assert_eq!(through(Product::Perpetual, &missing, &Answer::NotFound), Answer::NotFound);
}
