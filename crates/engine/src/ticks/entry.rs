//! What a block says, one thing after the other.

use super::wire::{Wire, tag};
use crate::{
    Action, Command, TimerId,
    order::{Order, Refusal, Update},
};
use market::Timestamp;
use portfolio::CashFlow;

/// One thing that a block of ticks says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// So many ticks that the tape brought, in its order.
    Market(u64),
    /// One tick: a venue said something.
    Update(Update),
    /// One tick: a venue made an order of its own.
    Adopted(Order),
    /// One tick: a venue booked cash that no trade moved, at a time.
    Booked(CashFlow, Timestamp),
    /// One tick: a timer was due, at a time.
    Timer(TimerId, Timestamp),
    /// One tick: a person wanted something, at a time.
    Command(Command, Timestamp),
    /// No tick of its own: what the tick before it made the kernel ask for.
    Action(Action),
    /// No tick of its own: what the tick before it made the kernel refuse.
    Refusal(Refusal),
    /// No tick of its own: what the tick before it paid or brought, beside fills.
    Flow(CashFlow),
}

const MARKET: u8 = 0;
const UPDATE: u8 = 1;
const TIMER: u8 = 2;
const COMMAND: u8 = 3;
const ACTION: u8 = 4;
const REFUSAL: u8 = 5;
const ADOPTED: u8 = 6;
const FLOW: u8 = 7;
const BOOKED: u8 = 8;

impl Entry {
    /// Ticks that it stands for.
    #[must_use]
    pub const fn ticks(&self) -> u64 {
        match self {
            Self::Market(count) => *count,
            Self::Update(_)
            | Self::Adopted(_)
            | Self::Booked(..)
            | Self::Timer(..)
            | Self::Command(..) => 1,
            Self::Action(_) | Self::Refusal(_) | Self::Flow(_) => 0,
        }
    }
}

impl Wire for Entry {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Market(count) => market(out, *count),
            Self::Update(update) => self::update(out, update),
            Self::Booked(flow, now) => {
                out.push(BOOKED);
                flow.put(out);
                now.put(out);
            }
            Self::Timer(timer, now) => {
                out.push(TIMER);
                timer.0.put(out);
                now.put(out);
            }
            Self::Command(command, now) => {
                out.push(COMMAND);
                command.put(out);
                now.put(out);
            }
            Self::Action(action) => self::action(out, action),
            Self::Refusal(refusal) => self::refusal(out, refusal),
            Self::Flow(flow) => self::flow(out, flow),
            Self::Adopted(order) => {
                out.push(ADOPTED);
                order.put(out);
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match tag(bytes)? {
            MARKET => Self::Market(Wire::read(bytes)?),
            UPDATE => Self::Update(Wire::read(bytes)?),
            TIMER => Self::Timer(TimerId(Wire::read(bytes)?), Wire::read(bytes)?),
            COMMAND => Self::Command(Wire::read(bytes)?, Wire::read(bytes)?),
            ACTION => Self::Action(Wire::read(bytes)?),
            REFUSAL => Self::Refusal(Wire::read(bytes)?),
            ADOPTED => Self::Adopted(Wire::read(bytes)?),
            FLOW => Self::Flow(Wire::read(bytes)?),
            BOOKED => Self::Booked(Wire::read(bytes)?, Wire::read(bytes)?),
            _ => return None,
        })
    }
}

pub(super) fn market(out: &mut Vec<u8>, count: u64) {
    out.push(MARKET);
    count.put(out);
}

pub(super) fn update(out: &mut Vec<u8>, update: &Update) {
    out.push(UPDATE);
    update.put(out);
}

pub(super) fn action(out: &mut Vec<u8>, action: &Action) {
    out.push(ACTION);
    action.put(out);
}

pub(super) fn refusal(out: &mut Vec<u8>, refusal: &Refusal) {
    out.push(REFUSAL);
    refusal.put(out);
}

pub(super) fn flow(out: &mut Vec<u8>, flow: &CashFlow) {
    out.push(FLOW);
    flow.put(out);
}

impl Wire for Command {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Gate(state) => {
                out.push(0);
                state.put(out);
            }
            Self::Cancel(order) => {
                out.push(1);
                order.put(out);
            }
            Self::Flatten => out.push(2),
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match tag(bytes)? {
            0 => Self::Gate(Wire::read(bytes)?),
            1 => Self::Cancel(Wire::read(bytes)?),
            2 => Self::Flatten,
            _ => return None,
        })
    }
}

impl Wire for Action {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Submit(order) => {
                out.push(0);
                order.put(out);
            }
            Self::Cancel(order, instrument) => {
                out.push(1);
                order.put(out);
                instrument.put(out);
            }
            Self::Amend(order, instrument, change) => {
                out.push(2);
                order.put(out);
                instrument.put(out);
                change.put(out);
            }
            Self::Timer(timer, at) => {
                out.push(3);
                timer.0.put(out);
                at.put(out);
            }
            Self::State(state) => {
                out.push(4);
                state.put(out);
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match tag(bytes)? {
            0 => Self::Submit(Wire::read(bytes)?),
            1 => Self::Cancel(Wire::read(bytes)?, Wire::read(bytes)?),
            2 => Self::Amend(Wire::read(bytes)?, Wire::read(bytes)?, Wire::read(bytes)?),
            3 => Self::Timer(TimerId(Wire::read(bytes)?), Wire::read(bytes)?),
            4 => Self::State(Wire::read(bytes)?),
            _ => return None,
        })
    }
}

/// The entries of a block's payload; a payload that means nothing ends with an error.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

/// Bytes of a block that are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{left} bytes before the end of a block there is no entry: the log is damaged")]
pub struct Damaged {
    /// Bytes that are left.
    pub left: usize,
}

impl<'a> Entries<'a> {
    /// Of a payload.
    #[must_use]
    pub const fn of(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        let left = self.rest.len();
        if left == 0 {
            return None;
        }
        let entry = Entry::read(&mut self.rest).ok_or(Damaged { left });
        if entry.is_err() {
            self.rest = &[];
        }
        Some(entry)
    }
}
