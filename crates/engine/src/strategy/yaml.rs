//! YAML text into a tree in which every key and value knows its bytes.
//!
//! Scalars stay text: what is a number or a word is decided by the key that asks for it, so
//! `yes`, `no` and `012` have no meaning of their own. Anchors, aliases, tags, merges and several
//! documents are refused: a strategy says what it says where it says it.

use crate::Problem;
use factor::Span;
use granit_parser::{Event, Parser, ScalarStyle};

/// Nesting deeper than this is refused; a strategy needs two.
const DEPTH_MAX: usize = 16;
/// More keys and values than this are refused.
const NODES_MAX: usize = 20_000;

/// A value and its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub span: Span,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Scalar { text: String, style: ScalarStyle },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Kind {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Scalar { .. } => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads one document; `None` if the text holds nothing but comments.
pub(crate) fn read(text: &str) -> Result<Option<Node>, Problem> {
    refuse_tabs(text)?;
    let mut reader = Reader { text, parser: Parser::new_from_str(text), nodes: 0 };
    let mut root = None;
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            _ if root.is_some() => {
                let message = "a second document starts here";
                return Err(reader
                    .problem(span, "documents", message)
                    .help("keep one strategy in one file: remove everything from `---` on"));
            }
            event => root = Some(reader.node(event, span, 0)?),
        }
    }
    Ok(root)
}

fn refuse_tabs(text: &str) -> Result<(), Problem> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let tab = line.get(..indent).and_then(|blank| blank.find('\t'));
        if let (Some(tab), false) = (tab, line.trim().is_empty()) {
            let span = Span { start: start + tab, end: start + tab + 1 };
            return Err(Problem::at(text, span, "tab", "a tab stands in the indentation")
                .help("YAML is indented by spaces: replace the tab by two spaces"));
        }
        start += line.len();
    }
    Ok(())
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Problem> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                let range = span.byte_range().unwrap_or(0..0);
                Ok(Some((event, Span { start: range.start, end: range.end.max(range.start) })))
            }
            Some(Err(error)) => {
                let start = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
                let end = self
                    .text
                    .get(start..)
                    .and_then(|t| t.chars().next())
                    .map_or(start, |c| start + c.len_utf8());
                let message = format!("this is not YAML: {}", error.info());
                Err(self.problem(Span { start, end }, "yaml", message).help(
                    "write `key: value`, one to a line; quote a value that has `: ` or ` #` in it",
                ))
            }
        }
    }

    fn problem(&self, span: Span, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::at(self.text, span, code, message)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Problem> {
        self.nodes += 1;
        if depth > DEPTH_MAX || self.nodes > NODES_MAX {
            let message = "the text is nested too deeply or has too many values";
            return Err(self.problem(span, "too-large", message));
        }
        let refuse = |reader: &Self| {
            let message = "anchors, aliases and tags are not used in strategies";
            Err(reader.problem(span, "not-plain", message).help("write the value out"))
        };
        match event {
            Event::Scalar(text, style, 0, None) => {
                Ok(Node { span, kind: Kind::Scalar { text: text.into_owned(), style } })
            }
            Event::SequenceStart(_, 0, None) => self.list(span, depth),
            Event::MappingStart(_, 0, None) => self.map(span, depth),
            _ => refuse(self),
        }
    }

    fn list(&mut self, span: Span, depth: usize) -> Result<Node, Problem> {
        let mut items = Vec::new();
        let mut end = span.end;
        while let Some((event, at)) = self.next()? {
            end = end.max(at.end);
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.node(event, at, depth + 1)?);
        }
        Ok(Node { span: Span { start: span.start, end }, kind: Kind::List(items) })
    }

    fn map(&mut self, span: Span, depth: usize) -> Result<Node, Problem> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut end = span.end;
        while let Some((event, at)) = self.next()? {
            end = end.max(at.end);
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, at, depth + 1)?;
            let Some((event, at)) = self.next()? else { break };
            let value = self.node(event, at, depth + 1)?;
            end = end.max(value.span.end);
            entries.push((key, value));
        }
        Ok(Node { span: Span { start: span.start, end }, kind: Kind::Map(entries) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scalar_knows_its_bytes() {
        let check = |text: &str, marked: &str, value: &str| {
            let root = read(text).expect("reads").expect("is not empty");
            let Kind::Map(entries) = root.kind else { panic!("{text} is a mapping") };
            let (_, node) = entries.first().expect("has a key");
            let Kind::Scalar { text: found, .. } = &node.kind else { panic!("{text} is a scalar") };
            assert_eq!((node.span.of(text), found.as_str()), (marked, value));
        };
        check("a: b # c", "b", "b");
        check("a: 'b''c'", "'b''c'", "b'c");
        check("a: \"b\\tc\"", "\"b\\tc\"", "b\tc");
        check("a: b\n  c\n", "b\n  c", "b c");
        check("a: >\n  b\n  c\n", "b\n  c\n", "b c\n");
        check("a: |-\n  b\n  c\n", "b\n  c\n", "b\nc");
        check("ä: yes", "yes", "yes");
    }
}
