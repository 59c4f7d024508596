//! Every behaviour of `FedXdr`. No `unsafe`, no process state: the environment, paths, the clock and the transport are
//! handed in.
#![forbid(unsafe_code)]
// Tests read files and sleep; what is built without them may not.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod auth;
pub mod batch;
#[cfg(any(test, feature = "fuzzing"))]
mod batch_reader;
mod blocking;
mod broker;
pub mod catalog;
mod certificate;
pub mod clock;
mod cloud;
mod coded;
mod context;
pub mod dataset;
mod diagnose;
mod digest;
pub mod errors;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod http;
mod hunting;
mod progress;
mod query;
mod read;
mod report;
mod secret;
mod session;
mod settings;
mod tally;
#[cfg(test)]
mod testing;
mod token;

pub use batch::Batch;
pub use cloud::{Cloud, Family};
pub use context::World;
pub use errors::{Check, CheckResult, Error, ErrorKind, Result};
pub use hunting::CHECK as HUNTING_CHECK;
pub use progress::{Level, Phase, Stats, WaitReason};
pub use query::{Next, Query};
pub use session::Session;
pub use settings::{ENDPOINT_NAMES, Environment, Settings, Tenant, TokenCaching, variables};
pub use token::{AccessToken, Claims, TokenCache};

/// Any thread may use these; a caller in another language relies on that.
const fn is_send_and_sync<T: Send + Sync>() {}
const _: () = {
    is_send_and_sync::<Session>();
    is_send_and_sync::<Query>();
    is_send_and_sync::<Batch>();
    is_send_and_sync::<Error>();
    is_send_and_sync::<World>();
};
