use super::*;
use std::{fs, os::unix::fs::PermissionsExt};

const GOOD: &str =
    "venue: { name: bybit, product: perpetual }\nstrategy: s.yaml\nsymbols: [BTC/USDT]\n";

fn read(text: &str) -> Result<Config, Vec<String>> {
    parse(text, Path::new("/etc/bot/bot.yaml"), Path::new("/etc/bot"))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn a_short_configuration_is_enough() {
    let config = read(GOOD).expect("is read");
    assert_eq!(config.venue.name, VenueName::Bybit);
    assert_eq!(config.strategy, Path::new("/etc/bot/s.yaml"));
    assert_eq!(config.state_dir, Path::new("/etc/bot/state"));
    assert_eq!(config.caps.per_minute, Some(60));
    assert_eq!(config.stop.map(|stop| stop.distance.to_string()).as_deref(), Some("0.1"));
    assert_eq!(config.ip_restriction, IpRestriction::Warn);
    assert_eq!((config.license, config.metrics), (None, None));
}

fn check(text: &str, want: &str) {
    let problems = read(text).expect_err("is refused");
    assert!(problems.iter().any(|one| one == want), "{text:?}\nwant {want}\ngot  {problems:#?}");
}

fn with(line: &str) -> String {
    format!("{GOOD}{line}\n")
}

#[test]
fn an_unknown_key_or_word_is_said_with_what_was_meant() {
    check(
        "",
        "line 1, column 1: nothing is written here (`stockade-bot config init` writes a configuration)",
    );
    check(
        "- a\n",
        "line 1, column 1: a configuration is a mapping of keys, this is a list (known keys are: name, venue, account, keys, strategy, symbols, caps, stop, heartbeat_seconds, compare_seconds, kill_file, state_dir, ip_restriction, license, metrics, log, sandbox, notify)",
    );
    check(&with("cap: { order: 5 }"), "line 4, column 1: `cap` is no key (did you mean `caps`?)");
    check(
        &with("caps: { ordr: 5 }"),
        "line 4, column 9: `ordr` is no key of `caps` (did you mean `order`?)",
    );
    check(
        &with("slippage: 1%"),
        "line 4, column 1: `slippage` is no key (`slippage` stands in `caps`)",
    );
}

#[test]
fn a_wrong_value_is_said_with_its_place_and_the_fix() {
    check(
        &with("caps: { slippage: 0.005 }"),
        "line 4, column 19: `caps.slippage` is a percentage above 0% and up to 100%, this is \"0.005\" (write for example `slippage: 0.2%`)",
    );
    check(
        &with("caps: { order: 1e3 }"),
        "line 4, column 16: `caps.order` is an amount above zero with at most eight decimals, this is \"1e3\" (write for example `order: 1000`)",
    );
    check(
        &with("caps: { order: 0 }"),
        "line 4, column 16: `caps.order` is an amount above zero with at most eight decimals, this is \"0\" (write for example `order: 1000`)",
    );
    check(
        &with("account: { leverage: 200 }"),
        "line 4, column 22: `account.leverage` is a whole number from 1 to 125, this is \"200\" (write for example `leverage: 2`)",
    );
    check(
        &with("sandbox: yes"),
        "line 4, column 10: `sandbox` cannot be \"yes\" (it is one of: required, best-effort, off)",
    );
    check(
        &with("ip_restriction: refused"),
        "line 4, column 17: `ip_restriction` cannot be \"refused\" (did you mean `refuse`? It is one of: warn, refuse)",
    );
    check(
        &with("metrics: 0.0.0.0:9000"),
        "line 4, column 10: `metrics` is an address of this machine and a port, this is \"0.0.0.0:9000\" (write for example `metrics: 127.0.0.1:9184`)",
    );
    check(&with("log:"), "line 4, column 4: `log` has no value (write for example `log: debug`)");
    check(
        &with("log: info\nlog: warn"),
        "line 5, column 1: `log` is there twice (keep one of them)",
    );
    check(
        &with("notify: [{ kind: telegram, secret: t }]"),
        "line 4, column 9: `notify.0.to` is missing (add `to: -100123`)",
    );
    check(
        &with("license: { file: l.txt }"),
        "line 4, column 10: `license.issuer` is missing (add `issuer: …`)",
    );
    check(
        "venue: { name: kraken, product: spot }\nstrategy: s\nsymbols: [A/B]\n",
        "line 1, column 16: `venue.name` cannot be \"kraken\" (it is one of: binance, bybit, okx)",
    );
    check(
        "venue: { name: okx, product: spot }\nsymbols: [A/B]\n",
        "line 1, column 1: `strategy` is missing (add `strategy: strategy.yaml`)",
    );
    check(
        &GOOD.replace("[BTC/USDT]", "[BTC/USDT, BTC/USDT]"),
        "line 3, column 21: `BTC/USDT` is there twice (keep one of them)",
    );
    check(
        &GOOD.replace("[BTC/USDT]", "[]"),
        "line 3, column 10: `symbols` names nothing (add `symbols: [BTC/USDT]`)",
    );
    check(
        "a: &x 1\n",
        "line 1, column 7: anchors, aliases and tags are not used here (write the value out)",
    );
}

#[test]
fn what_goes_together_is_judged_together() {
    let refused = |text: &str, part: &str| {
        let problems = read(text).expect_err("is refused");
        assert!(problems.iter().any(|one| one.contains(part)), "{text:?}: {problems:?}");
    };
    let spot = GOOD.replace("perpetual", "spot");
    refused(&format!("{spot}account: {{ mode: hedge }}\n"), "is not traded yet");
    refused(&format!("{spot}account: {{ leverage: 3 }}\n"), "above 1 on spot");
    refused(
        &format!("{GOOD}keys: {{ file: a, credential: b }}\n"),
        "`keys.file` and `keys.credential` both open the store",
    );
    let hosts = GOOD
        .replace("product: perpetual", "product: perpetual, hosts: { rest: https://localhost:1 }");
    refused(&hosts, "`venue.hosts` names some hosts");
    let open = GOOD
        .replace("product: perpetual", "product: perpetual, hosts: { rest: http://example.org }");
    refused(&open, "unencrypted traffic never leaves this machine");
}

/// M62: the configuration is refused unless it is its owner's alone.
#[test]
fn a_configuration_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("bot.yaml");
    fs::write(&path, GOOD).expect("writes");
    let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("sets it");
    for mode in [0o644, 0o640, 0o604, 0o660, 0o777] {
        set(mode);
        let refused = load(&path).expect_err("is refused");
        assert!(
            matches!(refused, Error::Private(host::Error::Exposed { .. })),
            "{mode:o} {refused}"
        );
        assert!(refused.to_string().contains("chmod 0600"), "{refused}");
    }
    for mode in [0o600, 0o400] {
        set(mode);
        load(&path).expect("is read");
    }
    assert!(load(dir.path()).is_err());
}

#[test]
fn a_new_configuration_is_read_back_and_is_its_owners_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("bot.yaml");
    init(&path).expect("is written");
    assert_eq!(fs::metadata(&path).expect("is there").permissions().mode() & 0o777, 0o600);
    let config = load(&path).expect("is read");
    assert_eq!(config.symbols, ["BTC/USDT", "ETH/USDT"]);
    assert!(matches!(init(&path), Err(Error::Exists { .. })));
    // With every comment sign taken off it is still read: each line is right by itself.
    let text = fs::read_to_string(&path).expect("reads");
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| {
            !line.starts_with("# A bot")
                && !line.starts_with("# What is")
                && !line.starts_with("# keys and")
        })
        .filter(|line| !line.contains("credential:"))
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .collect();
    let all = lines.join("\n");
    read(&all).expect("is read with every key set");
}

#[test]
fn no_text_makes_it_panic() {
    use proptest::prelude::*;
    proptest!(|(text in "[a-z:{}\\[\\],#&*!|>'\"% \n\t.0-9-]{0,80}")| {
        let _ = read(&text);
    });
}
