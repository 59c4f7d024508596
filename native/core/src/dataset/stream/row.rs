//! A row as a service takes it: its members may have other names, and values that are too long are cut.

use std::fmt::{self, Write as _};

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// The longest value of a column. Log Analytics would cut a longer one without a word.
const LONGEST: usize = 64 * 1024;
/// The longest value of a row that is too large with longer ones.
const SHORT: usize = 8 * 1024;
/// Room for the mark of a value that is cut.
const MARK: usize = 64;

/// The members of a row, in their order. `None` if it is no JSON object.
pub(super) fn members(json: &str) -> Option<Vec<(String, &RawValue)>> {
    struct Collect;
    impl<'de> Visitor<'de> for Collect {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a row")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    let mut json = serde_json::Deserializer::from_str(json);
    let members = json.deserialize_map(Collect).ok()?;
    json.end().is_ok().then_some(members)
}

/// How a row is written.
pub(super) struct Style<'a> {
    /// Members that come first.
    pub(super) before: &'a str,
    /// Gives the name of a member.
    pub(super) name: fn(&str) -> String,
    /// Whether members that are null are left out.
    pub(super) without_null: bool,
}

/// Writes a row of at most `limit` bytes, if cutting values is enough for that.
pub(super) fn write(members: &[(String, &RawValue)], style: &Style<'_>, limit: usize, out: &mut Vec<u8>) {
    for longest in [LONGEST, SHORT] {
        out.clear();
        out.push(b'{');
        out.extend_from_slice(style.before.as_bytes());
        for (member, value) in members {
            if style.without_null && value.get() == "null" {
                continue;
            }
            if out.len() > 1 {
                out.push(b',');
            }
            put(&(style.name)(member), out);
            out.push(b':');
            match cut(value.get(), longest) {
                Some(cut) => put(&cut, out),
                None => out.extend_from_slice(value.get().as_bytes()),
            }
        }
        out.push(b'}');
        if out.len() <= limit {
            return;
        }
    }
}

/// The beginning of a value that is too long, as text; `None` if it is not too long.
fn cut(json: &str, longest: usize) -> Option<String> {
    if json.len() <= longest {
        return None;
    }
    let is_text = json.starts_with('"');
    let mut text: String = if is_text { serde_json::from_str(json).ok()? } else { json.to_owned() };
    let whole = text.len();
    if is_text && whole <= longest {
        return None;
    }
    let end = (0..=longest - MARK).rfind(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    let _ = write!(text, " … [cut by FedXdr: {whole} bytes]");
    Some(text)
}

/// Writes a text as JSON. Writing into memory does not fail.
pub(super) fn put(text: &str, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: &str, limit: usize) -> serde_json::Value {
        let mut out = Vec::new();
        let style = Style { before: r#""a":1"#, name: str::to_uppercase, without_null: true };
        write(&members(json).unwrap(), &style, limit, &mut out);
        assert!(out.len() <= limit);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn members_get_names_and_null_is_left_out() {
        let row = written(r#"{"x":null,"y":[1,null],"z":"é"}"#, 1000);
        assert_eq!(row, serde_json::json!({"a": 1, "Y": [1, null], "Z": "é"}));
        assert!(members("[]").is_none() && members("{} {}").is_none() && members("{").is_none());
    }

    #[test]
    fn values_that_are_too_long_are_cut_and_say_so() {
        let long = "é".repeat(40_000);
        let row = written(
            &serde_json::json!({"t": long, "l": [long], "s": "x".repeat(65_536)}).to_string(),
            1_000_000,
        );
        for name in ["T", "L"] {
            let text = row[name].as_str().unwrap();
            assert!(text.len() <= 64 * 1024 && text.ends_with("bytes]"), "{name}");
        }
        assert!(row["T"].as_str().unwrap().contains("80000 bytes"));
        assert_eq!(row["S"].as_str().unwrap().len(), 65_536);
        // Many of them.
        let many: serde_json::Map<_, _> = (0..30).map(|n| (format!("m{n}"), long.clone().into())).collect();
        let row = written(&serde_json::Value::Object(many).to_string(), 1_000_000);
        assert!(row["M29"].as_str().unwrap().len() <= 8 * 1024);
    }
}
