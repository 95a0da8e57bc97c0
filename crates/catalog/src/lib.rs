//! Knows: price columns on disk: import, partitions, manifest, quality report.
//! Never knows: SQL or accounts.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an adapter: this crate does the I/O; its hash maps are looked up, never walked"
)]

mod actions;
mod catalog;
mod csv_source;
mod dataset_panel;
mod decimal;
mod disk;
mod error;
mod flaw;
mod grain;
mod header;
mod import;
mod judge;
mod manifest;
mod panel;
mod parquet_source;
mod part;
mod quality;
mod report;
mod request;
mod rows;
mod sink;
mod spool;
mod table;
mod ticks;
mod when;

pub use actions::read_actions;
pub use catalog::{Catalog, Summary};
pub use error::{Damage, Error, Place};
pub use flaw::Flaw;
pub use grain::{Content, Grain};
pub use header::{ColumnUse, Origin, Role};
pub use manifest::{
    Dataset, Field, InstrumentEntry, Manifest, Partition, Source, Span, SplitEntry,
};
pub use panel::{Outline, PanelBlocks, outline, panel_bytes, read_panel};
pub use report::{Finding, FindingKind, ImportReport, Level, QualityReport, SymbolQuality};
pub use request::{
    BadRows, FileKind, ImportRequest, Limits, Mapping, Progress, Replace, Stage, TimeZone,
};
pub use sink::{Format, Shape, Sink, Storage, Target, Texts, is_formula};
pub use table::{TableColumn, write_table};
pub use ticks::{QuoteColumns, QuoteStream, TradeColumns, TradeStream};

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
