//! Which rows of answers that were cut off have been delivered. The same rows come again in smaller answers, in any
//! order and without a key, so each is recognized by its text.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::{FixedState, RandomState};

/// The rows that will come again.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// How often each row will come again, by the hash of its text.
    again: HashMap<u64, u32, RandomState>,
    /// The rows of the answer that is being read.
    current: Vec<u64>,
}

impl Delivered {
    /// Notes a row of the current answer; false if an answer before delivered it.
    pub(crate) fn is_new(&mut self, json: &str) -> bool {
        let hash = FixedState::default().hash_one(json);
        self.current.push(hash);
        match self.again.get_mut(&hash) {
            None => true,
            Some(1) => {
                self.again.remove(&hash);
                false
            }
            Some(times) => {
                *times -= 1;
                false
            }
        }
    }

    /// The current answer is complete: its rows do not come again.
    pub(crate) fn complete(&mut self) {
        self.current.clear();
    }

    /// The current answer was cut off: the rows of its part are read again.
    pub(crate) fn cut(&mut self) {
        for hash in self.current.drain(..) {
            *self.again.entry(hash).or_default() += 1;
        }
    }

    /// How many rows were to come again and have not.
    pub(crate) fn outstanding(&self) -> u64 {
        self.again.values().copied().map(u64::from).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a part as a service with a limit gives it, and its halves where it is cut off.
    fn read(part: &[u8], limit: usize, delivered: &mut Delivered, out: &mut Vec<u8>) {
        let answer = &part[..part.len().min(limit)];
        out.extend(answer.iter().filter(|row| delivered.is_new(&row.to_string())));
        if part.len() < limit || part.len() < 2 {
            delivered.complete();
            return;
        }
        delivered.cut();
        let (first, second) = part.split_at(part.len() / 2);
        read(first, limit, delivered, out);
        read(second, limit, delivered, out);
    }

    proptest! {
        /// Equal rows count: each comes as often as it is there.
        #[test]
        fn every_row_is_delivered_once(rows in prop::collection::vec(0_u8..12, 0..200), limit in 2_usize..50) {
            let (mut delivered, mut out) = (Delivered::default(), Vec::new());
            read(&rows, limit, &mut delivered, &mut out);
            let mut expected = rows;
            expected.sort_unstable();
            out.sort_unstable();
            prop_assert_eq!(out, expected);
            prop_assert_eq!(delivered.outstanding(), 0);
        }
    }
}
