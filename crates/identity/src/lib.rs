//! Knows: credentials, sessions, roles and permissions, as state machines over values.
//! Never knows: HTTP, SQL, mail, the clock, or where a key lives.

#![forbid(unsafe_code)]

mod access;
mod account;
mod argon;
mod device;
mod email;
mod error;
mod event;
mod id;
mod password;
mod pending;
mod policy;
mod recovery;
mod refresh;
mod refusals;
mod registry;
mod role;
mod session;
mod setup;
mod sign_in;
mod tenant;
mod throttle;
mod token;
mod totp;
mod vault;

pub use access::{AccessKeys, AccessToken, Claims, TokenCache, VerifiedToken};
pub use account::{Account, AccountState, Credentials, DisplayName, Standing};
pub use argon::{Cost, PasswordHash};
pub use device::{DeviceCookie, DeviceStanding};
pub use email::{EmailAddress, EmailIndex};
pub use error::{Error, PasswordProblem, TokenFault};
pub use event::{EndReason, Event, FactorKind};
pub use id::{AccountId, DeviceId, SessionId};
pub use password::{Candidate, PasswordProof, Passwords};
pub use pending::{Pending, Ticket};
pub use policy::{Factors, NewPassword, PasswordPolicy, Strength};
pub use recovery::{RECOVERY_CODES, RecoveryCode, RecoveryHash};
pub use refresh::{Family, RefreshToken, Rotation};
pub use refusals::{Refusals, Stage};
pub use registry::{Authenticated, Lookup, Registry};
pub use role::{Level, Permission, Role};
pub use session::{Client, OpenedSession, Session, SessionPolicy};
pub use setup::{Enrolment, NewAccount, Setup, SetupForm, SetupGrant};
pub use sign_in::{FactorProof, Means, SignIn, StoredFactors};
pub use tenant::Tenant;
pub use throttle::{Attempt, Limit, Limits, Source, Throttle};
pub use token::{SetupToken, TokenHash};
pub use totp::{Step, TotpSecret};
pub use vault::{Profile, SealedClient, SealedFactors, SealedProfile, SealedTotp, Vault};
