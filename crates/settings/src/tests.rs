//! Layers, origins, refusals.

use super::*;

const KEYS: &[Key] = &[
    Key::plain("server.listen", Kind::Address, "127.0.0.1:8443", "where to listen"),
    Key::plain("server.public", Kind::Switch, "off", "may others reach it?"),
    Key::plain("backtest.workers", Kind::Number { min: 1, max: 64 }, "2", "backtests at a time"),
    Key::plain("log.level", Kind::Choice(&["info", "debug"]), "info", "how much to say"),
    Key {
        name: "mail.password",
        kind: Kind::Text,
        default: "",
        summary: "of the relay",
        secrecy: Secrecy::Secret,
    },
];

fn sources(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Sources {
    let file = FileText { path: "stockade.toml".into(), text: file.to_owned() };
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let flag = |(key, value): &(&'static str, &str)| Flag {
        key,
        name: "--flag",
        value: (*value).to_owned(),
    };
    Sources {
        file: Some(file),
        environment: environment.iter().map(pair).collect(),
        flags: flags.iter().map(flag).collect(),
        sealed: None,
    }
}

#[test]
fn the_strongest_layer_wins_and_is_named() {
    let check =
        |environment: &[(&str, &str)], flags: &[(&'static str, &str)], want: i64, origin: &str| {
            let file = "# ours\n[backtest]\nworkers = 3\n";
            let settings =
                Settings::layered(KEYS, &sources(file, environment, flags)).expect("lays");
            assert_eq!(settings.number("backtest.workers"), want);
            assert_eq!(settings.origin("backtest.workers").to_string(), origin);
            assert_eq!(settings.origin("server.listen"), &Origin::Default);
        };
    check(&[], &[], 3, "stockade.toml:3");
    let variable = [("STOCKADE_BACKTEST_WORKERS", "4")];
    check(&variable, &[], 4, "STOCKADE_BACKTEST_WORKERS");
    check(&variable, &[("backtest.workers", "5")], 5, "--flag");
}

#[test]
fn what_is_wrong_is_refused_with_place_and_fix() {
    let check = |file: &str, environment: &[(&str, &str)], want: &str| {
        let error = Settings::layered(KEYS, &sources(file, environment, &[])).expect_err("refused");
        assert_eq!(error.to_string(), want);
    };
    check(
        "\n[server]\nlisen = '127.0.0.1:1'",
        &[],
        r#"stockade.toml:3: unknown setting "server.lisen"; did you mean "server.listen"?"#,
    );
    check(
        "listen = '127.0.0.1:1'",
        &[],
        r#"stockade.toml:1: unknown setting "listen"; did you mean "server.listen"?"#,
    );
    check(
        "zzz = 1",
        &[],
        r#"stockade.toml:1: unknown setting "zzz"; `stockade config show` lists all of them"#,
    );
    check(
        "server.listen = 'here'",
        &[],
        "stockade.toml:1: server.listen = \"here\" is refused: write an address and a port, such as 127.0.0.1:8443",
    );
    check(
        "backtest.workers = 65",
        &[],
        "stockade.toml:1: backtest.workers = \"65\" is refused: write a whole number from 1 to 64",
    );
    check(
        "backtest.workers = 1.5",
        &[],
        "stockade.toml:1:10: backtest.workers must be a text, a whole number, true or false",
    );
    check(
        "",
        &[("STOCKADE_LOG_LEVE", "info")],
        r#"STOCKADE_LOG_LEVE: unknown setting "STOCKADE_LOG_LEVE"; did you mean "STOCKADE_LOG_LEVEL"?"#,
    );
    check(
        "",
        &[("STOCKADE_LOG_LEVEL", "loud")],
        "STOCKADE_LOG_LEVEL: log.level = \"loud\" is refused: write one of info, debug",
    );
    check(
        "",
        &[("STOCKADE_MAIL_PASSWORD", "hunter\n2")],
        "STOCKADE_MAIL_PASSWORD: mail.password = \"****\" is refused: write a text of at most 4096 bytes on one line",
    );
}

#[test]
fn broken_toml_names_line_and_column() {
    let error =
        Settings::layered(KEYS, &sources("[server]\nlisten = \n", &[], &[])).expect_err("no value");
    assert!(matches!(&error, Error::Syntax { line: 2, .. }), "{error}");
}

#[test]
fn a_secret_is_never_shown() {
    let given = sources("mail.password = 'hunter2'", &[], &[]);
    let settings = Settings::layered(KEYS, &given).expect("lays");
    assert_eq!(settings.text("mail.password"), "hunter2");
    assert!(!format!("{settings:?}").contains("hunter2"));
    let row = settings.show().pop().expect("the last key");
    assert_eq!((row.value.as_str(), row.origin.to_string().as_str()), ("****", "stockade.toml:1"));
}

#[test]
fn switches_and_paths_are_typed() {
    let given = sources("server.public = true", &[], &[]);
    let settings = Settings::layered(KEYS, &given).expect("lays");
    assert!(settings.is_on("server.public"));
    assert_eq!(settings.path("mail.password"), None);
}

#[test]
fn a_huge_file_is_not_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("stockade.toml");
    assert!(matches!(FileText::read(&path), Ok(None)));
    std::fs::write(&path, "#".repeat(300 * 1024)).expect("writes");
    assert!(matches!(FileText::read(&path), Err(Error::TooLarge { .. })));
}

fn sealed(written: &str) -> Option<String> {
    matches!(written, "mail.key" | "STOCKADE_MAIL_KEY").then(|| "mail.key".to_owned())
}

#[test]
fn a_secret_in_a_layer_is_told_and_not_taken() {
    let given = Sources {
        sealed: Some(sealed),
        ..sources("[mail]\nkey = 'hunter2'", &[("STOCKADE_MAIL_KEY", "hunter2")], &[])
    };
    let settings = Settings::layered(KEYS, &given).expect("lays");
    let told: Vec<String> =
        settings.misplaced().iter().map(|one| format!("{} {}", one.name, one.origin)).collect();
    assert_eq!(told, ["mail.key stockade.toml:2", "mail.key STOCKADE_MAIL_KEY"]);
    assert!(!format!("{settings:?}").contains("hunter2"));
    let unaware = Settings::layered(KEYS, &Sources { sealed: None, ..given }).expect_err("unknown");
    assert!(unaware.to_string().contains("unknown setting"), "{unaware}");
}

#[test]
fn the_scalars_of_any_toml_are_found_with_their_lines() {
    let check = |text: &str, want: &[(&str, &str, usize)]| {
        let file = FileText { path: "app.toml".into(), text: text.to_owned() };
        let found = scalars(&file).expect("TOML");
        let found: Vec<_> =
            found.iter().map(|one| (one.key.as_str(), one.value.as_str(), one.line)).collect();
        assert_eq!(found, want);
    };
    check("", &[]);
    check("a = 1\n[b.c]\nd = 'x'\n", &[("a", "1", 1), ("b.c.d", "x", 3)]);
    check("l = [1, 2]\nat = 2026-01-01\nf = 0.5\nb = true", &[("b", "true", 4)]);
    let broken = FileText { path: "app.toml".into(), text: "key = 'hunter2".to_owned() };
    let error = scalars(&broken).expect_err("no TOML").to_string();
    assert!(error.starts_with("app.toml:1:") && !error.contains("hunter2"), "{error}");
}
