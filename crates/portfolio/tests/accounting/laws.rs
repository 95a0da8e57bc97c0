//! Laws that hold after any sequence of fills, prices, rates, payments and splits.

use super::account::{coin_tiers, fill, money, open, perpetual, rate, share, terms};
use market::{Currency, Funding, Listing, Money, Price, Rate, Scale, Settlement, Side, Timestamp};
use portfolio::{AccountTerms, Borrowing, Flow, Flows, InstrumentId, Ledger, Leg, PositionMode};
use proptest::prelude::*;

const USD: Currency = Currency::USD;
const EUR: Currency = Currency::EUR;
const NAMES: u32 = 5;

/// Shares and perpetuals in two currencies, and a coin whose value is rounded.
fn listings() -> Vec<Listing> {
    let mut coin = share(USD);
    coin.instrument.price_scale = Scale::new(6).expect("small");
    coin.instrument.lot_scale = Scale::new(5).expect("small");
    vec![share(USD), perpetual(USD), share(EUR), perpetual(EUR), coin]
}

fn account(mode: PositionMode) -> Ledger {
    let balances = vec![(USD, money("1000000")), (EUR, money("500000"))];
    let margin = [1, 3].map(|id| (InstrumentId(id), coin_tiers())).into();
    let borrowing = Borrowing::Allowed;
    let terms = AccountTerms { balances, margin, borrowing, mode, ..terms("0") };
    let mut ledger = open(terms, &listings());
    ledger.set_rate(EUR, rate("1.1")).expect("positive");
    ledger
}

#[derive(Debug, Clone)]
enum Step {
    Trade { id: u32, short: bool, side: Side, size: (u64, i64), fee: i128 },
    Mark { id: u32, price: i64 },
    Rate { units: i128 },
    Fund { id: u32, rate: i128, mark: Option<i64> },
    Dividend { id: u32, per_unit: i128 },
    Borrow { id: u32, span_ns: u64 },
    Interest { currency: Currency, span_ns: u64 },
    Split { id: u32, ratio: (u32, u32) },
}

fn trade() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let lots_at = (1u64..500, 1i64..100_000);
    (0..NAMES, any::<bool>(), side, lots_at, -1_000_000i128..10_000_000)
        .prop_map(|(id, short, side, size, fee)| Step::Trade { id, short, side, size, fee })
}

fn step() -> impl Strategy<Value = Step> {
    let (id, price) = (0..NAMES, 1i64..100_000);
    let span_ns = 0u64..10_000_000_000_000_000;
    let currency = prop_oneof![Just(USD), Just(EUR)];
    let rates = -10_000_000_000i128..10_000_000_000;
    prop_oneof![
        5 => trade(),
        3 => (id.clone(), price.clone()).prop_map(|(id, price)| Step::Mark { id, price }),
        1 => (500_000_000_000i128..2_000_000_000_000).prop_map(|units| Step::Rate { units }),
        1 => (id.clone(), rates, prop::option::of(price))
            .prop_map(|(id, rate, mark)| Step::Fund { id, rate, mark }),
        1 => (id.clone(), 0i128..1_000_000_000)
            .prop_map(|(id, per_unit)| Step::Dividend { id, per_unit }),
        1 => (id.clone(), span_ns.clone()).prop_map(|(id, span_ns)| Step::Borrow { id, span_ns }),
        1 => (currency, span_ns)
            .prop_map(|(currency, span_ns)| Step::Interest { currency, span_ns }),
        1 => (id, (1u32..12, 1u32..12)).prop_map(|(id, ratio)| Step::Split { id, ratio }),
    ]
}

/// What is known of an account without looking at it.
struct Model {
    mode: PositionMode,
    start: [i128; 2],
    /// Cash by currency, what margined positions realised apart.
    cash: [i128; 2],
    /// Interest on cash, which no position bears.
    interest: [i128; 2],
    lots: [[i64; 2]; NAMES as usize],
    rate: Rate,
}

fn place(currency: Currency) -> usize {
    usize::from(currency == EUR)
}

impl Model {
    fn of(ledger: &Ledger) -> Self {
        let start = [USD, EUR].map(|currency| ledger.cash_in(currency).0);
        let (cash, interest) = (start, [0; 2]);
        let (mode, rate) = (ledger.mode(), rate("1.1"));
        Self { mode, start, cash, interest, lots: [[0; 2]; NAMES as usize], rate }
    }

    /// Applies one step to the account and to what is known of it.
    fn apply(&mut self, ledger: &mut Ledger, step: &Step) {
        let name = InstrumentId;
        match *step {
            Step::Trade { id, short, side, size, fee } => {
                let (lots, price) = size;
                self.trade(ledger, (name(id), short), (side, lots, price), fee);
            }
            Step::Mark { id, price } => ledger.mark(name(id), Price(price)).expect("in range"),
            Step::Rate { units } => {
                self.rate = Rate(units);
                ledger.set_rate(EUR, self.rate).expect("positive");
            }
            Step::Fund { id, rate, mark } => {
                let time = Timestamp::from_nanos(0);
                let funding = Funding { time, rate: Rate(rate), mark: mark.map(Price) };
                let flows = ledger.fund(name(id), &funding).expect("in range");
                self.receive(&flows);
            }
            Step::Dividend { id, per_unit } => {
                let flows = ledger.dividend(name(id), Money(per_unit)).expect("in range");
                self.receive(&flows);
            }
            Step::Borrow { id, span_ns } => {
                let flows = ledger.accrue_borrow(name(id), rate("0.03"), span_ns);
                self.receive(&flows.expect("in range"));
            }
            Step::Interest { currency, span_ns } => {
                let flows = ledger.accrue_interest(currency, rate("0.05"), span_ns);
                self.receive(&flows.expect("in range"));
            }
            Step::Split { id, ratio: (n, d) } => {
                if ledger.latest(name(id)).is_some() {
                    for lots in &mut self.lots[id as usize] {
                        *lots = *lots * i64::from(n) / i64::from(d);
                    }
                }
                let flows = ledger.split(name(id), n, d).expect("in range");
                self.receive(&flows);
            }
        }
    }

    fn trade(
        &mut self,
        ledger: &mut Ledger,
        (id, short): (InstrumentId, bool),
        (side, mut lots, price): (Side, u64, i64),
        fee: i128,
    ) {
        let (leg, row) = match (self.mode, short) {
            (PositionMode::Netted, _) => (Leg::Net, 0),
            (PositionMode::Hedged, false) => (Leg::Long, 0),
            (PositionMode::Hedged, true) => (Leg::Short, 1),
        };
        if leg != Leg::Net && (side == Side::Buy) == short {
            lots = lots.min(ledger.closable(id, leg, side));
        }
        if lots == 0 {
            return;
        }
        let mut fill = fill(ledger, id, (leg, side), (lots, price));
        fill.fee = Money(fee);
        ledger.apply(&fill).expect("in range");
        let listing = &listings()[id.index()];
        let cash = &mut self.cash[place(listing.instrument.currency)];
        *cash -= fee;
        if listing.settlement == Settlement::Cash {
            *cash -= i128::from(side.sign()) * fill.notional.0;
        }
        self.lots[id.index()][row] += side.sign() * i64::try_from(lots).expect("small");
    }

    fn receive(&mut self, flows: &Flows) {
        for flow in flows.iter() {
            let margin = flow
                .instrument
                .is_some_and(|id| listings()[id.index()].settlement == Settlement::Margin);
            match flow.flow {
                // On margin a fraction is realised profit, which is added up from the positions.
                Flow::Fraction { .. } if margin => {}
                Flow::Interest { .. } => {
                    self.cash[place(flow.currency)] += flow.amount.0;
                    self.interest[place(flow.currency)] -= flow.amount.0;
                }
                _ => self.cash[place(flow.currency)] += flow.amount.0,
            }
        }
    }
}

/// What one currency's positions add up to.
#[derive(Default)]
struct Sum {
    realised_on_margin: i128,
    realised: i128,
    unrealised: i128,
    worth: i128,
    gross: i128,
    fees: i128,
    carry: [i128; 3],
}

fn legs(mode: PositionMode) -> &'static [Leg] {
    if mode == PositionMode::Netted { &[Leg::Net] } else { &[Leg::Long, Leg::Short] }
}

fn sum(ledger: &Ledger, currency: Currency) -> Sum {
    let mut sum = Sum::default();
    for (id, listing) in (0..).map(InstrumentId).zip(listings()) {
        if listing.instrument.currency != currency {
            continue;
        }
        for leg in legs(ledger.mode()) {
            let position = ledger.position_on(id, *leg);
            let price = ledger.latest(id).unwrap_or_default();
            let contract = ledger.contract(id).expect("known");
            let value = contract.value(price, position.lots).expect("in range");
            let unrealised = position.unrealised(value).expect("in range").0;
            let carry = ledger.carry(id, *leg).expect("known");
            sum.realised += position.realised.0;
            sum.unrealised += unrealised;
            sum.gross += value.0.abs();
            sum.fees += position.fees.0;
            if listing.settlement == Settlement::Margin {
                sum.realised_on_margin += position.realised.0;
                sum.worth += unrealised;
            } else {
                sum.worth += value.0;
            }
            for (all, own) in
                sum.carry.iter_mut().zip([carry.funding, carry.dividends, carry.borrow])
            {
                *all += own.0;
            }
        }
    }
    sum
}

fn conserves(ledger: &Ledger, model: &Model) -> Result<(), TestCaseError> {
    let mut exact = [0_i128; 2];
    for currency in [USD, EUR] {
        let (all, at) = (sum(ledger, currency), place(currency));
        let statement = ledger.statement(currency).expect("has it");
        let equity = statement.equity.0;
        let cash = model.cash[at] + all.realised_on_margin;
        prop_assert_eq!(statement.cash.0, cash, "cash is what came in less what went out");
        prop_assert_eq!(equity, cash + all.worth, "equity is cash and what is held");
        let carry = [statement.carry.funding, statement.carry.dividends, statement.carry.borrow];
        let [funding, dividends, borrow] = carry.map(|money| money.0);
        let explained = model.start[at] + all.realised + all.unrealised - statement.fees.0
            + funding
            + dividends
            - borrow;
        prop_assert_eq!(equity, explained, "every movement of equity has its cause");
        prop_assert_eq!(statement.fees.0, all.fees);
        let [_, _, borrowed] = all.carry;
        prop_assert_eq!([funding, dividends], [all.carry[0], all.carry[1]]);
        prop_assert_eq!(borrow, borrowed + model.interest[at]);
        let rate = if currency == USD { Rate::ONE } else { model.rate };
        exact[0] += equity * rate.0;
        exact[1] += all.gross * rate.0;
    }
    // One currency is converted: each figure is within half of 1e-8 of the exact one.
    for (figure, exact) in [ledger.equity(), ledger.gross()].into_iter().zip(exact) {
        let off = figure.expect("in range").0 * Rate::ONE.0 - exact;
        prop_assert!(2 * off.abs() <= Rate::ONE.0);
    }
    let (equity, initial) = (ledger.equity().expect("small"), ledger.initial().expect("small"));
    prop_assert_eq!(ledger.available(), Ok(equity.minus(initial).expect("small")));
    prop_assert!(ledger.maintenance().expect("small") <= initial);
    for (id, lots) in (0..).map(InstrumentId).zip(&model.lots) {
        for (leg, lots) in legs(model.mode).iter().zip(lots) {
            prop_assert_eq!(ledger.held(id, *leg), *lots, "a position is the sum of its fills");
        }
    }
    Ok(())
}

fn mode() -> impl Strategy<Value = PositionMode> {
    prop_oneof![Just(PositionMode::Netted), Just(PositionMode::Hedged)]
}

proptest! {
    #[test]
    fn everything_is_conserved(mode in mode(), steps in prop::collection::vec(step(), 1..60)) {
        let mut ledger = account(mode);
        let mut model = Model::of(&ledger);
        for step in &steps {
            model.apply(&mut ledger, step);
            conserves(&ledger, &model)?;
        }
    }

    #[test]
    fn legs_are_worth_what_one_position_is(steps in prop::collection::vec(trade(), 1..60)) {
        let (mut hedged, mut netted) =
            (account(PositionMode::Hedged), account(PositionMode::Netted));
        let mut model = Model::of(&hedged);
        for step in &steps {
            let Step::Trade { id, short, side, size: (lots, price), .. } = *step else { continue };
            // The coin's value is rounded for each leg: the law is for exact values.
            if id == 4 {
                continue;
            }
            let (id, leg) = (InstrumentId(id), if short { Leg::Short } else { Leg::Long });
            let closes = (side == Side::Buy) == short;
            let most = if closes { hedged.closable(id, leg, side) } else { lots };
            if lots.min(most) > 0 {
                let own = fill(&netted, id, (Leg::Net, side), (lots.min(most), price));
                netted.apply(&own).expect("in range");
            }
            model.trade(&mut hedged, (id, short), (side, lots, price), 0);
            prop_assert_eq!(hedged.equity(), netted.equity());
            prop_assert_eq!(hedged.position(id).lots, netted.position(id).lots);
        }
    }

    #[test]
    fn the_order_of_marks_does_not_matter(
        mode in mode(),
        steps in prop::collection::vec(trade(), 1..20),
        prices in prop::collection::vec(1i64..100_000, NAMES as usize),
        order in Just((0..NAMES).collect::<Vec<u32>>()).prop_shuffle(),
    ) {
        let mut one = account(mode);
        let mut model = Model::of(&one);
        for step in &steps {
            model.apply(&mut one, step);
        }
        let mut other = one.clone();
        for id in 0..NAMES {
            one.mark(InstrumentId(id), Price(prices[id as usize])).expect("in range");
        }
        for id in order {
            // A price that is passed through on the way leaves nothing behind.
            other.mark(InstrumentId(id), Price(77)).expect("in range");
            other.mark(InstrumentId(id), Price(prices[id as usize])).expect("in range");
        }
        prop_assert_eq!(one, other);
    }

    #[test]
    fn at_the_liquidation_price_equity_falls_below_maintenance(
        mode in mode(),
        steps in prop::collection::vec(trade(), 1..12),
        cash in -20_000i64..2_000,
        id in prop_oneof![Just(InstrumentId(1)), Just(InstrumentId(3))],
    ) {
        let balances = vec![(USD, Money::from_whole(cash)), (EUR, money("20"))];
        let margin = [1, 3].map(|id| (InstrumentId(id), coin_tiers())).into();
        let terms = AccountTerms { balances, margin, mode, ..terms("0") };
        let mut ledger = open(terms, &listings());
        ledger.set_rate(EUR, rate("1.1")).expect("positive");
        let mut model = Model::of(&ledger);
        for step in &steps {
            let Step::Trade { id, short, side, size: (lots, price), .. } = *step else { continue };
            if id == 1 || id == 3 {
                model.trade(&mut ledger, (InstrumentId(id), short), (side, lots * 200, price), 0);
            }
        }
        for leg in legs(mode) {
            stands_until(&ledger, id, *leg)?;
        }
    }
}

/// Equity less maintenance once an instrument is marked at a price.
fn margin_at(ledger: &Ledger, id: InstrumentId, price: i64) -> i128 {
    let mut ledger = ledger.clone();
    ledger.mark(id, Price(price)).expect("in range");
    let left = ledger.equity().expect("small").0 - ledger.maintenance().expect("small").0;
    assert_eq!(ledger.is_liquidated(), Ok(left < 0));
    left
}

fn stands_until(ledger: &Ledger, id: InstrumentId, leg: Leg) -> Result<(), TestCaseError> {
    let lots = ledger.held(id, leg);
    let found = ledger.liquidation_price(id, leg).expect("in range");
    if lots == 0 {
        prop_assert_eq!(found, None);
        return Ok(());
    }
    let latest = ledger.latest(id).expect("it was traded").0;
    let towards_loss = -lots.signum();
    if margin_at(ledger, id, latest) < 0 {
        prop_assert_eq!(found, Some(Price(latest)));
        return Ok(());
    }
    let Some(Price(price)) = found else {
        let end = if lots > 0 { 1 } else { 10_000_000_000 };
        prop_assert!(margin_at(ledger, id, end) >= 0, "no price does it");
        return Ok(());
    };
    prop_assert_eq!((price - latest).signum(), towards_loss, "on the losing side");
    let (at, before) = (margin_at(ledger, id, price), margin_at(ledger, id, price - towards_loss));
    prop_assert!(at < 0 && before >= 0, "the first tick that falls short");
    prop_assert!(at.abs() <= before - at, "equal to within one tick's worth");
    Ok(())
}
