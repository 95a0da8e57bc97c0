//! The table of routes, without a server.

use super::output::{Output, table, write_stdout};
use crate::server::{published::Published, routes};

/// All rows, for a person or a program.
pub(super) fn show(output: Output) -> anyhow::Result<()> {
    output.show(&Published::of(routes::table().rows()), |published| table(&published.cells()))
}

/// A page of the book.
pub(super) fn markdown() -> anyhow::Result<()> {
    Ok(write_stdout(Published::of(routes::table().rows()).markdown().as_bytes())?)
}

/// The OpenAPI document, as the server answers it.
pub(super) fn openapi() -> anyhow::Result<()> {
    Ok(write_stdout(format!("{}\n", routes::table().document()?).as_bytes())?)
}
