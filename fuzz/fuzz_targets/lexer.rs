//! Any bytes as a text: findings lie in it on whole characters, and completion answers at any place.
#![no_main]

use factor::{Expression, Limits, Schema, complete};
use libfuzzer_sys::fuzz_target;

/// What the checker says at most about one text.
const FINDINGS_MAX: usize = 20;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let schema = Schema { groups: ["sector".to_owned()].into(), ..Schema::bars() };
    if let Err(found) = Expression::parse(&text, &schema, &Limits::default()) {
        assert!((1..=FINDINGS_MAX).contains(&found.len()), "{} findings", found.len());
        for one in found {
            let inside = text.get(one.span.start..one.span.end);
            assert!(inside.is_some(), "{one} is not a stretch of the text");
            assert!(!one.message.is_empty() && one.message.len() < 1000, "{one}");
        }
    }
    // Completion is asked at a place in the middle of a character too.
    let places = [0, data.first().map_or(0, |at| usize::from(*at)), text.len() / 2, text.len()];
    for at in places {
        for one in complete(&text, at, &schema) {
            assert!(one.from <= text.len(), "{one:?} begins behind the text");
        }
    }
});
