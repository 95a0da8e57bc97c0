//! One letter of every form, for the tests that look at all of them.

use jiff::Timestamp;
use notify::{
    Decision, Due, Factor, Foreign, Language, Letter, Letterhead, Link, Mailbox, Message, Occasion,
    Origin, Sender, Side,
};
use seal::Secret;

/// 2026-11-29T12:00:00Z.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_795_953_600).expect("in range")
}

pub fn mailbox(text: &str) -> Mailbox {
    Mailbox::parse(text).expect("an address")
}

pub fn head() -> Letterhead {
    Letterhead {
        from: Sender::new("Stockade", mailbox("stockade@example.org")),
        origin: Origin::parse("https://stockade.example.org").expect("an origin"),
    }
}

/// One of every form, with `foreign` in every blank that others fill.
pub fn all(foreign: &str) -> Vec<(&'static str, Letter)> {
    let mut letters = common(foreign);
    letters.extend(rare(foreign));
    letters
}

fn common(foreign: &str) -> Vec<(&'static str, Letter)> {
    let origin = head().origin;
    let page = |path: &str| -> Link { origin.link(path).expect("a path") };
    let value = Secret::new("Zm9yIG9uZSB1c2Ugb25seSwgYW5kIG5vdCBmb3IgeW91".to_owned());
    let once = |path: &str| -> Link { origin.one_time(path, &value).expect("a link") };
    let words = || Foreign::new(foreign);
    let done = || Occasion { at: now(), place: words(), device: words() };
    let until = Timestamp::from_second(1_795_957_200).expect("in range");
    let secure = || page("/account/security");
    let by = words;
    let decided =
        |decision| Letter::ApprovalDecided { act: words(), by: words(), decision, at: now() };
    let changed = |side| Letter::AddressChanged {
        side,
        old: mailbox("ann@example.net"),
        new: mailbox("ann@bücher.example"),
        done: done(),
        secure: secure(),
    };
    let review =
        |due| Letter::AccessReview { due, by: until, grants: 17, link: page("/admin/review") };
    vec![
        ("verification", Letter::Verification { link: once("/verify"), until }),
        ("invitation", Letter::Invitation { by: by(), role: words(), link: once("/join"), until }),
        ("password reset", Letter::PasswordReset { link: once("/reset"), until, asked: done() }),
        ("password changed", Letter::PasswordChanged { done: done(), secure: secure() }),
        ("device link", Letter::DeviceLink { link: once("/device"), until, asked: done() }),
        ("new device", Letter::NewDevice { done: done(), secure: secure() }),
        (
            "factor added",
            Letter::FactorAdded { factor: Factor::Passkey, done: done(), secure: secure() },
        ),
        (
            "factor removed",
            Letter::FactorRemoved { factor: Factor::Codes, done: done(), secure: secure() },
        ),
        (
            "recovery started",
            Letter::RecoveryStarted { done: done(), ends: until, cancel: once("/recovery/cancel") },
        ),
        ("recovery cancelled", Letter::RecoveryCancelled { done: done() }),
        ("address left", changed(Side::Old)),
        ("address taken", changed(Side::New)),
        ("session theft", Letter::SessionTheft { done: done(), secure: secure() }),
        (
            "approval requested",
            Letter::ApprovalRequested {
                act: words(),
                by: by(),
                until,
                link: page("/admin/approvals"),
            },
        ),
        ("approved", decided(Decision::Approved)),
        ("refused", decided(Decision::Refused)),
        ("expired", decided(Decision::Expired)),
        ("review due", review(Due::Soon)),
        ("review overdue", review(Due::Over)),
        ("erased", Letter::Erased { at: now() }),
        (
            "recovery link used",
            Letter::RecoveryLinkUsed {
                account: mailbox("eve@example.net"),
                done: done(),
                link: page("/audit"),
            },
        ),
    ]
}

fn rare(foreign: &str) -> Vec<(&'static str, Letter)> {
    let origin = head().origin;
    let page = |path: &str| -> Link { origin.link(path).expect("a path") };
    let value = Secret::new("Zm9yIG9uZSB1c2Ugb25seSwgYW5kIG5vdCBmb3IgeW91".to_owned());
    let once = |path: &str| -> Link { origin.one_time(path, &value).expect("a link") };
    let words = || Foreign::new(foreign);
    let done = || Occasion { at: now(), place: words(), device: words() };
    let until = Timestamp::from_second(1_795_957_200).expect("in range");
    let secure = || page("/account/security");
    vec![
        ("already a member", Letter::AlreadyMember { link: page("/sign-in"), asked: done() }),
        (
            "address changing",
            Letter::AddressChanging { done: done(), cancel: once("/link/address-stop") },
        ),
        ("factor link", Letter::FactorLink { link: once("/link/loss"), until, asked: done() }),
        ("factor replaced", Letter::FactorReplaced { done: done(), secure: secure() }),
        ("half sign-ins", Letter::HalfSignIns { done: done(), secure: secure() }),
        ("passkey cloned", Letter::PasskeyCloned { done: done(), secure: secure() }),
        ("role changed", Letter::RoleChanged { role: words(), at: now() }),
        (
            "recovery link made",
            Letter::RecoveryLinkMade {
                account: mailbox("eve@example.net"),
                done: done(),
                until,
                link: page("/audit"),
            },
        ),
        ("token expires", Letter::TokenExpires { at: until, link: secure() }),
        (
            "erasing",
            Letter::Erasing { done: done(), ends: until, cancel: once("/link/erase-stop") },
        ),
        ("sessions ended", Letter::SessionsEnded { done: done(), secure: secure() }),
        ("reset begun", Letter::ResetBegun { link: page("/forgotten"), asked: done() }),
        ("exported", Letter::Exported { done: done(), secure: secure() }),
        ("report received", Letter::ReportReceived { by: until, link: page("/admin/reports") }),
        (
            "report due",
            Letter::ReportDue { due: Due::Soon, by: until, link: page("/admin/reports") },
        ),
        (
            "report overdue",
            Letter::ReportDue { due: Due::Over, by: until, link: page("/admin/reports") },
        ),
        (
            "certificate late",
            Letter::CertificateLate { ends: Some(until), link: page("/admin/security") },
        ),
        ("no certificate", Letter::CertificateLate { ends: None, link: page("/admin/security") }),
        (
            "certificate renewed",
            Letter::CertificateRenewed { ends: until, link: page("/admin/security") },
        ),
        ("test", Letter::Test { at: now() }),
    ]
}

/// A letter as it is sent to Ann.
pub fn written(letter: &Letter, language: Language) -> Message {
    letter
        .write(&head(), &mailbox("ann@example.net"), language, ("0123456789abcdef", now()))
        .expect("can be written")
}
