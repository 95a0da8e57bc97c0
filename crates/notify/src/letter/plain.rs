//! A letter as plain text: 72 columns, which no quoting makes wider than 78.

use super::words::Words;

const COLUMNS: usize = 72;

/// The text, with LF between lines; only a link may be longer than a line.
pub fn set(words: &Words<'_>, footer: &[String]) -> String {
    let mut blocks: Vec<String> = vec![wrapped(words.subject, "")];
    blocks.extend(words.paragraphs.iter().map(|text| wrapped(text, "")));
    if !words.facts.is_empty() {
        let facts =
            words.facts.iter().map(|(name, value)| wrapped(&format!("{name}: {value}"), "  "));
        blocks.push(facts.collect::<Vec<_>>().join("\n"));
    }
    if let Some((label, link)) = &words.action {
        blocks.push(format!("{}\n{}", wrapped(&format!("{label}:"), ""), link.expose()));
    }
    blocks.extend(words.after.iter().map(|text| wrapped(text, "")));
    // "-- " is where mail programs cut a signature off; a person who quotes the letter does not quote this.
    blocks.push(format!(
        "-- \n{}",
        footer.iter().map(|line| wrapped(line, "")).collect::<Vec<_>>().join("\n")
    ));
    blocks.join("\n\n") + "\n"
}

/// Lines of at most 72 characters; a word that is longer is cut. Lines after the first begin with `indent`.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = Vec::new();
    let mut line = indent.to_owned();
    let mut filled = 0;
    let words = text.split(' ').filter(|word| !word.is_empty()).flat_map(pieces);
    for word in words {
        let width = word.chars().count();
        let gap = usize::from(filled > 0);
        if filled > 0 && indent.len() + filled + gap + width > COLUMNS {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
            filled = 0;
        }
        if filled > 0 {
            line.push(' ');
            filled += 1;
        }
        line.push_str(&word);
        filled += width;
    }
    lines.push(line);
    lines.join("\n")
}

/// A word in pieces that fit a line.
fn pieces(word: &str) -> Vec<String> {
    let chars: Vec<char> = word.chars().collect();
    chars.chunks(COLUMNS - 4).map(|piece| piece.iter().collect()).collect()
}
