//! Probes of what the server itself holds: rows, keys, log, backups, routes.

use super::looks::{Found, Sight};
use crate::server::{Rule, published::Published, state::App};
use anyhow::Context;
use audit::{
    Checkpoint, Verifier, claims,
    posture::{Attested, Facts},
    verify_consistency,
};
use identity::Role;
use jiff::{SignedDuration, Timestamp};
use kms::Guard;

/// A night's backup may be late by two hours.
const BACKUP_AGE_MAX: SignedDuration = SignedDuration::from_hours(26);
/// A restore is proved every week; a day late is late.
const DRILL_AGE_MAX: SignedDuration = SignedDuration::from_hours(8 * 24);

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn is_old(time: Timestamp, age_max: SignedDuration) -> bool {
    crate::desk::now().duration_since(time) > age_max
}

pub(super) fn register() -> Found {
    let lacks = |claim: &&audit::Claim| claim.command.is_empty() || claim.probe.is_empty();
    let missing = claims().iter().find(lacks);
    Sight::new("the list of claims that this program carries")
        .fact("claims", claims().len())
        .fault(missing.map(|claim| format!("{} says not how it is checked", claim.id)))
        .found()
}

pub(super) fn roles(app: &App) -> Found {
    let rows = app.rows();
    let guarded = rows.iter().filter(|row| !matches!(row.rule, Rule::Open(_)));
    let mut sight = Sight::new("the table of routes, by which every request is let in or refused");
    for role in Role::ALL {
        let count = guarded.clone().filter(|row| row.rule.allows(role)).count();
        sight = sight.fact(&format!("routes of the role {role}"), count);
    }
    // Whoever has the published table computes the same digest: `stockade routes --markdown`.
    let table = seal::sha256(Published::of(rows).markdown().as_bytes());
    sight.fact("guarded routes", guarded.count()).fact("table, SHA-256", hex::encode(table)).found()
}

/// Whether what was promised to finders of weaknesses is kept: of all reports, and of none by name.
pub(super) async fn report_clocks(app: &App) -> anyhow::Result<Found> {
    let tally = app.desk().report_tally().await?;
    let overdue = tally.overdue;
    let fault = (overdue > 0).then(|| format!("{overdue} clocks of reports are overdue"));
    if overdue > 0 {
        tracing::warn!(overdue, "reports of weaknesses wait for an answer: stockade reports ls");
    }
    Ok(Sight::new("the clocks of all reports of weaknesses")
        .fact("reports", tally.received)
        .fact("open", tally.open)
        .fact("clocks kept", tally.kept)
        .fact("clocks late", tally.late)
        .fact("clocks overdue", overdue)
        .fault(fault)
        .found())
}

pub(super) async fn passwords(app: &App) -> anyhow::Result<Found> {
    let cost = app.accounts().password_cost();
    let head = format!("$argon2id$v=19${cost}$");
    let counts = app.desk().store().password_counts(&head).await?;
    let others = counts.all.saturating_sub(counts.argon2id);
    let fault = (others > 0).then(|| format!("{others} passwords are not stored as Argon2id"));
    Ok(Sight::new("a count over all rows of the table of passwords")
        .fact("parameters", cost)
        .fact("passwords", counts.all)
        .fact("as Argon2id", counts.argon2id)
        .fact("at today's parameters", counts.current)
        .fact("taken over and not used since, wrapped in Argon2id", counts.imported)
        .fault(fault)
        .found())
}

pub(super) async fn guess_cost(app: &App) -> anyhow::Result<Found> {
    let took = app.accounts().measure_guess().await?;
    let seconds = took.as_secs_f64();
    Ok(Sight::new("one guess of a password, measured on this machine")
        .fact("parameters", app.accounts().password_cost())
        .fact("milliseconds a guess, of one core", format!("{:.0}", seconds * 1000.0))
        .fact("years for a million million guesses, of one core", format!("{:.0}", years(seconds)))
        .found())
}

/// How long 10^12 guesses take.
fn years(seconds_each: f64) -> f64 {
    seconds_each * 1e12 / (365.25 * 86_400.0)
}

pub(super) async fn staff_factors(app: &App) -> anyhow::Result<Found> {
    let mut sight = Sight::new("a count over all accounts that run or watch the server");
    let mut bare = 0;
    for role in Role::ALL.into_iter().filter(|role| role.is_staff()) {
        let (members, without) = app.desk().store().factor_counts(role).await?;
        bare += without;
        sight = sight.fact(&format!("accounts of the role {role}"), members);
    }
    // Such an account can sign in and do nothing but enrol one; it is counted all the same.
    let fault = (bare > 0).then(|| format!("{bare} of them have no second factor yet"));
    Ok(sight.fact("without a second factor", bare).fault(fault).found())
}

pub(super) async fn key_holder(app: &App) -> anyhow::Result<Found> {
    let sight = Sight::new("what the holder of the root key says of itself");
    let Some(root) = app.desk().root().cloned() else {
        let fault = "the root key is a file on this machine, and no device";
        return Ok(sight
            .fact("holder", "key file")
            .fact("guard", Guard::Software.name())
            .fault(Some(fault.to_owned()))
            .found());
    };
    let kind = root.kind();
    let said = tokio::task::spawn_blocking(move || root.attest()).await??;
    let fault = match said.guard {
        Guard::Hardware if said.extractable => {
            Some("the device says that the key can leave it".to_owned())
        }
        Guard::Hardware => None,
        other => Some(format!("the root key is held by {}, and by no device", other.name())),
    };
    Ok(sight
        .fact("holder", kind)
        .fact("guard", said.guard.name())
        .fact("extractable", said.extractable)
        .fact("never extractable", said.never_extractable)
        .fact("made inside", said.made_inside)
        .fault(fault)
        .found())
}

pub(super) async fn backups(app: &App) -> anyhow::Result<Found> {
    let view = app.backups().view(app.desk()).await?;
    let sight = Sight::new("the signed ledger of backups")
        .fact("snapshots", view.snapshots.len())
        .fact("people who can open them after a loss", view.recipients)
        .fact("daily, weekly, monthly", view.rule.map(|n| n.to_string()).join(", "));
    if view.place.is_none() {
        return Ok(sight
            .fault(Some("no backups are made: nobody said where to".to_owned()))
            .found());
    }
    let Some(last) = view.snapshots.first() else {
        return Ok(sight.fault(Some("no backup was made yet".to_owned())).found());
    };
    let old = is_old(last.time, BACKUP_AGE_MAX)
        .then(|| format!("the last backup is of {}", day(last.time)));
    let failed =
        view.failed.first().map(|(time, _)| format!("the last try failed at {}", day(*time)));
    let sight = sight.fact("last", day(last.time)).fault(old).fault(failed);
    Ok(match view.next {
        Some(next) => sight.fact("next", day(next)),
        None => sight,
    }
    .found())
}

/// A server that writes its backups can read them: only where another machine pulls, it cannot.
pub(super) async fn backup_keys(app: &App) -> anyhow::Result<Found> {
    let sight = Sight::new("the settings, and the ledger of the machine that pulls");
    let Some(machine) = app.backups().puller() else {
        let why = "this server writes its backups, and whoever writes them can read them: no other machine pulls (backup.pull)";
        return Ok(sight.fault(Some(why.to_owned())).found());
    };
    let view = app.backups().view(app.desk()).await?;
    let sight = sight.fact("pulled by", machine);
    let Some(last) = view.snapshots.first() else {
        return Ok(sight.fault(Some("nothing was pulled yet".to_owned())).found());
    };
    let old = is_old(last.time, BACKUP_AGE_MAX)
        .then(|| format!("the last backup is of {}", day(last.time)));
    Ok(sight.fact("last", day(last.time)).fault(old).found())
}

pub(super) async fn drill(app: &App) -> anyhow::Result<Found> {
    let view = app.backups().view(app.desk()).await?;
    let sight = Sight::new("the signed ledger of backups");
    let Some((time, proof)) = view.proved else {
        return Ok(sight.fault(Some("no restore was proved yet".to_owned())).found());
    };
    let old = is_old(time, DRILL_AGE_MAX).then(|| format!("it is of {}", day(time)));
    Ok(sight
        .fact("last proved restore", day(time))
        .fact("of backup", proof.of)
        .fact("files equal", proof.files)
        .fact("rows equal", proof.rows)
        .fact("entries of the log verified", proof.log_size)
        .fault(old)
        .found())
}

pub(super) async fn log(app: &App) -> anyhow::Result<Found> {
    let (desk, store) = (app.desk(), app.desk().store());
    let key: Verifier = desk.log_key().parse()?;
    let head = store.log_head().await?;
    let newest = Checkpoint::verify(&head.note, &key)?;
    let mut sight = Sight::new(
        "the newest checkpoint, its signature, and the proof from the last cosigned one to it",
    )
    .fact("entries", newest.size)
    .fact("signed", day(head.time));
    let said = store.cosignatures().await?;
    let witnesses = app.witnesses().views(desk).await?;
    sight = sight.fact("witnesses", witnesses.len());
    if let Some(last) = said.first() {
        let old = Checkpoint::verify(&last.note, &key).context("what a witness cosigned")?;
        let proof = store.log_extension(old.size, newest.size).await?;
        let follows =
            verify_consistency((old.size, &old.root), (newest.size, &newest.root), &proof);
        sight = sight
            .fact("cosigned up to", old.size)
            .fact("cosigned", day(last.time))
            .fault(follows.err().map(|error| error.to_string()));
    }
    Ok(sight.found())
}

/// A person signed: that is their word and no observation.
pub(super) async fn review(app: &App) -> anyhow::Result<Found> {
    let view = app.accounts().review().await?;
    let Some(signed) = view.signed else { return Ok(Found::Nothing) };
    let accounts: u64 = view.counts.values().sum();
    let facts = Facts::from([
        ("list that was signed, SHA-256".to_owned(), hex::encode(signed.grants)),
        ("accounts today".to_owned(), accounts.to_string()),
    ]);
    // Who it was stands in the log, for those who may read it.
    let by = "an administrator, by name in the log".to_owned();
    Ok(Found::Attested(Attested { by, on: signed.at, until: None, facts }))
}
