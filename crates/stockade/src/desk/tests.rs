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

/// A desk with one name's prices of so many days.
async fn with_prices(root: &Path, days: i64) -> Desk {
    let desk = Desk::open(root, "a test", now()).await.expect("opens");
    let start: jiff::civil::Date = "2010-01-01".parse().expect("a date");
    let row = |day: i64| {
        let date = start.checked_add(jiff::Span::new().days(day)).expect("a date");
        format!("{date},A,{}.5\n", 10 + day % 7)
    };
    let text: String = (0..days).map(row).collect();
    let file = root.join("prices.csv");
    std::fs::write(&file, format!("date,symbol,close\n{text}")).expect("writes");
    let request = catalog::ImportRequest::new(file, "prices", now());
    desk.import(Actor::Host, request, Watch::nobody()).await.expect("imports");
    desk
}

fn asked(text: &str, intent: Intent) -> Asked {
    Asked {
        dataset: "prices".to_owned(),
        adjustment: market::Adjustment::Raw,
        expressions: vec![("a".to_owned(), text.to_owned())],
        intent,
    }
}

#[tokio::test]
async fn a_question_has_its_turn_until_its_values_are_gone() {
    let directory = tempfile::tempdir().expect("a directory");
    let desk = with_prices(directory.path(), 30).await;
    let never = Stop::default();
    let first = desk.evaluate(None, asked("close", Intent::Look), &never).await.expect("runs");
    let gives_up = Stop::default();
    let waiting = |stop: &Stop| {
        let (desk, stop) = (desk.clone(), stop.clone());
        let asked = asked("-close", Intent::Look);
        tokio::spawn(async move { desk.evaluate(None, asked, &stop).await.map(|e| e.trials) })
    };
    let (second, third) = (waiting(&never), waiting(&gives_up));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!second.is_finished() && !third.is_finished(), "the first still holds its values");
    gives_up.stop();
    let refused = third.await.expect("joins").expect_err("never had a turn");
    assert!(matches!(refused, Error::Busy { .. }), "{refused}");
    assert_eq!(desk.count_trials(None, "prices", &[]).await.expect("counts"), 1);
    let study = first.work(|values| values.coverage(&values.columns[0])).await.expect("runs");
    assert!((study - 1.0).abs() < 1e-12);
    assert_eq!(second.await.expect("joins").expect("has its turn"), 2);
}

#[tokio::test]
async fn what_nobody_waits_for_is_neither_read_nor_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let desk = with_prices(directory.path(), 30).await;
    let stopped = Stop::default();
    stopped.stop();
    let refused = desk.evaluate(None, asked("close", Intent::Look), &stopped).await;
    assert!(matches!(refused, Err(Error::Cancelled)), "{refused:?}");
    assert_eq!(desk.count_trials(None, "prices", &[]).await.expect("counts"), 0);
}

#[tokio::test]
async fn a_read_out_of_too_many_figures_is_refused_before_it_is_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let desk = with_prices(directory.path(), 2000).await;
    let reading = Reading { horizons: (1..=20).collect(), quantiles: 100, ..Reading::default() };
    let never = Stop::default();
    let refused = desk.evaluate(None, asked("close", Intent::Read(reading)), &never).await;
    assert!(matches!(refused, Err(Error::Limit { limit: 4_000_000, .. })));
    assert_eq!(desk.count_trials(None, "prices", &[]).await.expect("counts"), 0);
    let usual = asked("close", Intent::Read(Reading::default()));
    desk.evaluate(None, usual, &never).await.expect("is within");
}
