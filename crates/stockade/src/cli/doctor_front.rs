//! `stockade doctor`, of a server that others reach: its certificate, the port without TLS, strict transport.

use host::doctor::{Finding, Severity};
use settings::Settings;

/// S07, S05 and M04, by the settings; nothing of a server that only this machine reaches.
pub(super) fn front(settings: &Settings) -> Vec<Finding> {
    if !settings.is_on("server.public") {
        return Vec::new();
    }
    let mut findings = vec![certificate(settings), plain(settings), strict(settings)];
    findings.extend(introduced(settings));
    findings
}

/// Whether another program speaks to browsers in the server's place.
fn is_behind_proxy(settings: &Settings) -> bool {
    ["server.socket", "server.trusted_proxies"].iter().any(|key| !settings.text(key).is_empty())
}

fn certificate(settings: &Settings) -> Finding {
    let directory = settings.text("acme.directory");
    let (severity, what) = match (directory, is_behind_proxy(settings)) {
        ("", false) => (Severity::Warning, "no browser knows who signed the server's certificate"),
        ("", true) => (Severity::NotChecked, "a proxy shows browsers a certificate of its own"),
        _ => (Severity::Ok, "an ACME server issues the certificate, and it renews itself"),
    };
    let finding = Finding::new("certificate", severity, what).claim("S07");
    let finding = finding
        .why("whoever is used to clicking a warning away does not notice the one that matters")
        .evidence(format!("acme.directory = {directory:?}"));
    match severity {
        Severity::Ok => finding,
        _ => finding.fix(
            "# acme.directory = \"https://acme-v02.api.letsencrypt.org/directory\"; docs/edge.md says what it needs",
        ),
    }
}

fn plain(settings: &Settings) -> Finding {
    let listen = settings.text("server.plain_listen");
    let (severity, what) = match (listen, is_behind_proxy(settings)) {
        ("", false) => (Severity::Warning, "nothing leads browsers from the port without TLS"),
        ("", true) => (Severity::NotChecked, "a proxy answers on the port without TLS"),
        _ => (Severity::Ok, "the port without TLS leads browsers to the one with it"),
    };
    let finding = Finding::new("redirect", severity, what).claim("S05");
    let finding = finding
        .why("who types the name alone comes without TLS the first time")
        .evidence(format!("server.plain_listen = {listen:?}"));
    match severity {
        Severity::Ok => finding,
        _ => {
            finding.fix("# server.plain_listen = \"0.0.0.0:80\", server.origin = \"https://HOST\"")
        }
    }
}

/// Whether proxies can say who asks at all: one that carries bytes writes no header.
fn introduced(settings: &Settings) -> Option<Finding> {
    let list = settings.text("server.trusted_proxies");
    if list.is_empty() {
        return None;
    }
    let what = if settings.is_on("server.proxy_protocol") {
        "the listed proxies say who asks before TLS: HAProxy by send-proxy-v2, nginx by proxy_protocol on"
    } else {
        "the listed proxies say who asks in a header: they must speak HTTP themselves"
    };
    let finding = Finding::new("proxies", Severity::Ok, what).claim("S17");
    let finding =
        finding.why("a proxy that says it otherwise is refused, or all its clients are one");
    Some(finding.evidence(format!("server.trusted_proxies = {list:?}")))
}

fn strict(settings: &Settings) -> Finding {
    let stage = settings.text("server.hsts");
    let what = match stage {
        "preload" => {
            "the name meets the terms of the preload list; hstspreload.org says whether it is listed"
        }
        "subdomains" => "browsers keep to TLS for the name and all below it",
        _ => "browsers keep to TLS for the name alone",
    };
    Finding::new("hsts", Severity::Ok, what)
        .claim("M04")
        .why("a browser that was told keeps to TLS, whatever a network between answers")
        .evidence(format!("server.hsts = {stage}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::configuration::KEYS;
    use settings::{FileText, Sources};

    fn seen(lines: &str) -> Vec<(&'static str, Severity)> {
        let file = FileText { path: "stockade.toml".into(), text: lines.to_owned() };
        let sources = Sources { file: Some(file), ..Sources::default() };
        let settings = Settings::layered(KEYS, &sources).expect("good");
        let claim = |finding: &Finding| (finding.claim.expect("one"), finding.severity);
        front(&settings).iter().map(claim).collect()
    }

    #[test]
    fn a_server_of_this_machine_has_no_front_and_a_public_one_is_told_what_it_lacks() {
        assert_eq!(seen(""), []);
        let warned =
            [("S07", Severity::Warning), ("S05", Severity::Warning), ("M04", Severity::Ok)];
        assert_eq!(seen("server.public = true"), warned);
        let whole =
            "server.public = true\nserver.plain_listen = '0.0.0.0:80'\nacme.directory = 'x'";
        let fine = [("S07", Severity::Ok), ("S05", Severity::Ok), ("M04", Severity::Ok)];
        assert_eq!(seen(whole), fine);
        let unseen =
            [("S07", Severity::NotChecked), ("S05", Severity::NotChecked), ("M04", Severity::Ok)];
        assert_eq!(seen("server.public = true\nserver.socket = '/run/x.sock'"), unseen);
        let behind = "server.public = true\nserver.trusted_proxies = '10.0.0.1'\nserver.proxy_protocol = true";
        assert_eq!(seen(behind).last(), Some(&("S17", Severity::Ok)));
    }
}
