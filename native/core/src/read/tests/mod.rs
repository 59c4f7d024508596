//! The reading path against bytes and a scripted network, on paused time.

mod row;
