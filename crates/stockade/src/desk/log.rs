//! The audit log: read, taken away, verified.

use super::{Actor, Deed, Desk, Result, now, summary};
use audit::{Record, TileId, Verifier};
use jiff::Timestamp;
use store::{Export, Head, LogPage};

/// A page of the log.
#[derive(Debug, Clone)]
pub struct LogView {
    /// The newest signed checkpoint.
    pub head: Head,
    /// Entries, the newest first.
    pub lines: Vec<LogLine>,
    /// Where to go on, as a page's `before`; `None` at the end.
    pub next: Option<u64>,
}

/// An entry as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its index, from 0.
    pub index: u64,
    /// When.
    pub time: Timestamp,
    /// What kind of act.
    pub kind: String,
    /// Who; `None` where the body was pruned.
    pub actor: Option<String>,
    /// On what.
    pub subject: Option<String>,
    /// The rest in a few words.
    pub summary: String,
    /// The leaf's hash.
    pub hash: [u8; 32],
}

impl From<Record> for LogLine {
    fn from(record: Record) -> Self {
        let summary = record.entry.as_ref().map(summary).unwrap_or_default();
        let (actor, subject) = record.entry.map(|entry| (entry.actor, entry.subject)).unzip();
        Self {
            index: record.index,
            time: record.time,
            kind: record.kind.to_string(),
            actor,
            subject,
            summary,
            hash: record.hash,
        }
    }
}

impl Desk {
    /// A page of the log.
    pub async fn log(&self, page: &LogPage) -> Result<LogView> {
        let head = self.store().log_head().await?;
        let records = self.store().log_page(page).await?;
        let is_full = records.len() >= page.rows();
        let next = records.last().map(|record| record.index).filter(|_| is_full);
        Ok(LogView { head, lines: records.into_iter().map(LogLine::from).collect(), next })
    }

    /// The newest signed checkpoint.
    pub async fn log_head(&self) -> Result<Head> {
        Ok(self.store().log_head().await?)
    }

    /// A tile of the log's tree; [`None`] where it does not reach so far.
    pub async fn log_tile(&self, tile: TileId) -> Result<Option<Vec<u8>>> {
        Ok(self.store().log_tile(tile).await?)
    }

    /// The key that the log's checkpoints are verified with.
    #[must_use]
    pub fn log_key(&self) -> String {
        self.store().log_key()
    }

    /// Proof that the log holds an entry, as a file.
    pub async fn receipt(&self, index: u64) -> Result<String> {
        Ok(self.store().receipt(index).await?.to_text())
    }

    /// The whole log as JSON lines; that it was taken away is logged first.
    pub async fn export_log(&self, actor: Actor) -> Result<Export> {
        let size = self.store().log_head().await?.checkpoint.size;
        let deed = Deed::LogExported { size };
        self.store().begin().await?.commit(deed.entry(actor), now()).await?;
        Ok(self.store().export().await?)
    }

    /// Every leaf again, against every checkpoint that was signed, and those `seen` elsewhere.
    pub async fn verify_log(&self, seen: &[String]) -> Result<audit::Summary> {
        Ok(self.store().verify_log(seen).await?)
    }

    /// The log's key as a verifier.
    pub fn log_verifier(&self) -> Result<Verifier> {
        Ok(self.log_key().parse()?)
    }
}
