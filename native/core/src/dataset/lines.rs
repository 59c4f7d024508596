//! Splits what arrives into lines.

use std::borrow::Cow;

/// The lines of a text that arrives in parts.
#[derive(Default)]
pub(super) struct Lines {
    waiting: Vec<u8>,
    /// Where the next line begins.
    begun: usize,
    /// Up to where there is no end of it.
    searched: usize,
}

impl Lines {
    pub(super) fn feed(&mut self, part: &[u8]) {
        self.waiting.drain(..self.begun);
        self.searched -= self.begun;
        self.begun = 0;
        self.waiting.extend_from_slice(part);
    }

    /// The next line that is whole.
    pub(super) fn next_line(&mut self) -> Option<&[u8]> {
        let Some(end) = memchr::memchr(b'\n', &self.waiting[self.searched..]) else {
            self.searched = self.waiting.len();
            return None;
        };
        let line = self.begun..self.searched + end;
        self.begun = line.end + 1;
        self.searched = self.begun;
        Some(&self.waiting[line])
    }

    /// What comes after the last end of a line, if anything.
    pub(super) fn rest(&self) -> Option<&[u8]> {
        Some(&self.waiting[self.begun..]).filter(|rest| !rest.is_empty())
    }
}

/// The text of a line. U+FFFD replaces what is not UTF-8; that is slow, so it is done only where there is any.
pub(super) fn text(line: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let text = b"one\n\ntwo\r\nthree";
        for size in 1..=text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for part in text.chunks(size) {
                lines.feed(part);
                while let Some(line) = lines.next_line() {
                    found.push(line.to_vec());
                }
            }
            assert_eq!(found, [&b"one"[..], b"", b"two\r"]);
            assert_eq!(lines.rest(), Some(&b"three"[..]));
        }
        assert_eq!(Lines::default().rest(), None);
    }
}
