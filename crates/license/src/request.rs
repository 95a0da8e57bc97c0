//! What an instance asks the licence service: to be activated, or for a lease. It signs with a key of its own,
//! and tells nothing else of itself or of its machine.

use crate::{
    Error,
    document::{
        Form, bytes, issuer_from_text, issuer_to_text, name, number, second, time, version,
    },
};
use jiff::Timestamp;
use seal::{SigningKey, VerifyingKey};

const FIELDS: &[&str] = &["license", "instance", "version", "boots", "challenge", "time"];
const ACTIVATION: Form = Form { magic: "stockade-activation/1", fields: FIELDS };
const CHECK: Form = Form { magic: "stockade-check/1", fields: FIELDS };

/// What an instance says in each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Of which licence.
    pub license: String,
    /// The version that asks.
    pub version: String,
    /// How often it was started.
    pub boots: u32,
    /// Random, never the same twice; the answer holds it.
    pub challenge: [u8; 32],
    /// When it asks, by its own clock.
    pub time: Timestamp,
}

impl Question {
    /// The request to be activated: the only one that goes with the licence file.
    pub fn activate(&self, key: &SigningKey) -> Result<String, Error> {
        let text = ACTIVATION.sign(&self.values(issuer_to_text(key.verifying_key())), key);
        Activation::verify(&text).map(|_| text)
    }

    /// The request for a lease, by the id that the instance has since its activation.
    pub fn check(&self, instance: &str, key: &SigningKey) -> Result<String, Error> {
        let text = CHECK.sign(&self.values(instance.to_owned()), key);
        Check::verify(&text, key.verifying_key()).map(|_| text)
    }

    fn values(&self, instance: String) -> [String; 6] {
        [
            self.license.clone(),
            instance,
            self.version.clone(),
            self.boots.to_string(),
            hex::encode(self.challenge),
            second(self.time).to_string(),
        ]
    }

    /// Who asks, in the words of the request, and what.
    fn read<'a>(values: &[&'a str]) -> Result<(&'a str, Self), Error> {
        let [license, instance, runs, boots, challenge, at] = values else {
            return Err(Error::Foreword { magic: CHECK.magic });
        };
        let question = Self {
            license: name("license", license)?,
            version: version("version", runs)?,
            boots: number("boots", boots)?,
            challenge: bytes("challenge", challenge)?,
            time: time("time", at)?,
        };
        Ok((*instance, question))
    }
}

/// A request to be activated that the key signed which it names; only [`Activation::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    question: Question,
    instance: VerifyingKey,
}

impl Activation {
    /// Reads a request.
    pub fn verify(text: &str) -> Result<Self, Error> {
        let named = line(text, "instance").ok_or(Error::Foreword { magic: ACTIVATION.magic })?;
        let key = issuer_from_text(named)?;
        let values = open(&ACTIVATION, text, &key)?;
        let (instance, question) = Question::read(&values)?;
        // A key has one spelling, as all else that is signed.
        if instance != issuer_to_text(&key) {
            return Err(Error::IssuerKey { text: instance.chars().take(100).collect() });
        }
        Ok(Self { question, instance: key })
    }

    /// What it asks.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// The key of the instance that asks.
    #[must_use]
    pub const fn instance(&self) -> &VerifyingKey {
        &self.instance
    }
}

/// A request for a lease that an instance signed; only [`Check::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    question: Question,
    instance: String,
}

impl Check {
    /// Of which licence, and which instance, a request says that it is: to find the key, before anything in it is
    /// believed.
    pub fn claimed(text: &str) -> Result<(&str, &str), Error> {
        let named = line(text, "license").zip(line(text, "instance"));
        let (license, instance) = named.ok_or(Error::Foreword { magic: CHECK.magic })?;
        name("license", license)?;
        name("instance", instance)?;
        Ok((license, instance))
    }

    /// Reads a request of the instance that has this key.
    pub fn verify(text: &str, key: &VerifyingKey) -> Result<Self, Error> {
        let values = open(&CHECK, text, key)?;
        let (instance, question) = Question::read(&values)?;
        Ok(Self { question, instance: name("instance", instance)? })
    }

    /// What it asks.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// Who asks.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }
}

fn open<'a>(form: &Form, text: &'a str, key: &VerifyingKey) -> Result<Vec<&'a str>, Error> {
    form.open(text, &[*key]).map_err(|error| match error {
        Error::UnknownIssuer { .. } | Error::Forged => Error::NotTheInstance,
        other => other,
    })
}

/// The value of a line, whatever stands around it.
fn line<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": "))
}
