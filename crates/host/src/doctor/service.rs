//! Whether the program runs as a hardened service (S55).

use super::{Examination, Finding, Severity, root::Reading};
use crate::unit::Unit;

const AREA: &str = "service";
const WHY: &str = "a fault in the program should reach nothing but the program";

/// Where units are, the owner's before the distribution's.
const FOLDERS: [&str; 3] =
    ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

pub(super) fn probe(examination: &Examination) -> Vec<Finding> {
    let Some(name) = &examination.unit else { return Vec::new() };
    vec![look(examination, name).claim("S55").why(WHY)]
}

fn look(examination: &Examination, name: &str) -> Finding {
    let root = &examination.root;
    let install =
        format!("sudo install -m 0644 {name} /etc/systemd/system/ && sudo systemctl daemon-reload");
    let found =
        FOLDERS.iter().map(|folder| format!("{folder}/{name}")).find(|path| root.exists(path));
    let Some(path) = found else {
        return Finding::new(
            AREA,
            Severity::NotChecked,
            format!("no service named {name} is installed"),
        )
        .fix(install)
        .evidence(format!("{name} is in none of {}", FOLDERS.join(", ")));
    };
    let mut text = String::new();
    let drop_ins = root.matching(&format!("/etc/systemd/system/{name}.d/*.conf"));
    for file in std::iter::once(path.clone()).chain(drop_ins) {
        match root.read(&file) {
            Reading::Text(part) => text = text + "\n" + &part,
            Reading::Absent => {}
            Reading::Unreadable(why) => {
                let what = "the service's unit cannot be read";
                let finding = Finding::new(AREA, Severity::NotChecked, what);
                return finding.fix(format!("systemctl cat {name}")).evidence(why);
            }
        }
    }
    let user = name.strip_suffix(".service").unwrap_or(name);
    let missing = Unit::parse(&text).missing(user);
    if missing.is_empty() {
        let what = "the service gives up what it has no use for";
        return Finding::new(AREA, Severity::Ok, what)
            .evidence(format!("{path}, with its drop-ins"));
    }
    let lines: Vec<&str> = missing.iter().map(|missing| missing.wanted.as_str()).collect();
    let names: Vec<&str> = missing.iter().map(|missing| missing.directive).collect();
    let what = format!("the service keeps rights that it has no use for: {}", names.join(", "));
    let reasons: Vec<String> =
        missing.iter().map(|m| format!("{} ({}): \"{}\"", m.directive, m.why, m.says)).collect();
    Finding::new(AREA, Severity::Warning, what)
        .fix(format!(
            "sudo mkdir -p /etc/systemd/system/{name}.d && printf '[Service]\\n{}\\n' | sudo tee /etc/systemd/system/{name}.d/50-harden.conf && sudo systemctl daemon-reload && sudo systemctl restart {name}",
            lines.join("\\n")
        ))
        .evidence(format!("{path}: {}", reasons.join("; ")))
}
