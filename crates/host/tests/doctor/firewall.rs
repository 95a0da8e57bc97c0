//! The firewall's files, and the rules that are proposed.

use super::picture::{Picture, good};
use host::doctor::{Severity, nft_rules};
use proptest::prelude::*;

/// M58, M59: each firewall's own files, with what they let in and from where.
#[test]
fn a_firewall_is_judged_by_its_files() {
    let picture = good();
    let check = |files: &[(&str, &str)], m58: Severity, m59: Severity, says: &str| {
        for path in
            ["etc/nftables.conf", "etc/nftables.d", "etc/ufw", "etc/default", "etc/iptables"]
        {
            picture.remove(path);
        }
        picture.remove("etc/systemd/system/multi-user.target.wants");
        picture.remove("proc/net/ip_tables_names").remove("proc/net/if_inet6");
        for (path, text) in files {
            picture.write(path, text);
        }
        let report = picture.examine();
        let of =
            |claim| report.findings.iter().find(|f| f.claim == Some(claim)).expect("is judged");
        assert_eq!(of("M58").severity, m58, "{files:?} {:?}", of("M58"));
        assert_eq!(of("M59").severity, m59, "{files:?} {:?}", of("M59"));
        let text = format!("{:?} {:?}", of("M58"), of("M59"));
        assert!(text.contains(says), "{says}: {text}");
    };
    let (ok, unread) = (Severity::Ok, Severity::NotChecked);
    let (warning, problem) = (Severity::Warning, Severity::Problem);
    check(&[], problem, warning, "no firewall is set up");
    let nft = |rules: &str| {
        format!(
            "table inet filter {{ # {{\n chain input {{\n type filter hook input priority 0; policy drop;\n ct state established,related accept\n iif lo accept\n{rules}\n }}\n chain output {{ type filter hook output priority 0; policy accept; }}\n}}\n"
        )
    };
    let at = "etc/nftables.conf";
    check(&[(at, &nft("tcp dport 22 accept"))], ok, warning, "lets in 22");
    check(&[(at, &nft("ip saddr 203.0.113.7 tcp dport 22 accept"))], ok, ok, "203.0.113.7");
    check(
        &[(
            at,
            &nft(
                "ip saddr { 203.0.113.7, 198.51.100.0/24 } tcp dport { ssh, 443 } ct state new accept",
            ),
        )],
        ok,
        ok,
        "198.51.100.0/24",
    );
    check(&[(at, &nft("tcp dport { 22, 443, 8000-8100 } accept"))], warning, warning, "8000-8100");
    check(&[(at, &nft("accept"))], warning, warning, "every port");
    let all_but = nft("ip saddr != 10.0.0.0/8 tcp dport 22 accept");
    check(&[(at, &all_but)], ok, warning, "lets in 22");
    check(&[(at, &nft("tcp dport != 22 accept"))], warning, warning, "every port");
    check(&[(at, &nft("jump services"))], unread, unread, "not followed");
    let last = nft("tcp dport 22 accept\n counter reject").replace("policy drop", "policy accept");
    check(&[(at, &last)], ok, warning, "drops by default");
    let four = nft("").replace("table inet", "table ip");
    check(&[(at, &four)], ok, ok, "nobody");
    let six = ("proc/net/if_inet6", "20010db8 02 40 00 80 eth0\n");
    check(&[(at, &four), six], problem, warning, "lets in what no rule names");
    check(&[(at, &nft("# tcp dport 8080 accept"))], ok, ok, "nobody");
    check(
        &[(at, &nft("include \"/etc/nftables.d/*.nft\"")), ("etc/nftables.d/a.nft", "")],
        ok,
        ok,
        "nobody",
    );
    let ufw = ("etc/ufw/ufw.conf", "ENABLED=yes\n");
    let policy = ("etc/default/ufw", "DEFAULT_INPUT_POLICY=\"DROP\"\n");
    let rules = |text: &'static str| ("etc/ufw/user.rules", text);
    check(
        &[ufw, policy, rules("### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n")],
        ok,
        warning,
        "sudo ufw allow from 203.0.113.7 to any port 22",
    );
    check(
        &[ufw, policy, rules("### tuple ### limit tcp 22 0.0.0.0/0 any 203.0.113.7 in\n")],
        ok,
        ok,
        "22 from 203.0.113.7",
    );
    check(
        &[ufw, policy, rules("### tuple ### allow tcp 6000:6007 0.0.0.0/0 any 0.0.0.0/0 in\n")],
        warning,
        ok,
        "6000-6007",
    );
    check(
        &[ufw, policy, rules("### tuple ### deny tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n")],
        ok,
        ok,
        "nobody",
    );
    check(
        &[ufw, ("etc/default/ufw", "DEFAULT_INPUT_POLICY=\"ACCEPT\"\n")],
        problem,
        warning,
        "ufw default deny incoming",
    );
    check(&[("etc/ufw/ufw.conf", "ENABLED=no\n")], problem, warning, "no firewall is set up");
    let tables = |rules: &str| {
        format!(
            "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n{rules}COMMIT\n"
        )
    };
    let four = tables("-A INPUT -s 203.0.113.7/32 -p tcp -m tcp --dport 22 -j ACCEPT\n");
    check(&[("etc/iptables/rules.v4", &four)], problem, ok, "enable netfilter-persistent");
    let boot = ("etc/systemd/system/multi-user.target.wants/netfilter-persistent.service", "");
    check(&[("etc/iptables/rules.v4", &four), boot], ok, ok, "203.0.113.7/32");
    let leads = tables("-A INPUT -j services\n");
    check(&[("etc/iptables/rules.v4", &leads), boot], unread, unread, "not followed");
    check(&[("etc/iptables/rules.v4", &four), boot, six], problem, warning, "no rule names");
    let more = tables("-A INPUT -p tcp -m multiport --dports 22,3306 -j ACCEPT\n");
    check(&[("etc/iptables/rules.v4", &more), boot], warning, warning, "22+3306");
    check(&[("proc/net/ip_tables_names", "filter\n")], unread, warning, "in no file known here");
    let firewalld = ("etc/systemd/system/multi-user.target.wants/firewalld.service", "");
    check(&[firewalld], unread, unread, "firewall-cmd");
}

#[test]
fn the_proposed_rules_let_in_what_is_allowed_and_hold_nothing_that_is_no_address() {
    let sources = ["203.0.113.7", "2001:db8::/32", "evil; flush ruleset", "10.0.0.0/x"];
    let rules = nft_rules(&[22, 443], &sources.map(str::to_owned));
    let opened: Vec<&str> =
        rules.lines().map(str::trim).filter(|line| line.contains("dport")).collect();
    assert_eq!(
        opened,
        [
            "ip saddr 203.0.113.7 tcp dport 22 accept",
            "ip6 saddr 2001:db8::/32 tcp dport 22 accept",
            "tcp dport 443 accept",
        ]
    );
    assert_eq!(rules.matches("flush ruleset").count(), 1);
    assert!(nft_rules(&[22], &[]).contains("tcp dport 22 accept"));
}

proptest! {
    // Each case writes files.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Files that anybody wrote make the doctor neither panic nor call good what it did not understand.
    #[test]
    fn no_file_makes_it_panic(
        text in "(?s)[ -~\\n]{0,200}|(table|inet|chain|input|hook input|policy drop|\\{|\\}|;|\\n| |accept|dport|saddr|22|,|-A INPUT|-j|!|### tuple ###|allow|in|\\[Service\\]|=){0,60}",
    ) {
        let picture = Picture::empty();
        for path in [
            "etc/nftables.conf",
            "etc/ufw/ufw.conf",
            "etc/ufw/user.rules",
            "etc/iptables/rules.v4",
            "proc/net/tcp6",
            "proc/swaps",
            "etc/apt/apt.conf.d/50x",
            "etc/systemd/system/stockade-bot.service.d/x.conf",
        ] {
            picture.write(path, &text);
        }
        let report = picture.examine();
        prop_assert!(report.findings.len() >= 15 && !report.text().is_empty());
    }
}
