//! Which handshakes a server takes part in: what is old must be refused, what is good must be there.

use crate::{
    Error, Miss, Probe, Seen, failed,
    greeting::{Greeting, alert},
    hello::{Offer, SSL_3_0, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3},
    run::Walk,
    unseen,
};
use rustls::NamedGroup;

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[
    Probe {
        name: "tls-1.3",
        what: "TLS 1.3 is spoken",
        command: "openssl s_client -connect $ADDRESS -tls1_3 </dev/null",
        look: |walk| accepts(walk, "TLS 1.3", Offer { version: TLS_1_3, suites: &NEW }),
    },
    Probe {
        name: "tls-1.2",
        what: "TLS 1.2 is spoken, with ECDHE and AEAD",
        command: "openssl s_client -connect $ADDRESS -tls1_2 </dev/null",
        look: |walk| accepts(walk, "TLS 1.2", Offer { version: TLS_1_2, suites: &GOOD }),
    },
    Probe {
        name: "tls-old-versions",
        what: "SSL 3.0, TLS 1.0 and TLS 1.1 are refused",
        command: "openssl s_client -connect $ADDRESS -tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null",
        look: |walk| refuses(walk, &VERSIONS),
    },
    Probe {
        name: "tls-weak-suites",
        what: "RC4, 3DES, CBC, RSA key exchange, anonymous and empty suites are refused",
        command: "openssl s_client -connect $ADDRESS -tls1_2 -cipher RC4:3DES:aRSA:@SECLEVEL=0 </dev/null",
        look: |walk| refuses(walk, &WEAK),
    },
    Probe {
        name: "tls-hybrid",
        what: "X25519MLKEM768 is chosen, which a quantum computer does not open later",
        command: "openssl s_client -connect $ADDRESS -groups X25519MLKEM768 </dev/null",
        look: hybrid,
    },
    Probe {
        name: "certificate",
        what: "The certificate is for this name, in time, and issued by an authority that is believed",
        command: "openssl s_client -connect $ADDRESS -verify_return_error </dev/null",
        look: certificate,
    },
];

const NEW: [u16; 3] = [0x1301, 0x1302, 0x1303];
const GOOD: [u16; 6] = [0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca9, 0xcca8];
const OLD: [u16; 14] = [
    0xc00a, 0xc009, 0xc014, 0xc013, 0x0039, 0x0033, 0x0035, 0x002f, 0xc012, 0x0016, 0x000a, 0xc011,
    0x0005, 0x0004,
];

/// What is offered under its name.
type Row = (&'static str, Offer<'static>);

const VERSIONS: [Row; 3] = [
    ("SSL 3.0", Offer { version: SSL_3_0, suites: &OLD }),
    ("TLS 1.0", Offer { version: TLS_1_0, suites: &OLD }),
    ("TLS 1.1", Offer { version: TLS_1_1, suites: &OLD }),
];

const WEAK: [Row; 6] = [
    ("RC4", Offer { version: TLS_1_2, suites: &[0xc011, 0xc007, 0x0005, 0x0004] }),
    ("3DES", Offer { version: TLS_1_2, suites: &[0xc012, 0xc008, 0x0016, 0x0013, 0x000a] }),
    (
        "CBC",
        Offer {
            version: TLS_1_2,
            suites: &[
                0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028, 0x0033, 0x0039,
                0x0067, 0x006b,
            ],
        },
    ),
    (
        "RSA key exchange",
        Offer {
            version: TLS_1_2,
            suites: &[0x009c, 0x009d, 0xc09c, 0xc09d, 0x003c, 0x003d, 0x002f, 0x0035],
        },
    ),
    (
        "anonymous",
        Offer {
            version: TLS_1_2,
            suites: &[0x0018, 0x001b, 0x0034, 0x003a, 0x00a6, 0xc018, 0xc019],
        },
    ),
    (
        "no encryption",
        Offer { version: TLS_1_2, suites: &[0x0001, 0x0002, 0x003b, 0xc006, 0xc010] },
    ),
];

fn accepts(walk: &mut Walk<'_>, name: &str, offer: Offer<'_>) -> Seen {
    match walk.visit.offer(&offer)? {
        Greeting::Agreed { version, suite } if version == offer.version => {
            if offer.suites.contains(&suite) {
                Ok(format!("{name} with suite {suite:04x}"))
            } else {
                failed(format!("it chose suite {suite:04x}, which was not offered"))
            }
        }
        Greeting::Agreed { version, .. } => failed(format!("it chose version {version:04x}")),
        Greeting::Alert(code) => failed(format!("{name} is refused: {}", alert(code))),
        Greeting::Closed => failed(format!("{name}: it hangs up")),
        Greeting::Strange => unseen("it answers with what is no TLS"),
    }
}

/// That silence means refusal is known only of a server that has just shown that it speaks.
fn refuses(walk: &mut Walk<'_>, rows: &[Row]) -> Seen {
    let good = |walk: &mut Walk<'_>| -> Result<bool, Error> {
        let said = [TLS_1_3, TLS_1_2].into_iter().map(|version| {
            let suites: &[u16] = if version == TLS_1_3 { &NEW } else { &GOOD };
            walk.visit.offer(&Offer { version, suites })
        });
        let said: Vec<Greeting> = said.collect::<Result<_, _>>()?;
        Ok(said.iter().any(|said| matches!(said, Greeting::Agreed { .. })))
    };
    if !good(walk)? {
        return unseen("it takes no good handshake either, so a refusal says nothing");
    }
    let mut how = Vec::new();
    for (name, offer) in rows {
        match walk.visit.offer(offer)? {
            Greeting::Agreed { version, suite } => {
                return failed(format!(
                    "{name} is taken: version {version:04x}, suite {suite:04x}"
                ));
            }
            Greeting::Alert(code) => how.push(format!("{name}: {}", alert(code))),
            Greeting::Closed => how.push(format!("{name}: it hangs up")),
            Greeting::Strange => return unseen(format!("{name}: it answers with what is no TLS")),
        }
    }
    if !good(walk)? {
        return unseen("it stopped taking good handshakes meanwhile");
    }
    Ok(how.join(", "))
}

fn hybrid(walk: &mut Walk<'_>) -> Seen {
    walk.visit.handshake().map_err(believed)?;
    match walk.visit.group() {
        Some(NamedGroup::X25519MLKEM768) => Ok("X25519MLKEM768".to_owned()),
        Some(other) => failed(format!("it chose {other:?}, although X25519MLKEM768 was offered")),
        None => unseen("the handshake told no group"),
    }
}

fn certificate(walk: &mut Walk<'_>) -> Seen {
    walk.visit.handshake().map_err(believed)?;
    let Some(found) = walk.visit.certificate() else {
        return failed("the certificate cannot be read");
    };
    let days = (found.until.as_second() - walk.visit.now().as_second()) / 86_400;
    Ok(format!("until {}, {days} days, issued by {}", found.last_day(), found.issuer))
}

/// A certificate that is not believed is a finding, not something unseen.
fn believed(error: Error) -> Miss {
    match error {
        Error::Tls(inner @ rustls::Error::InvalidCertificate(_)) => {
            Miss::Failed(format!("{inner}"))
        }
        other => other.into(),
    }
}
