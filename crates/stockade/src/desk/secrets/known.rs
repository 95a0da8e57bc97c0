//! Which secrets the server knows, and under which names people have them elsewhere.

/// A secret, or a family of them, that the server knows what to do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownSecret {
    /// Its name; with a dot at the end, what names of the family begin with.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub purpose: &'static str,
}

impl KnownSecret {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self { name: "mail.password", purpose: "signs in at mail.server" },
        Self { name: "database.", purpose: "opens the database, where a setting names it" },
        Self { name: "vendor.", purpose: "key of a price vendor" },
        Self { name: "webhook.", purpose: "token of a webhook" },
        Self { name: "dkim.", purpose: "signs mail" },
        Self { name: "errors.dsn", purpose: "says where errors are reported" },
        Self { name: "nowpayments.ipn", purpose: "verifies what NowPayments tells" },
    ];

    /// The one that a name belongs to.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| {
            let rest = name.strip_prefix(known.name);
            rest.is_some_and(|rest| rest.is_empty() != known.name.ends_with('.'))
        })
    }

    /// Whether its values are one line of text, as all are that people bring.
    #[must_use]
    pub fn is_a_line(self) -> bool {
        self.name != "dkim."
    }
}

/// Families that one may bring along in plain text, and how a variable of theirs begins.
const FAMILIES: [(&str, &str); 2] =
    [("vendor.", "STOCKADE_VENDOR_"), ("webhook.", "STOCKADE_WEBHOOK_")];
/// Names of single secrets, with those that others give them.
const ALIASES: [(&str, &str); 11] = [
    ("mail.password", "mail.password"),
    ("STOCKADE_MAIL_PASSWORD", "mail.password"),
    ("database.password", "database.password"),
    ("STOCKADE_DATABASE_PASSWORD", "database.password"),
    // What libpq's programs read, and sqlx with them.
    ("PGPASSWORD", "database.password"),
    ("errors.dsn", "errors.dsn"),
    ("STOCKADE_ERRORS_DSN", "errors.dsn"),
    ("SENTRY_DSN", "errors.dsn"),
    ("nowpayments.ipn", "nowpayments.ipn"),
    ("STOCKADE_NOWPAYMENTS_IPN", "nowpayments.ipn"),
    ("NOWPAYMENTS_IPN_SECRET", "nowpayments.ipn"),
];

/// The secret that a key of a file, or a variable, holds in plain text; none if it is another matter.
#[must_use]
pub fn secret_named(written: &str) -> Option<String> {
    if let Some((_, name)) = ALIASES.iter().find(|(alias, _)| *alias == written) {
        return Some((*name).to_owned());
    }
    FAMILIES.iter().find_map(|(family, variable)| {
        let of_file = written.strip_prefix(family);
        let rest = of_file.or_else(|| written.strip_prefix(variable))?;
        (!rest.is_empty()).then(|| format!("{family}{}", rest.to_ascii_lowercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_a_secret_or_a_family() {
        let check = |name: &str, want: Option<&str>| {
            assert_eq!(KnownSecret::of(name).map(|known| known.name), want, "{name}");
        };
        check("mail.password", Some("mail.password"));
        check("mail.passwords", None);
        check("vendor.polygon", Some("vendor."));
        check("vendor.", None);
        check("database.url", Some("database."));
        check("dkim.stockade-rsa", Some("dkim."));
        check("errors.dsn", Some("errors.dsn"));
        check("nowpayments.ipn", Some("nowpayments.ipn"));
        check("nowpayments.key", None);
        check("anything", None);
    }

    #[test]
    fn what_others_call_a_secret_is_known() {
        let check = |written: &str, want: Option<&str>| {
            assert_eq!(secret_named(written).as_deref(), want, "{written}");
        };
        check("mail.password", Some("mail.password"));
        check("STOCKADE_MAIL_PASSWORD", Some("mail.password"));
        check("PGPASSWORD", Some("database.password"));
        check("errors.dsn", Some("errors.dsn"));
        check("SENTRY_DSN", Some("errors.dsn"));
        check("NOWPAYMENTS_IPN_SECRET", Some("nowpayments.ipn"));
        check("vendor.polygon", Some("vendor.polygon"));
        check("STOCKADE_VENDOR_POLYGON_IO", Some("vendor.polygon_io"));
        check("STOCKADE_WEBHOOK_DESK", Some("webhook.desk"));
        check("STOCKADE_VENDOR_", None);
        check("STOCKADE_MAIL_SERVER", None);
        check("database.url", None);
        check("PATH", None);
    }
}
