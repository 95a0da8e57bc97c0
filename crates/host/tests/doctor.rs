//! The doctor on pictures of good, bad and empty machines, and on the machine that the test runs on.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "a picture of a machine is made of files with dates"
)]

use host::doctor::{
    Backup, Examination, Finding, Own, Report, Root, Severity, examine, nft_rules, repair,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    time::{Duration, SystemTime},
};

/// A picture of a machine.
struct Picture {
    directory: tempfile::TempDir,
    now: Timestamp,
}

impl Picture {
    fn empty() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), now: Timestamp::now() }
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.directory.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("has one")).expect("is made");
        fs::write(&path, text).expect("is written");
        self
    }

    fn mode(&self, path: &str, mode: u32) -> &Self {
        let path = self.directory.path().join(path.trim_start_matches('/'));
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("is ours");
        self
    }

    fn aged(&self, path: &str, hours: u64) -> &Self {
        let path = self.directory.path().join(path.trim_start_matches('/'));
        let at = SystemTime::now() - Duration::from_secs(hours * 3600);
        let file = fs::File::options().append(true).open(path).expect("is there");
        file.set_modified(at).expect("is ours");
        self
    }

    fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.directory.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("has one")).expect("is made");
        symlink(target, path).expect("is made");
        self
    }

    fn examination(&self) -> Examination {
        let own = |name, path: &str| Own { name, path: path.into() };
        Examination {
            root: Root::picture(self.directory.path()),
            now: self.now,
            user: rustix::process::geteuid().as_raw(),
            own: vec![own("configuration", "/home/bot/bot.yaml"), own("state", "/home/bot/state")],
            open_ports: vec![22, 443],
            known_sources: vec!["203.0.113.7".to_owned()],
            backup: Some(Backup {
                path: "/home/bot/backups".into(),
                age_max: SignedDuration::from_hours(48),
            }),
            unit: Some("stockade-bot.service".to_owned()),
        }
    }

    fn examine(&self) -> Report {
        examine(&self.examination())
    }
}

const UNIT: &str = include_str!("../../../packaging/stockade-bot.service");

const TCP_HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

fn socket(address: &str, state: &str, inode: u32) -> String {
    format!(
        "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100 0 0 10 0\n"
    )
}

/// A machine as it should be.
fn good() -> Picture {
    let picture = Picture::empty();
    picture
        .write("home/bot/bot.yaml", "x").mode("home/bot/bot.yaml", 0o600)
        .write("home/bot/state/journal", "x").mode("home/bot/state", 0o700)
        .write("home/bot/backups/one.age", "x").aged("home/bot/backups/one.age", 20)
        .write("proc/7/comm", "chronyd\n")
        .write("proc/9/comm", "sshd\n")
        .write("proc/9/cmdline", "/usr/sbin/sshd\0-D\0")
        .write("proc/9/cgroup", "0::/system.slice/ssh.service\n")
        .link("proc/9/fd/3", "socket:[4711]")
        .write("var/lib/chrony/chrony.drift", "1 2").aged("var/lib/chrony/chrony.drift", 1)
        .write("proc/net/tcp", &(TCP_HEAD.to_owned() + &socket("00000000:0016", "0A", 4711) + &socket("0100007F:18EB", "0A", 5)))
        .write("proc/net/udp", TCP_HEAD)
        .write("usr/sbin/sshd", "")
        .write("etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\nUsePAM yes\n")
        .write("etc/ssh/sshd_config.d/10-keys.conf", "PasswordAuthentication no\nKbdInteractiveAuthentication no\n")
        .write("etc/nftables.conf", &nft_rules(&[22, 443], &["203.0.113.7".to_owned()]))
        .link("etc/systemd/system/sysinit.target.wants/nftables.service", "/lib/systemd/system/nftables.service")
        .write("var/lib/dpkg/status", "")
        .write("var/lib/apt/periodic/update-success-stamp", "").aged("var/lib/apt/periodic/update-success-stamp", 12)
        .write("etc/apt/apt.conf.d/20auto-upgrades", "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n")
        .write("usr/bin/unattended-upgrade", "")
        .write("proc/sys/kernel/osrelease", "6.1.0-28-amd64\n")
        .write("boot/vmlinuz-6.1.0-9-amd64", "").write("boot/vmlinuz-6.1.0-28-amd64", "")
        .write("boot/vmlinuz-6.1.0-99-cloud-amd64", "")
        .write("proc/mounts", "/dev/mapper/vg-root / ext4 rw 0 0\nproc /proc proc rw 0 0\n")
        .write("sys/block/dm-1/dm/name", "vg-root").write("sys/block/dm-1/dm/uuid", "LVM-abc")
        .link("sys/block/dm-1/slaves/dm-0", "../../dm-0")
        .write("sys/block/dm-0/dm/name", "crypt").write("sys/block/dm-0/dm/uuid", "CRYPT-LUKS2-abc")
        .write("proc/swaps", "Filename Type Size Used Priority\n/dev/zram0 partition 1 0 100\n")
        .write("lib/systemd/system/stockade-bot.service", UNIT)
        .write("proc/sys/kernel/randomize_va_space", "2\n")
        .write("proc/sys/kernel/yama/ptrace_scope", "1\n")
        .write("proc/sys/fs/suid_dumpable", "0\n")
        .write("proc/sys/kernel/unprivileged_bpf_disabled", "2\n")
        .write("proc/sys/kernel/kptr_restrict", "1\n")
        .write("proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump %P\n")
        .write("etc/systemd/coredump.conf", "[Coredump]\n#Storage=external\nStorage=none\n");
    picture
}

/// The same machine, let go.
fn bad() -> Picture {
    let picture = good();
    picture
        .mode("home/bot/bot.yaml", 0o644)
        .mode("home/bot/state", 0o755)
        .aged("home/bot/backups/one.age", 100)
        .write("proc/7/comm", "cron\n")
        .write("proc/11/comm", "redis-server\n")
        .write("proc/11/cgroup", "0::/system.slice/redis-server.service\n")
        .link("proc/11/fd/6", "socket:[99]")
        .write("proc/net/tcp6", &(TCP_HEAD.to_owned() + &socket("00000000000000000000000000000000:18EB", "0A", 99)))
        .write("proc/net/udp", &(TCP_HEAD.to_owned() + &socket("00000000:006F", "07", 98)))
        .write("etc/ssh/sshd_config.d/10-keys.conf", "PermitRootLogin yes\n")
        .write("etc/nftables.conf", "table inet filter {\n  chain input {\n    type filter hook input priority 0; policy accept;\n  }\n}\n")
        .aged("var/lib/apt/periodic/update-success-stamp", 24 * 40 + 1)
        .write("etc/apt/apt.conf.d/99off", "APT::Periodic::Unattended-Upgrade \"0\";\n")
        .write("run/reboot-required", "").write("run/reboot-required.pkgs", "linux-image-amd64\nlibc6\n")
        .write("sys/block/dm-0/dm/uuid", "LVM-def")
        .write("proc/swaps", "Filename Type Size Used Priority\n/dev/sda3 partition 1 0 -2\n")
        .write("sys/block/sda/sda3/size", "1")
        .write("etc/systemd/system/stockade-bot.service.d/mine.conf", "[Service]\nNoNewPrivileges=no\n")
        .write("proc/sys/kernel/randomize_va_space", "0\n")
        .write("proc/sys/kernel/yama/ptrace_scope", "0\n")
        .write("proc/sys/fs/suid_dumpable", "1\n")
        .write("proc/sys/kernel/unprivileged_bpf_disabled", "0\n")
        .write("proc/sys/kernel/kptr_restrict", "0\n")
        .write("proc/sys/kernel/core_pattern", "core\n");
    picture
}

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
    check("M63", "4 days ago", "backups", problem);
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
    let check = |main: &str, drop_in: &str, want: Severity, says: &str| {
        let picture = good();
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
    let picture = good();
    picture.write("proc/9/cmdline", "/usr/sbin/sshd\0-D\0-o\0PasswordAuthentication=yes\0");
    let report = picture.examine();
    let finding = report.findings.iter().find(|f| f.claim == Some("M57")).expect("is judged");
    assert_eq!(finding.severity, Severity::NotChecked);
}

/// M58, M59: each firewall's own files, with what they let in and from where.
#[test]
fn a_firewall_is_judged_by_its_files() {
    let check = |files: &[(&str, &str)], m58: Severity, m59: Severity, says: &str| {
        let picture = good();
        fs::remove_file(picture.directory.path().join("etc/nftables.conf")).expect("was there");
        for (path, text) in files {
            picture.write(path, text);
        }
        let report = picture.examine();
        let of =
            |claim| report.findings.iter().find(|f| f.claim == Some(claim)).expect("is judged");
        assert_eq!(of("M58").severity, m58, "{files:?} {:?}", of("M58"));
        assert_eq!(of("M59").severity, m59, "{files:?} {:?}", of("M59"));
        let text = format!("{:?} {:?}", of("M58"), of("M59"));
        assert!(text.contains(says), "{says}: {text}");
    };
    let (ok, unread) = (Severity::Ok, Severity::NotChecked);
    let (warning, problem) = (Severity::Warning, Severity::Problem);
    check(&[], problem, warning, "no firewall is set up");
    let nft = |rules: &str| {
        format!(
            "table inet filter {{ # {{\n chain input {{\n type filter hook input priority 0; policy drop;\n ct state established,related accept\n iif lo accept\n{rules}\n }}\n chain output {{ type filter hook output priority 0; policy accept; }}\n}}\n"
        )
    };
    let at = "etc/nftables.conf";
    check(&[(at, &nft("tcp dport 22 accept"))], ok, warning, "lets in 22");
    check(&[(at, &nft("ip saddr 203.0.113.7 tcp dport 22 accept"))], ok, ok, "203.0.113.7");
    check(
        &[(
            at,
            &nft(
                "ip saddr { 203.0.113.7, 198.51.100.0/24 } tcp dport { ssh, 443 } ct state new accept",
            ),
        )],
        ok,
        ok,
        "198.51.100.0/24",
    );
    check(&[(at, &nft("tcp dport { 22, 443, 8000-8100 } accept"))], warning, warning, "8000-8100");
    check(&[(at, &nft("accept"))], warning, warning, "every port");
    check(&[(at, &nft("# tcp dport 8080 accept"))], ok, ok, "nobody");
    check(
        &[(at, &nft("include \"/etc/nftables.d/*.nft\"")), ("etc/nftables.d/a.nft", "")],
        ok,
        ok,
        "nobody",
    );
    let ufw = ("etc/ufw/ufw.conf", "ENABLED=yes\n");
    let policy = ("etc/default/ufw", "DEFAULT_INPUT_POLICY=\"DROP\"\n");
    let rules = |text: &'static str| ("etc/ufw/user.rules", text);
    check(
        &[ufw, policy, rules("### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n")],
        ok,
        warning,
        "sudo ufw allow from 203.0.113.7 to any port 22",
    );
    check(
        &[ufw, policy, rules("### tuple ### limit tcp 22 0.0.0.0/0 any 203.0.113.7 in\n")],
        ok,
        ok,
        "22 from 203.0.113.7",
    );
    check(
        &[ufw, policy, rules("### tuple ### allow tcp 6000:6007 0.0.0.0/0 any 0.0.0.0/0 in\n")],
        warning,
        ok,
        "6000-6007",
    );
    check(
        &[ufw, policy, rules("### tuple ### deny tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n")],
        ok,
        ok,
        "nobody",
    );
    check(
        &[ufw, ("etc/default/ufw", "DEFAULT_INPUT_POLICY=\"ACCEPT\"\n")],
        problem,
        warning,
        "ufw default deny incoming",
    );
    check(&[("etc/ufw/ufw.conf", "ENABLED=no\n")], problem, warning, "no firewall is set up");
    let tables = |rules: &str| {
        format!(
            "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n{rules}COMMIT\n"
        )
    };
    let four = tables("-A INPUT -s 203.0.113.7/32 -p tcp -m tcp --dport 22 -j ACCEPT\n");
    check(&[("etc/iptables/rules.v4", &four)], problem, ok, "enable netfilter-persistent");
    let boot = ("etc/systemd/system/multi-user.target.wants/netfilter-persistent.service", "");
    check(&[("etc/iptables/rules.v4", &four), boot], ok, ok, "203.0.113.7/32");
    let more = tables("-A INPUT -p tcp -m multiport --dports 22,3306 -j ACCEPT\n");
    check(&[("etc/iptables/rules.v4", &more), boot], warning, warning, "22+3306");
    check(&[("proc/net/ip_tables_names", "filter\n")], unread, warning, "in no file known here");
    let firewalld = ("etc/systemd/system/multi-user.target.wants/firewalld.service", "");
    check(&[firewalld], unread, unread, "firewall-cmd");
}

#[test]
fn the_proposed_rules_let_in_what_is_allowed_and_hold_nothing_that_is_no_address() {
    let sources = ["203.0.113.7", "2001:db8::/32", "evil; flush ruleset", "10.0.0.0/x"];
    let rules = nft_rules(&[22, 443], &sources.map(str::to_owned));
    let opened: Vec<&str> =
        rules.lines().map(str::trim).filter(|line| line.contains("dport")).collect();
    assert_eq!(
        opened,
        [
            "ip saddr 203.0.113.7 tcp dport 22 accept",
            "ip6 saddr 2001:db8::/32 tcp dport 22 accept",
            "tcp dport 443 accept",
        ]
    );
    assert_eq!(rules.matches("flush ruleset").count(), 1);
    assert!(nft_rules(&[22], &[]).contains("tcp dport 22 accept"));
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
