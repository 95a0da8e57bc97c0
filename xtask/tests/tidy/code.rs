//! Rust text with comments and literals blanked, so that a rule sees only what runs.

/// The same lines, with comments, strings and characters replaced by spaces.
pub fn code_of(text: &str) -> String {
    let mut rest = text;
    let mut code = String::with_capacity(text.len());
    while let Some(first) = rest.chars().next() {
        let blank = comment(rest).or_else(|| literal(rest, code.chars().last()));
        let (length, visible) = blank.map_or((first.len_utf8(), true), |length| (length, false));
        let (piece, tail) = rest.split_at(length);
        if visible {
            code.push_str(piece);
        } else {
            code.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = tail;
    }
    code
}

/// Code without its test modules: what follows `#[cfg(test)]` up to the closing brace.
pub fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        let (before, tail) = rest.split_at(start);
        kept.push_str(before);
        rest = tail.split_at(item_length(tail)).1;
    }
    kept + rest
}

/// Bytes up to the end of the item that starts here: its block or its semicolon.
fn item_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0_usize);
    while let Some(here) = rest.get(at..) {
        if here.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += here.chars().next()?.len_utf8();
        }
    }
    Some(rest.len())
}

fn literal(rest: &str, before: Option<char>) -> Option<usize> {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with('"') {
        return Some(quoted(rest, '"'));
    }
    if !in_word && (rest.starts_with("r\"") || rest.starts_with("r#")) {
        let hashes = rest.chars().skip(1).take_while(|c| *c == '#').count();
        let open = format!("r{}\"", "#".repeat(hashes));
        let body = rest.strip_prefix(open.as_str())?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = body.find(&close).map_or(body.len(), |at| at + close.len());
        return Some(open.len() + end);
    }
    // A lifetime has no closing quote after one character.
    let mut characters = rest.strip_prefix('\'')?.chars();
    match (characters.next()?, characters.next()) {
        ('\\', _) => Some(quoted(rest, '\'')),
        (c, Some('\'')) => Some(2 + c.len_utf8()),
        _ => None,
    }
}

/// Bytes of a quoted literal, both quotes included; a backslash takes the next character.
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

#[test]
fn only_what_runs_is_left() {
    let check = |text: &str, want: &str| {
        let code = code_of(text);
        assert_eq!(code.split_whitespace().collect::<Vec<_>>().join(" "), want, "{text}");
        assert_eq!(code.lines().count(), text.lines().count(), "{text}");
    };
    check("a // HashMap\nb", "a b");
    check("a /* x /* y */ z\n */ b", "a b");
    check(r#"f("std::fs \" HashMap") g"#, "f( ) g");
    check("let x = r#\"a \"quoted\" b\"#;", "let x = ;");
    check("fn f<'a>(c: &'a char) { '\"' '\\'' 'x' }", "fn f<'a>(c: &'a char) { }");
}

#[test]
fn test_modules_are_taken_out() {
    let text = "a\n#[cfg(test)]\nmod tests { fn f() { x } }\nb\n#[cfg(test)]\nmod more;\nc";
    let kept = without_tests(text);
    assert_eq!(kept.split_whitespace().collect::<Vec<_>>(), ["a", "b", "c"]);
}
