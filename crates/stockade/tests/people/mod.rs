//! More people than the owner: accounts written into the database as a registration would, and
//! sessions of the owner given to them.

use crate::browser::{Browser, PASSWORD, start};
use identity::{
    AccountId, Candidate, Client, Cost, Factors, PasswordPolicy, Passwords, Profile, SessionId,
    Strength, Vault,
};
use kms::{KeyFile, Purpose, SystemEntropy};
use seal::Secret;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use stockade::{
    desk::{Paths, now},
    server::Server,
};

/// A person to be.
pub struct New {
    /// Their address.
    pub email: &'static str,
    /// Their role.
    pub role: &'static str,
}

/// A server with an owner and, signed in, these people; none of them owns anything.
pub async fn server_with(root: &Path, people: &[New]) -> (Server, Vec<Browser>) {
    let (server, _, browsers) = house_with(root, people).await;
    (server, browsers)
}

/// The same, and the owner, signed in too.
pub async fn house_with(root: &Path, people: &[New]) -> (Server, Browser, Vec<Browser>) {
    let server = start(root).await;
    let mut owner = Browser::new(&server);
    let codes = owner.set_up(&server).await;
    let mut sessions = Vec::new();
    for (code, _) in codes.iter().zip(people) {
        let mut browser = Browser::new(&server);
        browser.sign_in("recovery", code).await.expect(200);
        let rows = browser.get("/api/v1/sessions").await.expect(200).json();
        let rows = rows.as_array().expect("rows").clone();
        let own = rows.iter().find(|row| row["current"] == true).expect("one's own");
        sessions.push((browser, own["handle"].as_str().expect("a handle").to_owned()));
    }
    server.stop().await.expect("stops");
    let mut connection = open(root).await;
    for (new, (_, session)) in people.iter().zip(&sessions) {
        write(root, &mut connection, new, session).await;
    }
    connection.close().await.expect("closes");
    let server = start(root).await;
    let mut browsers = Vec::new();
    for (browser, _) in sessions {
        let mut browser = browser.moved(&server);
        browser.post("/api/v1/session/refresh", json!({})).await.expect(204);
        browsers.push(browser);
    }
    let owner = owner.moved(&server);
    (server, owner, browsers)
}

/// The database of a server that has stopped.
pub async fn open(root: &Path) -> SqliteConnection {
    let database = format!("sqlite://{}", Paths::new(root).database().display());
    SqliteConnection::connect(&database).await.expect("opens")
}

fn keys(root: &Path) -> KeyFile {
    KeyFile::open(&Paths::new(root).key_file()).expect("keys")
}

fn vault(root: &Path) -> Vault {
    let keys = keys(root);
    Vault::new(keys.sealing(Purpose::Accounts), keys.mac(Purpose::BlindIndex))
}

/// The hash of the password that everybody has here; it is all that they have.
fn hash(root: &Path, id: AccountId, email: &str) -> String {
    let pepper = keys(root).mac(Purpose::Passwords);
    let passwords = Passwords::new(pepper, Cost::PASSWORD, Cost::RECOVERY);
    let candidate = Candidate::new(&Secret::new(PASSWORD.to_owned()));
    let strength = Strength { guesses_log10: 14.0 };
    let email = email.parse().expect("an address");
    let context = (&email, &[] as &[&str]);
    let policy = PasswordPolicy::default();
    let password = policy.accept(candidate, strength, Factors::PasswordOnly, context);
    let password = password.expect("a good one");
    passwords.hash(id, &password, &mut SystemEntropy::new()).as_str().to_owned()
}

/// An account, as a registration would write it; it has no password.
pub async fn account(
    root: &Path,
    connection: &mut SqliteConnection,
    email: &str,
    role: &str,
) -> AccountId {
    let mut entropy = SystemEntropy::new();
    let id = AccountId::new(now(), &mut entropy);
    let profile = Profile {
        email: email.parse().expect("an address"),
        display_name: role.parse().expect("a name"),
    };
    let sealed = vault(root).seal_profile(id, &profile, &mut entropy);
    sqlx::query(
        "INSERT INTO accounts (account_id, email_index, email, display_name, role, standing,
                               epoch, created_us)
         SELECT $1, $2, $3, $4, $5, 'active', 0, created_us FROM accounts LIMIT 1",
    )
    .bind(id.to_string())
    .bind(sealed.email_index.as_bytes().as_slice())
    .bind(sealed.email)
    .bind(sealed.display_name)
    .bind(role)
    .execute(connection)
    .await
    .expect("an account");
    id
}

/// An account with the password that everybody has.
pub async fn with_password(
    root: &Path,
    connection: &mut SqliteConnection,
    email: &str,
    role: &str,
) -> AccountId {
    let id = account(root, connection, email, role).await;
    sqlx::query("INSERT INTO passwords (account_id, password_hash) VALUES ($1, $2)")
        .bind(id.to_string())
        .bind(hash(root, id, email))
        .execute(connection)
        .await
        .expect("a password");
    id
}

async fn write(root: &Path, connection: &mut SqliteConnection, new: &New, session: &str) {
    let id = with_password(root, connection, new.email, new.role).await;
    let handle: SessionId = session.parse().expect("a handle");
    // As the browser of the tests calls itself: nothing.
    let client = Client::new(None, "");
    let client = vault(root).seal_client((id, handle), &client, &mut SystemEntropy::new());
    let given =
        sqlx::query("UPDATE sessions SET account_id = $1, client = $2 WHERE session_id = $3")
            .bind(id.to_string())
            .bind(client.0)
            .bind(session)
            .execute(connection)
            .await
            .expect("a session");
    assert_eq!(given.rows_affected(), 1);
}
