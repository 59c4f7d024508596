//! Reads the body of an error answer, whatever its shape: flat or nested, with names in any case and members of any
//! type, or no JSON at all.

use serde_json::Value;

use crate::errors::code_in;
use crate::settings::is_guid;

/// Nested objects beyond this depth say nothing more.
const DEPTH: usize = 4;

/// What an error answer says.
#[derive(Debug, Default)]
pub(crate) struct ErrorBody {
    /// The error's word or code, such as `invalid_client`.
    pub(crate) code: String,
    /// The text for people.
    pub(crate) message: String,
    /// What Azure says besides: the cause is there.
    details: String,
    /// Entra's code, from its list or from the texts.
    pub(crate) aadsts: Option<u32>,
    /// Correlation id for the service's support, as it came.
    pub(crate) correlation_id: Option<String>,
    /// Whether it is a JSON object. None of the services answers anything else by itself.
    pub(crate) is_json: bool,
    /// Whether it is a page of HTML.
    pub(crate) is_page: bool,
}

impl ErrorBody {
    pub(crate) fn read(body: &[u8]) -> Self {
        let body = without_mark(body);
        let mut read = ErrorBody::default();
        match serde_json::from_slice::<Value>(body) {
            Ok(Value::String(text)) => read.message = text,
            Ok(value) => {
                read.is_json = value.is_object();
                read.collect(&value, 0);
            }
            Err(_) => {
                let text = String::from_utf8_lossy(body);
                read.is_page = text.trim_start().starts_with('<');
                read.message = if read.is_page { without_tags(&text) } else { text.into_owned() };
            }
        }
        if !read.details.is_empty() {
            let message = format!("{} {}", read.message, read.details);
            message.trim().clone_into(&mut read.message);
        }
        read.aadsts = read.aadsts.or_else(|| code_in(&read.message)).or_else(|| code_in(&read.code));
        read
    }

    /// The code and the text.
    pub(crate) fn said(&self) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            ("", message) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        }
    }

    fn collect(&mut self, value: &Value, depth: usize) {
        let Some(members) = value.as_object().filter(|_| depth < DEPTH) else { return };
        // The texts of an object count more than those of the objects in it.
        for (name, value) in members {
            match name.to_ascii_lowercase().as_str() {
                "error" | "code" => keep(&mut self.code, value),
                "message" | "error_description" => keep(&mut self.message, value),
                "error_codes" => self.aadsts = self.aadsts.or_else(|| code_of(value)),
                "correlationid" | "correlation_id" | "request-id" => self.keep_id(text_of(value)),
                // Defender's name of the id. In other services it names the member that is wrong.
                "target" => self.keep_id(text_of(value).filter(|text| is_guid(text))),
                "details" if self.details.is_empty() => {
                    let first = value.get(0).and_then(|detail| detail.get("message")).and_then(Value::as_str);
                    first.unwrap_or_default().clone_into(&mut self.details);
                }
                _ => {}
            }
        }
        for value in members.values() {
            self.collect(value, depth + 1);
        }
    }

    fn keep_id(&mut self, id: Option<String>) {
        if self.correlation_id.is_none() {
            self.correlation_id = id;
        }
    }
}

fn keep(place: &mut String, value: &Value) {
    if place.is_empty()
        && let Some(text) = text_of(value)
    {
        *place = text;
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn code_of(value: &Value) -> Option<u32> {
    match value {
        Value::Array(codes) => codes.iter().find_map(code_of),
        other => text_of(other)?.trim().parse().ok(),
    }
}

/// A body without the byte order mark that some services and proxies put before it.
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// The title of a page of HTML, or the text between its tags.
fn without_tags(text: &str) -> String {
    let title = between(text, "<title>", "</title>").filter(|title| !title.trim().is_empty());
    let text = title.unwrap_or(text);
    let mut out = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find('<') {
        out.push_str(&rest[..begin]);
        out.push(' ');
        let Some(end) = rest[begin..].find('>') else { break };
        rest = &rest[begin + end + 1..];
    }
    if !rest.contains('<') {
        out.push_str(rest);
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let lower = text.to_ascii_lowercase();
    let from = lower.find(begin)? + begin.len();
    let to = from + lower[from..].find(end)?;
    text.get(from..to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_read() {
        for (body, said, id) in [
            (r#"{"statusCode":400,"message":"flat","correlationId":"c-1"}"#, "flat", Some("c-1")),
            (r#"{"StatusCode":400,"Message":"UPPER","CorrelationId":7}"#, "UPPER", Some("7")),
            (r#"{"error":{"code":429,"message":null,"innerError":{"request-id":"r"}}}"#, "429", Some("r")),
            (
                r#"{"error":{"code":"c","innerError":{"code":"i","message":"inner"},"message":"m"}}"#,
                "c: m",
                None,
            ),
            (r#"{"error":["odd"],"error_description":{"x":1},"message":"m"}"#, "m", None),
            ("\u{feff}{\"error\":\"e\",\"error_description\":\"d\"}", "e: d", None),
            (
                r#"{"error":{"code":"c","message":"m","target":"00000000-0000-0000-0000-000000000001"}}"#,
                "c: m",
                Some("00000000-0000-0000-0000-000000000001"),
            ),
            (r#"{"error":{"code":"c","message":"m","target":"properties.name"}}"#, "c: m", None),
            (r#""text""#, "text", None),
            ("[1,2]", "", None),
            ("plain text", "plain text", None),
            ("<html><head><TITLE>Access denied</TITLE></head><body>x</body></html>", "Access denied", None),
            ("<html><body><p>Bad</p> Gateway</body>", "Bad Gateway", None),
            ("<html", "", None),
            ("", "", None),
        ] {
            let read = ErrorBody::read(body.as_bytes());
            assert_eq!((read.said().as_str(), read.correlation_id.as_deref()), (said, id), "{body}");
        }
    }

    #[test]
    fn entras_code_is_found_wherever_it_is() {
        for body in [
            r#"{"error":"invalid_client","error_codes":[700016],"error_description":"x"}"#,
            r#"{"error":"invalid_client","error_codes":["700016"]}"#,
            r#"{"error":"invalid_client","error_codes":700016}"#,
            r#"{"error":"invalid_client","error_codes":[],"error_description":"AADSTS700016: x"}"#,
            r#"{"error":{"code":"AADSTS700016","message":"x"}}"#,
            "failed to refresh token: AADSTS700016: Application not found",
        ] {
            assert_eq!(ErrorBody::read(body.as_bytes()).aadsts, Some(700_016), "{body}");
        }
        assert_eq!(ErrorBody::read(br#"{"error_codes":[-1,"x",{}]}"#).aadsts, None);
    }
}
