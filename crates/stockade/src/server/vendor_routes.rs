//! The routes of price vendors' keys: what goes in never comes out again.

use super::{Cost, Rule, Table, Words, handlers::vendor_keys};
use identity::Permission as P;

/// Mounts them.
pub(super) fn vendors_of(table: Table) -> Table {
    table
        .get(
            "/api/v1/vendor-keys",
            Rule::Needs(P::VendorKeyRead),
            Words::new(Cost::Moderate, "Keys of price vendors by fingerprint; never a key")
                .json::<vendor_keys::VendorKeys>(),
            vendor_keys::list,
        )
        .put(
            "/api/v1/vendor-keys/{vendor}",
            Rule::Needs(P::VendorKeyWrite),
            Words::new(Cost::Moderate, "Seals a vendor's key, in the place of the one before")
                .takes::<vendor_keys::NewVendorKey>()
                .json::<vendor_keys::VendorKeyRow>(),
            vendor_keys::put,
        )
        .delete(
            "/api/v1/vendor-keys/{vendor}",
            Rule::Needs(P::VendorKeyWrite),
            Words::new(Cost::Moderate, "Removes a vendor's key; revoke it at the vendor too"),
            vendor_keys::remove,
        )
}
