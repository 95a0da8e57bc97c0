use super::*;
use crate::docs;
use std::collections::BTreeMap;

#[test]
fn every_row_is_held_by_tests_that_are_there_or_says_why_not() {
    let (lists, findings) = read(&machine::project()).expect("the register reads");
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    assert!(lists.iter().map(|list| list.rows.len()).sum::<usize>() > 200);
    for state in State::ALL {
        let some = lists.iter().any(|list| list.rows.iter().any(|row| row.state == state));
        assert!(some, "no row is {}: is the register read?", state.name());
    }
}

#[test]
fn the_page_is_what_the_register_says() {
    let path = machine::project().join("docs/register.md");
    let text = fs::read_to_string(path).expect("the page is there");
    let fresh = docs::renewed(&text, &|_| page()).expect("its one block");
    assert!(fresh == text, "docs/register.md is stale: run `cargo xtask docs`");
}

#[test]
fn every_claim_has_a_row_and_says_how_it_is_observed() {
    let root = machine::project();
    let (lists, _) = read(&root).expect("the register reads");
    let (observed, _) = claims::read(&root).expect("the probes read");
    let path = root.join(FOLDER).join(claims::LIST);
    let carried = fs::read_to_string(path).expect("the list is there");
    let fresh = claims::written(&lists, &observed).expect("it is written");
    assert!(carried == fresh, "the list is stale: run `cargo xtask register --write`");
    assert_eq!(claims::wanted().len(), 132);
    // Without its row, or without its probe, a claim is missed by name.
    let fewer: Vec<List> = lists.into_iter().filter(|list| list.name != "claims-log").collect();
    let findings = claims::lost(&fewer, &observed).join("; ");
    assert!(findings.contains("the claim M13 has no row in any list"), "{findings}");
    assert!(!findings.contains("M03"), "{findings}");
    let findings = claims::lost(&[], &BTreeMap::new()).join("; ");
    assert!(findings.contains("probes.toml: S63 does not say how it is observed"), "{findings}");
}

#[test]
fn a_claim_without_a_kind_an_owner_or_a_probe_is_refused() {
    const ROW: &str = "[M01]\nkind = 'sw'\nowner = 'host'\nprobe = 'self:a, verify:b-c'\n\
        fresh_hours = 24\ncommand = 'ls'\nde = 'x'\n";
    let found = |text: &str| claims::observed(&text.parse().expect("TOML")).1.join("; ");
    assert_eq!(found(ROW), "");
    let check = |from: &str, to: &str, want: &str| {
        assert!(ROW.contains(from), "{from} is not in the sample");
        let findings = found(&ROW.replacen(from, to, 1));
        assert!(findings.contains(want), "{to}: {findings:?}");
    };
    check("kind = 'sw'\n", "", "kind is missing");
    check("owner = 'host'\n", "", "owner is missing");
    check("probe = 'self:a, verify:b-c'\n", "", "probe is missing");
    check("'sw'", "'hw'", "the kind \"hw\" is not known");
    check("'host'", "'nobody'", "the owner \"nobody\" is not known");
    check("verify:b-c", "guess:b", "\"guess:b\" is no probe");
    check("verify:b-c", "verify:", "\"verify:\" is no probe");
    check("24", "0", "fresh_hours is no number of hours");
    check("24", "9000", "fresh_hours is no number of hours");
    check("'ls'", "' '", "command is empty");
    check("de = 'x'\n", "", "de is missing");
    check("de = 'x'", "de = 'x'\nextra = 1", "the key extra is not known");
}

const GOOD: &str = r#"
[[row]]
id = "M01"
words = "It holds"
owner = "audit"
state = "held"
tests = ["xtask/src/register/tests.rs#every_rule_bites"]

[[row]]
id = "M02"
words = "It does not exist"
owner = "ui"
state = "not yet"
reason = "Nobody made it"
"#;

/// Everything that is wrong with a list of this text, which should have `ids`.
fn found(text: &str, ids: &[&str]) -> String {
    let (rows, mut findings) = rows(&text.parse().expect("TOML"));
    let list = List { name: "claims", title: "Claims", rows };
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    findings.extend(places(&list, &ids, &mut BTreeSet::new()));
    findings.extend(unsupported(&list));
    findings.extend(strangers(&list, &machine::project()));
    findings.join("; ")
}

#[test]
fn every_rule_bites() {
    let two = ["M01", "M02"];
    assert_eq!(found(GOOD, &two), "");
    let check = |from: &str, to: &str, want: &str| {
        assert!(GOOD.contains(from), "{from} is not in the sample");
        let findings = found(&GOOD.replacen(from, to, 1), &two);
        assert!(findings.contains(want), "{to}: {findings:?}");
    };
    check("#every_rule_bites", "#no_such_test", "has no test \"no_such_test\"");
    check("#every_rule_bites", "#found", "has no test \"found\"");
    check("register/tests.rs", "register/gone.rs", "there is no file");
    check("xtask/src", "../xtask/src", "is no path within the project");
    check("#every_rule_bites", "", "is no test: write FILE#NAME");
    check("\"M02\"", "\"M01\"", "M01 stands twice");
    check("\"M02\"", "\"M01\"", "the row M02 is missing");
    check("\"M02\"", "\"M03\"", "M03 is not in ids.toml");
    check("\"M02\"", "\"v5.0.0-1.1.1\"", "rows of ASVS have a level");
    check("state = \"held\"", "state = \"held\"\nlevel = 1", "rows of ASVS have a level");
    check("tests = [\"xtask/src/register/tests.rs#every_rule_bites\"]", "", "names no test");
    check("reason = \"Nobody made it\"", "", "gives no reason");
    check("\"Nobody made it\"", "\" \"", "reason is empty");
    check("\"not yet\"", "\"done\"", "the state \"done\" is not known");
    check("\"not yet\"", "\"part\"\nproof = 1", "the key proof is not known");
    check("words = \"It holds\"\n", "", "words is missing");
    check("tests = [", "tests = [1, ", "tests is no list of texts");
    check("owner = \"audit\"", "owner = \"nobody\"", "there is no crate nobody");
    check("[[row]]", "[[rows]]", "only [[row]] is known");
    let test = "\"xtask/src/register/tests.rs#every_rule_bites\"";
    check(test, &format!("{test}, {test}"), "is named twice");
    check("state = \"not yet\"", &format!("state = \"not yet\"\ntests = [{test}]"), "it is `part`");
    assert!(found(GOOD, &["M02", "M01"]).contains("in the order of ids.toml"));
    assert!(found(GOOD, &[]).contains("has no ids for claims"));
}

#[test]
fn only_what_runs_is_a_test() {
    let names = |file: &str, text: &str| {
        sources::names(file, text).into_iter().collect::<Vec<_>>().join(" | ")
    };
    let rust = "#[test]\nfn a() {}\nfn b() {}\n#[tokio::test(flavor = \"x\")]\n/// Why.\n\
        async fn c() {}\n#[test]\n#[ignore]\nfn d() {}\n// #[test]\nfn e() {}\n\
        proptest! {\n    #[test]\n    fn f(x in 0..1) {}\n}\n#[test]\n#[allow(x)]\nfn g() {}\n\
        #[test]\nstruct S;\nfn h() {}\n//  #[test]\n// fn i() {}\n#[testing]\nfn j() {}\n";
    assert_eq!(names("a.rs", rust), "a | c | f | g");
    let script = "test('one, two', () => {\n  test.skip('three', x);\ntest(\"four\", x)\n\
        // test('five', x)\n  await step('six', async () => {\n  step(`seven`, x);\nlatest('eight')\n";
    assert_eq!(names("a.test.ts", script), "four | one, two | seven | six");
    assert_eq!(names("a.mjs", "test(name, work)"), "");
    assert_eq!(names("a.py", "test('one', x)"), "");
}

#[test]
fn a_row_is_a_line_and_numbers_add_up() {
    let text = GOOD.replace("It holds", "a | b");
    let (rows, _) = rows(&text.parse().expect("TOML"));
    let written = page::written(&[List { name: "claims", title: "Claims", rows }]);
    assert!(written.contains("| Claims | 1 | 0 | 1 | 0 | 2 |\n| all | 1 | 0 | 1 | 0 | 2 |\n"));
    let held =
        "| M01 | a \\| b | `audit` | held | `xtask/src/register/tests.rs#every_rule_bites` |";
    assert!(written.contains(held), "{written}");
    let open = "| M02 | It does not exist | `ui` | not yet | Nobody made it. |";
    assert!(written.contains(open), "{written}");
}
