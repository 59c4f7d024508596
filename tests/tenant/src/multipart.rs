//! `multipart/form-data` (RFC 7578), as far as a form of short texts needs it.

use std::collections::HashMap;

/// The fields of a body, and the names that come more than once. What is not such a body has no fields.
pub(crate) fn pairs(content_type: &str, body: &[u8]) -> (HashMap<String, String>, Vec<String>) {
    let (mut map, mut repeated) = (HashMap::new(), Vec::new());
    let Some(boundary) = parameter(content_type, "boundary") else { return (map, repeated) };
    let body = String::from_utf8_lossy(body);
    for part in body.split(format!("--{boundary}").as_str()).skip(1) {
        let Some((head, value)) = part.split_once("\r\n\r\n") else { continue };
        let disposition = head.lines().find(|line| is_disposition(line));
        let Some(name) = disposition.and_then(|line| parameter(line, "name")) else { continue };
        let value = value.strip_suffix("\r\n").unwrap_or(value);
        if map.insert(name.to_owned(), value.to_owned()).is_some() {
            repeated.push(name.to_owned());
        }
    }
    (map, repeated)
}

fn is_disposition(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case("content-disposition"))
}

/// A parameter of a header, with or without quotes: .NET writes `name=scope`.
fn parameter<'a>(header: &'a str, wanted: &str) -> Option<&'a str> {
    header.split(';').skip(1).find_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim_matches('"'))
    })
}
