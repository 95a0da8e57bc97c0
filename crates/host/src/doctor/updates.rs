//! Whether the system gets its updates, by the traces that its package manager leaves (M55, M30).

use super::{Examination, Finding, Root, Severity, ago, root::Reading};
use jiff::{SignedDuration, Timestamp};

const AREA: &str = "updates";
const WHY: &str = "most break-ins use holes that were mended long ago";
const WHY_RESTART: &str = "an update that waits for a restart protects nobody yet";

/// Lists of packages older than this have missed a week of mends.
const LISTS_AGE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a package manager leaves behind.
struct Manager {
    name: &'static str,
    /// There if it is this one.
    mark: &'static str,
    /// Written when it asks for news.
    traces: &'static [&'static str],
    update: &'static str,
    automatic: fn(&Root) -> Option<bool>,
    switch_on: &'static str,
}

const MANAGERS: [Manager; 3] = [
    Manager {
        name: "apt",
        mark: "/var/lib/dpkg/status",
        traces: &[
            "/var/lib/apt/periodic/update-success-stamp",
            "/var/lib/apt/periodic/update-stamp",
            "/var/lib/apt/lists/partial",
        ],
        update: "sudo apt-get update && sudo apt-get upgrade",
        automatic: apt_automatic,
        switch_on: "sudo apt-get install unattended-upgrades && printf 'APT::Periodic::Update-Package-Lists \"1\";\\nAPT::Periodic::Unattended-Upgrade \"1\";\\n' | sudo tee /etc/apt/apt.conf.d/20auto-upgrades",
    },
    Manager {
        name: "dnf",
        mark: "/var/lib/rpm",
        traces: &[
            "/var/cache/dnf/last_makecache",
            "/var/cache/dnf/expired_repos.json",
            "/var/cache/libdnf5",
        ],
        update: "sudo dnf upgrade --refresh",
        automatic: dnf_automatic,
        switch_on: "sudo dnf install dnf-automatic && sudo sed -i 's/^apply_updates.*/apply_updates = yes/' /etc/dnf/automatic.conf && sudo systemctl enable --now dnf-automatic.timer",
    },
    Manager {
        name: "pacman",
        mark: "/var/lib/pacman/local",
        traces: &["/var/lib/pacman/sync/core.db"],
        update: "sudo pacman -Syu",
        // A rolling system is updated by hand, its owner watching.
        automatic: |_| Some(true),
        switch_on: "",
    },
];

pub(super) fn probe(examination: &Examination) -> Vec<Finding> {
    let root = &examination.root;
    let mut findings = vec![restart(root).claim("M30").why(WHY_RESTART)];
    let Some(manager) = MANAGERS.iter().find(|manager| root.exists(manager.mark)) else {
        let finding =
            Finding::new(AREA, Severity::NotChecked, "the package manager is not known here");
        let evidence = "neither dpkg, rpm nor pacman has left a database";
        findings.push(finding.claim("M55").why(WHY).fix("cat /etc/os-release").evidence(evidence));
        return findings;
    };
    findings.push(lists(examination, manager).claim("M55").why(WHY));
    findings.push(automatic(root, manager).claim("M55").why(WHY));
    findings
}

fn lists(examination: &Examination, manager: &Manager) -> Finding {
    let root = &examination.root;
    let seen = manager.traces.iter().filter_map(|path| Some((root.modified(path)?, *path)));
    let Some((at, path)): Option<(Timestamp, &str)> = seen.max() else {
        let what = format!("when {} last asked for updates is not visible", manager.name);
        let finding = Finding::new(AREA, Severity::NotChecked, what).fix(manager.update);
        return finding.evidence(format!("none of {}", manager.traces.join(", ")));
    };
    let age = examination.now.duration_since(at);
    let what = format!("{} last asked for updates {}", manager.name, ago(age));
    let evidence = format!("{path} was written {}", at.strftime("%F %T UTC"));
    if age <= LISTS_AGE_MAX {
        return Finding::new(AREA, Severity::Ok, what).evidence(evidence);
    }
    let severity =
        if age > LISTS_AGE_MAX.saturating_mul(4) { Severity::Problem } else { Severity::Warning };
    Finding::new(AREA, severity, what).fix(manager.update).evidence(evidence)
}

fn automatic(root: &Root, manager: &Manager) -> Finding {
    match (manager.automatic)(root) {
        Some(true) if manager.switch_on.is_empty() => {
            let what = format!("{} is used by hand on a rolling system", manager.name);
            Finding::new(AREA, Severity::NotChecked, what)
                .fix(manager.update)
                .evidence(manager.mark)
        }
        Some(true) => Finding::new(AREA, Severity::Ok, "updates are installed by themselves")
            .evidence(format!("the configuration of {} says so", manager.name)),
        Some(false) => {
            Finding::new(AREA, Severity::Warning, "updates wait for somebody to install them")
                .fix(manager.switch_on)
                .evidence(format!("the configuration of {} does not install them", manager.name))
        }
        None => Finding::new(
            AREA,
            Severity::NotChecked,
            "whether updates install themselves cannot be read",
        )
        .fix(manager.switch_on)
        .evidence(format!("the configuration of {} is not readable", manager.name)),
    }
}

/// The last value of `APT::Periodic::Unattended-Upgrade`, and the program that it calls.
fn apt_automatic(root: &Root) -> Option<bool> {
    let mut value = None;
    let files =
        [vec!["/etc/apt/apt.conf".to_owned()], root.matching("/etc/apt/apt.conf.d/*")].concat();
    for path in files {
        let text = match root.read(&path) {
            Reading::Text(text) => text,
            Reading::Absent => continue,
            Reading::Unreadable(_) => return None,
        };
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            if let Some((_, after)) = line.split_once("APT::Periodic::Unattended-Upgrade") {
                value = after.split('"').nth(1).map(str::to_owned);
            }
        }
    }
    let on = value.is_some_and(|value| value != "0" && !value.is_empty());
    Some(on && root.exists("/usr/bin/unattended-upgrade"))
}

fn dnf_automatic(root: &Root) -> Option<bool> {
    if matches!(root.read("/etc/dnf/automatic.conf"), Reading::Unreadable(_)) {
        return None;
    }
    let applies = last_value(root, "/etc/dnf/automatic.conf", "apply_updates");
    let timers = ["dnf-automatic.timer", "dnf-automatic-install.timer", "dnf5-automatic.timer"];
    let wanted =
        |timer: &&str| root.exists(format!("/etc/systemd/system/timers.target.wants/{timer}"));
    let timer = timers.iter().find(|timer| wanted(timer));
    let installs = timer.is_some_and(|timer| timer.contains("-install"));
    Some(
        installs
            || (timer.is_some() && applies.as_deref().is_some_and(|v| v == "yes" || v == "true")),
    )
}

/// Whether a restart is due: the package manager says so, or a newer kernel lies beside the one that runs.
fn restart(root: &Root) -> Finding {
    let asked = ["/run/reboot-required", "/var/run/reboot-required"];
    if let Some(path) = asked.iter().find(|path| root.exists(path)) {
        let packages = root.read(format!("{path}.pkgs"));
        let packages = packages.text().unwrap_or_default().lines().collect::<Vec<_>>().join(", ");
        return Finding::new(AREA, Severity::Problem, "updates wait for a restart")
            .fix("sudo systemctl reboot")
            .evidence(format!("{path}: {packages}"));
    }
    let Some(running) = root.word("/proc/sys/kernel/osrelease") else {
        let finding = Finding::new(AREA, Severity::NotChecked, "which kernel runs cannot be read");
        return finding.fix("uname -r").evidence("/proc/sys/kernel/osrelease");
    };
    let names = root.list("/boot").unwrap_or_default();
    let kernels: Vec<&str> =
        names.iter().filter_map(|name| name.strip_prefix("vmlinuz-")).collect();
    if !kernels.contains(&running.as_str()) {
        let what = "whether a newer kernel waits for a restart is not visible";
        let evidence = format!(
            "{running} runs, which does not lie in /boot (as in a container or a rented machine)"
        );
        return Finding::new(AREA, Severity::NotChecked, what)
            .fix("uname -r; ls /boot")
            .evidence(evidence);
    }
    // Of the same kind: "6.1.0-28-amd64" is no successor of "6.1.0-27-cloud-amd64".
    let kind =
        |kernel: &str| kernel.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).to_owned();
    let same = kernels.iter().filter(|kernel| kind(kernel) == kind(&running));
    let newest = same.max_by_key(|kernel| numbers(kernel)).copied().unwrap_or_default();
    let evidence = format!("{running} runs, {newest} is the newest in /boot");
    if numbers(newest) > numbers(&running) {
        return Finding::new(AREA, Severity::Warning, "a newer kernel waits for a restart")
            .fix("sudo systemctl reboot")
            .evidence(evidence);
    }
    Finding::new(AREA, Severity::Ok, "the newest kernel that is installed runs").evidence(evidence)
}

/// The numbers in a version, which compare as versions do.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

/// The last value of a key in a file of `key = value` lines.
pub(super) fn last_value(root: &Root, path: &str, key: &str) -> Option<String> {
    let reading = root.read(path);
    let lines = reading.text()?.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    let mut values = lines.filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().to_ascii_lowercase())
    });
    values.next_back()
}
