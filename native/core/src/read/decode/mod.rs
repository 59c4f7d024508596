//! Decodes rows into columns.

mod nested;
pub(crate) mod row;
mod time;
mod value;
