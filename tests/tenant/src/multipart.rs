//! `multipart/form-data` (RFC 7578), as far as a form of short texts needs it.

/// A field of a body. What is not such a body has no fields.
pub(crate) fn field(content_type: &str, body: &[u8], wanted: &str) -> Option<String> {
    if !content_type.to_ascii_lowercase().starts_with("multipart/form-data") {
        return None;
    }
    let boundary = parameter(content_type, "boundary")?;
    let body = String::from_utf8_lossy(body);
    body.split(format!("--{boundary}").as_str()).skip(1).find_map(|part| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let disposition = head.lines().find(|line| is_disposition(line))?;
        let found = parameter(disposition, "name")? == wanted;
        found.then(|| value.strip_suffix("\r\n").unwrap_or(value).to_owned())
    })
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
