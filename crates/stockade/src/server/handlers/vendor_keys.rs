//! Keys of price vendors: names, fingerprints and dates go out, keys only come in.

use super::{account::Password, users::Person};
use crate::{
    desk::{VendorKey, is_vendor},
    server::{
        Answer, Problem,
        extract::{Json, Part},
        guard::Signed,
        state::App,
        withheld::SECRET_BYTES_MIN,
    },
};
use axum::extract::State;
use http::StatusCode;
use identity::{AccountId, Profile};
use seal::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

const KEY_BYTES_MAX: usize = 4096;

/// The keys that are sealed.
#[derive(Serialize, ToSchema)]
pub struct VendorKeys {
    keys: Vec<VendorKeyRow>,
}

/// A vendor's key, without the key.
#[derive(Serialize, ToSchema)]
pub struct VendorKeyRow {
    vendor: String,
    /// The same for the same key on this server, and of no use elsewhere.
    fingerprint: String,
    created: String,
    /// Null where the operator put it in on the machine itself.
    by: Option<Person>,
}

/// A key on its way in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVendorKey {
    /// One line, at most 4096 bytes.
    #[schema(value_type = String)]
    key: Password,
}

impl VendorKeyRow {
    fn of(key: VendorKey, names: &BTreeMap<AccountId, Profile>) -> Self {
        Self {
            vendor: key.vendor,
            fingerprint: key.fingerprint,
            created: key.created.to_string(),
            by: key.by.map(|account| Person::of(account, names)),
        }
    }
}

/// The name of a vendor in a path.
fn vendor(name: &str) -> Answer<&str> {
    is_vendor(name).then_some(name).ok_or_else(|| {
        Problem::invalid(
            "a vendor is called by up to 32 lower-case letters, digits, dashes and underlines",
        )
        .at("path, vendor")
    })
}

/// `GET /api/v1/vendor-keys`
pub async fn list(State(app): State<App>, _: Signed) -> Answer<Json<VendorKeys>> {
    let keys = app.desk().vendor_keys().await?;
    let names = app.accounts().names(keys.iter().filter_map(|key| key.by)).await?;
    let keys = keys.into_iter().map(|key| VendorKeyRow::of(key, &names)).collect();
    Ok(Json(VendorKeys { keys }))
}

/// `PUT /api/v1/vendor-keys/{vendor}`
pub async fn put(
    State(app): State<App>,
    signed: Signed,
    Part(name): Part<String>,
    Json(form): Json<NewVendorKey>,
) -> Answer<Json<VendorKeyRow>> {
    let vendor = vendor(&name)?;
    let value = Secret::new(form.key.0.expose().trim().as_bytes().to_vec());
    let bytes = value.expose();
    if bytes.is_empty() || bytes.len() > KEY_BYTES_MAX || bytes.iter().any(u8::is_ascii_control) {
        let detail = "a vendor's key is one line of 1 to 4096 bytes";
        return Err(Problem::invalid(detail).field("key"));
    }
    // No answer may hold a secret, so what this server publishes would be silenced.
    let (log, witness) = (app.desk().log_key(), app.witnesses().key().to_string());
    let published = [log, witness, app.observatory().key()];
    let holds = |key: &String| key.as_bytes().windows(bytes.len()).any(|part| part == bytes);
    if bytes.len() >= SECRET_BYTES_MIN && published.iter().any(holds) {
        let detail = "this is a part of a key that this server publishes, and no secret";
        return Err(Problem::invalid(detail).field("key"));
    }
    let account = signed.tenant.account();
    let kept = app.desk().keep_vendor_key(account, vendor, value).await?;
    app.withheld().know(app.desk()).await;
    let names = app.accounts().names(kept.by).await?;
    Ok(Json(VendorKeyRow::of(kept, &names)))
}

/// `DELETE /api/v1/vendor-keys/{vendor}`
pub async fn remove(
    State(app): State<App>,
    signed: Signed,
    Part(name): Part<String>,
) -> Answer<StatusCode> {
    app.desk().remove_vendor_key(signed.tenant.account(), vendor(&name)?).await?;
    app.withheld().know(app.desk()).await;
    Ok(StatusCode::NO_CONTENT)
}
