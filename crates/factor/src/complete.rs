//! Completion.

use crate::Schema;

/// What a completion stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompletionKind {
    /// A number series of the data.
    Field,
    /// A group label of the data.
    Group,
    /// An operator that is called.
    Operator,
    /// A word between operands: `and`, `or`, `not`.
    Word,
    /// A keyword argument of the call around.
    Keyword,
}

/// One word that may stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What is inserted.
    pub label: String,
    /// What it stands for.
    pub kind: CompletionKind,
    /// One line about it.
    pub detail: String,
    /// Byte offset from which the label replaces the text up to the cursor.
    pub from: usize,
}

/// What may stand at byte `offset` of a text.
#[must_use]
pub fn complete(text: &str, offset: usize, schema: &Schema) -> Vec<Completion> {
    let _ = (text, offset, schema);
    unimplemented!()
}
