//! The exchange in a box over real sockets: our own clients at it, and one that knows nothing of us.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: it starts programs, reads the real clock, says what it skips, and a failure may panic"
)]

mod independent;
mod support;

use edge::{Faults, Handled, Rate, Refusal};
use engine::{
    live::{
        Answer, Book, Call, FillReport, Mode, OrderReport, OrderState, Permission, RefusedKind,
        Unknown, Word,
    },
    order::{Amendment, OrderKind},
};
use feeds::{Ask, Step, Told, Topic};
use market::{BarSize, Product, Quantity, Side, Timestamp, VenueName};
use portfolio::Leg;
use std::collections::BTreeSet;
use stockade_bot::boxed::ScopeName;
use support::{BTC, SOON, Seat, everywhere, name, named, now, open, open_as, order};

fn state(report: &Word, client: &str, wanted: OrderState) -> Option<OrderReport> {
    match report {
        Word::Order(it) if it.client == Some(name(client)) && it.state == wanted => Some(*it),
        _ => None,
    }
}

const fn fill(word: &Word) -> Option<FillReport> {
    match word {
        Word::Fill(it) => Some(*it),
        _ => None,
    }
}

async fn shown(seat: &Seat, client: &str) -> OrderReport {
    match seat.call(&Call::Order(named(client))).await {
        Answer::Order(report) => report,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn orders_are_made_changed_and_taken_back_and_the_stream_tells_it() {
    for (venue, product) in everywhere() {
        let here = open(venue, product, &[ScopeName::Trade]).await;
        let seat = here.seat(0);
        let mut words = seat.listen().await;
        let (price, lots) = (here.far().await, here.lots("0.02"));
        let place = |name| Call::Place(order(name, Side::Buy, lots, OrderKind::Limit { price }));
        let made = seat.call(&place("first")).await;
        assert!(matches!(made, Answer::Order(_) | Answer::Done), "{venue} {made:?}");
        words.find(|word| state(word, "first", OrderState::Working)).await;
        let seen = shown(&seat, "first").await;
        assert_eq!((seen.kind, seen.quantity.0), (OrderKind::Limit { price }, lots), "{venue}");
        let again = seat.call(&place("first")).await;
        let is_known =
            matches!(&again, Answer::Refused(it) if it.kind == RefusedKind::DuplicateName);
        assert!(is_known, "{venue} {again:?}");

        let change = Amendment {
            quantity: Some(Quantity(lots / 2)),
            price: (product == Product::Perpetual).then_some(price),
            trigger: None,
        };
        let changed = seat.call(&Call::Amend(named("first"), change, Some(Side::Buy))).await;
        assert!(matches!(changed, Answer::Order(_) | Answer::Done), "{venue} {changed:?}");
        assert_eq!(shown(&seat, "first").await.quantity.0, lots / 2, "{venue}");
        let listed = seat.call(&Call::OpenOrders(Some(BTC), Book::Both)).await;
        assert!(matches!(&listed, Answer::Orders(all) if all.len() == 1), "{venue} {listed:?}");

        let gone = seat.call(&Call::Cancel(named("first"))).await;
        assert!(matches!(gone, Answer::Order(_) | Answer::Done), "{venue} {gone:?}");
        words.find(|word| state(word, "first", OrderState::Cancelled)).await;
        let late = seat.call(&Call::Cancel(named("first"))).await;
        assert!(matches!(late, Answer::Refused(_) | Answer::NotFound), "{venue} {late:?}");
        assert_eq!(
            seat.call(&Call::OpenOrders(None, Book::Both)).await,
            Answer::Orders(Vec::new())
        );
    }
}

#[tokio::test]
async fn what_trades_is_told_asked_and_held_alike_and_is_nobody_elses() {
    for (venue, product) in everywhere() {
        let here = open(venue, product, &[ScopeName::Trade]).await;
        let (one, two) = (here.seat(0), here.seat(1));
        let (mut words, mut others) = (one.listen().await, two.listen().await);
        let (began, lots) = (now(), here.lots("0.02"));
        let buy = Call::Place(order("taker", Side::Buy, lots, OrderKind::Market));
        one.call(&buy).await;
        let told = words.find(fill).await;
        assert_eq!((told.client, told.quantity.0), (Some(name("taker")), lots), "{venue}");
        assert_eq!(shown(&one, "taker").await.state, OrderState::Filled, "{venue}");
        let since = Timestamp::from_nanos(began.nanos() - 1_000_000_000);
        let ask = Call::Fills { instrument: BTC, since, after: None };
        let Answer::Fills { fills, .. } = one.call(&ask).await else { panic!("{venue}") };
        let asked: Vec<_> =
            fills.iter().map(|it| (it.trade, it.price, it.quantity, it.fee)).collect();
        assert_eq!(asked, [(told.trade, told.price, told.quantity, told.fee)], "{venue}");
        if product == Product::Perpetual {
            let Answer::Positions(held) = one.call(&Call::Positions).await else {
                panic!("{venue}")
            };
            let held: Vec<_> = held.iter().map(|it| (it.lots.unsigned_abs(), it.entry)).collect();
            assert_eq!(held, [(lots, Some(told.price))], "{venue}");
            assert_eq!(two.call(&Call::Positions).await, Answer::Positions(Vec::new()), "{venue}");
        }
        let Answer::Balances(all) = one.call(&Call::Balances).await else { panic!("{venue}") };
        assert!(all.iter().all(|it| it.total >= it.available), "{venue} {all:?}");
        assert_eq!(all.len(), if product == Product::Spot { 2 } else { 1 }, "{venue} {all:?}");
        let none = two.call(&ask).await;
        assert!(
            matches!(&none, Answer::Fills { fills, .. } if fills.is_empty()),
            "{venue} {none:?}"
        );
        let unseen = two.call(&Call::Order(named("taker"))).await;
        assert!(!matches!(unseen, Answer::Order(_)), "{venue} {unseen:?}");
        assert_eq!(others.rest().await, [], "{venue}: another account's stream is silent");
    }
}

#[tokio::test]
async fn a_stop_waits_in_the_venues_book_and_goes_with_the_rest() {
    for venue in VenueName::ALL {
        let here = open(venue, Product::Perpetual, &[ScopeName::Trade]).await;
        let seat = here.seat(0);
        let mut words = seat.listen().await;
        let (trigger, lots) = (here.far().await, here.lots("0.02"));
        seat.call(&Call::Place(order("entry", Side::Buy, lots, OrderKind::Market))).await;
        words.find(fill).await;
        let mut stop = order("stop", Side::Sell, lots, OrderKind::Stop { trigger });
        stop.ticket.restrictions = engine::order::Restrictions::REDUCE_ONLY;
        let made = seat.call(&Call::Place(stop)).await;
        assert!(matches!(made, Answer::Order(_) | Answer::Done), "{venue} {made:?}");
        words.find(|word| state(word, "stop", OrderState::Waiting)).await;
        let listed = seat.call(&Call::OpenOrders(None, Book::Both)).await;
        let Answer::Orders(all) = listed else { panic!("{venue} {listed:?}") };
        let kinds: Vec<_> = all.iter().map(|it| (it.kind, it.state)).collect();
        assert_eq!(kinds, [(OrderKind::Stop { trigger }, OrderState::Waiting)], "{venue}");
        seat.call(&Call::CancelAll(None, Book::Both)).await;
        words.find(|word| state(word, "stop", OrderState::Cancelled)).await;
    }
}

#[tokio::test]
async fn a_hedged_account_holds_both_ways_at_once() {
    for venue in VenueName::ALL {
        let scopes = [ScopeName::Trade];
        let here = open_as(venue, Product::Perpetual, &scopes, Mode::Hedge).await;
        let seat = here.seat(0);
        assert_eq!(seat.call(&Call::Mode).await, Answer::Mode(Mode::Hedge), "{venue}");
        let lots = here.lots("0.02");
        for (client, side, leg) in [("up", Side::Buy, Leg::Long), ("down", Side::Sell, Leg::Short)]
        {
            let mut new = order(client, side, lots, OrderKind::Market);
            new.ticket.leg = leg;
            let made = seat.call(&Call::Place(new)).await;
            assert!(matches!(made, Answer::Order(_) | Answer::Done), "{venue} {made:?}");
        }
        let Answer::Positions(held) = seat.call(&Call::Positions).await else { panic!("{venue}") };
        let mut held: Vec<_> = held.iter().map(|it| (it.leg, it.lots)).collect();
        held.sort_unstable();
        let lots = i64::try_from(lots).expect("few");
        let mut want = vec![(Leg::Long, lots), (Leg::Short, -lots)];
        want.sort_unstable();
        assert_eq!(held, want, "{venue}");
        let refused = seat.call(&Call::SetMode(Mode::OneWay)).await;
        assert!(matches!(refused, Answer::Refused(_)), "{venue} {refused:?}");
    }
}

/// M60: a key that may withdraw is seen; M61: so is one without addresses.
#[tokio::test]
async fn what_a_key_may_do_is_said_as_the_venue_says_it() {
    for venue in VenueName::ALL {
        let scopes = [ScopeName::Withdraw, ScopeName::NoIp];
        let here = open(venue, Product::Perpetual, &scopes).await;
        let check = async |account, withdraw, restricted| {
            let Answer::Scope(scope) = here.seat(account).call(&Call::KeyScope).await else {
                panic!("{venue}")
            };
            assert_eq!((scope.trade, scope.withdraw), (Permission::Yes, withdraw), "{venue}");
            assert_eq!(scope.restricted, restricted, "{venue}");
        };
        check(0, Permission::Yes, Permission::Yes).await;
        check(1, Permission::No, Permission::No).await;
    }
}

#[tokio::test]
async fn a_wrong_signature_and_a_wrong_clock_are_refused_in_the_venues_words() {
    for (venue, product) in everywhere() {
        let here = open(venue, product, &[ScopeName::Trade]).await;
        let check = |answer: Answer, wanted: RefusedKind| {
            let Answer::Refused(refused) = answer else { panic!("{venue} {answer:?}") };
            assert_eq!(refused.kind, wanted, "{venue} {refused:?}");
        };
        let seat = here.seat(0);
        let early = Timestamp::from_nanos(now().nanos() - 120_000_000_000);
        check(seat.call_at(&Call::Balances, early).await, RefusedKind::Clock);
        let late = Timestamp::from_nanos(now().nanos() + 120_000_000_000);
        check(seat.call_at(&Call::Balances, late).await, RefusedKind::Clock);
        let mut forged = here.keys[0].clone();
        forged.secret.push('0');
        check(here.seat_with(forged.keys()).call(&Call::Balances).await, RefusedKind::Key);
        let mut foreign = here.keys[0].clone();
        foreign.key.push('0');
        check(here.seat_with(foreign.keys()).call(&Call::Balances).await, RefusedKind::Key);
        assert!(matches!(seat.call(&Call::Balances).await, Answer::Balances(_)), "{venue}");
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_or_stands_in_says_nothing_of_the_order() {
    for venue in VenueName::ALL {
        let here = open(venue, Product::Perpetual, &[ScopeName::Trade]).await;
        let seat = here.seat(0);
        let (price, lots) = (here.far().await, here.lots("0.02"));
        let check = async |client: &str, faults: Faults, wanted: Unknown| {
            here.open.faults.set(faults);
            let kind = OrderKind::Limit { price };
            let answer = seat.call(&Call::Place(order(client, Side::Buy, lots, kind))).await;
            assert_eq!(answer, Answer::Unknown(wanted), "{venue} {client}");
            here.open.faults.set(Faults::default());
            assert_eq!(shown(&seat, client).await.state, OrderState::Working, "{venue} {client}");
        };
        let lost = Faults { drop_response: Rate::ALWAYS, ..Faults::default() };
        check("lost", lost, Unknown::Lost).await;
        let cut = Faults { cut_response: Rate::ALWAYS, ..Faults::default() };
        check("cut", cut, Unknown::Lost).await;
        let page = Refusal::html(Rate::ALWAYS, 200, Handled::Yes);
        let page = Faults { refusals: vec![page], ..Faults::default() };
        check("page", page, Unknown::Garbled).await;
        let gateway = Refusal::html(Rate::ALWAYS, 502, Handled::Yes);
        let gateway = Faults { refusals: vec![gateway], ..Faults::default() };
        here.open.faults.set(gateway);
        let kind = OrderKind::Limit { price };
        let answer = seat.call(&Call::Place(order("gateway", Side::Buy, lots, kind))).await;
        assert!(matches!(answer, Answer::Unknown(_)), "{venue} {answer:?}");
        here.open.faults.set(Faults::default());
        assert_eq!(shown(&seat, "gateway").await.state, OrderState::Working, "{venue}");

        here.open.faults.set(Faults { drop_request: Rate::ALWAYS, ..Faults::default() });
        let answer = seat.call(&Call::Place(order("unheard", Side::Buy, lots, kind))).await;
        assert!(matches!(answer, Answer::Unknown(_)), "{venue} {answer:?}");
        let mut busy = stockade_bot::boxed::faults("busy", venue, 1).expect("a name");
        busy.refusals.truncate(1);
        busy.refusals[0].rate = Rate::ALWAYS;
        here.open.faults.set(busy);
        let answer = seat.call(&Call::Place(order("busy", Side::Buy, lots, kind))).await;
        assert!(matches!(answer, Answer::Throttled { .. }), "{venue} {answer:?}");
        here.open.faults.set(Faults::default());
        for client in ["unheard", "busy"] {
            let answer = seat.call(&Call::Order(named(client))).await;
            assert!(!matches!(answer, Answer::Order(_)), "{venue} {client} {answer:?}");
        }
    }
}

#[tokio::test]
async fn words_that_come_twice_name_the_same_trade() {
    for (venue, product) in everywhere() {
        let here = open(venue, product, &[ScopeName::Trade]).await;
        let seat = here.seat(0);
        let mut words = seat.listen().await;
        here.open.faults.set(Faults { duplicate_message: Rate::ALWAYS, ..Faults::default() });
        let lots = here.lots("0.02");
        seat.call(&Call::Place(order("twice", Side::Buy, lots, OrderKind::Market))).await;
        let told: Vec<FillReport> = words.rest().await.iter().filter_map(fill).collect();
        let trades: BTreeSet<_> = told.iter().map(|it| it.trade).collect();
        assert_eq!((told.len(), trades.len()), (2, 1), "{venue} {told:?}");
    }
}

#[tokio::test]
async fn public_data_is_what_a_bot_warms_up_with_and_follows() {
    for (venue, product) in everywhere() {
        let here = open(venue, product, &[ScopeName::Trade]).await;
        let Told::Time(time) = here.told(&Ask::Time).await else { panic!("{venue}") };
        assert!((time.nanos() - now().nanos()).abs() < 5_000_000_000, "{venue}");
        let Told::Instruments(all) = here.told(&Ask::Instruments(product, Vec::new())).await else {
            panic!("{venue}")
        };
        let told: Vec<_> = all.iter().map(|one| (&one.native, &one.listing)).collect();
        let listed: Vec<_> =
            here.roster.all().iter().map(|one| (&one.native, &one.listing)).collect();
        for ((native, own), (other, theirs)) in told.iter().zip(&listed) {
            assert_eq!(native, other, "{venue}");
            assert_eq!(
                own.instrument.price_scale, theirs.instrument.price_scale,
                "{venue} {native}"
            );
            assert_eq!(own.price_step, theirs.price_step, "{venue} {native}");
            assert_eq!(own.notional_min, theirs.notional_min, "{venue} {native}");
        }
        assert_eq!(told.len(), 2, "{venue}");
        let minute = 60_000_000_000;
        let to = Timestamp::from_nanos(now().nanos() / minute * minute);
        let from = Timestamp::from_nanos(to.nanos() - 100 * minute);
        let ask = Ask::Bars { instrument: BTC, size: BarSize::MINUTE, from, to };
        let Told::Bars(bars) = here.told(&ask).await else { panic!("{venue}") };
        assert_eq!((bars.len(), bars[0].0), (100, from), "{venue}");
        assert!(
            bars.windows(2).all(|two| two[1].0.nanos() - two[0].0.nanos() == minute),
            "{venue}"
        );
        follow(&here).await;
    }
}

/// Hears quotes, trades and the book until each was told, and no sequence broke.
async fn follow(here: &support::Here) {
    let topics = [Topic::Trades(BTC), Topic::Quotes(BTC), Topic::Book(BTC)];
    let source = here.source();
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    for mut stream in source.streams(&topics, &here.roster) {
        let (http, said) = (here.http.clone(), said.clone());
        tokio::spawn(async move {
            let mut socket = support::dial(&http, &stream.uri()).await;
            let (mut send, mut out) = (Vec::new(), Vec::new());
            stream.opened(now(), &mut send);
            loop {
                for text in send.drain(..) {
                    if socket.send_text(text).await.is_err() {
                        return;
                    }
                }
                match socket.next().await {
                    edge::Event::Text(text) => {
                        stream.hear(&text, now(), &mut out, &mut send).expect("it reads this");
                    }
                    edge::Event::Closed(_) => return,
                    _ => {}
                }
                // A book is asked for over there and handed in here.
                let (answer, told) = tokio::sync::oneshot::channel();
                let fetch = out.iter().find_map(|step| match step {
                    Step::Fetch(ask) => Some(ask.clone()),
                    _ => None,
                });
                if let Some(ask) = fetch {
                    said.send((Step::Fetch(ask.clone()), Some(answer))).expect("somebody hears");
                    let told: Told = told.await.expect("an answer");
                    stream.fetched(&ask, &told, &mut out);
                }
                for step in out.drain(..).filter(|step| !matches!(step, Step::Fetch(_))) {
                    if said.send((step, None)).is_err() {
                        return;
                    }
                }
            }
        });
    }
    let mut seen = BTreeSet::new();
    let all = async {
        while !["print", "quote", "depth"].iter().all(|kind| seen.contains(kind)) {
            match heard.recv().await.expect("streams live") {
                (Step::Fetch(ask), Some(answer)) => {
                    answer.send(here.told(&ask).await).expect("the stream waits");
                }
                (Step::Event(event), _) => {
                    seen.insert(event.data.name());
                }
                (Step::Gap(topic), _) => panic!("{} lost {topic:?}", here.venue),
                _ => {}
            }
        }
    };
    let heard_all = tokio::time::timeout(SOON, all).await.is_ok();
    assert!(heard_all, "{} {}: only {seen:?}", here.venue, here.product.name());
}
