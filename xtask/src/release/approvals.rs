//! Who has read what is delivered: a commit counts as read once somebody says so who neither wrote nor committed it.
//!
//! An approval is a signature of OpenSSH (`ssh-keygen -Y sign`, PROTOCOL.sshsig) over the ids of the commit and of its
//! tree, kept as a note of git beside the commit. Who may approve stands in `APPROVERS`, and that list is read as it was at
//! the release before: nobody comes in by the change that they approve.

use super::source::Source;
use crate::process;
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Who may approve, as the tree has it.
const APPROVERS: &str = "APPROVERS";
/// What a signature is for; one that was made for anything else is none here.
const NAMESPACE: &str = "stockade-approval";
/// Where git keeps them, under `refs/notes`.
const NOTES: &str = "approvals";
/// Approvals of one commit that are looked at.
const EACH_MAX: usize = 8;
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// A commit, and who has read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The commit.
    pub commit: String,
    /// Its first line.
    pub subject: String,
    /// Who approved it, in order; nobody of those who made it.
    pub by: BTreeSet<String>,
}

/// The commits of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// The commit of the release before; none where this is the first one.
    pub since: Option<String>,
    /// All commits after it, the newest first.
    pub commits: Vec<Approved>,
}

impl Approvals {
    /// Those of all commits that a source has beyond `since`.
    pub fn of(project: &Path, source: &Source, since: Option<&str>) -> Result<Self> {
        let since = since.map(|name| Source::of(project, name)).transpose()?;
        let since = since.map(|source| source.commit);
        if since.as_ref() == Some(&source.commit) {
            bail!("--since names the commit of this release, not of the one before");
        }
        let room = Room::new(project)?;
        room.list(since.as_ref().unwrap_or(&source.commit))?;
        let excluded = since.as_ref().map(|commit| format!("^{commit}"));
        let mut words = vec!["rev-list", "--end-of-options", &source.commit];
        words.extend(excluded.as_deref());
        let commits = room.git(&words)?;
        let commits = commits.lines().map(|commit| room.approved(commit)).collect::<Result<_>>()?;
        Ok(Self { since, commits })
    }

    /// Those that nobody else has read.
    pub fn unread(&self) -> impl Iterator<Item = &Approved> {
        self.commits.iter().filter(|one| one.by.is_empty())
    }

    /// How many somebody has read.
    pub fn read(&self) -> usize {
        self.commits.len() - self.unread().count()
    }

    /// Everybody who approved something.
    pub fn by(&self) -> BTreeSet<&str> {
        self.commits.iter().flat_map(|one| one.by.iter().map(String::as_str)).collect()
    }

    /// A line for each commit: its id, and who has read it.
    pub fn text(&self) -> String {
        let line = |one: &Approved| {
            let by: Vec<&str> = one.by.iter().map(String::as_str).collect();
            format!("{} {}\n", one.commit, if by.is_empty() { "-".into() } else { by.join(" ") })
        };
        self.commits.iter().map(line).collect()
    }
}

/// Signs that a commit was read, and keeps that beside it. Its first line is what was read last.
pub fn approve(project: &Path, commit: &str, key: &Path) -> Result<String> {
    let room = Room::new(project)?;
    let made = room.made(commit)?;
    let text = room.write("text", &made.text())?;
    let key = key.display().to_string();
    let words = ["-q", "-Y", "sign", "-f", &key, "-n", NAMESPACE];
    let mut command = process::command("ssh-keygen", &words, project);
    let signature = process::output(command.stdin(File::open(text)?))?;
    let signature = room.write("signature", signature.trim())?.display().to_string();
    room.git(&["notes", "--ref", NOTES, "append", "-F", &signature, &made.commit])?;
    Ok(made.subject)
}

/// What is asked of git about one commit.
struct Made {
    commit: String,
    tree: String,
    makers: [String; 2],
    subject: String,
}

impl Made {
    /// What is signed.
    fn text(&self) -> String {
        let Self { commit, tree, .. } = self;
        format!("I have read this change, and it may go out.\ncommit {commit}\ntree {tree}\n")
    }
}

/// A folder for what the programs read.
struct Room<'a> {
    project: &'a Path,
    folder: tempfile::TempDir,
}

impl<'a> Room<'a> {
    fn new(project: &'a Path) -> Result<Self> {
        Ok(Self { project, folder: tempfile::tempdir()? })
    }

    fn git(&self, words: &[&str]) -> Result<String> {
        process::output(&mut process::command("git", words, self.project))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    /// Takes the list of approvers as it stood at a commit; there it may be missing.
    fn list(&self, commit: &str) -> Result<()> {
        let listed = self.git(&["ls-tree", "--name-only", commit, "--", APPROVERS])?;
        let text = if listed.trim().is_empty() {
            String::new()
        } else {
            self.git(&["show", &format!("{commit}:{APPROVERS}")])?
        };
        self.write(APPROVERS, &text).map(drop)
    }

    fn made(&self, commit: &str) -> Result<Made> {
        let format = "--format=%H%n%T%n%ae%n%ce%n%s";
        let said =
            self.git(&["show", "--no-patch", "--no-notes", format, "--end-of-options", commit])?;
        let mut lines = said.lines().map(str::to_owned);
        let mut next = || lines.next().with_context(|| format!("git says too little of {commit}"));
        let (commit, tree) = (next()?, next()?);
        let makers = [next()?.to_lowercase(), next()?.to_lowercase()];
        Ok(Made { commit, tree, makers, subject: next().unwrap_or_default() })
    }

    fn approved(&self, commit: &str) -> Result<Approved> {
        let made = self.made(commit)?;
        let mut by = BTreeSet::new();
        for signature in self.signatures(commit)? {
            by.extend(self.signer(&made, &signature)?);
        }
        by.retain(|name| !made.makers.contains(&name.to_lowercase()));
        Ok(Approved { commit: made.commit, subject: made.subject, by })
    }

    fn signatures(&self, commit: &str) -> Result<Vec<String>> {
        let mut command =
            process::command("git", &["notes", "--ref", NOTES, "show", commit], self.project);
        let note = command.stderr(Stdio::null()).output().context("git does not start")?;
        Ok(blocks(&String::from_utf8_lossy(&note.stdout)))
    }

    /// Whose signature it is, if it is one over this commit by somebody of the list.
    fn signer(&self, made: &Made, signature: &str) -> Result<Option<String>> {
        let text = self.write("text", &made.text())?;
        let signature = self.write("signature", signature)?.display().to_string();
        let list = self.path(APPROVERS).display().to_string();
        let ask = |words: &[&str]| {
            let mut command: Command = process::command("ssh-keygen", words, self.project);
            let said = command.stdin(File::open(&text)?).output();
            said.context("ssh-keygen does not start: install OpenSSH")
        };
        let found = ask(&["-Y", "find-principals", "-f", &list, "-s", &signature])?;
        let found = String::from_utf8_lossy(&found.stdout).into_owned();
        let Some(name) = found.lines().map(str::trim).find(|line| !line.is_empty()) else {
            return Ok(None);
        };
        let words = ["-Y", "verify", "-f", &list, "-I", name, "-n", NAMESPACE, "-s", &signature];
        let holds = ask(&words)?.status.success();
        Ok(holds.then(|| name.to_owned()))
    }
}

/// The signatures of a note; what stands around them is words.
fn blocks(note: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = note;
    while let Some((_, begun)) = rest.split_once(BEGIN) {
        let Some((body, after)) = begun.split_once(END) else { break };
        if found.len() == EACH_MAX {
            break;
        }
        found.push([BEGIN, body, END, "\n"].concat());
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository of two people, each with a key.
    struct House {
        folder: tempfile::TempDir,
    }

    impl House {
        /// None where a program is missing, which is said.
        fn new() -> Option<Self> {
            let asked = Command::new("ssh-keygen").arg("-?").output();
            if asked.is_err() {
                println!("skipped: there is no ssh-keygen (apt-get install openssh-client)");
                return None;
            }
            let own = Self { folder: tempfile::tempdir().expect("a folder") };
            own.run("git", &["init", "-q", "tree"], ".");
            for name in ["ada", "bob", "eve"] {
                own.run(
                    "ssh-keygen",
                    &["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", name],
                    ".",
                );
            }
            Some(own)
        }

        fn run(&self, program: &str, words: &[&str], place: &str) -> String {
            let mut command = process::command(program, words, &self.folder.path().join(place));
            for variable in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"] {
                command.env(variable, "x");
            }
            command.env("GIT_COMMITTER_EMAIL", "ada@example.org");
            process::output(&mut command).expect("runs")
        }

        fn tree(&self) -> PathBuf {
            self.folder.path().join("tree")
        }

        fn key(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// Lets these people approve, in the folder, by a commit to come.
        fn list(&self, names: &[&str]) {
            let line = |name: &&str| {
                let key = fs::read_to_string(self.key(&format!("{name}.pub"))).expect("reads");
                format!("{name}@example.org namespaces=\"{NAMESPACE}\" {key}")
            };
            let text: String = names.iter().map(line).collect();
            fs::write(self.tree().join(APPROVERS), text).expect("writes");
        }

        /// A commit of ada's.
        fn commit(&self, text: &str) -> String {
            fs::write(
                self.tree().join("Cargo.toml"),
                format!("[workspace.package]\nversion = \"1\"\n# {text}\n"),
            )
            .expect("writes");
            self.run("git", &["add", "."], "tree");
            let author = "--author=Ada <Ada@example.org>";
            self.run("git", &["commit", "-q", "-m", text, author], "tree");
            self.run("git", &["rev-parse", "HEAD"], "tree").trim().to_owned()
        }

        fn approve(&self, commit: &str, name: &str) {
            // Notes are commits of whoever approves.
            self.run("git", &["config", "user.email", "x@example.org"], "tree");
            self.run("git", &["config", "user.name", "x"], "tree");
            approve(&self.tree(), commit, &self.key(name)).expect("approves");
        }

        /// Holds who has read each commit, the oldest first, against who should have.
        fn read(&self, since: Option<&str>, want: &[&[&str]]) {
            let source = Source::of(&self.tree(), "HEAD").expect("a source");
            let approvals = Approvals::of(&self.tree(), &source, since).expect("reads");
            let by = |one: &Approved| one.by.iter().cloned().collect();
            let read: Vec<Vec<String>> = approvals.commits.iter().rev().map(by).collect();
            assert_eq!(read, want);
        }
    }

    #[test]
    fn a_commit_is_read_once_somebody_else_has_signed_for_it() {
        let Some(house) = House::new() else { return };
        house.list(&["ada", "bob"]);
        let first = house.commit("one");
        house.read(None, &[&[]]);
        // Who made it, and who is on no list, do not count.
        house.approve(&first, "ada");
        house.approve(&first, "eve");
        house.read(None, &[&[]]);
        house.approve(&first, "bob");
        house.read(None, &[&["bob@example.org"]]);
        let second = house.commit("two");
        house.read(None, &[&["bob@example.org"], &[]]);
        house.read(Some(&first), &[&[]]);
        // The signature of another commit, moved here.
        house.run("git", &["notes", "--ref", NOTES, "copy", &first, &second], "tree");
        house.read(Some(&first), &[&[]]);
        house.approve(&second, "bob");
        house.read(Some(&first), &[&["bob@example.org"]]);
    }

    #[test]
    fn nobody_comes_in_by_the_change_that_they_approve() {
        let Some(house) = House::new() else { return };
        house.list(&["bob"]);
        let first = house.commit("one");
        house.list(&["bob", "eve"]);
        let second = house.commit("two");
        house.approve(&second, "eve");
        house.read(Some(&first), &[&[]]);
        let third = house.commit("three");
        house.approve(&third, "eve");
        // The next release knows them.
        house.read(Some(&second), &[&["eve@example.org"]]);
    }

    #[test]
    fn a_signature_for_something_else_approves_nothing() {
        let Some(house) = House::new() else { return };
        house.list(&["bob"]);
        let commit = house.commit("one");
        let room = Room::new(house.folder.path()).expect("a room");
        let made = Room { project: &house.tree(), ..room }.made(&commit).expect("is made");
        fs::write(house.key("text"), made.text()).expect("writes");
        house.run("ssh-keygen", &["-q", "-Y", "sign", "-f", "bob", "-n", "file", "text"], ".");
        let signature = house.key("text.sig").display().to_string();
        house.run("git", &["config", "user.email", "x@example.org"], "tree");
        house.run("git", &["notes", "--ref", NOTES, "append", "-F", &signature, &commit], "tree");
        house.read(None, &[&[]]);
    }

    #[test]
    fn words_around_signatures_are_no_signatures() {
        let one = format!("{BEGIN}\nAAAA\n{END}\n");
        assert_eq!(blocks(&format!("read by me\n{one}\nand\n\n{one}")), [one.clone(), one.clone()]);
        assert!(blocks("").is_empty() && blocks(&one.replace(END, "")).is_empty());
        assert_eq!(blocks(&one.repeat(100)).len(), EACH_MAX);
    }

    #[test]
    fn what_goes_out_names_each_commit_and_its_readers() {
        let one = |commit: &str, by: &[&str]| Approved {
            commit: commit.to_owned(),
            subject: String::new(),
            by: by.iter().map(|name| (*name).to_owned()).collect(),
        };
        let approvals =
            Approvals { since: None, commits: vec![one("b", &["y", "x"]), one("a", &[])] };
        assert_eq!(approvals.text(), "b x y\na -\n");
        assert_eq!((approvals.read(), approvals.unread().count()), (1, 1));
    }
}
