//! The registry: what a request's token is worth at this very moment.

mod world;

use identity::{
    AccountState, Authenticated, EndReason, Error, Level, Lookup, Permission, Registry, Role,
    Session, Standing, TokenFault, VerifiedToken,
};
use jiff::Timestamp;
use seal::SeededEntropy;
use world::{at, keys, opened};

struct World {
    registry: Registry,
    session: Session,
    state: AccountState,
}

impl World {
    fn new() -> Self {
        let (opened, state) = opened(at(0), 1);
        let mut registry = Registry::new(100);
        registry.insert(opened.session, state);
        Self { registry, session: opened.session, state }
    }

    fn token(&self, now: Timestamp) -> VerifiedToken {
        let keys = keys(1);
        let token = keys.issue(&self.session, &self.state, now, &mut SeededEntropy::new(5));
        keys.verify(token.text.expose(), now).expect("ours")
    }

    fn found(&self, second: i64) -> Result<Authenticated, Option<Error>> {
        match self.registry.lookup(&self.token(at(second.min(500))), at(second)) {
            Lookup::Found(who) => Ok(who),
            Lookup::Refused(error) => Err(Some(error)),
            Lookup::Missing(_) => Err(None),
        }
    }
}

const fn ended(reason: EndReason) -> Error {
    Error::Ended { reason }
}

#[test]
fn a_live_session_is_a_tenant() {
    let world = World::new();
    let who = world.found(1).expect("live");
    assert_eq!(who.tenant().account(), world.state.account);
    assert_eq!((who.role(), who.level(at(1))), (Role::Owner, Level::Dangerous));
}

#[test]
fn an_end_acts_on_the_next_request_and_stays() {
    let mut world = World::new();
    world.registry.end(world.session.id, EndReason::SignOut, at(2));
    assert_eq!(world.found(2).err(), Some(Some(ended(EndReason::SignOut))));
    // A read of the database that raced with the end brings nothing back.
    world.registry.insert(world.session, world.state);
    assert_eq!(world.found(3).err(), Some(Some(ended(EndReason::SignOut))));
    assert!(world.registry.is_empty());
}

#[test]
fn a_step_up_acts_on_the_next_request_and_stays() {
    let mut world = World::new();
    let old = world.session;
    let fresh = Session { authenticated: at(400), ..old };
    world.registry.insert(fresh, world.state);
    let overtaken = Some(Some(Error::Token(TokenFault::Proof)));
    assert_eq!(world.found(401).err(), overtaken, "a token from before the proof is over");
    world.session = fresh;
    assert_eq!(world.found(401).map(|who| who.level(at(401))).ok(), Some(Level::Dangerous));
    // A read of the database that raced with the step-up does not undo it.
    world.registry.insert(old, world.state);
    assert_eq!(world.found(401).map(|who| who.level(at(401))).ok(), Some(Level::Dangerous));
}

#[test]
fn a_token_on_a_newer_proof_than_memorys_is_looked_up() {
    let mut world = World::new();
    let old = world.session;
    let fresh = Session { authenticated: at(400), ..old };
    world.session = fresh;
    let token = world.token(at(400));
    assert!(matches!(world.registry.lookup(&token, at(401)), Lookup::Missing(id) if id == old.id));
    let read = (fresh, world.state);
    assert!(matches!(world.registry.confirm(&token, read, at(401)), Lookup::Found(_)));
    assert!(matches!(world.registry.lookup(&token, at(402)), Lookup::Found(_)), "it is kept");
}

#[test]
fn a_change_of_the_account_acts_on_the_next_request() {
    let mut world = World::new();
    let old = world.state;
    let raised = AccountState { role: Role::Viewer, epoch: 1, ..old };
    world.registry.set_account(raised);
    assert_eq!(world.found(1).err(), Some(Some(Error::Token(TokenFault::Epoch))));
    world.registry.insert(world.session, old);
    assert_eq!(world.found(1).err(), Some(Some(Error::Token(TokenFault::Epoch))), "an old read");
    world.state = raised;
    assert_eq!(world.found(1).map(|who| who.role()).ok(), Some(Role::Viewer));
    world.registry.set_account(AccountState { standing: Standing::Disabled, epoch: 2, ..raised });
    assert_eq!(world.found(1).err(), Some(Some(ended(EndReason::Disabled))));
}

#[test]
fn what_is_not_in_memory_is_asked_for() {
    let world = World { registry: Registry::new(100), ..World::new() };
    let token = world.token(at(1));
    let lookup = world.registry.lookup(&token, at(1));
    assert!(matches!(lookup, Lookup::Missing(id) if id == world.session.id), "{lookup:?}");
    let mut stored = World::new();
    stored.registry = Registry::new(100);
    stored.session.ended = Some(EndReason::Remote);
    stored.registry.insert(stored.session, stored.state);
    assert_eq!(stored.found(1).err(), Some(Some(ended(EndReason::Remote))));
}

#[test]
fn a_session_ends_at_its_absolute_end() {
    let mut world = World::new();
    world.session.expires = at(300);
    world.registry.insert(world.session, world.state);
    let token = world.token(at(0));
    assert_eq!(token.claims().expires, at(300), "no token outlives its session");
    assert!(world.found(299).is_ok());
    let lookup = world.registry.lookup(&token, at(300));
    let absolute = ended(EndReason::Absolute);
    assert!(matches!(lookup, Lookup::Refused(error) if error == absolute));
}

#[test]
fn memory_is_bounded_and_who_was_just_put_in_is_found() {
    let mut registry = Registry::new(3);
    for seed in 1..20_u64 {
        // Later ones are older: the newcomer itself is the first in order.
        let (opened, state) = opened(at(-(seed.cast_signed())), seed);
        registry.insert(opened.session, state);
        assert!(registry.len() <= 3);
        let keys = keys(1);
        let token = keys.issue(&opened.session, &state, at(0), &mut SeededEntropy::new(5));
        let token = keys.verify(token.text.expose(), at(0)).expect("ours");
        assert!(matches!(registry.lookup(&token, at(0)), Lookup::Found(_)), "{seed}");
    }
}

#[test]
fn rights_take_role_and_freshness() {
    let mut world = World::new();
    let check = |world: &World, permission, second, want: Result<(), Error>| {
        let who = world.found(1).expect("live");
        let got = who.authorize(permission, at(second)).map(|_| ());
        assert_eq!(got, want, "{permission:?} at {second}");
    };
    check(&world, Permission::StrategyWrite, 3000, Ok(()));
    check(&world, Permission::DataImport, 899, Ok(()));
    check(&world, Permission::DataImport, 900, Err(Error::Stale));
    check(&world, Permission::AuditExport, 299, Ok(()));
    check(&world, Permission::AuditExport, 300, Err(Error::Stale));
    let viewer = AccountState { role: Role::Viewer, epoch: 1, ..world.state };
    world.state = viewer;
    world.registry.set_account(viewer);
    check(&world, Permission::StrategyRead, 1, Ok(()));
    check(&world, Permission::StrategyWrite, 1, Err(Error::Permission));
    check(&world, Permission::AuditRead, 1, Err(Error::Permission));
}
