//! What the firewall's files let in (M58): ufw, nftables, iptables. The kernel's own rules are not asked.

use super::{Examination, Finding, Root, Severity, root::Reading};

const AREA: &str = "firewall";
const WHY: &str = "what is not meant for strangers must not answer them, also when a program opens a port by mistake";
const SHOW: &str = "sudo nft list ruleset";

/// Something that is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Accept {
    /// First and last port; none is every port.
    ports: Vec<(u16, u16)>,
    /// None is everybody.
    sources: Vec<String>,
}

/// The firewall as its files have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Firewall {
    name: &'static str,
    file: &'static str,
    drops: bool,
    at_boot: bool,
    accepts: Vec<Accept>,
    unread: Vec<String>,
}

/// From where a port can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sources {
    Known(Vec<String>),
    Everybody,
    Unread(String),
}

impl Firewall {
    /// The first that is there, in the order in which they would be used.
    pub(super) fn read(root: &Root) -> Self {
        let readers: [fn(&Root) -> Option<Self>; 4] = [ufw, firewalld, nftables, iptables];
        readers.iter().find_map(|read| read(root)).unwrap_or_default()
    }

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

/// A file of which nothing may be assumed if it cannot be read.
fn text(root: &Root, path: &str, unread: &mut Vec<String>) -> Option<String> {
    match root.read(path) {
        Reading::Text(text) => Some(text),
        Reading::Absent => None,
        Reading::Unreadable(why) => {
            unread.push(why);
            None
        }
    }
}

/// Whether a service is started by one of the usual targets.
fn enabled(root: &Root, unit: &str) -> bool {
    ["multi-user.target", "sysinit.target", "basic.target", "network-pre.target"]
        .iter()
        .any(|target| root.exists(format!("/etc/systemd/system/{target}.wants/{unit}")))
}

fn ufw(root: &Root) -> Option<Firewall> {
    let mut unread = Vec::new();
    let main = text(root, "/etc/ufw/ufw.conf", &mut unread)?;
    let value = |text: &str, key: &str| {
        let mut found =
            text.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        found.next_back().map(|value| value.trim_matches(['"', '\'']).to_ascii_lowercase())
    };
    if value(&main, "ENABLED").as_deref() != Some("yes") {
        return None;
    }
    let defaults = text(root, "/etc/default/ufw", &mut unread).unwrap_or_default();
    let policy = value(&defaults, "DEFAULT_INPUT_POLICY").unwrap_or_else(|| "drop".to_owned());
    let mut accepts = Vec::new();
    for path in ["/etc/ufw/user.rules", "/etc/ufw/user6.rules"] {
        let rules = text(root, path, &mut unread).unwrap_or_default();
        accepts.extend(rules.lines().filter_map(tuple));
    }
    let drops = policy != "accept";
    Some(Firewall { name: "ufw", file: "/etc/ufw", drops, at_boot: true, accepts, unread })
}

/// `### tuple ### allow tcp 22 0.0.0.0/0 any 203.0.113.7 in`
fn tuple(line: &str) -> Option<Accept> {
    let words: Vec<&str> = line.strip_prefix("### tuple ### ")?.split_whitespace().collect();
    let [action, _, ports, _, _, source, direction, ..] = words.as_slice() else { return None };
    // Newer files have more words before the direction: profiles of applications.
    let inward = *direction == "in" || direction.starts_with("in_") || words.last() == Some(&"in");
    if !(action.starts_with("allow") || action.starts_with("limit")) || !inward {
        return None;
    }
    Some(Accept { ports: port_list(ports), sources: source_list(&[source]) })
}

fn firewalld(root: &Root) -> Option<Firewall> {
    if !enabled(root, "firewalld.service") {
        return None;
    }
    let why =
        "firewalld is switched on; its zones are shown by `sudo firewall-cmd --list-all-zones`";
    let unread = vec![why.to_owned()];
    Some(Firewall { name: "firewalld", file: "/etc/firewalld", unread, ..Firewall::default() })
}

fn nftables(root: &Root) -> Option<Firewall> {
    let mut unread = Vec::new();
    let mut rules = text(root, "/etc/nftables.conf", &mut unread)
        .or_else(|| text(root, "/etc/sysconfig/nftables.conf", &mut unread));
    let included: Vec<String> = rules
        .iter()
        .flat_map(|rules| rules.lines())
        .filter_map(|line| line.trim().strip_prefix("include "))
        .flat_map(|pattern| root.matching(pattern.trim().trim_matches(['"', ';', ' '])))
        .collect();
    for path in included {
        let more = text(root, &path, &mut unread).unwrap_or_default();
        rules = rules.map(|rules| format!("{rules}\n{more}"));
    }
    let file = "/etc/nftables.conf";
    let at_boot = enabled(root, "nftables.service");
    let Some(rules) = rules else {
        let unreadable = !unread.is_empty();
        return unreadable.then(|| Firewall {
            name: "nftables",
            file,
            unread,
            ..Firewall::default()
        });
    };
    let chains = input_chains(&rules);
    if chains.is_empty() {
        return None;
    }
    let drops = chains.iter().any(|chain| chain.contains("policy drop"));
    let rules = chains.iter().flat_map(|chain| chain.split(['\n', ';']));
    let accepts = rules.filter_map(nft_accept).collect();
    Some(Firewall { name: "nftables", file, drops, at_boot, accepts, unread })
}

/// The insides of the chains that see what comes in.
fn input_chains(rules: &str) -> Vec<String> {
    let plain: String = rules
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .fold(String::new(), |text, line| text + line + "\n");
    let mut chains = Vec::new();
    for (at, _) in plain.match_indices("chain ") {
        let Some((_, inside)) = plain.get(at..).and_then(|rest| rest.split_once('{')) else {
            continue;
        };
        let mut depth = 1;
        let end = inside.char_indices().find_map(|(at, c)| {
            depth += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            (depth == 0).then_some(at)
        });
        let inside = end.and_then(|end| inside.get(..end)).unwrap_or(inside);
        if inside.contains("hook input") {
            chains.push(inside.to_owned());
        }
    }
    chains
}

fn nft_accept(rule: &str) -> Option<Accept> {
    let words: Vec<String> =
        rule.replace(['{', '}', ','], " ").split_whitespace().map(str::to_owned).collect();
    let policy = words.first().map(String::as_str) == Some("policy");
    if policy || words.last().map(String::as_str) != Some("accept") {
        return None;
    }
    let after = |word: &str| -> Option<Vec<&str>> {
        let at = words.iter().position(|w| w == word)?;
        let stops =
            ["tcp", "udp", "ip", "ip6", "accept", "ct", "counter", "limit", "meta", "dport", "log"];
        let rest = words.get(at + 1..)?.iter().map(String::as_str);
        Some(rest.take_while(|word| !stops.contains(word)).collect())
    };
    let ports = after("dport");
    let sources = source_list(&after("saddr").unwrap_or_default());
    // What concerns no port and no stranger: answers, this machine itself, pings.
    let inner = ["established", "related", "lo", "\"lo\"", "icmp", "icmpv6", "ipv6-icmp"];
    if ports.is_none()
        && words.iter().any(|word| inner.iter().any(|i| word.split(',').any(|w| w == *i)))
    {
        return None;
    }
    let ports = ports.map_or_else(Vec::new, |ports| port_list(&ports.join(",")));
    Some(Accept { ports, sources })
}

fn iptables(root: &Root) -> Option<Firewall> {
    let mut unread = Vec::new();
    let file = "/etc/iptables/rules.v4";
    let four = text(root, file, &mut unread);
    let six = text(root, "/etc/iptables/rules.v6", &mut unread);
    if four.is_none() && unread.is_empty() {
        return None;
    }
    let drops = |rules: &Option<String>| {
        rules
            .as_ref()
            .is_none_or(|rules| rules.contains("\n:INPUT DROP") || rules.starts_with(":INPUT DROP"))
    };
    let drops = drops(&four) && drops(&six) && four.is_some();
    let rules = [four, six].into_iter().flatten().collect::<Vec<_>>().join("\n");
    let accepts = rules.lines().filter_map(iptables_accept).collect();
    let at_boot = enabled(root, "netfilter-persistent.service");
    Some(Firewall { name: "iptables", file, drops, at_boot, accepts, unread })
}

/// `-A INPUT -s 203.0.113.7/32 -p tcp -m tcp --dport 22 -j ACCEPT`
fn iptables_accept(line: &str) -> Option<Accept> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["-A", "INPUT", ..] = words.as_slice() else { return None };
    let after = |name: &str| {
        words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied()
    };
    let inner = after("-i") == Some("lo")
        || words.iter().any(|word| word.contains("ESTABLISHED") || word.contains("icmp"));
    if after("-j") != Some("ACCEPT") || inner {
        return None;
    }
    let ports = after("--dport").or_else(|| after("--dports")).unwrap_or_default();
    let sources = after("-s").into_iter().collect::<Vec<_>>();
    Some(Accept { ports: port_list(ports), sources: source_list(&sources) })
}

/// `22`, `ssh`, `80,443`, `6000:6007`, `6000-6007`; `any` is every port.
fn port_list(text: &str) -> Vec<(u16, u16)> {
    let port = |text: &str| match text {
        "ssh" => Some(22),
        "http" => Some(80),
        "https" => Some(443),
        number => number.parse().ok(),
    };
    let range = |text: &str| {
        let (from, to) = text.split_once([':', '-']).unwrap_or((text, text));
        Some((port(from)?, port(to)?))
    };
    text.split(',').filter_map(|part| range(part.trim())).collect()
}

/// Sources that are not everybody.
fn source_list(sources: &[&str]) -> Vec<String> {
    let everybody = |source: &str| matches!(source, "0.0.0.0/0" | "::/0" | "any");
    let known = sources.iter().filter(|source| !everybody(source));
    known.map(|source| (*source).to_owned()).collect()
}
