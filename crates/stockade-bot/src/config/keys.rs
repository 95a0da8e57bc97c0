//! Every key of a configuration: what it takes, what it is without being written, what it is for.

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Keys of its own.
    Section,
    /// A list of sections.
    Sections,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Up to so many characters of plain text.
    Text(usize),
    /// A list of names.
    Names,
    /// A file or directory; a relative one lies beside the configuration.
    Path,
    /// An amount in the currency that the account counts in.
    Money,
    /// A percentage, written with its sign.
    Percent,
    /// A whole number between these two.
    Count(u32, u32),
    /// An address of this machine with a port.
    Loopback,
    /// Scheme, host and port of a server that speaks TLS; plain only on this machine.
    Origin,
}

/// A key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// All of its names, joined by points; `*` is a place in a list.
    pub path: &'static str,
    pub kind: Kind,
    /// As it would be written; empty if there is none.
    pub default: &'static str,
    pub example: &'static str,
    pub about: &'static str,
}

const fn key(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key { path, kind, default, example, about }
}

const SWITCH: Kind = Kind::Word(&["true", "false"]);

/// All of them, in the order in which `config init` writes them.
pub(super) const KEYS: [Key; 49] = [
    key("name", Kind::Text(40), "stockade", "main", "what notifications call this bot"),
    key("venue", Kind::Section, "", "", "where it trades"),
    key(
        "venue.name",
        Kind::Word(&["binance", "bybit", "okx"]),
        "",
        "bybit",
        "the exchange: binance, bybit or okx",
    ),
    key(
        "venue.product",
        Kind::Word(&["spot", "perpetual"]),
        "",
        "perpetual",
        "spot, or perpetual for USDT perpetuals",
    ),
    key("venue.testnet", SWITCH, "false", "true", "whether to use the exchange's test network"),
    key("venue.ca_file", Kind::Path, "", "box/ca.pem", "believe this authority besides the web's"),
    key("venue.hosts", Kind::Section, "", "", "other hosts, as for an exchange in a box"),
    key(
        "venue.hosts.rest",
        Kind::Origin,
        "",
        "https://localhost:8443",
        "requests, signed and public",
    ),
    key("venue.hosts.private", Kind::Origin, "", "wss://localhost:8443", "the private stream"),
    key("venue.hosts.public", Kind::Origin, "", "wss://localhost:8443", "the public stream"),
    key("account", Kind::Section, "", "", "the account and its key"),
    key(
        "account.key",
        Kind::Text(64),
        "",
        "bybit",
        "the key's name in the key store; paper needs none",
    ),
    key(
        "account.mode",
        Kind::Word(&["one-way", "hedge", "venue"]),
        "venue",
        "one-way",
        "how the account keeps positions; the start makes it so",
    ),
    key("account.leverage", Kind::Count(1, 125), "1", "2", "set at the start, at most the venue's"),
    key("keys", Kind::Section, "", "", "the sealed key store"),
    key("keys.store", Kind::Path, "keys.sealed", "keys.sealed", "its file"),
    key(
        "keys.credential",
        Kind::Path,
        "",
        "/run/credentials/stockade-bot.service/store",
        "opens the store: a credential of systemd",
    ),
    key("keys.file", Kind::Path, "", "keys.key", "opens the store: a key file at 0600"),
    key(
        "strategy",
        Kind::Path,
        "",
        "strategy.yaml",
        "the strategy file, the same as for a backtest",
    ),
    key("symbols", Kind::Names, "", "[BTC/USDT, ETH/USDT]", "what it trades, under either name"),
    key("caps", Kind::Section, "", "", "the most that an entry may do, whoever asks; final"),
    key("caps.order", Kind::Money, "", "1000", "value of one order"),
    key("caps.position", Kind::Money, "", "5000", "value of one position"),
    key("caps.per_minute", Kind::Count(1, 6000), "60", "20", "entries in a minute"),
    key(
        "caps.slippage",
        Kind::Percent,
        "0.5%",
        "0.2%",
        "a market order becomes a limit order so far beyond the latest price",
    ),
    key("stop", Kind::Section, "", "", "the stop that stands at the venue for every position"),
    key("stop.distance", Kind::Percent, "10%", "5%", "so far from the average entry"),
    key("stop.beyond", Kind::Percent, "1%", "0.5%", "so far beyond a stop of the strategy's own"),
    key("stop.at_venue", SWITCH, "true", "true", "false leaves positions to this bot alone"),
    key(
        "heartbeat_seconds",
        Kind::Count(0, 600),
        "60",
        "30",
        "the venue cancels entries when it hears nothing for so long; 0 is never",
    ),
    key(
        "compare_seconds",
        Kind::Count(5, 3600),
        "60",
        "30",
        "how often all is compared with the venue",
    ),
    key(
        "kill_file",
        Kind::Path,
        "",
        "KILL",
        "a file of this name pulls the kill switch; KILL in the state directory unless given",
    ),
    key("state_dir", Kind::Path, "state", "/var/lib/stockade-bot", "journal, recordings, socket"),
    key(
        "ip_restriction",
        Kind::Word(&["warn", "refuse"]),
        "warn",
        "refuse",
        "what to do about a key that works from any address",
    ),
    key("license", Kind::Section, "", "", "what allows new positions; paper needs none"),
    key("license.file", Kind::Path, "", "license.txt", "the signed licence"),
    key("license.issuer", Kind::Text(128), "", "…", "the issuer's public key"),
    key("metrics", Kind::Loopback, "", "127.0.0.1:9184", "serve Prometheus metrics there"),
    key(
        "log",
        Kind::Word(&["error", "warn", "info", "debug"]),
        "info",
        "debug",
        "how much goes to stderr",
    ),
    key(
        "sandbox",
        Kind::Word(&["required", "best-effort", "off"]),
        "best-effort",
        "required",
        "files, ports and system calls that this process may use",
    ),
    key("notify", Kind::Sections, "", "", "who is told"),
    key(
        "notify.*.kind",
        Kind::Word(&["telegram", "discord", "slack", "matrix", "webhook", "mail"]),
        "",
        "telegram",
        "over what",
    ),
    key(
        "notify.*.secret",
        Kind::Text(64),
        "",
        "telegram",
        "the name in the key store of its token, address or password",
    ),
    key(
        "notify.*.level",
        Kind::Word(&["info", "warning", "critical"]),
        "info",
        "warning",
        "what matters less is not told",
    ),
    key("notify.*.to", Kind::Text(250), "", "-100123", "chat, room or mail address"),
    key("notify.*.server", Kind::Text(250), "", "https://matrix.org", "homeserver or mail server"),
    key("notify.*.url", Kind::Text(2000), "", "https://example.org/hook", "a webhook's address"),
    key("notify.*.from", Kind::Text(250), "", "bot@example.org", "sender of mail"),
    key("notify.*.user", Kind::Text(250), "", "bot@example.org", "user at the mail server"),
];

impl Key {
    /// The last of its names.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// What it stands in; empty at the top.
    pub(super) fn parent(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(parent, _)| parent)
    }

    /// The one of this path, in which places of lists are `*`.
    pub(super) fn of(path: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.path == path)
    }

    /// Those that stand in a section.
    pub(super) fn within(parent: &str) -> impl Iterator<Item = &'static Self> {
        KEYS.iter().filter(move |key| key.parent() == parent)
    }
}
