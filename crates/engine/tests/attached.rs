//! Stops that come along with entries, as the venue's side keeps them.

use engine::{
    Data, MarketEvent,
    exchange::{FeeTerms, Model, Terms},
    live::{
        Answer, AttachedStop, Call, KeyScope, NewOrder, OrderRef, Permission, RefusedKind, Scope,
        StopHolds,
    },
    order::{OrderKind, Restrictions, Ticket, TimeInForce},
    venue::{Account, AccountSetup},
};
use market::{
    Currency, Instrument, Listing, Money, Price, Quantity, Quote, Rate, Scale, Settlement, Side,
    Timestamp,
};
use portfolio::{AccountTerms, InstrumentId, MarginTiers};

const COIN: InstrumentId = InstrumentId(0);
const STOP: Price = Price(9_700);

fn account() -> Account {
    let instrument = Instrument {
        symbol: "COINUSDT".parse().expect("a symbol"),
        price_scale: Scale::CENTS,
        lot_scale: Scale::WHOLE,
        currency: Currency::USDT,
    };
    let listing = Listing { settlement: Settlement::Margin, ..Listing::of(instrument) };
    let tiers = MarginTiers::flat(Rate::from_bps(1_000), Rate::from_bps(500)).expect("tiers");
    let fees = FeeTerms::new(Rate::from_bps(2), Rate::from_bps(5));
    let setup = AccountSetup {
        terms: Terms { fees, ..Terms::of(Model::Touch) },
        account: AccountTerms {
            margin: [(COIN, tiers)].into_iter().collect(),
            ..AccountTerms::cash(Currency::USDT, Money::from_whole(1_000_000))
        },
        listings: vec![listing],
        scope: KeyScope {
            trade: Permission::Yes,
            withdraw: Permission::No,
            restricted: Permission::Yes,
            seen_from: None,
            expires: None,
        },
        holds: StopHolds::Nothing,
    };
    let mut account = Account::new(setup).expect("the terms fit the listing");
    quote(&mut account, 1, 10_000);
    account
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 + second * 1_000_000_000)
}

/// The market is at a price, with so much on each side as nobody here takes.
fn quote(account: &mut Account, second: i64, price: i64) {
    let size = Quantity(1_000);
    let (bid, ask) = (Price(price), Price(price + 2));
    let quote = Quote { time: at(second), bid, ask, bid_size: size, ask_size: size };
    let event = MarketEvent { time: at(second), instrument: COIN, data: Data::Quote(quote) };
    account.market(&event).expect("the market moves");
}

fn entry(kind: OrderKind, tif: TimeInForce) -> NewOrder {
    let stop = AttachedStop { client: "p1".parse().expect("a name"), trigger: STOP };
    let ticket = Ticket::market(COIN, Side::Buy, Quantity(5)).of(kind).lasting(tif);
    let client = "s1".parse().expect("a name");
    NewOrder { client, ticket, scope: Scope::Size, stop: Some(stop) }
}

/// What works: name, side, lots, trigger.
fn working(account: &Account) -> Vec<String> {
    let show = |(name, ticket, open): (Option<engine::live::ClientId>, &Ticket, Quantity)| {
        let reduces = ticket.restrictions.has(Restrictions::REDUCE_ONLY);
        let name = name.map(|name| name.to_string()).unwrap_or_default();
        format!("{name} {:?} {} {:?} reduces: {reduces}", ticket.side, open.0, ticket.kind)
    };
    account.working().map(show).collect()
}

const STANDS: &str = "p1 Sell 5 Stop { trigger: Price(9700) } reduces: true";

#[test]
fn a_stop_becomes_an_order_with_the_end_of_its_entry_for_what_that_traded() {
    let gtc = TimeInForce::GoodTillCancelled;
    let ioc = TimeInForce::ImmediateOrCancel;
    let check = |kind, tif, now: &[&str], later: &[&str]| {
        let mut account = account();
        let place = Call::Place(entry(kind, tif));
        account.call(&place, at(2)).expect("no fault of the venue's");
        assert_eq!(working(&account), now, "{kind:?}");
        quote(&mut account, 3, 9_990);
        assert_eq!(working(&account), later, "{kind:?}, once the market came down");
    };
    let resting = "s1 Buy 5 Limit { price: Price(9995) } reduces: false";
    let limit = |price| OrderKind::Limit { price: Price(price) };
    check(OrderKind::Market, gtc, &[STANDS], &[STANDS]);
    check(limit(9_995), gtc, &[resting], &[STANDS]);
    // What traded nothing brings nothing.
    check(limit(9_995), ioc, &[], &[]);
}

#[test]
fn a_stop_goes_with_an_entry_that_is_taken_back() {
    let mut account = account();
    let limit = OrderKind::Limit { price: Price(9_000) };
    let place = Call::Place(entry(limit, TimeInForce::GoodTillCancelled));
    account.call(&place, at(2)).expect("no fault");
    let entry = OrderRef::named(COIN, "s1".parse().expect("a name"));
    account.call(&Call::Cancel(entry), at(3)).expect("no fault");
    assert!(working(&account).is_empty());
    // Its name is free: there never was such an order.
    let stop = OrderRef::named(COIN, "p1".parse().expect("a name"));
    assert_eq!(account.call(&Call::Order(stop), at(4)).expect("no fault"), Answer::NotFound);
}

#[test]
fn a_stop_closes_what_its_entry_opened_and_no_more() {
    let mut account = account();
    let place = Call::Place(entry(OrderKind::Market, TimeInForce::GoodTillCancelled));
    account.call(&place, at(2)).expect("no fault");
    let out = Ticket::market(COIN, Side::Sell, Quantity(2)).restricted(Restrictions::REDUCE_ONLY);
    let client = "s2".parse().expect("a name");
    let exit = NewOrder { client, ticket: out, scope: Scope::Size, stop: None };
    account.call(&Call::Place(exit), at(3)).expect("no fault");
    assert_eq!(account.ledger().position(COIN).lots, 3);
    quote(&mut account, 4, 9_600);
    assert_eq!(account.ledger().position(COIN).lots, 0, "three of five lots were left to close");
}

#[test]
fn what_can_bring_no_stop_is_refused() {
    let check = |new: NewOrder, kind: RefusedKind| {
        let answer = account().call(&Call::Place(new), at(2)).expect("no fault");
        assert!(matches!(&answer, Answer::Refused(no) if no.kind == kind), "{answer:?}");
    };
    let gtc = TimeInForce::GoodTillCancelled;
    let trigger = Price(10_100);
    check(entry(OrderKind::Stop { trigger }, gtc), RefusedKind::Attachment);
    let mut reducing = entry(OrderKind::Market, gtc);
    reducing.ticket = reducing.ticket.restricted(Restrictions::REDUCE_ONLY);
    check(reducing, RefusedKind::Attachment);
    let mut same = entry(OrderKind::Market, gtc);
    same.client = "p1".parse().expect("a name");
    check(same, RefusedKind::DuplicateName);
}
