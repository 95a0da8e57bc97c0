//! The configuration of OpenSSH's server as it takes effect: the first value of a keyword counts, files that
//! are included stand where they are included, and a `Match` block overrides for those it matches.

use super::{Root, root::Reading};
use std::collections::BTreeMap;

/// How deep files may include files, as in OpenSSH.
const DEPTH_MAX: usize = 16;
/// The most lines that are read in all.
const LINES_MAX: usize = 50_000;

const MAIN: &str = "/etc/ssh/sshd_config";

/// Keywords of which every line counts.
const MANY: [&str; 6] =
    ["port", "listenaddress", "allowusers", "denyusers", "allowgroups", "denygroups"];

type Settings = BTreeMap<String, Vec<String>>;

/// A block that holds for some connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) criteria: String,
    pub(super) settings: Settings,
}

/// The whole configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sshd {
    /// What holds for all.
    pub(super) global: Settings,
    pub(super) blocks: Vec<Block>,
    /// Files that were read.
    pub(super) files: Vec<String>,
    /// Files that could not be read, and why.
    pub(super) unread: Vec<String>,
    /// Whether the main file is there.
    pub(super) present: bool,
    /// Whether drop-ins of `sshd_config.d` are read before any line of the main file.
    pub(super) drop_ins_first: bool,
    lines: usize,
}

impl Sshd {
    pub(super) fn read(root: &Root) -> Self {
        Self::read_from(root, MAIN)
    }

    fn read_from(root: &Root, main: &str) -> Self {
        let mut sshd = Self::default();
        sshd.file(root, main, None, 0);
        sshd.present = sshd.files.iter().chain(&sshd.unread).any(|file| file.starts_with(main));
        sshd
    }

    /// The value of a keyword for all connections, in small letters.
    pub(super) fn global(&self, keyword: &str, default: &str) -> String {
        let value = self.global.get(keyword).and_then(|values| values.first());
        value.map_or_else(|| default.to_owned(), |value| value.to_ascii_lowercase())
    }

    /// Blocks in which a keyword has one of these values, where for all it has none of them.
    pub(super) fn blocks_with(&self, keyword: &str, values: &[&str]) -> Vec<&str> {
        let has = |block: &&Block| {
            let value = block.settings.get(keyword).and_then(|values| values.first());
            value.is_some_and(|value| values.contains(&value.to_ascii_lowercase().as_str()))
        };
        self.blocks.iter().filter(has).map(|block| block.criteria.as_str()).collect()
    }

    fn file(&mut self, root: &Root, path: &str, block: Option<usize>, depth: usize) {
        if self.lines > LINES_MAX {
            return;
        }
        let text = match root.read(path) {
            Reading::Text(text) => text,
            Reading::Absent => return,
            Reading::Unreadable(why) => return self.unread.push(why),
        };
        self.files.push(path.to_owned());
        // A `Match` of an included file ends with that file.
        let mut block = block;
        for line in text.lines() {
            self.lines += 1;
            if self.lines > LINES_MAX {
                return self.unread.push(format!("{path}: more than {LINES_MAX} lines in all"));
            }
            let Some((keyword, value)) = split(line) else { continue };
            match keyword.as_str() {
                "match" => {
                    self.blocks.push(Block { criteria: value, settings: Settings::new() });
                    block = Some(self.blocks.len() - 1);
                }
                "include" => self.include(root, &value, block, depth),
                _ => self.set(keyword, value, block),
            }
        }
    }

    fn include(&mut self, root: &Root, patterns: &str, block: Option<usize>, depth: usize) {
        if depth == 0 && self.global.is_empty() && self.blocks.is_empty() {
            self.drop_ins_first |= patterns.contains("sshd_config.d/");
        }
        if depth >= DEPTH_MAX {
            return self.unread.push(format!("{patterns}: included too deep"));
        }
        for pattern in patterns.split_whitespace() {
            let pattern = pattern.trim_matches('"');
            let absolute = if pattern.starts_with('/') {
                pattern.to_owned()
            } else {
                format!("/etc/ssh/{pattern}")
            };
            for path in root.matching(&absolute) {
                self.file(root, &path, block, depth + 1);
            }
        }
    }

    fn set(&mut self, keyword: String, value: String, block: Option<usize>) {
        let settings = match block.and_then(|at| self.blocks.get_mut(at)) {
            Some(block) => &mut block.settings,
            None => &mut self.global,
        };
        let many = MANY.contains(&keyword.as_str());
        let values = settings.entry(keyword).or_default();
        if values.is_empty() || many {
            values.push(value);
        }
    }
}

/// Keyword (in small letters) and value of a line; `None` for a comment or nothing.
fn split(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = if line.starts_with('#') { "" } else { line };
    // Since 8.7 a comment may end a line.
    let line = line.split(" #").next().unwrap_or_default();
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (keyword, value) = line.split_at_checked(end)?;
    let value = value.trim_start().trim_start_matches('=').trim().trim_matches('"');
    let keyword = match keyword.to_ascii_lowercase() {
        // Names that older versions had.
        old if old == "challengeresponseauthentication" || old == "skeyauthentication" => {
            "kbdinteractiveauthentication".to_owned()
        }
        keyword => keyword,
    };
    (!keyword.is_empty()).then(|| (keyword, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{fs, process::Command};

    const KEYWORDS: [(&str, &str); 5] = [
        ("passwordauthentication", "yes"),
        ("kbdinteractiveauthentication", "yes"),
        ("permitrootlogin", "prohibit-password"),
        ("permitemptypasswords", "no"),
        ("x11forwarding", "no"),
    ];

    /// What OpenSSH itself says takes effect, `None` where there is no OpenSSH.
    fn openssh(main: &str, key: &str) -> Option<BTreeMap<String, String>> {
        let arguments = ["-T", "-f", main, "-h", key];
        let run = |program| Command::new(program).args(arguments).output().ok();
        let output = run("sshd").or_else(|| run("/usr/sbin/sshd"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let mut told: BTreeMap<String, String> =
            lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        // An older name for the same.
        if let Some(value) = told.get_mut("permitrootlogin").filter(|v| *v == "without-password") {
            "prohibit-password".clone_into(value);
        }
        (!told.is_empty()).then_some(told)
    }

    /// Files that include one another, and what OpenSSH makes of them.
    #[test]
    fn openssh_itself_reads_it_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        // Any key will do: without one OpenSSH says nothing.
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f", &at("key")])
            .status();
        if made.is_err() || openssh("/dev/null", &at("key")).is_none() {
            println!("skipped: no OpenSSH server to compare with");
            return;
        }
        let off = "PasswordAuthentication no\n";
        let include = format!("Include {}\n", at("*.conf"));
        let rows: [(String, String); 13] = [
            (String::new(), String::new()),
            (format!("{off}PasswordAuthentication yes\n"), String::new()),
            (
                "passwordauthentication=no\nKBDInteractiveAuthentication = \"no\" # why\n".into(),
                String::new(),
            ),
            (
                "\t PermitRootLogin\t forced-commands-only\n#PermitRootLogin yes\n".into(),
                String::new(),
            ),
            (
                "ChallengeResponseAuthentication no\nKbdInteractiveAuthentication yes\n".into(),
                String::new(),
            ),
            (format!("{include}PasswordAuthentication yes\n"), off.into()),
            (format!("PasswordAuthentication yes\n{include}"), off.into()),
            (format!("Match User git\n{off}"), String::new()),
            (
                format!("{include}X11Forwarding no\n"),
                format!("Match User git\n{off}X11Forwarding yes\n"),
            ),
            (format!("{include}{off}"), "Match User git\nPasswordAuthentication yes\n".into()),
            (format!("Match User git\n{include}"), off.into()),
            (format!("Include {} {}\n", at("a.conf"), at("none*")), "X11Forwarding yes\n".into()),
            ("PermitRootLogin without-password\nX11Forwarding yes\n".into(), String::new()),
        ];
        for (main, dropped) in rows {
            fs::write(at("main"), &main).expect("is written");
            fs::write(at("a.conf"), &dropped).expect("is written");
            let theirs = openssh(&at("main"), &at("key")).expect("OpenSSH takes it");
            let ours = Sshd::read_from(&Root::default(), &at("main"));
            for (keyword, default) in KEYWORDS {
                let want = theirs.get(keyword).map(String::as_str);
                let mine = ours.global(keyword, default).replace("without-", "prohibit-");
                assert_eq!(Some(mine.as_str()), want, "{keyword} of {main:?} with {dropped:?}");
            }
        }
    }

    proptest! {
        // Each case writes files.
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_text_makes_it_panic_or_run_on(text in "(?s)[ -~\\n\\t=\"#]{0,300}|(Include|Match|Port|=|\"| |\\n|\\*|/etc/ssh/sshd_config){0,40}") {
            let folder = tempfile::tempdir().expect("a folder");
            let ssh = folder.path().join("etc/ssh");
            fs::create_dir_all(&ssh).expect("is made");
            fs::write(ssh.join("sshd_config"), &text).expect("is written");
            let sshd = Sshd::read(&Root::picture(folder.path()));
            prop_assert!(sshd.present && sshd.files.len() <= LINES_MAX);
        }
    }
}
