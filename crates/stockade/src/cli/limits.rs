//! `stockade limits`: lists of addresses that are kept out, and blocks.

use super::{
    args::Limits,
    configuration::home,
    output::{Ending, Output, plain, table},
    usage,
};
use crate::desk::{self, AddressTerms, BlockView, ListView, NewBlock, prefix_named};
use guard::Prefix;
use jiff::SignedDuration;
use seal::MinisignPublicKey;
use serde_json::json;
use settings::Settings;

/// Prefixes that pass whatever is held against them.
const ALLOWED_MAX: usize = 64;
/// Keys that may sign lists.
const KEYS_MAX: usize = 16;

/// Runs a command about who is kept out.
pub(super) fn run(command: &Limits, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    match command {
        Limits::Show => return show(settings, output),
        Limits::Block { prefix, lasts, why } => {
            prefix_named(prefix).map_err(|error| usage(error.to_string()))?;
            let (prefix, seconds, why) = (prefix.clone(), seconds(lasts)?, why.clone());
            let block = NewBlock { prefix, seconds, why };
            let block = desk::connect(home(settings)?)?.block(&block)?;
            output.show(&block, |block| {
                format!("{} is out until {}; the log holds this", block.prefix, block.until)
            })?;
        }
        Limits::Unblock { prefix } => {
            let prefix = prefix_named(prefix).map_err(|error| usage(error.to_string()))?;
            desk::connect(home(settings)?)?.unblock(&prefix.to_string())?;
            output.show(&json!({ "unblocked": prefix.to_string() }), |_| {
                format!("{prefix} is let in again; the log holds this")
            })?;
        }
    }
    Ok(Ending::Done)
}

/// `30m`, `24h`, `7d`.
fn seconds(text: &str) -> anyhow::Result<i64> {
    let units = [('m', 60), ('h', 3600), ('d', 86_400)];
    let unit = units.into_iter().find_map(|(unit, one)| Some((text.strip_suffix(unit)?, one)));
    let plain = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let read = unit.and_then(|(digits, one)| {
        let number: i64 = Some(digits).filter(plain)?.parse().ok()?;
        number.checked_mul(one)
    });
    read.ok_or_else(|| {
        usage(format!("--for: {text:?} is no time: write minutes, hours or days, as 30m, 24h, 7d"))
    })
}

fn show(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let terms = terms(settings)?;
    let desk = desk::connect(home(settings)?)?;
    let (lists, blocks) = (desk.address_lists(&terms)?, desk.blocks()?);
    let ill = lists.iter().any(|one| one.stale || one.problem.is_some());
    output.show(&json!({ "lists": lists, "blocks": blocks }), |_| {
        format!("{}\n\n{}", lists_shown(&lists), blocks_shown(&blocks))
    })?;
    Ok(if ill { Ending::Findings } else { Ending::Done })
}

fn lists_shown(lists: &[ListView]) -> String {
    if lists.is_empty() {
        return "no list of addresses is held against whoever comes (limits.lists)".to_owned();
    }
    let head = ["list", "date", "key", "prefixes", "standing"].map(str::to_owned).to_vec();
    let line = |one: &ListView| {
        let standing = match (&one.problem, one.stale) {
            (Some(problem), _) => plain(problem),
            (None, true) => "STALE: it holds, fetch a newer one".to_owned(),
            (None, false) => "holds".to_owned(),
        };
        vec![
            plain(one.name.as_deref().unwrap_or(&one.file)),
            one.date.map_or_else(|| "–".to_owned(), |date| date.to_string()),
            one.key.clone().unwrap_or_else(|| "–".to_owned()),
            one.prefixes.to_string(),
            standing,
        ]
    };
    table(&std::iter::once(head).chain(lists.iter().map(line)).collect::<Vec<_>>())
}

fn blocks_shown(blocks: &[BlockView]) -> String {
    if blocks.is_empty() {
        return "nobody is blocked".to_owned();
    }
    let head = ["blocked", "until", "by", "why"].map(str::to_owned).to_vec();
    let line = |one: &BlockView| {
        vec![one.prefix.clone(), one.until.to_string(), one.by.clone(), plain(&one.why)]
    };
    table(&std::iter::once(head).chain(blocks.iter().map(line)).collect::<Vec<_>>())
}

/// What is configured of addresses.
pub(super) fn terms(settings: &Settings) -> anyhow::Result<AddressTerms> {
    let words = |key: &'static str| {
        settings.text(key).split(',').map(str::trim).filter(|one| !one.is_empty())
    };
    let key = |text: &str| {
        text.parse::<MinisignPublicKey>()
            .map_err(|error| usage(format!("limits.list_keys: {text:?}: {error}")))
    };
    let prefix = |text: &str| {
        text.parse::<Prefix>().map_err(|error| usage(format!("limits.allow: {text:?}: {error}")))
    };
    let keys = words("limits.list_keys").map(key).collect::<anyhow::Result<Vec<_>>>()?;
    let allowed = words("limits.allow").map(prefix).collect::<anyhow::Result<Vec<_>>>()?;
    if keys.len() > KEYS_MAX || allowed.len() > ALLOWED_MAX {
        return Err(usage(format!(
            "limits.list_keys has at most {KEYS_MAX} keys, and limits.allow at most {ALLOWED_MAX} prefixes"
        )));
    }
    let folder = settings.path("limits.lists");
    if folder.is_some() && keys.is_empty() {
        return Err(usage(
            "limits.lists: no list is believed without a signature: name the keys that may sign them in limits.list_keys, as `minisign -G` prints them".to_owned(),
        ));
    }
    let lasts = SignedDuration::from_hours(24 * settings.number("limits.lists_stale_days"));
    Ok(AddressTerms { folder, keys, lasts, allowed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::configuration::KEYS;
    use settings::{FileText, Sources};

    const KEY: &str = "RWRN4AFaQ/oJpoxvDeytoHFLDaFmjMDbvyez3nQj4FzC0/6tpf8IdC3i";

    fn read(lines: &str) -> anyhow::Result<AddressTerms> {
        let text = format!("[limits]\n{lines}\n");
        let file = FileText { path: "stockade.toml".into(), text };
        let sources = Sources { file: Some(file), ..Sources::default() };
        terms(&Settings::layered(KEYS, &sources)?)
    }

    #[test]
    fn lists_need_keys_and_each_word_is_read_or_named() {
        let none = read("").expect("good");
        assert!(none.folder.is_none() && none.keys.is_empty() && none.allowed.is_empty());
        assert_eq!(none.lasts, AddressTerms::default().lasts);
        let whole = read(&format!(
            "lists = '/etc/stockade/lists'\nlist_keys = '{KEY}'\nallow = '192.0.2.0/24, ::1'\nlists_stale_days = 2"
        ));
        let whole = whole.expect("good");
        assert_eq!((whole.keys.len(), whole.allowed.len()), (1, 2));
        assert_eq!(whole.lasts, SignedDuration::from_hours(48));
        let check = |lines: &str, want: &str| {
            let refused = read(lines).expect_err(want).to_string();
            assert!(refused.contains(want), "{refused}");
        };
        check("lists = '/etc/stockade/lists'", "limits.list_keys");
        check("list_keys = 'RWx'", "limits.list_keys: \"RWx\"");
        check("allow = '192.0.2.1/24'", "limits.allow: \"192.0.2.1/24\"");
        check(&format!("allow = '{}'", "::1,".repeat(65)), "at most 64");
    }

    #[test]
    fn times_are_minutes_hours_or_days() {
        let good = [("30m", 1800), ("24h", 86_400), ("7d", 604_800)];
        for (text, want) in good {
            assert_eq!(seconds(text).expect(text), want);
        }
        for text in ["", "7", "d", "-1d", "+1d", "1.5h", "7 d", "1w", "99999999999999999999d"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
