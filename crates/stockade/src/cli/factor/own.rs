//! The owner's factors: kept, listed, put away.

use super::Place;
use crate::{
    cli::{
        factor_args::Save,
        output::{Output, plain, table},
    },
    desk::{self, Archived, Saved},
};
use serde_json::json;

/// Keeps an expression under a name.
pub(super) fn save(save: &Save, place: &Place<'_>, output: Output) -> anyhow::Result<()> {
    let saved = Saved {
        name: save.name.clone(),
        text: save.expr.clone(),
        note: save.note.clone(),
        dataset: save.dataset.clone(),
        base: save.base,
    };
    let version = desk::connect(place.home()?)?.save_factor(saved)?;
    output.show(&json!({ "name": save.name, "version": version }), |_| {
        format!("{}, version {version}", plain(&save.name))
    })
}

/// Lists the owner's factors.
pub(super) fn list(archived: bool, place: &Place<'_>, output: Output) -> anyhow::Result<()> {
    let archived = if archived { Archived::Shown } else { Archived::Hidden };
    let found = desk::connect(place.home()?)?.factors(archived)?;
    output.show(&found, |found| {
        let head = ["name", "version", "changed", "expression"].map(str::to_owned).to_vec();
        let row = |one: &desk::OwnFactor| {
            let name = if one.archived { format!("({})", one.name) } else { one.name.clone() };
            vec![plain(&name), one.version.to_string(), one.updated.clone(), in_one_line(&one.text)]
        };
        table(&std::iter::once(head).chain(found.iter().map(row)).collect::<Vec<_>>())
    })
}

/// Lists the versions of a factor.
pub(super) fn versions(name: &str, place: &Place<'_>, output: Output) -> anyhow::Result<()> {
    let found = desk::connect(place.home()?)?.factor_versions(name)?;
    output.show(&found, |found| {
        let head = ["version", "made", "log entry", "expression"].map(str::to_owned).to_vec();
        let row = |one: &desk::OwnVersion| {
            let (version, leaf) = (one.version.to_string(), one.leaf_index.to_string());
            vec![version, one.created.clone(), leaf, in_one_line(&one.text)]
        };
        table(&std::iter::once(head).chain(found.iter().map(row)).collect::<Vec<_>>())
    })
}

/// Puts a factor away.
pub(super) fn remove(name: &str, place: &Place<'_>, output: Output) -> anyhow::Result<()> {
    desk::connect(place.home()?)?.archive_factor(name)?;
    output.note(&format!("{} is put away; its versions stay", plain(name)));
    Ok(())
}

fn in_one_line(text: &str) -> String {
    plain(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}
