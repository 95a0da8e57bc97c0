//! Foreign text made safe to show: no terminal escapes, no control characters, no turned text.

/// The text without escape sequences, control characters and marks that turn the direction of text.
///
/// What breaks a line becomes a space; the rest of what cannot be seen goes.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            // The same introducers as one character (C1).
            '\u{9b}' => skip_until(&mut chars, |c| ('\u{40}'..='\u{7e}').contains(&c)),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                out.push(' ');
            }
            c if unseen(c) => {}
            c => out.push(c),
        }
    }
    out.trim().to_owned()
}

/// Control and format characters that hide or reorder what a person reads.
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// After ESC: a sequence of the kinds CSI, OSC and string, or one character.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => skip_until(chars, |c| ('\u{40}'..='\u{7e}').contains(&c)),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(chars),
        Some('\u{20}'..='\u{2f}') => skip_until(chars, |c| ('\u{30}'..='\u{7e}').contains(&c)),
        _ => {}
    }
}

/// Up to and with the first character that ends the sequence; stops before anything no sequence holds.
fn skip_until(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, ends: impl Fn(char) -> bool) {
    while let Some(c) = chars.next_if(|c| ('\u{20}'..='\u{7e}').contains(c)) {
        if ends(c) {
            return;
        }
    }
}

/// A string that BEL or ST ends.
fn skip_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

/// The first `chars_max` characters; what was longer ends in "…".
#[must_use]
pub fn cut(text: &str, chars_max: usize) -> String {
    fit(text, chars_max, |_| 1, |c, out| out.push(c))
}

/// The text, each character written by `write`, as far as the sum of `cost` stays within `cost_max`;
/// what does not fit is replaced by "…", which counts as `cost` says. An escape is never cut in two.
pub(crate) fn fit(
    text: &str,
    cost_max: usize,
    cost: impl Fn(char) -> usize,
    write: impl Fn(char, &mut String),
) -> String {
    let total: usize = text.chars().map(&cost).sum();
    let budget = if total <= cost_max { cost_max } else { cost_max.saturating_sub(cost('…')) };
    let mut out = String::new();
    let mut spent = 0;
    for c in text.chars() {
        spent += cost(c);
        if spent > budget {
            if cost('…') <= cost_max {
                out.push('…');
            }
            break;
        }
        write(c, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn terminal_escapes_and_hidden_marks_go() {
        let check = |text: &str, want: &str| assert_eq!(clean(text), want, "{text:?}");
        check("plain – text, 漢字 🚀", "plain – text, 漢字 🚀");
        check("\u{1b}[2J\u{1b}[1;31mred\u{1b}[0m", "red");
        check("\u{1b}]0;title\u{7}after", "after");
        check("\u{1b}]8;;https://evil\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link");
        check("\u{1b}Pdevice\u{9c}x\u{1b}(B!", "x!");
        check("\u{9b}31mred", "red");
        check("a\u{1b}", "a");
        check("a\u{1b}[31", "a");
        check("a\u{1b}[31\nb", "a b");
        check("two\r\nlines\tand\u{0}nul\u{7f}", "two  lines andnul");
        check("BTC\u{202e}TDSU", "BTCTDSU");
        check("zero\u{200b}width\u{feff}", "zerowidth");
        check("  \n ", "");
    }

    #[test]
    fn a_cut_says_that_it_is_one() {
        let check = |text: &str, max, want: &str| assert_eq!(cut(text, max), want);
        check("four", 4, "four");
        check("fives", 4, "fiv…");
        check("漢字漢字漢", 4, "漢字漢…");
        check("ab", 1, "…");
        check("ab", 0, "");
    }

    proptest! {
        #[test]
        fn clean_text_stays_clean_and_short(text in any::<String>(), max in 0_usize..50) {
            let once = clean(&text);
            prop_assert!(once.chars().all(|c| !unseen(c)));
            prop_assert_eq!(clean(&once), once.clone());
            let short = cut(&once, max);
            prop_assert!(short.chars().count() <= max);
            prop_assert!(once.starts_with(short.trim_end_matches('…')));
        }
    }
}
