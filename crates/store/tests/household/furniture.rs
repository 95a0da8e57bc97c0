//! What people own, a row in each table, and the secrets that must not be found there.

use super::{House, PASSWORD, Person, at, mac, still};
use identity::{
    Answer, ApiSecret, Erasure, Grant, Holder, LetterPart, Loss, OpenedSession, Order, Passkey,
    PasskeyId, Permission, Purpose, Scope, SealedPasskey, SealedWrite, SessionPolicy, Step,
    TotpSecret, Voucher,
};
use jiff::SignedDuration;
use seal::Secret;
use store::{Part, PostingRow, PostingStanding};

/// A letter to a person, sealed under their own key.
pub fn letter(person: &mut Person, id: &str, text: &str) -> PostingRow {
    let (owner, entropy) = (Some(person.account), &mut person.entropy);
    let vault = &person.vault;
    let mut seal = |part, text: &str| vault.seal_letter((owner, id), part, text, entropy);
    PostingRow {
        id: id.to_owned(),
        account: owner,
        sender: "Stockade <stockade@example.org>".to_owned(),
        language: "en".to_owned(),
        date: at(0),
        recipient: seal(LetterPart::Recipient, person.email.as_str()),
        subject: seal(LetterPart::Subject, "Your password"),
        text: Some(seal(LetterPart::Text, text)),
        html: Some(seal(LetterPart::Html, text)),
        since: at(0),
        until: at(9999),
        tries: 0,
        standing: PostingStanding::Waiting(at(0)),
        answer: None,
    }
}

pub fn passkey(person: &Person) -> Passkey {
    Passkey {
        id: PasskeyId::of(b"credential"),
        account: person.account,
        label: "key".parse().expect("a label"),
        credential: b"credential".to_vec(),
        cose: vec![1; 77],
        counter: 0,
        may_be_copied: true,
        created: at(0),
    }
}

/// The same, sealed.
pub fn sealed_passkey(person: &mut Person) -> SealedPasskey {
    person.vault.seal_passkey(passkey(person), &mut person.entropy)
}

/// Signs in with the password alone, on the person's device.
pub async fn sign_in(house: &House, person: &mut Person) -> OpenedSession {
    let proof = house.proof(person, &Answer::Nothing, at(1)).await;
    let rules = (&SessionPolicy::default(), &mac(2));
    let opened = OpenedSession::open(proof, person.device, rules, at(1), &mut person.entropy);
    let client = identity::Client::new(None, "Firefox");
    let owner = (person.account, opened.session.id);
    let client = person.vault.seal_client(owner, &client, &mut person.entropy);
    house.keep(&[Part::Session(&opened, &client)], &[], &[]).await;
    opened
}

/// A row in each table that a person can own one in; the secrets that must not be found.
pub async fn furnish(house: &House, person: &mut Person) -> Vec<String> {
    sign_in(house, person).await;
    let state = house.state(person).await;
    let (account, epoch) = (state.account, state.epoch);
    let secret = TotpSecret::generate(&mut person.entropy);
    let totp = person.vault.seal_totp(account, &secret, &mut person.entropy);
    let device = Some(person.device);
    let (token, grant) =
        Grant::for_account(Purpose::Reset, &state, device, at(0), &mut person.entropy);
    let new: identity::EmailAddress = "hidden@example.net".parse().expect("an address");
    let holder = Holder::NewAddress { account, epoch, email: new };
    let (confirm, asked) =
        Grant::issue(Purpose::AddressConfirm, holder, None, at(0), &mut person.entropy);
    let grants = [grant, asked].map(|grant| person.vault.seal_grant(&grant, &mut person.entropy));
    let [grant, asked] = grants;
    let loss = Loss { account, epoch, ready: at(50), voucher: Voucher::None };
    let rows = still(
        state,
        vec![
            SealedWrite::Totp(totp, Step::at(at(0))),
            SealedWrite::AddPasskey(sealed_passkey(person)),
            SealedWrite::Grant(grant),
            SealedWrite::Grant(asked),
            SealedWrite::Loss(loss),
            SealedWrite::Erasure(Erasure { account, due: at(70) }),
        ],
    );
    let bearer = bearer(house, person).await;
    let order = Order {
        label: "script".parse().expect("a label"),
        scope: Scope::new([Permission::DataRead]).expect("fits"),
        lifetime: SignedDuration::from_hours(1),
    };
    let (api, credential, event) = order.token(&bearer, at(1), &mut person.entropy).expect("may");
    let posting = letter(person, &format!("m{}", person.email.local()), "follow this link");
    let parts = [Part::Change(&rows), Part::Credential(&credential)];
    house.keep(&parts, &[event], &[posting]).await;
    assert!(api.expose().parse::<ApiSecret>().is_ok());
    let hidden = [token.text(), confirm.text(), secret.base32()].map(|text| text.expose().clone());
    let plain = ["hidden@", "follow this link", "Your password", PASSWORD, "nine small"];
    let address = person.email.to_string();
    hidden
        .into_iter()
        .chain(plain.map(str::to_owned))
        .chain([address, api.expose().to_owned(), "Firefox".to_owned()])
        .collect()
}

/// The person as a request of theirs proves them.
pub async fn bearer(house: &House, person: &mut Person) -> identity::Authenticated {
    let sessions = house.store().live_sessions(at(1), 100).await.expect("reads");
    let row = sessions.into_iter().find(|row| row.state.account == person.account);
    let row = row.expect("signed in");
    let key = seal::SigningKey::from_seed(&Secret::new([5; 32]));
    let names = ("https://stockade.example", "https://stockade.example/api");
    let keys = identity::AccessKeys::new(names, SignedDuration::from_mins(10), key, &[]);
    let keys = keys.expect("ten minutes");
    let token = keys.issue(&row.session, &row.state, at(1), &mut person.entropy);
    let token = keys.verify(token.text.expose(), at(1)).expect("just issued");
    let mut registry = identity::Registry::new(4);
    registry.insert(row.session, row.state);
    match registry.lookup(&token, at(1)) {
        identity::Lookup::Found(found) => found,
        other => panic!("{other:?}"),
    }
}
