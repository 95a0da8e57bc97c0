//! Who can sign in over SSH: keys and no passwords (M57), and from known addresses (M59).

use super::{
    Examination, Finding, Severity, firewall,
    listeners::{Listener, listeners},
    rules::Firewall,
    sshd::Sshd,
};
use std::net::IpAddr;

const AREA: &str = "ssh";
const WHY_KEYS: &str =
    "passwords are guessed by machines around the clock; whoever is in has your keys";
const WHY_KNOWN: &str =
    "a hole in the SSH server, or a stolen key, is of no use to those who cannot reach it";
const SHOW: &str = "sudo sshd -T";

pub(super) fn probe(examination: &Examination) -> Vec<Finding> {
    let root = &examination.root;
    let sshd = Sshd::read(root);
    let (listening, _) = listeners(root);
    let processes = root.processes();
    let running = processes.iter().any(|(_, name)| name == "sshd");
    let installed = root.exists("/usr/sbin/sshd") || root.exists("/usr/local/sbin/sshd");
    if !sshd.present && !installed && processes.is_empty() {
        let what = "whether an SSH server runs cannot be seen";
        let unseen = |claim, why| {
            let finding = Finding::new(AREA, Severity::NotChecked, what).claim(claim).why(why);
            finding.fix(SHOW).evidence("/proc: no process is visible")
        };
        return vec![unseen("M57", WHY_KEYS), unseen("M59", WHY_KNOWN)];
    }
    if !sshd.present && !installed && !running {
        let evidence =
            "no /etc/ssh/sshd_config, no /usr/sbin/sshd, no sshd among the running programs";
        let none = |claim, why| {
            let finding = Finding::new(AREA, Severity::Ok, "no SSH server is on this machine");
            finding.claim(claim).why(why).evidence(evidence)
        };
        return vec![none("M57", WHY_KEYS), none("M59", WHY_KNOWN)];
    }
    let mut findings = sign_in(examination, &sshd);
    findings.push(known_sources(examination, &sshd, &listening));
    findings
}

fn sign_in(examination: &Examination, sshd: &Sshd) -> Vec<Finding> {
    if !sshd.unread.is_empty() || options_on_the_command_line(examination) {
        let what = "how one signs in over SSH could not be read as a whole";
        let options = "sshd runs with options on its command line, which override its files";
        let evidence =
            if sshd.unread.is_empty() { options.to_owned() } else { sshd.unread.join("\n") };
        let finding = Finding::new(AREA, Severity::NotChecked, what).claim("M57").why(WHY_KEYS);
        return vec![finding.fix(SHOW).evidence(evidence)];
    }
    let mut wanted = Vec::new();
    let mut rows = Vec::new();
    for (keyword, name, default, bad, good) in [
        ("passwordauthentication", "PasswordAuthentication", "yes", &["yes"][..], "no"),
        ("kbdinteractiveauthentication", "KbdInteractiveAuthentication", "yes", &["yes"], "no"),
        ("permitrootlogin", "PermitRootLogin", "prohibit-password", &["yes"], "prohibit-password"),
        ("permitemptypasswords", "PermitEmptyPasswords", "no", &["yes"], "no"),
    ] {
        let value = sshd.global(keyword, default);
        let blocks = sshd.blocks_with(keyword, bad);
        rows.push(format!("{name} {value}"));
        rows.extend(blocks.iter().map(|criteria| format!("  but not for \"Match {criteria}\"")));
        let weak = bad.contains(&value.as_str());
        // Root by key is one door more, not a password.
        let severity = if weak && keyword != "permitrootlogin" {
            Severity::Problem
        } else if weak || !blocks.is_empty() {
            Severity::Warning
        } else {
            continue;
        };
        wanted.push((format!("{name} {good}"), severity));
    }
    let evidence = format!("{}: {}", sshd.files.join(", "), rows.join("; "));
    let Some(severity) = wanted.iter().map(|(_, severity)| *severity).max() else {
        let finding = Finding::new(AREA, Severity::Ok, "one signs in over SSH by key only");
        return vec![finding.claim("M57").why(WHY_KEYS).evidence(evidence)];
    };
    let only_root = wanted.iter().all(|(line, _)| line.starts_with("PermitRootLogin"));
    let what = match severity {
        Severity::Problem => "one can sign in over SSH with a password",
        _ if only_root => "root may sign in over SSH, by any means that is let in",
        _ => "some can sign in over SSH with a password (Match blocks)",
    };
    let lines: Vec<String> = wanted.into_iter().map(|(line, _)| line).collect();
    let finding = Finding::new(AREA, severity, what).claim("M57").why(WHY_KEYS);
    let fix = mend(sshd, &lines, "00-stockade");
    let blocks = if sshd.blocks.is_empty() {
        ""
    } else {
        "\n# and take the same lines out of the Match blocks"
    };
    vec![finding.fix(fix + blocks).evidence(evidence)]
}

/// The commands that make lines take effect; what comes first counts, so a drop-in that is read first, or the
/// top of the main file.
fn mend(sshd: &Sshd, lines: &[String], drop_in: &str) -> String {
    let put = if sshd.drop_ins_first {
        let lines = lines.join("\\n");
        format!("printf '{lines}\\n' | sudo tee /etc/ssh/sshd_config.d/{drop_in}.conf")
    } else {
        format!("sudo sed -i '1i {}' /etc/ssh/sshd_config", lines.join("\\n"))
    };
    let warning =
        "# keep this session open, and see that you can still sign in, with a key, in another one";
    format!("{warning}\n{put} && sudo sshd -t && sudo systemctl reload ssh")
}

fn options_on_the_command_line(examination: &Examination) -> bool {
    let root = &examination.root;
    let servers = root.processes().into_iter().filter(|(_, name)| name == "sshd");
    servers.into_iter().any(|(number, _)| {
        let line = root.read(format!("/proc/{number}/cmdline"));
        let line = line.text().unwrap_or_default().to_owned();
        // The children of the server write a title of their own in place of their arguments.
        let mut words = line.split('\0');
        let server = words.next().is_some_and(|program| program.ends_with("/sshd"));
        server && words.any(|word| word.starts_with("-o") || word.starts_with("-f"))
    })
}

fn known_sources(examination: &Examination, sshd: &Sshd, listening: &[Listener]) -> Finding {
    let ports = ports(sshd);
    let finding = |severity, what: &str, evidence: String| {
        Finding::new(AREA, severity, what).claim("M59").why(WHY_KNOWN).evidence(evidence)
    };
    let here: Vec<&Listener> =
        listening.iter().filter(|l| l.protocol == "tcp" && ports.contains(&l.port)).collect();
    if !here.is_empty() && here.iter().all(|listener| within(listener.address)) {
        let shown: Vec<String> = here.iter().map(|l| format!("{}:{}", l.address, l.port)).collect();
        let what = "SSH listens on addresses only that the internet does not reach";
        return finding(Severity::Ok, what, shown.join(", "));
    }
    let users: Vec<&str> = sshd
        .global
        .get("allowusers")
        .into_iter()
        .flatten()
        .flat_map(|line| line.split_whitespace())
        .collect();
    let from_known = |user: &&str| user.rsplit_once('@').is_some_and(|(_, host)| !everywhere(host));
    if sshd.unread.is_empty() && !users.is_empty() && users.iter().all(from_known) {
        let what = "SSH takes users from known addresses only";
        return finding(Severity::Ok, what, format!("AllowUsers {}", users.join(" ")));
    }
    let firewall = Firewall::read(&examination.root);
    match firewall.sources(&ports) {
        firewall::Sources::Known(sources) => {
            let what = "the firewall's files let known addresses only reach SSH";
            finding(Severity::Ok, what, format!("{}: {}", firewall.name(), sources.join(", ")))
        }
        firewall::Sources::Unread(why) => {
            let what = "whether SSH is open to every address could not be read";
            finding(Severity::NotChecked, what, why).fix("sudo nft list ruleset")
        }
        firewall::Sources::Everybody => {
            let what = "SSH is open to every address";
            let source = examination.known_sources.first().map_or("YOUR.ADDRESS", String::as_str);
            let port = ports.first().copied().unwrap_or(22);
            let fix = if firewall.name() == "ufw" {
                format!(
                    "sudo ufw allow from {source} to any port {port} proto tcp && sudo ufw delete allow {port}/tcp"
                )
            } else {
                mend(sshd, &[format!("AllowUsers *@{source}")], "01-stockade-sources")
            };
            let evidence = format!("no AllowUsers with addresses; {}", firewall.summary());
            finding(Severity::Warning, what, evidence).fix(fix)
        }
    }
}

fn ports(sshd: &Sshd) -> Vec<u16> {
    let ports = sshd.global.get("port").into_iter().flatten();
    let ports: Vec<u16> = ports.filter_map(|port| port.parse().ok()).collect();
    if ports.is_empty() { vec![22] } else { ports }
}

/// Whether strangers on the internet cannot reach an address.
fn within(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

fn everywhere(host: &str) -> bool {
    matches!(host, "*" | "0.0.0.0/0" | "::/0" | "*.*.*.*" | "") || host.starts_with('!')
}
