//! The Defender APIs.

pub(crate) mod address;
pub mod catalog;
pub(crate) mod envelope;
pub(crate) mod pager;
pub(crate) mod plan;
pub(crate) mod refusal;
pub(crate) mod row;
pub(crate) mod sink;
mod value;
