//! The text of a key ring: lines of fields, a tab between them.
//!
//! ```text
//! stockade-keys/1
//! ring      ID
//! holder    KIND  COST  SALT  VERSION
//! recovery  RECIPIENT
//! key       PURPOSE  VERSION  CREATED  ROOT  WRAPPED  RECOVERABLE
//! end       MAC  CHECKSUM
//! ```
//!
//! What a line does not have is a `-`. The checksum tells an accident; the authentication code, whose
//! key is wrapped in the first line of keys, tells an edit by somebody without the root key.

use crate::{Cost, Error, root::Wrapped};
use jiff::Timestamp;
use seal::{Recipient, sha256};

pub const MAGIC: &str = "stockade-keys/1";
const END_BYTES: usize = "end\t".len() + 64 + 1 + 32 + 1;
const UNREADABLE: &str = "a line that cannot be read";

/// What a ring is wrapped under, which tells what to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingHead {
    /// Random, in hexadecimal: keys of two rings do not mix.
    pub id: String,
    /// The holder's kind, as the setting `keys.holder` has it.
    pub kind: String,
    /// What a passphrase costs.
    pub cost: Option<Cost>,
    /// For a root key that is derived.
    pub salt: Option<[u8; 16]>,
    /// The version of the root key.
    pub version: u32,
    /// Who can open it without the root key.
    pub recovery: Option<Recipient>,
}

/// A ring as it stands in its file.
#[derive(Debug, Clone)]
pub struct RingSheet {
    pub head: RingHead,
    pub rows: Vec<RingRow>,
}

/// The keys of one purpose, wrapped.
#[derive(Debug, Clone)]
pub struct RingRow {
    pub purpose: String,
    pub version: u32,
    pub created: Timestamp,
    pub wrapped: Wrapped,
    /// The same keys, sealed to the offline recipient.
    pub recoverable: Option<Vec<u8>>,
}

impl RingSheet {
    /// All lines but the last.
    pub fn body(&self) -> String {
        let RingHead { id, kind, cost, salt, version, recovery } = &self.head;
        let (cost, salt) = (dash(cost.as_ref()), dash(salt.map(hex::encode)));
        let recovery = dash(recovery.as_ref());
        let mut text = format!(
            "{MAGIC}\nring\t{id}\nholder\t{kind}\t{cost}\t{salt}\t{version}\nrecovery\t{recovery}\n"
        );
        for row in &self.rows {
            let RingRow { purpose, version, created, wrapped, recoverable } = row;
            let (root, bytes) = (wrapped.root, hex::encode(&wrapped.bytes));
            let recoverable = dash(recoverable.as_ref().map(hex::encode));
            text.push_str(&format!(
                "key\t{purpose}\t{version}\t{created}\t{root}\t{bytes}\t{recoverable}\n"
            ));
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
        let mac = mac.and_then(|digits| hex::decode(digits).ok()?.try_into().ok());
        let mac = mac.ok_or_else(|| edited(UNREADABLE))?;
        let text = std::str::from_utf8(body).ok();
        let sheet = text.and_then(lines).ok_or_else(|| edited(UNREADABLE))?;
        Ok((sheet, body, mac))
    }
}

fn dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A field that cannot be read.
struct Unreadable;

/// What may be missing.
fn given<T>(text: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Unreadable> {
    if text == "-" { Ok(None) } else { read(text).map(Some).ok_or(Unreadable) }
}

/// The sheet of a body, if every line is one that this version writes.
fn lines(body: &str) -> Option<RingSheet> {
    let mut lines = body.lines().skip(1);
    let id = lines.next()?.strip_prefix("ring\t")?.to_owned();
    let holder: Vec<&str> = lines.next()?.split('\t').collect();
    let ["holder", kind, cost, salt, version] = holder.as_slice() else { return None };
    let recovery = lines.next()?.strip_prefix("recovery\t")?;
    let head = RingHead {
        id,
        kind: (*kind).to_owned(),
        cost: given(cost, Cost::parse).ok()?,
        salt: given(salt, |digits| hex::decode(digits).ok()?.try_into().ok()).ok()?,
        version: version.parse().ok()?,
        recovery: given(recovery, |text| text.parse().ok()).ok()?,
    };
    let rows = lines.map(row).collect::<Option<_>>()?;
    let sheet = RingSheet { head, rows };
    (sheet.body() == body).then_some(sheet)
}

fn row(line: &str) -> Option<RingRow> {
    let fields: Vec<&str> = line.split('\t').collect();
    let ["key", purpose, version, created, root, wrapped, recoverable] = fields.as_slice() else {
        return None;
    };
    Some(RingRow {
        purpose: (*purpose).to_owned(),
        version: version.parse().ok()?,
        created: created.parse().ok()?,
        wrapped: Wrapped { root: root.parse().ok()?, bytes: hex::decode(wrapped).ok()? },
        recoverable: given(recoverable, |digits| hex::decode(digits).ok()).ok()?,
    })
}

/// Thirty-two digits over everything before them.
fn checksum(bytes: &[u8]) -> String {
    hex::encode(sha256(bytes)).get(..32).unwrap_or_default().to_owned()
}
