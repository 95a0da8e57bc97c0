//! System calls that a trading bot never makes, refused for the rest of the process's life (seccomp).
//!
//! What is not listed stays allowed: a list of what an async runtime, TLS and a terminal need would differ from
//! one C library to the next, and one call too few would stop the bot with a position open.

use crate::Error;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Not every C library names it.
const KEXEC_FILE_LOAD: i64 = if cfg!(target_arch = "x86_64") { 320 } else { 294 };

/// What takes the machine over: whoever tries is not the bot any more, and the process ends.
const FATAL: [(&str, i64); 8] = [
    ("kexec_load", libc::SYS_kexec_load),
    ("kexec_file_load", KEXEC_FILE_LOAD),
    ("init_module", libc::SYS_init_module),
    ("finit_module", libc::SYS_finit_module),
    ("delete_module", libc::SYS_delete_module),
    ("reboot", libc::SYS_reboot),
    ("pivot_root", libc::SYS_pivot_root),
    ("open_by_handle_at", libc::SYS_open_by_handle_at),
];

/// What is answered with "not permitted".
const REFUSED: [(&str, i64); 62] = [
    // Other programs, and looking into or out of processes.
    ("execve", libc::SYS_execve),
    ("execveat", libc::SYS_execveat),
    ("ptrace", libc::SYS_ptrace),
    ("process_vm_readv", libc::SYS_process_vm_readv),
    ("process_vm_writev", libc::SYS_process_vm_writev),
    ("process_madvise", libc::SYS_process_madvise),
    ("pidfd_getfd", libc::SYS_pidfd_getfd),
    ("kcmp", libc::SYS_kcmp),
    ("personality", libc::SYS_personality),
    // Mounts and namespaces.
    ("mount", libc::SYS_mount),
    ("umount2", libc::SYS_umount2),
    ("chroot", libc::SYS_chroot),
    ("move_mount", libc::SYS_move_mount),
    ("open_tree", libc::SYS_open_tree),
    ("fsopen", libc::SYS_fsopen),
    ("fsconfig", libc::SYS_fsconfig),
    ("fsmount", libc::SYS_fsmount),
    ("fspick", libc::SYS_fspick),
    ("mount_setattr", libc::SYS_mount_setattr),
    ("unshare", libc::SYS_unshare),
    ("setns", libc::SYS_setns),
    // Parts of the kernel with a long list of holes.
    ("bpf", libc::SYS_bpf),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("userfaultfd", libc::SYS_userfaultfd),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("io_uring_enter", libc::SYS_io_uring_enter),
    ("io_uring_register", libc::SYS_io_uring_register),
    ("fanotify_init", libc::SYS_fanotify_init),
    ("name_to_handle_at", libc::SYS_name_to_handle_at),
    ("lookup_dcookie", libc::SYS_lookup_dcookie),
    ("move_pages", libc::SYS_move_pages),
    ("migrate_pages", libc::SYS_migrate_pages),
    ("vmsplice", libc::SYS_vmsplice),
    // Keys of the kernel.
    ("keyctl", libc::SYS_keyctl),
    ("add_key", libc::SYS_add_key),
    ("request_key", libc::SYS_request_key),
    // Who one is.
    ("setuid", libc::SYS_setuid),
    ("setgid", libc::SYS_setgid),
    ("setreuid", libc::SYS_setreuid),
    ("setregid", libc::SYS_setregid),
    ("setresuid", libc::SYS_setresuid),
    ("setresgid", libc::SYS_setresgid),
    ("setfsuid", libc::SYS_setfsuid),
    ("setfsgid", libc::SYS_setfsgid),
    ("setgroups", libc::SYS_setgroups),
    ("capset", libc::SYS_capset),
    // The machine as a whole.
    ("swapon", libc::SYS_swapon),
    ("swapoff", libc::SYS_swapoff),
    ("acct", libc::SYS_acct),
    ("quotactl", libc::SYS_quotactl),
    ("quotactl_fd", libc::SYS_quotactl_fd),
    ("sethostname", libc::SYS_sethostname),
    ("setdomainname", libc::SYS_setdomainname),
    ("settimeofday", libc::SYS_settimeofday),
    ("clock_settime", libc::SYS_clock_settime),
    ("clock_adjtime", libc::SYS_clock_adjtime),
    ("adjtimex", libc::SYS_adjtimex),
    ("syslog", libc::SYS_syslog),
    ("vhangup", libc::SYS_vhangup),
    ("nfsservctl", libc::SYS_nfsservctl),
    ("mknodat", libc::SYS_mknodat),
    ("remap_file_pages", libc::SYS_remap_file_pages),
];

/// The same, where only this machine's kind of processor has them.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: [(&str, i64); 9] = [
    ("fork", libc::SYS_fork),
    ("vfork", libc::SYS_vfork),
    ("iopl", libc::SYS_iopl),
    ("ioperm", libc::SYS_ioperm),
    ("modify_ldt", libc::SYS_modify_ldt),
    ("mknod", libc::SYS_mknod),
    ("uselib", libc::SYS_uselib),
    ("ustat", libc::SYS_ustat),
    ("sysfs", libc::SYS_sysfs),
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: [(&str, i64); 0] = [];

/// x86 kernels may take a second set of numbers (x32): the same with this bit, and some of their own.
#[cfg(target_arch = "x86_64")]
const X32_BIT: i64 = 0x4000_0000;
/// What x32 numbers otherwise: running programs, looking into processes, moving pages, another kernel.
#[cfg(target_arch = "x86_64")]
const X32_OWN: [i64; 8] = [520, 521, 532, 533, 528, 539, 540, 545];

/// Names of the calls that are refused whatever their arguments are.
#[must_use]
pub fn refused_calls() -> Vec<&'static str> {
    FATAL.iter().chain(&REFUSED).chain(&REFUSED_HERE).map(|(name, _)| *name).collect()
}

/// The filters, in the order in which they go in; the kernel obeys the strictest.
pub(crate) fn filters() -> Result<Vec<BpfProgram>, Error> {
    let fatal = FATAL.iter().map(|(_, number)| (*number, Vec::new())).collect();
    // glibc starts threads by clone3, whose flags a filter cannot see; told that there is none, it uses clone.
    let unknown = Rules::from([(libc::SYS_clone3, Vec::new())]);
    let errno = |number: i32| SeccompAction::Errno(number.unsigned_abs());
    [
        (fatal, SeccompAction::KillProcess),
        (unknown, errno(libc::ENOSYS)),
        (refused().map_err(|error| unsupported(&error))?, errno(libc::EPERM)),
    ]
    .into_iter()
    .map(|(rules, action)| program(rules, action).map_err(|error| unsupported(&error)))
    .collect()
}

fn program(rules: Rules, action: SeccompAction) -> Result<BpfProgram, seccompiler::BackendError> {
    let here = TargetArch::try_from(std::env::consts::ARCH)?;
    // Calls by another processor's table end the process: the filter checks this itself.
    SeccompFilter::new(rules, SeccompAction::Allow, action, here)?.try_into()
}

fn refused() -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules =
        REFUSED.iter().chain(&REFUSED_HERE).map(|(_, number)| (*number, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    {
        let listed = FATAL.iter().chain(&REFUSED).chain(&REFUSED_HERE);
        rules.extend(listed.map(|(_, number)| (number | X32_BIT, Vec::new())));
        rules.extend(X32_OWN.map(|number| (number | X32_BIT, Vec::new())));
    }
    rules.extend(by_arguments()?);
    Ok(rules)
}

/// Calls that are refused only with some arguments.
fn by_arguments() -> Result<Rules, seccompiler::BackendError> {
    use SeccompCmpArgLen::{Dword, Qword};
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let is = |index, length, operator, value| SeccompCondition::new(index, length, operator, value);
    let (write, execute) = (bits(libc::PROT_WRITE), bits(libc::PROT_EXEC));
    let thread = bits(libc::CLONE_THREAD);
    let mut rules = Rules::new();
    // A new thread, never a new process.
    let process = is(0, Qword, MaskedEq(thread), 0)?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![process])?]);
    // Memory is written or run, never both, and never made to run later.
    let both = is(2, Dword, MaskedEq(write | execute), write | execute)?;
    rules.insert(libc::SYS_mmap, vec![SeccompRule::new(vec![both])?]);
    for call in [libc::SYS_mprotect, libc::SYS_pkey_mprotect] {
        let later = is(2, Dword, MaskedEq(execute), execute)?;
        rules.insert(call, vec![SeccompRule::new(vec![later])?]);
    }
    // Sockets of this machine and of the internet; name resolution asks netlink for addresses.
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let other = families.map(|family| is(0, Dword, Ne, bits(family)));
    let other = other.into_iter().collect::<Result<Vec<_>, _>>()?;
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(other)?]);
    // Typing into the owner's terminal.
    let typing = [u64::from(TIOCSTI), u64::from(TIOCLINUX)];
    let typing = typing.map(|request| SeccompRule::new(vec![is(1, Dword, Eq, request)?]));
    rules.insert(libc::SYS_ioctl, typing.into_iter().collect::<Result<Vec<_>, _>>()?);
    Ok(rules)
}

/// `ioctl` requests that put characters into a terminal's input.
const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541c;

/// A constant of the C library as a filter sees it.
fn bits(value: i32) -> u64 {
    u64::from(value.unsigned_abs())
}

pub(crate) fn unsupported(error: &dyn std::fmt::Display) -> Error {
    Error::Unsupported { what: "filters of system calls (seccomp)", why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_arch = "x86_64")]
    const HERE: u32 = 0xc000_003e;
    #[cfg(target_arch = "aarch64")]
    const HERE: u32 = 0xc000_00b7;

    const ALLOW: u32 = 0x7fff_0000;
    const ERRNO: u32 = 0x0005_0000;
    const KILL_PROCESS: u32 = 0x8000_0000;

    /// What the kernel answers to a call: each filter run by a small machine, and the strictest of the answers.
    fn verdict(processor: u32, number: i64, arguments: [u64; 3]) -> u32 {
        let number = u32::try_from(number).expect("is a number of a call");
        let mut data = [number, processor, 0, 0].to_vec();
        for argument in arguments.into_iter().chain([0; 3]) {
            let bytes = argument.to_le_bytes();
            for half in bytes.chunks(4) {
                data.push(u32::from_le_bytes(half.try_into().expect("four bytes")));
            }
        }
        let answers = filters().expect("can be written");
        let answers = answers.iter().map(|filter| run(filter, &data));
        // The kernel's order of strictness is that of the numbers, read with their sign.
        answers.min_by_key(|answer| answer.cast_signed()).expect("there are filters")
    }

    fn run(filter: &BpfProgram, data: &[u32]) -> u32 {
        let (mut at, mut a) = (0, 0);
        for _ in 0..10_000 {
            let step = &filter[at];
            at += 1;
            let jump = |yes: bool| usize::from(if yes { step.jt } else { step.jf });
            match step.code {
                0x20 => a = data[step.k as usize / 4],
                0x54 => a &= step.k,
                0x05 => at += step.k as usize,
                0x15 => at += jump(a == step.k),
                0x25 => at += jump(a > step.k),
                0x35 => at += jump(a >= step.k),
                0x45 => at += jump(a & step.k != 0),
                0x06 => return step.k,
                other => panic!("an instruction {other:#x} that the test does not know"),
            }
        }
        panic!("the filter does not end");
    }

    fn refused_with(errno: i32) -> u32 {
        ERRNO | errno.unsigned_abs()
    }

    #[test]
    fn every_listed_call_is_answered_as_listed() {
        for (name, number) in FATAL {
            assert_eq!(verdict(HERE, number, [0; 3]), KILL_PROCESS, "{name}");
        }
        for (name, number) in REFUSED.into_iter().chain(REFUSED_HERE) {
            assert_eq!(verdict(HERE, number, [0; 3]), refused_with(libc::EPERM), "{name}");
        }
        assert_eq!(verdict(HERE, libc::SYS_clone3, [0; 3]), refused_with(libc::ENOSYS));
        // The numbers of another processor, as of 32-bit programs, end the process.
        assert_eq!(verdict(0x4000_0003, libc::SYS_read, [0; 3]), KILL_PROCESS);
        #[cfg(target_arch = "x86_64")]
        for number in X32_OWN.into_iter().chain([libc::SYS_ptrace]).map(|number| number | X32_BIT) {
            assert_eq!(verdict(HERE, number, [0; 3]), refused_with(libc::EPERM));
        }
    }

    #[test]
    fn some_calls_depend_on_their_arguments() {
        let check = |name: &str, number: i64, arguments: [i32; 3], allowed: bool| {
            let want = if allowed { ALLOW } else { refused_with(libc::EPERM) };
            assert_eq!(verdict(HERE, number, arguments.map(bits)), want, "{name}");
        };
        let thread = libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND;
        check("a thread", libc::SYS_clone, [thread, 0, 0], true);
        check("a process", libc::SYS_clone, [libc::SIGCHLD, 0, 0], false);
        check(
            "a process by vfork",
            libc::SYS_clone,
            [libc::CLONE_VM | libc::CLONE_VFORK, 0, 0],
            false,
        );
        let (read, write, run) = (libc::PROT_READ, libc::PROT_WRITE, libc::PROT_EXEC);
        check("memory", libc::SYS_mmap, [0, 4096, read | write], true);
        check("a library", libc::SYS_mmap, [0, 4096, read | run], true);
        check("both", libc::SYS_mmap, [0, 4096, read | write | run], false);
        check("a stack", libc::SYS_mprotect, [0, 4096, read | write], true);
        check("code", libc::SYS_mprotect, [0, 4096, read | run], false);
        for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK] {
            check("a socket", libc::SYS_socket, [family, 1, 0], true);
        }
        for family in [libc::AF_PACKET, libc::AF_ALG, libc::AF_VSOCK, libc::AF_BLUETOOTH] {
            check("a strange socket", libc::SYS_socket, [family, 1, 0], false);
        }
        check("the size of a terminal", libc::SYS_ioctl, [0, 0x5413, 0], true);
        check("typing into a terminal", libc::SYS_ioctl, [0, 0x5412, 0], false);
    }

    /// What an async runtime, TLS and a terminal need every second.
    #[test]
    fn what_is_needed_stays_allowed() {
        let needed = [
            libc::SYS_read,
            libc::SYS_write,
            libc::SYS_openat,
            libc::SYS_close,
            libc::SYS_fsync,
            libc::SYS_renameat2,
            libc::SYS_futex,
            libc::SYS_epoll_pwait,
            libc::SYS_eventfd2,
            libc::SYS_connect,
            libc::SYS_sendto,
            libc::SYS_recvfrom,
            libc::SYS_getrandom,
            libc::SYS_clock_gettime,
            libc::SYS_rt_sigaction,
            libc::SYS_kill,
            libc::SYS_madvise,
            libc::SYS_munmap,
            libc::SYS_prctl,
            libc::SYS_sched_yield,
            libc::SYS_set_robust_list,
            libc::SYS_rseq,
            libc::SYS_exit_group,
        ];
        for number in needed {
            assert_eq!(verdict(HERE, number, [0; 3]), ALLOW, "call {number}");
        }
    }

    #[test]
    fn names_stand_once_and_the_filters_are_short() {
        let names = refused_calls();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len());
        let filters = filters().expect("can be written");
        assert!(filters.iter().all(|filter| filter.len() < 2000));
    }
}
