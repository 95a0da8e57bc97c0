//! Words of code: what is left of a Rust source without its comments and texts.

/// How often the word `unsafe` stands in code.
pub fn unsafe_words(source: &str) -> usize {
    // Most files never say it, and need no reading letter by letter.
    if !source.contains("unsafe") {
        return 0;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code(source).split(|c: char| !is_word(c)).filter(|word| *word == "unsafe").count()
}

/// The source, each comment and each text a space.
fn code(source: &str) -> String {
    let mut left = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| text(rest, &left)).or_else(|| letter(rest));
        if let Some(skipped) = skipped {
            left.push(' ');
            rest = rest.get(skipped..).unwrap_or_default();
        } else {
            left.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    left
}

/// Length of the comment that begins here.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        if tail.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if tail.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(rest.len())
}

/// Length of the text that begins here: `"…"`, `r"…"`, `r#"…"#`, and those of bytes and of C.
fn text(rest: &str, before: &str) -> Option<usize> {
    if rest.starts_with('"') {
        return Some(quoted(rest, '"'));
    }
    // An `r` at the end of a word is no beginning of a text.
    if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let raw = ["r", "br", "cr"].iter().find_map(|start| rest.strip_prefix(start))?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    let inner = raw.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let head = rest.len() - inner.len();
    Some(inner.find(&end).map_or(rest.len(), |at| head + at + end.len()))
}

/// Length of the letter in quotes that begins here; a lifetime is none.
fn letter(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    let mut letters = inner.chars();
    let (first, second) = (letters.next()?, letters.next()?);
    (first == '\\' || second == '\'').then(|| quoted(rest, '\''))
}

/// Length of what stands in these quotes, escapes included.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_counts() {
        let check = |source: &str, want: usize| assert_eq!(unsafe_words(source), want, "{source}");
        check("unsafe { f() }", 1);
        check("pub unsafe fn f() {} // unsafe\n unsafe impl Send for X {}", 2);
        check("/* unsafe /* unsafe */ unsafe */ fn f() {}", 0);
        check(r#"let a = "unsafe \" unsafe"; unsafe {}"#, 1);
        check("let a = r#\"unsafe \" unsafe\"#; unsafe {}", 1);
        check("let a = br\"unsafe\"; let c = '\"'; unsafe {}", 1);
        check("fn f<'a>(x: &'a str) { '\\''; unsafe {} }", 1);
        check("forbid(unsafe_code)", 0);
        check("\"not closed unsafe", 0);
        check("for\"unsafe\"", 0);
    }
}
