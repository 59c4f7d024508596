//! One thing that is known to go wrong: pure data.

use super::kind::{Check, ErrorKind};

/// One thing that can be wrong.
#[derive(Clone, Copy, Debug)]
pub struct KnownError {
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

impl KnownError {
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
