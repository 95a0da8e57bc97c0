//! How a server is watched, by the configuration.

use super::usage;
use crate::server::{
    OperationsTerms,
    operations::{Counting, ErrorTerms},
};
use anyhow::Context;
use edge::Reach;
use settings::Settings;
use std::net::SocketAddr;

const ENVIRONMENT_CHARS_MAX: usize = 64;
const REGION_CHARS_MAX: usize = 80;

/// What the settings say of it. Whether errors are reported says the sealed DSN.
pub(super) fn terms(settings: &Settings) -> anyhow::Result<OperationsTerms> {
    let mib = u64::try_from(settings.number("health.disk_free_mib"))
        .context("health.disk_free_mib is out of range")?;
    let reach = match settings.text("errors.reach") {
        "private" => Reach::Private,
        _ => Reach::Public,
    };
    let environment = settings.text("errors.environment");
    let is_name = environment.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if environment.is_empty() || environment.len() > ENVIRONMENT_CHARS_MAX || !is_name {
        return Err(usage("errors.environment has 1 to 64 letters, digits and -_."));
    }
    let counting = if settings.is_on("visits.count") { Counting::On } else { Counting::Off };
    Ok(OperationsTerms {
        disk_free_min: mib << 20,
        metrics: metrics(settings)?,
        errors: ErrorTerms {
            reach,
            authority: settings.path("errors.authority"),
            environment: environment.to_owned(),
        },
        visits: counting,
        region: region(settings)?,
    })
}

/// Where the machine stands, in words that fit on a page.
fn region(settings: &Settings) -> anyhow::Result<String> {
    let region = settings.text("server.region").trim();
    if region.chars().count() > REGION_CHARS_MAX || region.contains(char::is_control) {
        return Err(usage("server.region has 80 characters at most, on one line"));
    }
    Ok(region.to_owned())
}

/// Where metrics are read, if anywhere: never where others come in.
fn metrics(settings: &Settings) -> anyhow::Result<Option<SocketAddr>> {
    let text = settings.text("metrics.listen");
    if text.is_empty() {
        return Ok(None);
    }
    let address: Option<SocketAddr> = text.parse().ok();
    let address = address.filter(|address| address.ip().is_loopback());
    let wrong = || {
        usage(format!(
            "metrics.listen: {text:?} is no address of this machine: write ADDRESS:PORT, as 127.0.0.1:9464"
        ))
    };
    address.map(Some).ok_or_else(wrong)
}
