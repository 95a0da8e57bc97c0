//! All claims on one page.

use super::{House, Language, banner, class, mark, moment, whole, words::Words};
use crate::tearsheet::escape;
use audit::{
    Claim, ClaimKind, Duty, claim,
    posture::{Posture, PostureRow, State},
};
use jiff::Timestamp;
use std::fmt::Write as _;

/// Which claims are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those that stand so.
    pub state: Option<State>,
    /// Those that this decides.
    pub kind: Option<ClaimKind>,
    /// Those that are this one's duty.
    pub owner: Option<Duty>,
}

impl Filter {
    fn takes(self, row: &PostureRow) -> bool {
        self.state.is_none_or(|state| row.state == state)
            && self.kind.is_none_or(|kind| row.kind == kind)
            && self.owner.is_none_or(|owner| row.owner == owner)
    }

    /// The page of this filter.
    fn link(self, language: Language) -> String {
        let mut link = format!("/security?lang={}", language.as_str());
        if let Some(state) = self.state {
            let _ = write!(link, "&state={}", class(state));
        }
        if let Some(kind) = self.kind {
            let _ = write!(link, "&kind={}", kind_tag(kind));
        }
        if let Some(owner) = self.owner {
            let _ = write!(link, "&owner={}", owner_tag(owner));
        }
        link
    }
}

/// How a kind stands in an address.
pub(super) const fn kind_tag(kind: ClaimKind) -> &'static str {
    match kind {
        ClaimKind::Sw => "sw",
        ClaimKind::Dep => "dep",
        ClaimKind::Org => "org",
    }
}

const fn owner_tag(owner: Duty) -> &'static str {
    match owner {
        Duty::Platform => "platform",
        Duty::Host => "host",
    }
}

/// The page.
#[must_use]
pub fn list(posture: &Posture, house: &House, filter: Filter, language: Language) -> String {
    let words = language.words();
    let now = posture.made_at;
    let host = posture.subject.trim_start_matches("https://");
    let mut body = banner(host, &link_without_language(filter), language, words);
    let _ =
        writeln!(body, "<main>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>", words.title, words.lead);
    body += &ways(language);
    body += &summary(posture, language);
    body += &facts(posture, house, words);
    body += &legend(words);
    let _ = writeln!(
        body,
        "<section aria-labelledby=\"claims\">\n<h2 id=\"claims\">{}</h2>",
        words.claims
    );
    body += &filters(filter, language);
    let shown: Vec<&PostureRow> = posture.rows.iter().filter(|row| filter.takes(row)).collect();
    let _ = writeln!(
        body,
        "<p class=\"count\">{} / {} {}</p>",
        shown.len(),
        posture.rows.len(),
        words.shown
    );
    if shown.is_empty() {
        let _ = writeln!(body, "<p>{}</p>", words.nothing);
    }
    for one in shown {
        body += &row(one, now, language);
    }
    body += "</section>\n</main>\n";
    whole(language, &format!("{} · {host}", words.title), &body)
}

/// Where a weakness is reported, on which terms, and which are known.
fn ways(language: Language) -> String {
    let (words, tongue) = (language.words(), language.as_str());
    format!(
        "<p class=\"ways\"><a href=\"/security/report?lang={tongue}\">{}</a> \
         <a href=\"/security/policy?lang={tongue}\">{}</a> \
         <a href=\"/security/advisories?lang={tongue}\">{}</a> \
         <a href=\"/security/findings?lang={tongue}\">{}</a></p>\n",
        words.report, words.policy, words.advisories, words.findings
    )
}

fn link_without_language(filter: Filter) -> String {
    let link = filter.link(Language::English).replace("lang=en", "");
    link.replace("?&", "?").trim_end_matches('?').to_owned()
}

fn summary(posture: &Posture, language: Language) -> String {
    let words = language.words();
    let mut text = format!(
        "<nav aria-labelledby=\"summary\">\n<h2 id=\"summary\">{}</h2>\n<ul class=\"tiles\">\n",
        words.summary
    );
    // No server can say the first of itself, so there is no tile for it.
    for state in State::ALL.into_iter().skip(1) {
        let link = Filter { state: Some(state), ..Filter::default() }.link(language);
        let _ = writeln!(
            text,
            "<li><a class=\"tile {}\" href=\"{}#claims\"><b>{}</b> {}</a></li>",
            class(state),
            escape(&link),
            posture.count(state),
            words.state(state)
        );
    }
    text + "</ul>\n</nav>\n"
}

/// A fact that a row's evidence has, by the row and the fact's name.
fn fact<'a>(posture: &'a Posture, id: &str, name: &str) -> Option<&'a str> {
    let row = posture.rows.iter().find(|row| row.id == id)?;
    row.evidence.get(name).map(String::as_str)
}

fn facts(posture: &Posture, house: &House, words: &Words) -> String {
    let now = posture.made_at;
    let mut text = format!(
        "<section aria-labelledby=\"house\">\n<h2 id=\"house\">{}</h2>\n<dl class=\"facts\">\n",
        words.house
    );
    let mut add = |name: &str, value: &str| {
        let _ = writeln!(text, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    };
    let told = |value: Option<&str>| value.map_or_else(|| words.none.to_owned(), escape);
    if let Some((issuer, expires)) = house.issuer.as_ref().zip(house.expires) {
        let until = expires.strftime("%Y-%m-%d %H:%M UTC");
        add(words.certificate, &format!("{}; {} {until}", escape(issuer), words.expires));
    }
    add(words.version, &escape(&posture.version));
    add(words.made, &moment(now, now, words));
    if let Some((size, time)) = house.checkpoint {
        let signed = moment(time, now, words);
        let link = "<a href=\"/log/checkpoint\">/log/checkpoint</a>";
        add(words.checkpoint, &format!("{size} {} {signed} · {link}", words.entries));
    }
    let (count, cosigned) = house.witnesses;
    let cosigned = cosigned.map(|size| format!("; {} {size}", words.witnessed)).unwrap_or_default();
    let witnesses = if count == 0 { words.none.to_owned() } else { format!("{count}{cosigned}") };
    add(words.witnesses, &witnesses);
    add(words.backup, &told(fact(posture, "S31", "last")));
    add(words.restore, &told(fact(posture, "S33", "last proved restore")));
    let scan = told(fact(posture, "S59", "last scan"));
    let link = |name: &str| format!("<a href=\"/security/{name}\">{name}</a>");
    add(words.scan, &format!("{scan} · {} · {}", link("scan.json"), link("findings.sarif")));
    add(words.parts, &link("sbom.cdx.json"));
    add(words.posture_key, &format!("<code>{}</code>", escape(&house.key)));
    let machine = "<a href=\"/.well-known/stockade/posture.json\">posture.json</a>";
    add(words.machine, machine);
    add(words.badge, "<a href=\"/security/badge.svg\">badge.svg</a>");
    text + "</dl>\n</section>\n"
}

fn legend(words: &Words) -> String {
    let mut text =
        format!("<details class=\"legend\">\n<summary>{}</summary>\n<dl>\n", words.reading);
    for state in State::ALL {
        let _ = writeln!(
            text,
            "<div><dt>{}</dt><dd>{}</dd></div>",
            mark(state, words),
            words.meaning(state)
        );
    }
    text + "</dl>\n</details>\n"
}

fn filters(filter: Filter, language: Language) -> String {
    let words = language.words();
    let line = |name: &str, links: Vec<(String, &str, bool)>| {
        let mut text = format!("<p><span class=\"name\">{name}</span>");
        for (link, label, is_here) in links {
            let here = if is_here { " aria-current=\"true\"" } else { "" };
            let _ = write!(text, " <a{here} href=\"{}#claims\">{label}</a>", escape(&link));
        }
        text + "</p>\n"
    };
    let states = State::ALL.into_iter().skip(1).map(Some);
    let state = |state: Option<State>| {
        let label = state.map_or(words.all, |state| words.state(state));
        (Filter { state, ..filter }.link(language), label, filter.state == state)
    };
    let kind = |kind: Option<ClaimKind>| {
        let label = kind.map_or(words.all, |kind| words.kind(kind));
        (Filter { kind, ..filter }.link(language), label, filter.kind == kind)
    };
    let owner = |owner: Option<Duty>| {
        let label = owner.map_or(words.all, |owner| words.owner(owner));
        (Filter { owner, ..filter }.link(language), label, filter.owner == owner)
    };
    let kinds = [None, Some(ClaimKind::Sw), Some(ClaimKind::Dep), Some(ClaimKind::Org)];
    let owners = [None, Some(Duty::Platform), Some(Duty::Host)];
    let mut text = format!("<nav class=\"filters\" aria-label=\"{}\">\n", words.claims);
    text += &line(words.states, std::iter::once(None).chain(states).map(state).collect());
    text += &line(words.kinds, kinds.map(kind).into());
    text += &line(words.owners, owners.map(owner).into());
    text + "</nav>\n"
}

/// The claim's words in the page's language.
pub(super) fn said(row: &PostureRow, claim: Option<&Claim>, language: Language) -> String {
    match (claim, language) {
        (Some(claim), Language::German) => escape(&claim.words_de),
        _ => escape(&row.words),
    }
}

fn row(row: &PostureRow, now: Timestamp, language: Language) -> String {
    let words = language.words();
    let claim = claim(&row.id);
    let mut text = format!(
        "<article class=\"claim {}\" id=\"{}\">\n<h3><a href=\"/security/{}?lang={}\">{}</a> {}</h3>\n{}\n",
        class(row.state),
        row.id,
        row.id,
        language.as_str(),
        row.id,
        said(row, claim, language),
        mark(row.state, words)
    );
    text += &proof(row, now, words);
    text + "</article>\n"
}

/// What stands behind the word: why, when, how, and the command.
pub(super) fn proof(row: &PostureRow, now: Timestamp, words: &Words) -> String {
    let mut text =
        format!("<p class=\"sort\">{} · {}</p>\n", words.kind(row.kind), words.owner(row.owner));
    if !row.reason.is_empty() {
        let _ = writeln!(
            text,
            "<p class=\"reason\"><b>{}:</b> {}</p>",
            words.reason,
            escape(&row.reason)
        );
    }
    let _ = writeln!(
        text,
        "<p class=\"command\"><b>{}:</b> <code>{}</code></p>",
        words.by_hand,
        escape(&row.command)
    );
    if let Some(seen) = row.observed_at {
        let _ = write!(
            text,
            "<details>\n<summary>{} · {}</summary>\n<dl>\n",
            words.evidence,
            moment(seen, now, words)
        );
        let mut add = |name: &str, value: &str| {
            let _ =
                writeln!(text, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value));
        };
        add(words.how, &row.method);
        if let Some(until) = row.valid_until {
            add(words.until, &until.strftime("%Y-%m-%d %H:%M UTC").to_string());
        }
        for (name, value) in &row.evidence {
            add(name, value);
        }
        text += "</dl>\n</details>\n";
    }
    text
}
