//! The files of ufw, nftables and iptables: what they let in, and from where.
//!
//! What is not understood counts as open, or as not read: never as closed. So what narrows a rule is believed only
//! where it is read whole, and whatever else a rule asks for is taken to be met.

mod iptables;
mod nft;
mod words;

use super::{
    Root,
    root::{BYTES_MAX, Reading},
};
use std::net::IpAddr;

/// A network of fewer bits is nearly everybody.
const NETWORK_BITS_MIN: u8 = 7;

/// What ufw lets in by itself, which asks nobody and answers nobody: an address by DHCP, names and devices nearby.
const ROUTINE: [&str; 5] = [
    "-A ufw-before-input -p udp --sport 67 --dport 68 -j ACCEPT",
    "-A ufw-before-input -p udp -d 224.0.0.251 --dport 5353 -j ACCEPT",
    "-A ufw-before-input -p udp -d 239.255.255.250 --dport 1900 -j ACCEPT",
    "-A ufw6-before-input -p udp -d ff02::fb --dport 5353 -j ACCEPT",
    "-A ufw6-before-input -p udp -d ff02::f --dport 1900 -j ACCEPT",
];

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
        let readers: [fn(&Root) -> Option<Self>; 4] =
            [ufw, firewalld, nft::nftables, iptables::iptables];
        readers.iter().find_map(|read| read(root)).unwrap_or_default()
    }
}

/// A file of which nothing may be assumed if it cannot be read, or not whole.
fn text(root: &Root, path: &str, unread: &mut Vec<String>) -> Option<String> {
    match root.read(path) {
        Reading::Text(text) => {
            if u64::try_from(text.len()).is_ok_and(|length| length >= BYTES_MAX) {
                unread.push(format!("{path}: it is longer than what is read of a file"));
            }
            Some(text)
        }
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

/// Whether this machine has addresses of IPv6 beyond its own loopback; unknown counts as yes.
fn has_ipv6(root: &Root) -> bool {
    match root.read("/proc/net/if_inet6") {
        Reading::Text(text) => text.lines().any(|line| !line.ends_with(" lo")),
        Reading::Absent => false,
        Reading::Unreadable(_) => true,
    }
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
    let policy = value(&defaults, "DEFAULT_INPUT_POLICY").unwrap_or_default();
    let drops = policy == "drop" || policy == "reject";
    let mut accepts = Vec::new();
    for path in ["/etc/ufw/user.rules", "/etc/ufw/user6.rules"] {
        let rules = text(root, path, &mut unread).unwrap_or_default();
        accepts.extend(rules.lines().filter_map(tuple));
    }
    for (place, family) in [("before", ""), ("before6", "6"), ("after", ""), ("after6", "6")] {
        let rules = text(root, &format!("/etc/ufw/{place}.rules"), &mut unread).unwrap_or_default();
        let own = rules.lines().filter(|line| !ROUTINE.contains(&line.trim()));
        let chains = [format!("ufw{family}-before-input"), format!("ufw{family}-after-input")];
        for chain in chains.iter().map(String::as_str).chain(["INPUT"]) {
            accepts.extend(own.clone().filter_map(|line| iptables::accept(line, chain)));
            if own.clone().any(|line| iptables::leads(line, chain)) {
                let why = "leads to other chains, which are not followed here";
                unread.push(format!("/etc/ufw/{place}.rules: {chain} {why}"));
            }
        }
    }
    Some(Firewall { name: "ufw", file: "/etc/ufw", drops, at_boot: true, accepts, unread })
}

/// `### tuple ### allow tcp 22 0.0.0.0/0 any 203.0.113.7 in`
fn tuple(line: &str) -> Option<Accept> {
    let words: Vec<&str> = line.trim().strip_prefix("### tuple ###")?.split_whitespace().collect();
    let action = words.first()?;
    if !(action.starts_with("allow") || action.starts_with("limit")) {
        return None;
    }
    let [_, _, ports, _, _, source, rest @ ..] = words.as_slice() else {
        return Some(Accept { ports: Vec::new(), sources: Vec::new() });
    };
    // Profiles of applications may stand before the direction, a comment after it. Without one it is "in".
    let direction = rest.iter().rfind(|word| !word.starts_with("comment="));
    if direction.is_some_and(|word| *word == "out" || word.starts_with("out_")) {
        return None;
    }
    Some(Accept { ports: port_list(ports.split(',')), sources: source_list(source.split(',')) })
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

/// `22`, `ssh`, `6000:6007`, `6000-6007`. One that is not understood (`any` is one) makes the list every port.
fn port_list<'a>(ports: impl IntoIterator<Item = &'a str>) -> Vec<(u16, u16)> {
    let port = |text: &str| match text {
        "ssh" => Some(22),
        "http" => Some(80),
        "https" => Some(443),
        number => number.parse().ok(),
    };
    let range = |text: &str| {
        let (from, to) = text.split_once([':', '-']).unwrap_or((text, text));
        let range = (port(from)?, port(to)?);
        (range.0 <= range.1).then_some(range)
    };
    ports.into_iter().map(range).collect::<Option<_>>().unwrap_or_default()
}

/// Addresses, networks and ranges of addresses. One that is not understood, or is nearly everybody, makes the list
/// everybody.
fn source_list<'a>(sources: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let known = |source: &'a str| is_narrow(source).then(|| source.to_owned());
    sources.into_iter().map(known).collect::<Option<_>>().unwrap_or_default()
}

fn is_narrow(source: &str) -> bool {
    if let Some((from, to)) = source.split_once('-') {
        let first = |text: &str| -> Option<(bool, u8)> {
            match text.parse().ok()? {
                IpAddr::V4(v4) => Some((true, v4.octets()[0])),
                IpAddr::V6(v6) => Some((false, v6.octets()[0])),
            }
        };
        let alike = |(v4, one): (bool, u8), (other_v4, other): (bool, u8)| {
            v4 == other_v4 && one >> 1 == other >> 1
        };
        return first(from).zip(first(to)).is_some_and(|(from, to)| alike(from, to));
    }
    let (address, bits) = source.split_once('/').map_or((source, None), |(a, b)| (a, Some(b)));
    address.parse::<IpAddr>().is_ok()
        && bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits >= NETWORK_BITS_MIN))
}
