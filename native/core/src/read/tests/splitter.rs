//! Splitting: the same rows, or the same error, however a page is cut; and no more work than it has bytes.

use crate::errors::Result;
use crate::read::splitter::{Envelope, OnDamage, RowState, Shape, Splitter};

/// The rows of a page, and how it ended: the next link, or the id of an error.
type Outcome = (Vec<String>, std::result::Result<Option<String>, &'static str>);

const fn envelope(shape: Shape) -> Envelope {
    Envelope { shape, list: "value", link: Some("@odata.nextLink"), truncated: None }
}

/// What a decoder would say to the beginning of a row.
fn attempt(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

fn split<'a>(splitter: Splitter, chunks: impl Iterator<Item = &'a [u8]>, attempts: bool) -> Outcome {
    fn feed(splitter: &mut Splitter, chunk: &[u8], attempts: bool, rows: &mut Vec<String>) -> Result<()> {
        splitter.feed(chunk);
        while let Some(row) = splitter.next_row(|text| attempts.then(|| attempt(text)).flatten())? {
            rows.push(splitter.text(row).to_owned());
        }
        Ok(())
    }
    let (mut splitter, mut rows) = (splitter, Vec::new());
    for chunk in chunks {
        if let Err(error) = feed(&mut splitter, chunk, attempts, &mut rows) {
            return (rows, Err(error.id));
        }
    }
    (rows, splitter.finish().map(|end| end.link).map_err(|error| error.id))
}

/// Splits a page in chunks of every length, at every single place, with and without attempts: all must agree.
fn every_way(shape: Shape, limit: usize, body: &[u8]) -> Outcome {
    let splitter = || Splitter::new(envelope(shape)).with_limit(limit);
    let whole = split(splitter(), std::iter::once(body), false);
    for attempts in [false, true] {
        for length in 1..=body.len() {
            assert_eq!(
                split(splitter(), body.chunks(length), attempts),
                whole,
                "chunks of {length}, attempts: {attempts}, {}",
                String::from_utf8_lossy(body)
            );
        }
        for at in 0..=body.len() {
            let (first, second) = body.split_at(at);
            assert_eq!(
                split(splitter(), [first, second].into_iter(), attempts),
                whole,
                "cut at {at}, attempts: {attempts}, {}",
                String::from_utf8_lossy(body)
            );
        }
    }
    whole
}

fn whole(shape: Shape, body: impl AsRef<[u8]>) -> Outcome {
    every_way(shape, 1 << 20, body.as_ref())
}

#[test]
fn an_envelope_is_split_wherever_it_is_cut() {
    let body = [
        r#" {"@odata.context":"x\u0022[é","@odata.count":12, "value" : [ "#,
        r#"{"a":[-1.5E+2,{"b":"]}\u00e9\\ü"}],"c":true,"d":7.5e-1} , 12,"s",null,-0,0.5,1e9,[], {} ], "#,
        r#""@odata.nextLink":"https://h/\u0026x" } "#,
    ]
    .concat();
    let (rows, next) = whole(Shape::List, body);
    assert_eq!(
        rows,
        [
            r#"{"a":[-1.5E+2,{"b":"]}\u00e9\\ü"}],"c":true,"d":7.5e-1}"#,
            "12",
            r#""s""#,
            "null",
            "-0",
            "0.5",
            "1e9",
            "[]",
            "{}"
        ]
    );
    assert_eq!(next.unwrap().as_deref(), Some("https://h/&x"));
}

#[test]
fn what_leads_to_the_next_page_counts_wherever_it_stands() {
    for (body, expected) in [
        (r#"{"@odata.nextLink":"n","Value":[]}"#, Some("n")),
        (r#"{"value":[],"@ODATA.NEXTLINK":"n"}"#, Some("n")),
        (r#"{"@odata.nextLink":"n","value":[],"@odata.nextLink":null}"#, None),
        (r#"{"value":[],"@odata.nextLink":""}"#, None),
        (r#"{"value":[],"nextLink":"n"}"#, None),
        (r#"{"value":[]}"#, None),
    ] {
        let (rows, next) = whole(Shape::List, body);
        assert_eq!((rows, next.unwrap().as_deref()), (Vec::new(), expected), "{body}");
    }
}

#[test]
fn an_envelope_may_have_other_names() {
    let body = br#"{"value":[1],"Results":[2],"$skipToken":"n","@odata.nextLink":"no"}"#;
    for (link, expected) in [(Some("$skipToken"), Some("n")), (None, None)] {
        let envelope = Envelope { shape: Shape::List, list: "Results", link, truncated: None };
        let (rows, next) = split(Splitter::new(envelope), body.chunks(1), false);
        assert_eq!((rows, next.unwrap().as_deref()), (vec!["2".to_owned()], expected));
    }
}

#[test]
fn a_document_that_is_no_list_is_one_row() {
    for shape in [Shape::Entity, Shape::Any] {
        let body = r#" {"id":"x","n":{"value":[1]},"value":"no list"} "#;
        assert_eq!(whole(shape, body), (vec![body.trim().to_owned()], Ok(None)));
    }
    assert_eq!(whole(Shape::Any, "[1, 2]"), (vec!["1".to_owned(), "2".to_owned()], Ok(None)));
    assert_eq!(whole(Shape::Any, "{}"), (vec!["{}".to_owned()], Ok(None)));
}

#[test]
fn a_byte_order_mark_may_begin_a_page() {
    for shape in [Shape::List, Shape::Any] {
        assert_eq!(whole(shape, "\u{feff} {\"value\":[1]}"), (vec!["1".to_owned()], Ok(None)));
    }
    assert_eq!(whole(Shape::List, " \u{feff}{\"value\":[]}").1, Err("Fdx.Protocol.NotJson"));
    assert_eq!(whole(Shape::List, "\u{feff}").1, Err("Fdx.Protocol.Truncated"));
}

#[test]
fn escapes_and_numbers_may_be_cut_anywhere() {
    for row in [
        r#"{"id":"\ud83d\ude00\n\"\\\/\u00fC"}"#,
        r#"{"id":"half \ud83d of a pair"}"#,
        r#"{"\u0069d":-12.5e-7,"n":[0,-0.0,1E+5]}"#,
        r#"{"ü\t":"日本語 – 😀"}"#,
    ] {
        let body = format!(r#"{{"@odata.nextLink":"https:\/\/h/\ud83d\ude00","value":[{row},{row}]}}"#);
        let (rows, next) = whole(Shape::List, &body);
        assert_eq!(rows, [row, row]);
        assert_eq!(next.unwrap().as_deref(), Some("https://h/😀"));
    }
}

#[test]
fn what_is_no_page_is_named() {
    for (body, rows, id) in [
        ("<html>", 0, "Fdx.Protocol.NotJson"),
        ("{2\"@od", 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[{]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[1 2]}"#, 1, "Fdx.Protocol.NotJson"),
        (r#"{"value":[1,]}"#, 1, "Fdx.Protocol.NotJson"),
        (r#"{"value":[1],}"#, 1, "Fdx.Protocol.NotJson"),
        (r#"{"value":[1}"#, 1, "Fdx.Protocol.NotJson"),
        (r#"{"value":[{"a":1]]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[{"a" 1}]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[{"a":1,}]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[[1,]]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[01]}"#, 1, "Fdx.Protocol.NotJson"),
        (r#"{"value":[1.]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[-]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[1e]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[.5]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[nul]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[True]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":["\x"]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":["\u12g4"]}"#, 0, "Fdx.Protocol.NotJson"),
        ("{\"value\":[\"a\nb\"]}", 0, "Fdx.Protocol.NotJson"),
        ("{\"value\":[1],\u{c}\"a\":1}", 1, "Fdx.Protocol.NotJson"),
        (r#"{"\ud83d":1,"value":[1]}"#, 0, "Fdx.Protocol.NotJson"),
        (r#"{"value":[1]} x"#, 1, "Fdx.Protocol.NotJson"),
        (r#"{"values":[1]}"#, 0, "Fdx.Protocol.UnexpectedShape"),
        (r#"{"value":{}}"#, 0, "Fdx.Protocol.UnexpectedShape"),
        (r#"{"value":[1],"@odata.nextLink":{}}"#, 1, "Fdx.Protocol.UnexpectedShape"),
        // A second list is not dropped without a word.
        (r#"{"value":[1],"a":1,"Value":[2]}"#, 1, "Fdx.Protocol.UnexpectedShape"),
        ("[]", 0, "Fdx.Protocol.UnexpectedShape"),
        (r#"{"value":[1,"#, 1, "Fdx.Protocol.Truncated"),
        (r#"{"value":[1]"#, 1, "Fdx.Protocol.Truncated"),
        ("", 0, "Fdx.Protocol.Truncated"),
    ] {
        let (found, outcome) = whole(Shape::List, body);
        assert_eq!((found.len(), outcome), (rows, Err(id)), "{body}");
    }
}

#[test]
fn bytes_that_are_no_text_end_a_page_after_the_sound_rows() {
    for bad in [&b"\xff"[..], b"\xc3\x28", b"\xe2\x28\xa1", b"\xed\xa0\x80", b"\xf0\x9f\x98\x22"] {
        let body = [br#"{"value":[{"a":"sound"},{"a":""#, bad, br#""}]}"#].concat();
        let (rows, outcome) = whole(Shape::List, &body);
        assert_eq!(
            (rows.as_slice(), outcome),
            (&[r#"{"a":"sound"}"#.to_owned()][..], Err("Fdx.Protocol.NotJson"))
        );
    }
    assert_eq!(whole(Shape::List, b"{\"value\":[]}\xc3").1, Err("Fdx.Protocol.NotJson"));
    assert_eq!(whole(Shape::List, b"{\"value\":[\"\xc3").1, Err("Fdx.Protocol.Truncated"));
    assert_eq!(whole(Shape::List, b"\x1f\x8b\x08").1, Err("Fdx.Protocol.NotJson"));
}

#[test]
fn a_row_or_document_beyond_the_window_is_refused() {
    let cases = [
        (Shape::List, r#"{"value":[{"a":"0123456789"},{"a":"0123456789012345"}]}"#, 1),
        (Shape::List, r#"{"value":[1,"0123456789012345678901"]}"#, 1),
        (Shape::List, r#"{"value":[],"@odata.nextLink":"01234567890123456789"}"#, 0),
        (Shape::Entity, r#"{"a":"0123456789","b":"01234567890"}"#, 0),
        (Shape::Any, r#"{"a":"0123456789","b":"01234567890"}"#, 0),
        (Shape::Any, "{                              }", 0),
    ];
    for (shape, body, rows) in cases {
        let (found, outcome) = every_way(shape, 20, body.as_bytes());
        assert_eq!((found.len(), outcome), (rows, Err("Fdx.Protocol.TooLarge")), "{body}");
    }
    // White space and unused members are not kept, so they have no limit.
    let body = r#"   {   "other": "0123456789012345678901234567890",       "value":   [   1      ,    2   ]    }    "#;
    assert_eq!(every_way(Shape::List, 20, body.as_bytes()).0, ["1", "2"]);
}

#[test]
fn nesting_has_a_limit() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let list = |levels| format!(r#"{{"value":[{{"a":{}}}]}}"#, nested(levels));
    for (levels, is_too_deep) in [(126, false), (127, true)] {
        let body = list(levels);
        for length in [1, 7, 100, 10_000] {
            let states = states(Shape::List, &body, length);
            assert_eq!(
                states,
                [if is_too_deep { RowState::TooDeep } else { RowState::Unread }],
                "{levels} levels"
            );
        }
        let document = format!(r#"{{"a":{}}}"#, nested(levels));
        assert_eq!(
            states(Shape::Entity, &document, 50)[0] == RowState::TooDeep,
            is_too_deep,
            "{levels} levels"
        );
        let found = split(Splitter::new(envelope(Shape::Any)), document.as_bytes().chunks(50), true);
        let outcome = if is_too_deep { Err("Fdx.Protocol.NestedTooDeeply") } else { Ok(None) };
        assert_eq!(found.1, outcome, "{levels} levels");
    }
}

fn states(shape: Shape, body: &str, chunk: usize) -> Vec<RowState> {
    let mut splitter = Splitter::new(envelope(shape));
    let mut states = Vec::new();
    for chunk in body.as_bytes().chunks(chunk) {
        splitter.feed(chunk);
        while let Some(row) = splitter.next_row(|_| None).unwrap() {
            states.push(row.state);
        }
    }
    splitter.finish().unwrap();
    states
}

/// Splits in chunks, and says how many bytes were read or moved per byte of the page.
fn work(shape: Shape, body: &[u8], chunk: usize, attempts: bool) -> (usize, f64) {
    let mut splitter = Splitter::new(envelope(shape));
    let mut rows = 0;
    // What an attempt reads is work as well.
    let mut attempted = 0;
    for chunk in body.chunks(chunk) {
        splitter.feed(chunk);
        while let Some(row) = splitter
            .next_row(|text| {
                let found = attempts.then(|| attempt(text)).flatten();
                attempted += if attempts { found.unwrap_or(text.len()) } else { 0 };
                found
            })
            .unwrap()
        {
            rows += 1;
            assert!(!splitter.text(row).is_empty());
        }
    }
    let work = splitter.work + attempted;
    splitter.finish().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    (rows, work as f64 / body.len() as f64)
}

#[test]
fn the_work_grows_with_the_bytes_and_not_faster() {
    const SIZE: usize = 512 << 10;
    let text = "x".repeat(SIZE);
    let space = " ".repeat(SIZE);
    let many = |part: &str| [part].repeat(SIZE / (part.len() + 1)).join(",");
    let rows = many(r#"{"DeviceId":"0123456789","Timestamp":"2026-11-24T10:00:00.1234567Z"}"#);
    let members = (0..SIZE / 12).map(|n| format!("\"{n:07}\":1")).collect::<Vec<_>>().join(",");
    for (what, shape, body) in [
        ("a list", Shape::List, format!(r#"{{"value":[{rows}]}}"#)),
        ("a document that is no list", Shape::Any, format!(r#"{{"Stats":{{}},"Rows":[{rows}]}}"#)),
        ("an entity", Shape::Entity, format!(r#"{{"Rows":[{rows}]}}"#)),
        ("a long text", Shape::List, format!(r#"{{"value":[{{"a":"{text}"}}]}}"#)),
        ("a long unused member", Shape::List, format!(r#"{{"a":"{text}","value":[]}}"#)),
        ("white space", Shape::List, format!(r#"{space}{{"value":[1,{space}2]}}"#)),
        ("white space inside of a row", Shape::List, format!(r#"{{"value":[{{{space}}}]}}"#)),
        ("many lists", Shape::List, format!(r#"{{"value":[{}]}}"#, many("[[[]]]"))),
        ("many members", Shape::List, format!(r#"{{"value":[{{{members}}}]}}"#)),
        ("many members of the envelope", Shape::Any, format!("{{{members}}}")),
    ] {
        for chunk in [500, 16 << 10] {
            for attempts in [false, true] {
                let (rows, work) = work(shape, body.as_bytes(), chunk, attempts);
                assert!(
                    work < 3.0,
                    "{what} in chunks of {chunk}: {work} bytes of work per byte, {rows} rows"
                );
            }
        }
    }
}

/// The rows of a page whose damage is passed over, cut at every place.
fn tolerant(body: &[u8]) -> (Vec<(String, RowState)>, std::result::Result<(), &'static str>) {
    let read = |chunks: &mut dyn Iterator<Item = &[u8]>| {
        let mut splitter = Splitter::new(envelope(Shape::List)).on_damage(OnDamage::PassOver);
        let mut rows = Vec::new();
        for chunk in chunks {
            splitter.feed(chunk);
            loop {
                match splitter.next_row(|_| None) {
                    Ok(Some(row)) => rows.push((splitter.text(row).to_owned(), row.state)),
                    Ok(None) => break,
                    Err(error) => return (rows, Err(error.id)),
                }
            }
        }
        (rows, splitter.finish().map(|_| ()).map_err(|error| error.id))
    };
    let whole = read(&mut std::iter::once(body));
    for length in 1..body.len() {
        assert_eq!(read(&mut body.chunks(length)), whole, "{}", String::from_utf8_lossy(body));
    }
    whole
}

#[test]
fn a_row_that_is_not_json_is_skipped_and_the_others_come() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (bad, state) in [
        (r#"{"n":NaN}"#, RowState::Broken),
        (r#"{"n":01,"a":{"b":"}]\""}}"#, RowState::Broken),
        (r#"[1,{"a":tru}]"#, RowState::Broken),
        ("NaN", RowState::Broken),
        (r#""\x, ] }""#, RowState::Broken),
        ("{'a':1}", RowState::Broken),
        (deep.as_str(), RowState::TooDeep),
    ] {
        for at in 0..3 {
            let mut rows = [r#"{"a":1}"#; 3];
            rows[at] = bad;
            let body = format!(r#"{{"value":[{}]}}"#, rows.join(","));
            let (found, end) = tolerant(body.as_bytes());
            let expected: Vec<_> = rows
                .iter()
                .map(|row| ((*row).to_owned(), if *row == bad { state } else { RowState::Unread }))
                .collect();
            assert_eq!((found, end), (expected, Ok(())), "{bad}");
        }
    }
}

#[test]
fn what_is_not_text_becomes_a_replacement_character() {
    let (rows, end) =
        tolerant(b"{\"value\":[{\"a\":\"M\xfcller\"},{\"b\":\"\xe2\x82\"},{\"c\":\"\xe2\x82\xac\"}]}");
    let texts: Vec<_> = rows.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["{\"a\":\"M\u{fffd}ller\"}", "{\"b\":\"\u{fffd}\"}", "{\"c\":\"\u{20ac}\"}"]);
    assert_eq!(end, Ok(()));
}

#[test]
fn a_broken_row_without_an_end_is_not_the_end_of_the_list() {
    assert_eq!(tolerant(br#"{"value":[{"a":x"#).1, Err("Fdx.Protocol.NotJson"));
}

/// Each growth copies the value, and memory beyond the limit is never used.
#[test]
fn the_window_of_a_long_value_grows_in_few_steps_and_not_beyond_the_limit() {
    const PART: usize = 64 << 10;
    const LIMIT: usize = 48 << 20;
    let mut splitter = Splitter::new(envelope(Shape::Any)).with_limit(LIMIT);
    splitter.feed(br#"{"text":""#);
    let part = vec![b'x'; PART];
    let (mut grown, mut room) = (0, splitter.room());
    for _ in 1..LIMIT / PART {
        splitter.feed(&part);
        assert!(splitter.next_row(attempt).is_ok_and(|row| row.is_none()));
        if splitter.room() > room && splitter.room() > 1 << 20 {
            grown += 1;
        }
        room = splitter.room();
    }
    assert!(grown <= 4, "grown {grown} times");
    assert!(room <= LIMIT + PART, "{room} bytes");
}
