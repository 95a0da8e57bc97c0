//! `stockade payments`: what payment processors told. Nothing is done about a payment here.

use super::{
    args::Payments,
    configuration::home,
    output::{Ending, Output, plain, table},
};
use crate::desk::{self, NoticeView};
use settings::Settings;

/// Runs a command about payments.
pub(super) fn run(
    command: &Payments,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    let Payments::Ls { before } = command;
    let page = desk::connect(home(settings)?)?.payment_notices(before.as_deref())?;
    output.show(&page.notices, |notices| {
        if notices.is_empty() {
            return "no processor has told anything".to_owned();
        }
        let head = ["leaf", "came", "payment", "says", "stands", "price", "paid", "what of it"];
        let mut lines = vec![head.map(str::to_owned).to_vec()];
        lines.extend(notices.iter().map(line));
        table(&lines)
    })?;
    if let Some(next) = &page.next {
        output.note(&format!("there are older ones: --before {next}"));
    }
    Ok(if page.waits { Ending::Findings } else { Ending::Done })
}

fn line(notice: &NoticeView) -> Vec<String> {
    let said = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), plain);
    let why = notice.why.as_deref().map(|why| format!("{}: {}", notice.standing, plain(why)));
    let about = match notice.kind.as_str() {
        "payment" => said(&notice.payment),
        kind => format!("{kind} {}", said(&notice.payment)),
    };
    vec![
        // What came back with a backup has its entry in the log of before.
        notice.leaf.map_or_else(|| "–".to_owned(), |leaf| leaf.to_string()),
        notice.received.strftime("%Y-%m-%d %H:%M").to_string(),
        about,
        said(&notice.status),
        said(&notice.stands),
        said(&notice.price),
        said(&notice.paid),
        why.unwrap_or_else(|| notice.standing.clone()),
    ]
}
