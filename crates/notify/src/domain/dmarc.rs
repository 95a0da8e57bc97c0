//! The record of what to do with mail that neither SPF nor DKIM vouches for (RFC 7489), and whether what we
//! send is vouched for in the way that it asks for.

use super::{Domain, Finding, Known, Record, UNKNOWN, Weight, tags};
use crate::{Asked, Mailbox};

/// Names that are looked at on the way up from the domain.
const LABELS_MAX: usize = 8;

/// A record and where it stands.
struct Policy {
    name: String,
    at: String,
    tags: Vec<(String, String)>,
}

/// The domain's policy, its alignment with our signatures, and whether reports arrive.
pub fn examine(domain: &Domain, known: &Known<'_>) -> Result<Vec<Finding>, Asked> {
    let wanted = domain.dmarc_record();
    let finding = |name: &str, weight, text: String| Finding {
        subject: "DMARC",
        name: name.to_owned(),
        weight,
        text,
        set: (weight > Weight::Good).then(|| wanted.clone()),
    };
    let policy = match policy(domain, known)? {
        Ok(policy) => policy,
        Err(text) => return Ok(vec![finding(&wanted.name, Weight::Wrong, text.to_owned())]),
    };
    let inherited = policy.at != domain.from;
    let value = |name| tags::value(&policy.tags, name);
    let asked = if inherited { value("sp").or(value("p")) } else { value("p") };
    let asked = asked.unwrap_or_default().to_ascii_lowercase();
    let from = if inherited { format!(" (from {})", policy.at) } else { String::new() };
    let (weight, text) = match asked.as_str() {
        "reject" | "quarantine" if value("pct").is_some_and(|pct| pct != "100") => {
            (Weight::Advice, format!("{asked}{from}, but only for a part of the mail (pct)"))
        }
        "reject" | "quarantine" => (Weight::Good, format!("forged mail: {asked}{from}")),
        "none" => (
            Weight::Advice,
            format!(
                "forged mail is let through (p=none){from}: set this once the reports are clean"
            ),
        ),
        _ => (Weight::Wrong, format!("it has no policy (p=){from}")),
    };
    let mut findings = vec![finding(&policy.name, weight, text)];
    if let Some(text) = misaligned(domain, &policy) {
        findings.push(finding(&policy.name, Weight::Wrong, text));
    }
    findings.extend(reports(domain, &policy, known)?);
    Ok(findings)
}

/// The record of the domain, or of the nearest domain above it that has one.
fn policy(domain: &Domain, known: &Known<'_>) -> Result<Result<Policy, &'static str>, Asked> {
    let mut at = domain.from.as_str();
    for _ in 0..LABELS_MAX {
        let name = format!("_dmarc.{at}");
        let Some(texts) = known.texts(&name, "v=DMARC1")? else { return Ok(Err(UNKNOWN)) };
        match texts.as_slice() {
            [] => {}
            [text] => {
                return Ok(match tags::parse(text) {
                    Some(tags) => Ok(Policy { name, at: at.to_owned(), tags }),
                    None => Err("the record is no list of tags"),
                });
            }
            _ => return Ok(Err("there are several records, which count as none: keep one")),
        }
        match at.split_once('.') {
            Some((_, above)) if above.contains('.') => at = above,
            _ => break,
        }
    }
    Ok(Err(
        "there is no DMARC record: receivers do not refuse forged mail, and large ones refuse ours",
    ))
}

/// Whether the domain that signs vouches for the one in `From` (section 3.1).
fn misaligned(domain: &Domain, policy: &Policy) -> Option<String> {
    let (from, signing) = (&domain.from, &domain.signing);
    if from == signing {
        return None;
    }
    let strict =
        tags::value(&policy.tags, "adkim").is_some_and(|mode| mode.eq_ignore_ascii_case("s"));
    if strict {
        return Some(format!(
            "adkim=s wants signatures of {from} itself, and {signing} signs: sign as {from}, or set adkim=r"
        ));
    }
    let within =
        |name: &str, above: &str| name.strip_suffix(above).is_some_and(|n| n.ends_with('.'));
    // Both belong to the organisation whose record was found, or one is above the other.
    let same = |name: &String| *name == policy.at || within(name, &policy.at);
    let related = within(from, signing) || within(signing, from) || (same(from) && same(signing));
    (!related)
        .then(|| format!("{signing} signs, which has nothing to do with {from}: sign as {from}"))
}

/// Whether those whom reports go to have said that they take them (section 7.1).
fn reports(domain: &Domain, policy: &Policy, known: &Known<'_>) -> Result<Option<Finding>, Asked> {
    let list = tags::value(&policy.tags, "rua").unwrap_or_default();
    for uri in list.split(',').take(4).map(str::trim).filter(|uri| !uri.is_empty()) {
        let finding = |text: String, set| Finding {
            subject: "DMARC",
            name: policy.name.clone(),
            weight: Weight::Advice,
            text,
            set,
        };
        let address = uri.strip_prefix("mailto:").and_then(|to| to.split('!').next());
        let Some(to) = address.and_then(|to| Mailbox::parse(to).ok()) else {
            return Ok(Some(finding(
                format!("rua={uri:?} is no address: write mailto:ADDRESS"),
                None,
            )));
        };
        let own = |name: &str| to.domain() == name || to.domain().ends_with(&format!(".{name}"));
        if own(&policy.at) || own(&domain.signing) {
            continue;
        }
        let name = format!("{}._report._dmarc.{}", policy.at, to.domain());
        if known.texts(&name, "v=DMARC1")?.is_some_and(|texts| texts.is_empty()) {
            let text =
                format!("reports to {} are not sent: that domain has not agreed", to.domain());
            let set = Record { name, text: "v=DMARC1".to_owned() };
            return Ok(Some(finding(text, Some(set))));
        }
    }
    Ok(None)
}
