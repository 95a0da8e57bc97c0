//! A sheet of values into a configuration; what needs two values to judge is judged here.

use super::{
    Account, Config, IpRestriction, KeyPlace, LicensePlace, Network, NotifyPlace, Problem, Sandbox,
    Venue, sheet::Sheet,
};
use engine::live::{Caps, Mode, StopRule};
use market::{Product, VenueName};
use std::path::{Path, PathBuf};

/// The longest symbol.
const SYMBOL_MAX: usize = 32;

/// Reads a text; `base` is where relative paths begin. All problems at once, in the order of the text.
pub fn parse(text: &str, path: &Path, base: &Path) -> Result<Config, Vec<Problem>> {
    let mut sheet = Sheet::of(text);
    let venue = venue(&mut sheet, base);
    let strategy = sheet.required("strategy").map(|name| base.join(name));
    let symbols = symbols(&mut sheet);
    let notify = notify(&mut sheet);
    let license = license(&mut sheet, base);
    both_or_neither(&mut sheet);
    let (Some(venue), Some(strategy)) = (venue, strategy) else { return Err(sorted(sheet)) };
    if !sheet.problems.is_empty() {
        return Err(sorted(sheet));
    }
    let place = |key: &str| sheet.text(key).map(|name| base.join(name));
    let state_dir = place("state_dir").unwrap_or_else(|| base.join("state"));
    Ok(Config {
        path: path.to_owned(),
        name: sheet.text("name").unwrap_or("stockade").to_owned(),
        account: account(&sheet, venue.product),
        venue,
        keys: KeyPlace {
            store: place("keys.store").unwrap_or_else(|| base.join("keys.sealed")),
            credential: place("keys.credential"),
            file: place("keys.file"),
        },
        strategy,
        symbols,
        caps: Caps {
            order: sheet.money("caps.order"),
            position: sheet.money("caps.position"),
            per_minute: sheet.number("caps.per_minute"),
            slippage: sheet.percent("caps.slippage"),
        },
        stop: stop(&sheet),
        heartbeat_seconds: sheet.number("heartbeat_seconds").filter(|seconds| *seconds > 0),
        compare_seconds: sheet.number("compare_seconds").unwrap_or(60),
        kill_file: place("kill_file").unwrap_or_else(|| state_dir.join("KILL")),
        state_dir,
        ip_restriction: match sheet.text("ip_restriction") {
            Some("refuse") => IpRestriction::Refuse,
            _ => IpRestriction::Warn,
        },
        license,
        metrics: sheet.text("metrics").and_then(|text| text.parse().ok()),
        log: sheet.text("log").unwrap_or("info").to_owned(),
        sandbox: match sheet.text("sandbox") {
            Some("required") => Sandbox::Required,
            Some("off") => Sandbox::Off,
            _ => Sandbox::BestEffort,
        },
        notify,
    })
}

fn sorted(sheet: Sheet<'_>) -> Vec<Problem> {
    let mut problems = sheet.problems;
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems
}

fn venue(sheet: &mut Sheet<'_>, base: &Path) -> Option<Venue> {
    let name = sheet.required("venue.name");
    let product = sheet.required("venue.product");
    let host = |sheet: &Sheet<'_>, key: &str| sheet.text(key).map(str::to_owned);
    let venue = Venue {
        name: name?.parse::<VenueName>().ok()?,
        product: if product? == "spot" { Product::Spot } else { Product::Perpetual },
        network: if sheet.is_on("venue.testnet") { Network::Test } else { Network::Main },
        ca_file: sheet.text("venue.ca_file").map(|file| base.join(file)),
        rest: host(sheet, "venue.hosts.rest"),
        private: host(sheet, "venue.hosts.private"),
        public: host(sheet, "venue.hosts.public"),
    };
    let given = [&venue.rest, &venue.private, &venue.public].iter().filter(|h| h.is_some()).count();
    if given != 0 && given != 3 {
        let at = sheet.at("venue.hosts");
        let what = "`venue.hosts` names some hosts of one place and leaves others to another";
        sheet.problem(at, what, "name rest, private and public, or none of them");
    }
    Some(venue)
}

fn symbols(sheet: &mut Sheet<'_>) -> Vec<String> {
    let names = sheet.names("symbols");
    let at = sheet.at("symbols");
    if names.is_empty() && !sheet.problems.iter().any(|problem| problem.what.contains("`symbols`"))
    {
        sheet.problem(at, "`symbols` names nothing", "add `symbols: [BTC/USDT]`");
    }
    let mut taken: Vec<String> = Vec::new();
    for (at, name) in names {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/_-:.".contains(c);
        if name.is_empty() || name.len() > SYMBOL_MAX || !name.chars().all(plain) {
            let shown: String = name.chars().take(40).collect();
            let help = "write BTC/USDT, or the venue's own name such as BTCUSDT or BTC-USDT-SWAP";
            sheet.problem(at, &format!("{shown:?} is no symbol"), help);
        } else if taken.contains(&name) {
            sheet.problem(at, &format!("`{name}` is there twice"), "keep one of them");
        } else {
            taken.push(name);
        }
    }
    taken
}

fn account(sheet: &Sheet<'_>, product: Product) -> Account {
    let mode = match sheet.text("account.mode") {
        Some("hedge") if product == Product::Perpetual => Some(Mode::Hedge),
        Some("one-way") => Some(Mode::OneWay),
        _ => None,
    };
    let leverage = match product {
        Product::Spot => 1,
        Product::Perpetual => sheet.number("account.leverage").unwrap_or(1),
    };
    Account { key: sheet.text("account.key").map(str::to_owned), mode, leverage }
}

fn stop(sheet: &Sheet<'_>) -> Option<StopRule> {
    let distance = sheet.percent("stop.distance")?;
    let beyond = sheet.percent("stop.beyond")?;
    sheet.is_on("stop.at_venue").then_some(StopRule { distance, beyond })
}

fn license(sheet: &mut Sheet<'_>, base: &Path) -> Option<LicensePlace> {
    if !sheet.is_written("license") {
        return None;
    }
    let (file, issuer) = (sheet.required("license.file"), sheet.required("license.issuer"));
    Some(LicensePlace { file: base.join(file?), issuer: issuer? })
}

fn both_or_neither(sheet: &mut Sheet<'_>) {
    if sheet.is_written("keys.credential") && sheet.is_written("keys.file") {
        let at = sheet.at("keys.file");
        let what = "`keys.file` and `keys.credential` both open the store";
        sheet.problem(at, what, "keep the one that it is sealed under");
    }
    let is_spot = sheet.text("venue.product") == Some("spot");
    if sheet.text("account.mode") == Some("hedge") {
        let at = sheet.at("account.mode");
        sheet.problem(
            at,
            "`account.mode: hedge` is not traded yet",
            "a strategy holds one position an instrument: write one-way",
        );
    }
    if is_spot && sheet.number("account.leverage").is_some_and(|leverage| leverage > 1) {
        let at = sheet.at("account.leverage");
        sheet.problem(
            at,
            "`account.leverage` is above 1 on spot",
            "coins are paid in full here: remove it",
        );
    }
}

/// What each kind of channel needs besides its secret.
const NEEDS: [(&str, &[&str]); 6] = [
    ("telegram", &["to"]),
    ("discord", &[]),
    ("slack", &[]),
    ("matrix", &["server", "to"]),
    ("webhook", &["url"]),
    ("mail", &["server", "from", "to", "user"]),
];

fn notify(sheet: &mut Sheet<'_>) -> Vec<NotifyPlace> {
    let mut places = Vec::new();
    for place in 0..sheet.count("notify") {
        let key = |name: &str| format!("notify.{place}.{name}");
        let (kind, secret) = (sheet.required(&key("kind")), sheet.required(&key("secret")));
        let (Some(kind), Some(secret)) = (kind, secret) else { continue };
        let needs = NEEDS.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, n)| n);
        for need in needs {
            sheet.required(&key(need));
        }
        let text = |name: &str| sheet.text(&key(name)).map(str::to_owned);
        places.push(NotifyPlace {
            level: text("level").unwrap_or_else(|| "info".to_owned()),
            to: text("to"),
            server: text("server"),
            url: text("url"),
            from: text("from"),
            user: text("user"),
            kind,
            secret,
        });
    }
    places
}

impl Config {
    /// The journal of orders.
    #[must_use]
    pub fn journal_dir(&self) -> PathBuf {
        self.state_dir.join("journal")
    }

    /// Recordings of sessions.
    #[must_use]
    pub fn tape_dir(&self) -> PathBuf {
        self.state_dir.join("tape")
    }

    /// When the last backup was made.
    #[must_use]
    pub fn backup_stamp(&self) -> PathBuf {
        self.state_dir.join("last-backup")
    }

    /// The control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.state_dir.join("control.sock")
    }
}
