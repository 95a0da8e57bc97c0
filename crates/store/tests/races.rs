//! Two servers that do the same at once: one is kept, the other hears what it was overtaken in.
#![allow(clippy::expect_used, reason = "tests of databases that they made")]

use household::{House, Person, at, change, deed, entry, houses, life, still};
use identity::{
    AccountId, AccountState, Council, Credential, DeviceId, Event, Governed, Grant, HighAct, Loss,
    Means, Passkey, PasskeyId, Permission, Proof, Proposal, ProposalState, Purpose, Resolution,
    Review, Role, Scope, SealedAddress, SealedPasskey, SealedWrite, SignOff, Standing, Step,
    TokenHash, TotpSecret, Voucher,
};
use seal::SeededEntropy;
use store::{Deed, Outcome, Overtaken, Part};
use uuid::Uuid;

mod household;
mod places;

/// As if it were sealed: the store does not look.
fn passkey(account: AccountId, counter: u32) -> SealedPasskey {
    let row = Passkey {
        id: PasskeyId::of(b"credential"),
        account,
        label: "key".parse().expect("a label"),
        credential: b"credential".to_vec(),
        cose: vec![1; 77],
        counter,
        may_be_copied: false,
        created: at(0),
    };
    SealedPasskey { row }
}

#[tokio::test]
async fn a_change_of_an_account_that_has_changed_is_not_stored() {
    for house in houses().await {
        let ada = house.person("ada", 1).await;
        let state = house.state(&ada).await;
        let (first, second) = (change(state, Vec::new()), change(state, Vec::new()));
        let parts = [[Part::Change(&first)], [Part::Change(&second)]];
        let [mine, theirs] = &parts;
        house.one_wins([deed(mine), deed(theirs)], Overtaken::Account).await;
        assert_eq!(house.state(&ada).await.epoch, state.epoch + 1);
    }
}

#[tokio::test]
async fn a_proof_of_each_kind_is_used_up_once() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        let state = house.state(&ada).await;
        let secret = TotpSecret::generate(&mut ada.entropy);
        let sealed = ada.vault.seal_totp(ada.account, &secret, &mut ada.entropy);
        let codes = vec![identity::RecoveryHash {
            index: 3,
            hash: household::passwords().hash(
                ada.account,
                &household::password(household::PASSWORD),
                &mut ada.entropy,
            ),
        }];
        let factors = still(
            state,
            vec![
                SealedWrite::Totp(sealed, Step::at(at(0))),
                SealedWrite::Recovery(codes),
                SealedWrite::AddPasskey(passkey(ada.account, 4)),
            ],
        );
        house.keep(&[Part::Change(&factors)], &[], &[]).await;
        let id = PasskeyId::of(b"credential");
        for means in [Means::Totp(Step::at(at(60))), Means::Recovery(3), Means::Passkey(id, (4, 7))]
        {
            let uses = [(); 2].map(|()| still(state, vec![SealedWrite::Use(means)]));
            let parts = uses.each_ref().map(|change| [Part::Change(change)]);
            let [mine, theirs] = &parts;
            house.one_wins([deed(mine), deed(theirs)], Overtaken::Factor).await;
        }
        let stored = house.store().factors(ada.account).await.expect("reads").expect("there");
        assert_eq!(stored.totp.expect("enrolled").1, Step::at(at(60)));
        assert!(stored.recovery.is_empty());
        assert_eq!(stored.passkeys, [passkey(ada.account, 7)]);
        // Beside a second factor, the password alone proves nothing.
        let alone = still(state, vec![SealedWrite::Use(Means::Alone)]);
        let act = house.store().begin().await.expect("an act");
        let outcome = act.keep(&deed(&[Part::Change(&alone)]), entry, at(1)).await;
        assert_eq!(outcome.expect("writes"), Outcome::Overtaken(Overtaken::Factor));
    }
}

/// A change by a link that was mailed.
async fn link(house: &House, person: &mut Person) -> TokenHash {
    let state = house.state(person).await;
    let device = Some(person.device);
    let (_, grant) = Grant::for_account(Purpose::Reset, &state, device, at(0), &mut person.entropy);
    let sealed = person.vault.seal_grant(&grant, &mut person.entropy);
    house.keep(&[Part::Link(&sealed)], &[life(person.account)], &[]).await;
    let read = house.store().link(&grant.hash).await.expect("reads").expect("there");
    assert_eq!(person.vault.open_grant(&read).expect("opens"), grant);
    grant.hash
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_is_spent_once_however_many_post_it() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        let hash = link(&house, &mut ada).await;
        let state = house.state(&ada).await;
        let posts: Vec<_> = (0..8_usize)
            .map(|number| {
                let store = house.servers.iter().cycle().nth(number).expect("two").clone();
                tokio::spawn(async move {
                    let mut post = still(state, Vec::new());
                    post.spend = Some(hash);
                    let act = store.begin().await.expect("an act");
                    act.keep(&deed(&[Part::Change(&post)]), entry, at(1)).await.expect("writes")
                })
            })
            .collect();
        let mut kept = 0;
        for post in posts {
            match post.await.expect("runs") {
                Outcome::Kept { .. } => kept += 1,
                Outcome::Overtaken(lost) => assert_eq!(lost, Overtaken::Link),
            }
        }
        assert_eq!(kept, 1);
        // A link that is over, or was made for another epoch, admits nothing.
        let hash = link(&house, &mut ada).await;
        let mut late = still(state, Vec::new());
        late.spend = Some(hash);
        let act = house.store().begin().await.expect("an act");
        let outcome = act.keep(&deed(&[Part::Change(&late)]), entry, at(601)).await;
        assert_eq!(outcome.expect("writes"), Outcome::Overtaken(Overtaken::Link));
        assert_eq!(house.store().prune_links(at(601)).await.expect("prunes"), 1);
    }
}

#[tokio::test]
async fn an_address_and_a_passkey_belong_to_one_account() {
    for house in houses().await {
        let (ada, eve) = (house.person("ada", 1).await, house.person("eve", 2).await);
        let states = [house.state(&ada).await, house.state(&eve).await];
        let address = |state: AccountState| {
            let email = "new@example.org".parse().expect("an address");
            let sealed = vec![u8::try_from(state.epoch).expect("small"); 40];
            let address = SealedAddress { index: house.vault.index(&email), sealed };
            still(state, vec![SealedWrite::Email(address)])
        };
        let moves = states.map(address);
        let parts = moves.each_ref().map(|change| [Part::Change(change)]);
        let [mine, theirs] = &parts;
        house.one_wins([deed(mine), deed(theirs)], Overtaken::Address).await;
        let keys = states
            .map(|state| still(state, vec![SealedWrite::AddPasskey(passkey(state.account, 0))]));
        let parts = keys.each_ref().map(|change| [Part::Change(change)]);
        let [mine, theirs] = &parts;
        house.one_wins([deed(mine), deed(theirs)], Overtaken::Passkey).await;
        let (key, owner) = house
            .store()
            .passkey(&PasskeyId::of(b"credential"))
            .await
            .expect("reads")
            .expect("one of them has it");
        assert_eq!(key.row.account, owner.account);
    }
}

#[tokio::test]
async fn a_recovery_is_carried_out_once_and_as_it_was_judged() {
    for house in houses().await {
        let ada = house.person("ada", 1).await;
        let helper = house.person("bob", 2).await;
        let state = house.state(&ada).await;
        let (account, epoch) = (state.account, state.epoch);
        let awaited = Loss { account, epoch, ready: at(50), voucher: Voucher::Awaited };
        let given = Loss { voucher: Voucher::Given(helper.account), ..awaited };
        let none = Loss { voucher: Voucher::None, ..awaited };
        let take = |loss| still(state, vec![SealedWrite::TakeLoss(loss)]);
        for (stored, judged, works) in [
            (awaited, awaited, true),
            (awaited, none, false),
            (given, awaited, false),
            (given, given, true),
        ] {
            let declared = still(state, vec![SealedWrite::Loss(stored)]);
            house.keep(&[Part::Change(&declared)], &[], &[]).await;
            assert_eq!(house.row(&ada).await.loss, Some(stored));
            let takes = [take(judged), take(judged)];
            let parts = takes.each_ref().map(|change| [Part::Change(change)]);
            let [mine, theirs] = &parts;
            let deeds = [deed(mine), deed(theirs)];
            if works {
                house.one_wins(deeds, Overtaken::Loss).await;
                assert_eq!(house.row(&ada).await.loss, None);
            } else {
                let lost = Outcome::Overtaken(Overtaken::Loss);
                assert_eq!(house.race(deeds).await, [lost.clone(), lost]);
            }
        }
    }
}

#[tokio::test]
async fn two_who_remove_each_other_do_not_both_succeed() {
    for house in houses().await {
        let mut people = Vec::new();
        for (seed, name) in ["ada", "bob", "cyd"].into_iter().enumerate() {
            people.push(house.person_as(name, seed as u64, Role::Owner).await);
        }
        let council = house.store().council().await.expect("reads");
        assert_eq!(council.len(), 3);
        let mut removals = Vec::new();
        for person in people.iter().take(2) {
            let state = house.state(person).await;
            let mut removal = change(state, Vec::new());
            removal.after.standing = Standing::Disabled;
            removal.council = Some(council.clone());
            removals.push(removal);
        }
        let parts: Vec<_> = removals.iter().map(|change| [Part::Change(change)]).collect();
        let deeds: Vec<_> = parts.iter().map(|parts| deed(parts)).collect();
        house.one_wins(deeds.try_into().expect("two"), Overtaken::Council).await;
        assert_eq!(house.store().council().await.expect("reads").len(), 2);
    }
}

/// A step of a proposal to these states.
fn step(proposal: Proposal, before: Option<ProposalState>, after: ProposalState) -> Resolution {
    let event = Governed::Expired { proposal: proposal.id };
    Resolution {
        before,
        council: None,
        proposal: Proposal { state: after, ..proposal },
        events: vec![Event::Governed(event)],
        mails: Vec::new(),
    }
}

#[tokio::test]
async fn a_proposal_moves_on_once_and_its_act_goes_with_it() {
    for house in houses().await {
        let ada = house.person_as("ada", 1, Role::Owner).await;
        let bob = house.person_as("bob", 2, Role::Owner).await;
        let cyd = house.person("cyd", 3).await;
        let proposal = Proposal {
            id: Uuid::from_u128(7),
            act: HighAct::SetRole { account: cyd.account, role: Role::Admin },
            by: ada.account,
            at: at(0),
            not_before: None,
            expires: at(100),
            state: ProposalState::Open,
        };
        let open = step(proposal, None, ProposalState::Open);
        let parts = [Part::Step(&open)];
        house.one_wins([deed(&parts), deed(&parts)], Overtaken::Proposal).await;
        let approved = ProposalState::Approved(bob.account);
        let approve = step(proposal, Some(ProposalState::Open), approved);
        let cancel = step(proposal, Some(ProposalState::Open), ProposalState::Cancelled);
        let (yes, no) = ([Part::Step(&approve)], [Part::Step(&cancel)]);
        let [outcome, _] = house.race([deed(&yes), deed(&no)]).await;
        let read = house.store().proposal(proposal.id).await.expect("reads").expect("there");
        let cancelled = matches!(outcome, Outcome::Overtaken(Overtaken::Proposal));
        let state = if cancelled { ProposalState::Cancelled } else { approved };
        assert_eq!(read, Proposal { state, ..proposal });
        // A second one is carried out together with its act, or neither.
        let proposal = Proposal { id: Uuid::from_u128(8), ..proposal };
        for (before, after) in [(None, ProposalState::Open), (Some(ProposalState::Open), approved)]
        {
            house.keep(&[Part::Step(&step(proposal, before, after))], &[], &[]).await;
        }
        let mut carry = step(proposal, Some(approved), ProposalState::Carried);
        carry.council = Some(house.store().council().await.expect("reads"));
        let mut grant = change(house.state(&cyd).await, Vec::new());
        grant.after.role = Role::Admin;
        let parts = [Part::Step(&carry), Part::Change(&grant)];
        let outcomes = house.race([deed(&parts), deed(&parts)]).await;
        let kept = outcomes.iter().filter(|o| matches!(o, Outcome::Kept { .. })).count();
        assert_eq!(kept, 1, "{outcomes:?}");
        assert_eq!(house.state(&cyd).await.role, Role::Admin);
        let open = house.store().open_proposals().await.expect("reads");
        assert!(open.iter().all(|open| open.id != proposal.id));
        // Once more by itself: it is carried already, and what is cancelled is not approved.
        carry.council = Some(house.store().council().await.expect("reads"));
        let third = Proposal { id: Uuid::from_u128(9), ..proposal };
        for (before, after) in
            [(None, ProposalState::Open), (Some(ProposalState::Open), ProposalState::Cancelled)]
        {
            house.keep(&[Part::Step(&step(third, before, after))], &[], &[]).await;
        }
        let late = step(third, Some(ProposalState::Open), approved);
        for over in [&carry, &late] {
            let parts = [Part::Step(over)];
            let over = Outcome::Overtaken(Overtaken::Proposal);
            assert_eq!(house.race([deed(&parts), deed(&parts)]).await, [over.clone(), over]);
        }
        // With a council that is not this one.
        carry.council = Some(Council::default());
        let parts = [Part::Step(&carry)];
        let lost = Outcome::Overtaken(Overtaken::Council);
        assert_eq!(house.race([deed(&parts), deed(&parts)]).await, [lost.clone(), lost]);
    }
}

#[tokio::test]
async fn a_review_is_opened_once_and_signed_for_the_list_that_is_there() {
    for house in houses().await {
        let ada = house.person_as("ada", 1, Role::Owner).await;
        let cyd = house.person("cyd", 3).await;
        let mut entropy = SeededEntropy::new(9);
        let reviews = [(); 2].map(|()| Review::open(at(0), at(0), &mut entropy));
        let parts = reviews.each_ref().map(|(review, ..)| [Part::Review(None, review)]);
        let events = reviews.each_ref().map(|(_, event, _)| std::slice::from_ref(event));
        let ([mine, theirs], [first, second]) = (&parts, events);
        let told = |parts, events| Deed { parts, events, postings: &[] };
        house.one_wins([told(mine, first), told(theirs, second)], Overtaken::Review).await;
        let open = house.store().newest_review().await.expect("reads").expect("open");
        let shown = house.store().grants().await.expect("reads");
        assert_eq!(shown.lines().len(), 2);
        let signed = |grants| Review {
            signed: Some(SignOff { by: ada.account, at: at(1), grants }),
            ..open
        };
        let events = [life(ada.account)];
        // Somebody is given a role between the reading and the signing.
        let stale = signed(shown.digest());
        let id = cyd.account;
        house
            .place
            .meddle(&format!("UPDATE accounts SET role = 'support' WHERE account_id = '{id}'"))
            .await;
        let parts = [Part::Review(Some(&open), &stale)];
        let lost = Outcome::Overtaken(Overtaken::Grants);
        let outcomes = house.race([told(&parts, &events), told(&parts, &events)]).await;
        assert_eq!(outcomes, [lost.clone(), lost]);
        let fresh = signed(house.store().grants().await.expect("reads").digest());
        let parts = [Part::Review(Some(&open), &fresh)];
        house.one_wins([told(&parts, &events), told(&parts, &events)], Overtaken::Review).await;
        assert_eq!(house.store().signed_review().await.expect("reads"), Some(fresh));
    }
}

#[tokio::test]
async fn a_token_is_known_once_and_gone_once() {
    for house in houses().await {
        let ada = house.person("ada", 1).await;
        let token = |number: u128, byte: u8| Credential {
            id: Uuid::from_u128(number),
            account: ada.account,
            label: "bot".parse().expect("a label"),
            scope: Scope::new([Permission::DataRead, Permission::BacktestRun]).expect("fits"),
            proof: Proof::Bot([byte; 32]),
            created: at(0),
            expires: at(1000),
            used: None,
        };
        let (first, second) = (token(1, 1), token(2, 1));
        let events = [life(ada.account)];
        let told = |parts, events| Deed { parts, events, postings: &[] };
        let (mine, theirs) = ([Part::Credential(&first)], [Part::Credential(&second)]);
        let deeds = [told(&mine, &events), told(&theirs, &events)];
        house.one_wins(deeds, Overtaken::Credential).await;
        let (stored, state) =
            house.store().credential(&first.proof).await.expect("reads").expect("there");
        assert_eq!((state.account, &stored.scope), (ada.account, &first.scope));
        for second in [70, 60] {
            house.store().note_use(&stored, at(second)).await.expect("notes");
        }
        let (used, _) =
            house.store().credential(&first.proof).await.expect("reads").expect("there");
        assert_eq!(used.used, Some(at(70)), "an older use takes nothing back");
        let parts = [Part::Revocation(&stored)];
        let deeds = [told(&parts, &events), told(&parts, &events)];
        house.one_wins(deeds, Overtaken::Credential).await;
        for number in 0..store::CREDENTIALS_MAX {
            let byte = u8::try_from(number).expect("below 256");
            let next = token(u128::from(number) + 10, byte);
            house.keep(&[Part::Credential(&next)], &events, &[]).await;
        }
        let over = token(9, 0xff);
        let act = house.store().begin().await.expect("an act");
        let outcome = act.keep(&told(&[Part::Credential(&over)], &events), entry, at(1)).await;
        assert_eq!(outcome.expect("writes"), Outcome::Overtaken(Overtaken::Credential));
    }
}

#[tokio::test]
async fn a_device_is_known_from_a_change_on() {
    for house in houses().await {
        let ada = house.person("ada", 1).await;
        let state = house.state(&ada).await;
        let index = house.vault.index(&ada.email);
        let device = DeviceId::new(at(0), &mut SeededEntropy::new(5));
        let standing = async || house.store().device_standing(&index, device).await.expect("reads");
        assert_eq!(standing().await, identity::DeviceStanding::Unknown);
        let known = still(state, vec![SealedWrite::Device(device)]);
        house.keep(&[Part::Change(&known)], &[], &[]).await;
        assert_eq!(standing().await, identity::DeviceStanding::Known(device));
        let dropped = still(state, vec![SealedWrite::DropDevices]);
        house.keep(&[Part::Change(&dropped)], &[], &[]).await;
        assert_eq!(standing().await, identity::DeviceStanding::Unknown);
    }
}
