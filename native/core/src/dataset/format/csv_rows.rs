//! Reads CSV back: each record as the JSON object that the other format has for it. A list whose items have semicolons
//! cannot be told from a longer one.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::csv::BETWEEN;
use super::encoding::{Encoding as _, Lines as _};
use super::json::JsonLines;

/// The records of a text that arrives in parts.
pub(in crate::dataset) struct CsvRows {
    /// Columns that the file may have, and the kinds of their values.
    kinds: Vec<(String, String)>,
    /// The columns of the file, in its order, once the header was read: the label of each value, and its kind.
    header: Vec<(Vec<u8>, String)>,
    waiting: Vec<u8>,
    /// Where the next record begins.
    begun: usize,
    /// Up to where there is no end of it.
    searched: usize,
    /// Whether that is inside quotes.
    is_quoted: bool,
    row: Vec<u8>,
}

impl CsvRows {
    pub(in crate::dataset) fn new(kinds: Vec<(String, String)>) -> Self {
        CsvRows {
            kinds,
            header: Vec::new(),
            waiting: Vec::new(),
            begun: 0,
            searched: 0,
            is_quoted: false,
            row: Vec::new(),
        }
    }

    pub(in crate::dataset) fn feed(&mut self, part: &[u8]) {
        self.waiting.drain(..self.begun);
        self.searched -= self.begun;
        self.begun = 0;
        self.waiting.extend_from_slice(part);
    }

    /// The next record, as JSON. `None` if it is not whole yet; an error if it is not like its header.
    pub(in crate::dataset) fn next_row(&mut self) -> Option<Result<&[u8], &'static str>> {
        if self.header.is_empty() {
            let record = self.next_record()?;
            if let Err(why) = self.read_header(record) {
                return Some(Err(why));
            }
        }
        let record = self.next_record()?;
        Some(self.read_row(record))
    }

    fn next_record(&mut self) -> Option<(usize, usize)> {
        for (offset, byte) in self.waiting[self.searched..].iter().enumerate() {
            match byte {
                b'"' => self.is_quoted = !self.is_quoted,
                b'\n' if !self.is_quoted => {
                    let end = self.searched + offset;
                    let record = (self.begun, end);
                    (self.begun, self.searched) = (end + 1, end + 1);
                    return Some(record);
                }
                _ => {}
            }
        }
        self.searched = self.waiting.len();
        None
    }

    fn read_header(&mut self, (from, to): (usize, usize)) -> Result<(), &'static str> {
        for cell in Cells(Some(&self.waiting[from..to])) {
            let name = cell?.text;
            let kind = self.kinds.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind.clone());
            self.header.push((JsonLines.label(&name), kind.unwrap_or_default()));
        }
        Ok(())
    }

    fn read_row(&mut self, (from, to): (usize, usize)) -> Result<&[u8], &'static str> {
        let CsvRows { header, waiting, row, .. } = self;
        let mut cells = Cells(Some(&waiting[from..to]));
        row.clear();
        row.push(b'{');
        for (index, (label, kind)) in header.iter().enumerate() {
            let cell = cells.next().ok_or("has a record with fewer cells than its header")??;
            if index > 0 {
                row.push(b',');
            }
            row.extend_from_slice(label);
            write(&cell, kind, row);
        }
        row.push(b'}');
        if cells.next().is_some() {
            return Err("has a record with more cells than its header");
        }
        Ok(row)
    }
}

struct Cell<'a> {
    text: Cow<'a, str>,
    is_quoted: bool,
}

/// The cells of a record.
struct Cells<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Cells<'a> {
    type Item = Result<Cell<'a>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.take()?;
        let (text, is_quoted, length) = match rest.strip_prefix(b"\"") {
            None => {
                let length = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
                (Cow::Borrowed(&rest[..length]), false, length)
            }
            Some(quoted) => {
                let (text, length) = unquoted(quoted);
                (text, true, length + 1)
            }
        };
        match rest.get(length) {
            None => {}
            Some(b',') => self.0 = Some(&rest[length + 1..]),
            Some(_) => return Some(Err("has a cell that goes on after its last quote")),
        }
        let text = match text {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).ok(),
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).ok(),
        };
        Some(text.map(|text| Cell { text, is_quoted }).ok_or("has text that is not UTF-8"))
    }
}

/// The text of a quoted cell from behind its first quote, and how long it is there with its last one.
fn unquoted(quoted: &[u8]) -> (Cow<'_, [u8]>, usize) {
    let mut text = Cow::Borrowed(&quoted[..0]);
    let mut at = 0;
    loop {
        let rest = &quoted[at..];
        let length = rest.iter().position(|byte| *byte == b'"').unwrap_or(rest.len());
        if text.is_empty() {
            text = Cow::Borrowed(&rest[..length]);
        } else {
            text.to_mut().extend_from_slice(&rest[..length]);
        }
        at = (at + length + 1).min(quoted.len());
        if quoted.get(at) != Some(&b'"') {
            return (text, at);
        }
        text.to_mut().push(b'"');
        at += 1;
    }
}

/// Writes a cell as JSON.
fn write(cell: &Cell<'_>, kind: &str, out: &mut Vec<u8>) {
    let text = &*cell.text;
    let is_json = || serde_json::from_str::<&RawValue>(text).is_ok();
    match kind {
        _ if text.is_empty() && !cell.is_quoted => JsonLines.null(out),
        "TextList" if text.is_empty() => out.extend_from_slice(b"[]"),
        "TextList" => JsonLines.list(text.split(BETWEEN).map(Some), out),
        "Int" | "Float" | "Bool" if is_json() => out.extend(on_one_line(text)),
        "Variant" if !text.starts_with('"') && is_json() => out.extend(on_one_line(text)),
        _ => JsonLines.text(text, out),
    }
}

/// JSON without ends of lines: between values they mean no more than blanks, and in texts JSON has none.
fn on_one_line(json: &str) -> impl Iterator<Item = u8> + '_ {
    json.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte })
}

#[cfg(test)]
mod tests {
    use super::super::csv::Csv;
    use super::*;

    const CSV: Csv = Csv { for_excel: false };

    fn rows(text: &[u8], size: usize) -> Result<Vec<String>, &'static str> {
        let kinds = ["id Text", "n Int", "ok Bool", "paths TextList", "more Variant"];
        let kinds = kinds.iter().filter_map(|kind| kind.split_once(' '));
        let mut rows = CsvRows::new(kinds.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect());
        let mut found = Vec::new();
        for part in text.chunks(size) {
            rows.feed(part);
            while let Some(row) = rows.next_row() {
                found.push(String::from_utf8(row?.to_vec()).unwrap());
            }
        }
        Ok(found)
    }

    #[test]
    fn a_record_is_the_object_that_was_written_however_it_arrives() {
        let mut text = b"id,n,ok,paths,more,later\n".to_vec();
        CSV.text("a \"b\", c\r\nd", &mut text);
        text.extend_from_slice(b",-7,true,");
        CSV.list([Some("C:\\x"), Some("y,")].into_iter(), &mut text);
        text.push(b',');
        CSV.json(br#"{"a":[1,"\""]}"#, &mut text);
        text.extend_from_slice(b",x\n\"\",,,\"\",plain,\n,,,,,\n\"\"\"\",1,false,one,[1],\"\"\n");
        for size in 1..=text.len() {
            let expected = [
                r#"{"id":"a \"b\", c\r\nd","n":-7,"ok":true,"paths":["C:\\x","y,"],"more":{"a":[1,"\""]},"later":"x"}"#,
                r#"{"id":"","n":null,"ok":null,"paths":[],"more":"plain","later":null}"#,
                r#"{"id":null,"n":null,"ok":null,"paths":null,"more":null,"later":null}"#,
                r#"{"id":"\"","n":1,"ok":false,"paths":["one"],"more":[1],"later":""}"#,
            ];
            assert_eq!(rows(&text, size).unwrap(), expected, "{size}");
        }
    }

    #[test]
    fn a_record_that_is_not_like_its_header_is_an_error() {
        for text in ["id,n\nx\n", "id,n\nx,1,2\n", "id,n\n\"x\"y,1\n", "id\n\u{ff}\n"] {
            let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
            assert!(rows(&bytes, 100).is_err(), "{text}");
        }
        assert!(rows(b"", 100).unwrap().is_empty());
        assert!(rows(b"id,n\n", 100).unwrap().is_empty());
    }
}
