use jiff::{SignedDuration, Timestamp};
use license::{CheckIn, Term, Terms, issuer_to_text};
use seal::SigningKey;
fn main() {
    let hours: i64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let key = SigningKey::from_seed(&[7; 32]);
    let h = |x: i64| Timestamp::now() + SignedDuration::from_hours(x);
    let terms = Terms { license: "test".into(), edition: "test".into(), entitlements: ["live".to_owned()].into(), instances: 1, issued: h(-1000), not_before: h(-1000), paid_until: h(hours), hard_until: h(hours), grace_hours: 0, term: Term::Paid, check_in: CheckIn::Never, instance: None, policy: 1 };
    std::fs::write("license.txt", terms.sign(&key).unwrap()).unwrap();
    println!("{}", issuer_to_text(key.verifying_key()));
}
