//! What stands in the venue's fields.

use market::{Quantity, Timestamp, Traded};
use serde::Deserialize;
use std::{borrow::Cow, ops::Deref};

/// A field that is not what it should be, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread(pub &'static str);

/// A text, borrowed from the message where it has no escapes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Milliseconds since 1970, of a time.
pub(super) const fn millis(time: Timestamp) -> i64 {
    time.nanos().div_euclid(1_000_000)
}

/// A time, of milliseconds since 1970.
pub(super) fn time(text: &str, field: &'static str) -> Result<Timestamp, Unread> {
    let ms = text.parse::<i64>().ok().and_then(|ms| ms.checked_mul(1_000_000));
    ms.map(Timestamp::from_nanos).ok_or(Unread(field))
}

/// A size in lots, what is no whole lot cut off.
pub(super) fn lots_down(traded: &Traded, text: &str) -> Option<Quantity> {
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    (0..=decimals + 1).find_map(|cut| {
        let kept = text.len().checked_sub(cut)?;
        traded.lots(text.get(..kept)?)
    })
}

/// A venue's words without what could move a cursor or turn a line around, cut to 200 characters.
pub(super) fn clean(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !c.is_control() && !turns(*c)).take(200).collect()
}
