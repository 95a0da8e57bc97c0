//! A text that is read is shown, read again, and is then the same: text, type, look-back and lag.
//!
//! The first byte chooses between any text and a row of tokens, which gets past the lexer at once.
#![no_main]

use factor::{Expression, Limits, Schema, operators};
use libfuzzer_sys::fuzz_target;

const SIGNS: &[&str] = &[
    "(", ")", ",", "+", "-", "*", "/", "^", "<", "<=", ">", ">=", "==", "!=", " and ", " or ",
    " not ", "=", ";", " let ", " min=", " k=", "close", "open", "volume", "sector", "a", "b", "x",
    "0", "1", "2", "3", "0.5", "10", "1e300", "1e-300", "1e308", "10000", "-1", " ", "# c\n",
];

fn tokens(data: &[u8]) -> String {
    let names = operators();
    let mut text = String::new();
    let mut at = data.iter();
    while let Some(byte) = at.next() {
        let byte = usize::from(*byte);
        if byte < 160 {
            text.push_str(SIGNS[byte % SIGNS.len()]);
        } else {
            let more = at.next().map_or(0, |more| usize::from(*more));
            text.push_str(names[((byte - 160) * 256 + more) % names.len()].name);
            text.push('(');
        }
    }
    text
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, data)) = data.split_first() else { return };
    let text =
        if mode % 2 == 0 { String::from_utf8_lossy(data).into_owned() } else { tokens(data) };
    let schema = Schema { groups: ["sector".to_owned()].into(), ..Schema::bars() };
    let limits = Limits { nodes: 2000, ..Limits::default() };
    let Ok(once) = Expression::parse(&text, &schema, &limits) else { return };
    let shown = once.to_string();
    // What is shown may be longer than what was read: definitions stand in it in full.
    let roomy =
        Limits { text_bytes: usize::MAX, nodes: usize::MAX, depth: Limits::DEPTH_MAX, ..limits };
    let twice = match Expression::parse(&shown, &schema, &roomy) {
        Ok(twice) => twice,
        Err(found) if found.iter().all(|one| one.code == "depth") => return,
        Err(found) => panic!("{text:?} is shown as {shown:?}, which is refused: {found:?}"),
    };
    assert_eq!(shown, twice.to_string(), "of {text:?}");
    assert_eq!(once.result_type(), twice.result_type(), "{text:?}, {shown:?}");
    assert_eq!(
        (once.lookback(), once.lag()),
        (twice.lookback(), twice.lag()),
        "{text:?}, {shown:?}"
    );
});
