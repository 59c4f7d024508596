//! What can go wrong on the way to a token and to the data, and what to do about it: one table for the errors' advice, for the checks of a
//! connection and for the help.

mod entra;
mod symptoms;

use crate::error::{Check, DEFECT, Error, ErrorKind, INVALID_ARGUMENT};

pub(crate) use entra::{PASSING, TENANT_THROTTLED};
pub(crate) use symptoms::*;

/// Codes that a fresh assertion may mend.
pub(crate) const STALE_ASSERTION: &[u32] = &[700_024, 50013, 500_133, 900_384];

/// Codes that one replica of Entra can answer while others already know better, for minutes after a set-up.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
pub(crate) const SPREADING: &[u32] =
    &[70021, 70025, 700_211, 700_212, 7_002_121, 700_213, 700_016, 7_000_229, 700_011];

/// One thing that can be wrong.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Codes of Entra that mean it; none for what is seen by other signs.
    pub codes: &'static [u32],
    /// Stable id, `Fdx.<Area>.<Name>`.
    pub id: &'static str,
    /// Class.
    pub kind: ErrorKind,
    /// Check of a connection that it fails.
    pub check: Check,
    /// What is wrong.
    pub cause: &'static str,
    /// What to do. Names in braces, such as `{tenant}`, are filled in where it happens.
    pub fix: &'static str,
}

impl Entry {
    /// An error of this kind; its advice is the fix.
    pub(crate) fn error(&self, message: impl Into<String>) -> Error {
        Error::new(self.kind, self.id, self.check, message, self.fix)
    }

    /// The fix for people who are told of it in general: what is filled in elsewhere stands in angle brackets.
    pub fn general_fix(&self) -> String {
        open_placeholders(self.fix)
    }
}

/// `{name}` as `<name>`. Braces around anything but a name are left alone: some fixes quote JSON and PowerShell.
pub(crate) fn open_placeholders(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find('{') {
        let (before, after) = rest.split_at(begin);
        out.push_str(before);
        let inner = after[1..].split('}').next().unwrap_or_default();
        let is_name = !inner.is_empty()
            && inner.bytes().all(|b| b.is_ascii_lowercase() || b == b' ')
            && after.len() > inner.len() + 1;
        if is_name {
            out.push('<');
            out.push_str(inner);
            out.push('>');
            rest = &after[inner.len() + 2..];
        } else {
            out.push('{');
            rest = &after[1..];
        }
    }
    out.push_str(rest);
    out
}

/// Everything that is known.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    entra::ENTRIES.iter().chain(symptoms::ENTRIES.iter().copied()).chain([&DEFECT, &INVALID_ARGUMENT])
}

/// What a code of Entra means, if it is known.
pub fn of_code(code: u32) -> Option<&'static Entry> {
    entra::ENTRIES.iter().find(|entry| entry.codes.contains(&code))
}

/// The code that a text of Entra's names (`AADSTS700213: …`).
pub(crate) fn code_in(text: &str) -> Option<u32> {
    let digits = text.split_once("AADSTS")?.1;
    digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())].parse().ok()
}

/// The entry with this id.
pub fn of_id(id: &str) -> Option<&'static Entry> {
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
    fn names_in_braces_are_opened_and_quoted_code_is_not() {
        let text = r#"run {client id} with '{"name":"x"}' and @{…} for {tenant}"#;
        assert_eq!(open_placeholders(text), r#"run <client id> with '{"name":"x"}' and @{…} for <tenant>"#);
    }
}
