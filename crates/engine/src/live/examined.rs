//! An order as the keeper of orders looked at it, for people who ask why it was let through.

use super::{
    Barrier, Caps, ClientId, Custodian, Kill, Permit, custodian::Writing, placing::MINUTE,
};
use crate::order::Ticket;
use market::{Money, Timestamp};

/// Orders that wait to be taken; what comes after them is not kept.
const EXAMINED_MAX: usize = 4_096;

/// One order of the kernel before it was sent, or refused here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Its name.
    pub client: ClientId,
    /// As the kernel asked for it.
    pub ticket: Ticket,
    /// When.
    pub time: Timestamp,
    /// Whether it only shrinks what is held: then nothing here can stop it.
    pub reduces: bool,
    /// The licence.
    pub permit: Permit,
    /// The kill switch.
    pub kill: Kill,
    /// The journal.
    pub writing: Writing,
    /// Whether another bot was seen on the account.
    pub is_alone: bool,
    /// Whether orders and positions were known for certain.
    pub is_certain: bool,
    /// What its owner allows.
    pub caps: Caps,
    /// |value| of the order; `None` where no price is known.
    pub worth: Option<Money>,
    /// |value| of the position once all entries are through.
    pub position: Option<Money>,
    /// Entries in the minute before it.
    pub entries: u64,
    /// What kept it back.
    pub barrier: Option<Barrier>,
}

impl Custodian {
    /// Keeps what an order is held against, where somebody wants to see it.
    pub(super) fn examine(
        &mut self,
        client: ClientId,
        (ticket, reduces): (&Ticket, bool),
        barrier: Option<Barrier>,
        now: Timestamp,
    ) {
        if self.examined.as_ref().is_none_or(|all| all.len() >= EXAMINED_MAX) {
            return;
        }
        let exposed = self.exposure(ticket.instrument, ticket.leg, ticket.side);
        let recent = |at: &&Timestamp| now.nanos().saturating_sub(at.nanos()) < MINUTE;
        let examined = Examined {
            client,
            ticket: *ticket,
            time: now,
            reduces,
            permit: self.permit,
            kill: self.kill,
            writing: self.writing,
            is_alone: self.other_bot.is_none(),
            is_certain: self.is_certain(),
            caps: self.terms.caps,
            worth: self.worth(ticket, ticket.quantity.0),
            position: self.worth(ticket, exposed.saturating_add(ticket.quantity.0)),
            entries: self.entries.iter().filter(recent).count() as u64,
            barrier,
        };
        self.examined.get_or_insert_default().push(examined);
    }

    /// The orders since this was last asked.
    pub(super) fn take_examined(&mut self) -> Vec<Examined> {
        self.examined.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
