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
    /// What to do. Names in braces, such as `{tenant}`, are placeholders: [`Error::fill`](super::Error) gives them values.
    pub fix: &'static str,
}

impl KnownError {
    /// The fix with these values in place of its placeholders.
    pub(crate) fn advice(&self, values: &[(&'static str, String)]) -> String {
        fill_placeholders(self.fix, values)
    }

    /// The fix in general, without the values of one case.
    pub fn general_fix(&self) -> String {
        self.advice(&[])
    }

    /// Whether this is that entry of the table, whatever their texts.
    pub(crate) fn is(&self, other: &KnownError) -> bool {
        std::ptr::eq(self, other)
    }
}

/// `template` with the value of each `{name}`; a name without a value, or with an empty one, becomes `<name>`. Braces
/// around anything but a name stay as they are: some fixes quote JSON and PowerShell.
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

/// The name in the braces that `text` begins with.
fn placeholder(text: &str) -> Option<&str> {
    let name = text.strip_prefix('{')?.split_once('}')?.0;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b' ');
    is_name.then_some(name)
}
