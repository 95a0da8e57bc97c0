//! What people do with their own accounts: each change, its proof, and every way around it.

mod world;

use identity::{
    Answer, Change, EndReason, Ends, Error, Event, Factors, Grant, Helpers, Holdings, HostRecovery,
    Letter, Level, Loss, LossProof, Mail, Means, NewFactor, OldFactor, OneTimeToken, PasskeyId,
    PasswordProblem, Permission, Purpose, Recipient, Reset, Role, Rule, SignIn, Standing, Step,
    StoredFactors, TotpSecret, Voucher, Write,
};
use jiff::{SignedDuration, Timestamp};
use seal::SeededEntropy;
use world::{Someone, at, chosen, device, passwords};

const DAY: i64 = 24 * 3600;

fn kinds(change: &Change) -> Vec<&'static str> {
    change.events.iter().map(Event::kind).collect()
}

fn link(change: &Change, of: impl Fn(&Letter) -> Option<OneTimeToken>) -> (OneTimeToken, Grant) {
    let token = change.mails.iter().find_map(|mail| of(&mail.letter)).expect("such a letter");
    let grants = change.writes.iter().filter_map(|write| match write {
        Write::Grant(grant) => Some(grant.clone()),
        _ => None,
    });
    let grant = grants.into_iter().find(|g| g.hash == token.hash(g.purpose));
    (token, grant.expect("the letter's row"))
}

fn password_of(change: &Change) -> bool {
    change.writes.iter().any(|write| matches!(write, Write::Password(_)))
}

fn ada() -> Someone {
    Someone::new(1, Role::Trader, Factors::WithSecond)
}

fn bob() -> Someone {
    Someone::new(2, Role::Trader, Factors::PasswordOnly)
}

#[test]
fn a_new_password_ends_all_other_sessions_and_kills_tokens() {
    let ada = ada();
    let new = chosen("five red kites at noon", Factors::WithSecond);
    let proof = ada.proof(at(100));
    let entropy = &mut SeededEntropy::new(1);
    let keys = passwords();
    let change =
        ada.member.change_password(&proof, (&new, &keys), (ada.session.id, at(100)), entropy);
    let change = change.expect("all factors");
    assert_eq!(change.after.epoch, change.before.epoch + 1);
    assert_eq!(change.ends, Ends::AllBut(ada.session.id, EndReason::Changed));
    assert_eq!(kinds(&change), ["password.changed"]);
    assert!(matches!(change.writes.first(), Some(Write::Use(Means::Totp(_)))));
    assert!(password_of(&change));
    let told: Vec<&Recipient> = change.mails.iter().map(|mail: &Mail| &mail.to).collect();
    assert_eq!(told, [&Recipient::Account(ada.member.state.account)]);
}

#[test]
fn a_proof_is_good_for_its_account_its_epoch_and_five_minutes() {
    let (ada, bob) = (ada(), bob());
    let check = |proof: identity::FactorProof, now, want: Error| {
        let new = chosen("five red kites at noon", Factors::PasswordOnly);
        let keys = passwords();
        let entropy = &mut SeededEntropy::new(1);
        let session = ada.session.id;
        let change = ada.member.change_password(&proof, (&new, &keys), (session, now), entropy);
        assert_eq!(change.err(), Some(want));
    };
    check(bob.proof(at(100)), at(100), Error::Ticket);
    check(ada.proof(at(100)), at(400), Error::Stale);
    let mut later = Someone::new(1, Role::Trader, Factors::WithSecond);
    later.member.state.epoch = 7;
    check(later.proof(at(100)), at(100), Error::Ticket);
}

#[test]
fn a_password_that_stands_alone_is_longer() {
    let bob = bob();
    let short = chosen("qvzkxwjb", Factors::WithSecond);
    let keys = passwords();
    let change = bob.member.change_password(
        &bob.proof(at(0)),
        (&short, &keys),
        (bob.session.id, at(0)),
        &mut SeededEntropy::new(1),
    );
    let problems = vec![PasswordProblem::Short { found: 8, needed: 15 }];
    assert_eq!(change.err(), Some(Error::Password { problems }));
}

fn asked(who: &Someone, purpose: Purpose, now: Timestamp) -> (OneTimeToken, Grant) {
    let own = Some(device(at(0), 50));
    Grant::for_account(purpose, &who.member.state, own, now, &mut SeededEntropy::new(9))
}

#[test]
fn no_reset_passes_by_the_second_factor() {
    let ada = ada();
    let (token, grant) = asked(&ada, Purpose::Reset, at(0));
    let (here, elsewhere) = (device(at(0), 50), device(at(0), 51));
    let begin = |token: &OneTimeToken, device, now| {
        Reset::begin((token, &grant), ada.member.clone(), device, now)
    };
    assert_eq!(begin(&token, elsewhere, at(1)).err(), Some(Error::Ticket), "another browser");
    assert_eq!(begin(&token, here, at(600)).err(), Some(Error::Ticket), "too late");
    let reset = begin(&token, here, at(1)).expect("good");
    assert!(reset.needs_factor());
    let finish = |answer: &Answer<'_>, stored: &StoredFactors, now| {
        let new = chosen("five red kites at noon", Factors::WithSecond);
        let keys = passwords();
        reset.finish((answer, stored), (&new, &keys), now, &mut SeededEntropy::new(1))
    };
    let stored = ada.stored();
    let code = ada.code(at(60));
    assert_eq!(finish(&Answer::Nothing, &stored, at(60)).err(), Some(Error::Code));
    assert_eq!(finish(&Answer::Totp("000000"), &stored, at(60)).err(), Some(Error::Code));
    assert_eq!(finish(&Answer::Totp(&code), &stored, at(600)).err(), Some(Error::Ticket));
    let used = StoredFactors {
        totp: ada.totp.clone().map(|(secret, _)| (secret, Step::at(at(60)))),
        ..ada.stored()
    };
    assert_eq!(finish(&Answer::Totp(&code), &used, at(60)).err(), Some(Error::Code), "a replay");
    let change = finish(&Answer::Totp(&code), &stored, at(60)).expect("link and code");
    assert_eq!(change.spend, Some(grant.hash));
    assert_eq!(change.ends, Ends::All(EndReason::Changed));
    assert_eq!(kinds(&change), ["password.reset"]);
    assert!(matches!(change.writes.first(), Some(Write::Use(Means::Totp(_)))));
}

#[test]
fn a_change_of_the_account_ends_a_reset_under_way() {
    let ada = ada();
    let (token, grant) = asked(&ada, Purpose::Reset, at(0));
    let mut changed = ada.member.clone();
    changed.state.epoch = 1;
    let begun = Reset::begin((&token, &grant), changed, device(at(0), 50), at(1));
    assert_eq!(begun.err(), Some(Error::Ticket));
    let mut disabled = ada.member.clone();
    disabled.state.standing = Standing::Disabled;
    let begun = Reset::begin((&token, &grant), disabled, device(at(0), 50), at(1));
    assert_eq!(begun.err(), Some(Error::Ticket));
}

#[test]
fn an_address_changes_by_the_new_box_and_is_kept_by_the_old_one() {
    let ada = ada();
    let new: identity::EmailAddress = "ada@new.example".parse().expect("an address");
    let entropy = &mut SeededEntropy::new(1);
    let asked = ada.member.ask_address(&ada.proof(at(0)), new.clone(), at(0), entropy);
    let asked = asked.expect("all factors");
    assert_eq!(asked.after, asked.before, "nothing changes yet");
    let confirm = link(&asked, |letter| match letter {
        Letter::AddressConfirm(token) => Some(token.clone()),
        _ => None,
    });
    let stop = link(&asked, |letter| match letter {
        Letter::AddressChanging(token) => Some(token.clone()),
        _ => None,
    });
    let crossed = ada.member.confirm_address((&stop.0, &stop.1), at(1));
    assert_eq!(crossed.err(), Some(Error::Ticket), "the old box cannot confirm");
    let crossed = ada.member.stop_address((&confirm.0, &confirm.1), at(1));
    assert_eq!(crossed.err(), Some(Error::Ticket));
    assert_eq!(
        ada.member.confirm_address((&confirm.0, &confirm.1), at(3600)).err(),
        Some(Error::Ticket)
    );
    let done = ada.member.confirm_address((&confirm.0, &confirm.1), at(60)).expect("in time");
    assert!(done.writes.iter().any(|w| matches!(w, Write::Email(email) if *email == new)));
    assert_eq!(done.ends, Ends::All(EndReason::Changed));
    let old = Recipient::Address(ada.member.email.clone());
    assert!(done.mails.iter().any(|mail| mail.to == old), "the old box hears of it");
    let kept = ada.member.stop_address((&stop.0, &stop.1), at(DAY)).expect("in time");
    assert_eq!(kinds(&kept), ["address.kept"]);
    assert_eq!(kept.ends, Ends::All(EndReason::Suspected));
}

#[test]
fn an_enrolment_uses_its_own_code_up() {
    let bob = bob();
    let secret = TotpSecret::generate(&mut SeededEntropy::new(4));
    let code = secret.code(Step::at(at(90))).expose().clone();
    let keys = passwords();
    let entropy = &mut SeededEntropy::new(1);
    let wrong = NewFactor::Totp(&secret, "123456");
    let rules = (&keys, bob.session.id, at(90));
    let refused = bob.member.enrol(&bob.proof(at(90)), wrong, rules, entropy);
    assert_eq!(refused.err(), Some(Error::Code));
    let factor = NewFactor::Totp(&secret, &code);
    let done = bob.member.enrol(&bob.proof(at(90)), factor, rules, entropy);
    let done = done.expect("the code is right");
    assert_eq!(done.codes.len(), 10);
    let step = done.change.writes.iter().find_map(|write| match write {
        Write::Totp(_, step) => Some(*step),
        _ => None,
    });
    assert_eq!(step, Some(Step::at(at(90))), "stored with the secret");
    assert_eq!(secret.accept(&code, at(95), step), Err(Error::Code));
    assert_eq!(kinds(&done.change), ["factor.enrolled", "factor.enrolled"]);
}

#[test]
fn the_last_factor_goes_only_where_the_role_can_do_without() {
    let check = |role: Role, want: Option<Error>| {
        let who = Someone::new(1, role, Factors::WithSecond);
        let one =
            who.member.remove_factor(&who.proof(at(0)), OldFactor::Totp, who.session.id, at(0));
        assert_eq!(one.err(), Some(Rule::LastFactor.into()));
        let new = chosen("five red kites at noon", Factors::PasswordOnly);
        let keys = passwords();
        let entropy = &mut SeededEntropy::new(1);
        let done = who.member.remove_last_factor(
            &who.proof(at(0)),
            (&new, &keys),
            (who.session.id, at(0)),
            entropy,
        );
        let refused = done.as_ref().err().cloned();
        assert_eq!(refused, want, "{role}");
        if let Ok(change) = done {
            assert!(password_of(&change));
            assert!(change.writes.iter().any(|w| matches!(w, Write::Recovery(c) if c.is_empty())));
        }
    };
    check(Role::Trader, None);
    check(Role::Viewer, None);
    check(Role::Owner, Some(Error::FactorNeeded));
    check(Role::Auditor, Some(Error::FactorNeeded));
}

#[test]
fn without_a_password_the_last_passkey_is_the_only_way_in() {
    let id = PasskeyId::of(b"one");
    let check = |password: bool, factor: OldFactor, want: Option<Error>| {
        let mut who = Someone::new(1, Role::Trader, Factors::WithSecond);
        who.member.holdings = Holdings { password, totp: true, recovery: 10, passkeys: vec![id] };
        let removed = who.member.remove_factor(&who.proof(at(0)), factor, who.session.id, at(0));
        assert_eq!(removed.err(), want, "{password} {factor:?}");
    };
    check(true, OldFactor::Passkey(id), None);
    check(true, OldFactor::Totp, None);
    check(false, OldFactor::Passkey(id), Some(Rule::LastPasskey.into()));
    check(false, OldFactor::Totp, None);
}

#[test]
fn a_name_is_changed_with_an_entry_and_nothing_ends() {
    let ada = ada();
    let change = ada.member.rename("Ada L.".parse().expect("a name")).expect("active");
    assert_eq!((kinds(&change), change.ends), (vec!["account.renamed"], Ends::None));
    assert_eq!(change.before, change.after, "tokens stay good");
    assert!(change.mails.is_empty());
    let mut gone = Someone::new(1, Role::Trader, Factors::WithSecond);
    gone.member.state.standing = Standing::Disabled;
    assert_eq!(gone.member.rename("x".parse().expect("a name")).err(), Some(Error::Ticket));
}

fn replace(loss: &Loss, who: &Someone, now: Timestamp) -> Result<identity::Enrolled, Error> {
    let (token, grant) = asked(who, Purpose::Loss, now);
    let password = who.password_proof(now);
    let device = device(at(0), 50);
    let proof = LossProof {
        member: &who.member,
        password: &password,
        token: &token,
        grant: &grant,
        device,
    };
    let secret = TotpSecret::generate(&mut SeededEntropy::new(4));
    let code = secret.code(Step::at(now)).expose().clone();
    let factor = NewFactor::Totp(&secret, &code);
    let keys = passwords();
    loss.replace(&proof, factor, (&keys, now), &mut SeededEntropy::new(1))
}

fn declared(who: &Someone, helpers: Helpers) -> (Loss, Change) {
    let (token, grant) = asked(who, Purpose::Loss, at(0));
    let password = who.password_proof(at(0));
    let device = device(at(0), 50);
    let proof = LossProof {
        member: &who.member,
        password: &password,
        token: &token,
        grant: &grant,
        device,
    };
    let entropy = &mut SeededEntropy::new(1);
    let change = Loss::declare(&proof, helpers, at(0), entropy).expect("both");
    let loss = change.writes.iter().find_map(|write| match write {
        Write::Loss(loss) => Some(*loss),
        _ => None,
    });
    (loss.expect("declared"), change)
}

#[test]
fn a_lost_factor_is_replaced_after_a_day_that_everyone_hears_of() {
    let ada = ada();
    let (loss, change) = declared(&ada, Helpers::Absent);
    assert_eq!(change.after, change.before);
    let everywhere = Recipient::Account(ada.member.state.account);
    assert!(change.mails.iter().any(|mail| mail.to == everywhere));
    let until = at(DAY);
    assert_eq!(replace(&loss, &ada, at(DAY - 1)).err(), Some(Rule::Waiting { until }.into()));
    assert_eq!(replace(&loss, &ada, at(DAY + 72 * 3600)).err(), Some(Error::Ticket));
    let done = replace(&loss, &ada, at(DAY)).expect("after the wait");
    assert_eq!(done.codes.len(), 10);
    assert_eq!(kinds(&done.change), ["factor.replaced", "factor.enrolled"]);
    assert_eq!(done.change.ends, Ends::All(EndReason::Changed));
    let stop = link(&change, |letter| match letter {
        Letter::FactorLost(token, _) => Some(token.clone()),
        _ => None,
    });
    let kept = loss.stop_by_link((&stop.0, &stop.1), &ada.member, at(3600)).expect("any time");
    assert_eq!(kinds(&kept), ["factor.kept"]);
    let mut changed = Someone::new(1, Role::Trader, Factors::WithSecond);
    changed.member.state = kept.after;
    assert_eq!(replace(&loss, &changed, at(DAY)).err(), Some(Error::Ticket), "stopped for good");
}

#[test]
fn a_lost_factor_of_staff_needs_a_voucher_too() {
    let eve = Someone::new(3, Role::Support, Factors::WithSecond);
    let admin = Someone::new(4, Role::Admin, Factors::WithSecond);
    let (loss, _) = declared(&eve, Helpers::Present);
    assert_eq!(loss.voucher, Voucher::Awaited);
    assert_eq!(replace(&loss, &eve, at(DAY)).err(), Some(Rule::SecondPerson.into()));
    let own = loss.vouch(&eve.present(at(60)), &eve.member, at(60));
    assert_eq!(own.err(), Some(Error::Permission));
    let vouched = loss.vouch(&admin.present(at(60)), &eve.member, at(60)).expect("an admin");
    let loss = vouched.writes.iter().find_map(|write| match write {
        Write::Loss(loss) => Some(*loss),
        _ => None,
    });
    let loss = loss.expect("vouched");
    assert_eq!(loss.voucher, Voucher::Given(admin.member.state.account));
    assert!(replace(&loss, &eve, at(DAY)).is_ok());
    let (own, _) = declared(&admin, Helpers::Present);
    let vouched = own.vouch(&admin.present(at(60)), &admin.member, at(60));
    assert_eq!(vouched.err(), Some(Rule::OwnAct.into()));
}

#[test]
fn the_host_brings_anyone_back_and_tells_all_who_run_the_server() {
    let mut owner = Someone::new(5, Role::Owner, Factors::WithSecond);
    owner.member.state.standing = Standing::Disabled;
    let entropy = &mut SeededEntropy::new(1);
    let (token, issued) = HostRecovery::issue(&owner.member, at(0), entropy);
    assert!(issued.mails.iter().any(|mail| mail.to == Recipient::Admins));
    let Some(Write::Grant(grant)) = issued.writes.first() else { panic!("{issued:?}") };
    let secret = TotpSecret::generate(entropy);
    let mut check = |now: Timestamp, want: Option<Error>| {
        let code = secret.code(Step::at(now)).expose().clone();
        let new = chosen("five red kites at noon", Factors::WithSecond);
        let factor = NewFactor::Totp(&secret, &code);
        let keys = passwords();
        let link = (&token, grant);
        let by = (&keys, now);
        let done = HostRecovery::finish(link, &owner.member, (&new, factor), by, entropy);
        assert_eq!(done.as_ref().err().cloned(), want);
        if let Ok(done) = done {
            assert_eq!(done.change.after.standing, Standing::Active);
            assert_eq!(done.change.spend, Some(grant.hash));
            assert_eq!(done.change.ends, Ends::All(EndReason::Changed));
            assert_eq!(kinds(&done.change), ["recover.used", "factor.enrolled"]);
        }
    };
    check(at(60), None);
    check(at(1800), Some(Error::Ticket));
}

#[test]
fn a_password_alone_is_never_two_factors() {
    let bob = bob();
    let here = bob.present(at(0));
    assert_eq!(here.level(at(0)), Level::Write);
    assert!(here.authorize(Permission::OwnData, at(0)).is_ok());
    let staff = Someone::new(6, Role::Admin, Factors::PasswordOnly);
    let here = staff.present(at(0));
    let check = |permission, want: Result<(), Error>| {
        assert_eq!(here.authorize(permission, at(0)).map(|_| ()), want, "{permission:?}");
    };
    check(Permission::OwnFactors, Ok(()));
    check(Permission::OwnSessions, Ok(()));
    check(Permission::AccountRead, Err(Error::FactorNeeded));
    check(Permission::DataRead, Err(Error::FactorNeeded));
    check(Permission::ActDecide, Err(Error::FactorNeeded));
    let ada = ada();
    let sign_in = SignIn::new(&ada.password_proof(at(0)), identity::DeviceStanding::Unknown);
    assert_eq!(sign_in.alone(&ada.stored(), at(0)).err(), Some(Error::Code));
}

#[test]
fn an_erasure_waits_a_week_and_destroys_the_key() {
    let ada = ada();
    let council = identity::Council::default();
    let entropy = &mut SeededEntropy::new(1);
    let asked = ada.member.ask_erasure(&ada.proof(at(0)), &council, at(0), entropy);
    let asked = asked.expect("all factors");
    let erasure = asked.writes.iter().find_map(|write| match write {
        Write::Erasure(erasure) => Some(*erasure),
        _ => None,
    });
    let erasure = erasure.expect("asked");
    let until = at(7 * DAY);
    let early = erasure.carry(&ada.member, &council, at(7 * DAY - 1));
    assert_eq!(early.err(), Some(Rule::Waiting { until }.into()));
    let done = erasure.carry(&ada.member, &council, at(7 * DAY)).expect("due");
    assert_eq!(done.after.standing, Standing::Disabled);
    assert!(done.writes.iter().any(|write| matches!(write, Write::DropDataKey)));
    assert_eq!(kinds(&done), ["account.erased"]);
    let stop = link(&asked, |letter| match letter {
        Letter::Erasing(token, _) => Some(token.clone()),
        _ => None,
    });
    let stopped = erasure.stop_by_link((&stop.0, &stop.1), &ada.member, at(6 * DAY));
    let stopped = stopped.expect("in time");
    assert_eq!(kinds(&stopped), ["erasure.stopped"]);
    assert_eq!(stopped.ends, Ends::All(EndReason::Suspected), "who asked had all factors");
    let owner = Someone::new(5, Role::Owner, Factors::WithSecond);
    let alone = identity::Council::new([(owner.member.state.account, Role::Owner)]);
    let gone = owner.member.ask_erasure(&owner.proof(at(0)), &alone, at(0), entropy);
    assert_eq!(gone.err(), Some(Rule::LastOwner.into()));
}

#[test]
fn an_export_is_ones_own() {
    let (ada, bob) = (ada(), bob());
    let own = ada.member.export(&ada.present(at(0)), at(0)).expect("one's own");
    assert_eq!(kinds(&own), ["account.exported"]);
    assert_eq!(ada.member.export(&bob.present(at(0)), at(0)).err(), Some(Error::Permission));
    assert_eq!(ada.member.export(&ada.present(at(0)), at(3600)).err(), Some(Error::Stale));
    let wait = identity::LOSS_WAIT;
    assert_eq!(wait, SignedDuration::from_hours(24));
}
