//! What the refusal of a hunting query means. The services give all reasons the same code, so their text decides.

use crate::errors::{
    BAD_REQUEST, Error, HUNTING_CPU_QUOTA, HUNTING_INVALID_QUERY, HUNTING_PREEMPTED,
    HUNTING_RESULT_TOO_LARGE, HUNTING_TIMEOUT, HUNTING_UNKNOWN_TABLE, KnownError,
};
use crate::http::ErrorBody;

/// What an answer with this status and body means, if it is about the query.
pub(super) fn entry(status: u16, body: &ErrorBody) -> Option<&'static KnownError> {
    let text = body.message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match status {
        400 if says(&["preempted", "exceeded the allowed limits"]) => Some(&HUNTING_PREEMPTED),
        400 if says(&["allowed result size"]) => Some(&HUNTING_RESULT_TOO_LARGE),
        400 if says(&["failed to resolve table"]) => Some(&HUNTING_UNKNOWN_TABLE),
        400 => Some(&HUNTING_INVALID_QUERY),
        // A quota of requests has another text.
        429 if says(&["processing resources", "cpu"]) => Some(&HUNTING_CPU_QUOTA),
        504 => Some(&HUNTING_TIMEOUT),
        500 if body.message.is_empty() && body.code.eq_ignore_ascii_case("UnknownError") => {
            Some(&HUNTING_TIMEOUT)
        }
        _ => None,
    }
}

pub(super) fn verdict(family: &str, status: u16, body: &ErrorBody) -> (&'static KnownError, String) {
    let entry = entry(status, body).unwrap_or(&BAD_REQUEST);
    let what = match entry.id {
        id if id == HUNTING_CPU_QUOTA.id => {
            "the tenant's hunting quota of processor time is used up".to_owned()
        }
        id if id == HUNTING_TIMEOUT.id => {
            format!("the {family} API gave up on the query after its time limit")
        }
        _ => entry.cause.to_owned(),
    };
    (entry, what)
}

/// Whether the service refused the query itself: it would do so again.
pub(crate) fn is_of_the_query(error: &Error) -> bool {
    may_fit_in_parts(error)
        || [&HUNTING_CPU_QUOTA, &HUNTING_INVALID_QUERY, &HUNTING_UNKNOWN_TABLE]
            .iter()
            .any(|entry| error.is(entry))
}

/// Whether the query may succeed for a part of its rows.
pub(crate) fn may_fit_in_parts(error: &Error) -> bool {
    [&HUNTING_PREEMPTED, &HUNTING_RESULT_TOO_LARGE, &HUNTING_TIMEOUT].iter().any(|entry| error.is(entry))
}
