//! Quotes texts that came from outside: short, on one line, without secrets in any encoding.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

const MASK: &str = "***";
/// Longest word that is quoted from a service's text. Ids are shorter, tokens are longer.
const WORD_LIMIT: usize = 60;
/// Longest correlation id. A GUID has 36 characters.
const ID_LIMIT: usize = 100;
/// Most that is read of a text. The rest would not be quoted anyway.
const TEXT_LIMIT: usize = 8 * 1024;
/// Longest text that is used as a whole. The subject of a federated credential has at most 600 characters.
const WHOLE_LIMIT: usize = 1000;
/// As many bytes of a secret are masked even if the rest does not follow, and at the end of a text fewer are.
const PART: usize = 12;
const LAST_PART: usize = 4;
/// Shortest run of base64 that is decoded.
const BASE64_RUN: usize = 8;

/// How forms encode the characters of base64 that are not letters or digits.
const BASE64_ESCAPES: [(&str, &str); 6] =
    [("%2B", "+"), ("%2b", "+"), ("%2F", "/"), ("%2f", "/"), ("%3D", "="), ("%3d", "=")];

/// Decodes base64 whose padding may be missing and whose last bits may not be zero, as in a part of a longer text.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Quotes the answers to one request without the secrets that the request contained.
#[derive(Clone, Default)]
pub(crate) struct Quoter(Vec<Zeroizing<String>>);

impl Quoter {
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty());
        Quoter(secrets.map(|secret| Zeroizing::new(secret.to_owned())).collect())
    }

    /// The first `limit` characters of `text` on one line, without the secrets.
    pub(crate) fn text(&self, text: &str, limit: usize) -> String {
        // Once more after characters became spaces: a text may become the secret by that.
        excerpt(&self.mask(&on_one_line(&self.mask(beginning(text)))), limit)
    }

    /// A correlation id from outside: people send it to the service's support.
    pub(crate) fn id(&self, text: &str) -> Option<String> {
        Some(self.text(text, ID_LIMIT)).filter(|id| !id.is_empty())
    }

    /// The text with `***` in place of each secret, in plain text or percent-encoded, form-encoded, as base64, or with
    /// the escapes of JSON or HTML.
    pub(crate) fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            let text = mask_escaped(&text, secret);
            let decoded =
                BASE64_ESCAPES.iter().fold(text.clone(), |text, (escape, c)| text.replace(escape, c));
            let masked = mask_base64(&decoded, secret);
            if masked == decoded { text } else { masked }
        })
    }
}

/// The start of a text, as much as may be quoted of it.
fn beginning(text: &str) -> &str {
    let text = text.trim_start();
    let mut end = text.len().min(TEXT_LIMIT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Masks a secret whose characters may be escaped, each in its own way.
fn mask_escaped(text: &str, secret: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = length_of_secret(rest, secret) {
            out.push_str(MASK);
            rest = &rest[length..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// The length of the secret at the start of `text`, or of a part of it that would tell too much.
fn length_of_secret(text: &str, secret: &str) -> Option<usize> {
    let (mut at, mut known) = (0, 0);
    while known < secret.len() {
        let Some((length, bytes)) = next_escaped(&text[at..], &secret.as_bytes()[known..]) else { break };
        at += length;
        known += bytes;
    }
    let is_last = text[at..].chars().next().is_none_or(|c| c == '…');
    let enough = if is_last { LAST_PART } else { PART };
    (known >= enough.min(secret.len())).then_some(at)
}

/// Matches the next character of `secret` at the start of `text`: the lengths in both.
fn next_escaped(text: &str, secret: &[u8]) -> Option<(usize, usize)> {
    let matches = |character: char, length: usize| {
        let mut buffer = [0; 4];
        let encoded = character.encode_utf8(&mut buffer).as_bytes();
        secret.starts_with(encoded).then_some((length, encoded.len()))
    };
    let (wanted, first) = (*secret.first()?, text.chars().next()?);
    if let Some(plain) = matches(first, first.len_utf8()) {
        return Some(plain);
    }
    match first {
        '+' if wanted == b' ' => Some((1, 1)),
        '%' if wanted == b'%' && text.starts_with("%25") => Some((3, 1)),
        '%' => percent(text.as_bytes()).filter(|(byte, _)| *byte == wanted).map(|(_, length)| (length, 1)),
        '\\' => json_escape(text, matches),
        '&' => html_entity(text).and_then(|(character, length)| matches(character, length)),
        _ => None,
    }
}

/// The byte of `%7E`, or of `%257E`, which was encoded twice.
fn percent(text: &[u8]) -> Option<(u8, usize)> {
    let mut length = 1;
    while text.get(length..length + 2) == Some(b"25") && text.len() > length + 3 {
        length += 2;
    }
    let digits = text.get(length..length + 2)?;
    Some((u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?, length + 2))
}

/// An escape of JSON (RFC 8259 §7). JSON within JSON has several backslashes.
fn json_escape<T>(text: &str, matches: impl Fn(char, usize) -> Option<T>) -> Option<T> {
    let begin = text.len() - text.trim_start_matches('\\').len();
    let escaped = text[begin..].chars().next()?;
    let special = match escaped {
        'u' => {
            let digits = text.get(begin + 1..begin + 5);
            let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            code.and_then(char::from_u32).and_then(|character| matches(character, begin + 5))
        }
        'n' => matches('\n', begin + 1),
        'r' => matches('\r', begin + 1),
        't' => matches('\t', begin + 1),
        _ => None,
    };
    special.or_else(|| matches(escaped, begin + escaped.len_utf8()))
}

/// The character of an entity of HTML.
fn html_entity(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let name = &text[1..end];
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((character, end + 1))
}

/// Masks each run of base64 that contains the secret, wherever in the run it begins: `Basic` credentials contain more
/// than the secret.
fn mask_base64(text: &str, secret: &str) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_base64(c) != is_base64(first)).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        let hides = is_base64(first) && run.len() >= BASE64_RUN && hides_secret(run, secret);
        out.push_str(if hides { MASK } else { run });
        rest = if hides { tail.trim_start_matches('=') } else { tail };
    }
    out
}

fn hides_secret(run: &str, secret: &str) -> bool {
    let standard = Zeroizing::new(run.replace('-', "+").replace('_', "/"));
    (0..4).any(|from| {
        let Some(part) = standard.get(from..) else { return false };
        // One character more than whole groups has no byte of its own.
        let part = if part.len() % 4 == 1 { &part[..part.len() - 1] } else { part };
        let Ok(decoded) = BASE64.decode(part).map(Zeroizing::new) else { return false };
        let text = Zeroizing::new(String::from_utf8_lossy(&decoded).into_owned());
        mask_escaped(&text, secret) != *text
    })
}

/// The first `limit` characters of `text` on one line. Words as long as a token are masked: some services quote what
/// they reject.
pub(crate) fn excerpt(text: &str, limit: usize) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.~+=".contains(c);
    let mut masked = String::new();
    let mut rest = beginning(text).trim_end();
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        masked.push_str(if is_word(first) && run.len() > WORD_LIMIT { MASK } else { run });
        rest = tail;
    }
    let mut out: String = on_one_line(&masked).chars().take(limit).collect();
    if masked.chars().nth(limit).is_some() {
        out.push('…');
    }
    out
}

/// A text from outside that is used as a whole, such as a claim: on one line, and not longer than any that is sound.
pub(crate) fn printable(text: &str) -> String {
    on_one_line(text).chars().take(WHOLE_LIMIT).collect()
}

fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).collect()
}

/// Characters that control a terminal, begin a line or change the direction of text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD as PADDED, URL_SAFE_NO_PAD};

    use super::*;

    const SECRET: &str = r#"fake~Secret +/"\&<é>=="#;

    #[test]
    fn a_secret_is_masked_in_every_encoding() {
        let form: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let percent = SECRET.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
        let json = serde_json::to_string(SECRET).unwrap();
        let unicode = SECRET.chars().map(|c| format!("\\u{:04X}", u32::from(c))).collect::<Vec<_>>().concat();
        let html =
            SECRET.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&#62;").replace('"', "&quot;");
        for encoded in [
            SECRET.to_owned(),
            form.clone(),
            form.replace('%', "%25"),
            percent.clone(),
            percent.to_uppercase().replace("%7E", "~"),
            json.trim_matches('"').to_owned(),
            json.trim_matches('"').replace('/', "\\/"),
            serde_json::to_string(&json).unwrap(),
            unicode,
            html,
            PADDED.encode(SECRET),
            URL_SAFE_NO_PAD.encode(SECRET),
            PADDED.encode(format!("client:{SECRET}")),
            PADDED.encode(format!("c:{form}&x")),
            PADDED.encode(SECRET).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"),
            PADDED.encode(format!("cl:{SECRET}:more")),
        ] {
            let shown = Quoter::new([SECRET]).text(&format!("the value '{encoded}' is bad"), 300);
            assert!(shown.starts_with("the value '") && shown.ends_with("is bad"), "{encoded}: {shown}");
            assert!(shown.contains("***"), "{encoded}: {shown}");
            let plain = ["fake", "Secret", "66616b65", "%66", "ZmFr"];
            assert!(!plain.iter().any(|part| shown.contains(part)), "{encoded}: {shown}");
        }
    }

    #[test]
    fn a_part_of_a_secret_is_masked_too() {
        let secret = "fake-secret-of-an-app";
        let quoter = Quoter::new([secret]);
        assert_eq!(quoter.text("it begins with fake-secret-of and more", 99), "it begins with *** and more");
        assert_eq!(quoter.text("cut: fake-sec", 99), "cut: ***");
        assert_eq!(quoter.text("cut: fake-secret-of-an-app", 20), "cut: ***");
    }

    #[test]
    fn what_is_no_secret_is_quoted() {
        let quoter = Quoter::new(["fake-secret-of-an-app", ""]);
        let said = "AADSTS700016: Application with identifier '00000000-0000-0000-0000-000000000001' 100% a+b \\n &c";
        assert_eq!(quoter.text(said, 300), said);
        assert_eq!(Quoter::default().text("aGVsbG8gd29ybGQ=", 300), "aGVsbG8gd29ybGQ=");
    }

    #[test]
    fn an_id_is_short_and_has_no_control_characters() {
        let quoter = Quoter::new(["fake-secret"]);
        assert_eq!(quoter.id("00000000-0000-0000-0000-000000000001").unwrap().len(), 36);
        assert_eq!(quoter.id("a\u{1b}[31mb\u{202e}c\u{2028}d fake-secret").unwrap(), "a [31mb c d ***");
        assert_eq!(quoter.id(&"ab ".repeat(1000)).unwrap().chars().count(), ID_LIMIT + 1);
        assert_eq!(quoter.id(" \r\n"), None);
    }

    #[test]
    fn a_secret_that_a_text_becomes_on_one_line_is_masked() {
        let quoted = Quoter::new([SECRET]).text(&SECRET.replace(' ', "\u{1e}"), 300);
        assert_eq!(quoted, MASK);
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt(" a\r\nb ", 10), "a  b");
        assert_eq!(excerpt("abcdef", 3), "abc…");
        let token = format!("eyJ0eXAi.{}.sig-nature_", "x".repeat(60));
        assert_eq!(excerpt(&format!("the token '{token}' is bad"), 100), "the token '***' is bad");
        assert_eq!(excerpt("https://login.example/0a0a0a0a-0000-4000-8000-000000000001/v2.0", 100).len(), 63);
    }
}
