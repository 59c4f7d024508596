//! Texts of services that end up in errors.

use crate::errors::Quoter;
use crate::http::ErrorBody;
use crate::http::retry::quota_window;

const SECRET: &str = r#"fake~Secret +/"\&<>=="#;

/// Whatever an error answer says, what is quoted of it is short, on one line and without the secret, wherever in the
/// text that stands.
pub(super) fn error_text(data: &[u8]) {
    let quoter = Quoter::new([SECRET]);
    let text = String::from_utf8_lossy(data).into_owned();
    let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let form: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    for secret in ["", SECRET, &form] {
        let echo = format!("{}{secret}{}", &text[..middle], &text[middle..]);
        let body = ErrorBody::read(echo.as_bytes());
        for said in [&echo, &body.said(), body.correlation_id.as_ref().unwrap_or(&echo)] {
            for quoted in [quoter.text(said, 300), quoter.id(said).unwrap_or_default()] {
                assert!(quoted.chars().count() <= 301, "too long: {quoted}");
                assert!(!quoted.contains(char::is_control), "a control character: {quoted:?}");
                assert!(!quoted.contains(SECRET) && !quoted.contains(&form), "the secret: {quoted}");
            }
        }
    }
    assert!(quota_window(&text).is_none_or(|window| !window.is_zero()), "no window: {text}");
}
