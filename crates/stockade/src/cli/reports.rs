//! `stockade reports`: what finders of weaknesses wrote, and how it is answered.

use super::{
    args::Reports,
    backup::{identity, recipients},
    configuration::home,
    output::{Ending, Output, plain, table},
    usage,
};
use crate::desk::{self, DisclosureTerms, ReportView};
use anyhow::Context;
use disclosure::{Answer, Tongue};
use seal::age_armour;
use serde_json::json;
use settings::Settings;

/// Runs a command on reports.
pub(super) fn run(
    command: &Reports,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    match command {
        Reports::Ls => return list(settings, output),
        Reports::Open { id, identity: file } => {
            let digits = desk::connect(home(settings)?)?.sealed_report(*id)?;
            let sealed = hex::decode(digits).context("the server's answer cannot be read")?;
            let Some(file) = file else {
                let armour = age_armour(&sealed);
                output.note("open it where the key is: age -d -i IDENTITY");
                output.show(&json!({ "sealed": armour }), |_| armour.trim_end().to_owned())?;
                return Ok(Ending::Done);
            };
            let opened = identity(file)?.open(&sealed)?;
            let text = std::str::from_utf8(opened.expose()).context("the report is no text")?;
            // A stranger wrote it: nothing in it may steer the terminal.
            output.show(&json!({ "text": text }), |_| plain(&text.replace("\r\n", "\n")))?;
        }
        Reports::Move { id, step, severity } => {
            if (step == "triage") != severity.is_some() {
                return Err(usage(
                    "a triage says how bad it is, and nothing else does: --severity",
                ));
            }
            let desk = desk::connect(home(settings)?)?;
            let view = desk.move_report(*id, step, severity.as_deref())?;
            output.show(&view, |view| {
                format!("{} is {}; the log holds this", view.id, view.standing)
            })?;
        }
        Reports::Thank { id, name } => {
            let view = desk::connect(home(settings)?)?.thank_report(*id, name.as_deref())?;
            output.show(&view, |view| match &view.thanks {
                Some(name) => format!("{} stands on /security/thanks", plain(name)),
                None => "nobody is thanked for it any more".to_owned(),
            })?;
        }
        Reports::Answer { answer, language } => {
            let answer = Answer::named(answer).context("there is no such answer")?;
            let tongue = if language == "de" { Tongue::German } else { Tongue::English };
            let template = answer.template(tongue);
            let shown = json!({ "subject": template.subject, "text": template.text });
            output.show(&shown, |_| format!("{}\n\n{}", template.subject, template.text))?;
        }
    }
    Ok(Ending::Done)
}

/// Whom reports go to, by the configuration.
pub(super) fn terms(settings: &Settings) -> anyhow::Result<DisclosureTerms> {
    Ok(DisclosureTerms {
        contact: settings.text("disclosure.contact").to_owned(),
        recipients: recipients(settings, "disclosure.recipients")?,
    })
}

fn list(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let reports = desk::connect(home(settings)?)?.reports()?;
    output.show(&reports, |reports| {
        if reports.is_empty() {
            return "there are no reports".to_owned();
        }
        let head = ["report", "standing", "severity", "came", "next", "credit", "sealed by"];
        let mut lines = vec![head.map(str::to_owned).to_vec()];
        lines.extend(reports.iter().map(line));
        table(&lines)
    })?;
    let overdue = reports.iter().any(|report| report.overdue);
    Ok(if overdue { Ending::Findings } else { Ending::Done })
}

fn line(report: &ReportView) -> Vec<String> {
    let came = report.steps.first().map(|step| step.at.strftime("%Y-%m-%d %H:%M").to_string());
    let next = report.clocks.iter().find(|clock| clock.ended.is_none()).map(|clock| {
        let until = clock.due.strftime("%Y-%m-%d %H:%M");
        let hand = if clock.hand == "overdue" { " OVERDUE" } else { "" };
        format!("{} by {until}{hand}", clock.clock)
    });
    vec![
        report.id.to_string(),
        report.standing.clone(),
        report.severity.clone().unwrap_or_else(|| "–".to_owned()),
        came.unwrap_or_default(),
        next.unwrap_or_else(|| "–".to_owned()),
        if report.credit { "wished" } else { "no" }.to_owned(),
        report.sealed_by.clone(),
    ]
}
