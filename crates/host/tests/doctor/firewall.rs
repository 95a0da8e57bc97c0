//! The firewall's files, and the rules that are proposed.

use super::picture::{Picture, good};
use host::doctor::{Severity, nft_rules};
use proptest::prelude::*;

/// How M58 and M59 stand with these files of a firewall and no others, and what is said.
fn judged(picture: &Picture, files: &[(&str, &str)]) -> (Severity, Severity, String) {
    for path in ["etc/nftables.conf", "etc/nftables.d", "etc/ufw", "etc/default", "etc/iptables"] {
        picture.remove(path);
    }
    picture.remove("etc/systemd/system/multi-user.target.wants");
    picture.remove("proc/net/ip_tables_names").remove("proc/net/if_inet6");
    for (path, text) in files {
        picture.write(path, text);
    }
    let report = picture.examine();
    let of = |claim| report.findings.iter().find(|f| f.claim == Some(claim)).expect("is judged");
    let text = format!("{:?} {:?}", of("M58"), of("M59"));
    (of("M58").severity, of("M59").severity, text)
}

/// A chain of nftables with these rules.
fn chain(rules: &str) -> String {
    format!(
        "table inet filter {{ # {{\n chain input {{\n type filter hook input priority 0; policy drop;\n ct state established,related accept\n iif lo accept\n{rules}\n }}\n chain output {{ type filter hook output priority 0; policy accept; }}\n}}\n"
    )
}

/// M58, M59: each firewall's own files, with what they let in and from where.
#[test]
fn a_firewall_is_judged_by_its_files() {
    let picture = good();
    let check = |files: &[(&str, &str)], m58: Severity, m59: Severity, says: &str| {
        let (found_m58, found_m59, text) = judged(&picture, files);
        assert_eq!(found_m58, m58, "{files:?} {text}");
        assert_eq!(found_m59, m59, "{files:?} {text}");
        assert!(text.contains(says), "{says}: {text}");
    };
    let (ok, unread) = (Severity::Ok, Severity::NotChecked);
    let (warning, problem) = (Severity::Warning, Severity::Problem);
    check(&[], problem, warning, "no firewall is set up");
    let nft = chain;
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

/// What nftables lets in by a rule, in the words of the finding; nothing, if that is nobody.
#[test]
fn a_rule_of_nftables_that_is_not_understood_counts_as_open() {
    let picture = good();
    let check = |rule: &str, lets_in: &str| {
        let (_, _, text) = judged(&picture, &[("etc/nftables.conf", &chain(rule))]);
        let want = format!("drops by default, lets in {lets_in};");
        let other = format!("drops by default, lets in {lets_in}\"");
        assert!(text.contains(&want) || text.contains(&other), "{rule:?} {lets_in}: {text}");
    };
    let nothing = "nothing by rules";
    // What stands behind the verdict, or in a text, changes nothing.
    check("tcp dport 5432 accept comment \"db\"", "5432");
    check("tcp dport 5432 counter accept comment \"a; # drop\"", "5432");
    check("tcp dport 5432 accept counter", "5432");
    check("tcp dport 5432 log prefix \"#1: \" accept", "5432");
    check("tcp dport 5432 log prefix comment accept", "5432");
    check("tcp dport 5432 log prefix \"accept \" drop", nothing);
    check("tcp dport 5432 drop comment \"accept\"", nothing);
    check("tcp dport 5432 accept; tcp dport 80 accept", "5432, 80");
    check("tcp dport 5432 \\\n accept", "5432");
    // Ports that are not understood are every port.
    check("tcp dport { ssh, 443 } accept", "22+443");
    check("tcp dport {\n 22,\n 5432,\n} accept", "22+5432");
    check("tcp dport { ssh, postgresql } accept", "every port");
    check("tcp dport { 22, 1000-2000 } accept", "22+1000-2000");
    check("tcp dport 1000 - 2000 accept", "every port");
    check("tcp dport { 22, 1000 - 2000 } accept", "every port");
    check("tcp dport != 22 accept", "every port");
    check("tcp dport >= 1024 accept", "every port");
    check("tcp dport @ports accept", "every port");
    check("tcp dport $ports accept", "every port");
    check("tcp dport & 1 == 0 accept", "every port");
    check("tcp sport 22 accept", "every port");
    check("meta l4proto { tcp, udp } th dport { 53, 5432 } accept", "53+5432");
    check("ip daddr . tcp dport { 10.0.0.1 . 22 } accept", "every port");
    check("tcp dport 22 ip daddr . ip saddr 10.0.0.1 . 203.0.113.7 accept", "every port");
    // Answers are what is none but an answer; with a port it is read as the port.
    check("ct state { established, related } accept", nothing);
    check("ct state { established, related, new } accept", "every port");
    check("ct state {\n related,\n new\n} accept", "every port");
    check("ct state established,related,new tcp dport 5432 accept", "5432");
    check("ct state != invalid accept", "every port");
    check("tcp dport 5432 ct state new,established accept", "5432");
    // This machine and pings, and nothing beside them.
    check("iifname \"lo\" tcp dport 5432 accept", nothing);
    check("iif != lo tcp dport 5432 accept", "5432");
    check("iifname { lo, eth0 } accept", "every port");
    check("icmp type echo-request accept", nothing);
    check("meta l4proto { icmp, tcp } accept", "every port");
    check("ip protocol != icmp accept", "every port");
    // Sources that are not understood, or are nearly everybody, are everybody.
    check("ip saddr 203.0.113.7 tcp dport 22 accept", "22 from 203.0.113.7");
    check("ip saddr 10.0.0.0-10.0.0.9 tcp dport 22 accept", "22 from 10.0.0.0-10.0.0.9");
    check("ip6 saddr fc00::/7 tcp dport 22 accept", "22 from fc00::/7");
    for everybody in [
        "ip saddr @admins",
        "ip saddr $admins",
        "ip saddr admin.example",
        "ip saddr != 203.0.113.7",
        "ip saddr & 0.0.0.1 == 1",
        "ip saddr { 203.0.113.7, 0.0.0.0/0 }",
        "ip saddr { 0.0.0.0/1, 128.0.0.0/1 }",
        "ip saddr 1.0.0.0-223.255.255.255",
        "ip6 saddr 2000::/3",
        "ip saddr ! 203.0.113.7",
        "ct reply ip saddr 203.0.113.7",
        "ether saddr 00:00:5e:00:53:01",
        "add @seen { ip saddr }",
    ] {
        check(&format!("{everybody} tcp dport 22 accept"), "22");
    }
}

#[test]
fn what_else_the_files_of_nftables_say_counts_or_is_not_checked() {
    let picture = good();
    let check = |files: &[(&str, &str)], m58: Severity, says: &str| {
        let (found, _, text) = judged(&picture, files);
        assert!(found == m58 && text.contains(says), "{files:?} {says}: {text}");
    };
    let (unread, warning, problem) = (Severity::NotChecked, Severity::Warning, Severity::Problem);
    let at = "etc/nftables.conf";
    let base = chain("");
    for leads in ["jump a", "goto a", "tcp dport vmap { 22 : accept }", "tcp dport 22 queue"] {
        check(&[(at, &chain(leads))], unread, "not followed");
    }
    let opens = "tcp dport 5432 accept";
    // The same chain once more, and a file that is included: into a chain, or beside it.
    let again = format!("{base}table inet filter {{ chain input {{ {opens} }} }}\n");
    check(&[(at, &again)], warning, "lets in 5432");
    let included = ("etc/nftables.d/a.nft", opens);
    let inside = chain("include \"/etc/nftables.d/*.nft\"");
    check(&[(at, &inside), included], warning, "lets in 5432");
    let nested = ("etc/nftables.d/a.nft", "include \"/etc/nftables.d/b.inc\"\n");
    check(&[(at, &inside), nested, ("etc/nftables.d/b.inc", opens)], warning, "lets in 5432");
    check(&[(at, &inside), nested], unread, "is not there");
    for pattern in ["more.nft", "./more.nft", "/etc/*/a.nft", "/etc/nftables.d/[ab].nft"] {
        let text = format!("{base}include \"{pattern}\"\n");
        check(&[(at, &text)], unread, "is not read here");
    }
    let itself = format!("{base}include \"/etc/nftables.conf\"\n");
    check(&[(at, &itself)], unread, "more than 200 files");
    // Commands, tables that see no IP, and tables that are gone or sleep.
    let added = format!("{base}add rule inet filter input {opens}\n");
    check(&[(at, &added)], unread, "add rule inet filter input");
    let bridge = base.replace("table inet", "table bridge");
    check(&[(at, &bridge)], problem, "no firewall is set up");
    check(&[(at, &format!("{base}flush ruleset\n"))], problem, "no firewall is set up");
    let deleted = format!("{base}delete table inet filter\n");
    check(&[(at, &deleted)], problem, "no firewall is set up");
    let sleeps = base.replace("# {", "\n flags dormant;");
    check(&[(at, &sleeps)], problem, "no firewall is set up");
    let open = format!("{base}table inet filter {{ chain input {{ policy accept; }} }}\n");
    check(&[(at, &open)], problem, "lets in what no rule names");
    let long = format!("{base}{}", "#".repeat(1 << 20));
    check(&[(at, &long)], unread, "longer than what is read");
}

/// The same of iptables, and of ufw, which has rules of its kind.
#[test]
fn a_rule_of_iptables_that_is_not_understood_counts_as_open() {
    let picture = good();
    let lets_in = |files: &[(&str, &str)], name: &str, lets_in: &str| {
        let (_, _, text) = judged(&picture, files);
        let want = format!("{name}): drops by default, lets in {lets_in};");
        let other = format!("{name}): drops by default, lets in {lets_in}\"");
        assert!(text.contains(&want) || text.contains(&other), "{files:?} {lets_in}: {text}");
    };
    let boot = ("etc/systemd/system/multi-user.target.wants/netfilter-persistent.service", "");
    let rules = |rule: &str| format!("*filter\n:INPUT DROP [0:0]\n{rule}\nCOMMIT\n");
    let file = "etc/iptables/rules.v4";
    let check = |rule: &str, opens: &str| {
        lets_in(&[(file, &rules(rule)), boot], "/etc/iptables/rules.v4", opens);
    };
    let nothing = "nothing by rules";
    check("-A INPUT -p tcp --dport 5432 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT", "5432");
    check("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,NEW -j ACCEPT", "every port");
    check("-A INPUT -m conntrack ! --ctstate ESTABLISHED -j ACCEPT", "every port");
    check("-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT", nothing);
    check(
        "-A INPUT -p tcp --dport 5432 -m comment --comment \"no icmp, ESTABLISHED -j DROP\" -j ACCEPT",
        "5432",
    );
    check("-A INPUT -p tcp --dport 5432 -m comment --comment don't -j ACCEPT", "5432");
    check("[1:60] -A INPUT -p tcp --dport 5432 -j ACCEPT", "5432");
    check("-A \"INPUT\" -p tcp --dport 5432 -j ACCEPT", "5432");
    check("-I INPUT 1 -p tcp --destination-port 5432 --jump ACCEPT", "5432");
    check("-A INPUT -p tcp -m multiport --dports 22,6000:6007 -j ACCEPT", "22+6000-6007");
    check("-A INPUT -p tcp -m multiport --ports 22 -j ACCEPT", "every port");
    check("-A INPUT -p tcp --dport postgresql -j ACCEPT", "every port");
    check("-A INPUT -p tcp --dport 1024: -j ACCEPT", "every port");
    check("-A INPUT -p tcp ! --dport 22 -j ACCEPT", "every port");
    check("-A INPUT ! -i lo -p tcp --dport 5432 -j ACCEPT", "5432");
    check("-A INPUT -i lo -j ACCEPT", nothing);
    check("-A INPUT ! -p icmp -j ACCEPT", "every port");
    check("-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT", nothing);
    check("-A INPUT -s 203.0.113.7/32 -p tcp --dport 22 -j ACCEPT", "22 from 203.0.113.7/32");
    check("-A INPUT ! -s 203.0.113.7/32 -p tcp --dport 22 -j ACCEPT", "22");
    check("-A INPUT -s 0/0 -p tcp --dport 22 -j ACCEPT", "22");
    check("-A INPUT -m set --match-set admins src -p tcp --dport 22 -j ACCEPT", "22");
    let unread = |files: &[(&str, &str)], says: &str| {
        let (m58, m59, text) = judged(&picture, files);
        let unread = Severity::NotChecked;
        assert!((m58, m59) == (unread, unread) && text.contains(says), "{says}: {text}");
    };
    for rule in ["-A INPUT -jACCEPT", "-A INPUT --jump=ACCEPT", "-A INPUT -g a", "-I INPUT -j a"] {
        unread(&[(file, &rules(rule)), boot], "not followed");
    }
    for line in ["-P INPUT ACCEPT", "-R INPUT 1 -j ACCEPT", "-A INPUT --comment \"x -j ACCEPT"] {
        unread(&[(file, &rules(line)), boot], "this is not understood here");
    }
    let ufw = ("etc/ufw/ufw.conf", "ENABLED=yes\n");
    let policy = ("etc/default/ufw", "DEFAULT_INPUT_POLICY=\"DROP\"\n");
    let tuple = |line: &str, opens: &str| {
        let text = format!("### tuple ### {line}\n");
        lets_in(&[ufw, policy, ("etc/ufw/user.rules", &text)], "/etc/ufw", opens);
    };
    tuple("allow tcp 5432 0.0.0.0/0 any 0.0.0.0/0", "5432");
    tuple("allow tcp 5432 0.0.0.0/0 any 0.0.0.0/0 in comment=6f7574", "5432");
    tuple("allow tcp 5432 0.0.0.0/0 any 0.0.0.0/0 out", nothing);
    tuple("allow any any 0.0.0.0/0 any 0.0.0.0/0 in", "every port");
    tuple("allow tcp 22,postgresql 0.0.0.0/0 any 203.0.113.7 in", "every port from 203.0.113.7");
    tuple("allow tcp", "every port");
    let before = "-A ufw-before-input -p udp --sport 67 --dport 68 -j ACCEPT\n\
        -A ufw-before-input -j ufw-not-local\n-A ufw-before-input -p tcp --dport 5432 -j ACCEPT\n";
    lets_in(&[ufw, policy, ("etc/ufw/before.rules", before)], "/etc/ufw", "5432");
    let before = ("etc/ufw/before.rules", "-A ufw-before-input -j mine\n");
    unread(&[ufw, policy, before], "not followed");
    let (m58, _, text) = judged(&picture, &[ufw]);
    assert_eq!(m58, Severity::Problem, "a policy that is not there drops nothing: {text}");
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
        text in "(?s)[ -~\\n]{0,200}|(table|inet|chain|input|hook input|policy drop|\\{|\\}|;|\\n| |accept|dport|saddr|22|,|-A INPUT|-j|!|\"|\\\\|include|ct state|comment|### tuple ###|allow|in|\\[Service\\]|=){0,60}",
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
