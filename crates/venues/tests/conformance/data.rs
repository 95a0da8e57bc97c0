//! The kit's files.

use crate::venue;
use engine::live::Mode;
use market::{
    Instrument, Listing, Money, Pricing, Product, Quantity, Roster, Scale, Settlement, Symbol,
    Traded, VenueName,
};
use serde_json::Value;
use std::path::PathBuf;
use venues::{Hosts, Keys, Setup};

/// Every kind of case, in the order of the page's table.
pub const KINDS: [&str; 6] = ["signature", "request", "answer", "stream", "error", "restart"];

/// A file of cases.
pub struct File {
    pub path: PathBuf,
    pub venue: VenueName,
    pub kind: String,
    pub read: String,
    pub product: Product,
    pub mode: Mode,
    pub volatile: Vec<String>,
    pub cases: Vec<Value>,
    pub roster: Roster,
}

/// Where the kit is.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

fn json(path: &PathBuf) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All files of all venues, in the order of their names.
pub fn files() -> Vec<File> {
    let mut out = Vec::new();
    for venue in venue::ALL {
        let folder = root().join(venue.name());
        let roster = roster(&json(&folder.join("roster.json")));
        let entries = std::fs::read_dir(&folder).expect("the venue has a folder");
        let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("readable").path()).collect();
        paths.sort();
        for path in paths {
            let is_cases = path.file_name().is_some_and(|name| name != "roster.json");
            if is_cases && path.extension().is_some_and(|e| e == "json") {
                out.push(file(*venue, path, &roster));
            }
        }
    }
    out
}

fn file(venue: VenueName, path: PathBuf, roster: &Roster) -> File {
    let whole = json(&path);
    let text = |key: &str| whole[key].as_str().unwrap_or_default().to_owned();
    let kind = text("kind");
    assert!(KINDS.contains(&kind.as_str()), "{}: no kind {kind}", path.display());
    for key in ["source", "read"] {
        assert!(!text(key).is_empty(), "{} has no {key}", path.display());
    }
    let cases = whole["cases"].as_array().cloned().unwrap_or_default();
    let volatile = whole["volatile"].as_array().into_iter().flatten();
    File {
        venue,
        kind,
        read: text("read"),
        product: product(whole["product"].as_str().unwrap_or("perpetual")),
        mode: mode(whole["mode"].as_str().unwrap_or("one_way")),
        volatile: volatile.filter_map(Value::as_str).map(str::to_owned).collect(),
        cases,
        roster: roster.clone(),
        path,
    }
}

/// `spot` or `perpetual`.
pub fn product(text: &str) -> Product {
    match text {
        "spot" => Product::Spot,
        "perpetual" => Product::Perpetual,
        other => panic!("no product {other}"),
    }
}

/// `hedge` or `one_way`.
pub fn mode(text: &str) -> Mode {
    match text {
        "hedge" => Mode::Hedge,
        "one_way" => Mode::OneWay,
        other => panic!("no mode {other}"),
    }
}

/// A step such as `0.001`: its decimals, and the step in units of the last of them.
fn step(text: &str) -> (Scale, u64) {
    let decimals = text.split_once('.').map_or(0, |(_, part)| part.trim_end_matches('0').len());
    let scale = Scale::new(u8::try_from(decimals).expect("few")).expect("few decimals");
    let units = scale.parse(text).unwrap_or_else(|e| panic!("{e}"));
    (scale, units.unsigned_abs())
}

fn roster(whole: &Value) -> Roster {
    let all = whole["instruments"].as_array().expect("roster.json lists instruments");
    Roster::new(all.iter().map(traded).collect())
}

fn traded(one: &Value) -> Traded {
    let text = |key: &str| one[key].as_str().unwrap_or_else(|| panic!("{one} has no {key}"));
    let native: Symbol = text("native").parse().expect("a symbol");
    let product = product(text("product"));
    let ((price_scale, price_step), (lot_scale, size_step)) =
        (step(text("price")), step(text("size")));
    let instrument = Instrument {
        symbol: native.clone(),
        price_scale,
        lot_scale,
        currency: text("quote").parse().expect("a coin"),
    };
    let settlement = match product {
        Product::Spot => Settlement::Cash,
        Product::Perpetual => Settlement::Margin,
    };
    let listing = Listing {
        settlement,
        pricing: Pricing::Positive,
        price_step: u32::try_from(price_step).expect("small"),
        size_step,
        size_min: Quantity(size_step),
        ..Listing::of(instrument)
    };
    Traded {
        native,
        product,
        base: text("base").parse().expect("a coin"),
        contract: Money::parse(one["contract"].as_str().unwrap_or("1")).expect("a decimal"),
        listing,
        trading: true,
        leverage_max: 100,
    }
}

impl File {
    /// The client that a case is for: it may say `product`, `mode`, `key`, `secret`, `passphrase`.
    pub fn setup(&self, case: &Value) -> Setup {
        let text = |key: &str, otherwise: &str| case[key].as_str().unwrap_or(otherwise).to_owned();
        let passphrase = case["passphrase"].as_str().unwrap_or("passphrase").to_owned();
        Setup {
            product: self.product_of(case),
            mode: case["mode"].as_str().map_or(self.mode, mode),
            roster: self.roster.clone(),
            hosts: Hosts { rest: "https://venue.test".into(), private: "wss://venue.test".into() },
            keys: Keys {
                key: text("key", "key"),
                secret: text("secret", "secret").into_bytes().into(),
                passphrase: Some(passphrase.into()),
            },
            window_ms: 5000,
        }
    }

    /// The product that a case is for.
    pub fn product_of(&self, case: &Value) -> Product {
        case["product"].as_str().map_or(self.product, product)
    }
}
