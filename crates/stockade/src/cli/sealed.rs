//! Settings that name a secret instead of saying it: `sealed:NAME` for the whole, or in the place of an
//! address's password.

use super::{configuration::data_dir, usage};
use crate::desk::{self, Home, Secrets};
use seal::Secret;
use settings::{Origin, Settings};

const MARK: &str = "sealed:";
/// A variable with a password that programs of PostgreSQL read.
const LIBPQ: &str = "PGPASSWORD";
/// Settings that are addresses with a password in them.
pub(super) const ADDRESSES: [&str; 2] = ["database.url", "database.owner"];

/// What a setting says.
#[derive(Debug, PartialEq, Eq)]
enum Said<'a> {
    /// Itself.
    Plain,
    /// A secret's name.
    Whole(&'a str),
    /// An address, with a secret's name between its parts.
    Password(&'a str, &'a str, &'a str),
}

fn said(text: &str) -> Said<'_> {
    if let Some(name) = text.strip_prefix(MARK) {
        return Said::Whole(name);
    }
    match password(text) {
        Some((before, password, after)) => match password.strip_prefix(MARK) {
            Some(name) => Said::Password(before, name, after),
            None => Said::Plain,
        },
        None => Said::Plain,
    }
}

/// An address around its password, if it has one.
fn password(address: &str) -> Option<(&str, &str, &str)> {
    let start = address.find("://")? + "://".len();
    let rest = address.get(start..)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let at = rest.get(..end)?.rfind('@')?;
    let colon = rest.get(..at)?.find(':')?;
    let (from, to) = (start + colon + 1, start + at);
    let parts = (address.get(..from)?, address.get(from..to)?, address.get(to..)?);
    (!parts.1.is_empty()).then_some(parts)
}

/// Whether an address says a password itself.
pub(super) fn has_password(address: &str) -> bool {
    said(address) == Said::Plain && password(address).is_some()
}

/// Which settings name this secret.
pub(super) fn named_by(name: &str, settings: &Settings) -> Option<&'static str> {
    ADDRESSES.into_iter().find(|key| match said(settings.text(key)) {
        Said::Whole(found) | Said::Password(_, found, _) => found == name,
        Said::Plain => false,
    })
}

/// The secrets of the installation; they can be reached before its database.
pub(super) fn secrets(settings: &Settings) -> anyhow::Result<Secrets> {
    let plain = ADDRESSES.into_iter().all(|key| said(settings.text(key)) == Said::Plain);
    let home = if plain { super::configuration::home(settings)? } else { unaddressed(settings)? };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(desk::secrets_of(&home))?)
}

/// The data directory and its keys, whatever its database is.
fn unaddressed(settings: &Settings) -> anyhow::Result<Home> {
    Ok(Home::from(&data_dir(settings)).with_keys(super::keys::terms(settings)?))
}

/// A setting's text, with the secret in its place.
pub(super) fn resolved(key: &str, settings: &Settings) -> anyhow::Result<Secret<String>> {
    let text = settings.text(key);
    let name = match said(text) {
        Said::Plain => return Ok(Secret::new(text.to_owned())),
        Said::Whole(name) | Said::Password(_, name, _) => name,
    };
    let value =
        secrets(settings)?.find(name).map_err(|error| absent(key, name, settings, &error))?;
    let missing = "no secret of this name is sealed here";
    let value = value.ok_or_else(|| absent(key, name, settings, &missing))?;
    let value = std::str::from_utf8(value.expose())
        .map_err(|_| absent(key, name, settings, &"the secret is no text"))?;
    Ok(Secret::new(match said(text) {
        Said::Password(before, _, after) => format!("{before}{}{after}", encoded(value)),
        _ => value.to_owned(),
    }))
}

fn absent(
    key: &str,
    name: &str,
    settings: &Settings,
    why: &dyn std::fmt::Display,
) -> anyhow::Error {
    let name: String = name.chars().take(64).collect();
    let place = settings.origin(key);
    usage(format!(
        "{key} ({place}) names {MARK}{name}: {why}; `stockade secrets put {name}` seals it"
    ))
}

/// As it stands in an address: all but letters, digits and four signs as `%XX`.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A secret in plain text where the server reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InPlain {
    /// What it would be called in the store.
    pub name: String,
    /// Where it stands.
    pub place: String,
    /// The command that takes it over.
    pub fix: String,
}

/// The secrets that lie in plain text in what this program reads.
pub(super) fn in_plain(settings: &Settings) -> Vec<InPlain> {
    let found = |name: &str, origin: &Origin| InPlain {
        name: name.to_owned(),
        place: origin.to_string(),
        fix: fix(origin),
    };
    let misplaced = settings.misplaced().iter().map(|one| found(&one.name, &one.origin));
    let addresses = ADDRESSES.into_iter().filter(|key| has_password(settings.text(key)));
    let addresses = addresses.map(|key| found(key, settings.origin(key)));
    let mut all: Vec<InPlain> = misplaced.chain(addresses).collect();
    // The database's own library reads it, whatever the settings say.
    if std::env::var_os(LIBPQ).is_some_and(|value| !value.is_empty()) {
        let origin = Origin::Environment { variable: LIBPQ.to_owned() };
        all.push(found("database.password", &origin));
    }
    all
}

/// The command that takes over what stands there.
pub(super) fn fix(origin: &Origin) -> String {
    match origin {
        Origin::File { path, .. } => {
            format!("stockade secrets import --file {}", path.display())
        }
        _ => "stockade secrets import --env".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_says_itself_or_names_a_secret() {
        let check = |text: &str, want: Said<'_>| assert_eq!(said(text), want, "{text}");
        check("sqlite", Said::Plain);
        check("sealed:database.url", Said::Whole("database.url"));
        check("postgres://u@h/d", Said::Plain);
        check("postgres://u:word@h/d", Said::Plain);
        let (before, after) = ("postgres://u:", "@h:5432/d?sslmode=verify-full");
        let address = format!("{before}sealed:database.password{after}");
        check(&address, Said::Password(before, "database.password", after));
        check("postgres://h/d?x=a:sealed:b@c", Said::Plain);
    }

    #[test]
    fn an_address_with_a_password_is_told_from_one_without() {
        let check = |text: &str, want: bool| assert_eq!(has_password(text), want, "{text}");
        check("postgres://u:word@h/d", true);
        check("postgres://u:p@ss@h/d", true);
        check("postgres://u@h:5432/d", false);
        check("postgres://u:@h/d", false);
        check("postgres://h/d?a=b:c@d", false);
        check("postgres://u:sealed:x@h/d", false);
        check("sealed:x", false);
        check("sqlite:/a:b@c", false);
    }

    #[test]
    fn a_password_of_any_signs_stands_in_an_address() {
        assert_eq!(encoded("aZ9-._~"), "aZ9-._~");
        assert_eq!(encoded("p@s/s:w?rd#%ä"), "p%40s%2Fs%3Aw%3Frd%23%25%C3%A4");
    }
}
