//! Switches of the kernel that matter to a process with keys in its memory (M29).

use super::{Examination, Finding, Severity, root::Reading};

const AREA: &str = "kernel";

struct Switch {
    path: &'static str,
    good: &'static [&'static str],
    set: &'static str,
    /// What it means where it is good, and where not.
    says: (&'static str, &'static str),
    why: &'static str,
    severity: Severity,
}

const SWITCHES: [Switch; 5] = [
    Switch {
        path: "/proc/sys/kernel/randomize_va_space",
        good: &["2"],
        set: "kernel.randomize_va_space=2",
        says: ("memory is laid out at random", "memory is not fully laid out at random"),
        why: "with a known layout a single bug is enough to take over a process",
        severity: Severity::Problem,
    },
    Switch {
        path: "/proc/sys/kernel/yama/ptrace_scope",
        good: &["1", "2", "3"],
        set: "kernel.yama.ptrace_scope=1",
        says: (
            "a program cannot look into another one of its user",
            "any program of the same user can look into another one",
        ),
        why: "keys are in the bot's memory; the bot forbids debuggers for itself, its shell does not",
        severity: Severity::Warning,
    },
    Switch {
        path: "/proc/sys/fs/suid_dumpable",
        good: &["0", "2"],
        set: "fs.suid_dumpable=0",
        says: (
            "programs with other rights leave no memory behind",
            "crashed programs with other rights leave their memory to everybody",
        ),
        why: "a memory image on disk holds whatever was secret",
        severity: Severity::Warning,
    },
    Switch {
        path: "/proc/sys/kernel/unprivileged_bpf_disabled",
        good: &["1", "2"],
        set: "kernel.unprivileged_bpf_disabled=1",
        says: ("only root loads programs into the kernel", "everybody may load BPF programs"),
        why: "many ways to become root went through it",
        severity: Severity::Warning,
    },
    Switch {
        path: "/proc/sys/kernel/kptr_restrict",
        good: &["1", "2"],
        set: "kernel.kptr_restrict=1",
        says: ("the kernel hides its addresses", "the kernel shows its addresses to everybody"),
        why: "they make holes of the kernel easier to use",
        severity: Severity::Warning,
    },
];

pub(super) fn probe(examination: &Examination) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        SWITCHES.iter().map(|switch| look(examination, switch).claim("M29")).collect();
    findings.push(cores(examination).claim("M29"));
    findings
}

fn look(examination: &Examination, switch: &Switch) -> Finding {
    let name = switch.set.split('=').next().unwrap_or_default();
    let keep = format!(
        "sudo sysctl -w {} && echo '{}' | sudo tee -a /etc/sysctl.d/60-stockade.conf",
        switch.set, switch.set
    );
    let finding = match examination.root.read(switch.path) {
        Reading::Text(text) => {
            let value = text.trim();
            let evidence = format!("{name} = {value}");
            if switch.good.contains(&value) {
                Finding::new(AREA, Severity::Ok, switch.says.0).evidence(evidence)
            } else {
                Finding::new(AREA, switch.severity, switch.says.1).fix(keep).evidence(evidence)
            }
        }
        // Without Yama nothing keeps one program of a user out of another.
        Reading::Absent if name.contains("yama") && examination.root.exists("/proc/sys/kernel") => {
            Finding::new(AREA, switch.severity, switch.says.1)
                .fix("# this kernel has no Yama: run the bot as a user of its own, without a shell")
                .evidence(format!("{} does not exist", switch.path))
        }
        Reading::Absent => {
            Finding::new(AREA, Severity::NotChecked, format!("{name} is not in this kernel"))
                .fix(format!("sysctl {name}"))
                .evidence(format!("{} does not exist", switch.path))
        }
        Reading::Unreadable(why) => {
            Finding::new(AREA, Severity::NotChecked, format!("{name} cannot be read"))
                .fix(format!("sysctl {name}"))
                .evidence(why)
        }
    };
    finding.why(switch.why)
}

/// Where the memory of a program that crashes goes.
fn cores(examination: &Examination) -> Finding {
    let path = "/proc/sys/kernel/core_pattern";
    let why = "a program that crashes leaves its memory on disk; the bot forbids this for itself, others do not";
    let reading = examination.root.read(path);
    let Some(pattern) = reading.text().map(str::trim) else {
        let finding = Finding::new(AREA, Severity::NotChecked, "where cores go cannot be read");
        return finding.why(why).fix("sysctl kernel.core_pattern").evidence(format!("{reading:?}"));
    };
    let kept_by_systemd = pattern.contains("systemd-coredump");
    let storage =
        super::updates::last_value(&examination.root, "/etc/systemd/coredump.conf", "Storage");
    let evidence = format!("kernel.core_pattern = {pattern}");
    if pattern.is_empty() || pattern.starts_with("|/bin/false") || pattern.starts_with("|/bin/true")
    {
        return Finding::new(AREA, Severity::Ok, "no program leaves a core")
            .why(why)
            .evidence(evidence);
    }
    if kept_by_systemd && storage.as_deref() == Some("none") {
        return Finding::new(AREA, Severity::Ok, "systemd-coredump keeps no core")
            .why(why)
            .evidence(evidence);
    }
    let fix = if kept_by_systemd {
        "printf '[Coredump]\\nStorage=none\\n' | sudo tee /etc/systemd/coredump.conf"
    } else {
        "sudo sysctl -w kernel.core_pattern='|/bin/false' && echo 'kernel.core_pattern=|/bin/false' | sudo tee -a /etc/sysctl.d/60-stockade.conf"
    };
    Finding::new(AREA, Severity::Warning, "programs that crash leave their memory on disk")
        .why(why)
        .fix(fix)
        .evidence(evidence)
}
