//! Probes of the machine below: where it listens, what it serves, what the doctor sees.

use super::{
    Observatory,
    looks::{Found, Sight},
};
use crate::server::state::App;
use audit::posture::Seen;
use edge::Exposure;
use host::doctor::{Examination, Finding, Program, Report, Root, Severity, examine, listens};
use std::collections::BTreeMap;
use store::Reach;

pub(super) fn database(app: &App) -> Found {
    let database = app.desk().database();
    let sight = Sight::new("the address that the server has of its database");
    if database.path().is_some() {
        return sight.fact("kind", "SQLite, a file of its owner's: there is no port").found();
    }
    if database.reach() == Reach::Network {
        // Whether others reach it too cannot be seen from here.
        return Found::Nothing;
    }
    sight.fact("kind", "PostgreSQL, by a socket of this machine or its loopback").found()
}

pub(super) fn certificate(app: &App, own: &Observatory) -> Found {
    let Some(served) = own.served() else { return Found::Nothing };
    let now = crate::desk::now();
    let sight = || {
        let expired = (served.expires <= now).then(|| "it has run out".to_owned());
        let late = app.certificates().and_then(|certificates| certificates.late(now));
        Sight::new("the certificate that the next handshake serves")
            .fact("issuer", &served.issuer)
            .fact("expires", served.expires.strftime("%Y-%m-%d %H:%M UTC"))
            .fact("SHA-256", hex::encode(served.sha256))
            .fact("public key, SHA-256", hex::encode(served.spki_sha256))
            .fault(expired)
            .fault(late)
    };
    let standing = app.certificates().map(|certificates| certificates.standing());
    let issued = standing.as_ref().and_then(|standing| standing.served.as_ref());
    let by_acme = match (&standing, issued) {
        (None, _) => sight().fault(Some(
            "no ACME server is asked: the machine's own authority signs, and no browser knows it"
                .to_owned(),
        )),
        (Some(_), None) => sight().fault(Some("no certificate is issued yet".to_owned())),
        (Some(_), Some(issued)) => {
            sight().fact("the next is due", issued.due().strftime("%Y-%m-%d"))
        }
    };
    let word = |claim: &str, sight: Sight| (claim.to_owned(), sight.seen());
    Found::Each(vec![word("S54", sight()), word("S07", by_acme)])
}

pub(super) async fn listeners(app: &App, own: &Observatory) -> anyhow::Result<Found> {
    let read = || listens(&Root::default(), std::process::id());
    let Some(mut found) = tokio::task::spawn_blocking(read).await? else {
        return Ok(Found::Nothing);
    };
    // Who comes in at the one shows a certificate first; at the other nothing is told but the way to TLS.
    // Metrics are bound to loopback by their door.
    let metrics = app.operations().metrics_at();
    let apart = [app.machines_at(), app.plain_at(), metrics].map(|at| at.map(|at| at.port()));
    found.retain(|address| !apart.contains(&Some(address.port())));
    let (door, exposure) = (own.site().address, own.site().exposure);
    let other = found.iter().find(|address| address.port() != door.port());
    let open = found.iter().find(|address| !address.ip().is_loopback());
    let open = open.filter(|_| exposure == Exposure::Loopback);
    let count = found.len();
    Ok(Sight::new("the sockets of this process, as the kernel lists them")
        .fact("listening TCP sockets", count)
        .fact(
            "reach",
            if exposure == Exposure::Public { "public, by --public" } else { "loopback" },
        )
        .fault(other.map(|address| format!("port {} is open beside the server's", address.port())))
        .fault(open.map(|address| format!("{address} is open to others without --public")))
        .found())
}

pub(super) async fn doctor(app: &App, own: &Observatory) -> anyhow::Result<Found> {
    let mut open_ports = vec![22, 80, 443, own.site().address.port()];
    open_ports
        .extend([app.machines_at(), app.plain_at()].into_iter().flatten().map(|at| at.port()));
    open_ports.extend(app.operations().metrics_at().map(|at| at.port()));
    let examination = Examination {
        program: Program::Server,
        root: Root::default(),
        now: crate::desk::now(),
        user: rustix::process::geteuid().as_raw(),
        own: Vec::new(),
        open_ports,
        known_sources: Vec::new(),
        backup: None,
        unit: None,
    };
    let report = tokio::task::spawn_blocking(move || examine(&examination)).await?;
    Ok(Found::Each(by_claim(&report)))
}

/// One word for each claim that the doctor speaks to; none where he could not see.
fn by_claim(report: &Report) -> Vec<(String, Seen)> {
    let mut claims: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        let Some(claim) = finding.claim.filter(|claim| OF_THE_HOST.contains(claim)) else {
            continue;
        };
        claims.entry(claim).or_default().push(finding);
    }
    let mut seen: Vec<(String, Seen)> = claims
        .into_iter()
        .filter_map(|(claim, findings)| Some((claim.to_owned(), word(&findings)?)))
        .collect();
    // The kernel is the latest where it is patched.
    let kernel = seen.iter().find(|(claim, _)| claim == "M30").map(|(_, seen)| seen.clone());
    seen.extend(kernel.map(|seen| ("S53".to_owned(), seen)));
    seen
}

/// What the doctor says of the machine; what is the bot's is the bot's.
const OF_THE_HOST: [&str; 7] = ["M29", "M30", "M55", "M56", "M57", "M58", "M59"];

fn word(findings: &[&Finding]) -> Option<Seen> {
    let count = |severity| findings.iter().filter(|one| one.severity == severity).count();
    let bad = count(Severity::Problem) + count(Severity::Warning);
    if bad == 0 && count(Severity::NotChecked) > 0 {
        return None;
    }
    // What exactly is weak is told on the machine, not to everybody.
    let fault =
        (bad > 0).then(|| format!("the doctor has {bad} findings; on the machine he names them"));
    let sight = Sight::new("the doctor's look at the machine's files")
        .fact("as it should be", count(Severity::Ok))
        .fact("findings", bad)
        .fact("could not be read", count(Severity::NotChecked));
    Some(sight.fault(fault).seen())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doctor_speaks_for_a_claim_only_where_he_saw() {
        let finding = |claim, severity| Finding::new("x", severity, "what").claim(claim);
        let findings = vec![
            finding("M30", Severity::Ok),
            finding("M55", Severity::Ok),
            finding("M55", Severity::NotChecked),
            finding("M56", Severity::NotChecked),
            finding("M56", Severity::Warning),
            finding("M62", Severity::Problem),
        ];
        let seen = by_claim(&Report { at: String::new(), findings });
        let told: Vec<(&str, bool)> =
            seen.iter().map(|(claim, seen)| (claim.as_str(), seen.fault.is_none())).collect();
        // M55 is not looked at whole, M62 is the bot's; the kernel speaks for S53 as well.
        assert_eq!(told, [("M30", true), ("M56", false), ("S53", true)]);
    }
}
