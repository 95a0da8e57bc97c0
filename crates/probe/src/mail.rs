//! The records of a mail domain: who may send for it, under which keys, and what becomes of others' letters.

use crate::{Probe, Seen, failed, resolver, run::Walk, unseen};

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[Probe {
    name: "mail-records",
    what: "The mail domain names its senders and its keys, and has letters of others refused",
    command: "dig +short TXT _dmarc.example.com  # and TXT of the domain, and SELECTOR._domainkey",
    look,
}];

/// A mail domain and the selectors of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDomain {
    /// The domain.
    pub domain: String,
    /// The names under which its keys stand.
    pub selectors: Vec<String>,
}

fn look(walk: &mut Walk<'_>) -> Seen {
    let Some(MailDomain { domain, selectors }) = walk.ask.mail.clone() else {
        return unseen("no mail domain was named; give it with --mail-domain and --dkim-selector");
    };
    let Some(resolver) = walk.ask.resolver.or_else(resolver::system) else {
        return unseen("/etc/resolv.conf names no resolver; give one with --resolver");
    };
    let mut id = 0_u16;
    let mut ask = |name: &str| {
        id += 1;
        resolver::texts(resolver, name, id)
    };
    let spf: Vec<String> = ask(&domain)?.into_iter().filter(|t| t.starts_with("v=spf1")).collect();
    let [spf] = &spf[..] else {
        return failed(format!("{} SPF records at {domain}; one is wanted", spf.len()));
    };
    if !spf.ends_with("-all") && !spf.ends_with("~all") {
        return failed(format!("the SPF record lets anyone send: {spf:?}"));
    }
    let dmarc: Vec<String> = ask(&format!("_dmarc.{domain}"))?;
    let dmarc: Vec<&String> = dmarc.iter().filter(|text| text.starts_with("v=DMARC1")).collect();
    let [dmarc] = dmarc[..] else {
        return failed(format!("{} DMARC records at _dmarc.{domain}; one is wanted", dmarc.len()));
    };
    let policy = tags(dmarc).find(|(name, _)| *name == "p").map_or("", |(_, value)| value);
    if !matches!(policy, "reject" | "quarantine") {
        return failed(format!("DMARC asks for nothing: p={policy}"));
    }
    for selector in &selectors {
        let name = format!("{selector}._domainkey.{domain}");
        let keys = ask(&name)?;
        let key = keys.iter().find_map(|text| tags(text).find(|(tag, _)| *tag == "p"));
        if key.is_none_or(|(_, value)| value.is_empty()) {
            return failed(format!("no DKIM key at {name}"));
        }
    }
    let keys = selectors.join(", ");
    if selectors.is_empty() {
        return unseen(format!("SPF and DMARC p={policy}; name the keys with --dkim-selector"));
    }
    Ok(format!("SPF, DMARC p={policy}, DKIM keys {keys}"))
}

/// `name=value` by `name=value`, as DKIM and DMARC write them.
fn tags(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = text.split(';').filter_map(|one| one.split_once('='));
    pairs.map(|(name, value)| (name.trim(), value.trim()))
}
