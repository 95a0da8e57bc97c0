//! The scanners themselves: what is installed where.

use crate::{machine, process};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};

const OBSERVATORY: &str = "@mdn/mdn-http-observatory@1.4.8";

/// Where they are.
pub struct Tools {
    /// The Python whose packages sslyze and schemathesis are.
    pub python: PathBuf,
    /// The folder of Mozilla's observatory.
    pub observatory: PathBuf,
}

impl Tools {
    /// Installs what is not here.
    pub fn install() -> Result<()> {
        machine::check_node()?;
        machine::scanners().map_err(anyhow::Error::msg)?;
        machine::python(&machine::SCANNERS).map_err(anyhow::Error::msg)?;
        let place = observatory();
        if place.join("package.json").is_file() {
            return Ok(());
        }
        let folder = machine::target().join("xtask/observatory");
        fs::create_dir_all(&folder)?;
        // Its scripts fetch lists from elsewhere; the ones that are needed are written below.
        let words = [
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefix",
            ".",
            OBSERVATORY,
        ];
        if !process::run(&mut process::command("npm", &words, &folder))?.success {
            bail!("{OBSERVATORY} cannot be installed here: it needs npm and its registry");
        }
        // The names that browsers carry as preloaded: the one that is scanned is none of them.
        fs::write(place.join("conf/hsts-preload.json"), "{}\n").context("writing an empty list")
    }

    /// Those that were installed.
    pub fn find() -> Result<Self> {
        let python = machine::python(&machine::SCANNERS).map_err(anyhow::Error::msg)?;
        Ok(Self { python, observatory: observatory() })
    }

    /// A program of that Python's packages.
    pub fn script(&self, name: &str) -> PathBuf {
        self.python.parent().unwrap_or(Path::new("")).join(name)
    }
}

fn observatory() -> PathBuf {
    machine::target().join("xtask/observatory/node_modules/@mdn/mdn-http-observatory")
}
