//! A real PostgreSQL for tests, in a directory of its own under `/tmp`, reached by a Unix socket alone.
//!
//! The first test starts it, all others share it, and it ends itself soon after the last of them: a
//! test holds a shared lock, and a watcher that gets the exclusive one stops the server. Where
//! PostgreSQL is not installed, nothing runs on it, and a line says so.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests start programs and make files; each test file uses a part of this"
)]

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    os::unix::{
        fs::{DirBuilderExt, MetadataExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Set by whoever made sure that PostgreSQL is there: then its absence is a failure. No name of a
/// setting, since the servers that tests start read this environment too.
const REQUIRED: &str = "TEST_POSTGRES";

/// An empty database of a test's own.
pub struct Fresh {
    /// The directory of the server's socket.
    pub socket: PathBuf,
    /// The database's name.
    pub name: String,
    /// As the store opens it: by the role `stockade`, which owns it.
    pub url: String,
}

/// Makes a database; `None` where PostgreSQL is not installed.
pub fn fresh() -> Option<Fresh> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = running()?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("t_{}_{number}", std::process::id());
    server.psql("postgres", &format!("CREATE DATABASE {name} OWNER stockade"));
    let socket = server.socket.clone();
    let url =
        format!("postgres://stockade@{}/{name}", socket.display().to_string().replace('/', "%2F"));
    Some(Fresh { socket, name, url })
}

impl Fresh {
    /// Executes statements as the server's administrator.
    pub fn meddle(&self, sql: &str) {
        running().expect("it made this").psql(&self.name, sql);
    }
}

impl Server {
    fn psql(&self, database: &str, sql: &str) {
        let mut command = Command::new(self.programs.join("psql"));
        command.arg("-h").arg(&self.socket).args(["-U", "postgres", "-qXc", sql, database]);
        let done = command.stdin(Stdio::null()).stdout(Stdio::null()).output().expect("starts");
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// A server that runs, and our word that we use it.
struct Server {
    socket: PathBuf,
    programs: PathBuf,
    _user: File,
}

/// The shared server; `None`, with a line on stderr, where PostgreSQL is not installed.
fn running() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let programs = programs();
        if programs.is_none() {
            let why = "PostgreSQL is not installed (apt-get install postgresql)";
            assert!(std::env::var_os(REQUIRED).is_none(), "{why}");
            eprintln!("skipped on PostgreSQL: {why}");
        }
        programs.map(|programs| start(&programs))
    });
    server.as_ref()
}

/// The directory of `initdb` and `pg_ctl`: Debian's newest, or the path's.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    versions.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    versions
        .into_iter()
        .chain(std::env::split_paths(&path))
        .find(|directory| directory.join("initdb").is_file() && directory.join("pg_ctl").is_file())
}

fn start(programs: &Path) -> Server {
    let own = fs::metadata("/proc/self").expect("a process").uid();
    // A socket's path is short, so this is not the build directory.
    let base = PathBuf::from(format!("/tmp/stockade-postgres-{own}"));
    let _ = DirBuilder::new().mode(0o711).create(&base);
    let made = fs::symlink_metadata(&base).expect("it is there");
    assert!(made.is_dir() && made.uid() == own, "{} is somebody else's", base.display());
    let lock = |name: &str| {
        let path = base.join(name);
        OpenOptions::new().create(true).truncate(false).write(true).open(path).expect("a lock")
    };
    let user = lock("users.lock");
    user.lock_shared().expect("locks");
    let starting = lock("start.lock");
    starting.lock().expect("locks");
    let socket = base.join("cluster");
    if UnixStream::connect(socket.join(".s.PGSQL.5432")).is_err() {
        make(&base, programs, own);
    }
    Server { socket, programs: programs.to_owned(), _user: user }
}

/// A new cluster, a server on it, the program's role, and the watcher that ends it all.
fn make(base: &Path, programs: &Path, own: u32) {
    let cluster = base.join("cluster");
    let _ = fs::remove_dir_all(&cluster);
    DirBuilder::new().mode(0o700).create(&cluster).expect("a directory");
    let data = cluster.join("data");
    let text = |path: &Path| path.display().to_string();
    let run = |program: &str, arguments: &[&str]| {
        // PostgreSQL refuses to run as root.
        let mut command = if own == 0 && program != "chown" {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", program]);
            command
        } else {
            Command::new(program)
        };
        let command = command.args(arguments).current_dir("/").stdin(Stdio::null());
        let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(done.expect("starts").success(), "{program} {arguments:?} failed");
    };
    if own == 0 {
        run("chown", &["postgres:postgres", &text(&cluster)]);
    }
    let program = |name: &str| text(&programs.join(name));
    run(
        &program("initdb"),
        &["-D", &text(&data), "-A", "trust", "-U", "postgres", "-N", "-E", "UTF8", "--no-locale"],
    );
    // What a crash would lose is lost anyway.
    let options = format!(
        "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off \
         -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off \
         -c max_connections=400 -c shared_buffers=64MB",
        text(&cluster)
    );
    let log = text(&cluster.join("log"));
    run(&program("pg_ctl"), &["-D", &text(&data), "-o", &options, "-l", &log, "-w", "start"]);
    let role = "CREATE ROLE stockade LOGIN NOSUPERUSER NOBYPASSRLS";
    run(&program("psql"), &["-h", &text(&cluster), "-U", "postgres", "-qc", role]);
    let stop = format!("{} -D {} -m immediate stop", program("pg_ctl"), text(&data));
    let stop = if own == 0 {
        format!("setpriv --reuid=postgres --regid=postgres --init-groups {stop}")
    } else {
        stop
    };
    let watch = format!(
        "cd {}; exec 9>>users.lock; until flock -n -x 9; do sleep 2; done; {stop}; rm -rf cluster",
        text(base)
    );
    // It outlives this test, and `setsid` returns at once.
    let mut watcher = Command::new("setsid");
    watcher.args(["--fork", "sh", "-c", &format!("sleep 5; {watch}")]);
    watcher.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(watcher.status().expect("starts").success(), "the watcher does not start");
}
