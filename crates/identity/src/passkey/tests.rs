//! Real authenticators' answers, and a software one that can be made to lie.

use super::*;
use seal::{Secret, SeededEntropy, SigningKey};
use serde_json::Value;

const ANSWERS: &str = include_str!("../../tests/passkeys/answers.json");

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).expect("in range")
}

fn account(seed: u64) -> AccountId {
    AccountId::new(now(), &mut SeededEntropy::new(seed))
}

fn label() -> DisplayName {
    "blue key".parse().expect("a name")
}

fn bytes(value: &Value, field: &str) -> Vec<u8> {
    let text = value.get(field).and_then(Value::as_str).expect("a text");
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

fn number(value: &Value, field: &str) -> u32 {
    let number = value.get(field).and_then(Value::as_u64).expect("a number");
    u32::try_from(number).expect("a counter")
}

fn challenge(kind: &'static str, bytes: Vec<u8>) -> PasskeyChallenge {
    let verification = UserVerification::Preferred;
    PasskeyChallenge { bytes, account: Some(account(1)), kind, verification }
}

fn localhost() -> RelyingParty {
    RelyingParty::new("http://localhost:5000").expect("localhost has a name")
}

#[test]
fn a_real_authenticators_registration_is_read() {
    let all: Value = serde_json::from_str(ANSWERS).expect("JSON");
    let one = all.get("registration").expect("it is there");
    let (client_data, object) = (bytes(one, "client_data"), bytes(one, "object"));
    let answer = Attestation { client_data: &client_data, object: &object };
    let asked = challenge(CREATE, bytes(one, "challenge"));
    let (passkey, proof) = asked.register(&localhost(), &answer, label(), now()).expect("good");
    assert_eq!(passkey.credential, bytes(one, "credential"));
    assert_eq!(passkey.cose, bytes(one, "public_key"));
    assert_eq!(passkey.counter, number(one, "counter"));
    assert!(proof.is_verified() && !passkey.may_be_copied);
}

#[test]
fn real_authenticators_signatures_verify_and_no_bent_one_does() {
    let all: Value = serde_json::from_str(ANSWERS).expect("JSON");
    let list = all.get("assertions").and_then(Value::as_array).expect("a list");
    assert_eq!(list.len(), 3, "ES256, RS256 and EdDSA");
    for one in list {
        let credential = bytes(one, "credential");
        let passkey = Passkey {
            id: PasskeyId::of(&credential),
            account: account(1),
            label: label(),
            credential: credential.clone(),
            cose: bytes(one, "public_key"),
            counter: number(one, "counter"),
            may_be_copied: false,
            created: now(),
        };
        let asked = challenge(GET, bytes(one, "challenge"));
        let check = |part: usize, bend: Option<usize>| {
            let mut parts =
                ["client_data", "authenticator_data", "signature"].map(|field| bytes(one, field));
            if let Some(at) = bend {
                parts[part][at] ^= 1;
            }
            let [client_data, authenticator_data, signature] = &parts;
            let answer = Assertion {
                credential: &credential,
                client_data,
                authenticator_data,
                signature,
                user_handle: None,
            };
            asked.verify(&localhost(), &answer, Some(&passkey), now())
        };
        let algorithm = one.get("algorithm");
        assert!(check(0, None).is_ok(), "{algorithm:?}: {:?}", check(0, None));
        for (part, field) in ["client_data", "authenticator_data", "signature"].iter().enumerate() {
            for at in 0..bytes(one, field).len() {
                assert!(check(part, Some(at)).is_err(), "{algorithm:?}: byte {at} of {field}");
            }
        }
    }
}

/// An authenticator in software, with a switch for each lie.
#[derive(Clone)]
struct Soft {
    key: u8,
    origin: &'static str,
    host: &'static str,
    flags: u8,
    counter: u32,
    extra: &'static str,
    tail: &'static [u8],
}

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x05;

fn soft() -> Soft {
    Soft {
        key: 3,
        origin: "https://stockade.example",
        host: "stockade.example",
        flags: VERIFIED,
        counter: 0,
        extra: "",
        tail: &[],
    }
}

fn site() -> RelyingParty {
    RelyingParty::new("https://stockade.example").expect("a name")
}

impl Soft {
    fn key(&self) -> SigningKey {
        SigningKey::from_seed(&Secret::new([self.key; 32]))
    }

    fn credential(&self) -> Vec<u8> {
        vec![self.key; 32]
    }

    fn client_data(&self, kind: &str, challenge: &PasskeyChallenge) -> Vec<u8> {
        let (text, origin, extra) = (challenge.text(), self.origin, self.extra);
        let json =
            format!(r#"{{"type":"{kind}","challenge":"{text}","origin":"{origin}"{extra}}}"#);
        json.into_bytes()
    }

    fn data(&self, attested: &[u8]) -> Vec<u8> {
        let flags = self.flags | if attested.is_empty() { 0 } else { 0x40 };
        let head = sha256(self.host.as_bytes());
        [&head[..], &[flags], &self.counter.to_be_bytes(), attested, self.tail].concat()
    }

    fn cose(&self) -> Vec<u8> {
        // {1: 1, 3: -8, -1: 6, -2: x}
        let head = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
        [&head[..], self.key().verifying_key().as_bytes()].concat()
    }

    fn object(&self) -> Vec<u8> {
        let attested = [&[0; 16][..], &[0, 32], &self.credential(), &self.cose()].concat();
        let data = self.data(&attested);
        let length = u8::try_from(data.len()).expect("short");
        let head = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58";
        [&head[..], &[length], &data].concat()
    }

    fn register(&self, challenge: &PasskeyChallenge) -> Result<Passkey, PasskeyFault> {
        let client_data = self.client_data(CREATE, challenge);
        let answer = Attestation { client_data: &client_data, object: &self.object() };
        challenge.register(&site(), &answer, label(), now()).map(|(passkey, _)| passkey)
    }

    fn sign(
        &self,
        challenge: &PasskeyChallenge,
        handle: Option<&[u8]>,
        stored: Option<&Passkey>,
    ) -> Result<PasskeyProof, PasskeyFault> {
        let client_data = self.client_data(GET, challenge);
        let data = self.data(&[]);
        let signature = self.key().sign(&[&data[..], &sha256(&client_data)].concat());
        let answer = Assertion {
            credential: &self.credential(),
            client_data: &client_data,
            authenticator_data: &data,
            signature: &signature,
            user_handle: handle,
        };
        challenge.verify(&site(), &answer, stored, now())
    }
}

fn registration() -> PasskeyChallenge {
    let entropy = &mut SeededEntropy::new(5);
    PasskeyChallenge::registration(account(1), UserVerification::Required, entropy)
}

#[test]
fn a_registration_is_refused_for_whatever_is_not_as_asked() {
    let check = |soft: Soft, want: Result<(), PasskeyFault>| {
        assert_eq!(soft.register(&registration()).map(|_| ()), want);
    };
    check(soft(), Ok(()));
    check(Soft { origin: "https://evil.example", ..soft() }, Err(PasskeyFault::Origin));
    check(Soft { origin: "https://stockade.example:444", ..soft() }, Err(PasskeyFault::Origin));
    check(Soft { extra: r#","crossOrigin":true"#, ..soft() }, Err(PasskeyFault::Origin));
    check(Soft { extra: r#","topOrigin":"https://x""#, ..soft() }, Err(PasskeyFault::Origin));
    check(Soft { extra: r#","origin":"x""#, ..soft() }, Err(PasskeyFault::Malformed));
    check(Soft { extra: r#","other":"ignored""#, ..soft() }, Ok(()));
    check(Soft { host: "evil.example", ..soft() }, Err(PasskeyFault::RelyingParty));
    check(Soft { flags: 0x04, ..soft() }, Err(PasskeyFault::Presence));
    check(Soft { flags: PRESENT, ..soft() }, Err(PasskeyFault::Verification));
    check(Soft { flags: VERIFIED | 0x10, ..soft() }, Err(PasskeyFault::Malformed));
    check(Soft { tail: &[0], ..soft() }, Err(PasskeyFault::Malformed));
    let other = PasskeyChallenge::second_factor(account(1), &mut SeededEntropy::new(5));
    assert_eq!(soft().register(&other).err(), Some(PasskeyFault::Ceremony));
}

#[test]
fn an_answer_is_refused_for_whatever_is_not_as_asked() {
    let passkey = soft().register(&registration()).expect("good");
    let second = |seed| PasskeyChallenge::second_factor(account(seed), &mut SeededEntropy::new(6));
    let check = |soft: Soft, stored: Option<&Passkey>, want: Result<bool, PasskeyFault>| {
        let proof = soft.sign(&second(1), None, stored).map(|proof| proof.is_verified());
        assert_eq!(proof, want);
    };
    check(soft(), Some(&passkey), Ok(true));
    check(Soft { flags: PRESENT, ..soft() }, Some(&passkey), Ok(false));
    check(soft(), None, Err(PasskeyFault::Unknown));
    check(Soft { key: 4, ..soft() }, Some(&passkey), Err(PasskeyFault::Unknown));
    check(
        Soft { origin: "https://evil.example", ..soft() },
        Some(&passkey),
        Err(PasskeyFault::Origin),
    );
    check(Soft { host: "evil.example", ..soft() }, Some(&passkey), Err(PasskeyFault::RelyingParty));
    check(Soft { flags: 0, ..soft() }, Some(&passkey), Err(PasskeyFault::Presence));
    check(Soft { flags: VERIFIED | 8, ..soft() }, Some(&passkey), Err(PasskeyFault::Malformed));
    check(Soft { tail: &[0], ..soft() }, Some(&passkey), Err(PasskeyFault::Malformed));
    let thief = Passkey { cose: Soft { key: 9, ..soft() }.cose(), ..passkey.clone() };
    check(soft(), Some(&thief), Err(PasskeyFault::Signature));
    let stranger = soft().sign(&second(2), None, Some(&passkey));
    assert_eq!(stranger.err(), Some(PasskeyFault::Unknown), "another account's");
    let replay = soft().sign(&registration(), None, Some(&passkey));
    assert_eq!(replay.err(), Some(PasskeyFault::Ceremony));
}

#[test]
fn a_counter_that_goes_back_shows_a_copy() {
    let check = |stored: u32, shown: u32, works: bool| {
        let passkey = soft().register(&registration()).expect("good");
        let passkey = Passkey { counter: stored, ..passkey };
        let asked = PasskeyChallenge::second_factor(account(1), &mut SeededEntropy::new(6));
        let proof = Soft { counter: shown, ..soft() }.sign(&asked, None, Some(&passkey));
        let want = if works { Ok((stored, shown)) } else { Err(PasskeyFault::Cloned) };
        assert_eq!(proof.map(|proof| proof.counter), want, "{stored} then {shown}");
    };
    check(0, 0, true);
    check(0, 1, true);
    check(5, 6, true);
    check(5, 5, false);
    check(5, 4, false);
    check(5, 0, false);
}

#[test]
fn alone_it_says_whose_it_is_and_verifies_its_user() {
    let passkey = soft().register(&registration()).expect("good");
    let alone = || PasskeyChallenge::alone(&mut SeededEntropy::new(7));
    let own = *account(1).as_bytes();
    let strange = *account(2).as_bytes();
    let check = |soft: Soft, handle: Option<&[u8]>, want: Option<PasskeyFault>| {
        assert_eq!(soft.sign(&alone(), handle, Some(&passkey)).err(), want);
    };
    check(soft(), Some(&own), None);
    check(soft(), None, Some(PasskeyFault::Unknown));
    check(soft(), Some(&strange), Some(PasskeyFault::Unknown));
    check(Soft { flags: PRESENT, ..soft() }, Some(&own), Some(PasskeyFault::Verification));
}

#[test]
fn passkeys_need_a_name() {
    let check = |origin: &str, want: Result<&str, PasskeyFault>| {
        let site = RelyingParty::new(origin);
        assert_eq!(site.as_ref().map(RelyingParty::id).map_err(|e| *e), want, "{origin}");
    };
    check("https://stockade.example", Ok("stockade.example"));
    check("https://stockade.example:8443", Ok("stockade.example"));
    check("http://localhost:8080", Ok("localhost"));
    for bad in [
        "https://192.0.2.1",
        "https://[2001:db8::1]",
        "http://stockade.example",
        "https://intranet",
        "https://stockade.example/path",
        "https://Stockade.example",
        "https://stockade.example:99999",
        "stockade.example",
        "https://",
    ] {
        check(bad, Err(PasskeyFault::NoName));
    }
}
