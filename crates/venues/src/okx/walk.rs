//! Calls that one request does not answer: lists by pages and sections, and cancelling all of them.
//!
//! The venue cancels everything of an ordinary account only by name: all is listed first, then
//! cancelled by the handful. <https://www.okx.com/docs-v5/en/#order-book-trading-trade-get-order-list>,
//! <https://www.okx.com/docs-v5/en/#order-book-trading-algo-trading-get-algo-order-list>,
//! <https://www.okx.com/docs-v5/en/#order-book-trading-trade-post-cancel-multiple-orders>.

use super::{
    answer,
    request::{self, Target, traded},
    rows::FillRow,
    text::{self, close, push, push_query},
};
use crate::{Error, Setup, text::Text};
use engine::live::{Answer, Book, Call, FillReport, RefusedKind, Unknown};
use http::Response;
use market::Timestamp;
use portfolio::InstrumentId;
use serde::Deserialize;

/// Rows on a page.
const PAGE: usize = 100;
/// Requests for one call.
const REQUESTS_MAX: usize = 60;
/// Orders that one request cancels.
const CANCELS: usize = 20;
/// Conditional orders that one request cancels.
const ALGO_CANCELS: usize = 10;

/// A list of the account's orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// Orders that meet the market.
    Pending,
    /// Orders that wait, by the venue's sorts of them.
    Algo(&'static str),
}

const SECTIONS: [Section; 4] = [
    Section::Pending,
    Section::Algo("conditional,oco"),
    Section::Algo("trigger"),
    Section::Algo("move_order_stop"),
];

impl Section {
    /// The first list of a book.
    pub(super) const fn first(book: Book) -> Self {
        match book {
            Book::Plain | Book::Both => Self::Pending,
            Book::Conditional => Self::Algo("conditional,oco"),
        }
    }

    const fn is_of(self, book: Book) -> bool {
        match book {
            Book::Both => true,
            Book::Plain => matches!(self, Self::Pending),
            Book::Conditional => matches!(self, Self::Algo(_)),
        }
    }
}

/// The request for a page of a list, behind the order with this number.
pub(super) fn page(
    setup: &Setup,
    of: Option<InstrumentId>,
    section: Section,
    after: Option<&str>,
) -> Result<Target, Error> {
    let mut path = match section {
        Section::Pending => "/api/v5/trade/orders-pending".to_owned(),
        Section::Algo(kind) => {
            let mut path = "/api/v5/trade/orders-algo-pending".to_owned();
            push_query(&mut path, "ordType", kind);
            path
        }
    };
    push_query(&mut path, "instType", text::kind(setup.product));
    if let Some(of) = of {
        push_query(&mut path, "instId", traded(setup, of)?.native.as_str());
    }
    if let Some(after) = after {
        push_query(&mut path, "after", after);
    }
    Ok(Target::get(path))
}

/// An order by its numbers, whatever list it stands in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow, rename = "instId")]
    instrument: Text<'a>,
    #[serde(borrow, rename = "ordId")]
    plain: Text<'a>,
    #[serde(borrow, rename = "algoId")]
    algo: Text<'a>,
}

impl Named<'_> {
    fn number(&self, section: Section) -> &str {
        match section {
            Section::Pending => &self.plain,
            Section::Algo(_) => &self.algo,
        }
    }
}

/// Where a walk through the lists stands.
struct Walk<'r> {
    /// Everything found, in the order of its sections.
    found: Vec<(Section, Named<'r>)>,
    /// The next page, if the lists are not at their end.
    next: Option<(Section, Option<String>)>,
    /// How many responses were pages.
    pages: usize,
}

/// Goes through the pages that are there; [`None`] if one of them is none.
fn walk(book: Book, responses: &[Response<Vec<u8>>]) -> Option<Walk<'_>> {
    let mut sections = SECTIONS.into_iter().filter(|section| section.is_of(book));
    let mut walk = Walk { found: Vec::new(), next: None, pages: 0 };
    let mut section = sections.next()?;
    for response in responses {
        walk.pages += 1;
        let rows = answer::rows::<Named<'_>>(response).ok()?;
        let full = rows.len() >= PAGE;
        let last = rows.last().map(|row| row.number(section).to_owned());
        walk.found.extend(rows.into_iter().map(|row| (section, row)));
        if full {
            walk.next = Some((section, last));
        } else if let Some(further) = sections.next() {
            section = further;
            walk.next = Some((section, None));
        } else {
            walk.next = None;
            break;
        }
    }
    Some(walk)
}

/// The request after these responses.
pub(super) fn further(
    setup: &Setup,
    call: &Call,
    responses: &[Response<Vec<u8>>],
    now: Timestamp,
) -> Result<Option<Target>, Error> {
    if responses.is_empty() || responses.len() >= REQUESTS_MAX {
        return Ok(None);
    }
    match call {
        Call::OpenOrders(of, book) | Call::CancelAll(of, book) => {
            let Some(walk) = walk(*book, responses) else { return Ok(None) };
            if let Some((section, after)) = &walk.next {
                return page(setup, *of, *section, after.as_deref()).map(Some);
            }
            let cancels = responses.get(walk.pages..).unwrap_or(&[]);
            let is_cancel = matches!(call, Call::CancelAll(..));
            let goes_on = cancels.iter().all(|done| cancelled(done, now).is_none());
            Ok((is_cancel && goes_on).then(|| cancel(&walk, cancels.len())).flatten())
        }
        Call::Fills { instrument, since, .. } => {
            let first = request::fills(setup, *instrument, *since, now)?;
            Ok(older(first, responses))
        }
        _ => Ok(None),
    }
}

/// The request that cancels one more handful.
fn cancel(walk: &Walk<'_>, done: usize) -> Option<Target> {
    let is_plain = |(section, _): &&(Section, Named<'_>)| *section == Section::Pending;
    let plain: Vec<_> = walk.found.iter().filter(is_plain).collect();
    let algo: Vec<_> = walk.found.iter().filter(|found| !is_plain(found)).collect();
    let handfuls = plain.chunks(CANCELS).map(|orders| ("cancel-batch-orders", "ordId", orders));
    let algos = algo.chunks(ALGO_CANCELS).map(|orders| ("cancel-algos", "algoId", orders));
    let (path, name, orders) = handfuls.chain(algos).nth(done)?;
    let mut body = String::from("[");
    for (section, order) in orders {
        body.push_str(if body.len() > 1 { ",{" } else { "{" });
        push(&mut body, "instId", &order.instrument);
        push(&mut body, name, order.number(*section));
        close(&mut body);
    }
    body.push(']');
    Some(Target::post(&["/api/v5/trade/", path].concat(), body))
}

/// The page of trades before the ones that are there: the venue tells the newest first.
fn older(mut path: String, responses: &[Response<Vec<u8>>]) -> Option<Target> {
    let rows = answer::rows::<FillRow<'_>>(responses.last()?).ok()?;
    let oldest = rows.last().filter(|_| rows.len() >= PAGE)?;
    push_query(&mut path, "after", &oldest.bill_id);
    Some(Target::get(path))
}

/// What came of a call of several requests.
pub(super) fn conclude(
    setup: &Setup,
    call: &Call,
    responses: &[Response<Vec<u8>>],
    now: Timestamp,
) -> Answer {
    let is_cut = !matches!(further(setup, call, responses, now), Ok(None));
    if responses.is_empty() || is_cut || responses.len() >= REQUESTS_MAX {
        return Answer::Unknown(Unknown::Server);
    }
    match call {
        Call::CancelAll(_, book) => {
            let pages = walk(*book, responses).map(|walk| walk.pages);
            let (lists, cancels) = responses.split_at(pages.unwrap_or(responses.len()));
            let failed = lists.iter().find_map(|list| answer::failure(list, now));
            let left = || cancels.iter().find_map(|done| cancelled(done, now));
            failed.or_else(left).unwrap_or(Answer::Done)
        }
        Call::OpenOrders(..) => {
            let mut all = Vec::new();
            for response in responses {
                match answer::one(setup, call, response, now) {
                    Answer::Orders(orders) => all.extend(orders),
                    other => return other,
                }
            }
            Answer::Orders(all)
        }
        Call::Fills { after, .. } => {
            let mut all: Vec<FillReport> = Vec::new();
            // Pages go back in time; what is within a page was turned round already.
            for response in responses.iter().rev() {
                match answer::one(setup, call, response, now) {
                    Answer::Fills { fills, .. } => all.extend(fills),
                    other => return other,
                }
            }
            let known = after.and_then(|trade| all.iter().position(|fill| fill.trade == trade));
            Answer::Fills { fills: all.split_off(known.map_or(0, |place| place + 1)), more: false }
        }
        _ => Answer::Unknown(Unknown::Server),
    }
}

/// What stands against a handful's having been cancelled: an order that is done already does not.
fn cancelled(response: &Response<Vec<u8>>, now: Timestamp) -> Option<Answer> {
    answer::acks(response, now).into_iter().find(|answer| match answer {
        Answer::Done | Answer::NotFound => false,
        Answer::Refused(refused) => refused.kind != RefusedKind::OrderDone,
        _ => true,
    })
}
