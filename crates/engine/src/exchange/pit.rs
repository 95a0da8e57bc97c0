//! One instrument's place at the venue: its rules, its market, the orders that work there.

use super::{
    book::{self, Book},
    resting::{Resting, Stage},
    terms::Model,
};
use crate::Data;
use market::{Bar, Listing, Price, Pricing, Quote, Rate, Side, Status, Timestamp};
use portfolio::InstrumentId;

#[derive(Debug, Clone)]
pub(super) struct Pit {
    pub(super) id: InstrumentId,
    pub(super) listing: Listing,
    pub(super) status: Status,
    /// By arrival; ended ones are swept out after each event.
    pub(super) orders: Vec<Resting>,
    pub(super) ended: usize,
    /// The latest quote of the `touch` model.
    pub(super) quote: Option<Quote>,
    /// The latest print.
    pub(super) last: Option<Price>,
    pub(super) book: Book,
    pub(super) bar: Span,
}

/// The bar that is under way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    /// When it opened; `None` before the first one.
    pub(super) opened: Option<Timestamp>,
    /// Whether its path was walked.
    pub(super) walked: bool,
    /// Lots that our orders may still take from it; `None` for any number.
    pub(super) budget: Option<u64>,
    /// What it traded.
    pub(super) volume: u64,
}

impl Pit {
    pub(super) fn new(id: InstrumentId, listing: Listing) -> Self {
        Self {
            id,
            listing,
            status: Status::Trading,
            orders: Vec::new(),
            ended: 0,
            quote: None,
            last: None,
            book: Book::default(),
            bar: Span::default(),
        }
    }

    /// Whether such a price can exist: a share is never traded at zero or below.
    #[inline]
    pub(super) fn can_be(&self, price: Price) -> bool {
        price.0 > 0 || self.listing.pricing == Pricing::Signed
    }

    /// Whether all prices of an event can exist; what cannot is not listened to.
    #[inline]
    pub(super) fn believes(&self, data: &Data) -> bool {
        match data {
            Data::Quote(quote) => self.can_be(quote.bid.min(quote.ask)),
            Data::Print(print) => self.can_be(print.price),
            Data::Depth(depth) => self.can_be(depth.price),
            _ => true,
        }
    }

    /// Keeps what the market tells.
    #[inline]
    pub(super) fn record(&mut self, data: &Data, model: Model) {
        match (data, model) {
            (Data::Quote(quote), Model::Touch) => self.quote = Some(book::uncrossed(*quote)),
            (Data::Quote(quote), Model::Book(feed)) if book::reads_quotes(feed) => {
                self.book.quote(&book::uncrossed(*quote));
            }
            (Data::Depth(depth), Model::Book(feed)) if !book::reads_quotes(feed) => {
                self.book.change(depth);
            }
            (Data::Print(print), _) => self.last = Some(print.price),
            (Data::Status(status), _) => self.status = *status,
            _ => {}
        }
    }

    /// The best price of a side.
    #[inline]
    pub(super) fn touch(&self, side: Side, model: Model) -> Option<Price> {
        match (model, side) {
            (Model::Touch, Side::Buy) => self.quote.map(|quote| quote.bid),
            (Model::Touch, Side::Sell) => self.quote.map(|quote| quote.ask),
            (Model::Book(_), side) => self.book.best(side).map(|level| level.price),
            (Model::NextOpen | Model::SameClose, _) => None,
        }
    }

    /// Ask less bid, in ticks; 0 where one is missing.
    pub(super) fn spread(&self, model: Model) -> u64 {
        match (self.touch(Side::Buy, model), self.touch(Side::Sell, model)) {
            (Some(bid), Some(ask)) => u64::try_from(ask.0.saturating_sub(bid.0)).unwrap_or(0),
            _ => 0,
        }
    }

    /// A bar is under way: what our orders may take of it is worked out once.
    pub(super) fn begin(&mut self, bar: &Bar, participation: Option<Rate>) {
        if self.bar.opened == Some(bar.open_time) {
            return;
        }
        let part = |rate: Rate| {
            let lots = rate.0.max(0).saturating_mul(i128::from(bar.volume.0)) / Rate::ONE.0;
            u64::try_from(lots).unwrap_or(u64::MAX)
        };
        let (opened, budget) = (Some(bar.open_time), participation.map(part));
        self.bar = Span { opened, walked: false, budget, volume: bar.volume.0 };
    }

    #[inline]
    pub(super) fn order(&self, at: usize) -> Option<&Resting> {
        self.orders.get(at).filter(|order| order.is_live())
    }

    /// Drops what ended.
    #[inline]
    pub(super) fn sweep(&mut self) {
        if self.ended == 0 {
            return;
        }
        if self.ended == self.orders.len() {
            self.orders.clear();
        } else {
            self.orders.retain(|order| order.stage != Stage::Ended);
        }
        self.ended = 0;
    }
}
