//! Calls that take more than one request: the bot has to ask until the venue has said everything.

use super::*;
use std::collections::BTreeSet;

/// An order that the venue never got ends only by its word, and Bybit has two places to look into.
#[test]
fn an_order_that_is_nowhere_is_not_found() {
    for venue in VenueName::ALL {
        let mut here = Here::new(&terms(venue, walk(1)));
        let lost = OrderRef::named(BTC, name("lost1"));
        assert_eq!(here.call(&Call::Order(lost), at(20)), Answer::NotFound, "{venue}");
    }
}

#[test]
fn all_trades_are_fetched_however_many_pages_they_fill() {
    for venue in VenueName::ALL {
        let mut here = Here::new(&terms(venue, walk(1)));
        for n in 0..130_i64 {
            let side = if n % 2 == 0 { Side::Buy } else { Side::Sell };
            let now = at(5 * n);
            here.floor.advance(now).expect("the box works");
            let answer = here.place(&format!("t{n}"), side, OrderKind::Market, now);
            assert!(matches!(answer, Answer::Order(_) | Answer::Done), "{venue}: {answer:?}");
        }
        let (mut trades, mut after) = (Vec::new(), None);
        // A venue whose list goes on says so, and is asked from there: that is the session's work.
        for _ in 0..10 {
            let call = Call::Fills { instrument: BTC, since: at(0), after };
            let Answer::Fills { fills, more } = here.call(&call, at(700)) else {
                panic!("{venue}: not its trades")
            };
            trades.extend(fills.iter().map(|fill| fill.trade));
            after = fills.last().map(|fill| fill.trade);
            if !more {
                break;
            }
        }
        let once: BTreeSet<_> = trades.iter().collect();
        assert_eq!((trades.len(), once.len()), (130, 130), "{venue}");
    }
}

#[test]
fn everything_is_taken_back_and_the_answer_says_so() {
    for venue in VenueName::ALL {
        let mut here = Here::new(&terms(venue, walk(1)));
        let (bid, _) = book(&mut here, at(0));
        let far = Price(bid.0 * 95 / 100 / 1_000 * 1_000);
        for n in 0..30_i64 {
            let now = at(3 * n);
            here.floor.advance(now).expect("the box works");
            here.place(&format!("far{n}"), Side::Buy, OrderKind::Limit { price: far }, now);
        }
        let open = |here: &mut Here, now| match here.call(&Call::OpenOrders(None, Book::Both), now)
        {
            Answer::Orders(orders) => orders.len(),
            other => panic!("{venue}: {other:?}"),
        };
        assert_eq!(open(&mut here, at(100)), 30, "{venue}");
        let answer = here.call(&Call::CancelAll(Some(BTC), Book::Both), at(101));
        assert_eq!(answer, Answer::Done, "{venue}");
        assert_eq!(open(&mut here, at(102)), 0, "{venue}");
    }
}
