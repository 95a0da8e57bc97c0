//! Accounts and fills, in few words.

use market::{
    Currency, Instrument, Listing, Money, Price, Quantity, Rate, Scale, Settlement, Side, Timestamp,
};
use portfolio::{AccountTerms, Fill, InstrumentId, Ledger, Leg, Liquidity, MarginTiers};

pub const FIRST: InstrumentId = InstrumentId(0);
pub const SECOND: InstrumentId = InstrumentId(1);

#[track_caller]
pub fn money(text: &str) -> Money {
    Money::parse(text).expect("money")
}

#[track_caller]
pub fn rate(text: &str) -> Rate {
    Rate::parse(text).expect("a rate")
}

/// A share: cents, whole lots, paid in full.
pub fn share(currency: Currency) -> Listing {
    let instrument = Instrument::share("S".parse().expect("a symbol"));
    Listing::of(Instrument { currency, ..instrument })
}

/// A perpetual on a coin: ticks of 0.1, lots of 0.001, on margin.
pub fn perpetual(currency: Currency) -> Listing {
    let instrument = Instrument {
        symbol: "P".parse().expect("a symbol"),
        price_scale: Scale::new(1).expect("small"),
        lot_scale: Scale::new(3).expect("small"),
        currency,
    };
    Listing { settlement: Settlement::Margin, ..Listing::of(instrument) }
}

/// The brackets of a large coin's perpetual as they were published for years: leverage 125 to 10,
/// maintenance 0.4 % to 5 %.
pub fn coin_tiers() -> MarginTiers {
    let bracket = |from, leverage, maintenance| {
        (Money::from_whole(from), portfolio::initial_rate(leverage), rate(maintenance))
    };
    MarginTiers::progressive(&[
        bracket(0, 125, "0.004"),
        bracket(50_000, 100, "0.005"),
        bracket(250_000, 50, "0.01"),
        bracket(1_000_000, 20, "0.025"),
        bracket(10_000_000, 10, "0.05"),
    ])
    .expect("they fit")
}

pub fn terms(cash: &str) -> AccountTerms {
    AccountTerms::cash(Currency::USD, money(cash))
}

#[track_caller]
pub fn open(terms: AccountTerms, listings: &[Listing]) -> Ledger {
    Ledger::on(terms, listings).expect("sound terms")
}

/// A fill without a fee, its notional as the contract has it.
pub fn fill(
    ledger: &Ledger,
    instrument: InstrumentId,
    (leg, side): (Leg, Side),
    (lots, ticks): (u64, i64),
) -> Fill {
    let contract = ledger.contract(instrument).expect("known");
    let (price, quantity) = (Price(ticks), Quantity(lots));
    let signed = i64::try_from(lots).expect("small");
    Fill {
        order: 1,
        row: 0,
        time: Timestamp::from_nanos(0),
        instrument,
        side,
        quantity,
        price,
        notional: contract.value(price, signed).expect("in range"),
        fee: Money::ZERO,
        leg,
        liquidity: Liquidity::Taker,
    }
}

/// Applies such a fill.
#[track_caller]
pub fn trade(ledger: &mut Ledger, id: InstrumentId, at: (Leg, Side), size: (u64, i64)) {
    let fill = fill(ledger, id, at, size);
    ledger.apply(&fill).expect("a sound fill");
}

/// A figure as text, or its error.
pub fn text(figure: Result<Money, portfolio::Error>) -> String {
    figure.map_or_else(|error| error.to_string(), |money| money.to_string())
}
