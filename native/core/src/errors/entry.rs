//! An entry of the table of known errors: pure data.

use super::kind::{Check, ErrorKind};

/// A known error.
#[derive(Clone, Copy, Debug)]
pub struct KnownError {
    /// Codes of Entra that mean this error, if any.
    pub codes: &'static [u32],
    /// Stable id, `Fdx.<Area>.<Name>`.
    pub id: &'static str,
    /// Class.
    pub kind: ErrorKind,
    /// Check of a connection that fails with this error.
    pub check: Check,
    /// Cause.
    pub cause: &'static str,
    /// Fix. Names in braces, such as `{tenant}`, are placeholders that [`Error::fill`](super::Error) fills in.
    pub fix: &'static str,
}

impl KnownError {
    /// The fix with these values in place of its placeholders.
    pub(crate) fn advice(&self, values: &[(&'static str, String)]) -> String {
        fill_placeholders(self.fix, values)
    }

    /// The fix without values.
    pub fn general_fix(&self) -> String {
        self.advice(&[])
    }

    /// Whether both are the same entry of the table, even if their texts are equal.
    pub(crate) fn is(&self, other: &KnownError) -> bool {
        std::ptr::eq(self, other)
    }
}

/// Replaces each `{name}` in `template` with its value. A name without a value, or with an empty one, becomes `<name>`.
/// Braces around anything else stay: some fixes quote JSON and PowerShell.
pub(super) fn fill_placeholders(template: &str, values: &[(&'static str, String)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(begin) = rest.find('{') {
        let (before, after) = rest.split_at(begin);
        out.push_str(before);
        let Some(name) = placeholder(after) else {
            out.push('{');
            rest = &after[1..];
            continue;
        };
        match values.iter().rev().find(|(known, value)| *known == name && !value.is_empty()) {
            Some((_, value)) => out.push_str(value),
            None => out.extend(["<", name, ">"]),
        }
        rest = &after[name.len() + 2..];
    }
    out.push_str(rest);
    out
}

/// The name in the braces at the start of `text`.
fn placeholder(text: &str) -> Option<&str> {
    let name = text.strip_prefix('{')?.split_once('}')?.0;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b' ');
    is_name.then_some(name)
}
