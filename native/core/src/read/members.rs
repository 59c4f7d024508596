//! Single members of rows: those that tell rows apart, and ids.

use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use serde_json::value::RawValue;

/// The members of a row that are its own, by their names in lower case.
fn members(json: &str) -> Option<BTreeMap<String, &RawValue>> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    Some(members.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
}

/// Rows that came before, told apart by some of their members.
pub(crate) struct Unique {
    names: Vec<String>,
    seen: HashSet<u64>,
}

impl Unique {
    /// `None` if the rows have no such members.
    pub(crate) fn by(names: &[&str]) -> Option<Self> {
        let names: Vec<_> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        (!names.is_empty()).then(|| Unique { names, seen: HashSet::new() })
    }

    /// Notes a row; false if it came before. A row without any of the members counts as new.
    pub(crate) fn is_new(&mut self, json: &str) -> bool {
        let Some(members) = members(json) else { return true };
        let values: Vec<_> =
            self.names.iter().map(|name| members.get(name).map(|value| value.get())).collect();
        values.iter().all(Option::is_none) || self.seen.insert(FixedState::default().hash_one(&values))
    }
}

/// The ids of rows.
pub(crate) struct Ids {
    member: &'static str,
    pub(crate) found: Vec<String>,
}

impl Ids {
    pub(crate) fn of(member: &'static str) -> Self {
        Ids { member, found: Vec::new() }
    }

    pub(crate) fn note(&mut self, json: &str) {
        let members = members(json);
        let id = members.as_ref().and_then(|members| members.get(&self.member.to_ascii_lowercase()));
        let id = id.and_then(|id| serde_json::from_str::<String>(id.get()).ok());
        self.found.extend(id.filter(|id| !id.is_empty()));
    }
}

/// The rows inside an element that holds a list of them under this name; `None` for an element that is a row itself.
pub(crate) fn rows_inside<'a>(json: &'a str, list: &str) -> Option<Vec<&'a str>> {
    let members = members(json)?;
    let rows: Vec<&RawValue> = serde_json::from_str(members.get(list)?.get()).ok()?;
    Some(rows.into_iter().map(RawValue::get).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_apart_by_their_members_whatever_their_order_and_case() {
        let mut unique = Unique::by(&["id", "status"]).unwrap();
        assert!(unique.is_new(r#"{"id":"a","status":"New","x":1}"#));
        assert!(!unique.is_new(r#"{"Status":"New","Id":"a","x":2}"#));
        assert!(unique.is_new(r#"{"id":"a","status":"Fixed"}"#));
        assert!(unique.is_new(r#"{"id":"a"}"#));
        assert!(unique.is_new("{}") && unique.is_new("{}"));
        assert!(Unique::by(&[]).is_none());
    }

    #[test]
    fn ids_are_texts() {
        let mut ids = Ids::of("subscriptionId");
        for row in
            [r#"{"subscriptionId":"a"}"#, r#"{"SubscriptionId":"b"}"#, r#"{"subscriptionId":null}"#, "{}"]
        {
            ids.note(row);
        }
        assert_eq!(ids.found, ["a", "b"]);
    }

    #[test]
    fn an_element_with_a_list_is_not_a_row() {
        assert_eq!(
            rows_inside(r#"{"value":[{"a":1},{"a":2}]}"#, "value"),
            Some(vec![r#"{"a":1}"#, r#"{"a":2}"#])
        );
        assert_eq!(rows_inside(r#"{"key":"x","value":"y"}"#, "value"), None);
        assert_eq!(rows_inside(r#"{"key":"x"}"#, "value"), None);
    }
}
