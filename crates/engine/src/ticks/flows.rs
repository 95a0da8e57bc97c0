//! Cash that moved without a fill, as bytes.

use super::wire::{Wire, tag};
use market::Currency;
use portfolio::{CashFlow, Flow};

/// Three letters are written as they are; a longer or shorter ticker behind its length, which no
/// letter equals.
impl Wire for Currency {
    fn put(&self, out: &mut Vec<u8>) {
        let letters = self.as_str().as_bytes();
        if letters.len() != 3 {
            #[allow(clippy::cast_possible_truncation, reason = "at most 12")]
            out.push(letters.len() as u8);
        }
        out.extend_from_slice(letters);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let length = match bytes.first()? {
            length if usize::from(*length) <= Self::LETTERS_MAX => {
                *bytes = bytes.get(1..)?;
                usize::from(*length)
            }
            _ => 3,
        };
        let (letters, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        std::str::from_utf8(letters).ok()?.parse().ok()
    }
}

impl Wire for Flow {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Funding { rate, value } => {
                out.push(0);
                rate.put(out);
                value.put(out);
            }
            Self::Dividend { per_unit, lots } => {
                out.push(1);
                per_unit.put(out);
                lots.put(out);
            }
            Self::Borrow { yearly, value } => {
                out.push(2);
                yearly.put(out);
                value.put(out);
            }
            Self::Interest { yearly, balance } => {
                out.push(3);
                yearly.put(out);
                balance.put(out);
            }
            Self::Booked => out.push(5),
            Self::Fraction { numerator, denominator } => {
                out.push(4);
                numerator.put(out);
                denominator.put(out);
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(match tag(bytes)? {
            0 => Self::Funding { rate: Wire::read(bytes)?, value: Wire::read(bytes)? },
            1 => Self::Dividend { per_unit: Wire::read(bytes)?, lots: Wire::read(bytes)? },
            2 => Self::Borrow { yearly: Wire::read(bytes)?, value: Wire::read(bytes)? },
            3 => Self::Interest { yearly: Wire::read(bytes)?, balance: Wire::read(bytes)? },
            4 => Self::Fraction { numerator: Wire::read(bytes)?, denominator: Wire::read(bytes)? },
            5 => Self::Booked,
            _ => return None,
        })
    }
}

impl Wire for CashFlow {
    fn put(&self, out: &mut Vec<u8>) {
        self.instrument.put(out);
        self.leg.put(out);
        self.currency.put(out);
        self.amount.put(out);
        self.flow.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            instrument: Wire::read(bytes)?,
            leg: Wire::read(bytes)?,
            currency: Wire::read(bytes)?,
            amount: Wire::read(bytes)?,
            flow: Wire::read(bytes)?,
        })
    }
}
