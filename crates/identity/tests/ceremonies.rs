//! Set-up and sign-in, step by step, and every way to skip a step.

mod world;

use identity::{
    AccountState, Credentials, DeviceStanding, Error, Event, FactorKind, Level, Means, NewAccount,
    OpenedSession, RECOVERY_CODES, RecoveryHash, SessionPolicy, Setup, SetupForm, SetupGrant,
    SetupToken, SignIn, Standing, Step, StoredFactors,
};
use jiff::{SignedDuration, Timestamp};
use seal::SeededEntropy;
use world::{PASSWORD, at, begun, device, mac, new_account, passwords, sent, shown};

fn credentials(account: &NewAccount) -> Credentials {
    Credentials { state: account.proof.state(), password: account.password.clone() }
}

fn factors(account: &NewAccount) -> StoredFactors {
    StoredFactors {
        state: account.proof.state(),
        totp: Some((account.totp.clone(), account.totp_step)),
        recovery: account.recovery.clone(),
        passkeys: Vec::new(),
    }
}

fn sign_in(account: &NewAccount, now: Timestamp) -> SignIn {
    let proof = passwords()
        .verify(Some(&credentials(account)), &sent(PASSWORD), now)
        .expect("the right password");
    SignIn::new(&proof, DeviceStanding::Unknown)
}

#[test]
fn a_set_up_makes_an_owner_with_a_second_factor() {
    let mut entropy = SeededEntropy::new(1);
    let account = new_account(at(0), &mut entropy);
    let kinds: Vec<&str> = account.events.iter().map(Event::kind).collect();
    assert_eq!(kinds, ["account.created", "factor.enrolled", "factor.enrolled"]);
    assert_eq!(account.recovery.len(), usize::from(RECOVERY_CODES));
    assert_eq!(account.totp_step, Step::at(at(0)));
    assert_eq!(account.proof.means(), Means::Enrolment);
    let id = account.account.id;
    assert!(account.events.iter().all(|event| event.account() == Some(id)));
}

#[test]
fn a_set_up_token_is_good_for_its_hour_only() {
    let mut entropy = SeededEntropy::new(1);
    let hour = SignedDuration::from_hours(1);
    let (token, grant, event) = SetupGrant::issue(hour, at(0), &mut entropy);
    assert_eq!(event, Event::SetupIssued { expires: at(3600) });
    let mut check = |token: &SetupToken, second: i64, works: bool| {
        let form = SetupForm {
            token: token.clone(),
            email: "ada@example.org".parse().expect("an address"),
            display_name: "Ada".parse().expect("a name"),
            password: world::new_password(),
        };
        let begun = Setup::begin(form, &grant, &passwords(), at(second), &mut entropy);
        assert_eq!(begun.err(), if works { None } else { Some(Error::Ticket) }, "at {second}");
    };
    check(&token, 0, true);
    check(&token, 3599, true);
    check(&token, 3600, false);
    check(&SetupToken::generate(&mut SeededEntropy::new(9)), 0, false);
}

#[test]
fn without_the_authenticators_code_there_is_no_account() {
    let mut entropy = SeededEntropy::new(1);
    let setup = begun(at(0), &mut entropy);
    let right = shown(&setup, at(40));
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let mut check = |code: &str, second: i64, want: Option<Error>| {
        let done = setup.finish(code, &passwords(), at(second), &mut entropy);
        assert_eq!(done.err(), want, "{code} at {second}");
    };
    check(wrong, 40, Some(Error::Code));
    check("", 40, Some(Error::Code));
    check(&right, 200, Some(Error::Code));
    check(&shown(&setup, at(3600)), 3600, Some(Error::Ticket));
    check(&right, 40, None);
}

#[test]
fn a_code_opens_one_session_and_the_enrolments_code_none() {
    let mut entropy = SeededEntropy::new(1);
    let account = new_account(at(0), &mut entropy);
    let pending = sign_in(&account, at(1));
    let mut stored = factors(&account);
    let code = |second| account.totp.code(Step::at(at(second))).expose().clone();
    assert_eq!(pending.totp(&code(0), &stored, at(5)).err(), Some(Error::Code), "the enrolment's");
    let proof = pending.totp(&code(60), &stored, at(60)).expect("a fresh code");
    assert_eq!(proof.means(), Means::Totp(Step::at(at(60))));
    stored.totp = Some((account.totp.clone(), Step::at(at(60))));
    assert_eq!(pending.totp(&code(60), &stored, at(61)).err(), Some(Error::Code), "a replay");
    assert_eq!(pending.totp(&code(30), &stored, at(61)).err(), Some(Error::Code), "an older one");
    stored.totp = None;
    assert_eq!(pending.totp(&code(90), &stored, at(90)).err(), Some(Error::Code), "none enrolled");
}

#[test]
fn a_recovery_code_opens_one_session() {
    let mut entropy = SeededEntropy::new(1);
    let account = new_account(at(0), &mut entropy);
    let pending = sign_in(&account, at(1));
    let mut stored = factors(&account);
    let typed = account.codes[3].text().expose().to_lowercase();
    let code = typed.parse().expect("our own text");
    let keys = passwords();
    let proof = pending.recovery(&code, &stored, &keys, at(2)).expect("unused");
    assert_eq!(proof.means(), Means::Recovery(3));
    let rules = (&SessionPolicy::default(), &mac(2));
    let opened = OpenedSession::open(proof, device(at(0), 7), rules, at(2), &mut entropy);
    let kinds: Vec<&str> = opened.events.iter().map(Event::kind).collect();
    assert_eq!(kinds, ["recovery.used", "session.opened"]);
    stored.recovery.retain(|row: &RecoveryHash| row.index != 3);
    assert_eq!(pending.recovery(&code, &stored, &keys, at(3)).err(), Some(Error::Code));
}

#[test]
fn a_change_of_the_account_ends_a_sign_in_under_way() {
    let mut entropy = SeededEntropy::new(1);
    let account = new_account(at(0), &mut entropy);
    let other = new_account(at(0), &mut SeededEntropy::new(2));
    let pending = sign_in(&account, at(1));
    let code = account.totp.code(Step::at(at(60)));
    let check = |state: AccountState| {
        let stored = StoredFactors { state, ..factors(&account) };
        assert_eq!(pending.totp(code.expose(), &stored, at(60)).err(), Some(Error::Ticket));
        let recovered = pending.recovery(&account.codes[0], &stored, &passwords(), at(60));
        assert_eq!(recovered.err(), Some(Error::Ticket));
    };
    let now = account.proof.state();
    check(AccountState { epoch: 1, ..now });
    check(AccountState { standing: Standing::Disabled, ..now });
    check(other.proof.state());
}

#[test]
fn freshness_wanes_and_a_second_proof_restores_it() {
    let mut entropy = SeededEntropy::new(1);
    let account = new_account(at(0), &mut entropy);
    let stored = factors(&account);
    let pending = sign_in(&account, at(999));
    let rules = (&SessionPolicy::default(), &mac(2));
    let other = new_account(at(0), &mut SeededEntropy::new(2));
    let opened = OpenedSession::open(account.proof, device(at(0), 7), rules, at(0), &mut entropy);
    let check = |second: i64, want: Level| {
        assert_eq!(opened.session.level(at(second)), want, "at {second}");
    };
    check(0, Level::Dangerous);
    check(299, Level::Dangerous);
    check(300, Level::Write);
    check(899, Level::Write);
    check(900, Level::Read);
    let code = account.totp.code(Step::at(at(1000)));
    let proof = pending.totp(code.expose(), &stored, at(1000)).expect("fresh");
    let (again, events) = opened.session.step_up(&proof).expect("the same person");
    assert_eq!(again.level(at(1001)), Level::Dangerous);
    assert_eq!((again.id, again.expires), (opened.session.id, opened.session.expires));
    let (account, session) = (again.account, again.id);
    let factor = FactorKind::Totp;
    assert_eq!(events, [Event::SessionSteppedUp { account, session, factor }]);
    assert_eq!(opened.session.step_up(&other.proof).err(), Some(Error::Code));
}

#[test]
fn no_secret_prints() {
    let mut entropy = SeededEntropy::new(1);
    let setup = begun(at(0), &mut entropy);
    let enrolment = setup.enrolment();
    let account = new_account(at(0), &mut entropy);
    let codes: Vec<String> = account.codes.iter().map(|c| c.text().expose().clone()).collect();
    let hash = account.password.as_str().to_owned();
    let pending = sign_in(&account, at(1));
    let stored = factors(&account);
    let ceremony = format!("{setup:?} {enrolment:?} {account:?} {pending:?} {stored:?}");
    let rules = (&SessionPolicy::default(), &mac(2));
    let opened = OpenedSession::open(account.proof, device(at(0), 7), rules, at(0), &mut entropy);
    let text = format!("{ceremony} {opened:?}");
    let refresh = opened.refresh.text().expose().clone();
    let totp = account.totp.base32().expose().clone();
    for secret in codes.iter().chain([&hash, &refresh, &totp, enrolment.secret.expose()]) {
        assert!(!text.contains(secret.as_str()), "{secret} in {text}");
    }
    assert!(!text.contains(PASSWORD) && !text.contains("argon2id") && !text.contains("ada@"));
    assert!(!text.contains(&format!("{:?}", account.totp.expose())));
}
