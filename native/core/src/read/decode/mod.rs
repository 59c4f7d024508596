//! Decodes rows into columns.

pub(crate) mod row;
mod value;
