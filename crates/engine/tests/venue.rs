//! Accounts at the venue: orders hold money back, leverage decides how much.

use engine::{
    Data, MarketEvent,
    exchange::{FeeTerms, Model, Terms},
    live::{
        Answer, Balance, Book, Call, ClientId, KeyScope, NewOrder, OrderRef, OrderState,
        Permission, RefusedKind, Scope, StopHolds,
    },
    order::{Amendment, OrderKind, Restrictions, Ticket},
    venue::{Account, AccountSetup},
};
use market::{
    Currency, Instrument, Listing, Money, Price, Quantity, Quote, Rate, Scale, Settlement, Side,
    Timestamp,
};
use portfolio::{AccountTerms, InstrumentId, Leg, MarginTiers, PositionMode};
use proptest::prelude::*;

const A: InstrumentId = InstrumentId(0);
const B: InstrumentId = InstrumentId(1);

fn listing(place: u32, settlement: Settlement) -> Listing {
    let instrument = Instrument {
        symbol: format!("COIN{place}USDT").parse().expect("a symbol"),
        price_scale: Scale::CENTS,
        lot_scale: Scale::WHOLE,
        currency: Currency::USDT,
    };
    Listing { settlement, ..Listing::of(instrument) }
}

/// An account with so many USDT; on margin a tenth is needed and a twentieth kept.
fn account(cash: i64, settlement: Settlement, mode: PositionMode) -> Account {
    account_where(StopHolds::Coins, cash, (settlement, mode))
}

fn account_where(
    holds: StopHolds,
    cash: i64,
    (settlement, mode): (Settlement, PositionMode),
) -> Account {
    let listings: Vec<Listing> = (0..2).map(|place| listing(place, settlement)).collect();
    let tiers = MarginTiers::flat(Rate::from_bps(1_000), Rate::from_bps(500)).expect("they fit");
    let margin = match settlement {
        Settlement::Margin => vec![(A, tiers.clone()), (B, tiers)],
        Settlement::Cash => Vec::new(),
    };
    let cash = AccountTerms::cash(Currency::USDT, Money::from_whole(cash));
    let fees = FeeTerms::new(Rate::from_bps(2), Rate::from_bps(5));
    let scope = KeyScope {
        trade: Permission::Yes,
        withdraw: Permission::No,
        restricted: Permission::Yes,
        seen_from: None,
        expires: None,
    };
    Account::new(AccountSetup {
        terms: Terms { fees, ..Terms::of(Model::Touch) },
        account: AccountTerms { margin, mode, ..cash },
        listings,
        scope,
        holds,
    })
    .expect("the terms fit the listings")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_nanos(second * 1_000_000_000)
}

/// One price for both sides, so that a trade happens at the price that counts.
fn quote(account: &mut Account, instrument: InstrumentId, price: i64, second: i64) {
    let size = Quantity(1_000_000);
    let quote = Quote {
        time: at(second),
        bid: Price(price),
        ask: Price(price),
        bid_size: size,
        ask_size: size,
    };
    let event = MarketEvent { time: at(second), instrument, data: Data::Quote(quote) };
    account.market(&event).expect("a market");
    // What traded on the way counts at its own price until the market is told again.
    account.market(&event).expect("a market");
}

fn limit(instrument: InstrumentId, side: Side, lots: u64, price: i64) -> Ticket {
    Ticket::market(instrument, side, Quantity(lots)).of(OrderKind::Limit { price: Price(price) })
}

fn name(number: usize) -> ClientId {
    format!("o{number}").parse().expect("a name")
}

fn place(account: &mut Account, number: usize, ticket: Ticket) -> Answer {
    let new = NewOrder { client: name(number), ticket, scope: Scope::Size, stop: None };
    account.call(&Call::Place(new), at(1)).expect("an answer")
}

fn named(number: usize, instrument: InstrumentId) -> OrderRef {
    OrderRef::named(instrument, name(number))
}

fn is_refused_for_money(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused(refused) if refused.kind == RefusedKind::Balance)
}

fn usdt(account: &mut Account) -> Balance {
    match account.call(&Call::Balances, at(1)) {
        Ok(Answer::Balances(all)) => *all.first().expect("the account's currency"),
        other => panic!("{other:?}"),
    }
}

fn money(text: &str) -> Money {
    Money::parse(text).expect("money")
}

/// What a venue shows as free after each step.
#[test]
fn orders_on_margin_hold_initial_margin_and_the_fee_back() {
    let mut own = account(1_000, Settlement::Margin, PositionMode::Netted);
    quote(&mut own, A, 10_000, 1);
    let free = |account: &mut Account, want: &str, why: &str| {
        assert_eq!(usdt(account).available, money(want), "{why}");
        assert_eq!(usdt(account).available, account.available().expect("in range"), "{why}");
    };
    // 50 lots at 90: 4,500 of value, a tenth of it and 0.05 %.
    place(&mut own, 1, limit(A, Side::Buy, 50, 9_000));
    free(&mut own, "547.75", "450 and 2.25 are held back");
    place(&mut own, 2, limit(A, Side::Sell, 40, 11_000));
    free(&mut own, "547.75", "the other side needs less, so it needs nothing more");
    let answer = place(&mut own, 3, limit(B, Side::Buy, 70, 9_000));
    assert!(is_refused_for_money(&answer), "{answer:?}");
    let change = Amendment { quantity: Some(Quantity(120)), ..Amendment::default() };
    let answer = own.call(&Call::Amend(named(1, A), change, None), at(2)).expect("an answer");
    assert!(is_refused_for_money(&answer), "{answer:?}");
    free(&mut own, "547.75", "what was refused changes nothing");
    let change = Amendment { quantity: Some(Quantity(10)), ..Amendment::default() };
    own.call(&Call::Amend(named(1, A), change, None), at(2)).expect("an answer");
    free(&mut own, "557.8", "now the sale needs more: 440 and 2.2");
    own.call(&Call::Cancel(named(2, A)), at(2)).expect("an answer");
    free(&mut own, "909.55", "90 and 0.45");
    quote(&mut own, A, 8_900, 3);
    free(&mut own, "900.82", "it traded at 90 and is worth 89 each: 0.18 paid, 10 lost, 89 needed");
    own.call(&Call::CancelAll(None, Book::Both), at(4)).expect("an answer");
    assert_eq!(own.reserved(), Ok(Money::ZERO));
}

#[test]
fn what_only_closes_is_never_refused_for_money() {
    let mut own = account(100, Settlement::Margin, PositionMode::Netted);
    quote(&mut own, A, 10_000, 1);
    place(&mut own, 1, Ticket::market(A, Side::Buy, Quantity(9)));
    let free = own.available().expect("in range");
    assert!(free < money("10"), "{free}");
    let answer = place(&mut own, 2, limit(A, Side::Buy, 1, 9_990));
    assert!(is_refused_for_money(&answer), "{answer:?}");
    for (number, ticket) in [
        (3, limit(A, Side::Sell, 9, 11_000)),
        (4, limit(A, Side::Sell, 9, 12_000).restricted(Restrictions::REDUCE_ONLY)),
        (5, Ticket::market(A, Side::Sell, Quantity(4))),
    ] {
        let answer = place(&mut own, number, ticket);
        assert!(matches!(answer, Answer::Order(_)), "{number}: {answer:?}");
    }
}

#[test]
fn spot_holds_the_whole_value_and_the_coins_back() {
    let mut own = account(1_000, Settlement::Cash, PositionMode::Netted);
    quote(&mut own, A, 10_000, 1);
    place(&mut own, 1, limit(A, Side::Buy, 4, 9_900));
    assert_eq!(usdt(&mut own).available, money("603.802"), "396 and 0.198");
    let stop = OrderKind::StopLimit { trigger: Price(10_500), price: Price(10_600) };
    place(&mut own, 2, Ticket::market(A, Side::Buy, Quantity(5)).of(stop));
    assert_eq!(usdt(&mut own).available, money("73.537"), "a stop as well: 530 and 0.265");
    let answer = place(&mut own, 3, Ticket::market(A, Side::Buy, Quantity(1)));
    assert!(is_refused_for_money(&answer), "73 do not buy one for 100: {answer:?}");
    quote(&mut own, A, 9_800, 2);
    assert_eq!(own.ledger().held(A, Leg::Net), 4);
    place(&mut own, 4, limit(A, Side::Sell, 3, 11_000));
    assert_eq!(own.promised(A), Quantity(3));
    for ticket in [limit(A, Side::Sell, 2, 11_000), Ticket::market(A, Side::Sell, Quantity(2))] {
        let answer = place(&mut own, 5, ticket);
        assert!(is_refused_for_money(&answer), "one coin is free: {answer:?}");
    }
    let change = Amendment { quantity: Some(Quantity(5)), ..Amendment::default() };
    let answer = own.call(&Call::Amend(named(4, A), change, None), at(3)).expect("an answer");
    assert!(is_refused_for_money(&answer), "{answer:?}");
    let change = Amendment { quantity: Some(Quantity(4)), ..Amendment::default() };
    let answer = own.call(&Call::Amend(named(4, A), change, None), at(3)).expect("an answer");
    assert!(
        matches!(answer, Answer::Order(_)),
        "its own coins do not count against it: {answer:?}"
    );
    assert_eq!(own.promised(A), Quantity(4));
    own.call(&Call::CancelAll(None, Book::Both), at(4)).expect("an answer");
    assert_eq!((own.promised(A), own.reserved()), (Quantity::ZERO, Ok(Money::ZERO)));
}

/// A stop on spot holds its coins at some venues; at others they have to be there when it wakes.
#[test]
fn a_stop_on_spot_holds_its_coins_or_nothing() {
    let stop = |lots| {
        let stop = OrderKind::Stop { trigger: Price(9_500) };
        Ticket::market(A, Side::Sell, Quantity(lots)).of(stop)
    };
    let check = |holds, sold: u64, left: i64| {
        let mut own = account_where(holds, 1_000, (Settlement::Cash, PositionMode::Netted));
        quote(&mut own, A, 10_000, 1);
        place(&mut own, 1, Ticket::market(A, Side::Buy, Quantity(4)));
        place(&mut own, 2, stop(4));
        let answer = place(&mut own, 3, Ticket::market(A, Side::Sell, Quantity(sold)));
        assert_eq!(is_refused_for_money(&answer), holds == StopHolds::Coins, "{answer:?}");
        quote(&mut own, A, 9_400, 2);
        assert_eq!(own.ledger().held(A, Leg::Net), left, "{holds:?}, {sold} sold beside the stop");
        assert_eq!(own.promised(A), Quantity::ZERO, "the stop is over");
        let cash = own.ledger().cash();
        assert!(cash < Money::from_whole(1_000) && cash > Money::ZERO, "nobody is short: {cash:?}");
    };
    check(StopHolds::Coins, 4, 0);
    check(StopHolds::Coins, 1, 0);
    // It wakes for more than there is, and is refused whole.
    check(StopHolds::Nothing, 4, 0);
    check(StopHolds::Nothing, 1, 3);
}

#[test]
fn a_stop_on_margin_is_looked_at_when_it_wakes() {
    let check = |lots: u64, want: OrderState| {
        let mut own = account(1_000, Settlement::Margin, PositionMode::Netted);
        quote(&mut own, A, 10_000, 1);
        let stop = OrderKind::StopLimit { trigger: Price(10_500), price: Price(10_400) };
        place(&mut own, 1, Ticket::market(A, Side::Buy, Quantity(lots)).of(stop));
        assert_eq!(own.reserved(), Ok(Money::ZERO), "waiting is free");
        quote(&mut own, A, 10_500, 2);
        let order = own.call(&Call::Order(named(1, A)), at(3)).expect("an answer");
        let state = match order {
            Answer::Order(report) => report.state,
            other => panic!("{other:?}"),
        };
        assert_eq!(state, want, "{lots} lots");
        assert!(own.available().expect("in range") >= Money::ZERO);
    };
    check(95, OrderState::Working);
    check(96, OrderState::Expired);
}

#[test]
fn legs_of_a_hedged_account_hold_back_each_for_itself() {
    let mut own = account(1_000, Settlement::Margin, PositionMode::Hedged);
    quote(&mut own, A, 10_000, 1);
    let long = Ticket { leg: Leg::Long, ..limit(A, Side::Buy, 10, 10_000 - 100) };
    let short = Ticket { leg: Leg::Short, ..limit(A, Side::Sell, 10, 10_100) };
    place(&mut own, 1, long);
    assert_eq!(own.reserved(), Ok(money("99.495")));
    place(&mut own, 2, short);
    assert_eq!(own.reserved(), Ok(money("201")), "99 and 0.495, 101 and 0.505");
}

#[test]
fn leverage_decides_what_is_needed() {
    let mut own = account(1_000, Settlement::Margin, PositionMode::Netted);
    quote(&mut own, A, 10_000, 1);
    let set = |own: &mut Account, leverage: u32, want: Result<(), RefusedKind>| {
        let answer = own.call(&Call::SetLeverage(A, leverage), at(2)).expect("an answer");
        match (answer, want) {
            (Answer::Done, Ok(())) => {}
            (Answer::Refused(refused), Err(kind)) => assert_eq!(refused.kind, kind, "{leverage}"),
            (answer, want) => panic!("{leverage}: {answer:?} is not {want:?}"),
        }
    };
    set(&mut own, 0, Err(RefusedKind::Setup));
    set(&mut own, 11, Err(RefusedKind::Setup));
    set(&mut own, 5, Ok(()));
    place(&mut own, 1, limit(A, Side::Buy, 40, 10_000));
    assert_eq!(own.ledger().initial(), Ok(money("800")), "a fifth of 4,000");
    let answer = place(&mut own, 2, limit(A, Side::Buy, 10, 9_990));
    assert!(is_refused_for_money(&answer), "{answer:?}");
    set(&mut own, 4, Err(RefusedKind::Balance));
    assert_eq!(own.ledger().initial(), Ok(money("800")), "as it was");
    set(&mut own, 10, Ok(()));
    assert_eq!(own.ledger().initial(), Ok(money("400")));
    place(&mut own, 2, limit(A, Side::Buy, 10, 9_990));
    set(&mut own, 5, Err(RefusedKind::Balance));
    let held = match own.call(&Call::Positions, at(3)) {
        Ok(Answer::Positions(held)) => held,
        other => panic!("{other:?}"),
    };
    let position = held.first().expect("a position");
    assert_eq!((position.lots, position.leverage), (40, Some(10)));
    assert_eq!(position.liquidation, own.ledger().liquidation_price(A, Leg::Net).expect("a price"));
    assert!(position.liquidation.is_some());
    let mut spot = account(1_000, Settlement::Cash, PositionMode::Netted);
    set(&mut spot, 1, Err(RefusedKind::Setup));
}

/// Found by the laws below: an awake order was taken for one that waits, for which nobody asks money.
#[test]
fn a_stop_that_woke_is_amended_as_far_as_there_is_money() {
    let mut own = account(1_000, Settlement::Margin, PositionMode::Netted);
    quote(&mut own, A, 10_000, 1);
    let kind = OrderKind::StopLimit { trigger: Price(10_100), price: Price(10_000) };
    place(&mut own, 1, Ticket::market(A, Side::Buy, Quantity(10)).of(kind));
    quote(&mut own, A, 10_200, 2);
    assert_eq!(own.reserved(), Ok(money("100.5")), "it woke and rests");
    let mut amend = |quantity| {
        let change = Amendment { quantity: Some(Quantity(quantity)), price: None, trigger: None };
        own.call(&Call::Amend(named(1, A), change, None), at(3)).expect("an answer")
    };
    assert!(is_refused_for_money(&amend(100)), "1,005 of 1,000");
    assert!(matches!(amend(99), Answer::Order(_)), "994.95 of 1,000");
    assert_eq!(own.available(), Ok(money("5.05")));
}

/// What may happen to an account.
#[derive(Debug, Clone)]
enum Step {
    Quote(InstrumentId, i64),
    Limit(InstrumentId, Side, u64, i64),
    Market(InstrumentId, Side, u64),
    Stop(InstrumentId, Side, u64, i64, i64),
    Amend(usize, Option<u64>, Option<i64>),
    Cancel(usize),
    Leverage(InstrumentId, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let id = || prop_oneof![Just(A), Just(B)];
    let side = || prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let price = || 8_000_i64..12_000;
    prop_oneof![
        3 => (id(), price()).prop_map(|(id, price)| Step::Quote(id, price)),
        4 => (id(), side(), 1_u64..60, price()).prop_map(|(i, s, n, p)| Step::Limit(i, s, n, p)),
        2 => (id(), side(), 1_u64..60).prop_map(|(i, s, n)| Step::Market(i, s, n)),
        1 => (id(), side(), 1_u64..60, price(), price())
            .prop_map(|(i, s, n, t, p)| Step::Stop(i, s, n, t, p)),
        2 => (0_usize..40, prop::option::of(1_u64..80), prop::option::of(price()))
            .prop_map(|(n, q, p)| Step::Amend(n, q, p)),
        1 => (0_usize..40).prop_map(Step::Cancel),
        1 => (id(), 0_u32..13).prop_map(|(i, n)| Step::Leverage(i, n)),
    ]
}

/// Which order a step names, and its ticket, if it works.
fn working(account: &Account, number: usize) -> Option<Ticket> {
    let found = account.working().find(|(client, ..)| *client == Some(name(number)));
    found.map(|(_, ticket, _)| *ticket)
}

/// The call of a step, and the ticket that it asks for.
fn call(account: &Account, number: usize, step: &Step) -> Option<(Call, Option<Ticket>)> {
    let order = |ticket: Ticket| {
        let new = NewOrder { client: name(number), ticket, scope: Scope::Size, stop: None };
        Some((Call::Place(new), Some(ticket)))
    };
    match *step {
        Step::Quote(..) => None,
        Step::Limit(id, side, lots, price) => order(limit(id, side, lots, price)),
        Step::Market(id, side, lots) => order(Ticket::market(id, side, Quantity(lots))),
        Step::Stop(id, side, lots, trigger, price) => {
            let kind = OrderKind::StopLimit { trigger: Price(trigger), price: Price(price) };
            order(Ticket::market(id, side, Quantity(lots)).of(kind))
        }
        Step::Amend(which, quantity, price) => {
            let ticket = working(account, which)?;
            let change = Amendment {
                quantity: quantity.map(Quantity),
                price: price.map(Price),
                trigger: None,
            };
            let call = Call::Amend(named(which, ticket.instrument), change, None);
            Some((
                call,
                Some(Ticket { quantity: change.quantity.unwrap_or(ticket.quantity), ..ticket }),
            ))
        }
        Step::Cancel(which) => {
            let ticket = working(account, which)?;
            Some((Call::Cancel(named(which, ticket.instrument)), None))
        }
        Step::Leverage(id, leverage) => Some((Call::SetLeverage(id, leverage), None)),
    }
}

/// What working orders on margin need, worked out again: on each instrument the side that needs more, and
/// the taker's fee of what of it opens.
fn expected(account: &Account) -> Money {
    let ledger = account.ledger();
    let mut sum = Money::ZERO;
    for id in [A, B] {
        let held = ledger.held(id, Leg::Net);
        let contract = ledger.contract(id).expect("known");
        let now = contract.value(ledger.latest(id).unwrap_or_default(), held).expect("in range");
        let margin = |value: Money| {
            let tiers = ledger.tiers(id).expect("on margin");
            tiers.initial(value).expect("in range").0
        };
        let need = |side: Side| {
            let (mut value, mut lots) = (0_i128, 0_i64);
            for (_, ticket, rest) in account.working() {
                if ticket.instrument == id
                    && ticket.side == side
                    && let OrderKind::Limit { price } = ticket.kind
                {
                    let rest = i64::try_from(rest.0).expect("few");
                    value += contract.value(price, rest).expect("in range").0;
                    lots += rest;
                }
            }
            let closable = (-held * side.sign()).max(0);
            let opening = (lots - closable).max(0);
            if opening == 0 {
                return 0;
            }
            let then = now.0 + i128::from(side.sign()) * value;
            let opened = Money(value).scaled(opening.into(), lots.into()).expect("in range");
            let fee = Rate::from_bps(5).of(opened).expect("in range").0;
            (margin(Money(then)) - margin(now)).max(0) + fee
        };
        sum = Money(sum.0 + need(Side::Buy).max(need(Side::Sell)));
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn free_held_back_and_margin_are_the_equity_and_acceptance_never_overdraws(
        cash in 500_i64..5_000,
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut own = account(cash, Settlement::Margin, PositionMode::Netted);
        quote(&mut own, A, 10_000, 1);
        quote(&mut own, B, 10_000, 1);
        for (number, step) in steps.iter().enumerate() {
            let before = own.available().expect("in range");
            if let Step::Quote(id, price) = step {
                quote(&mut own, *id, *price, 2);
            }
            if let Some((call, ticket)) = call(&own, number, step) {
                let orders = own.working().count();
                // What closes is never refused, though orders that were to close then may open.
                let closes = ticket.is_some_and(|ticket| {
                    own.ledger().closable(ticket.instrument, Leg::Net, ticket.side) > 0
                });
                let answer = own.call(&call, at(2)).expect("an answer");
                let after = own.available().expect("in range");
                if is_refused_for_money(&answer) {
                    prop_assert_eq!((after, own.working().count()), (before, orders));
                } else if !closes {
                    prop_assert!(after >= Money::ZERO || after >= before, "{before} to {after}: {answer:?}");
                }
            }
            let reserved = own.reserved().expect("in range");
            prop_assert_eq!(reserved, expected(&own));
            let margin = own.ledger().initial().expect("in range");
            let sum = own.available().expect("in range").plus(reserved).and_then(|sum| sum.plus(margin));
            prop_assert_eq!(sum.expect("in range"), own.ledger().equity().expect("in range"));
            let shown = usdt(&mut own);
            prop_assert_eq!(shown.total, own.ledger().cash());
            prop_assert_eq!(shown.available, own.available().expect("in range").max(Money::ZERO));
        }
        own.call(&Call::CancelAll(None, Book::Both), at(3)).expect("an answer");
        prop_assert_eq!(own.reserved(), Ok(Money::ZERO));
    }

    #[test]
    fn spot_never_owes_and_never_sells_what_it_has_not(
        cash in 500_i64..5_000,
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut own = account(cash, Settlement::Cash, PositionMode::Netted);
        quote(&mut own, A, 10_000, 1);
        quote(&mut own, B, 10_000, 1);
        let mut trades = 0;
        for (number, step) in steps.iter().enumerate() {
            if let Step::Quote(id, price) = step {
                quote(&mut own, *id, *price, 2);
            }
            if let Some((call, _)) = call(&own, number, step) {
                own.call(&call, at(2)).expect("an answer");
            }
            trades = trades.max(own.fills().count());
            let (free, reserved) = (own.available().expect("in range"), own.reserved().expect("in range"));
            prop_assert_eq!(free.plus(reserved).expect("in range"), own.ledger().cash());
            // A fee is rounded with each trade: half of 1e-8.
            let dust = i128::try_from(trades + own.working().count()).expect("few");
            prop_assert!(free.0 >= -dust, "{free} is free after {trades} trades");
            for id in [A, B] {
                let held = u64::try_from(own.ledger().held(id, Leg::Net));
                let promised = own.promised(id).0;
                prop_assert!(held.is_ok_and(|held| promised <= held), "{promised} are promised");
            }
        }
    }
}
