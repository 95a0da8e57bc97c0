//! The fence around a process: files and ports by landlock, system calls by seccomp, no core, no debugger.

use crate::{Error, calls};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, make_bitflags,
};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use serde::Serialize;
use std::{
    fs, io,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

/// Whether a kernel that enforces less is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// All of it, or the program does not start.
    Required,
    /// As much as the kernel has; what is missing is reported.
    BestEffort,
}

/// Ports that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// Every port.
    Any,
    /// These.
    Only(Vec<u16>),
}

/// Paths that may be used; what lies below a directory is meant with it, and with a device what it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    /// Must exist.
    pub needed: Vec<PathBuf>,
    /// Are left out if they do not exist.
    pub wished: Vec<PathBuf>,
}

/// What a process keeps.
#[derive(Debug, Clone)]
pub struct Fence {
    /// Files and directories to read.
    pub read: Paths,
    /// Files and directories to read and write.
    pub write: Paths,
    /// TCP ports to connect to.
    pub connect: Ports,
    /// TCP ports to listen on.
    pub listen: Ports,
    /// Whether less will do.
    pub strength: Strength,
}

/// How much of one part the kernel enforces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforced {
    /// All of it.
    Fully,
    /// Some of it.
    Partly,
    /// Nothing.
    No,
    /// It was not asked for.
    NotAsked,
}

/// What the kernel enforces from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fenced {
    /// Reading and writing of files.
    pub files: Enforced,
    /// Ports of TCP.
    pub ports: Enforced,
    /// System calls.
    pub calls: Enforced,
    /// Landlock as the kernel has it.
    pub landlock: String,
    /// Wished paths that do not exist.
    pub absent: Vec<PathBuf>,
}

impl Paths {
    /// What a C library reads to find a host by its name, and to know zones of time and certificates.
    #[must_use]
    pub fn of_a_client() -> Vec<PathBuf> {
        let paths = [
            "/etc/resolv.conf",
            "/run/systemd/resolve",
            "/run/NetworkManager/resolv.conf",
            "/etc/hosts",
            "/etc/host.conf",
            "/etc/nsswitch.conf",
            "/etc/gai.conf",
            "/etc/services",
            "/etc/ssl",
            "/etc/ld.so.cache",
            "/lib",
            "/lib64",
            "/usr/lib",
            "/etc/localtime",
            "/usr/share/zoneinfo",
            "/usr/share/terminfo",
            "/lib/terminfo",
            "/etc/terminfo",
        ];
        paths.into_iter().map(PathBuf::from).collect()
    }
}

/// No new rights by running anything, no core file, no debugger of the same user.
///
/// From then on `/proc/self` belongs to root: what reads its own open files there must have done so.
pub fn harden() -> Result<(), Error> {
    let failed =
        |what| move |errno: rustix::io::Errno| Error::Harden { what, source: errno.into() };
    rustix::thread::set_no_new_privs(true).map_err(failed("give up new rights"))?;
    // A service manager may have set the limit, and taken the right to set one.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if getrlimit(Resource::Core) != none {
        setrlimit(Resource::Core, none).map_err(failed("forbid core files"))?;
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed("forbid debuggers"))
}

impl Fence {
    /// Raises the fence around this process, for good: it cannot be lowered again.
    ///
    /// Must run before the first thread starts: landlock binds the thread that asks and its later children.
    pub fn raise(&self) -> Result<Fenced, Error> {
        let running = threads()?;
        if running != 1 {
            return Err(Error::Threads { running });
        }
        harden()?;
        let fenced = self.landlock()?;
        let calls = match filter_calls() {
            Ok(()) => Enforced::Fully,
            Err(error) if self.strength == Strength::Required => return Err(error),
            Err(_) => Enforced::No,
        };
        Ok(Fenced { calls, ..fenced })
    }

    fn landlock(&self) -> Result<Fenced, Error> {
        let mut absent = Vec::new();
        let refused = |error: RulesetError| match error {
            error if self.strength == Strength::Required => Error::Unsupported {
                what: "rules for files and ports (landlock)",
                why: error.to_string(),
            },
            error => Error::Harden { what: "set rules for files", source: io::Error::other(error) },
        };
        let mut ruleset = self.ruleset().map_err(refused)?;
        let rows = [(&self.read, reading()), (&self.write, writing())];
        for (paths, access) in rows {
            for path in &paths.needed {
                ruleset = allow(ruleset, path, access)?.map_err(refused)?;
            }
            for path in &paths.wished {
                if path.exists() {
                    ruleset = allow(ruleset, path, access)?.map_err(refused)?;
                } else {
                    absent.push(path.clone());
                }
            }
        }
        let rows = [(&self.connect, AccessNet::ConnectTcp), (&self.listen, AccessNet::BindTcp)];
        for (ports, access) in rows {
            let Ports::Only(ports) = ports else { continue };
            for port in ports {
                ruleset = ruleset.add_rule(NetPort::new(*port, access)).map_err(refused)?;
            }
        }
        let status = ruleset.restrict_self().map_err(refused)?;
        let (landlock, abi) = match status.landlock {
            LandlockStatus::Available { effective_abi, .. } => {
                (format!("landlock ABI {}", effective_abi as i32), effective_abi)
            }
            LandlockStatus::NotEnabled => ("not enabled at boot".to_owned(), ABI::Unsupported),
            LandlockStatus::NotImplemented => ("not in this kernel".to_owned(), ABI::Unsupported),
        };
        let files = match status.ruleset {
            RulesetStatus::NotEnforced => Enforced::No,
            _ if abi >= ABI::V3 => Enforced::Fully,
            _ => Enforced::Partly,
        };
        let asked = self.connect != Ports::Any || self.listen != Ports::Any;
        let ports = match (asked, files) {
            (false, _) => Enforced::NotAsked,
            (true, Enforced::No) => Enforced::No,
            (true, _) if abi >= ABI::V4 => Enforced::Fully,
            (true, _) => Enforced::No,
        };
        Ok(Fenced { files, ports, calls: Enforced::No, landlock, absent })
    }

    /// What is shut off before any rule opens a part of it.
    fn ruleset(&self) -> Result<RulesetCreated, RulesetError> {
        let level = match self.strength {
            Strength::Required => CompatLevel::HardRequirement,
            Strength::BestEffort => CompatLevel::BestEffort,
        };
        // ABI 3 has everything that files need; the rest is taken where it is.
        let mut ruleset = Ruleset::default()
            .set_compatibility(level)
            .handle_access(AccessFs::from_all(ABI::V3))?;
        let net = [(&self.connect, AccessNet::ConnectTcp), (&self.listen, AccessNet::BindTcp)];
        for (_, access) in net.into_iter().filter(|(ports, _)| **ports != Ports::Any) {
            ruleset = ruleset.handle_access(access)?;
        }
        ruleset
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::IoctlDev)?
            .scope(Scope::from_all(ABI::V6))?
            .create()
    }
}

fn filter_calls() -> Result<(), Error> {
    for filter in calls::filters()? {
        seccompiler::apply_filter_all_threads(&filter)
            .map_err(|error| calls::unsupported(&error))?;
    }
    Ok(())
}

fn reading() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{ReadFile | ReadDir})
}

/// Nothing that is run, no devices, no links.
fn writing() -> BitFlags<AccessFs> {
    reading()
        | make_bitflags!(AccessFs::{
            WriteFile | Truncate | MakeReg | MakeDir | MakeSock | RemoveFile | RemoveDir | Refer
        })
}

/// Rights that mean something for a file that is no directory.
fn of_a_file() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate})
}

fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<Result<RulesetCreated, RulesetError>, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(failed)?;
    let access = if metadata.is_dir() { access } else { access & of_a_file() };
    // Whoever names a terminal means its size, too; what types into one is a system call that is filtered.
    let is_device = metadata.file_type().is_char_device();
    let access = if is_device { access | AccessFs::IoctlDev } else { access };
    let opened = PathFd::new(path).map_err(|error| failed(io::Error::other(error)))?;
    Ok(ruleset.add_rule(PathBeneath::new(opened, access)))
}

fn threads() -> Result<usize, Error> {
    let path = Path::new("/proc/self/task");
    let failed = |source| Error::File { path: path.to_owned(), source };
    Ok(fs::read_dir(path).map_err(failed)?.count())
}
