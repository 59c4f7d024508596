//! Single members of rows: those that tell rows apart, and ids.

use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::decode::time::{ParsedTime, parse_time};

/// The values of a row's own members with these names, in any case. `None` if the row is no sound object.
pub(crate) fn pick<'a, const N: usize>(json: &'a str, names: [&str; N]) -> Option<[Option<&'a RawValue>; N]> {
    let mut found = [None; N];
    find(json, &names, &mut found, false).then_some(found)
}

/// As above, for a row that is sound, or where that does not matter: what comes after the last one of them is not read.
pub(crate) fn pick_of_sound<'a, const N: usize>(
    json: &'a str,
    names: [&str; N],
) -> [Option<&'a RawValue>; N] {
    let mut found = [None; N];
    find(json, &names, &mut found, true);
    found
}

/// As [`pick`], for names that are known only when the program runs. All are `None` if the row is no sound object.
pub(crate) fn pick_all<'a>(json: &'a str, names: &[&str]) -> Vec<Option<&'a RawValue>> {
    let mut found = vec![None; names.len()];
    if !find(json, names, &mut found, false) {
        found.fill(None);
    }
    found
}

/// The value of a member as text, without its quotes. `None` if it is null.
pub(crate) fn text(value: Option<&RawValue>) -> Option<String> {
    let json = value?.get();
    match json.as_bytes() {
        [b'"', ..] => serde_json::from_str(json).ok(),
        b"null" => None,
        _ => Some(json.to_owned()),
    }
}

/// Whether the row was read to its end, and is a sound object.
fn find<'a>(
    json: &'a str,
    names: &[&str],
    found: &mut [Option<&'a RawValue>],
    is_enough_when_found: bool,
) -> bool {
    let pick = Pick { names, found, is_enough_when_found };
    serde_json::Deserializer::from_str(json).deserialize_map(pick).is_ok()
}

struct Pick<'a, 'de> {
    names: &'a [&'a str],
    found: &'a mut [Option<&'de RawValue>],
    is_enough_when_found: bool,
}

impl<'de> Visitor<'de> for Pick<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(index) = map.next_key_seed(IndexOf(self.names))? {
            let Some(index) = index else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.found[index] = Some(map.next_value()?);
            if self.is_enough_when_found && self.found.iter().all(Option::is_some) {
                return Err(A::Error::custom("the rest is not needed"));
            }
        }
        Ok(())
    }
}

/// Which of these names a member has, in any case.
struct IndexOf<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for IndexOf<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IndexOf<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|wanted| wanted.eq_ignore_ascii_case(name)))
    }
}

/// Rows that came before, told apart by some of their members: by what these say, however it is written.
pub(crate) struct Unique {
    names: &'static [&'static str],
    seen: HashSet<u64>,
    /// The latest time of those members, in ticks.
    pub(crate) latest: Option<i64>,
}

impl Unique {
    /// `None` if the rows have no such members.
    pub(crate) fn by(names: &'static [&'static str]) -> Option<Self> {
        (!names.is_empty()).then(|| Unique { names, seen: HashSet::new(), latest: None })
    }

    /// Notes a row; false if it came before. A row without any of the members counts as new.
    pub(crate) fn is_new(&mut self, json: &str) -> bool {
        let values: Vec<_> = pick_all(json, self.names).into_iter().map(text).map(told_apart).collect();
        let latest = values.iter().filter_map(|value| value.as_ref()?.as_ref().err()).max().copied();
        self.latest = self.latest.max(latest);
        values.iter().all(Option::is_none) || self.seen.insert(FixedState::default().hash_one(&values))
    }
}

/// A text, or the time that it is.
fn told_apart(text: Option<String>) -> Option<Result<String, i64>> {
    text.map(|text| match parse_time(&text) {
        ParsedTime::Ticks(time) => Err(time),
        _ => Ok(text),
    })
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
        let id = pick(json, [self.member]).and_then(|[id]| id);
        let id = id.and_then(|id| serde_json::from_str::<String>(id.get()).ok());
        self.found.extend(id.filter(|id| !id.is_empty()));
    }
}

/// The rows inside an element that holds a list of them under this name; `None` for an element that is a row itself.
pub(crate) fn rows_inside<'a>(json: &'a str, list: &str) -> Option<Vec<&'a str>> {
    let [rows] = pick(json, [list])?;
    let rows: Vec<&RawValue> = serde_json::from_str(rows?.get()).ok()?;
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
        // A file writes the same values in other words.
        let mut unique = Unique::by(&["id", "eventTimestamp"]).unwrap();
        assert!(unique.is_new(r#"{"id":"\u00e4","eventTimestamp":"2026-11-21 10:13:34.8470000"}"#));
        assert!(!unique.is_new(r#"{"id":"ä","eventTimestamp":"2026-11-21T10:13:34.847Z"}"#));
        assert!(unique.is_new(r#"{"id":"ä","eventTimestamp":"2026-11-20T10:13:34.847Z"}"#));
        let ParsedTime::Ticks(latest) = parse_time("2026-11-21T10:13:34.847Z") else { panic!() };
        assert_eq!(unique.latest, Some(latest));
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
