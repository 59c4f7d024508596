//! JSON text whose escapes name half a surrogate pair. Windows file names may hold one, and no string of Rust can.

/// The text with U+FFFD in place of each half of a surrogate pair; `None` if it has no such half.
pub(crate) fn replace_lone_surrogates(json: &str) -> Option<String> {
    let mut out: Option<String> = None;
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = json[at..].find('\\') {
        let escape = at + found;
        let Some(code) = unicode_escape(&json[escape..]) else {
            // The backslash and what it escapes.
            at = (escape + 2).min(json.len());
            while !json.is_char_boundary(at) {
                at += 1;
            }
            continue;
        };
        at = escape + ESCAPE;
        match code {
            0xd800..=0xdbff if matches!(unicode_escape(&json[at..]), Some(0xdc00..=0xdfff)) => at += ESCAPE,
            0xd800..=0xdfff => {
                let out = out.get_or_insert_default();
                out.push_str(&json[copied..escape]);
                out.push(char::REPLACEMENT_CHARACTER);
                copied = at;
            }
            _ => {}
        }
    }
    out.map(|out| out + &json[copied..])
}

/// Length of `\uXXXX`.
const ESCAPE: usize = 6;

/// The code of the `\uXXXX` that the text begins with.
fn unicode_escape(text: &str) -> Option<u32> {
    let digits = text.get(..ESCAPE)?.strip_prefix("\\u")?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::replace_lone_surrogates;

    #[test]
    fn only_halves_of_pairs_are_replaced() {
        for (json, expected) in [
            (r#"{"a":"plain"}"#, None),
            (r#"{"a":"\ud83d\ude00"}"#, None),
            (r#"{"a":"\\ud83d"}"#, None),
            (r#"{"a":"\u00e9"}"#, None),
            (r#"{"a":"\ud83d_x"}"#, Some("{\"a\":\"\u{fffd}_x\"}")),
            (r#"{"a":"\ude00"}"#, Some("{\"a\":\"\u{fffd}\"}")),
            (r#"{"\uD83D":"\ud83d\ud83d\ude00"}"#, Some("{\"\u{fffd}\":\"\u{fffd}\\ud83d\\ude00\"}")),
            (r#""\ud83d\n""#, Some("\"\u{fffd}\\n\"")),
            (r#""\ud83d"#, Some("\"\u{fffd}")),
            ("\"\\", None),
            ("\"\\é", None),
        ] {
            assert_eq!(replace_lone_surrogates(json).as_deref(), expected, "{json}");
        }
    }
}
