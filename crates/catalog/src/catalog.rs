//! The catalogue: datasets in directories under one root.

use crate::{
    Content, Error, Grain, ImportReport, ImportRequest, InstrumentEntry, Manifest, Progress,
    QualityReport, Result,
    disk::{self, io_at},
    error::{Damage, excerpt, nearest},
    import::{self, Columns},
    manifest::{Field, text},
    part,
    quality::{Findings, Inspector},
    report::{Finding, FindingKind},
    ticks,
};
use market::{Adjustment, Bar, BarSeries, Instrument, Symbol, Timestamp, adjust_splits};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

/// The manifest's file name.
pub(crate) const MANIFEST: &str = "manifest.json";
/// Readers try again when a dataset is replaced under them.
const ATTEMPTS: u32 = 3;

/// Datasets under one directory: `<root>/<dataset>/manifest.json` and its partitions.
#[derive(Debug, Clone)]
pub struct Catalog {
    root: PathBuf,
}

/// A dataset in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Its name.
    pub name: String,
    /// What a row is: the bar's length, `quotes` or `trades`.
    #[serde(with = "text")]
    pub bar: Grain,
    /// Its symbols in order.
    pub symbols: Vec<String>,
    /// Rows.
    pub rows: u64,
    /// First bar.
    #[serde(with = "text")]
    pub first: Timestamp,
    /// Last bar.
    #[serde(with = "text")]
    pub last: Timestamp,
    /// When it was imported.
    pub imported: jiff::Timestamp,
    /// Digest of the logical columns and splits.
    pub digest: String,
    /// Problems in its quality report.
    pub problems: u64,
    /// Price fields its source has.
    pub fields: Vec<crate::Field>,
    /// Bytes of its partitions.
    pub bytes: u64,
}

/// The manifest as it lies on disk: guarded by a checksum of its own.
#[derive(Serialize, Deserialize)]
struct Stored {
    sha256: String,
    manifest: serde_json::Value,
}

impl Catalog {
    /// Opens or makes the catalogue at `root`; sweeps what a killed import left behind.
    pub fn open(root: &Path) -> Result<Self> {
        disk::open_root(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// Imports a file as a dataset, whole or not at all.
    ///
    /// `progress` is called every few thousand rows; breaking cancels. At most
    /// `limits.rows_in_memory` rows are held, see [`crate::Limits`].
    pub fn import(
        &self,
        request: &ImportRequest,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ImportReport> {
        import::import(&self.root, request, progress)
    }

    /// All datasets by name.
    pub fn datasets(&self) -> Result<Vec<Summary>> {
        let names = disk::datasets(&self.root)?;
        names.iter().map(|name| self.manifest(name).map(summary)).collect()
    }

    /// What a dataset says about itself, its checksum verified.
    pub fn manifest(&self, name: &str) -> Result<Manifest> {
        let path = self.dir(name)?.join(MANIFEST);
        let bytes = fs::read(&path).map_err(io_at("read", &path))?;
        let damaged = |damage| Error::Damaged { path: path.clone(), damage };
        let unreadable = |e: serde_json::Error| damaged(Damage::Unreadable(e.to_string()));
        let stored: Stored = serde_json::from_slice(&bytes).map_err(unreadable)?;
        let found = digest_of(&stored.manifest).map_err(unreadable)?;
        if found != stored.sha256 {
            return Err(damaged(Damage::Checksum { expected: stored.sha256, found }));
        }
        serde_json::from_value(stored.manifest).map_err(unreadable)
    }

    /// Verifies every checksum and looks at every bar again.
    ///
    /// A damaged partition is a finding that names its file; what is left is still looked at.
    /// A damaged manifest is an error: nothing can be told without it.
    pub fn check(&self, name: &str) -> Result<QualityReport> {
        self.stable(name, |manifest, dir| {
            let Grain::Bars(size) = manifest.dataset.bar else {
                return ticks::check(dir, manifest);
            };
            let mut elsewhere = Findings::default();
            let sound: Vec<_> = manifest
                .partitions
                .iter()
                .filter(|partition| {
                    match part::verify(&dir.join(&partition.file), &partition.sha256) {
                        Ok(()) => true,
                        Err(error) => {
                            elsewhere.add(Finding::about(
                                FindingKind::Damage,
                                None,
                                error.to_string(),
                            ));
                            false
                        }
                    }
                })
                .collect();
            let mut days = BTreeSet::new();
            let each = |visit: &mut part::Visit<'_>| {
                sound.iter().try_for_each(|p| part::read(dir, manifest, p, None, visit))
            };
            each(&mut |_, bar, _| {
                days.insert(bar.open_time.nanos().div_euclid(crate::when::DAY));
                Ok(())
            })?;
            let mut again = Again::new(manifest, &days);
            each(&mut |entry, bar, extra| {
                again.take(entry, bar, extra);
                Ok(())
            })?;
            let digest = again.columns.finish(size, &manifest.actions);
            if sound.len() == manifest.partitions.len() && digest != manifest.dataset.digest {
                let message = format!(
                    "the columns' digest is {digest}, the manifest says {}",
                    manifest.dataset.digest
                );
                elsewhere.add(Finding::about(FindingKind::Damage, None, message));
            }
            Ok(again.inspector.finish(size, elsewhere))
        })
    }

    /// The bars of the given symbols in that order, or of all in symbol order; the files'
    /// checksums are verified, the dataset's splits applied if asked.
    pub fn series(
        &self,
        name: &str,
        symbols: Option<&[Symbol]>,
        adjustment: Adjustment,
    ) -> Result<Vec<BarSeries>> {
        self.stable(name, |manifest, dir| {
            let size = manifest.bar()?;
            let wanted = wanted(manifest, symbols)?;
            let set: BTreeSet<&Symbol> = wanted.iter().map(|i| &i.symbol).collect();
            let filter = symbols.is_some().then_some(&set);
            let fresh = |i: &Instrument| {
                let series = BarSeries::from_bars(i.clone(), size, []);
                series.map(|series| (i.symbol.clone(), series))
            };
            let mut found: BTreeMap<Symbol, BarSeries> =
                wanted.iter().map(fresh).collect::<Result<_, _>>()?;
            for partition in &manifest.partitions {
                part::read(dir, manifest, partition, filter, &mut |entry, bar, _| match found
                    .get_mut(&entry.symbol)
                {
                    Some(series) => Ok(series.push(*bar)?),
                    None => Ok(()),
                })?;
            }
            let actions = manifest.corporate_actions();
            let adjust = |series: BarSeries| match adjustment {
                Adjustment::Raw => Ok(series),
                Adjustment::Splits => adjust_splits(&series, &actions),
            };
            let series = wanted.iter().filter_map(|i| found.remove(&i.symbol));
            Ok(series.map(adjust).collect::<Result<_, _>>()?)
        })
    }

    /// Takes a dataset away for good.
    pub fn remove(&self, name: &str) -> Result<()> {
        self.dir(name)?;
        disk::remove(&self.root, name)
    }

    /// Where a dataset lies.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The directory of a dataset that is there.
    fn dir(&self, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        let dir = self.root.join(name);
        if dir.join(MANIFEST).is_file() {
            return Ok(dir);
        }
        let names = disk::datasets(&self.root)?;
        let suggestion = nearest(name, names.iter().map(String::as_str));
        Err(Error::NoDataset { name: name.to_owned(), suggestion })
    }

    /// Runs `read` on a dataset; again if it was replaced meanwhile.
    pub(crate) fn stable<T>(
        &self,
        name: &str,
        read: impl Fn(&Manifest, &Path) -> Result<T>,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            let before = self.manifest(name)?;
            let result = read(&before, &self.root.join(name));
            if attempt >= ATTEMPTS || self.manifest(name).is_ok_and(|after| after == before) {
                return result;
            }
            attempt += 1;
        }
    }
}

impl Manifest {
    /// Refuses a dataset of other rows.
    pub(crate) fn must_hold(&self, wanted: Content) -> Result<()> {
        let (found, dataset) = (self.dataset.bar.content(), self.dataset.name.clone());
        if found == wanted { Ok(()) } else { Err(Error::OtherContent { dataset, found, wanted }) }
    }

    /// The length of its bars; a dataset of ticks is refused.
    pub fn bar(&self) -> Result<market::BarSize> {
        self.must_hold(Content::Bars)?;
        Ok(self.dataset.bar.bar().unwrap_or(market::BarSize::DAY))
    }
}

/// One more look at bars that were imported before.
struct Again {
    inspector: Inspector,
    columns: Columns,
    has_open: bool,
    adjusted: Option<usize>,
    current: Option<Symbol>,
}

impl Again {
    fn new(manifest: &Manifest, days: &BTreeSet<i64>) -> Self {
        let extra = &manifest.dataset.extra;
        Self {
            inspector: Inspector::new(days, &manifest.actions),
            columns: Columns::new(&manifest.dataset.fields, extra),
            has_open: manifest.dataset.fields.contains(&Field::Open),
            adjusted: extra.iter().position(|name| name == "adj_close" || name == "adjusted_close"),
            current: None,
        }
    }

    fn take(&mut self, entry: &InstrumentEntry, bar: &Bar, extra: &[f64]) {
        if self.current.as_ref() != Some(&entry.symbol) {
            self.current = Some(entry.symbol.clone());
            self.inspector.begin(&entry.instrument(), self.has_open);
            self.columns.begin(entry);
        }
        self.columns.bar(bar, extra);
        self.inspector.bar(bar, self.adjusted.and_then(|i| extra.get(i)).copied());
    }
}

pub(crate) fn wanted(manifest: &Manifest, symbols: Option<&[Symbol]>) -> Result<Vec<Instrument>> {
    let Some(symbols) = symbols else {
        return Ok(manifest.instruments.iter().map(InstrumentEntry::instrument).collect());
    };
    let mut wanted: Vec<Instrument> = Vec::with_capacity(symbols.len());
    for symbol in symbols {
        let found = manifest.instruments.binary_search_by(|entry| entry.symbol.cmp(symbol));
        let Some(entry) = found.ok().and_then(|i| manifest.instruments.get(i)) else {
            let names = manifest.instruments.iter().map(|entry| entry.symbol.as_str());
            let suggestion = nearest(symbol.as_str(), names);
            let (dataset, symbol) = (manifest.dataset.name.clone(), symbol.to_string());
            return Err(Error::NoSymbol { dataset, symbol, suggestion });
        };
        if !wanted.iter().any(|known| known.symbol == *symbol) {
            wanted.push(entry.instrument());
        }
    }
    Ok(wanted)
}

fn summary(manifest: Manifest) -> Summary {
    Summary {
        symbols: manifest.instruments.iter().map(|entry| entry.symbol.to_string()).collect(),
        bytes: manifest.partitions.iter().map(|partition| partition.bytes).sum(),
        problems: manifest.quality.problems(),
        fields: manifest.dataset.fields.clone(),
        name: manifest.dataset.name,
        bar: manifest.dataset.bar,
        rows: manifest.dataset.rows,
        first: manifest.dataset.first,
        last: manifest.dataset.last,
        imported: manifest.dataset.imported,
        digest: manifest.dataset.digest,
    }
}

/// A name that can be a directory everywhere.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let allowed = |b: u8| plain(b) || b"._-".contains(&b);
    let starts = name.bytes().next().is_some_and(plain);
    if starts && name.len() <= 64 && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(Error::DatasetName { text: excerpt(name) })
    }
}

fn digest_of(manifest: &serde_json::Value) -> serde_json::Result<String> {
    Ok(hex::encode(Sha256::digest(serde_json::to_vec(manifest)?)))
}

/// Writes and flushes the manifest into a draft.
pub(crate) fn write_manifest(dir: &Path, manifest: &Manifest) -> Result<()> {
    let path = dir.join(MANIFEST);
    let json = || {
        let manifest = serde_json::to_value(manifest)?;
        let sha256 = digest_of(&manifest)?;
        serde_json::to_vec_pretty(&Stored { sha256, manifest })
    };
    let bytes = json().map_err(|e| io_at("write", &path)(e.into()))?;
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    written.map_err(io_at("write", &path))
}
