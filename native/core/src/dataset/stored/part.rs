//! The files that a manifest names: each is checked against it before a row of it is handed on.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ring::digest::{Context, SHA256};

use crate::dataset::destination::{Destination, Opened, read_error};
use crate::dataset::format::CsvRows;
use crate::dataset::lines::Lines;
use crate::dataset::manifest::{Manifest, PartEntry};
use crate::digest::hex;
use crate::errors::{DATASET_DAMAGED, DATASET_FORMAT, DATASET_PART_MISSING, Error, Result};

const BUFFER: usize = 128 * 1024;

/// The files of a manifest that were not read yet.
pub(in crate::dataset) struct Files<'a> {
    destination: &'a dyn Destination,
    manifest: &'a Manifest,
    left: VecDeque<PartEntry>,
}

/// Whether every file of a manifest is there: half a dataset helps nobody.
pub(in crate::dataset) fn check_all(destination: &dyn Destination, manifest: &Manifest) -> Result<()> {
    if manifest.parts.is_empty() {
        return Ok(());
    }
    let there = destination.list(&manifest.folder)?;
    match manifest.parts.iter().find(|part| !there.contains(&part.name)) {
        Some(part) => Err(missing(&destination.full_name(&format!("{}/{}", manifest.folder, part.name)))),
        None => Ok(()),
    }
}

impl<'a> Files<'a> {
    pub(in crate::dataset) fn of(destination: &'a dyn Destination, manifest: &'a Manifest) -> Self {
        Files { destination, manifest, left: manifest.parts.iter().cloned().collect() }
    }

    /// Leaves out the next files.
    pub(in crate::dataset) fn skip(&mut self, count: usize) {
        self.left.drain(..count.min(self.left.len()));
    }

    /// Opens and checks the next file.
    pub(in crate::dataset) fn next_file(&mut self) -> Result<Option<File>> {
        let Some(part) = self.left.pop_front() else { return Ok(None) };
        let name = format!("{}/{}", self.manifest.folder, part.name);
        let path = self.destination.full_name(&name);
        let shape = &self.manifest.shape;
        let unread = |what: &str| DATASET_FORMAT.error(format!("{path} is {what}"));
        let rows = match shape.format.as_str() {
            "JsonLines" => Rows::Json(Lines::default()),
            "Csv" => {
                let kinds = shape.columns.iter().map(|column| (column.name.clone(), column.kind.clone()));
                Rows::Csv(CsvRows::new(kinds.collect()))
            }
            other => return Err(unread(other)),
        };
        let mut file = self.destination.open(&name)?.ok_or_else(|| missing(&path))?;
        check(file.as_mut(), &path, &part)?;
        file.rewind().map_err(|e| read_error(&path, &e))?;
        let body: Box<dyn Read> = match shape.compression.as_str() {
            "None" => Box::new(file),
            "Gzip" => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file))),
            other => return Err(unread(&format!("compressed with {other}"))),
        };
        Ok(Some(File { path, part, body, rows }))
    }
}

fn missing(path: &str) -> Error {
    DATASET_PART_MISSING.error(format!("there is no file {path}"))
}

fn damaged(path: &str, why: &str) -> Error {
    DATASET_DAMAGED.error(format!("{path} {why}"))
}

/// Compares the bytes of a file with its manifest.
fn check(file: &mut dyn Opened, path: &str, part: &PartEntry) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    let (mut hash, mut bytes) = (Context::new(&SHA256), 0);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                hash.update(&buffer[..length]);
                bytes += length as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(read_error(path, &e)),
        }
    }
    if bytes != part.bytes {
        return Err(damaged(path, &format!("has {bytes} bytes; its manifest says {}", part.bytes)));
    }
    if hex(hash.finish().as_ref()) != part.sha256 {
        return Err(damaged(path, "has another SHA-256 than its manifest says"));
    }
    Ok(())
}

/// A file that is read.
pub(in crate::dataset) struct File {
    path: String,
    part: PartEntry,
    body: Box<dyn Read>,
    rows: Rows,
}

enum Rows {
    Json(Lines),
    Csv(CsvRows),
}

impl Rows {
    fn feed(&mut self, part: &[u8]) {
        match self {
            Rows::Json(lines) => lines.feed(part),
            Rows::Csv(rows) => rows.feed(part),
        }
    }

    /// The next row that is whole, or what is wrong with it.
    fn next_row(&mut self) -> Option<Result<&[u8], &'static str>> {
        match self {
            Rows::Json(lines) => lines.next_line().map(Ok),
            Rows::Csv(rows) => rows.next_row(),
        }
    }
}

impl File {
    pub(super) fn bytes(&self) -> u64 {
        self.part.bytes
    }

    /// Hands on each row as JSON until `row` wants no more, and says whether it wants more then.
    pub(in crate::dataset) fn read(mut self, mut row: impl FnMut(&str) -> bool) -> Result<bool> {
        let mut buffer = vec![0; BUFFER];
        let mut count = 0;
        loop {
            let length = match self.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(read_error(&self.path, &e)),
            };
            self.rows.feed(&buffer[..length]);
            while let Some(found) = self.rows.next_row() {
                let text =
                    found.and_then(|row| std::str::from_utf8(row).map_err(|_| "has text that is not UTF-8"));
                count += 1;
                if !row(text.map_err(|why| damaged(&self.path, why))?) {
                    return Ok(false);
                }
            }
        }
        if count == self.part.rows {
            return Ok(true);
        }
        Err(damaged(&self.path, &format!("has {count} rows; its manifest says {}", self.part.rows)))
    }
}
