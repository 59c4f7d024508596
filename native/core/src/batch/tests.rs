//! What a batch holds, read back by the description of the format (native/abi/README.md) and by nothing of the builder.

use super::dictionary::{ENTRY_LIMIT, TEXT_LIMIT};
use crate::batch_reader::BatchReader;

use super::{BatchBuilder, ColumnBuilder, ColumnKind};

/// A batch of one dictionary column.
#[derive(Debug, PartialEq)]
struct Read {
    flags: u16,
    rows: u32,
    reset: bool,
    added: Vec<String>,
    indexes: Vec<u32>,
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take(2).try_into().unwrap())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn text(&mut self) -> String {
        let length = self.u32() as usize;
        String::from_utf8(self.take(length).to_vec()).unwrap()
    }
}

fn read(bytes: &[u8]) -> Read {
    let mut c = Cursor(bytes);
    assert_eq!((c.u32(), c.u16()), (0x4258_4446, 3));
    let flags = c.u16();
    let (_, rows, columns, _) = (c.u32(), c.u32(), c.u16(), c.u16());
    assert_eq!(columns, 1);
    if flags & 1 != 0 {
        assert_eq!(c.text(), "tenant");
        assert_eq!(c.u32(), u32::MAX);
        assert_eq!((c.take(1), c.text().as_str()), (&[2][..], "name"));
    }
    let length = c.u32() as usize;
    assert_eq!(c.0.len(), length);
    let reset = c.take(1)[0] == 1;
    let added = (0..c.u32()).map(|_| c.text()).collect();
    let indexes = (0..rows).map(|_| c.u32()).collect();
    assert!(c.0.is_empty());
    Read { flags, rows, reset, added, indexes }
}

fn builder() -> BatchBuilder {
    BatchBuilder::new(7, "tenant", vec![ColumnBuilder::new("name", ColumnKind::Dictionary)])
}

fn put(builder: &mut BatchBuilder, text: &str) {
    builder.columns()[0].text(text);
    builder.end_row();
}

#[test]
fn half_a_row_leaves_nothing_behind() {
    let mut builder = builder();
    put(&mut builder, "a");
    for half in ["b", "a", "c"] {
        builder.columns()[0].text(half);
        builder.roll_back();
    }
    put(&mut builder, "d");
    put(&mut builder, "a");
    builder.columns()[0].text("e");
    builder.add_column("half", ColumnKind::Variant);
    let batch = read(builder.take().unwrap().bytes());
    assert_eq!((batch.rows, batch.added, batch.indexes), (3, vec!["a".into(), "d".into()], vec![1, 2, 1]));
    put(&mut builder, "b");
    put(&mut builder, "d");
    let batch = read(builder.take().unwrap().bytes());
    assert_eq!((batch.flags, batch.added, batch.indexes), (0, vec!["b".into()], vec![3, 2]));
}

#[test]
fn a_stream_ends_with_a_batch_that_says_so() {
    let mut with_rows = builder();
    put(&mut with_rows, "a");
    let last = read(with_rows.finish().unwrap().bytes());
    assert_eq!((last.flags, last.rows), (4 | 1, 1));

    let mut all_taken = builder();
    put(&mut all_taken, "a");
    assert_eq!(read(all_taken.take().unwrap().bytes()).flags, 1);
    assert!(all_taken.take().is_none());
    let last = read(all_taken.finish().unwrap().bytes());
    assert_eq!((last.flags, last.rows), (4, 0));

    // Nobody knows of a stream without rows, so nobody has to forget it.
    assert!(builder().finish().is_none());
}

#[test]
fn a_dictionary_starts_anew_after_many_entries_or_much_text() {
    for (count, length) in [(ENTRY_LIMIT + 1, 8), (TEXT_LIMIT / 60_000 + 1, 60_000)] {
        let mut builder = builder();
        let text = |n: usize| format!("{n:0>length$}");
        for n in 0..count {
            put(&mut builder, &text(n));
        }
        let first = read(builder.take().unwrap().bytes());
        assert_eq!((first.reset, first.added.len()), (false, count));
        put(&mut builder, &text(0));
        put(&mut builder, &text(1));
        let second = read(builder.take().unwrap().bytes());
        assert_eq!((second.reset, second.indexes), (true, vec![1, 2]));
        assert_eq!(second.added, [text(0), text(1)]);
    }
    let mut builder = builder();
    for n in 0..ENTRY_LIMIT {
        put(&mut builder, &format!("{n}"));
    }
    builder.take();
    put(&mut builder, "0");
    assert!(!read(builder.take().unwrap().bytes()).reset, "a dictionary within its bounds goes on");
}

#[test]
fn large_rows_fill_a_batch_at_once() {
    let mut builder = builder();
    let text = |n: usize| format!("{n:0>60000}");
    let rows = (0..).take_while(|n| {
        put(&mut builder, &text(*n));
        !builder.is_full()
    });
    assert_eq!(rows.count() + 1, 5, "256 KB");
}

#[test]
fn a_label_that_changes_is_told_with_the_next_batch() {
    let mut builder = builder();
    let mut reader = BatchReader::default();
    let mut read = |builder: &mut BatchBuilder| {
        builder.columns()[0].text("x");
        builder.end_row();
        let decoded = reader.read(builder.take().unwrap().bytes()).unwrap();
        (decoded.tenant, decoded.tenant_name)
    };
    assert_eq!(read(&mut builder), ("tenant".to_owned(), None));
    builder.label("id", Some("contoso.com"));
    assert_eq!(read(&mut builder), ("id".to_owned(), Some("contoso.com".to_owned())));
    builder.label("id", Some("contoso.com"));
    assert_eq!(read(&mut builder), ("id".to_owned(), Some("contoso.com".to_owned())));
}

/// The first large column becomes the batch; what stands before and after it must be as it is beside small ones.
#[test]
fn large_texts_cross_between_other_columns() {
    let kinds = [("a", ColumnKind::Dictionary), ("b", ColumnKind::Text), ("c", ColumnKind::Text)];
    let columns = kinds.map(|(name, kind)| ColumnBuilder::new(name, kind)).into();
    let mut builder = BatchBuilder::new(7, "tenant", columns);
    let mut reader = BatchReader::default();
    for length in [10, 3 << 20, 1 << 20, 20] {
        let texts = ["first".to_owned(), "x".repeat(length), "y".repeat(length + 1)];
        for (column, text) in builder.columns().iter_mut().zip(&texts) {
            column.text(text);
        }
        builder.end_row();
        let decoded = reader.read(builder.take().unwrap().bytes()).unwrap();
        let read: Vec<_> = decoded.rows[0].iter().map(|(_, value)| value.as_str().unwrap()).collect();
        assert!(read == texts, "{length}");
    }
}
