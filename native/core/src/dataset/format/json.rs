//! JSON lines: one object per line, with every column, null or not.

use super::encoding::{Encoding, Lines};
use super::time;

pub(super) struct JsonLines;

impl Encoding for JsonLines {
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

    fn null(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"null");
    }

    fn text(&self, text: &str, out: &mut Vec<u8>) {
        put(text, out);
    }

    fn int(&self, number: i64, out: &mut Vec<u8>) {
        put(&number, out);
    }

    fn float(&self, number: f64, out: &mut Vec<u8>) {
        put(&number, out);
    }

    fn bool(&self, value: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn time(&self, ticks: i64, out: &mut Vec<u8>) {
        out.push(b'"');
        time::write(ticks, out);
        out.push(b'"');
    }

    fn list<'a>(&self, items: impl Iterator<Item = Option<&'a str>>, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            match item {
                Some(text) => self.text(text, out),
                None => self.null(out),
            }
        }
        out.push(b']');
    }

    fn json(&self, json: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(json);
    }
}

impl Lines for JsonLines {
    fn header<'a>(&self, _names: impl Iterator<Item = &'a str>, _out: &mut Vec<u8>) {}

    fn label(&self, name: &str) -> Vec<u8> {
        let mut label = Vec::new();
        self.text(name, &mut label);
        label.push(b':');
        label
    }

    fn begin_row(&self, out: &mut Vec<u8>) {
        out.push(b'{');
    }

    fn end_row(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"}\n");
    }
}

/// Writes a value as JSON. Writing into memory does not fail.
pub(super) fn put<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}
