use super::account::{FIRST, SECOND, fill, money, open, perpetual, share, terms, text, trade};
use market::{Currency, Money, Price, Side};
use portfolio::{AccountTerms, Error, InstrumentId, Ledger, Leg, Position, PositionMode};

const BUY: Side = Side::Buy;
const SELL: Side = Side::Sell;

fn account(mode: PositionMode) -> Ledger {
    open(AccountTerms { mode, ..terms("10000") }, &[share(Currency::USD), perpetual(Currency::USD)])
}

#[test]
fn legs_are_held_side_by_side() {
    let mut ledger = account(PositionMode::Hedged);
    trade(&mut ledger, FIRST, (Leg::Long, BUY), (10, 1000));
    trade(&mut ledger, FIRST, (Leg::Short, SELL), (4, 1100));
    // The latest price is 11.00 for both: 10,000 − 100 + 44 + 110 − 44.
    assert_eq!(text(ledger.equity()), "10010.00");
    assert_eq!(text(ledger.gross()), "154.00");
    ledger.mark(FIRST, Price(1200)).expect("in range");
    // 9,944 + 120 − 48; long gained 20, short lost 4.
    assert_eq!(text(ledger.equity()), "10016.00");
    let legs = [Leg::Long, Leg::Short, Leg::Net];
    assert_eq!(legs.map(|leg| text(ledger.unrealised(FIRST, leg))), ["20.00", "-4.00", "16.00"]);
    assert_eq!(legs.map(|leg| ledger.held(FIRST, leg)), [10, -4, 6]);
    // Seen as one: 6 lots that cost 100 − 44.
    let net = Position { lots: 6, basis: money("56"), ..Position::default() };
    assert_eq!(ledger.position(FIRST), net);
    // Half the short is bought back at 12.00: 22 came in, 24 went out.
    trade(&mut ledger, FIRST, (Leg::Short, BUY), (2, 1200));
    let short = ledger.position_on(FIRST, Leg::Short);
    assert_eq!((short.lots, short.basis, short.realised), (-2, money("22"), money("-2")));
    assert_eq!(ledger.position_on(FIRST, Leg::Long).realised, Money::ZERO);
    assert_eq!(text(ledger.equity()), "10016.00");
}

#[test]
fn only_profit_and_loss_change_hands_on_margin() {
    let mut ledger = account(PositionMode::Netted);
    // 0.5 × 40,000 is not paid.
    trade(&mut ledger, SECOND, (Leg::Net, BUY), (500, 400_000));
    assert_eq!((ledger.cash(), text(ledger.equity())), (money("10000"), "10000.00".into()));
    ledger.mark(SECOND, Price(402_000)).expect("in range");
    assert_eq!((ledger.cash(), text(ledger.equity())), (money("10000"), "10100.00".into()));
    assert_eq!(text(ledger.gross()), "20100.00");
    // Turned round at 40,200: 100 are paid out, 0.25 are short.
    trade(&mut ledger, SECOND, (Leg::Net, SELL), (750, 402_000));
    assert_eq!((ledger.cash(), text(ledger.equity())), (money("10100"), "10100.00".into()));
    ledger.mark(SECOND, Price(404_000)).expect("in range");
    assert_eq!((ledger.cash(), text(ledger.equity())), (money("10100"), "10050.00".into()));
}

#[test]
fn a_fill_on_a_leg_that_is_not_there_is_refused() {
    let check = |mode, leg, side| {
        let mut ledger = account(mode);
        let refused = ledger.apply(&fill(&account(mode), FIRST, (leg, side), (1, 100)));
        assert_eq!(refused, Err(Error::Leg { instrument: FIRST, leg, mode }));
        assert_eq!(ledger, account(mode));
    };
    check(PositionMode::Hedged, Leg::Net, BUY);
    check(PositionMode::Netted, Leg::Long, BUY);
    check(PositionMode::Netted, Leg::Short, SELL);
}

#[test]
fn a_leg_never_turns_round() {
    let mut ledger = account(PositionMode::Hedged);
    trade(&mut ledger, FIRST, (Leg::Long, BUY), (10, 1000));
    trade(&mut ledger, FIRST, (Leg::Short, SELL), (4, 1000));
    for (leg, side, held) in [(Leg::Long, SELL, 10), (Leg::Short, BUY, 4)] {
        let (before, asked) = (ledger.clone(), held + 1);
        let refused = ledger.apply(&fill(&before, FIRST, (leg, side), (asked, 1000)));
        assert_eq!(refused, Err(Error::Overclosed { instrument: FIRST, leg, held, asked }));
        assert_eq!(ledger, before);
        trade(&mut ledger, FIRST, (leg, side), (held, 1000));
        assert_eq!(ledger.held(FIRST, leg), 0);
    }
}

#[test]
fn what_can_be_closed_is_what_is_held_on_the_other_side() {
    let check = |ledger: &Ledger, leg, want: [u64; 2]| {
        assert_eq!([BUY, SELL].map(|side| ledger.closable(FIRST, leg, side)), want, "{leg}");
    };
    let mut hedged = account(PositionMode::Hedged);
    trade(&mut hedged, FIRST, (Leg::Long, BUY), (10, 1000));
    trade(&mut hedged, FIRST, (Leg::Short, SELL), (4, 1000));
    check(&hedged, Leg::Long, [0, 10]);
    check(&hedged, Leg::Short, [4, 0]);
    check(&hedged, Leg::Net, [0, 0]);
    let mut netted = account(PositionMode::Netted);
    check(&netted, Leg::Net, [0, 0]);
    trade(&mut netted, FIRST, (Leg::Net, SELL), (3, 1000));
    check(&netted, Leg::Net, [3, 0]);
    check(&netted, Leg::Short, [0, 0]);
    let held = [Leg::Net, Leg::Long, Leg::Short].map(|leg| netted.held(FIRST, leg));
    assert_eq!(held, [-3, 0, -3]);
    assert_eq!(netted.closable(InstrumentId(9), Leg::Net, BUY), 0);
}
