//! Hashes of other systems: wrapped at once, checked as the other system did, renewed at sign-in.

mod world;

use identity::{
    AccountId, AccountState, Candidate, Cost, Credentials, Error, ImportLine, Imported,
    PasswordHash, Passwords, Role, Rule, Scheme, Standing,
};
use seal::{Secret, SeededEntropy};
use world::{at, mac, sent};

fn passwords() -> Passwords {
    world::passwords()
}

fn account(seed: u64) -> AccountId {
    AccountId::new(at(0), &mut SeededEntropy::new(seed))
}

fn imported(hash: &str) -> Credentials {
    let entropy = &mut SeededEntropy::new(3);
    let (password, _) = passwords().import(account(1), hash, entropy).expect("a known scheme");
    let state = AccountState {
        account: account(1),
        role: Role::Trader,
        epoch: 0,
        standing: Standing::Active,
    };
    Credentials { state, password }
}

const X72: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
const X72_HASH: &str = "$2b$12$abcdefghijklmnopqrstuuEdLGPF8sqPlis8hkNuqHPOzaCkRky22";

/// Classic test strings of bcrypt, and PHC strings made by the reference implementation in C.
#[test]
fn passwords_of_other_systems_still_open_their_accounts() {
    let check = |password: &str, hash: &str, scheme: Scheme| {
        let stored = imported(hash);
        assert_eq!(stored.password.scheme(), Some(scheme), "{hash}");
        let verify = |text: &str| passwords().verify(Some(&stored), &sent(text), at(0));
        assert!(verify(password).is_ok(), "{hash}");
        assert!(verify(&format!("{password}!")).is_err(), "{hash}");
        // The digest of the foreign hash is nowhere in what is stored.
        let digest = hash.rsplit_once('$').map_or("", |(_, rest)| rest);
        let digest = digest.get(digest.len() - 31..).expect("long enough");
        assert!(!stored.password.as_str().contains(digest), "{hash}");
        assert!(stored.password.as_str().starts_with("$argon2id$v=19$m="), "{hash}");
        assert_eq!(stored.password.as_str().parse(), Ok(stored.password.clone()));
    };
    check("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", Scheme::Bcrypt);
    check("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe", Scheme::Bcrypt);
    check("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", Scheme::Bcrypt);
    check(
        "correct horse",
        "$2b$12$abcdefghijklmnopqrstuuFDJRuYeKkCzo3Wy7h8SxhBSHBAHiPK2",
        Scheme::Bcrypt,
    );
    check(X72, X72_HASH, Scheme::Bcrypt);
    check(
        "password",
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$K13EBUiG7JV+9ZxztmHFTdb7J0WQsnj2V8bZaqyPptE",
        Scheme::Argon2,
    );
}

#[test]
fn what_bcrypt_does_not_look_at_is_not_let_in() {
    let long = imported(X72_HASH);
    let verify = |stored: &Credentials, text: &str| {
        passwords().verify(Some(stored), &sent(text), at(0)).map(|proof| proof.account())
    };
    assert_eq!(verify(&long, &format!("{X72}x")), Err(Error::Credentials), "byte 73 is ignored");
    let short = imported("$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i");
    assert_eq!(verify(&short, "abc\0def"), Err(Error::Credentials), "NUL ends it elsewhere");
    assert_eq!(verify(&short, "abc\0"), Err(Error::Credentials));
    assert_eq!(verify(&short, "abc"), Ok(account(1)));
}

#[test]
fn the_first_sign_in_makes_it_ours() {
    let mut stored = imported("$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i");
    let candidate = sent("abc");
    let keys = passwords();
    let proof = keys.verify(Some(&stored), &candidate, at(0)).expect("right");
    assert!(proof.is_outdated());
    stored.password = keys.rehash(&proof, &candidate, &mut SeededEntropy::new(4));
    assert_eq!(stored.password.scheme(), None);
    assert!(!stored.password.as_str().contains('|'));
    let proof = keys.verify(Some(&stored), &candidate, at(0)).expect("right");
    assert!(!proof.is_outdated());
}

#[test]
fn a_wrapped_hash_is_bound_to_its_row_and_its_server() {
    let stored = imported("$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i");
    let planted = Credentials {
        state: AccountState { account: account(2), ..stored.state },
        password: stored.password.clone(),
    };
    assert!(passwords().verify(Some(&planted), &sent("abc"), at(0)).is_err());
    let cheap = Cost::new(64, 1, 1).expect("small");
    let other = Passwords::new(mac(9), cheap, cheap);
    assert!(other.verify(Some(&stored), &sent("abc"), at(0)).is_err());
}

#[test]
fn what_cannot_be_imported_says_why() {
    let check = |hash: &str, word: &str| {
        let refused = passwords().import(account(1), hash, &mut SeededEntropy::new(1));
        match refused {
            Err(Error::Import { problem }) => assert!(problem.contains(word), "{hash}: {problem}"),
            other => panic!("{hash}: {other:?}"),
        }
    };
    check("", "begin with $");
    check("5f4dcc3b5aa765d61d8327deb882cf99", "begin with $");
    check("$1$abc$def", "scheme");
    check(
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        "scheme",
    );
    check("$2x$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "2x");
    check("$2b$31$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "cost");
    check("$2b$06$If6bvum7DFjUnE9p2uDeDu", "60 characters");
    check("$2b$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0", "60 characters");
    check("$2b$06$If6bvum7DFjUnE9p2uDeD!0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "salt");
    check("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA", "PHC");
    check(
        "$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$K13EBUiG7JV+9ZxztmHFTdb7J0WQsnj2V8bZaqyPptE",
        "cost",
    );
    check(
        "$argon2id$v=19$m=19456,t=2,p=1,keyid=QQ$c29tZXNhbHRzb21lc2FsdA$K13EBUiG7JV+9ZxztmHFTdb7J0WQsnj2V8bZaqyPptE",
        "keyed",
    );
    check(&"$".repeat(10_000), "512");
}

#[test]
fn a_line_makes_an_account_that_decides_nothing_about_others() {
    let bcrypt = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
    let accept = |email: &str, role: &str, hash: &str| {
        let line = ImportLine { email, name: "", role, hash };
        Imported::accept(&line, &passwords(), at(0), &mut SeededEntropy::new(1))
    };
    let made = accept("Ada@example.org", "trader", bcrypt).expect("good");
    assert_eq!(made.account.email.as_str(), "ada@example.org");
    let kinds: Vec<&str> = made.events.iter().map(identity::Event::kind).collect();
    assert_eq!(kinds, ["account.created", "password.imported"]);
    let refused = accept("ada@example.org", "admin", bcrypt).err();
    assert_eq!(refused, Some(Rule::SecondPerson.into()));
    assert!(matches!(accept("ada", "trader", bcrypt), Err(Error::Email { .. })));
    assert!(matches!(accept("a@b.org", "king", bcrypt), Err(Error::Role { .. })));
    assert!(matches!(accept("a@b.org", "trader", "x"), Err(Error::Import { .. })));
}

/// While imported hashes are left, every check does their work too; a planted recipe is refused.
#[test]
fn time_does_not_tell_who_was_imported_and_planted_recipes_are_refused() {
    let stored = imported("$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i");
    let keys = passwords().beside_imported(&stored.password);
    assert!(keys.verify(None, &sent("abc"), at(0)).is_err());
    assert!(keys.verify(Some(&stored), &sent("abc"), at(0)).is_ok());
    let planted = stored.password.as_str().replace("|2a$06$", "|2a$31$");
    assert_eq!(planted.parse::<PasswordHash>(), Err(Error::StoredHash));
    let long = Candidate::new(&Secret::new("x".repeat(10_000_000)));
    assert!(keys.verify(Some(&stored), &long, at(0)).is_err());
    assert!(!format!("{:?}", stored.password).contains("2a$"));
}
