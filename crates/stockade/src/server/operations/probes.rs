//! Looks at the parts of the installation.

use super::{
    Health, Part,
    judge::{self, BackupSight, CertificateSight, Word},
};
use crate::{desk::now, server::state::App};
use audit::{Checkpoint, posture::Standing};
use host::doctor::{Examination, Program, Root, Severity, clock};
use std::time::Instant;

/// What is written, and by what name, to see that something can be written.
const PROBE: &str = "health";

/// Looks at a part now.
pub(super) async fn look(part: Part, app: &App, health: &Health) -> anyhow::Result<Word> {
    match part {
        Part::Database => database(app).await,
        Part::Disk => disk(app).await,
        Part::Clock => the_clock(health).await,
        Part::Log => log(app).await,
        Part::Certificate => Ok(certificate(app)),
        Part::Letters => letters(app).await,
        Part::Backups => backups(app).await,
        Part::Lists => Ok(judge::lists(&app.addresses().lists(now()))),
    }
}

/// A row is written and committed: that also fails where only reading goes on.
async fn database(app: &App) -> anyhow::Result<Word> {
    let begun = Instant::now();
    app.desk().store().probe_write(PROBE, now()).await?;
    let took = begun.elapsed();
    let detail = format!("a row was kept in {} ms", took.as_millis());
    Ok(Word::new(Standing::Good, detail).figure("database_probe_seconds", took.as_secs_f64()))
}

async fn disk(app: &App) -> anyhow::Result<Word> {
    let (root, min) =
        (app.desk().paths().root().to_owned(), app.operations().terms().disk_free_min);
    let seen = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&root)).await??;
    // What is kept for the superuser is not ours.
    let free = seen.f_bavail.saturating_mul(seen.f_frsize);
    Ok(judge::disk(free, seen.f_blocks.saturating_mul(seen.f_frsize), min))
}

async fn the_clock(health: &Health) -> anyhow::Result<Word> {
    let look = || {
        let finding = clock(&Examination {
            program: Program::Server,
            root: Root::default(),
            now: now(),
            user: rustix::process::geteuid().as_raw(),
            own: Vec::new(),
            open_ports: Vec::new(),
            known_sources: Vec::new(),
            backup: None,
            unit: None,
        });
        (finding.severity == Severity::Warning).then_some(finding.what)
    };
    let keeper = tokio::task::spawn_blocking(look).await?;
    Ok(health.clock_word(keeper))
}

async fn log(app: &App) -> anyhow::Result<Word> {
    let head = app.desk().log_head().await?;
    // A head that is not signed by our key is no head.
    let newest = Checkpoint::verify(&head.note, &app.desk().log_verifier()?)?;
    Ok(judge::log(newest.size, head.time, now()))
}

fn certificate(app: &App) -> Word {
    let Some(served) = app.observatory().served() else {
        return Word::new(Standing::Failing, "none is served").fix("stockade certificate show");
    };
    let (now, own) = (now(), app.certificates());
    let late = own.and_then(|own| own.late(now));
    let by_acme = own.is_some_and(|own| own.standing().served.is_some());
    judge::certificate(&CertificateSight { expires: served.expires, late, by_acme }, now)
}

async fn letters(app: &App) -> anyhow::Result<Word> {
    let now = now();
    let queue = app.desk().store().posting_queue(now).await?;
    let is_sent = app.accounts().post() == crate::desk::Post::Sent;
    Ok(judge::letters(queue.waiting, queue.oldest, is_sent, now))
}

async fn backups(app: &App) -> anyhow::Result<Word> {
    let view = app.backups().view(app.desk()).await?;
    let seen = BackupSight {
        is_on: view.place.is_some(),
        last: view.snapshots.first().map(|one| one.time),
        proved: view.proved.map(|(time, _)| time),
        failed: view.failed.into_iter().next().map(|(_, why)| why),
    };
    Ok(judge::backups(&seen, now()))
}
