//! Snapshots: every six hours the service makes one of each export assessment. The links between its pages name it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::Url;

use crate::read::address;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SkipToken {
    export_definition: Definition,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    time_path: String,
}

/// The snapshot that a link leads to, as the service names it: `2026-11-24/1101/`. `None` if the link does not say.
pub(super) fn of_link(link: &Url) -> Option<String> {
    let token = address::parameter(link, "$skiptoken")?;
    let token = STANDARD.decode(token).ok()?;
    let token: SkipToken = serde_json::from_slice(&token).ok()?;
    Some(token.export_definition.time_path)
}

/// When a snapshot was made, as far as its name tells.
pub(super) fn time(snapshot: &str) -> Option<String> {
    // A list of files says the time itself.
    if let Ok(time) = snapshot.parse::<jiff::Timestamp>() {
        return Some(time.to_string());
    }
    let (day, rest) = snapshot.split_once('/')?;
    let (hour, minute) = rest.trim_end_matches('/').split_at_checked(2)?;
    let text = format!("{day}T{hour}:{minute}:00Z");
    text.parse::<jiff::Timestamp>().is_ok().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_its_snapshot_or_does_not() {
        // The token of the service's documentation.
        let documented = "eyJFeHBvcnREZWZpbml0aW9uIjp7IlRpbWVQYXRoIjoiMjAyMS0wMS0xMS8xMTAxLyJ9LCJFeHBvcnRGaWxlSW5kZXgi\
                          OjAsIkxpbmVTdG9wcGVkQXQiOjV9";
        let link =
            Url::parse(&format!("https://example.com/api?pagesize=5&$skiptoken={documented}")).unwrap();
        let snapshot = of_link(&link).unwrap();
        assert_eq!(snapshot, "2021-01-11/1101/");
        assert_eq!(time(&snapshot).unwrap(), "2021-01-11T11:01:00Z");
        for query in ["", "?$skiptoken=", "?$skiptoken=e30%3D", "?$skiptoken=%25%25"] {
            assert_eq!(of_link(&Url::parse(&format!("https://example.com/api{query}")).unwrap()), None);
        }
        assert_eq!(time("2026-11-24T11:01:00.5Z").unwrap(), "2026-11-24T11:01:00.5Z");
        for name in ["", "2021-01-11", "2021-01-11/1/", "2021-01-11/9901/", "x/1101/"] {
            assert_eq!(time(name), None, "{name}");
        }
    }
}
