//! Which settings there are, and where they are read from.

use super::{
    args::{Cli, Command},
    output::{Output, table},
    sealed,
};
use crate::desk::{Home, secret_named};
use serde::Serialize;
use settings::{FileText, Flag, Key, Kind, Misplaced, Origin, Settings, Sources};
use std::path::{Path, PathBuf};

/// Every setting of the server and the command line.
pub(crate) const KEYS: &[Key] = &[
    Key::plain("data.dir", Kind::Text, "stockade-data", "Where all data of this installation live"),
    Key::secret(
        "database.url",
        Kind::Text,
        "sqlite",
        "The database: sqlite:PATH or postgres://…, where sealed:NAME may stand for the password or for all of it; sqlite alone is stockade.db in the data directory",
    ),
    Key::secret(
        "database.owner",
        Kind::Text,
        "",
        "Another role of PostgreSQL that owns the tables, as postgres://…: then the server's own can only add to the audit log",
    ),
    Key::plain(
        "server.listen",
        Kind::Address,
        "127.0.0.1:8443",
        "Address and port of the web server",
    ),
    Key::plain("server.public", Kind::Switch, "off", "Accept connections from other machines"),
    Key::plain(
        "server.connections",
        Kind::Number { min: 64, max: 100_000 },
        "512",
        "Connections at a time, of one address a quarter; more wait",
    ),
    Key::plain(
        "server.origin",
        Kind::Text,
        "",
        "Where browsers find the server, as https://HOST; without it, at localhost",
    ),
    Key::plain(
        "server.plain_listen",
        Kind::Text,
        "",
        "Address and port without TLS, as 0.0.0.0:80, that lead browsers to server.origin and answer ACME servers; without one there is none",
    ),
    Key::plain(
        "server.hsts",
        Kind::Choice(&["year", "subdomains", "preload"]),
        "year",
        "What browsers keep of a public server's name: TLS alone for a year, for all names below it too, in their own lists too",
    ),
    Key::plain(
        "server.trusted_proxies",
        Kind::Text,
        "",
        "Proxies whose word about who asks is believed, as 10.0.0.0/8, 192.0.2.7; without any, nobody's",
    ),
    Key::plain(
        "server.forwarded",
        Kind::Choice(&["x-forwarded-for", "forwarded"]),
        "x-forwarded-for",
        "The header by which they say it; the other one is not read",
    ),
    Key::plain(
        "server.proxy_protocol",
        Kind::Switch,
        "off",
        "Those proxies say it before anything else instead, by the PROXY protocol (version 1 or 2); no header is read",
    ),
    Key::plain(
        "server.socket",
        Kind::Text,
        "",
        "Unix socket, without TLS, for a proxy on this machine that is in the server's group",
    ),
    Key::plain(
        "server.region",
        Kind::Text,
        "",
        "Where the machine stands, as Frankfurt, Germany; /security shows it to everybody",
    ),
    Key::plain(
        "server.drain_seconds",
        Kind::Number { min: 0, max: 600 },
        "10",
        "How long open requests may take once the server is told to stop",
    ),
    Key::plain(
        "acme.directory",
        Kind::Text,
        "",
        "ACME server that issues the certificate, as https://acme-v02.api.letsencrypt.org/directory; without one the machine's own authority does",
    ),
    Key::plain(
        "acme.terms_agreed",
        Kind::Switch,
        "off",
        "Whether you agree to the terms of that server",
    ),
    Key::plain(
        "acme.names",
        Kind::Text,
        "",
        "Names that the certificate is for, with commas between; without any, the host of server.origin",
    ),
    Key::plain("acme.contact", Kind::Text, "", "Addresses of mail that it may write to"),
    Key::plain(
        "acme.challenge",
        Kind::Choice(&["http-01", "tls-alpn-01"]),
        "http-01",
        "How it finds that the names are yours: by port 80 (server.plain_listen) or by port 443",
    ),
    Key::plain(
        "acme.authority",
        Kind::Text,
        "",
        "Certificate authority (PEM) of an ACME server of your own, and of what it issues",
    ),
    Key::plain(
        "limits.general_per_minute",
        Kind::Number { min: 1, max: 1_000_000 },
        "30",
        "Pages in any minute of one network address",
    ),
    Key::plain(
        "limits.api_per_minute",
        Kind::Number { min: 1, max: 1_000_000 },
        "60",
        "Calls of the API in any minute of one network address that is not signed in",
    ),
    Key::plain(
        "limits.account_per_minute",
        Kind::Number { min: 60, max: 1_000_000 },
        "3000",
        "Calls of the API in any minute of one account, by weight",
    ),
    Key::plain(
        "limits.files_per_minute",
        Kind::Number { min: 1, max: 1_000_000 },
        "600",
        "Files of the web interface in any minute of one network address",
    ),
    Key::plain("limits.lists", Kind::Text, "", "Folder of signed lists of addresses kept out"),
    Key::plain("limits.list_keys", Kind::Text, "", "Keys of minisign that may sign those lists"),
    Key::plain(
        "limits.lists_stale_days",
        Kind::Number { min: 1, max: 366 },
        "7",
        "After so many days a list is said to be stale; it holds all the same",
    ),
    Key::plain("limits.allow", Kind::Text, "", "Addresses that pass in spite of lists and blocks"),
    Key::plain(
        "machines.listen",
        Kind::Text,
        "",
        "Address and port where workers and bots come in by certificate, as 0.0.0.0:8444; without one none do",
    ),
    Key::plain(
        "backtest.workers",
        Kind::Number { min: 1, max: 64 },
        "1",
        "Backtests that run at the same time in the server",
    ),
    Key::plain(
        "backtest.queue",
        Kind::Number { min: 1, max: 10_000 },
        "64",
        "Backtests that may wait; more are refused",
    ),
    Key::plain(
        "accounts.registration",
        Kind::Choice(&["open", "invite", "closed"]),
        "invite",
        "Who may make an account: everyone, who is invited, or nobody",
    ),
    Key::plain(
        "accounts.breached_passwords",
        Kind::Text,
        "",
        "File of leaked passwords that nobody may set: a SHA-1 or a password a line, 10 million at most",
    ),
    Key::plain(
        "audit.witnesses",
        Kind::Text,
        "",
        "Servers that are asked to cosign the audit log: URL KEY, URL KEY, …",
    ),
    Key::plain(
        "audit.heard",
        Kind::Text,
        "",
        "Keys of witnesses that bring cosignatures themselves: KEY, KEY, …",
    ),
    Key::plain(
        "audit.witness_for",
        Kind::Text,
        "",
        "Keys of other servers' logs that this one cosigns: KEY, KEY, …",
    ),
    Key::plain("audit.authority", Kind::Text, "", "Certificate authority (PEM) of those servers"),
    Key::plain(
        "keys.holder",
        Kind::Choice(&["file", "passphrase", "credential", "pkcs11", "transit"]),
        "file",
        "What holds the root key: the key file, a passphrase, a credential, a PKCS#11 token, a service",
    ),
    Key::plain("keys.passphrase", Kind::Text, "", "File with the passphrase of the root key"),
    Key::plain("keys.credential", Kind::Text, "", "File that the service manager hands over"),
    Key::plain("keys.module", Kind::Text, "", "PKCS#11 module of the token's maker"),
    Key::plain("keys.token", Kind::Text, "", "The token's label"),
    Key::plain("keys.pin", Kind::Text, "", "File with the token's PIN"),
    Key::plain("keys.key", Kind::Text, "stockade", "Name of the root key there"),
    Key::plain(
        "keys.url",
        Kind::Text,
        "",
        "Service with Vault's transit API, as https://HOST:PORT",
    ),
    Key::plain("keys.mount", Kind::Text, "transit", "Where the engine is mounted there"),
    Key::plain("keys.namespace", Kind::Text, "", "Namespace there, if it has them"),
    Key::plain("keys.vault_token", Kind::Text, "", "File with the token for it"),
    Key::plain("keys.authority", Kind::Text, "", "Certificate authority (PEM) of its own"),
    Key::plain(
        "keys.recovery",
        Kind::Text,
        "",
        "Who can open the keys offline: what `stockade keys identity` printed",
    ),
    Key::plain(
        "keys.absence_seconds",
        Kind::Number { min: 0, max: 86_400 },
        "60",
        "How long the server goes on while the holder of the root key does not answer",
    ),
    Key::plain(
        "backup.place",
        Kind::Text,
        "",
        "Directory on another disk or machine, or s3://BUCKET/PREFIX, that backups go to; without one there are none",
    ),
    Key::plain(
        "backup.endpoint",
        Kind::Text,
        "",
        "Object store of a place in a bucket, as https://HOST:PORT",
    ),
    Key::plain("backup.region", Kind::Text, "us-east-1", "Region of that store"),
    Key::plain(
        "backup.credentials",
        Kind::Text,
        "",
        "File with aws_access_key_id and aws_secret_access_key for it, which nobody else may read",
    ),
    Key::plain(
        "backup.upkeep",
        Kind::Choice(&["here", "elsewhere"]),
        "here",
        "Who lets old backups go; with elsewhere the server replaces and removes none, and `stockade backup prune` does",
    ),
    Key::plain(
        "backup.pull",
        Kind::Text,
        "",
        "Machine that pulls the backups and keeps them where this server cannot read them, as worker/backups; then backup.place is its own to name",
    ),
    Key::plain(
        "backup.recipients",
        Kind::Text,
        "",
        "Keys of age that open the backups after a loss, two at least: age1…, age1…",
    ),
    Key::plain(
        "disclosure.contact",
        Kind::Text,
        "",
        "Address that answers reports of weaknesses; security.txt names it",
    ),
    Key::plain(
        "disclosure.recipients",
        Kind::Text,
        "",
        "Keys of age that open reports of weaknesses, on other machines than this: age1…, age1…; without one the form is closed",
    ),
    Key::plain("mail.from", Kind::Text, "", "Address that the server's mail comes from"),
    Key::plain("mail.name", Kind::Text, "Stockade", "Name that is shown beside it"),
    Key::plain(
        "mail.origin",
        Kind::Text,
        "",
        "Where links in mail lead, as https://HOST; without it, to server.origin",
    ),
    Key::plain(
        "mail.language",
        Kind::Choice(&["en", "de"]),
        "en",
        "Language that letters are written in",
    ),
    Key::plain("mail.domain", Kind::Text, "", "Domain that signs, if not the sender's own"),
    Key::plain("mail.selector", Kind::Text, "stockade", "Under which name its keys are in DNS"),
    Key::plain("mail.spf", Kind::Text, "mx", "Servers that send, in the words of SPF"),
    Key::plain("mail.reports", Kind::Text, "", "Address that reports about mail go to"),
    Key::plain("mail.server", Kind::Text, "", "Server that takes the mail"),
    Key::plain(
        "mail.port",
        Kind::Number { min: 0, max: 65_535 },
        "0",
        "Its port; 0 is the usual one of the transport",
    ),
    Key::plain(
        "mail.transport",
        Kind::Choice(&["implicit", "starttls"]),
        "implicit",
        "How its TLS begins; there is no mail without",
    ),
    Key::plain("mail.user", Kind::Text, "", "Who signs in there; the password is kept sealed"),
    Key::plain("mail.authority", Kind::Text, "", "Certificate authority (PEM) of its own"),
    Key::plain(
        "health.disk_free_mib",
        Kind::Number { min: 16, max: 10_000_000 },
        "512",
        "MiB that must be free where the data lies; with less the server is not ready",
    ),
    Key::plain(
        "metrics.listen",
        Kind::Text,
        "",
        "Address of this machine and port where Prometheus reads metrics, as 127.0.0.1:9464; without one nowhere",
    ),
    Key::plain(
        "errors.reach",
        Kind::Choice(&["public", "private"]),
        "public",
        "Where the host of the sealed errors.dsn may be: on the Internet only, or in a network of one's own too",
    ),
    Key::plain(
        "errors.authority",
        Kind::Text,
        "",
        "Certificate authority (PEM) of a service for errors of your own",
    ),
    Key::plain(
        "errors.environment",
        Kind::Text,
        "production",
        "What this installation is called there",
    ),
    Key::plain(
        "visits.count",
        Kind::Switch,
        "on",
        "Count openings of pages here, without cookies and of nobody",
    ),
    Key::plain(
        "log.level",
        Kind::Choice(&["error", "warn", "info", "debug"]),
        "info",
        "How much is said on stderr",
    ),
    Key::plain("log.format", Kind::Choice(&["text", "json"]), "text", "How it is said"),
];

/// The settings in force for this command line.
pub(crate) fn load(cli: &Cli) -> anyhow::Result<Settings> {
    let environment = Sources::environment_of_process();
    let sealed: Option<fn(&str) -> Option<String>> = Some(secret_named);
    let flags = flags(cli);
    let early = Settings::layered(
        KEYS,
        &Sources { environment: environment.clone(), flags: flags.clone(), sealed, file: None },
    )?;
    let file = match &cli.config {
        Some(path) => Some(FileText::read(path)?.ok_or_else(|| missing(path))?),
        None => FileText::read(&data_dir(&early).join("stockade.toml"))?,
    };
    let settings = Settings::layered(KEYS, &Sources { file, environment, flags, sealed })?;
    // What takes them over, or looks at what is sealed, has to read the file that they are in.
    if !matches!(cli.command, Command::Secrets(_)) {
        refuse_secrets(&settings)?;
    }
    Ok(settings)
}

/// A configuration is copied, shown and kept in version control: no secret belongs into one. The
/// environment is another matter: the server says so when it starts, and takes nothing from there.
fn refuse_secrets(settings: &Settings) -> anyhow::Result<()> {
    let in_file = |one: &&Misplaced| matches!(one.origin, Origin::File { .. });
    let Some(Misplaced { name, origin }) = settings.misplaced().iter().find(in_file) else {
        return Ok(());
    };
    let fix = sealed::fix(origin);
    Err(super::usage(format!(
        "{origin}: {name} is a secret, and a configuration holds none: take it over by `{fix}`, then remove the line"
    )))
}

fn missing(path: &Path) -> anyhow::Error {
    super::usage(format!("there is no configuration file {}", path.display()))
}

/// Where the data live.
pub(crate) fn data_dir(settings: &Settings) -> PathBuf {
    settings.path("data.dir").unwrap_or_else(|| PathBuf::from("stockade-data"))
}

/// The data directory and the database that belongs to it.
pub(crate) fn home(settings: &Settings) -> anyhow::Result<Home> {
    let home =
        Home::new(&data_dir(settings), sealed::resolved("database.url", settings)?.expose())?;
    let home = home.owned_by(sealed::resolved("database.owner", settings)?.expose())?;
    Ok(home.with_keys(super::keys::terms(settings)?))
}

fn flags(cli: &Cli) -> Vec<Flag> {
    let mut flags = Vec::new();
    if let Some(dir) = &cli.data_dir {
        let value = dir.to_string_lossy().into_owned();
        flags.push(Flag { key: "data.dir", name: "--data-dir", value });
    }
    if let Command::Serve(serve) = &cli.command {
        if let Some(address) = serve.listen {
            flags.push(Flag { key: "server.listen", name: "--listen", value: address.to_string() });
        }
        if serve.public {
            flags.push(Flag { key: "server.public", name: "--public", value: "on".to_owned() });
        }
    }
    flags
}

#[derive(Serialize)]
struct Shown {
    key: &'static str,
    value: String,
    origin: String,
    summary: &'static str,
}

/// `stockade config show`.
pub(super) fn show(settings: &Settings, with_origin: bool, output: Output) -> anyhow::Result<()> {
    let rows: Vec<Shown> = settings
        .show()
        .into_iter()
        .map(|row| Shown {
            key: row.key,
            value: row.value,
            origin: row.origin.to_string(),
            summary: row.summary,
        })
        .collect();
    output.show(&rows, |rows| {
        let line = |cells: [&str; 3]| {
            let kept = if with_origin { cells.len() } else { 2 };
            cells.into_iter().take(kept).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut lines = vec![line(["setting", "value", "origin"])];
        // An empty cell would look as if the origin were the value.
        let value = |row: &'_ Shown| {
            if row.value.is_empty() { "–".to_owned() } else { row.value.clone() }
        };
        lines.extend(rows.iter().map(|row| line([row.key, &value(row), &row.origin])));
        table(&lines)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn every_default_is_of_its_kind_and_every_flag_has_a_key() {
        let line = "stockade --data-dir d serve --listen 127.0.0.1:1 --public";
        let cli = Cli::parse_from(line.split(' '));
        let sources = Sources { flags: flags(&cli), ..Sources::default() };
        let settings = Settings::layered(KEYS, &sources).expect("layers");
        assert_eq!(data_dir(&settings), PathBuf::from("d"));
        assert_eq!(settings.text("server.listen"), "127.0.0.1:1");
        assert!(settings.is_on("server.public"));
    }
}
