//! The life of an account in the store: made whole, changed whole with its letters, cut off anywhere.
#![allow(clippy::expect_used, reason = "tests of databases that they made")]

use household::{
    House, PASSWORD, at, change, deed, entry,
    furniture::{bearer, letter, sign_in},
    houses, life, passwords, still,
};
use identity::{
    Answer, Candidate, EndReason, Ends, Errand, FactorKind, Grant, Holder, Invitation, LetterPart,
    Loss, NewFactor, OpenedSession, Purpose, Role, SealedWrite, SessionId, SessionPolicy, Standing,
    Step, TotpSecret, Voucher, Wish,
};
use seal::{Secret, SeededEntropy};
use std::{pin::pin, task::Poll};
use store::{Deed, Outcome, Overtaken, Part};

mod household;
mod places;

#[tokio::test]
async fn an_account_is_made_by_its_link_and_by_no_second_one() {
    for house in houses().await {
        let ada = house.person("ada", 1).await;
        let row = house.row(&ada).await;
        assert!(row.holdings.password && row.holdings.passkeys.is_empty());
        assert_eq!((row.state.role, row.state.standing), (Role::Trader, Standing::Active));
        let member = house.member(&ada).await;
        assert_eq!(member.email, ada.email);
        let found = house.store().member_by_email(&house.vault.index(&ada.email)).await;
        assert_eq!(found.expect("reads").expect("there"), row);
        // The link is used up, and the address taken: the errand finds the account.
        let errand = Errand {
            wish: Wish::Register,
            email: ada.email.clone(),
            device: ada.device,
            asked: at(2),
        };
        let delivery = errand.run(Some(&member), at(2), &mut SeededEntropy::new(4));
        assert!(delivery.grant.is_none());
    }
}

#[tokio::test]
async fn a_password_is_changed_with_its_letter_and_the_other_sessions_end() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        let kept = sign_in(&house, &mut ada).await.session.id;
        let other = sign_in(&house, &mut ada).await.session.id;
        let proof = house.proof(&ada, &Answer::Nothing, at(2)).await;
        let member = house.member(&ada).await;
        let chosen = household::password("eleven tall red herons at dawn");
        let change = member
            .change_password(&proof, (&chosen, &passwords()), (kept, at(2)), &mut ada.entropy)
            .expect("may");
        let (sealed, mails) = ada.vault.seal_change(change, &mut ada.entropy);
        assert_eq!(mails.len(), 1);
        let posting = letter(&mut ada, "m1", "it was changed");
        let parts = [Part::Change(&sealed)];
        let deed = Deed { parts: &parts, events: &[], postings: std::slice::from_ref(&posting) };
        let act = house.store().begin().await.expect("an act");
        let outcome = act.keep(&deed, entry, at(2)).await.expect("writes");
        let Outcome::Kept { committed, ended } = outcome else { panic!("{outcome:?}") };
        assert_eq!(committed.indexes.count(), sealed.events.len());
        assert_eq!(ended, [(other, EndReason::Changed)]);
        let alive = house.store().live_sessions(at(2), 10).await.expect("reads");
        assert_eq!(alive.iter().map(|row| row.session.id).collect::<Vec<_>>(), [kept]);
        assert_eq!(alive.first().expect("one").session.factor, FactorKind::Password);
        let queued = house.store().posting("m1").await.expect("reads").expect("queued");
        let text = queued.text.expect("not over");
        let text = ada.vault.open_letter((Some(ada.account), "m1"), LetterPart::Text, &text);
        assert_eq!(text.expect("opens").expose(), "it was changed");
        let stored = house.store().credentials(&house.vault.index(&ada.email)).await;
        let old = Candidate::new(&Secret::new(PASSWORD.to_owned()));
        let stored = stored.expect("reads");
        assert!(passwords().verify(stored.as_ref(), &old, at(3)).is_err());
    }
}

#[tokio::test]
async fn an_authenticator_is_enrolled_and_then_asked_for() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        let here = sign_in(&house, &mut ada).await.session.id;
        let proof = house.proof(&ada, &Answer::Nothing, at(2)).await;
        let early = house.proof(&ada, &Answer::Nothing, at(2)).await;
        let secret = TotpSecret::generate(&mut ada.entropy);
        let code = secret.code(Step::at(at(2)));
        let enrolled = house
            .member(&ada)
            .await
            .enrol(
                &proof,
                NewFactor::Totp(&secret, code.expose()),
                (&passwords(), here, at(2)),
                &mut ada.entropy,
            )
            .expect("may");
        let sealed = ada.seal(enrolled.change);
        house.keep(&[Part::Change(&sealed)], &[], &[]).await;
        let holdings = house.row(&ada).await.holdings;
        assert_eq!((holdings.totp, holdings.recovery), (true, 10));
        // A sign-in that was judged before it is overtaken.
        let rules = (&SessionPolicy::default(), &household::mac(2));
        let opened = OpenedSession::open(early, ada.device, rules, at(3), &mut ada.entropy);
        let client = identity::SealedClient(vec![1]);
        let act = house.store().begin().await.expect("an act");
        let outcome = act.keep(&deed(&[Part::Session(&opened, &client)]), entry, at(3)).await;
        assert_eq!(outcome.expect("writes"), Outcome::Overtaken(Overtaken::Factor));
        let code = secret.code(Step::at(at(60)));
        let proof = house.proof(&ada, &Answer::Totp(code.expose()), at(60)).await;
        let opened = OpenedSession::open(proof, ada.device, rules, at(60), &mut ada.entropy);
        // Somebody said that it is lost: this sign-in shows that it is not.
        let state = house.state(&ada).await;
        let (account, epoch) = (state.account, state.epoch);
        let loss = Loss { account, epoch, ready: at(50), voucher: Voucher::None };
        let declared = still(state, vec![SealedWrite::Loss(loss)]);
        house.keep(&[Part::Change(&declared)], &[], &[]).await;
        let leaves = house.leaves().await;
        house.keep(&[Part::Session(&opened, &client)], &[], &[]).await;
        assert_eq!(house.row(&ada).await.loss, None);
        let told = u64::try_from(opened.events.len()).expect("few") + 1;
        assert_eq!(house.leaves().await, leaves + told, "factor.kept is a leaf too");
    }
}

#[tokio::test]
async fn an_errand_leaves_a_link_and_a_letter_and_no_leaf() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        let errand = |email: &str, device| Errand {
            wish: Wish::Register,
            email: email.parse().expect("an address"),
            device,
            asked: at(2),
        };
        let other = identity::DeviceId::new(at(0), &mut ada.entropy);
        let leaves = house.leaves().await;
        let mut hashes = Vec::new();
        for device in [ada.device, other, ada.device] {
            let errand = errand("new@example.org", device);
            let delivery = errand.run(None, at(2), &mut ada.entropy);
            let grant = delivery.grant.expect("a link");
            hashes.push(grant.hash);
            let link = house.vault.seal_grant(&grant, &mut ada.entropy);
            let mut posting = letter(&mut ada, &format!("m{}", hashes.len()), "come in");
            posting.account = None;
            let kept = house.store().keep_delivery(Some(&link), &[posting], at(2)).await;
            kept.expect("writes");
        }
        assert_eq!(house.leaves().await, leaves);
        assert_eq!(house.store().open_postings("").await.expect("reads").len(), 3);
        // The newest of a browser replaces its own older one, and nobody else's.
        let mut alive = Vec::new();
        for hash in &hashes {
            alive.push(house.store().link(hash).await.expect("reads").is_some());
        }
        assert_eq!(alive, [false, true, true]);
    }
}

#[tokio::test]
async fn an_imported_account_is_whole_and_refused_where_its_address_is_taken() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        let chosen = household::password(PASSWORD);
        let hash = passwords().hash(ada.account, &chosen, &mut ada.entropy);
        for (email, taken) in [("bob@example.org", false), ("ada@example.org", true)] {
            let line =
                identity::ImportLine { email, name: "", role: "viewer", hash: hash.as_str() };
            let new = identity::Imported::accept(&line, &passwords(), at(1), &mut ada.entropy);
            let new = new.expect("a hash");
            let profile = identity::Profile {
                email: new.account.email.clone(),
                display_name: new.account.display_name.clone(),
            };
            let profile = ada.vault.seal_profile(new.account.id, &profile, &mut ada.entropy);
            let sealed = store::Sealed { profile: &profile, data_key: &[7; 40] };
            let parts = [Part::Member(&store::MemberSeed::imported(&new, sealed))];
            let act = house.store().begin().await.expect("an act");
            let outcome = act.keep(&deed(&parts), entry, at(1)).await.expect("writes");
            assert_eq!(outcome == Outcome::Overtaken(Overtaken::Address), taken, "{outcome:?}");
        }
        let row = house
            .store()
            .member_by_email(&house.vault.index(&"bob@example.org".parse().expect("an address")))
            .await
            .expect("reads")
            .expect("there");
        assert_eq!((row.state.role, row.holdings.password), (Role::Viewer, true));
        let mut act = house.store().begin().await.expect("an act");
        assert!(!act.give_data_key(row.state.account, &[8; 40]).await.expect("writes"));
    }
}

#[tokio::test]
async fn an_invitation_is_listed_and_taken_back_once() {
    for house in houses().await {
        let mut ada = house.person_as("ada", 1, Role::Owner).await;
        sign_in(&house, &mut ada).await;
        // The role needs a second factor: the session says that it had one.
        house.place.meddle("UPDATE sessions SET factor = 'passkey'").await;
        let by = bearer(&house, &mut ada).await;
        let email: identity::EmailAddress = "guest@example.org".parse().expect("an address");
        for _ in 0..2 {
            let made = Invitation::issue(&by, email.clone(), Role::Viewer, at(1), &mut ada.entropy);
            let made = made.expect("may");
            let link = house.vault.seal_grant(&made.grant, &mut ada.entropy);
            house.keep(&[Part::Invitation(&link, ada.account)], &[made.event], &[]).await;
        }
        let [out] = house
            .store()
            .invitations(at(2))
            .await
            .expect("reads")
            .try_into()
            .expect("the newest replaced the one before");
        assert_eq!((out.by, out.issued), (ada.account, at(1)));
        let grant = house.vault.open_grant(&out.link).expect("opens");
        assert_eq!(grant.holder, Holder::Address { email, role: Role::Viewer });
        let event = Invitation::withdraw(&grant, &by, at(1)).expect("may");
        let parts = [Part::Withdrawal(grant.hash)];
        let events = [event];
        let told = Deed { parts: &parts, events: &events, postings: &[] };
        house.one_wins([told, told], Overtaken::Link).await;
        assert!(house.store().invitations(at(2)).await.expect("reads").is_empty());
    }
}

/// Runs a future for so many turns and drops it there.
async fn cut<T>(work: impl Future<Output = T>, mut turns: usize) -> Option<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        if turns == 0 {
            return Poll::Ready(None);
        }
        turns -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn an_act_that_is_cut_off_anywhere_is_whole_or_nothing() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        let (mut whole, mut turns) = (0, 0);
        while whole == 0 {
            let state = house.state(&ada).await;
            let session = sign_in(&house, &mut ada).await.session.id;
            let (_, grant) = Grant::for_account(
                Purpose::Reset,
                &state,
                Some(ada.device),
                at(0),
                &mut ada.entropy,
            );
            let link = ada.vault.seal_grant(&grant, &mut ada.entropy);
            house.keep(&[Part::Link(&link)], &[life(ada.account)], &[]).await;
            let mut change = change(state, vec![SealedWrite::Device(ada.device)]);
            change.spend = Some(grant.hash);
            change.ends = Ends::All(EndReason::Changed);
            let posting = letter(&mut ada, &format!("m{turns}"), "text");
            let parts = [Part::Change(&change)];
            let postings = [posting];
            let deed = Deed { parts: &parts, events: &[], postings: &postings };
            let leaves = house.leaves().await;
            let act = house.store().begin().await.expect("an act");
            let done = cut(act.keep(&deed, entry, at(2)), turns).await.is_some();
            let now = (
                house.state(&ada).await.epoch > state.epoch,
                house.store().link(&grant.hash).await.expect("reads").is_none(),
                ended(&house, session).await,
                house.store().posting(&format!("m{turns}")).await.expect("reads").is_some(),
                house.leaves().await > leaves,
            );
            let (all, none) = ((true, true, true, true, true), (false, false, false, false, false));
            assert!(now == all || (now == none && !done), "after {turns} turns: {now:?}");
            whole += usize::from(done);
            turns += 1;
            assert!(turns < 500, "it ends");
        }
        // How often it waits is the database's business; that it was stopped before its end is ours.
        assert!(turns > 1, "it was cut off on its way");
    }
}

async fn ended(house: &House, session: SessionId) -> bool {
    let row = house.store().session(session).await.expect("reads").expect("there");
    row.session.ended.is_some()
}

#[tokio::test]
async fn an_account_from_before_data_keys_gets_one_with_all_that_lies_sealed() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        let opened = sign_in(&house, &mut ada).await;
        house.place.meddle("DELETE FROM data_keys").await;
        let row = house.row(&ada).await;
        assert_eq!(row.data_key, None);
        let profile = ada.vault.open_profile(ada.account, &row.profile).expect("opens");
        let clients = house.store().clients(ada.account).await.expect("reads");
        let key = identity::DataKey::generate(&mut ada.entropy);
        let own = house.vault.of_account(&key);
        let profile = own.seal_profile(ada.account, &profile, &mut ada.entropy);
        let data_key = house.vault.seal_data_key(ada.account, &key, &mut ada.entropy);
        let anew: Vec<_> = clients
            .iter()
            .map(|(id, client)| {
                let owner = (ada.account, *id);
                let client = ada.vault.open_client(owner, client).expect("opens");
                (*id, own.seal_client(owner, &client, &mut ada.entropy))
            })
            .collect();
        let sealed = store::Sealed { profile: &profile, data_key: &data_key };
        let next = identity::AccountState { epoch: row.state.epoch + 1, ..row.state };
        let check = async |state, clients, works: bool| {
            let mut act = house.store().begin().await.expect("an act");
            let new = store::Resealed { state, sealed, totp: None, clients };
            let done = act.reseal(&new).await.expect("writes");
            assert_eq!(done, works);
            if done {
                act.commit(entry(&life(ada.account)), at(2)).await.expect("kept");
            }
        };
        check(&next, anew.as_slice(), false).await;
        check(&row.state, &[], false).await;
        check(&row.state, anew.as_slice(), true).await;
        check(&row.state, anew.as_slice(), false).await;
        assert_eq!(house.member(&ada).await.email, ada.email);
        let read = house.store().session(opened.session.id).await.expect("reads").expect("there");
        let owner = (ada.account, opened.session.id);
        assert_eq!(own.open_client(owner, &read.client).expect("opens").agent, "Firefox");
    }
}

#[tokio::test]
async fn another_data_key_comes_in_the_place_of_the_one_that_was_read() {
    for house in houses().await {
        let (mut ada, bob) = (house.person("ada", 1).await, house.person("bob", 2).await);
        sign_in(&house, &mut ada).await;
        let listed =
            async |after, limit| house.store().data_keys(after, limit).await.expect("reads");
        let (all, first) = (listed(None, 10).await, listed(None, 1).await);
        let last = first.last().map(|(account, _)| *account);
        assert_eq!(all.len(), 2);
        assert_eq!([first, listed(last, 10).await].concat(), all, "page by page, everybody's");
        let row = house.row(&ada).await;
        let before = row.data_key.clone().expect("a data key");
        let key = house.vault.open_data_key(ada.account, &before).expect("its own");
        let next = key.next(&mut ada.entropy);
        let after = house.vault.seal_data_key(ada.account, &next, &mut ada.entropy);
        let own = house.vault.of_account(&next);
        let profile = ada.vault.open_profile(ada.account, &row.profile).expect("opens");
        let profile = own.seal_profile(ada.account, &profile, &mut ada.entropy);
        let clients = house.store().clients(ada.account).await.expect("reads");
        let clients: Vec<_> = clients
            .into_iter()
            .map(|(id, client)| {
                let owner = (ada.account, id);
                let opened = ada.vault.open_client(owner, &client).expect("opens");
                (id, client.0, own.seal_client(owner, &opened, &mut ada.entropy).0)
            })
            .collect();
        let new = store::Rekeyed {
            account: ada.account,
            data_key: (&before, &after),
            profile: (&row.profile, &profile),
            totp: None,
            passkeys: &[],
            clients: &clients,
        };
        let check = async |new: store::Rekeyed<'_>, works: bool| {
            let mut act = house.store().begin().await.expect("an act");
            assert_eq!(act.rekey(&new).await.expect("writes"), works);
            if works {
                act.commit(entry(&life(ada.account)), at(2)).await.expect("kept");
            }
        };
        check(store::Rekeyed { data_key: (&after, &before), ..new }, false).await;
        check(store::Rekeyed { account: bob.account, ..new }, false).await;
        check(new, true).await;
        check(new, false).await;
        let now = house.row(&ada).await;
        assert_eq!((now.data_key.as_ref(), &now.profile), (Some(&after), &profile));
        assert_eq!(house.member(&ada).await.email, ada.email);
        let read = house.store().clients(ada.account).await.expect("reads");
        assert!(
            read.iter().all(|(id, client)| own.open_client((ada.account, *id), client).is_ok())
        );
        // Who is erased meanwhile has no data key, and gets none.
        house.place.meddle("DELETE FROM data_keys").await;
        check(store::Rekeyed { data_key: (&after, &before), ..new }, false).await;
        assert!(listed(None, 10).await.is_empty());
    }
}
