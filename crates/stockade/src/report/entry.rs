//! What a log says at a tick, in one line for a person.

use engine::{
    Action, Command,
    order::{Amount, Change, Ending, OrderId, Refusal, Ticket},
    ticks::Entry,
};
use market::{Instrument, Price, Quantity};
use portfolio::InstrumentId;

/// One entry of a log.
#[must_use]
pub fn entry(instruments: &[Instrument], entry: &Entry) -> String {
    match entry {
        Entry::Market(count) => format!("{count} rows of the market"),
        Entry::Update(update) => change(instruments, update.order, &update.change),
        Entry::Adopted(order) => {
            format!("the venue made order {}: {}", order.id.0, ticket(instruments, &order.ticket))
        }
        Entry::Booked(flow, _) => format!("the venue booked {flow}"),
        Entry::Timer(timer, now) => format!("timer {} at {now}", timer.0),
        Entry::Command(command, _) => match command {
            Command::Gate(state) => format!("a person sets the gate to {state}"),
            Command::Cancel(id) => format!("a person cancels order {}", id.0),
            Command::Flatten => "a person closes everything".to_owned(),
        },
        Entry::Action(action) => match action {
            Action::Submit(order) => {
                format!("send order {}: {}", order.id.0, ticket(instruments, &order.ticket))
            }
            Action::Cancel(id, _) => format!("take back order {}", id.0),
            Action::Amend(id, ..) => format!("change order {}", id.0),
            Action::Timer(timer, at) => format!("set timer {} to {at}", timer.0),
            Action::State(state) => format!("the gate is {state} now"),
        },
        Entry::Refusal(refusal) => refused(instruments, refusal),
        Entry::Flow(flow) => flow.to_string(),
    }
}

fn refused(instruments: &[Instrument], refusal: &Refusal) -> String {
    let one = of(instruments, refusal.instrument);
    let size = quantity(one, refusal.quantity);
    let number = refusal.order.map_or_else(String::new, |id| format!("order {}, ", id.0));
    let Refusal { side, reason, .. } = refusal;
    format!("refused: {number}{side} {size} {}: {reason}", one.symbol)
}

fn change(instruments: &[Instrument], id: OrderId, change: &Change) -> String {
    let id = id.0;
    match change {
        Change::Filled(fill) => {
            let one = of(instruments, fill.instrument);
            let price = one.price_scale.format(fill.price.0);
            let size = quantity(one, fill.quantity);
            let portfolio::Fill { side, fee, .. } = fill;
            format!("order {id}: {side} {size} {} at {price}, fee {fee}", one.symbol)
        }
        Change::Ended { why, .. } => match why {
            Ending::Cancelled => format!("order {id} is cancelled"),
            Ending::Expired => format!("order {id} has expired"),
            Ending::Refused(reason) => format!("order {id} is refused: {reason}"),
        },
        other => format!("order {id}: {}", other.name()),
    }
}

fn ticket(instruments: &[Instrument], ticket: &Ticket) -> String {
    let one = of(instruments, ticket.instrument);
    let price = |word: &str, price: Option<Price>| {
        price.map_or_else(String::new, |p| format!(" {word} {}", one.price_scale.format(p.0)))
    };
    format!(
        "{} {} {} {}{}{}, {}",
        ticket.side,
        quantity(one, ticket.quantity),
        one.symbol,
        ticket.kind.name(),
        price("at", ticket.kind.limit()),
        price("from", ticket.kind.trigger()),
        ticket.purpose.name()
    )
}

/// A figure in the units that a person reads.
pub(super) fn figure(instrument: &Instrument, amount: Amount) -> String {
    match amount {
        Amount::Lots(lots) => quantity(instrument, Quantity(lots)),
        Amount::Price(price) => instrument.price_scale.format(price.0),
        Amount::Unknown => String::new(),
        other => other.to_string(),
    }
}

/// A size in the instrument's units.
pub(super) fn quantity(instrument: &Instrument, quantity: Quantity) -> String {
    instrument.lot_scale.format(i64::try_from(quantity.0).unwrap_or(i64::MAX))
}

fn of(instruments: &[Instrument], id: InstrumentId) -> &Instrument {
    instruments.get(id.index()).expect("a run knows the instruments of its own orders")
}
