//! The pages about reports, in HTML that needs no script.

use super::{Reporting, words::Words};
use crate::{
    desk::{ReportView, Taken, Tally},
    server::posture::page::{Language, framed},
    tearsheet::escape,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use disclosure::{Block, Policy, Tongue};
use jiff::Timestamp;
use std::fmt::Write as _;

/// A page for one reader at one server.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The server's name.
    pub host: &'a str,
    /// The reader's language.
    pub language: Language,
}

/// The language of the terms.
#[must_use]
pub const fn tongue(language: Language) -> Tongue {
    match language {
        Language::English => Tongue::English,
        Language::German => Tongue::German,
    }
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

    /// The terms, and how the clocks stand.
    #[must_use]
    pub fn policy(&self, tally: &Tally, fingerprint: &str) -> String {
        let (words, policy) = (self.words(), Policy::of(tongue(self.language)));
        let mut body = format!(
            "<h1>{}</h1>\n<p class=\"lead\"><a href=\"{}\">{}</a></p>\n\
             <p class=\"sort\">{} {} · SHA-256 <code>{}</code> · <a href=\"/security/policy/{}\">{}</a></p>\n",
            words.policy,
            self.link("/security/report"),
            words.report,
            words.version,
            policy.version,
            policy.digest(),
            self.language.as_str(),
            words.plain_text,
        );
        body += &blocks(policy);
        let _ = writeln!(
            body,
            "<section aria-labelledby=\"standing\">\n<h2 id=\"standing\">{}</h2>\n<p>{}</p>\n<ul class=\"tiles\">",
            words.standing, words.standing_lead
        );
        let counts = [tally.received, tally.open, tally.kept, tally.late, tally.overdue];
        for (label, count) in words.tally.into_iter().zip(counts) {
            let _ = writeln!(body, "<li class=\"tile replaced\"><b>{count}</b> {label}</li>");
        }
        let _ = writeln!(
            body,
            "</ul>\n</section>\n<p><a href=\"{}\">{}</a></p>\n\
             <p class=\"sort\"><a href=\"/.well-known/security.txt\">security.txt</a> · \
             <a href=\"/.well-known/stockade/security-key.asc\">{}</a> <code>{fingerprint}</code></p>",
            self.link("/security/thanks"),
            words.thanks,
            words.key
        );
        self.framed("/security/policy", words.policy, &body)
    }

    /// The form.
    #[must_use]
    pub fn form(&self, reporting: &Reporting) -> String {
        let words = self.words();
        let mut body = format!(
            "<h1>{}</h1>\n<p class=\"lead\">{} <a href=\"{}\">{}</a></p>\n",
            words.report,
            words.report_lead,
            self.link("/security/policy"),
            words.policy
        );
        body += &if reporting.recipients().is_empty() {
            format!("<p class=\"notice\">{}</p>\n", words.closed)
        } else {
            self.open_form(reporting)
        };
        if let Some(mail) = reporting.contact().and_then(|contact| contact.mail()) {
            let mail = escape(mail);
            let _ =
                writeln!(body, "<p>{} <a href=\"mailto:{mail}\">{mail}</a></p>", words.write_to);
        }
        let look = self.link("/security/report/status");
        let _ = writeln!(body, "<p><a href=\"{look}\">{}</a></p>", words.receipt);
        self.framed("/security/report", words.report, &body)
    }

    fn open_form(&self, reporting: &Reporting) -> String {
        let words = self.words();
        let points: Vec<String> =
            reporting.recipients().iter().map(|one| BASE64.encode(one.as_bytes())).collect();
        let mut text = format!(
            "<form id=\"report\" class=\"report\" method=\"post\" action=\"{}\" autocomplete=\"off\" \
             data-recipients=\"{}\" data-ready=\"{}\" data-failed=\"{}\">\n\
             <p id=\"sealing\" class=\"notice\" role=\"status\">{}</p>\n\
             <label for=\"text\">{}</label>\n<p class=\"sort\" id=\"hint\">{}</p>\n\
             <textarea id=\"text\" name=\"text\" required aria-describedby=\"hint\" spellcheck=\"false\"></textarea>\n\
             <label class=\"choice\"><input type=\"checkbox\" name=\"credit\" value=\"yes\"> {}</label>\n\
             <input type=\"hidden\" name=\"work\" value=\"\">\n\
             <button type=\"submit\">{}</button>\n</form>\n",
            self.link("/security/report"),
            points.join(" "),
            words.by_browser,
            words.not_by_browser,
            words.by_server,
            words.text,
            words.text_hint,
            words.credit,
            words.send,
        );
        let _ = writeln!(text, "<details>\n<summary>{}</summary>", words.by_yourself);
        for recipient in reporting.recipients() {
            let _ = writeln!(text, "<p><code>{recipient}</code></p>");
        }
        text + "</details>\n<script type=\"module\" src=\"/security/report.js\"></script>\n"
    }

    /// Whom we thank.
    #[must_use]
    pub fn thanks(&self, reports: &[ReportView]) -> String {
        let words = self.words();
        let mut body =
            format!("<h1>{}</h1>\n<p class=\"lead\">{}</p>\n", words.thanks, words.thanks_lead);
        if reports.is_empty() {
            let _ = writeln!(body, "<p>{}</p>", words.nobody_yet);
        }
        for report in reports {
            let severity = report.severity.as_deref().unwrap_or_default();
            let _ = writeln!(
                body,
                "<article class=\"claim\">\n<h3>{}</h3>\n<p>{}: {}</p>\n\
                 <p class=\"sort\">{} <code>{}</code> · {} {}</p>\n</article>",
                escape(report.thanks.as_deref().unwrap_or_default()),
                words.severity,
                escape(Words::said(self.language, severity)),
                words.digest,
                escape(&report.sha256),
                words.leaf,
                report.leaf,
            );
        }
        let policy = self.link("/security/policy");
        let _ = writeln!(body, "<p><a href=\"{policy}\">{}</a></p>", words.policy);
        self.framed("/security/thanks", words.thanks, &body)
    }

    /// What whoever reported is told, once.
    #[must_use]
    pub fn taken(&self, taken: &Taken, now: Timestamp) -> String {
        let words = self.words();
        let body = format!(
            "<h1>{}</h1>\n<p class=\"lead\">{}</p>\n<p class=\"notice\"><b>{}</b></p>\n\
             <code class=\"receipt\">{}</code>\n{}<p><a href=\"{}\">{}</a></p>\n",
            words.taken,
            words.taken_lead,
            words.once,
            taken.receipt.expose(),
            self.facts(&taken.view, now),
            self.link("/security/report/status"),
            words.receipt,
        );
        self.framed("/security/report", words.taken, &body)
    }

    /// Where a receipt is pasted.
    #[must_use]
    pub fn receipt(&self) -> String {
        let words = self.words();
        let body = format!(
            "<h1>{}</h1>\n<p class=\"lead\">{}</p>\n\
             <form class=\"report\" method=\"post\" action=\"{}\" autocomplete=\"off\">\n\
             <label for=\"receipt\">srr_…</label>\n\
             <input type=\"text\" id=\"receipt\" name=\"receipt\" required spellcheck=\"false\" maxlength=\"60\">\n\
             <button type=\"submit\">{}</button>\n</form>\n",
            words.receipt,
            words.receipt_lead,
            self.link("/security/report/status"),
            words.look,
        );
        self.framed("/security/report/status", words.receipt, &body)
    }

    /// How a report stands.
    #[must_use]
    pub fn standing(&self, view: &ReportView, now: Timestamp) -> String {
        let words = self.words();
        let standing = Words::said(self.language, &view.standing);
        let body = format!(
            "<h1>{}: {standing}</h1>\n{}<p><a href=\"{}\">{}</a></p>\n",
            words.stands,
            self.facts(view, now),
            self.link("/security/policy"),
            words.policy,
        );
        self.framed("/security/report/status", words.receipt, &body)
    }

    /// Why something was not taken; what was typed is not shown again.
    #[must_use]
    pub fn refused(&self, here: &str, detail: &str, fix: &str) -> String {
        let words = self.words();
        let body = format!(
            "<h1>{}</h1>\n<p class=\"notice refused\">{}</p>\n<p>{}</p>\n<p><a href=\"{}\">{}</a></p>\n",
            words.refused,
            escape(detail),
            escape(fix),
            self.link(here),
            words.back,
        );
        self.framed(here, words.refused, &body)
    }

    fn facts(&self, view: &ReportView, now: Timestamp) -> String {
        let (words, language) = (self.words(), self.language);
        let said = |word: &str| escape(Words::said(language, word));
        let mut text = "<dl class=\"facts\">\n".to_owned();
        let mut add = |name: &str, value: &str| {
            let _ = writeln!(text, "<div><dt>{name}</dt><dd>{value}</dd></div>");
        };
        add(words.stands, &said(&view.standing));
        if let Some(severity) = &view.severity {
            add(words.severity, &said(severity));
        }
        let by_sender = view.sealed_by == "sender";
        add(words.sealed, if by_sender { words.sealed_by_sender } else { words.sealed_by_server });
        add(words.digest, &format!("<code>{}</code>", escape(&view.sha256)));
        add(
            words.leaf,
            &format!("{} · <a href=\"/log/checkpoint\">/log/checkpoint</a>", view.leaf),
        );
        add(words.credit_row, if view.credit { words.wished } else { words.not_wished });
        text += "</dl>\n";
        let _ = writeln!(text, "<h2>{}</h2>\n<ol class=\"turns\">", words.steps);
        for step in &view.steps {
            let _ = writeln!(text, "<li>{} {}</li>", moment(step.at), said(&step.step));
        }
        let _ = writeln!(text, "</ol>\n<h2>{}</h2>\n<dl class=\"facts\">", words.clocks);
        for clock in &view.clocks {
            let left = match (clock.ended, clock.due.duration_since(now).as_hours()) {
                (None, hours @ 1..) => format!(" ({hours} h)"),
                _ => String::new(),
            };
            let _ = writeln!(
                text,
                "<div><dt>{}</dt><dd>{}; {} {}{left}</dd></div>",
                said(&clock.clock),
                said(&clock.hand),
                words.due,
                moment(clock.due),
            );
        }
        text + "</dl>\n"
    }
}

fn moment(time: Timestamp) -> String {
    let (exact, read) = (time.strftime("%Y-%m-%dT%H:%M:%SZ"), time.strftime("%Y-%m-%d %H:%M UTC"));
    format!("<time datetime=\"{exact}\">{read}</time>")
}

/// The terms as headings, paragraphs and lists.
fn blocks(policy: Policy) -> String {
    let (mut text, mut in_list) = (String::new(), false);
    for block in policy.blocks() {
        let is_point = matches!(block, Block::Point(_));
        if is_point != in_list {
            text += if is_point { "<ul>\n" } else { "</ul>\n" };
            in_list = is_point;
        }
        let _ = match block {
            Block::Heading(words) => writeln!(text, "<h2>{}</h2>", marked(words)),
            Block::Paragraph(words) => writeln!(text, "<p>{}</p>", marked(words)),
            Block::Point(words) => writeln!(text, "<li>{}</li>", marked(words)),
        };
    }
    if in_list { text + "</ul>\n" } else { text }
}

/// What stands between backticks, as code.
fn marked(words: &str) -> String {
    let parts = words.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terms_are_well_formed_in_both_languages() {
        for language in [Language::English, Language::German] {
            let page = Page { host: "trade.example", language };
            let text = page.policy(&Tally { received: 7, ..Tally::default() }, "AB");
            let count = |tag: &str| text.matches(tag).count();
            for tag in ["ul", "li", "h2", "p", "code", "section"] {
                let opened = count(&format!("<{tag}>")) + count(&format!("<{tag} "));
                assert_eq!(opened, count(&format!("</{tag}>")), "{tag}");
            }
            assert!(text.contains("<code>cargo xtask demo</code>"), "{text}");
            assert!(text.contains("<b>7</b>"), "{text}");
            assert!(!text.contains("style=") && !text.contains("<script"), "{text}");
        }
    }

    #[test]
    fn what_a_stranger_sends_is_not_shown_as_markup() {
        let page = Page { host: "trade.example", language: Language::English };
        let text = page.refused("/security/report", "<script>alert(1)</script>", "& again");
        assert!(!text.contains("<script>") && text.contains("&lt;script&gt;"), "{text}");
    }
}
