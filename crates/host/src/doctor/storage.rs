//! Disks: whether they are encrypted, whether memory is swapped out in the open, how old the backup is (M63).

use super::{Backup, Examination, Finding, Program, Root, Severity, ago, root::Reading};
use jiff::Timestamp;
use std::path::Path;

const AREA: &str = "storage";
const WHY_DISK: &str =
    "whoever gets the disk, or a picture of it at the host, reads the program's files";
const WHY_SWAP: &str = "keys in memory can end up in the swap, and stay there";
const WHY_BACKUP: &str = "a disk that fails takes with it what is nowhere else";

/// How many devices may stand on one another.
const LAYERS_MAX: usize = 8;

pub(super) fn probe(examination: &Examination) -> Vec<Finding> {
    vec![
        disk(examination).why(WHY_DISK),
        swap(examination).why(WHY_SWAP),
        backup(examination).claim(examination.program.backup_claim()).why(WHY_BACKUP),
    ]
}

/// The device under the state, or under `/`.
fn disk(examination: &Examination) -> Finding {
    let root = &examination.root;
    let state = examination.own.iter().find(|own| own.name == "state");
    let path = state.map_or(Path::new("/"), |own| own.path.as_path());
    let shown = path.display();
    let show = "lsblk -o NAME,TYPE,FSTYPE,MOUNTPOINT";
    let unknown = |what: String, evidence: String| {
        Finding::new(AREA, Severity::NotChecked, what).fix(show).evidence(evidence)
    };
    let mounts = root.read("/proc/mounts");
    let Some(mounts) = mounts.text() else {
        return unknown("what is mounted cannot be read".to_owned(), format!("{mounts:?}"));
    };
    let under = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (device, at) = (words.next()?, words.next()?);
            path.starts_with(at).then_some((at.len(), device, at))
        })
        .max_by_key(|(length, ..)| *length);
    let Some((_, device, at)) = under else {
        return unknown(
            format!("the device under {shown} is not known"),
            "/proc/mounts".to_owned(),
        );
    };
    match encrypted(root, device) {
        Some(true) => Finding::new(AREA, Severity::Ok, format!("{shown} is on an encrypted disk"))
            .evidence(format!("{device} on {at} stands on dm-crypt")),
        Some(false) => {
            let what = format!("{shown} is on a disk that is not encrypted");
            let keys = match examination.program {
                Program::Bot => "stockade-bot keys",
                Program::Server => "stockade keys move --to passphrase",
            };
            let fix = format!(
                "# encryption is chosen when a disk is set up (LUKS); until then keep the keys sealed under a passphrase:\n{keys}"
            );
            Finding::new(AREA, Severity::Warning, what)
                .fix(fix)
                .evidence(format!("{device} on {at}: no dm-crypt under it"))
        }
        None => unknown(
            format!("whether {shown} is on an encrypted disk is not visible from here"),
            format!("{device} on {at}"),
        ),
    }
}

/// Whether a device stands on dm-crypt; `None` if it is no disk that `/sys` describes.
fn encrypted(root: &Root, device: &str) -> Option<bool> {
    let name = device.strip_prefix("/dev/")?;
    let kernel_name = match name.strip_prefix("mapper/") {
        None => name.to_owned(),
        Some(mapped) => root.list("/sys/block")?.into_iter().find(|block| {
            root.word(format!("/sys/block/{block}/dm/name")).as_deref() == Some(mapped)
        })?,
    };
    if kernel_name == "root" || !known(root, &kernel_name) {
        return None;
    }
    let mut layer = vec![kernel_name];
    for _ in 0..LAYERS_MAX {
        let crypt = |name: &String| {
            let uuid = root.word(format!("/sys/block/{name}/dm/uuid")).unwrap_or_default();
            uuid.starts_with("CRYPT-")
        };
        if layer.iter().any(crypt) {
            return Some(true);
        }
        let below =
            |name: &String| root.list(format!("/sys/block/{name}/slaves")).unwrap_or_default();
        layer = layer.iter().flat_map(below).collect();
        if layer.is_empty() {
            break;
        }
    }
    Some(false)
}

/// Whether `/sys` knows a disk, or a partition of one.
fn known(root: &Root, name: &str) -> bool {
    let disks = root.list("/sys/block").unwrap_or_default();
    disks.iter().any(|disk| disk == name || root.exists(format!("/sys/block/{disk}/{name}")))
}

fn swap(examination: &Examination) -> Finding {
    let root = &examination.root;
    let reading = root.read("/proc/swaps");
    let text = match &reading {
        Reading::Text(text) => text.as_str(),
        // A kernel that cannot swap has no such file.
        Reading::Absent if root.exists("/proc/version") => "",
        _ => {
            let finding =
                Finding::new(AREA, Severity::NotChecked, "what is swapped where cannot be read");
            return finding.fix("swapon --show").evidence(format!("{reading:?}"));
        }
    };
    let devices = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    let devices: Vec<&str> = devices.collect();
    let open = devices.iter().copied();
    let open: Vec<&str> = open
        .filter(|device| !device.starts_with("/dev/zram") && encrypted(root, device) != Some(true))
        .collect();
    if open.is_empty() {
        let evidence = if devices.is_empty() {
            "/proc/swaps: no swap".to_owned()
        } else {
            format!("/proc/swaps: {}, compressed memory or encrypted", devices.join(", "))
        };
        return Finding::new(AREA, Severity::Ok, "no memory is swapped to a disk in the open")
            .evidence(evidence);
    }
    Finding::new(
        AREA,
        Severity::Warning,
        "memory can be swapped to a disk that is not known to be encrypted",
    )
    .fix(format!("sudo swapoff {}   # and take it out of /etc/fstab", open.join(" ")))
    .evidence(format!("/proc/swaps: {}", open.join(", ")))
}

fn backup(examination: &Examination) -> Finding {
    let Some(Backup { path, age_max, make }) = &examination.backup else {
        let program = examination.program.name();
        return Finding::new(AREA, Severity::Warning, format!("no backup of the {program} is named"))
            .fix(format!(
                "# name the backup's path in the {program}'s configuration, and copy it to another machine"
            ))
            .evidence("no path was given");
    };
    let shown = path.display();
    let newest = newest(&examination.root, path);
    let Some(at) = newest else {
        let missing = !examination.root.exists(path);
        let severity = if missing { Severity::Problem } else { Severity::NotChecked };
        let what = if missing { "there is no backup" } else { "the backup's age cannot be read" };
        return Finding::new(AREA, severity, what)
            .fix(make.clone())
            .evidence(format!("{shown}: no file with a date that can be read"));
    };
    let age = examination.now.duration_since(at);
    let evidence = format!("{shown}: newest file of {}", at.strftime("%F %T UTC"));
    if age > *age_max {
        let what = format!("the last backup was made {}", ago(age));
        return Finding::new(AREA, Severity::Problem, what).fix(make.clone()).evidence(evidence);
    }
    Finding::new(AREA, Severity::Ok, format!("the last backup was made {}", ago(age)))
        .evidence(evidence)
}

fn newest(root: &Root, path: &Path) -> Option<Timestamp> {
    if root.metadata(path).ok()?.is_file() {
        return root.modified(path);
    }
    let names = root.list(path)?.into_iter();
    let files = names.map(|name| path.join(name));
    files
        .filter(|file| root.metadata(file).is_ok_and(|m| m.is_file()))
        .filter_map(|file| root.modified(file))
        .max()
}
