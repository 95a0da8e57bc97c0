//! The doctor on pictures of good, bad and empty machines, and on the machine that the test runs on.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "a picture of a machine is made of files with dates"
)]

mod firewall;
mod picture;

use host::doctor::{Examination, Finding, Own, Program, Report, Root, Severity, examine, repair};
use jiff::Timestamp;
use picture::{Picture, bad, good};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

fn not(report: &Report, severity: Severity) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.severity != severity).collect()
}

/// M55, M56, M57, M58, M59, M62, M63: on a machine as it should be there is nothing to say.
#[test]
fn a_good_machine_is_found_good() {
    let report = good().examine();
    assert_eq!(not(&report, Severity::Ok), [] as [&Finding; 0], "{}", report.text());
    assert_eq!(report.worst(), Severity::Ok);
    for claim in ["M29", "M30", "M55", "M56", "M57", "M58", "M59", "M62", "M63", "S55"] {
        assert!(report.findings.iter().any(|f| f.claim == Some(claim)), "{claim}");
    }
}

/// M55, M56, M57, M58, M59, M62, M63: each fault has its finding, its reason and the command that mends it.
#[test]
fn a_bad_machine_is_found_bad_in_every_respect() {
    let report = bad().examine();
    let shown = report.text();
    let ok: Vec<&Finding> = report.findings.iter().filter(|f| f.severity == Severity::Ok).collect();
    assert_eq!(ok, [] as [&Finding; 0], "{shown}");
    let check = |claim: &str, what: &str, fix: &str, severity| {
        let claim = Some(claim).filter(|claim| !claim.is_empty());
        let found = report.findings.iter().find(|f| f.claim == claim && f.what.contains(what));
        let finding = found.unwrap_or_else(|| panic!("{claim:?} {what} is not in\n{shown}"));
        assert_eq!(finding.severity, severity, "{what}");
        let command = finding.fix.as_deref().unwrap_or_default();
        assert!(command.contains(fix), "{what}: {command}");
        assert!(!finding.why.is_empty() && !finding.evidence.is_empty(), "{what}");
    };
    let (warning, problem) = (Severity::Warning, Severity::Problem);
    check("M62", "get at the configuration", "chmod 0600 /home/bot/bot.yaml", problem);
    check("M62", "get at the state", "chmod 0700 /home/bot/state", problem);
    check("", "keeps the clock", "timedatectl set-ntp true", warning);
    check(
        "M56",
        "redis-server listens on tcp port 6379 (Redis)",
        "systemctl disable --now redis-server.service",
        problem,
    );
    check("M56", "unknown program listens on udp port 111", "ss -lunp 'sport = :111'", problem);
    check("M57", "with a password", "PermitRootLogin prohibit-password", problem);
    check("M59", "open to every address", "AllowUsers *@203.0.113.7", warning);
    check("M58", "lets in what no rule names", "policy drop", problem);
    check("M30", "wait for a restart", "systemctl reboot", problem);
    check("M55", "40 days ago", "apt-get upgrade", problem);
    check("M55", "wait for somebody", "unattended-upgrades", warning);
    check("", "not encrypted", "LUKS", warning);
    check("", "swapped to a disk", "swapoff /dev/sda3", warning);
    check("M63", "4 days ago", "backup-the-bot", problem);
    check("S55", "no use for: NoNewPrivileges", "NoNewPrivileges=yes", warning);
    check("M29", "laid out at random", "kernel.randomize_va_space=2", problem);
    check("M29", "look into another", "kernel.yama.ptrace_scope=1", warning);
    check("M29", "leave their memory on disk", "kernel.core_pattern", warning);
    assert_eq!(report.worst(), Severity::Problem);
    assert!(shown.contains("PROBLEM      M57  ssh         one can sign in"), "{shown}");
    let json = serde_json::to_value(&report).expect("is JSON");
    assert_eq!(json["findings"][0]["severity"], "problem");
    assert_eq!(json["findings"][0]["fix"], "chmod 0600 /home/bot/bot.yaml");
}

#[test]
fn a_machine_that_shows_nothing_is_not_called_good() {
    let report = Picture::empty().examine();
    let ok: Vec<&Finding> = report.findings.iter().filter(|f| f.severity == Severity::Ok).collect();
    assert_eq!(ok, [] as [&Finding; 0], "{}", report.text());
}

/// Whatever this machine is: no panic, and nothing is called good without having been read.
#[test]
fn the_real_machine_is_looked_at_without_harm() {
    let own = Own { name: "configuration", path: "/nowhere/bot.yaml".into() };
    let report = examine(&Examination {
        program: Program::Bot,
        root: Root::default(),
        now: Timestamp::now(),
        user: rustix::process::geteuid().as_raw(),
        own: vec![own],
        open_ports: vec![22],
        known_sources: Vec::new(),
        backup: None,
        unit: Some("stockade-bot.service".to_owned()),
    });
    println!("{}", report.text());
    assert!(report.findings.len() >= 15);
    for finding in &report.findings {
        assert!(!finding.evidence.is_empty() && !finding.why.is_empty(), "{finding:?}");
        if finding.severity != Severity::Ok {
            assert!(finding.fix.as_ref().is_some_and(|fix| !fix.is_empty()), "{finding:?}");
        }
    }
    let of = |area: &'static str| report.findings.iter().filter(move |f| f.area == area);
    assert!(of("files").all(|f| f.severity == Severity::NotChecked), "it is not there");
    let ssh = Path::new("/usr/sbin/sshd").exists() || Path::new("/etc/ssh/sshd_config").exists();
    assert!(ssh || of("ssh").all(|f| f.what.contains("no SSH server")), "{}", report.text());
}

/// M57: the first value counts, an included file stands where it is included, a block overrides.
#[test]
fn ssh_is_judged_by_what_takes_effect() {
    let picture = good();
    let check = |main: &str, drop_in: &str, want: Severity, says: &str| {
        picture
            .write("etc/ssh/sshd_config", main)
            .write("etc/ssh/sshd_config.d/10-keys.conf", drop_in);
        let report = picture.examine();
        let finding = report.findings.iter().find(|f| f.claim == Some("M57")).expect("is judged");
        assert_eq!(finding.severity, want, "{main}|{drop_in}: {finding:?}");
        let text = format!("{} {}", finding.what, finding.fix.as_deref().unwrap_or_default());
        assert!(text.contains(says), "{says}: {text}");
    };
    let (ok, warning, problem) = (Severity::Ok, Severity::Warning, Severity::Problem);
    let off = "PasswordAuthentication no\nKbdInteractiveAuthentication no\n";
    let include = "Include /etc/ssh/sshd_config.d/*.conf\n";
    check(off, "", ok, "by key only");
    check(&format!("{off}PasswordAuthentication yes\n"), "", ok, "by key only");
    check(
        &format!("PasswordAuthentication yes\n{off}"),
        "",
        problem,
        "sed -i '1i PasswordAuthentication no' /etc/ssh/sshd_config",
    );
    check("", "", problem, "with a password");
    check("# PasswordAuthentication no\n", "", problem, "with a password");
    check(
        "passwordauthentication=no\n\tkbdinteractiveauthentication \"no\" # because\n",
        "",
        ok,
        "by key only",
    );
    check("PasswordAuthentication no\n", "", problem, "KbdInteractiveAuthentication no");
    check("PasswordAuthentication no\nChallengeResponseAuthentication no\n", "", ok, "by key only");
    check(include, off, ok, "by key only");
    check("Include sshd_config.d/*.conf\n", off, ok, "by key only");
    check(
        &format!("{include}{off}"),
        "PasswordAuthentication yes\n",
        problem,
        "sshd_config.d/00-stockade.conf",
    );
    check(&format!("PasswordAuthentication yes\n{include}"), off, problem, "sed -i");
    check(&format!("{off}PermitRootLogin yes\n"), "", warning, "root may sign in");
    check(
        &format!("{off}Match Address 10.0.0.0/8\nPasswordAuthentication yes\n"),
        "",
        warning,
        "Match blocks",
    );
    check(&format!("{include}{off}"), "Match User git\nX11Forwarding no\n", ok, "by key only");
    check(
        "Match User git\n PasswordAuthentication no\n KbdInteractiveAuthentication no\n",
        "",
        problem,
        "with a password",
    );
    check(
        &format!("{include}{off}Include /etc/ssh/sshd_config\n"),
        "",
        Severity::NotChecked,
        "sshd -T",
    );
    check(off, "", ok, "by key only");
    picture.write("proc/9/cmdline", "/usr/sbin/sshd\0-D\0-o\0PasswordAuthentication=yes\0");
    let report = picture.examine();
    let finding = report.findings.iter().find(|f| f.claim == Some("M57")).expect("is judged");
    assert_eq!(finding.severity, Severity::NotChecked);
}

/// M62: the one repair takes bits off the bot's own files, says so, and touches nothing else.
#[test]
fn a_repair_closes_the_bots_own_files_and_says_how_to_take_it_back() {
    let picture = bad();
    picture.write("home/bot/other", "x").mode("home/bot/other", 0o644);
    picture.link("home/bot/link", "other");
    let mut examination = picture.examination();
    examination.own.push(Own { name: "key store", path: "/home/bot/link".into() });
    let done: Vec<String> = repair(&examination).into_iter().map(|repair| repair.done).collect();
    assert_eq!(
        done,
        [
            "chmod 0600 /home/bot/bot.yaml (to take it back: chmod 0644 /home/bot/bot.yaml)",
            "chmod 0700 /home/bot/state (to take it back: chmod 0755 /home/bot/state)",
        ]
    );
    let mode = |name: &str| {
        let path = picture.directory.path().join(name);
        fs::metadata(path).expect("is there").permissions().mode() & 0o777
    };
    assert_eq!((mode("home/bot/bot.yaml"), mode("home/bot/state")), (0o600, 0o700));
    assert_eq!(mode("home/bot/other"), 0o644, "no link is followed");
    assert_eq!(repair(&examination), [], "once is enough");
    let report = examine(&examination);
    let files: Vec<Severity> =
        report.findings.iter().filter(|f| f.area == "files").map(|f| f.severity).collect();
    assert_eq!(files, [Severity::Ok, Severity::Ok, Severity::Problem]);
}
