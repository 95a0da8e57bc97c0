//! The notifications of `NowPayments` ("IPN"): a JSON body and `x-nowpayments-sig`, the hexadecimal HMAC-SHA512 of the
//! body under a secret that merchant and processor share.
//!
//! What exactly is signed is told in several ways that disagree. Two are believed here: the bytes as they came, and
//! the text that the processor's own library makes of them (`canonical`). A third, which most integrations copy,
//! leaves out whatever lies deeper than the first level: anybody could change that unseen, so it is never believed.
//! A body carries neither number nor time of its sending: that it comes twice is for the receiver to see, by
//! [`Notice::digest`].

mod canonical;
mod json;
mod status;

pub use json::{BYTES_MAX, DEPTH_MAX};
pub use status::{Status, Step};

use crate::{Amount, Error, decimal::Decimal};
use aws_lc_rs::hmac;
use json::{Node, Object};
use seal::{Secret, sha256};

/// The header that holds the signature.
pub const SIGNATURE: &str = "x-nowpayments-sig";
/// Bytes of an HMAC-SHA512.
const TAG_BYTES: usize = 64;
/// Bytes of an identifier.
const ID_BYTES_MAX: usize = 64;
/// Bytes of a status or of a currency's name.
const WORD_BYTES_MAX: usize = 32;
/// Beyond it a double no longer holds every integer.
const EXACT_MAX: u64 = (1 << 53) - 1;

/// The secret that is shared with the processor.
#[derive(Debug)]
pub struct IpnSecret(Secret<Vec<u8>>);

impl IpnSecret {
    /// As the dashboard shows it; blanks around it are not part of it. Nobody signs under an empty one.
    #[must_use]
    pub fn new(text: &Secret<Vec<u8>>) -> Option<Self> {
        let bytes = text.expose().trim_ascii();
        (!bytes.is_empty()).then(|| Self(Secret::new(bytes.to_vec())))
    }

    /// Whether the tag is that of the text, in constant time.
    fn signed(&self, text: &[u8], tag: &[u8; TAG_BYTES]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA512, self.0.expose());
        hmac::verify(&key, text, tag).is_ok()
    }
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A payment to the merchant.
    Payment,
    /// Money that the merchant moved out.
    Withdrawal,
    /// A movement between accounts that the processor keeps.
    Custody,
    /// Something that is not known here.
    Other,
}

impl Kind {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Withdrawal => "withdrawal",
            Self::Custody => "custody",
            Self::Other => "other",
        }
    }

    fn of(body: &Object) -> Self {
        let has = |key| body.get(key).is_some();
        match () {
            () if has("payment_id") || has("payment_status") => Self::Payment,
            () if has("batch_withdrawal_id") => Self::Withdrawal,
            () if has("id") && has("status") => Self::Custody,
            () => Self::Other,
        }
    }
}

/// An amount and what it is counted in, as far as a notice says either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sum {
    /// How much.
    pub amount: Option<Amount>,
    /// Of what, in lower case.
    pub currency: Option<String>,
}

/// A notice that the processor signed: only [`Notice::verify`] makes one.
///
/// It has the named fields and no others: to whom money was sent is not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// What it is about.
    pub kind: Kind,
    /// SHA-256 by which the same notice is known again, however it is written.
    pub digest: [u8; 32],
    /// The number of what it is about.
    pub id: Option<String>,
    /// The payment that this one only hangs on: money that came again, or in another coin.
    pub parent: Option<String>,
    /// The merchant's own name for the order.
    pub order: Option<String>,
    /// How it stands, in the processor's word and lower case.
    pub status: Option<String>,
    /// What was asked for.
    pub price: Sum,
    /// What was to be paid, in the coin that was chosen.
    pub due: Sum,
    /// What came in, in the same coin.
    pub paid: Sum,
    /// What of it reaches the merchant.
    pub outcome: Sum,
    /// Fields that are there and cannot be believed, or read, as what they should be.
    pub unread: Vec<&'static str>,
}

impl Notice {
    /// Believes a body whose signature is the processor's, and reads it.
    pub fn verify(raw: &[u8], signature: &str, secret: &IpnSecret) -> Result<Self, Error> {
        let body = Object::read(raw)?;
        let tag = tag(signature).ok_or(Error::Signature)?;
        let canonical = canonical::text(&body);
        // Both are looked at whatever the first one says: how long it takes tells nothing.
        let as_it_came = secret.signed(raw, &tag);
        let as_its_text = secret.signed(canonical.as_bytes(), &tag);
        match (as_it_came, as_its_text) {
            // Digits that a double loses were signed as well: the text without them is another notice's.
            (true, false) if loses_digits(&body) => Ok(Self::read(&body, raw, Numbers::Exact)),
            (true, _) => Ok(Self::read(&body, canonical.as_bytes(), Numbers::Exact)),
            (false, true) => {
                let signed = Object(body.0.into_iter().map(through_double).collect());
                Ok(Self::read(&signed, canonical.as_bytes(), Numbers::Doubles))
            }
            (false, false) => Err(Error::Signature),
        }
    }

    /// Whether it is no more than a hint: money that came again or in another coin has a payment of its own, which
    /// is called finished whatever it is worth.
    #[must_use]
    pub const fn is_hint(&self) -> bool {
        self.parent.is_some()
    }

    /// Its status, where it is one that a payment can have.
    #[must_use]
    pub fn standing(&self) -> Option<Status> {
        self.status.as_deref().filter(|_| self.kind == Kind::Payment).and_then(Status::named)
    }

    fn read(body: &Object, known_by: &[u8], numbers: Numbers) -> Self {
        let mut fields = Fields { body, numbers, unread: Vec::new() };
        let kind = Kind::of(body);
        let (id, status) = match kind {
            Kind::Payment => ("payment_id", "payment_status"),
            Kind::Withdrawal | Kind::Custody | Kind::Other => ("id", "status"),
        };
        Self {
            kind,
            digest: sha256(known_by),
            id: fields.id(id),
            parent: fields.id("parent_payment_id"),
            order: fields.id("order_id"),
            status: fields.word(status),
            price: fields.sum("price_amount", "price_currency"),
            due: fields.sum("pay_amount", "pay_currency"),
            paid: fields.sum("actually_paid", "pay_currency"),
            outcome: fields.sum("outcome_amount", "outcome_currency"),
            unread: fields.unread(),
        }
    }
}

/// What the numbers of a body are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Every digit was signed.
    Exact,
    /// They went through a double before they were signed: large integers are not what they were.
    Doubles,
}

/// The fields of a body, read one by one.
struct Fields<'a> {
    body: &'a Object,
    numbers: Numbers,
    unread: Vec<&'static str>,
}

impl Fields<'_> {
    fn read<T>(&mut self, key: &'static str, read: impl Fn(&Node) -> Option<T>) -> Option<T> {
        let found = read(self.body.get(key)?);
        if found.is_none() {
            self.unread.push(key);
        }
        found
    }

    /// An identifier, as a text or as a whole number.
    fn id(&mut self, key: &'static str) -> Option<String> {
        let numbers = self.numbers;
        self.read(key, |node| match node {
            Node::Text(text) => plain(text, ID_BYTES_MAX),
            Node::Number(literal) => {
                let number: u64 = literal.parse().ok()?;
                let is_exact = numbers == Numbers::Exact || number <= EXACT_MAX;
                (is_exact && number.to_string() == *literal).then(|| literal.clone())
            }
            _ => None,
        })
    }

    fn word(&mut self, key: &'static str) -> Option<String> {
        self.read(key, |node| match node {
            Node::Text(text) => Some(plain(text, WORD_BYTES_MAX)?.to_ascii_lowercase()),
            _ => None,
        })
    }

    fn sum(&mut self, amount: &'static str, currency: &'static str) -> Sum {
        let amount = self.read(amount, |node| match node {
            Node::Number(literal) | Node::Text(literal) => Amount::read(literal),
            _ => None,
        });
        Sum { amount, currency: self.word(currency) }
    }

    fn unread(mut self) -> Vec<&'static str> {
        // A currency that two amounts share is told of once.
        self.unread.sort_unstable();
        self.unread.dedup();
        self.unread
    }
}

/// A text that can stand in a table and on a terminal: not empty, not long, in characters that print.
fn plain(text: &str, bytes_max: usize) -> Option<String> {
    let fits = !text.is_empty() && text.len() <= bytes_max;
    let prints = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    (fits && prints).then(|| text.to_owned())
}

/// The bytes of a signature as a header writes it.
fn tag(signature: &str) -> Option<[u8; TAG_BYTES]> {
    let mut tag = [0; TAG_BYTES];
    hex::decode_to_slice(signature.trim(), &mut tag).ok().map(|()| tag)
}

/// Whether a number in it has digits that a double loses.
fn loses_digits(Object(members): &Object) -> bool {
    members.iter().any(|(_, value)| is_lossy(value))
}

fn is_lossy(node: &Node) -> bool {
    match node {
        Node::Number(literal) => {
            Decimal::read(literal) != Decimal::read(&canonical::number(literal))
        }
        Node::List(items) => items.iter().any(is_lossy),
        Node::Object(object) => loses_digits(object),
        Node::Null | Node::Bool(_) | Node::Text(_) => false,
    }
}

/// A member of the first level as its canonical text says it; what lies deeper is not read.
fn through_double((key, value): (String, Node)) -> (String, Node) {
    let value = match value {
        Node::Number(literal) => Node::Number(canonical::number(&literal)),
        other => other,
    };
    (key, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> IpnSecret {
        IpnSecret::new(&Secret::new(b" made-up-ipn-secret\n".to_vec())).expect("a secret")
    }

    fn signed(text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA512, b"made-up-ipn-secret");
        hex::encode(hmac::sign(&key, text.as_bytes()))
    }

    /// Signed as it came.
    fn raw(text: &str) -> Notice {
        Notice::verify(text.as_bytes(), &signed(text), &secret()).expect(text)
    }

    /// Signed as the processor's library does, sent as it is written here.
    fn sent(text: &str) -> Notice {
        let canonical = canonical::text(&Object::read(text.as_bytes()).expect(text));
        Notice::verify(text.as_bytes(), &signed(&canonical), &secret()).expect(text)
    }

    fn shown(sum: &Sum) -> String {
        let amount = sum.amount.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{amount} {}", sum.currency.as_deref().unwrap_or_default())
    }

    const PAID: &str = r#"{"payment_id":5524759814,"payment_status":"Finished","pay_address":"TNDF",
        "price_amount":5,"price_currency":"USD","pay_amount":165.652609,"actually_paid":"180.0",
        "pay_currency":"trx","order_id":"RGDBP-21314","outcome_amount":1e-7,"outcome_currency":"trx",
        "order_description":"Schlüssel für 1 Jahr – 年","fee":{"currency":"btc","depositFee":0.098}}"#;

    #[test]
    fn a_payment_is_read_by_its_named_fields() {
        for notice in [raw(PAID), sent(PAID)] {
            assert_eq!((notice.kind, notice.standing()), (Kind::Payment, Some(Status::Finished)));
            assert_eq!(notice.id.as_deref(), Some("5524759814"));
            assert_eq!(notice.order.as_deref(), Some("RGDBP-21314"));
            assert_eq!(shown(&notice.price), "5 usd");
            assert_eq!(shown(&notice.due), "165.652609 trx");
            assert_eq!(shown(&notice.paid), "180 trx");
            assert_eq!(shown(&notice.outcome), "0.0000001 trx");
            assert_eq!((notice.is_hint(), notice.unread.as_slice()), (false, &[][..]));
            assert!(!format!("{notice:?}").contains("TNDF"), "to whom money went is not kept");
        }
    }

    #[test]
    fn the_same_notice_is_known_however_it_is_written_and_another_one_is_not() {
        let other = r#"{ "payment_status":"waiting","payment_id":7.0 }"#;
        let one = r#"{"payment_id":7,"payment_status":"waiting"}"#;
        assert_eq!(sent(one).digest, sent(other).digest);
        assert_eq!(raw(one).digest, sent(other).digest);
        assert_eq!(raw(other).digest, sent(one).digest);
        assert_ne!(raw(one).digest, raw(&one.replace('7', "8")).digest);
        // What a double cannot tell apart was told apart by who signed every digit.
        let large = |digit: &str| raw(&format!(r#"{{"payment_id":900719925474099{digit}}}"#));
        assert_ne!(large("2").digest, large("3").digest);
        assert_eq!(large("3").id.as_deref(), Some("9007199254740993"));
    }

    #[test]
    fn a_number_that_went_through_a_double_is_no_identifier_beyond_its_reach() {
        let check = |text: &str, id: Option<&str>, unread: &[&str]| {
            let notice = sent(text);
            assert_eq!((notice.id.as_deref(), notice.unread.as_slice()), (id, unread), "{text}");
        };
        check(r#"{"payment_id": 9007199254740991}"#, Some("9007199254740991"), &[]);
        check(r#"{"payment_id": 9007199254740993}"#, None, &["payment_id"]);
        check(r#"{"payment_id": 18446744073709551616}"#, None, &["payment_id"]);
        check(r#"{"payment_id": "9007199254740993"}"#, Some("9007199254740993"), &[]);
        check(r#"{"payment_id": 7.0}"#, Some("7"), &[]);
        // The amount is what was signed, and not what was written over it.
        let notice = sent(r#"{"price_amount": 0.1000000000000000055}"#);
        assert_eq!(notice.price.amount, Amount::read("0.1"));
    }

    #[test]
    fn what_cannot_be_read_is_named_and_the_rest_is_kept() {
        let notice = raw(
            r#"{"payment_id":{"a":1},"payment_status":7,"order_id":"a\u0000b","price_amount":-1,
            "pay_currency":"\u202etrx","pay_amount":"1,5","price_currency":"usd"}"#,
        );
        assert_eq!(notice.kind, Kind::Payment);
        assert_eq!(
            notice.unread,
            [
                "order_id",
                "pay_amount",
                "pay_currency",
                "payment_id",
                "payment_status",
                "price_amount"
            ]
        );
        assert_eq!(notice.price.currency.as_deref(), Some("usd"));
    }

    #[test]
    fn what_hangs_on_another_payment_is_a_hint_and_what_is_no_payment_is_told_apart() {
        let check = |text: &str, kind, id: Option<&str>, hint: bool| {
            let notice = raw(text);
            let found = (notice.kind, notice.id.as_deref(), notice.is_hint());
            assert_eq!(found, (kind, id, hint), "{text}");
        };
        check(r#"{"payment_id":1,"parent_payment_id":null}"#, Kind::Payment, Some("1"), false);
        check(r#"{"payment_id":2,"parent_payment_id":1}"#, Kind::Payment, Some("2"), true);
        let withdrawal = r#"{"id":"5","batch_withdrawal_id":"9","status":"FINISHED","hash":"x"}"#;
        check(withdrawal, Kind::Withdrawal, Some("5"), false);
        assert_eq!(raw(withdrawal).status.as_deref(), Some("finished"));
        assert_eq!(raw(withdrawal).standing(), None, "it is no payment that could be finished");
        check(r#"{"id":"6","status":"WAITING","amount":"50"}"#, Kind::Custody, Some("6"), false);
        check("{}", Kind::Other, None, false);
    }

    #[test]
    fn an_empty_secret_is_none() {
        assert!(IpnSecret::new(&Secret::new(b" \n".to_vec())).is_none());
        assert_eq!(format!("{:?}", secret()), "IpnSecret(Secret(..))");
    }
}
