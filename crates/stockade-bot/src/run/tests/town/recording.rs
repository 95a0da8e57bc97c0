//! What the pilot writes onto a recording, for sessions that have none.

use super::{CONFIG, Town, arrived, traded};
use crate::run::{Entry, Head, Input, LAYOUT, Tape, WarmRow, live::Taken, tape};
use ::market::{Product, Timestamp};
use engine::live::{Past, Tail};
use feeds::{Ask, PublicCounter, Told as Said};
use std::path::Path;

impl Town {
    pub(super) fn begin_tape(&self, tapes: &Path) -> Tape {
        let began = Timestamp::from_nanos(self.began);
        let mut tape = Tape::create(tapes, began, self.epoch).expect("a recording");
        let ask = Ask::Instruments(Product::Perpetual, vec!["BTCUSDT".to_owned()]);
        let told = Said::Instruments(vec![traded()]);
        let listed = arrived(self.public.respond(&ask, &told, &self.roster, began));
        let head = Head {
            layout: LAYOUT,
            version: String::new(),
            world: "live".to_owned(),
            config: CONFIG.to_owned(),
            config_path: self.plan.config.path.clone(),
            strategy: self.plan.strategy_text.clone(),
            epoch: self.epoch,
            began: self.began,
            ahead: 0,
            cash: "10000".to_owned(),
            may_open: false,
        };
        let Past { snapshot, records, tail } = &self.past;
        let past = Entry::Past(
            snapshot.as_ref().map(hex::encode),
            records.iter().map(hex::encode).collect(),
            *tail == Tail::Whole,
        );
        let beginning = [Entry::Head(Box::new(head)), Entry::Instruments(listed), past];
        for entry in beginning.into_iter().chain(self.warm.iter().map(WarmRow::entry)) {
            tape.write(&entry).expect("is written");
        }
        tape
    }

    /// As the pilot writes it.
    pub(super) fn onto_tape(&mut self, input: Option<Input>, rows: &[Taken], records: &[Vec<u8>]) {
        let Some(tape) = &mut self.tape else { return };
        let row = |row: &Taken| Entry::Row(row.time.nanos(), tape::written_row(&row.bars));
        let input = input.map(|input| Entry::In(self.now, input));
        let records = records.iter().map(|record| Entry::Out(hex::encode(record)));
        for entry in input.into_iter().chain(rows.iter().map(row)).chain(records) {
            tape.write(&entry).expect("is written");
        }
    }
}
