//! Who holds the root key, by the configuration, and the way to it.

use super::{Paths, Result};
use edge::{Allowed, Client, Origin, Reach, Request, Terms, Trust};
use http::{HeaderName, HeaderValue, Method};
use kms::{
    Absent, Answer, Call, Cost, Holder, KeyFile, Passphrase, RingHead, Root, SoftRoot,
    SystemEntropy, TokenRoot, TokenTerms, TransitRoot, TransitTerms, Wire, read_line,
};
use seal::{Recipient, Secret};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// How long a service may take to wrap or unwrap one key.
const CALL: Duration = Duration::from_secs(5);
/// Bytes of an answer of such a service.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where the root key is, and who can do without it.
#[derive(Debug, Clone, Default)]
pub struct KeyTerms {
    /// The holder of the root key.
    pub holder: HolderTerms,
    /// Who can open the keys offline, if the root key is lost.
    pub recovery: Option<Recipient>,
    /// How long the server goes on while the holder does not answer.
    pub absence: Duration,
}

/// A holder of the root key.
#[derive(Debug, Clone, Default)]
pub enum HolderTerms {
    /// The key file in the data directory.
    #[default]
    File,
    /// A passphrase, in a file that the service manager or the owner provides.
    Passphrase(PathBuf),
    /// A credential of the service manager.
    Credential(PathBuf),
    /// A PKCS#11 token.
    Token(TokenTerms),
    /// A service that speaks Vault's transit API.
    Transit {
        /// The service and its key.
        terms: TransitTerms,
        /// A certificate authority of its own, besides those of the web.
        authority: Option<PathBuf>,
    },
}

impl HolderTerms {
    /// As the setting `keys.holder` has it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Passphrase(_) => "passphrase",
            Self::Credential(_) => "credential",
            Self::Token(_) => "pkcs11",
            Self::Transit { .. } => "transit",
        }
    }

    /// The root key: that of the ring with this head, or else a new one. It blocks, and is called where
    /// that is allowed.
    pub(super) fn root(
        &self,
        paths: &Paths,
        head: Option<&RingHead>,
        handle: &Handle,
    ) -> Result<Arc<dyn Root>> {
        let entropy = &mut SystemEntropy::new();
        Ok(match self {
            Self::File => {
                let path = paths.key_file();
                let file = match head {
                    Some(_) => KeyFile::open(&path)?,
                    None => KeyFile::open_or_create(&path, entropy)?,
                };
                Arc::new(SoftRoot::new(Holder::KeyFile(&file), head, entropy)?)
            }
            Self::Passphrase(path) => {
                let phrase =
                    Passphrase::new(&read_line(path, kms::PASSPHRASE_CHARACTERS_MAX * 4)?)?;
                let holder = Holder::Passphrase(&phrase, Cost::DEFAULT);
                Arc::new(SoftRoot::new(holder, head, entropy)?)
            }
            Self::Credential(path) => {
                Arc::new(SoftRoot::new(Holder::Credential(path), head, entropy)?)
            }
            Self::Token(terms) => {
                let absent = if head.is_some() { Absent::Refuse } else { Absent::Make };
                Arc::new(TokenRoot::open(terms.clone(), absent)?)
            }
            Self::Transit { terms, authority } => {
                let wire = wire(&terms.address, authority.as_ref(), handle)?;
                Arc::new(TransitRoot::open(terms.clone(), wire)?)
            }
        })
    }
}

/// Carries calls over TLS to the one service that the configuration names.
fn wire(address: &str, authority: Option<&PathBuf>, handle: &Handle) -> Result<Wire> {
    let origin: Origin = address.parse()?;
    let mut allowed = Allowed::default();
    // Whoever names it is the operator, and it usually is inside.
    allowed.add(origin.clone(), Reach::Private);
    let trust = match authority {
        Some(path) => Trust::web().and_roots(path)?,
        None => Trust::web(),
    };
    let terms = Terms { body_bytes: ANSWER_BYTES_MAX, ..Terms::default() };
    let client = Client::new(&allowed, trust, terms)?;
    let handle = handle.clone();
    Ok(Box::new(move |call: &Call| {
        let request = request(&origin, call).ok_or("the token is no header's value")?;
        let sent = handle.block_on(client.send(&request, CALL));
        let response = sent.map_err(|error| error.to_string())?;
        let body = Secret::new(response.body.to_vec());
        Ok(Answer { status: response.status.as_u16(), body })
    }))
}

fn request(origin: &Origin, call: &Call) -> Option<Request> {
    let method = if call.method == "GET" { Method::GET } else { Method::POST };
    let mut request = Request::new(method, origin.clone(), call.path.clone());
    for (name, value) in &call.headers {
        let mut value = HeaderValue::from_str(value.expose()).ok()?;
        value.set_sensitive(true);
        request.headers.push((HeaderName::from_static(name), value));
    }
    if !call.body.expose().is_empty() {
        let json = HeaderValue::from_static("application/json");
        request.headers.push((http::header::CONTENT_TYPE, json));
        request.body = call.body.expose().clone().into();
    }
    Some(request)
}
