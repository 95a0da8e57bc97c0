//! The lesser findings that are known: the register of the last scan of the sources, each with its standing.

use super::{Language, framed};
use crate::{server::posture::scan::Known, tearsheet::escape};
use jiff::Timestamp;
use std::fmt::Write as _;

/// The words of one language.
struct Words {
    title: &'static str,
    lead: &'static str,
    none: &'static str,
    back: &'static str,
    record: &'static str,
    since: &'static str,
    gone: &'static str,
    release: &'static str,
    statuses: [(&'static str, &'static str, &'static str); 3],
    severities: [(&'static str, &'static str); 3],
}

impl Words {
    const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }

    fn severity<'a>(&self, word: &'a str) -> &'a str {
        self.severities.iter().find(|(one, _)| *one == word).map_or(word, |(_, said)| *said)
    }
}

/// The page.
#[must_use]
pub fn findings(host: &str, scanned: Timestamp, known: &[Known], language: Language) -> String {
    let words = Words::of(language);
    let tongue = language.as_str();
    let mut body = format!(
        "<main>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n\
         <p class=\"sort\"><a href=\"/security/scan.json\">{} {}</a></p>\n",
        words.title,
        words.lead,
        words.record,
        scanned.strftime("%Y-%m-%d"),
    );
    for (status, heading, meaning) in words.statuses {
        let of: Vec<&Known> = known.iter().filter(|one| one.status == status).collect();
        let _ = writeln!(
            body,
            "<section aria-labelledby=\"{status}\">\n<h2 id=\"{status}\">{heading}: {}</h2>\n<p>{}</p>",
            of.len(),
            if of.is_empty() { words.none } else { meaning },
        );
        for one in of {
            body += &row(one, words);
        }
        body += "</section>\n";
    }
    let _ = writeln!(
        body,
        "<p><a href=\"/security/S62?lang={tongue}\">S62</a> · <a href=\"/security?lang={tongue}\">{}</a></p>\n</main>",
        words.back
    );
    framed((host, "/security/findings"), language, words.title, &body)
}

fn row(one: &Known, words: &Words) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let mut sort = format!(
        "{} · <code>{}</code> · {} {}",
        words.severity(&one.severity),
        escape(&one.place),
        words.since,
        day(one.since)
    );
    if let Some(fixed) = one.fixed {
        let _ = write!(sort, " · {} {}", words.gone, day(fixed));
    }
    if let Some(release) = &one.release {
        let _ = write!(sort, " · {} {}", words.release, escape(release));
    }
    format!(
        "<article class=\"claim\">\n<h3><code>{}</code></h3>\n<p>{}</p>\n<p class=\"sort\">{sort}</p>\n</article>\n",
        escape(&one.id),
        escape(&one.reason)
    )
}

const ENGLISH: Words = Words {
    title: "Known lesser findings",
    lead: "What the scan of the sources knows below the severity high: what is open, what stands and why, and what was mended since. It is the register of the record that this program carries, and nothing else. A finding that is high or worse stops a release.",
    none: "There is none.",
    back: "All claims",
    record: "The record of the scan of",
    since: "known since",
    gone: "not found any more on",
    release: "mended in",
    statuses: [
        ("open", "Open", "These are to be mended."),
        (
            "accepted",
            "Accepted",
            "These stand on purpose: a lint that is waived at one place, a licence that one package may have, an advisory that does not apply. Each says why.",
        ),
        ("fixed", "Mended", "These were known, and the scan finds them no more."),
    ],
    severities: [("note", "note"), ("low", "low"), ("medium", "medium")],
};

const GERMAN: Words = Words {
    title: "Bekannte kleinere Befunde",
    lead: "Was die Prüfung der Quellen unterhalb der Schwere „hoch“ kennt: was offen ist, was warum bleibt und was seither behoben wurde. Es ist das Register des Protokolls, das dieses Programm mitbringt, und nichts sonst. Ein Befund, der hoch ist oder schlimmer, hält ein Release auf.",
    none: "Es gibt keinen.",
    back: "Alle Aussagen",
    record: "Das Protokoll der Prüfung vom",
    since: "bekannt seit",
    gone: "nicht mehr gefunden am",
    release: "behoben in",
    statuses: [
        ("open", "Offen", "Diese sind zu beheben."),
        (
            "accepted",
            "Hingenommen",
            "Diese bleiben mit Absicht: ein Lint, der an einer Stelle ausgesetzt ist, eine Lizenz, die ein Paket haben darf, eine Warnung, die nicht zutrifft. Jeder sagt, warum.",
        ),
        ("fixed", "Behoben", "Diese waren bekannt, und die Prüfung findet sie nicht mehr."),
    ],
    severities: [("note", "Hinweis"), ("low", "gering"), ("medium", "mittel")],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn known(id: &str, status: &str) -> Known {
        let text = str::to_owned;
        let fixed = (status == "fixed").then_some(Timestamp::UNIX_EPOCH);
        Known {
            id: text(id),
            severity: text("low"),
            status: text(status),
            place: text("a.rs"),
            reason: text("<so> & so"),
            since: Timestamp::UNIX_EPOCH,
            fixed,
            release: fixed.map(|_| text("0.2.0")),
        }
    }

    #[test]
    fn each_finding_stands_under_its_standing_with_its_reason() {
        let all = [known("x", "open"), known("y", "accepted"), known("z", "fixed")];
        let page = findings("a.example", Timestamp::UNIX_EPOCH, &all, Language::English);
        let at = |part: &str| page.find(part).unwrap_or_else(|| panic!("{part}: {page}"));
        assert!(at("Open: 1") < at("<code>x</code>") && at("<code>x</code>") < at("Accepted: 1"));
        assert!(at("<code>y</code>") < at("Mended: 1") && at("Mended: 1") < at("<code>z</code>"));
        at("mended in 0.2.0");
        at("&lt;so&gt; &amp; so");
        let none = findings("a.example", Timestamp::UNIX_EPOCH, &[], Language::German);
        assert_eq!(none.matches("Es gibt keinen.").count(), 3);
    }
}
