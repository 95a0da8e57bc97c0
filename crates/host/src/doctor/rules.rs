//! The files of ufw, nftables and iptables: what they let in, and from where.
//!
//! What is not understood counts as open, or as not read: never as closed.

use super::{Root, root::Reading};

/// Something that is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Accept {
    /// First and last port; none is every port.
    pub(super) ports: Vec<(u16, u16)>,
    /// None is everybody.
    pub(super) sources: Vec<String>,
}

/// The firewall as its files have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Firewall {
    pub(super) name: &'static str,
    pub(super) file: &'static str,
    pub(super) drops: bool,
    pub(super) at_boot: bool,
    pub(super) accepts: Vec<Accept>,
    pub(super) unread: Vec<String>,
}

impl Firewall {
    /// The first that is there, in the order in which they would be used.
    pub(super) fn read(root: &Root) -> Self {
        let readers: [fn(&Root) -> Option<Self>; 4] = [ufw, firewalld, nftables, iptables];
        readers.iter().find_map(|read| read(root)).unwrap_or_default()
    }
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
    let [action, _, ports, _, _, source, rest @ ..] = words.as_slice() else { return None };
    // Profiles of applications may stand before the direction, a comment after it.
    let inward = rest.iter().any(|word| *word == "in" || word.starts_with("in_"));
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
    let elsewhere = ["jump", "goto", "vmap"];
    let words = chains.iter().flat_map(|(_, chain)| chain.split_whitespace());
    if words.clone().any(|word| elsewhere.contains(&word)) {
        unread.push(format!(
            "{file}: the input chain leads to other chains, which are not followed here"
        ));
    }
    let of =
        |family: &str| chains.iter().any(|(table, chain)| table == family && ends_in_a_drop(chain));
    let drops = of("inet") || (of("ip") && (of("ip6") || !has_ipv6(root)));
    let rules = chains.iter().flat_map(|(_, chain)| chain.split(['\n', ';']));
    let accepts = rules.filter_map(nft_accept).collect();
    Some(Firewall { name: "nftables", file, drops, at_boot, accepts, unread })
}

/// Whether this machine has addresses of IPv6 beyond its own loopback; unknown counts as yes.
fn has_ipv6(root: &Root) -> bool {
    match root.read("/proc/net/if_inet6") {
        Reading::Text(text) => text.lines().any(|line| !line.ends_with(" lo")),
        Reading::Absent => false,
        Reading::Unreadable(_) => true,
    }
}

/// The insides of the chains that see what comes in, each with the family of its table.
fn input_chains(rules: &str) -> Vec<(String, String)> {
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
            let before = plain.get(..at).unwrap_or_default();
            let table = before.rfind("table ").and_then(|at| before.get(at + 6..));
            let mut words = table.unwrap_or_default().split_whitespace();
            let first = words.next().unwrap_or_default();
            // A table without a family is one of IPv4.
            let named = ["inet", "ip", "ip6"].contains(&first);
            let family = if named { first } else { "ip" };
            chains.push((family.to_owned(), inside.to_owned()));
        }
    }
    chains
}

/// Whether a chain drops what no rule took: by its policy, or by its last rule.
fn ends_in_a_drop(chain: &str) -> bool {
    let plain = |rule: &str| rule.split_whitespace().collect::<Vec<_>>().join(" ");
    let rules: Vec<String> =
        chain.split(['\n', ';']).map(plain).filter(|rule| !rule.is_empty()).collect();
    let last = rules.last().map(|rule| rule.trim_start_matches("counter ")).unwrap_or_default();
    rules.iter().any(|rule| rule.ends_with("policy drop"))
        || last == "drop"
        || last == "reject"
        || last.starts_with("reject with")
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
    // "All but these" is nearly everybody.
    let all_but = |words: &Vec<&str>| words.iter().any(|word| word.starts_with('!'));
    let sources = source_list(&after("saddr").filter(|words| !all_but(words)).unwrap_or_default());
    // What concerns no port and no stranger: answers, this machine itself, pings.
    let inner = ["established", "related", "lo", "\"lo\"", "icmp", "icmpv6", "ipv6-icmp"];
    if ports.is_none()
        && words.iter().any(|word| inner.iter().any(|i| word.split(',').any(|w| w == *i)))
    {
        return None;
    }
    let ports = ports.filter(|ports| !all_but(ports));
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
    let drops = four.is_some() && drops(&four) && drops(&six) && (six.is_some() || !has_ipv6(root));
    let known = ["ACCEPT", "DROP", "REJECT", "LOG", "RETURN"];
    let both = four.iter().chain(&six).flat_map(|rules| rules.lines());
    let leads = |line: &str| {
        let target = line.split_once(" -j ").or_else(|| line.split_once(" -g "));
        let target = target.and_then(|(_, rest)| rest.split_whitespace().next());
        line.starts_with("-A INPUT ") && target.is_some_and(|target| !known.contains(&target))
    };
    if both.clone().any(leads) {
        unread.push(format!("{file}: INPUT leads to other chains, which are not followed here"));
    }
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
    // "All but these" (!) is nearly everybody.
    let all_but = words.contains(&"!");
    let ports = after("--dport").or_else(|| after("--dports")).filter(|_| !all_but);
    let ports = ports.unwrap_or_default();
    let sources = after("-s").filter(|_| !all_but).into_iter().collect::<Vec<_>>();
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
