//! The fence seen from inside: each case runs in a process of its own, because a fence is for good.
//!
//! Without a harness, since the fence must be raised before there is a second thread.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the cases are processes, and this file is its own harness"
)]

use host::{Enforced, Error, Fence, Fenced, Paths, Ports, Strength};
use rustix::{io::Errno, process::Resource};
use std::{
    env, fs,
    io::{ErrorKind, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// A case: what runs inside, and the signal that ends it, if one does.
struct Case {
    name: &'static str,
    inside: fn(&Place),
    signal: Option<i32>,
}

const CASES: [Case; 10] = [
    Case { name: "files_outside_are_out_of_reach", inside: files, signal: None },
    Case { name: "a_device_that_is_named_is_asked", inside: devices, signal: None },
    Case { name: "no_other_program_is_run", inside: programs, signal: None },
    Case { name: "only_the_allowed_ports_are_reached", inside: ports, signal: None },
    Case { name: "calls_that_are_never_made_are_refused", inside: refused, signal: None },
    Case { name: "loading_a_module_ends_the_process", inside: fatal, signal: Some(31) },
    Case { name: "an_async_runtime_lives_inside", inside: runtime, signal: None },
    Case { name: "no_core_no_debugger_no_new_rights", inside: hardened, signal: None },
    Case { name: "a_second_thread_is_an_error", inside: late, signal: None },
    Case { name: "a_missing_path_is_an_error_or_a_wish", inside: missing, signal: None },
];

/// Where a case runs: a directory with `config` to read and `state` to write, one open and one closed port.
struct Place {
    root: PathBuf,
    open: u16,
    closed: u16,
}

impl Place {
    fn fence(&self) -> Fence {
        let wished = [vec![self.root.join("none")], Paths::of_a_client()].concat();
        Fence {
            read: Paths { needed: vec![self.root.join("config")], wished },
            write: Paths { needed: vec![self.root.join("state")], wished: Vec::new() },
            connect: Ports::Only(vec![self.open]),
            listen: Ports::Only(Vec::new()),
            strength: Strength::Required,
        }
    }

    fn raise(&self) -> Fenced {
        let fenced = self.fence().raise().expect("this kernel enforces it");
        let parts = (fenced.files, fenced.ports, fenced.calls);
        assert_eq!(parts, (Enforced::Fully, Enforced::Fully, Enforced::Fully), "{fenced:?}");
        fenced
    }
}

fn files(place: &Place) {
    let fenced = place.raise();
    assert!(fenced.absent.contains(&place.root.join("none")));
    let refused = |path: &Path| {
        let error = fs::read(path).expect_err("is outside");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{}", path.display());
    };
    refused(&place.root.join("other"));
    refused(Path::new("/etc/passwd"));
    refused(Path::new("/proc/self/environ"));
    assert!(fs::read_dir("/").is_err());
    let config = place.root.join("config");
    assert_eq!(fs::read_to_string(&config).expect("is inside"), "config");
    assert!(fs::write(&config, "changed").is_err(), "only to be read");
    assert!(
        fs::remove_file(&config).is_err() && fs::rename(&config, place.root.join("x")).is_err()
    );
    // What a journal does.
    let (temporary, whole) = (place.root.join("state/new"), place.root.join("state/journal"));
    let mut file = fs::File::create(&temporary).expect("is inside");
    file.write_all(b"record").expect("is inside");
    file.sync_all().expect("is inside");
    file.set_len(3).expect("is inside");
    fs::rename(&temporary, &whole).expect("is inside");
    fs::create_dir(place.root.join("state/deeper")).expect("is inside");
    assert_eq!(fs::read(&whole).expect("is inside"), b"rec");
    assert!(fs::rename(&whole, place.root.join("journal")).is_err(), "not out of it");
    fs::remove_file(&whole).expect("is inside");
    let link = std::os::unix::fs::symlink("/etc/passwd", place.root.join("state/link"));
    assert!(link.is_err(), "no links");
}

/// A terminal's size is asked of `/dev/tty`; any device shows whether the question gets through.
fn devices(place: &Place) {
    let before = fs::File::open("/dev/zero").expect("is there");
    let mut fence = place.fence();
    fence.read.wished.push("/dev/null".into());
    fence.raise().expect("this kernel enforces it");
    let named = fs::File::open("/dev/null").expect("is inside");
    for device in [named, before] {
        assert_eq!(rustix::termios::tcgetwinsize(&device).err(), Some(Errno::NOTTY));
    }
    let error = fs::File::open("/dev/zero").expect_err("is outside");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

fn programs(place: &Place) {
    // Readable and runnable for the file rules, so that it is the filter that refuses.
    let mut fence = place.fence();
    fence.read.wished.push("/bin".into());
    fence.raise().expect("this kernel enforces it");
    let spawned = Command::new("/bin/true").spawn().map(drop).expect_err("is refused");
    assert_eq!(spawned.raw_os_error(), Some(Errno::PERM.raw_os_error()), "no new process");
    let replaced = Command::new("/bin/true").exec();
    assert_eq!(replaced.raw_os_error(), Some(Errno::PERM.raw_os_error()), "no other program");
}

fn ports(place: &Place) {
    place.raise();
    TcpStream::connect(("127.0.0.1", place.open)).expect("is allowed");
    let error = TcpStream::connect(("127.0.0.1", place.closed)).map(drop).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let error = TcpListener::bind("127.0.0.1:0").map(drop).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

/// Each of these would fail in another way, or succeed, without the filter.
fn refused(place: &Place) {
    assert_eq!(rustix::process::chroot("/nowhere-at-all"), Err(Errno::NOENT));
    place.raise();
    assert_eq!(rustix::process::chroot("/nowhere-at-all"), Err(Errno::PERM));
    let names = rustix::thread::LinkNameSpaceType::Network;
    let file = fs::File::open(place.root.join("config")).expect("is inside");
    let moved =
        rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(names));
    assert_eq!(moved, Err(Errno::PERM), "a file is no name space: EINVAL without the filter");
    let me = rustix::process::geteuid();
    assert_eq!(rustix::thread::set_thread_uid(me), Err(Errno::PERM), "even to what one is");
    for family in [rustix::net::AddressFamily::PACKET, rustix::net::AddressFamily::BLUETOOTH] {
        let socket = rustix::net::socket(family, rustix::net::SocketType::RAW, None);
        assert_eq!(socket.map(drop), Err(Errno::PERM));
    }
}

fn fatal(place: &Place) {
    place.raise();
    let file = fs::File::open(place.root.join("config")).expect("is inside");
    // Without the filter: "exec format error", or not permitted.
    let outcome = rustix::system::finit_module(&file, c"", 0);
    unreachable!("{outcome:?}");
}

fn runtime(place: &Place) {
    place.raise();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads start");
    let (open, state) = (place.open, place.root.join("state/async"));
    runtime.block_on(async move {
        let stream = tokio::net::TcpStream::connect(("localhost", open)).await;
        stream.expect("a name is found and the port is allowed");
        tls().await;
        tokio::fs::write(&state, b"from a thread").await.expect("is inside");
        let outside = tokio::task::spawn_blocking(|| fs::read("/etc/passwd").map(drop)).await;
        assert!(outside.expect("ends").is_err(), "threads that start later are fenced too");
        let program = std::thread::spawn(|| Command::new("/bin/true").exec().raw_os_error());
        assert_eq!(program.join().expect("ends"), Some(Errno::PERM.raw_os_error()));
        tokio::time::timeout(std::time::Duration::from_millis(1), std::future::pending::<()>())
            .await
            .expect_err("timers work");
    });
}

/// A handshake with itself: keys, signatures and certificates work inside.
async fn tls() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::{
        TlsAcceptor, TlsConnector,
        rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer},
    };
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("is made");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("is a key");
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("they belong together");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("is a certificate");
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let (near, far) = tokio::io::duplex(64 * 1024);
    let name = "localhost".try_into().expect("is a name");
    let (near, far) = tokio::join!(
        TlsConnector::from(std::sync::Arc::new(client)).connect(name, near),
        TlsAcceptor::from(std::sync::Arc::new(server)).accept(far),
    );
    let (mut near, mut far) = (near.expect("shakes hands"), far.expect("shakes hands"));
    near.write_all(b"order").await.expect("is taken");
    let mut heard = [0; 5];
    far.read_exact(&mut heard).await.expect("comes");
    assert_eq!(&heard, b"order");
}

fn hardened(_: &Place) {
    host::harden().expect("is allowed");
    assert!(rustix::thread::no_new_privs().expect("is known"));
    let core = rustix::process::getrlimit(Resource::Core);
    assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
    let dumpable = rustix::process::dumpable_behavior().expect("is known");
    assert_eq!(dumpable, rustix::process::DumpableBehavior::NotDumpable);
}

fn late(place: &Place) {
    let (tell, hear) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || hear.recv());
    let error = place.fence().raise().map(drop).expect_err("is refused");
    assert!(matches!(error, Error::Threads { running: 2 }), "{error}");
    drop(tell);
    assert!(thread.join().expect("ends").is_err());
}

fn missing(place: &Place) {
    let mut fence = place.fence();
    fence.read.needed.push(place.root.join("none"));
    let error = fence.raise().map(drop).expect_err("is refused");
    assert!(error.to_string().contains("/none: No such file"), "{error}");
}

/// What the kernel lacks, if it lacks something.
fn lacking() -> Option<String> {
    let everything = Fence {
        read: Paths { needed: vec!["/".into()], wished: Vec::new() },
        write: Paths::default(),
        connect: Ports::Only(Vec::new()),
        listen: Ports::Any,
        strength: Strength::BestEffort,
    };
    let fenced = everything.raise().expect("takes what there is");
    let whole = [fenced.files, fenced.ports, fenced.calls] == [Enforced::Fully; 3];
    (!whole).then(|| format!("{fenced:?}"))
}

/// Runs this file's program again.
fn again(arguments: &[&str]) -> std::process::Output {
    let me = env::current_exe().expect("is known");
    Command::new(me).args(arguments).output().expect("starts")
}

fn check(case: &Case) {
    let lacks = again(&["lacking"]);
    let lacks = String::from_utf8_lossy(&lacks.stdout).into_owned();
    if !lacks.is_empty() && case.name != "no_core_no_debugger_no_new_rights" {
        println!("skipped {}: this kernel lacks a part of it: {lacks}", case.name);
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    for name in ["config", "other"] {
        fs::write(place.path().join(name), name).expect("is written");
    }
    fs::create_dir(place.path().join("state")).expect("is made");
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = |listener: &TcpListener| listener.local_addr().expect("is bound").port().to_string();
    let (open, closed) = (listen(), listen());
    let root = place.path().display().to_string();
    let output = again(&["inside", case.name, &root, &port(&open), &port(&closed)]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), case.signal, "{}: {said}", case.name);
    assert!(case.signal.is_some() || output.status.success(), "{}: {said}", case.name);
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["lacking"] => print!("{}", lacking().unwrap_or_default()),
        ["inside", name, root, open, closed] => {
            let port = |text: &str| text.parse().expect("a port");
            let place = Place { root: root.into(), open: port(open), closed: port(closed) };
            let case = CASES.iter().find(|case| case.name == *name).expect("a case");
            (case.inside)(&place);
        }
        words if words.contains(&"--list") => {
            for case in CASES.iter().filter(|_| !words.contains(&"--ignored")) {
                println!("{}: test", case.name);
            }
        }
        words => {
            let wanted: Vec<&&str> = words.iter().filter(|word| !word.starts_with('-')).collect();
            for case in &CASES {
                if wanted.is_empty() || wanted.iter().any(|word| case.name.contains(**word)) {
                    check(case);
                    println!("test {} ... ok", case.name);
                }
            }
        }
    }
    ExitCode::SUCCESS
}
