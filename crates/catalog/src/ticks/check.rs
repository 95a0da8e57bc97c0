//! A dataset of ticks looked at again.

use super::{
    Logical,
    merge::{Watcher, note, quality},
    read::Chunks,
};
use crate::{
    Error, Field, Finding, FindingKind, Manifest, QualityReport, Result, part, quality::Findings,
};
use std::path::Path;

/// Verifies every checksum, every row group and the dataset's digest, and judges every row again.
/// What is damaged is a finding that names its file.
pub(crate) fn check(dir: &Path, manifest: &Manifest) -> Result<QualityReport> {
    let mut findings = Findings::default();
    let mut damage = |error: Error| match error {
        error @ Error::Damaged { .. } => {
            findings.add(Finding::about(FindingKind::Damage, None, error.to_string()));
            Ok(())
        }
        other => Err(other),
    };
    let mut sound = true;
    for partition in &manifest.partitions {
        if let Err(error) = part::verify(&dir.join(&partition.file), &partition.sha256) {
            sound = false;
            damage(error)?;
        }
    }
    if !sound {
        return Ok(quality(&manifest.instruments, findings));
    }
    let fields = &manifest.dataset.fields;
    let content = manifest.dataset.bar.content();
    let sized = fields.contains(&Field::BidSize) && fields.contains(&Field::AskSize);
    let mut logical = Logical::new(manifest.dataset.bar, fields);
    for entry in &manifest.instruments {
        let mut watcher = Watcher::new(content);
        let mut chunks = Chunks::new(dir, manifest, &entry.symbol);
        while let Some(chunk) = chunks.next()? {
            let columns = std::iter::once(&chunk.times).chain(&chunk.figures);
            logical.chunk(&super::chunk_digest(columns.map(Vec::as_slice)));
            for (place, time) in chunk.times.iter().enumerate() {
                let mut figures = [0; 4];
                for (slot, column) in figures.iter_mut().zip(&chunk.figures) {
                    *slot = column.get(place).copied().unwrap_or_default();
                }
                match watcher.see(*time, figures, sized) {
                    Ok(seen) => {
                        note(&mut findings, &entry.symbol, (*time, figures, content), seen);
                    }
                    Err(flaw) => {
                        let (kind, about) = (FindingKind::BadRow, Some(&entry.symbol));
                        findings.add(Finding::about(kind, about, flaw.to_string()));
                    }
                }
            }
        }
        logical.end(entry);
    }
    let digest = logical.finish();
    if digest != manifest.dataset.digest {
        let expected = &manifest.dataset.digest;
        let message = format!("the columns' digest is {digest}, the manifest says {expected}");
        findings.add(Finding::about(FindingKind::Damage, None, message));
    }
    Ok(quality(&manifest.instruments, findings))
}
