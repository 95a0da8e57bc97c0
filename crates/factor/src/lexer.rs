//! Text to tokens. The language is ASCII: any other character is named and refused.

use crate::{Diagnostic, Span};

/// One word or sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token {
    Number(f64),
    Name,
    /// `$name`, the sign included.
    Parameter,
    Sign(Sign),
    End,
}

/// The signs, words among them that stand between operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Plus,
    Minus,
    Star,
    Slash,
    Caret,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
    Not,
    Open,
    Close,
    Comma,
    Assign,
    Let,
    Semicolon,
}

/// Tokens in text order, the last one [`Token::End`].
pub(crate) fn lex(text: &str, found: &mut Vec<Diagnostic>) -> Vec<(Token, Span)> {
    let mut lexer = Lexer { text, at: 0, found };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next();
        tokens.push(token);
        if token.0 == Token::End {
            return tokens;
        }
    }
}

struct Lexer<'a, 'd> {
    text: &'a str,
    at: usize,
    found: &'d mut Vec<Diagnostic>,
}

impl Lexer<'_, '_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.text.as_bytes().get(self.at).is_some_and(|b| wanted(*b)) {
            self.at += 1;
        }
    }

    fn next(&mut self) -> (Token, Span) {
        loop {
            self.skip(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
            if self.peek(0) == b'#' {
                self.skip(|b| b != b'\n');
                continue;
            }
            let start = self.at;
            if start >= self.text.len() {
                return (Token::End, Span::new(start, start));
            }
            if let Some(token) = self.token() {
                return (token, Span::new(start, self.at));
            }
        }
    }

    fn token(&mut self) -> Option<Token> {
        let first = self.peek(0);
        if first.is_ascii_digit() || (first == b'.' && self.peek(1).is_ascii_digit()) {
            return Some(self.number());
        }
        if first.is_ascii_alphabetic() || first == b'_' {
            return Some(self.word());
        }
        if first == b'$' && (self.peek(1).is_ascii_alphabetic() || self.peek(1) == b'_') {
            self.at += 1;
            self.skip(|b| b.is_ascii_alphanumeric() || b == b'_');
            return Some(Token::Parameter);
        }
        let (sign, length) = match (first, self.peek(1)) {
            (b'<', b'=') => (Sign::LessEqual, 2),
            (b'>', b'=') => (Sign::GreaterEqual, 2),
            (b'=', b'=') => (Sign::Equal, 2),
            (b'!', b'=') => (Sign::NotEqual, 2),
            (b'*', b'*') => {
                let span = Span::new(self.at, self.at + 2);
                let told = Diagnostic::error(span, "character", "`**` is not an operator");
                self.found.push(told.help("write `^` for a power"));
                (Sign::Caret, 2)
            }
            (b'+', _) => (Sign::Plus, 1),
            (b'-', _) => (Sign::Minus, 1),
            (b'*', _) => (Sign::Star, 1),
            (b'/', _) => (Sign::Slash, 1),
            (b'^', _) => (Sign::Caret, 1),
            (b'<', _) => (Sign::Less, 1),
            (b'>', _) => (Sign::Greater, 1),
            (b'(', _) => (Sign::Open, 1),
            (b')', _) => (Sign::Close, 1),
            (b',', _) => (Sign::Comma, 1),
            (b'=', _) => (Sign::Assign, 1),
            (b';', _) => (Sign::Semicolon, 1),
            _ => return self.refuse(),
        };
        self.at += length;
        Some(Token::Sign(sign))
    }

    fn word(&mut self) -> Token {
        let start = self.at;
        self.skip(|b| b.is_ascii_alphanumeric() || b == b'_');
        match self.text.get(start..self.at) {
            Some("and") => Token::Sign(Sign::And),
            Some("or") => Token::Sign(Sign::Or),
            Some("not") => Token::Sign(Sign::Not),
            Some("let") => Token::Sign(Sign::Let),
            _ => Token::Name,
        }
    }

    /// Digits, a point, an exponent. A letter or a second point glued to them is part of the error.
    fn number(&mut self) -> Token {
        let start = self.at;
        self.skip(|b| b.is_ascii_digit());
        if self.peek(0) == b'.' {
            self.at += 1;
            self.skip(|b| b.is_ascii_digit());
        }
        if matches!(self.peek(0), b'e' | b'E') {
            let signed = usize::from(matches!(self.peek(1), b'+' | b'-'));
            if self.peek(1 + signed).is_ascii_digit() {
                self.at += 1 + signed;
                self.skip(|b| b.is_ascii_digit());
            }
        }
        let end = self.at;
        self.skip(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
        let span = Span::new(start, self.at);
        let written = excerpt(span.of(self.text));
        let value = Span::new(start, end).of(self.text).parse::<f64>().unwrap_or(f64::NAN);
        if end != self.at {
            let told = Diagnostic::error(span, "number", format!("`{written}` is not a number"));
            self.found.push(told.help("write 12, 0.5 or 1e6; a product needs its `*`"));
        } else if !value.is_finite() {
            let told = format!("`{written}` is too large for a 64-bit float");
            self.found.push(Diagnostic::error(span, "number", told));
        }
        Token::Number(if value.is_finite() { value } else { 0.0 })
    }

    /// Names the character, once for a run of refused ones, and goes on after it.
    fn refuse(&mut self) -> Option<Token> {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or("");
        let Some(first) = rest.chars().next() else {
            self.at = self.text.len();
            return None;
        };
        self.at += first.len_utf8();
        while let Some(more) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            if more.is_ascii() {
                break;
            }
            self.at += more.len_utf8();
        }
        let shown = if first.is_control() || is_invisible(first) {
            format!("U+{:04X}", u32::from(first))
        } else {
            format!("`{first}` (U+{:04X})", u32::from(first))
        };
        let told = format!("{shown} at byte {start} is not part of the language, which is ASCII");
        let told = Diagnostic::error(Span::new(start, self.at), "character", told);
        self.found.push(match look_alike(first) {
            Some(help) => told.help(help),
            None => told,
        });
        None
    }
}

/// Characters that change how a text reads without being seen.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{a0}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

const fn look_alike(c: char) -> Option<&'static str> {
    match c {
        '−' | '–' | '—' => Some("write `-`"),
        '×' | '·' => Some("write `*`"),
        '÷' | ':' => Some("write `/`"),
        '≤' => Some("write `<=`"),
        '≥' => Some("write `>=`"),
        '≠' | '!' => Some("write `!=`, or `not`"),
        '“' | '”' | '"' | '\'' | '‘' | '’' => Some("names are written without quotes"),
        '&' => Some("write `and`"),
        '|' => Some("write `or`"),
        '$' => Some("a parameter's name follows its `$`: write `$fast`"),
        '[' | '{' | ']' | '}' => Some("write `(` and `)`"),
        '\u{a0}' => Some("write an ordinary space"),
        c if is_invisible(c) => Some("it is invisible: delete it"),
        _ => None,
    }
}

/// The first 40 characters of what a person typed, so that a message stays readable.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text.to_owned(),
    }
}
