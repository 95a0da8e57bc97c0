//! Text from outside, made safe to show.

/// The most characters of a venue's words that are kept.
const KEPT: usize = 200;

/// Without what moves a terminal's cursor or turns the direction of text round, and cut.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(shown).take(KEPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_venue_move_no_cursor() {
        assert_eq!(clean("no\u{1b}[2J \u{202e}money\r\n"), "no[2J money");
        assert_eq!(clean(&"ä".repeat(300)).chars().count(), 200);
    }
}
