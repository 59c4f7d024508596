//! The Defender APIs.

pub(crate) mod address;
pub mod catalog;
pub(crate) mod envelope;
pub(crate) mod pager;
mod refusal;
pub(crate) mod row;
mod value;
