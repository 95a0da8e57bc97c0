//! A server behind proxies that carry bytes and say first whose they are: `HAProxy` and nginx, each as it comes. S17.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::panic,
    reason = "the tests start proxies of others, and say what is skipped"
)]

use crate::browser::{Browser, options, request};
use audit::posture::State;
use edge::{Exposure, Proxies, Telling};
use http::Method;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use stockade::server::{Front, Options, Rates, Server, posture::Probe};
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

const WITHIN: Duration = Duration::from_secs(30);
/// Calls in a minute that one address has here.
const CALLS: u32 = 3;
/// Where Debian puts what nginx needs to carry bytes.
const STREAMS: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// A server that waits for the word of these proxies, and lets few calls of one address through.
async fn behind(root: &Path, list: &str) -> Server {
    let proxies = Proxies::parse(list, Telling::ForwardedFor).expect("a list").introducing();
    let front = Front { proxies, ..Front::default() };
    let rates = Rates { api: CALLS, ..options(root).rates };
    let exposure = Exposure::Public;
    Server::start(Options { front, rates, exposure, ..options(root) }).await.expect("starts")
}

/// A program of others, if it is on this machine.
fn program(name: &str, package: &str) -> Option<PathBuf> {
    let places = ["/usr/sbin", "/usr/bin", "/usr/local/sbin"];
    let found = places.map(|place| Path::new(place).join(name)).into_iter().find(|at| at.is_file());
    if found.is_none() {
        println!("skipped: {name} is not on this machine (apt-get install {package})");
    }
    found
}

async fn free_port() -> u16 {
    let held = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    held.local_addr().expect("an address").port()
}

/// Runs a proxy until it answers at `port`.
async fn run(program: &Path, arguments: &[&str], folder: &Path, port: u16) -> Child {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).kill_on_drop(true);
    let output = std::fs::File::create(folder.join("said")).expect("makes");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
    let running = command.spawn().expect("starts");
    let answers = async { while TcpStream::connect(("127.0.0.1", port)).await.is_err() {} };
    if tokio::time::timeout(WITHIN, answers).await.is_err() {
        let said = std::fs::read_to_string(folder.join("said")).unwrap_or_default();
        panic!("{} does not start: {said}", program.display());
    }
    running
}

/// Through the proxy at `port` each client has its own quota, and none gets another one by lying.
async fn each_client_is_itself(server: &Server, port: u16) {
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let mut browser = Browser::at(at, &server.started.authority);
    let mut call = async |source: &str, lie: &str| {
        browser.source = Some(source.parse().expect("an address"));
        let mut asked = request(Method::GET, "/api/v1/session", None);
        for name in ["x-forwarded-for", "forwarded", "x-real-ip"] {
            asked.headers_mut().insert(name, lie.parse().expect("a value"));
        }
        browser.raw(asked).await.status.as_u16()
    };
    for source in ["127.0.0.5", "127.0.0.6"] {
        for n in 0..CALLS {
            assert_eq!(call(source, &format!("203.0.113.{n}")).await, 200, "{source}");
        }
        assert_eq!(call(source, "203.0.113.77").await, 429, "{source}");
    }
    assert_eq!(call("127.0.0.7", "127.0.0.5").await, 200);
}

#[tokio::test]
async fn behind_haproxy_each_client_is_who_haproxy_saw() {
    let Some(haproxy) = program("haproxy", "haproxy") else { return };
    for words in ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options unique-id,crc32c"]
    {
        let directory = tempfile::tempdir().expect("a directory");
        let server = behind(&directory.path().join("data"), "127.0.0.2").await;
        let (port, to) = (free_port().await, server.started.address.port());
        let text = format!(
            "defaults\n mode tcp\n timeout connect 10s\n timeout client 30s\n timeout server 30s\n\
            listen front\n bind 127.0.0.1:{port}\n unique-id-format %[uuid()]\n \
            server stockade 127.0.0.1:{to} {words} source 127.0.0.2\n"
        );
        let config = directory.path().join("haproxy.cfg");
        std::fs::write(&config, text).expect("writes");
        let config = config.to_str().expect("text");
        let mut running = run(&haproxy, &["-db", "-f", config], directory.path(), port).await;
        each_client_is_itself(&server, port).await;
        running.kill().await.expect("ends");
        server.stop().await.expect("stops");
    }
}

#[tokio::test]
async fn behind_nginx_each_client_is_who_nginx_saw() {
    let Some(nginx) = program("nginx", "nginx-light") else { return };
    if !Path::new(STREAMS).is_file() {
        println!("skipped: nginx carries no bytes here (apt-get install libnginx-mod-stream)");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let server = behind(&directory.path().join("data"), "127.0.0.2").await;
    let (port, to) = (free_port().await, server.started.address.port());
    let at = directory.path().display();
    let text = format!(
        "load_module {STREAMS};\ndaemon off; master_process off; pid {at}/nginx.pid; \
        error_log {at}/error.log;\nevents {{}}\nstream {{ server {{ listen 127.0.0.1:{port}; \
        proxy_bind 127.0.0.2; proxy_protocol on; proxy_pass 127.0.0.1:{to}; }} }}\n"
    );
    let config = directory.path().join("nginx.conf");
    std::fs::write(&config, text).expect("writes");
    let (config, folder) = (config.to_str().expect("text"), at.to_string());
    let arguments = ["-p", &folder, "-e", "error.log", "-c", config];
    let mut running = run(&nginx, &arguments, directory.path(), port).await;
    each_client_is_itself(&server, port).await;
    running.kill().await.expect("ends");
    server.stop().await.expect("stops");
}

/// The proxy may stand on this machine, from where the server looks at its own door.
#[tokio::test]
async fn a_server_that_waits_for_a_proxy_still_sees_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = behind(directory.path(), "127.0.0.0/8").await;
    let (app, own) = (server.app(), server.app().observatory());
    own.look(app, &[Probe::Handshakes]).await;
    let standing = own.standing();
    let row = standing.iter().find(|row| row.id == "S04").expect("it is a claim");
    assert_eq!(row.state, State::SelfTested, "{}", row.reason);
    server.stop().await.expect("stops");
}
