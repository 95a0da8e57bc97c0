//! Whether something keeps the clock right. Only traces of it are read; no time server is asked.

use super::{Examination, Finding, Severity, ago};
use jiff::SignedDuration;

const AREA: &str = "clock";
const WHY: &str =
    "venues refuse requests whose time is off by seconds, and stops are judged by time";
const FIX: &str = "sudo timedatectl set-ntp true";

/// A trace older than this says nothing about now.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// Programs that keep the clock, and the file that each writes while it does.
const KEEPERS: [(&str, &str, &str); 4] = [
    ("systemd-timesyn", "/run/systemd/timesync/synchronized", "timedatectl timesync-status"),
    ("chronyd", "/var/lib/chrony/chrony.drift", "chronyc tracking"),
    ("chronyd", "/var/lib/chrony/drift", "chronyc tracking"),
    ("ntpd", "/var/lib/ntpsec/ntp.drift", "ntpq -p"),
];

pub(super) fn probe(examination: &Examination) -> Vec<Finding> {
    vec![look(examination).why(WHY)]
}

pub(super) fn look(examination: &Examination) -> Finding {
    let root = &examination.root;
    let running = root.processes();
    if running.is_empty() {
        let finding = Finding::new(AREA, Severity::NotChecked, "what runs here cannot be listed");
        return finding.fix("timedatectl").evidence("/proc: no process is visible");
    }
    let runs = |name: &str| running.iter().any(|(_, comm)| comm == name);
    for (keeper, trace, _) in KEEPERS.iter().filter(|(keeper, ..)| runs(keeper)) {
        let Some(at) = root.modified(trace) else { continue };
        let age = examination.now.duration_since(at);
        let evidence = format!("{keeper} runs; {trace} was written {}", ago(age));
        if age <= AGE_MAX && age >= -SignedDuration::from_mins(5) {
            return Finding::new(AREA, Severity::Ok, format!("{keeper} keeps the clock"))
                .evidence(evidence);
        }
    }
    if let Some((keeper, _, show)) = KEEPERS.iter().find(|(keeper, ..)| runs(keeper)) {
        let what = format!("{keeper} runs, but has left no trace of having set the clock lately");
        return Finding::new(AREA, Severity::NotChecked, what)
            .fix(*show)
            .evidence(format!("{keeper} runs; its file is missing, old or not readable"));
    }
    let what = "nothing that is known here keeps the clock right";
    Finding::new(AREA, Severity::Warning, what)
        .fix(FIX)
        .evidence("no systemd-timesyncd, chronyd or ntpd among the running programs")
}
