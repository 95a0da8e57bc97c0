//! The recovery kit, made and opened in memory: the keys in it lie in no file but the sealed one.

use super::Ground;
use crate::desk::Result;
use ::backup::{Error as Fault, Kit, Place};
use kms::{Holder, KeyFile, KeyRing, RingFile, SoftRoot, SystemEntropy};
use seal::{AgeIdentity, Secret};
use std::path::Path;

/// What messages call where the keys of a kit lie.
const PLACE: &str = "the recovery kit";

/// The keys of this installation, wherever its root key is, under a key file of the kit's own.
pub(super) fn kit(keys: &KeyRing, password: &Secret<String>) -> Result<Kit> {
    let mut entropy = SystemEntropy::new();
    let file = KeyFile::generate(&mut entropy);
    let root = SoftRoot::new(Holder::KeyFile(&file), None, &mut entropy)?;
    let ring = RingFile::render(keys, &root, crate::desk::now(), &mut entropy)?;
    Ok(Kit { password: password.clone(), key_file: file.to_text(), ring: Secret::new(ring) })
}

/// What an identity opens in a place.
pub(super) fn open_kit(place: &Place, identity: &AgeIdentity) -> Result<Kit> {
    let (sealed, path) = place.kit()?;
    Ok(Kit::open(&sealed, identity, &path)?)
}

/// The keys that a kit holds.
pub(super) fn keys(kit: &Kit) -> Result<KeyRing> {
    let place = Path::new(PLACE);
    let file = KeyFile::from_text(kit.key_file.expose(), place)?;
    Ok(RingFile::keys_of(kit.ring.expose(), &file, place)?)
}

/// Refuses keys that are not those of the kit that lies there and what came to them: a kit that lacks one would
/// open nothing of what was taken before.
pub(super) fn refuse_others(ground: &Ground, drill: &AgeIdentity) -> Result<()> {
    let (sealed, path) = match ground.place.kit() {
        Err(Fault::Nothing { .. }) => return Ok(()),
        found => found?,
    };
    let kit = match Kit::open(&sealed, drill, &path) {
        // A server that came back has another identity for its drills, and its keys are its own.
        Err(Fault::Kit { .. }) if !ground.pulls() => return Ok(()),
        opened => opened?,
    };
    let place = Path::new(PLACE);
    let file = KeyFile::from_text(kit.key_file.expose(), place)?;
    if RingFile::is_continued((kit.ring.expose(), &file), &ground.keys, place)? {
        return Ok(());
    }
    Err(Fault::OtherKeys { path }.into())
}
