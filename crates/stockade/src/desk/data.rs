//! Prices: what there is, in and out.

use super::{Actor, Deed, Desk, Error, Result, Watch, now};
use catalog::{ImportReport, ImportRequest, Manifest, QualityReport, Summary};
use market::{Adjustment, BarSeries, Symbol};
use std::ops::ControlFlow;

impl Desk {
    /// All datasets by name.
    pub async fn datasets(&self) -> Result<Vec<Summary>> {
        self.with_catalog(|catalog| Ok(catalog.datasets()?)).await
    }

    /// What a dataset says about itself.
    pub async fn manifest(&self, name: &str) -> Result<Manifest> {
        let name = name.to_owned();
        self.with_catalog(move |catalog| Ok(catalog.manifest(&name)?)).await
    }

    /// A dataset looked at anew: checksums, gaps, odd prices.
    pub async fn check_dataset(&self, name: &str) -> Result<QualityReport> {
        let name = name.to_owned();
        self.with_catalog(move |catalog| Ok(catalog.check(&name)?)).await
    }

    /// The bars of one symbol.
    pub async fn bars(
        &self,
        name: &str,
        symbol: Symbol,
        adjustment: Adjustment,
    ) -> Result<BarSeries> {
        let name = name.to_owned();
        self.with_catalog(move |catalog| {
            let mut found = catalog.series(&name, Some(&[symbol]), adjustment)?;
            found.pop().ok_or(Error::NotFound { what: "symbol" })
        })
        .await
    }

    /// Imports a file; progress in bytes, then rows. Stopped, it leaves nothing behind.
    pub async fn import(
        &self,
        actor: Actor,
        request: ImportRequest,
        watch: Watch,
    ) -> Result<ImportReport> {
        let report = self
            .with_catalog(move |catalog| {
                let mut tell = |progress: catalog::Progress| {
                    watch.tell(progress.done, progress.total);
                    if watch.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                };
                match catalog.import(&request, &mut tell) {
                    Err(catalog::Error::Cancelled) => Err(Error::Cancelled),
                    other => Ok(other?),
                }
            })
            .await?;
        let deed = Deed::DatasetImported {
            name: report.name.clone(),
            digest: report.digest.clone(),
            rows: report.rows_kept,
        };
        self.store().begin().await?.commit(deed.entry(actor), now()).await?;
        Ok(report)
    }

    /// Removes a dataset.
    pub async fn remove_dataset(&self, actor: Actor, name: &str) -> Result<()> {
        let owned = name.to_owned();
        self.with_catalog(move |catalog| Ok(catalog.remove(&owned)?)).await?;
        let deed = Deed::DatasetRemoved { name: name.to_owned() };
        self.store().begin().await?.commit(deed.entry(actor), now()).await?;
        Ok(())
    }

    /// Runs work on the catalogue where it may block.
    pub(super) async fn with_catalog<T: Send + 'static>(
        &self,
        work: impl FnOnce(&catalog::Catalog) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let desk = self.clone();
        tokio::task::spawn_blocking(move || work(desk.catalog())).await?
    }
}
