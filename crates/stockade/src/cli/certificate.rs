//! `stockade certificate`: what an ACME server issued, and another one now.

use super::{
    args::Certificate,
    configuration::home,
    output::{Ending, Output, plain, table},
    usage,
};
use crate::desk::{self, CertificateView};
use anyhow::bail;
use settings::Settings;

/// Runs a command on the certificate.
pub(super) fn run(
    command: &Certificate,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    let desk = desk::connect(home(settings)?)?;
    let view = match command {
        Certificate::Show => desk.certificate()?,
        Certificate::Renew => desk.renew_certificate()?,
    };
    let Some(view) = view else {
        return Err(usage(
            "no running server asks an ACME server: set acme.directory, and start the server",
        ));
    };
    output.show(&view, shown)?;
    match (command, &view.failure) {
        (_, None) => Ok(Ending::Done),
        (Certificate::Show, Some(_)) => Ok(Ending::Findings),
        (Certificate::Renew, Some(failure)) => {
            bail!("no certificate was issued: {}", plain(failure))
        }
    }
}

fn shown(view: &CertificateView) -> String {
    let day = |at: &jiff::Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let row = |name: &str, value: Option<String>| {
        vec![name.to_owned(), value.map_or_else(|| "\u{2013}".to_owned(), |value| plain(&value))]
    };
    table(&[
        row("names", Some(view.names.join(", "))),
        row("ACME server", Some(view.directory.clone())),
        row("issuer", view.issuer.clone()),
        row("holds until", view.expires.as_ref().map(day)),
        row("SHA-256", view.fingerprint.clone()),
        row("next order", view.next.as_ref().map(day)),
        row("last failure", view.failure.clone()),
    ])
}
