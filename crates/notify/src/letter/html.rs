//! A letter as HTML: one column, no picture, no font, no script and nothing to load from anywhere.
//!
//! Colours are given for light and for dark, and both hold 4.5:1; `color-scheme` keeps mail programs from
//! turning them over themselves. The link stands as a button and in full below it, for those who want to read
//! where it leads.

use super::{Language, words::Words};

const STYLE: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}
body{margin:0;padding:24px 12px;background:#f4f5f7;color:#1b1f24;
font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}
main{max-width:560px;margin:0 auto;padding:24px;background:#ffffff;border:1px solid #d0d7de;border-radius:8px}
h1{margin:0 0 16px;font-size:20px;line-height:1.3}
p{margin:0 0 16px}
table{margin:0 0 16px;border-collapse:collapse}
th{padding:2px 16px 2px 0;text-align:left;vertical-align:top;font-weight:600;white-space:nowrap}
td{padding:2px 0;vertical-align:top;word-break:break-word}
a{color:#0550ae;word-break:break-all}
a.button{display:inline-block;padding:12px 20px;border-radius:6px;background:#0550ae;color:#ffffff;
font-weight:600;text-decoration:none;word-break:normal}
footer{max-width:560px;margin:16px auto 0;font-size:14px;color:#4b535d}
@media (prefers-color-scheme:dark){
body{background:#0d1117;color:#e6edf3}
main{background:#161b22;border-color:#3d444d}
a{color:#79b8ff}
a.button{background:#1f6feb;color:#ffffff}
footer{color:#a9b4c0}
}";

/// The page.
pub fn set(words: &Words<'_>, footer: &[String], language: Language) -> String {
    let title = escaped(words.subject);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        language.tag()
    );
    paragraphs(&mut page, &words.paragraphs);
    if !words.facts.is_empty() {
        page.push_str("<table>\n");
        for (name, value) in &words.facts {
            let (name, value) = (escaped(name), escaped(value));
            page.push_str(&format!("<tr><th scope=\"row\">{name}</th>\n<td>{value}</td></tr>\n"));
        }
        page.push_str("</table>\n");
    }
    if let Some((label, link)) = &words.action {
        let (label, link) = (escaped(label), escaped(link.expose()));
        page.push_str(&format!("<p><a class=\"button\" href=\"{link}\">{label}</a></p>\n"));
        page.push_str(&format!("<p><a href=\"{link}\">{link}</a></p>\n"));
    }
    paragraphs(&mut page, &words.after);
    page.push_str("</main>\n<footer>\n");
    paragraphs(&mut page, footer);
    page.push_str("</footer>\n</body>\n</html>\n");
    page
}

fn paragraphs(page: &mut String, texts: &[String]) {
    for text in texts {
        page.push_str(&format!("<p>{}</p>\n", escaped(text)));
    }
}

/// The text with every character that HTML reads as its own written as a reference.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
