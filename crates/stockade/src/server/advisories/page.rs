//! The pages about advisories, in HTML that needs no script.

use super::words::Words;
use crate::{
    server::posture::page::{Language, framed},
    tearsheet::escape,
};
use disclosure::{Advisory, Range};
use jiff::Timestamp;
use std::fmt::Write as _;

const HERE: &str = "/security/advisories";

/// A page for one reader at one server.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The server's name.
    pub host: &'a str,
    /// The reader's language.
    pub language: Language,
}

impl Page<'_> {
    fn words(&self) -> &'static Words {
        Words::of(self.language)
    }

    fn link(&self, path: &str) -> String {
        format!("{path}?lang={}", self.language.as_str())
    }

    fn framed(&self, here: &str, title: &str, body: &str) -> String {
        framed((self.host, here), self.language, title, &format!("<main>\n{body}</main>\n"))
    }

    /// All advisories, the newest first.
    #[must_use]
    pub fn list(&self, advisories: &[Advisory]) -> String {
        let words = self.words();
        let mut body = format!("<h1>{}</h1>\n<p class=\"lead\">{}</p>\n", words.title, words.lead);
        if advisories.is_empty() {
            let _ = writeln!(body, "<p>{}</p>", words.none);
        }
        for one in advisories {
            let _ = writeln!(
                body,
                "<article class=\"claim\">\n<h3><a href=\"{}\">{}</a> {}</h3>\n<p>{}</p>\n\
                 <p class=\"sort\">{} · {} {}</p>\n</article>",
                self.link(&format!("{HERE}/{}", one.id)),
                one.id,
                escape(one.draft.title()),
                escape(one.draft.summary()),
                self.rating(one),
                words.published,
                moment(one.published()),
            );
        }
        let _ = writeln!(
            body,
            "<p class=\"sort\">{}: <a href=\"/.well-known/csaf/provider-metadata.json\">CSAF</a> · \
             <a href=\"/.well-known/csaf/\">{}</a> · \
             <a href=\"/.well-known/stockade/advisories/index.json\">OSV</a> · \
             <a href=\"/.well-known/stockade/security-key.asc\">{}</a></p>\n\
             <p><a href=\"{}\">{}</a></p>",
            words.for_programs,
            words.files,
            words.key,
            self.link("/security/report"),
            words.report,
        );
        self.framed(HERE, words.title, &body)
    }

    /// One advisory.
    #[must_use]
    pub fn advisory(&self, one: &Advisory) -> String {
        let (words, draft) = (self.words(), &one.draft);
        let mut body = format!(
            "<h1>{}</h1>\n<p class=\"lead\">{}</p>\n{}",
            escape(draft.title()),
            escape(draft.summary()),
            self.facts(one)
        );
        for (heading, text) in [(words.details, draft.details()), (words.advice, draft.advice())] {
            let _ = writeln!(body, "<h2>{heading}</h2>\n{}", paragraphs(text));
        }
        if !draft.links().is_empty() {
            let _ = writeln!(body, "<h2>{}</h2>\n<ul>", words.references);
            for link in draft.links() {
                let url = escape(&link.url);
                let _ = writeln!(
                    body,
                    "<li>{} <a rel=\"noreferrer\" href=\"{url}\">{url}</a></li>",
                    words.kind(link.kind)
                );
            }
            body += "</ul>\n";
        }
        let _ = writeln!(body, "<h2>{}</h2>\n<ol class=\"turns\">", words.history);
        for revision in one.revisions() {
            let note = escape(&revision.note);
            let _ = writeln!(body, "<li>{} {note}</li>", moment(revision.at));
        }
        let csaf = format!("/.well-known/csaf/{}", one.path());
        let _ = writeln!(
            body,
            "</ol>\n<p class=\"sort\">{}: <a href=\"{csaf}\">CSAF</a> (<a href=\"{csaf}.sha256\">SHA-256</a>, \
             <a href=\"{csaf}.sha512\">SHA-512</a>, <a href=\"{csaf}.asc\">{}</a>) · \
             <a href=\"/.well-known/stockade/advisories/{}.osv.json\">OSV</a></p>\n\
             <p><a href=\"{}\">{}</a></p>",
            words.for_programs,
            words.signature,
            one.id,
            self.link(HERE),
            words.all,
        );
        self.framed(&format!("{HERE}/{}", one.id), &one.id.to_string(), &body)
    }

    /// A folder of files, for whoever walks by hand.
    #[must_use]
    pub fn folder(&self, here: &str, names: &[String]) -> String {
        let mut body = format!("<h1>{}</h1>\n<ul>\n", escape(here));
        for name in names {
            let name = escape(name);
            let _ = writeln!(body, "<li><a href=\"{here}{name}\">{name}</a></li>");
        }
        self.framed(here, self.words().files, &(body + "</ul>\n"))
    }

    fn rating(&self, one: &Advisory) -> String {
        let draft = &one.draft;
        format!("{} ({})", self.words().severity(draft.severity()), draft.score())
    }

    fn facts(&self, one: &Advisory) -> String {
        let words = self.words();
        let mut text = "<dl class=\"facts\">\n".to_owned();
        let mut add = |name: &str, value: &str| {
            let _ = writeln!(text, "<div><dt>{name}</dt><dd>{value}</dd></div>");
        };
        add(words.name, &one.id.to_string());
        let vector = escape(one.draft.vector());
        add(words.rated, &format!("{} <code>{vector}</code>", self.rating(one)));
        let affected: Vec<String> = one.draft.ranges().iter().map(|one| words.range(one)).collect();
        add(words.affected, &affected.join("; "));
        let fixed = one.draft.ranges().iter().filter_map(|one| one.fixed);
        let fixed: Vec<String> = fixed.map(|version| version.to_string()).collect();
        let none = words.no_fix.to_owned();
        add(words.fixed, &if fixed.is_empty() { none } else { fixed.join(", ") });
        add(words.published, &moment(one.published()));
        if !one.changes.is_empty() {
            add(words.changed, &moment(one.last().at));
        }
        if let Some(origin) = &one.origin {
            add(words.received, &moment(origin.received));
            let leaf = format!(
                "<code>{}</code> · {} {} · <a href=\"/log/checkpoint\">/log/checkpoint</a>",
                escape(&origin.sha256),
                words.leaf,
                origin.leaf
            );
            add(words.digest, &leaf);
            if let Some(name) = &origin.thanks {
                add(words.credit, &escape(name));
            }
        }
        text + "</dl>\n"
    }
}

impl Words {
    fn range(&self, range: &Range) -> String {
        match range.fixed {
            Some(fixed) => {
                format!("{} {} {} {fixed}", self.from, range.introduced, self.before)
            }
            None => format!("{} {}", self.from, range.introduced),
        }
    }
}

fn moment(time: Timestamp) -> String {
    let (exact, read) = (time.strftime("%Y-%m-%dT%H:%M:%SZ"), time.strftime("%Y-%m-%d %H:%M UTC"));
    format!("<time datetime=\"{exact}\">{read}</time>")
}

/// A text whose paragraphs have an empty line between them.
fn paragraphs(text: &str) -> String {
    let mut said = String::new();
    for part in text.split("\n\n").map(str::trim).filter(|part| !part.is_empty()) {
        let _ = writeln!(said, "<p>{}</p>", escape(part).replace('\n', "<br>\n"));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use disclosure::{Draft, Origin, Revision, Wording};

    fn advisory() -> Advisory {
        let text = str::to_owned;
        let wording = Wording {
            title: text("<b>A</b> door"),
            summary: text("It & its hinge."),
            details: text("One <script>alert(1)</script>\nline.\n\nTwo."),
            advice: text("Update."),
            cvss: text("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"),
            affected: text("0.1.0..0.2.0, 0.3.0.."),
            references: vec![(text("fix"), text("https://a.example/?a=1&b=2"))],
        };
        Advisory {
            id: "STOCKADE-2026-001".parse().expect("a name"),
            draft: Draft::new(&wording).expect("is one"),
            first: Revision {
                number: 1,
                at: Timestamp::from_second(1_790_000_000).expect("a time"),
                note: text("<i>Published</i>"),
            },
            changes: Vec::new(),
            origin: Some(Origin {
                received: Timestamp::from_second(1_780_000_000).expect("a time"),
                sha256: "ab".repeat(32),
                leaf: 7,
                thanks: Some(text("Ada <L.>")),
            }),
        }
    }

    #[test]
    fn what_is_written_is_shown_and_is_never_markup() {
        let page = |language| Page { host: "trade.example", language }.advisory(&advisory());
        let text = page(Language::English);
        for part in [
            "&lt;b&gt;A&lt;/b&gt; door",
            "It &amp; its hinge.",
            "<p>One &lt;script&gt;alert(1)&lt;/script&gt;<br>\nline.</p>\n<p>Two.</p>",
            "high (7.5)",
            "from 0.1.0 on, before 0.2.0; from 0.3.0",
            "href=\"https://a.example/?a=1&amp;b=2\"",
            "Ada &lt;L.&gt;",
            "&lt;i&gt;Published&lt;/i&gt;",
            "leaf 7",
            "/.well-known/csaf/2026/stockade-2026-001.json.sha512",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("<script"), "it needs none");
        assert!(page(Language::German).contains("hoch (7.5)"));
        let mut unnamed = advisory();
        unnamed.origin = None;
        let text = Page { host: "trade.example", language: Language::English }.advisory(&unnamed);
        assert!(!text.contains("Ada") && !text.contains("/log/checkpoint"), "{text}");
    }
}
