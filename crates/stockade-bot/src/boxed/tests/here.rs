//! A floor without sockets, and the bot's own calls at it.

use super::*;

/// A floor and an account's client at it.
pub(super) struct Here {
    pub(super) floor: Floor,
    pub(super) venue: VenueName,
    pub(super) product: Product,
    pub(super) roster: Roster,
    pub(super) client: Arc<dyn venues::Client>,
    /// Every byte that came out.
    pub(super) bytes: Vec<String>,
}

impl Here {
    pub(super) fn new(terms: &BoxTerms) -> Self {
        let floor = door::floor(terms, at(0)).expect("a floor");
        let roster = listings::listed(terms.like, terms.product, &terms.symbols);
        let roster = roster.expect("listed").roster;
        let setup = venues::Setup {
            product: terms.product,
            mode: Mode::OneWay,
            roster: roster.clone(),
            hosts: venues::Hosts {
                rest: "https://localhost".to_owned(),
                private: "wss://localhost".to_owned(),
            },
            keys: terms.keys[0].keys(),
            window_ms: 5_000,
        };
        let client: Arc<dyn venues::Client> = match terms.like {
            VenueName::Binance => Arc::new(venues::binance::Client::new(setup)),
            VenueName::Bybit => Arc::new(venues::bybit::Client::new(setup)),
            VenueName::Okx => Arc::new(venues::okx::Client::new(setup)),
        };
        let (venue, product) = (terms.like, terms.product);
        Self { floor, venue, product, roster, client, bytes: Vec::new() }
    }

    pub(super) fn source(&self) -> Box<dyn feeds::Source> {
        let hosts = feeds::Hosts {
            rest: "https://localhost".to_owned(),
            stream: "wss://localhost".to_owned(),
        };
        match self.venue {
            VenueName::Binance => Box::new(feeds::binance::Source::new(self.product, hosts)),
            VenueName::Bybit => Box::new(feeds::bybit::Source::new(hosts)),
            VenueName::Okx => Box::new(feeds::okx::Source::new(hosts)),
        }
    }

    /// As the bot makes it, with every request that it takes.
    pub(super) fn call(&mut self, call: &Call, now: Timestamp) -> Answer {
        let mut calls = Calls::new(Arc::clone(&self.client), Duration::from_secs(5));
        let mut out = Outbox::default();
        calls.make(Whose::Scope, call, now, &mut out);
        let mut todo: VecDeque<Do> = out.drain().collect();
        while let Some(one) = todo.pop_front() {
            let Do::Send(id, request, _) = one else { continue };
            let response = self.floor.request(&request, now).expect("the box works");
            let body = String::from_utf8_lossy(response.body()).into_owned();
            self.bytes.push(format!("{:?} {body}", response.headers()));
            calls.came(id, &arrival(&response, body), now, &mut out);
            todo.extend(out.drain());
        }
        calls.answers().pop().expect("an answer").1
    }

    pub(super) fn told(&mut self, ask: &Ask, now: Timestamp) -> Told {
        let source = self.source();
        let request = source.request(ask, &self.roster).expect("a request");
        let response = self.floor.request(&request, now).expect("the box works");
        source.answer(ask, &response, &self.roster).expect("what this version reads")
    }

    pub(super) fn place(
        &mut self,
        client: &str,
        side: Side,
        kind: OrderKind,
        now: Timestamp,
    ) -> Answer {
        let lots = self.roster.all()[0].listing.instrument.lot_scale.parse("0.02").expect("coins");
        let quantity = Quantity(u64::try_from(lots).expect("some"));
        let mut ticket = Ticket::market(BTC, side, quantity).of(kind);
        if client.starts_with("stop") {
            ticket = ticket.restricted(Restrictions::REDUCE_ONLY);
        }
        let new = NewOrder { client: name(client), ticket, scope: Scope::Size, stop: None };
        self.call(&Call::Place(new), now)
    }

    /// A private stream that is logged in.
    pub(super) fn listen(&mut self, now: Timestamp) -> Vec<(LineId, Box<dyn venues::Stream>)> {
        let wanted = self.client.traits().listen_key_seconds;
        let key = match wanted.map(|_| self.call(&Call::ListenKey, now)) {
            Some(Answer::ListenKey(key)) => Some(key),
            _ => None,
        };
        let mut lines = Vec::new();
        for mut stream in self.client.streams(key.as_deref()) {
            let line = self.floor.open(path(&stream.uri())).expect("a stream");
            let mut send = Vec::new();
            stream.opened(now, &mut send);
            lines.push((line, stream));
            self.say(line, send, now);
        }
        self.words(&mut lines, now);
        lines
    }

    pub(super) fn say(&mut self, line: LineId, texts: Vec<String>, now: Timestamp) {
        for text in texts {
            self.floor.hear(line, &text, now).expect("the box works");
        }
    }

    /// What was told since, as the client reads it.
    pub(super) fn words(
        &mut self,
        lines: &mut [(LineId, Box<dyn venues::Stream>)],
        now: Timestamp,
    ) -> Vec<Word> {
        let mut out = Vec::new();
        // A login is followed by subscriptions.
        for _ in 0..4 {
            let told: Vec<(LineId, String)> = self.floor.sent().collect();
            for (to, text) in told {
                self.bytes.push(text.clone());
                let Some((line, stream)) = lines.iter_mut().find(|(line, _)| *line == to) else {
                    continue;
                };
                let (line, mut send) = (*line, Vec::new());
                stream.hear(&text, now, &mut out, &mut send).expect("what this version reads");
                self.say(line, send, now);
            }
        }
        out
    }
}

fn arrival(response: &http::Response<Vec<u8>>, body: String) -> Arrival {
    let text = |value: &http::HeaderValue| value.to_str().expect("text").to_owned();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Arrival::Response { status: response.status().as_u16(), headers, body }
}
