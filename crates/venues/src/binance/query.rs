//! Parameters, as they are sent and signed.

use super::{millis, sign};
use crate::Setup;
use market::{Price, Quantity, Timestamp, Traded};
use std::fmt::Write as _;

/// Parameters in the order in which they were given.
#[derive(Default)]
pub(super) struct Query(String);

impl Query {
    /// With room for an order.
    pub(super) fn new() -> Self {
        Self(String::with_capacity(384))
    }

    fn name(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
    }

    /// A value of plain letters, digits and signs that need no escape.
    pub(super) fn plain(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.push_str(value);
    }

    /// Any text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                self.0.push(char::from(byte));
            } else {
                let _ = write!(self.0, "%{byte:02X}");
            }
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self, name: &str, value: impl Into<i64>) {
        self.name(name);
        let _ = write!(self.0, "{}", value.into());
    }

    /// A price of an instrument.
    pub(super) fn price(&mut self, name: &str, one: &Traded, price: Price) {
        self.name(name);
        one.push_price(price, &mut self.0);
    }

    /// A size of an instrument; says whether the venue has such sizes.
    pub(super) fn size(&mut self, name: &str, one: &Traded, quantity: Quantity) -> bool {
        self.name(name);
        one.push_size(quantity, &mut self.0)
    }

    /// What was given, unsigned.
    pub(super) fn unsigned(self) -> String {
        self.0
    }

    /// What was given, with window, time and signature.
    pub(super) fn signed(mut self, setup: &Setup, now: Timestamp) -> String {
        self.number("recvWindow", setup.window_ms);
        self.number("timestamp", millis(now));
        let signature = sign(&setup.keys.secret, self.0.as_bytes());
        self.plain("signature", &signature);
        self.0
    }
}
