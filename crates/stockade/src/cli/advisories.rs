//! `stockade advisories`: what is told to everybody about weaknesses.

use super::{
    args::Advisories,
    configuration::home,
    output::{Ending, Output, plain, table},
    plain_file, usage,
};
use crate::desk::{self, AdvisoryText, AdvisoryView, Issue};
use anyhow::Context;
use disclosure::Link;
use settings::Settings;
use std::path::Path;

/// Where the addresses of a file stand.
const REFERENCES: &str = "references.";

/// Runs a command on advisories.
pub(super) fn run(
    command: &Advisories,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    match command {
        Advisories::Publish { file, report, revise, note } => {
            let text = read(file)?;
            let issue = match (revise, note) {
                (Some(id), Some(note)) => Issue::Revision { id: id.clone(), note: note.clone() },
                _ => Issue::New { report: *report },
            };
            let view = desk::connect(home(settings)?)?
                .publish_advisory(text, issue)
                .with_context(|| format!("{} is not published", file.display()))?;
            output.show(&view, |view| {
                format!(
                    "{} is out, revision {}, {} ({}): /security/advisories/{}; the log holds this",
                    view.id, view.revision, view.severity, view.score, view.id
                )
            })?;
        }
        Advisories::Ls => {
            let all = desk::connect(home(settings)?)?.advisories()?;
            output.show(&all, |all| {
                if all.is_empty() {
                    return "there are no advisories".to_owned();
                }
                let head = ["advisory", "revision", "severity", "published", "changed", "title"];
                let mut lines = vec![head.map(str::to_owned).to_vec()];
                lines.extend(all.iter().map(line));
                table(&lines)
            })?;
        }
        Advisories::Show { id } => {
            let all = desk::connect(home(settings)?)?.advisories()?;
            let one = all.into_iter().find(|one| one.id == *id);
            let one = one.ok_or_else(|| {
                usage(format!("there is no advisory {id}: `stockade advisories ls` lists them"))
            })?;
            output.show(&one, said)?;
        }
    }
    Ok(Ending::Done)
}

fn line(one: &AdvisoryView) -> Vec<String> {
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    vec![
        one.id.clone(),
        one.revision.to_string(),
        format!("{} {}", one.severity, one.score),
        day(one.published),
        day(one.modified),
        plain(&one.text.title),
    ]
}

fn said(one: &AdvisoryView) -> String {
    let report = match (one.report, one.credited) {
        (None, _) => "none".to_owned(),
        (Some(id), true) => format!("{id}, its sender is named"),
        (Some(id), false) => format!("{id}, its sender is not named"),
    };
    let text = &one.text;
    let mut said = format!(
        "{} revision {}\n{}\n{}, {} ({})\naffected {}\nreport {report}\n\n{}\n\n{}\n\n{}",
        one.id,
        one.revision,
        text.title,
        one.severity,
        one.score,
        text.cvss,
        text.affected,
        text.summary,
        text.details.trim(),
        text.advice.trim(),
    );
    for (kind, urls) in &text.references {
        said += &format!("\n{kind}: {urls}");
    }
    plain(&said)
}

/// An advisory of a file. What the file has beside it is a slip of the pen and not left out in silence.
fn read(path: &Path) -> anyhow::Result<AdvisoryText> {
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Err(usage(format!("{} is no file of TOML: name it .toml", path.display())));
    }
    let mut text = AdvisoryText::default();
    for entry in plain_file::read(path)? {
        let value = entry.value.expose().clone();
        match entry.key.as_str() {
            "title" => text.title = value,
            "summary" => text.summary = value,
            "details" => text.details = value,
            "advice" => text.advice = value,
            "cvss" => text.cvss = value,
            "affected" => text.affected = value,
            other => {
                let kind = other.strip_prefix(REFERENCES);
                let kind = kind.filter(|kind| Link::KINDS.contains(kind)).ok_or_else(|| {
                    usage(format!(
                        "{}: {other} is nothing that an advisory has: title, summary, details, \
                         advice, cvss, affected, and under [references] {}",
                        entry.place,
                        Link::KINDS.join(", ")
                    ))
                })?;
                text.references.insert(kind.to_owned(), value);
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "title = \"A door\"\nsummary = \"It opened.\"\ndetails = \"\"\"\nTwo\nlines.\n\"\"\"\n\
        advice = \"Update.\"\ncvss = \"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N\"\n\
        affected = \"0.1.0..0.2.0\"\n\n[references]\nfix = \"https://a.example/1\"\n";

    fn read_text(text: &str) -> anyhow::Result<AdvisoryText> {
        let root = tempfile::tempdir().expect("a directory");
        let path = root.path().join("advisory.toml");
        std::fs::write(&path, text).expect("writes");
        read(&path)
    }

    #[test]
    fn a_file_is_read_and_a_slip_of_the_pen_is_named_by_its_line() {
        let text = read_text(FILE).expect("reads");
        assert_eq!((text.title.as_str(), text.details.as_str()), ("A door", "Two\nlines.\n"));
        assert_eq!(text.references["fix"], "https://a.example/1");
        let check = |from: &str, to: &str, why: &str| {
            let error = read_text(&FILE.replace(from, to)).expect_err(why).to_string();
            assert!(error.contains(why), "{error}");
        };
        check("advice =", "advise =", "advisory.toml:7: advise is nothing");
        check("fix =", "patch =", "references.patch is nothing");
        check("title = ", "title ", "not TOML");
        assert!(read(Path::new("advisory.yaml")).is_err());
    }
}
