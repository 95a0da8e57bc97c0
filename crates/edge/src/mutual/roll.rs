//! Who belongs at this moment, as the handshake knows it.

use super::{Badge, Machine};
use std::collections::BTreeMap;
use tokio::sync::watch;

/// The epoch of each machine that belongs; every clone is the same roll. An empty one lets nobody in.
#[derive(Debug, Clone)]
pub struct Roll(watch::Sender<BTreeMap<Machine, u32>>);

impl Default for Roll {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeMap::new()))
    }
}

impl Roll {
    /// Puts another list in the place of this one; connections of who is not on it end.
    pub fn replace(&self, belonging: BTreeMap<Machine, u32>) {
        self.0.send_if_modified(|known| {
            let is_new = *known != belonging;
            *known = belonging;
            is_new
        });
    }

    /// Whether a certificate's bearer belongs.
    #[must_use]
    pub fn admits(&self, badge: &Badge) -> bool {
        self.0.borrow().get(&badge.machine) == Some(&badge.epoch)
    }

    /// Returns when the bearer does not belong any more.
    pub async fn gone(&self, badge: &Badge) {
        let mut changes = self.0.subscribe();
        // An error would mean that the roll is gone, which this one holds.
        let _ = changes.wait_for(|known| known.get(&badge.machine) != Some(&badge.epoch)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn who_is_struck_off_hears_of_it_and_nobody_else_does() {
        let badge = |text: &str, epoch| Badge { machine: text.parse().expect("a machine"), epoch };
        let (one, two) = (badge("bot/one", 1), badge("bot/two", 3));
        let roll = Roll::default();
        assert!(!roll.admits(&one), "an empty roll lets nobody in");
        roll.replace([(one.machine.clone(), 1), (two.machine.clone(), 3)].into());
        assert!(roll.admits(&one) && roll.admits(&two) && !roll.admits(&badge("bot/two", 2)));
        let waits = tokio::spawn({
            let (roll, one) = (roll.clone(), one.clone());
            async move { roll.gone(&one).await }
        });
        roll.replace([(one.machine.clone(), 2), (two.machine.clone(), 3)].into());
        tokio::time::timeout(Duration::from_secs(20), waits).await.expect("soon").expect("ends");
        let stays = tokio::time::timeout(Duration::from_millis(20), roll.gone(&two)).await;
        assert!(stays.is_err(), "it belongs");
    }
}
