//! The reading path against bytes and a scripted network, on paused time.

mod measurements;
mod row;
mod splitter;
