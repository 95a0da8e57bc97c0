//! A box over real sockets, and our own client at it.

use edge::{Allowed, Origin, Reach, SocketRequest, SocketTerms, Terms, Trust};
use engine::{
    exchange::Model,
    live::{Answer, Call, ClientId, Mode, NewOrder, OrderRef, Scope, Unknown, Word},
    order::{OrderKind, Ticket},
};
use http::{Request, Response};
use market::{Money, Price, Product, Quantity, Roster, Side, Timestamp, VenueName};
use portfolio::InstrumentId;
use std::{sync::Arc, time::Duration};
use stockade_bot::boxed::{self, BoxKey, BoxTerms, Limiting, OpenBox, Opening, Prices, ScopeName};
use tokio::{sync::mpsc, time::timeout};

/// Long enough for everything that is meant to happen.
pub const SOON: Duration = Duration::from_secs(10);
pub const BTC: InstrumentId = InstrumentId(0);

/// Every venue with every product.
pub fn everywhere() -> impl Iterator<Item = (VenueName, Product)> {
    let products = [Product::Spot, Product::Perpetual];
    VenueName::ALL.into_iter().flat_map(move |venue| products.map(|product| (venue, product)))
}

pub fn now() -> Timestamp {
    let nanos = jiff::Timestamp::now().as_nanosecond();
    Timestamp::from_nanos(i64::try_from(nanos).expect("this century"))
}

/// A box, and what is needed to talk to it.
pub struct Here {
    pub open: OpenBox,
    pub venue: VenueName,
    pub product: Product,
    pub roster: Roster,
    pub keys: Vec<BoxKey>,
    pub http: edge::Client,
    mode: Mode,
    _directory: tempfile::TempDir,
}

impl Drop for Here {
    fn drop(&mut self) {
        self.open.stop.cancel();
    }
}

/// A box with two accounts, and prices that walk.
pub async fn open(venue: VenueName, product: Product, scopes: &[ScopeName]) -> Here {
    open_as(venue, product, scopes, Mode::OneWay).await
}

/// The same, with accounts that keep positions in this way.
pub async fn open_as(venue: VenueName, product: Product, scopes: &[ScopeName], mode: Mode) -> Here {
    let directory = tempfile::tempdir().expect("a directory");
    let keys = boxed::make(2);
    let symbols = vec!["BTC".to_owned(), "ETH".to_owned()];
    let roster = boxed::listed(venue, product, &symbols).expect("listed").roster;
    let fees = boxed::fees(venue, product).expect("fees");
    let opening = Opening {
        terms: engine::exchange::Terms { fees, ..engine::exchange::Terms::of(Model::Touch) },
        cash: Money::from_whole(100_000),
        mode,
    };
    let terms = BoxTerms {
        like: venue,
        product,
        symbols,
        listen: "127.0.0.1:0".parse().expect("an address"),
        data_dir: directory.path().to_owned(),
        prices: Prices::Walk { seed: 7, minutes: 240 },
        keys: keys.clone(),
        scopes: scopes.to_vec(),
        opening,
        faults: edge::Faults::default(),
        limiting: Limiting::Venue,
    };
    let open = boxed::open(terms).await.expect("opens");
    let mut allowed = Allowed::default();
    allowed.add(format!("https://{}", open.address).parse().expect("one"), Reach::Private);
    let trust = Trust::web().and_roots(&open.authority).expect("a root");
    let http = edge::Client::new(&allowed, trust, Terms::default()).expect("a client");
    Here { open, venue, product, roster, keys, http, mode, _directory: directory }
}

/// One account's own client.
#[derive(Clone)]
pub struct Seat {
    pub client: Arc<dyn venues::Client>,
    http: edge::Client,
}

impl Here {
    /// The place of an account, with its own key.
    pub fn seat(&self, account: usize) -> Seat {
        self.seat_with(self.keys[account].keys())
    }

    pub fn seat_with(&self, keys: venues::Keys) -> Seat {
        let setup = venues::Setup {
            product: self.product,
            mode: self.mode,
            roster: self.roster.clone(),
            hosts: venues::Hosts {
                rest: format!("https://{}", self.open.address),
                private: format!("wss://{}", self.open.address),
            },
            keys,
            window_ms: 5_000,
        };
        let client: Arc<dyn venues::Client> = match self.venue {
            VenueName::Binance => Arc::new(venues::binance::Client::new(setup)),
            VenueName::Bybit => Arc::new(venues::bybit::Client::new(setup)),
            VenueName::Okx => Arc::new(venues::okx::Client::new(setup)),
        };
        Seat { client, http: self.http.clone() }
    }

    /// The public end.
    pub fn source(&self) -> Box<dyn feeds::Source> {
        let hosts = feeds::Hosts {
            rest: format!("https://{}", self.open.address),
            stream: format!("wss://{}", self.open.address),
        };
        match self.venue {
            VenueName::Binance => Box::new(feeds::binance::Source::new(self.product, hosts)),
            VenueName::Bybit => Box::new(feeds::bybit::Source::new(hosts)),
            VenueName::Okx => Box::new(feeds::okx::Source::new(hosts)),
        }
    }

    /// What the box tells the public.
    pub async fn told(&self, ask: &feeds::Ask) -> feeds::Told {
        let source = self.source();
        let request = source.request(ask, &self.roster).expect("a request");
        let response = send(&self.http, &request).await.expect("an answer");
        source.answer(ask, &response, &self.roster).expect("what this version reads")
    }

    /// A price so far below the market that it is not met, on the grid.
    pub async fn far(&self) -> Price {
        let feeds::Told::Book(book) = self.told(&feeds::Ask::Book(BTC, 5)).await else {
            panic!("no book");
        };
        let step = i64::from(self.roster.all()[0].listing.price_step) * 100;
        Price(book.bids[0].0.0 * 9 / 10 / step * step)
    }

    /// So many coins of the first instrument in its lots.
    pub fn lots(&self, coins: &str) -> u64 {
        let scale = self.roster.all()[0].listing.instrument.lot_scale;
        u64::try_from(scale.parse(coins).expect("coins")).expect("some")
    }
}

/// What a request was answered, or nothing.
pub async fn send(http: &edge::Client, request: &Request<Vec<u8>>) -> Option<Response<Vec<u8>>> {
    let (origin, target) = place(&request.uri().to_string());
    let mut sent = edge::Request::new(request.method().clone(), origin, target);
    sent.headers = request.headers().iter().map(|(n, v)| (n.clone(), v.clone())).collect();
    sent.body = request.body().clone().into();
    let answer = http.send(&sent, SOON).await.ok()?;
    let mut response = Response::new(answer.body.to_vec());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Some(response)
}

fn place(uri: &str) -> (Origin, String) {
    let (scheme, rest) = uri.split_once("://").expect("absolute");
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let origin = format!("{scheme}://{}", &rest[..at]).parse().expect("an origin");
    (origin, rest[at..].to_owned())
}

impl Seat {
    pub async fn call(&self, call: &Call) -> Answer {
        self.call_at(call, now()).await
    }

    /// What comes of a call that is signed as if it were this moment.
    pub async fn call_at(&self, call: &Call, at: Timestamp) -> Answer {
        let mut answers = Vec::new();
        for part in self.client.split(call) {
            answers.push(self.part(&part, at).await);
        }
        venues::join(answers)
    }

    async fn part(&self, part: &Call, at: Timestamp) -> Answer {
        let mut request = self.client.request(part, at).expect("a request");
        let mut responses = Vec::new();
        loop {
            let Some(response) = send(&self.http, &request).await else {
                return Answer::Unknown(Unknown::Lost);
            };
            responses.push(response);
            match self.client.further(part, &responses, at).expect("a request") {
                Some(next) => request = next,
                None => return self.client.conclude(part, &responses, at),
            }
        }
    }

    /// Hears the account's private streams; returns once all are ready.
    pub async fn listen(&self) -> Words {
        let key = match self.client.traits().listen_key_seconds {
            None => None,
            Some(_) => match self.call(&Call::ListenKey).await {
                Answer::ListenKey(key) => Some(key),
                other => panic!("{other:?}"),
            },
        };
        let (said, words) = mpsc::unbounded_channel();
        let streams = self.client.streams(key.as_deref());
        let mut waiting = streams.len();
        for stream in streams {
            let (http, said) = (self.http.clone(), said.clone());
            tokio::spawn(hear(http, stream, said));
        }
        let mut words = Words(words);
        while waiting > 0 {
            if words.next().await == Word::Ready {
                waiting -= 1;
            }
        }
        words
    }
}

pub async fn dial(http: &edge::Client, uri: &str) -> edge::Socket {
    let (origin, target) = place(uri);
    let request = SocketRequest { origin, target, headers: Vec::new() };
    http.websocket(&request, SocketTerms::default(), SOON).await.expect("a socket")
}

async fn hear(
    http: edge::Client,
    mut stream: Box<dyn venues::Stream>,
    said: mpsc::UnboundedSender<Word>,
) {
    let mut socket = dial(&http, &stream.uri()).await;
    let (mut send, mut words) = (Vec::new(), Vec::new());
    stream.opened(now(), &mut send);
    loop {
        for text in send.drain(..) {
            if socket.send_text(text).await.is_err() {
                return;
            }
        }
        match socket.next().await {
            edge::Event::Text(text) => {
                stream.hear(&text, now(), &mut words, &mut send).expect("what this version reads");
            }
            edge::Event::Closed(_) => return,
            _ => {}
        }
        for word in words.drain(..) {
            if said.send(word).is_err() {
                return;
            }
        }
    }
}

/// What an account's streams tell.
pub struct Words(mpsc::UnboundedReceiver<Word>);

impl Words {
    pub async fn next(&mut self) -> Word {
        timeout(SOON, self.0.recv()).await.expect("a word in time").expect("streams live")
    }

    /// The first word that is such.
    pub async fn find<T>(&mut self, is: impl Fn(&Word) -> Option<T>) -> T {
        loop {
            if let Some(found) = is(&self.next().await) {
                return found;
            }
        }
    }

    /// Everything that was told until nothing was for a while.
    pub async fn rest(&mut self) -> Vec<Word> {
        let mut all = Vec::new();
        while let Ok(Some(word)) = timeout(Duration::from_millis(400), self.0.recv()).await {
            all.push(word);
        }
        all
    }
}

/// A name of an order.
pub fn name(text: &str) -> ClientId {
    text.parse().expect("a name")
}

pub fn order(client: &str, side: Side, lots: u64, kind: OrderKind) -> NewOrder {
    let ticket = Ticket::market(BTC, side, Quantity(lots)).of(kind);
    NewOrder { client: name(client), ticket, scope: Scope::Size, stop: None }
}

pub fn named(client: &str) -> OrderRef {
    OrderRef::named(BTC, name(client))
}
