//! The terms on which weaknesses are looked for and reported: one text a language, with its version and digest.

use seal::sha256;

/// A language of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// English.
    English,
    /// German.
    German,
}

/// The terms in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Which version; another text is another one.
    pub version: &'static str,
    /// The text: a line is a paragraph, a heading behind `# `, or a point behind `- `.
    pub text: &'static str,
}

/// A part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// What a part is about.
    Heading(&'static str),
    /// A sentence or a few.
    Paragraph(&'static str),
    /// One of several points.
    Point(&'static str),
}

impl Policy {
    /// The version that is in force.
    pub const VERSION: &'static str = "1";

    /// The terms in a language.
    #[must_use]
    pub const fn of(tongue: Tongue) -> Self {
        let text = match tongue {
            Tongue::English => include_str!("../policy/en.txt"),
            Tongue::German => include_str!("../policy/de.txt"),
        };
        Self { version: Self::VERSION, text }
    }

    /// SHA-256 of the text, hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        hex::encode(sha256(self.text.as_bytes()))
    }

    /// The text, part by part.
    pub fn blocks(self) -> impl Iterator<Item = Block> {
        self.text.lines().filter(|line| !line.is_empty()).map(|line| {
            match (line.strip_prefix("# "), line.strip_prefix("- ")) {
                (Some(heading), _) => Block::Heading(heading),
                (None, Some(point)) => Block::Point(point),
                (None, None) => Block::Paragraph(line),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClockKind;

    /// What each version said. A text that is changed needs a new line here, and a new version.
    const VERSIONS: [(&str, &str, &str); 1] = [(
        "1",
        "848d348b13e70e0356439324567efca779d29206a6b9390b95beb2e224b50c6d",
        "5f0520ed631e6d54f4068884f6b68e59afe526c67942015a132b7bb3be0225aa",
    )];

    #[test]
    fn another_text_is_another_version() {
        let [english, german] = [Tongue::English, Tongue::German].map(Policy::of);
        let (version, en, de) = VERSIONS[VERSIONS.len() - 1];
        assert_eq!(Policy::VERSION, version);
        assert_eq!((english.digest().as_str(), german.digest().as_str()), (en, de));
    }

    #[test]
    fn both_languages_say_as_much_and_name_every_clock() {
        let shape = |tongue| {
            let kind = |block| match block {
                Block::Heading(_) => 'h',
                Block::Paragraph(_) => 'p',
                Block::Point(_) => 'i',
            };
            Policy::of(tongue).blocks().map(kind).collect::<String>()
        };
        assert_eq!(shape(Tongue::English), shape(Tongue::German));
        for (tongue, hour, day) in
            [(Tongue::English, "hours", "days"), (Tongue::German, "Stunden", "Tage")]
        {
            for kind in ClockKind::ALL {
                let hours = kind.runs().as_hours();
                let said = match kind {
                    ClockKind::Publication => format!("- {} {day}", hours / 24),
                    _ => format!("- {hours} {hour}"),
                };
                assert!(Policy::of(tongue).text.contains(&said), "{said}");
            }
        }
    }
}
