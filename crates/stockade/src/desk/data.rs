//! Prices: what there is, in and out.

use super::{Actor, Deed, Desk, Error, Result, Watch, now};
use catalog::{ImportReport, ImportRequest, Manifest, QualityReport, Summary};
use jiff::Timestamp;
use market::{Adjustment, BarSeries, Symbol};
use std::{ops::ControlFlow, sync::atomic::Ordering};

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
                    if watch.is_stopped() {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
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
        let written = async {
            let mut act = self.store().begin().await?;
            act.keep_dataset(&report.name, &report.digest).await?;
            act.commit(deed.entry(actor), now()).await
        };
        self.settled(written.await)?;
        Ok(report)
    }

    /// Removes a dataset.
    pub async fn remove_dataset(&self, actor: Actor, name: &str) -> Result<()> {
        let owned = name.to_owned();
        self.with_catalog(move |catalog| Ok(catalog.remove(&owned)?)).await?;
        let deed = Deed::DatasetRemoved { name: name.to_owned() };
        let written = async {
            let mut act = self.store().begin().await?;
            act.drop_dataset(name).await?;
            act.commit(deed.entry(actor), now()).await
        };
        self.settled(written.await)?;
        Ok(())
    }

    /// Remembers that the catalogue has changed and the log could not be told.
    fn settled<T>(&self, written: Result<T, store::Error>) -> Result<T> {
        if written.is_err() {
            self.unsettled().store(true, Ordering::Relaxed);
        }
        Ok(written?)
    }

    /// Tells the log what it could not be told when it happened.
    pub async fn settle(&self, now: Timestamp) -> Result<()> {
        if !self.unsettled().swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let told = self.reconcile_datasets(now).await;
        if told.is_err() {
            self.unsettled().store(true, Ordering::Relaxed);
        }
        told
    }

    /// Holds the catalogue against the log: a kill between a rename on disk and its leaf leaves a
    /// dataset that the log does not know, or one that it still believes in.
    pub(super) async fn reconcile_datasets(&self, now: Timestamp) -> Result<()> {
        let mut logged = self.store().dataset_digests().await?;
        for set in self.datasets().await? {
            if logged.remove(&set.name).is_some_and(|digest| digest == set.digest) {
                continue;
            }
            let mut act = self.store().begin().await?;
            act.keep_dataset(&set.name, &set.digest).await?;
            let (name, digest, rows) = (set.name, set.digest, set.rows);
            let deed = Deed::DatasetFound { name, digest, rows };
            act.commit(deed.entry(Actor::Server), now).await?;
        }
        for name in logged.into_keys() {
            let mut act = self.store().begin().await?;
            act.drop_dataset(&name).await?;
            act.commit(Deed::DatasetRemoved { name }.entry(Actor::Server), now).await?;
        }
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
