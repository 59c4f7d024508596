//! A literal is read back by a reader that is written from the language's own rules and shares no code with the writer.

use proptest::prelude::*;

use super::*;

/// What a literal means.
#[derive(Clone, Debug, PartialEq)]
enum Meaning {
    Text(String),
    /// A type, and the raw text between its brackets.
    Typed(String, String),
    Word(String),
    List(Vec<Meaning>),
}

/// Reads one literal at the start of a query. Gives its meaning and the rest of the query.
/// <https://github.com/microsoft/Kusto-Query-Language/blob/master/src/Kusto.Language/Parser/TokenParser.cs>
fn read(query: &str) -> Result<(Meaning, &str), String> {
    let first = query.chars().next().ok_or("nothing is there")?;
    if matches!(first, '\'' | '"') {
        return text(&query[1..], first);
    }
    let length = query.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(query.len());
    let (word, rest) = query.split_at(length);
    let Some(inside) = rest.strip_prefix('(') else { return Ok((Meaning::Word(word.to_owned()), rest)) };
    if word == "dynamic" {
        let (list, rest) = list(inside)?;
        return Ok((list, rest.strip_prefix(')').ok_or("dynamic is not closed")?));
    }
    // The language reads everything up to the first bracket.
    let (raw, rest) = inside.split_once(')').ok_or("a type is not closed")?;
    Ok((Meaning::Typed(word.to_owned(), raw.to_owned()), rest))
}

fn list(query: &str) -> Result<(Meaning, &str), String> {
    let mut rest = query.strip_prefix('[').ok_or("no list")?;
    let mut items = Vec::new();
    while !rest.starts_with(']') {
        let item = if rest.starts_with('[') { list(rest)? } else { read(rest)? };
        items.push(item.0);
        rest = item.1.strip_prefix(',').unwrap_or(item.1);
    }
    Ok((Meaning::List(items), &rest[1..]))
}

fn text(query: &str, quote: char) -> Result<(Meaning, &str), String> {
    let mut units: Vec<u16> = Vec::new();
    let mut letters = query.char_indices();
    while let Some((at, c)) = letters.next() {
        match c {
            c if c == quote => {
                let text = String::from_utf16(&units).map_err(|_| "half a surrogate pair")?;
                return Ok((Meaning::Text(text), &query[at + 1..]));
            }
            '\r' | '\n' => return Err("the line ends inside a text".to_owned()),
            '\\' => {
                let (_, escaped) = letters.next().ok_or("the text ends with a backslash")?;
                let unit = match escaped {
                    '\\' | '\'' | '"' => escaped as u16,
                    'n' => 10,
                    'r' => 13,
                    't' => 9,
                    'u' => {
                        let digits: String = letters.by_ref().take(4).map(|(_, digit)| digit).collect();
                        u16::from_str_radix(&digits, 16).map_err(|_| "no four digits")?
                    }
                    other => return Err(format!("the language does not know \\{other}")),
                };
                units.push(unit);
            }
            c => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
        }
    }
    Err("the text is not closed".to_owned())
}

/// What a literal means by itself.
fn meaning(literal: &str) -> Meaning {
    match read(literal) {
        Ok((meaning, "")) => meaning,
        other => panic!("{literal}: {other:?}"),
    }
}

fn typed(name: &str, raw: &str) -> Meaning {
    Meaning::Typed(name.to_owned(), raw.to_owned())
}

/// What people and attackers put into a query.
const HOSTILE: &[&str] = &[
    "",
    "x' or true //",
    "x'; AlertInfo //",
    "x' | union DeviceInfo //",
    "\" | union DeviceInfo //",
    "ends with \\",
    "\\'",
    "\\\\'",
    "a\u{2028}| take 1",
    "a\u{2029}b\u{85}c",
    "') | take 1 //",
    "2026-01-01) | take 1 //",
    "```| take 1```",
    "~~~",
    "a\0b",
    "a\r\nb\tc",
    "C:\\Users\\a\\.ssh\\id_rsa",
    r"^\d+\.exe$",
    "h'secret'",
    "@'c:\\'",
    "\u{202e}gpj.exe",
    "\u{feff}",
    "日本語 😀 é",
    "'; externaldata(x:string)[@'https://evil.example/']",
    "{}[]();",
    "// comment",
    "{name}",
];

#[test]
fn hostile_texts_are_one_token_that_means_them() {
    for text in HOSTILE {
        let value = Value::String((*text).to_owned());
        let literal = value.literal().unwrap();
        assert_eq!(meaning(&literal), Meaning::Text((*text).to_owned()), "{literal}");
        assert!(!literal.chars().any(|c| c.is_control() || is_format(c)), "{literal:?}");
        let list = Value::List(vec![value.clone(), Value::Long(1), value]).literal().unwrap();
        let text = Meaning::Text((*text).to_owned());
        assert_eq!(meaning(&list), Meaning::List(vec![text.clone(), Meaning::Word("1".to_owned()), text]));
    }
}

#[test]
fn every_type_has_its_literal() {
    for (value, expected) in [
        (Value::Bool(true), "true"),
        (Value::Int(-5), "int(-5)"),
        (Value::Long(i64::MAX), "long(9223372036854775807)"),
        (Value::Real("1E+05".to_owned()), "real(100000.0)"),
        (Value::Real("-0.5".to_owned()), "real(-0.5)"),
        (Value::Real("1E+300".to_owned()), "real(1e300)"),
        (Value::Real("NaN".to_owned()), "real(nan)"),
        (Value::Real("Infinity".to_owned()), "real(+inf)"),
        (Value::Real("-Infinity".to_owned()), "real(-inf)"),
        (Value::Decimal("-12.50".to_owned()), "decimal(-12.50)"),
        (
            Value::Datetime("2026-11-25T01:02:03.1234567Z".to_owned()),
            "datetime(2026-11-25T01:02:03.1234567Z)",
        ),
        (
            Value::Datetime("0001-01-01T00:00:00.0000000Z".to_owned()),
            "datetime(0001-01-01T00:00:00.0000000Z)",
        ),
        (
            Value::Datetime("9999-12-31T23:59:59.9999999Z".to_owned()),
            "datetime(9999-12-31T23:59:59.9999999Z)",
        ),
        (Value::Timespan(937_845_678_901), "timespan(1.02:03:04.5678901)"),
        (Value::Timespan(-10_000_000), "timespan(-0.00:00:01.0000000)"),
        (
            Value::Guid("C0000000-0000-4000-8000-00000000000A".to_owned()),
            "guid(c0000000-0000-4000-8000-00000000000a)",
        ),
        (Value::List(vec![]), "dynamic([])"),
        (
            Value::List(vec![
                Value::Int(1),
                Value::Bool(false),
                Value::Real("2".to_owned()),
                Value::List(vec![Value::Timespan(5)]),
            ]),
            "dynamic([1,false,real(2.0),[timespan(0.00:00:00.0000005)]])",
        ),
    ] {
        assert_eq!(value.literal().as_deref(), Ok(expected));
        meaning(expected);
    }
}

#[test]
fn what_is_no_value_of_its_type_has_no_literal() {
    let mut deep = Value::List(Vec::new());
    for _ in 0..MAX_DEPTH {
        deep = Value::List(vec![deep]);
    }
    for value in [
        Value::Real("1) | take 1 //".to_owned()),
        Value::Decimal("1e5".to_owned()),
        Value::Decimal("1.".to_owned()),
        Value::Decimal("--1".to_owned()),
        Value::Decimal("1)".to_owned()),
        Value::Datetime(String::new()),
        Value::Datetime("2026-01-01) | take 1 //".to_owned()),
        Value::Guid("c0000000".to_owned()),
        Value::List(vec![Value::Decimal("1.5".to_owned())]),
        deep,
    ] {
        assert!(value.literal().is_err(), "{value:?}");
    }
}

/// In columns, times of the first year stand for "never".
#[test]
fn a_time_of_the_first_year_keeps_its_ticks() {
    let first = Value::Datetime("0001-01-01T00:00:00.0000001Z".to_owned());
    assert_eq!(first.literal().unwrap(), "datetime(0001-01-01T00:00:00.0000001Z)");
}

proptest! {
    #[test]
    fn any_text_is_one_token_that_means_it(
        parts in prop::collection::vec(
            prop_oneof![
                any::<char>().prop_map(String::from),
                "[\\\\'\"`~;|/()\\[\\]{}@hHuxU0-9\r\n\t\0 ]{1,4}",
                prop::sample::select(HOSTILE).prop_map(str::to_owned),
            ],
            0..12,
        ),
    ) {
        let text = parts.concat();
        let literal = Value::String(text.clone()).literal().unwrap();
        let query = format!("{literal};\nT | where a == p");
        let (meant, rest) = read(&query).map_err(TestCaseError::fail)?;
        prop_assert_eq!(meant, Meaning::Text(text.clone()));
        prop_assert_eq!(rest, ";\nT | where a == p");
        let list = Value::List(vec![Value::String(text.clone())]).literal().unwrap();
        prop_assert_eq!(meaning(&list), Meaning::List(vec![Meaning::Text(text)]));
    }

    #[test]
    fn any_number_and_time_is_one_token_that_means_it(
        long in any::<i64>(), real in any::<f64>(), ticks in 0..3_155_378_975_999_999_999_i64, span in any::<i64>(),
    ) {
        prop_assert_eq!(meaning(&Value::Long(long).literal().unwrap()), typed("long", &long.to_string()));
        let text = if real.is_infinite() { real.to_string().replace("inf", "Infinity") } else { real.to_string() };
        let Meaning::Typed(name, raw) = meaning(&Value::Real(text).literal().unwrap()) else { panic!("no real") };
        let read: f64 = raw.parse().unwrap();
        prop_assert_eq!(name, "real");
        prop_assert!(read.to_bits() == real.to_bits() || read.is_nan() && real.is_nan(), "{} {}", raw, real);
        let Meaning::Typed(name, raw) =
            meaning(&Value::Datetime(time(ticks).unwrap()).literal().unwrap()) else { panic!("no time") };
        prop_assert_eq!(name, "datetime");
        prop_assert_eq!(Some(raw), time(ticks));
        let Meaning::Typed(_, raw) = meaning(&Value::Timespan(span).literal().unwrap()) else { panic!("no span") };
        let negative = raw.starts_with('-');
        let numbers: Vec<i128> =
            raw.trim_start_matches('-').split(['.', ':']).map(|part| part.parse().unwrap()).collect();
        let [days, hours, minutes, seconds, fraction] = numbers[..] else { panic!("{raw}") };
        let all = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 10_000_000 + fraction;
        prop_assert_eq!(if negative { -all } else { all }, i128::from(span));
    }
}
