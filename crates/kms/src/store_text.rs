//! The text of a store of secrets: lines of fields, a tab between them.
//!
//! ```text
//! stockade-secrets/1
//! store   ID
//! holder  passphrase  m=65536,t=3,p=1  SALT
//! key     SEALED
//! entry   NAME  CREATED  FINGERPRINT  LABEL  SEALED
//! end     MAC  CHECKSUM
//! ```
//!
//! The checksum tells an accident from a wrong passphrase; the authentication code, which needs the
//! key, tells who can only compute checksums.

use crate::{
    Error,
    holder::{Cost, HolderKind, SALT_BYTES},
};
use jiff::Timestamp;
use seal::sha256;

pub const MAGIC: &str = "stockade-secrets/1";
const END_BYTES: usize = "end\t".len() + 64 + 1 + 32 + 1;
const UNREADABLE: &str = "a line that cannot be read";

/// A store as it stands in its file.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Random, in hexadecimal: entries of two stores do not mix.
    pub id: String,
    /// What the key is sealed under.
    pub kind: HolderKind,
    /// For the derivation of the holder's key.
    pub salt: [u8; SALT_BYTES],
    /// The store's own key, sealed.
    pub key: Vec<u8>,
    /// The secrets, in the order of their names.
    pub rows: Vec<Row>,
}

/// One secret, sealed.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// When it was put in.
    pub created: Timestamp,
    /// Tells two values apart without telling either.
    pub fingerprint: String,
    /// For people.
    pub label: String,
    /// The value.
    pub sealed: Vec<u8>,
}

impl Row {
    /// What the value is bound to beside its name.
    pub fn binding(&self) -> String {
        format!("{}\t{}\t{}", self.created, self.fingerprint, self.label)
    }
}

impl Sheet {
    /// What the store's own key is bound to.
    pub fn holder_line(&self) -> String {
        let salt = hex::encode(self.salt);
        match self.kind {
            HolderKind::Passphrase(cost) => format!("holder\tpassphrase\t{cost}\t{salt}"),
            HolderKind::Credential => format!("holder\tcredential\t-\t{salt}"),
            HolderKind::KeyFile => format!("holder\tkey-file\t-\t{salt}"),
        }
    }

    /// All lines but the last.
    pub fn body(&self) -> String {
        let mut text = format!("{MAGIC}\nstore\t{}\n{}\n", self.id, self.holder_line());
        text.push_str(&format!("key\t{}\n", hex::encode(&self.key)));
        for row in &self.rows {
            let sealed = hex::encode(&row.sealed);
            text.push_str(&format!("entry\t{}\t{}\t{sealed}\n", row.name, row.binding()));
        }
        text
    }

    /// The body with its last line, for this authentication code.
    pub fn render(body: String, mac: &[u8; 32]) -> String {
        let mut text = body + "end\t" + &hex::encode(mac) + "\t";
        let checksum = checksum(text.as_bytes());
        text.push_str(&checksum);
        text.push('\n');
        text
    }

    /// Reads a file back: the sheet, its body and the authentication code over it.
    pub fn parse<'a>(place: &str, bytes: &'a [u8]) -> Result<(Self, &'a [u8], [u8; 32]), Error> {
        let edited = |why| Error::Edited { place: place.into(), why };
        let truncated = || Error::Truncated { place: place.into() };
        let magic = [MAGIC.as_bytes(), b"\n"].concat();
        if !bytes.starts_with(&magic) {
            let cut = magic.starts_with(bytes);
            let other = Error::Foreword { place: place.into(), magic: MAGIC };
            return Err(if cut { truncated() } else { other });
        }
        let whole = bytes.strip_suffix(b"\n").ok_or_else(truncated)?;
        let start = whole.iter().rposition(|byte| *byte == b'\n').ok_or_else(truncated)? + 1;
        let (body, end) = bytes.split_at(start);
        if end.len() != END_BYTES {
            return Err(truncated());
        }
        let (sealed, stored) = whole.split_at(whole.len() - 32);
        if checksum(sealed).as_bytes() != stored {
            return Err(edited("its checksum does not match"));
        }
        let mac = end.strip_prefix(b"end\t").and_then(|rest| rest.get(..64));
        let mac = mac.and_then(|digits| unhex(digits)?.try_into().ok());
        let mac = mac.ok_or_else(|| edited(UNREADABLE))?;
        let text = std::str::from_utf8(body).ok();
        let sheet = text.and_then(lines).ok_or_else(|| edited(UNREADABLE))?;
        Ok((sheet, body, mac))
    }
}

/// The sheet of a body, if every line is one that this version writes.
fn lines(body: &str) -> Option<Sheet> {
    let mut lines = body.lines().skip(1);
    let id = lines.next()?.strip_prefix("store\t")?.to_owned();
    let holder: Vec<&str> = lines.next()?.split('\t').collect();
    let (kind, salt) = match holder.as_slice() {
        ["holder", "passphrase", cost, salt] => (HolderKind::Passphrase(Cost::parse(cost)?), salt),
        ["holder", "credential", "-", salt] => (HolderKind::Credential, salt),
        ["holder", "key-file", "-", salt] => (HolderKind::KeyFile, salt),
        _ => return None,
    };
    let salt = unhex(salt.as_bytes())?.try_into().ok()?;
    let key = unhex(lines.next()?.strip_prefix("key\t")?.as_bytes())?;
    let rows = lines.map(row).collect::<Option<_>>()?;
    let sheet = Sheet { id, kind, salt, key, rows };
    (sheet.body() == body).then_some(sheet)
}

fn row(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split('\t').collect();
    let ["entry", name, created, fingerprint, label, sealed] = fields.as_slice() else {
        return None;
    };
    Some(Row {
        name: (*name).to_owned(),
        created: created.parse().ok()?,
        fingerprint: (*fingerprint).to_owned(),
        label: (*label).to_owned(),
        sealed: unhex(sealed.as_bytes())?,
    })
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    hex::decode(digits).ok()
}

/// Thirty-two digits over everything before them.
fn checksum(bytes: &[u8]) -> String {
    hex::encode(sha256(bytes)).get(..32).unwrap_or_default().to_owned()
}
