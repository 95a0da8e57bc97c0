//! Pictures of machines: one as it should be, the same let go, an empty one.

use host::doctor::{Backup, Examination, Own, Program, Report, Root, examine, nft_rules};
use jiff::{SignedDuration, Timestamp};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    time::{Duration, SystemTime},
};

/// A picture of a machine.
pub(super) struct Picture {
    pub(super) directory: tempfile::TempDir,
    pub(super) now: Timestamp,
}

impl Picture {
    pub(super) fn empty() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), now: Timestamp::now() }
    }

    pub(super) fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.directory.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("has one")).expect("is made");
        fs::write(&path, text).expect("is written");
        self
    }

    pub(super) fn mode(&self, path: &str, mode: u32) -> &Self {
        let path = self.directory.path().join(path.trim_start_matches('/'));
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("is ours");
        self
    }

    pub(super) fn remove(&self, path: &str) -> &Self {
        let path = self.directory.path().join(path);
        let removed = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        assert!(removed.is_ok() || !path.exists(), "{}", path.display());
        self
    }

    pub(super) fn aged(&self, path: &str, hours: u64) -> &Self {
        let path = self.directory.path().join(path.trim_start_matches('/'));
        let at = SystemTime::now() - Duration::from_secs(hours * 3600);
        let file = fs::File::options().append(true).open(path).expect("is there");
        file.set_modified(at).expect("is ours");
        self
    }

    pub(super) fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.directory.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("has one")).expect("is made");
        symlink(target, path).expect("is made");
        self
    }

    pub(super) fn examination(&self) -> Examination {
        let own = |name, path: &str| Own { name, path: path.into() };
        Examination {
            program: Program::Bot,
            root: Root::picture(self.directory.path()),
            now: self.now,
            user: rustix::process::geteuid().as_raw(),
            own: vec![own("configuration", "/home/bot/bot.yaml"), own("state", "/home/bot/state")],
            open_ports: vec![22, 443],
            known_sources: vec!["203.0.113.7".to_owned()],
            backup: Some(Backup {
                path: "/home/bot/backups".into(),
                age_max: SignedDuration::from_hours(48),
                make: "backup-the-bot".to_owned(),
            }),
            unit: Some("stockade-bot.service".to_owned()),
        }
    }

    pub(super) fn examine(&self) -> Report {
        examine(&self.examination())
    }
}

const UNIT: &str = include_str!("../../../../packaging/stockade-bot.service");

const TCP_HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

fn socket(address: &str, state: &str, inode: u32) -> String {
    format!(
        "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100 0 0 10 0\n"
    )
}

/// A machine as it should be.
pub(super) fn good() -> Picture {
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
pub(super) fn bad() -> Picture {
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
