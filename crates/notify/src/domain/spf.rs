//! The record of who may send (RFC 7208): its syntax, what it costs to look up, and how it ends.

use super::{Domain, Finding, Known, Record, UNKNOWN, Weight};
use crate::{Asked, Kind, Lookup};

/// Terms that ask DNS, at most (section 4.6.4).
const LOOKUPS_MAX: usize = 10;
/// Of those, how many may find nothing.
const VOIDS_MAX: usize = 2;
/// Hosts of one `mx`.
const HOSTS_MAX: usize = 10;

/// Whether a text is a mechanism without a qualifier that may stand in a record.
pub fn is_mechanism(text: &str) -> bool {
    matches!(term(text), Some(Term::Mechanism { name, qualifier: '+', .. }) if name != "all")
        && !text.starts_with('+')
}

enum Term<'a> {
    Mechanism { qualifier: char, name: &'a str, value: Option<&'a str> },
    Modifier { name: &'a str, value: &'a str },
}

/// One term, if it is one.
fn term(text: &str) -> Option<Term<'_>> {
    let split = text.find([':', '/', '=']);
    if let Some((name, value)) = text.split_once('=')
        && split == Some(name.len())
    {
        let proper = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        return proper.then_some(Term::Modifier { name, value });
    }
    let qualifier = text.chars().next().filter(|c| "+-~?".contains(*c));
    let rest = text.strip_prefix(['+', '-', '~', '?']).unwrap_or(text);
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (name, tail) = rest.split_at(end);
    let value = tail.strip_prefix(':');
    let proper = match name {
        "all" => tail.is_empty(),
        "include" | "exists" => value.is_some_and(is_host),
        "a" | "mx" => value.is_none_or(|value| is_host(value.split('/').next().unwrap_or(""))),
        "ptr" => value.is_none_or(is_host) && !tail.starts_with('/'),
        "ip4" => value.is_some_and(is_network::<std::net::Ipv4Addr>),
        "ip6" => value.is_some_and(is_network::<std::net::Ipv6Addr>),
        _ => false,
    };
    let value =
        if matches!(name, "a" | "mx") { value.and_then(|v| v.split('/').next()) } else { value };
    proper.then_some(Term::Mechanism { qualifier: qualifier.unwrap_or('+'), name, value })
}

fn is_host(text: &str) -> bool {
    let taken = |b: u8| b.is_ascii_alphanumeric() || b"-_.%{}+".contains(&b);
    !text.is_empty() && text.len() <= 253 && text.contains('.') && text.bytes().all(taken)
}

fn is_network<A: std::str::FromStr>(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    address.parse::<A>().is_ok() && bits.is_none_or(|b| b.parse::<u8>().is_ok_and(|b| b <= 128))
}

/// What a walk through a record and all that it includes found.
#[derive(Default)]
struct Walk {
    lookups: usize,
    voids: usize,
    fault: Option<String>,
    ptr: bool,
    /// The qualifier of the `all` that is reached when nothing matches.
    ending: Option<char>,
}

/// The domain's record, held against the servers that its owner names.
pub fn examine(domain: &Domain, known: &Known<'_>) -> Result<Finding, Asked> {
    let finding = |weight, text: String, set| Finding {
        subject: "SPF",
        name: domain.from.clone(),
        weight,
        text,
        set,
    };
    let wrong = |text: &str, set| Ok(finding(Weight::Wrong, text.to_owned(), set));
    let Some(texts) = known.texts(&domain.from, "v=spf1")? else { return wrong(UNKNOWN, None) };
    let [text] = texts.as_slice() else {
        let text = match texts.len() {
            0 => "there is no SPF record: anybody's server may pass for one of this domain",
            _ => "there is more than one SPF record, which counts as none: keep one",
        };
        return wrong(text, Some(merged(domain, texts.first().map_or("", String::as_str))));
    };
    let mut walk = Walk::default();
    walk.record(&domain.from, text, known)?;
    let set = merged(domain, text);
    if let Some(fault) = walk.fault {
        return wrong(&fault, Some(set));
    }
    if walk.lookups > LOOKUPS_MAX {
        let text = format!(
            "it takes {} look-ups, and receivers stop at 10: put networks (ip4:, ip6:) in place of includes",
            walk.lookups
        );
        return wrong(&text, None);
    }
    if walk.voids > VOIDS_MAX {
        return wrong("more than two of its names are found nowhere: take them out", None);
    }
    let terms: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    if let Some(missing) = domain.spf.iter().find(|term| !has(&terms, term)) {
        return wrong(
            &format!("{missing} is missing: the servers that send are not in it"),
            Some(set),
        );
    }
    let (weight, text) = match walk.ending {
        Some('-' | '~') if walk.ptr => {
            (Weight::Advice, "it uses ptr, which receivers may ignore: name networks instead")
        }
        Some('-' | '~') => {
            let text =
                format!("it names the servers that send, with {} of 10 look-ups", walk.lookups);
            return Ok(finding(Weight::Good, text, None));
        }
        Some('+') => {
            (Weight::Wrong, "it ends in +all: every server in the world may send as this domain")
        }
        _ => (Weight::Wrong, "it does not end in -all or ~all, so it forbids nobody"),
    };
    let set = (weight == Weight::Wrong).then_some(set);
    Ok(finding(weight, text.to_owned(), set))
}

/// Whether a record has a mechanism, with or without the qualifier that it means anyway.
fn has(terms: &[String], wanted: &str) -> bool {
    terms.iter().any(|term| term.strip_prefix('+').unwrap_or(term) == wanted)
}

/// The record as it stands, with what is missing, ending in a refusal.
fn merged(domain: &Domain, text: &str) -> Record {
    let terms = text.split_whitespace().skip(1).map(str::to_lowercase);
    let is_all = |text: &String| text.trim_start_matches(['+', '-', '~', '?']) == "all";
    let ending = terms.clone().find(|text| matches!(text.as_str(), "-all" | "~all"));
    let redirected = terms.clone().any(|text| text.starts_with("redirect="));
    let mut kept: Vec<String> =
        terms.filter(|text| !is_all(text) && term(text).is_some()).collect();
    let missing = domain.spf.iter().filter(|term| !has(&kept, term)).cloned();
    kept = missing.collect::<Vec<_>>().into_iter().chain(kept.iter().cloned()).collect();
    let ending = ending.unwrap_or_else(|| "-all".to_owned());
    if !redirected {
        kept.push(ending);
    }
    Record { name: domain.from.clone(), text: format!("v=spf1 {}", kept.join(" ")) }
}

impl Walk {
    /// Goes through one record; stops at the first fault and when the look-ups are used up.
    fn record(&mut self, name: &str, text: &str, known: &Known<'_>) -> Result<(), Asked> {
        let mut redirect = None;
        for word in text.split_whitespace().skip(1) {
            let word = word.to_lowercase();
            match term(&word) {
                None => self.fail(format!("{name}: {word:?} is no term of SPF")),
                Some(Term::Modifier { name: "redirect", value }) => {
                    redirect = Some(value.to_owned());
                }
                Some(Term::Modifier { .. }) => {}
                Some(Term::Mechanism { qualifier, name: "all", .. }) => {
                    self.ending = Some(qualifier);
                    return Ok(());
                }
                Some(Term::Mechanism { name: mechanism, value, .. }) => {
                    let target = value.unwrap_or(name).to_owned();
                    self.mechanism(mechanism, &target, known)?;
                }
            }
            if self.is_spent() {
                return Ok(());
            }
        }
        self.ending = None;
        match redirect {
            Some(target) => {
                self.lookups += 1;
                self.other(&target, known)
            }
            None => Ok(()),
        }
    }

    fn mechanism(&mut self, name: &str, target: &str, known: &Known<'_>) -> Result<(), Asked> {
        if matches!(name, "ip4" | "ip6") {
            return Ok(());
        }
        self.lookups += 1;
        self.ptr |= name == "ptr";
        // What a macro becomes depends on the mail; it costs its look-up all the same.
        if self.is_spent() || target.contains('%') || name == "ptr" {
            return Ok(());
        }
        match name {
            "include" => {
                // How an included record ends decides nothing here.
                let ending = self.ending;
                self.other(target, known)?;
                self.ending = ending;
            }
            "mx" => match known.ask(target, Kind::Mx)? {
                Lookup::Found(hosts) if hosts.len() > HOSTS_MAX => {
                    self.fail(format!("mx of {target} has more than ten hosts"));
                }
                Lookup::Found(_) | Lookup::Failed => {}
                Lookup::Nothing => self.voids += 1,
            },
            _ => {
                let nothing = |lookup: &Lookup| matches!(lookup, Lookup::Nothing);
                let void = nothing(known.ask(target, Kind::A)?)
                    && (name == "exists" || nothing(known.ask(target, Kind::Aaaa)?));
                self.voids += usize::from(void);
            }
        }
        Ok(())
    }

    /// The record of another name, which must be there.
    fn other(&mut self, target: &str, known: &Known<'_>) -> Result<(), Asked> {
        if self.is_spent() || target.contains('%') {
            return Ok(());
        }
        match known.texts(target, "v=spf1")?.as_deref() {
            Some([text]) => self.record(target, text, known)?,
            Some([]) => self.fail(format!("{target} is included and has no SPF record")),
            Some(_) => self.fail(format!("{target} is included and has several SPF records")),
            None => {
                self.fail(format!("{target} is included, and the resolver could not find it out"));
            }
        }
        Ok(())
    }

    fn fail(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }

    const fn is_spent(&self) -> bool {
        self.lookups > LOOKUPS_MAX || self.fault.is_some()
    }
}
