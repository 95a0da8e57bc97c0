//! What those who run an installation ask about addresses, licences, reports, payments and advisories.

use super::Connection;
use crate::desk::{
    Actor, AddressAsk, AddressTerms, AdvisoryText, AdvisoryView, Ask, BlockView, Error, Issue,
    IssuedLicence, LicenceAsk, LicenceDetail, LicencePage, LicenceTurn, LicenceView, LicenceWish,
    ListView, NewBlock, NoticePage, ReportView, Result, step_named,
};
use uuid::Uuid;

impl Connection {
    /// Shuts addresses out.
    pub fn block(&self, new: &NewBlock) -> Result<BlockView> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.block(Actor::Host, new)),
            Self::There(remote) => remote.quick(&Ask::Addresses(AddressAsk::Block(new.clone()))),
        }
    }

    /// Lets addresses in again before their time.
    pub fn unblock(&self, prefix: &str) -> Result<()> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.unblock(Actor::Host, prefix)),
            Self::There(remote) => {
                let prefix = prefix.to_owned();
                remote.quick(&Ask::Addresses(AddressAsk::Unblock { prefix }))
            }
        }
    }

    /// The blocks that are not over.
    pub fn blocks(&self) -> Result<Vec<BlockView>> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.blocks()),
            Self::There(remote) => remote.quick(&Ask::Addresses(AddressAsk::Blocks)),
        }
    }

    /// The lists of addresses: as the server holds them, or as they would be held if one began now.
    pub fn address_lists(&self, terms: &AddressTerms) -> Result<Vec<ListView>> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.look_at_lists(terms)),
            Self::There(remote) => remote.quick(&Ask::Addresses(AddressAsk::Lists)),
        }
    }

    /// Issues a licence.
    pub fn issue_licence(&self, wish: LicenceWish) -> Result<IssuedLicence> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.issue_licence(Actor::Host, &wish)),
            Self::There(remote) => remote.quick(&Ask::Licence(LicenceAsk::Issue(wish.into()))),
        }
    }

    /// A page of licences.
    pub fn licences(&self, after: Option<&str>) -> Result<LicencePage> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.licences(after)),
            Self::There(remote) => {
                let after = after.map(str::to_owned);
                remote.quick(&Ask::Licence(LicenceAsk::List { after }))
            }
        }
    }

    /// A licence with its instances.
    pub fn licence(&self, id: &str) -> Result<LicenceDetail> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.licence(id)),
            Self::There(remote) => {
                remote.quick(&Ask::Licence(LicenceAsk::Show { id: id.to_owned() }))
            }
        }
    }

    /// Suspends, resumes or revokes a licence.
    pub fn turn_licence(&self, id: &str, turn: LicenceTurn) -> Result<LicenceView> {
        match self {
            Self::Here(here) => {
                here.runtime.block_on(here.desk.turn_licence(Actor::Host, id, turn))
            }
            Self::There(remote) => {
                remote.quick(&Ask::Licence(LicenceAsk::Turn { id: id.to_owned(), turn }))
            }
        }
    }

    /// Gives the seat of an instance back.
    pub fn release_instance(&self, licence: &str, instance: &str) -> Result<()> {
        match self {
            Self::Here(here) => {
                here.runtime.block_on(here.desk.release_instance(Actor::Host, licence, instance))
            }
            Self::There(remote) => {
                let (licence, instance) = (licence.to_owned(), instance.to_owned());
                remote.quick(&Ask::Licence(LicenceAsk::Release { licence, instance }))
            }
        }
    }

    /// Every report of a weakness, without what it says.
    pub fn reports(&self) -> Result<Vec<ReportView>> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.reports()),
            Self::There(remote) => remote.quick(&Ask::Reports),
        }
    }

    /// The sealed text of a report, in hexadecimal digits.
    pub fn sealed_report(&self, id: Uuid) -> Result<String> {
        match self {
            Self::Here(here) => {
                here.runtime.block_on(here.desk.sealed_report(Actor::Host, id)).map(hex::encode)
            }
            Self::There(remote) => remote.quick(&Ask::SealedReport { id }),
        }
    }

    /// Takes a step with a report.
    pub fn move_report(&self, id: Uuid, step: &str, severity: Option<&str>) -> Result<ReportView> {
        match self {
            Self::Here(here) => {
                let named = step_named(step, severity).ok_or(Error::NotFound { what: "step" })?;
                here.runtime.block_on(here.desk.move_report(Actor::Host, id, named))
            }
            Self::There(remote) => {
                let (step, severity) = (step.to_owned(), severity.map(str::to_owned));
                remote.quick(&Ask::MoveReport { id, step, severity })
            }
        }
    }

    /// Thanks the sender of a report in public, or no longer.
    pub fn thank_report(&self, id: Uuid, name: Option<&str>) -> Result<ReportView> {
        match self {
            Self::Here(here) => {
                here.runtime.block_on(here.desk.thank_report(Actor::Host, id, name))
            }
            Self::There(remote) => {
                remote.quick(&Ask::ThankReport { id, name: name.map(str::to_owned) })
            }
        }
    }

    /// What payment processors told, the newest first, from behind the notice with this digest on.
    pub fn payment_notices(&self, before: Option<&str>) -> Result<NoticePage> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.notices(before)),
            Self::There(remote) => {
                remote.quick(&Ask::PaymentNotices { before: before.map(str::to_owned) })
            }
        }
    }

    /// Every advisory that is out.
    pub fn advisories(&self) -> Result<Vec<AdvisoryView>> {
        match self {
            Self::Here(here) => here.runtime.block_on(here.desk.advisory_views()),
            Self::There(remote) => remote.quick(&Ask::Advisories),
        }
    }

    /// Publishes an advisory, or another revision of one.
    pub fn publish_advisory(&self, text: AdvisoryText, issue: Issue) -> Result<AdvisoryView> {
        match self {
            Self::Here(here) => {
                here.runtime.block_on(here.desk.publish_advisory(Actor::Host, &text, &issue))
            }
            Self::There(remote) => {
                remote.quick(&Ask::PublishAdvisory { text: Box::new(text), issue })
            }
        }
    }
}
