//! The market of the town: what its minutes, quotes and funding do to the venue and to the bot.

use super::*;

impl Town {
    /// A minute in which the price went from one to the other.
    pub fn minute(&mut self, open: i64, close: i64) -> Bar {
        let start = self.now - self.now.rem_euclid(MINUTE);
        self.quote(open);
        let left = start + MINUTE - self.now;
        self.now = start + MINUTE + self.asleep * SECOND;
        assert!(left > 0);
        self.quote(close);
        let bar = Bar {
            open_time: Timestamp::from_nanos(start),
            open: Price(open),
            high: Price(open.max(close)),
            low: Price(open.min(close)),
            close: Price(close),
            volume: Quantity(5),
        };
        let size = self.plan.size;
        self.told_by_venue(Data::Bar(bar, size));
        self.pass_seconds(1);
        self.quote(close);
        self.pass_seconds(1);
        bar
    }

    pub(super) fn quote(&mut self, price: i64) {
        let quote = Quote {
            time: self.time(),
            bid: Price(price - self.spread),
            ask: Price(price + self.spread),
            bid_size: Quantity(1_000_000),
            ask_size: Quantity(1_000_000),
        };
        let event = MarketEvent {
            time: self.time(),
            instrument: InstrumentId(0),
            data: Data::Quote(quote),
        };
        self.account.market(&event).expect("the market moves");
        self.tell_words();
        self.work();
    }

    /// Longs pay shorts so much of the position's value, at this moment.
    pub fn fund(&mut self, rate: &str, told: Heard) {
        self.now += SECOND;
        let rate = ::market::Rate::parse(rate).expect("a rate");
        let data = Data::Funding(::market::Funding { time: self.time(), rate, mark: None });
        let event = MarketEvent { time: self.time(), instrument: InstrumentId(0), data };
        self.account.market(&event).expect("is paid");
        match told {
            Heard::Twice => {
                let words: Vec<_> = self.account.words().collect();
                self.tell(&words);
                self.tell(&words);
            }
            Heard::Never => drop(self.account.words()),
        }
        self.work();
    }

    /// The cash that the kernel counts.
    pub fn counted(&self) -> Money {
        self.live.as_ref().expect("a life").session.engine().desk().ledger().cash()
    }

    fn told_by_venue(&mut self, data: Data) {
        let event = MarketEvent { time: self.time(), instrument: InstrumentId(0), data };
        let mut said = Vec::new();
        self.public.tell(&event, &self.roster, &mut said);
        for (topic, text) in said {
            let hears = |(_, wanted): &&(LineId, Topic)| *wanted == topic;
            let lines: Vec<LineId> =
                self.topics.iter().filter(hears).map(|(line, _)| *line).collect();
            self.queue.extend(lines.into_iter().map(|line| Input::Text(line, text.clone())));
        }
        self.work();
    }
}
