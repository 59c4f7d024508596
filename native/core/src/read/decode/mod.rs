//! Decodes rows into columns.

mod nested;
pub(crate) mod row;
mod value;
