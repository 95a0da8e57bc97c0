//! Laws over random limits, facts and orders: exits always pass, and nothing grows behind a hold.

use super::*;
use engine::order::{Distance, Limit, OrderKind, Purpose, Restrictions};
use engine::risk::{
    Author, Command, DailyLoss, Day, Drawdown, Measure, OrderRate, Pass, Pending, Protection,
    Reach, Restraint, RoundTrip, Scope, Sides, Threshold, TripEnd, Verdict,
};
use portfolio::{Direction, Leg};
use proptest::{option, prelude::*};

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let collar = prop_oneof![
        (1u64..5).prop_map(Distance::Ticks),
        (1i128..50).prop_map(|part| Distance::Fraction(Rate(part * 1_000_000_000))),
    ];
    let lots = || option::of((1u64..20).prop_map(Quantity));
    let money = || option::of((1i64..500).prop_map(whole));
    (lots(), money(), lots(), money(), option::of(collar), option::of((1u32..5).prop_map(secs)))
        .prop_map(
            |(
                order_size,
                order_notional,
                position,
                position_notional,
                price_collar,
                stale_price,
            )| {
                Bounds {
                    order_size,
                    order_notional,
                    position,
                    position_notional,
                    price_collar,
                    stale_price,
                }
            },
        )
}

fn restraint() -> impl Strategy<Value = Restraint> {
    prop_oneof![Just(Restraint::ReduceOnly), Just(Restraint::Halt)]
}

fn limits() -> impl Strategy<Value = Limits> {
    let rate =
        (1u32..3, 1u32..10).prop_map(|(orders, span)| OrderRate { orders, span: secs(span) });
    let drawdown = (1i128..999, restraint())
        .prop_map(|(part, then)| Drawdown { fall: Rate(part * 1_000_000_000), then });
    let daily = (1i64..200, restraint()).prop_map(|(loss, then)| DailyLoss {
        loss: Threshold::Money(whole(loss)),
        day: Day::UTC,
        then,
    });
    let (span, rest, reach) = (secs(50), secs(50), Reach::All);
    let protections = [
        Protection::StopLossGuard { losses: 1, span, rest, reach, sides: Sides::Together },
        Protection::CoolDown { after: TripEnd::Loss, rest, reach: Reach::Instrument },
        Protection::LowProfit { trips: 1, span, least: Threshold::Money(whole(1)), rest },
        Protection::Drawdown { fall: Rate(100_000_000_000), span, rest },
    ];
    let protections = prop::sample::subsequence(protections.to_vec(), 0..=4);
    let money = || option::of((1i64..900).prop_map(whole));
    let leverage = option::of((1i128..3_000).prop_map(|part| Rate(part * 1_000_000_000)));
    let account = (money(), leverage, option::of(1u64..4), option::of((1u32..20).prop_map(secs)));
    (bounds(), account, option::of(rate), option::of(drawdown), option::of(daily), protections)
        .prop_map(|(bounds, account, order_rate, drawdown, daily_loss, protections)| {
            let (exposure, leverage, working_orders, duplicate) = account;
            let limits = Limits {
                bounds,
                exposure,
                leverage,
                order_rate,
                working_orders,
                ..Limits::default()
            };
            Limits { duplicate, drawdown, daily_loss, protections, ..limits }
        })
        .prop_filter("bounds that contradict each other", |limits| limits.validate().is_ok())
}

/// Something that happens to the gate before an order comes.
fn event() -> impl Strategy<Value = Event> {
    let until = option::of((0i64..200).prop_map(at));
    prop_oneof![
        (-200i64..2_000).prop_map(Event::Equity),
        (-20i64..20).prop_map(Event::Trip),
        (restraint(), until.clone()).prop_map(|(then, until)| {
            Event::Command(Command::Hold { by: Author::Person, then, until })
        }),
        (option::of(side()), until).prop_map(|(side, until)| {
            let (scope, reason) = (Scope::All, String::new());
            Event::Command(Command::Lock { scope, side, until, reason })
        }),
        Just(Event::Order),
    ]
}

#[derive(Debug, Clone)]
enum Event {
    Equity(i64),
    Trip(i64),
    Command(Command),
    Order,
}

fn happen(gate: &mut Gate, now: i64, event: &Event) {
    let mut out = Vec::new();
    match event {
        Event::Equity(equity) => gate.on_equity(at(now), whole(*equity), &mut out),
        Event::Command(command) => gate.command(at(now), command, &mut out),
        Event::Order => drop(gate.check(&buy(1), &facts(now))),
        Event::Trip(profit) => {
            let (instrument, direction, exit) = (X, Direction::Long, Purpose::StopLoss);
            let (profit, entered) = (whole(*profit), whole(100));
            let trip = RoundTrip { instrument, direction, profit, entered, exit };
            gate.on_round_trip(at(now), &trip, &mut out);
        }
    }
}

fn pending() -> impl Strategy<Value = Pending> {
    (0u64..6, 0u64..12).prop_map(|(opening, reducing)| Pending {
        opening: Quantity(opening),
        reducing: Quantity(reducing),
    })
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let reference = option::of(
        (-200i64..200, 0i64..200)
            .prop_map(|(price, time)| Reference { price: Price(price), time: at(time) }),
    );
    let money = || (0i64..2_000).prop_map(whole);
    let account = (-500i64..2_000, money(), money(), 0u64..6);
    let work = (pending(), pending());
    (-15i64..15, work, reference, account, option::of(money())).prop_map(
        |(held, (buying, selling), reference, (equity, gross, opening, working), value)| {
            let equity = whole(equity);
            let facts =
                Facts { held, held_value: gross, buying, selling, reference, ..Facts::default() };
            Facts { equity, gross, opening, working, value, now: at(200), ..facts }
        },
    )
}

fn ticket() -> impl Strategy<Value = Ticket> {
    let kind = prop_oneof![
        Just(OrderKind::Market),
        (-300i64..300).prop_map(|price| OrderKind::Limit { price: Price(price) }),
        (-300i64..300).prop_map(|trigger| OrderKind::Stop { trigger: Price(trigger) }),
    ];
    let leg = prop_oneof![Just(Leg::Net), Just(Leg::Long), Just(Leg::Short)];
    let restrictions = prop_oneof![Just(Restrictions::NONE), Just(Restrictions::REDUCE_ONLY)];
    let purpose =
        prop_oneof![Just(Purpose::Entry), Just(Purpose::StopLoss), Just(Purpose::Flatten)];
    (side(), 0u64..20, kind, leg, restrictions, purpose).prop_map(
        |(side, lots, kind, leg, restrictions, purpose)| Ticket {
            leg,
            restrictions,
            purpose,
            ..order(side, lots).of(kind)
        },
    )
}

/// The largest position against zero that can come of it: every subset of what works may trade
/// before the ticket, reduce-only orders never cross zero.
fn worst(facts: &Facts, ticket: &Ticket) -> i64 {
    let lots = |quantity: Quantity| i64::try_from(quantity.0).expect("small");
    let sign = ticket.side.sign();
    let work = if ticket.side == Side::Buy { facts.buying } else { facts.selling };
    let reduces = ticket.restrictions.has(Restrictions::REDUCE_ONLY) || ticket.leg != Leg::Net;
    let mut most = 0;
    for opening in 0..=lots(work.opening) {
        for reducing in 0..=lots(work.reducing) {
            let held = facts.held * sign;
            let held = if held < 0 { (held + reducing).min(0) } else { held } + opening;
            let after = if reduces && held < 0 {
                (held + lots(ticket.quantity)).min(0)
            } else if reduces {
                held
            } else {
                held + lots(ticket.quantity)
            };
            // What the other orders bring about is not this one's doing.
            most = most.max(after - held.max(0));
        }
    }
    most.max(0)
}

fn opposes(facts: &Facts, ticket: &Ticket) -> bool {
    let closing_side = match ticket.leg {
        Leg::Net => true,
        Leg::Long => ticket.side == Side::Sell,
        Leg::Short => ticket.side == Side::Buy,
    };
    closing_side && facts.held.signum() == -ticket.side.sign()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_order_that_only_reduces_is_never_refused(
        limits in limits(),
        events in prop::collection::vec(event(), 0..12),
        facts in any_facts(),
        ticket in ticket(),
    ) {
        let mut gate = gate(limits);
        for (now, event) in (190..).zip(&events) {
            happen(&mut gate, now, event);
        }
        let before = says(&mut gate.clone(), &ticket, &facts);
        if opposes(&facts, &ticket) {
            let pass = gate.check(&ticket, &facts);
            prop_assert!(pass.is_ok(), "an exit was refused: {before}");
            let sent = pass.expect("it passed").ticket(&ticket);
            let held = facts.held.unsigned_abs();
            prop_assert!(sent.quantity.0 >= ticket.quantity.0.min(held), "all that closes passes");
            if worst(&facts, &ticket) == 0 {
                prop_assert_eq!(sent, ticket, "and untouched, if it only closes");
            }
        }
    }

    #[test]
    fn nothing_grows_while_the_gate_is_held(
        limits in limits(),
        events in prop::collection::vec(event(), 0..12),
        then in restraint(),
        facts in any_facts(),
        ticket in ticket(),
    ) {
        let mut gate = gate(limits);
        for (now, event) in (180..).zip(&events) {
            happen(&mut gate, now, event);
        }
        let hold = Command::Hold { by: Author::Program, then, until: None };
        happen(&mut gate, 199, &Event::Command(hold));
        match gate.check(&ticket, &facts) {
            Ok(pass) => {
                let sent = pass.ticket(&ticket);
                prop_assert!(opposes(&facts, &sent), "only what opposes a position passes");
                prop_assert_eq!(worst(&facts, &sent), 0, "and cannot go beyond it");
            }
            Err(_) => prop_assert!(!opposes(&facts, &ticket), "exits pass"),
        }
    }

    #[test]
    fn what_is_passed_over_quickly_changes_nothing(
        limits in limits(),
        steps in prop::collection::vec((0i64..40_000, -60i64..60), 1..80),
    ) {
        let (mut quick, mut slow) = (gate(limits.clone()), gate(limits));
        let (mut now, mut equity) = (0, 1_000);
        // Lifting a lock that is not there makes the gate look again at whatever comes.
        let look = Command::Unlock { scope: Scope::Instrument(Y) };
        for (step, change) in steps {
            now += step;
            equity += change;
            let (mut a, mut b) = (Vec::new(), Vec::new());
            quick.on_equity(at(now), whole(equity), &mut a);
            slow.command(at(now), &look, &mut b);
            slow.on_equity(at(now), whole(equity), &mut b);
            prop_assert_eq!(a, b);
            prop_assert_eq!(quick.view(at(now)), slow.view(at(now)));
        }
    }

    #[test]
    fn the_sheet_says_what_the_check_does(
        limits in limits(),
        events in prop::collection::vec(event(), 0..12),
        facts in any_facts(),
        ticket in ticket(),
    ) {
        let mut gate = gate(limits);
        for (now, event) in (190..).zip(&events) {
            happen(&mut gate, now, event);
        }
        let sheet = gate.sheet(&ticket, &facts);
        let breach = match gate.check(&ticket, &facts) {
            Ok(Pass::AsAsked) => None,
            Ok(Pass::Cut { breach, .. }) | Err(breach) => Some(breach),
        };
        // What follows equity acts through the state, which stands first.
        let acts = |one: &&Measure| {
            one.verdict == Verdict::Beyond
                && (!matches!(one.limit, Limit::Drawdown | Limit::DailyLoss) || breach.is_some())
        };
        let told = sheet.as_ref().and_then(|all| all.iter().find(acts));
        let told = told.map(|one| (one.limit, one.value, one.bound));
        prop_assert_eq!(told, breach.map(|one| (one.limit, one.value, one.bound)));
        if sheet.is_none() {
            prop_assert!(opposes(&facts, &ticket), "only what shrinks is held against nothing");
        }
    }

    #[test]
    fn without_limits_everything_passes_as_asked(facts in any_facts(), ticket in ticket()) {
        let mut gate = gate(Limits::default());
        prop_assert_eq!(gate.check(&ticket, &facts), Ok(Pass::AsAsked));
        prop_assert!(!gate.needs_equity());
    }
}
