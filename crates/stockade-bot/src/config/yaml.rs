//! YAML text into a tree in which every key and value knows its line and column.
//!
//! Scalars stay text: what is a number or a word is decided by the key that asks for it, so `yes`, `no`
//! and `012` have no meaning of their own. Anchors, tags and second documents are refused.

use super::Problem;
use granit_parser::{Event, Parser, ScalarStyle, StrInput};

/// Nesting deeper than this is refused; a configuration needs three.
const DEPTH_MAX: usize = 8;
/// More keys and values than this are refused.
const NODES_MAX: usize = 5_000;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub at: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A single value; `None` where nothing is written.
    Scalar(Option<String>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Kind {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads one document; `None` if the text holds nothing but comments.
pub(super) fn read(text: &str) -> Result<Option<Node>, Problem> {
    let mut reader = Reader { text, parser: Parser::new_from_str(text), nodes: 0 };
    let mut root = None;
    while let Some((event, at)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            _ if root.is_some() => {
                let help = "keep one configuration in one file: remove everything from `---` on";
                return Err(Problem::at(text, at, "a second document starts here", help));
            }
            event => root = Some(reader.node(event, at, 0)?),
        }
    }
    Ok(root)
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, usize)>, Problem> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                Ok(Some((event, span.byte_range().map_or(0, |range| range.start))))
            }
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
                let what = format!("this is not YAML: {}", error.info());
                let help = "write `key: value`, one to a line, indented by spaces; quote a value that has `: ` or ` #` in it";
                Err(Problem::at(self.text, at, &what, help))
            }
        }
    }

    fn node(&mut self, event: Event<'a>, at: usize, depth: usize) -> Result<Node, Problem> {
        self.nodes += 1;
        if depth > DEPTH_MAX || self.nodes > NODES_MAX {
            let what = "the text is nested too deeply or has too many values";
            return Err(Problem::at(self.text, at, what, "a configuration needs three levels"));
        }
        match event {
            Event::Scalar(text, style, 0, None) => {
                let empty = style == ScalarStyle::Plain
                    && (text.is_empty() || text == "~" || text == "null");
                let text = (!empty).then(|| text.into_owned());
                Ok(Node { at, kind: Kind::Scalar(text) })
            }
            Event::SequenceStart(_, 0, None) => self.list(at, depth),
            Event::MappingStart(_, 0, None) => self.map(at, depth),
            _ => {
                let what = "anchors, aliases and tags are not used here";
                Err(Problem::at(self.text, at, what, "write the value out"))
            }
        }
    }

    fn list(&mut self, at: usize, depth: usize) -> Result<Node, Problem> {
        let mut items = Vec::new();
        while let Some((event, place)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.node(event, place, depth + 1)?);
        }
        Ok(Node { at, kind: Kind::List(items) })
    }

    fn map(&mut self, at: usize, depth: usize) -> Result<Node, Problem> {
        let mut entries = Vec::new();
        while let Some((event, place)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, place, depth + 1)?;
            let Some((event, place)) = self.next()? else { break };
            let value = self.node(event, place, depth + 1)?;
            entries.push((key, value));
        }
        Ok(Node { at, kind: Kind::Map(entries) })
    }
}
