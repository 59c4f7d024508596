//! The environment variables of the caller.

use std::collections::HashMap;

use serde::Deserialize;

use super::variables::Variable;

/// The environment variables as the caller's runtime sees them. As in the Azure SDKs, an empty variable counts as not
/// set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The variable's value, trimmed, unless it is empty.
    pub fn get(&self, variable: Variable) -> Option<&str> {
        self.0.get(variable.name()).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Whether the value of the variable is `true`.
    pub(crate) fn is_true(&self, variable: Variable) -> bool {
        self.get(variable).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A snapshot of these variables.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Environment(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
