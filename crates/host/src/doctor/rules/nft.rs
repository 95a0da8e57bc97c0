//! The files of nftables: the chains that see what comes in, and their rules.

use super::{Accept, Firewall, Root, enabled, has_ipv6, port_list, source_list, text, words};

/// Files that are read, with those that they include.
const FILES_MAX: usize = 200;
/// Words by which a rule hands a packet to something that is not read here.
const ELSEWHERE: [&str; 5] = ["jump", "goto", "vmap", "queue", "synproxy"];
/// What answers what this machine asked.
const ANSWERS: [&str; 2] = ["established", "related"];
const PINGS: [&str; 3] = ["icmp", "icmpv6", "ipv6-icmp"];

pub(super) fn nftables(root: &Root) -> Option<Firewall> {
    let (file, other) = ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf");
    let mut reader = Reader { root, files: 0, unread: Vec::new() };
    let read = reader.words(file).or_else(|| reader.words(other));
    let (words, mut unread) = (read.unwrap_or_default(), reader.unread);
    let ruleset = Ruleset::of(&words);
    unread
        .extend(ruleset.unclear.map(|what| format!("{file}: this is not understood here: {what}")));
    let chains: Vec<&Chain<'_>> =
        ruleset.chains.iter().filter(|chain| chain.sees_input()).collect();
    if chains.is_empty() && unread.is_empty() {
        return None;
    }
    if chains.iter().any(|chain| chain.leads_elsewhere()) {
        unread.push(format!(
            "{file}: the input chain leads to other chains, which are not followed here"
        ));
    }
    let of = |family: &str| chains.iter().any(|chain| chain.family == family && chain.drops());
    let drops = of("inet") || (of("ip") && (of("ip6") || !has_ipv6(root)));
    let accepts = chains.iter().flat_map(|chain| &chain.rules).filter_map(|rule| accept(rule));
    let accepts = accepts.collect();
    let at_boot = enabled(root, "nftables.service");
    Some(Firewall { name: "nftables", file, drops, at_boot, accepts, unread })
}

/// Reads files, and in the place of each `include` what is included.
struct Reader<'a> {
    root: &'a Root,
    files: usize,
    unread: Vec<String>,
}

impl Reader<'_> {
    fn words(&mut self, path: &str) -> Option<Vec<String>> {
        self.files += 1;
        if self.files > FILES_MAX {
            self.unread.push(format!("{path}: more than {FILES_MAX} files are not read"));
            return None;
        }
        let read = words::nft(&text(self.root, path, &mut self.unread)?);
        let mut all = Vec::new();
        let mut rest = read.into_iter().peekable();
        let mut begins = true;
        while let Some(word) = rest.next() {
            if !(begins && word == "include") {
                begins = [";", "{", "}"].contains(&word.as_str());
                all.push(word);
                continue;
            }
            let pattern = rest.next_if(|word| word != ";").unwrap_or_default();
            all.push(";".to_owned());
            for path in self.included(pattern.trim_start_matches('"')) {
                let more = self.words(&path);
                if more.is_none() {
                    self.unread.push(format!("{path}: is included, and is not there"));
                }
                all.extend(more.unwrap_or_default());
                all.push(";".to_owned());
            }
        }
        Some(all)
    }

    /// The files of a pattern; one that this reader would not match as nft does is not read.
    fn included(&mut self, pattern: &str) -> Vec<String> {
        let (directory, name) = pattern.rsplit_once('/').unwrap_or_default();
        let plain = directory.starts_with('/') && !directory.contains(['*', '?', '[', '$']);
        let unlisted = name.contains('*')
            && self.root.exists(directory)
            && self.root.list(directory).is_none();
        if !plain || name.contains(['?', '[', '$']) || name.matches('*').count() > 1 || unlisted {
            self.unread.push(format!("{pattern}: what is included by that is not read here"));
            return Vec::new();
        }
        self.root.matching(pattern)
    }
}

/// The chains of a ruleset.
#[derive(Default)]
struct Ruleset<'a> {
    chains: Vec<Chain<'a>>,
    /// A statement that may change them in a way that is not read here.
    unclear: Option<String>,
}

/// A chain, with all rules that are added to it.
struct Chain<'a> {
    family: &'a str,
    table: &'a str,
    name: &'a str,
    rules: Vec<Vec<&'a str>>,
}

impl<'a> Ruleset<'a> {
    fn of(words: &'a [String]) -> Self {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut all = Self::default();
        for statement in blocks(&words) {
            match statement.as_slice() {
                ["table", ..] => all.table(&statement),
                ["flush", "ruleset"] => all.chains.clear(),
                ["add", "table", rest @ ..] if !rest.contains(&"{") => {}
                ["delete" | "destroy", "table", name @ ..] => {
                    let (family, table) = named(name);
                    all.chains.retain(|chain| (chain.family, chain.table) != (family, table));
                }
                ["define" | "redefine" | "undefine", ..] => {}
                other => {
                    all.unclear.get_or_insert_with(|| other.join(" "));
                }
            }
        }
        all
    }

    fn table(&mut self, statement: &[&'a str]) {
        let (head, inside) = block(statement);
        let (family, table) = named(head.get(1..).unwrap_or_default());
        // Others see no packets of IP, or not as the chains of IP do; what sleeps sees none.
        let sleeps = |rule: &Vec<&str>| rule.first() == Some(&"flags") && rule.contains(&"dormant");
        let inside = blocks(inside);
        if !["inet", "ip", "ip6"].contains(&family) || inside.iter().any(sleeps) {
            return;
        }
        for statement in inside {
            let (head, inside) = block(&statement);
            let ["chain", name] = head else { continue };
            let rules = statements(inside);
            let mut chains = self.chains.iter_mut();
            let same = chains.find(|c| (c.family, c.table, c.name) == (family, table, *name));
            match same {
                Some(chain) => chain.rules.extend(rules),
                None => self.chains.push(Chain { family, table, name, rules }),
            }
        }
    }
}

impl Chain<'_> {
    fn sees_input(&self) -> bool {
        let hooks = |rule: &Vec<&str>| {
            rule.first() == Some(&"type") && rule.windows(2).any(|pair| pair == ["hook", "input"])
        };
        self.rules.iter().any(hooks)
    }

    fn leads_elsewhere(&self) -> bool {
        self.rules.iter().flatten().any(|word| ELSEWHERE.contains(word))
    }

    /// Whether it drops what no rule took: by its policy, or by its last rule.
    fn drops(&self) -> bool {
        let is_policy = |rule: &&Vec<_>| declares(rule) && rule.contains(&"policy");
        let policy = self
            .rules
            .iter()
            .rfind(is_policy)
            .is_some_and(|rule| rule.ends_with(&["policy", "drop"]));
        let last = self.rules.last().map(Vec::as_slice).unwrap_or_default();
        let last = last.strip_prefix(&["counter"]).unwrap_or(last);
        policy || matches!(last, ["drop" | "reject"] | ["reject", "with", ..])
    }
}

/// Family and name of a table; one without a family is of IPv4.
fn named<'a>(words: &[&'a str]) -> (&'a str, &'a str) {
    match words {
        [family, name, ..] => (family, name),
        [name] => ("ip", name),
        [] => ("ip", ""),
    }
}

/// The statements of a chain.
fn statements<'a>(words: &[&'a str]) -> Vec<Vec<&'a str>> {
    split(words, &[";"])
}

/// The statements of a text or of a table: a block ends one, too.
fn blocks<'a>(words: &[&'a str]) -> Vec<Vec<&'a str>> {
    split(words, &[";", "}"])
}

/// Splits where a word stands that ends a statement, outside of every block and set.
fn split<'a>(words: &[&'a str], ends: &[&str]) -> Vec<Vec<&'a str>> {
    let mut all = Vec::new();
    let mut one: Vec<&str> = Vec::new();
    let mut depth = 0_usize;
    for word in words {
        match *word {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 0 || *word != ";" {
            one.push(word);
        }
        if depth == 0 && ends.contains(word) {
            all.push(std::mem::take(&mut one));
        }
    }
    all.push(one);
    all.retain(|one| !one.is_empty());
    all
}

/// What stands before a block, and in it; an open one ends with the text.
fn block<'a, 'b>(statement: &'b [&'a str]) -> (&'b [&'a str], &'b [&'a str]) {
    let Some(at) = statement.iter().position(|word| *word == "{") else { return (statement, &[]) };
    let (head, rest) = statement.split_at(at);
    let rest = rest.get(1..).unwrap_or_default();
    (head, rest.strip_suffix(&["}"]).unwrap_or(rest))
}

/// Whether it is no rule, but says what the chain is.
fn declares(rule: &[&str]) -> bool {
    matches!(rule, ["type" | "policy", ..])
}

/// What a rule lets in, if it lets in anything.
fn accept(rule: &[&str]) -> Option<Accept> {
    let words = said(rule);
    if declares(rule) || !words.contains(&"accept") {
        return None;
    }
    let rule = words;
    // Of several things at once it is not told here which is which.
    if rule.contains(&".") {
        return Some(Accept { ports: Vec::new(), sources: Vec::new() });
    }
    let (mut ports, mut sources) = (None, None);
    let mut answers = false;
    for (at, word) in rule.iter().enumerate() {
        let before = |back: usize| at.checked_sub(back).and_then(|at| rule.get(at)).copied();
        let rest = rule.get(at + 1..).unwrap_or_default();
        let all = |inner: &[&str]| {
            let values = values(rest).unwrap_or_default();
            !values.is_empty() && values.iter().all(|value| inner.contains(value))
        };
        // What concerns no stranger and no port: this machine itself, pings.
        let inner = match *word {
            "iif" | "iifname" => all(&["lo", "\"lo"]),
            "l4proto" => all(&PINGS),
            "protocol" if before(1) == Some("ip") => all(&PINGS),
            "nexthdr" if before(1) == Some("ip6") => all(&PINGS),
            "icmp" | "icmpv6" => matches!(rest.first(), Some(&("type" | "code"))),
            _ => false,
        };
        if inner {
            return None;
        }
        match (before(1), *word) {
            (Some("tcp" | "udp" | "th" | "sctp" | "dccp" | "udplite"), "dport") => {
                ports.get_or_insert(port_list(values(rest).unwrap_or_default()));
            }
            (Some("ip" | "ip6"), "saddr") if !matches!(before(2), Some("original" | "reply")) => {
                sources.get_or_insert(source_list(values(rest).unwrap_or_default()));
            }
            (Some("ct"), "state") => answers = all(&ANSWERS),
            _ => {}
        }
    }
    if answers && ports.is_none() {
        return None;
    }
    Some(Accept { ports: ports.unwrap_or_default(), sources: sources.unwrap_or_default() })
}

/// A rule without what it only writes down: its comment, the text before what it logs.
fn said<'a>(rule: &[&'a str]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    let mut rest = rule.iter().filter(|word| **word != ";");
    while let Some(word) = rest.next() {
        match *word {
            "prefix" => drop(rest.next()),
            "comment" => break,
            word => kept.push(word),
        }
    }
    kept
}

/// The values that stand here: one, several with commas, or a set of them; none where it is anything else.
fn values<'a>(rest: &[&'a str]) -> Option<Vec<&'a str>> {
    let (listed, after) = match rest {
        ["{", rest @ ..] => {
            let end = rest.iter().position(|word| *word == "}")?;
            let (listed, after) = rest.split_at(end);
            (listed.strip_suffix(&[","]).unwrap_or(listed), after.get(1..)?)
        }
        rest => {
            let mut end = 1;
            while rest.get(end) == Some(&",") {
                end += 2;
            }
            rest.split_at_checked(end)?
        }
    };
    let one = |part: &[&'a str]| match part {
        [value] if is_value(value) => Some(*value),
        _ => None,
    };
    let goes_on = after.first().is_some_and(|word| !is_value(word));
    listed.split(|word| *word == ",").map(one).collect::<Option<Vec<_>>>().filter(|_| !goes_on)
}

/// Whether a word is a value or a name, and no sign that does something to one.
fn is_value(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphanumeric() || c == '"' || c == ':')
}
