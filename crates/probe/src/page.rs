//! Pages as a browser without script follows them: whatever they name lies on this server.

use crate::{Probe, Seen, failed, run::Walk, unseen, visit::Request};
use std::collections::{BTreeSet, VecDeque};

/// Files that are followed, at most.
const FILES_MAX: usize = 40;

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[Probe {
    name: "first-party",
    what: "Pages and what they load come from this server alone",
    command: "curl -s https://$HOST/ | grep -oE '(src|href)=\"[^\"]*\"'",
    look,
}];

fn look(walk: &mut Walk<'_>) -> Seen {
    let mut waiting: VecDeque<String> = ["/".to_owned(), "/security".to_owned()].into();
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    let (mut files, mut pages) = (0, 0);
    while let Some(path) = waiting.pop_front() {
        let answer = walk.visit.ask(&Request::get(&path))?;
        if answer.status != 200 {
            continue;
        }
        files += 1;
        let kind = answer.header("content-type").unwrap_or_default().to_owned();
        let text = answer.text();
        let named = if kind.starts_with("text/html") {
            pages += 1;
            of_page(&text)
        } else if kind.starts_with("text/css") {
            of_style(&text)
        } else {
            continue;
        };
        let own = walk.visit.target().to_string();
        for address in named {
            match inside(&address, &own, &path) {
                Err(elsewhere) => return failed(format!("{path} loads {elsewhere}")),
                Ok(Some(next)) if seen.len() < FILES_MAX && seen.insert(next.clone()) => {
                    waiting.push_back(next);
                }
                Ok(_) => {}
            }
        }
    }
    if pages == 0 {
        return unseen("there is no page at /");
    }
    Ok(format!("{pages} pages and {} files of theirs name no other origin", files - pages))
}

/// Whether a path is that of a script.
pub(crate) fn is_script(path: &str) -> bool {
    ends(path, &[".js", ".mjs"])
}

/// Whether a path is that of a style.
pub(crate) fn is_style(path: &str) -> bool {
    ends(path, &[".css"])
}

fn ends(path: &str, with: &[&str]) -> bool {
    let name = path.split('?').next().unwrap_or_default();
    with.iter().any(|end| name.ends_with(end))
}

/// The scripts and the styles of this server that a page at a path names, at most so many of each.
pub(crate) fn own_files(text: &str, own: &str, at: &str, count: usize) -> BTreeSet<String> {
    let files = of_page(text);
    let files: BTreeSet<String> =
        files.iter().filter_map(|one| inside(one, own, at).ok()?).collect();
    let of = |kind: fn(&str) -> bool| files.iter().filter(move |path| kind(path)).take(count);
    of(is_script).chain(of(is_style)).cloned().collect()
}

/// What an HTML page loads by itself: not where its links lead.
fn of_page(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for tag in text.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        let names: &[&str] = match name.to_ascii_lowercase().as_str() {
            "link" => &["href"],
            "script" | "img" | "iframe" | "audio" | "video" | "source" | "embed" | "input"
            | "track" => &["src", "srcset", "poster"],
            "form" => &["action"],
            "object" => &["data"],
            "use" | "image" => &["href", "xlink:href"],
            _ => continue,
        };
        found.extend(names.iter().filter_map(|name| attribute(tag, name)));
    }
    found.extend(of_style(text));
    found
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let lower = tag.to_ascii_lowercase();
    let at = lower.match_indices(name).find(|(at, _)| {
        let before = lower.get(..*at).and_then(|text| text.chars().last());
        let behind = lower.get(at + name.len()..).unwrap_or_default().trim_start();
        before.is_some_and(char::is_whitespace) && behind.starts_with('=')
    });
    let value = tag.get(at?.0 + name.len()..)?.trim_start().strip_prefix('=')?.trim_start();
    let text = match value.chars().next()? {
        quote @ ('"' | '\'') => value.get(1..)?.split(quote).next()?,
        _ => value.split_ascii_whitespace().next()?,
    };
    Some(text.to_owned())
}

fn of_style(text: &str) -> Vec<String> {
    let urls = text.split("url(").skip(1).filter_map(|rest| rest.split(')').next());
    let imports = text.split("@import").skip(1).filter_map(|rest| rest.split(';').next());
    let all = urls.chain(imports.filter(|rest| !rest.contains("url(")));
    all.map(|one| one.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'').to_owned())
        .collect()
}

/// The path on this server of what is named at a path; the address itself if it lies elsewhere.
fn inside(address: &str, own: &str, at: &str) -> Result<Option<String>, String> {
    let address = address.split('#').next().unwrap_or_default();
    let lower = address.to_ascii_lowercase();
    if address.is_empty() || lower.starts_with("data:") || lower.starts_with("blob:") {
        return Ok(None);
    }
    if let Some(rest) = address.strip_prefix(own) {
        let is_path = rest.is_empty() || rest.starts_with(['/', '?']);
        return if is_path {
            Ok(Some(format!("/{}", rest.trim_start_matches('/'))))
        } else {
            Err(address.to_owned())
        };
    }
    let has_scheme = lower.split(['/', '?']).next().is_some_and(|first| first.contains(':'));
    if has_scheme || address.starts_with("//") || address.starts_with('\\') {
        return Err(address.to_owned());
    }
    if address.starts_with('/') {
        return Ok(Some(address.to_owned()));
    }
    let folder = at.rsplit_once('/').map_or("", |(folder, _)| folder);
    Ok(Some(format!("{folder}/{}", address.trim_start_matches("./"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_loads_is_found_and_what_it_links_to_is_not() {
        let page = "<!doctype html><LINK rel=icon href=/a.svg><script type=\"module\" src='/b.js'></script>\
                    <a href=\"https://elsewhere.example\">x</a><img data-src=\"/no\" src = \"c.png\">\
                    <div style=\"background: url('/d.png')\"><form action=/e>";
        assert_eq!(of_page(page), ["/a.svg", "/b.js", "c.png", "/e", "/d.png"]);
        assert_eq!(of_style("@import \"/x.css\"; a { b: url(y.woff2) }"), ["y.woff2", "/x.css"]);
    }

    #[test]
    fn of_the_files_of_a_page_so_many_scripts_and_so_many_styles_are_taken() {
        let page = "<script src=/a.js?v=1></script><script src=b.mjs></script><script src=/c.js></script>\
                    <link href=/d.css><img src=/e.png><script src=https://b.example/f.js></script>";
        let found = own_files(page, "https://a.example", "/p/q", 2);
        assert_eq!(found.iter().collect::<Vec<_>>(), ["/a.js?v=1", "/c.js", "/d.css"]);
    }

    #[test]
    fn an_address_lies_here_or_elsewhere() {
        let own = "https://a.example";
        let check = |address: &str, want: Result<Option<&str>, ()>| {
            let found = inside(address, own, "/p/q.html");
            let found = found.as_ref().map(|path| path.as_deref()).map_err(|_| ());
            assert_eq!(found, want, "{address}");
        };
        check("/x.js", Ok(Some("/x.js")));
        check("./x.js", Ok(Some("/p/x.js")));
        check("x.js#y", Ok(Some("/p/x.js")));
        check("#y", Ok(None));
        check("data:image/png;base64,AA", Ok(None));
        check("https://a.example/x", Ok(Some("/x")));
        check("https://a.example.evil/x", Err(()));
        check("https://b.example/x", Err(()));
        check("//b.example/x", Err(()));
        check("HTTP://b.example/x", Err(()));
        check("javascript:x", Err(()));
    }
}
