//! Which column is what.

use crate::{Content, Error, Flaw, Limits, Mapping, Place, Result, error::nearest};
use serde::{Deserialize, Serialize};
use std::{fmt, path::Path};

/// What a column is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Role {
    /// When the bar opened.
    Time,
    /// Whose bar it is.
    Symbol,
    /// First price.
    Open,
    /// Highest price.
    High,
    /// Lowest price.
    Low,
    /// Last price.
    Close,
    /// Traded size.
    Volume,
    /// A further numeric field under this name.
    Extra(String),
    /// Not imported.
    Ignore,
}

impl Role {
    /// By its name; any other plain lower-case name is an extra field.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "time" => Self::Time,
            "symbol" => Self::Symbol,
            "open" => Self::Open,
            "high" => Self::High,
            "low" => Self::Low,
            "close" => Self::Close,
            "volume" => Self::Volume,
            "ignore" => Self::Ignore,
            other if is_field_name(other) => Self::Extra(other.to_owned()),
            _ => return None,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "given",
            Self::Guessed => "guessed",
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Time => "time",
            Self::Symbol => "symbol",
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
            Self::Ignore => "ignore",
            Self::Extra(name) => name,
        })
    }
}

fn is_field_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(plain)
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The importer, by name or by content.
    Guessed,
    /// The request.
    Given,
}

/// One column and what it became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnUse {
    /// Its name in the file.
    pub column: String,
    /// What it became.
    pub role: Role,
    /// Who decided.
    pub origin: Origin,
}

/// Names by which vendors call a role, lower case, letters and digits only, best first.
const ALIASES: [(Role, &[&str]); 7] = [
    (
        Role::Time,
        &[
            "time",
            "timestamp",
            "datetime",
            "date",
            "ts",
            "opentime",
            "opentimestamp",
            "tsevent",
            "dt",
            "day",
            "tradingday",
            "tradedate",
            "datadate",
            "period",
            "unix",
            "epoch",
        ],
    ),
    (
        Role::Symbol,
        &[
            "symbol",
            "ticker",
            "sym",
            "instrument",
            "tic",
            "code",
            "currency",
            "security",
            "asset",
            "pair",
            "name",
            "secid",
        ],
    ),
    (Role::Open, &["open", "o", "openprice", "pxopen", "openingprice", "priceopen"]),
    (Role::High, &["high", "h", "highprice", "pxhigh", "pricehigh"]),
    (Role::Low, &["low", "l", "lowprice", "pxlow", "pricelow"]),
    (
        Role::Close,
        &[
            "close",
            "c",
            "last",
            "closelast",
            "closeprice",
            "pxlast",
            "priceclose",
            "price",
            "rate",
            "settle",
            "settlement",
            "value",
            "nav",
        ],
    ),
    (
        Role::Volume,
        &["volume", "vol", "v", "qty", "quantity", "basevolume", "totalvolume", "pxvolume"],
    ),
];

/// The same for ticks, by the name of the role.
const TICK_ALIASES: [(Content, &str, &[&str]); 9] = [
    (
        Content::Quotes,
        "bid",
        &["bid", "bidprice", "bestbid", "bestbidprice", "bidpx", "bidpx00", "pxbid", "b"],
    ),
    (
        Content::Quotes,
        "ask",
        &["ask", "askprice", "bestask", "bestaskprice", "askpx", "askpx00", "pxask", "offer", "a"],
    ),
    (
        Content::Quotes,
        "bid_size",
        &["bidsize", "bidqty", "bestbidqty", "bestbidsize", "bidsz", "bidsz00", "bidamount"],
    ),
    (
        Content::Quotes,
        "ask_size",
        &["asksize", "askqty", "bestaskqty", "bestasksize", "asksz", "asksz00", "askamount"],
    ),
    (Content::Trades, "price", &["price", "tradeprice", "px", "last", "p"]),
    (
        Content::Trades,
        "size",
        &["size", "qty", "quantity", "amount", "volume", "tradesize", "sz", "q", "v"],
    ),
    (Content::Trades, "side", &["side", "aggressor", "takerside", "aggressorside"]),
    (Content::Quotes, "time", &["transactiontime", "eventtime"]),
    (Content::Trades, "time", &["tradetime", "transacttime"]),
];

/// Names of the roles that a file of this content can have.
fn aliases(content: Content) -> Vec<(Role, &'static [&'static str])> {
    let bars = ALIASES.iter().map(|(role, names)| (role.clone(), *names));
    if content == Content::Bars {
        return bars.collect();
    }
    let own = TICK_ALIASES.iter().filter(|(of, ..)| *of == content);
    let own = own.filter_map(|(_, role, names)| Some((Role::parse(role)?, *names)));
    bars.filter(|(role, _)| matches!(role, Role::Time | Role::Symbol)).chain(own).collect()
}

/// The columns of a file and their roles.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) uses: Vec<ColumnUse>,
}

impl Header {
    /// Roles as given, then by name; of bars, what is left and `numeric` is an extra field.
    pub(crate) fn map(
        path: &Path,
        (names, numeric): (&[String], &[bool]),
        (content, mapping): (Content, &Mapping),
        limits: &Limits,
    ) -> Result<Self> {
        let flaw = |flaw| Place::line(path, 1).is(flaw);
        if names.len() > limits.columns_max {
            let limit = limits.columns_max as u64;
            return Err(flaw(Flaw::Limit { what: "columns", limit }));
        }
        for (i, name) in names.iter().enumerate() {
            if !name.is_empty() && names.iter().take(i).any(|earlier| earlier == name) {
                return Err(flaw(Flaw::TwoColumns { name: name.clone() }));
            }
        }
        let mut roles: Vec<Option<(Role, Origin)>> = vec![None; names.len()];
        for (role, column) in &mapping.given {
            let slot = names.iter().position(|name| name == column);
            let slot = slot.or_else(|| names.iter().position(|n| n.eq_ignore_ascii_case(column)));
            let Some(found) = slot.and_then(|i| roles.get_mut(i)) else {
                let suggestion = nearest(column, names.iter().map(String::as_str));
                let name = column.clone();
                return Err(flaw(Flaw::UnknownColumn { name, suggestion }));
            };
            *found = Some((role.clone(), Origin::Given));
        }
        guess(names, content, &mut roles);
        if content == Content::Bars {
            extras(names, numeric, &mut roles, limits.extra_fields_max);
        }
        let header = Self {
            uses: names
                .iter()
                .zip(roles)
                .map(|(column, role)| {
                    let (role, origin) = role.unwrap_or((Role::Ignore, Origin::Guessed));
                    ColumnUse { column: column.clone(), role, origin }
                })
                .collect(),
        };
        for role in std::iter::once(Role::Time).chain(content.required()) {
            if header.column(&role).is_none() {
                return Err(flaw(Flaw::NoColumn { role, columns: names.to_vec() }));
            }
        }
        Ok(header)
    }

    /// The column that plays a role.
    pub(crate) fn column(&self, role: &Role) -> Option<usize> {
        self.uses.iter().position(|u| u.role == *role)
    }

    /// The name of a column.
    pub(crate) fn name(&self, column: usize) -> &str {
        self.uses.get(column).map_or("", |u| u.column.as_str())
    }

    /// Extra fields: column and name.
    pub(crate) fn extra(&self) -> Vec<(usize, String)> {
        let extra = |(i, u): (usize, &ColumnUse)| match &u.role {
            Role::Extra(name) => Some((i, name.clone())),
            _ => None,
        };
        self.uses.iter().enumerate().filter_map(extra).collect()
    }
}

fn guess(names: &[String], content: Content, roles: &mut [Option<(Role, Origin)>]) {
    let plain: Vec<String> = names.iter().map(|name| plain(name)).collect();
    for (role, aliases) in aliases(content) {
        if roles.iter().flatten().any(|(taken, _)| *taken == role) {
            continue;
        }
        let free = |alias: &&str| {
            let is = |(name, taken): (&String, &Option<(Role, Origin)>)| {
                name == alias && taken.is_none()
            };
            plain.iter().zip(roles.iter()).position(is)
        };
        if let Some(slot) = aliases.iter().find_map(free).and_then(|i| roles.get_mut(i)) {
            *slot = Some((role, Origin::Guessed));
        }
    }
}

fn extras(names: &[String], numeric: &[bool], roles: &mut [Option<(Role, Origin)>], most: usize) {
    let mut kept = roles.iter().flatten().filter(|(r, _)| matches!(r, Role::Extra(_))).count();
    for i in 0..roles.len() {
        let name = field_name(names.get(i).map_or("", String::as_str));
        let taken = roles.iter().flatten().any(|(role, _)| role.to_string() == name);
        let usable = numeric.get(i) == Some(&true) && is_field_name(&name) && !taken;
        if let Some(slot @ None) = roles.get_mut(i)
            && usable
            && kept < most
        {
            *slot = Some((Role::Extra(name), Origin::Guessed));
            kept += 1;
        }
    }
}

/// Lower case, letters and digits only.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// `Adj Close` becomes `adj_close`.
pub(crate) fn field_name(name: &str) -> String {
    let mut field = String::new();
    for c in name.trim().chars() {
        if c.is_ascii_alphanumeric() {
            field.push(c.to_ascii_lowercase());
        } else if !field.is_empty() && !field.ends_with('_') {
            field.push('_');
        }
    }
    field.trim_end_matches('_').to_owned()
}

impl TryFrom<String> for Role {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text).ok_or(Error::Mapping { text })
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.to_string()
    }
}

impl Error {
    /// Is it the reader's file that is wrong, not the machine or the catalogue?
    #[must_use]
    pub const fn is_input(&self) -> bool {
        matches!(
            self,
            Self::File { .. }
                | Self::Mapping { .. }
                | Self::TimeZone { .. }
                | Self::Content { .. }
                | Self::Market(_)
        )
    }
}
