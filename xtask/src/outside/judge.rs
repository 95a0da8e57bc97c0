//! What a scanner said, held against its limit. Whatever cannot be read, or says that it did not look, is a finding.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What mozilla.org's observatory must give at least.
const SCORE_MIN: i64 = 120;

/// How one scanner's run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The scanner's version.
    pub version: String,
    /// What it said, in short.
    pub said: String,
    /// What is beyond the limit.
    pub findings: Vec<String>,
}

impl Verdict {
    /// Both together.
    pub fn and(mut self, other: Self) -> Self {
        self.said = [self.said, other.said].join("; ");
        self.findings.extend(other.findings);
        self
    }
}

/// sslyze prints whether the server is compliant, and why not.
pub fn sslyze(text: &str, version: &str) -> Verdict {
    let judged = text.lines().skip_while(|line| !line.contains("COMPLIANCE AGAINST"));
    let lines: Vec<&str> = judged.map(str::trim).filter(|line| !line.is_empty()).collect();
    let complies = lines.iter().any(|line| line.ends_with(": OK - Compliant."));
    let against = lines.iter().any(|line| line.contains("\"intermediate\""));
    let reasons = lines.iter().filter(|line| line.contains("FAILED") || line.starts_with('*'));
    let mut findings: Vec<String> = reasons.map(|line| (*line).to_owned()).collect();
    if findings.is_empty() && !(complies && against) {
        findings.push("it does not say that the server is compliant".to_owned());
    }
    let said = if findings.is_empty() { "compliant" } else { "not compliant" };
    Verdict { version: version.to_owned(), said: said.to_owned(), findings }
}

#[derive(Deserialize)]
struct Package {
    version: String,
}

#[derive(Deserialize)]
struct Observed {
    scan: Scan,
    tests: BTreeMap<String, Observation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scan {
    grade: Option<String>,
    error: Option<String>,
    score: Option<i64>,
    tests_failed: Option<u64>,
}

#[derive(Deserialize)]
struct Observation {
    pass: Option<bool>,
    result: Option<String>,
}

/// Mozilla's observatory gives a grade, a score, and each of its tests.
pub fn observatory(json: &str, package: &str) -> Result<Verdict> {
    let Package { version } = serde_json::from_str(package).context("reading its version")?;
    let observed: Observed = serde_json::from_str(json).context("reading its scan")?;
    let Scan { grade, error, score, tests_failed } = observed.scan;
    let (grade, score) = (grade.unwrap_or_default(), score.unwrap_or_default());
    let mut findings: Vec<String> = error.into_iter().collect();
    if grade != "A+" || score < SCORE_MIN {
        findings.push(format!("{grade} {score}"));
    }
    if tests_failed != Some(0) || observed.tests.is_empty() {
        let failed = observed.tests.iter().filter(|(_, test)| test.pass != Some(true));
        let word = |(name, test): (&String, &Observation)| {
            format!("{name}: {}", test.result.as_deref().unwrap_or("no result"))
        };
        findings.extend(failed.map(word));
        findings.push("a test failed, or none was made".to_owned());
    }
    let said = format!("{grade} {score}, {} tests", observed.tests.len());
    Ok(Verdict { version, said, findings })
}

#[derive(Deserialize)]
struct Tested {
    version: String,
    #[serde(rename = "scanResult")]
    results: Vec<BTreeMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct Tried {
    id: String,
    severity: String,
    finding: String,
}

/// testssl weighs each thing that it tried; a warning says that something could not be tried.
pub fn testssl(json: &str) -> Result<Verdict> {
    let tested: Tested = serde_json::from_str(json).context("reading its findings")?;
    let lists = tested.results.into_iter().flat_map(BTreeMap::into_values);
    let lists = lists.filter(serde_json::Value::is_array);
    let tried: Result<Vec<Vec<Tried>>, _> = lists.map(serde_json::from_value).collect();
    let tried: Vec<Tried> = tried.context("reading a finding")?.into_iter().flatten().collect();
    let is_mild = |one: &&Tried| !matches!(one.severity.as_str(), "OK" | "INFO" | "LOW");
    let word = |one: &Tried| format!("{} {}: {}", one.severity, one.id, one.finding);
    let mut findings: Vec<String> = tried.iter().filter(is_mild).map(word).collect();
    let low: Vec<&str> =
        tried.iter().filter(|one| one.severity == "LOW").map(|one| one.id.as_str()).collect();
    // Where it cannot connect it says little, and nothing bad.
    if !tried.iter().any(|one| one.id == "TLS1_3" && one.severity == "OK") {
        findings.push("it saw no TLS 1.3: it did not look".to_owned());
    }
    let said = format!("{} results, low: {}", tried.len(), low.join(", "));
    let version = tested.version.split_whitespace().next().unwrap_or_default().to_owned();
    Ok(Verdict { version, said, findings })
}

#[derive(Deserialize)]
struct Fuzzed {
    schemathesis_version: String,
    complete: bool,
    operations: Operations,
    test_cases: Cases,
    failures: Vec<Failure>,
    errors: Vec<Trouble>,
}

#[derive(Deserialize)]
struct Operations {
    total: u64,
    tested: u64,
}

#[derive(Deserialize)]
struct Cases {
    generated: u64,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
    title: String,
    operations: Vec<String>,
}

#[derive(Deserialize)]
struct Trouble {
    title: String,
    count: u64,
}

/// "Schema-valid request rejected": no schema says that a code is right, that a password is good or that a thing exists.
const REJECTED: &str = "ST202";

/// schemathesis names what went against the document, by operation.
pub fn schemathesis(json: &str, who: &str) -> Result<Verdict> {
    let fuzzed: Fuzzed = serde_json::from_str(json).context("reading its report")?;
    let Operations { total, tested } = fuzzed.operations;
    let beyond = fuzzed.failures.iter().filter(|failure| failure.code != REJECTED);
    let word = |one: &Failure| format!("{who}: {}: {}", one.title, one.operations.join(", "));
    let mut findings: Vec<String> = beyond.map(word).collect();
    let troubles = fuzzed.errors.iter().map(|one| format!("{who}: {} ({})", one.title, one.count));
    findings.extend(troubles);
    if tested < total || total == 0 || !fuzzed.complete {
        findings.push(format!("{who}: {tested} of {total} operations were asked for"));
    }
    let said = format!("{who}: {} requests at {tested} operations", fuzzed.test_cases.generated);
    Ok(Verdict { version: fuzzed.schemathesis_version, said, findings })
}

/// What the server itself tells of its answers: none may be its own fault.
pub fn faults(log: &str) -> Verdict {
    let answers = log.lines().filter(|line| line.contains("answered"));
    let status = |line: &str| Some(line.split_once("status=")?.1.get(..3)?.to_owned());
    let all: Vec<String> = answers.filter_map(|line| status(&without_colour(line))).collect();
    let bad = all.iter().filter(|status| status.starts_with('5')).count();
    let mut findings = Vec::new();
    if bad > 0 {
        findings.push(format!("the server's log has {bad} answers of status 5xx"));
    }
    if all.is_empty() {
        findings.push("the server's log has no answers".to_owned());
    }
    let said = format!("{} answers in the server's log, {bad} of them 5xx", all.len());
    Verdict { version: String::new(), said, findings }
}

/// Without the sequences that colour a terminal.
pub fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSLYZE: &str = include_str!("../../outside/recorded/sslyze.txt");
    const OBSERVATORY: &str = include_str!("../../outside/recorded/observatory.json");
    const TESTSSL: &str = include_str!("../../outside/recorded/testssl.json");
    const SCHEMATHESIS: &str = include_str!("../../outside/recorded/schemathesis.json");

    /// The recorded words hold; the same words with one thing changed do not.
    fn check(judge: impl Fn(&str) -> Result<Verdict>, good: &str, lies: &[(&str, &str)]) {
        assert_eq!(judge(good).expect("reads").findings, [""; 0]);
        for (from, to) in lies {
            assert!(good.contains(from), "{from} is not in what was recorded");
            let verdict = judge(&good.replacen(from, to, 1));
            assert!(verdict.is_err() || !verdict.expect("reads").findings.is_empty(), "{to}");
        }
    }

    #[test]
    fn sslyze_is_believed_only_where_it_says_compliant() {
        let reason = "FAILED - Not compliant.\n        * tls_versions: TLS versions {'TLSv1'}";
        let lies = [
            ("OK - Compliant.", reason),
            ("OK - Compliant.", "ERROR - Scan did not run successfully"),
            ("\"intermediate\"", "\"old\""),
            ("COMPLIANCE AGAINST", "SCAN RESULTS FOR"),
        ];
        check(|text| Ok(sslyze(text, "6.3.1")), SSLYZE, &lies);
        assert!(!sslyze("", "6.3.1").findings.is_empty());
    }

    #[test]
    fn the_observatory_is_believed_only_with_its_grade_and_all_its_tests() {
        let lies = [
            ("\"A+\"", "\"A\""),
            ("\"score\": 130", "\"score\": 115"),
            ("\"testsFailed\": 0", "\"testsFailed\": 1"),
            ("\"error\": null", "\"error\": \"site down\""),
        ];
        check(|text| observatory(text, "{\"version\":\"1.4.8\"}"), OBSERVATORY, &lies);
        assert!(observatory("{\"error\":\"site down\"}", "{\"version\":\"1.4.8\"}").is_err());
    }

    #[test]
    fn testssl_is_believed_only_without_a_finding_and_when_it_looked() {
        let lies = [
            ("\"LOW\"", "\"MEDIUM\""),
            ("\"LOW\"", "\"HIGH\""),
            ("\"LOW\"", "\"CRITICAL\""),
            ("\"LOW\"", "\"WARN\""),
            ("\"LOW\"", "\"FATAL\""),
            ("\"TLS1_3\"", "\"TLS1_4\""),
        ];
        check(testssl, TESTSSL, &lies);
    }

    #[test]
    fn schemathesis_is_believed_only_when_it_asked_for_all_and_nothing_lied() {
        let lies = [
            ("\"ST202\"", "\"ST101\""),
            ("\"tested\": 172", "\"tested\": 171"),
            ("\"complete\": true", "\"complete\": false"),
            ("\"errors\": []", "\"errors\": [{\"title\": \"Runtime Error\", \"count\": 1}]"),
        ];
        check(|text| schemathesis(text, "owner"), SCHEMATHESIS, &lies);
    }

    #[test]
    fn a_fault_in_the_log_is_seen_under_its_colours() {
        let line = |status: u16| {
            format!(
                "2026 \u{1b}[32m INFO\u{1b}[0m answered \u{1b}[3mstatus\u{1b}[0m\u{1b}[2m=\u{1b}[0m{status} ms=1\n"
            )
        };
        assert_eq!(faults(&(line(200) + &line(404))).findings, [""; 0]);
        assert_eq!(faults(&(line(200) + &line(503))).findings.len(), 1);
        assert_eq!(faults("it is listening").findings.len(), 1);
    }
}
