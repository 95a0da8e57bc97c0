//! The rules for a hardened systemd unit: what a service with keys in its memory gives up.

use std::collections::BTreeMap;

/// The most lines of a unit that are read.
const LINES_MAX: usize = 2000;

/// A unit file, or one with its drop-ins after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// Section and directive, with every value in order; an empty one takes back those before it.
    values: BTreeMap<(String, String), Vec<String>>,
}

/// What a directive must say.
enum Wanted {
    /// One of these values, the last that is given.
    One(&'static [&'static str]),
    /// No value at all, said outright.
    Nothing,
    /// Something.
    Given,
    /// Only these words.
    Only(&'static [&'static str]),
    /// A list of system calls that names what is allowed.
    AllowList,
}

const YES: Wanted = Wanted::One(&["yes", "true", "on", "1"]);

/// Each directive of `[Service]`, what it must say, and what for.
const RULES: [(&str, Wanted, &str); 29] = [
    ("User", Wanted::Given, "a user of its own, who is nobody else"),
    ("NoNewPrivileges", YES, "no rights by running anything"),
    ("CapabilityBoundingSet", Wanted::Nothing, "no part of root's rights"),
    ("AmbientCapabilities", Wanted::Nothing, "no part of root's rights"),
    ("ProtectSystem", Wanted::One(&["strict"]), "the system is only to be read"),
    ("ProtectHome", Wanted::One(&["yes", "true", "tmpfs"]), "people's files are out of sight"),
    ("PrivateTmp", YES, "nobody plants files in /tmp"),
    ("PrivateDevices", YES, "no devices"),
    ("PrivateUsers", YES, "no other users"),
    ("ProtectProc", Wanted::One(&["invisible", "noaccess"]), "other programs are out of sight"),
    ("ProtectKernelTunables", YES, "the kernel's switches stay as they are"),
    ("ProtectKernelModules", YES, "nothing is loaded into the kernel"),
    ("ProtectKernelLogs", YES, "the kernel's log is out of sight"),
    ("ProtectControlGroups", YES, "its own limits stay as they are"),
    ("ProtectClock", YES, "the clock stays as it is"),
    ("ProtectHostname", YES, "the machine keeps its name"),
    ("RestrictNamespaces", YES, "no world of its own"),
    ("RestrictRealtime", YES, "the machine stays usable"),
    ("RestrictSUIDSGID", YES, "no files that give rights"),
    ("LockPersonality", YES, "no older kernel's ways"),
    ("MemoryDenyWriteExecute", YES, "memory is written or run, not both"),
    (
        "RestrictAddressFamilies",
        Wanted::Only(&["AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"]),
        "only sockets that are used",
    ),
    ("SystemCallFilter", Wanted::AllowList, "only calls that a service makes"),
    ("SystemCallArchitectures", Wanted::One(&["native"]), "no second door into the kernel"),
    ("UMask", Wanted::One(&["0077", "077"]), "new files are the owner's alone"),
    ("LimitCORE", Wanted::One(&["0", "0:0"]), "no memory is left on disk"),
    ("StateDirectory", Wanted::Given, "a directory of its own to write to"),
    ("StateDirectoryMode", Wanted::One(&["0700", "700"]), "that nobody else looks into"),
    ("LoadCredentialEncrypted", Wanted::Given, "the passphrase is sealed to the machine"),
];

/// A rule that a unit does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which directive.
    pub directive: &'static str,
    /// What it says, if anything.
    pub says: String,
    /// The line that would keep the rule.
    pub wanted: String,
    /// What for.
    pub why: &'static str,
}

impl Unit {
    /// Reads a unit file's text; what is no directive is passed over, as systemd does.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut unit = Self::default();
        let mut section = String::new();
        let mut whole = String::new();
        for line in text.lines().take(LINES_MAX) {
            let line = line.trim();
            // A comment may stand between a line and its continuation.
            if line.starts_with(['#', ';']) || (line.is_empty() && whole.is_empty()) {
                continue;
            }
            if let Some(start) = line.strip_suffix('\\') {
                whole.push_str(start);
                whole.push(' ');
                continue;
            }
            whole.push_str(line);
            let line = std::mem::take(&mut whole);
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
            } else if let Some((key, value)) = line.split_once('=') {
                let key = (section.clone(), key.trim().to_owned());
                unit.values.entry(key).or_default().push(value.trim().to_owned());
            }
        }
        unit
    }

    /// The values of a directive that count: those after the last empty one; `None` if it is not there.
    #[must_use]
    pub fn values(&self, section: &str, directive: &str) -> Option<&[String]> {
        let all = self.values.get(&(section.to_owned(), directive.to_owned()))?;
        let from = all.iter().rposition(String::is_empty).map_or(0, |at| at + 1);
        all.get(from..)
    }

    /// Rules that the service does not keep; `user` is proposed for what must be given.
    #[must_use]
    pub fn missing(&self, user: &str) -> Vec<Missing> {
        let broken = RULES.iter().filter(|(directive, wanted, _)| !self.keeps(directive, wanted));
        broken
            .map(|(directive, wanted, why)| Missing {
                directive,
                says: self.values("Service", directive).unwrap_or_default().join(" "),
                wanted: wanted.line(directive, user),
                why,
            })
            .collect()
    }

    fn keeps(&self, directive: &str, wanted: &Wanted) -> bool {
        let Some(values) = self.values("Service", directive) else { return false };
        let words = || values.iter().flat_map(|value| value.split_whitespace());
        match wanted {
            Wanted::One(good) => values.last().is_some_and(|value| good.contains(&value.as_str())),
            Wanted::Nothing => values.is_empty(),
            Wanted::Given => !values.is_empty() && values.last().is_none_or(|user| user != "root"),
            // A list that begins with ~ names what is refused, and allows the rest.
            Wanted::Only(good) => !values.is_empty() && words().all(|word| good.contains(&word)),
            Wanted::AllowList => {
                // What is taken away again after it (~) makes it shorter only.
                let allowed = values.iter().filter(|value| !value.starts_with('~'));
                let mut words = allowed.flat_map(|value| value.split_whitespace());
                let first = values.first().is_some_and(|first| !first.starts_with('~'));
                first && !words.any(|word| matches!(word, "@privileged" | "@mount" | "@debug"))
            }
        }
    }
}

impl Wanted {
    fn line(&self, directive: &str, user: &str) -> String {
        match self {
            Self::One(good) => format!("{directive}={}", good.first().unwrap_or(&"")),
            Self::Nothing => format!("{directive}="),
            Self::Given => format!("{directive}={user}"),
            Self::Only(good) => format!("{directive}={}", good.join(" ")),
            Self::AllowList => format!("{directive}=@system-service"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(name: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging");
        let path = format!("{folder}/{name}.service");
        std::fs::read_to_string(path).expect("the unit is part of the project")
    }

    /// S55: the units that we ship keep every rule, and each rule would notice if they did not.
    #[test]
    fn the_shipped_units_keep_every_rule() {
        for name in ["stockade-bot", "stockade"] {
            keeps_every_rule(name);
        }
    }

    fn keeps_every_rule(name: &str) {
        let text = shipped(name);
        assert_eq!(Unit::parse(&text).missing(name), []);
        for (directive, ..) in RULES {
            let without: Vec<&str> =
                text.lines().filter(|line| !line.starts_with(&format!("{directive}="))).collect();
            assert!(without.len() < text.lines().count(), "{directive}");
            let missing = Unit::parse(&without.join("\n")).missing(name);
            let names: Vec<&str> = missing.iter().map(|missing| missing.directive).collect();
            assert_eq!(names, [directive]);
        }
        let unit = Unit::parse(&text);
        assert_eq!(unit.values("Install", "WantedBy"), Some(&["multi-user.target".to_owned()][..]));
    }

    #[test]
    fn a_rule_is_broken_by_what_weakens_it() {
        let check = |line: &str, directive: &str| {
            let text = format!("{}\n[Service]\n{line}\n", shipped("stockade-bot"));
            let missing = Unit::parse(&text).missing("stockade-bot");
            let names: Vec<&str> = missing.iter().map(|missing| missing.directive).collect();
            assert_eq!(
                names,
                if directive.is_empty() { vec![] } else { vec![directive] },
                "{line}"
            );
        };
        check("NoNewPrivileges=no", "NoNewPrivileges");
        check("User=root", "User");
        check("ProtectSystem=full", "ProtectSystem");
        check("CapabilityBoundingSet=CAP_NET_ADMIN", "CapabilityBoundingSet");
        check("RestrictAddressFamilies=AF_PACKET", "RestrictAddressFamilies");
        check(
            "RestrictAddressFamilies=\nRestrictAddressFamilies=~AF_PACKET",
            "RestrictAddressFamilies",
        );
        check("SystemCallFilter=\nSystemCallFilter=~@mount", "SystemCallFilter");
        check("SystemCallFilter=@privileged", "SystemCallFilter");
        check("LoadCredentialEncrypted=", "LoadCredentialEncrypted");
        check("# NoNewPrivileges=no\n; User=root", "");
        check("Protect\\\n# between\nSystem=full", "");
        check("NoNewPrivileges=\\\n# between\n  no", "NoNewPrivileges");
        check("[Unit]\nNoNewPrivileges=no", "");
    }
}
