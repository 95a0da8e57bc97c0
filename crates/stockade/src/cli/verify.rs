//! `stockade verify URL`: a server, looked at from outside.

use super::{
    args::Verify,
    output::{Ending, Output},
    usage,
};
use crate::desk::{Home, Paths, now};
use anyhow::Context;
use probe::{Burst, Errand, Pace, Report};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// Visits the server and says what it saw.
pub(super) fn run(ask: &Verify, home: &Home, output: Output) -> anyhow::Result<Ending> {
    let errand = errand(ask, home)?;
    let bar = output.progress("verify");
    let report = errand.run(now, |probe, place, all| {
        bar.set_length(all as u64);
        bar.set_position(place as u64);
        bar.set_message(probe.name);
    });
    bar.finish_and_clear();
    let report = report
        .map_err(|error| if error.is_usage() { usage(error.to_string()) } else { error.into() })?;
    if let Some(path) = &ask.sarif {
        write(path, &serde_json::to_vec_pretty(&report.sarif())?)?;
    }
    output.show(&report, Report::text)?;
    Ok(if report.findings == 0 { Ending::Done } else { Ending::Findings })
}

fn errand(ask: &Verify, home: &Home) -> anyhow::Result<Errand> {
    let since = match &ask.since {
        Some(path) => path.clone(),
        None => remembered(&Paths::new(home.root()).seen(), &ask.url)?,
    };
    Ok(Errand {
        url: ask.url.clone(),
        connect: ask.connect,
        authority: ask.authority.clone(),
        http_port: ask.http_port,
        log_key: ask.log_key.clone(),
        posture_key: ask.posture_key.clone(),
        witnesses: ask.witness.clone(),
        quorum: ask.quorum,
        since: Some(since),
        accounts: ask.accounts.clone(),
        claims: ask.claim.clone(),
        mail_domain: ask.mail_domain.clone(),
        selectors: ask.dkim_selector.clone(),
        resolver: ask.resolver,
        seconds: ask.seconds,
        requests: ask.requests,
        burst: if ask.burst { Burst::Once } else { Burst::No },
        pace: if ask.wait { Pace::Patient } else { Pace::Swift },
    })
}

/// Where visits to an address are remembered.
fn remembered(seen: &Path, url: &str) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(seen).with_context(|| format!("cannot make {}", seen.display()))?;
    let url = url.trim_end_matches('/').to_ascii_lowercase();
    Ok(seen.join(format!("{}.visit", hex::encode(seal::sha256(url.as_bytes())))))
}

/// Whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let place = || format!("cannot write {}", path.display());
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(parent).with_context(place)?;
    file.write_all(bytes).with_context(place)?;
    file.as_file().sync_all().with_context(place)?;
    file.persist(path).with_context(place)?;
    Ok(())
}
