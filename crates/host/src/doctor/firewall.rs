//! What the firewall's files let in (M58): ufw, nftables, iptables. The kernel's own rules are not asked.

use super::{
    Examination, Finding, Severity,
    root::Reading,
    rules::{Accept, Firewall},
};

const AREA: &str = "firewall";
const WHY: &str = "what is not meant for strangers must not answer them, also when a program opens a port by mistake";
const SHOW: &str = "sudo nft list ruleset";

/// From where a port can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sources {
    Known(Vec<String>),
    Everybody,
    Unread(String),
}

impl Firewall {
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn summary(&self) -> String {
        if self.name.is_empty() {
            return "no firewall's files".to_owned();
        }
        let policy = if self.drops { "drops" } else { "accepts" };
        let mut opened: Vec<String> = self.accepts.iter().map(Accept::show).collect();
        if opened.is_empty() {
            opened.push("nothing by rules".to_owned());
        }
        format!("{} ({}): {policy} by default, lets in {}", self.name, self.file, opened.join(", "))
    }

    pub(super) fn sources(&self, ports: &[u16]) -> Sources {
        if !self.unread.is_empty() {
            return Sources::Unread(self.unread.join("\n"));
        }
        if self.name.is_empty() || !self.drops {
            return Sources::Everybody;
        }
        let mut known = Vec::new();
        for accept in self.accepts.iter().filter(|a| ports.iter().any(|port| a.covers(*port))) {
            if accept.sources.is_empty() {
                return Sources::Everybody;
            }
            known.extend(accept.sources.iter().cloned());
        }
        if known.is_empty() {
            Sources::Known(vec!["nobody".to_owned()])
        } else {
            Sources::Known(known)
        }
    }

    /// Ports that everybody reaches and nobody allowed.
    fn beyond(&self, allowed: &[u16]) -> Vec<String> {
        let open = self.accepts.iter().filter(|accept| accept.sources.is_empty());
        open.filter(|accept| !accept.within(allowed)).map(Accept::show).collect()
    }
}

impl Accept {
    fn covers(&self, port: u16) -> bool {
        self.ports.is_empty() || self.ports.iter().any(|(from, to)| (*from..=*to).contains(&port))
    }

    fn within(&self, allowed: &[u16]) -> bool {
        let single = |(from, to): &(u16, u16)| from == to && allowed.contains(from);
        !self.ports.is_empty() && self.ports.iter().all(single)
    }

    fn show(&self) -> String {
        let show = |(from, to): &(u16, u16)| {
            if from == to { from.to_string() } else { format!("{from}-{to}") }
        };
        let ports: Vec<String> = self.ports.iter().map(show).collect();
        let ports = if ports.is_empty() { "every port".to_owned() } else { ports.join("+") };
        if self.sources.is_empty() {
            ports
        } else {
            format!("{ports} from {}", self.sources.join("+"))
        }
    }
}

pub(super) fn probe(examination: &Examination) -> Vec<Finding> {
    vec![look(examination).claim("M58").why(WHY)]
}

fn look(examination: &Examination) -> Finding {
    let root = &examination.root;
    let firewall = Firewall::read(root);
    let rules = nft_rules(&examination.open_ports, &examination.known_sources);
    let install = format!(
        "# keep this session open; sign in a second time before you close it\n# this replaces every rule that is loaded, those of Docker or fail2ban too\nsudo tee /etc/nftables.conf <<'EOF'\n{rules}EOF\nsudo nft -c -f /etc/nftables.conf && sudo systemctl enable --now nftables"
    );
    if !firewall.unread.is_empty() {
        let what = "the firewall's rules cannot be read by this user";
        let finding = Finding::new(AREA, Severity::NotChecked, what).fix(SHOW);
        return finding.evidence(firewall.unread.join("\n"));
    }
    if firewall.name.is_empty() {
        let tables = root.read("/proc/net/ip_tables_names");
        let filled = tables.text().is_some_and(|tables| !tables.trim().is_empty());
        if filled || matches!(tables, Reading::Unreadable(_)) {
            let what = "the kernel may filter packets by rules that stand in no file known here";
            let finding = Finding::new(AREA, Severity::NotChecked, what).fix(SHOW);
            return finding.evidence(format!("/proc/net/ip_tables_names: {tables:?}"));
        }
        if root.processes().is_empty() {
            let what = "whether a firewall runs cannot be seen";
            let finding = Finding::new(AREA, Severity::NotChecked, what).fix(SHOW);
            return finding.evidence("/proc: no process is visible");
        }
        let evidence =
            "neither ufw, firewalld, /etc/nftables.conf nor /etc/iptables/rules.v4 is set up";
        return Finding::new(AREA, Severity::Problem, "no firewall is set up")
            .fix(install)
            .evidence(evidence);
    }
    if !firewall.drops {
        return Finding::new(AREA, Severity::Problem, "the firewall lets in what no rule names")
            .fix(if firewall.name == "ufw" {
                "sudo ufw default deny incoming".to_owned()
            } else {
                install
            })
            .evidence(firewall.summary());
    }
    if !firewall.at_boot {
        let fix = match firewall.name {
            "ufw" => "sudo ufw enable",
            "iptables" => "sudo systemctl enable netfilter-persistent",
            _ => "sudo systemctl enable --now nftables",
        };
        return Finding::new(AREA, Severity::Problem, "the firewall is not switched on at start")
            .fix(fix)
            .evidence(firewall.summary());
    }
    let beyond = firewall.beyond(&examination.open_ports);
    if !beyond.is_empty() {
        let what = format!("the firewall lets everybody reach {}", beyond.join(", "));
        let fix = match firewall.name {
            "ufw" => format!(
                "sudo ufw status numbered   # then `sudo ufw delete` what is not needed of {}",
                beyond.join(", ")
            ),
            _ => install,
        };
        return Finding::new(AREA, Severity::Warning, what).fix(fix).evidence(firewall.summary());
    }
    let evidence = format!("{}; what the kernel enforces now: `{SHOW}`", firewall.summary());
    Finding::new(AREA, Severity::Ok, "the firewall's files let in only what is allowed")
        .evidence(evidence)
}

/// A rule file for nftables: drops what is not answered or allowed; SSH from the known sources, if any.
#[must_use]
pub fn nft_rules(open_ports: &[u16], known_sources: &[String]) -> String {
    // What is not an address or a network would be read as something else by nft.
    let plain = |source: &&String| {
        let address = source.split('/').next().unwrap_or_default();
        let bits =
            source.split_once('/').map(|(_, bits)| bits.parse::<u8>().is_ok_and(|b| b <= 128));
        address.parse::<std::net::IpAddr>().is_ok() && bits != Some(false)
    };
    let known: Vec<&String> = known_sources.iter().filter(plain).collect();
    let mut opened = String::new();
    for port in open_ports {
        if *port != 22 || known.is_empty() {
            opened.push_str(&format!("        tcp dport {port} accept\n"));
            continue;
        }
        for source in &known {
            let family = if source.contains(':') { "ip6" } else { "ip" };
            opened.push_str(&format!("        {family} saddr {source} tcp dport 22 accept\n"));
        }
    }
    format!(
        "#!/usr/sbin/nft -f
flush ruleset
table inet filter {{
    chain input {{
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        ct state invalid drop
        iif \"lo\" accept
        meta l4proto {{ icmp, ipv6-icmp }} limit rate 20/second accept
{opened}    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
    }}
}}
"
    )
}
