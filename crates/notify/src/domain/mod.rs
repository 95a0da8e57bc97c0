//! What a domain says in DNS about its mail, what it should say, and what is wrong with it.

mod dkim;
mod dmarc;
mod spf;
mod tags;

use crate::{Asked, DkimKey, Error, Kind, Lookup, Mailbox, Resolver, Signer, dns::Answers};
use seal::{Entropy, sha256};

/// The most of a text in one string of a record (RFC 1035, section 3.3.14).
const STRING_BYTES_MAX: usize = 255;
/// Questions of one check, at most.
const QUESTIONS_MAX: usize = 120;
/// Mechanisms and hosts that the owner names, at most.
const NAMED_MAX: usize = 20;

/// A domain that mail comes from.
#[derive(Debug, Clone)]
pub struct Domain {
    /// The domain of `From`.
    pub from: String,
    /// The domain that signs: the same, or one above it.
    pub signing: String,
    /// Selectors of its keys, their kinds, and their public halves in Base64.
    pub keys: Vec<(String, &'static str, String)>,
    /// Mechanisms of SPF that stand for the servers that send its mail: `mx`, `include:spf.example.net`.
    pub spf: Vec<String>,
    /// Where reports about its mail go.
    pub reports: Option<Mailbox>,
    /// Hosts that take its mail, for the policy of encrypted mail to it; empty for none.
    pub mx: Vec<String>,
}

/// A record to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The name, without a dot at its end.
    pub name: String,
    /// The text, in one piece.
    pub text: String,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Advice,
    /// Mail is lost or can be forged.
    Wrong,
}

/// What was found about one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about: SPF, DKIM, DMARC, MX.
    pub subject: &'static str,
    /// The name in DNS.
    pub name: String,
    /// How much it matters.
    pub weight: Weight,
    /// What is so.
    pub text: String,
    /// The record to set instead, if there is one.
    pub set: Option<Record>,
}

impl Domain {
    /// The domain of a sender whose mail a signer signs.
    pub fn new(from: &Mailbox, signer: &Signer, spf: &str) -> Result<Self, Error> {
        let keys = signer.keys();
        let keys = keys.map(|(selector, key): (&str, &DkimKey)| {
            (selector.to_owned(), key.kind(), key.public())
        });
        let spf: Vec<String> = spf.split_whitespace().map(str::to_lowercase).collect();
        if spf.len() > NAMED_MAX || !spf.iter().all(|term| spf::is_mechanism(term)) {
            let why = "name the servers that send as SPF does: mx, ip4:192.0.2.7, include:spf.example.net";
            return Err(Error::Malformed { what: "mail.spf", why });
        }
        Ok(Self {
            from: from.domain().to_owned(),
            signing: signer.domain().to_owned(),
            keys: keys.collect(),
            spf,
            reports: None,
            mx: Vec::new(),
        })
    }

    /// The same with hosts that take its mail.
    pub fn with_mx(mut self, hosts: &[String]) -> Result<Self, Error> {
        if hosts.len() > NAMED_MAX {
            let why = "name at most twenty hosts";
            return Err(Error::Malformed { what: "mx", why });
        }
        self.mx =
            hosts.iter().map(|host| crate::mailbox::domain(host)).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// The policy of encrypted mail to this domain (RFC 8461), to be served at
    /// `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`; `None` without hosts.
    #[must_use]
    pub fn mta_sts(&self) -> Option<String> {
        if self.mx.is_empty() {
            return None;
        }
        let mut lines = vec!["version: STSv1".to_owned(), "mode: testing".to_owned()];
        lines.extend(self.mx.iter().map(|host| format!("mx: {host}")));
        lines.push("max_age: 604800\n".to_owned());
        Some(lines.join("\n"))
    }

    fn spf_record(&self) -> Record {
        let mut terms = vec!["v=spf1"];
        terms.extend(self.spf.iter().map(String::as_str));
        terms.push("-all");
        Record { name: self.from.clone(), text: terms.join(" ") }
    }

    fn dkim_record(&self, (selector, kind, public): &(String, &'static str, String)) -> Record {
        Record {
            name: format!("{selector}._domainkey.{}", self.signing),
            text: format!("v=DKIM1; k={kind}; p={public}"),
        }
    }

    fn dmarc_record(&self) -> Record {
        let strict = if self.signing == self.from { "s" } else { "r" };
        let reports = self.reports.as_ref().map(|to| format!("; rua=mailto:{to}"));
        Record {
            name: format!("_dmarc.{}", self.from),
            text: format!("v=DMARC1; p=reject; adkim={strict}{}", reports.unwrap_or_default()),
        }
    }
}

/// Every record that the domain needs.
#[must_use]
pub fn records(domain: &Domain) -> Vec<Record> {
    let mut records = vec![domain.spf_record()];
    records.extend(domain.keys.iter().map(|key| domain.dkim_record(key)));
    records.push(domain.dmarc_record());
    if let Some(policy) = domain.mta_sts() {
        // The id changes with the policy, which is how others learn that there is a new one.
        let id = hex::encode(sha256(policy.as_bytes()).get(..8).unwrap_or_default());
        let name = format!("_mta-sts.{}", domain.from);
        records.push(Record { name, text: format!("v=STSv1; id={id}") });
        if let Some(to) = &domain.reports {
            let name = format!("_smtp._tls.{}", domain.from);
            records.push(Record { name, text: format!("v=TLSRPTv1; rua=mailto:{to}") });
        }
    }
    records
}

impl Record {
    /// As a line of a zone file, the text in strings of at most 255 bytes.
    #[must_use]
    pub fn zone_line(&self) -> String {
        let mut strings = Vec::new();
        let mut string = String::new();
        for c in self.text.chars() {
            if string.len() + c.len_utf8() > STRING_BYTES_MAX {
                strings.push(std::mem::take(&mut string));
            }
            string.push(c);
        }
        strings.push(string);
        let quoted =
            |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let quoted: Vec<String> = strings.iter().map(quoted).collect();
        format!("{}. 3600 IN TXT {}", self.name, quoted.join(" "))
    }
}

/// Looks the domain's records up, and says what is missing or wrong.
pub async fn check(
    domain: &Domain,
    resolver: &Resolver,
    entropy: &mut (impl Entropy + ?Sized),
) -> Result<Vec<Finding>, Error> {
    let mut answers = Answers::new();
    loop {
        match examine(domain, &answers) {
            Ok(findings) => return Ok(findings),
            // What is asked without end is not answered: SPF may include what it likes.
            Err(asked) if answers.len() >= QUESTIONS_MAX => {
                answers.insert(asked, Lookup::Failed);
            }
            Err(asked) => {
                let lookup = resolver.ask(&asked, entropy).await?;
                answers.insert(asked, lookup);
            }
        }
    }
}

/// The same over what has been answered; what is asked next, if that is not enough.
///
/// A pure function that is called again with one answer more each time: there is no state to get wrong.
pub fn examine(domain: &Domain, answers: &Answers) -> Result<Vec<Finding>, Asked> {
    let known = Known(answers);
    let mut findings = vec![takes_mail(domain, &known)?];
    findings.push(spf::examine(domain, &known)?);
    for key in &domain.keys {
        findings.push(dkim::examine(domain, key, &known)?);
    }
    findings.extend(dmarc::examine(domain, &known)?);
    Ok(findings)
}

/// What has been answered.
struct Known<'a>(&'a Answers);

impl Known<'_> {
    fn ask(&self, name: &str, kind: Kind) -> Result<&Lookup, Asked> {
        let asked = Asked { name: name.to_ascii_lowercase(), kind };
        self.0.get(&asked).ok_or(asked)
    }

    /// The texts of a name that begin with a version; `None` if nobody could say.
    fn texts(&self, name: &str, version: &str) -> Result<Option<Vec<String>>, Asked> {
        let begins = |text: &&String| {
            let head = text.get(..version.len());
            let next = text.get(version.len()..).and_then(|rest| rest.chars().next());
            head.is_some_and(|head| head.eq_ignore_ascii_case(version))
                && next.is_none_or(|c| c == ' ' || c == ';')
        };
        Ok(match self.ask(name, Kind::Txt)? {
            Lookup::Found(texts) => Some(texts.iter().filter(begins).cloned().collect()),
            Lookup::Nothing => Some(Vec::new()),
            Lookup::Failed => None,
        })
    }
}

/// Whether answers and bounces have somewhere to go; mail from a domain that takes none is often refused.
fn takes_mail(domain: &Domain, known: &Known<'_>) -> Result<Finding, Asked> {
    let finding = |weight, text: &str| Finding {
        subject: "MX",
        name: domain.from.clone(),
        weight,
        text: text.to_owned(),
        set: None,
    };
    let hosts = match known.ask(&domain.from, Kind::Mx)? {
        Lookup::Failed => return Ok(finding(Weight::Wrong, UNKNOWN)),
        Lookup::Found(hosts) => hosts.as_slice(),
        Lookup::Nothing => &[],
    };
    if hosts.iter().any(String::is_empty) {
        let text = "the domain says that it takes no mail (a null MX): others refuse mail from it; \
                    set an MX record, or send from a domain that has one";
        return Ok(finding(Weight::Wrong, text));
    }
    if !hosts.is_empty() {
        return Ok(finding(Weight::Good, &format!("mail to it goes to {}", hosts.join(", "))));
    }
    for kind in [Kind::A, Kind::Aaaa] {
        if matches!(known.ask(&domain.from, kind)?, Lookup::Found(_)) {
            let text = "it has an address but no MX record: set one, some servers look for it";
            return Ok(finding(Weight::Advice, text));
        }
    }
    let text = "it has neither an MX record nor an address: bounces are lost, and many servers \
                refuse its mail; set an MX record";
    Ok(finding(Weight::Wrong, text))
}

/// What is said when the resolver failed.
const UNKNOWN: &str =
    "the resolver could not find out (SERVFAIL): try again, and look at the domain's DNSSEC";

#[cfg(test)]
mod tests;
