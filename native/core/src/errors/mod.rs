//! The known errors, with causes and fixes. One table serves the advice of errors, the checks of a connection,
//! `Resolve-FdxError` and the help.

mod entra;
mod entry;
mod error;
mod kind;
mod panics;
mod quote;
mod symptoms;

pub(crate) use entra::{
    ASSERTION_FOR_OTHER_AUDIENCE, ASSERTION_OUTDATED, REPLICATION_LAG, SERVICE_UNAVAILABLE, STALE_ASSERTION,
    TENANT_THROTTLED, USER_TOKEN,
};
pub use entry::KnownError;
pub use error::{Error, Result};
pub use kind::{Check, CheckResult, ErrorKind};
pub(crate) use panics::catch_panics;
pub use panics::{catch_panic, panic_hook};
pub(crate) use quote::{Quoter, excerpt, printable};
pub(crate) use symptoms::*;

/// All known errors.
pub fn entries() -> impl Iterator<Item = &'static KnownError> {
    entra::ENTRIES.iter().chain(symptoms::ENTRIES).copied()
}

/// The entry for a code of Entra, if it is known.
pub fn of_code(code: u32) -> Option<&'static KnownError> {
    entra::ENTRIES.iter().copied().find(|entry| entry.codes.contains(&code))
}

/// The code in a text from Entra (`AADSTS700213: …`).
pub(crate) fn code_in(text: &str) -> Option<u32> {
    let digits = text.split_once("AADSTS")?.1;
    digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())].parse().ok()
}

/// The entry with this id.
pub fn of_id(id: &str) -> Option<&'static KnownError> {
    entries().find(|entry| entry.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_code_has_one_meaning_and_each_id_one_entry() {
        let (mut codes, mut ids) = (HashSet::new(), HashSet::new());
        for entry in entries() {
            assert!(ids.insert(entry.id), "{} twice", entry.id);
            assert!(entry.cause.len() > 5 && entry.fix.ends_with(['.', ']']), "{}", entry.id);
            for code in entry.codes {
                assert!(codes.insert(code), "{code} twice");
            }
        }
    }

    #[test]
    fn the_codes_of_the_scenario_are_known() {
        for (code, id) in [
            (90023, "Fdx.Auth.AssertionType"),
            (700_213, "Fdx.Auth.SubjectMismatch"),
            (700_016, "Fdx.Auth.AppNotConsented"),
            (500_011, "Fdx.Auth.ResourceNotInTenant"),
        ] {
            assert_eq!(of_code(code).unwrap().id, id);
        }
        assert!(of_code(1).is_none());
    }

    #[test]
    fn placeholders_are_filled_and_quoted_code_is_not_touched() {
        let text = r#"run {client id} with '{"name":"x"}' and @{…} for {tenant} in {cloud}, {"#;
        let values = [("tenant", "{client id}".to_owned()), ("cloud", String::new())];
        assert_eq!(
            entry::fill_placeholders(text, &values),
            r#"run <client id> with '{"name":"x"}' and @{…} for {client id} in <cloud>, {"#
        );
    }

    #[test]
    fn the_advice_of_an_error_has_no_open_placeholder() {
        for entry in entries() {
            let advice = entry.error("x").advice.clone();
            let open = advice.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
            for (name, _) in open {
                assert!(
                    name.contains(|c: char| !c.is_ascii_lowercase() && c != ' '),
                    "{}: {advice}",
                    entry.id
                );
            }
        }
    }
}
