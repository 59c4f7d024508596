//! One file of a dataset: bytes are compressed, counted and hashed on their way.

use std::io::{self, Write};

use flate2::GzBuilder;
use flate2::write::GzEncoder;
use ring::digest::{Context, SHA256};

use super::destination::Hidden;
use super::document::Compression;
use crate::digest::hex;

/// Bytes that are compressed at a time: always the same number, so that the same rows make the same file.
const BLOCK: usize = 128 * 1024;
/// Fast, and still a sixth of the size of JSON lines.
const LEVEL: u32 = 2;

/// A file that is being written.
pub(super) struct Part {
    body: Body,
    waiting: Vec<u8>,
    /// Rows so far.
    pub(super) rows: u64,
}

enum Body {
    Plain(Counted),
    Gzip(GzEncoder<Counted>),
}

/// What a finished file is.
pub(super) struct Finished {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Part {
    pub(super) fn new(file: Box<dyn Hidden>, compression: Compression) -> Self {
        let counted = Counted { file, bytes: 0, hash: Context::new(&SHA256) };
        let body = match compression {
            // Snappy compresses the pages of a file, and the format has done that.
            Compression::None | Compression::Snappy => Body::Plain(counted),
            // Neither time nor name: the file depends on its rows only.
            Compression::Gzip => Body::Gzip(GzBuilder::new().write(counted, flate2::Compression::new(LEVEL))),
        };
        Part { body, waiting: Vec::with_capacity(BLOCK + BLOCK / 2), rows: 0 }
    }

    /// Where the text of rows is written to; [`Part::added`] must follow.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.waiting
    }

    /// Counts rows that were written to the buffer, and hands on what fills a block.
    pub(super) fn added(&mut self, rows: u64) -> io::Result<()> {
        self.rows += rows;
        let whole = self.waiting.len() / BLOCK * BLOCK;
        for block in self.waiting[..whole].chunks(BLOCK) {
            self.body.write_all(block)?;
        }
        self.waiting.drain(..whole);
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Finished> {
        self.body.write_all(&self.waiting)?;
        let counted = match self.body {
            Body::Plain(counted) => counted,
            Body::Gzip(encoder) => encoder.finish()?,
        };
        counted.file.finish()?;
        let sha256 = hex(counted.hash.finish().as_ref());
        Ok(Finished { rows: self.rows, bytes: counted.bytes, sha256 })
    }
}

impl Body {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Body::Plain(file) => file.write_all(bytes),
            Body::Gzip(file) => file.write_all(bytes),
        }
    }
}

/// Counts and hashes what goes to the file.
struct Counted {
    file: Box<dyn Hidden>,
    bytes: u64,
    hash: Context,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
