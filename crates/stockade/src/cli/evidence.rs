//! `stockade evidence`: documents that people sign for.

use super::{
    args::Evidence,
    configuration::home,
    output::{Ending, Output, table},
};
use crate::desk::{self, NewEvidence, Shown};
use anyhow::Context;
use audit::{
    claims,
    posture::{Evidence as Known, judge},
};
use serde_json::json;
use settings::Settings;

/// Runs a command about evidence.
pub(super) fn run(
    command: &Evidence,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    match command {
        Evidence::Add { claim, file, by, on, until, public } => {
            let file = std::path::absolute(file)
                .with_context(|| format!("{} cannot be found", file.display()))?;
            let shown = if *public { Shown::Public } else { Shown::Digest };
            let (claim, by) = (claim.clone(), by.clone());
            let new = NewEvidence { claim, file, by, on: *on, until: *until, shown };
            let kept = desk::connect(home(settings)?)?.add_evidence(new)?;
            output.show(&kept, |kept| {
                let until = kept.valid_until.strftime("%Y-%m-%d %H:%M UTC");
                format!("{} is attested until {until}; document {}", kept.claim, kept.sha256)
            })?;
            Ok(Ending::Done)
        }
        Evidence::Ls => list(settings, output),
    }
}

fn list(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let attested = desk::connect(home(settings)?)?.attested()?;
    let now = desk::now();
    let takes = |claim: &&audit::Claim| claim.probe.split(", ").any(|probe| probe == "evidence");
    let mut rows = vec![["claim", "state", "until", "what"].map(str::to_owned).to_vec()];
    let mut document = Vec::new();
    for claim in claims().iter().filter(takes) {
        let known = Known { seen: None, attested: attested.get(&claim.id).cloned() };
        let verdict = judge(claim, &known, now);
        let until = verdict.valid_until.map(|until| until.strftime("%Y-%m-%d").to_string());
        rows.push(vec![
            claim.id.clone(),
            verdict.state.to_string(),
            until.clone().unwrap_or_else(|| "–".to_owned()),
            claim.words.clone(),
        ]);
        document.push(json!({
            "claim": claim.id,
            "state": verdict.state,
            "valid_until": verdict.valid_until,
            "method": verdict.method,
            "evidence": verdict.facts,
            "reason": verdict.reason,
        }));
    }
    output.show(&document, |_| table(&rows))?;
    Ok(Ending::Done)
}
