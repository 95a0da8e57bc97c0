//! Where a byte of an expression stands in the YAML text around it.

use factor::Span;
use granit_parser::ScalarStyle;

/// An expression's text and the bytes it came from.
///
/// Plain and block scalars are taken as they stand in the source: line breaks and indentation
/// are blank to the expression language, so every offset is exact. Quoted scalars are decoded
/// with a map from each byte to its source.
#[derive(Debug)]
pub(crate) struct Located {
    pub text: String,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    /// The text is the source from this byte on.
    From(usize),
    /// The source byte of each byte of the text, and of its end.
    Map(Vec<usize>),
}

impl Located {
    /// The scalar that stands at `span` of `source`, decoded by the YAML parser to `value`.
    pub(crate) fn of(source: &str, span: Span, style: ScalarStyle, value: &str) -> Self {
        let raw = span.of(source);
        let whole =
            |raw: &str, start: usize| Self { text: raw.to_owned(), origin: Origin::From(start) };
        match style {
            // The parser's span of a block scalar starts at its content, after the header line.
            ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => {
                whole(raw, span.start)
            }
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or("");
                let start = span.start + 1;
                let escapes = if style == ScalarStyle::SingleQuoted { '\'' } else { '\\' };
                if !inner.contains(escapes) {
                    return whole(inner, start);
                }
                let map = if style == ScalarStyle::SingleQuoted { doubled } else { escaped };
                let (text, origin) = map(inner, start);
                if text.split_whitespace().eq(value.split_whitespace()) {
                    return Self { text, origin: Origin::Map(origin) };
                }
                // An escape that this map does not know: the place is the whole scalar.
                let origin = Origin::Map(vec![span.start; value.len() + 1]);
                Self { text: value.to_owned(), origin }
            }
        }
    }

    /// Where a stretch of the text stands in the source.
    pub(crate) fn source(&self, span: Span) -> Span {
        match &self.origin {
            Origin::From(start) => Span { start: start + span.start, end: start + span.end },
            Origin::Map(map) => {
                let at = |offset: usize| map.get(offset).or(map.last()).copied().unwrap_or(0);
                let start = at(span.start);
                Span { start, end: at(span.end).max(start) }
            }
        }
    }
}

fn doubled(inner: &str, start: usize) -> (String, Vec<usize>) {
    let mut decoded = Decoded::default();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\'' {
            chars.next_if(|(_, next)| *next == '\'');
        }
        decoded.push(c, start + at);
    }
    decoded.finish(start + inner.len())
}

fn escaped(inner: &str, start: usize) -> (String, Vec<usize>) {
    let mut decoded = Decoded::default();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        if c != '\\' {
            decoded.push(c, start + at);
            continue;
        }
        let Some((_, kind)) = chars.next() else { break };
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let mut code = 0_u32;
        for (_, digit) in chars.by_ref().take(digits) {
            code = (code << 4) | digit.to_digit(16).unwrap_or(0);
        }
        match kind {
            '\n' => {}
            'x' | 'u' | 'U' => decoded.push(char::from_u32(code).unwrap_or('\u{fffd}'), start + at),
            'n' => decoded.push('\n', start + at),
            't' => decoded.push('\t', start + at),
            'r' => decoded.push('\r', start + at),
            other => decoded.push(other, start + at),
        }
    }
    decoded.finish(start + inner.len())
}

#[derive(Default)]
struct Decoded {
    text: String,
    origin: Vec<usize>,
}

impl Decoded {
    fn push(&mut self, c: char, at: usize) {
        self.text.push(c);
        self.origin.extend(std::iter::repeat_n(at, c.len_utf8()));
    }

    fn finish(mut self, end: usize) -> (String, Vec<usize>) {
        self.origin.push(end);
        (self.text, self.origin)
    }
}
