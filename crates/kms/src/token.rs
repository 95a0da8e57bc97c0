//! A root key in a PKCS#11 token: AES-256, made inside, never to leave it.
//!
//! A key is wrapped by AES-GCM inside the token (`C_Encrypt`, PKCS#11 3.0 §6.13), because the
//! mechanisms that are called key wrapping take no additional data. The module is loaded when the
//! token is first used, so nothing of it is needed to build or to run without.

use crate::{
    Error, private_file,
    root::{Attestation, Guard, Label, Root, Versions, Wrapped},
};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error as Fault, RvError},
    mechanism::{Mechanism, aead::GcmParams},
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use seal::{Entropy, Secret, random};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

const NONCE_BYTES: usize = 12;
const TAG_BITS: u64 = 128;
const PIN_BYTES_MAX: usize = 256;
/// Versions of one key in a token, at most.
const VERSIONS_MAX: usize = 1000;

/// Where a token and its root key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenTerms {
    /// The module of the token's maker.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The key's label.
    pub key: String,
    /// The file that has the user's PIN, the service manager's or the owner's alone.
    pub pin: PathBuf,
}

/// A root key in a token.
pub struct TokenRoot {
    terms: TokenTerms,
    line: Mutex<Option<Line>>,
}

/// An open, signed-in session and the versions of the key, by number.
struct Line {
    session: Session,
    slot: Slot,
    keys: BTreeMap<u32, ObjectHandle>,
}

impl TokenRoot {
    /// The token must be there, and the key in it; with [`Absent::Make`] a first key is made.
    pub fn open(terms: TokenTerms, absent: Absent) -> Result<Self, Error> {
        let root = Self { terms, line: Mutex::new(None) };
        let none = root.with(|line| Ok(line.keys.is_empty()))?;
        match (none, absent) {
            (false, _) => {}
            (true, Absent::Make) => {
                root.with(|line| root.make(line, 1))?;
            }
            (true, Absent::Refuse) => return Err(root.no_key()),
        }
        Ok(root)
    }

    fn no_key(&self) -> Error {
        Error::NoRootKey {
            holder: self.place(),
            key: self.terms.key.clone(),
            fix: "`stockade keys move` makes one and wraps the keys under it",
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Line>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something in a session. What was open may be stale, as after a token was pulled and put
    /// back: then it is opened anew, and tried once more.
    fn with<T>(&self, mut work: impl FnMut(&mut Line) -> Result<T, Fault>) -> Result<T, Error> {
        let mut place = self.lock();
        if let Some(line) = place.as_mut() {
            match work(line) {
                Err(fault) if is_final(&fault) => return Err(self.said(&fault)),
                Err(_) => *place = None,
                Ok(done) => return Ok(done),
            }
        }
        let line = place.insert(self.connect()?);
        let done = work(line);
        if done.is_err() {
            *place = None;
        }
        done.map_err(|fault| self.said(&fault))
    }

    /// Loads the module, finds the token, signs in and finds the key.
    fn connect(&self) -> Result<Line, Error> {
        let TokenTerms { module, token, key, .. } = &self.terms;
        let pin = self.pin()?;
        let said = |fault| self.said(&fault);
        let pkcs11 = Pkcs11::new(module).map_err(said)?;
        match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Fault::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(fault) => return Err(said(fault)),
        }
        let slots = pkcs11.get_slots_with_token().map_err(said)?;
        let named = |slot: &Slot| {
            pkcs11.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == token)
        };
        let slot = slots.into_iter().find(named).ok_or_else(|| self.away("no such token"))?;
        let session = pkcs11.open_rw_session(slot).map_err(said)?;
        match session.login(UserType::User, Some(&pin)) {
            Ok(()) | Err(Fault::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(fault) => return Err(said(fault)),
        }
        let keys = versions(&session, key).map_err(said)?;
        Ok(Line { session, slot, keys })
    }

    fn pin(&self) -> Result<AuthPin, Error> {
        let pin = private_file::read_line(&self.terms.pin, PIN_BYTES_MAX)?;
        Ok(AuthPin::from(pin.expose().clone()))
    }

    fn make(&self, line: &mut Line, version: u32) -> Result<(), Fault> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(32.into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Modifiable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Sign(false),
            Attribute::Verify(false),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            Attribute::Derive(false),
            Attribute::Label(self.terms.key.as_bytes().to_vec()),
            Attribute::Id(version.to_be_bytes().to_vec()),
        ];
        let handle = line.session.generate_key(&Mechanism::AesKeyGen, &template)?;
        line.keys.insert(version, handle);
        Ok(())
    }

    fn away(&self, why: &str) -> Error {
        Error::Away { holder: self.place(), why: why.to_owned() }
    }

    /// A fault in our words. What is not known to be final may pass.
    fn said(&self, fault: &Fault) -> Error {
        let denied = |fix| Error::Denied { holder: self.place(), why: fault.to_string(), fix };
        match fault {
            Fault::LibraryLoading(_) | Fault::MissingSymbol(_) => {
                denied("name the token's PKCS#11 module in keys.module")
            }
            Fault::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            ) => denied("check the PIN in keys.credential; a token locks itself after a few tries"),
            Fault::Pkcs11(RvError::PinLocked, _) => {
                denied("the token's security officer can unlock it")
            }
            Fault::Pkcs11(RvError::MechanismInvalid, _) => {
                denied("the token must know AES-256 in GCM (CKM_AES_GCM)")
            }
            _ => self.away(&fault.to_string()),
        }
    }
}

/// What becomes of a token that does not have the key yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// It is an error.
    Refuse,
    /// A first version is made.
    Make,
}

/// A refusal of the data: another session would say the same.
fn is_final(fault: &Fault) -> bool {
    use RvError::{EncryptedDataInvalid, EncryptedDataLenRange};
    matches!(fault, Fault::Pkcs11(EncryptedDataInvalid | EncryptedDataLenRange, _))
}

/// The versions of a key, by the number in its id.
fn versions(session: &Session, label: &str) -> Result<BTreeMap<u32, ObjectHandle>, Fault> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Label(label.as_bytes().to_vec()),
    ];
    let mut keys = BTreeMap::new();
    for handle in session.find_objects(&template)?.into_iter().take(VERSIONS_MAX) {
        for attribute in session.get_attributes(handle, &[AttributeType::Id])? {
            let Attribute::Id(id) = attribute else { continue };
            if let Ok(id) = id.try_into() {
                keys.insert(u32::from_be_bytes(id), handle);
            }
        }
    }
    Ok(keys)
}

impl Root for TokenRoot {
    fn place(&self) -> String {
        format!("the token {:?}", self.terms.token)
    }

    fn kind(&self) -> &'static str {
        "pkcs11"
    }

    fn counts_refusals(&self) -> bool {
        true
    }

    fn wrap(
        &self,
        label: &Label<'_>,
        key: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Wrapped, Error> {
        let (aad, nonce) = (label.aad(), random::<NONCE_BYTES>(entropy));
        let sealed = self.with(|line| {
            let Some((version, handle)) = line.keys.last_key_value() else { return Ok(None) };
            let mut used = nonce;
            let mechanism = Mechanism::AesGcm(GcmParams::new(&mut used, &aad, TAG_BITS.into())?);
            Ok(Some((*version, line.session.encrypt(&mechanism, *handle, key)?)))
        })?;
        let (root, sealed) = sealed.ok_or_else(|| self.no_key())?;
        Ok(Wrapped { root, bytes: [&nonce[..], &sealed].concat() })
    }

    fn unwrap(&self, label: &Label<'_>, wrapped: &Wrapped) -> Result<Secret<Vec<u8>>, Error> {
        let aad = label.aad();
        let misplaced = || Error::Misplaced { holder: self.place(), label: label.to_string() };
        let (nonce, sealed) =
            wrapped.bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(misplaced)?;
        let opened = self.with(|line| {
            let Some(handle) = line.keys.get(&wrapped.root) else { return Ok(None) };
            let mut used = *nonce;
            let mechanism = Mechanism::AesGcm(GcmParams::new(&mut used, &aad, TAG_BITS.into())?);
            match line.session.decrypt(&mechanism, *handle, sealed) {
                Ok(key) => Ok(Some(Ok(key))),
                Err(fault) if is_final(&fault) => Ok(Some(Err(()))),
                Err(fault) => Err(fault),
            }
        });
        match opened {
            Ok(Some(Ok(key))) => Ok(Secret::new(key)),
            Ok(Some(Err(()))) => Err(misplaced()),
            Ok(None) => Err(Error::NoVersion { holder: self.place(), version: wrapped.root }),
            // SoftHSM and others say no more than that it failed where a tag is wrong: whether the
            // key still works tells one from the other.
            Err(error) if error.is_away() && self.works() => Err(misplaced()),
            Err(error) => Err(error),
        }
    }

    fn versions(&self) -> Result<Versions, Error> {
        let found = self.with(|line| {
            line.keys = versions(&line.session, &self.terms.key)?;
            Ok(line.keys.keys().next().copied().zip(line.keys.keys().next_back().copied()))
        })?;
        let (oldest, latest) = found.ok_or_else(|| self.no_key())?;
        Ok(Versions { oldest, latest })
    }

    fn rotate(&self, _entropy: &mut dyn Entropy) -> Result<u32, Error> {
        let next = self.versions()?.latest + 1;
        self.with(|line| self.make(line, next))?;
        Ok(next)
    }

    fn attest(&self) -> Result<Attestation, Error> {
        use AttributeType::{Extractable, Local, NeverExtractable, Sensitive};
        let said = |fault| self.said(&fault);
        let pkcs11 = Pkcs11::new(&self.terms.module).map_err(said)?;
        let found = self.with(|line| {
            let Some((version, handle)) = line.keys.last_key_value() else { return Ok(None) };
            let wanted = [Extractable, NeverExtractable, Local, Sensitive];
            let attributes = line.session.get_attributes(*handle, &wanted)?;
            let (token, slot) =
                (pkcs11.get_token_info(line.slot)?, pkcs11.get_slot_info(line.slot)?);
            let emulated = token.manufacturer_id().to_ascii_lowercase().contains("softhsm");
            let guard =
                if slot.hardware_slot() && !emulated { Guard::Hardware } else { Guard::Emulator };
            let text = |text: &str| text.trim_end().to_owned();
            let device = vec![
                ("maker", text(token.manufacturer_id())),
                ("model", text(token.model())),
                ("serial number", text(token.serial_number())),
                ("firmware", token.firmware_version().to_string()),
                ("key version", version.to_string()),
            ];
            Ok(Some((guard, device, attributes)))
        })?;
        let (guard, device, attributes) = found.ok_or_else(|| self.no_key())?;
        let is = |wanted: &Attribute| attributes.contains(wanted);
        Ok(Attestation {
            guard,
            device,
            // What the token does not say counts against it.
            extractable: !is(&Attribute::Extractable(false)) || !is(&Attribute::Sensitive(true)),
            never_extractable: is(&Attribute::NeverExtractable(true)),
            made_inside: is(&Attribute::Local(true)),
        })
    }
}

impl TokenRoot {
    /// Whether the key wraps and unwraps at this moment.
    fn works(&self) -> bool {
        self.with(|line| {
            let Some(handle) = line.keys.values().next_back() else { return Ok(()) };
            let mut nonce = [0xff; NONCE_BYTES];
            let mechanism =
                Mechanism::AesGcm(GcmParams::new(&mut nonce, b"alive", TAG_BITS.into())?);
            line.session.encrypt(&mechanism, *handle, b"").map(|_| ())
        })
        .is_ok()
    }
}

impl fmt::Debug for TokenRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenRoot({:?} in {})", self.terms.token, Path::display(&self.terms.module))
    }
}
