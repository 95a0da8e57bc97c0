//! The desk as a whole: one owner at a time, nothing half-written, everything in the log.

use super::*;

#[tokio::test]
async fn a_database_without_its_key_file_is_given_no_new_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let desk = Desk::open(directory.path(), "a test", now()).await.expect("opens");
    let key = desk.paths().key_file();
    desk.close().await;
    drop(desk);
    std::fs::remove_file(&key).expect("removes");
    let refused = Desk::open(directory.path(), "a test", now()).await.expect_err("refused");
    assert!(matches!(refused, Error::Key(kms::Error::Missing { .. })), "{refused}");
    assert!(!key.exists());
}

#[tokio::test]
async fn the_directory_and_what_is_in_it_are_its_owners() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("data");
    let desk = Desk::open(&root, "a test", now()).await.expect("opens");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&desk.paths().key_file()), 0o600);
    assert_eq!(mode(&desk.paths().database()), 0o600);
    assert_eq!(mode(&desk.paths().lock()), 0o600);
}

#[test]
fn no_request_handler_makes_a_tenant_by_itself() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server");
    let mut looked = 0;
    let mut folders = vec![sources];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("lists") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).expect("reads");
                assert!(!text.contains("Tenant::host"), "{}", path.display());
                looked += 1;
            }
        }
    }
    assert!(looked > 10);
}

#[test]
fn a_calendar_of_centuries_has_few_rows_in_a_year() {
    let times = [i64::MIN, i64::MAX].map(market::Timestamp::from_nanos).to_vec();
    let panel = market::Panel::new(times, Vec::new());
    let rows = settings(&panel, &Reading::default(), 1).periods_per_year;
    assert!((rows - 1.0).abs() < 1e-12, "{rows}");
}
