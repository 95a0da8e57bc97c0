//! Knows: credentials, sessions, roles and permissions, as state machines over values.
//! Never knows: HTTP, SQL, mail, the clock, or where a key lives.

#![forbid(unsafe_code)]

mod access;
mod account;
mod api_token;
mod argon;
mod assistance;
mod budget;
mod change;
mod council;
mod device;
mod email;
mod enrolment;
mod erasure;
mod error;
mod event;
mod foreign;
mod governed;
mod half;
mod host;
mod id;
mod import;
mod known;
mod letter;
mod life;
mod loss;
mod member;
mod one_time;
mod passkey;
mod password;
mod pending;
mod petition;
mod policy;
mod pressure;
mod proposal;
mod recovery;
mod refresh;
mod refusals;
mod registration;
mod registry;
mod reset;
mod review;
mod role;
mod rule;
mod sealed;
mod session;
mod setup;
mod sign_in;
pub mod simulate;
mod spread;
mod tenant;
mod throttle;
mod token;
mod totp;
mod vault;
mod whereabouts;
mod work;

pub use access::{AccessKeys, AccessToken, Claims, TokenCache, VerifiedToken};
pub use account::{Account, AccountState, Credentials, DisplayName, Standing};
pub use api_token::{ApiSecret, Credential, Delegate, Order, Proof, Scope};
pub use argon::{Cost, PasswordHash};
pub use assistance::{EndOfAll, OwnSession, Reach};
pub use budget::Budget;
pub use change::{Change, Ends, Write};
pub use council::Council;
pub use device::{DeviceCookie, DeviceStanding};
pub use email::{EmailAddress, EmailIndex};
pub use enrolment::{Enrolled, NewFactor, OldFactor, PASSKEYS_MAX};
pub use erasure::{Belonging, DataKey, ERASURE_WAIT, Erasure, Fate};
pub use error::{Error, PasswordProblem, TokenFault};
pub use event::{EndReason, Event, FactorKind};
pub use foreign::Scheme;
pub use governed::Governed;
pub use half::HalfSignIns;
pub use host::HostRecovery;
pub use id::{AccountId, DeviceId, SessionId};
pub use import::{ImportLine, Imported};
pub use known::{BreachedPasswords, Mark};
pub use letter::{Delivery, Errand, Letter, Mail, Recipient, Wish};
pub use life::Life;
pub use loss::{Helpers, LOSS_WAIT, Loss, LossProof, Voucher};
pub use member::{Holdings, Member};
pub use one_time::{Grant, Holder, OneTimeToken, Purpose};
pub use passkey::{
    Assertion, Attestation, PASSKEY_ALGORITHMS, Passkey, PasskeyChallenge, PasskeyFault, PasskeyId,
    PasskeyProof, RelyingParty, UserVerification,
};
pub use password::{Candidate, PasswordProof, Passwords};
pub use pending::{Pending, Ticket};
pub use petition::{Petition, PetitionCode, PetitionState, Petitions};
pub use policy::{Factors, NewPassword, PasswordPolicy, Strength};
pub use pressure::{Demand, Pressure};
pub use proposal::{HighAct, Mandate, Proposal, ProposalState, Resolution, SOLE_WAIT};
pub use recovery::{RECOVERY_CODES, RecoveryCode, RecoveryHash};
pub use refresh::{Family, RefreshToken, Rotation};
pub use refusals::{Refusals, Stage};
pub use registration::{
    FirstCredential, Invitation, NewMember, RegistrationForm, RegistrationMode,
};
pub use registry::{Authenticated, Lookup, Registry};
pub use reset::Reset;
pub use review::{Duty, GrantLine, GrantList, Review, SignOff};
pub use role::{Level, Permission, Role};
pub use rule::Rule;
pub use sealed::{LetterPart, SealedAddress, SealedChange, SealedGrant, SealedHolder, SealedWrite};
pub use session::{Client, OpenedSession, Session, SessionPolicy};
pub use setup::{Enrolment, NewAccount, Setup, SetupForm, SetupGrant};
pub use sign_in::{Answer, FactorProof, Means, SignIn, StoredFactors};
pub use tenant::Tenant;
pub use throttle::{Attempt, Limit, Limits, Source, Throttle};
pub use token::{SetupToken, TokenHash};
pub use totp::{Step, TotpSecret};
pub use vault::{
    Profile, SealedClient, SealedFactors, SealedPasskey, SealedProfile, SealedTotp, Vault,
};
pub use whereabouts::{Fit, Sight, Whereabouts, is_same_browser};
pub use work::{Puzzles, zero_bits};
