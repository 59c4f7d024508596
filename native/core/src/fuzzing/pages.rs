//! What APIs send: pages and rows.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::batch::BatchBuilder;
use crate::batch_reader::{BatchReader, Row};
use crate::catalog::RESOURCES;
use crate::errors::Result;
use crate::read::decode::row::RowDecoder;
use crate::read::filter::RowFilter;
use crate::read::splitter::{Envelope, OnDamage, RowState, Shape, Splitter};

/// The rows of a page, and how it ended: the next link, or the id of an error.
type Outcome = (Vec<String>, std::result::Result<Option<String>, &'static str>);

/// However a page is cut, its rows and its end are the same. The first byte says the shape and, from 128 on, that
/// damage is passed over; the second says how the page is cut.
pub(super) fn splitter(data: &[u8]) {
    let [how, seed, page @ ..] = data else { return };
    let shape = [Shape::List, Shape::Entity, Shape::Any][usize::from(how % 3)];
    let damage = if *how < 128 { OnDamage::Stop } else { OnDamage::PassOver };
    let shape = (shape, damage);
    let whole = split(shape, std::iter::once(page), false);
    for (name, cut) in [
        ("in one", split(shape, std::iter::once(page), true)),
        ("byte by byte", split(shape, page.chunks(1), false)),
        ("byte by byte with attempts", split(shape, page.chunks(1), true)),
        ("in equal parts", split(shape, page.chunks(usize::from(*seed) + 2), true)),
        ("in parts", split(shape, parts(page, *seed), false)),
        ("in parts with attempts", split(shape, parts(page, *seed), true)),
    ] {
        assert_eq!(whole, cut, "a page of {shape:?} came {name}");
    }
    if let (rows, Ok(_)) = &whole {
        for row in rows {
            assert!(serde_json::from_str::<IgnoredAny>(row).is_ok(), "a row that is not JSON: {row}");
        }
    }
}

/// The page in parts of a length that changes.
fn parts(mut page: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut length = usize::from(seed);
    std::iter::from_fn(move || {
        length = (length * 5 + 3) % 67;
        let (part, rest) = page.split_at(length.min(page.len()));
        let ended = page.is_empty();
        page = rest;
        (!ended).then_some(part)
    })
}

fn split<'a>(
    (shape, damage): (Shape, OnDamage),
    parts: impl Iterator<Item = &'a [u8]>,
    attempts: bool,
) -> Outcome {
    fn feed(splitter: &mut Splitter, part: &[u8], attempts: bool, rows: &mut Vec<String>) -> Result<()> {
        splitter.feed(part);
        while let Some(row) = splitter.next_row(|text| attempts.then(|| attempt(text)).flatten())? {
            let is_whole = matches!(row.state, RowState::Unread | RowState::Read);
            rows.push(if is_whole { splitter.text(row).to_owned() } else { "null".to_owned() });
        }
        Ok(())
    }
    let envelope = Envelope { shape, list: "value", link: Some("@odata.nextLink"), truncated: None };
    let (mut splitter, mut rows) = (Splitter::new(envelope).on_damage(damage), Vec::new());
    for part in parts {
        if let Err(error) = feed(&mut splitter, part, attempts, &mut rows) {
            return (rows, Err(error.id));
        }
    }
    (rows, splitter.finish().map(|end| end.link).map_err(|error| error.id))
}

/// The length of an object, if it is whole.
fn attempt(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Members>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

/// Names of the members of an object, in their order.
struct Members(Vec<String>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Members, A::Error> {
                let mut names = Vec::new();
                while let Some((name, _)) = map.next_entry::<String, serde_json::Value>()? {
                    names.push(name);
                }
                Ok(Members(names))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

/// The layout of rows without an entry in the catalog; the others are those of the catalog, and raw rows.
const DYNAMIC: usize = 0;

/// How the rows of a stream are decoded.
struct Stream {
    decoder: RowDecoder,
    builder: BatchBuilder,
    reader: BatchReader,
    rows: Vec<Row>,
}

impl Stream {
    fn new(layout: u8) -> Self {
        let mut typed = RESOURCES.iter().filter(|resource| !resource.columns.is_empty());
        let (decoder, columns) = match usize::from(layout % 8) {
            DYNAMIC => RowDecoder::dynamic(),
            index => typed.nth(index - 1).map_or_else(RowDecoder::raw, RowDecoder::typed),
        };
        let builder = BatchBuilder::new(0, "tenant", columns);
        Stream { decoder, builder, reader: BatchReader::default(), rows: Vec::new() }
    }

    /// Reads a row from its own text only; says whether it could be read.
    fn decode(&mut self, row: &str) -> bool {
        let read = self.decoder.decode(row, Some("machine"), &mut self.builder).is_ok();
        if read {
            self.builder.end_row();
        }
        read
    }

    /// Reads a row from text that goes on behind it; its length, if it could be read.
    fn attempt(&mut self, text: &str) -> Option<usize> {
        let length = self.decoder.attempt(text, Some("machine"), &mut self.builder);
        if length.is_some() {
            self.builder.end_row();
        }
        length
    }

    /// Ends a batch, which must be one by the description of its format.
    fn flush(&mut self) {
        if let Some(batch) = self.builder.take() {
            match self.reader.read(batch.bytes()) {
                Ok(decoded) => self.rows.extend(decoded.rows),
                Err(defect) => assert_eq!(Some(defect), None, "a batch that cannot be read"),
            }
        }
    }
}

/// Rows are read or refused, whole or not at all, and the same from the window as by themselves. The first byte says
/// the columns, the second how many lines make a batch; each line is a row.
pub(super) fn row(data: &[u8]) {
    let [layout, lines, text @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (mut single, mut windowed) = (Stream::new(*layout), Stream::new(*layout));
    let (mut read, mut rest) = (Vec::new(), Some(text));
    let mut number = 0_usize;
    while let Some(window) = rest {
        let (row, behind) = window.split_once('\n').map_or((window, None), |(row, rest)| (row, Some(rest)));
        rest = behind;
        // The splitter hands on whole values only.
        if serde_json::from_str::<IgnoredAny>(row).is_ok() {
            let row = row.trim_ascii();
            let is_read = single.decode(row);
            if is_read {
                read.push(row);
            }
            let is_object = row.starts_with('{');
            match is_object.then(|| windowed.attempt(window.trim_ascii_start())).flatten() {
                Some(length) => assert!(is_read && length == row.len(), "{row}: read only from the window"),
                None => assert_eq!(windowed.decode(row), is_read, "{row}: another verdict"),
            }
        } else if row.trim_ascii().starts_with('{') {
            // What is cut or broken leaves nothing behind.
            let _ = windowed.decoder.attempt(row.trim_ascii(), None, &mut windowed.builder);
            windowed.decoder.roll_back(&mut windowed.builder);
        }
        number += 1;
        if number.is_multiple_of(usize::from(*lines).max(1)) {
            single.flush();
            windowed.flush();
        }
    }
    single.flush();
    windowed.flush();
    assert_eq!(single.rows, windowed.rows, "rows differ by how they are read");
    assert_eq!(single.rows.len(), read.len(), "rows that are not there");
    if usize::from(layout % 8) == DYNAMIC {
        for (row, decoded) in read.iter().zip(&single.rows) {
            is_complete(row, decoded);
        }
    }
}

/// A dynamic row has every member of the JSON, with its value.
fn is_complete(row: &str, decoded: &Row) {
    let Ok(Members(mut names)) = serde_json::from_str::<Members>(row) else { return };
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(row) else { return };
    let all = names.len();
    names.sort();
    names.dedup();
    if names.len() < all {
        return;
    }
    for (name, value) in &members {
        assert_eq!(decoded.get(name), Some(value), "{row}: the member {name:?} is not there");
    }
    for (name, value) in decoded {
        assert!(members.contains_key(name) || value.is_null(), "{row}: {name:?} is not of this row");
    }
}

/// A filter never panics, and a row passes either it or its opposite. The first line is the filter, each other one a
/// row.
pub(super) fn filter(data: &[u8]) {
    const FIELDS: &[&str] = &["id", "name", "score", "seen", "tags", "on"];
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (filter, rows) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(passes) = RowFilter::parse(filter, FIELDS) else { return };
    // Its brackets may be one too many.
    let Ok(opposite) = RowFilter::parse(&format!("not ({filter})"), FIELDS) else { return };
    for row in rows.split('\n') {
        assert_eq!(passes.matches(row).map(|passes| !passes), opposite.matches(row), "{filter}: {row}");
    }
}
