//! Who is kept out by address: by a signed list of others, by a block of those who run the server; who passes all the
//! same, and what stays open to everybody. Each comes from a real address of this machine, never by a header. M33.

use crate::{
    browser::{Browser, options, request, start},
    people::{New, house_with},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Method, header};
use jiff::{SignedDuration, Timestamp};
use seal::{Blake2b, MinisignKey, Secret, SigningKey};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};
use stockade::{
    desk::{self, AddressTerms, ListView},
    server::{Options, Server, operations::Part, posture::Probe},
};

/// A key, as the file that `minisign -G -W` makes of it.
fn key(seed: u8) -> MinisignKey {
    let signing = SigningKey::from_seed(&Secret::new([seed; 32]));
    let public = signing.verifying_key().as_bytes();
    let body = [b"Ed\0\0B2", &[0; 48][..], &[seed; 8], &[seed; 32], public, &[0; 32]].concat();
    let file = format!("untrusted comment: a test's\n{}\n", STANDARD.encode(body));
    MinisignKey::open(&file, || None).expect("a plain key")
}

/// A folder of lists, signed by key 1, which is the one that is believed.
struct Lists(tempfile::TempDir);

impl Lists {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}.txt"))
    }

    fn sign(&self, name: &str, signer: u8) {
        let mut hash = Blake2b::default();
        hash.add(&fs::read(self.path(name)).expect("reads"));
        let signature = key(signer).sign(&hash.end(), "a list of a test");
        let beside = self.0.path().join(format!("{name}.txt.minisig"));
        fs::write(beside, signature).expect("writes");
    }

    /// A list of this age, whole and signed.
    fn write(&self, name: &str, age_hours: i64, prefixes: &[&str]) {
        let date = desk::now() - SignedDuration::from_hours(age_hours);
        let text = format!("# list {name}\n# date {date}\n{}\n", prefixes.join("\n"));
        fs::write(self.path(name), text).expect("writes");
        self.sign(name, 1);
    }

    fn terms(&self, allowed: &[&str]) -> AddressTerms {
        AddressTerms {
            folder: Some(self.0.path().to_owned()),
            keys: vec![key(9).public(), key(1).public()],
            allowed: allowed.iter().map(|text| text.parse().expect(text)).collect(),
            ..AddressTerms::default()
        }
    }
}

async fn keeping_out(root: &Path, addresses: AddressTerms) -> Server {
    Server::start(Options { addresses, ..options(root) }).await.expect("starts")
}

async fn refused_start(root: &Path, addresses: AddressTerms) -> String {
    let started = Server::start(Options { addresses, ..options(root) }).await;
    started.err().expect("it does not start").to_string()
}

async fn asked(browser: &mut Browser, source: &str, path: &str) -> u16 {
    browser.source = Some(source.parse().expect("an address"));
    browser.get(path).await.status.as_u16()
}

async fn entries(owner: &mut Browser, kind: &str) -> Vec<Value> {
    let log = owner.get(&format!("/api/v1/audit?kind={kind}")).await.expect(200).json();
    log["entries"].as_array().cloned().unwrap_or_default()
}

fn listed(server: &Server) -> Vec<ListView> {
    server.app().addresses().lists(desk::now())
}

#[tokio::test]
async fn a_listed_address_is_refused_and_an_allowed_one_is_not() {
    let (root, lists) = (tempfile::tempdir().expect("a directory"), Lists::new());
    lists.write("spammers", 1, &["127.0.0.5", "127.0.1.0/24 # them", "2001:db8::/32"]);
    let server = keeping_out(root.path(), lists.terms(&["127.0.1.64/26"])).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    for (source, status) in
        [("127.0.0.5", 403), ("127.0.1.1", 403), ("127.0.1.65", 200), ("127.0.0.6", 200)]
    {
        assert_eq!(asked(&mut owner, source, "/api/v1/session").await, status, "{source}");
        assert_eq!(asked(&mut owner, source, "/health").await, status, "{source}");
    }
    // Nothing that a request says makes another address of it, also not the session that it brings.
    owner.source = Some("127.0.0.5".parse().expect("an address"));
    let mut lying = request(Method::GET, "/api/v1/strategies", None);
    for name in ["x-forwarded-for", "forwarded", "x-real-ip", "stockade-self-test"] {
        lying.headers_mut().insert(name, "127.0.0.6".parse().expect("a value"));
    }
    let refused = owner.raw(lying).await.expect(403);
    assert_eq!(refused.json()["code"], "address-listed");
    assert!(refused.json()["fix"].as_str().expect("a fix").contains("/security/report"));
    assert!(!refused.text().contains("spammers"), "no list is told by asking");
    assert!(refused.headers.contains_key(header::CONTENT_SECURITY_POLICY));
    // What is no route is refused as well, before anybody looks for one.
    assert_eq!(asked(&mut owner, "127.0.0.5", "/nothing").await, 403);
    // Whoever found a weakness is heard, and whoever checks reads what is published.
    for path in ["/security", "/security/report", "/.well-known/security.txt"] {
        assert_eq!(asked(&mut owner, "127.0.0.5", path).await, 200, "{path}");
    }
    owner.source = None;
    let page = owner.get("/api/v1/limits").await.expect(200).json();
    assert_eq!(page["refused_listed"], 6, "{page}");
    let one = &page["lists"][0];
    assert_eq!([&one["name"], &one["prefixes"]], [&json!("spammers"), &json!(3)]);
    assert_eq!([&one["stale"], &one["problem"]], [&json!(false), &Value::Null]);
    assert_eq!(one["key"], key(1).public().id());
    assert_eq!(entries(&mut owner, "limits.list_loaded").await.len(), 1);
    server.stop().await.expect("stops");
    // The same list again is no news, and holds.
    let server = keeping_out(root.path(), lists.terms(&[])).await;
    let mut owner = owner.moved(&server);
    assert_eq!(entries(&mut owner, "limits.list_loaded").await.len(), 1);
    assert_eq!(asked(&mut owner, "127.0.1.65", "/health").await, 403);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_list_that_is_not_believed_stops_the_start_and_says_what_to_do() {
    let root = tempfile::tempdir().expect("a directory");
    let lists = Lists::new();
    let begins = async |want: &str| {
        let said = refused_start(root.path(), lists.terms(&[])).await;
        assert!(said.contains("limits.lists") && said.contains(want), "{want}: {said}");
        assert!(said.contains(&lists.0.path().display().to_string()), "{said}");
    };
    lists.write("spammers", 1, &["127.0.0.5"]);
    fs::remove_file(lists.0.path().join("spammers.txt.minisig")).expect("removes");
    begins("it has no signature beside it").await;
    lists.sign("spammers", 2);
    begins("no key of limits.list_keys signed it").await;
    lists.sign("spammers", 1);
    let whole = fs::read_to_string(lists.path("spammers")).expect("reads");
    fs::write(lists.path("spammers"), whole.replace("127.0.0.5", "127.0.0.6")).expect("writes");
    begins("no key of limits.list_keys signed it").await;
    lists.write("spammers", -1, &["127.0.0.5"]);
    begins("has not come").await;
    lists.write("spammers", 1, &["127.0.0.5", "example.org"]);
    begins("line 4: it begins with no address").await;
    lists.write("spammers", 1, &["0.0.0.0/1"]);
    begins("line 3: it is wider").await;
    lists.write("spammers", 1, &["127.0.0.5"]);
    fs::copy(lists.path("spammers"), lists.path("twice")).expect("copies");
    lists.sign("twice", 1);
    begins("another file is the list spammers already").await;
    fs::remove_file(lists.path("twice")).expect("removes");
    // One that was loaded is not followed by an older one, also not after another start.
    let server = keeping_out(root.path(), lists.terms(&[])).await;
    server.stop().await.expect("stops");
    lists.write("spammers", 2, &["127.0.0.7"]);
    begins("was loaded already").await;
    lists.write("spammers", 0, &["127.0.0.7"]);
    let server = keeping_out(root.path(), lists.terms(&[])).await;
    assert_eq!(asked(&mut Browser::new(&server), "127.0.0.7", "/health").await, 403);
    server.stop().await.expect("stops");
    let missing = AddressTerms { folder: Some("/nowhere/lists".into()), ..lists.terms(&[]) };
    let said = refused_start(root.path(), missing).await;
    assert!(said.contains("/nowhere/lists: it cannot be listed"), "{said}");
}

#[tokio::test]
async fn a_list_is_loaded_anew_while_the_server_serves_and_a_bad_one_leaves_the_one_before() {
    let (root, lists) = (tempfile::tempdir().expect("a directory"), Lists::new());
    lists.write("spammers", 24 * 8, &["127.0.0.5"]);
    let server = keeping_out(root.path(), lists.terms(&[])).await;
    let mut browser = Browser::new(&server);
    let (app, addresses) = (server.app(), server.app().addresses());
    let reload = async || addresses.reload(app.desk()).await.expect("reads");
    let mut check = async |out: &str, free: &str| {
        assert_eq!(asked(&mut browser, out, "/health").await, 403, "{out}");
        assert_eq!(asked(&mut browser, free, "/health").await, 200, "{free}");
    };
    // A stale list keeps out all the same, and is said to be stale.
    check("127.0.0.5", "127.0.0.6").await;
    assert!(listed(&server)[0].stale);
    let health = app.operations().health();
    health.look(app, Part::Lists).await;
    let word = health.readings()[&Part::Lists].word.clone();
    assert!(word.standing.as_str() == "warning" && word.detail.contains("1 are older"), "{word:?}");
    lists.write("spammers", 1, &["127.0.0.6"]);
    reload().await;
    check("127.0.0.6", "127.0.0.5").await;
    assert!(!listed(&server)[0].stale);
    for damage in ["older", "foreign", "early", "torn", "gone"] {
        match damage {
            "older" => lists.write("spammers", 2, &["127.0.0.9"]),
            "foreign" => lists.sign("spammers", 2),
            "early" => lists.write("spammers", -1, &["127.0.0.9"]),
            "torn" => fs::write(lists.path("spammers"), "# list spam").expect("writes"),
            _ => fs::remove_file(lists.0.path().join("spammers.txt.minisig")).expect("removes"),
        }
        reload().await;
        check("127.0.0.6", "127.0.0.9").await;
        let seen = &listed(&server)[0];
        assert!(seen.problem.is_some() && seen.name.as_deref() == Some("spammers"), "{seen:?}");
    }
    health.look(app, Part::Lists).await;
    assert!(health.readings()[&Part::Lists].word.detail.contains("1 lie there damaged"));
    // A new file that is not believed holds nobody out, and is shown; one that is taken away lets its own in.
    lists.write("others", 1, &["127.0.0.8"]);
    lists.sign("others", 2);
    lists.write("spammers", 0, &["127.0.0.6"]);
    reload().await;
    check("127.0.0.6", "127.0.0.8").await;
    let seen = listed(&server);
    assert!(seen.iter().any(|one| one.name.is_none() && one.file == "others.txt"), "{seen:?}");
    lists.sign("others", 1);
    fs::remove_file(lists.path("spammers")).expect("removes");
    reload().await;
    check("127.0.0.8", "127.0.0.6").await;
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_block_holds_until_it_is_lifted_or_over_and_each_step_is_one_entry() {
    let root = tempfile::tempdir().expect("a directory");
    let people = [New { email: "v@example.org", role: "viewer" }];
    let (server, mut owner, mut others) = house_with(root.path(), &people).await;
    let blocks = "/api/v1/limits/blocks";
    let block = |prefix: &str, seconds: i64| json!({ "prefix": prefix, "seconds": seconds, "why": "it guesses" });
    let made = owner.post(blocks, block("127.0.0.9", 3600)).await.expect(201).json();
    assert_eq!([&made["prefix"], &made["why"]], [&json!("127.0.0.9/32"), &json!("it guesses")]);
    let mut stranger = Browser::new(&server);
    assert_eq!(asked(&mut stranger, "127.0.0.9", "/health").await, 403);
    assert_eq!(asked(&mut stranger, "127.0.0.8", "/health").await, 200);
    stranger.source = Some("127.0.0.9".parse().expect("an address"));
    let refused = stranger.get("/api/v1/session").await.expect(403).json();
    assert_eq!(refused["code"], "address-blocked");
    assert!(!refused.to_string().contains("guesses"), "the reason is for those who run the server");
    // Nobody shuts themselves out, everybody, or nobody at all; and it takes the right to.
    for (form, field) in [
        (block("127.0.0.0/8", 3600), "/prefix"),
        (block("127.0.0.1", 3600), "/prefix"),
        (block("0.0.0.0/0", 3600), "/prefix"),
        (block("example.org", 3600), "/prefix"),
        (block("127.0.0.7", 59), "/seconds"),
        (json!({ "prefix": "127.0.0.7", "seconds": 60, "why": " " }), "/why"),
    ] {
        let refused = owner.post(blocks, form.clone()).await.expect(422).json();
        assert!(refused.to_string().contains(field), "{form}: {refused}");
    }
    let lift = "/api/v1/limits/blocks/lift";
    let own = json!({ "prefix": "127.0.0.9/32" });
    for viewer in &mut others {
        viewer.post(blocks, block("127.0.0.7", 3600)).await.expect(403);
        viewer.post(lift, own.clone()).await.expect(403);
        viewer.get("/api/v1/limits").await.expect(403);
    }
    let page = owner.get("/api/v1/limits").await.expect(200).json();
    assert_eq!(page["blocks"].as_array().map(Vec::len), Some(1), "{page}");
    assert_eq!([&page["refused_blocked"], &page["zones"][1]["zone"]], [&json!(2), &json!("api")]);
    // Another server on the same database, or a command, is followed; a clock that has moved on ends it.
    let until: Timestamp = made["until"].as_str().expect("text").parse().expect("a time");
    let gate = server.app().addresses().gate();
    let address = "127.0.0.9".parse().expect("one");
    assert_eq!(gate.blocks.until(address, until - SignedDuration::from_secs(1)), Some(until));
    assert_eq!(gate.blocks.until(address, until), None);
    owner.post(lift, own.clone()).await.expect(204);
    owner.post(lift, own).await.expect(404);
    assert_eq!(asked(&mut stranger, "127.0.0.9", "/health").await, 200);
    for kind in ["limits.blocked", "limits.unblocked"] {
        let all = entries(&mut owner, kind).await;
        assert_eq!(all.len(), 1, "{kind}: {all:?}");
        assert!(all[0].to_string().contains("127.0.0.9/32"), "{all:?}");
    }
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
}

/// Whoever has the machine gets in: the control socket has no address that could be listed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_shut_out_by_address_lifts_it_on_the_machine() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    let mut browser = Browser::new(&server);
    let home = root.path().to_owned();
    let by_socket = async |prefix: &str| {
        let (home, prefix) = (home.clone(), prefix.to_owned());
        let act = move || {
            let desk = desk::connect(&home).expect("connects");
            if desk.blocks().expect("lists").is_empty() {
                let why = "a slip".to_owned();
                desk.block(&desk::NewBlock { prefix, seconds: 3600, why }).expect("blocks");
            } else {
                desk.unblock(&prefix).expect("lifts");
            }
        };
        tokio::task::spawn_blocking(act).await.expect("joins");
    };
    by_socket("127.0.0.0/8").await;
    assert_eq!(asked(&mut browser, "127.0.0.1", "/health").await, 403);
    by_socket("127.0.0.0/8").await;
    assert_eq!(asked(&mut browser, "127.0.0.1", "/health").await, 200);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_server_sees_whether_each_list_is_held_and_new_enough() {
    let (root, lists) = (tempfile::tempdir().expect("a directory"), Lists::new());
    let sees = async |terms: AddressTerms| {
        let server = keeping_out(root.path(), terms).await;
        server.app().observatory().look(server.app(), &[Probe::Addresses]).await;
        let standing = server.app().observatory().standing();
        let row = standing.iter().find(|row| row.id == "M33").expect("a claim").clone();
        server.stop().await.expect("stops");
        row
    };
    let none = sees(AddressTerms::default()).await;
    assert_eq!(none.evidence["lists"], "0", "{none:?}");
    lists.write("spammers", 1, &["127.0.0.5"]);
    let held = sees(lists.terms(&[])).await;
    assert_eq!(held.evidence["lists"], "1", "{held:?}");
    assert!(held.evidence.contains_key("date of spammers"), "{held:?}");
    assert_eq!(held.evidence["lists that are stale or damaged"], "0", "{held:?}");
    lists.write("spammers", 0, &["127.0.0.5"]);
    let brief = AddressTerms { lasts: SignedDuration::from_secs(-1), ..lists.terms(&[]) };
    let stale = sees(brief).await;
    assert_eq!(stale.evidence["lists that are stale or damaged"], "1", "{stale:?}");
}
