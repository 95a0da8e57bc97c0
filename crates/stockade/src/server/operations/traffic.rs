//! Requests that were answered, by route: patterns of the table, never what somebody typed.

use http::Method;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Upper bounds of what is counted together, in seconds.
pub const BOUNDS_S: [f64; 9] = [0.001, 0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Routes that are counted by themselves: more than the table has.
const ROUTES_MAX: usize = 2000;

/// What was counted of one route.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// Answers by the first digit of their status, from 1.
    pub classes: [u64; 5],
    /// Answers by [`BOUNDS_S`], the last ones slower than all.
    pub took: [u64; BOUNDS_S.len() + 1],
    /// All of them together, in seconds.
    pub sum_s: f64,
}

impl Default for Counts {
    fn default() -> Self {
        Self { classes: [0; 5], took: [0; BOUNDS_S.len() + 1], sum_s: 0.0 }
    }
}

/// Requests by method and route.
#[derive(Debug, Default)]
pub struct Traffic(Mutex<BTreeMap<(&'static str, String), Counts>>);

impl Traffic {
    /// One more answer.
    pub fn note(&self, (method, route): (&Method, &str), status: u16, took: Duration) {
        let verb = verb(method);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (verb, route.to_owned());
        if counts.len() >= ROUTES_MAX && !counts.contains_key(&key) {
            return;
        }
        let counts = counts.entry(key).or_default();
        let class = usize::from(status / 100).saturating_sub(1);
        if let Some(count) = counts.classes.get_mut(class) {
            *count += 1;
        }
        let seconds = took.as_secs_f64();
        let at = BOUNDS_S.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS_S.len());
        if let Some(count) = counts.took.get_mut(at) {
            *count += 1;
        }
        counts.sum_s += seconds;
    }

    /// All of it.
    #[must_use]
    pub fn all(&self) -> BTreeMap<(&'static str, String), Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A method of ours; whatever else a client calls one is counted together.
fn verb(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_counted_by_route_and_class_and_methods_are_ours() {
        let traffic = Traffic::default();
        for (method, status, ms) in [("GET", 200, 1), ("GET", 404, 3), ("GET", 503, 40_000)] {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            traffic.note((&method, "/a/{id}"), status, Duration::from_millis(ms));
        }
        for made_up in ["BREW", "X1", "X2"] {
            let method = Method::from_bytes(made_up.as_bytes()).expect("a method");
            traffic.note((&method, "/a/{id}"), 405, Duration::ZERO);
        }
        let all = traffic.all();
        assert_eq!(all.len(), 2, "{all:?}");
        let got = &all[&("GET", "/a/{id}".to_owned())];
        assert_eq!(got.classes, [0, 1, 0, 1, 1]);
        assert_eq!((got.took[0], got.took[1], got.took[9]), (1, 1, 1));
        assert_eq!(all[&("other", "/a/{id}".to_owned())].classes[3], 3);
        for n in 0..3000 {
            traffic.note((&Method::GET, &format!("/{n}")), 200, Duration::ZERO);
        }
        assert_eq!(traffic.all().len(), ROUTES_MAX);
    }
}
