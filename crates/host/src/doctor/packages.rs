//! The packages that are installed, held against a copy of the list of Debian's security tracker (M68).
//!
//! The copy is a file that somebody fetched: `https://security-tracker.debian.org/tracker/data/json`.

use super::{Finding, Root, Severity, ago, updates::last_value};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

const AREA: &str = "updates";
const WHY: &str = "a weakness that is public is tried at every machine on the net";
const STATUS: &str = "/var/lib/dpkg/status";
const FETCH: &str = "curl -o debian.json https://security-tracker.debian.org/tracker/data/json";
/// A copy that is older says nothing of this week.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The list has some 70 million bytes.
const LIST_BYTES_MAX: u64 = 512 << 20;
const STATUS_BYTES_MAX: u64 = 64 << 20;
/// Packages that are named one by one.
const NAMED_MAX: usize = 12;

/// What the tracker says of a weakness in one release of Debian.
#[derive(Debug, Deserialize)]
struct Standing {
    status: String,
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: Option<String>,
    /// There, where Debian will not mend it by an advisory of its own: it is minor, or does not reach that far.
    #[serde(default)]
    nodsa: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Weakness {
    #[serde(default)]
    releases: BTreeMap<String, Standing>,
}

/// By source package, then by CVE.
type List = BTreeMap<String, BTreeMap<String, Weakness>>;

/// A package that is installed.
#[derive(Debug, PartialEq, Eq)]
struct Installed {
    name: String,
    source: String,
    version: String,
}

/// How a weakness touches a package that is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touch {
    /// It does not.
    No,
    /// A version that mends it is there.
    Mendable,
    /// There is none yet.
    Open,
    /// There is none, and Debian calls it minor.
    Minor,
}

/// Holds the packages of the machine against the list in a file.
#[must_use]
pub fn packages(root: &Root, list: &Path, now: Timestamp) -> Vec<Finding> {
    let unseen = |what: &str, fix: &str, evidence: String| {
        let finding = Finding::new(AREA, Severity::NotChecked, what).fix(fix).evidence(evidence);
        vec![finding.claim("M68").why(WHY)]
    };
    let Some(release) = codename(root) else {
        let what = "packages can be held against advisories on Debian only";
        return unseen(what, "cat /etc/os-release", "/etc/os-release".to_owned());
    };
    let installed = match read(&root.path(STATUS), STATUS_BYTES_MAX) {
        Ok(text) => installed(&text),
        Err(why) => return unseen("the list of packages cannot be read", "dpkg -l", why),
    };
    let place = list.display();
    let known: List = match parsed(list) {
        Ok(known) => known,
        Err(why) => {
            return unseen(
                "the list of advisories cannot be read",
                FETCH,
                format!("{place}: {why}"),
            );
        }
    };
    let mut all = known.values().flat_map(BTreeMap::values);
    if !all.any(|one| one.releases.contains_key(&release)) {
        let why = format!("{place} names no release {release}");
        return unseen("the list of advisories is none of this release", FETCH, why);
    }
    let found = judged(&installed, &known, &release);
    let age = modified(list).map(|at| now.duration_since(at));
    let seen = format!(
        "{} packages of {release}, held against {place}{}",
        installed.len(),
        age.map(|age| format!(", fetched {}", ago(age))).unwrap_or_default()
    );
    let mut findings = told(&found, &seen);
    if age.is_none_or(|age| age > AGE_MAX) {
        let what = "the list of advisories is older than seven days";
        findings.push(Finding::new(AREA, Severity::Warning, what).fix(FETCH).evidence(seen));
    }
    findings.into_iter().map(|finding| finding.claim("M68").why(WHY)).collect()
}

/// Packages with the weaknesses that touch them, by how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    mendable: BTreeMap<String, BTreeSet<String>>,
    open: BTreeMap<String, BTreeSet<String>>,
    minor: usize,
}

fn judged(installed: &[Installed], known: &List, release: &str) -> Found {
    let mut found = Found::default();
    for package in installed {
        for (id, weakness) in known.get(&package.source).into_iter().flatten() {
            let Some(standing) = weakness.releases.get(release) else { continue };
            let into = match touch(standing, &package.version) {
                Touch::No => continue,
                Touch::Minor => {
                    found.minor += 1;
                    continue;
                }
                Touch::Mendable => &mut found.mendable,
                Touch::Open => &mut found.open,
            };
            into.entry(package.name.clone()).or_default().insert(id.clone());
        }
    }
    found
}

fn touch(standing: &Standing, version: &str) -> Touch {
    let fixed = standing.fixed_version.as_deref().filter(|fixed| !fixed.is_empty());
    match (standing.status.as_str(), fixed) {
        ("resolved", Some(fixed)) if fixed != "0" && compared(version, fixed) == Ordering::Less => {
            Touch::Mendable
        }
        ("open" | "undetermined", _) => {
            let is_minor = standing.nodsa.is_some()
                || matches!(standing.urgency.as_deref(), Some("unimportant" | "low"));
            if is_minor { Touch::Minor } else { Touch::Open }
        }
        // It is mended here, or was never in this release.
        _ => Touch::No,
    }
}

fn told(found: &Found, seen: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let line = |packages: &BTreeMap<String, BTreeSet<String>>| {
        let named = packages.iter().take(NAMED_MAX).map(|(name, ids)| {
            let first = ids.iter().next_back().map_or("", String::as_str);
            match ids.len() {
                1 => format!("{name} ({first})"),
                more => format!("{name} ({first} and {} more)", more - 1),
            }
        });
        let named: Vec<String> = named.collect();
        let rest = packages.len().saturating_sub(NAMED_MAX);
        let rest = if rest > 0 { format!(", and {rest} packages more") } else { String::new() };
        format!("{}{rest}; {seen}", named.join(", "))
    };
    if !found.mendable.is_empty() {
        let names: Vec<&str> = found.mendable.keys().map(String::as_str).collect();
        let what =
            format!("{} packages have weaknesses that an update mends", found.mendable.len());
        let fix = format!(
            "sudo apt-get update && sudo apt-get install --only-upgrade {}",
            names.join(" ")
        );
        let finding = Finding::new(AREA, Severity::Problem, what);
        findings.push(finding.fix(fix).evidence(line(&found.mendable)));
    }
    if !found.open.is_empty() {
        let what = format!("{} packages have weaknesses without an update yet", found.open.len());
        let finding = Finding::new(AREA, Severity::Warning, what);
        let first = found.open.values().flatten().next().map_or("", String::as_str);
        let fix = format!("xdg-open https://security-tracker.debian.org/tracker/{first}");
        findings.push(finding.fix(fix).evidence(line(&found.open)));
    }
    if findings.is_empty() {
        let what = format!(
            "no package has a weakness that is known and not minor; {} minor ones wait",
            found.minor
        );
        findings.push(Finding::new(AREA, Severity::Ok, what).evidence(seen));
    }
    findings
}

/// The release of Debian that this is.
fn codename(root: &Root) -> Option<String> {
    let word = |key| last_value(root, "/etc/os-release", key);
    let bare = |text: String| text.trim_matches('"').to_owned();
    word("ID").map(bare).filter(|id| id == "debian")?;
    word("VERSION_CODENAME").map(bare).filter(|name| !name.is_empty())
}

fn modified(path: &Path) -> Option<Timestamp> {
    Timestamp::try_from(path.metadata().ok()?.modified().ok()?).ok()
}

fn opened(path: &Path, bytes_max: u64) -> Result<File, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    if bytes > bytes_max {
        return Err(format!("it has {bytes} bytes, and at most {bytes_max} are read"));
    }
    Ok(file)
}

fn read(path: &Path, bytes_max: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = opened(path, bytes_max)?;
    file.take(bytes_max).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn parsed(path: &Path) -> Result<List, String> {
    let file = BufReader::new(opened(path, LIST_BYTES_MAX)?.take(LIST_BYTES_MAX));
    serde_json::from_reader(file).map_err(|error| format!("it is not the tracker's list: {error}"))
}

/// The packages of dpkg's own list that are installed.
fn installed(text: &str) -> Vec<Installed> {
    let stanza = |stanza: &str| {
        let field = |name: &str| {
            let lines = stanza.lines().filter_map(|line| line.split_once(": "));
            let mut lines = lines;
            lines.find(|(one, _)| *one == name).map(|(_, value)| value.trim())
        };
        field("Status").filter(|status| status.ends_with(" installed"))?;
        let (name, version) = (field("Package")?, field("Version")?);
        // `Source: glibc (2.36-9)`: where the source has another version.
        let (source, version) = match field("Source").map(|source| source.split_once(" (")) {
            None => (name, version),
            Some(None) => (field("Source")?, version),
            Some(Some((source, other))) => (source, other.trim_end_matches(')')),
        };
        let text = str::to_owned;
        Some(Installed { name: text(name), source: text(source), version: text(version) })
    };
    text.split("\n\n").filter_map(stanza).collect()
}

/// Compares versions as dpkg does (deb-version): epoch, then what is upstream's, then Debian's revision.
fn compared(a: &str, b: &str) -> Ordering {
    let parts = |version: &str| -> (u64, String, String) {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        (epoch.parse().unwrap_or(0), upstream.to_owned(), revision.to_owned())
    };
    let (a, b) = (parts(a), parts(b));
    a.0.cmp(&b.0).then_with(|| by_runs(&a.1, &b.1)).then_with(|| by_runs(&a.2, &b.2))
}

/// Runs of other characters and of digits by turns.
fn by_runs(mut a: &str, mut b: &str) -> Ordering {
    let cut = |text: &str, digits: bool| {
        text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len())
    };
    loop {
        let (at, bt) = (cut(a, false), cut(b, false));
        let ((words, a_rest), (other, b_rest)) = (a.split_at(at), b.split_at(bt));
        let order = by_letters(words, other);
        if order != Ordering::Equal {
            return order;
        }
        let (at, bt) = (cut(a_rest, true), cut(b_rest, true));
        let ((number, a_rest), (another, b_rest)) = (a_rest.split_at(at), b_rest.split_at(bt));
        let bare = |digits: &str| digits.trim_start_matches('0').to_owned();
        let (number, another) = (bare(number), bare(another));
        let order = number.len().cmp(&another.len()).then_with(|| number.cmp(&another));
        if order != Ordering::Equal || (a_rest.is_empty() && b_rest.is_empty()) {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
}

/// A tilde comes before the end, the end before letters, letters before the rest.
fn by_letters(a: &str, b: &str) -> Ordering {
    let weight = |c: Option<char>| match c {
        Some('~') => (0, '~'),
        None => (1, ' '),
        Some(c) if c.is_ascii_alphabetic() => (2, c),
        Some(c) => (3, c),
    };
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        let (one, other) = (a.next(), b.next());
        let order = weight(one).cmp(&weight(other));
        if order != Ordering::Equal || (one.is_none() && other.is_none()) {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LIST: &str = r#"{
        "openssl": {
            "CVE-2026-0001": { "description": "x", "releases": { "bookworm": { "status": "resolved",
                "fixed_version": "3.0.15-1~deb12u1", "urgency": "not yet assigned", "repositories": {} },
                "sid": { "status": "open" } } },
            "CVE-2026-0002": { "releases": { "bookworm": { "status": "resolved", "fixed_version": "0" } } },
            "CVE-2026-0003": { "releases": { "bookworm": { "status": "open", "urgency": "high" } } },
            "CVE-2026-0004": { "releases": { "bookworm": { "status": "open", "urgency": "unimportant" } } },
            "CVE-2026-0005": { "releases": { "bookworm": { "status": "open", "nodsa": "Minor issue" } } }
        },
        "other": { "CVE-2026-0006": { "releases": { "bookworm": { "status": "open" } } } }
    }"#;

    fn picture(version: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("makes");
            fs::write(path, text).expect("writes");
        };
        write("etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n");
        let status = format!(
            "Package: libssl3\nStatus: install ok installed\nSource: openssl\nVersion: {version}\n\n\
             Package: other\nStatus: deinstall ok config-files\nVersion: 1\n"
        );
        write("var/lib/dpkg/status", &status);
        write("debian.json", LIST);
        root
    }

    fn seen(root: &Path, now: Timestamp) -> Vec<(Severity, String)> {
        let found = packages(&Root::picture(root), &root.join("debian.json"), now);
        assert!(found.iter().all(|one| one.claim == Some("M68") && !one.evidence.is_empty()));
        found
            .into_iter()
            .map(|one| (one.severity, format!("{} {}", one.what, one.fix.unwrap_or_default())))
            .collect()
    }

    #[test]
    fn a_package_is_told_with_the_command_that_mends_it() {
        let now = Timestamp::now();
        let old = picture("3.0.14-1~deb12u2");
        let found = seen(old.path(), now);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].0, Severity::Problem);
        assert!(found[0].1.contains("--only-upgrade libssl3"), "{found:?}");
        assert_eq!(found[1].0, Severity::Warning);
        assert!(found[1].1.contains("tracker/CVE-2026-0003"), "{found:?}");
        // The mended version leaves the one that nobody mended yet; a list of last week is told.
        let mended = picture("3.0.15-1~deb12u1");
        assert_eq!(seen(mended.path(), now).len(), 1);
        let later = now + SignedDuration::from_hours(24 * 8);
        assert!(seen(mended.path(), later)[1].1.contains("older than seven days"));
        let text = LIST.replace("\"urgency\": \"high\"", "\"urgency\": \"low\"");
        fs::write(mended.path().join("debian.json"), text).expect("writes");
        let well = seen(mended.path(), now);
        assert_eq!(well[0].0, Severity::Ok);
        assert!(well[0].1.contains("3 minor ones wait"), "{well:?}");
    }

    #[test]
    fn what_cannot_be_read_is_not_called_well() {
        let check = |path: &str, text: &str, why: &str| {
            let root = picture("1");
            fs::write(root.path().join(path), text).expect("writes");
            let found = seen(root.path(), Timestamp::now());
            assert_eq!((found.len(), found[0].0), (1, Severity::NotChecked), "{found:?}");
            assert!(found[0].1.contains(why), "{found:?}");
        };
        check("etc/os-release", "ID=arch\n", "on Debian only");
        check("debian.json", "[]", "advisories cannot be read");
        check("debian.json", "{}", "none of this release");
        let root = picture("1");
        fs::remove_file(root.path().join("var/lib/dpkg/status")).expect("removes");
        assert!(seen(root.path(), Timestamp::now())[0].1.contains("packages cannot be read"));
    }

    /// Rows of deb-version's rules; dpkg judges the same rows where it is.
    #[test]
    fn versions_are_compared_as_dpkg_compares_them() {
        use Ordering::{Equal, Less};
        let has_dpkg = std::process::Command::new("dpkg").arg("--version").output().is_ok();
        let check = |a: &str, b: &str, want: Ordering| {
            assert_eq!(compared(a, b), want, "{a} {b}");
            assert_eq!(compared(b, a), want.reverse(), "{b} {a}");
            let word = match want {
                Ordering::Less => "lt",
                Ordering::Equal => "eq",
                Ordering::Greater => "gt",
            };
            if has_dpkg {
                let mut dpkg = std::process::Command::new("dpkg");
                let asked = dpkg.args(["--compare-versions", a, word, b]).status();
                assert!(asked.is_ok_and(|status| status.success()), "{a} {word} {b}");
            }
        };
        check("1.0-1", "1.0-1", Equal);
        check("1.0", "1.0-0", Equal);
        check("1.0", "1.00", Equal);
        check("0:1.0", "1.0", Equal);
        check("1.9-1", "1.10-1", Less);
        check("1.0~rc1-1", "1.0-1", Less);
        check("1.0~~", "1.0~", Less);
        check("9.0-1", "1:0.1-1", Less);
        check("3.0.14-1~deb12u2", "3.0.15-1~deb12u1", Less);
        check("3.0.15-1~deb12u1", "3.0.15-1", Less);
        check("1.0-1", "1.0-1+b1", Less);
        check("1.0a", "1.0+", Less);
        check("1.2.3", "1.2.3a", Less);
        check("1.0-1ubuntu1", "1.0-2", Less);
    }
}
