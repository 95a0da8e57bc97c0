//! Which probes tell of which claim, and how far: one table for the command, the page and the document.

/// How far the probes of a claim go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Where they hold, the claim is proved.
    Whole,
    /// They see a part: one that fails disproves the claim, and all together do not prove it.
    Part,
}

/// A claim and the probes that look at it.
#[derive(Debug)]
pub struct Claim {
    /// Its id, as in the list of claims.
    pub id: &'static str,
    /// How far they go.
    pub reach: Reach,
    /// The names of the probes.
    pub probes: &'static [&'static str],
}

const fn whole(id: &'static str, probes: &'static [&'static str]) -> Claim {
    Claim { id, reach: Reach::Whole, probes }
}

const fn part(id: &'static str, probes: &'static [&'static str]) -> Claim {
    Claim { id, reach: Reach::Part, probes }
}

/// Every claim that something can be seen of from outside.
pub const CLAIMS: &[Claim] = &[
    part("M02", &["posture"]),
    whole("M03", &["tls-1.2", "tls-1.3", "tls-old-versions", "tls-weak-suites"]),
    part("M04", &["hsts-preload", "redirect"]),
    part("M07", &["mail-records"]),
    whole("M13", &["log-signature", "log-consistency"]),
    part("M15", &["second-factor"]),
    whole("M17", &["second-factor", "code-reuse"]),
    part("M18", &["no-telephone"]),
    part("M19", &["roles"]),
    // No visit lasts until a token has ended, so none sees that one ends.
    part("M22", &["token-facts", "token-forged"]),
    whole("M23", &["refresh-reuse"]),
    part("M26", &["own-entry"]),
    whole("M32", &["burst"]),
    part("M34", &["scripted-sign-up"]),
    // That somebody looked at the parts is the server's word alone.
    part("M44", &["health"]),
    part("M49", &["security-txt", "report-form", "policy"]),
    part("M51", &["report-form"]),
    whole("S01", &["posture", "posture-page"]),
    whole("S04", &["tls-1.2", "tls-1.3", "tls-old-versions"]),
    whole("S05", &["redirect"]),
    whole("S06", &["hsts"]),
    part("S08", &["burst"]),
    part("S09", &["burst"]),
    part("S10", &["own-quota"]),
    whole("S11", &["hsts"]),
    whole("S12", &["frames"]),
    whole("S13", &["nosniff"]),
    whole("S14", &["xss-filter"]),
    whole("S15", &["referrer"]),
    whole("S16", &["permissions"]),
    whole("S19", &["token-facts"]),
    part("S20", &["token-facts", "token-forged"]),
    whole("S21", &["anonymous", "token-forged"]),
    whole("S26", &["roles"]),
    whole("S27", &["roles"]),
    whole("S28", &["isolation"]),
    whole("S29", &["isolation"]),
    whole("S30", &["isolation"]),
    part("S36", &["log-signature", "log-consistency"]),
    part("S37", &["first-party", "content-policy"]),
    part("S38", &["first-party", "content-policy"]),
    part("S39", &["own-export"]),
    part("S48", &["expressions"]),
    whole("S49", &["anonymous-factors"]),
    whole("S54", &["certificate", "page-certificate"]),
    whole("S60", &["security-txt"]),
    part("S61", &["policy"]),
    part("S56", &["tls-old-versions", "tls-weak-suites", "redirect", "hsts", "frames", "nosniff"]),
    part("S57", &["first-party"]),
];

/// Claims of which something shows from outside that no probe looks at yet.
pub const NOT_LOOKED_AT: &[&str] = &["M01", "M16", "M21", "M24", "M31", "M69", "S35"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PROBES;
    use std::collections::BTreeSet;

    #[test]
    fn every_probe_that_is_named_exists_and_every_claim_stands_once() {
        let probes: Vec<&str> = PROBES.iter().copied().flatten().map(|probe| probe.name).collect();
        let mut names = BTreeSet::new();
        assert!(probes.iter().all(|name| names.insert(*name)), "a probe's name comes twice");
        let mut ids = BTreeSet::new();
        for claim in CLAIMS {
            assert!(ids.insert(claim.id), "{} stands twice", claim.id);
            assert!(!claim.probes.is_empty(), "{}", claim.id);
            let listed = audit::claim(claim.id).expect("it is in the list of claims");
            let is_seen = listed.probe.split(", ").any(|probe| probe.starts_with("verify:"));
            assert!(is_seen, "{}: the list names no probe of ours: {}", claim.id, listed.probe);
            for name in claim.probes {
                assert!(probes.contains(name), "{}: no probe is called {name}", claim.id);
            }
        }
    }

    #[test]
    fn what_the_list_says_is_seen_is_looked_at_or_owned_up_to() {
        for listed in audit::claims() {
            let is_seen = listed.probe.split(", ").any(|probe| probe.starts_with("verify:"));
            let is_looked_at = CLAIMS.iter().any(|claim| claim.id == listed.id);
            let is_owned = NOT_LOOKED_AT.contains(&listed.id.as_str());
            assert_eq!(is_seen, is_looked_at || is_owned, "{}: {}", listed.id, listed.probe);
            assert!(!(is_looked_at && is_owned), "{}", listed.id);
        }
    }
}
