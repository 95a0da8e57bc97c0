//! One claim: how it stands, and how it stood.

use super::{
    Language, banner, class,
    list::{proof, said},
    mark, moment, whole,
    words::Words,
};
use crate::{desk::StateTurn, tearsheet::escape};
use audit::{
    Claim,
    posture::{Posture, PostureRow},
};
use jiff::Timestamp;
use std::fmt::Write as _;

/// The page of one claim.
#[must_use]
pub fn history(
    posture: &Posture,
    (row, claim): (&PostureRow, &Claim),
    turns: &[StateTurn],
    language: Language,
) -> String {
    let (words, now) = (language.words(), posture.made_at);
    let host = posture.subject.trim_start_matches("https://");
    let mut body = banner(host, &format!("/security/{}", row.id), language, words);
    let back = format!("/security?lang={}#{}", language.as_str(), row.id);
    let said = said(row, Some(claim), language);
    let _ = writeln!(
        body,
        "<main>\n<p><a href=\"{}\">← {}</a></p>\n<article class=\"claim {} whole\">\n<h1>{} {said}</h1>\n{}",
        escape(&back),
        words.back,
        class(row.state),
        row.id,
        mark(row.state, words)
    );
    body += &proof(row, now, words);
    if row.state.is_good() && !claim.reason.is_empty() {
        let _ = writeln!(
            body,
            "<p class=\"reason\"><b>{}:</b> {}</p>",
            words.remark,
            escape(&claim.reason)
        );
    }
    body += "</article>\n";
    body += &course(turns, now, words);
    body += &tests(claim, words);
    body += "</main>\n";
    whole(language, &format!("{} · {host}", row.id), &body)
}

/// How it stood, the newest first.
fn course(turns: &[StateTurn], now: Timestamp, words: &Words) -> String {
    let head = words.history;
    let mut text =
        format!("<section aria-labelledby=\"history\">\n<h2 id=\"history\">{head}</h2>\n");
    if turns.is_empty() {
        let _ = writeln!(text, "<p>{}</p>\n</section>", words.no_history);
        return text;
    }
    text += "<ol class=\"turns\">\n";
    for turn in turns {
        let from = match turn.from {
            Some(from) => format!("{} → ", mark(from, words)),
            None => format!("{}: ", words.first),
        };
        let _ = writeln!(
            text,
            "<li>{} <span class=\"leaf\">{} {}</span><br>{from}{} {}</li>",
            moment(turn.time, now, words),
            words.leaf,
            turn.index,
            mark(turn.to, words),
            escape(&turn.why)
        );
    }
    text + "</ol>\n</section>\n"
}

fn tests(claim: &Claim, words: &Words) -> String {
    if claim.tests.is_empty() {
        return String::new();
    }
    let head = words.tests;
    let mut text = format!(
        "<section aria-labelledby=\"tests\">\n<h2 id=\"tests\">{head}</h2>\n<ul class=\"tests\">\n"
    );
    for test in &claim.tests {
        let _ = writeln!(text, "<li><code>{}</code></li>", escape(test));
    }
    text + "</ul>\n</section>\n"
}
