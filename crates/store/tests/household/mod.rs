//! A house with people in it, on either database: made by identity's own acts, stored by deeds.
#![allow(
    dead_code,
    clippy::expect_used,
    reason = "tests of databases that they made; each test file uses a part of this"
)]

use crate::places::Place;
use audit::{Entry, Kind, Ledger, Signer};
use identity::{
    AccountId, AccountState, Answer, Candidate, Change, Cost, DataKey, DeviceCookie, DeviceId,
    DeviceStanding, EmailAddress, Ends, Event, FactorProof, Factors, FirstCredential, Grant,
    Holder, Life, Member, NewMember, NewPassword, PasswordPolicy, Passwords, Profile, Purpose,
    RegistrationForm, RegistrationMode, Role, SealedChange, SealedWrite, SignIn, Strength, Vault,
};
use jiff::Timestamp;
use seal::{MacKey, SealingKey, Secret, SeededEntropy, SigningKey};
use store::{Deed, MemberRow, MemberSeed, Outcome, Overtaken, Part, PostingRow, Sealed, Store};

pub mod furniture;

pub const PASSWORD: &str = "nine small grey owls by night";

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("in range")
}

pub fn mac(byte: u8) -> MacKey {
    MacKey::new(Secret::new([byte; 32]))
}

pub fn passwords() -> Passwords {
    let cheap = Cost::new(64, 1, 1).expect("small");
    Passwords::new(mac(1), cheap, cheap)
}

pub fn password(text: &str) -> NewPassword {
    let email = "nobody@example.org".parse().expect("an address");
    PasswordPolicy::default()
        .accept(sent(text), Strength { guesses_log10: 14.0 }, Factors::PasswordOnly, (&email, &[]))
        .expect("a good password")
}

pub fn sent(text: &str) -> Candidate {
    Candidate::new(&Secret::new(text.to_owned()))
}

/// As a server words its log.
pub fn entry(event: &Event) -> Entry {
    Entry {
        kind: Kind::stated(event.kind()),
        actor: "a test".to_owned(),
        subject: event.account().map_or_else(|| "none".to_owned(), |id| id.to_string()),
        detail: serde_json::json!({}),
    }
}

/// Two servers on one database.
pub struct House {
    pub servers: [Store; 2],
    pub vault: Vault,
    pub place: Place,
}

/// Somebody with an account and a password.
pub struct Person {
    pub account: AccountId,
    pub email: EmailAddress,
    pub device: DeviceId,
    /// Under the account's own data key.
    pub vault: Vault,
    pub entropy: SeededEntropy,
}

async fn open(place: &Place, seed: u64) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([3; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([4; 32])));
    Store::open(&place.database, ledger, Box::new(SeededEntropy::new(seed)), at(0))
        .await
        .expect("opens")
}

pub async fn house(place: Place) -> House {
    let servers = [open(&place, 0x5702E).await, open(&place, 0x5702F).await];
    House { servers, vault: vault(), place }
}

/// One on each kind of database.
pub async fn houses() -> Vec<House> {
    let mut houses = Vec::new();
    for place in crate::places::both() {
        houses.push(house(place).await);
    }
    houses
}

pub fn vault() -> Vault {
    Vault::new(SealingKey::new(Secret::new([5; 32])), mac(6))
}

impl House {
    pub fn store(&self) -> &Store {
        let [first, _] = &self.servers;
        first
    }

    /// Stores parts that must not be overtaken.
    pub async fn keep(&self, parts: &[Part<'_>], events: &[Event], postings: &[PostingRow]) {
        let deed = Deed { parts, events, postings };
        let act = self.store().begin().await.expect("an act");
        let outcome = act.keep(&deed, entry, at(1)).await.expect("writes");
        assert!(matches!(outcome, Outcome::Kept { .. }), "{outcome:?}");
    }

    /// What comes of two deeds at once, one on each server.
    pub async fn race(&self, deeds: [Deed<'_>; 2]) -> [Outcome; 2] {
        let [first, second] = &self.servers;
        let one = async |store: &Store, deed: &Deed<'_>| {
            let act = store.begin().await.expect("an act");
            act.keep(deed, entry, at(1)).await.expect("writes")
        };
        let [mine, theirs] = &deeds;
        let (mine, theirs) = tokio::join!(one(first, mine), one(second, theirs));
        [mine, theirs]
    }

    /// Of two deeds at once one is kept, and the other hears this.
    pub async fn one_wins(&self, deeds: [Deed<'_>; 2], lost: Overtaken) {
        let before = self.leaves().await;
        let outcomes = self.race(deeds).await;
        let kept = outcomes.iter().filter(|o| matches!(o, Outcome::Kept { .. })).count();
        assert_eq!(kept, 1, "{lost:?}: {outcomes:?}");
        assert!(outcomes.contains(&Outcome::Overtaken(lost)), "{lost:?}: {outcomes:?}");
        let [deed, _] = deeds;
        let told = deed.events.len();
        assert!(self.leaves().await > before + told as u64 - 1, "the winner's leaves");
    }

    pub async fn leaves(&self) -> u64 {
        self.store().verify_log(&[]).await.expect("whole").checkpoint.size
    }

    /// A new account by a link of its own.
    pub async fn person(&self, name: &str, seed: u64) -> Person {
        let mut entropy = SeededEntropy::new(seed);
        let device = DeviceCookie::new(at(0), &mut entropy).device();
        let email: EmailAddress = format!("{name}@example.org").parse().expect("an address");
        let holder = Holder::Address { email: email.clone(), role: Role::Trader };
        let (token, grant) =
            Grant::issue(Purpose::Register, holder, Some(device), at(0), &mut entropy);
        let link = self.vault.seal_grant(&grant, &mut entropy);
        self.keep(&[Part::Link(&link)], &[Event::SetupIssued { expires: at(9) }], &[]).await;
        let stored = self.store().link(&grant.hash).await.expect("reads").expect("there");
        let stored = self.vault.open_grant(&stored).expect("opens");
        let (chosen, passwords) = (password(PASSWORD), passwords());
        let form = RegistrationForm {
            token: &token,
            display_name: name.parse().expect("a name"),
            credential: FirstCredential::Password(&chosen, &passwords),
            device,
        };
        let mode = RegistrationMode::Open;
        let registered = NewMember::register(form, &stored, mode, at(1), &mut entropy);
        let (new, _) = registered.expect("admitted");
        let account = new.account.id;
        let key = DataKey::generate(&mut entropy);
        let own = self.vault.of_account(&key);
        let display_name = new.account.display_name.clone();
        let profile = Profile { email: email.clone(), display_name };
        let profile = own.seal_profile(account, &profile, &mut entropy);
        let data_key = self.vault.seal_data_key(account, &key, &mut entropy);
        let sealed = Sealed { profile: &profile, data_key: &data_key };
        self.keep(&[Part::Member(&MemberSeed::registered(&new, None, sealed))], &[], &[]).await;
        Person { account, email, device, vault: own, entropy }
    }

    /// Somebody whose role was given behind the program's back.
    pub async fn person_as(&self, name: &str, seed: u64, role: Role) -> Person {
        let person = self.person(name, seed).await;
        let id = person.account;
        self.place
            .meddle(&format!("UPDATE accounts SET role = '{role}' WHERE account_id = '{id}'"))
            .await;
        person
    }

    pub async fn row(&self, person: &Person) -> MemberRow {
        self.store().member(person.account).await.expect("reads").expect("there")
    }

    pub async fn state(&self, person: &Person) -> AccountState {
        self.row(person).await.state
    }

    /// The account as identity judges it: its profile opened by the key that its row holds.
    pub async fn member(&self, person: &Person) -> Member {
        let row = self.row(person).await;
        let key = row.data_key.expect("a data key");
        let key = self.vault.open_data_key(person.account, &key).expect("its own");
        let own = self.vault.of_account(&key);
        let profile = own.open_profile(person.account, &row.profile).expect("opens");
        Member { state: row.state, email: profile.email, holdings: row.holdings }
    }

    /// Proof of all factors: the password, and nothing beside it or an answer.
    pub async fn proof(&self, person: &Person, answer: &Answer<'_>, now: Timestamp) -> FactorProof {
        let index = self.vault.index(&person.email);
        let stored = self.store().credentials(&index).await.expect("reads");
        let proof = passwords().verify(stored.as_ref(), &sent(PASSWORD), now).expect("right");
        let factors = self.store().factors(person.account).await.expect("reads").expect("there");
        let factors = person.vault.open_factors(&factors).expect("opens");
        SignIn::new(&proof, DeviceStanding::Unknown)
            .answer(answer, &factors, &passwords(), now)
            .expect("right")
    }
}

impl Person {
    /// A change sealed by its own account's vault; its letters are left aside.
    pub fn seal(&mut self, change: Change) -> SealedChange {
        self.vault.seal_change(change, &mut self.entropy).0
    }
}

/// A change of an account that writes these rows, raises the epoch and says so.
pub fn change(state: AccountState, writes: Vec<SealedWrite>) -> SealedChange {
    SealedChange {
        before: state,
        after: AccountState { epoch: state.epoch + 1, ..state },
        council: None,
        writes,
        spend: None,
        ends: Ends::None,
        events: vec![life(state.account)],
    }
}

/// The same without a new epoch: nothing but its rows can be overtaken.
pub fn still(state: AccountState, writes: Vec<SealedWrite>) -> SealedChange {
    SealedChange { after: state, ..change(state, writes) }
}

pub fn life(account: AccountId) -> Event {
    Event::Life { account, what: Life::Exported }
}

/// A deed of these parts alone.
pub const fn deed<'a>(parts: &'a [Part<'a>]) -> Deed<'a> {
    Deed { parts, events: &[], postings: &[] }
}
