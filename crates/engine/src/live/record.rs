//! What is written down before it is done, so that nothing depends on the process that did it.

use super::{
    AttachedStop, ClientId, Epoch, FillReport, FundingReport, Kill, Name, TradeId, VenueId,
    report::Cause,
};
use crate::{
    order::{Order, OrderId, OrderKind, Purpose, Restrictions, Shortfall, Ticket},
    ticks::wire::{Wire, tag},
};
use market::{Currency, Money, Price, Quantity, Side, Timestamp};
use portfolio::{InstrumentId, Leg, Liquidity};

/// One line of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// A life began. Durable before its first order.
    Boot {
        /// Its epoch.
        epoch: Epoch,
        /// When.
        time: Timestamp,
    },
    /// An order is about to be sent.
    Intent(Intent),
    /// The venue gave it a number.
    Bound {
        /// The order.
        client: ClientId,
        /// Its number.
        venue: VenueId,
    },
    /// The account traded.
    Fill(FillReport),
    /// Nothing more comes of an order: all that it traded has been written down.
    Ended {
        /// The order's name.
        client: ClientId,
        /// When that became known.
        time: Timestamp,
    },
    /// An order is about to be changed.
    Change {
        /// The order.
        client: ClientId,
        /// Its ticket from now on, if the venue agrees.
        ticket: Ticket,
    },
    /// A stop is about to be taken back: it may be gone at any time from now on.
    Cancel {
        /// The stop.
        client: ClientId,
        /// When its first cancel went out.
        time: Timestamp,
    },
    /// An order of somebody else: a person, the venue, another program.
    Foreign(Intent),
    /// Funding was paid or received: from now on it is counted.
    Funding(FundingReport),
    /// A power loss took the journal's end: requests that it does not know may arrive.
    Doubt {
        /// Until then; the venue drops what arrives later.
        until: Timestamp,
    },
    /// The kill switch was pulled, or let go.
    Kill {
        /// To where.
        level: Kill,
        /// When.
        time: Timestamp,
    },
}

/// An order and what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// Its name.
    pub client: ClientId,
    /// What it is for.
    pub role: Role,
    /// As it is asked of the venue; its number is the kernel's, 0 where the kernel has not heard of it.
    pub order: Order,
    /// The stop that it brings along.
    pub stop: Option<AttachedStop>,
    /// When it was written down.
    pub time: Timestamp,
}

/// What an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The kernel asked for it.
    Kernel,
    /// It is the stop that stands at the venue for a position.
    Stop,
    /// It closes a position because the kill switch says so, or because no stop can be had.
    Close,
    /// Somebody else made it.
    Foreign,
}

impl Record {
    /// As bytes for the journal; appended.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.put(out);
    }

    /// From bytes of the journal; `None` where they are not what [`Record::write`] wrote.
    #[must_use]
    pub fn read(mut bytes: &[u8]) -> Option<Self> {
        let record = <Self as Wire>::read(&mut bytes)?;
        bytes.is_empty().then_some(record)
    }
}

impl Intent {
    /// The stop that it brings along, as an order of its own: for all that it may trade.
    #[must_use]
    pub fn brought(&self) -> Option<Self> {
        let (stop, entry) = (self.stop?, self.order.ticket);
        let ticket = Ticket {
            leg: entry.leg,
            shortfall: Shortfall::Reduce,
            purpose: Purpose::StopLoss,
            ..Ticket::market(entry.instrument, entry.side.opposite(), entry.quantity)
        };
        let ticket = ticket.of(OrderKind::Stop { trigger: stop.trigger });
        let ticket = ticket.restricted(Restrictions::REDUCE_ONLY);
        let order = Order { id: OrderId(0), ticket, ..self.order };
        Some(Self { client: stop.client, role: Role::Stop, order, stop: None, time: self.time })
    }
}

impl Wire for Record {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Boot { epoch, time } => {
                out.push(0);
                epoch.0.put(out);
                time.put(out);
            }
            Self::Intent(intent) => {
                // An intent without a stop is as it was before there were such stops.
                out.push(if intent.stop.is_some() { 8 } else { 1 });
                intent.put(out);
                if let Some(stop) = &intent.stop {
                    stop.put(out);
                }
            }
            Self::Bound { client, venue } => {
                out.push(2);
                client.put(out);
                venue.put(out);
            }
            Self::Fill(fill) => {
                out.push(3);
                fill.put(out);
            }
            Self::Ended { client, time } => {
                out.push(4);
                client.put(out);
                time.put(out);
            }
            Self::Change { client, ticket } => {
                out.push(5);
                client.put(out);
                ticket.put(out);
            }
            Self::Cancel { client, time } => {
                out.push(11);
                client.put(out);
                time.put(out);
            }
            Self::Foreign(intent) => {
                out.push(6);
                intent.put(out);
            }
            Self::Funding(paid) => {
                out.push(9);
                paid.put(out);
            }
            Self::Doubt { until } => {
                out.push(10);
                until.put(out);
            }
            Self::Kill { level, time } => {
                out.push(7);
                level.put(out);
                time.put(out);
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match tag(bytes)? {
            0 => Self::Boot { epoch: Epoch(Wire::read(bytes)?), time: Wire::read(bytes)? },
            1 => Self::Intent(Wire::read(bytes)?),
            2 => Self::Bound { client: Wire::read(bytes)?, venue: Wire::read(bytes)? },
            3 => Self::Fill(Wire::read(bytes)?),
            4 => Self::Ended { client: Wire::read(bytes)?, time: Wire::read(bytes)? },
            5 => Self::Change { client: Wire::read(bytes)?, ticket: Wire::read(bytes)? },
            6 => Self::Foreign(Wire::read(bytes)?),
            7 => Self::Kill { level: Wire::read(bytes)?, time: Wire::read(bytes)? },
            8 => {
                let intent = Intent::read(bytes)?;
                Self::Intent(Intent { stop: Some(Wire::read(bytes)?), ..intent })
            }
            9 => Self::Funding(Wire::read(bytes)?),
            10 => Self::Doubt { until: Wire::read(bytes)? },
            11 => Self::Cancel { client: Wire::read(bytes)?, time: Wire::read(bytes)? },
            _ => return None,
        })
    }
}

impl<const N: usize> Wire for Name<N> {
    fn put(&self, out: &mut Vec<u8>) {
        let text = self.as_str().as_bytes();
        (text.len() as u64).put(out);
        out.extend_from_slice(text);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let length = usize::try_from(u64::read(bytes)?).ok()?;
        let (text, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        std::str::from_utf8(text).ok()?.parse().ok()
    }
}

/// A choice among a few, as the byte of its place.
fn put_choice<T: PartialEq>(all: &[T], one: &T, out: &mut Vec<u8>) {
    let place = all.iter().position(|other| other == one).unwrap_or_default();
    (place as u64).put(out);
}

fn read_choice<T: Copy>(all: &[T], bytes: &mut &[u8]) -> Option<T> {
    all.get(usize::from(tag(bytes)?)).copied()
}

const ROLES: [Role; 4] = [Role::Kernel, Role::Stop, Role::Close, Role::Foreign];
const CAUSES: [Cause; 4] =
    [Cause::Owner, Cause::Liquidation, Cause::Deleveraging, Cause::Settlement];

impl Wire for Role {
    fn put(&self, out: &mut Vec<u8>) {
        put_choice(&ROLES, self, out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        read_choice(&ROLES, bytes)
    }
}

impl Wire for Kill {
    fn put(&self, out: &mut Vec<u8>) {
        put_choice(&Kill::ALL, self, out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        read_choice(&Kill::ALL, bytes)
    }
}

impl Wire for Cause {
    fn put(&self, out: &mut Vec<u8>) {
        put_choice(&CAUSES, self, out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        read_choice(&CAUSES, bytes)
    }
}

impl Wire for AttachedStop {
    fn put(&self, out: &mut Vec<u8>) {
        self.client.put(out);
        self.trigger.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { client: Wire::read(bytes)?, trigger: Wire::read(bytes)? })
    }
}

/// All of it but the stop that it brings along, which whoever writes it puts behind.
impl Wire for Intent {
    fn put(&self, out: &mut Vec<u8>) {
        self.client.put(out);
        self.role.put(out);
        self.order.put(out);
        self.time.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            client: Wire::read(bytes)?,
            role: Wire::read(bytes)?,
            order: Wire::read(bytes)?,
            stop: None,
            time: Wire::read(bytes)?,
        })
    }
}

impl Wire for FundingReport {
    fn put(&self, out: &mut Vec<u8>) {
        self.payment.put(out);
        self.instrument.put(out);
        self.leg.put(out);
        self.amount.put(out);
        self.currency.put(out);
        self.time.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            payment: <TradeId as Wire>::read(bytes)?,
            instrument: <InstrumentId as Wire>::read(bytes)?,
            leg: <Leg as Wire>::read(bytes)?,
            amount: <Money as Wire>::read(bytes)?,
            currency: <Currency as Wire>::read(bytes)?,
            time: Wire::read(bytes)?,
        })
    }
}

impl Wire for FillReport {
    fn put(&self, out: &mut Vec<u8>) {
        self.trade.put(out);
        self.client.put(out);
        self.venue.put(out);
        self.instrument.put(out);
        self.side.put(out);
        self.leg.put(out);
        self.price.put(out);
        self.quantity.put(out);
        self.fee.put(out);
        self.fee_currency.put(out);
        self.liquidity.put(out);
        self.cause.put(out);
        self.time.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            trade: <TradeId as Wire>::read(bytes)?,
            client: Wire::read(bytes)?,
            venue: Wire::read(bytes)?,
            instrument: <InstrumentId as Wire>::read(bytes)?,
            side: <Side as Wire>::read(bytes)?,
            leg: <Leg as Wire>::read(bytes)?,
            price: <Price as Wire>::read(bytes)?,
            quantity: <Quantity as Wire>::read(bytes)?,
            fee: <Money as Wire>::read(bytes)?,
            fee_currency: <Option<Currency> as Wire>::read(bytes)?,
            liquidity: <Liquidity as Wire>::read(bytes)?,
            cause: Wire::read(bytes)?,
            time: Wire::read(bytes)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{OrderId, OrderKind};
    use proptest::prelude::*;

    fn records() -> Vec<Record> {
        let client = Epoch(7).name(3).expect("in range");
        let time = Timestamp::from_nanos(1_700_000_000_000_000_000);
        let ticket = Ticket::market(InstrumentId(2), Side::Sell, Quantity(5))
            .of(OrderKind::Stop { trigger: Price(-4) });
        let order = Order { id: OrderId(9), tick: 12, row: 3, time, ticket };
        let intent = Intent { client, role: Role::Stop, order, stop: None, time };
        let stop = AttachedStop { client: "p1".parse().expect("a name"), trigger: Price(-4) };
        let fill = FillReport {
            trade: "123-ab".parse().expect("a name"),
            client: None,
            venue: Some("9".parse().expect("a name")),
            instrument: InstrumentId(1),
            side: Side::Buy,
            leg: Leg::Short,
            price: Price(10),
            quantity: Quantity(4),
            fee: Money(-3),
            fee_currency: Some(Currency::USDT),
            liquidity: Liquidity::Maker,
            cause: Cause::Deleveraging,
            time,
        };
        vec![
            Record::Boot { epoch: Epoch(u64::MAX), time },
            Record::Intent(intent),
            Record::Intent(Intent { role: Role::Kernel, stop: Some(stop), ..intent }),
            Record::Bound { client, venue: "v-1".parse().expect("a name") },
            Record::Fill(fill),
            Record::Ended { client, time },
            Record::Change { client, ticket },
            Record::Cancel { client, time },
            Record::Foreign(Intent { role: Role::Foreign, ..intent }),
            Record::Doubt { until: time },
            Record::Kill { level: Kill::Flatten, time },
            Record::Funding(FundingReport {
                payment: "f-1".parse().expect("a name"),
                instrument: InstrumentId(3),
                leg: Leg::Long,
                amount: Money(-5),
                currency: Currency::USDT,
                time,
            }),
        ]
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_not_otherwise() {
        for record in records() {
            let mut bytes = Vec::new();
            record.write(&mut bytes);
            assert_eq!(Record::read(&bytes), Some(record));
            assert_eq!(Record::read(bytes.get(..bytes.len() - 1).expect("not empty")), None);
            bytes.push(0);
            assert_eq!(Record::read(&bytes), None, "{record:?} with a byte too many");
        }
    }

    /// An intent as journals have it that were written before a stop could come along.
    #[test]
    fn an_intent_without_a_stop_is_written_as_ever() {
        let Some(Record::Intent(intent)) = records().into_iter().nth(1) else {
            panic!("the second record is an intent")
        };
        let mut bytes = vec![1];
        intent.client.put(&mut bytes);
        intent.role.put(&mut bytes);
        intent.order.put(&mut bytes);
        intent.time.put(&mut bytes);
        let mut written = Vec::new();
        Record::Intent(intent).write(&mut written);
        assert_eq!(written, bytes);
        assert_eq!(Record::read(&bytes), Some(Record::Intent(intent)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::read(&bytes);
        }
    }
}
