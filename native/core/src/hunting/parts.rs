//! The parts of a query whose rows do not fit into one answer.

use super::timespan::Window;

/// Rows that the services send at most. What is beyond them is missing without a word.
/// <https://learn.microsoft.com/graph/api/resources/security-api-overview>
pub(super) const ROW_LIMIT: u64 = 100_000;
/// The most groups that the rows of a table without time are divided into.
const MOST_GROUPS: u32 = 1024;

/// How a query is split.
#[derive(Clone, Debug)]
pub(crate) enum Split {
    /// By windows of time.
    ByTime,
    /// By the hash of a column: a condition on it stands between these parts of the text.
    ByKey { before: String, key: &'static str, after: String },
}

/// A part of a query's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All rows.
    Whole,
    /// The rows of a window of time.
    Window(Window),
    /// The rows of one of so many groups.
    Group { of: u32, number: u32 },
}

impl Part {
    /// The two parts of it, or `None` if it is the smallest.
    pub(super) fn halves(self) -> Option<[Part; 2]> {
        match self {
            Part::Window(window) => Some(window.halves()?.map(Part::Window)),
            // A row's number among twice as many groups is its number now, or that and the number of groups.
            Part::Group { of, number } if of < MOST_GROUPS => {
                Some([number, number + of].map(|number| Part::Group { of: of * 2, number }))
            }
            Part::Whole | Part::Group { .. } => None,
        }
    }

    /// The text of the query for this part.
    pub(super) fn query(self, text: &str, split: Option<&Split>) -> String {
        match (self, split) {
            (Part::Group { of, number }, Some(Split::ByKey { before, key, after })) if of > 1 => {
                format!("{before}\n| where hash({key}, {of}) == {number}{after}")
            }
            _ => text.to_owned(),
        }
    }

    /// For messages.
    pub(super) fn name(self) -> String {
        match self {
            Part::Whole => "the whole query".to_owned(),
            Part::Window(window) => window.text(),
            Part::Group { of, number } => format!("group {number} of {of}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_halved_until_there_are_a_thousand() {
        let mut part = Part::Group { of: 1, number: 0 };
        let split = Split::ByKey { before: "T".to_owned(), key: "K", after: " | where x".to_owned() };
        assert_eq!(part.query("T | where x", Some(&split)), "T | where x");
        let mut levels = 0;
        while let Some([first, second]) = part.halves() {
            let (Part::Group { of, number }, Part::Group { number: low, .. }) = (second, first) else {
                panic!("not groups")
            };
            assert_eq!((low + of / 2, number % (of / 2)), (number, low));
            (part, levels) = (second, levels + 1);
        }
        assert_eq!(levels, 10);
        assert_eq!(part.query("T | where x", Some(&split)), "T\n| where hash(K, 1024) == 1023 | where x");
    }
}
