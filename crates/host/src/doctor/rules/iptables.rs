//! The files of iptables: rules as `iptables-save` writes them, or somebody by hand.

use super::{Accept, Firewall, Root, enabled, has_ipv6, port_list, source_list, text, words};

/// What a rule may do that leads nowhere else; ufw's own chains (`ufw-user-input`) are read by themselves.
const KNOWN: [&str; 5] = ["ACCEPT", "DROP", "REJECT", "LOG", "RETURN"];

pub(super) fn iptables(root: &Root) -> Option<Firewall> {
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
    let rules = [four, six].into_iter().flatten().collect::<Vec<_>>().join("\n");
    if rules.lines().any(|line| leads(line, "INPUT")) {
        unread.push(format!("{file}: INPUT leads to other chains, which are not followed here"));
    }
    if let Some(line) = rules.lines().find(|line| !is_known(line)) {
        unread.push(format!("{file}: this is not understood here: {line}"));
    }
    let accepts = rules.lines().filter_map(|line| accept(line, "INPUT")).collect();
    let at_boot = enabled(root, "netfilter-persistent.service");
    Some(Firewall { name: "iptables", file, drops, at_boot, accepts, unread })
}

/// Whether a line can be read, and says what it does in its first word.
fn is_known(line: &str) -> bool {
    let line = line.trim();
    let adds = ["-A", "-I", "-N", "--append", "--insert", "--new-chain"];
    let first = uncounted(line).split_whitespace().next().unwrap_or_default();
    let adds = adds.contains(&first) && words::iptables(line).is_some();
    line.is_empty() || line.starts_with(['#', '*', ':']) || line == "COMMIT" || adds
}

/// A line without the counters that `iptables-save -c` puts in front.
fn uncounted(line: &str) -> &str {
    let line = line.trim();
    line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(line, |(_, rest)| rest)
}

/// The words of a rule that is added to a chain.
fn rule(line: &str, chain: &str) -> Option<Vec<String>> {
    let words = words::iptables(uncounted(line))?;
    let [first, of, ..] = words.as_slice() else { return None };
    let adds = ["-A", "-I", "--append", "--insert"].contains(&first.as_str());
    (adds && of.trim_start_matches('"') == chain).then_some(words)
}

/// Where a rule leads, by the words that name it.
fn target(words: &[String]) -> Option<&str> {
    let names = ["-j", "--jump", "-g", "--goto"];
    let at = words.iter().position(|word| names.contains(&word.as_str()))?;
    words.get(at + 1).map(String::as_str)
}

/// Whether a rule leads to where this reader does not follow, be it by words that it does not know (`-jACCEPT`).
pub(super) fn leads(line: &str, chain: &str) -> bool {
    let Some(words) = rule(line, chain) else { return false };
    let unclear = ["-j", "-g", "--j", "--g"];
    target(&words).map_or_else(
        || words.iter().any(|word| unclear.iter().any(|start| word.starts_with(start))),
        |target| !KNOWN.contains(&target) && !target.starts_with("ufw"),
    )
}

/// `-A INPUT -s 203.0.113.7/32 -p tcp -m tcp --dport 22 -j ACCEPT`
pub(super) fn accept(line: &str, chain: &str) -> Option<Accept> {
    let words = rule(line, chain)?;
    if target(&words) != Some("ACCEPT") {
        return None;
    }
    // "All but these" (!) is nearly everybody, and so are two of the same name.
    let after = |names: &[&str]| {
        let mut places = words.iter().enumerate().filter(|(_, w)| names.contains(&w.as_str()));
        let (at, _) = places.next()?;
        let negated = at.checked_sub(1).and_then(|at| words.get(at)).is_some_and(|w| w == "!");
        let value = words.get(at + 1).map(String::as_str);
        value.filter(|_| !negated && places.next().is_none())
    };
    let ports = after(&["--dport", "--dports", "--destination-port", "--destination-ports"]);
    let ports = ports.map_or_else(Vec::new, |ports| port_list(ports.split(',')));
    let is = |names: &[&str], inner: &[&str]| {
        after(names).is_some_and(|said| said.split(',').all(|word| inner.contains(&word)))
    };
    // What concerns no stranger and no port: this machine itself, pings, answers.
    let answers = is(&["--ctstate", "--state"], &["ESTABLISHED", "RELATED"]);
    let names_ports = words.iter().any(|word| word.starts_with("--d") && word.contains("port"));
    if is(&["-i", "--in-interface"], &["lo"])
        || is(&["-p", "--protocol"], &["icmp", "icmpv6", "ipv6-icmp"])
        || (answers && !names_ports)
    {
        return None;
    }
    let sources = after(&["-s", "--source", "--src"]);
    let sources = sources.map_or_else(Vec::new, |sources| source_list(sources.split(',')));
    Some(Accept { ports, sources })
}
