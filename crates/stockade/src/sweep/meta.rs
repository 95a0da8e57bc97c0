//! What a sweep is: written first, never changed.

use super::{
    Order, Result,
    error::{Error, file},
};
use engine::{
    SEMANTICS, Template,
    sweep::{Grid, Shard},
};
use serde::{Deserialize, Serialize};
use std::{fs, io::Write, path::Path};

/// The file's name.
pub const META: &str = "sweep.json";
/// Its name until it is whole.
pub(super) const DRAFT: &str = ".sweep.json";
/// The file's first words.
const FORMAT: &str = "stockade sweep 1";
/// The largest one that is read.
const BYTES_MAX: u64 = 32 << 20;

/// What a sweep is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The format's name and version.
    pub format: String,
    /// What the strategy is called.
    pub name: String,
    /// The dataset.
    pub dataset: String,
    /// SHA-256 of the logical columns that it runs on.
    pub data: String,
    /// The number of the engine's semantics.
    pub semantics: u32,
    /// The axes as they are written, `fast=5..50:5`.
    pub axes: Vec<String>,
    /// The conditions as they are written, `fast < slow`.
    pub conditions: Vec<String>,
    /// Sets of the whole sweep.
    pub sets: u64,
    /// Which part of them this directory has, `1/1` for all.
    pub shard: String,
    /// The strategy's text.
    pub text: String,
}

impl Meta {
    /// Of an order, on data of this digest.
    pub(super) fn of(order: &Order<'_>, (template, grid): (&Template, &Grid), data: &str) -> Self {
        let strategy = template.strategy();
        Self {
            format: FORMAT.to_owned(),
            name: strategy.name.clone(),
            dataset: strategy.data.clone(),
            data: data.to_owned(),
            semantics: SEMANTICS,
            axes: grid.axes().iter().map(ToString::to_string).collect(),
            conditions: grid.conditions().iter().map(ToString::to_string).collect(),
            sets: grid.sets(),
            shard: order.shard.to_string(),
            text: order.text.to_owned(),
        }
    }

    /// The template and the grid.
    pub fn parts(&self) -> Result<(Template, Grid)> {
        parts(&self.text, &self.axes, &self.conditions)
    }

    /// The shard.
    pub fn shard(&self) -> Result<Shard> {
        Ok(self.shard.parse()?)
    }

    /// Reads a sweep's file.
    pub(super) fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(META);
        let size = match fs::metadata(&path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NoSweep { path: dir.to_owned() });
            }
            Err(source) => return Err(file("look at", &path)(source)),
        };
        let damaged = |what: String| Error::Damaged { path: path.clone(), what };
        if size > BYTES_MAX {
            return Err(damaged(format!("it has {size} bytes")));
        }
        let bytes = fs::read(&path).map_err(file("read", &path))?;
        let meta: Self = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if meta.format != FORMAT {
            let format: String = meta.format.chars().take(40).collect();
            return Err(damaged(format!("its format is {format:?}, not {FORMAT:?}")));
        }
        Ok(meta)
    }

    /// Writes it beside its place, flushes and renames it.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let (path, draft) = (dir.join(META), dir.join(DRAFT));
        let work = || -> std::io::Result<()> {
            let mut bytes = serde_json::to_vec_pretty(self)?;
            bytes.push(b'\n');
            let mut out = fs::File::create(&draft)?;
            out.write_all(&bytes)?;
            out.sync_all()?;
            fs::rename(&draft, &path)?;
            fs::File::open(dir)?.sync_all()
        };
        work().map_err(file("write", &path))
    }
}

/// Reads the template and the grid of texts.
pub(super) fn parts(
    text: &str,
    axes: &[String],
    conditions: &[String],
) -> Result<(Template, Grid)> {
    let template = Template::parse(text).map_err(Error::Strategy)?;
    let axes = axes.iter().map(|axis| axis.parse()).collect::<Result<_, _>>()?;
    let conditions = conditions.iter().map(|one| one.parse()).collect::<Result<_, _>>()?;
    let grid = Grid::new(&template, axes, conditions)?;
    Ok((template, grid))
}
