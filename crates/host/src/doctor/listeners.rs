//! What listens on this machine, and whether others should reach it (M56).

use super::{Examination, Finding, Root, Severity, root::Reading};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

const AREA: &str = "listeners";
const WHY: &str = "each open port is a program that strangers can talk to";

/// Services that are never meant for strangers.
const NEVER_OPEN: [(u16, &str); 14] = [
    (21, "FTP"),
    (23, "telnet"),
    (111, "rpcbind"),
    (139, "SMB"),
    (445, "SMB"),
    (2375, "Docker without TLS"),
    (3306, "MySQL"),
    (5432, "PostgreSQL"),
    (5900, "VNC"),
    (6379, "Redis"),
    (9200, "Elasticsearch"),
    (11211, "memcached"),
    (27017, "MongoDB"),
    (6000, "X11"),
];

/// One socket that waits for strangers or for this machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listener {
    pub(super) port: u16,
    pub(super) protocol: &'static str,
    pub(super) address: IpAddr,
    inode: String,
}

/// All listeners, and what could not be read.
pub(super) fn listeners(root: &Root) -> (Vec<Listener>, Vec<String>) {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for (file, protocol, state) in
        [("tcp", "tcp", "0A"), ("tcp6", "tcp", "0A"), ("udp", "udp", "07"), ("udp6", "udp", "07")]
    {
        match root.read(format!("/proc/net/{file}")) {
            Reading::Text(text) => {
                found.extend(text.lines().skip(1).filter_map(|line| parse(line, protocol, state)));
            }
            // A kernel without IPv6 has no tables of it.
            Reading::Absent if file.ends_with('6') => {}
            Reading::Absent => unread.push(format!("/proc/net/{file} does not exist")),
            Reading::Unreadable(why) => unread.push(why),
        }
    }
    found.sort();
    (found, unread)
}

/// Every TCP address on which a process of this machine listens: one whose sockets are seen below `/proc/PID`.
/// [`None`] where the tables cannot be read whole.
#[must_use]
pub fn listens(root: &Root, process: u32) -> Option<Vec<SocketAddr>> {
    let (found, unread) = listeners(root);
    let files = format!("/proc/{process}/fd");
    let names = root.list(&files)?;
    let sockets: BTreeSet<String> =
        names.iter().filter_map(|name| root.link(format!("{files}/{name}"))).collect();
    let own = |one: &Listener| {
        one.protocol == "tcp" && sockets.contains(&format!("socket:[{}]", one.inode))
    };
    let address = |one: Listener| SocketAddr::new(one.address, one.port);
    unread.is_empty().then(|| found.into_iter().filter(own).map(address).collect())
}

fn parse(line: &str, protocol: &'static str, state: &str) -> Option<Listener> {
    let mut fields = line.split_whitespace().skip(1);
    let (address, port) = fields.next()?.rsplit_once(':')?;
    let _remote = fields.next()?;
    if fields.next()? != state {
        return None;
    }
    let inode = fields.nth(5)?.to_owned();
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(Listener { port, protocol, address: parse_address(address)?, inode })
}

/// The kernel prints each four bytes of an address as a number of its own byte order.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = text.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    match text.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0; 16];
            for at in 0..4 {
                bytes.get_mut(at * 4..at * 4 + 4)?.copy_from_slice(&word(at)?);
            }
            let address = Ipv6Addr::from(bytes);
            Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4))
        }
        _ => None,
    }
}

pub(super) fn probe(examination: &Examination) -> Vec<Finding> {
    let (found, unread) = listeners(&examination.root);
    let mut findings = Vec::new();
    if !unread.is_empty() {
        let finding = Finding::new(AREA, Severity::NotChecked, "not every listener is visible");
        findings.push(finding.claim("M56").why(WHY).fix("ss -ltnup").evidence(unread.join("\n")));
    }
    let owners = owners(&examination.root);
    let reached: Vec<&Listener> = found.iter().filter(|l| !l.address.is_loopback()).collect();
    let mut seen = BTreeSet::new();
    for listener in &reached {
        let expected = examination.open_ports.contains(&listener.port);
        if !expected && seen.insert((listener.port, listener.protocol)) {
            findings.push(unexpected(listener, owners.get(&listener.inode)));
        }
    }
    if findings.is_empty() {
        let show = |l: &&Listener| format!("{} {}", l.protocol, SocketAddr::new(l.address, l.port));
        let shown: Vec<String> = reached.iter().map(show).collect();
        let evidence = if shown.is_empty() { "none".to_owned() } else { shown.join(", ") };
        let what = "others reach nothing here but what is allowed";
        let finding = Finding::new(AREA, Severity::Ok, what);
        findings
            .push(finding.claim("M56").why(WHY).evidence(format!("open to others: {evidence}")));
    }
    findings
}

fn unexpected(listener: &Listener, owner: Option<&Owner>) -> Finding {
    let Listener { port, protocol, address, .. } = listener;
    let known = NEVER_OPEN.iter().find(|(known, _)| known == port).map(|(_, name)| *name);
    let severity = if known.is_some() { Severity::Problem } else { Severity::Warning };
    let name = known.map_or_else(String::new, |name| format!(" ({name})"));
    let program = owner.map_or("an unknown program", |owner| owner.program.as_str());
    let what = format!("{program} listens on {protocol} port {port}{name} for everybody");
    let flag = if *protocol == "tcp" { "-ltnp" } else { "-lunp" };
    let fix = match owner.and_then(|owner| owner.unit.as_ref()) {
        Some(unit) => format!("sudo systemctl disable --now {unit}   # if it is not needed"),
        None => format!(
            "sudo ss {flag} 'sport = :{port}'   # names the program; stop it if it is not needed"
        ),
    };
    let evidence = format!("{protocol} {}, {program}", SocketAddr::new(*address, *port));
    Finding::new(AREA, severity, what).claim("M56").why(WHY).fix(fix).evidence(evidence)
}

struct Owner {
    program: String,
    unit: Option<String>,
}

/// Whose a socket is, by its inode; of other users' programs only root sees it.
fn owners(root: &Root) -> BTreeMap<String, Owner> {
    let mut owners = BTreeMap::new();
    for (number, program) in root.processes() {
        let fds = format!("/proc/{number}/fd");
        for fd in root.list(&fds).unwrap_or_default() {
            let link = root.link(format!("{fds}/{fd}"));
            let inode = link.as_deref().and_then(|link| link.strip_prefix("socket:["));
            if let Some(inode) = inode.and_then(|inode| inode.strip_suffix(']')) {
                let owner = Owner { program: program.clone(), unit: unit(root, &number) };
                owners.insert(inode.to_owned(), owner);
            }
        }
    }
    owners
}

/// The service that a process belongs to.
fn unit(root: &Root, number: &str) -> Option<String> {
    let groups = root.read(format!("/proc/{number}/cgroup"));
    let path = groups.text()?.lines().find_map(|line| line.rsplit(':').next())?;
    let unit = path.rsplit('/').find(|part| part.ends_with(".service"))?;
    let plain = unit.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@:".contains(&b));
    plain.then(|| unit.to_owned())
}
