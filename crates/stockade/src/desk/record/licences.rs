//! What the audit log says of licences. Whose a licence is stands in its sealed note, and not here.

use serde_json::{Value, json};

/// What is done with licences, and by the instances that have their seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicenceAct {
    /// One was issued.
    Issued {
        /// Which.
        licence: String,
        /// What was bought.
        edition: String,
        /// How many instances may run.
        instances: u32,
        /// When what was paid for ends.
        paid_until: String,
    },
    /// An instance took a seat.
    Activated {
        /// Of which licence.
        licence: String,
        /// Which instance.
        instance: String,
        /// SHA-256 of its key.
        key: String,
        /// The version that it runs.
        version: String,
    },
    /// An instance asked how its licence stands: the first time of a day, or with a counter that went back.
    Checked {
        /// Of which licence.
        licence: String,
        /// Which instance.
        instance: String,
        /// The version that it runs.
        version: String,
        /// `lease`, `suspended`, `revoked` or `unpaid`.
        answer: &'static str,
        /// The starts that it had counted before and counts now, where those are fewer: it runs twice, or from a copy.
        back: Option<(u32, u32)>,
    },
    /// Nobody gets a lease by it.
    Suspended {
        /// Which.
        licence: String,
    },
    /// It is good again.
    Resumed {
        /// Which.
        licence: String,
    },
    /// It was taken back for good.
    Revoked {
        /// Which.
        licence: String,
        /// The number of the revocation.
        epoch: u64,
    },
    /// A seat was given back.
    Released {
        /// Of which licence.
        licence: String,
        /// Whose it was.
        instance: String,
    },
}

impl LicenceAct {
    /// Kind, subject and detail.
    pub(super) fn parts(&self) -> (&'static str, String, Value) {
        match self {
            Self::Issued { licence, edition, instances, paid_until } => {
                let detail = json!({
                    "edition": edition, "instances": instances, "paid_until": paid_until });
                ("licence.issued", licence.clone(), detail)
            }
            Self::Activated { licence, instance, key, version } => {
                let detail = json!({ "instance": instance, "key": key, "version": version });
                ("licence.activated", licence.clone(), detail)
            }
            Self::Checked { licence, instance, version, answer, back } => {
                let mut detail =
                    json!({ "instance": instance, "version": version, "answer": answer });
                if let (Some(fields), Some((before, now))) = (detail.as_object_mut(), back) {
                    fields.insert("boots_before".to_owned(), json!(before));
                    fields.insert("boots".to_owned(), json!(now));
                }
                ("licence.checked", licence.clone(), detail)
            }
            Self::Suspended { licence } => ("licence.suspended", licence.clone(), json!({})),
            Self::Resumed { licence } => ("licence.resumed", licence.clone(), json!({})),
            Self::Revoked { licence, epoch } => {
                ("licence.revoked", licence.clone(), json!({ "epoch": epoch }))
            }
            Self::Released { licence, instance } => {
                ("licence.released", licence.clone(), json!({ "instance": instance }))
            }
        }
    }
}

/// One of each.
#[cfg(test)]
pub(super) fn samples() -> [LicenceAct; 7] {
    let (licence, text) = (|| "lic-1".to_owned(), || "t".to_owned());
    [
        LicenceAct::Issued {
            licence: licence(),
            edition: text(),
            instances: 1,
            paid_until: text(),
        },
        LicenceAct::Activated {
            licence: licence(),
            instance: text(),
            key: text(),
            version: text(),
        },
        LicenceAct::Checked {
            licence: licence(),
            instance: text(),
            version: text(),
            answer: "lease",
            back: Some((2, 1)),
        },
        LicenceAct::Suspended { licence: licence() },
        LicenceAct::Resumed { licence: licence() },
        LicenceAct::Revoked { licence: licence(), epoch: 1 },
        LicenceAct::Released { licence: licence(), instance: text() },
    ]
}
