//! CSV (RFC 4180) with a header. Null is an empty cell, an empty text a quoted one. Lists are joined as `Export-Csv`
//! joins those of rows; nested values are JSON.

use super::encoding::{Encoding, Lines};
use super::{json, time};

/// Between the items of a list.
pub(super) const BETWEEN: &str = "; ";

/// What tells Excel that a file is UTF-8.
const BOM: &str = "\u{feff}";

pub(super) struct Csv {
    /// Whether people open it in Excel: it begins with a byte order mark, and no text becomes a formula.
    pub(super) for_excel: bool,
}

impl Encoding for Csv {
    type Out = Vec<u8>;
    type Known = Vec<u8>;

    fn prepare(&self, text: &str) -> Vec<u8> {
        let mut known = Vec::new();
        self.text(text, &mut known);
        known
    }

    fn known(&self, known: &Vec<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(known);
    }

    fn null(&self, _out: &mut Vec<u8>) {}

    fn text(&self, text: &str, out: &mut Vec<u8>) {
        // A tab and a line break may come before a formula.
        if self.for_excel && text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
            cell(format!("'{text}").as_bytes(), out);
        } else {
            cell(text.as_bytes(), out);
        }
    }

    fn int(&self, number: i64, out: &mut Vec<u8>) {
        json::put(&number, out);
    }

    fn float(&self, number: f64, out: &mut Vec<u8>) {
        json::put(&number, out);
    }

    fn bool(&self, value: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn time(&self, ticks: i64, out: &mut Vec<u8>) {
        time::write(ticks, out);
    }

    fn list<'a>(&self, items: impl Iterator<Item = Option<&'a str>>, out: &mut Vec<u8>) {
        let mut joined = String::new();
        for (index, item) in items.enumerate() {
            if index > 0 {
                joined.push_str(BETWEEN);
            }
            joined.push_str(item.unwrap_or_default());
        }
        self.text(&joined, out);
    }

    fn json(&self, json: &[u8], out: &mut Vec<u8>) {
        match json {
            b"null" => {}
            // A text by itself is a text.
            [b'"', ..] => match serde_json::from_slice::<String>(json) {
                Ok(text) => self.text(&text, out),
                Err(_) => cell(json, out),
            },
            _ => cell(json, out),
        }
    }
}

impl Lines for Csv {
    fn header<'a>(&self, names: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
        if self.for_excel {
            out.extend_from_slice(BOM.as_bytes());
        }
        for (index, name) in names.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.text(name, out);
        }
        self.end_row(out);
    }

    fn label(&self, _name: &str) -> Vec<u8> {
        Vec::new()
    }

    fn begin_row(&self, _out: &mut Vec<u8>) {}

    fn end_row(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
    }
}

/// Writes a cell, in quotes if it needs them. Blanks at the ends would be lost in some readers.
fn cell(text: &[u8], out: &mut Vec<u8>) {
    let is_special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    let has_blank_end = matches!(text, [b' ' | b'\t', ..] | [.., b' ' | b'\t']);
    if !text.is_empty() && !has_blank_end && !text.iter().any(is_special) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for part in text.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(part);
        if part.last() == Some(&b'"') {
            out.push(b'"');
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula_in_excel_and_other_values_stay_as_they_are() {
        let csv = Csv { for_excel: true };
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            String::from_utf8(out).unwrap()
        };
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+x", "'+x"),
            ("-x", "'-x"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("\n=1", "\"'\n=1\""),
            ("=\"a\",b", "\"'=\"\"a\"\",b\""),
            ("a=1", "a=1"),
            ("", "\"\""),
        ] {
            assert_eq!(written(&|out| csv.text(text, out)), cell);
            assert_eq!(written(&|out| csv.list([Some(text)].into_iter(), out)), cell);
            let json = serde_json::to_vec(text).unwrap();
            assert_eq!(written(&|out| csv.json(&json, out)), cell);
            assert_eq!(String::from_utf8(csv.prepare(text)).unwrap(), cell);
        }
        assert_eq!(written(&|out| csv.int(-3, out)), "-3");
        assert_eq!(written(&|out| csv.float(-0.5, out)), "-0.5");
        assert_eq!(written(&|out| csv.json(b"-3", out)), "-3");
        assert_eq!(written(&|out| csv.header(["a", "b"].into_iter(), out)), "\u{feff}a,b\n");
        assert_eq!(written(&|out| Csv { for_excel: false }.text("=1", out)), "=1");
    }
}
