//! Every letter in both languages: what it says, how it is set, and what no blank can do to it.

#[path = "letters/mod.rs"]
mod letters;

use letters::{all, head, mailbox, now, written};
use notify::{Carrier, Language, Letter, Message, Sender, Tray, Verdict};
use proptest::prelude::*;
use seal::Secret;

const BLANK: &str = "Ann Miller";

/// All letters of a language as plain text, each under its name and subject.
fn book(language: Language) -> String {
    let page = |(name, letter): (&str, Letter)| {
        let message = written(&letter, language);
        format!("=== {name} [{}]\n\n{}", message.subject, message.text.expose())
    };
    all(BLANK).into_iter().map(page).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_letters_say_what_they_say() {
    insta::assert_snapshot!("english", book(Language::English));
    insta::assert_snapshot!("german", book(Language::German));
    let (_, letter) = all("Firefox on Ubuntu").remove(2);
    insta::assert_snapshot!(
        "html",
        written(&letter, Language::German).html.expect("has one").expose()
    );
}

#[test]
fn every_letter_is_set_for_every_reader() {
    for language in Language::ALL {
        for (name, letter) in all(BLANK) {
            let message = written(&letter, language);
            let place = format!("{name}, {}", language.tag());
            let text = message.text.expose();
            for line in text.lines() {
                let link = line.starts_with("https://stockade.example.org/") && !line.contains(' ');
                assert!(line.chars().count() <= 78 || link, "{place}: {line}");
            }
            assert!(!text.contains('\r') && !text.contains('\t'), "{place}");
            let html = message.html.as_ref().expect("has HTML").expose();
            // Nothing is loaded, nothing runs, nothing leads elsewhere.
            for word in [
                "<img",
                "<script",
                "<link",
                "<iframe",
                "<form",
                "url(",
                "@import",
                "src=",
                "javascript:",
            ] {
                assert!(!html.contains(word), "{place}: {word}");
            }
            let targets = html.split("href=\"").skip(1);
            assert!(
                targets.clone().all(|t| t.starts_with("https://stockade.example.org/")),
                "{place}"
            );
            // A screen reader is told the language, the title and the table's heads.
            assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())), "{place}");
            assert_eq!(html.matches("<h1>").count(), 1, "{place}");
            assert_eq!(html.matches("<th scope=\"row\">").count(), html.matches("<tr>").count());
            assert!(html.contains("prefers-color-scheme:dark"), "{place}");
            // Both forms have the same links, and the letter says nothing but text in a subject.
            assert_eq!(
                text.contains("https://stockade.example.org/"),
                targets.count() > 0,
                "{place}"
            );
            assert!(message.subject.chars().count() <= 60, "{place}: {}", message.subject);
        }
    }
}

#[test]
fn a_link_that_runs_out_limits_how_long_its_letter_is_tried() {
    let limited = [
        "verification",
        "invitation",
        "password reset",
        "device link",
        "approval requested",
        "factor link",
    ];
    for (name, letter) in all(BLANK) {
        assert_eq!(letter.useful_until().is_some(), limited.contains(&name), "{name}");
    }
}

#[test]
fn a_message_does_not_print_and_its_bytes_are_always_the_same() {
    let (_, letter) = all(BLANK).remove(2);
    let message = written(&letter, Language::English);
    let shown = format!("{message:?} {letter:?}");
    assert!(!shown.contains("Zm9y") && !shown.contains("ann@"), "{shown}");
    let bytes = message.to_bytes().expect("is written");
    assert_eq!(bytes, message.to_bytes().expect("is written"), "nothing is drawn");
    let text = String::from_utf8(bytes).expect("ASCII on the wire");
    assert!(text.is_ascii());
    assert!(text.contains("Message-ID: <0123456789abcdef@example.org>\r\n"), "{text}");
    assert!(text.contains("Auto-Submitted: auto-generated\r\n"));
    assert!(text.split("\r\n").all(|line| line.len() <= 998 && !line.contains('\n')));
    let check = |id: &str, want: bool| {
        let from = Sender::new("S", mailbox("s@example.org"));
        assert_eq!(Message::new(id, from, mailbox("a@example.org"), now()).is_ok(), want, "{id:?}");
    };
    check("ab12", true);
    check("", false);
    check("a b", false);
    check("a>\r\nBcc: eve@example.net", false);
    check(&"a".repeat(65), false);
}

#[tokio::test]
async fn a_tray_keeps_the_last_letters_and_sends_none() {
    let tray = Tray::default();
    let carrier = Carrier::Tray(tray.clone());
    let (_, letter) = all(BLANK).remove(0);
    for n in 0..150 {
        let mut message = written(&letter, Language::English);
        message.id = format!("m{n}");
        assert_eq!(carrier.carry(&message, now()).await, Verdict::Sent);
    }
    let letters = tray.letters();
    assert_eq!((letters.len(), letters[0].number, letters[99].number), (100, 150, 51));
    assert_eq!(tray.letter(150).expect("is there").message.id, "m149");
    assert!(tray.letter(50).is_none());
    // Few large ones crowd out many small ones.
    let mut large = written(&letter, Language::English);
    large.text = Secret::new("x\n".repeat(60_000));
    for _ in 0..50 {
        assert_eq!(carrier.carry(&large, now()).await, Verdict::Sent);
    }
    assert!(tray.letters().len() <= 35, "{}", tray.letters().len());
    large.text = Secret::new("x\n".repeat(200_000));
    let verdict = carrier.carry(&large, now()).await;
    assert!(matches!(verdict, Verdict::Refused { .. }), "{verdict:?}");
    tray.clear();
    assert!(tray.letters().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever others call themselves: no field, no tag and no link of theirs is in the letter.
    #[test]
    fn no_blank_breaks_out(foreign in ".{0,200}|[<>&\"'\r\n:=@/.a-z ]{0,60}", which in 0_usize..23, english in any::<bool>()) {
        let language = if english { Language::English } else { Language::German };
        let (_, letter) = all(&foreign).remove(which);
        let message = written(&letter, language);
        let plain = written(&all("x").remove(which).1, language);
        prop_assert_eq!(&message.subject, &plain.subject);
        let (html, same) = (message.html.as_ref().expect("HTML"), plain.html.as_ref().expect("HTML"));
        for mark in ["<", ">", "\"", "href="] {
            prop_assert_eq!(html.expose().matches(mark).count(), same.expose().matches(mark).count());
        }
        let bytes = String::from_utf8(message.to_bytes().expect("is written")).expect("ASCII");
        let fields = |text: &str| text.split("\r\n\r\n").next().unwrap_or_default().to_owned();
        let other = String::from_utf8(plain.to_bytes().expect("is written")).expect("ASCII");
        prop_assert_eq!(fields(&bytes), fields(&other));
        let lines = message.text.expose().lines().filter(|line| line.contains("://"));
        prop_assert!(lines.clone().all(|line| line.contains(head().origin.as_str())), "{}", message.text.expose());
    }

    /// Whatever a sender is called and a subject says: the fields stay what they are.
    #[test]
    fn no_name_and_no_subject_adds_a_field(name in ".{0,80}|[\r\n:a-zA-Z ]{0,40}", subject in ".{0,300}|[\r\n:a-zA-Z ]{0,80}") {
        let from = Sender::new(&name, mailbox("s@example.org"));
        let mut message = Message::new("a1", from, mailbox("a@example.org"), now()).expect("an id");
        message.subject = subject;
        let bytes = String::from_utf8(message.to_bytes().expect("is written")).expect("ASCII");
        let head = bytes.split("\r\n\r\n").next().unwrap_or_default();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with(' ') && !line.starts_with('\t'))
            .map(|line| line.split(':').next().unwrap_or_default())
            .collect();
        prop_assert_eq!(names, [
            "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
            "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
        ]);
    }
}
