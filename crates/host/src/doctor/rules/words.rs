//! The words of files of rules.

/// The words of a line as `iptables-restore` has them: what is quoted is one word, and begins with the quote, so that
/// it is no option and no target. None where a quote is left open.
pub(super) fn iptables(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '"' => {
                let word = word.get_or_insert_default();
                word.push('"');
                loop {
                    match rest.next()? {
                        '\\' => word.push(rest.next()?),
                        '"' => break,
                        c => word.push(c),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// The words of nftables' language. `{`, `}`, `,` and the ends of statements (`;`) are words by themselves; what is
/// quoted is one word that begins with a quote; comments are left out.
pub(super) fn nft(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let plain = !(c.is_whitespace() || "\"#{},;".contains(c));
        if plain && !(c == '\\' && rest.peek() == Some(&'\n')) {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        match c {
            '{' | '}' | ',' | ';' => words.push(c.to_string()),
            '\n' => words.push(";".to_owned()),
            '\\' => drop(rest.next()),
            '#' => while rest.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                let mut said = "\"".to_owned();
                // A text of nftables has no escapes.
                said.extend(rest.by_ref().take_while(|c| *c != '"'));
                words.push(said);
            }
            _ => {}
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_one_word_and_what_is_a_comment_none() {
        let words = |text: &str| iptables(text).map(|words| words.join("|"));
        let check = |text: &str, want: &str| assert_eq!(words(text).as_deref(), Some(want));
        check("-A INPUT  -j ACCEPT", "-A|INPUT|-j|ACCEPT");
        check("--comment \"a -j \\\"DROP\\\" b\" -j x", "--comment|\"a -j \"DROP\" b|-j|x");
        check("--comment don't -j x", "--comment|don't|-j|x");
        assert_eq!(words("--comment \"a -j x"), None);
        let words = |text: &str| nft(text).join("|");
        assert_eq!(words("tcp dport{22,443}accept;"), "tcp|dport|{|22|,|443|}|accept|;");
        assert_eq!(
            words("log prefix \"#1; accept {\" drop # accept"),
            "log|prefix|\"#1; accept {|drop"
        );
        assert_eq!(words("a \\\n b\nc"), "a|b|;|c");
        assert_eq!(words("a \"b\nc"), "a|\"b\nc");
    }
}
