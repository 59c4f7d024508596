//! From an address to rows: pages are read, split and decoded while they arrive.

pub(crate) mod address;
pub(crate) mod decode;
pub(crate) mod delivered;
pub(crate) mod filter;
pub(crate) mod hunting_refusal;
pub(crate) mod members;
pub(crate) mod pace;
pub(crate) mod pager;
pub(crate) mod plan;
pub(crate) mod refusal;
pub(crate) mod row_text;
pub(crate) mod scanner;
pub(crate) mod sink;
pub(crate) mod splitter;
#[cfg(test)]
mod tests;

/// Bytes of a body after which other work has its turn.
pub(crate) const YIELD_AFTER: usize = 256 * 1024;
