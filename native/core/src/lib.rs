//! Every behaviour of `FedXdr`. No `unsafe`, no process state: the environment, paths, the clock and the transport are handed in.
#![forbid(unsafe_code)]

pub mod api;
pub mod auth;
pub mod clock;
mod cloud;
mod error;
pub mod http;
mod query;
mod secret;
mod session;
mod settings;
#[cfg(test)]
mod testing;

pub use auth::cache::TokenCache;
pub use cloud::{Cloud, Family};
pub use error::{Error, ErrorKind, Result, Step};
pub use query::batch::Batch;
pub use query::progress::{Phase, Stats};
pub use query::{Next, Query};
pub use secret::Secret;
pub use session::{Session, World};
pub use settings::{Environment, Settings};

/// Wipes every token that the process has cached.
pub fn clear_cache() {
    TokenCache::process().clear();
}
